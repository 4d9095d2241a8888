"""The LSTM with layer normalisation (Ba, Kiros and Hinton 2016, section 6.2 and its supplement).

    a = LN(x W; γ_x) + LN(h₋ U; γ_h) + b         i, f, g, o as in the plain LSTM
    c = f ⊙ c₋ + i ⊙ g                           h = o ⊙ tanh(LN(c; γ_c) + β_c)

LN(v; γ) = γ ⊙ (v - mean v) / √(var v + ε), mean and variance over the units of one row: over all 4H entries of a
product, over the H of a cell. So neither the other sequences of a batch nor other steps matter. The cell itself is
carried on unnormalised; only what is shown to the output is normalised.

Shapes: W (D, 4H), U (H, 4H), b, γ_x, γ_h (4H,), γ_c, β_c (H,); the gates in the order i, f, g, o.
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

EPSILON = 1e-5
"""Added to the variance, as the frameworks' layers do by default."""


class Normal(NamedTuple):
    """Rows of mean 0 and variance 1, and the factor they were multiplied by, 1 / √(var + ε), one a row."""

    rows: Array
    scale: Array


def normalise(v: Array) -> Normal:
    """(v - mean v) / √(var v + ε) along the last axis. v (..., N); the scale (..., 1)."""
    centred = v - v.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    scale = 1 / np.sqrt(variance + v.real.dtype.type(EPSILON))
    return Normal(centred * scale, scale)


def normalise_backward(dn: Array, normal: Normal) -> Array:
    """δv from δn, n = normalise(v): δv = (δn - mean δn - n ⊙ mean(δn ⊙ n)) · scale.

    v reaches a row's entries along three roads: its own entry, the mean, and the variance. The second and the third
    take out what a shift of the row, and a stretch of it, would have changed: nothing, since n does not notice them
    (the stretch but for ε).
    """
    n, scale = normal
    shift = dn.mean(axis=-1, keepdims=True)
    stretch = (dn * n).mean(axis=-1, keepdims=True)
    return (dn - shift - n * stretch) * scale


class _Saved(NamedTuple):
    X: Array
    state_0: State
    of_input: Normal  # rows (T, B, 4H)
    steps: list  # of each step: (i, f, g, o, c_prev, u, of_state, of_cell)
    on: NDArray[np.bool_] | None


@dataclass(frozen=True)
class LayerNormLSTM:
    """State: (h, c), each (B, H). Raises TypeError and ValueError for what does not fit."""

    W: Array
    U: Array
    b: Array
    gamma_x: Array
    gamma_h: Array
    gamma_c: Array
    beta_c: Array

    causal = True

    def __post_init__(self) -> None:
        H = require("U", self.U, ("H", "4H")).shape[0]
        require("U", self.U, (H, 4 * H))
        require("W", self.W, ("D", 4 * H))
        for name, width in {"b": 4 * H, "gamma_x": 4 * H, "gamma_h": 4 * H, "gamma_c": H, "beta_c": H}.items():
            require(name, self.parameters[name], (width,))
        common_dtype(self.parameters)
        require_finite(self.parameters)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H)."""
        return self.W.shape[0], self.U.shape[0]

    @property
    def parameters(self) -> dict[str, Array]:
        """W, U, b, gamma_x, gamma_h, gamma_c and beta_c."""
        return {name: getattr(self, name) for name in ("W", "U", "b", "gamma_x", "gamma_h", "gamma_c", "beta_c")}

    def zero_state(self, B: int) -> State:
        """(h, c), each (B, H) of zeros."""
        h, c = np.zeros((2, require_count("B", B, 0), self.U.shape[0]), self.U.real.dtype)
        return h, c

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """All states of a sequence. Where the mask is 0, h and c are carried over.

        X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, H) and state (h_T, c_T).
        """
        D, width = self.sizes
        T, B, _ = require("X", X, ("T", "B", D)).shape
        h, c = start = require_state("state_0", state_0, ("h_0", "c_0"), self.zero_state(B))
        dtype = common_dtype({"X": X, "h_0": h, "c_0": c, **self.parameters})
        on = require_mask(mask, T, B)

        of_input = normalise(X @ self.W)
        A = of_input.rows * self.gamma_x + self.b
        H = np.empty((T, B, width), dtype)
        steps = []
        for t in range(T):
            of_state = normalise(h @ self.U)
            a_i, a_f, a_g, a_o = np.split(A[t] + of_state.rows * self.gamma_h, 4, axis=-1)
            i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
            c_new = f * c + i * g
            of_cell = normalise(c_new)
            u = np.tanh(of_cell.rows * self.gamma_c + self.beta_c)
            steps.append((i, f, g, o, c, u, of_state, of_cell))
            if on is None:
                h, c = o * u, c_new
            else:
                h, c = np.where(on[t, :, None], o * u, h), np.where(on[t, :, None], c_new, c)
            H[t] = h
        return Run(H, (h.astype(dtype), c.astype(dtype)), _Saved(X, start, of_input, steps, on))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """The plain LSTM's recursion, with `normalise_backward` at the three places where something is normalised.

        With q = h₋ U and n_q its normalised rows: δn_q = δa ⊙ γ_h, δq from it, δh₋ = δq Uᵀ; with e = LN(c):
        δc gains the way back through e from δe = δh ⊙ o(1 - u²). G (T, B, H); dstate (dh_T, dc_T).
        """
        X, (h_0, _), of_input, steps, on = saved_by(self, run, _Saved)
        T, B, width = require("G", G, run.H.shape).shape
        dh, dc = require_state("dstate", dstate, ("dh_T", "dc_T"), self.zero_state(B))
        dtype = common_dtype({"H": run.H, "G": G, "dh_T": dh, "dc_T": dc})

        dA, dQ = np.empty((2, T, B, 4 * width), dtype)
        dgamma_h = np.zeros(4 * width, dtype)
        dgamma_c, dbeta_c = np.zeros((2, width), dtype)
        for t in reversed(range(T)):
            i, f, g, o, c_prev, u, of_state, of_cell = steps[t]
            dh = dh + G[t]
            held_h: Array | int = 0
            held_c: Array | int = 0
            if on is not None:
                m = on[t, :, None]
                held_h, held_c = dh * ~m, dc * ~m
                dh, dc = dh * m, dc * m
            de = dh * o * (1 - u * u)
            dgamma_c += (de * of_cell.rows).sum(axis=0)
            dbeta_c += de.sum(axis=0)
            dc = dc + normalise_backward(de * self.gamma_c, of_cell)
            gates = dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g * g), dh * u * o * (1 - o)
            dA[t] = np.concatenate(gates, axis=-1)
            dgamma_h += (dA[t] * of_state.rows).sum(axis=0)
            dQ[t] = normalise_backward(dA[t] * self.gamma_h, of_state)
            dh = dQ[t] @ self.U.T + held_h
            dc = dc * f + held_c
        dP = normalise_backward(dA * self.gamma_x, of_input)
        H_prev = np.concatenate([h_0[None], run.H])[:-1]

        def rows(a: Array) -> Array:
            return a.reshape(-1, a.shape[-1])

        return Gradients(
            dX=dP @ self.W.T,
            dstate_0=(dh.astype(dtype), dc.astype(dtype)),
            parameters={
                "W": rows(X).T @ rows(dP),
                "U": rows(H_prev).T @ rows(dQ),
                "b": rows(dA).sum(axis=0),
                "gamma_x": (dA * of_input.rows).sum(axis=(0, 1)),
                "gamma_h": dgamma_h,
                "gamma_c": dgamma_c,
                "beta_c": dbeta_c,
            },
        )
