"""Wrong answers that depend on nothing they are given are told so, and no others are."""

from __future__ import annotations

import time

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure, checking
from autograder.checks.given_values import other_numbers

NAME = "vanilla/step-backward"


def right(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


def text(answer, name=NAME, **options) -> str:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, **options)
    return str(caught.value)


def test_numbers_made_from_shapes_alone():
    def wave(x, h_prev, W, U, b):
        return np.sin(np.arange(h_prev.size, dtype=x.dtype)).reshape(h_prev.shape)

    told = text(wave, "vanilla/step-forward")
    assert "h is the same whatever your code is given: other numbers of the same shapes change nothing." in told
    assert "Compute it from the arguments." in told


def test_stored_numbers():
    stored: dict = {}

    def remembered(x, h_prev, W, U, b):
        return stored.setdefault((h_prev.shape, h_prev.dtype), np.tanh(1.3 * (x @ W) + 0.7 * h_prev))

    assert "h is the same whatever your code is given" in text(remembered, "vanilla/step-forward")


def test_zeros():
    def zeros(dh, x, h_prev, h, W, U):
        return tuple(np.zeros_like(v) for v in (x, h_prev, W, U, W[0]))

    assert "dx, dh_prev, dW, dU and db are the same whatever your code is given" in text(zeros)


def test_only_the_outputs_that_do():
    def ones(dh, x, h_prev, h, W, U):
        dx, dh_prev, dW, dU, _ = right(dh, x, h_prev, h, W, U)
        return dx, dh_prev, dW, dU * 1.3, np.full_like(W[0], 2)

    told = text(ones)
    assert "db is the same whatever your code is given" in told


WRONG = {
    "a factor": lambda *v: tuple(1.7 * g for g in right(*v)),
    "the argument itself": lambda dh, x, h_prev, h, W, U: (x, h_prev, W, U, W[0]),
    "not finite": lambda *v: tuple(np.nan * g for g in right(*v)),
    "not arrays": lambda *v: ("a",) * 5,
    "a known mistake": lambda dh, x, h_prev, h, W, U: right(-dh, x, h_prev, h, W, U),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_others_are_not_told_so(answer):
    assert "whatever your code is given" not in text(answer)


def test_what_rightly_does_not_depend_on_the_numbers():
    """lengths of `names/encode` are made from a text, which stays."""

    def encode(text, alphabet):
        names = text.split("\n")
        return np.zeros((3, len(names)), np.int64), np.array([len(n) for n in names]) + 1

    assert "whatever your code is given" not in text(encode, "names/encode")


def test_an_answer_that_fails_on_other_numbers_is_told_what_was_seen_first():
    calls = []

    def moody(dh, x, h_prev, h, W, U):
        calls.append(1)
        if len(calls) > 4:
            raise ValueError("enough")
        return tuple(1.7 * g for g in right(dh, x, h_prev, h, W, U))

    assert "1.7 times what it should be" in text(moody)


def test_right_answers_are_not_called_again():
    calls = []

    def counted(*arguments):
        calls.append(time.perf_counter())
        return right(*arguments)

    check(NAME, lambda dh, x, h_prev, h, W, U: counted(dh, x, h_prev, h, W, U))
    assert len(calls) == 4


def test_the_second_problem_has_the_same_shapes_and_the_same_kind_of_numbers():
    for name in ("vanilla/sequence-forward", "bptt/clip-by-global-norm", "language-model/windows", "names/encode"):
        for problem in checking.find(name).problems(np.random.default_rng(0)):
            for key, value in other_numbers(problem).values.items():
                before = problem.values[key]
                assert (value.shape, value.dtype) == (before.shape, before.dtype)
                if value.dtype.kind in "iuU" or key == "mask":
                    assert sorted(value.reshape(-1)) == sorted(before.reshape(-1))
                else:
                    assert value.ndim == 0 or not value.any() or (value != before).any()
