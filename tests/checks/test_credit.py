"""Partial credit: by output, on every problem, and nothing for what comes for nothing."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from solved_notebooks import SOLUTIONS

from autograder import check
from autograder.checks import CheckFailure, checking, observing
from autograder.checks.credit import credit
from autograder.checks.lstm import answers as lstm
from autograder.checks.mistakes import Mistake, mistaken
from autograder.checks.question import Calling, Question, relative_error, tolerance
from autograder.grading.audit import FRAMEWORKS
from autograder.grading.sources import notebook_of

QUESTIONS: list[Question] = [
    question
    for module in checking.assignments().values()
    for question in importlib.import_module(f"autograder.checks.{module}").QUESTIONS.values()
    if isinstance(question, Question)
]
NAMES = {q.name: q for q in QUESTIONS}


def failure(name: str, answer: Any, **options: Any) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, **options)
    return caught.value


def right(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


# What earns something


def test_each_output_that_is_right_earns_its_share():
    for k in range(5):

        def answer(*arguments, k=k):
            found = list(right(*arguments))
            found[k] = 1.1 * found[k]
            return found

        assert failure("vanilla/step-backward", answer).credit == 4 / 5
    error = failure(
        "vanilla/step-backward", lambda dh, x, h_prev, h, W, U: [1.1 * g for g in right(dh, x, h_prev, h, W, U)]
    )
    assert error.credit == 0
    assert "of the points" not in str(error)


def test_the_message_says_what_is_earned():
    error = failure("vanilla/step-backward", lambda *a: (*right(*a)[:4], 2 * right(*a)[4]))
    told = "What is right on every problem is worth 80% of the points."
    assert told in str(error)
    assert told in error.html()


def test_an_output_must_be_right_on_every_problem():
    """dx is wrong in float32 only, which comes last; dU everywhere."""

    def answer(dh, x, h_prev, h, W, U):
        dx, dh_prev, dW, dU, db = right(dh, x, h_prev, h, W, U)
        return dx.astype("float64"), dh_prev, dW, 2 * dU, db

    assert failure("vanilla/step-backward", answer).credit == 3 / 5
    assert {v.output for v in failure("vanilla/step-backward", answer).verdicts if v.right} > {"dx"}


def test_what_follows_from_a_wrong_output_is_wrong():
    answer = mistaken(lstm.step_forward, Mistake("unknown", "f * c_prev", "0.9 * f * c_prev", "."))
    assert failure("lstm/step-forward", answer).credit == 0


# What earns nothing


def changes_an_argument(dh, x, h_prev, h, W, U):
    found = right(dh, x, h_prev, h, W, U)
    dh *= 2
    return (*found[:4], 2 * found[4])


def changes_an_argument_at_last(dh, x, h_prev, h, W, U):
    found = right(dh, x, h_prev, h, W, U)
    if dh.dtype == np.float32:
        dh *= 2
    return (*found[:4], 2 * found[4])


def raises_at_last(dh, x, h_prev, h, W, U):
    if dh.dtype == np.float32:
        raise ValueError("no")
    found = right(dh, x, h_prev, h, W, U)
    return (*found[:4], 2 * found[4])


def raises(dh, x, h_prev, h, W, U):
    raise ValueError("no")


def stub(dh, x, h_prev, h, W, U):
    raise NotImplementedError()


def too_few(dh, x, h_prev, h, W, U):
    return right(dh, x, h_prev, h, W, U)[:4]


def nothing(dh, x, h_prev, h, W, U):
    return None


def endless(dh, x, h_prev, h, W, U):
    while True:
        pass


@pytest.mark.parametrize(
    "answer",
    [
        changes_an_argument,
        changes_an_argument_at_last,
        raises_at_last,
        raises,
        stub,
        too_few,
        nothing,
        endless,
        lambda x: x,
        7,
    ],
)
def test_no_credit_for_what_cannot_be_trusted(answer, monkeypatch):
    monkeypatch.setattr(observing, "SECONDS", 0.2)
    assert failure("vanilla/step-backward", answer).credit == 0


def thoughtless(question: Question, problem: Any, output: str) -> dict[str, Any]:
    """Answers without a thought for one output: constants, and what was given, passed on as it is."""
    expected = problem.expected[output]
    values = {name: problem.values[name] for name in question.answers["numpy"].arguments}
    constants = {"zeros": np.zeros_like(expected), "ones": np.ones_like(expected)}
    passed = values | {f"{name}.T": v.T for name, v in values.items() if v.ndim > 1}
    parts = {f"{name}[{k}]": v[k] for name, v in values.items() if v.ndim for k in (0, -1)}
    sums = {f"{name}.sum(0)": v.sum(axis=0) for name, v in values.items() if v.ndim and v.dtype.kind == "f"}
    summed = {
        f"{name}.sum((0, 1))": v.sum(axis=(0, 1)) for name, v in values.items() if v.ndim > 1 and v.dtype.kind == "f"
    }
    return constants | passed | parts | sums | summed


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_no_output_comes_for_nothing(question):
    """No constant, no argument passed on, transposed or summed, is right on every problem, or the output is free."""
    problems = [p for seed in range(3) for p in question.problems(np.random.default_rng(seed))]
    for output in question.answers["numpy"].outputs:
        left = None
        for problem in problems:
            expected, scale = problem.expected[output], problem.scales.get(output, 0.0)
            fits = {
                name
                for name, v in thoughtless(question, problem, output).items()
                if v.shape == expected.shape
                and v.dtype.kind in "fi"
                and relative_error(v, expected, scale).max(initial=0) <= tolerance(problem.dtype, problem.terms)
            }
            left = fits if left is None else left & fits
        assert not left or output in question.free, (output, left)


def zeros(question: Question, problem: Any) -> list[Any]:
    return [np.zeros_like(problem.expected[o]) for o in question.answers["numpy"].outputs]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_constants_of_the_right_shape_earn_nothing(question):
    """An answer that knows every shape and type, and nothing else."""
    for value in (0, 1):
        problems = question.problems(np.random.default_rng(5))

        def answer(*_arguments, value=value, problems=problems):
            return tuple(np.full_like(v, value) for v in zeros(question, next(problems)))

        answer.__signature__ = None  # type: ignore[attr-defined]
        assert failure(question.name, answer, seed=5).credit == 0


def test_free_outputs_are_there_and_earn_nothing_alone():
    free = {q.name: q.free for q in QUESTIONS if q.free}
    for name, outputs in free.items():
        for framework in FRAMEWORKS:
            asked = set(NAMES[name].answers[framework].outputs)
            assert outputs < asked
            assert credit(NAMES[name], framework, outputs) == 0
        asked = set(NAMES[name].answers["numpy"].outputs)
        assert 0 < credit(NAMES[name], "numpy", asked - outputs) < 1, "a wrong one costs something"


# In each framework the same


def test_a_forward_pass_that_was_given_earns_nothing():
    question = NAMES["lstm/step-backward"]
    gradients = set(question.answers["numpy"].outputs)
    for framework in ("pytorch", "tensorflow"):
        assert credit(question, framework, {"h", "c"}) == 0
        assert credit(question, framework, {"h", "c", "dx"}) == credit(question, "numpy", {"dx"}) == 1 / 6
        assert credit(question, framework, gradients | {"c"}) == 6 / 7, "one that was broken"


def test_a_modules_gradients_count_once_its_outputs_are_right():
    question = NAMES["lstm/sequence-forward"]
    assert credit(question, "numpy", {"C"}) == credit(question, "pytorch", {"C"}) == 1 / 2
    assert credit(question, "pytorch", {"H", "C"}) == 2 / 5
    assert credit(question, "pytorch", {"H", "C", "dW", "db"}) == 4 / 5


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_credit_is_a_share_below_one(question):
    for framework in FRAMEWORKS:
        outputs = question.answers[framework].outputs
        for missing in range(1, 2 ** len(outputs)):
            kept = {o for k, o in enumerate(outputs) if not missing >> k & 1}
            assert 0 <= credit(question, framework, kept) < 1
        assert credit(question, framework, set()) == 0


@pytest.mark.slow
def test_zero_gradients_earn_nothing_in_the_frameworks():
    """The forward pass stands in the notebook: a stub that returns zeros has done nothing."""
    import tensorflow as tf
    import torch

    class Zeros(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, h_prev, W, U, b):
            ctx.save_for_backward(x, h_prev, W, U, b)
            return torch.tanh(x @ W + h_prev @ U + b)

        @staticmethod
        def backward(ctx, dh):
            return tuple(torch.zeros_like(v) for v in ctx.saved_tensors)

    @tf.custom_gradient
    def with_zeros(x, h_prev, W, U, b):
        return tf.tanh(x @ W + h_prev @ U + b), lambda dh: tuple(tf.zeros_like(v) for v in (x, h_prev, W, U, b))

    for framework, answer in (("pytorch", Zeros), ("tensorflow", with_zeros)):
        error = failure("vanilla/step-backward", answer, framework=framework)
        assert error.credit == 0
        assert [v.output for v in error.verdicts if v.right] == ["h"]


@pytest.mark.slow
def test_a_rule_that_was_broken_earns_nothing():
    import torch

    def step(x, h_prev, c_prev, W, U, b):
        return torch.lstm_cell(x, [h_prev, c_prev], W.T, U.T, b, torch.zeros_like(b))

    assert failure("lstm/step-forward", step, framework="pytorch").credit == 0


# Measured over all known mistakes


@pytest.mark.slow
@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.mistakes], ids=lambda q: q.name)
def test_no_mistake_keeps_much_more_than_it_leaves_right(question):
    """Every mistake loses at least one output's share; together they keep less than two thirds of the points."""
    kept = [failure(question.name, mistaken(question.reference, m), seed=0).credit for m in question.mistakes]
    most = len([o for o in question.answers["numpy"].outputs if o not in question.free])
    assert max(kept) <= most / (most + 1)
    assert sum(kept) / len(kept) < 2 / 3


def test_hidden_tests_earn_what_the_failing_check_leaves():
    """A visible check that passes earns nothing yet: credit is that of the check that fails, on its own problems."""
    calls = []

    def answer(dh, x, h_prev, h, W, U):
        calls.append(1)
        found = right(dh, x, h_prev, h, W, U)
        return found if len(calls) <= 4 else (*found[:4], 2 * found[4])

    check("vanilla/step-backward", answer)
    assert failure("vanilla/step-backward", answer, rounds=5).credit == 4 / 5


def test_every_assignment_says_how_parts_count():
    for folder in sorted(SOLUTIONS.iterdir()):
        for path in folder.glob("*.py"):
            first = notebook_of(path).cells[0].source
            assert "each that is right on every problem earns a part of the points" in " ".join(first.split()), path


def test_callings_that_have_a_forward_pass():
    """What `credit` takes for a forward pass is one: as many outputs as there are gradients to send back."""
    for question in QUESTIONS:
        for how in question.answers.values():
            assert how.upstream == () or how.calling is not Calling.FUNCTION
