// What the interactive looks share: from a state to numbers, from numbers to a picture.
//
// A look is a handful of functions without side effects (`define`); this file holds the
// state, builds native controls, and draws again after each change. No library, no module
// loader: the book also opens from a folder, where browsers refuse modules. Without this
// script, or if it fails, the page shows a still picture made from the same numbers.
window.unrolledLooks = (() => {
  "use strict";

  const NARROWEST = 300; // px; below, the picture keeps this width and scrolls in its box
  const looks = {};

  // A look has
  //   start(data)                      the first state; a state is never changed, only replaced
  //   controls(data)                   groups of controls, described as data (see `control`)
  //   numbers(state, data)             everything that is computed
  //   picture(numbers, state, width)   an <svg>
  //   summary(numbers, state)          what is shown, in one or two sentences
  //   readings(numbers, state)         [label, value] pairs
  //   limits(numbers, state)           sentences: what happens at the ends, and why
  // `data` is what the page embeds: weights and inputs, written by book/_ext/looks.py.
  const define = (name, look) => void (looks[name] = look);
  const find = (name) => looks[name];

  // --- Numbers as text --------------------------------------------------------------

  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const superscript = (n) => (n < 0 ? "⁻" : "") + [...`${Math.abs(n)}`].map((d) => SUPERSCRIPTS[d]).join("");
  const minus = (text) => text.replace("-", "−");

  // Three digits; powers of ten where zeros would hide them. What is only near 1 must not read
  // as 1.00: a gate never gets there.
  function shown(x) {
    if (!Number.isFinite(x)) return "beyond any number";
    if (x === 0) return "0";
    const size = Math.abs(x);
    const short = 1 - size;
    if (0 < short && short < 1e-5) return x > 0 ? `1 − ${shown(short)}` : `−1 + ${shown(short)}`;
    if (0 < short && short < 5e-4) return minus(x.toFixed(1 + Math.ceil(-Math.log10(short))));
    if (1e-3 <= size && size < 1e4) return minus(size >= 100 ? x.toFixed(0) : x.toPrecision(3));
    const [mantissa, exponent] = x.toExponential(1).split("e");
    return `${minus(mantissa)} × 10${superscript(Number(exponent))}`;
  }

  // --- Elements ----------------------------------------------------------------------

  const maker = (create) => (tag, attributes, ...children) => {
    const made = create(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
    }
    made.append(...children.flat(Infinity));
    return made;
  };
  const html = maker((tag) => document.createElement(tag));
  const svg = maker((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));

  // "c_{t}": what stands in braces is lowered. As HTML, as SVG, and for a screen reader.
  const parts = (text) => text.split(/_\{([^}]*)\}/);
  const rich = (text) => parts(text).map((part, k) => (k % 2 ? html("sub", {}, part) : part));
  const spoken = (text) => text.replace(/_\{([^}]*)\}/g, " $1");

  function label(x, y, text, attributes = {}) {
    let lowered = false;
    const spans = parts(text).map((part, k) => {
      const shift = k % 2 ? "0.3em" : lowered ? "-0.3em" : null;
      lowered = k % 2 === 1;
      return svg("tspan", { dy: shift, class: k % 2 ? "look-sub" : null }, part);
    });
    return svg("text", { x, y, ...attributes }, spans);
  }

  // --- Plots --------------------------------------------------------------------------

  // A rectangle with a scale in each direction: `plot.x(t)` and `plot.y(v)` are pixels. With
  // `log`, y is the decades of a positive v; what lies outside is drawn on the edge.
  function plot({ left, top, width, height, x, y, log = false }) {
    const place = (v, [lo, hi]) => (Math.min(Math.max(v, lo), hi) - lo) / (hi - lo);
    return {
      left, top, width, height,
      right: left + width,
      bottom: top + height,
      x: (v) => left + width * place(v, x),
      y: (v) => top + height * (1 - place(log ? Math.log10(v) : v, y)),
    };
  }

  const horizontal = (area, v, text) =>
    svg("g", {},
      svg("line", { class: "look-grid", x1: area.left, x2: area.right, y1: area.y(v), y2: area.y(v) }),
      label(area.left - 6, area.y(v), text, { class: "look-tick look-end" }));

  const vertical = (area, v, text) =>
    label(area.x(v), area.bottom + 16, text, { class: "look-tick look-middle" });

  const line = (area, points, name) =>
    svg("polyline", {
      class: `look-line look-${name}`,
      points: points.map(([a, b]) => `${area.x(a).toFixed(2)},${area.y(b).toFixed(2)}`).join(" "),
    });

  const dots = (area, points, name, r = 3) =>
    points.map(([a, b]) => svg("circle", { class: `look-dot look-${name}`, cx: area.x(a), cy: area.y(b), r }));

  const picture = (width, height, ...children) =>
    svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, ...children);

  // --- Controls -------------------------------------------------------------------------

  // {kind: "range", name, label, min, max, step, says(state, numbers)}
  // {kind: "select", name, label, options: [[value, text], …]}
  // {kind: "buttons", label, options: [[text, state => state], …]}
  // `get` and `set` say what of the state is meant; without them it is state[name].
  function control(described, root, change) {
    const { kind, name, get = (state) => state[name], set = (state, value) => ({ ...state, [name]: value }) } = described;
    if (kind === "buttons") {
      const buttons = described.options.map(([text, step]) => {
        const button = html("button", { type: "button" }, text);
        button.addEventListener("click", () => change(step));
        return button;
      });
      return { box: html("div", { class: "look-buttons", role: "group", "aria-label": described.label }, buttons), show() {} };
    }
    const id = `${root.id}-${name}`;
    const field =
      kind === "range"
        ? html("input", { id, type: "range", min: described.min, max: described.max, step: described.step })
        : html("select", { id }, described.options.map(([value, text]) => html("option", { value }, text)));
    const numeric = kind === "range" || typeof described.options[0][0] === "number";
    field.addEventListener("input", () => change((state) => set(state, numeric ? Number(field.value) : field.value)));
    const output = kind === "range" ? html("output", { for: id }) : null;
    const box = html("div", { class: `look-control look-${kind}` }, html("label", { for: id }, rich(described.label)), field);
    if (output) box.append(output);
    return {
      box,
      show(state, numbers) {
        field.value = get(state);
        if (!output) return;
        const text = described.says(state, numbers);
        output.replaceChildren(...rich(text));
        field.setAttribute("aria-valuetext", spoken(text));
      },
    };
  }

  // --- The life of a look ------------------------------------------------------------------

  function mount(root) {
    const look = looks[root.dataset.look];
    if (!look) return;
    const data = JSON.parse(root.querySelector("script.look-data").textContent);
    let state = look.start(data);

    const change = (step) => {
      state = step(state);
      draw();
    };
    const widgets = [];
    const groups = look.controls(data).map(({ legend, items }) => {
      const made = items.map((described) => control(described, root, change));
      widgets.push(...made);
      return html("fieldset", { class: items.length > 3 ? "look-many" : null }, html("legend", {}, rich(legend)), made.map(({ box }) => box));
    });
    const said = html("p", { class: "look-said", role: "status" });
    const narrow = html("p", { class: "look-narrow", hidden: "" },
      "This window is narrower than the figure: widen it, or turn the device. Until then the figure scrolls sideways.");
    const drawing = html("div", { class: "look-drawing" });
    const readings = html("dl", { class: "look-readings" });
    const limits = html("ul", { class: "look-limits" });

    function draw() {
      const numbers = look.numbers(state, data);
      const room = Math.floor(drawing.clientWidth);
      widgets.forEach((widget) => widget.show(state, numbers));
      said.textContent = look.summary(numbers, state);
      narrow.hidden = room >= NARROWEST;
      drawing.replaceChildren(look.picture(numbers, state, Math.max(room, NARROWEST)));
      readings.replaceChildren(
        ...look.readings(numbers, state).map(([name, value]) =>
          html("div", {}, html("dt", {}, rich(name)), html("dd", {}, rich(value)))));
      limits.replaceChildren(...look.limits(numbers, state).map((text) => html("li", {}, rich(text))));
    }

    const live = root.querySelector(".look-live");
    live.append(html("div", { class: "look-controls" }, groups), said, narrow, drawing, readings, limits);
    root.dataset.live = ""; // from here on the style shows this instead of the still picture
    try {
      draw();
    } catch (error) {
      delete root.dataset.live; // the still picture comes back
      throw error;
    }
    let drawn = drawing.clientWidth;
    new ResizeObserver(() => {
      if (!drawing.clientWidth || drawing.clientWidth === drawn) return; // on paper it has none
      drawn = drawing.clientWidth;
      draw();
    }).observe(drawing);
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".look").forEach(mount));

  return { define, find, shown, superscript, html, svg, label, plot, horizontal, vertical, line, dots, picture };
})();
