"""The LSTM with peepholes, coupled gates and a projection, alone or together.

    i = σ(x W_i + h₋ U_i + b_i + c₋ ⊙ P_i)       f alike with P_f       g = tanh(x W_g + h₋ U_g + b_g)
    c = f ⊙ c₋ + i ⊙ g                           o = σ(x W_o + h₋ U_o + b_o + c ⊙ P_o)
    s = o ⊙ tanh(c)                              h = s, or h = s R with a projection

Peepholes (Gers and Schmidhuber 2000) let the gates see the cell: i and f the one *before*, c₋, because they decide
what becomes of it; o the *new* one, c, because it decides what is shown of it. Coupled gates write just where they
erase, i = 1 - f, and save a block. A projection R (H, K) makes the state narrower than the cell (Sak et al. 2014).

Shapes: W (D, 4H), U (K, 4H), b (4H,), blocks i, f, g, o; P (3, H), rows i, f, o. Coupled: W (D, 3H), U (K, 3H),
b (3H,), blocks f, g, o; P (2, H), rows f, o. Without a projection K = H.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.activations import sigmoid
from autograder.recurrent.arrays import (
    Array,
    common_dtype,
    require,
    require_count,
    require_finite,
    require_mask,
    require_state,
)
from autograder.recurrent.layer import Gradients, Run, State, saved_by


class _Step(NamedTuple):
    """What the backward of one step needs, each (B, H)."""

    i: Array
    f: Array
    g: Array
    o: Array
    c_prev: Array
    c: Array
    tanh_c: Array


class _Saved(NamedTuple):
    X: Array
    h_0: Array
    steps: list[_Step]
    on: NDArray[np.bool_] | None


@dataclass(frozen=True)
class VariantLSTM:
    """State: (h, c), h (B, K), c (B, H). Raises TypeError and ValueError for what does not fit."""

    W: Array
    U: Array
    b: Array
    P: Array | None = None
    R: Array | None = None
    coupled: bool = False

    causal = True

    def __post_init__(self) -> None:
        if not isinstance(self.coupled, bool):
            raise TypeError(f"coupled: expected True or False, got {self.coupled!r}")
        blocks = 3 if self.coupled else 4
        H = require("b", self.b, (f"{blocks}H",)).shape[0] // blocks
        require("b", self.b, (blocks * H,))
        require("W", self.W, ("D", blocks * H))
        if self.P is not None:
            require("P", self.P, (blocks - 1, H))
        K = H if self.R is None else require("R", self.R, (H, "K")).shape[1]
        require("U", self.U, (K, blocks * H))
        common_dtype(self.parameters)
        require_finite(self.parameters)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, K)."""
        return self.W.shape[0], self.U.shape[0]

    @property
    def cells(self) -> int:
        """H, the width of the cell."""
        return self.b.shape[0] // (3 if self.coupled else 4)

    @property
    def parameters(self) -> dict[str, Array]:
        """W, U, b, and P and R where there are any."""
        found = {"W": self.W, "U": self.U, "b": self.b, "P": self.P, "R": self.R}
        return {name: value for name, value in found.items() if value is not None}

    def zero_state(self, B: int) -> State:
        """(h, c), (B, K) and (B, H) of zeros."""
        dtype, B = self.U.real.dtype, require_count("B", B, 0)
        return np.zeros((B, self.sizes[1]), dtype), np.zeros((B, self.cells), dtype)

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """All states of a sequence. Where the mask is 0, h and c are carried over.

        X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, K) and state (h_T, c_T).
        """
        D, K = self.sizes
        T, B, _ = require("X", X, ("T", "B", D)).shape
        h, c = h_0, c_0 = require_state("state_0", state_0, ("h_0", "c_0"), self.zero_state(B))
        dtype = common_dtype({"X": X, "h_0": h_0, "c_0": c_0, **self.parameters})
        on = require_mask(mask, T, B)

        A = X @ self.W + self.b
        H = np.empty((T, B, K), dtype)
        steps = []
        for t in range(T):
            step = self._step(A[t] + h @ self.U, c)
            steps.append(step)
            s = step.o * step.tanh_c
            new = s if self.R is None else s @ self.R
            if on is None:
                h, c = new, step.c
            else:
                h, c = np.where(on[t, :, None], new, h), np.where(on[t, :, None], step.c, c)
            H[t] = h
        return Run(H, (h.astype(dtype), c.astype(dtype)), _Saved(X, h_0, steps, on))

    def _step(self, a: Array, c_prev: Array) -> _Step:
        """Gates and cell from a = x W + h₋ U + b, blocks as in W, and c₋."""
        *a_i, a_f, a_g, a_o = np.split(a, 3 if self.coupled else 4, axis=-1)
        f = sigmoid(a_f if self.P is None else a_f + c_prev * self.P[-2])
        i = 1 - f
        if not self.coupled:
            i = sigmoid(a_i[0] if self.P is None else a_i[0] + c_prev * self.P[0])
        g = np.tanh(a_g)
        c = f * c_prev + i * g
        o = sigmoid(a_o if self.P is None else a_o + c * self.P[-1])
        return _Step(i, f, g, o, c_prev, c, np.tanh(c))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """From the last step back. Beside the plain LSTM's terms:

            projection   δs = δh Rᵀ                       δR = Σ sᵀ δh
            peepholes    δc   gains  δa_o ⊙ P_o           δc₋ gains  δa_i ⊙ P_i + δa_f ⊙ P_f
            coupled      δa_f = δc ⊙ (c₋ - g) ⊙ f(1 - f), because a change of f changes i the other way

        G (T, B, K); dstate (dh_T, dc_T).
        """
        X, h_0, steps, on = saved_by(self, run, _Saved)
        T, B, _ = require("G", G, run.H.shape).shape
        dh, dc = require_state("dstate", dstate, ("dh_T", "dc_T"), self.zero_state(B))
        dtype = common_dtype({"H": run.H, "G": G, "dh_T": dh, "dc_T": dc})

        dA = np.empty((T, B, self.b.shape[0]), dtype)
        extra = {name: np.zeros(p.shape, dtype) for name, p in self.parameters.items() if name in "PR"}
        for t in reversed(range(T)):
            i, f, g, o, c_prev, c, tanh_c = steps[t]
            dh = dh + G[t]
            held_h: Array | int = 0
            held_c: Array | int = 0
            if on is not None:
                m = on[t, :, None]
                held_h, held_c = dh * ~m, dc * ~m
                dh, dc = dh * m, dc * m
            ds = dh
            if self.R is not None:
                ds = dh @ self.R.T
                extra["R"] += (o * tanh_c).T @ dh
            da_o = ds * tanh_c * o * (1 - o)
            dc = dc + ds * o * (1 - tanh_c * tanh_c)
            if self.P is not None:
                dc = dc + da_o * self.P[-1]
            da_g = dc * i * (1 - g * g)
            if self.coupled:
                sees_before = [dc * (c_prev - g) * f * (1 - f)]
            else:
                sees_before = [dc * g * i * (1 - i), dc * c_prev * f * (1 - f)]
            dc = dc * f
            if self.P is not None:
                for row, da in enumerate(sees_before):
                    dc = dc + da * self.P[row]
                    extra["P"][row] += (da * c_prev).sum(axis=0)
                extra["P"][-1] += (da_o * c).sum(axis=0)
            np.concatenate([*sees_before, da_g, da_o], axis=-1, out=dA[t])
            dh = dA[t] @ self.U.T + held_h
            dc = dc + held_c
        H_prev = np.concatenate([h_0[None], run.H])[:-1]

        def rows(a: Array) -> Array:
            return a.reshape(-1, a.shape[-1])

        return Gradients(
            dX=dA @ self.W.T,
            dstate_0=(dh.astype(dtype), dc.astype(dtype)),
            parameters={
                "W": rows(X).T @ rows(dA),
                "U": rows(H_prev).T @ rows(dA),
                "b": rows(dA).sum(axis=0),
                **extra,
            },
        )
