"""Gradient clipping. A gradient that is not finite is refused: to clip it would hide that training has failed."""

from collections.abc import Mapping

import numpy as np

from autograder.recurrent.arrays import Array, require_finite, require_positive


def global_norm(gradients: Mapping[str, Array]) -> float:
    """The Euclidean norm of all entries of all arrays together, as a float64, without overflow on the way.

    Raises TypeError for what are no floating arrays and, naming the place, ValueError for NaN or infinity.
    """
    _require_gradients(gradients)
    largest = max((float(np.abs(g).max(initial=0)) for g in gradients.values()), default=0.0)
    if largest == 0:
        return 0.0
    # Divided by the largest entry, no square overflows (float32 squares do above 1.8e19) and one of them is 1.
    return largest * float(np.sqrt(sum(((g / np.float64(largest)) ** 2).sum() for g in gradients.values())))


def clip_by_global_norm(gradients: Mapping[str, Array], max_norm: float) -> tuple[dict[str, Array], float]:
    """All gradients times min(1, max_norm / norm), norm being that of all of them together; and that norm.

    The direction is kept, in contrast to clipping by value. New arrays of the same dtypes; zero gradients stay zero.
    The result has norm `max_norm` to rounding; PyTorch's `clip_grad_norm_` divides by norm + 1e-6 instead and so
    ends a little lower. Raises ValueError for NaN or infinity and for a max_norm that is not positive.
    """
    require_positive("max_norm", max_norm)
    norm = global_norm(gradients)
    scale = max_norm / norm if norm > max_norm else 1.0
    return {name: g * g.dtype.type(scale) for name, g in gradients.items()}, norm


def clip_by_value(gradients: Mapping[str, Array], limit: float) -> dict[str, Array]:
    """Each entry of each gradient cut to [-limit, limit]: new arrays of the same dtypes, in general another direction.

    Raises ValueError for NaN or infinity and for a limit that is not positive.
    """
    require_positive("limit", limit)
    _require_gradients(gradients)
    return {name: np.clip(g, -limit, limit) for name, g in gradients.items()}


def _require_gradients(gradients: Mapping[str, Array]) -> None:
    if not isinstance(gradients, Mapping):
        raise TypeError(f"gradients: expected arrays by name, got {type(gradients).__name__}")
    for name, g in gradients.items():
        if not isinstance(g, np.ndarray) or g.dtype.kind != "f":
            kind = f"dtype {g.dtype}" if isinstance(g, np.ndarray) else type(g).__name__
            raise TypeError(f"{name}: expected a floating-point array, got {kind}")
    require_finite(gradients)
