"""Which mistake was made? An answer that behaves as a known mistake does has made it."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from autograder.checks.drivers import NO_GRADIENT, Missing, given
from autograder.checks.mistakes import Mistake, mistaken
from autograder.checks.observing import Observation, by_name, cast
from autograder.checks.question import Problem, Question, relative_error, tolerance


def behaviour(question: Question, mistake: Mistake | None, problem: Problem, dtype: np.dtype) -> Observation | None:
    """What the reference answer does on a problem with this mistake in it (None: as it is); None where it raises."""
    reference, arguments, names = (
        question.reference,
        question.answers["numpy"].arguments,
        question.answers["numpy"].outputs,
    )
    if question.flow is not None and mistake in question.flow.mistakes:
        reference, arguments, names = question.flow.reference, question.flow.arguments, question.flow.outputs
    assert reference is not None, f"{question.name} has no reference answer"
    function = mistaken(reference, mistake) if mistake else reference
    values = {k: cast(v, dtype) for k, v in problem.values.items()}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs = by_name(question.name, names, function(*(given(values[a]) for a in arguments)))
    except Exception:  # an edited answer may do anything; what raises has no outputs to compare with
        return None
    changed = {a for a in arguments if not np.array_equal(values[a], cast(problem.values[a], dtype))}
    return Observation(outputs, frozenset(changed))


def explain(question: Question, seen: Sequence[tuple[Problem, np.dtype, Observation]]) -> list[Mistake]:
    """The mistakes that account for what was seen of one answer, on problems in turn: one, two, or none.

    Further problems only decide between mistakes that look alike on the first.
    """
    (problem, dtype, observation), *others = seen
    left = [m for m in _candidates(question, observation) if _accounts(question, m, problem, dtype, observation)]
    for problem_, dtype_, observation_ in others:
        if len(left) <= 1:
            break
        left = [m for m in left if _alike(question, m, problem_, dtype_, observation_)] or left
    return left[:1] or _pair(question, problem, dtype, observation)


def _candidates(question: Question, seen: Observation) -> list[Mistake]:
    """The mistakes that can be compared with what was seen: of cut gradients only where there are gradients."""
    flow = question.flow
    if flow is None or not set(flow.outputs) <= set(seen.outputs):
        return list(question.mistakes)
    return [*question.mistakes, *(m for m in flow.mistakes if not m.sign)]


def _accounts(question: Question, mistake: Mistake, problem: Problem, dtype: np.dtype, seen: Observation) -> bool:
    """The mistake shows on this problem, and the answer does the same in all that can be compared."""
    shown = behaviour(question, mistake, problem, dtype)
    if shown is None or not (shown.changed or _wrong(shown.outputs, problem, dtype)):
        return False
    return _same_behaviour(shown, seen, dtype, problem)


def _alike(question: Question, mistake: Mistake, problem: Problem, dtype: np.dtype, seen: Observation) -> bool:
    shown = behaviour(question, mistake, problem, dtype)
    return shown is not None and _same_behaviour(shown, seen, dtype, problem)


def _same_behaviour(shown: Observation, seen: Observation, dtype: np.dtype, problem: Problem) -> bool:
    common = [o for o in shown.outputs if o in seen.outputs and not _unknown(seen.outputs[o])]
    return (
        bool(common)
        and shown.changed == seen.changed
        and all(_same(seen.outputs[o], shown.outputs[o], _allowed(problem, dtype)) for o in common)
    )


def _unknown(value: object) -> bool:
    """Nothing is known of this output: neither what it is, nor its shape, nor that it is cut off."""
    return isinstance(value, Missing) and value.shape is None and not value.reason.startswith(NO_GRADIENT)


def _pair(question: Question, problem: Problem, dtype: np.dtype, seen: Observation) -> list[Mistake]:
    """Two mistakes in different outputs, which together are all that is wrong."""
    wrong = _wrong(seen.outputs, problem, dtype)
    if len(wrong) < 2 or seen.changed:
        return []
    parts: dict[Mistake, frozenset[str]] = {}
    for mistake in question.mistakes:
        shown = behaviour(question, mistake, problem, dtype)
        if shown is None or shown.changed:
            continue
        own = _wrong(shown.outputs, problem, dtype)
        if own and own < wrong and all(_same(seen.outputs[o], shown.outputs[o], _allowed(problem, dtype)) for o in own):
            parts[mistake] = own
    for first, second in combinations(parts, 2):
        if parts[first] | parts[second] == wrong and not parts[first] & parts[second]:
            return [first, second]
    return []


def _wrong(outputs: Mapping[str, object], problem: Problem, dtype: np.dtype) -> frozenset[str]:
    """The outputs that are not what is expected."""
    return frozenset(
        o
        for o, value in outputs.items()
        if not _same(value, cast(problem.expected[o], dtype), _allowed(problem, dtype), problem.scales.get(o, 0.0))
    )


def _allowed(problem: Problem, dtype: np.dtype) -> float:
    return tolerance(dtype, problem.terms)


def _same(got: object, other: object, allowed: float, scale: float = 0.0) -> bool:
    """Same shape, type and values, NaN and infinity in the same places; the shape alone where no more is known."""
    if isinstance(got, Missing) and got.reason.startswith(NO_GRADIENT):
        return other is not None and not np.asarray(other).any()  # to be cut off is to have no influence
    if isinstance(got, Missing):
        return other is not None and got.shape == np.asarray(other).shape
    a, b = _array(got), _array(other)
    if a is None or b is None or a.shape != b.shape:
        return False
    number = any(isinstance(v, float) and not isinstance(v, np.generic) for v in (got, other))
    if a.dtype != b.dtype and not (number and a.ndim == 0):
        return False
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)) or not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    return float(relative_error(a[finite], b[finite], scale).max(initial=0.0)) <= allowed


def _array(value: object) -> NDArray | None:
    try:
        array = np.asarray(value)
    except Exception:
        return None
    return array if array.dtype.kind in "fiub" else None
