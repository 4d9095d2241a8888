"""Problems for `bptt`, and what is expected: from the reference networks, in float64 whatever the problem's type."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from autograder.checks.drawing import cast, parameters, say, sizes
from autograder.checks.question import Problem
from autograder.recurrent import (
    TruncatedBPTT,
    VanillaRNN,
    clip_by_global_norm,
    influence_step,
    rtrl,
    vanilla_jacobians,
)

Generator = np.random.Generator
Values = Mapping[str, NDArray]


def _exact(values: Values, *names: str) -> tuple[NDArray, ...]:
    return tuple(values[name].astype("float64") for name in names)


def _long(rng: Generator) -> int:
    """More steps than any other size, so that windows have room and no other length fits by accident."""
    return int(rng.integers(7, 10))


def _sequence(rng: Generator, dtype: str, **fixed: int) -> tuple[dict[str, int], dict[str, NDArray]]:
    """Sizes, and a sequence with its states: X, h_0, W, U, b, H, and G, what reaches each state directly."""
    n = sizes(rng, **fixed)
    values = parameters(rng, n) | {
        "X": rng.normal(size=(n["T"], n["B"], n["D"])),
        "h_0": rng.uniform(-0.9, 0.9, size=(n["B"], n["H"])),
        "G": rng.normal(size=(n["T"], n["B"], n["H"])),
    }
    values = cast(values, dtype)
    X, h_0, W, U, b = _exact(values, "X", "h_0", "W", "U", "b")
    values["H"] = VanillaRNN(W, U, b).forward(X, (h_0,)).H.astype(dtype)
    return n, values


def _network(values: Values) -> VanillaRNN:
    W, U, b = _exact(values, "W", "U", "b")
    return VanillaRNN(W, U, b)


def _terms(n: Mapping[str, int]) -> int:
    return n["T"] * (n["B"] + n["D"] + n["H"])


def _full(values: Values) -> dict[str, NDArray]:
    """The gradients of the whole sequence, and of every state and pre-activation: by one bias for each step."""
    X, h_0, G, W, U, b = _exact(values, "X", "h_0", "G", "W", "U", "b")
    network, T = VanillaRNN(W, U, b), len(X)
    found = network.backward(network.forward(X, (h_0,)), G)
    # An input that reaches the pre-activations through the identity has δa for its gradient.
    shifted = VanillaRNN(np.eye(len(U)), U, np.zeros_like(b))
    dA = shifted.backward(shifted.forward(X @ W + b, (h_0,)), G).dX
    # The gradient of the state after step t is that of the initial state of what follows, and what reaches it directly.
    later = [
        network.backward(network.forward(X[t:], (h,)), G[t:]).dstate_0[0] if t < T else np.zeros_like(h_0)
        for t, h in enumerate(network.forward(X, (h_0,)).H, start=1)
    ]
    return {"dH": G + np.stack(later), "dA": dA} | {"d" + name: value for name, value in found.parameters.items()}


def _walk_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n, values = _sequence(rng, dtype, **fixed)
    expected = _full(values)
    values["dA"] = expected["dA"].astype(dtype)
    return Problem(say(n, "TBDH", remark), values, expected, _terms(n), sizes=n)


def walk_problems(rng: Generator) -> Iterator[Problem]:
    """A sequence without a mask, and every gradient of it."""
    yield _walk_problem(rng, T=_long(rng))
    yield _walk_problem(rng)
    yield _walk_problem(rng, "a single step", T=1)
    yield _walk_problem(rng, "a batch of one", B=1)
    yield _walk_problem(rng, "float32 inputs", dtype="float32")


def _leaky_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n = sizes(rng, **fixed)
    values: dict[str, NDArray] = {
        "n": rng.uniform(-0.9, 0.9, size=n["H"]),
        "U": parameters(rng, n)["U"],
        "alpha": np.array(rng.uniform(0.1, 0.4)),
    }
    values = cast(values, dtype)
    candidate, U = _exact(values, "n", "U")
    alpha = float(values["alpha"])
    network = VanillaRNN(np.zeros((1, n["H"])), U, np.zeros(n["H"]))
    (new,) = vanilla_jacobians(network, candidate[None, None])
    expected = {"J": (1 - alpha) * np.eye(n["H"]) + alpha * new[0]}
    return Problem(say(n, "H", remark), values, expected, terms=10, sizes=n)


def leaky_problems(rng: Generator) -> Iterator[Problem]:
    """One state of a network of leaky units."""
    yield _leaky_problem(rng)
    yield _leaky_problem(rng)
    yield _leaky_problem(rng, "one unit", H=1)
    yield _leaky_problem(rng, "float32 inputs", dtype="float32")


def _lag_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n, values = _sequence(rng, dtype, **fixed)
    values["g"] = values["G"][-1]
    H, g = _exact(values, "H", "g")
    norms = []
    for J in reversed(list(vanilla_jacobians(_network(values), H))):
        norms.append(np.sqrt((g**2).sum(axis=1)))
        g = np.einsum("bj,bij->bi", g, J)
    return Problem(say(n, "TBH", remark), values, {"norms": np.stack(norms)}, n["T"] * n["H"], sizes=n)


def lag_problems(rng: Generator) -> Iterator[Problem]:
    """A sequence, and a gradient that reaches its last state alone."""
    yield _lag_problem(rng, T=_long(rng))
    yield _lag_problem(rng)
    yield _lag_problem(rng, "a single step", T=1)
    yield _lag_problem(rng, "a batch of one", B=1)
    yield _lag_problem(rng, "float32 inputs", dtype="float32")


def _cut_problem(
    rng: Generator, k1: int, k2: int, letters: str, remark: str = "", dtype: str = "float64", **fixed: int
) -> Problem:
    n, values = _sequence(rng, dtype, **fixed)
    X, h_0, G = _exact(values, "X", "h_0", "G")
    network = TruncatedBPTT(_network(values), k1, k2)
    run = network.forward(X, (h_0,))
    gradients = network.backward(run, G).parameters
    expected = {"H": run.H} | {"d" + name: value for name, value in gradients.items()}
    values |= {"k": np.array(k1), "k1": np.array(k1), "k2": np.array(k2)}
    values |= {"sizes_D": np.array(n["D"]), "sizes_H": np.array(n["H"])}
    said = say(n | {"k": k1, "k1": k1, "k2": k2}, "TBDH") + f", {letters.format(k1=k1, k2=k2)}"
    windows = 1 + k2 // k1
    return Problem(said + (f", {remark}" if remark else ""), values, expected, windows * _terms(n), sizes=n)


def chunk_problems(rng: Generator) -> Iterator[Problem]:
    """BPTT(k, k): chunks that do not come out even, that do, of one step, and one that holds everything."""

    def drawn(k: int, remark: str = "", **more: int) -> Problem:
        return _cut_problem(rng, k, k, "k = {k1}", remark, **more)  # type: ignore[arg-type]

    k = int(rng.integers(3, 5))
    yield drawn(k, "a last chunk that is shorter", T=2 * k + int(rng.integers(1, k)))
    yield drawn(3, "a last chunk that is shorter", T=8)
    yield drawn(2, "chunks that come out even", T=8)
    yield drawn(1, "chunks of one step", T=4)
    yield drawn(5, "a single step", T=1)
    yield drawn(9, "one chunk for all", T=7)
    yield drawn(3, "a batch of one", B=1, T=7)
    yield _cut_problem(rng, 3, 3, "k = {k1}", "float32 inputs", dtype="float32", T=7)


def truncated_problems(rng: Generator) -> Iterator[Problem]:
    """BPTT(k1, k2): windows that overlap, that do not, that hold everything, a last block that is shorter."""

    def drawn(k1: int, k2: int, remark: str = "", **more: int) -> Problem:
        return _cut_problem(rng, k1, k2, "k1 = {k1}, k2 = {k2}", remark, **more)  # type: ignore[arg-type]

    yield drawn(3, int(rng.integers(5, 7)), "a last block that is shorter", T=11)
    yield drawn(2, int(rng.integers(3, 5)), "a last block that is shorter", T=9)
    yield drawn(2, 3, "blocks that come out even", T=8)
    yield drawn(1, 3, "a walk after every step", T=7)
    yield drawn(3, 3, "windows that do not overlap", T=8)
    yield drawn(2, 10, "a window for all", T=7)
    yield drawn(3, 4, "a single step", T=1)
    yield drawn(2, 4, "a batch of one", B=1, T=7)
    yield _cut_problem(rng, 2, 4, "k1 = {k1}, k2 = {k2}", "float32 inputs", dtype="float32", T=7)


def _clip_problem(
    rng: Generator, remark: str, share: float, dtype: str = "float64", even: bool = False, zero: bool = False
) -> Problem:
    """The limit is `share` of the norm. even: the three arrays have equal norms."""
    n = sizes(rng)
    gradients = {
        name: 10 ** rng.uniform(-0.5, 0.5) * rng.normal(size=shape)
        for name, shape in {"dW": (n["D"], n["H"]), "dU": (n["H"], n["H"]), "db": (n["H"],)}.items()
    }
    if even:
        gradients = {name: g / np.linalg.norm(g) for name, g in gradients.items()}
    if zero:
        gradients = {name: 0 * g for name, g in gradients.items()}
    whole = clip_by_global_norm(gradients, 1.0)[1]
    values = cast(gradients | {"max_norm": np.array(share * whole if whole else 1.0)}, dtype)
    exact = dict(zip(gradients, _exact(values, *gradients), strict=True))
    clipped, norm = clip_by_global_norm(exact, float(values["max_norm"]))
    terms = sum(g.size for g in gradients.values())
    return Problem(say(n, "DH", remark), values, clipped | {"norm": np.asarray(norm)}, terms, sizes=n)


def clip_problems(rng: Generator) -> Iterator[Problem]:
    """Gradients of three arrays and a limit, above it and below."""
    yield _clip_problem(rng, "a norm far above the limit", 0.1)
    yield _clip_problem(rng, "a norm above the limit", 0.6)
    yield _clip_problem(rng, "a norm above the limit, each array's own below it", 0.75, even=True)
    yield _clip_problem(rng, "a norm below the limit", float(rng.uniform(1.5, 4)))
    yield _clip_problem(rng, "all gradients zero", 1.0, zero=True)
    yield _clip_problem(rng, "float32 inputs", 0.3, dtype="float32")


def _influence_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", first: bool = False, **fixed: int
) -> Problem:
    n, values = _sequence(rng, dtype, T=1, **fixed)
    values["P"] = _influence(rng, n, first).astype(dtype)
    values |= {"x": values["X"][0], "h_prev": values["h_0"]}
    x, h_prev, P = _exact(values, "x", "h_prev", "P")
    h, later = influence_step(_network(values), x, h_prev, P)
    return Problem(say(n, "BDH", remark), values, {"h": h, "P_next": later}, n["D"] + n["H"], sizes=n)


def _influence(rng: Generator, n: Mapping[str, int], first: bool) -> NDArray:
    shape = n["B"], n["D"] + n["H"] + 1, n["H"], n["H"]
    return np.zeros(shape) if first else rng.normal(size=shape)


def influence_problems(rng: Generator) -> Iterator[Problem]:
    """One step of the network and of its influence."""
    yield _influence_problem(rng)
    yield _influence_problem(rng)
    yield _influence_problem(rng, "the first step: no influence yet", first=True)
    yield _influence_problem(rng, "a batch of one", B=1)
    yield _influence_problem(rng, "float32 inputs", dtype="float32")


def _forward_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n, values = _sequence(rng, dtype, **fixed)
    X, h_0, G = _exact(values, "X", "h_0", "G")
    gradients = rtrl(_network(values), X, G, (h_0,))
    expected = {"d" + name: value for name, value in gradients.items()}
    return Problem(say(n, "TBDH", remark), values, expected, _terms(n), sizes=n)


def forward_problems(rng: Generator) -> Iterator[Problem]:
    """A sequence whose gradient is to be found on the way forward."""
    yield _forward_problem(rng)
    yield _forward_problem(rng)
    yield _forward_problem(rng, "a single step", T=1)
    yield _forward_problem(rng, "a batch of one", B=1)
    yield _forward_problem(rng, "float32 inputs", dtype="float32")
