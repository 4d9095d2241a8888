"""TensorFlow: functions of tensors, `tf.custom_gradient` operations, and Keras layers.

Keras keeps its own conventions: batch first, and float32 unless told otherwise. The driver transposes on the
way in and out, so that everything outside is time first.
"""

import os
import weakref

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, NoReturn

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autograder.checks.drivers import (
    MODULE_DTYPES,
    NO_GRADIENT,
    NOT_TRAINED,
    PLAIN_TENSOR,
    Layout,
    Missing,
    Unsuitable,
    given,
    outputs_of,
    plain,
)
from autograder.checks.drivers.rules import (
    exchanged,
    own_clipping,
    own_derivative,
    own_recurrence,
    refusing,
    unfit_backward,
)
from autograder.checks.drivers.symbolic import Symbols, as_function

MODULE_DTYPE = MODULE_DTYPES["tensorflow"]


def _arrays(value: object) -> object:
    if isinstance(value, tf.IndexedSlices):
        value = tf.convert_to_tensor(value)
    if isinstance(value, (tf.Tensor, tf.Variable)):
        if not hasattr(value, "numpy"):
            raise Unsuitable("tensors with values; one that came back was made inside a tf.function and kept outside")
        return value.numpy()
    if isinstance(value, (tuple, list)):
        return [_arrays(v) for v in value]
    if isinstance(value, dict):
        return {k: _arrays(v) for k, v in value.items()}
    return value


def function(answer: Any, arrays: Sequence[NDArray], symbols: Symbols = ()) -> object:
    """answer(*tensors), numbers as they are; formulas in `symbols` evaluated."""
    with _own_recurrence(), _by_hand():
        return _arrays(
            plain(as_function(answer, symbols, arrays)(*(tf.constant(a) if a.ndim else given(a) for a in arrays)))
        )


def _gradients(
    tape: tf.GradientTape, outputs: Sequence[Any], wanted: Sequence[Any], upstreams: Sequence[NDArray]
) -> list[object]:
    for output, upstream in zip(outputs, upstreams, strict=True):
        if not isinstance(output, tf.Tensor):
            return [Missing("cannot be asked for: the output is not a tensor")] * len(wanted)
        if tuple(output.shape) != upstream.shape:
            return [Missing("not judged until the output has the right shape")] * len(wanted)
    sent = [tf.constant(g, o.dtype) for o, g in zip(outputs, upstreams, strict=True)]
    try:
        found = tape.gradient(list(outputs), list(wanted), output_gradients=sent)
    except ValueError as error:
        unfit_backward(error)
        raise
    cut = f"{NO_GRADIENT}: the output is cut off from it (stop_gradient, .numpy()?)"
    return [Missing(cut) if g is None else _arrays(g) for g in found]


def pull_back(
    answer: Any, arrays: Sequence[NDArray], tracked: Sequence[int], upstreams: Sequence[NDArray]
) -> tuple[list[object], list[object]]:
    """answer(*tensors) and the gradients its own grad function returns. The answer is a tf.custom_gradient."""
    decorator = getattr(answer, "_tf_decorator", None)
    if decorator is None or decorator.decorator_name != "custom_gradient":
        raise Unsuitable("a function decorated with @tf.custom_gradient, with your backward in it")
    tensors = [tf.constant(a) for a in arrays]
    tape = tf.GradientTape()
    with tape, _own_recurrence(), _by_hand():
        for i in tracked:
            tape.watch(tensors[i])
        outputs = outputs_of(answer(*tensors), len(upstreams))
    with _own_recurrence(), _by_hand():
        return [_arrays(o) for o in outputs], _gradients(tape, outputs, [tensors[i] for i in tracked], upstreams)


def module(
    answer: Any,
    sizes: Sequence[int],
    parameters: Mapping[str, NDArray],
    arrays: Sequence[NDArray],
    upstreams: Sequence[NDArray],
    layout: Layout,
) -> tuple[list[object], list[object]]:
    """answer(*sizes) with weights loaded by name, run batch first, differentiated by a GradientTape."""
    if not (isinstance(answer, type) and issubclass(answer, keras.layers.Layer)):
        raise Unsuitable("a class derived from keras.layers.Layer (the class itself, not an instance)")
    batch_first = [
        tf.constant(_swapped(a) if in_time else a) for a, in_time in zip(arrays, layout.arguments, strict=True)
    ]
    layer = answer(*sizes)
    with _own_recurrence():
        _make_weights(layer, batch_first, tuple(parameters))
    ready_made = [part for part in layer._flatten_layers() if isinstance(part, (keras.layers.RNN, *_CELLS))]
    if ready_made:
        raise Unsuitable(own_recurrence(f"Keras's {type(ready_made[0]).__name__}"))
    weights = []
    for name, value in parameters.items():
        weight: Any = getattr(layer, name, None)
        if isinstance(weight, (tf.Tensor, tf.Variable)):
            known = "a tf.Variable that the layer does not know" if isinstance(weight, tf.Variable) else "no weight"
            raise Unsuitable(f"self.{name} = self.add_weight(…); yours {PLAIN_TENSOR}, {known}")
        if not hasattr(weight, "assign"):
            raise Unsuitable(f"a layer with a weight self.{name} = self.add_weight(…); yours has none of that name")
        if tuple(weight.shape) != value.shape:
            raise Unsuitable(
                f"{name} of shape {value.shape}; yours has {tuple(weight.shape)} when built with {tuple(sizes)}"
            )
        if not getattr(weight, "trainable", True):
            raise Unsuitable(f"a weight {name} that learns; yours {NOT_TRAINED} (trainable=False)")
        weight.assign(value)
        weights.append(weight)
    with tf.GradientTape() as tape, _own_recurrence():
        outputs = outputs_of(layer(*batch_first), len(upstreams))
    sent = [_swapped(g) if in_time else g for g, in_time in zip(upstreams, layout.outputs, strict=True)]
    gradients = _gradients(tape, outputs, [getattr(w, "value", w) for w in weights], sent)
    return [_time_first(_arrays(o), t) for o, t in zip(outputs, layout.outputs, strict=True)], gradients


class _WeightsMade(BaseException):
    """Ends a layer's first call where `call` would begin."""


_called_twice: weakref.WeakSet[type] = weakref.WeakSet()


def _make_weights(layer: Any, arguments: Sequence[Any], names: Sequence[str]) -> None:
    """Have Keras make the weights, which it does in the first call, before `call`: that is left out where it can be.

    Not for the first layer of a class: one that carries something over from call to call is to be seen doing so.
    """
    kind = type(layer)
    if kind in _called_twice:
        with suppress(_WeightsMade), exchanged([(kind, "call", _weights_made)]):
            layer(*arguments)
        if all(part.built for part in layer._flatten_layers()) and all(hasattr(layer, name) for name in names):
            return
    _called_twice.add(kind)
    layer(*arguments)


def _weights_made(*_: Any, **__: Any) -> NoReturn:
    raise _WeightsMade


def train(answer: Any, arguments: Sequence[object], *, own_layers: bool) -> object:
    """answer(*arguments), arrays as tensors."""
    given = [tf.constant(a) if isinstance(a, np.ndarray) else a for a in arguments]
    with _own_recurrence() if own_layers else nullcontext():
        return _arrays(answer(*given))


def _swapped(array: NDArray) -> NDArray:
    return np.ascontiguousarray(array.swapaxes(0, 1))


def _time_first(value: object, in_time: bool) -> object:
    return value.swapaxes(0, 1) if in_time and isinstance(value, np.ndarray) and value.ndim > 1 else value


_CELLS = (keras.layers.SimpleRNNCell, keras.layers.LSTMCell, keras.layers.GRUCell, keras.layers.StackedRNNCells)
_LAYERS = (keras.layers.RNN, keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU, *_CELLS)


def _own_recurrence() -> AbstractContextManager[None]:
    """Refuse Keras's recurrent layers and cells."""
    return exchanged([(layer, "__call__", refusing(own_recurrence(f"Keras's {layer.__name__}"))) for layer in _LAYERS])


def _by_hand() -> AbstractContextManager[None]:
    """Refuse automatic differentiation, and ready-made clipping. The driver has entered its own tape by then."""
    refuse = refusing(own_derivative("a tf.GradientTape"))
    clipping = refusing(own_clipping("tf.clip_by_global_norm"))
    return exchanged(
        [(tf.GradientTape, "__enter__", refuse), (tf, "gradients", refuse), (tf, "clip_by_global_norm", clipping)]
    )


def _get_ready() -> None:
    """What TensorFlow sets up when it first computes and differentiates takes time that is not the learner's."""
    once = tf.ones((1, 1))
    with tf.GradientTape() as tape:
        tape.watch(once)
        result = tf.tanh(once @ once)
    tape.gradient(result, once)


_get_ready()
