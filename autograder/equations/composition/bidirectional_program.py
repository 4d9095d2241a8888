r"""The bidirectional network of chapter 8 as a program, and the half of its LSTM that reads from the end.

Names are those of the page: \overrightarrow h_t is the forward half's state, for t = 0 … T, and \overleftarrow h_t the
backward half's, for t = T + 1 … 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.program import Array, Key, Program

Sizes = dict[str, int]
TO_RIGHT, TO_LEFT = r"\overrightarrow ", r"\overleftarrow "


def half(net: Program, arrow: str, order: list[int], before: int, sizes: Sizes, rng: np.random.Generator) -> None:
    """One half, with the arrow before its names, reading x_t in this order from its state at index `before`."""
    B, D, H = (sizes[n] for n in "BDH")
    W = net.leaf(f"{arrow}W", value=rng.normal(size=(D, H)) / np.sqrt(D))
    U = net.leaf(f"{arrow}U", value=rng.normal(size=(H, H)) / np.sqrt(H))
    b = net.leaf(f"{arrow}b", value=0.5 * rng.normal(size=H))
    h = net.leaf(f"{arrow}h", before, value=rng.uniform(-0.9, 0.9, size=(B, H)))
    for t in order:
        a = net.let(f"{arrow}a", t, of=[("x", t), W, h, U, b], be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)
        h = net.let(f"{arrow}h", t, of=[("m", t), a, h], be=masked_tanh, state=True)


def masked_tanh(xp: Any, m: Any, a: Any, h: Any) -> Any:
    """tanh of the pre-activation where the mask is 1, the state before where it is 0."""
    return m * xp.tanh(a) + (1.0 - m) * h


MERGES: dict[str, Any] = {
    "concat": lambda xp, to_right, to_left: xp.join([to_right, to_left], axis=-1),
    "sum": lambda xp, to_right, to_left: to_right + to_left,
    "average": lambda xp, to_right, to_left: (to_right + to_left) * 0.5,
    "product": lambda xp, to_right, to_left: to_right * to_left,
}


def inputs(net: Program, sizes: Sizes, rng: np.random.Generator, mask: Array) -> None:
    """x_t (B, D) and m_t (B, 1) of every step."""
    for t in range(1, sizes["T"] + 1):
        net.leaf("x", t, value=rng.normal(size=(sizes["B"], sizes["D"])))
        net.constant("m", t, value=mask[t - 1, :, None])


def loss(net: Program, outputs: list[Key], rng: np.random.Generator, sizes: Sizes) -> None:
    """C, which sees every one of the outputs, padded steps too."""
    parts = []
    for key in outputs:
        weights = rng.normal(size=(sizes["B"], 1))
        parts.append(
            net.let("part of C", *key, of=[key], be=lambda xp, v, w=weights: xp.sum(xp.sin(v) * xp.constant(w)))
        )
    net.let("C", of=parts, be=lambda xp, *parts: sum(parts[1:], parts[0]))


def bidirectional(sizes: Sizes, rng: np.random.Generator, mask: Array, merge: str = "concat") -> Program:
    """Two halves, their merged states h_t, a read-out y_t = h_t V + b_y, and C, a function of every y_t."""
    T, H, K = (sizes[n] for n in "THK")
    net = Program()
    inputs(net, sizes, rng, mask)
    half(net, TO_RIGHT, list(range(1, T + 1)), 0, sizes, rng)
    half(net, TO_LEFT, list(range(T, 0, -1)), T + 1, sizes, rng)
    width = 2 * H if merge == "concat" else H
    V = net.leaf("V", value=rng.normal(size=(width, K)) / np.sqrt(H))
    b_y = net.leaf("b_y", value=0.5 * rng.normal(size=K))
    outputs = []
    for t in range(1, T + 1):
        h = net.let("h", t, of=[(f"{TO_RIGHT}h", t), (f"{TO_LEFT}h", t)], be=MERGES[merge])
        outputs.append(net.let("y", t, of=[h, V, b_y], be=lambda xp, h, V, b_y: h @ V + b_y))
    loss(net, outputs, rng, sizes)
    return net


def reversed_run(sizes: Sizes, rng: np.random.Generator, mask: Array, rho: list[int]) -> Program:
    r"""The backward half of one sequence, and an ordinary network h'_t over x'_t = x_{\rho(t)} with its parameters.

    rho: the places, from 1. C sees the states of the ordinary network turned back by `rho`, named `turned`.
    """
    T = sizes["T"]
    net = Program()
    inputs(net, sizes, rng, mask)
    half(net, TO_LEFT, list(range(T, 0, -1)), T + 1, sizes, rng)
    W, U, b = ((TO_LEFT + name,) for name in "WUb")
    h = net.let("h'", 0, of=[(f"{TO_LEFT}h", T + 1)], be=lambda xp, h: h, state=True)
    for t, place in enumerate(rho, start=1):
        x = net.let("x'", t, of=[("x", place)], be=lambda xp, x: x)
        a = net.let("a'", t, of=[x, W, h, U, b], be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)
        h = net.let("h'", t, of=[("m", t), a, h], be=masked_tanh, state=True)
    turned = [net.let("turned", place, of=[("h'", t)], be=lambda xp, h: h) for t, place in enumerate(rho, start=1)]
    loss(net, sorted(turned), rng, sizes)
    return net


GATES = "ifgo"


def lstm_from_the_end(sizes: Sizes, rng: np.random.Generator, mask: Array) -> Program:
    r"""A masked LSTM that reads from step T to step 1: a_t, its blocks, the gates, \tilde c_t, \tilde h_t, c_t, h_t."""
    T, B, D, H = (sizes[n] for n in "TBDH")
    net = Program()
    inputs(net, sizes, rng, mask)
    W = net.leaf("W", value=rng.normal(size=(D, 4 * H)) / np.sqrt(D))
    U = net.leaf("U", value=rng.normal(size=(H, 4 * H)) / np.sqrt(H))
    b = net.leaf("b", value=0.5 * rng.normal(size=4 * H))
    h = net.leaf("h", T + 1, value=rng.uniform(-0.9, 0.9, size=(B, H)))
    c = net.leaf("c", T + 1, value=rng.normal(size=(B, H)))
    for t in range(T, 0, -1):
        a = net.let("a", t, of=[("x", t), W, h, U, b], be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)
        for k, gate in enumerate(GATES):
            block = slice(k * H, (k + 1) * H)
            part = net.let(f"a^{gate}", t, of=[a], be=lambda xp, a, block=block: a[:, block])
            net.let(gate, t, of=[part], be=(lambda xp, a: xp.tanh(a)) if gate == "g" else sigmoid)
        i, f, g, o = ((gate, t) for gate in GATES)
        new_c = net.let(r"\tilde c", t, of=[f, c, i, g], be=lambda xp, f, c, i, g: f * c + i * g)
        new_h = net.let(r"\tilde h", t, of=[o, new_c], be=lambda xp, o, c: o * xp.tanh(c))
        c = net.let("c", t, of=[("m", t), new_c, c], be=blend, state=True)
        h = net.let("h", t, of=[("m", t), new_h, h], be=blend, state=True)
    loss(net, [("h", t) for t in range(1, T + 1)], rng, sizes)
    return net


def sigmoid(xp: Any, a: Any) -> Any:
    return 1.0 / (1.0 + xp.exp(-a))


def blend(xp: Any, m: Any, new: Any, old: Any) -> Any:
    return m * new + (1.0 - m) * old
