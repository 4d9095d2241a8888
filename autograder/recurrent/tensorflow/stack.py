"""Layers on top of each other, with residual connections and dropout between them, as a Keras layer."""

from collections.abc import Sequence
from typing import Any

import keras

from autograder.recurrent.tensorflow.arguments import Tensor, require
from autograder.recurrent.tensorflow.layer import Layer, require_layer, split_state


@keras.saving.register_keras_serializable("unrolled")
class Stack(Layer):
    """X^0 = X; X^{l+1} = layer_l(D^l ⊙ X^l) + X^l, the sum for l in `residual` only; H = D^L ⊙ X^L.

    `layers` from the input up, numbered from 0; each takes what the one below puts out. `residual` holds the numbers
    of the layers whose input is added to their output (equal widths); the connection passes by the dropout. The state
    is all layers' states, the lowest layer's first. Where the mask is 0, H is padding and means nothing.
    """

    def __init__(self, layers: Sequence[Layer], residual: Sequence[int] = (), **keras_options: Any) -> None:
        """The dtype is the lowest layer's unless one is given.

        Raises TypeError for what is no layer, ValueError for no layers and for unknown numbers.
        """
        if not layers:
            raise ValueError("layers: expected at least one layer, got none")
        for l, layer in enumerate(layers):
            require_layer(f"layers[{l}]", layer)
        for l in residual:
            if l not in range(len(layers)):
                raise ValueError(f"residual: expected numbers from 0 to {len(layers) - 1}, got {l}")
        super().__init__(**{"dtype": layers[0].dtype_policy} | keras_options)
        self.layers, self.residual = list(layers), tuple(residual)

    @property
    def width(self) -> int:
        """The highest layer's."""
        return self.layers[-1].width

    @property
    def state_widths(self) -> dict[str, int]:
        """All layers': "0.h_0", …, "1.h_0", …"""
        return {f"{l}.{k}": width for l, layer in enumerate(self.layers) for k, width in layer.state_widths.items()}

    def build(self, shape: Sequence[int]) -> None:
        """Make every layer's weights, where it has none yet. Raises ValueError for a residual that changes widths."""
        *most, D = shape
        for l, layer in enumerate(self.layers):
            if l in self.residual and layer.width != D:
                raise ValueError(f"residual: layer {l} must keep its width, but takes {D} and gives {layer.width}")
            if not layer.built:
                layer.build((*most, D))
            D = layer.width

    def call(
        self,
        X: Tensor,
        state_0: Sequence[Tensor] | None = None,
        mask: Tensor | None = None,
        dropout: Sequence[Tensor | None] | None = None,
        X_mask: Tensor | None = None,
    ) -> Any:
        """X (B, T, D), state_0 all layers' in that order; mask (B, T) is every layer's. Returns H (B, T, ·) and states.

        `dropout` holds one entry a layer, D^l for its input, and a last one, D^L, for the output: None, or a tensor
        that multiplies, (B, T, width) for a draw at every step or (B, 1, width) for one draw a sequence
        ("variational"); zeros, and 1/keep elsewhere.
        """
        mask = X_mask if mask is None else mask
        D = self._require_dropout(dropout, X)
        below, last = X, []
        for l, (layer, start) in enumerate(zip(self.layers, split_state(state_0, self.layers), strict=True)):
            H, state = layer(_dropped(below, D[l]), state_0=start, mask=mask)
            below = H + below if l in self.residual else H
            last.extend(state)
        return _dropped(below, D[-1]), tuple(last)

    def _require_dropout(self, dropout: Sequence[Tensor | None] | None, X: Tensor) -> list[Tensor | None]:
        widths = [X.shape[-1], *(layer.width for layer in self.layers)]
        if dropout is None:
            return [None] * len(widths)
        if not isinstance(dropout, tuple | list):
            raise TypeError(f"dropout: expected a tuple of tensors and None, got {type(dropout).__name__}")
        if len(dropout) != len(widths):
            raise ValueError(f"dropout: expected {len(widths)} entries, one a layer and the output, got {len(dropout)}")
        B, T, _ = X.shape
        for l, (D, width) in enumerate(zip(dropout, widths, strict=True)):
            if D is not None:
                steps = 1 if getattr(D, "shape", ())[1:2] == (1,) else T
                require(f"dropout[{l}]", D, (B, steps, width))
        return list(dropout)

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again, with every layer's configuration in it."""
        layers = [keras.saving.serialize_keras_object(layer) for layer in self.layers]
        return super().get_config() | {"layers": layers, "residual": list(self.residual)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Stack":
        """The layer of a configuration; its weights are not in it."""
        layers = [keras.saving.deserialize_keras_object(layer) for layer in config["layers"]]
        return super().from_config(config | {"layers": layers})


def _dropped(X: Tensor, D: Tensor | None) -> Tensor:
    return X if D is None else X * D
