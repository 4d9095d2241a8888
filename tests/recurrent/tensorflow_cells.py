"""What the tests of the TensorFlow room share: every cell, random problems, all results by name, the NumPy layers."""

import keras
import numpy as np
import tensorflow as tf

from autograder.recurrent.bidirectional import Bidirectional as NumPyBidirectional
from autograder.recurrent.gru import GRU as NumPyGRU
from autograder.recurrent.lstm import LSTM as NumPyLSTM
from autograder.recurrent.lstm_layer_norm import LayerNormLSTM as NumPyLayerNormLSTM
from autograder.recurrent.lstm_variants import VariantLSTM
from autograder.recurrent.stack import Stack as NumPyStack
from autograder.recurrent.tensorflow import GRU, LSTM, Bidirectional, LayerNormLSTM, Stack, VanillaRNN
from autograder.recurrent.vanilla import VanillaRNN as NumPyVanillaRNN

# Sums of at most a few dozen float64 terms of unit size: rounding stays below 1e-13, a mistake does not.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}

LSTMS = {
    "lstm": {},
    "lstm-peepholes": {"peepholes": True},
    "lstm-coupled": {"coupled": True},
    "lstm-projection": {"projection": 2},
    "lstm-peepholes-coupled": {"peepholes": True, "coupled": True},
    "lstm-peepholes-projection": {"peepholes": True, "projection": 2},
    "lstm-coupled-projection": {"coupled": True, "projection": 2},
    "lstm-peepholes-coupled-projection": {"peepholes": True, "coupled": True, "projection": 2},
}
CELLS = ["tanh", "relu", "identity", *LSTMS, "lstm-layer-norm", "gru-after", "gru-before"]


def cell(name, H, **options):
    """A layer without weights, from a name in CELLS."""
    if name in LSTMS:
        return LSTM(H, **LSTMS[name], **options)
    if name == "lstm-layer-norm":
        return LayerNormLSTM(H, **options)
    if name.startswith("gru-"):
        return GRU(H, name.removeprefix("gru-"), **options)
    return VanillaRNN(H, name, **options)


def make(name, D=3, H=6, seed=0, dtype="float64", **options):
    """The layer of a name, its weights random."""
    return drawn(cell(name, H, dtype=dtype, **options), D, seed)


def drawn(layer, D=3, seed=0):
    """The layer with every weight drawn at random, biases, peepholes and gains too."""
    if not layer.built:
        layer.build((None, None, D))
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) / np.sqrt(max(weight.shape)))
    return layer


def draw(layer, T=5, B=4, D=3, seed=1, gaps=True, dtype="float64"):
    """X (B, T, D), a state, a mask with gaps and a sequence that is empty, and upstream gradients of both outputs."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return tf.constant(rng.normal(size=shape), dtype)

    mask = None
    if gaps:
        mask = rng.random((B, T)) < 0.6
        if B > 1:
            mask[0] = False
        mask = tf.constant(mask)
    state = [tf.tanh(normal(B, width)) for width in layer.state_widths.values()]
    G = normal(B, T, layer.width)
    return normal(B, T, D), state, mask, G, [normal(*s.shape) for s in state]


def weights_by_name(layer):
    """As the NumPy layers name their parameters: W; forward.W; 0.W, 1.W."""
    if isinstance(layer, Bidirectional):
        parts = {"forward": layer.forward_layer, "backward": layer.backward_layer}
    elif isinstance(layer, Stack):
        parts = dict(enumerate(layer.layers))
    else:
        return {w.name: w for w in layer.weights}
    return {f"{place}.{name}": w for place, part in parts.items() for name, w in weights_by_name(part).items()}


def results(layer, X, state, mask, G, dstate, wrap=lambda f: f, **more):
    """Outputs, final state and every gradient of a loss on all outputs and on the final state, as arrays by name."""
    named = weights_by_name(layer)

    def run(X, state, mask, more):
        with tf.GradientTape() as tape:
            tape.watch([X, *state])
            H, last = layer(X, state_0=state, mask=mask, **more)
            loss = tf.reduce_sum(G * H) + sum(tf.reduce_sum(d * s) for d, s in zip(dstate, last, strict=True))
        return H, last, tape.gradient(loss, [X, *state, *(w.value for w in named.values())])

    H, last, found = wrap(run)(X, state, mask, more)
    values = dict(zip(["dX", *(f"dstate_0 {k}" for k in range(len(state))), *named], found, strict=True))
    values |= {"H": H} | {f"state {k}": s for k, s in enumerate(last)}
    return {k: np.asarray(tf.cast(v, "float64")) for k, v in values.items()}


def assert_same(ours, theirs, tolerance=None):
    """Two dictionaries of arrays, name by name."""
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, err_msg=name, **(tolerance or CLOSE))


def numpy_layer(layer):
    """The NumPy layer with the same weights."""
    values = {name: np.asarray(w.value) for name, w in weights_by_name(layer).items()}
    match layer:
        case VanillaRNN():
            return NumPyVanillaRNN(**values, activation=layer.activation)
        case GRU():
            return NumPyGRU(**values, reset=layer.reset)
        case LayerNormLSTM():
            return NumPyLayerNormLSTM(**values)
        case LSTM():
            plain = not (layer.peepholes or layer.coupled or layer.projection)
            return NumPyLSTM(**values) if plain else VariantLSTM(**values, coupled=layer.coupled)
        case Bidirectional():
            return NumPyBidirectional(numpy_layer(layer.forward_layer), numpy_layer(layer.backward_layer), layer.merge)
        case Stack():
            return NumPyStack(tuple(map(numpy_layer, layer.layers)), layer.residual)


def compare_with_numpy(layer, X, state, mask, G, dstate, dropout=None):
    """Outputs, states and every gradient of a layer and of the NumPy layer with the same weights."""
    more = {} if dropout is None else {"dropout": dropout}
    ours = results(layer, X, state, mask, G, dstate, **more)

    def time_first(v):
        return None if v is None else np.asarray(v).swapaxes(0, 1)

    reference = numpy_layer(layer)
    more = {} if dropout is None else {"dropout": [time_first(D) for D in dropout]}
    run = reference.forward(time_first(X), tuple(s.numpy() for s in state), time_first(mask), **more)
    found = reference.backward(run, time_first(G), tuple(d.numpy() for d in dstate))
    theirs = {"H": time_first(run.H), "dX": time_first(found.dX)}
    for k, (last, d_first) in enumerate(zip(run.state, found.dstate_0, strict=True)):
        theirs |= {f"state {k}": last, f"dstate_0 {k}": d_first}
    assert_same(ours, theirs | found.parameters)


def keras_layer(name, D, H):
    """Keras's own layer of a cell it has."""
    options = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    layer = {
        "tanh": lambda: keras.layers.SimpleRNN(H, **options),
        "relu": lambda: keras.layers.SimpleRNN(H, activation="relu", **options),
        "lstm": lambda: keras.layers.LSTM(H, **options),
        "gru-after": lambda: keras.layers.GRU(H, **options),
        "gru-before": lambda: keras.layers.GRU(H, reset_after=False, **options),
    }[name]()
    layer.build((None, None, D))
    return layer
