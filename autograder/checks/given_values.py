"""Does a wrong answer depend on what it is given? Stored values, or values made from shapes alone, are told as that.

Only asked of an answer that is wrong already and makes no known mistake, so it costs right answers nothing. A second
problem of the same shapes is made from the first by changing its numbers; what then comes back unchanged, though the
right answer changes, was not computed from them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.checks.calling import Printed
from autograder.checks.diagnosis import behaviour
from autograder.checks.drivers import Driver
from autograder.checks.failures import CheckFailure
from autograder.checks.observing import Observation, observe, run_dtype
from autograder.checks.question import Answer, Problem, Question


def other_numbers(problem: Problem) -> Problem:
    """A problem of the same shapes with other numbers. Masks and whole numbers keep their values but not their places,
    and texts, sizes and other single whole numbers stay: they are what is special about it."""
    rng = np.random.default_rng(0)
    return replace(problem, values={name: _other(value, rng) for name, value in problem.values.items()})


def _other(value: NDArray, rng: np.random.Generator) -> NDArray:
    if value.dtype.kind not in "fiu":
        return value
    if value.dtype.kind == "f" and not np.isin(value, (0.0, 1.0)).all():
        return (value * (1 + 0.2 * rng.random(value.shape))).astype(value.dtype)
    return rng.permutation(value.reshape(-1)).reshape(value.shape) if value.ndim else value


def independent(
    question: Question,
    how: Answer,
    driver: Driver,
    answer: Callable[..., Any],
    problem: Problem,
    seen: Observation,
    wrong: Sequence[str],
    ours: str,
) -> list[str]:
    """Those of the `wrong` outputs that are the same for other numbers, though right ones are not."""
    other = other_numbers(problem)
    try:
        again = observe(question, how, driver, answer, other, Printed(), ours).outputs
    except CheckFailure:
        return []
    dtype = run_dtype(how, driver, problem)
    right = [behaviour(question, None, p, dtype) for p in (problem, other)] if question.reference else [None, None]
    before, after = (r.outputs if r is not None else {} for r in right)
    return [name for name in wrong if _same(seen.outputs, again, name) and not _same(before, after, name)]


def _same(one: Mapping[str, object], other: Mapping[str, object], name: str) -> bool:
    """Whether both have this output, an array of finite numbers, and it is the same in both to the last digit."""
    a, b = one.get(name), other.get(name)
    if a is None or b is None:
        return False
    try:
        a, b = np.asarray(a), np.asarray(b)
    except ValueError:
        return False
    return a.dtype.kind in "fiub" and np.array_equal(a, b) and bool(np.isfinite(a).all())


def told(names: Sequence[str]) -> str:
    """ "dW and db are the same numbers …": the sentence on outputs that depend on nothing; "" for none."""
    if not names:
        return ""
    listed = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    verb, pronoun = ("are", "them") if len(names) > 1 else ("is", "it")
    return (
        f"{listed} {verb} the same whatever your code is given: other numbers of the same shapes change nothing. "
        f"Compute {pronoun} from the arguments."
    )
