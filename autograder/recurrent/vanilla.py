"""The vanilla (Elman) RNN: one step, a masked sequence, and both backwards.

Notation as everywhere in the course: row vectors, time first. `X` (T, B, D), states `H` (T, B, H),
`W` (D, H), `U` (H, H), `b` (H,), `mask` (T, B) with 1 where a step counts. A name that begins with d is
the derivative of the loss with respect to what follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.activations import ACTIVATIONS, ActivationName
from autograder.recurrent.arrays import Array, common_dtype, require, require_finite, require_mask
from autograder.recurrent.layer import Gradients, Run, State, filled


class VanillaStepGradients(NamedTuple):
    """Gradients of one step: dx (B, D), dh_prev (B, H), dW (D, H), dU (H, H), db (H,)."""

    dx: Array
    dh_prev: Array
    dW: Array
    dU: Array
    db: Array


def step_forward(x: Array, h_prev: Array, W: Array, U: Array, b: Array) -> Array:
    """h = tanh(x W + h_prev U + b): the state after one step, (B, H).

    x (B, D), h_prev (B, H), W (D, H), U (H, H), b (H,).
    """
    return np.tanh(x @ W + h_prev @ U + b)


def step_backward(dh: Array, x: Array, h_prev: Array, h: Array, W: Array, U: Array) -> VanillaStepGradients:
    """The gradients of one step from dh (B, H), the gradient of the loss at the step's output h (B, H).

    tanh' is written in terms of the output, 1 - h**2, so the pre-activation need not be kept.
    """
    da = dh * (1 - h * h)
    return VanillaStepGradients(dx=da @ W.T, dh_prev=da @ U.T, dW=x.T @ da, dU=h_prev.T @ da, db=da.sum(axis=0))


class _Saved(NamedTuple):
    X: Array
    h_0: Array
    mask: NDArray[np.bool_] | None


@dataclass(frozen=True)
class VanillaRNN:
    """h_t = φ(x_t W + h_{t-1} U + b), with φ = tanh, relu or identity. State: (h,).

    W (D, H), U (H, H), b (H,), of one dtype. Raises TypeError and ValueError for what does not fit.
    """

    W: Array
    U: Array
    b: Array
    activation: ActivationName = "tanh"

    def __post_init__(self) -> None:
        H = require("U", self.U, ("H", "H")).shape[1]
        require("U", self.U, (H, H))
        require("W", self.W, ("D", H))
        require("b", self.b, (H,))
        common_dtype(self.parameters)
        require_finite(self.parameters)
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H)."""
        return self.W.shape

    @property
    def parameters(self) -> dict[str, Array]:
        """W, U and b."""
        return {"W": self.W, "U": self.U, "b": self.b}

    def zero_state(self, B: int) -> State:
        """(h,) with h (B, H) of zeros."""
        return (np.zeros((B, self.U.shape[0]), self.U.real.dtype),)

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """All states of a sequence. Where the mask is 0: h_t = m_t h̃_t + (1 - m_t) h_{t-1}.

        X (T, B, D), state_0 (h_0,) with h_0 (B, H), mask (T, B). Returns H (T, B, H) and state (h_T,).
        """
        D, width = self.sizes
        T, B, _ = require("X", X, ("T", "B", D)).shape
        (h_0,) = filled(state_0, self.zero_state(B))
        require("h_0", h_0, (B, width))
        on = require_mask(mask, T, B)
        dtype = common_dtype({"X": X, "h_0": h_0, **self.parameters})
        squash = ACTIVATIONS[self.activation].value
        A = X @ self.W + self.b  # the input's share of every step at once: it does not wait for the recurrence
        H = np.empty((T, B, width), dtype)
        h = h_0
        for t in range(T):
            candidate = squash(A[t] + h @ self.U)
            h = candidate if on is None else np.where(on[t, :, None], candidate, h)
            H[t] = h
        return Run(H, (h,), _Saved(X, h_0, on))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """δh_t = G_t + δa_{t+1} Uᵀ + (1 - m_{t+1}) δh_{t+1} and δa_t = m_t δh_t φ'(a_t), from the last step back.

        G (T, B, H); dstate (dh_T,). Every sum over steps and batch is one product over T·B rows.
        """
        X, h_0, on = run.saved
        H = run.H
        require("G", G, H.shape)
        (dh,) = filled(dstate, (np.zeros_like(h_0),))
        require("dh_T", dh, h_0.shape)
        slope = ACTIVATIONS[self.activation].slope(H)
        if on is not None:
            slope = slope * on[:, :, None]
        dA = np.empty_like(H)
        for t in reversed(range(len(X))):
            dh = G[t] + dh
            np.multiply(dh, slope[t], out=dA[t])
            through_step = dA[t] @ self.U.T
            dh = through_step if on is None else np.where(on[t, :, None], through_step, dh)
        H_prev = np.concatenate([h_0[None], H[:-1]])
        flat = dA.reshape(-1, dA.shape[-1])
        return Gradients(
            dX=dA @ self.W.T,
            dstate_0=(dh,),
            parameters={
                "W": X.reshape(-1, X.shape[-1]).T @ flat,
                "U": H_prev.reshape(-1, H.shape[-1]).T @ flat,
                "b": flat.sum(axis=0),
            },
        )
