"""The vanilla RNN in TensorFlow: a function of tensors, the same with its backward by hand, and a Keras layer.

The functions are time first, as everywhere in the course: X (T, B, D), h (B, H), W (D, H), U (H, H), b (H,),
mask (T, B). The layer is batch first, as everywhere in Keras. A name that begins with d is the derivative of the
loss with respect to what follows.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor, arguments
from autograder.recurrent.tensorflow.backward import over_steps, previous
from autograder.recurrent.tensorflow.layer import Recurrent, per_gate

ACTIVATIONS = {"tanh": tf.tanh, "relu": tf.nn.relu, "identity": tf.identity}

SLOPES = {"tanh": lambda H: 1 - H * H, "relu": lambda H: tf.cast(H > 0, H.dtype), "identity": tf.ones_like}
"""φ'(a) from h = φ(a). That of relu at 0 is taken as 0, as TensorFlow does."""


def vanilla_sequence(
    X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor, on: Tensor, activation: str = "tanh"
) -> Tensor:
    """h_t = φ(x_t W + h_{t-1} U + b) where the mask is on, else h_{t-1}. Returns H (T, B, H).

    `on` is the mask as booleans (T, B, 1).
    """
    squash = ACTIVATIONS[activation]

    def step(h: Tensor, now: tuple[Tensor, Tensor]) -> Tensor:
        a, m = now
        return tf.where(m, squash(a + h @ U), h)

    A = tf.tensordot(X, W, 1) + b  # the input's share of every step at once: it does not wait for the recurrence
    return tf.scan(step, (A, on), h_0)


def vanilla_sequence_by_hand(
    X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor, on: Tensor, activation: str = "tanh"
) -> Tensor:
    """`vanilla_sequence`, and its backward written out."""

    @tf.custom_gradient
    def sequence(X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Any:
        H = vanilla_sequence(X, h_0, W, U, b, on, activation)

        def backward(G: Tensor) -> tuple[Tensor, ...]:
            """δh_t = G_t + δa_{t+1} Uᵀ and δa_t = m_t δh_t φ'(a_t); then every sum over steps as one product."""
            slope = tf.cast(on, H.dtype) * SLOPES[activation](H)

            def step(later: tuple[Tensor, Tensor], now: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
                g, s, m = now
                dh = g + later[0]
                da = dh * s
                return tf.where(m, tf.matmul(da, U, transpose_b=True), dh), da

            nothing = tf.zeros_like(h_0)
            dh, dA = tf.scan(step, (G, slope, on), (nothing, nothing), reverse=True)
            dX = tf.tensordot(dA, W, [[2], [1]])
            return dX, dh[0], over_steps(X, dA), over_steps(previous(h_0, H), dA), tf.reduce_sum(dA, [0, 1])

        return H, backward

    return sequence(X, h_0, W, U, b)


@keras.saving.register_keras_serializable("unrolled")
class VanillaRNN(Recurrent):
    """h_t = φ(x_t W + h_{t-1} U + b), with φ = tanh, relu or identity. State: (h,).

    Weights W (D, H), U (H, H), b (H,).
    """

    def __init__(self, H: int, activation: str = "tanh", *, by_hand: bool = False, **keras_options: Any) -> None:
        """H hidden units. Raises ValueError for an activation that is not there."""
        super().__init__(H, by_hand=by_hand, **keras_options)
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        self.activation = activation

    def build(self, shape: Sequence[int]) -> None:
        """Make the weights: W uniform after Glorot, U orthogonal, b zero."""
        self.W = self.weight("W", (shape[-1], self.H), "glorot_uniform")
        self.U = self.weight("U", (self.H, self.H), per_gate("orthogonal", 1))
        self.b = self.weight("b", (self.H,))

    def sequence(self, X: Tensor, state_0: Sequence[Tensor] | None, mask: Tensor | None) -> Any:
        """X (T, B, D), state_0 (h_0,), mask (T, B). Returns H (T, B, H) and (h_T,)."""
        W, U, b = (tf.convert_to_tensor(v) for v in (self.W, self.U, self.b))
        X, (h_0,), on = arguments(X, state_0, mask, W, self.state_widths)
        run = vanilla_sequence_by_hand if self.by_hand else vanilla_sequence
        H = run(X, h_0, W, U, b, on, self.activation)
        return H, (H[-1],)

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        return super().get_config() | {"activation": self.activation}
