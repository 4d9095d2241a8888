"""Truncated backpropagation through time, BPTT(k1, k2): every k1 steps, backpropagate through the last k2."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, require, require_count, require_mask
from autograder.recurrent.chunks import add_to, require_causal, require_steps, run_chunks
from autograder.recurrent.layer import Gradients, Layer, Run, State, saved_by


class _Saved(NamedTuple):
    cuts: list[int]
    runs: list[Run]


@dataclass(frozen=True)
class TruncatedBPTT:
    """A layer whose forward is the given layer's and whose backward is truncated.

    After every k1 steps, at τ = k1, 2k1, …, what reached the last k1 states directly is backpropagated through the
    steps τ-k2+1, …, τ; what would leave that window is dropped. (A sequence that ends before the last τ is treated
    as if it went on without losses.) So, with "through step s" for the gradient along all paths on which the
    parameters are used at step s,

        dθ = Σ_t Σ_s ∂L_t/∂θ through step s,  over s with τ(t) - k2 < s ≤ t,  where τ(t) = k1 ⌈t / k1⌉.

    Every L_t counts once and through between k2-k1+1 and k2 steps, which is why k2 ≥ k1 is asked for. With
    k2 ≥ τ(T) nothing is dropped (k2 ≥ T, if k1 divides T or is T); k1 = k2 is the usual training by chunks with a
    detached state; k1 = 1 is the costliest and gives every L_t its k2 steps. dX and the gradient of the initial
    state are truncated alike. The parameters are the same in all windows: to change them between, run chunk by chunk.
    """

    layer: Layer
    k1: int
    k2: int

    causal = True

    def __post_init__(self) -> None:
        require_causal(self.layer)
        require_count("k1", self.k1, 1)
        require_count("k2", self.k2, 1)
        if self.k2 < self.k1:
            raise ValueError(
                f"k2: expected at least k1 = {self.k1}, with less some losses would go nowhere; got {self.k2}"
            )

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
        """The layer's states, run in chunks between all places where a window begins or ends."""
        T, B = require_steps(X, self.sizes[0])
        on = require_mask(mask, T, B)
        windows = self._windows(T)
        cuts = sorted({cut for begin, _, end in windows for cut in (begin, end)})
        runs = run_chunks(self.layer, X, self.zero_state(B) if state_0 is None else state_0, on, cuts)
        return Run(np.concatenate([run.H for run in runs]), runs[-1].state, _Saved(cuts, runs))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """Window by window, chunk by chunk from a window's end to its beginning; everything adds.

        G (T, B, H); `dstate` reaches the last state and so belongs to the last window.
        """
        cuts, runs = saved_by(self, run, _Saved)
        require("G", G, run.H.shape)
        T, B, _ = G.shape
        nothing = np.zeros_like(G)
        dX: dict[int, Array] = {}
        d_initial = self.zero_state(B)
        parameters: dict[str, Array] = {}
        for begin, fresh, end in self._windows(T):
            d_later = dstate if end == T else None
            for i in reversed(range(cuts.index(begin), cuts.index(end))):
                start, stop = cuts[i], cuts[i + 1]
                source = G if start >= fresh else nothing  # what is not fresh was backpropagated before
                found = self.layer.backward(runs[i], source[start:stop], d_later)
                d_later = found.dstate_0
                dX = add_to(dX, {i: found.dX})
                parameters = add_to(parameters, found.parameters)
                if start == 0:
                    d_initial = tuple(a + b for a, b in zip(d_initial, found.dstate_0, strict=True))
        return Gradients(np.concatenate([dX[i] for i in sorted(dX)]), d_initial, parameters)

    def _windows(self, T: int) -> list[tuple[int, int, int]]:
        """(first step of the window, first step whose loss is fresh, end) of each, 0-based, end excluded."""
        return [(max(0, t + self.k1 - self.k2), t, min(t + self.k1, T)) for t in range(0, T, self.k1)]
