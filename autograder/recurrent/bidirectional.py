"""Layers that read the sequence from its end, or in both directions, and the reversal they stand on.

One network reads from the first step to the last, another from the last to the first; the output at step t joins
the state of the first, which has seen x_1 … x_t, with that of the second, which has seen x_T … x_t. The two
share nothing, so the backward of the pair is the two backwards, and their dX add.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, common_dtype, require, require_mask
from autograder.recurrent.layer import Gradients, Layer, Run, State, require_layer, saved_by, split_state

Merge = Literal["concat", "sum", "average", "product"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "product")


def reverse_by_length(X: NDArray, mask: NDArray | None = None) -> NDArray:
    """Each sequence's counted steps in reverse order; the steps where the mask is 0 stay where they are.

    X (T, B, …) of any dtype, mask (T, B); returns a new array. With right padding this is the flip by length: a
    sequence of n steps has its first n reversed and its padding left at the end. A second reversal undoes it.
    Raises TypeError and ValueError for what does not fit.
    """
    if not isinstance(X, np.ndarray):
        raise TypeError(f"X: expected an array of shape (T, B, …), got {type(X).__name__}")
    if X.ndim < 2:
        raise ValueError(f"X: expected shape (T, B, …), got {X.shape}")
    on = require_mask(mask, *X.shape[:2])
    if on is None:
        return X[::-1].copy()
    reversed_X = X.copy()
    for b in range(X.shape[1]):
        (steps,) = np.nonzero(on[:, b])
        reversed_X[steps, b] = X[steps[::-1], b]
    return reversed_X


@dataclass(frozen=True)
class Reversed:
    """The layer, reading from the last step to the first: H[t] has seen x_T … x_t, in step with X.

    X and mask are reversed in time, [::-1], padding first. A step where the mask is 0 carries the state over, so
    the padding that is met first leaves the initial state alone, and every counted step sees what it would see
    after a reversal by length. Gaps and empty sequences need no special case. On the padding H holds the initial
    state. The last state is the one after the *first* step of the sequence.
    """

    layer: Layer

    causal = False

    def __post_init__(self) -> None:
        require_layer("layer", self.layer)

    @property
    def sizes(self) -> tuple[int, int]:
        """The layer's (D, H)."""
        return self.layer.sizes

    @property
    def parameters(self) -> dict[str, Array]:
        """The layer's."""
        return self.layer.parameters

    def zero_state(self, B: int) -> State:
        """The layer's."""
        return self.layer.zero_state(B)

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """The layer over X (T, B, D) and mask (T, B) from the end. Returns H (T, B, H) aligned with X."""
        T, B, _ = require("X", X, ("T", "B", self.sizes[0])).shape
        on = require_mask(mask, T, B)
        run = self.layer.forward(X[::-1], state_0, None if on is None else on[::-1])
        return Run(run.H[::-1], run.state, run)

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """The layer's, with G reversed in time and dX turned back."""
        inner = saved_by(self, run, Run)
        require("G", G, run.H.shape)
        found = self.layer.backward(inner, G[::-1], dstate)
        return Gradients(found.dX[::-1], found.dstate_0, found.parameters)


class _Saved(NamedTuple):
    there: Run
    back: Run


@dataclass(frozen=True)
class Bidirectional:
    """H[t] joins the forward layer's state at t with the backward layer's state at the same t.

    `merge` is "concat" ([forward, backward], width 2H if both have H), "sum", "average" or "product". The state
    is the forward layer's followed by the backward layer's, each after *its* last step: the backward layer
    ends at the first step of the sequence, so with concat the last states are H[-1, :, :H] and H[0, :, H:].

    The backward layer runs as `Reversed`, which says how it meets padding, gaps and empty sequences. On padding
    H holds what each direction carries: the forward layer's last state, the backward layer's initial.

    A run cannot be continued by another (the backward layer starts at the end), so it cannot be cut in chunks.
    Raises TypeError for what are no layers, ValueError for widths that do not fit and for an unknown merge.
    """

    forward_layer: Layer
    backward_layer: Layer
    merge: Merge = "concat"

    causal = False

    def __post_init__(self) -> None:
        require_layer("forward_layer", self.forward_layer)
        require_layer("backward_layer", self.backward_layer)
        if self.merge not in MERGES:
            raise ValueError(f"merge: expected one of {', '.join(MERGES)}, got {self.merge!r}")
        (D, H), (D_back, H_back) = self.forward_layer.sizes, self.backward_layer.sizes
        if D_back != D:
            raise ValueError(f"backward_layer: expected inputs of width {D}, as the forward layer's, got {D_back}")
        if self.merge != "concat" and H_back != H:
            raise ValueError(f"backward_layer: expected outputs of width {H} for merge {self.merge!r}, got {H_back}")

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H), with H the sum of both widths for concat."""
        (D, H), (_, H_back) = self.forward_layer.sizes, self.backward_layer.sizes
        return D, H + H_back if self.merge == "concat" else H

    @property
    def parameters(self) -> dict[str, Array]:
        """Both layers' parameters, as "forward.W", …, "backward.W", …"""
        return _named(self.forward_layer.parameters, self.backward_layer.parameters)

    def zero_state(self, B: int) -> State:
        """The forward layer's zeros, then the backward layer's."""
        return self.forward_layer.zero_state(B) + self.backward_layer.zero_state(B)

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """Both directions over X (T, B, D); mask (T, B). Returns H (T, B, ·) aligned with X, and both states."""
        T, B, _ = require("X", X, ("T", "B", self.sizes[0])).shape
        on = require_mask(mask, T, B)
        initial, initial_back = self._split("state_0", self.zero_state(B) if state_0 is None else state_0)
        there = self.forward_layer.forward(X, initial, on)
        back = Reversed(self.backward_layer).forward(X, initial_back, on)
        match self.merge:
            case "concat":
                H = np.concatenate([there.H, back.H], axis=-1)
            case "sum":
                H = there.H + back.H
            case "average":
                H = (there.H + back.H) * _half(there.H)
            case "product":
                H = there.H * back.H
        return Run(H, there.state + back.state, _Saved(there, back))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """Each direction's backward with its share of G; the two dX add."""
        there, back = saved_by(self, run, _Saved)
        require("G", G, run.H.shape)
        common_dtype({"H": run.H, "G": G})
        match self.merge:
            case "concat":
                width = there.H.shape[-1]
                G_there, G_back = G[..., :width], G[..., width:]
            case "sum":
                G_there = G_back = G
            case "average":
                G_there = G_back = G * _half(G)
            case "product":
                G_there, G_back = G * back.H, G * there.H
        last, last_back = (None, None) if dstate is None else self._split("dstate", dstate)
        found = self.forward_layer.backward(there, G_there, last)
        found_back = Reversed(self.backward_layer).backward(back, G_back, last_back)
        return Gradients(
            dX=found.dX + found_back.dX,
            dstate_0=found.dstate_0 + found_back.dstate_0,
            parameters=_named(found.parameters, found_back.parameters),
        )

    def _split(self, name: str, state: Sequence[Array]) -> list[State]:
        return split_state(name, state, (self.forward_layer, self.backward_layer))


def _half(like: Array) -> np.floating:
    return like.real.dtype.type(0.5)


def _named(forward: dict[str, Array], backward: dict[str, Array]) -> dict[str, Array]:
    return {f"forward.{k}": v for k, v in forward.items()} | {f"backward.{k}": v for k, v in backward.items()}
