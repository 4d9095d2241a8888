"""What the functions and layers demand of their arguments, said once: kind, rank, width, one dtype, one mask.

Sizes that are unknown while a tf.function is traced are taken on trust, and values are not looked at.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

Tensor = Any  # tf.Tensor, or anything TensorFlow makes one of: a variable, a Keras variable, a NumPy array


class Arguments(NamedTuple):
    """X (T, B, D), the initial state, each of its tensors (B, ·), and the mask as booleans (T, B, 1)."""

    X: Tensor
    state_0: tuple[Tensor, ...]
    on: Tensor


def require(name: str, value: Tensor, shape: tuple[int | str | None, ...]) -> Tensor:
    """`value` as a tensor, after checking that it is of a floating-point type and of `shape`.

    A string in `shape` is the name of a free size. Raises TypeError for another kind of thing and ValueError for
    another shape, naming the argument.
    """
    wanted = f"({', '.join(map(str, shape))})"
    if not hasattr(value, "dtype"):
        raise TypeError(f"{name}: expected a tensor of shape {wanted}, got {type(value).__name__}")
    tensor = tf.convert_to_tensor(value)
    if not tensor.dtype.is_floating:
        raise TypeError(f"{name}: expected a floating-point tensor, got {tensor.dtype.name}; convert it first")
    if not tensor.shape.is_compatible_with([size if isinstance(size, int) else None for size in shape]):
        raise ValueError(f"{name}: expected shape {wanted}, got {tuple(tensor.shape)}")
    return tensor


def require_mask(mask: Tensor | None, X: Tensor) -> Tensor:
    """The mask as booleans (T, B, 1), True where a step counts (where it is not 0); all True for None."""
    T, B, _ = X.shape
    if mask is None:
        return tf.ones(tf.concat([tf.shape(X)[:2], [1]], axis=0), tf.bool)
    if not hasattr(mask, "dtype"):
        raise TypeError(f"mask: expected a tensor of booleans or of zeros and ones, got {type(mask).__name__}")
    on = tf.convert_to_tensor(mask)
    if not on.shape.is_compatible_with((T, B)):
        raise ValueError(f"mask: expected shape (T, B) = ({T}, {B}), got {tuple(on.shape)}")
    return tf.cast(on, tf.bool)[:, :, None]


def arguments(
    X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None, W: Tensor, widths: dict[str, int]
) -> Arguments:
    """Check a sequence function's arguments against its input weights W and the widths of its state, by name.

    Without a `state_0` the state is zeros. Raises TypeError and ValueError.
    """
    X = require("X", X, ("T", "B", W.shape[0]))
    if X.shape[0] == 0:
        raise ValueError(f"X: expected at least one step, got shape {tuple(X.shape)}")
    if state_0 is None:
        state_0 = [tf.zeros((tf.shape(X)[1], width), W.dtype) for width in widths.values()]
    if len(state_0) != len(widths):
        raise ValueError(f"state_0: expected ({', '.join(widths)}), got {len(state_0)} tensors")
    B = "B" if X.shape[1] is None else X.shape[1]
    state = {
        name: require(name, value, (B, width)) for (name, width), value in zip(widths.items(), state_0, strict=True)
    }
    for name, value in {"X": X, **state}.items():
        if value.dtype != W.dtype:
            raise TypeError(
                f"{name}: expected the parameters' {W.dtype.name}, got {value.dtype.name}: convert one of them"
            )
    return Arguments(X, tuple(state.values()), require_mask(mask, X))
