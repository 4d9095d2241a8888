"""Porting to and from Keras, by running Keras's own layers."""

import numpy as np
import pytest
from cells_to_port import CLOSE, draw_cell, draw_input, run

from autograder.recurrent.porting import from_keras, to_keras

pytestmark = pytest.mark.slow

KINDS = ["rnn-tanh", "rnn-relu", "rnn-identity", "lstm", "gru-after", "gru-before"]


def keras_layer(kind, H=5, **options):
    import keras

    options = {"return_sequences": True, "return_state": True, "dtype": "float64"} | options
    if kind.startswith("rnn"):
        activation = {"rnn-identity": "linear"}.get(kind, kind.removeprefix("rnn-"))
        return keras.layers.SimpleRNN(H, activation=activation, **options)
    if kind == "lstm":
        return keras.layers.LSTM(H, **options)
    return keras.layers.GRU(H, reset_after=kind == "gru-after", **options)


def compare(layer, cell):
    X, state = draw_input(cell)
    output, *last = layer(X.swapaxes(0, 1), initial_state=state)
    H, ours = run(cell, X, state)
    np.testing.assert_allclose(np.asarray(output).swapaxes(0, 1), H, **CLOSE)
    for theirs, wanted in zip(last, ours, strict=True):
        np.testing.assert_allclose(np.asarray(theirs), wanted, **CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_to_keras_by_running_it(kind):
    cell, layer = draw_cell(kind), keras_layer(kind)
    layer.build((None, None, 3))
    layer.set_weights(to_keras(cell))
    compare(layer, cell)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_from_keras_by_running_it(kind, bias):
    """Every bias drawn, of the GRU's two as well."""
    layer = keras_layer(kind, use_bias=bias)
    layer.build((None, None, 3))
    rng = np.random.default_rng(4)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    compare(layer, from_keras(layer.get_weights(), kind))


def test_a_bidirectional_layer_takes_both_lists():
    import keras

    there, back = draw_cell("gru-after"), draw_cell("gru-after", seed=2)
    layer = keras.layers.Bidirectional(keras_layer("gru-after", return_state=False), dtype="float64")
    layer.build((None, None, 3))
    layer.set_weights(to_keras(there) + to_keras(back))
    X, _ = draw_input(there)
    ours = np.concatenate([run(there, X)[0], run(back, X[::-1].copy())[0][::-1]], axis=-1)
    np.testing.assert_allclose(np.asarray(layer(X.swapaxes(0, 1))).swapaxes(0, 1), ours, **CLOSE)
