"""The questions put to keras.layers.LSTM and GRU, run by TensorFlow."""

from typing import Any

import numpy as np
import tensorflow as tf

from autograder.recurrent.arrays import Array
from autograder.recurrent.differences import behaviour
from autograder.recurrent.differences.gates import HIGH, BlackBox, Gates, Parameters, State
from autograder.recurrent.differences.table import Differences, of_gates

D, H = 5, 3
LENGTHS = np.array([4, 2, 3])
SEEN = 1e-4  # differences below are rounding
NAMES = ("kernel", "recurrent_kernel", "bias")


def found() -> Differences:
    """What Keras's layers do, each as it comes but for the seeds of its initialisers."""
    answers = of_gates("Keras", box("lstm"), box("gru"))
    answers.rows.update(behaviours(answers.gates["lstm"]))
    return answers


def box(kind: str) -> BlackBox:
    """layers.LSTM or layers.GRU as a black box. Time first outside, batch first within."""
    layer = make(kind, H, return_sequences=True, return_state=True)
    layer.build((None, None, D))
    shapes = {name: tuple(value.shape) for name, value in zip(NAMES, layer.get_weights(), strict=True)}

    def run(parameters: Parameters, X: Array, state: State) -> tuple[Array, State]:
        layer.set_weights([parameters[name] for name in NAMES])
        parts = [tensor(part) for part in state]
        Y, *last = layer(tensor(X.swapaxes(0, 1)), initial_state=parts)
        return Y.numpy().swapaxes(0, 1), tuple(part.numpy() for part in last)

    return BlackBox("lstm" if kind == "lstm" else "gru", D, H, shapes, run)


def make(kind: str, units: int, **options: Any) -> Any:
    """A layer whose random starts have seeds, so that the answers are the same every time."""
    layers = tf.keras.layers
    return (layers.LSTM if kind == "lstm" else layers.GRU)(
        units,
        kernel_initializer=_seeded(layers.LSTM(1).kernel_initializer, 1),
        recurrent_initializer=_seeded(layers.LSTM(1).recurrent_initializer, 2),
        seed=3,
        **options,
    )


def _seeded(default: Any, seed: int) -> Any:
    """The initialiser that the layer has by default, with a seed."""
    return type(default).from_config(default.get_config() | {"seed": seed})


def tensor(value: Array) -> Any:
    return tf.constant(value, tf.float32)


def behaviours(gates: Gates) -> dict[str, str]:
    """Rows about whole layers. `gates`: what was found of the LSTM's blocks."""
    X = np.random.default_rng(1).normal(size=(4, 3, D)).astype(np.float32)
    layer = make("lstm", H, return_sequences=True)
    mask = tf.constant(np.arange(4) < LENGTHS[:, None])
    Y = layer(tensor(X.swapaxes(0, 1)), mask=mask).numpy().swapaxes(0, 1)
    start = make("lstm", 64)
    start.build((None, None, 48))
    kernel, recurrent, bias = start.get_weights()
    return {
        "axes": behaviour.axes(lambda X: layer(tensor(X)).numpy(), D),
        "both directions": last_states(X),
        "start W": behaviour.start_of_weights(kernel, 64, 1),
        "start U": behaviour.start_of_weights(recurrent, 64, 1),
        "start b": behaviour.start_of_biases(dict(zip(gates.blocks["bias"], np.split(bias, 4), strict=True)), 64),
        "double": behaviour.on_doubles(lambda X: layer(tf.constant(X)).numpy(), X.swapaxes(0, 1)),
        "padding": behaviour.at_padding(Y, LENGTHS),
        "dropout": dropout(gates),
    }


def last_states(X: Array) -> str:
    """The states and the single output of one Bidirectional layer, each recognised in the outputs."""
    x = tensor(X.swapaxes(0, 1))
    layers = tf.keras.layers
    both = layers.Bidirectional(make("lstm", H, return_sequences=True, return_state=True))
    Y, *states = both(x)
    Y = Y.numpy()
    known = {"forward": Y[:, -1, :H], "backward": Y[:, 0, H:]}
    single = layers.Bidirectional(make("lstm", H))
    single.build(x.shape)
    single.set_weights(both.get_weights())
    out = single(x).numpy()
    order = behaviour.halves({"h": states[0].numpy(), "h of the other": states[2].numpy()}, known)
    output = behaviour.halves({"first half": out[:, :H], "second half": out[:, H:]}, known)
    return f"one layer a wrapper; h of {order}; single output: {output}"


def dropout(gates: Gates) -> str:
    """Where `dropout` and `recurrent_dropout` act, and whether each step draws anew (see the same for PyTorch)."""

    def spread(recurrent: bool, **options: float) -> tuple[float, float]:
        layer = make("lstm", H, return_sequences=True, **options)
        layer.build((1, 6, D))
        kernel, U, bias = layer.get_weights()
        place = H * gates.blocks["bias"].index("f")
        bias[place : place + H] = -HIGH
        layer.set_weights([kernel, U if recurrent else 0 * U, bias])
        X = tf.ones((1, 6, D))
        trained, evaluated = layer(X, training=True).numpy(), layer(X, training=False).numpy()
        return np.abs(trained - evaluated).max(), np.abs(trained - trained[:, :1]).max()

    said = []
    differs, over_time = spread(False, dropout=0.5)
    if differs > SEEN:
        said.append(
            f"dropout on a layer's inputs, {'drawn anew each step' if over_time > SEEN else 'one mask a sequence'}"
        )
    if spread(True, recurrent_dropout=0.5)[0] > SEEN >= spread(False, recurrent_dropout=0.5)[0]:
        said.append("recurrent_dropout on the states that U reads")
    return "; ".join(said) or "none found"
