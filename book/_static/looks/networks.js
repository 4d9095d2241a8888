// The three cells forward and backward, for one sequence: what autograder/recurrent does, in
// the browser, with the same names. Vectors are arrays, row vectors; W is (D, nH), U (H, nH),
// the gates in the order i f g o and r z n. tests/book/test_looks.py holds every number here
// against the reference networks.
//
// `forward(p, X)` gives the steps, each with all that its backward needs. `backward` walks
// back from the loss and keeps, at every t, not only δh_t but the parts of which it is the
// sum, one for each path by which h_t reaches the loss.
window.unrolledNetworks = (() => {
  "use strict";

  // σ(a), exact to the last digits however large |a| is, and ln σ(a), where σ itself is nearly 1.
  const sigmoid = (a) => 1 / (1 + Math.exp(-a));
  const logSigmoid = (a) => (a < 0 ? a - Math.log1p(Math.exp(a)) : -Math.log1p(Math.exp(-a)));

  // --- Row vectors -------------------------------------------------------------------

  const zeros = (n) => Array(n).fill(0);
  const add = (...vectors) => vectors[0].map((_, k) => vectors.reduce((sum, v) => sum + v[k], 0));
  const norm = (v) => Math.hypot(...v);
  const times = (v, M) => M[0].map((_, column) => v.reduce((sum, x, row) => sum + x * M[row][column], 0)); // v M
  const timesT = (v, M) => M.map((row) => row.reduce((sum, m, k) => sum + v[k] * m, 0)); // v Mᵀ
  const block = (M, k, H) => M.map((row) => row.slice(k * H, (k + 1) * H)); // a gate's columns of U
  const gate = (a, k, H) => a.slice(k * H, (k + 1) * H);
  const each = (f, ...vectors) => vectors[0].map((_, j) => f(...vectors.map((v) => v[j])));

  // --- h = tanh(x W + h₋ U + b) ---------------------------------------------------------

  const rnn = {
    state: (H) => ({ h: zeros(H) }),
    step: ({ W, U, b }, x, { h: h_prev }) => ({ h: add(times(x, W), times(h_prev, U), b).map(Math.tanh) }),
    back({ U }, { h }, dh) {
      const da = each((d, v) => d * (1 - v * v), dh, h);
      return { h: { U: timesT(da, U) } };
    },
  };

  // --- c = f c₋ + i g,  h = o tanh c ---------------------------------------------------------

  const lstm = {
    state: (H) => ({ h: zeros(H), c: zeros(H) }),
    step({ W, U, b }, x, { h: h_prev, c: c_prev }) {
      const H = h_prev.length;
      const a = add(times(x, W), times(h_prev, U), b);
      const [i, f, o] = [0, 1, 3].map((k) => gate(a, k, H).map(sigmoid));
      const g = gate(a, 2, H).map(Math.tanh);
      const c = each((f, c, i, g) => f * c + i * g, f, c_prev, i, g);
      return { i, f, g, o, c, c_prev, h: each((o, c) => o * Math.tanh(c), o, c) };
    },
    // δc_t hears of the loss through h_t and, in dc, through c_{t+1}.
    cell: ({ o, c }, dh) => each((d, o, c) => d * o * (1 - Math.tanh(c) ** 2), dh, o, c),
    back({ U }, { i, f, g, o, c, c_prev }, dh, dc) {
      const H = dh.length;
      const da = {
        i: each((dc, g, i) => dc * g * i * (1 - i), dc, g, i),
        f: each((dc, c, f) => dc * c * f * (1 - f), dc, c_prev, f),
        g: each((dc, i, g) => dc * i * (1 - g * g), dc, i, g),
        o: each((dh, c, o) => dh * Math.tanh(c) * o * (1 - o), dh, c, o),
      };
      const through = Object.entries(da).map(([name, d], k) => [name, timesT(d, block(U, k, H))]);
      return { h: Object.fromEntries(through), c: each((f, d) => f * d, f, dc) };
    },
  };

  // --- n = tanh(x W_n + b_n + r q), q = h₋ U_n + c;  h = (1 − z) n + z h₋ -----------------------

  const gru = {
    state: (H) => ({ h: zeros(H) }),
    step({ W, U, b, c }, x, { h: h_prev }) {
      const H = h_prev.length;
      const xW = add(times(x, W), b);
      const hU = times(h_prev, U);
      const [r, z] = [0, 1].map((k) => add(gate(xW, k, H), gate(hU, k, H)).map(sigmoid));
      const q = add(gate(hU, 2, H), c);
      const n = each((a, r, q) => Math.tanh(a + r * q), gate(xW, 2, H), r, q);
      return { r, z, n, q, h_prev, h: each((z, n, h) => (1 - z) * n + z * h, z, n, h_prev) };
    },
    back({ U }, { r, z, n, q, h_prev }, dh) {
      const H = dh.length;
      const da_n = each((d, z, n) => d * (1 - z) * (1 - n * n), dh, z, n);
      const da_r = each((d, q, r) => d * q * r * (1 - r), da_n, q, r);
      const da_z = each((d, h, n, z) => d * (h - n) * z * (1 - z), dh, h_prev, n, z);
      const dq = each((r, d) => r * d, r, da_n);
      return {
        h: {
          carry: each((d, z) => d * z, dh, z),
          n: timesT(dq, block(U, 2, H)),
          z: timesT(da_z, block(U, 1, H)),
          r: timesT(da_r, block(U, 0, H)),
        },
      };
    },
  };

  const cells = { RNN: rnn, LSTM: lstm, GRU: gru };

  // The states after 0, 1, …, T steps; what a step saved is with the state it made.
  function forward(name, p, X) {
    const steps = [cells[name].state(p.U.length)];
    for (const x of X) steps.push(cells[name].step(p, x, steps.at(-1)));
    return steps;
  }

  // For t = 0 … T: {step, dh, parts} with dh the sum of the parts: `loss`, what reaches h_t directly
  // (G[t - 1]), and one part for each road through step t + 1. The LSTM has {dc, cellParts} too:
  // δc_t is the sum of `h`, through h_t, and `c`, through c_{t+1}; at t = 0 only the latter.
  function backward(name, p, X, G) {
    const cell = cells[name];
    const steps = forward(name, p, X);
    const H = p.U.length;
    const found = Array(steps.length);
    let after = { h: {}, c: zeros(H) };
    for (let t = X.length; t >= 0; t--) {
      const parts = { loss: t > 0 ? G[t - 1] : zeros(H), ...after.h };
      const dh = add(...Object.values(parts));
      found[t] = { step: steps[t], dh, parts };
      if (cell.cell) {
        const cellParts = { h: t > 0 ? cell.cell(steps[t], dh) : zeros(H), c: after.c };
        found[t].cellParts = cellParts;
        found[t].dc = add(cellParts.h, cellParts.c);
      }
      if (t > 0) after = { c: zeros(H), ...cell.back(p, steps[t], dh, found[t].dc) };
    }
    return found;
  }

  return { sigmoid, logSigmoid, norm, zeros, forward, backward };
})();
