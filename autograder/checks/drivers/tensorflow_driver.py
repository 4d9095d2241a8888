"""TensorFlow: functions of tensors, `tf.custom_gradient` operations, and Keras layers.

Keras keeps its own conventions: batch first, and float32 unless told otherwise. The driver transposes on the
way in and out, so that everything outside is time first.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autograder.checks.drivers import Missing, Unsuitable

MODULE_DTYPE = "float32"


def _arrays(value: object) -> object:
    if isinstance(value, tf.IndexedSlices):
        value = tf.convert_to_tensor(value)
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return value.numpy()
    if isinstance(value, (tuple, list)):
        return [_arrays(v) for v in value]
    if isinstance(value, dict):
        return {k: _arrays(v) for k, v in value.items()}
    return value


def function(answer: Any, arrays: Sequence[NDArray]) -> object:
    """answer(*tensors)."""
    return _arrays(answer(*(tf.constant(a) for a in arrays)))


def _gradients(tape: tf.GradientTape, output: object, wanted: Sequence[Any], upstream: NDArray) -> list[object]:
    if not isinstance(output, tf.Tensor):
        return [Missing("cannot be asked for: the output is not a tensor")] * len(wanted)
    if tuple(output.shape) != upstream.shape:
        return [Missing("not judged until the output has the right shape")] * len(wanted)
    found = tape.gradient(output, list(wanted), output_gradients=tf.constant(upstream, output.dtype))
    cut = "gets no gradient: the output is cut off from it (stop_gradient, .numpy()?)"
    return [Missing(cut) if g is None else _arrays(g) for g in found]


def pull_back(
    answer: Any, arrays: Sequence[NDArray], tracked: Sequence[int], upstream: NDArray
) -> tuple[object, list[object]]:
    """answer(*tensors) and the gradients its own grad function returns. The answer is a tf.custom_gradient."""
    decorator = getattr(answer, "_tf_decorator", None)
    if decorator is None or decorator.decorator_name != "custom_gradient":
        raise Unsuitable("a function decorated with @tf.custom_gradient, with your backward in it")
    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        for i in tracked:
            tape.watch(tensors[i])
        output = answer(*tensors)
    return _arrays(output), _gradients(tape, output, [tensors[i] for i in tracked], upstream)


def module(
    answer: Any,
    sizes: Sequence[int],
    parameters: Mapping[str, NDArray],
    arrays: Sequence[NDArray],
    upstream: NDArray,
) -> tuple[object, list[object]]:
    """answer(*sizes) with weights loaded by name, run batch first, differentiated by a GradientTape."""
    if not (isinstance(answer, type) and issubclass(answer, keras.layers.Layer)):
        raise Unsuitable("a class derived from keras.layers.Layer (the class itself, not an instance)")
    X, h_0, mask = arrays
    batch_first = [tf.constant(X.swapaxes(0, 1)), tf.constant(h_0), tf.constant(mask.T)]
    layer = answer(*sizes)
    layer(*batch_first)  # Keras makes the weights in the first call
    ready_made = [part for part in layer._flatten_layers() if isinstance(part, keras.layers.RNN) or _is_cell(part)]
    if ready_made:
        raise Unsuitable(
            f"your own recurrence; this one contains Keras's {type(ready_made[0]).__name__}, which is the task"
        )
    weights = []
    for name, value in parameters.items():
        weight: Any = getattr(layer, name, None)
        if not hasattr(weight, "assign"):
            raise Unsuitable(f"a layer with a weight self.{name} = self.add_weight(…); yours has none of that name")
        if tuple(weight.shape) != value.shape:
            raise Unsuitable(
                f"{name} of shape {value.shape}; yours has {tuple(weight.shape)} when built with {tuple(sizes)}"
            )
        weight.assign(value)
        weights.append(weight)
    with tf.GradientTape() as tape:
        output = layer(*batch_first)
    upstream = np.ascontiguousarray(upstream.swapaxes(0, 1))
    variables = [getattr(w, "value", w) for w in weights]
    gradients = _gradients(tape, output, variables, upstream)
    result = _arrays(output)
    if isinstance(result, np.ndarray) and result.ndim == 3:
        result = result.swapaxes(0, 1)
    return result, gradients


def _is_cell(part: object) -> bool:
    cells = (keras.layers.SimpleRNNCell, keras.layers.LSTMCell, keras.layers.GRUCell, keras.layers.StackedRNNCells)
    return isinstance(part, cells)
