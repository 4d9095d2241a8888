"""The LSTM in TensorFlow, with peepholes, coupled gates and projection: a function, the same with its backward by
hand, and a Keras layer.

The functions are time first: X (T, B, D), h and c (B, H), W (D, 4H), U (H, 4H), b (4H,), blocks in the order
i, f, g, o (as in Keras). The layer is batch first.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor, arguments
from autograder.recurrent.tensorflow.backward import over_steps, previous
from autograder.recurrent.tensorflow.layer import Recurrent, forget_open, per_gate


def step(a: Tensor, c_prev: Tensor, P: Tensor | None) -> tuple[Tensor, ...]:
    """One step from a = x_t W + h_{t-1} U + b (B, 4H, or 3H without the block of i) and c_{t-1}, as in `LSTM`.

    Returns h (before any projection), c, i, f, g, o, each (B, H).
    """
    coupled = a.shape[-1] == 3 * c_prev.shape[-1]
    blocks = tf.split(a, 3 if coupled else 4, axis=1)
    *a_before, a_g, a_o = blocks  # before: of the gates that see the cell before, i and f, or f alone
    if P is not None:
        a_before = [a + c_prev * P[row] for row, a in enumerate(a_before)]
    f = tf.sigmoid(a_before[-1])
    i = 1 - f if coupled else tf.sigmoid(a_before[0])
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


def lstm_sequence_by_hand(
    X: Tensor,
    h_0: Tensor,
    c_0: Tensor,
    W: Tensor,
    U: Tensor,
    b: Tensor,
    P: Tensor | None,
    on: Tensor,
    R: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`lstm_sequence`, and its backward written out. P or R None: without peepholes, without a projection."""
    weights = {"W": W, "U": U, "b": b, "P": P, "R": R}
    return _sequence_by_hand(X, h_0, c_0, {name: v for name, v in weights.items() if v is not None}, on)


@tf.custom_gradient
def _sequence_by_hand(X: Tensor, h_0: Tensor, c_0: Tensor, weights: dict[str, Tensor], on: Tensor) -> Any:
    """The weights in a dictionary, because TensorFlow wants every argument to be a tensor, and a gradient for each."""
    W, U, b = weights["W"], weights["U"], weights["b"]
    P, R = weights.get("P"), weights.get("R")
    coupled = b.shape[0] == 3 * c_0.shape[-1]

    def one(before: tuple[Tensor, ...], now: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        (h_prev, c_prev, *_), (a, m) = before, now
        s, c, *gates = step(a + h_prev @ U, c_prev, P)
        h = s if R is None else s @ R
        return tf.where(m, h, h_prev), tf.where(m, c, c_prev), *gates

    A = tf.tensordot(X, W, 1) + b
    H, C, i, f, g, o = tf.scan(one, (A, on), (h_0,) + (c_0,) * 5)

    def backward(G: Tensor, G_c: Tensor) -> tuple[Any, ...]:
        """From the last step back, along both of the cell's paths; the factors are made for all steps at once.

        δs = δh Rᵀ (or δh),   δa_o = δs tanh(c) o (1 - o),   δc += δs o (1 - tanh² c) + δa_o P_o,
        δa_i = δc g i (1 - i),   δa_f = δc c₋ f (1 - f),   δa_g = δc i (1 - g²),
        δc₋ = δc f + δa_i P_i + δa_f P_f,   δh₋ = δa Uᵀ.
        Coupled there is no a_i, and δa_f = δc (c₋ - g) f (1 - f): a change of f changes i = 1 - f the other way.
        G (T, B, ·) and G_c (T, B, H) reach every h_t and c_t directly.
        """
        H_prev, C_prev, tanh_C = previous(h_0, H), previous(c_0, C), tf.tanh(C)
        counted = tf.cast(on, H.dtype)
        if coupled:
            to_before = [counted * (C_prev - g) * f * (1 - f)]  # of the gates that see the cell before: f
        else:
            to_before = [counted * g * i * (1 - i), counted * C_prev * f * (1 - f)]  # i and f
        to_g = counted * i * (1 - g * g)
        to_o, to_c = counted * tanh_C * o * (1 - o), counted * o * (1 - tanh_C * tanh_C)

        def one_back(later: tuple[Tensor, ...], now: tuple[Any, ...]) -> tuple[Tensor, ...]:
            g_h, g_c, by_before, by_g, by_o, by_c, f_t, m = now
            dh, dc = g_h + later[0], g_c + later[1]
            ds = dh if R is None else tf.matmul(dh, R, transpose_b=True)
            da_o = ds * by_o
            dc = dc + ds * by_c
            if P is not None:
                dc = dc + da_o * P[-1]
            da_before = [dc * by for by in by_before]
            dc_prev = dc * f_t
            if P is not None:
                dc_prev = dc_prev + sum(da * P[row] for row, da in enumerate(da_before))
            da = tf.concat([*da_before, dc * by_g, da_o], axis=1)
            return tf.where(m, tf.matmul(da, U, transpose_b=True), dh), tf.where(m, dc_prev, dc), da

        start = tf.zeros_like(h_0), tf.zeros_like(c_0), tf.zeros_like(A[0])
        dH_prev, dC_prev, dA = tf.scan(one_back, (G, G_c, to_before, to_g, to_o, to_c, f, on), start, reverse=True)
        found = {"W": over_steps(X, dA), "U": over_steps(H_prev, dA), "b": tf.reduce_sum(dA, [0, 1])}
        if P is not None:
            *dA_before, _, dA_o = tf.split(dA, 3 if coupled else 4, axis=2)
            seen = [*(d * C_prev for d in dA_before), dA_o * C]
            found["P"] = tf.stack([tf.reduce_sum(d, [0, 1]) for d in seen])
        if R is not None:
            later = tf.concat([dH_prev[1:], tf.zeros_like(h_0)[None]], axis=0)  # what reaches h_t from step t + 1
            found["R"] = over_steps(counted * o * tanh_C, G + later)
        return tf.tensordot(dA, W, [[2], [1]]), dH_prev[0], dC_prev[0], found, None

    return (H, C), backward


@keras.saving.register_keras_serializable("unrolled")
class LSTM(Recurrent):
    """Long short-term memory. State: (h, c).

    i = σ(x W_i + h₋ U_i + b_i + c₋ P_i),   f = σ(x W_f + h₋ U_f + b_f + c₋ P_f),   g = tanh(x W_g + h₋ U_g + b_g),
    c = f ⊙ c₋ + i ⊙ g,   o = σ(x W_o + h₋ U_o + b_o + c P_o),   h = o ⊙ tanh c   or, projected,   (o ⊙ tanh c) R.

    Weights W (D, 4H), U (H, 4H), b (4H,); with `peepholes` P (3, H), for i, f, o. When `coupled`, i = 1 - f, the
    blocks are f, g, o and P is (2, H). With a `projection` to width K there is R (H, K), U is (K, 4H), h is (B, K).
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
        """H cells; with `by_hand` the gradients come from the backward written out, in every combination."""
        super().__init__(H, by_hand=by_hand, **keras_options)
        self.peepholes, self.coupled, self.projection = peepholes, coupled, projection
        self.forget_bias = forget_bias

    @property
    def width(self) -> int:
        """H, or K with a projection."""
        return self.projection or self.H

    @property
    def state_widths(self) -> dict[str, int]:
        """h_0: H, or K with a projection; c_0: H."""
        return {"h_0": self.width, "c_0": self.H}

    def build(self, shape: Sequence[int]) -> None:
        """Make the weights, each gate by itself: W uniform after Glorot, U orthogonal; b 0, b_f `forget_bias`; P 0."""
        H, blocks = self.H, 3 if self.coupled else 4
        self.W = self.weight("W", (shape[-1], blocks * H), per_gate("glorot_uniform", blocks))
        self.U = self.weight("U", (self.width, blocks * H), per_gate("orthogonal", blocks))
        self.b = self.weight("b", (blocks * H,), forget_open(self.forget_bias, blocks - 3, blocks))
        self.P = self.weight("P", (blocks - 1, H)) if self.peepholes else None
        self.R = self.weight("R", (H, self.projection), "glorot_uniform") if self.projection else None

    def sequence(self, X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None) -> Any:
        """X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, ·) and (h_T, c_T)."""
        W, U, b = (tf.convert_to_tensor(v) for v in (self.W, self.U, self.b))
        P, R = (None if v is None else tf.convert_to_tensor(v) for v in (self.P, self.R))
        X, (h_0, c_0), on = arguments(X, state_0, mask, W, self.state_widths)
        if self.by_hand:
            H, C = lstm_sequence_by_hand(X, h_0, c_0, W, U, b, P, on, R)
        else:
            H, C = lstm_sequence(X, h_0, c_0, W, U, b, on, P, R)
        return H, (H[-1], C[-1])

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        names = ("peepholes", "coupled", "projection", "forget_bias")
        return super().get_config() | {name: getattr(self, name) for name in names}
