"""The vanilla (Elman) RNN with tanh: one step, a masked sequence, and both backwards.

Notation as everywhere in the course: row vectors, time first. `X` (T, B, D), states `H` (T, B, H),
`W` (D, H), `U` (H, H), `b` (H,), `mask` (T, B) with 1 where a step counts. A name that begins with d is
the derivative of the loss with respect to what follows. No argument is modified; the dtype of the result
is the dtype of the arguments (float32, float64, or complex for complex-step checks).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.inexact]


class VanillaStepGradients(NamedTuple):
    """Gradients of one step: dx (B, D), dh_prev (B, H), dW (D, H), dU (H, H), db (H,)."""

    dx: Array
    dh_prev: Array
    dW: Array
    dU: Array
    db: Array


class VanillaGradients(NamedTuple):
    """Gradients of a sequence: dX (T, B, D), dh_0 (B, H), dW (D, H), dU (H, H), db (H,)."""

    dX: Array
    dh_0: Array
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


def sequence_forward(X: Array, h_0: Array, W: Array, U: Array, b: Array, mask: Array | None = None) -> Array:
    """All states H (T, B, H) of a sequence that starts from h_0 (B, H).

    Where mask (T, B) is 0 the state is carried over unchanged: h_t = m_t h̃_t + (1 - m_t) h_{t-1}.
    """
    A = X @ W + b  # the input's share of every step at once: it does not wait for the recurrence
    H = np.empty((*X.shape[:2], U.shape[0]), dtype=np.result_type(A, h_0, U))
    h = h_0
    for t in range(len(X)):
        candidate = np.tanh(A[t] + h @ U)
        h = candidate if mask is None else np.where(mask[t, :, None] != 0, candidate, h)
        H[t] = h
    return H


def sequence_backward(
    G: Array,
    X: Array,
    H: Array,
    h_0: Array,
    W: Array,
    U: Array,
    mask: Array | None = None,
) -> VanillaGradients:
    """Backpropagation through time for `sequence_forward`.

    G (T, B, H) is the gradient that reaches each state directly, from the loss of its own step; H is what
    `sequence_forward` returned. The recursion is
    δh_t = G_t + δa_{t+1} Uᵀ + (1 - m_{t+1}) δh_{t+1} and δa_t = m_t δh_t (1 - h_t²).
    """
    T = len(X)
    H_prev = np.concatenate([h_0[None], H[:-1]])
    slope = 1 - H * H
    if mask is not None:
        slope = slope * mask[:, :, None].astype(H.real.dtype)
    dA = np.empty_like(H)
    dh = np.zeros_like(h_0)
    for t in reversed(range(T)):
        dh = G[t] + dh
        dA[t] = dh * slope[t]
        carried = 0 if mask is None else np.where(mask[t, :, None] != 0, 0, dh)
        dh = dA[t] @ U.T + carried
    flat = dA.reshape(-1, dA.shape[-1])  # (T B, H): one product gives the sum over steps and batch
    return VanillaGradients(
        dX=dA @ W.T,
        dh_0=dh,
        dW=X.reshape(-1, X.shape[-1]).T @ flat,
        dU=H_prev.reshape(-1, H.shape[-1]).T @ flat,
        db=flat.sum(axis=0),
    )
