"""Right answers in TensorFlow as people write them: each whole, in a style of its own, none an edit of the solution.

`ANSWERS` maps a question and a style to what is checked.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import ops

# Functions


@tf.function
def vanilla_step_traced(x, h_prev, W, U, b):
    return tf.nn.tanh(tf.nn.bias_add(tf.linalg.matmul(x, W) + tf.linalg.matmul(h_prev, U), b))


def vanilla_step_in_keras_ops(x, h_prev, W, U, b):
    return ops.tanh(ops.matmul(ops.concatenate([x, h_prev], axis=1), ops.concatenate([W, U], axis=0)) + b)


class LSTMStates(NamedTuple):
    h: tf.Tensor
    c: tf.Tensor


@tf.function(reduce_retracing=True)
def lstm_step(x, h_prev, c_prev, W, U, b):
    units = tf.shape(h_prev)[1]
    a = tf.reshape(x @ W + h_prev @ U + b, [-1, 4, units])
    i, f, g, o = tf.unstack(a, axis=1)
    c = tf.math.sigmoid(f) * c_prev + tf.math.sigmoid(i) * tf.math.tanh(g)
    return LSTMStates(tf.math.sigmoid(o) * tf.math.tanh(c), c)


def announced(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


@announced
def softmax_loss(Y, targets, mask):
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=Y)
    weights = mask / tf.reduce_sum(mask)
    dY = weights[..., tf.newaxis] * (tf.nn.softmax(Y) - tf.one_hot(targets, Y.shape[-1], dtype=Y.dtype))
    return {"loss": tf.tensordot(losses, weights, 2), "dY": dY}


def gru_step(x, h_prev, W, U, b, c_n):
    xr, xz, xn = tf.split(tf.matmul(x, W) + b, 3, -1)
    hr, hz, hn = tf.split(tf.matmul(h_prev, U), 3, -1)
    r, z, q = tf.sigmoid(xr + hr), tf.sigmoid(xz + hz), hn + c_n
    n = tf.tanh(xn + r * q)
    return [z * h_prev + (1 - z) * n, r, z, n, q]


def gru_from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    H = weight_hh.shape[1]
    first = tf.cast(tf.range(3 * H) < 2 * H, bias_ih.dtype)
    return tf.transpose(weight_ih), tf.transpose(weight_hh), bias_ih + first * bias_hh, bias_hh[2 * H :]


def norms_by_lag(g, H, U):
    lengths = tf.TensorArray(g.dtype, size=H.shape[0])
    for lag in range(H.shape[0]):
        lengths = lengths.write(lag, tf.sqrt(tf.reduce_sum(tf.square(g), -1)))
        g = tf.matmul(g * (1 - tf.square(H[-1 - lag])), U, transpose_b=True)
    return lengths.stack()


def reverse_by_length(X, lengths):
    return tf.reverse_sequence(X, lengths, seq_axis=0, batch_axis=1)


def last_output(H, lengths):
    H_f, H_b = tf.split(tf.transpose(H, [1, 0, 2]), 2, axis=-1)
    return tf.concat([tf.gather(H_f, lengths - 1, batch_dims=1), H_b[:, 0]], -1)


def embedding_backward(dX, ids, E):
    flat = tf.reshape(dX, [-1, E.shape[1]])
    return tf.math.unsorted_segment_sum(flat, tf.reshape(ids, [-1]), E.shape[0])


def confusion(labels, log_p):
    K = log_p.shape[1]
    M = tf.math.confusion_matrix(labels, tf.argmax(log_p, axis=1), num_classes=K, dtype=log_p.dtype)
    return M, tf.math.divide_no_nan(tf.linalg.diag_part(M), tf.reduce_sum(M, 1))


def encode(text, alphabet):
    rows = [[alphabet.find(c) + 1 or len(alphabet) + 1 for c in name] for name in text.lower().split("\n")]
    ragged = tf.ragged.constant(rows, dtype=tf.int64, ragged_rank=1)
    return tf.transpose(ragged.to_tensor(0)), tf.cast(ragged.row_lengths(), tf.int64)


# Operations with a backward


@tf.custom_gradient
def step_operation(x, h_prev, W, U, b):
    h = tf.tanh(x @ W + h_prev @ U + b)

    def grad(upstream):
        da = tf.multiply(upstream, 1.0 - tf.square(h))
        through = functools.partial(tf.matmul, transpose_a=True)
        return (
            tf.matmul(da, W, transpose_b=True),
            tf.matmul(da, U, transpose_b=True),
            through(x, da),
            through(h_prev, da),
            tf.reduce_sum(da, 0),
        )

    return h, grad


@tf.custom_gradient
def peephole_operation(a, c_prev, p):
    a_i, a_f, a_g, a_o = tf.split(a, 4, -1)
    i, f, g = tf.sigmoid(a_i + p[0] * c_prev), tf.sigmoid(a_f + p[1] * c_prev), tf.tanh(a_g)
    c = f * c_prev + i * g
    o = tf.sigmoid(a_o + p[2] * c)
    s = tf.tanh(c)

    def grad(*arrived):
        dh, dc = arrived
        do = dh * s * o * (1 - o)
        dc = dc + dh * o * (1 - s * s) + do * p[2]
        di, df = dc * g * i * (1 - i), dc * c_prev * f * (1 - f)
        dp = [tf.einsum("bh,bh->h", d, cell) for d, cell in ((di, c_prev), (df, c_prev), (do, c))]
        da = tf.concat([di, df, dc * i * (1 - g * g), do], 1)
        return [da, dc * f + di * p[0] + df * p[1], tf.stack(dp)]

    return [o * s, c], grad


@tf.custom_gradient
def merges_operation(H_f, H_b):
    merged = [tf.add_n([H_f, H_b]), (H_f + H_b) * 0.5, tf.multiply(H_f, H_b)]

    def grad(s, a, p):
        both = s + 0.5 * a
        return both + p * H_b, both + p * H_f

    return merged, grad


# Layers


class Recurrent(keras.layers.Layer):
    """The learner's own base class: Keras's conventions, parameters made in build, tf.scan over time."""

    blocks = 1

    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        size = self.blocks * self.units
        self.W = self.add_weight(shape=(input_shape[-1], size), name="kernel")
        self.U = self.add_weight(shape=(self.units, size), name="recurrent_kernel", initializer="orthogonal")
        self.b = self.add_weight(shape=(size,), name="bias")

    def scan(self, X, mask, first):
        def step(states, now):
            x, m = now
            new = self.step(x, states)
            return tuple(tf.where(m[:, None] > 0, n, s) for n, s in zip(new, states, strict=True))

        found = tf.scan(step, (tf.transpose(X, [1, 0, 2]), tf.transpose(mask)), initializer=first)
        return [tf.transpose(part, [1, 0, 2]) for part in found]


class MyRNN(Recurrent):
    def step(self, x, states):
        return (self.activation(x @ self.W + states[0] @ self.U + self.b),)

    def call(self, X, h_0, mask, training=None):
        return self.scan(X, mask, (h_0,))[0]


class MyLSTM(Recurrent):
    blocks = 4

    def step(self, x, states):
        h, c = states
        i, f, g, o = ops.split(ops.dot(x, self.W) + ops.dot(h, self.U) + self.b, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * self.activation(g)
        return ops.sigmoid(o) * self.activation(c), c

    def call(self, X, h_0, c_0, mask):
        return tuple(self.scan(X, mask, (h_0, c_0)))


class MyChunks(Recurrent):
    def __init__(self, units, steps, **kwargs):
        super().__init__(units, **kwargs)
        self.steps = steps

    def call(self, X, h_0):
        states, h = [], h_0
        for t, x in enumerate(tf.unstack(X, axis=1)):
            h = h if t % self.steps else tf.stop_gradient(h)
            h = self.activation(tf.matmul(x, self.W) + tf.matmul(h, self.U) + self.b)
            states.append(h[:, None])
        return ops.concatenate(states, axis=1)


ANSWERS = {
    ("vanilla/step-forward", "tf.function"): vanilla_step_traced,
    ("vanilla/step-forward", "keras.ops"): vanilla_step_in_keras_ops,
    ("vanilla/softmax-loss", "a decorated function, a dict"): softmax_loss,
    ("vanilla/sequence-forward", "a base class of the learner's own, tf.scan"): MyRNN,
    ("vanilla/step-backward", "transpose_a and transpose_b"): step_operation,
    ("lstm/step-forward", "tf.function, a NamedTuple"): lstm_step,
    ("lstm/sequence-forward", "the same base class, keras.ops"): MyLSTM,
    ("lstm/peephole-backward", "star arguments, lists"): peephole_operation,
    ("gru/step-after", "a list"): gru_step,
    ("gru/from-pytorch", "a mask of columns"): gru_from_pytorch,
    ("bptt/norms-by-lag", "a TensorArray"): norms_by_lag,
    ("bptt/by-chunks", "the same base class"): MyChunks,
    ("bidirectional/reverse-by-length", "tf.reverse_sequence"): reverse_by_length,
    ("bidirectional/last-output", "batch_dims"): last_output,
    ("bidirectional/merges", "add_n, a list"): merges_operation,
    ("language-model/embedding-backward", "segments"): embedding_backward,
    ("names/encode", "a ragged tensor inside"): encode,
    ("names/confusion", "tf.math.confusion_matrix"): confusion,
}
