"""A layer that reads the sequence in both directions, in PyTorch."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Merge = Literal["concat", "sum", "average", "product"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "product")


class Bidirectional(nn.Module):
    """H[t] joins the forward layer's state at t with the backward layer's state at the same t.

    The backward layer reads X and the mask reversed in time. Padding then comes first, and leaves its initial state
    alone, so that every counted step sees what it would see after a reversal by length. The state is the forward
    layer's followed by the backward layer's, each after *its* last step.
    """

    def __init__(self, forward_layer: nn.Module, backward_layer: nn.Module, merge: Merge = "concat") -> None:
        """Two layers of this package, with parameters of their own. Raises ValueError for an unknown merge."""
        super().__init__()
        if merge not in MERGES:
            raise ValueError(f"merge: expected one of {', '.join(MERGES)}, got {merge!r}")
        self.forward_layer, self.backward_layer, self.merge = forward_layer, backward_layer, merge

    def forward(
        self, X: Tensor, state_0: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """X (T, B, D), mask (T, B), state_0 both layers' in that order. Returns H (T, B, ·) and both states."""
        if state_0 is not None and len(state_0) % 2:
            raise ValueError(f"state_0: expected the forward layer's and the backward layer's, got {len(state_0)}")
        half = None if state_0 is None else len(state_0) // 2
        there, state = self.forward_layer(X, None if state_0 is None else state_0[:half], mask)
        back, state_back = self.backward_layer(
            X.flip(0), None if state_0 is None else state_0[half:], None if mask is None else mask.flip(0)
        )
        aligned = back.flip(0)
        if self.merge == "concat":
            return torch.cat([there, aligned], dim=-1), state + state_back
        if there.shape != aligned.shape:
            raise ValueError(f"merge {self.merge}: expected equal widths, got {there.shape[-1]}, {aligned.shape[-1]}")
        if self.merge == "product":
            return there * aligned, state + state_back
        H = there + aligned
        return (H / 2 if self.merge == "average" else H), state + state_back
