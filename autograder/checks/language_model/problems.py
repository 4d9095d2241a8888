"""Problems for `language-model`, and what is expected: from the reference networks, in float64 whatever the type."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from autograder.checks.drawing import cast, parameters, say, sizes
from autograder.checks.question import Problem
from autograder.recurrent import (
    VanillaRNN,
    clip_by_global_norm,
    complex_step,
    dense_backward,
    dense_forward,
    embedding_backward,
    embedding_forward,
    softmax_cross_entropy,
)

Generator = np.random.Generator
Values = Mapping[str, NDArray]

PARAMETERS = ("E", "W", "U", "b", "V", "b_y")
GRADIENTS = tuple(f"d{name}" for name in PARAMETERS)


def _exact(values: Values, *names: str) -> list[NDArray]:
    return [values[name].astype("float64") for name in names]


def _window_problem(rng: Generator, B: int, T: int, n: int, more: int, remark: str = "") -> Problem:
    """n windows and `more` further characters in each stream; ids that differ, so that every wrong place shows."""
    L = n * T + more
    N = B * L + int(rng.integers(1, B + 1))
    return _cut(rng, N, B, T, remark)


def _cut(rng: Generator, N: int, B: int, T: int, remark: str) -> Problem:
    ids = rng.permutation(N)
    L = (N - 1) // B
    n = L // T
    window, t, b = np.ogrid[:n, :T, :B]
    place = b * L + window * T + t
    values = {
        "ids": ids,
        "B": np.array(B),
        "T": np.array(T),
        "computed_in": np.zeros(0),  # no argument: whole numbers alone would leave the type of the arithmetic open
    }
    said = f"N = {N}, B = {B}, T = {T}" + (f", {remark}" if remark else "")
    return Problem(said, values, {"inputs": ids[place], "targets": ids[place + 1]}, terms=1, sizes={"T": T, "B": B})


def window_problems(rng: Generator) -> Iterator[Problem]:
    """A text, cut so that something is left over, so that nothing is, and into one stream, one window, single steps."""
    B, T = (int(v) for v in rng.permutation([3, 4, 5])[:2])
    yield _window_problem(rng, B, T, 3, 2, "something left over")
    yield _cut(rng, B * 3 * T + 1, B, T, "nothing left over")
    yield _cut(rng, B * (2 * T + 1), B, T, "a text whose length B divides")
    yield _window_problem(rng, 1, T, 3, 1, "a single stream")
    yield _window_problem(rng, B, 1, 4, 0, "windows of one step")
    yield _window_problem(rng, B, T, 1, 1, "a single window")


def _embedding_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n = sizes(rng, **fixed)
    ids = rng.integers(n["K"] - 1, size=(n["T"], n["B"]))  # the last row of the table is not used
    if ids.size > 2:
        ids.reshape(-1)[rng.permutation(ids.size)[:3]] = [0, 1, 1]
    values = cast(
        {
            "dX": rng.normal(size=(n["T"], n["B"], n["D"])),
            "ids": ids,
            "E": rng.normal(size=(n["K"], n["D"])),
        },
        dtype,
    )
    dX, E = _exact(values, "dX", "E")
    expected = {"dE": embedding_backward(dX, ids, E)}
    return Problem(say(n, "TBDK", remark), values, expected, n["T"] * n["B"], sizes=n)


def embedding_problems(rng: Generator) -> Iterator[Problem]:
    """Ids of which some stand there more than once and one not at all."""
    yield _embedding_problem(rng, "ids that occur more than once", T=5, B=4)
    yield _embedding_problem(rng, "ids that occur more than once", T=4, B=6)
    yield _embedding_problem(rng, "a batch of one", T=6, B=1)
    yield _embedding_problem(rng, "a single step of a single sequence", T=1, B=1)
    yield _embedding_problem(rng, "float32 inputs", T=5, B=3, dtype="float32")


def _loss_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", shift: float = 0.0, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    Y = shift + 1.5 * rng.normal(size=(n["T"], n["B"], n["K"]))
    values = cast({"Y": Y, "targets": rng.integers(n["K"], size=(n["T"], n["B"]))}, dtype)
    (Y,) = _exact(values, "Y")
    nats, dY = softmax_cross_entropy(Y, values["targets"], reduction="mean")
    perplexity = np.exp(nats)
    # All are differences of logits: where they nearly cancel, it is the logits' size that sets the rounding.
    size = max(1.0, float(np.abs(Y).max()) / 64)
    expected = {"nats": nats, "bits": nats / np.log(2), "perplexity": perplexity, "dY": dY}
    return Problem(
        say(n, "TBK", remark),
        values,
        {name: np.asarray(v) for name, v in expected.items()},
        terms=n["T"] * n["B"] * n["K"],
        scales={"nats": size, "bits": 2 * size, "perplexity": size * float(perplexity), "dY": size / Y[..., 0].size},
        sizes={letter: n[letter] for letter in "TBK"},
    )


def loss_problems(rng: Generator) -> Iterator[Problem]:
    """Logits and the characters that came."""
    yield _loss_problem(rng)
    yield _loss_problem(rng)
    yield _loss_problem(rng, "a batch of one", B=1)
    yield _loss_problem(rng, "a single step of a single sequence", T=1, B=1)
    yield _loss_problem(rng, "logits around 2000", shift=2e3)
    yield _loss_problem(rng, "float32 inputs", dtype="float32")


def _network(rng: Generator, n: Mapping[str, int]) -> dict[str, NDArray]:
    return {
        "E": rng.normal(size=(n["K"], n["D"])),
        **parameters(rng, n),
        "V": rng.normal(size=(n["H"], n["K"])) / np.sqrt(n["H"]),
        "b_y": 0.4 * rng.normal(size=n["K"]),
    }


def _gradients(
    inputs: NDArray, targets: NDArray, h: NDArray, network: Mapping[str, NDArray]
) -> tuple[float, dict[str, NDArray], NDArray]:
    """The mean loss of a window, the gradient of every parameter by its name, and the last state."""
    E, W, U, b, V, b_y = (network[name] for name in PARAMETERS)
    layer = VanillaRNN(W, U, b)
    run = layer.forward(embedding_forward(inputs, E), (h,))
    nats, dY = softmax_cross_entropy(dense_forward(run.H, V, b_y), targets)
    dense = dense_backward(dY, run.H, V)
    found = layer.backward(run, dense.dH)
    gradients = {
        "E": embedding_backward(found.dX, inputs, E),
        **found.parameters,
        "V": dense.dV,
        "b_y": dense.db_y,
    }
    return float(nats), gradients, run.H[-1]


def _gradient_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n = sizes(rng, **fixed)
    values = _network(rng, n) | {
        "inputs": rng.integers(n["K"], size=(n["T"], n["B"])),
        "targets": rng.integers(n["K"], size=(n["T"], n["B"])),
        "h_0": rng.uniform(-0.9, 0.9, size=(n["B"], n["H"])),
    }
    values = cast(values, dtype)
    exact = dict(zip(PARAMETERS, _exact(values, *PARAMETERS), strict=True))
    (h_0,) = _exact(values, "h_0")
    nats, found, h = _gradients(values["inputs"], values["targets"], h_0, exact)
    expected = {"nats": np.asarray(nats), "h": h} | {"d" + name: g for name, g in found.items()}
    # A single gradient is the difference of a probability and one, so it may be small without being accurate.
    scales = dict.fromkeys(GRADIENTS, 0.1)
    terms = n["T"] * (n["B"] + n["D"] + n["H"] + n["K"])
    return Problem(say(n, "TBDHK", remark), values, expected, terms, scales, n)


def gradient_problems(rng: Generator) -> Iterator[Problem]:
    """A window of a text, and the state in which the window before has ended."""
    yield _gradient_problem(rng, T=6)
    yield _gradient_problem(rng)
    yield _gradient_problem(rng, "a single step", T=1)
    yield _gradient_problem(rng, "a batch of one", B=1)
    yield _gradient_problem(rng, "float32 inputs", dtype="float32")


def _training_problem(
    rng: Generator, windows: int, share: float, remark: str = "", dtype: str = "float64", **fixed: int
) -> Problem:
    """The limit of the norm is `share` of the first window's norm."""
    n = sizes(rng, **fixed)
    values = _network(rng, n) | {
        "inputs": rng.integers(n["K"], size=(windows, n["T"], n["B"])),
        "targets": rng.integers(n["K"], size=(windows, n["T"], n["B"])),
        "h": rng.uniform(-0.9, 0.9, size=(n["B"], n["H"])),
        "rate": np.array(rng.uniform(0.3, 0.6)),
    }
    values = cast(values, dtype)
    network = dict(zip(PARAMETERS, _exact(values, *PARAMETERS), strict=True))
    (h,) = _exact(values, "h")
    first = _gradients(values["inputs"][0], values["targets"][0], h, network)[1]
    values["max_norm"] = np.array(share * clip_by_global_norm(first, 1.0)[1]).astype(dtype)
    losses = []
    for inputs, targets in zip(values["inputs"], values["targets"], strict=True):
        nats, found, h = _gradients(inputs, targets, h, network)
        clipped, _ = clip_by_global_norm(found, float(values["max_norm"]))
        network = {name: network[name] - float(values["rate"]) * clipped[name] for name in PARAMETERS}
        losses.append(nats)
    expected = network | {"h": h, "losses": np.array(losses)}
    terms = windows * n["T"] * (n["B"] + n["D"] + n["H"] + n["K"])
    said = f"{windows} window{'s' * (windows > 1)}, " + say(n, "TBDHK", remark)
    return Problem(said, values, expected, terms, sizes=n)


def training_problems(rng: Generator) -> Iterator[Problem]:
    """Windows in a row; norms above the limit and below."""
    yield _training_problem(rng, 3, 0.4, "norms above the limit")
    yield _training_problem(rng, 4, 0.6, "norms above the limit")
    yield _training_problem(rng, 2, 4.0, "norms below the limit")
    yield _training_problem(rng, 1, 0.5, "a norm above the limit")
    yield _training_problem(rng, 2, 0.5, "windows of one step", T=1)
    yield _training_problem(rng, 2, 0.5, "a batch of one", B=1)
    yield _training_problem(rng, 2, 0.5, "float32 inputs", dtype="float32")


def _probabilities(Y: NDArray, tau: float) -> NDArray:
    e = np.exp((Y - Y.max(axis=-1, keepdims=True)) / tau)
    return e / e.sum(axis=-1, keepdims=True)


def _sample_problem(
    rng: Generator, tau: float, remark: str = "", dtype: str = "float64", shift: float = 0.0, B: int = 12
) -> Problem:
    """Each u lies well inside the share of one of the likelier characters, so that rounding decides nothing."""
    K = int(rng.integers(5, 9))
    Y = shift + 1.2 * rng.normal(size=(B, K))
    if tau == 0:
        Y[np.arange(B), rng.integers(K, size=B)] += 4
    values = cast({"Y": Y, "tau": np.array(tau), "u": np.zeros(B)}, dtype)
    Y, exact_tau = values["Y"].astype("float64"), float(values["tau"])
    p = _probabilities(Y, exact_tau or 1.0)
    ids = np.array([rng.choice(np.flatnonzero(row > 0.02)) for row in p])
    picked = np.take_along_axis(p, ids[:, None], -1)[:, 0]
    lower = np.take_along_axis(np.cumsum(p, axis=-1), ids[:, None], -1)[:, 0] - picked
    values["u"] = (lower + rng.uniform(0.1, 0.9, size=B) * picked).astype(dtype)
    if exact_tau == 0:
        ids = Y.argmax(axis=-1)
    said = f"B = {B}, K = {K}, a temperature of {exact_tau:.2g}" + (f", {remark}" if remark else "")
    return Problem(said, values, {"ids": ids}, terms=1, sizes={"B": B})


def sample_problems(rng: Generator) -> Iterator[Problem]:
    """Logits, a temperature and a uniform number for each sequence."""
    yield _sample_problem(rng, float(rng.uniform(1.6, 2.5)))
    yield _sample_problem(rng, float(rng.uniform(0.4, 0.7)))
    yield _sample_problem(rng, 1.0)
    yield _sample_problem(rng, 0.0)
    yield _sample_problem(rng, 1.0, "logits around 2000", shift=2e3)
    yield _sample_problem(rng, 1.5, "a batch of one", B=1)
    yield _sample_problem(rng, float(rng.uniform(0.5, 2)), "float32 inputs", dtype="float32")


def _entropy(Y: NDArray, tau: NDArray) -> NDArray:
    """The entropy of each row of softmax(Y / tau), for a tau that may be complex."""
    y = Y / tau
    log_p = y - np.log(np.exp(y - y.real.max()).sum(axis=-1, keepdims=True)) - y.real.max()
    return -(np.exp(log_p) * log_p).sum(axis=-1)


def _slope_problem(rng: Generator, tau: float, remark: str = "", dtype: str = "float64", B: int = 4) -> Problem:
    K = int(rng.integers(5, 9))
    values = cast({"Y": 1.2 * rng.normal(size=(B, K)) + 0.7, "tau": np.array(tau)}, dtype)
    Y, exact_tau = values["Y"].astype("float64"), float(values["tau"])
    slope = np.array([_complex_slope(row[None], exact_tau) for row in Y])
    said = f"B = {B}, K = {K}, a temperature of {exact_tau:.2g}" + (f", {remark}" if remark else "")
    return Problem(said, values, {"slope": slope}, terms=10 * K, sizes={"B": B})


def _complex_slope(row: NDArray, tau: float) -> float:
    return float(complex_step(lambda at: _entropy(row, at["tau"])[0], {"tau": np.array(tau)})["tau"])


def slope_problems(rng: Generator) -> Iterator[Problem]:
    """Logits and a temperature."""
    yield _slope_problem(rng, float(rng.uniform(1.5, 2.5)))
    yield _slope_problem(rng, float(rng.uniform(0.6, 0.8)))
    yield _slope_problem(rng, 1.0)
    yield _slope_problem(rng, 1.4, "a batch of one", B=1)
    yield _slope_problem(rng, float(rng.uniform(0.7, 2)), "float32 inputs", dtype="float32")
