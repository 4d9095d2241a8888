"""The LSTM and its relatives as programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.equations.foundations.networks import masks
from autograder.equations.program import Array, Key, Program

Sizes = dict[str, int]
EPSILON = 1e-5  # of layer normalisation

# Sizes are unequal, so that a transposed or exchanged array cannot fit by chance; T = 1 and B = 1 occur.
BATCHES = (
    {"T": 4, "B": 3, "D": 2, "H": 5, "N": 6},
    {"T": 3, "B": 5, "D": 4, "H": 2, "N": 3},
    {"T": 1, "B": 4, "D": 3, "H": 2, "N": 5},
    {"T": 5, "B": 1, "D": 3, "H": 4, "N": 2},
)
SEQUENCES = (
    {"T": 5, "B": 1, "D": 2, "H": 3},
    {"T": 4, "B": 1, "D": 3, "H": 2},
    {"T": 2, "B": 1, "D": 2, "H": 4},
)


def logistic(xp: Any, a: Any) -> Any:
    return 0.5 * xp.tanh(0.5 * a) + 0.5


def normalised(xp: Any, v: Any) -> Any:
    """Rows of mean 0 and variance 1."""
    units = v.shape[-1]
    centred = v - xp.sum(v, axis=-1, keepdims=True) / units
    variance = xp.sum(centred * centred, axis=-1, keepdims=True) / units
    return centred / xp.sqrt(variance + EPSILON)


def mask_of(sizes: Sizes, rng: np.random.Generator) -> Array:
    """Zeros and ones with gaps, or, where the sizes say "blend", numbers between, which tell two states apart."""
    return rng.random((sizes["T"], sizes["B"])) if sizes.get("blend") else masks(sizes, rng)


def lstm(
    sizes: Sizes,
    rng: np.random.Generator,
    *,
    mask: Array | None = None,
    gates: str = "ifo",
    peepholes: bool = False,
    coupled: bool = False,
    projection: bool = False,
    layer_norm: bool = False,
) -> Program:
    r"""x_t, h_0, c_0 and the parameters to a_t and its blocks, gates, c_t, h_t, C_t and C.

    Blocks of W, U, b, a are W^i, …; gates that are not named are 1. With a mask \tilde c_t and \tilde h_t are what the
    step made. peepholes: p^i, p^f, p^o. coupled: i_t = 1 - f_t, no block i. projection: s_t and R, N numbers in h_t.
    layer_norm: r_t, q_t, e_t with \gamma^x, \gamma^h, \gamma^c, \beta^c. Losses see every h_t, masked or not.
    """
    T, B, D, H = (sizes[n] for n in "TBDH")
    width = sizes["N"] if projection else H  # of h_t
    blocks = "fgo" if coupled else "ifgo"
    net = Program()
    shapes = {"W": (D, len(blocks) * H), "U": (width, len(blocks) * H), "b": (len(blocks) * H,)}
    if peepholes:
        shapes |= {"p^i": (H,), "p^f": (H,), "p^o": (H,)}
    if projection:
        shapes["R"] = (H, width)
    if layer_norm:
        shapes |= {r"\gamma^x": (4 * H,), r"\gamma^h": (4 * H,), r"\gamma^c": (H,), r"\beta^c": (H,)}
    for name, shape in shapes.items():
        net.leaf(name, value=rng.normal(size=shape) / np.sqrt(shape[0]) + name.startswith(r"\gamma"))
    for name in "WUb":
        for k, gate in enumerate(blocks):
            net.let(f"{name}^{gate}", of=[(name,)], be=lambda xp, v, k=k: v[..., k * H : (k + 1) * H])
    h = net.leaf("h", 0, value=rng.uniform(-0.9, 0.9, size=(B, width)))
    c = net.leaf("c", 0, value=rng.normal(size=(B, H)))
    losses = []
    for t in range(1, T + 1):
        x = net.leaf("x", t, value=rng.normal(size=(B, D)))
        m = None if mask is None else net.constant("m", t, value=mask[t - 1, :, None])
        if layer_norm:
            r = net.let("r", t, of=[x, ("W",)], be=lambda xp, x, W: x @ W)
            q = net.let("q", t, of=[h, ("U",)], be=lambda xp, h, U: h @ U)
            parts: list[Key] = [r, q, (r"\gamma^x",), (r"\gamma^h",), ("b",)]
            a = net.let("a", t, of=parts, be=_normalised_sum)
        else:
            parts = [x, ("W",), h, ("U",), ("b",)]
            a = net.let("a", t, of=parts, be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)
        before = c
        for k, gate in enumerate(blocks):
            if gate == "o":  # last, since with a peephole it sees the new cell
                made, c = _cell(net, t, before, m, coupled)
            of = [a]
            if peepholes and gate != "g":
                of += [made if gate == "o" else before, (f"p^{gate}",)]
            net.let(f"a^{gate}", t, of=of, be=lambda xp, a, *seen, k=k: _block(a, k, H, seen))
            net.let(gate, t, of=[(f"a^{gate}", t)], be=_squashing(gate, gates))
        shown = made
        if layer_norm:
            parts = [made, (r"\gamma^c",), (r"\beta^c",)]
            shown = net.let("e", t, of=parts, be=lambda xp, c, gain, shift: normalised(xp, c) * gain + shift)
        of, be = [("o", t), shown], lambda xp, o, c: o * xp.tanh(c)
        if projection:
            s = net.let("s", t, of=of, be=be)
            of, be = [s, ("R",)], lambda xp, s, R: s @ R
        if m is None:
            h = net.let("h", t, of=of, be=be, state=True)
        else:
            h = _carried(net, "h", t, net.let(r"\tilde h", t, of=of, be=be), h, m)
        direct = rng.normal(size=(B, width))
        losses.append(net.let("C", t, of=[h], be=lambda xp, h, d=direct: xp.sum(xp.constant(d) * xp.sin(h))))
    net.let("C", of=losses, be=lambda xp, *losses: sum(losses[1:], losses[0]))
    return net


def _squashing(gate: str, gates: str) -> Callable[..., Any]:
    if gate == "g":
        return lambda xp, a: xp.tanh(a)
    return logistic if gate in gates else lambda xp, a: 1.0 + 0.0 * a


def _normalised_sum(xp: Any, r: Any, q: Any, gain_x: Any, gain_h: Any, b: Any) -> Any:
    return normalised(xp, r) * gain_x + normalised(xp, q) * gain_h + b


def _block(a: Any, k: int, H: int, seen: tuple[Any, ...]) -> Any:
    block = a[:, k * H : (k + 1) * H]
    return block + seen[0] * seen[1] if seen else block


def _cell(net: Program, t: int, before: Key, m: Key | None, coupled: bool) -> tuple[Key, Key]:
    """The cell that step t makes, and the one that is carried on."""
    forget, written = [("f", t), before], [("g", t)] if coupled else [("i", t), ("g", t)]

    def cell(xp: Any, f: Any, c: Any, *written: Any) -> Any:
        return f * c + (written[0] * written[1] if written[1:] else (1.0 - f) * written[0])

    if m is None:
        made = net.let("c", t, of=[*forget, *written], be=cell, state=True)
        return made, made
    made = net.let(r"\tilde c", t, of=[*forget, *written], be=cell)
    return made, _carried(net, "c", t, made, before, m)


def _carried(net: Program, name: str, t: int, made: Key, before: Key, m: Key) -> Key:
    """The state after step t: what was made where the mask is 1, the one before where it is 0."""
    return net.let(name, t, of=[m, made, before], be=lambda xp, m, new, old: m * new + (1.0 - m) * old, state=True)
