"""The LSTM with layer normalisation (Ba, Kiros and Hinton 2016) in TensorFlow: a function, the same with its backward
by hand, and a Keras layer.

The functions are time first: X (T, B, D), h and c (B, H), W (D, 4H), U (H, 4H), blocks in the order i, f, g, o. Beside
the plain LSTM's there are gains and a bias: b, γ_x and γ_h (4H,), γ_c and β_c (H,). The layer is batch first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor, arguments
from autograder.recurrent.tensorflow.backward import over_steps, previous
from autograder.recurrent.tensorflow.layer import Recurrent, forget_open, per_gate

EPSILON = 1e-5
"""Added to the variance, as the other frameworks' layers do by default (Keras's own adds 1e-3)."""


class Normal(NamedTuple):
    """Rows of mean 0 and variance 1, and the factor they were multiplied by, 1 / √(var + ε), one a row."""

    rows: Tensor
    scale: Tensor


def normalise(v: Tensor) -> Normal:
    """(v - mean v) / √(var v + ε) along the last axis. v (..., N); the scale (..., 1)."""
    centred = v - tf.reduce_mean(v, axis=-1, keepdims=True)
    scale = tf.math.rsqrt(tf.reduce_mean(centred * centred, axis=-1, keepdims=True) + EPSILON)
    return Normal(centred * scale, scale)


def normalise_backward(dn: Tensor, n: Tensor, scale: Tensor) -> Tensor:
    """δv from δn, where n, scale = normalise(v): δv = (δn - mean δn - n ⊙ mean(δn ⊙ n)) · scale.

    v reaches n by its own entry, by the mean and by the variance. The two means take out what a shift and a stretch of
    the row would have changed: nothing, since n notices neither (the stretch but for ε).
    """
    shift, stretch = (tf.reduce_mean(d, axis=-1, keepdims=True) for d in (dn, dn * n))
    return (dn - shift - n * stretch) * scale


def gates(a: Tensor) -> tuple[Tensor, ...]:
    """i, f, g, o, each (..., H), from their pre-activations (..., 4H)."""
    a_i, a_f, a_g, a_o = tf.split(a, 4, axis=-1)
    return tf.sigmoid(a_i), tf.sigmoid(a_f), tf.tanh(a_g), tf.sigmoid(a_o)


def layer_norm_lstm_sequence(
    X: Tensor,
    h_0: Tensor,
    c_0: Tensor,
    W: Tensor,
    U: Tensor,
    b: Tensor,
    gamma_x: Tensor,
    gamma_h: Tensor,
    gamma_c: Tensor,
    beta_c: Tensor,
    on: Tensor,
) -> tuple[Tensor, Tensor]:
    """All states and cells of a sequence, H and C (T, B, H), by the equations of `LayerNormLSTM`.

    `on` is the mask as booleans (T, B, 1); where it is off both are carried over.
    """

    def one(before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        (h_prev, c_prev), (a, m) = before, now
        i, f, g, o = gates(a + normalise(h_prev @ U).rows * gamma_h)
        c = f * c_prev + i * g
        h = o * tf.tanh(normalise(c).rows * gamma_c + beta_c)
        return tf.where(m, h, h_prev), tf.where(m, c, c_prev)

    A = normalise(tf.tensordot(X, W, 1)).rows * gamma_x + b  # the input's share of every step at once
    return tf.scan(one, (A, on), (h_0, c_0))


@tf.custom_gradient
def layer_norm_lstm_sequence_by_hand(
    X: Tensor,
    h_0: Tensor,
    c_0: Tensor,
    W: Tensor,
    U: Tensor,
    b: Tensor,
    gamma_x: Tensor,
    gamma_h: Tensor,
    gamma_c: Tensor,
    beta_c: Tensor,
    on: Tensor,
) -> Any:
    """`layer_norm_lstm_sequence`, and its backward written out."""
    H, C = layer_norm_lstm_sequence(X, h_0, c_0, W, U, b, gamma_x, gamma_h, gamma_c, beta_c, on)

    def backward(G: Tensor, G_c: Tensor) -> tuple[Tensor | None, ...]:
        """The plain LSTM's recursion, with `normalise_backward` at the three places where something is normalised.

        With e = n_c γ_c + β_c, u = tanh e and q = h₋ U:
        δe = δh o (1 - u²),   δc += back through LN from δe γ_c,   δa_o = δh u o (1 - o),   δa_i, δa_f, δa_g as ever,
        δq back through LN from δa γ_h,   δh₋ = δq Uᵀ,   δc₋ = δc f.
        The states of all steps are known now, so gates and factors are made again for all of them at once.
        """
        H_prev, C_prev = previous(h_0, H), previous(c_0, C)
        of_x, of_h, of_c = normalise(tf.tensordot(X, W, 1)), normalise(tf.tensordot(H_prev, U, 1)), normalise(C)
        i, f, g, o = gates(of_x.rows * gamma_x + b + of_h.rows * gamma_h)
        u = tf.tanh(of_c.rows * gamma_c + beta_c)
        counted = tf.cast(on, H.dtype)
        to_i, to_f, to_g = counted * g * i * (1 - i), counted * C_prev * f * (1 - f), counted * i * (1 - g * g)
        to_o, to_e = counted * u * o * (1 - o), counted * o * (1 - u * u)

        def one_back(later: tuple[Tensor, ...], now: tuple[Any, ...]) -> tuple[Tensor, ...]:
            g_h, g_c, by_i, by_f, by_g, by_o, by_e, f_t, of_h_t, of_c_t, m = now
            dh, dc = g_h + later[0], g_c + later[1]
            de = dh * by_e
            dc = dc + normalise_backward(de * gamma_c, *of_c_t)
            da = tf.concat([dc * by_i, dc * by_f, dc * by_g, dh * by_o], axis=1)
            dq = normalise_backward(da * gamma_h, *of_h_t)
            return tf.where(m, tf.matmul(dq, U, transpose_b=True), dh), tf.where(m, dc * f_t, dc), de, da, dq

        inputs = (G, G_c, to_i, to_f, to_g, to_o, to_e, f, of_h, of_c, on)
        narrow, wide = tf.zeros_like(h_0), tf.zeros_like(of_h.rows[0])
        dH_prev, dC_prev, dE, dA, dQ = tf.scan(one_back, inputs, (narrow,) * 3 + (wide,) * 2, reverse=True)
        dV = normalise_backward(dA * gamma_x, *of_x)  # V = X W
        dX, dW, dU = tf.tensordot(dV, W, [[2], [1]]), over_steps(X, dV), over_steps(H_prev, dQ)
        along = (dA, dA * of_x.rows, dA * of_h.rows, dE * of_c.rows, dE)
        return dX, dH_prev[0], dC_prev[0], dW, dU, *(tf.reduce_sum(d, [0, 1]) for d in along), None

    return (H, C), backward


@keras.saving.register_keras_serializable("unrolled")
class LayerNormLSTM(Recurrent):
    """An LSTM whose pre-activations and whose shown cell are normalised, row by row. State: (h, c).

    (a_i, a_f, a_g, a_o) = LN(x W; γ_x) + LN(h₋ U; γ_h) + b,   i, f, o = σ(a_i), σ(a_f), σ(a_o),   g = tanh(a_g),
    c = f ⊙ c₋ + i ⊙ g,   h = o ⊙ u   with   u = tanh(LN(c; γ_c) + β_c).

    LN(v; γ) = γ ⊙ (v - mean v) / √(var v + ε), mean and variance over the units of one row: over all 4H entries of a
    product, over the H of a cell. The cell itself is carried on unnormalised.

    Weights W (D, 4H), U (H, 4H), b, gamma_x, gamma_h (4H,), gamma_c, beta_c (H,).
    """

    def __init__(self, H: int, *, forget_bias: float = 1.0, by_hand: bool = False, **keras_options: Any) -> None:
        """H cells; with `by_hand` the gradients come from the backward written out."""
        super().__init__(H, by_hand=by_hand, **keras_options)
        self.forget_bias = forget_bias

    @property
    def state_widths(self) -> dict[str, int]:
        """h_0: H, c_0: H."""
        return {"h_0": self.H, "c_0": self.H}

    def build(self, shape: Sequence[int]) -> None:
        """Make the weights, each gate by itself: W uniform after Glorot, U orthogonal; gains 1; biases 0, but b_f."""
        H = self.H
        self.W = self.weight("W", (shape[-1], 4 * H), per_gate("glorot_uniform", 4))
        self.U = self.weight("U", (H, 4 * H), per_gate("orthogonal", 4))
        self.b = self.weight("b", (4 * H,), forget_open(self.forget_bias, 1, 4))
        self.gamma_x, self.gamma_h = self.weight("gamma_x", (4 * H,), "ones"), self.weight("gamma_h", (4 * H,), "ones")
        self.gamma_c, self.beta_c = self.weight("gamma_c", (H,), "ones"), self.weight("beta_c", (H,))

    def sequence(self, X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None) -> Any:
        """X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, H) and (h_T, c_T)."""
        names = ("W", "U", "b", "gamma_x", "gamma_h", "gamma_c", "beta_c")
        weights = [tf.convert_to_tensor(getattr(self, name)) for name in names]
        X, (h_0, c_0), on = arguments(X, state_0, mask, weights[0], self.state_widths)
        given = (X, h_0, c_0, *weights, on)
        H, C = layer_norm_lstm_sequence_by_hand(*given) if self.by_hand else layer_norm_lstm_sequence(*given)
        return H, (H[-1], C[-1])

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        return super().get_config() | {"forget_bias": self.forget_bias}
