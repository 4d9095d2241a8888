"""Questions judged by what training reaches: passing, failing, out of time, and answers that cannot be scored."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograder.checks import CheckFailure, drivers
from autograder.checks.training import Malformed, Training, Trial, judge_training

OURS = str(Path(judge_training.__code__.co_filename).parents[1])


def trials(rng):
    """Fit a line through noisy points; the score is the mean squared error of the slope."""
    for _ in range(3):
        slope = rng.normal()
        x = rng.normal(size=50)

        def score(returned, slope=slope):
            if not isinstance(returned, (float, np.floating, np.ndarray)):
                raise Malformed(f"expected a number, got {returned!r}")
            return (float(returned) - slope) ** 2

        yield Trial("50 points", {"x": x, "y": slope * x + 0.1 * rng.normal(size=50), "seed": 7}, score)


LINE = Training(
    "test/line", trials, 0.01, False, "squared error", 2, 1.0, "nowhere", "Least squares: x·y over x·x.", "eq-rnn-a"
)


def run(answer, question=LINE, framework="numpy"):
    return judge_training(question, answer, drivers.load(framework), 0, OURS)


def fails(answer, question=LINE, framework="numpy") -> str:
    with pytest.raises(CheckFailure) as caught:
        run(answer, question, framework)
    return str(caught.value)


def fit(x, y, seed):
    return (x * y).sum() / (x * x).sum()


def test_a_right_answer_passes_and_is_told_what_it_reached():
    assert "asked is at most 0.01 squared error in 2 of 3 runs" in run(fit)


def test_enough_runs_settle_it():
    calls = []

    def counted(x, y, seed):
        calls.append(seed)
        return fit(x, y, seed)

    run(counted)
    assert len(calls) == 2
    calls.clear()
    fails(lambda x, y, seed: calls.append(seed) or 9.0)
    assert len(calls) == 2


def test_one_bad_run_of_three_is_forgiven():
    calls = []

    def unlucky(x, y, seed):
        calls.append(seed)
        return 9.0 if len(calls) == 1 else fit(x, y, seed)

    assert run(unlucky).startswith("✓")


def test_a_wrong_answer_is_told_what_it_reached_and_what_is_asked():
    text = fails(lambda x, y, seed: 5.0)
    assert "training reached" in text
    assert "asked is at most 0.01 squared error in 2 of 3" in text
    assert "Least squares" in text
    assert "equation (3." in text


def test_nan_is_not_good_enough():
    assert "reached nan, nan" in fails(lambda x, y, seed: float("nan"))
    assert "reached nan, nan" in fails(lambda x, y, seed: float("nan"), replace(LINE, higher=True))


def test_what_cannot_be_scored():
    assert "expected a number, got None" in fails(lambda x, y, seed: None)


def test_the_budget_is_kept():
    def slow(x, y, seed):
        while True:
            time.sleep(0.01)

    assert "did not finish within its 0.1 seconds of processor time" in fails(slow, replace(LINE, seconds=0.1))


def test_the_budget_is_of_processor_time():
    """Half a second by the clock, next to none of the processor: within the budget, however busy the machine."""

    def waits(x, y, seed):
        time.sleep(0.5)
        return fit(x, y, seed)

    def works(x, y, seed):
        while True:
            pass

    run(waits, replace(LINE, seconds=0.3))
    began = time.process_time()
    assert "0.3 seconds of processor time" in fails(works, replace(LINE, seconds=0.3))
    assert time.process_time() - began < 3


def test_errors_and_stubs():
    def raises(x, y, seed):
        raise KeyError("weights")

    def stub(x, y, seed):
        raise NotImplementedError()

    assert "raises raised KeyError: 'weights'" in fails(raises)
    assert "stub is not written yet" in fails(stub)
    assert "takes 1 arguments (x), the task calls it with 3 (x, y, seed)" in fails(lambda x: 0)


def test_arguments_are_copies():
    def spoils(x, y, seed):
        slope = fit(x, y, seed)
        x *= 0
        return slope

    assert run(spoils).startswith("✓")
    assert run(spoils).startswith("✓")


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
def test_frameworks_get_tensors_and_may_differentiate(framework):
    if framework == "pytorch":
        import torch

        def learn(x, y, seed):
            w = torch.zeros((), dtype=x.dtype, requires_grad=True)
            for _ in range(100):
                (gradient,) = torch.autograd.grad(((w * x - y) ** 2).mean(), w)
                w = (w - 0.3 * gradient).detach().requires_grad_()
            return w
    else:
        import tensorflow as tf

        def learn(x, y, seed):
            w = tf.Variable(0.0, dtype=x.dtype)
            for _ in range(100):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((w * x - y) ** 2)
                w.assign_sub(0.3 * tape.gradient(loss, w))
            return w

    assert run(learn, framework=framework).startswith("✓")


@pytest.mark.slow
def test_ready_made_layers_are_refused_where_the_task_says_so():
    import torch

    def wrapped(x, y, seed):
        return torch.nn.RNN(1, 1, dtype=torch.float64)(x[:, None, None])[0].mean()

    assert "training reached" in fails(wrapped, framework="pytorch")
    assert "this one uses PyTorch's rnn_tanh" in fails(wrapped, replace(LINE, own_layers=True), "pytorch")
