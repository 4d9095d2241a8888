"""What is asked in `vanilla`, on which problems, and what is expected: from the reference networks."""

from collections.abc import Iterator

import numpy as np

from autograder.checks.drawing import cast, gaps, parameters, say, sizes
from autograder.checks.question import (
    ALONE,
    Answer,
    Calling,
    Problem,
    Question,
    everywhere,
    formula,
    function,
    pull_back,
)
from autograder.checks.vanilla import answers
from autograder.checks.vanilla.flow import FLOW
from autograder.checks.vanilla.mistakes import MISTAKES
from autograder.checks.vanilla.variants import VARIANTS
from autograder.recurrent import VanillaRNN, softmax_cross_entropy, step_backward, step_forward

Generator = np.random.Generator
PARAMETERS = ("W", "U", "b")


def _step_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", scale: float = 0.8, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    values = parameters(rng, n, scale) | {
        "x": rng.normal(size=(n["B"], n["D"])),
        "h_prev": rng.uniform(-0.9, 0.9, size=(n["B"], n["H"])),
        "dh": rng.normal(size=(n["B"], n["H"])),
    }
    values = cast(values, dtype)
    x, h_prev, W, U, b = (values[k] for k in ("x", "h_prev", "W", "U", "b"))
    values["h"] = step_forward(x, h_prev, W, U, b)
    gradients = step_backward(values["dh"], x, h_prev, values["h"], W, U)
    expected = {"h": values["h"]} | gradients._asdict()
    return Problem(
        say(n, "BDH", remark),
        values,
        expected,
        terms=n["B"] + n["D"] + n["H"],
        scales={"h": max(1.0, scale)},  # where large terms nearly cancel, it is their size that sets the rounding
        sizes={letter: n[letter] for letter in "BDH"},
    )


def _step_problems(rng: Generator) -> Iterator[Problem]:
    yield _step_problem(rng)
    yield _step_problem(rng)
    yield _step_problem(rng, "a batch of one", B=1)
    yield _step_problem(rng, "float32 inputs", dtype="float32")


def _step_forward_problems(rng: Generator) -> Iterator[Problem]:
    yield from _step_problems(rng)
    yield _step_problem(rng, "pre-activations in the thousands", scale=4e3)


def _sequence_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", empty: bool = False, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    mask = gaps(rng, n)
    if empty:
        mask[:, rng.integers(n["B"])] = 0.0
    values = parameters(rng, n) | {
        "X": rng.normal(size=(n["T"], n["B"], n["D"])),
        "h_0": rng.uniform(-0.9, 0.9, size=(n["B"], n["H"])),
        "mask": mask,
        "G": rng.normal(size=(n["T"], n["B"], n["H"])),
    }
    values = cast(values, dtype)
    X, h_0, W, U, b, mask = (values[k] for k in ("X", "h_0", "W", "U", "b", "mask"))
    network = VanillaRNN(W, U, b)
    run = network.forward(X, (h_0,), mask)
    found = network.backward(run, values["G"])
    gradients = {"dX": found.dX, "dh_0": found.dstate_0[0]} | {"d" + k: v for k, v in found.parameters.items()}
    values |= {"H": run.H, "sizes_D": np.array(n["D"]), "sizes_H": np.array(n["H"])}
    terms = n["T"] * (n["B"] + n["D"] + n["H"])
    letters = {letter: n[letter] for letter in "TBDH"}
    return Problem(say(n, "TBDH", remark), values, {"H": run.H} | gradients, terms, sizes=letters)


def _sequence_problems(rng: Generator) -> Iterator[Problem]:
    yield _sequence_problem(rng, "a mask with gaps")
    yield _sequence_problem(rng, "a mask with gaps")
    yield _sequence_problem(rng, "one sequence masked throughout", empty=True)
    yield _sequence_problem(rng, "a single step", T=1)
    yield _sequence_problem(rng, "a batch of one", B=1)
    yield _sequence_problem(rng, "float32 inputs", dtype="float32")


def _loss_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", scale: float = 2.0, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    mask = gaps(rng, n) if n["T"] * n["B"] > 1 else np.ones((1, 1))
    values = {
        "Y": scale * rng.normal(size=(n["T"], n["B"], n["K"])),
        "targets": rng.integers(n["K"], size=(n["T"], n["B"])),
        "mask": mask,
    }
    values = cast(values, dtype)
    loss, dY = softmax_cross_entropy(values["Y"], values["targets"], values["mask"], reduction="mean")
    # Both are differences of logits: where they nearly cancel, it is the logits' size that sets the rounding.
    size = max(1.0, float(np.abs(values["Y"]).max()) / 64)
    return Problem(
        say(n, "TBK", remark),
        values,
        {"loss": np.asarray(loss), "dY": dY},
        terms=n["T"] * n["B"] * n["K"],
        scales={"loss": size, "dY": size / float(mask.sum())},
        sizes={letter: n[letter] for letter in "TBK"},
    )


def _loss_problems(rng: Generator) -> Iterator[Problem]:
    yield _loss_problem(rng, "a mask with gaps")
    yield _loss_problem(rng, "a mask with gaps")
    yield _loss_problem(rng, "a single step of a single sequence", T=1, B=1)
    yield _loss_problem(rng, "logits in the thousands", scale=4e3)
    yield _loss_problem(rng, "float32 inputs", dtype="float32")


def _softsign_problems(rng: Generator) -> Iterator[Problem]:
    for remark, scale in (("", 1.0), ("", 3.0), ("large inputs", 1e3)):
        a = scale * rng.normal(size=(int(rng.integers(2, 6)), int(rng.integers(2, 6))))
        h = a / (1 + np.abs(a))
        given = f"h of shape {h.shape}" + (f", {remark}" if remark else "")
        yield Problem(given, {"h": h}, {"dh_da": 1 / (1 + np.abs(a)) ** 2}, terms=1000 if remark else 10)


_STEP = ("x", "h_prev", "W", "U", "b")
_STEP_GRADIENTS = ("dx", "dh_prev", "dW", "dU", "db")
_SEQUENCE = ("X", "h_0", "W", "U", "b", "mask")
_SEQUENCE_GRADIENTS = ("dX", "dh_0", "dW", "dU", "db")


def _module(*sizes: str) -> Answer:
    outputs = ("H", "dW", "dU", "db")
    return Answer(Calling.MODULE, ("X", "h_0", "mask"), outputs, ("G",), parameters=PARAMETERS, sizes=sizes)


_BACKWARD_ADVICE = {
    "h": "The forward pass was given; it should be unchanged.",
    "H": "The forward pass was given; it should be unchanged.",
    "db": "All other gradients are built from δa. Is it dh ⊙ (1 − h²), summed over the batch for db?",
    "dW": "dW pairs each input with the δa of the same step and sums over the batch: an outer product, (D, H).",
    "dU": "dU pairs δa with the state that went *into* the step, h_{t−1}, not with the one that came out.",
}

QUESTIONS = {
    q.name: q
    for q in (
        Question(
            "vanilla/step-forward",
            _step_forward_problems,
            everywhere(function(_STEP, ("h",))),
            {"h": "The new state is tanh of three terms: the input times W, the previous state times U, and b."},
            see="eq-rnn-h",
            reference=answers.step_forward,
            mistakes=MISTAKES["step-forward"],
            variants=VARIANTS["step-forward"],
        ),
        Question(
            "vanilla/sequence-forward",
            _sequence_problems,
            {
                "numpy": function(_SEQUENCE, ("H",)),
                "pytorch": _module("sizes_D", "sizes_H"),
                "tensorflow": _module("sizes_H"),
            },
            {
                "H": "Each step starts from the state the step before left behind, the first one from h_0. Where the "
                "mask is 0, a sequence keeps its state and the others move on.",
                "": "The states are right, so look for what cuts a parameter off from the result.",
            },
            see="eq-rnn-mask",
            reference=answers.sequence_forward,
            mistakes=MISTAKES["sequence-forward"],
            variants=VARIANTS["sequence-forward"],
            flow=FLOW,
            in_time=frozenset({"H"}),
        ),
        Question(
            "vanilla/step-backward",
            _step_problems,
            {
                "numpy": function(("dh", "x", "h_prev", "h", "W", "U"), _STEP_GRADIENTS),
                "pytorch": pull_back(_STEP, "h", "dh", _STEP_GRADIENTS),
                "tensorflow": pull_back(_STEP, "h", "dh", _STEP_GRADIENTS),
            },
            _BACKWARD_ADVICE
            | {
                "dx": "δa goes back to x along W, to h_prev along U: each matrix transposed.",
                "dh_prev": "δa goes back to x along W, to h_prev along U: each matrix transposed.",
            },
            see="eq-rnn-da",
            alone=ALONE,
            reference=answers.step_backward,
            mistakes=MISTAKES["step-backward"],
            variants=VARIANTS["step-backward"],
        ),
        Question(
            "vanilla/sequence-backward",
            _sequence_problems,
            {
                "numpy": function(("G", "X", "H", "h_0", "W", "U", "mask"), _SEQUENCE_GRADIENTS),
                "pytorch": pull_back(_SEQUENCE, "H", "G", _SEQUENCE_GRADIENTS),
                "tensorflow": pull_back(_SEQUENCE, "H", "G", _SEQUENCE_GRADIENTS),
            },
            {
                "H": _BACKWARD_ADVICE["H"],
                "dX": "A state reaches the loss along two paths: directly, G_t, and through the next step. At a masked "
                "step the gradient passes to h_{t−1} untouched.",
                "dh_0": "dh_0 is what flows out of the first step, along U where it counts and untouched where it is "
                "masked.",
            }
            | _BACKWARD_ADVICE,
            see="eq-bptt-dh",
            alone=ALONE,
            reference=answers.sequence_backward,
            mistakes=MISTAKES["sequence-backward"],
            variants=VARIANTS["sequence-backward"],
            in_time=frozenset({"H", "dX"}),
        ),
        Question(
            "vanilla/softmax-loss",
            _loss_problems,
            everywhere(function(("Y", "targets", "mask"), ("loss", "dY"))),
            {
                "loss": "Average −log p of the target over the steps that count: divide by the sum of the mask, not by "
                "T·B. Subtract the largest logit before exp.",
                "dY": "δy = p − one-hot(target), zero where the mask is 0, divided by the same number as the loss.",
            },
            see="eq-rnn-dy-mean",
            reference=answers.softmax_loss,
            mistakes=MISTAKES["softmax-loss"],
            variants=VARIANTS["softmax-loss"],
            in_time=frozenset({"dY"}),
        ),
        Question(
            "vanilla/softsign-derivative",
            _softsign_problems,
            everywhere(formula(("h",), "dh_da")),
            {"dh_da": "Differentiate h = a / (1 + |a|), then eliminate a: what is 1 − |h| in terms of a?"},
            see="eq-rnn-dtanh",
            reference=answers.softsign_derivative,
            mistakes=MISTAKES["softsign-derivative"],
            variants=VARIANTS["softsign-derivative"],
        ),
    )
}
