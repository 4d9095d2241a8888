"""Problems for `lstm`, and what is expected: from the reference networks, in float64 whatever the problem's type."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from autograder.checks.drawing import cast, gaps, parameters, say, sizes
from autograder.checks.question import Problem
from autograder.recurrent import LSTM, VariantLSTM
from autograder.recurrent.activations import sigmoid

Generator = np.random.Generator
Values = Mapping[str, NDArray]

_THOUSANDS = 4e3


def _exact(values: Values, *names: str) -> tuple[NDArray, ...]:
    return tuple(values[name].astype("float64") for name in names)


def _squashed(a: NDArray) -> NDArray:
    """i, f, g, o side by side, from their pre-activations side by side, (..., 4H)."""
    i, f, g, o = np.split(a, 4, axis=-1)
    return np.concatenate([sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)], axis=-1)


def _states(rng: Generator, *shape: int) -> tuple[NDArray, NDArray]:
    """h within (-1, 1) as it always is, and c, which may be larger."""
    return rng.uniform(-0.9, 0.9, size=shape), 1.2 * rng.normal(size=shape)


def _step_values(rng: Generator, n: Mapping[str, int], scale: float = 0.8) -> dict[str, NDArray]:
    h_prev, c_prev = _states(rng, n["B"], n["H"])
    given = parameters(rng, n, scale, gates=4)
    if scale > 1:  # far on both sides of zero, in every gate
        given["b"] = 5 * scale * np.tile(np.where(np.arange(n["H"]) % 2, -1.0, 1.0), 4)
    return given | {
        "x": rng.normal(size=(n["B"], n["D"])),
        "h_prev": h_prev,
        "c_prev": c_prev,
        "dh": rng.normal(size=(n["B"], n["H"])),
        "dc_later": rng.normal(size=(n["B"], n["H"])),
    }


def _step_terms(n: Mapping[str, int]) -> int:
    return n["B"] + n["D"] + 4 * n["H"]


def _step_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", scale: float = 0.8, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    values = cast(_step_values(rng, n, scale), dtype)
    x, h_prev, c_prev, W, U, b, dh, dc = _exact(values, "x", "h_prev", "c_prev", "W", "U", "b", "dh", "dc_later")
    network = LSTM(W, U, b)
    run = network.forward(x[None], (h_prev, c_prev))
    found = network.backward(run, dh[None], (np.zeros_like(dh), dc))
    h, c = run.state
    expected = {"h": h, "c": c, "dx": found.dX[0], "dh_prev": found.dstate_0[0], "dc_prev": found.dstate_0[1]}
    expected |= {"d" + name: value for name, value in found.parameters.items()}
    values |= cast({"gates": _squashed(x @ W + h_prev @ U + b), "c": c}, dtype)
    # The rounding of a large pre-activation is as much larger, and shows wherever a gate is not saturated.
    terms = _step_terms(n) * max(1, int(scale))
    return Problem(say(n, "BDH", remark), values, expected, terms, sizes=n)


def step_problems(rng: Generator) -> Iterator[Problem]:
    """One step, with what reaches both of its outputs."""
    yield _step_problem(rng)
    yield _step_problem(rng)
    yield _step_problem(rng, "a batch of one", B=1)
    yield _step_problem(rng, "float32 inputs", dtype="float32")


def step_forward_problems(rng: Generator) -> Iterator[Problem]:
    """One step, and one in which the gates are driven to their limits."""
    yield from step_problems(rng)
    yield _step_problem(rng, "pre-activations in the thousands", scale=_THOUSANDS)


def _sequence_problem(
    rng: Generator,
    remark: str = "",
    dtype: str = "float64",
    empty: bool = False,
    every_cell: bool = False,
    **fixed: int,
) -> Problem:
    """A masked sequence. A loss sees every h_t, and of the cells the last alone or, with `every_cell`, all."""
    n = sizes(rng, **fixed)
    T, B, D, width = (n[k] for k in "TBDH")
    mask = gaps(rng, n)
    if empty:
        mask[:, rng.integers(B)] = 0.0
    h_0, c_0 = _states(rng, B, width)
    G_c = rng.normal(size=(T, B, width))
    if not every_cell:
        G_c[:-1] = 0
    values = parameters(rng, n, gates=4) | {"X": rng.normal(size=(T, B, D)), "h_0": h_0, "c_0": c_0, "mask": mask}
    values = cast(values | {"G": rng.normal(size=(T, B, width)), "G_c": G_c, "dc_T": G_c[-1]}, dtype)
    X, W, U, b = _exact(values, "X", "W", "U", "b")
    expected = _run(values)
    H_prev = np.concatenate([_exact(values, "h_0")[0][None], expected["H"][:-1]])
    saved = {"H": expected["H"], "C": expected["C"], "gates": _squashed(X @ W + H_prev @ U + b)}
    values |= cast(saved, dtype) | {"sizes_D": np.array(D), "sizes_H": np.array(width)}
    return Problem(say(n, "TBDH", remark), values, expected, T * _step_terms(n), sizes=n)


def _run(values: Values) -> dict[str, NDArray]:
    """All outputs and gradients, by the reference network, step by step, so that a loss may see any cell."""
    X, mask, G, G_c = _exact(values, "X", "mask", "G", "G_c")
    network = LSTM(*_exact(values, "W", "U", "b"))
    state, runs = _exact(values, "h_0", "c_0"), []
    for t in range(len(X)):
        runs.append(network.forward(X[t : t + 1], state, mask[t : t + 1]))
        state = runs[-1].state
    dX = np.empty_like(X)
    dh, dc = np.zeros_like(G[0]), np.zeros_like(G[0])
    total = {name: np.zeros_like(value) for name, value in network.parameters.items()}
    for t in reversed(range(len(X))):
        found = network.backward(runs[t], G[t : t + 1], (dh, dc + G_c[t]))
        dX[t], (dh, dc) = found.dX[0], found.dstate_0
        total = {name: total[name] + found.parameters[name] for name in total}
    H, C = np.stack([run.state[0] for run in runs]), np.stack([run.state[1] for run in runs])
    gradients = {"dX": dX, "dh_0": dh, "dc_0": dc} | {"d" + name: value for name, value in total.items()}
    return {"H": H, "C": C, "c_T": C[-1]} | gradients


def _sequence_problems(rng: Generator, every_cell: bool) -> Iterator[Problem]:
    yield _sequence_problem(rng, "a mask with gaps", every_cell=every_cell)
    yield _sequence_problem(rng, "a mask with gaps", every_cell=every_cell)
    yield _sequence_problem(rng, "one sequence masked throughout", empty=True, every_cell=every_cell)
    yield _sequence_problem(rng, "a single step", every_cell=every_cell, T=1)
    yield _sequence_problem(rng, "a batch of one", every_cell=every_cell, B=1)
    yield _sequence_problem(rng, "float32 inputs", dtype="float32", every_cell=every_cell)


def sequence_problems(rng: Generator) -> Iterator[Problem]:
    """A loss sees every h_t and every c_t."""
    return _sequence_problems(rng, every_cell=True)


def sequence_backward_problems(rng: Generator) -> Iterator[Problem]:
    """A loss sees every h_t and the last cell."""
    return _sequence_problems(rng, every_cell=False)


def half_life_problems(rng: Generator) -> Iterator[Problem]:
    """Half-lives below and above one step, one a unit; the expected bias by `log1p` and `expm1`, which round less."""
    for remark, dtype in (("", "float64"), ("", "float64"), ("float32 inputs", "float32")):
        H = int(rng.integers(3, 7))
        n = np.exp(rng.uniform(np.log(1.5), np.log(200), size=H))
        n[0] = rng.uniform(0.3, 0.8)
        values = cast({"n": rng.permutation(n)}, dtype)
        b = np.zeros((4, H))
        b[1] = -np.log(np.expm1(np.log(2) / values["n"].astype("float64")))
        given = f"H = {H}" + (f", {remark}" if remark else "")
        yield Problem(given, values, {"b": b.reshape(-1)}, terms=20, sizes={"H": H})


def _cell(rng: Generator, dtype: str, **fixed: int) -> tuple[dict[str, int], dict[str, NDArray]]:
    """Pre-activations and what reaches a cell, without weights."""
    n = sizes(rng, **fixed)
    values = _step_values(rng, n)
    a = 1.2 * rng.normal(size=(n["B"], 4 * n["H"]))
    kept = {k: values[k] for k in ("c_prev", "dh", "dc_later")} | {"a": a, "p": 0.8 * rng.normal(size=(3, n["H"]))}
    return n, cast(kept, dtype)


def _cell_derivatives_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n, values = _cell(rng, dtype, **fixed)
    a, c_prev = _exact(values, "a", "c_prev")
    rows = []
    for a_row, c_row in zip(a, c_prev, strict=True):  # for one sequence δb is δa, and with δc = 1 it is ∂c/∂a
        network = LSTM(np.zeros((1, len(a_row))), np.zeros((n["H"], len(a_row))), a_row)
        run = network.forward(np.zeros((1, 1, 1)), (np.zeros((1, n["H"])), c_row[None]))
        nothing = np.zeros((1, n["H"]))
        rows.append(network.backward(run, nothing[None], (nothing, nothing + 1)).parameters["b"])
    values |= cast({"gates": _squashed(a)}, dtype)
    return Problem(say(n, "BH", remark), values, {"dc_da": np.stack(rows)}, terms=10, sizes=n)


def cell_derivatives_problems(rng: Generator) -> Iterator[Problem]:
    """How the new cell depends on each pre-activation."""
    yield _cell_derivatives_problem(rng)
    yield _cell_derivatives_problem(rng)
    yield _cell_derivatives_problem(rng, "float32 inputs", dtype="float32")


def _peephole_step_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", scale: float = 0.8, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    values = cast(_step_values(rng, n, scale) | {"p": 0.8 * rng.normal(size=(3, n["H"]))}, dtype)
    x, h_prev, c_prev, W, U, b, P = _exact(values, "x", "h_prev", "c_prev", "W", "U", "b", "p")
    h, c = VariantLSTM(W, U, b, P=P).forward(x[None], (h_prev, c_prev)).state
    terms = _step_terms(n) * max(1, int(scale))
    return Problem(say(n, "BDH", remark), values, {"h": h, "c": c}, terms, sizes=n)


def peephole_step_problems(rng: Generator) -> Iterator[Problem]:
    """One step of the cell with peepholes."""
    yield _peephole_step_problem(rng)
    yield _peephole_step_problem(rng)
    yield _peephole_step_problem(rng, "a batch of one", B=1)
    yield _peephole_step_problem(rng, "float32 inputs", dtype="float32")
    yield _peephole_step_problem(rng, "pre-activations in the thousands", scale=_THOUSANDS)


def _peephole_backward_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n, values = _cell(rng, dtype, **fixed)
    a, c_prev, P, dh, dc = _exact(values, "a", "c_prev", "p", "dh", "dc_later")
    rows, dp = [], np.zeros_like(P)
    for k in range(n["B"]):  # for one sequence δb is δa
        network = VariantLSTM(np.zeros((1, 4 * n["H"])), np.zeros((n["H"], 4 * n["H"])), a[k], P=P)
        run = network.forward(np.zeros((1, 1, 1)), (np.zeros((1, n["H"])), c_prev[k][None]))
        found = network.backward(run, dh[k][None, None], (np.zeros((1, n["H"])), dc[k][None]))
        rows.append((run.state[0][0], run.state[1][0], found.parameters["b"], found.dstate_0[1][0]))
        dp += found.parameters["P"]
    h, c, da, dc_prev = (np.stack(parts) for parts in zip(*rows, strict=True))
    p_i, p_f, p_o = P
    peeps = np.concatenate([c_prev * p_i, c_prev * p_f, 0 * c, c * p_o], axis=1)
    values |= cast({"gates": _squashed(a + peeps), "c": c}, dtype)
    expected = {"h": h, "c": c, "da": da, "dc_prev": dc_prev, "dp": dp}
    return Problem(say(n, "BH", remark), values, expected, terms=n["B"] + 10, sizes=n)


def peephole_backward_problems(rng: Generator) -> Iterator[Problem]:
    """The way back through the cell with peepholes, from both outputs to the pre-activations."""
    yield _peephole_backward_problem(rng)
    yield _peephole_backward_problem(rng)
    yield _peephole_backward_problem(rng, "a batch of one", B=1)
    yield _peephole_backward_problem(rng, "float32 inputs", dtype="float32")
