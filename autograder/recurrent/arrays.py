"""What the layers demand of their arguments, said once: kind, rank, shape, one dtype, finite parameters.

Every function raises TypeError for the wrong kind of thing and ValueError for the wrong size or value, and the
message names the argument, what was expected, and what came.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.inexact]


def require(name: str, value: object, shape: tuple[int | str, ...]) -> Array:
    """`value` as it is, after checking that it is a floating or complex array of `shape`.

    A number in `shape` must match; a string is the name of a free size, for the message: ("T", "B", 3).
    """
    wanted = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name}: expected an array of shape {wanted}, got {type(value).__name__}")
    if value.dtype.kind not in "fc":
        raise TypeError(f"{name}: expected a floating-point array, got dtype {value.dtype}; convert it first")
    matches = value.ndim == len(shape) and all(
        isinstance(want, str) or want == have for want, have in zip(shape, value.shape, strict=True)
    )
    if not matches:
        raise ValueError(f"{name}: expected shape {wanted}, got {value.shape}")
    return value


def require_finite(arrays: Mapping[str, Array]) -> None:
    """Refuse parameters that hold NaN or infinity: they would spread silently through every step."""
    for name, value in arrays.items():
        bad = ~np.isfinite(value)
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(f"{name}: expected finite values, got {value[where]} at {where}")


def common_dtype(arrays: Mapping[str, Array]) -> np.dtype:
    """The one dtype of all arrays. Real and complex of the same precision may meet (complex-step checks)."""
    found = {name: value.dtype for name, value in arrays.items()}
    if len({np.empty(0, d).real.dtype for d in found.values()}) > 1:
        text = ", ".join(f"{name} {dtype}" for name, dtype in found.items())
        raise TypeError(f"expected one precision, got {text}: convert them to the same dtype")
    return np.result_type(*found.values())


def require_count(name: str, value: object, least: int, most: int | None = None) -> int:
    """`value` as an int, after checking that it is a whole number from `least` to `most` (None: no limit)."""
    wanted = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected {wanted}, got {value!r}")
    if value < least or (most is not None and value > most):
        raise ValueError(f"{name}: expected {wanted}, got {value}")
    return int(value)


def require_positive(name: str, value: object) -> None:
    """Refuse what is no number, with a TypeError, and what is not above 0 (NaN as well), with a ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: expected a positive number, got {value!r}")
    if not value > 0:
        raise ValueError(f"{name}: expected a positive number, got {value}")


def require_integers(name: str, value: object) -> NDArray[np.integer]:
    """`value` as it is, after checking that it is an array of integers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu":
        kind = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f"{name}: expected an array of integers, got {kind}")
    return value


def require_state(
    what: str, given: Sequence[Array] | None, names: tuple[str, ...], zeros: tuple[Array, ...]
) -> tuple[Array, ...]:
    """The parts of a state, each of the shape of its zeros; the zeros themselves for None.

    `what` is the argument's name ("state_0"), `names` its parts' ("h_0", "c_0"), for the messages.
    """
    if given is None:
        return zeros
    wanted = f"({', '.join(names)}{',' if len(names) == 1 else ''})"
    if not isinstance(given, tuple | list):
        raise TypeError(f"{what}: expected a tuple {wanted}, got {type(given).__name__}")
    if len(given) != len(names):
        raise ValueError(f"{what}: expected {wanted}, got {len(given)} array{'s' if len(given) != 1 else ''}")
    return tuple(require(name, part, zero.shape) for name, part, zero in zip(names, given, zeros, strict=True))


def require_mask(mask: object, T: int, B: int) -> NDArray[np.bool_] | None:
    """A mask as booleans (T, B), True where a step counts; None stays None.

    Booleans, or numbers that are all 0 or 1, are accepted.
    """
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "biuf":
        kind = f"dtype {mask.dtype}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"mask: expected an array of booleans or of zeros and ones, got {kind}")
    if mask.shape != (T, B):
        raise ValueError(f"mask: expected shape (T, B) = ({T}, {B}), got {mask.shape}")
    if mask.dtype.kind == "b":
        return mask
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError(
            f"mask: expected zeros and ones, got other values, such as {mask[(mask != 0) & (mask != 1)][0]}"
        )
    return mask != 0
