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
from autograder.recurrent.arrays import (
    Array,
    common_dtype,
    require,
    require_count,
    require_finite,
    require_mask,
    require_state,
)
from autograder.recurrent.gates import by_gate, column_blocks, transposed
from autograder.recurrent.layer import Gradients, Run, State, saved_by
from autograder.recurrent.memory import recycled


class VanillaStepGradients(NamedTuple):
    """Gradients of one step: dx (B, D), dh_prev (B, H), dW (D, H), dU (H, H), db (H,)."""

    dx: Array
    dh_prev: Array
    dW: Array
    dU: Array
    db: Array


def step_forward(x: Array, h_prev: Array, W: Array, U: Array, b: Array) -> Array:
    """h = tanh(x W + h_prev U + b): the state after one step, (B, H).

    x (B, D), h_prev (B, H), W (D, H), U (H, H), b (H,). Raises TypeError and ValueError for what does not fit.
    """
    _require_step({"x": x, "h_prev": h_prev, "W": W, "U": U, "b": b})
    return np.tanh(x @ W + h_prev @ U + b)


def step_backward(dh: Array, x: Array, h_prev: Array, h: Array, W: Array, U: Array) -> VanillaStepGradients:
    """The gradients of one step from dh (B, H), the gradient of the loss at the step's output h (B, H).

    tanh' is written in terms of the output, 1 - h**2, so the pre-activation need not be kept. Raises TypeError and
    ValueError for what does not fit.
    """
    _require_step({"x": x, "h_prev": h_prev, "W": W, "U": U, "h": h, "dh": dh})
    da = dh * (1 - h * h)
    return VanillaStepGradients(dx=da @ W.T, dh_prev=da @ U.T, dW=x.T @ da, dU=h_prev.T @ da, db=da.sum(axis=0))


def require_vanilla(network: object) -> "VanillaRNN":
    """`network` as it is, for what is defined for this cell alone. Raises TypeError for another."""
    if not isinstance(network, VanillaRNN):
        raise TypeError(f"network: expected a VanillaRNN, got {type(network).__name__}")
    return network


def _require_step(given: dict[str, Array]) -> None:
    D, H = require("W", given["W"], ("D", "H")).shape
    B = require("x", given["x"], ("B", D)).shape[0]
    shapes = {"h_prev": (B, H), "U": (H, H), "b": (H,), "h": (B, H), "dh": (B, H)}
    for name, shape in shapes.items():
        if name in given:
            require(name, given[name], shape)
    common_dtype(given)


class _Saved(NamedTuple):
    X: Array
    H: Array  # (T + 1, B, H): h_0, h_1, …
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

    causal = True

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
        return (np.zeros((require_count("B", B, 0), self.U.shape[0]), self.U.real.dtype),)

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """All states of a sequence. Where the mask is 0: h_t = m_t h̃_t + (1 - m_t) h_{t-1}.

        X (T, B, D), state_0 (h_0,) with h_0 (B, H), mask (T, B). Returns H (T, B, H) and state (h_T,).
        """
        D, width = self.sizes
        T, B, _ = require("X", X, ("T", "B", D)).shape
        (h_0,) = require_state("state_0", state_0, ("h_0",), self.zero_state(B))
        on = require_mask(mask, T, B)
        dtype = common_dtype({"X": X, "h_0": h_0, **self.parameters})
        squash = ACTIVATIONS[self.activation].value
        # The input's share of every step at once: it does not wait for the recurrence.
        A = recycled((T, B, width), dtype)
        np.matmul(X.reshape(T * B, D), self.W, out=A.reshape(T * B, width))
        np.add(A, self.b, out=A)
        U = column_blocks(self.U, B)
        H = recycled((T + 1, B, width), dtype)
        H[0] = h_0
        hU = np.empty((B, width), dtype)
        hU_blocks = by_gate(hU, len(U))
        for t in range(T):
            np.matmul(H[t], U, out=hU_blocks)
            hU += A[t]
            H[t + 1] = squash(hU)
            if on is not None:
                np.copyto(H[t + 1], H[t], where=~on[t, :, None])
        return Run(H[1:], (H[T].copy(),), _Saved(X, H, on))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """δh_t = G_t + δa_{t+1} Uᵀ + (1 - m_{t+1}) δh_{t+1} and δa_t = m_t δh_t φ'(a_t), from the last step back.

        G (T, B, H); dstate (dh_T,). Every sum over steps and batch is one product over T·B rows.
        """
        X, H, on = saved_by(self, run, _Saved)
        T, B, width = require("G", G, run.H.shape).shape
        (dh_T,) = require_state("dstate", dstate, ("dh_T",), self.zero_state(B))
        dtype = common_dtype({"H": H, "G": G, "dh_T": dh_T})
        slope = ACTIVATIONS[self.activation].slope
        U_T = column_blocks(transposed(self.U), B)
        dA = recycled((T, B, width), dtype)
        dh = dh_T.astype(dtype)
        through_step = np.empty((B, width), dtype)
        blocks = by_gate(through_step, len(U_T))
        for t in reversed(range(T)):
            dh += G[t]
            np.multiply(dh, slope(H[t + 1]), out=dA[t])
            if on is not None:
                dA[t] *= on[t, :, None]
            np.matmul(dA[t], U_T, out=blocks)
            if on is None:
                dh[:] = through_step
            else:
                np.copyto(dh, through_step, where=on[t, :, None])
        rows = dA.reshape(T * B, width)
        dX = recycled(X.shape, dtype)
        np.matmul(rows, self.W.T, out=dX.reshape(T * B, len(self.W)))
        return Gradients(
            dX=dX,
            dstate_0=(dh,),
            parameters={
                "W": X.reshape(T * B, len(self.W)).T @ rows,
                "U": H[:-1].reshape(T * B, width).T @ rows,
                "b": rows.sum(axis=0),
            },
        )
