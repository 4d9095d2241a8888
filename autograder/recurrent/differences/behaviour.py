"""Axes, types, padding and first weights: questions to anything that can be called. No framework is known here."""

from collections.abc import Callable, Mapping

import numpy as np

from autograder.recurrent.arrays import Array


def axes(call: Callable[[Array], Array], D: int) -> str:
    """Which of the first two axes of an input is time: "(T, B, D)" or "(B, T, D)".

    call: an input of three axes to outputs in the same order. One entry is changed: what notices lies in its own
    sequence, at its own step and later. Raises ValueError where nothing or everything notices.
    """
    X = np.random.default_rng(0).normal(size=(4, 4, D))
    moved = X.copy()
    moved[1, 1] += 1
    noticed = np.abs(call(moved) - call(X)).max(axis=-1) > 1e-4
    if noticed[1:, 1].all() and noticed.sum() == 3:
        return "(T, B, D)"
    if noticed[1, 1:].all() and noticed.sum() == 3:
        return "(B, T, D)"
    raise ValueError(f"expected one sequence to notice from the changed step on, got {noticed.sum()} places")


def on_doubles(call: Callable[[Array], object], X: Array) -> str:
    """What becomes of doubles: refused, or the type of what comes out."""
    try:
        out = call(X.astype(np.float64))
    except Exception as refused:  # whatever type the framework chose
        return f"refused: {type(refused).__name__}"
    return {"float32": "cast to float32", "float64": "kept"}[np.asarray(out).dtype.name]


def at_padding(Y: Array, lengths: Array) -> str:
    """What outputs Y (T, B, H) are after their sequences' ends."""
    padded = np.arange(len(Y))[:, None] >= lengths
    last = Y[lengths - 1, np.arange(len(lengths))]  # (B, H)
    if not padded.any():
        raise ValueError("lengths: expected a sequence that is shorter than T")
    if np.all(Y[padded] == 0):
        return "zero"
    if np.array_equal(Y[padded], np.broadcast_to(last, Y.shape)[padded]):
        return "the last output again"
    return "computed from the padding"


def start_of_weights(value: Array, H: int, gates_axis: int) -> str:
    """How a weight matrix was drawn, of the ways that frameworks have: matrix (·, n H), or (n H, ·)."""
    value = value if gates_axis == 1 else value.T
    n = value.shape[1] // H
    gram = value @ value.T
    if np.abs(gram - np.eye(len(gram))).max() < 1e-4:
        return "orthonormal rows over all gates"
    each = np.split(value, n, axis=1)
    if all(block.shape[0] == H and np.abs(block @ block.T - np.eye(H)).max() < 1e-4 for block in each):
        return "orthogonal gate by gate"
    rows = value.shape[0]
    bounds = {
        "uniform within ±1/√H": 1 / np.sqrt(H),
        "uniform within ±√(6/(D + nH))": np.sqrt(6 / (rows + n * H)),
        "uniform within ±√(6/(D + H))": np.sqrt(6 / (rows + H)),
    }
    return _uniform(value, bounds)


def start_of_biases(blocks: Mapping[str, Array], H: int) -> str:
    """How biases were drawn; blocks: gate to its (H,) numbers, all biases of a gate under each other."""
    constant = {gate: float(np.unique(value)[0]) for gate, value in blocks.items() if np.ptp(value) == 0}
    if len(constant) == len(blocks):
        others = {gate: value for gate, value in constant.items() if value}
        if not others:
            return "zero"
        return "zero, but " + ", ".join(f"{value:g} for {gate}" for gate, value in others.items())
    return _uniform(
        np.concatenate([value.ravel() for value in blocks.values()]), {"uniform within ±1/√H": 1 / np.sqrt(H)}
    )


def _uniform(value: Array, bounds: Mapping[str, float]) -> str:
    """The bound that the values keep and nearly reach, spread evenly below it."""
    largest = np.abs(value).max()
    for name, bound in bounds.items():
        evenly = abs(value.std() * np.sqrt(3) / bound - 1) < 0.1
        if largest <= bound * (1 + 1e-6) and largest > 0.95 * bound and evenly:
            return name
    raise ValueError(f"expected one of {', '.join(bounds)}, got values up to {largest:.3g}")


def halves(parts: Mapping[str, Array], candidates: Mapping[str, Array]) -> str:
    """Each part under the name of the candidate that it equals: the order of a layer's last states."""
    names = []
    for label, part in parts.items():
        equal = [name for name, value in candidates.items() if np.abs(value - part).max() < 1e-5]
        if len(equal) != 1:
            raise ValueError(f"{label}: expected one known state, got {equal or 'none'}")
        names += equal
    return ", ".join(names)
