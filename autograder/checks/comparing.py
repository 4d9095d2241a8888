"""Comparing one output with what was expected, and saying how it differs without saying what was expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.checks.failures import Verdict
from autograder.checks.question import relative_error
from autograder.checks.receiving import NoArray, received


@dataclass(frozen=True)
class About:
    """What is known of an output, which makes findings sharper.

    in_time: its first axis is time, which with `mask` (T, B) tells steps apart. blocks: the gates whose blocks make
    its last axis. sizes: the problem's T, B, …
    """

    in_time: bool = False
    mask: NDArray | None = None
    blocks: Sequence[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


NOTHING = About()


class Difference(NamedTuple):
    """How an output differs, in words that follow its name, and what to look at, if the difference itself says so."""

    finding: str
    advice: str = ""


def judge(
    output: str, got: object, expected: NDArray, *, allowed: float, scale: float = 0.0, about: About = NOTHING
) -> Verdict:
    """The verdict on one output.

    `got` is what the learner's answer returned, of any type; `expected` the right array. An answer is right
    when it has the expected shape and dtype and its largest `relative_error` (with `scale`) is at most `allowed`.
    """
    got = received(got)
    if isinstance(got, NoArray):
        return Verdict(output, False, got.finding, advice=got.advice)
    difference = (
        _wrong_shape(np.asarray(got), expected, about.in_time)
        or _not_finite(np.asarray(got), about.in_time)
        or _wrong_dtype(got, expected)
    )
    if difference is None:
        values = np.asarray(got)
        error = relative_error(values, expected, scale)
        if float(error.max(initial=0.0)) <= allowed:
            return Verdict(output, True)
        difference = _how_it_differs(values, expected, error, allowed, about)
    return Verdict(output, False, difference.finding, advice=difference.advice)


def exchanged(
    verdicts: Sequence[Verdict], got: Mapping[str, object], expected: Mapping[str, NDArray], allowed: float
) -> list[Verdict]:
    """The verdicts, those on outputs that stand where another one belongs marked as such, if at least two do."""
    wrong = [v.output for v in verdicts if not v.right]
    belongs = {}
    for output in wrong:
        array = got[output]
        if isinstance(array, np.ndarray) and array.dtype.kind in "fiub":
            fits = (o for o in wrong if o != output and expected[o].shape == array.shape)
            there = (o for o in fits if float(relative_error(array, expected[o]).max(initial=0.0)) <= allowed)
            belongs[output] = next(there, "")
    if sum(map(bool, belongs.values())) < 2:
        return list(verdicts)
    order = f"The outputs stand in another order. The task's is {', '.join(v.output for v in verdicts)}."
    return [
        Verdict(v.output, False, f"is what {belongs[v.output]} should be", advice=order) if belongs.get(v.output) else v
        for v in verdicts
    ]


_SHAPES = (
    "Values are compared once shapes fit. Print the shape of each array on its way to the result, and compare it with "
    "the task's."
)


def _wrong_shape(got: NDArray, expected: NDArray, in_time: bool) -> Difference | None:
    if got.shape == expected.shape:
        return None
    return Difference(f"has shape {got.shape}, expected {expected.shape}{_guess(got, expected, in_time)}", _SHAPES)


def _guess(got: NDArray, expected: NDArray, in_time: bool) -> str:
    """What may have led to this shape, where there is a guess."""
    if got.shape == expected.shape[::-1] and got.ndim > 1:
        return ": it is transposed"
    if sorted(got.shape) == sorted(expected.shape):
        return ": its axes are in another order"
    if expected.ndim == 0 and got.size > 1:
        return ": a single number is asked for; has the sum or mean been left out?"
    if tuple(n for n in got.shape if n > 1) == tuple(n for n in expected.shape if n > 1):
        return ": an axis of length 1 too many or too few"
    if got.size == expected.size:
        return ": the same number of entries, laid out differently"
    if in_time and got.shape == expected.shape[1:]:
        return ": the first axis, time, is missing; is this the last step alone?"
    if in_time and got.ndim and got.shape[1:] == expected.shape[1:]:
        more = got.shape[0] - expected.shape[0]
        if abs(more) == 1:
            return f": one step too {'many; is the state before the first step in it?' if more > 0 else 'few'}"
    if got.ndim == expected.ndim + 1 and expected.shape in (got.shape[1:], got.shape[:1] + got.shape[2:]):
        return ": one axis has not been summed over"
    return ""


def _not_finite(got: NDArray, in_time: bool) -> Difference | None:
    bad = ~np.isfinite(got)
    if not bad.any():
        return None
    kind = "NaN" if np.isnan(got).any() else "infinite values"
    where = f", first at time step {int(np.argwhere(bad)[0][0])}" if in_time and got.ndim else ""
    made = (
        ", from 0/0, ∞ − ∞, or a root or log below 0"
        if kind == "NaN"
        else ", from a division by 0, a log of 0, or overflow"
    )
    return Difference(f"contains {kind} ({int(bad.sum())} of {got.size} entries{where}){made}")


def _wrong_dtype(got: object, expected: NDArray) -> Difference | None:
    plain_number = isinstance(got, float) and not isinstance(got, np.generic) and expected.ndim == 0
    dtype = np.asarray(got).dtype
    if plain_number or dtype == expected.dtype:
        return None
    if expected.dtype.kind != "f":
        return Difference(
            f"has dtype {dtype}, expected {expected.dtype}", f"Convert it, or make it as {expected.dtype}."
        )
    return Difference(f"has dtype {dtype}, expected {expected.dtype} like the inputs", _TYPES)


_TYPES = (
    "Values are compared once the type fits. A new array takes the type of a given one by zeros_like(x) or "
    "dtype=x.dtype; numbers of NumPy's own, such as np.sqrt(2), are float64, Python's own take the array's type."
)


def _how_it_differs(got: NDArray, expected: NDArray, error: NDArray, allowed: float, about: About) -> Difference:
    def same(a: NDArray, b: NDArray) -> bool:
        return float(relative_error(a, b).max(initial=0.0)) <= 4 * allowed

    if not got.any():
        return Difference("is zero everywhere")
    if same(got, -expected):
        return Difference("has the wrong sign")
    factor = _factor(got, expected)
    if expected.size > 1 and abs(factor - 1) > 1e-3 and factor and same(got, factor * expected):
        return Difference(f"is {factor:.4g} times what it should be, everywhere{_named_factor(factor, about.sizes)}")
    if got.ndim == 2 and got.shape[0] == got.shape[1] > 1 and same(got, expected.T):
        return Difference("is the transpose of what it should be")
    if about.in_time and len(got) > 1 and same(got, expected[::-1]):
        return Difference("is right but reversed in time")
    if expected.size > 1 and same(np.sort(got, axis=None), np.sort(expected, axis=None)):
        along = got.ndim > 1 and same(np.sort(got, axis=-1), np.sort(expected, axis=-1))
        where = "another order along its last axis" if along else "other places"
        return Difference(f"holds the right numbers in {where}", _PLACES)
    largest = float(error.max())
    if largest < _NEARLY and allowed < _NEARLY / 10:
        return Difference(
            f"is nearly right: its largest relative error is {largest:.2g}, at most {allowed:.1g} is rounding",
            "The formula is right or almost so; something in it is not exact. A small constant that is added, a value "
            "that is rounded, clipped or in a shorter type, differences in place of a derivative?",
        )
    if expected.size == 1:
        return Difference(f"is off by a relative error of {largest:.2g}")
    where = _where(error > allowed, about)
    if about.in_time and _stops(got, error > allowed):
        step = int(np.flatnonzero(got.reshape(len(got), -1).any(axis=1))[-1])
        return Difference(
            f"is right up to time step {step} (counting from 0) and zero after it",
            "The loop over time ends early: is the return, or a break, inside it?",
        )
    return Difference(f"{where}; largest relative error {largest:.2g}")


_NEARLY = 3e-4
_PLACES = (
    "The numbers are right, the places are not. Look at what moves numbers without changing them: reshape, transpose, "
    "concatenation, indices, the order of blocks or of steps."
)


def _stops(got: NDArray, wrong: NDArray) -> bool:
    """Right steps first, and from the first wrong one on nothing but zeros."""
    bad = wrong.reshape(len(wrong), -1).any(axis=1)
    first = int(bad.argmax())
    return bool(first > 0 and not got[first:].any())


def _factor(got: NDArray, expected: NDArray) -> float:
    """The number that comes closest to got = factor · expected."""
    power = float((expected * expected).sum())
    return float((got * expected).sum()) / power if power else 0.0


def _named_factor(factor: float, sizes: Mapping[str, int]) -> str:
    """The factor in terms of the problem's sizes, if it is one of them or its inverse."""
    numbers = {name: float(n) for name, n in sizes.items() if n > 1}
    if {"T", "B"} <= set(numbers):
        numbers["T·B"] = numbers["T"] * numbers["B"]
    for name, n in numbers.items():
        if abs(factor / n - 1) < 1e-3:
            return f": that is {name}; a sum where a mean belongs?"
        if abs(factor * n - 1) < 1e-3:
            return f": that is 1/{name}; a mean where a sum belongs?"
    return ""


def _where(wrong: NDArray, about: About) -> str:
    """Which entries are wrong, in the fewest words that fit."""
    if about.blocks:
        width = wrong.shape[-1] // len(about.blocks)
        by_gate = np.asarray(wrong.reshape(-1, len(about.blocks), width).any(axis=(0, 2)))
        names = [name for name, bad in zip(about.blocks, by_gate, strict=True) if bad]
        if len(names) < len(about.blocks):
            listed = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
            return f"differs only in the block{'s' * (len(names) > 1)} of {listed}"
    if wrong.all():
        return "differs everywhere"
    if about.in_time:
        steps = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
        if about.mask is not None and not wrong[about.mask != 0].any():
            return "differs only where the mask is 0"
        if len(wrong) > 1 and len(steps) == 1:
            return f"differs only at {_step_name(int(steps[0]), len(wrong))}"
        if len(steps) and steps[0] > 0 and len(steps) == len(wrong) - steps[0]:
            return f"differs from time step {int(steps[0])} on (counting from 0)"
        if about.mask is not None and not wrong[about.mask == 0].any():
            return "differs only where the mask is 1"
    return f"differs in {int(wrong.sum())} of {wrong.size} entries"


def _step_name(step: int, steps: int) -> str:
    if step == 0:
        return "the first time step"
    if step == steps - 1:
        return "the last time step"
    return f"time step {step} (counting from 0)"
