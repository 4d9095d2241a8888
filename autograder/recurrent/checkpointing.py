"""Checkpointed backpropagation through time: keep a few states, compute the rest again when they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, require, require_count, require_mask
from autograder.recurrent.chunks import add_to, require_causal, require_steps, run_chunk
from autograder.recurrent.layer import Gradients, Layer, Run, State, saved_by


class _Saved(NamedTuple):
    X: Array
    on: NDArray[np.bool_] | None
    cuts: list[int]
    states: list[Sequence[Array]]


@dataclass(frozen=True)
class Checkpointed:
    """A layer that remembers, of a run over T steps, only the state before each segment of `segment` steps.

    The backward runs one segment forward again, from its saved state, and then back, from the last segment to the
    first. With segments of k steps, T/k states are kept and k steps of memory are needed at a time; k = √T,
    the default (rounded up), makes both √T, for one more forward pass. X and H belong to the caller and are not
    counted: a layer that saves nothing but those (the vanilla RNN) gains only the backward's working memory.

    The states, each step's gradients, dX and dstate_0 come from the same operations as without, on smaller arrays;
    a parameter's gradient adds the segments' sums, so it differs by rounding.
    """

    layer: Layer
    segment: int | None = None

    causal = True

    def __post_init__(self) -> None:
        require_causal(self.layer)
        if self.segment is not None:
            require_count("segment", self.segment, 1)

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
        """The layer's states; of what the layer saves, nothing is kept."""
        T, B = require_steps(X, self.sizes[0])
        on = require_mask(mask, T, B)
        length = self.segment or ceil(sqrt(T))
        cuts = [*range(0, T, length), T]
        states: list[Sequence[Array]] = [self.zero_state(B) if state_0 is None else state_0]
        pieces = []
        for start, stop in pairwise(cuts):
            run = run_chunk(self.layer, X, states[-1], on, start, stop)
            pieces.append(run.H)
            states.append(tuple(part.copy() for part in run.state))  # a view would keep its whole segment
        return Run(np.concatenate(pieces), run.state, _Saved(X, on, cuts, states[:-1]))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """Segment by segment from the last: forward again, then back. G (T, B, H), dstate as the layer's."""
        X, on, cuts, states = saved_by(self, run, _Saved)
        require("G", G, run.H.shape)
        d_later = dstate
        parameters: dict[str, Array] = {}
        pieces = []
        for i in reversed(range(len(states))):
            start, stop = cuts[i], cuts[i + 1]
            again = run_chunk(self.layer, X, states[i], on, start, stop)
            found = self.layer.backward(again, G[start:stop], d_later)
            d_later = found.dstate_0
            parameters = add_to(parameters, found.parameters)
            pieces.append(found.dX)
        return Gradients(np.concatenate(pieces[::-1]), found.dstate_0, parameters)
