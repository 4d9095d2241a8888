// The gate laboratory: one LSTM unit over twelve steps, its gates set by hand.
//
//     c_t = f_t c_{t-1} + i_t g_t        h_t = o_t tanh c_t
//
// In a network the four pre-activations come from x_t W + h_{t-1} U + b. Here the reader sets
// them, so that nothing but the cell's own rule is at work. That is also why ∂c_T/∂c_0 is
// exactly the product of the forget gates: no gate looks at the cell or at h.
(() => {
  "use strict";
  const { define, shown, svg, label, plot, horizontal, vertical, line, dots, picture } = window.unrolledLooks;
  const { sigmoid, logSigmoid } = window.unrolledNetworks;

  const T = 12;
  const END = 8; // the sliders of the pre-activations go from −8 to 8
  const GATES = { i: "input gate", f: "forget gate", g: "candidate", o: "output gate" };
  const same = (a) => Array(T).fill(a);
  const at = (steps, there, elsewhere) => same(elsewhere).map((a, k) => (steps.includes(k + 1) ? there : a));

  // --- State: c0, the pre-activations a of each step, and which step the sliders set (0: all) ---

  const PRESETS = {
    Remember: { c0: 1, a: { i: same(-8), f: same(8), g: same(0), o: same(8) } },
    Forget: { c0: 2, a: { i: same(-8), f: same(0), g: same(0), o: same(8) } },
    Count: { c0: 0, a: { i: same(8), f: same(8), g: same(8), o: same(8) } },
    "Write once": { c0: -1, a: { i: at([4], 8, -8), f: at([4], -8, 8), g: same(1), o: same(8) } },
    "Read only": { c0: 1.5, a: { i: same(-8), f: same(8), g: same(0), o: at([5, 9], 8, -8) } },
  };
  const start = () => ({ c0: 1, step: 0, a: { i: same(-2), f: same(1), g: same(1), o: same(2) } });

  const selected = ({ step }) => Math.max(step, 1) - 1;
  const setGate = (name) => (state, value) => {
    const a = state.step ? state.a[name].map((old, k) => (k === state.step - 1 ? value : old)) : same(value);
    return { ...state, a: { ...state.a, [name]: a } };
  };

  function controls() {
    const slider = (name) => ({
      kind: "range", name, label: `a_{${name}}, ${GATES[name]}`, min: -END, max: END, step: 0.1,
      get: (state) => state.a[name][selected(state)],
      set: setGate(name),
      says: (state, numbers) => {
        const k = selected(state);
        return `a_{${name}} = ${state.a[name][k].toFixed(1).replace("-", "−")}, ${name} = ${shown(numbers[name][k])}`;
      },
    });
    const steps = Array.from({ length: T }, (_, k) => [k + 1, `step ${k + 1} alone`]);
    const preset = ([text, { c0, a }]) => [text, () => ({ c0, a, step: 0 })];
    return [
      { legend: "Begin with", items: [{ kind: "buttons", label: "Settings to begin with", options: Object.entries(PRESETS).map(preset) }] },
      {
        legend: "Set by hand: the pre-activations, and the cell before the first step",
        items: [
          ...Object.keys(GATES).map(slider),
          { kind: "select", name: "step", label: "The four sliders set", options: [[0, "all steps"], ...steps] },
          {
            kind: "range", name: "c0", label: "c_{0}, the first cell", min: -2, max: 2, step: 0.1,
            says: ({ c0 }) => `c_{0} = ${c0.toFixed(1).replace("-", "−")}`,
          },
        ],
      },
    ];
  }

  // --- Numbers: gates and h by step (12), c (13, from c_0), and what is left of c_0 ------------

  function numbers({ c0, a }) {
    const [i, f, o] = [a.i, a.f, a.o].map((gate) => gate.map(sigmoid));
    const g = a.g.map(Math.tanh);
    const c = [c0];
    for (let t = 0; t < T; t++) c.push(f[t] * c[t] + i[t] * g[t]);
    const h = o.map((o_t, t) => o_t * Math.tanh(c[t + 1]));
    const kept = f.reduce((product, f_t) => product * f_t, 1); // ∂c_T/∂c_0
    const heard = o[T - 1] * (1 - Math.tanh(c[T]) ** 2) * kept; // ∂h_T/∂c_0
    // ln ½ over the mean of ln f: where f is all but 1, its logarithm must not be taken of f
    const halfLife = Math.log(0.5) / (a.f.map(logSigmoid).reduce((sum, v) => sum + v, 0) / T);
    return { i, f, g, o, c, h, kept, heard, halfLife };
  }

  // --- Picture: c and h above, the four gates below, the steps in columns ------------------------

  function drawing({ i, f, g, o, c, h }, { step }, width) {
    const top = Math.max(...c.map(Math.abs));
    const reach = [1, 2, 4, 8, 14].find((r) => r >= top);
    const left = 44;
    const column = (width - left - 34) / T;
    const area = plot({ left, top: 12, width: width - left - 34, height: 190, x: [0, T], y: [-reach, reach] });
    const c_points = c.map((v, t) => [t, v]);
    const h_points = h.map((v, t) => [t + 1, v]);
    const marks = [-reach, -reach / 2, 0, reach / 2, reach];
    const names = [["c", c[T]], ["h", h[T - 1]]];
    const close = Math.abs(area.y(names[0][1]) - area.y(names[1][1])) < 14; // or one name would hide the other

    // A row is from 0 to 1 and a gate's bar stands on its floor; the candidate's row is from −1 to 1.
    const rows = Object.entries({ i, f, g, o }).map(([name, values], row) => {
      const floor = area.bottom + 62 + row * 36;
      const bars = values.map((v, t) => {
        const height = Math.max(0.75, 28 * (name === "g" ? Math.abs(v) / 2 : v));
        const base = name === "g" ? floor - 14 : floor;
        return svg("rect", {
          class: `look-bar look-${name}`, x: area.x(t + 1) - column * 0.35, width: column * 0.7,
          y: v < 0 ? base : base - height, height,
        });
      });
      const rule = (y) => svg("line", { class: "look-grid", x1: left, x2: area.right + column / 2, y1: y, y2: y });
      return svg("g", {}, rule(floor), rule(floor - 28), name === "g" ? rule(floor - 14) : "", bars, label(left - 12, floor - 12, name, { class: "look-name look-end" }));
    });
    const chosen = step
      ? svg("rect", {
          class: "look-chosen", x: area.x(step) - column / 2, width: column, y: 6, height: area.bottom + 62 + 3 * 36,
        })
      : "";
    return picture(width, area.bottom + 62 + 3 * 36 + 10,
      chosen,
      marks.map((v) => horizontal(area, v, shown(v).replace(/\.?0+$/, "") || "0")),
      Array.from({ length: T + 1 }, (_, t) => vertical(area, t, `${t}`)),
      line(area, c_points, "c"), dots(area, c_points, "c"),
      line(area, h_points, "h"), dots(area, h_points, "h"),
      names.map(([name, v], k) =>
        label(area.right + 10, area.y(v) + (close ? 14 * k - 7 : 0), name, { class: `look-name look-${name}` })),
      rows);
  }

  // --- In words --------------------------------------------------------------------------------

  const percent = (share) => (share < 1e-4 ? "less than 0.01" : shown(100 * share));

  const summary = ({ c, h, kept }) =>
    `After ${T} steps c is ${shown(c[T])} and h is ${shown(h[T - 1])}. ` +
    `Of a small change of c at the start, ${percent(kept)} % is left.`;

  const readings = ({ c, h, kept, heard, halfLife }) => [
    [`c_{${T}}`, shown(c[T])],
    [`h_{${T}}`, shown(h[T - 1])],
    [`∂c_{${T}}/∂c_{0} = f_{1} f_{2} … f_{${T}}`, shown(kept)],
    [`∂h_{${T}}/∂c_{0}`, shown(heard)],
    ["half-life of the cell", `${halfLife >= 1000 ? Math.round(halfLife).toLocaleString("en") : shown(halfLife)} steps`],
  ];

  const ENDS = {
    i: ["closed: in the limit i = 0 nothing is written, whatever the candidate", "open: in the limit i = 1 the candidate is added whole"],
    f: ["erasing: in the limit f = 0 the cell starts from nothing, c_{t} = i g", "keeping: in the limit f = 1 the cell never forgets, c_{t} = c_{t−1} + i g"],
    o: ["closed: in the limit o = 0 nothing is read, h = 0, and a loss at h sends nothing to c", "open: in the limit o = 1 all is read, h = tanh c"],
  };

  function limits(numbers, state) {
    const { f, c, h, halfLife } = numbers;
    const k = selected(state);
    const found = [];
    const slopes = [];
    for (const [name, [shut, open]] of Object.entries(ENDS)) {
      const a = state.a[name][k];
      if (Math.abs(a) < END) continue;
      const v = numbers[name][k];
      found.push(`${name} = ${shown(v)} is ${a < 0 ? shut : open}.`);
      slopes.push(`${name}(1 − ${name}) = ${shown(v * sigmoid(-a))}`);
    }
    if (slopes.length) {
      found.push(
        `A sigmoid comes near its limit and never reaches it. So far out it is flat, ${slopes.join(", ")}, ` +
          "and with so small a slope a gate hardly learns.");
    }
    if (Math.abs(state.a.g[k]) >= END) {
      found.push(`g = ${shown(numbers.g[k])}: tanh stays inside ±1, so no step can add more than 1 to the cell or take more away.`);
    }
    if (Math.abs(state.c0) >= 2) {
      found.push("The slider of c_{0} ends here, a cell does not: c may be any number. Only what is read of it, tanh c, is bounded.");
    }
    if (halfLife > 1000) {
      found.push(`The half-life is beyond 1,000 steps: these ${T} show no loss. It is ln ½ / ln f, and ln f goes to 0 as f goes to 1.`);
    } else if (halfLife < 1) {
      found.push("The half-life is below one step: half of the cell is gone before the next step is over.");
    }
    if (Math.abs(c[T]) > 3) {
      found.push(`c_{${T}} = ${shown(c[T])}, but tanh c = ${shown(Math.tanh(c[T]))}: the cell goes on counting where h no longer shows it.`);
    }
    if (new Set(f).size > 1) {
      found.push("The forget gate changes from step to step; the half-life is that of its mean rate, ln ½ over the mean of ln f.");
    }
    return found;
  }

  define("gate-laboratory", { start, controls, numbers, picture: drawing, summary, readings, limits });
})();
