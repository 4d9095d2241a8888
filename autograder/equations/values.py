"""Values and what may be done with them: numbers, rows, matrices, and the shapes they must have.

Shapes decide what an operation means, and the sizes of a problem are chosen unequal so that they can: a square array
is a matrix and has matrix powers, any other array is rows and has powers entry by entry.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.equations.program import Array


class EvaluationError(ValueError):
    """A printed equation makes no sense in its world: a shape that does not fit, an unknown symbol."""


class Nothing(float):
    """Zero of any shape: an empty sum, a printed 0, what comes after the last step."""


class Empty(float):
    """One of any shape: an empty product."""


NOTHING, EMPTY = Nothing(0.0), Empty(1.0)
Value = Any  # float, Nothing, Empty or Array


def is_number(value: Value) -> bool:
    return np.ndim(value) == 0


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape, without leading ones: a row (1, H) and a vector (H,) are the same."""
    shape = np.shape(value)
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return () if shape == (1,) else shape


def power(base: Value, exponent: Value) -> Value:
    if not is_number(exponent):
        raise EvaluationError("an exponent must be a number")
    if np.ndim(base) == 2 and base.shape[0] == base.shape[1] > 1:
        if exponent != int(exponent.real):
            raise EvaluationError("a matrix has whole powers only")
        return np.linalg.matrix_power(base, int(exponent.real))
    if isinstance(base, Nothing) and exponent != 0:
        return NOTHING
    return np.power(base, exponent)


def transpose(value: Value) -> Value:
    return value if is_number(value) else np.atleast_2d(value).T


def multiply(left: Value, right: Value) -> Value:
    """Side by side: a matrix product, or a number times anything."""
    if isinstance(left, Nothing) or isinstance(right, Nothing):
        return NOTHING
    if isinstance(left, Empty):
        return right
    if isinstance(right, Empty):
        return left
    if is_number(left) or is_number(right):
        return left * right
    if left.shape[-1] == right.shape[0]:
        return np.tensordot(left, right, 1)
    if left.size == 1 or right.size == 1:
        return (left.item() if left.size == 1 else left) * (right.item() if right.size == 1 else right)
    raise EvaluationError(f"the product of {left.shape} and {right.shape} has no meaning")


def entrywise(left: Value, right: Value) -> Value:
    r"""`\odot`: equal shapes, or a column (B, 1) or a row for all rows."""
    if isinstance(left, Nothing) or isinstance(right, Nothing):
        return NOTHING
    result = left * right
    if is_number(left) or is_number(right) or result.shape in (left.shape, right.shape):
        return result
    raise EvaluationError(f"{left.shape} and {right.shape} do not fit entry by entry")


def dot(left: Value, right: Value) -> Value:
    r"""`\cdot`: a product, or the inner product of two rows."""
    if not is_number(left) and not is_number(right) and shape_of(left) == shape_of(right) and left.shape[-1] > 1:
        return np.sum(left * right)
    return multiply(left, right)


def divide(left: Value, right: Value) -> Value:
    if isinstance(left, Nothing):
        return NOTHING
    if not is_number(right) and np.size(right) != 1 and shape_of(left) != shape_of(right):
        raise EvaluationError("only numbers divide")
    return left / (right if is_number(right) or np.size(right) != 1 else right.item())


def add(left: Value, right: Value) -> Value:
    """Equal shapes, a number to every entry, or a row to every row."""
    if isinstance(left, Nothing):
        return right
    if isinstance(right, Nothing):
        return left
    if is_number(left) or is_number(right):
        return left + right
    rows = shape_of(left) == shape_of(right) or len(shape_of(left)) == 1 or len(shape_of(right)) == 1
    if rows and left.shape[-1] == right.shape[-1]:
        return left + right
    if left.size == right.size == 1:
        return np.reshape(left, ()) + np.reshape(right, ())
    raise EvaluationError(f"{left.shape} and {right.shape} cannot be added")


def difference(left: Value, right: Value) -> Array:
    """left - right for a relation: shapes must be equal; zero and one of any shape take the other's."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Empty) and np.ndim(other) == 2:
            return other - np.eye(len(other)) if other.shape[0] == other.shape[1] else np.full(other.shape, np.inf)
        if isinstance(one, Nothing):
            return np.asarray(other)
    if shape_of(left) != shape_of(right):
        raise EvaluationError(f"the two sides have the shapes {shape_of(left)} and {shape_of(right)}")
    return np.reshape(left, shape_of(left)) - np.reshape(right, shape_of(right))


def largest(value: Value) -> float:
    return float(np.max(np.abs(value), initial=0.0))


def norm(value: Value, which: str) -> float:
    """Euclidean norm of all entries; `2`: the spectral norm of a matrix; `F`, `1`, `infty` (row sums)."""
    array = np.asarray(value)
    if which == "2" and array.ndim == 2:
        return float(np.linalg.norm(array, 2))
    if which in ("", "F", "2"):
        return float(np.sqrt(np.sum(np.abs(array) ** 2)))
    if which == "1":
        return float(np.sum(np.abs(array)))
    if which in (r"\infty", "infty", r"\max", "max"):
        return float(np.max(np.abs(array)))
    raise EvaluationError(f"a norm with subscript {which} is not known")


def entries(value: Value, indices: tuple[int, ...], one_sequence: bool) -> Value:
    """Subscripts that are left after the time: rows, then columns, counted from one.

    For one sequence, whose state is a row (1, H), a single subscript is a column.
    """
    if not indices:
        return value
    if is_number(value):
        if isinstance(value, Nothing):
            return NOTHING
        raise EvaluationError("a number has no entries")
    if one_sequence and value.ndim == 2 and value.shape[0] == 1 and len(indices) == 1:
        indices = (1, *indices)
    if len(indices) > value.ndim:
        raise EvaluationError(f"{len(indices)} subscripts for an array of shape {value.shape}")
    for index, size in zip(indices, value.shape, strict=False):
        if not 1 <= index <= size:
            raise EvaluationError(f"there is no entry {indices} in an array of shape {value.shape}")
    found = value[tuple(i - 1 for i in indices)]
    return found[None] if found.ndim == 1 and value.ndim == 2 else found


def softmax(value: Value) -> Array:
    e = np.exp(value - np.max(np.real(value), axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _diag(value: Value) -> Array:
    if len(shape_of(value)) > 1:
        raise EvaluationError(f"diag of an array of shape {np.shape(value)}")
    return np.diag(np.ravel(value))


def _inner(left: Value, right: Value) -> Value:
    if isinstance(left, Nothing) or isinstance(right, Nothing):
        return NOTHING
    if shape_of(left) != shape_of(right):
        raise EvaluationError(f"the inner product of {np.shape(left)} and {np.shape(right)}")
    return np.sum(left * right)


def _whole(function: Callable[[float], int]) -> Callable[[Value], int]:
    """Ceiling and floor that forgive rounding: 3.0000000000000004 is 3."""
    return lambda x: round(float(x)) if abs(x - round(float(x))) < 1e-9 else function(float(x))


FUNCTIONS: dict[str, Callable[..., Value]] = {
    **{name: getattr(np, name) for name in ("tanh", "sinh", "cosh", "exp", "log", "sin", "cos", "tan", "sqrt", "sign")},
    "ln": np.log,
    "abs": np.abs,
    "Re": np.real,
    "Im": np.imag,
    "det": np.linalg.det,
    "tr": np.trace,
    "rank": np.linalg.matrix_rank,
    "softmax": softmax,
    "diag": _diag,
    "inner": _inner,
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
    "binom": lambda n, k: math.comb(int(n), int(k)),
    "max": lambda *a: functools.reduce(np.maximum, a) if len(a) > 1 else np.max(a[0]),
    "min": lambda *a: functools.reduce(np.minimum, a) if len(a) > 1 else np.min(a[0]),
}
