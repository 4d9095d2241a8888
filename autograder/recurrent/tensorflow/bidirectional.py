"""A layer that reads the sequence in both directions, as a Keras layer."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor
from autograder.recurrent.tensorflow.layer import Layer, require_layer, split_state

Merge = Literal["concat", "sum", "average", "product"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "product")


@keras.saving.register_keras_serializable("unrolled")
class Bidirectional(Layer):
    """H[:, t] joins the forward layer's state at t with the backward layer's state at the same t; (B, T, ·).

    The backward layer reads X and the mask reversed in time. Padding then comes first, and leaves its initial state
    alone, so that every counted step sees what it would see after a reversal by length. The state is the forward
    layer's followed by the backward layer's, each after *its* last step.
    """

    def __init__(
        self, forward_layer: Layer, backward_layer: Layer, merge: Merge = "concat", **keras_options: Any
    ) -> None:
        """Two layers of this package, with weights of their own; the dtype is the forward layer's unless one is given.

        Raises TypeError for what is no layer, ValueError for an unknown merge and for widths that do not fit.
        """
        if merge not in MERGES:
            raise ValueError(f"merge: expected one of {', '.join(MERGES)}, got {merge!r}")
        require_layer("forward_layer", forward_layer)
        H, H_back = forward_layer.width, require_layer("backward_layer", backward_layer).width
        if merge != "concat" and H_back != H:
            raise ValueError(f"backward_layer: expected outputs of width {H} for merge {merge!r}, got {H_back}")
        super().__init__(**{"dtype": forward_layer.dtype_policy} | keras_options)
        self.forward_layer, self.backward_layer, self.merge = forward_layer, backward_layer, merge

    @property
    def width(self) -> int:
        """The sum of both layers' for concat, either's otherwise."""
        H = self.forward_layer.width
        return H + self.backward_layer.width if self.merge == "concat" else H

    @property
    def state_widths(self) -> dict[str, int]:
        """Both layers': "forward.h_0", …, "backward.h_0", …"""
        pairs = {"forward": self.forward_layer, "backward": self.backward_layer}
        return {f"{end}.{k}": width for end, layer in pairs.items() for k, width in layer.state_widths.items()}

    def build(self, shape: Sequence[int]) -> None:
        """Make both layers' weights, where they have none yet."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(shape)

    def call(
        self,
        X: Tensor,
        state_0: Sequence[Tensor] | None = None,
        mask: Tensor | None = None,
        X_mask: Tensor | None = None,
    ) -> Any:
        """X (B, T, D), mask (B, T), state_0 both layers' in that order. Returns H (B, T, ·) and both states."""
        first, first_back = split_state(state_0, (self.forward_layer, self.backward_layer))
        mask = X_mask if mask is None else mask
        reversed_mask = None if mask is None else tf.reverse(mask, [1])
        there, state = self.forward_layer(X, state_0=first, mask=mask)
        back, state_back = self.backward_layer(tf.reverse(X, [1]), state_0=first_back, mask=reversed_mask)
        aligned = tf.reverse(back, [1])
        match self.merge:
            case "concat":
                H = tf.concat([there, aligned], axis=-1)
            case "sum":
                H = there + aligned
            case "average":
                H = (there + aligned) / 2
            case "product":
                H = there * aligned
        return H, (*state, *state_back)

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again, with both layers' configurations in it."""
        save = keras.saving.serialize_keras_object
        layers = {"forward_layer": save(self.forward_layer), "backward_layer": save(self.backward_layer)}
        return super().get_config() | layers | {"merge": self.merge}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Bidirectional":
        """The layer of a configuration; its weights are not in it."""
        load = keras.saving.deserialize_keras_object
        layers = {end: load(config[end]) for end in ("forward_layer", "backward_layer")}
        return super().from_config(config | layers)
