"""Taking in what an answer returned: a plain array, or what it is instead and what to do about it.

An output may be any object, with methods that lie or raise. It is read once, here; what comes after sees NumPy arrays.
"""

from typing import NamedTuple

import numpy as np

LARGEST = 1 << 20
"""Numbers in one output; the problems have some hundreds."""
_RETURN_ONE = "Return one array of numbers for it."


class NoArray(NamedTuple):
    """Stands for an output that is no array of real numbers: what it is, in words that follow its name, and advice."""

    finding: str
    advice: str = ""


def received(value: object) -> object:
    """The output as a plain array, or a Python float as it is, or NoArray; `drivers.Missing` is passed on. Never raises
    for what a learner's object does."""
    from autograder.checks.drivers import Missing

    if isinstance(value, (Missing, NoArray, float)) and not isinstance(value, np.generic):
        return value
    try:
        return _refused(value) or _read(value)
    except Exception:
        return NoArray(f"is {_a(value)} that cannot be read as an array", _RETURN_ONE)


def _refused(value: object) -> NoArray | None:
    """What is not even tried."""
    if value is None:
        return NoArray("is None: is the return statement there?", "A function without return, and one whose return "
                       "stands inside an if or a loop that is not entered, gives None.")  # fmt: skip
    if isinstance(value, type) or callable(value):
        what = "a class" if isinstance(value, type) else "a function"
        return NoArray(f"is {what}, not an array", "Are the parentheses of a call missing?")
    if isinstance(value, (str, bytes, dict, set, frozenset)):
        return NoArray(f"is {_a(value)}, not an array", _RETURN_ONE)
    if hasattr(value, "__next__") or hasattr(value, "__await__"):
        return NoArray(f"is {_a(value)}, which has not been run", "Write a list in its place, and stack it.")
    if isinstance(value, (tuple, list)) and len(value) > LARGEST:
        return NoArray(f"is {_a(value)} of {len(value)} things: far more than asked for", _RETURN_ONE)
    if isinstance(value, np.ndarray) and value.size > LARGEST:
        shape = tuple(np.ndarray.__getattribute__(value, "shape"))
        return NoArray(
            f"has shape {shape}: {value.size} numbers are far more than asked for",
            "Print the shape of each array on its way to it.",
        )
    return None


def _read(value: object) -> object:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        hidden = int(np.ma.count_masked(value))
        return NoArray(f"is a masked array, {hidden} of its entries hidden", "Fill them: multiply, or use np.where.")
    try:
        array = np.asarray(value)
    except Exception:
        several = isinstance(value, (tuple, list))
        things = f" of {len(value)} things" if several and len(value) != 1 else ""  # type: ignore[arg-type]
        advice = "Return one array: nothing beside it, and steps of equal shapes." if several else _RETURN_ONE
        return NoArray(f"is {_a(value)}{things} that cannot be read as an array", advice)
    array = array.view(np.ndarray)
    if array.dtype.kind == "c":
        advice = "Real numbers are asked for. A root or power of a negative number, or an eigenvalue, may be complex."
        return NoArray(f"is an array of {array.dtype}, not of real numbers", advice)
    if array.dtype.kind == "O" and not isinstance(value, (np.ndarray, tuple, list)):
        return NoArray(f"is {_a(value)}, not an array", _RETURN_ONE)
    if array.dtype.kind not in "fiub":
        advice = (
            "NumPy makes such an array of things that are no numbers, or of rows of unequal length: stack equal ones."
        )
        return NoArray(
            f"is an array of {array.dtype}, not of real numbers", advice if array.dtype.kind == "O" else _RETURN_ONE
        )
    return array


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
