"""What the backwards written by hand share."""

import tensorflow as tf

from autograder.recurrent.tensorflow.arguments import Tensor


def over_steps(rows: Tensor, dA: Tensor) -> Tensor:
    """Σ_t rows_tᵀ dA_t, (D, nH) from (T, B, D) and (T, B, nH): the sum over steps and batch as one product."""
    return tf.tensordot(rows, dA, [[0, 1], [0, 1]])


def previous(first: Tensor, states: Tensor) -> Tensor:
    """The state before each step, (T, B, H): the first, then all but the last."""
    return tf.concat([first[None], states[:-1]], axis=0)
