"""Draws from a secret: the same for the same student and cell, others for others, and none of them guessed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest

from autograder import check
from autograder.checks import drawing


@pytest.fixture(autouse=True)
def _no_secret_left() -> Iterator[None]:
    yield
    drawing.seed_with(b"", "", "")


def drawn(*setting, times=1):
    """The inputs that an answer sees in the last of some checks of a cell."""
    drawing.seed_with(*setting)
    for _ in range(times):
        seen = []

        def answer(x, h_prev, W, U, b, seen=seen):
            seen.append(x.copy())
            return np.tanh(x @ W + h_prev @ U + b)

        check("vanilla/step-forward", answer)
    return seen


def same(a, b):
    return all(map(np.array_equal, a, b)) and len(a) == len(b)


def test_the_same_secret_draws_the_same(capsys):
    assert same(drawn(b"secret", "vanilla", "ada"), drawn(b"secret", "vanilla", "ada"))


def test_another_draws_otherwise(capsys):
    settings = [
        drawn(b"secret", "vanilla", "ada", "cell"),
        drawn(b"other", "vanilla", "ada", "cell"),
        drawn(b"secret", "lstm", "ada", "cell"),
        drawn(b"secret", "vanilla", "bob", "cell"),
        drawn(b"secret", "vanilla", "ada", "another"),
        drawn(b"secret", "vanilla", "ada", "cell", times=2),
        drawn(b"", "vanilla", "ada", "cell"),
        drawn(b"", "vanilla", "ada", "cell"),
    ]
    for a, b in combinations(settings, 2):
        assert not same(a, b)


def test_parts_do_not_run_into_one_another():
    drawing.seed_with(b"secret", "a", "bc")
    first = drawing.seeds.next("q")
    drawing.seed_with(b"secret", "ab", "c")
    assert drawing.seeds.next("q") != first
    drawing.seed_with(b"secret", "a", "bc")
    assert (drawing.seeds.next("q"), drawing.seeds.next("q")) != (first, first)


def test_a_seed_that_is_given_counts():
    drawing.seed_with(b"secret", "vanilla", "ada")
    assert drawing.generator("q", 3).random() == np.random.default_rng(3).random()
    first = drawing.generator("q", None).random()
    drawing.seed_with(b"secret", "vanilla", "ada")
    assert drawing.generator("q", None).random() == first, "a check that is given a seed is not counted"
