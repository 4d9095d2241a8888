"""Importing this puts the drivers of the frameworks that are imported already to work once, on answers of no meaning.

For a process that is forked for every notebook: what a framework puts off until it is first used is then done for all
of them (most of a tenth of a second for PyTorch, a tenth and more for TensorFlow). What is run here is no recurrence
and solves nothing that is asked anywhere. A rehearsal that fails is none, and no more than that.

A fork and TensorFlow: its threads do not survive one, so the context that owns them is given up at the end, and each
process makes its own. That includes the pool for parts of an operation, which all contexts of a process would share:
with one thread TensorFlow does most of its work in the caller, but copies of a megabyte and more wait for the pool.
That holds for the version named here, with which it is tested; others are not rehearsed.
"""

import contextlib
import os
import sys
from typing import Any

import numpy as np

from autograder.checks.drivers import MODULE_DTYPES, across

TENSORFLOW = "2.21.0"
"""The version of which it is known that processes forked after a rehearsal run functions, data sets and training."""

_SHAPES = ((3, 2, 4), (4, 5), (5, 5), (5,))


def _arrays(dtype: str) -> list[Any]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal(shape).astype(dtype) for shape in _SHAPES]


def rehearse_numpy() -> None:
    """A function of arrays, and formulas."""
    X, W, U, b = _arrays("float64")
    for _ in range(2):
        across.function(lambda X, W, U, b: (X @ W + b, np.tanh(W @ U), np.exp(-U.sum(axis=0))), "numpy", [X, W, U, b])


def rehearse_pytorch() -> None:
    """A function, an operation with a backward of its own, and a module."""
    import torch

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return 2 * x

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * upstream[0] + torch.zeros_like(x)

    class Mixed(torch.nn.Module):
        def __init__(self, D: int, H: int) -> None:
            super().__init__()
            self.W = torch.nn.Parameter(torch.zeros(D, H))
            self.b = torch.nn.Parameter(torch.zeros(H))

        def forward(self, X: Any) -> Any:
            return torch.stack([torch.tanh(X[:, t] @ self.W + self.b) for t in range(X.shape[1])], dim=1)

    for dtype in ("float64", "float32"):
        X, W, U, b = _arrays(dtype)
        across.function(
            lambda X, W, U, b: (torch.sigmoid(X @ W + b), (W @ U).T.clone(), b * b), "pytorch", [X, W, U, b]
        )
        across.pull_back(Doubled, "pytorch", [W], [0], [W])
        if dtype == MODULE_DTYPES["pytorch"]:
            sent = np.zeros((3, 2, 5), dtype) + b
            across.module(Mixed, "pytorch", [4, 5], {"W": W, "b": b}, [X], [sent], ([True], [True]))
    scores = torch.zeros(4, 3, requires_grad=True)
    torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2, 0])).backward()


def rehearse_tensorflow() -> None:
    """As for PyTorch; then the context, and with it what was started, is given up."""
    import keras
    import tensorflow as tf
    from tensorflow.python.eager import context

    os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] = "1"  # read with the first context: each has a pool of its own
    tf.config.threading.set_intra_op_parallelism_threads(1)
    try:
        _with_tensorflow(tf, keras)
    finally:
        keras.utils.clear_session()
        context._reset_context()
        tf.config.threading.set_intra_op_parallelism_threads(1)


def _with_tensorflow(tf: Any, keras: Any) -> None:
    @tf.custom_gradient
    def doubled(x: Any) -> Any:
        return 2 * x, lambda upstream: 2 * upstream + tf.zeros_like(x)

    class Mixed(keras.layers.Layer):
        def __init__(self, D: int, H: int) -> None:
            super().__init__()
            self.sizes = D, H

        def build(self, shape: Any) -> None:
            self.W = self.add_weight(shape=self.sizes, initializer="glorot_uniform", name="W")
            self.b = self.add_weight(shape=self.sizes[1:], initializer="zeros", name="b")

        def call(self, X: Any) -> Any:
            return tf.stack([tf.tanh(X[:, t] @ self.W + self.b) for t in range(X.shape[1])], axis=1)

    def mixed(X: Any, W: Any, U: Any, b: Any) -> Any:
        parts = tf.sigmoid(X @ W + b), tf.transpose(W @ U) * 0.5, tf.gather(W, [0, 1]), tf.concat([U, U[:1]], axis=0)
        return (*parts, tf.reduce_sum(tf.exp(b - tf.reduce_max(b))))

    dtype = MODULE_DTYPES["tensorflow"]
    for _ in range(2):
        X, W, U, b = _arrays("float64")
        across.function(mixed, "tensorflow", [X, W, U, b])
        across.pull_back(doubled, "tensorflow", [W], [0], [W])
        X, W, _U, b = _arrays(dtype)
        sent = np.zeros((3, 2, 5), dtype) + b
        across.module(Mixed, "tensorflow", [4, 5], {"W": W, "b": b}, [X], [sent], ([True], [True]))
    tf.random.normal((2, 3))


with contextlib.suppress(Exception):
    rehearse_numpy()
if "torch" in sys.modules:
    with contextlib.suppress(Exception):
        rehearse_pytorch()
if "tensorflow" in sys.modules and sys.modules["tensorflow"].__version__ == TENSORFLOW:
    with contextlib.suppress(Exception):
        rehearse_tensorflow()
