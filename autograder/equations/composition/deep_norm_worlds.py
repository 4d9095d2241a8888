"""The worlds of chapter 9's layer normalisation: rows, and the network whose products are normalised."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.composition.deep_worlds import OVER, Generator, Sizes
from autograder.equations.foundations.networks import BATCHES
from autograder.equations.program import Array, Key, Program
from autograder.equations.world import Computed, Function, Setting, World, family


def torch_layer_norm(epsilon: float) -> Function:
    """PyTorch's own, over the last axis."""
    import torch

    def normalised(v: Array) -> Array:
        rows = torch.tensor(np.asarray(v))
        return torch.nn.functional.layer_norm(rows, rows.shape[-1:], eps=epsilon).numpy()

    return Function(normalised)


@family([{"H": 5}, {"H": 3}, {"H": 2}])
def row(sizes: Sizes, rng: Generator) -> Setting:
    r"""A row v, with its mean and standard deviation by PyTorch; a large \varepsilon, so that it counts."""
    v = rng.normal(size=sizes["H"])

    def deviation(world: World) -> float:
        import torch

        return float(torch.tensor(v).std(correction=0))

    values = {
        "v": v,
        r"\mu": np.mean(v),
        r"\sigma": Computed(deviation),
        r"\varepsilon": 0.4,
        r"\mathrm{LN}": Computed(lambda world: torch_layer_norm(0.4)),
    }
    return Setting(sizes, values=values, over=OVER)


@family([{"H": 5}, {"H": 3}, {"H": 4}])
def moved_row(sizes: Sizes, rng: Generator) -> Setting:
    r"""\varepsilon is zero, \alpha positive and \kappa any number."""
    values = {"v": rng.normal(size=sizes["H"]), r"\alpha": rng.uniform(0.2, 5), r"\kappa": rng.normal()}
    return Setting(sizes, values=values | {r"\mathrm{LN}": Computed(lambda world: torch_layer_norm(0.0))})


@family([sizes | {"H": sizes["H"] + 2} for sizes in BATCHES])
def normalised(sizes: Sizes, rng: Generator) -> Setting:
    r"""The network with LN, run with U and, for its own part of the loss, with U' = \alpha U."""
    T, B, D, H = (sizes[n] for n in "TBDH")
    alpha = rng.uniform(0.3, 3)
    net = Program()
    W = net.leaf("W", value=rng.normal(size=(D, H)) / np.sqrt(D))
    b = net.leaf("b", value=0.5 * rng.normal(size=H))
    U = rng.normal(size=(H, H)) / np.sqrt(H)
    start = rng.uniform(-0.9, 0.9, size=(B, H))
    for t in range(1, T + 1):
        net.leaf("x", t, value=rng.normal(size=(B, D)))
    weights = [rng.normal(size=(B, H)) for _ in range(T)]

    def LN(xp: Any, v: Any) -> Any:
        centred = v - xp.sum(v, axis=-1, keepdims=True) / H
        return centred / xp.sqrt(xp.sum(centred * centred, axis=-1, keepdims=True) / H)

    def step(xp: Any, x: Any, W: Any, h: Any, U: Any, b: Any) -> Any:
        return xp.tanh(LN(xp, x @ W) + LN(xp, h @ U) + b)

    outputs: list[Key] = []
    for state, matrix, value in (("h", "U", U), ("h'", "U'", alpha * U)):
        recurrent = net.leaf(matrix, value=value)
        h = net.leaf(state, 0, value=start)
        for t in range(1, T + 1):
            h = net.let(state, t, of=[("x", t), W, h, recurrent, b], be=step, state=True)
            outputs.append(h)

    def loss(xp: Any, *values: Any) -> Any:
        parts = [xp.sum(xp.constant(w) * v) for w, v in zip(weights + weights, values, strict=True)]
        return sum(parts[1:], parts[0])

    net.let("C", of=outputs, be=loss)
    LN_torch = Computed(lambda world: torch_layer_norm(0.0))
    return Setting(sizes, net, {r"\mathrm{LN}": LN_torch, r"\alpha": alpha, r"\eta": 0.7}, over=OVER)
