"""A layer that reads the sequence in both directions, in PyTorch."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from autograder.recurrent.pytorch.layer import Layer, State, require_layer, split_state

Merge = Literal["concat", "sum", "average", "product"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "product")


class Bidirectional(Layer):
    """H[t] joins the forward layer's state at t with the backward layer's state at the same t.

    The backward layer reads X and the mask reversed in time. Padding then comes first, and leaves its initial state
    alone, so that every counted step sees what it would see after a reversal by length. The state is the forward
    layer's followed by the backward layer's, each after *its* last step. The gradients are those of the two layers:
    by autograd or by hand, as each of them was made.
    """

    def __init__(self, forward_layer: Layer, backward_layer: Layer, merge: Merge = "concat") -> None:
        """Two layers of this package, with parameters of their own, of any kind.

        Raises TypeError for another kind of module, ValueError for an unknown merge and for widths that do not fit.
        """
        super().__init__()
        if merge not in MERGES:
            raise ValueError(f"merge: expected one of {', '.join(MERGES)}, got {merge!r}")
        (D, H), (D_back, H_back) = (
            require_layer(name, layer).sizes
            for name, layer in {"forward_layer": forward_layer, "backward_layer": backward_layer}.items()
        )
        if D_back != D:
            raise ValueError(f"backward_layer: expected inputs of width {D}, as the forward layer's, got {D_back}")
        if merge != "concat" and H_back != H:
            raise ValueError(f"backward_layer: expected outputs of width {H} for merge {merge!r}, got {H_back}")
        self.forward_layer, self.backward_layer, self.merge = forward_layer, backward_layer, merge

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H), with H the sum of both widths for concat."""
        (D, H), (_, H_back) = self.forward_layer.sizes, self.backward_layer.sizes
        return D, H + H_back if self.merge == "concat" else H

    @property
    def state_widths(self) -> dict[str, int]:
        """The forward layer's, then the backward layer's: "forward.h_0", …, "backward.h_0", …"""
        pair = {"forward": self.forward_layer, "backward": self.backward_layer}
        return {f"{end}.{name}": width for end, layer in pair.items() for name, width in layer.state_widths.items()}

    def forward(
        self, X: Tensor, state_0: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """X (T, B, D), mask (T, B), state_0 both layers' in that order. Returns H (T, B, ·) and both states."""
        first, first_back = split_state(state_0, [self.forward_layer, self.backward_layer])
        there, state = self.forward_layer(X, first, mask)
        back, state_back = self.backward_layer(X.flip(0), first_back, None if mask is None else mask.flip(0))
        aligned = back.flip(0)
        if self.merge == "concat":
            H = torch.cat([there, aligned], dim=-1)
        elif self.merge == "product":
            H = there * aligned
        else:
            H = there + aligned
        return (H / 2 if self.merge == "average" else H), state + state_back
