"""What the Keras layers share: the turn from Keras's batch-first layout to ours and back, and how weights start."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor


def swap_time_and_batch(value: Tensor) -> Tensor:
    """(B, T) or (B, T, D) as (T, B) or (T, B, D), or back."""
    return tf.transpose(value, [1, 0, 2][: value.shape.rank])


class Recurrent(keras.layers.Layer):
    """A recurrent layer: called with X (B, T, D) and, if wanted, state_0 and mask (B, T), as Keras lays them out.

    It returns H (B, T, H) and the tuple of the last states. Keras casts X and the states to the layer's dtype. A
    mask that an earlier layer made (Masking, Embedding) reaches it by itself, and is handed on.
    """

    def __init__(self, H: int, *, by_hand: bool = False, **keras_options: Any) -> None:
        """H outputs; with `by_hand` the gradients come from the hand-written backward."""
        super().__init__(**keras_options)
        self.H, self.by_hand = H, by_hand
        self.supports_masking = True

    def sequence(self, X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None) -> Any:
        """The layer's work, time first: returns H (T, B, H) and the tuple of last states."""
        raise NotImplementedError

    def call(self, X: Tensor, state_0: Sequence[Tensor] | None = None, mask: Tensor | None = None) -> Any:
        """X (B, T, D), state_0 a sequence of tensors (B, ·), mask (B, T). Returns H (B, T, H) and the last states."""
        if X.shape.rank != 3:
            raise ValueError(f"X: expected shape (B, T, {self.W.shape[0]}), got {tuple(X.shape)}")
        H, state = self.sequence(swap_time_and_batch(X), state_0, None if mask is None else swap_time_and_batch(mask))
        return swap_time_and_batch(H), state

    def compute_mask(self, X: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Each step's mask goes with H; states have none."""
        return mask

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        return super().get_config() | {"H": self.H, "by_hand": self.by_hand}

    def weight(self, name: str, shape: tuple[int, ...], start: str | Callable = "zeros") -> Any:
        """A weight of this layer."""
        return self.add_weight(name=name, shape=shape, initializer=start)


def per_gate(initializer: str, blocks: int) -> Callable:
    """The initializer for each gate's column block by itself: over all gates at once no block would be orthogonal."""

    def start(shape: Sequence[int], dtype: Any = None) -> Tensor:
        rows, columns = shape
        each = [keras.initializers.get(initializer)((rows, columns // blocks), "float32") for _ in range(blocks)]
        return tf.cast(tf.concat(each, axis=1), dtype)

    return start
