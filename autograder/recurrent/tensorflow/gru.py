"""The GRU in TensorFlow, with the reset gate after or before the recurrent product: functions, the same with their
backward by hand, and a Keras layer.

The functions are time first: X (T, B, D), h (B, H), W (D, 3H), U (H, 3H), b (3H,), blocks in the order r, z, n
(Keras's own GRU has z, r, h); c (H,) is the candidate's recurrent bias. The layer is batch first.
"""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor, arguments
from autograder.recurrent.tensorflow.backward import over_steps, previous
from autograder.recurrent.tensorflow.layer import Recurrent, per_gate

Reset = Literal["after", "before"]


def step(a: Tensor, h: Tensor, U: Tensor, c: Tensor | None) -> tuple[Tensor, ...]:
    """One step from a = x_t W + b (B, 3H) and h_{t-1} (B, H): h, r, z, n, q, each (B, H), as in `GRU`.

    c None means that the reset gate comes before the product. `q` is what the reset gate meets in the candidate:
    h_{t-1} U_n + c (after), h_{t-1} itself (before).
    """
    width = h.shape[-1]
    a_r, a_z, a_n = tf.split(a, 3, axis=1)
    if c is not None:
        u_r, u_z, u_n = tf.split(h @ U, 3, axis=1)
        r, z = tf.sigmoid(a_r + u_r), tf.sigmoid(a_z + u_z)
        q = u_n + c
        n = tf.tanh(a_n + r * q)
    else:
        u_r, u_z = tf.split(h @ U[:, : 2 * width], 2, axis=1)
        r, z = tf.sigmoid(a_r + u_r), tf.sigmoid(a_z + u_z)
        q = h
        n = tf.tanh(a_n + (r * q) @ U[:, 2 * width :])
    return (1 - z) * n + z * h, r, z, n, q


def scan_steps(
    X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor, c: Tensor | None, on: Tensor
) -> tuple[Tensor, ...]:
    """H, r, z, n, q of every step, each (T, B, H)."""

    def one(before: tuple[Tensor, ...], now: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        a, m = now
        h, *gates = step(a, before[0], U, c)
        return tf.where(m, h, before[0]), *gates

    A = tf.tensordot(X, W, 1) + b  # the input's share of every step at once: it does not wait for the recurrence
    return tf.scan(one, (A, on), (h_0,) * 5)


def gru_sequence(X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor, c: Tensor | None, on: Tensor) -> Tensor:
    """All states of a sequence, H (T, B, H), by the equations of `GRU`; where the mask is off h_t = h_{t-1}.

    `on` is the mask as booleans (T, B, 1). With c the reset gate comes after the product, without it before.
    """
    return scan_steps(X, h_0, W, U, b, c, on)[0]


@tf.custom_gradient
def gru_after_by_hand(X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor, c: Tensor, on: Tensor) -> Any:
    """`gru_sequence` with the reset gate after the product, and its backward written out."""
    H, r, z, n, q = scan_steps(X, h_0, W, U, b, c, on)

    def backward(G: Tensor) -> tuple[Tensor | None, ...]:
        """δa_n = δh (1 - z)(1 - n²),  δa_z = δh (h₋ - n) z (1 - z),  δq = r δa_n,  δa_r = δa_n q r (1 - r);

        δh₋ = δh z + δa_r U_rᵀ + δa_z U_zᵀ + δq U_nᵀ. The factors are made for all steps at once.
        """
        H_prev = previous(h_0, H)
        counted = tf.cast(on, H.dtype)
        to_n, to_z = counted * (1 - z) * (1 - n * n), counted * (H_prev - n) * z * (1 - z)
        to_r = q * r * (1 - r)

        def one(later: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            g, by_n, by_z, by_r, r_t, z_t, m = now
            dh = g + later[0]
            da_n, da_z = dh * by_n, dh * by_z
            da_r, dq = da_n * by_r, da_n * r_t
            du = tf.concat([da_r, da_z, dq], axis=1)  # U_n sees δq, W_n sees δa_n
            dh_prev = dh * z_t + tf.matmul(du, U, transpose_b=True)
            return tf.where(m, dh_prev, dh), du, da_n

        start = tf.zeros_like(h_0), tf.concat([tf.zeros_like(h_0)] * 3, axis=1), tf.zeros_like(h_0)
        dh, dU_side, dA_n = tf.scan(one, (G, to_n, to_z, to_r, r, z, on), start, reverse=True)
        dA = tf.concat([dU_side[:, :, : 2 * h_0.shape[-1]], dA_n], axis=2)
        dX = tf.tensordot(dA, W, [[2], [1]])
        dc = tf.reduce_sum(dU_side[:, :, 2 * h_0.shape[-1] :], [0, 1])
        return dX, dh[0], over_steps(X, dA), over_steps(H_prev, dU_side), tf.reduce_sum(dA, [0, 1]), dc, None

    return H, backward


@tf.custom_gradient
def gru_before_by_hand(X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor, on: Tensor) -> Any:
    """`gru_sequence` with the reset gate before the product, and its backward written out."""
    H, r, z, n, q = scan_steps(X, h_0, W, U, b, None, on)

    def backward(G: Tensor) -> tuple[Tensor | None, ...]:
        """δa_n = δh (1 - z)(1 - n²),  δa_z = δh (h₋ - n) z (1 - z),  δs = δa_n U_nᵀ,  δa_r = δs h₋ r (1 - r);

        δh₋ = δh z + δa_r U_rᵀ + δa_z U_zᵀ + δs r. The factors are made for all steps at once.
        """
        width = h_0.shape[-1]
        U_rz, U_n = U[:, : 2 * width], U[:, 2 * width :]
        H_prev = previous(h_0, H)
        counted = tf.cast(on, H.dtype)
        to_n, to_z = counted * (1 - z) * (1 - n * n), counted * (H_prev - n) * z * (1 - z)
        to_r = q * r * (1 - r)

        def one(later: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            g, by_n, by_z, by_r, r_t, z_t, m = now
            dh = g + later[0]
            da_n, da_z = dh * by_n, dh * by_z
            ds = tf.matmul(da_n, U_n, transpose_b=True)
            da_rz = tf.concat([ds * by_r, da_z], axis=1)
            dh_prev = dh * z_t + tf.matmul(da_rz, U_rz, transpose_b=True) + ds * r_t
            return tf.where(m, dh_prev, dh), tf.concat([da_rz, da_n], axis=1)

        start = tf.zeros_like(h_0), tf.concat([tf.zeros_like(h_0)] * 3, axis=1)
        dh, dA = tf.scan(one, (G, to_n, to_z, to_r, r, z, on), start, reverse=True)
        dX = tf.tensordot(dA, W, [[2], [1]])
        dU_rz, dU_n = over_steps(H_prev, dA[:, :, : 2 * width]), over_steps(r * H_prev, dA[:, :, 2 * width :])
        dU = tf.concat([dU_rz, dU_n], axis=1)
        return dX, dh[0], over_steps(X, dA), dU, tf.reduce_sum(dA, [0, 1]), None

    return H, backward


@keras.saving.register_keras_serializable("unrolled")
class GRU(Recurrent):
    """A gated recurrent unit. State: (h,).

    r = σ(x W_r + h₋ U_r + b_r),  z = σ(x W_z + h₋ U_z + b_z),  h = (1 - z) ⊙ n + z ⊙ h₋  with
    n = tanh(x W_n + b_n + r ⊙ (h₋ U_n + c))  if reset is "after", or
    n = tanh(x W_n + b_n + (r ⊙ h₋) U_n)      if it is "before"; there is no c then.

    Weights W (D, 3H), U (H, 3H), b (3H,), c (H,).
    """

    def __init__(self, H: int, reset: Reset = "after", *, by_hand: bool = False, **keras_options: Any) -> None:
        """H hidden units. Raises ValueError for a reset that is neither "after" nor "before"."""
        super().__init__(H, by_hand=by_hand, **keras_options)
        if reset not in ("after", "before"):
            raise ValueError(f"reset: expected 'after' or 'before', got {reset!r}")
        self.reset = reset

    def build(self, shape: Sequence[int]) -> None:
        """Make the weights, each gate by itself: W uniform after Glorot, U orthogonal; biases zero."""
        self.W = self.weight("W", (shape[-1], 3 * self.H), per_gate("glorot_uniform", 3))
        self.U = self.weight("U", (self.H, 3 * self.H), per_gate("orthogonal", 3))
        self.b = self.weight("b", (3 * self.H,))
        self.c = self.weight("c", (self.H,)) if self.reset == "after" else None

    def sequence(self, X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None) -> Any:
        """X (T, B, D), state_0 (h_0,), mask (T, B). Returns H (T, B, H) and (h_T,)."""
        W, U, b = (tf.convert_to_tensor(v) for v in (self.W, self.U, self.b))
        c = None if self.c is None else tf.convert_to_tensor(self.c)
        X, (h_0,), on = arguments(X, state_0, mask, W, self.state_widths)
        if not self.by_hand:
            H = gru_sequence(X, h_0, W, U, b, c, on)
        elif c is None:
            H = gru_before_by_hand(X, h_0, W, U, b, on)
        else:
            H = gru_after_by_hand(X, h_0, W, U, b, c, on)
        return H, (H[-1],)

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        return super().get_config() | {"reset": self.reset}
