// The alignment viewer: which items the two halves of a bidirectional network have read at
// position t, when a sequence of ℓ items lies in a batch of eight positions.
//
// Both layers are vanilla RNNs of one unit, h = tanh(w x + u h₋ + b), whose parameters and items
// the page embeds. `reading` says what is done about the padding: "length" uses the length (a
// mask, or packing), "flip" turns the whole row round and reads the padding as if it were items.
// `joined` says whether the backward states, made from the end, are turned round again before
// they meet the forward states.
(() => {
  "use strict";
  const { define, svg, label, picture } = window.unrolledLooks;

  const POSITIONS = 8;
  const MERGES = {
    concat: ["concatenation", (f, b) => [f, b]],
    sum: ["sum", (f, b) => [f + b]],
    average: ["average", (f, b) => [(f + b) / 2]],
    product: ["product", (f, b) => [f * b]],
  };

  const start = () => ({ length: 5, t: 2, reading: "length", joined: "turned", merge: "concat" });

  function controls() {
    return [
      {
        legend: "The sequence",
        items: [
          { kind: "range", name: "length", label: "Length ℓ", min: 0, max: POSITIONS, step: 1, says: ({ length }) => `ℓ = ${length}` },
          {
            kind: "range", name: "t", label: "Position t", min: 1, max: POSITIONS, step: 1,
            says: ({ t, length }) => `t = ${t}${t > length ? " (padding)" : ""}`,
          },
        ],
      },
      {
        legend: "The network",
        items: [
          {
            kind: "select", name: "reading", label: "The padding is",
            options: [["length", "skipped: the length is given"], ["flip", "read: the whole row is flipped"]],
          },
          {
            kind: "select", name: "joined", label: "The backward states are joined",
            options: [["turned", "turned back to their items"], ["made", "in the order in which they were made"]],
          },
          { kind: "select", name: "merge", label: "Both states are merged by", options: Object.entries(MERGES).map(([name, [text]]) => [name, text]) },
        ],
      },
    ];
  }

  // --- Numbers. Positions count from 1; index 0 of the lists stands for position 1 ------------------

  const upTo = (n) => Array.from({ length: n }, (_, k) => k + 1);

  // The states of one layer along `order`, by position, and what each has read. A position that is
  // not in `order` is padding that is skipped: `idle` says what stands there.
  function read({ w, u, b }, x, order, idle) {
    let h = 0;
    let seen = [];
    const states = Array(POSITIONS);
    const reads = Array(POSITIONS);
    for (const p of order) {
      h = Math.tanh(w * x[p - 1] + u * h + b);
      seen = [...seen, p].sort((p, q) => p - q);
      [states[p - 1], reads[p - 1]] = [h, seen];
    }
    for (const p of upTo(POSITIONS)) {
      if (!order.includes(p)) [states[p - 1], reads[p - 1]] = idle === "carried" ? [h, seen] : [0, []];
    }
    return { states, reads };
  }

  function numbers({ length, reading, joined, merge }, data) {
    const x = data.x.map((v, k) => (k < length ? v : 0)); // padding is zeros
    const counted = upTo(reading === "length" ? length : POSITIONS);
    const backwards = [...counted].reverse();
    const forward = read(data.forward, x, counted, "carried");
    const turned = read(data.backward, x, backwards, "initial");
    // where the backward layer finds its s-th input: padding that is skipped stays where it is
    const order = [...backwards, ...upTo(POSITIONS).slice(counted.length)];
    // as made: the s-th state at position s, and the last one carried over the padding that is skipped
    const source = order.map((p, s) => (s < counted.length ? p : 1) - 1);
    const made = { states: source.map((k) => turned.states[k]), reads: source.map((k) => turned.reads[k]) };
    const backward = joined === "turned" ? turned : made;
    const last = POSITIONS - 1;
    const zeros = reading === "length" && length < POSITIONS; // PyTorch's padded output there
    return {
      x, order,
      forward: forward.states, forwardReads: forward.reads,
      backward: backward.states, backwardReads: backward.reads,
      merged: forward.states.map((f, k) => MERGES[merge][1](f, backward.states[k])),
      keras: [forward.states[last], turned.states[0]], // each layer's own last state
      torch: zeros ? [0, 0] : [forward.states[last], backward.states[last]], // the last position
    };
  }

  // --- Picture: five rows of eight boxes ---------------------------------------------------------------

  const two = (v) => v.toFixed(2).replace("-", "−").replace(/^−0\.00$/, "0.00");

  function drawing(found, { length, t, reading, joined, merge }, width) {
    const column = width / POSITIONS;
    const item = (p) => (p <= length ? `x_{${p}}` : "pad");
    const middle = (p) => (p - 0.5) * column;
    const tainted = (reads) => reads.some((p) => p > length);
    const box = (p, y, height, name, ...inside) =>
      svg("g", {},
        svg("rect", { class: `look-box ${name}`, x: middle(p) - column / 2 + 2, y, width: column - 4, height, rx: 3 }),
        ...inside);
    const size = column < 48 ? "look-small" : "";
    const text = (p, y, words, name = "") => label(middle(p), y, words, { class: `look-middle ${size} ${name}` });
    const title = (y, words) => label(2, y, words, { class: "look-tick look-bold" });
    const each = (draw) => upTo(POSITIONS).map(draw);
    const values = (states, reads, y, name) =>
      each((p) => {
        const wrong = tainted(reads[p - 1]);
        const idle = p > length && reading === "length";
        return box(p, y, 28, wrong ? "look-wrong" : idle ? "look-idle" : name, text(p, y + 14, two(states[p - 1]) + (wrong ? "!" : "")));
      });

    // rows, from top to bottom
    const [y_items, y_forward, y_order, y_backward, y_merged] = [26, 104, 164, 250, 330];
    const items = each((p) =>
      box(p, y_items, 46, p <= length ? "" : "look-idle",
        text(p, y_items + 13, item(p)),
        text(p, y_items + 33, (found.forwardReads[t - 1].includes(p) ? "→" : "") + (found.backwardReads[t - 1].includes(p) ? "←" : ""), "look-bold")));
    const slots = found.order.map((p, s) =>
      box(s + 1, y_order, 28, p <= length ? "" : reading === "flip" ? "look-wrong" : "look-idle", text(s + 1, y_order + 14, item(p))));
    const threads = found.order.map((p, s) => {
      const to = joined === "turned" ? p : s + 1;
      const name = `look-thread${to === t ? " look-strong" : ""}`;
      return svg("line", { class: name, x1: middle(s + 1), y1: y_order + 28, x2: middle(to), y2: y_backward });
    });
    const outputs = found.merged.map((v, k) =>
      box(k + 1, y_merged, merge === "concat" ? 44 : 28, k + 1 > length && reading === "length" ? "look-idle" : "",
        v.map((entry, n) => text(k + 1, y_merged + 14 + 17 * n, two(entry)))));
    return picture(width, y_merged + 54,
      svg("rect", { class: "look-chosen", x: middle(t) - column / 2, y: 20, width: column, height: y_merged + 30 }),
      title(10, "The items; at t, → has read them, or ← has"), items,
      title(y_forward - 14, "Forward states, read from left to right"), values(found.forward, found.forwardReads, y_forward, "look-forward"),
      title(y_order - 14, "The backward layer reads in this order"), slots, threads,
      values(found.backward, found.backwardReads, y_backward, "look-backward"),
      title(y_backward + 40, joined === "turned" ? "↑ Backward states, under their own items" : "↑ Backward states, as they were made"),
      title(y_merged - 13, `Outputs: the ${MERGES[merge][0]}`), outputs);
  }

  // --- In words ----------------------------------------------------------------------------------------

  // "x_{2} to x_{5} and 3 of padding"; plain says it without the braces.
  function what(reads, length) {
    const items = reads.filter((p) => p <= length);
    const padding = reads.length - items.length;
    const [first, last] = [items[0], items.at(-1)];
    const run = items.length === 0 ? "" : first === last ? `x_{${first}}` : `x_{${first}} to x_{${last}}`;
    const pads = padding === 0 ? "" : padding === 1 ? "one position of padding" : `${padding} positions of padding`;
    return [run, pads].filter(Boolean).join(" and ") || "nothing";
  }
  const plain = (words) => words.replace(/_\{(\d+)\}/g, (_, digits) => [...digits].map((d) => "₀₁₂₃₄₅₆₇₈₉"[d]).join(""));

  function summary(found, { length, t }) {
    const [forward, backward] = [found.forwardReads, found.backwardReads].map((reads) => plain(what(reads[t - 1], length)));
    return `At position ${t} the forward state has read ${forward}; the backward state has read ${backward}.`;
  }

  const pair = (values) => `[${values.map(two).join(", ")}]`;

  const readings = (found, { t, merge }) => [
    [`output at t = ${t}, ${MERGES[merge][0]}`, merge === "concat" ? pair(found.merged[t - 1]) : two(found.merged[t - 1][0])],
    ["last states, as Keras's return_sequences=False gives them", pair(found.keras)],
    ["last position, as PyTorch's out[:, -1] takes it", pair(found.torch)],
  ];

  function limits(found, { length, t, reading, joined }) {
    const notes = [];
    const padding = POSITIONS - length;
    const skipped = reading === "length";
    const positions = padding === 1 ? "one position" : `${padding} positions`;
    if (length === 0) {
      notes.push(skipped
        ? "An empty sequence: nothing is read, and both states stay what they were before the first step, here 0."
        : "An empty sequence, and yet the states are not 0: padding is all they have read. The bias moves a state even where x is 0.");
    } else if (padding === 0) {
      notes.push("No padding: skipping it and reading it are the same thing.");
    } else if (skipped) {
      notes.push("Reversed by length: the items turn round among themselves, and the padding stays behind them.");
    } else {
      notes.push(
        `The backward layer reads ${positions} of padding first, and comes to x_{${length}} in the state that this leaves: zeros are not harmless, the bias moves the state. ` +
        "Every value with ! has padding in it: the forward states only after the items, the backward states everywhere.");
    }
    if (t > length && skipped) {
      notes.push(`Position ${t} is padding: what stands there is carried over, or has not begun. Use neither.`);
    }
    if (joined === "made") {
      notes.push(
        "Not turned back: position t joins the forward state there with the backward layer's t-th state, which has read from the other end. " +
        "Nothing fails. Go to position 1: both states have just begun, from either end, and what lies between is missing.");
    } else if (length > 0) {
      notes.push(
        `The pair of last states is the forward one after x_{${length}} and the backward one after x_{1}${skipped || !padding ? ": each has read every item" : ""}. ` +
        (skipped && padding
          ? "The last position is padding, which PyTorch fills with zeros: no state at all."
          : "At the last position the backward layer has only begun: it has read that position and nothing else."));
    }
    return notes;
  }

  define("alignment", { start, controls, numbers, picture: drawing, summary, readings, limits });
})();
