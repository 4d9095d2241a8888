"""Layers on top of each other, with residual connections and dropout between them, in PyTorch."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from autograder.recurrent.pytorch.arguments import require
from autograder.recurrent.pytorch.layer import Layer, State, require_layer, split_state


class Stack(Layer):
    """X^0 = X; X^{l+1} = layer_l(D^l ⊙ X^l) + X^l, the sum for l in `residual` only; H = D^L ⊙ X^L.

    `layers` from the input up, numbered from 0; each takes what the one below puts out. `residual` holds the numbers
    of the layers whose input is added to their output (equal widths); the connection passes by the dropout. The state
    is all layers' states, the lowest layer's first. Parameters are called "0.W", …, "1.W", …, as in the NumPy stack.
    """

    def __init__(self, layers: Sequence[Layer], residual: Sequence[int] = ()) -> None:
        """Raises TypeError for what is no layer, ValueError for widths that do not fit and unknown numbers."""
        super().__init__()
        if not layers:
            raise ValueError("layers: expected at least one layer, got none")
        for l, layer in enumerate(layers):
            width = require_layer(f"layers[{l}]", layer).sizes[0]
            if l > 0 and width != layers[l - 1].sizes[1]:
                below = layers[l - 1].sizes[1]
                raise ValueError(f"layers: layer {l} expects inputs of width {width}, layer {l - 1} gives {below}")
            self.add_module(str(l), layer)
        for l in residual:
            if l not in range(len(layers)):
                raise ValueError(f"residual: expected numbers from 0 to {len(layers) - 1}, got {l}")
            D, H = layers[l].sizes
            if D != H:
                raise ValueError(f"residual: layer {l} must keep its width, but takes {D} and gives {H}")
        self.residual = tuple(residual)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """From the input up."""
        return cast(tuple[Layer, ...], tuple(self._modules.values()))

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H): the lowest layer's D and the highest layer's H."""
        return self.layers[0].sizes[0], self.layers[-1].sizes[1]

    @property
    def state_widths(self) -> dict[str, int]:
        """All layers': "0.h_0", …, "1.h_0", …"""
        return {f"{l}.{k}": width for l, layer in enumerate(self.layers) for k, width in layer.state_widths.items()}

    def forward(
        self,
        X: Tensor,
        state_0: Sequence[Tensor] | None = None,
        mask: Tensor | None = None,
        dropout: Sequence[Tensor | None] | None = None,
    ) -> tuple[Tensor, State]:
        """X (T, B, D), state_0 all layers' in that order; mask (T, B) is every layer's. Returns H (T, B, H) and states.

        `dropout` holds one entry a layer, D^l for its input, and a last one, D^L, for the output: None, or a tensor
        that multiplies, (T, B, width) for a draw at every step or (1, B, width) for one draw a sequence
        ("variational"); zeros, and 1/keep elsewhere. Where the mask is 0, H is padding and means nothing.
        """
        layers = self.layers
        require("X", X, ("T", "B", self.sizes[0]))
        D = self._require_dropout(dropout, X)
        below, last = X, []
        for l, (layer, start) in enumerate(zip(layers, split_state(state_0, layers), strict=True)):
            H, state = layer(_dropped(below, D[l]), start, mask)
            below = H + below if l in self.residual else H
            last.extend(state)
        return _dropped(below, D[-1]), tuple(last)

    def _require_dropout(self, dropout: Sequence[Tensor | None] | None, X: Tensor) -> list[Tensor | None]:
        widths = [layer.sizes[0] for layer in self.layers] + [self.sizes[1]]
        if dropout is None:
            return [None] * len(widths)
        if not isinstance(dropout, tuple | list):
            raise TypeError(f"dropout: expected a tuple of tensors and None, got {type(dropout).__name__}")
        if len(dropout) != len(widths):
            raise ValueError(f"dropout: expected {len(widths)} entries, one a layer and the output, got {len(dropout)}")
        T, B, _ = X.shape
        for l, (D, width) in enumerate(zip(dropout, widths, strict=True)):
            if D is not None:
                steps = 1 if isinstance(D, Tensor) and D.shape[:1] == (1,) else T
                require(f"dropout[{l}]", D, (steps, B, width))
                if D.dtype != X.dtype and not torch.is_autocast_enabled(X.device.type):
                    raise TypeError(f"dropout[{l}]: expected X's {X.dtype}, got {D.dtype}: convert one of them")
        return list(dropout)


def _dropped(X: Tensor, D: Tensor | None) -> Tensor:
    return X if D is None else X * D
