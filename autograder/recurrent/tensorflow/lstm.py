"""The LSTM in TensorFlow, with peepholes, coupled gates and projection: a function, the same with its backward by
hand, and a Keras layer.

The functions are time first: X (T, B, D), h and c (B, H), W (D, 4H), U (H, 4H), b (4H,), blocks in the order
i, f, g, o (as in Keras). The layer is batch first.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor, arguments, over_steps, previous
from autograder.recurrent.tensorflow.layer import Recurrent, per_gate


def step(a: Tensor, c_prev: Tensor, P: Tensor | None) -> tuple[Tensor, ...]:
    """One step from a = x_t W + h_{t-1} U + b (B, 4H, or 3H without the block of i) and c_{t-1}, as in `LSTM`.

    Returns h (before any projection), c, i, f, g, o, each (B, H).
    """
    coupled = a.shape[-1] == 3 * c_prev.shape[-1]
    blocks = tf.split(a, 3 if coupled else 4, axis=1)
    a_f, a_g, a_o = blocks[-3:]
    a_i = blocks[0]
    if P is not None:  # its rows are i, f, o, or f, o
        a_i, a_f = a_i + c_prev * P[0], a_f + c_prev * P[-2]
    f = tf.sigmoid(a_f)
    i = 1 - f if coupled else tf.sigmoid(a_i)
    g = tf.tanh(a_g)
    c = f * c_prev + i * g
    o = tf.sigmoid(a_o if P is None else a_o + c * P[-1])  # the output gate sees the new cell
    return o * tf.tanh(c), c, i, f, g, o


def lstm_sequence(
    X: Tensor,
    h_0: Tensor,
    c_0: Tensor,
    W: Tensor,
    U: Tensor,
    b: Tensor,
    on: Tensor,
    P: Tensor | None = None,
    R: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """All states and cells of a sequence, H and C (T, B, ·), by the equations of `LSTM`.

    `on` is the mask as booleans (T, B, 1); where it is off both are carried over.
    """

    def one(before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        (h_prev, c_prev), (a, m) = before, now
        h, c, *_ = step(a + h_prev @ U, c_prev, P)
        h = h if R is None else h @ R
        return tf.where(m, h, h_prev), tf.where(m, c, c_prev)

    A = tf.tensordot(X, W, 1) + b  # the input's share of every step at once: it does not wait for the recurrence
    return tf.scan(one, (A, on), (h_0, c_0))


@tf.custom_gradient
def lstm_sequence_by_hand(
    X: Tensor, h_0: Tensor, c_0: Tensor, W: Tensor, U: Tensor, b: Tensor, P: Tensor, on: Tensor
) -> Any:
    """`lstm_sequence` with peepholes P (3, H) of i, f, o (zeros: without any), and its backward written out."""

    def one(before: tuple[Tensor, ...], now: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        (h_prev, c_prev, *_), (a, m) = before, now
        h, c, *gates = step(a + h_prev @ U, c_prev, P)
        return tf.where(m, h, h_prev), tf.where(m, c, c_prev), *gates

    A = tf.tensordot(X, W, 1) + b
    H, C, i, f, g, o = tf.scan(one, (A, on), (h_0,) + (c_0,) * 5)

    def backward(G: Tensor, G_c: Tensor) -> tuple[Tensor | None, ...]:
        """From the last step back, along both of the cell's paths; the factors are made for all steps at once.

        δa_o = δh tanh(c) o (1 - o),   δc += δh o (1 - tanh² c) + δa_o P_o,   δa_i = δc g i (1 - i),
        δa_f = δc c₋ f (1 - f),   δa_g = δc i (1 - g²),   δc₋ = δc f + δa_i P_i + δa_f P_f,   δh₋ = δa Uᵀ.
        G and G_c (T, B, H) reach every h_t and c_t directly.
        """
        H_prev, C_prev, tanh_C = previous(h_0, H), previous(c_0, C), tf.tanh(C)
        counted = tf.cast(on, H.dtype)
        to_i, to_f, to_g = counted * g * i * (1 - i), counted * C_prev * f * (1 - f), counted * i * (1 - g * g)
        to_o, to_c = counted * tanh_C * o * (1 - o), counted * o * (1 - tanh_C * tanh_C)

        def one_back(later: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            g_h, g_c, by_i, by_f, by_g, by_o, by_c, f_t, m = now
            dh, dc = g_h + later[0], g_c + later[1]
            da_o = dh * by_o
            dc = dc + dh * by_c + da_o * P[2]
            da_i, da_f = dc * by_i, dc * by_f
            da = tf.concat([da_i, da_f, dc * by_g, da_o], axis=1)
            dh_prev = tf.matmul(da, U, transpose_b=True)
            return tf.where(m, dh_prev, dh), tf.where(m, dc * f_t + da_i * P[0] + da_f * P[1], dc), da

        start = tf.zeros_like(h_0), tf.zeros_like(c_0), tf.concat([tf.zeros_like(h_0)] * 4, axis=1)
        inputs = (G, G_c, to_i, to_f, to_g, to_o, to_c, f, on)
        dh, dc, dA = tf.scan(one_back, inputs, start, reverse=True)
        dA_i, dA_f, _, dA_o = tf.split(dA, 4, axis=2)
        dP = tf.stack([tf.reduce_sum(d * cell, [0, 1]) for d, cell in ((dA_i, C_prev), (dA_f, C_prev), (dA_o, C))])
        dX = tf.tensordot(dA, W, [[2], [1]])
        db = tf.reduce_sum(dA, [0, 1])
        return dX, dh[0], dc[0], over_steps(X, dA), over_steps(H_prev, dA), db, dP, None

    return (H, C), backward


class LSTM(Recurrent):
    """Long short-term memory. State: (h, c).

    i = σ(x W_i + h₋ U_i + b_i + c₋ P_i),   f = σ(x W_f + h₋ U_f + b_f + c₋ P_f),   g = tanh(x W_g + h₋ U_g + b_g),
    c = f ⊙ c₋ + i ⊙ g,   o = σ(x W_o + h₋ U_o + b_o + c P_o),   h = o ⊙ tanh c   or, projected,   (o ⊙ tanh c) R.

    Weights W (D, 4H), U (H, 4H), b (4H,); with `peepholes` P (3, H), for i, f, o. When `coupled`, i = 1 - f, the
    blocks are f, g, o and P is (2, H). With a `projection` to width K there is R (H, K), U is (K, 4H), h is (B, K).
    `by_hand` goes with peepholes, not with coupling or projection.
    """

    def __init__(
        self,
        H: int,
        *,
        peepholes: bool = False,
        coupled: bool = False,
        projection: int | None = None,
        forget_bias: float = 1.0,
        by_hand: bool = False,
        **keras_options: Any,
    ) -> None:
        """H cells. Raises ValueError for `by_hand` with a variant it was not written for."""
        super().__init__(H, by_hand=by_hand, **keras_options)
        if by_hand and (coupled or projection is not None):
            raise ValueError("by_hand: its backward knows peepholes, but no coupled gates and no projection")
        self.peepholes, self.coupled, self.projection = peepholes, coupled, projection
        self.forget_bias = forget_bias

    def build(self, shape: Sequence[int]) -> None:
        """Make the weights, each gate by itself: W uniform after Glorot, U orthogonal; b 0, b_f `forget_bias`; P 0."""
        H, blocks = self.H, 3 if self.coupled else 4
        self.W = self.weight("W", (shape[-1], blocks * H), per_gate("glorot_uniform", blocks))
        self.U = self.weight("U", (self.projection or H, blocks * H), per_gate("orthogonal", blocks))
        self.b = self.weight("b", (blocks * H,), self._start_bias)
        self.P = self.weight("P", (blocks - 1, H)) if self.peepholes else None
        self.R = self.weight("R", (H, self.projection), "glorot_uniform") if self.projection else None

    def _start_bias(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        blocks = 3 if self.coupled else 4
        forget = tf.one_hot(blocks - 3, blocks, tf.cast(self.forget_bias, dtype), dtype=dtype)
        return tf.repeat(forget, self.H)

    def sequence(self, X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None) -> Any:
        """X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, ·) and (h_T, c_T)."""
        W, U, b = (tf.convert_to_tensor(v) for v in (self.W, self.U, self.b))
        P, R = (None if v is None else tf.convert_to_tensor(v) for v in (self.P, self.R))
        X, (h_0, c_0), on = arguments(X, state_0, mask, W, {"h_0": self.projection or self.H, "c_0": self.H})
        if self.by_hand:
            P = tf.zeros((3, self.H), W.dtype) if P is None else P
            H, C = lstm_sequence_by_hand(X, h_0, c_0, W, U, b, P, on)
        else:
            H, C = lstm_sequence(X, h_0, c_0, W, U, b, on, P, R)
        return H, (H[-1], C[-1])

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        names = ("peepholes", "coupled", "projection", "forget_bias")
        return super().get_config() | {name: getattr(self, name) for name in names}
