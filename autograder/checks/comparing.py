"""Comparing one output with what was expected, and saying how it differs without saying what was expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autograder.checks.failures import Verdict
from autograder.checks.question import relative_error


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


def judge(
    output: str, got: object, expected: NDArray, *, allowed: float, scale: float = 0.0, about: About = NOTHING
) -> Verdict:
    """The verdict on one output.

    `got` is what the learner's answer returned, of any type; `expected` the right array. An answer is right
    when it has the expected shape and dtype and its largest `relative_error` (with `scale`) is at most `allowed`.
    """
    finding = (
        _not_an_array(got)
        or _wrong_shape(np.asarray(got), expected)
        or _not_finite(np.asarray(got), about.in_time)
        or _wrong_dtype(got, expected)
    )
    if finding:
        return Verdict(output, False, finding)
    values = np.asarray(got)
    error = relative_error(values, expected, scale)
    if float(error.max(initial=0.0)) <= allowed:
        return Verdict(output, True)
    return Verdict(output, False, _how_it_differs(values, expected, error, allowed, about))


def _not_an_array(got: object) -> str:
    if got is None:
        return "is None: is the return statement there?"
    if callable(got) or isinstance(got, (str, bytes, dict)):
        return f"is a {type(got).__name__}, not an array"
    try:
        array = np.asarray(got)
    except Exception:
        return f"is a {type(got).__name__} that cannot be read as an array"
    if array.dtype.kind not in "fiub":
        return f"is an array of {array.dtype}, not of real numbers"
    return ""


def _wrong_shape(got: NDArray, expected: NDArray) -> str:
    if got.shape == expected.shape:
        return ""
    text = f"has shape {got.shape}, expected {expected.shape}"
    if got.shape == expected.shape[::-1]:
        return text + ": it is transposed"
    if sorted(got.shape) == sorted(expected.shape):
        return text + ": its axes are in another order"
    if got.size == expected.size:
        return text + ": the same number of entries, laid out differently"
    if got.ndim == expected.ndim + 1 and expected.shape in (got.shape[1:], got.shape[:1] + got.shape[2:]):
        return text + ": one axis has not been summed over"
    return text


def _not_finite(got: NDArray, in_time: bool) -> str:
    bad = ~np.isfinite(got)
    if not bad.any():
        return ""
    kind = "NaN" if np.isnan(got).any() else "infinite values"
    where = f", first at time step {int(np.argwhere(bad)[0][0])}" if in_time and got.ndim else ""
    return f"contains {kind} ({int(bad.sum())} of {got.size} entries{where})"


def _wrong_dtype(got: object, expected: NDArray) -> str:
    plain_number = isinstance(got, float) and not isinstance(got, np.generic) and expected.ndim == 0
    dtype = np.asarray(got).dtype
    if plain_number or dtype == expected.dtype:
        return ""
    return f"has dtype {dtype}, expected {expected.dtype} like the inputs"


def _how_it_differs(got: NDArray, expected: NDArray, error: NDArray, allowed: float, about: About) -> str:
    def same(a: NDArray, b: NDArray) -> bool:
        return float(relative_error(a, b).max(initial=0.0)) <= 4 * allowed

    if not got.any():
        return "is zero everywhere"
    if same(got, -expected):
        return "has the wrong sign"
    factor = _factor(got, expected)
    if expected.size > 1 and abs(factor - 1) > 1e-3 and factor and same(got, factor * expected):
        return f"is {factor:.4g} times what it should be, everywhere{_named_factor(factor, about.sizes)}"
    if got.ndim == 2 and got.shape[0] == got.shape[1] > 1 and same(got, expected.T):
        return "is the transpose of what it should be"
    if about.in_time and len(got) > 1 and same(got, expected[::-1]):
        return "is right but reversed in time"
    if expected.size == 1:
        return f"is off by a relative error of {float(error.max()):.2g}"
    return f"{_where(error > allowed, about)}; largest relative error {float(error.max()):.2g}"


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
