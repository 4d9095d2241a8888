// The gradient-path viewer: how much of the loss at step k is felt at an earlier step t, in an
// RNN, an LSTM and a GRU that read the same input, and by which paths it arrives there.
//
// The weights are those that the reference networks start from (the page embeds them, rounded);
// two sliders change them: a gain on U, and the bias of the gate that keeps, b_f or b_z. All
// three networks are run and differentiated again at each change.
(() => {
  "use strict";
  const { define, shown, superscript, svg, label, plot, horizontal, vertical, line, dots, picture } = window.unrolledLooks;
  const { backward, norm, zeros } = window.unrolledNetworks;

  const FLOOR = -10; // decades shown: what is smaller lies on the lower edge, and a sentence says so
  const CEILING = 2;
  const KEEPER = { LSTM: 1, GRU: 1 }; // the gate that keeps is the second: f of i f g o, z of r z n

  // What the parts of δh_t and δc_t are called, in the order in which they are drawn.
  const PATHS = {
    RNN: { U: "through h_{t+1}, by U" },
    LSTM: { i: "through i_{t+1}", f: "through f_{t+1}", g: "through g_{t+1}", o: "through o_{t+1}" },
    GRU: {
      carry: "road 1, carried by z_{t+1}", n: "road 2, the candidate n_{t+1}",
      r: "road 3, the gate r_{t+1}", z: "road 4, the gate z_{t+1}",
    },
  };
  const CELL_PATHS = { c: "through c_{t+1}, times f_{t+1}", h: "through h_{t}" };

  const start = (data) => ({ cell: "LSTM", gain: 1, bias: 1, k: data.X.length, t: data.X.length - 10 });

  function controls({ X }) {
    const T = X.length;
    return [
      {
        legend: "The network",
        items: [
          { kind: "select", name: "cell", label: "Paths of the", options: [["RNN", "RNN"], ["LSTM", "LSTM"], ["GRU", "GRU"]] },
          { kind: "range", name: "gain", label: "Gain: all U times", min: 0, max: 3, step: 0.05, says: ({ gain }) => gain.toFixed(2) },
          {
            kind: "range", name: "bias", label: "Bias of the gate that keeps, b_{f} and b_{z}", min: -8, max: 8, step: 0.5,
            says: ({ bias }) => bias.toFixed(1).replace("-", "−"),
          },
        ],
      },
      {
        legend: "The steps",
        items: [
          { kind: "range", name: "k", label: "The loss is at step k", min: 1, max: T, step: 1, says: ({ k }) => `k = ${k}` },
          { kind: "range", name: "t", label: "Paths out of step t", min: 0, max: T, step: 1, says: ({ t }) => `t = ${t}` },
        ],
      },
    ];
  }

  // --- Numbers: for each cell the norms of δh_t (and δc_t) by t, and the parts at the chosen t ----

  function changed(name, { W, U, b, c }, { gain, bias }) {
    const H = U.length;
    const keeps = (j) => name in KEEPER && Math.floor(j / H) === KEEPER[name];
    return { W, U: U.map((row) => row.map((u) => gain * u)), b: b.map((v, j) => (keeps(j) ? bias : v)), c };
  }

  const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const norms = (parts) => Object.fromEntries(Object.entries(parts).map(([name, v]) => [name, norm(v)]));

  function numbers(state, { X, v, networks }) {
    const G = X.map((_, t) => (t === state.k - 1 ? v : zeros(v.length))); // L = h_k · v, ‖v‖ = 1
    const found = {};
    for (const [name, p] of Object.entries(networks)) {
      const steps = backward(name, changed(name, p, state), X, G);
      const chosen = steps[state.t];
      const entries = (of) => steps.slice(1).flatMap(({ step }) => of(step)); // of all steps and units
      found[name] = {
        dh: steps.map(({ dh }) => norm(dh)),
        parts: norms(chosen.parts),
        // what the ends of the sliders are judged by: how flat the RNN's tanh, how open the gate that keeps
        ...(name === "RNN" ? { slope: mean(entries(({ h }) => h.map((v) => 1 - v * v))) } : { keep: mean(entries(({ f, z }) => f ?? z)) }),
      };
      if (chosen.dc) {
        found[name].dc = steps.map(({ dc }) => norm(dc));
        found[name].cellParts = norms(chosen.cellParts);
      }
    }
    return found;
  }

  // --- Picture: above, norms by step on a logarithmic scale; below, the parts at step t -----------

  const curves = (found) => [
    ["RNN", found.RNN.dh], ["GRU", found.GRU.dh], ["LSTM", found.LSTM.dh], ["cell", found.LSTM.dc],
  ];
  const NAMES = { RNN: "RNN, δh", GRU: "GRU, δh", LSTM: "LSTM, δh", cell: "LSTM, δc" };

  function drawing(found, { cell, k, t }, width) {
    const left = 52;
    const T = found.RNN.dh.length - 1;
    const area = plot({ left, top: 40, width: width - left - 14, height: 230, x: [0, T], y: [FLOOR, CEILING], log: true });
    const wide = width >= 520;
    const legend = curves(found).map(([name], n) => {
      const x = left + (wide ? n * 120 : (n % 2) * 130);
      const y = wide ? 14 : 8 + 18 * (n >> 1);
      return svg("g", {},
        svg("line", { class: `look-line look-${name}`, x1: x, x2: x + 26, y1: y, y2: y }),
        label(x + 32, y, NAMES[name], { class: "look-tick" }));
    });
    const lines = curves(found).map(([name, values]) => {
      const points = values.slice(0, k + 1).map((v, step) => [step, v]);
      const chosen = name === cell || (name === "cell" && cell === "LSTM");
      return svg("g", { class: chosen ? "look-strong" : "look-faint" },
        line(area, points, name), t <= k ? dots(area, [points[t]], name, 4) : "");
    });
    const upright = (step, name) =>
      svg("line", { class: name, x1: area.x(step), x2: area.x(step), y1: area.top, y2: area.bottom });
    const bars = drawBars(partsOf(found[cell], cell, t), area.bottom + 72, width);
    return picture(width, bars.bottom + 8,
      [-10, -8, -6, -4, -2, 0, 2].map((d) => horizontal(area, 10 ** d, d ? `10${superscript(d)}` : "1")),
      Array.from({ length: T / 10 + 1 }, (_, n) => vertical(area, 10 * n, `${10 * n}`)),
      upright(k, "look-rule"), label(area.x(k) - 5, area.top + 8, "loss at k", { class: "look-tick look-end" }),
      upright(t, "look-chosen"),
      lines, legend,
      label(0, area.bottom + 46, `${cell}, t = ${t}: the parts of the gradient, by path`, { class: "look-tick" }),
      bars.drawn);
  }

  // The parts of δh_t, and for the LSTM those of δc_t: [what they add up to, [[text, length, name], …]].
  function partsOf({ dh, dc, parts, cellParts }, cell, t) {
    const rows = (names, lengths) => Object.entries(names).map(([name, text]) => [text, lengths[name] ?? 0, name]);
    const total = (name, v) => `${name}_{t}, of length ${shown(v)}, is the sum of`;
    const lists = [[total("δh", dh[t]), rows({ loss: "the loss at t itself", ...PATHS[cell] }, parts)]];
    if (dc) lists.push([total("δc", dc[t]), rows(CELL_PATHS, cellParts)]);
    return lists;
  }

  function drawBars(lists, top, width) {
    const start = width >= 520 ? 240 : 180;
    const room = width - start - 84;
    const largest = Math.max(...lists.flatMap(([, rows]) => rows.map(([, length]) => length)));
    let y = top;
    const drawn = lists.map(([title, rows]) => {
      const head = label(0, y, title, { class: "look-tick look-bold" });
      const bars = rows.map(([text, length, name]) => {
        const long = largest > 0 ? (room * length) / largest : 0;
        y += 20;
        return svg("g", {},
          label(10, y, text, { class: "look-tick" }),
          svg("rect", { class: `look-bar look-part-${name}`, x: start, y: y - 7, width: long, height: 14 }),
          label(start + long + 6, y, shown(length), { class: "look-tick" }));
      });
      y += 30;
      return [head, ...bars];
    });
    return { drawn, bottom: y - 18 };
  }

  // --- In words ----------------------------------------------------------------------------------

  function summary(found, { cell, k, t }) {
    if (t > k) return `Step ${t} lies after the loss at step ${k}: its gradient is exactly 0.`;
    const where = t === k ? `At the loss, t = ${t}` : `${k - t === 1 ? "One step" : `${k - t} steps`} before the loss, at t = ${t}`;
    const cellPart = cell === "LSTM" ? `, the gradient at c ${shown(found.LSTM.dc[t])}` : "";
    return `${where}, the gradient at h of the ${cell} has length ${shown(found[cell].dh[t])}${cellPart}; where it starts, length 1.`;
  }

  const readings = (found, { t }) =>
    curves(found).map(([name, values]) => [`${name === "cell" ? "LSTM, ‖δc" : `${name}, ‖δh`}_{${t}}‖`, shown(values[t])]);

  function limits(found, { cell, gain, bias, k, t }) {
    const notes = [];
    const low = curves(found).filter(([, values]) => values.slice(0, k + 1).some((v) => v > 0 && v < 10 ** FLOOR));
    const high = curves(found).filter(([, values]) => values.some((v) => v > 10 ** CEILING));
    if (t > k) notes.push(`A later state cannot change an earlier loss: choose t up to ${k} to see paths.`);
    if (t === k) notes.push("Here the loss itself is all that h hears; there is no later step on the way.");
    if (t === 0 && cell === "LSTM") {
      notes.push("c_{0} is given beside h_{0}, not made into it, so δc_{0} has no part through h_{0}.");
    }
    if (cell === "RNN") notes.push("The RNN has no gate that keeps: the bias changes only the other two.");
    if (gain === 0) {
      notes.push(
        "With gain 0 no h is read by the next step. The RNN's gradient is exactly 0 before k, drawn on the lower edge. " +
        "In the LSTM only the road along c is left, in the GRU only the carry: the gates alone.");
    }
    if (gain >= 3) {
      notes.push(
        `The gain ends at 3, and growth has a brake: at this gain the slope of the RNN's tanh is ${shown(found.RNN.slope)} on average. ` +
        "A large U stretches the gradient, a flat tanh shrinks it.");
    }
    if (Math.abs(bias) >= 8) {
      const [f, z] = [shown(found.LSTM.keep), shown(found.GRU.keep)];
      notes.push(
        `At bias ${bias < 0 ? "−8" : "8"} the gates that keep are f = ${f} and z = ${z} on average. ` +
        (bias > 0
          ? "In the limit 1 nothing is lost along c or along z; and in the GRU nothing new comes in, for the same gate lets it in by 1 − z."
          : "In the limit 0 the direct road is cut; what still arrives comes through the matrices" + (gain ? ", as in the RNN." : ", and with gain 0 there are none.")));
    }
    if (low.length) notes.push(`Below 10⁻¹⁰, and drawn on the lower edge: ${low.map(([name]) => NAMES[name]).join("; ")}.`);
    if (high.length) notes.push(`Above 10², and drawn on the upper edge: ${high.map(([name]) => NAMES[name]).join("; ")}.`);
    if (k < 3) notes.push("With the loss so near the start there is hardly a path to see; move k to the right.");
    notes.push("The parts add up as vectors. Where they point against each other, the sum is shorter than its parts.");
    return notes;
  }

  define("gradient-paths", { start, controls, numbers, picture: drawing, summary, readings, limits });
})();
