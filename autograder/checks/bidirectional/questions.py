"""What is asked in `bidirectional`, on which problems, and what is expected: from the reference networks."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from autograder.checks.bidirectional import answers
from autograder.checks.bidirectional.flow import FLOW
from autograder.checks.bidirectional.mistakes import MISTAKES
from autograder.checks.bidirectional.variants import VARIANTS
from autograder.checks.drawing import cast, parameters, say, sizes
from autograder.checks.question import Answer, Calling, Problem, Question, everywhere, function, pull_back
from autograder.recurrent import Bidirectional, Run, Stack, VanillaRNN, reverse_by_length
from autograder.recurrent.bidirectional import Merge

Generator = np.random.Generator
Values = Mapping[str, NDArray]
LONG = 7
"""More steps than `sizes` draws, so that there is padding and an order in it, and T is no other size."""


def _lengths(rng: Generator, n: Mapping[str, int], empty: bool = False) -> NDArray:
    """Lengths (B,) in no order: the first shorter than T and not trivial where there is room, one of them T."""
    T, B = n["T"], n["B"]
    drawn = rng.integers(1, T + 1, size=B)
    if B > 1:
        drawn[0] = rng.integers(2, T - 1) if T > 3 else max(1, T - 1)
        drawn[1:] = rng.permutation(np.append(drawn[2:], T))
    elif T > 3:
        drawn[0] = rng.integers(2, T - 1)
    if empty:
        drawn[0] = 0
    return drawn


def _mask(lengths: NDArray, T: int) -> NDArray:
    return (np.arange(T)[:, None] < lengths).astype("float64")


def _said(n: Mapping[str, int], letters: str, lengths: NDArray, remark: str) -> str:
    """Sizes and lengths: what a learner needs to follow a problem by hand."""
    text = f"{say(n, letters)}, length{'s' * (len(lengths) > 1)} {', '.join(map(str, lengths))}"
    return f"{text}, {remark}" if remark else text


def _exact(values: Values, *names: str) -> list[NDArray]:
    return [values[name].astype("float64") for name in names]


def _sizes(n: Mapping[str, int], letters: str) -> dict[str, int]:
    return {letter: n[letter] for letter in letters}


def _halves(rng: Generator, n: Mapping[str, int], layer: str = "") -> dict[str, NDArray]:
    """W (2, D, H), U (2, H, H), b (2, H) and the first states (2, B, H): the forward half's, the backward half's."""
    both = [parameters(rng, n) for _ in range(2)]
    stacked = {f"{name}{layer}": np.stack([half[name] for half in both]) for name in ("W", "U", "b")}
    return stacked | {f"h{layer or '_0'}": rng.uniform(-0.9, 0.9, size=(2, n["B"], n["H"]))}


def _network(W: NDArray, U: NDArray, b: NDArray) -> Bidirectional:
    return Bidirectional(VanillaRNN(W[0], U[0], b[0]), VanillaRNN(W[1], U[1], b[1]))


def _padded(rng: Generator, X: NDArray, mask: NDArray, size: float = 1.0) -> NDArray:
    """X with anything but zeros in its padding."""
    return np.where(mask[..., None] > 0, X, size * np.sign(X) * rng.uniform(0.5, 1.5, size=X.shape))


def _reversal_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", empty: bool = False, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    lengths = _lengths(rng, n, empty)
    X = rng.normal(size=(n["T"], n["B"], n["D"]))
    values = cast({"X": X, "lengths": lengths}, dtype)
    expected = {"reversed_X": reverse_by_length(values["X"], _mask(lengths, n["T"]))}
    return Problem(_said(n, "TBD", lengths, remark), values, expected, terms=1, sizes=_sizes(n, "TBD"))


def _reversal_problems(rng: Generator) -> Iterator[Problem]:
    yield _reversal_problem(rng, T=LONG)
    yield _reversal_problem(rng)
    yield _reversal_problem(rng, "one sequence of length 0", empty=True, T=LONG)
    yield _reversal_problem(rng, "a single step", T=1)
    yield _reversal_problem(rng, "a batch of one", B=1, T=LONG)
    yield _reversal_problem(rng, "float32 inputs", dtype="float32", T=LONG)


def _layer_problem(
    rng: Generator,
    remark: str = "",
    dtype: str = "float64",
    empty: bool = False,
    padding: float = 1.0,
    **fixed: int,
) -> Problem:
    n = sizes(rng, **fixed)
    T, B, D, width = (n[k] for k in "TBDH")
    lengths = _lengths(rng, n, empty)
    mask = _mask(lengths, T)
    X = _padded(rng, rng.normal(size=(T, B, D)), mask, padding)
    values = _halves(rng, n) | {"X": X, "mask": mask, "G": rng.normal(size=(T, B, 2 * width))}
    values = cast(values, dtype)
    X, h_0, W, U, b, mask, G = _exact(values, "X", "h_0", "W", "U", "b", "mask", "G")
    on = mask[..., None]
    network = _network(W, U, b)
    run: Run = network.forward(X, tuple(h_0), mask)
    found = network.backward(run, on * G)
    expected = {"H": on * run.H, "dX": found.dX, "dh_0": np.stack(found.dstate_0)}
    for name in ("W", "U", "b"):
        expected["d" + name] = np.stack([found.parameters[f"{half}.{name}"] for half in ("forward", "backward")])
    saved = {"H": expected["H"], "sizes_D": np.array(D), "sizes_H": np.array(width)}
    given = _said(n, "TBDH", lengths, remark)
    return Problem(given, values | cast(saved, dtype), expected, T * (B + D + width), sizes=_sizes(n, "TBDH"))


def _layer_problems(rng: Generator) -> Iterator[Problem]:
    yield _layer_problem(rng, T=LONG)
    yield _layer_problem(rng)
    yield _layer_problem(rng, "one sequence of length 0", empty=True, T=LONG)
    yield _layer_problem(rng, "large numbers in the padding", padding=50.0, T=LONG)
    yield _layer_problem(rng, "a single step", T=1)
    yield _layer_problem(rng, "a batch of one", B=1, T=LONG)
    yield _layer_problem(rng, "float32 inputs", dtype="float32", T=LONG)


def _last_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n = sizes(rng, **fixed)
    lengths = _lengths(rng, n)
    on = _mask(lengths, n["T"])[..., None]
    values = cast({"H": on * rng.uniform(-1, 1, size=(n["T"], n["B"], 2 * n["H"])), "lengths": lengths}, dtype)
    forward, backward = np.split(values["H"], 2, axis=-1)
    last = np.concatenate([forward[lengths - 1, np.arange(n["B"])], backward[0]], axis=-1)
    return Problem(_said(n, "TBH", lengths, remark), values, {"last": last}, terms=1, sizes=_sizes(n, "TBH"))


def _last_problems(rng: Generator) -> Iterator[Problem]:
    yield _last_problem(rng, T=LONG)
    yield _last_problem(rng, T=LONG)
    yield _last_problem(rng, "a single step", T=1)
    yield _last_problem(rng, "a batch of one", B=1, T=LONG)
    yield _last_problem(rng, "float32 inputs", dtype="float32", T=LONG)


def _merges_problem(rng: Generator, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n = sizes(rng, **fixed)
    T, B, width = (n[k] for k in "TBH")
    values = {name: rng.uniform(-0.9, 0.9, size=(T, B, width)) for name in ("H_f", "H_b")}
    values |= {name: rng.normal(size=(T, B, width)) for name in ("G_sum", "G_average", "G_product")}
    values = cast(values, dtype)
    # The reference layer merges states that it has made; a network of the identity, one step long, makes these.
    states = _exact(values, "H_f", "H_b")
    X = np.concatenate(states, axis=-1).reshape(1, T * B, 2 * width)
    eye, zero = np.eye(width), np.zeros((width, width))
    halves = (
        VanillaRNN(np.concatenate([eye, zero]), zero, np.zeros(width), "identity"),
        VanillaRNN(np.concatenate([zero, eye]), zero, np.zeros(width), "identity"),
    )
    expected: dict[str, NDArray] = {name: np.zeros((T, B, width)) for name in ("dH_f", "dH_b")}
    merges: dict[str, Merge] = {"total": "sum", "average": "average", "product": "product"}
    for name, merge in merges.items():
        network = Bidirectional(*halves, merge=merge)
        run = network.forward(X)
        expected[name] = run.H.reshape(T, B, width)
        (G,) = _exact(values, f"G_{merge}")
        dX = network.backward(run, G.reshape(run.H.shape)).dX.reshape(T, B, 2 * width)
        expected["dH_f"] += dX[..., :width]
        expected["dH_b"] += dX[..., width:]
    return Problem(say(n, "TBH", remark), values, expected, terms=4)


def _merges_problems(rng: Generator) -> Iterator[Problem]:
    yield _merges_problem(rng)
    yield _merges_problem(rng)
    yield _merges_problem(rng, "a single step of a single sequence", T=1, B=1)
    yield _merges_problem(rng, "float32 inputs", dtype="float32")


def _stack_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", padding: float = 1.0, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    T, B, D, width = (n[k] for k in "TBDH")
    lengths = _lengths(rng, n)
    mask = _mask(lengths, T)
    X = _padded(rng, rng.normal(size=(T, B, D)), mask, padding)
    values = {"X": X, "mask": mask} | _halves(rng, n, "_1") | _halves(rng, {**n, "D": 2 * width}, "_2")
    values = cast(values, dtype)
    X, mask, h_1, h_2 = _exact(values, "X", "mask", "h_1", "h_2")
    layers = tuple(_network(*_exact(values, *(f"{name}_{l}" for name in ("W", "U", "b")))) for l in (1, 2))
    run = Stack(layers).forward(X, (*h_1, *h_2), mask)
    expected = {"H": mask[..., None] * run.H, "last": np.concatenate(run.state[-2:], axis=-1)}
    given = _said(n, "TBDH", lengths, remark)
    return Problem(given, values, expected, 2 * T * (B + D + 2 * width), sizes=_sizes(n, "TBDH"))


def _stack_problems(rng: Generator) -> Iterator[Problem]:
    yield _stack_problem(rng, T=LONG)
    yield _stack_problem(rng)
    yield _stack_problem(rng, "large numbers in the padding", padding=50.0, T=LONG)
    yield _stack_problem(rng, "a single step", T=1)
    yield _stack_problem(rng, "a batch of one", B=1, T=LONG)
    yield _stack_problem(rng, "float32 inputs", dtype="float32", T=LONG)


def _average_from_total(values: Values, outputs: Values, same: Callable[[object, NDArray], bool]) -> dict[str, str]:
    """The average, where it is half of a wrong sum."""
    halved = {"total", "average"} <= set(outputs) and same(outputs["average"], outputs["total"] / 2)
    return {"average": "total"} if halved and not same(outputs["total"], values["H_f"] + values["H_b"]) else {}


def _last_from_states(values: Values, outputs: Values, same: Callable[[object, NDArray], bool]) -> dict[str, str]:
    """The last output, where it is rightly taken from wrong states."""
    if not {"H", "last"} <= set(outputs):
        return {}
    forward, backward = np.split(outputs["H"], 2, axis=-1)
    ends = values["mask"].sum(axis=0).astype(int) - 1
    taken = np.concatenate([forward[ends, np.arange(len(ends))], backward[0]], axis=-1)
    return {"last": "H"} if same(outputs["last"], taken) else {}


_LAYER = ("X", "h_0", "W", "U", "b", "mask")
_GRADIENTS = ("dX", "dh_0", "dW", "dU", "db")
_PULL_BACK = pull_back(_LAYER, "H", "G", _GRADIENTS)
_MERGED = ("total", "average", "product")
_UPSTREAMS = ("G_sum", "G_average", "G_product")
_MERGES = pull_back(("H_f", "H_b"), _MERGED, _UPSTREAMS, ("dH_f", "dH_b"))
_STACK = ("X", "h_1", "W_1", "U_1", "b_1", "h_2", "W_2", "U_2", "b_2", "mask")
HALVES = ("the forward half", "the backward half")


def _module(*sizes: str) -> Answer:
    outputs = ("H", "dW", "dU", "db")
    return Answer(Calling.MODULE, ("X", "h_0", "mask"), outputs, ("G",), parameters=("W", "U", "b"), sizes=sizes)


QUESTIONS = {
    q.name: q
    for q in (
        Question(
            "bidirectional/reverse-by-length",
            _reversal_problems,
            everywhere(function(("X", "lengths"), ("reversed_X",))),
            {
                "reversed_X": "Write down where each item of a sequence of three goes when T is five: 3, 2, 1, and the "
                "two padded steps stay. Every sequence of the batch has its own length."
            },
            see="eq-bi-rho",
            reference=answers.reverse_by_length,
            mistakes=MISTAKES["reverse-by-length"],
            variants=VARIANTS["reverse-by-length"],
            in_time=frozenset({"reversed_X"}),
        ),
        Question(
            "bidirectional/forward",
            _layer_problems,
            {
                "numpy": function(_LAYER, ("H",)),
                "pytorch": _module("sizes_D", "sizes_H"),
                "tensorflow": _module("sizes_H"),
            },
            {
                "H": "Reverse X by length, run the backward half with its own weights and first state, reverse its "
                "states by length, join; zero where the mask is 0. Which of the two halves is wrong?",
                "": "The states are right, so look for what cuts a parameter off from the result.",
            },
            see="eq-bi-halves",
            reference=answers.bidirectional_forward,
            mistakes=MISTAKES["forward"],
            variants=VARIANTS["forward"],
            flow=FLOW,
            in_time=frozenset({"H"}),
            blocks={"H": HALVES},
        ),
        Question(
            "bidirectional/last-output",
            _last_problems,
            everywhere(function(("H", "lengths"), ("last",))),
            {
                "last": "Which state of the forward half has read every item, and which of the backward half? They "
                "stand at different steps, and one of the steps depends on the length."
            },
            see="eq-bi-last",
            reference=answers.last_output,
            mistakes=MISTAKES["last-output"],
            variants=VARIANTS["last-output"],
            blocks={"last": HALVES},
        ),
        Question(
            "bidirectional/merges",
            _merges_problems,
            {
                "numpy": function(("H_f", "H_b", *_UPSTREAMS), _MERGES.outputs),
                "pytorch": _MERGES,
                "tensorflow": _MERGES,
            },
            {
                "total": "The sum adds the two states of a step, unit by unit.",
                "average": "The average is half of the sum.",
                "product": "The product multiplies the two states of a step, unit by unit.",
                "": "Each state has three users, one merge each. Differentiate each merge by this state alone, "
                "multiply by what reaches that merge, and add the three.",
            },
            see="eq-bi-product",
            follows=_average_from_total,
            reference=answers.merges,
            mistakes=MISTAKES["merges"],
            variants=VARIANTS["merges"],
            free=frozenset(_MERGED),  # a line each: what is asked for is their gradient
            in_time=frozenset({"total", "average", "product", "dH_f", "dH_b"}),
        ),
        Question(
            "bidirectional/backward",
            _layer_problems,
            {
                "numpy": function(("G", "X", "H", "h_0", "W", "U", "mask"), _GRADIENTS),
                "pytorch": _PULL_BACK,
                "tensorflow": _PULL_BACK,
            },
            {
                "H": "The forward pass was given; it should be unchanged.",
                "db": "A half's δb is right when its G and its states are: cut G where the states were joined, drop "
                "what reaches the padding, and reverse both by length for the backward half.",
                "dU": "δU, two matrices, pairs δa with the states in the order in which the half made them: for the "
                "backward half, reversed by length, and with its own first state before them.",
                "dW": "δW, two matrices, pairs δa with the inputs in the order in which the half read them.",
                "dX": "The halves share the input, so their two gradients add, once both stand in the order of X.",
                "dh_0": "Each half's backward ends at its own first state: the forward half's first, as in h_0.",
            },
            see="eq-bi-dreverse",
            reference=answers.bidirectional_backward,
            mistakes=MISTAKES["backward"],
            variants=VARIANTS["backward"],
            in_time=frozenset({"H", "dX"}),
            blocks={"H": HALVES},
        ),
        Question(
            "bidirectional/stack-of-two",
            _stack_problems,
            everywhere(function(_STACK, ("H", "last"))),
            {
                "H": "The second layer reads the first one's merged states, all 2H of them, with the same mask: a "
                "padded step is padded on every floor.",
                "last": "The states are right. The last output is made from the upper layer's, as in question 3.",
            },
            see="eq-deep-step",
            follows=_last_from_states,
            reference=answers.stack_of_two,
            mistakes=MISTAKES["stack-of-two"],
            variants=VARIANTS["stack-of-two"],
            in_time=frozenset({"H"}),
            blocks={"H": HALVES, "last": HALVES},
        ),
    )
}
