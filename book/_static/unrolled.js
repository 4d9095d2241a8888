// The little that the theme's scripts leave open. Every page is whole without it.

// Framework tabs. sphinx-design's own script makes all tab sets of the group follow
// a choice and keeps the choice in localStorage; without any script the tabs are
// plain radio buttons.
(() => {
  "use strict";
  const group = "framework";
  const key = "sphinx-design-tab-id-" + group;

  // Show what was chosen last, perhaps on another page or in another window.
  const showChosen = () => {
    let chosen = null;
    try {
      chosen = window.localStorage.getItem(key);
    } catch {
      return; // the reader's browser keeps nothing for this site
    }
    for (const label of document.querySelectorAll(`label[data-sync-group="${group}"]`)) {
      if (label.dataset.syncId === chosen) label.previousElementSibling.checked = true;
    }
  };
  window.addEventListener("pageshow", showChosen); // back and forward as well
  window.addEventListener("storage", (event) => {
    if (event.key === key) showChosen();
  });

  // Tab sets above the one in use change their height with the choice: keep the
  // chosen tab where the reader's eyes are.
  document.addEventListener(
    "change",
    (event) => {
      const label = event.target.nextElementSibling;
      if (!label?.matches?.(`label[data-sync-group="${group}"]`)) return;
      const before = label.getBoundingClientRect().top;
      requestAnimationFrame(() => {
        window.scrollBy({ top: label.getBoundingClientRect().top - before, behavior: "instant" });
      });
    },
    true, // before the other sets follow
  );

  document.addEventListener("DOMContentLoaded", () => {
    for (const set of document.querySelectorAll(".framework-tabs")) {
      set.setAttribute("role", "group");
      set.setAttribute("aria-label", "Framework");
    }
  });
})();

// Spoken formulas. Switched on in MathJax's menu (right click on a formula), they
// need parts of MathJax that are not loaded yet; 3.2.2 loses the formulas on the way.
// The choice is kept, so load the page again: then the parts come first.
document.addEventListener("DOMContentLoaded", () => {
  window.MathJax?.startup?.promise.then(() => {
    const { menu } = window.MathJax.startup.document;
    if (menu) menu.loadA11y = () => window.location.reload();
  });
});
