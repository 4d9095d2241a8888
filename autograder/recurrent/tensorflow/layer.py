"""What the Keras layers share: the turn from Keras's batch-first layout to ours and back, states, how weights start."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor


def swap_time_and_batch(value: Tensor) -> Tensor:
    """(B, T) or (B, T, D) as (T, B) or (T, B, D), or back."""
    return tf.transpose(value, [1, 0, 2][: value.shape.rank])


class Layer(keras.layers.Layer):
    """What every layer here offers, so that wrappers (bidirectional, stacks) can be written against it alone.

    `layer(X, state_0=…, mask=…)` with X (B, T, D), the state before the first step (zeros if there is none) and
    mask (B, T) returns H (B, T, ·) and the tuple of states after the last step. Keras casts X and the states to the
    layer's dtype. A mask that an earlier layer made (Masking, Embedding) reaches it by itself, and is handed on.
    """

    def __init__(self, **keras_options: Any) -> None:
        """Keras's own options: name, dtype, trainable."""
        super().__init__(**keras_options)
        self.supports_masking = True

    @property
    def width(self) -> int:
        """Of one step of H."""
        raise NotImplementedError

    @property
    def state_widths(self) -> dict[str, int]:
        """The state's parts in order, by name, with their widths: {"h_0": H, "c_0": H} for an LSTM."""
        raise NotImplementedError

    def compute_mask(self, X: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Each step's mask goes with H; states have none."""
        return mask


class Recurrent(Layer):
    """A cell, run over a sequence."""

    def __init__(self, H: int, *, by_hand: bool = False, **keras_options: Any) -> None:
        """H outputs; with `by_hand` the gradients come from the hand-written backward."""
        super().__init__(**keras_options)
        self.H, self.by_hand = H, by_hand

    @property
    def width(self) -> int:
        """H."""
        return self.H

    @property
    def state_widths(self) -> dict[str, int]:
        """h_0: H."""
        return {"h_0": self.H}

    def sequence(self, X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None) -> Any:
        """The layer's work, time first: returns H (T, B, H) and the tuple of last states."""
        raise NotImplementedError

    def call(
        self,
        X: Tensor,
        state_0: Sequence[Tensor] | None = None,
        mask: Tensor | None = None,
        X_mask: Tensor | None = None,
    ) -> Any:
        """X (B, T, D), state_0 a sequence of tensors (B, ·), mask (B, T). Returns H (B, T, H) and the last states.

        `X_mask` is for Keras: a mask that came with X has this name when there is more than one tensor.
        """
        if X.shape.rank != 3:
            raise ValueError(f"X: expected shape (B, T, {self.W.shape[0]}), got {tuple(X.shape)}")
        mask = X_mask if mask is None else mask
        H, state = self.sequence(swap_time_and_batch(X), state_0, None if mask is None else swap_time_and_batch(mask))
        return swap_time_and_batch(H), state

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        return super().get_config() | {"H": self.H, "by_hand": self.by_hand}

    def weight(self, name: str, shape: tuple[int, ...], start: str | Callable = "zeros") -> Any:
        """A weight of this layer."""
        return self.add_weight(name=name, shape=shape, initializer=start)


def require_layer(name: str, value: Any) -> Layer:
    """`value`, after checking that it is a layer of this package. Raises TypeError."""
    if not isinstance(value, Layer):
        raise TypeError(f"{name}: expected a recurrent layer of this package, got {type(value).__name__}")
    return value


def split_state(given: Sequence[Tensor] | None, layers: Sequence[Layer]) -> list[tuple[Tensor, ...] | None]:
    """The state of several layers, one's parts after the other's, as one state a layer; None is None for each.

    Raises TypeError for what is no sequence, ValueError for another number of parts.
    """
    if given is None:
        return [None] * len(layers)
    counts = [len(layer.state_widths) for layer in layers]
    if not isinstance(given, tuple | list):
        raise TypeError(f"state_0: expected a tuple of tensors, got {type(given).__name__}")
    if len(given) != sum(counts):
        raise ValueError(f"state_0: expected {' + '.join(map(str, counts))} tensors, layer by layer, got {len(given)}")
    parts = iter(given)
    return [tuple(islice(parts, count)) for count in counts]


def per_gate(initializer: str, blocks: int) -> Callable:
    """The initializer for each gate's column block by itself: over all gates at once no block would be orthogonal."""

    def start(shape: Sequence[int], dtype: Any = None) -> Tensor:
        rows, columns = shape
        each = [keras.initializers.get(initializer)((rows, columns // blocks), "float32") for _ in range(blocks)]
        return tf.cast(tf.concat(each, axis=1), dtype)

    return start


def forget_open(forget_bias: float, place: int, blocks: int) -> Callable:
    """An initializer of b: the forget gate's block, the one at `place` of `blocks`, is `forget_bias`, the rest 0."""

    def start(shape: Sequence[int], dtype: Any = None) -> Tensor:
        each = tf.one_hot(place, blocks, tf.cast(forget_bias, dtype), dtype=dtype)
        return tf.repeat(each, shape[0] // blocks)

    return start
