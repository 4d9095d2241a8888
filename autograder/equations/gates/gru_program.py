"""The gated recurrent unit as a program, with the reset gate after the recurrent product or before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.program import Array, Program


def sigmoid(xp: Any, a: Any) -> Any:
    """The logistic function by exponentials, which every framework and complex steps have."""
    return 1.0 / (1.0 + xp.exp(-a))


def affine(xp: Any, x: Any, W: Any, h: Any, U: Any, b: Any) -> Any:
    return x @ W + h @ U + b


def gru(sizes: dict[str, int], rng: np.random.Generator, *, after: bool = True, mask: Array | None = None) -> Program:
    r"""x_t, h_0, W_r … b_n and c_n to a^r_t, r_t, …, n_t, \tilde h_t, h_t, and C, which sees every h_t directly.

    after: with q_t, else with s_t and without c_n. mask: (T, B), 0 where the state stays.
    """
    T, B, D, H = (sizes[n] for n in "TBDH")
    net = Program()
    W, U, b = {}, {}, {}
    for gate in "rzn":
        W[gate] = net.leaf(f"W_{gate}", value=rng.normal(size=(D, H)) / np.sqrt(D))
        U[gate] = net.leaf(f"U_{gate}", value=rng.normal(size=(H, H)) / np.sqrt(H))
        b[gate] = net.leaf(f"b_{gate}", value=0.5 * rng.normal(size=H))
    if after:
        c = net.leaf("c_n", value=0.5 * rng.normal(size=H))
    h = net.leaf("h", 0, value=1.5 * rng.normal(size=(B, H)))
    losses = []
    for t in range(1, T + 1):
        x = net.leaf("x", t, value=rng.normal(size=(B, D)))
        m = net.constant("m", t, value=np.ones((B, 1)) if mask is None else mask[t - 1, :, None])
        gates = []
        for gate in "rz":
            a = net.let(f"a^{gate}", t, of=[x, W[gate], h, U[gate], b[gate]], be=affine)
            gates.append(net.let(gate, t, of=[a], be=sigmoid))
        r, z = gates
        if after:
            q = net.let("q", t, of=[h, U["n"], c], be=lambda xp, h, U, c: h @ U + c)
            a = net.let("a^n", t, of=[x, W["n"], b["n"], r, q], be=lambda xp, x, W, b, r, q: x @ W + b + r * q)
        else:
            s = net.let("s", t, of=[r, h], be=lambda xp, r, h: r * h)
            a = net.let("a^n", t, of=[x, W["n"], s, U["n"], b["n"]], be=affine)
        n = net.let("n", t, of=[a], be=lambda xp, a: xp.tanh(a))
        new = net.let(r"\tilde h", t, of=[z, n, h], be=lambda xp, z, n, h: (1.0 - z) * n + z * h)
        h = net.let("h", t, of=[m, new, h], be=lambda xp, m, new, h: m * new + (1.0 - m) * h, state=True)
        direct = rng.normal(size=(B, H))

        def loss(xp: Any, h: Any, direct: Array = direct) -> Any:
            return xp.sum(xp.constant(direct) * h)

        losses.append(net.let("C", t, of=[h], be=loss))
    net.let("C", of=losses, be=lambda xp, *losses: sum(losses[1:], losses[0]))
    return net
