"""A layer that reads the sequence in both directions, as a Keras layer."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor
from autograder.recurrent.tensorflow.layer import Recurrent

Merge = Literal["concat", "sum", "average", "product"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "product")


class Bidirectional(keras.layers.Layer):
    """H[:, t] joins the forward layer's state at t with the backward layer's state at the same t; (B, T, ·).

    The backward layer reads X and the mask reversed in time. Padding then comes first, and leaves its initial state
    alone, so that every counted step sees what it would see after a reversal by length. The state is the forward
    layer's followed by the backward layer's, each after *its* last step.
    """

    def __init__(
        self, forward_layer: Recurrent, backward_layer: Recurrent, merge: Merge = "concat", **keras_options: Any
    ) -> None:
        """Two layers of this package, with weights of their own. Raises ValueError for an unknown merge."""
        super().__init__(**keras_options)
        if merge not in MERGES:
            raise ValueError(f"merge: expected one of {', '.join(MERGES)}, got {merge!r}")
        self.forward_layer, self.backward_layer, self.merge = forward_layer, backward_layer, merge
        self.supports_masking = True

    def build(self, shape: Sequence[int]) -> None:
        """Make both layers' weights, where they have none yet."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(shape)

    def call(self, X: Tensor, state_0: Sequence[Tensor] | None = None, mask: Tensor | None = None) -> Any:
        """X (B, T, D), mask (B, T), state_0 both layers' in that order. Returns H (B, T, ·) and both states."""
        if state_0 is not None and len(state_0) % 2:
            raise ValueError(f"state_0: expected the forward layer's and the backward layer's, got {len(state_0)}")
        first, first_back = (None, None)
        if state_0 is not None:
            half = len(state_0) // 2
            first, first_back = state_0[:half], state_0[half:]
        there, state = self.forward_layer(X, state_0=first, mask=mask)
        reversed_mask = None if mask is None else tf.reverse(mask, [1])
        back, state_back = self.backward_layer(tf.reverse(X, [1]), state_0=first_back, mask=reversed_mask)
        aligned = tf.reverse(back, [1])
        state = tuple(state) + tuple(state_back)
        if self.merge == "concat":
            return tf.concat([there, aligned], axis=-1), state
        if there.shape[-1] != aligned.shape[-1]:
            raise ValueError(f"merge {self.merge}: expected equal widths, got {there.shape[-1]}, {aligned.shape[-1]}")
        if self.merge == "product":
            return there * aligned, state
        H = there + aligned
        return (H / 2 if self.merge == "average" else H), state

    def compute_mask(self, X: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Each step's mask goes with H; states have none."""
        return mask
