"""Layers on top of each other, with residual connections and dropout between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, common_dtype, require, require_count, require_mask
from autograder.recurrent.layer import Gradients, Layer, Run, State, require_layer, saved_by, split_state


class _Saved(NamedTuple):
    runs: list[Run]
    dropout: list[Array | None]


@dataclass(frozen=True)
class Stack:
    """X^0 = X; X^{l+1} = layer_l(D^l ⊙ X^l) + X^l, the sum for l in `residual` only; H = D^L ⊙ X^L.

    `layers` from the input up, numbered from 0; each takes what the one below puts out. `residual` holds the
    numbers of the layers whose input is added to their output (equal widths); the connection passes by the
    dropout. The state is all layers' states, the lowest layer's first. Raises TypeError for what are no layers
    and ValueError for widths that do not fit.
    """

    layers: tuple[Layer, ...]
    residual: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple | list):
            raise TypeError(f"layers: expected a tuple of layers, got {type(self.layers).__name__}")
        if not self.layers:
            raise ValueError("layers: expected at least one layer, got none")
        for l, layer in enumerate(self.layers):
            require_layer(f"layers[{l}]", layer)
        if not isinstance(self.residual, tuple | list):
            raise TypeError(f"residual: expected a tuple of layers' numbers, got {type(self.residual).__name__}")
        for l in range(1, len(self.layers)):
            below, width = self.layers[l - 1].sizes[1], self.layers[l].sizes[0]
            if width != below:
                raise ValueError(f"layers: layer {l} expects inputs of width {width}, layer {l - 1} gives {below}")
        for l in self.residual:
            require_count("residual", l, 0, len(self.layers) - 1)
            D, H = self.layers[l].sizes
            if D != H:
                raise ValueError(f"residual: layer {l} must keep its width, but takes {D} and gives {H}")

    @property
    def causal(self) -> bool:
        """True if every layer is."""
        return all(layer.causal for layer in self.layers)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H): the lowest layer's D and the highest layer's H."""
        return self.layers[0].sizes[0], self.layers[-1].sizes[1]

    @property
    def parameters(self) -> dict[str, Array]:
        """Every layer's parameters, as "0.W", "0.U", …, "1.W", …"""
        return _named([layer.parameters for layer in self.layers])

    def zero_state(self, B: int) -> State:
        """All layers' zeros."""
        return tuple(part for layer in self.layers for part in layer.zero_state(B))

    def forward(
        self,
        X: Array,
        state_0: Sequence[Array] | None = None,
        mask: NDArray | None = None,
        dropout: Sequence[Array | None] | None = None,
    ) -> Run:
        """Run over X (T, B, D); mask (T, B) is every layer's.

        `dropout` holds one entry a layer, D^l for its input, and a last one, D^L, for the output: None, or an array
        that multiplies, (T, B, width) for a draw at every step or (1, B, width) for one draw a sequence
        ("variational"); zeros, and 1/keep elsewhere. Where the mask is 0, H is padding and means nothing.
        """
        T, B, _ = require("X", X, ("T", "B", self.sizes[0])).shape
        on = require_mask(mask, T, B)
        D = self._require_dropout(dropout, X)
        states = split_state("state_0", self.zero_state(B) if state_0 is None else state_0, self.layers)
        below, runs = X, []
        for l, layer in enumerate(self.layers):
            run = layer.forward(_dropped(below, D[l]), states[l], on)
            below = run.H + below if l in self.residual else run.H
            runs.append(run)
        return Run(_dropped(below, D[-1]), tuple(part for run in runs for part in run.state), _Saved(runs, D))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """From the highest layer down: what reaches X^{l+1} reaches layer l, and X^l directly if l is residual."""
        runs, D = saved_by(self, run, _Saved)
        require("G", G, run.H.shape)
        last = [None] * len(runs) if dstate is None else split_state("dstate", dstate, self.layers)
        dX, found = _dropped(G, D[-1]), []
        for l in reversed(range(len(self.layers))):
            gradients = self.layers[l].backward(runs[l], dX, last[l])
            through_layer = _dropped(gradients.dX, D[l])
            dX = through_layer + dX if l in self.residual else through_layer
            found.append(gradients)
        found.reverse()
        return Gradients(
            dX=dX,
            dstate_0=tuple(part for gradients in found for part in gradients.dstate_0),
            parameters=_named([gradients.parameters for gradients in found]),
        )

    def _require_dropout(self, dropout: Sequence[Array | None] | None, X: Array) -> list[Array | None]:
        widths = [layer.sizes[0] for layer in self.layers] + [self.sizes[1]]
        if dropout is None:
            return [None] * len(widths)
        if not isinstance(dropout, tuple | list):
            raise TypeError(f"dropout: expected a list of arrays and None, got {type(dropout).__name__}")
        if len(dropout) != len(widths):
            raise ValueError(f"dropout: expected {len(widths)} entries, one a layer and the output, got {len(dropout)}")
        T, B, _ = X.shape
        for l, (D, width) in enumerate(zip(dropout, widths, strict=True)):
            if D is not None:
                steps = 1 if isinstance(D, np.ndarray) and D.shape[:1] == (1,) else T
                require(f"dropout[{l}]", D, (steps, B, width))
                common_dtype({"X": X, f"dropout[{l}]": D})
        return list(dropout)


def _dropped(X: Array, D: Array | None) -> Array:
    return X if D is None else X * D


def _named(layers: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {f"{l}.{name}": value for l, parameters in enumerate(layers) for name, value in parameters.items()}
