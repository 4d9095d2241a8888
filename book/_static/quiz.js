// What a browser of today does by itself for the questions, and a little more. Without
// this script every choice still opens with its reply.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  for (const quiz of document.querySelectorAll(".quiz")) {
    const choices = [...quiz.querySelectorAll(":scope > .quiz-choice")];

    // A reader who does not see the page hears the verdict; the reply follows the choice.
    const said = document.createElement("p");
    said.className = "quiz-said";
    said.setAttribute("role", "status");
    quiz.append(said);

    for (const choice of choices) {
      choice.addEventListener("toggle", () => {
        if (choice.open) {
          // one open at a time, also where <details name=…> is not known
          for (const other of choices) if (other !== choice) other.open = false;
          said.textContent = choice.querySelector(".quiz-verdict > strong").textContent;
        } else if (!choices.some((other) => other.open)) {
          said.textContent = "";
        }
      });
    }
  }

  // MathJax makes every formula a stop for the Tab key; within a choice the choice is one.
  window.MathJax?.startup?.promise.then(() => {
    for (const formula of document.querySelectorAll(".quiz-choice > summary mjx-container[tabindex]")) {
      formula.removeAttribute("tabindex");
    }
  });
});
