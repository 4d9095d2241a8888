"""Every custom gradient of the TensorFlow room against differences of its own outputs, entry by entry, and twice."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
pytest.importorskip("keras", reason="Keras is not installed")

from tensorflow_cells import CELLS, assert_same, draw, make  # noqa: E402

from autograder.recurrent import tensorflow as room  # noqa: E402

pytestmark = pytest.mark.slow


def function(name, by_hand=True, T=3, B=3, D=2, H=3, gaps=True):
    """The sequence function of a cell and its arguments, time first: f(*arguments) gives H, or H and C."""
    layer = make(name, D, H)
    X, state, mask, *_ = draw(layer, T, B, D, gaps=gaps)
    on = tf.ones((T, B, 1), tf.bool) if mask is None else tf.transpose(mask)[:, :, None]
    weights = {w.name: tf.constant(np.asarray(w.value)) for w in layer.weights}
    arguments = [tf.transpose(X, [1, 0, 2]), *state, *weights.values()]

    def named(values):
        return dict(zip(["X", *layer.state_widths, *weights], values, strict=True))

    if name in ("tanh", "relu", "identity"):
        run = room.vanilla_sequence_by_hand if by_hand else room.vanilla_sequence
        return lambda *values: run(*values, on, name), arguments
    if name == "lstm-layer-norm":
        run = room.layer_norm_lstm_sequence_by_hand if by_hand else room.layer_norm_lstm_sequence
        return lambda *values: run(*values, on), arguments
    if name.startswith("lstm"):
        run = room.lstm_sequence_by_hand if by_hand else room.lstm_sequence
        return lambda *values: run(**{"P": None, "R": None} | named(values), on=on), arguments
    if not by_hand:
        return lambda *values: room.gru_sequence(**{"c": None} | named(values), on=on), arguments
    run = room.gru_after_by_hand if name == "gru-after" else room.gru_before_by_hand
    return lambda *values: run(*values, on), arguments


def flat(outputs):
    """H, or H and C, as one vector."""
    return tf.concat([tf.reshape(v, [-1]) for v in (outputs if isinstance(outputs, tuple | list) else [outputs])], 0)


@pytest.mark.parametrize(
    "sizes",
    [{}, {"gaps": False}, {"T": 1}, {"B": 1}, {"D": 1, "H": 1}],
    ids=["gaps and an empty sequence", "no mask", "T = 1", "B = 1", "D = H = 1"],
)
@pytest.mark.parametrize("name", CELLS)
def test_gradients_against_central_differences(name, sizes):
    """Of two random sums of all states and cells, by every entry of every argument.

    At ε = 2⁻¹⁷ the difference is off by ε² ≈ 6e-11 times third derivatives, and by 1e-16 / ε ≈ 1e-11 for rounding.
    """
    run, arguments = function(name, **sizes)
    rng = np.random.default_rng(7)
    outputs = tf.function(lambda *values: flat(run(*values)))
    sums = rng.normal(size=(2, outputs(*arguments).shape[0]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(arguments)
        losses = [tf.reduce_sum(tf.constant(s) * flat(run(*arguments))) for s in sums]
    ours = [tape.gradient(loss, arguments) for loss in losses]
    epsilon = 2**-17
    for k, value in enumerate(arguments):
        for place in np.ndindex(*value.shape):
            shift = np.zeros(value.shape)
            shift[place] = epsilon
            there, back = (outputs(*arguments[:k], value + sign * shift, *arguments[k + 1 :]) for sign in (1, -1))
            slopes = sums @ (there - back).numpy() / (2 * epsilon)
            np.testing.assert_allclose([d[k].numpy()[place] for d in ours], slopes, rtol=1e-6, atol=1e-8)


TWICE = [(name, "eager") for name in CELLS] + [
    (name, "graph")
    for name in ("relu", "lstm-peepholes-coupled-projection", "lstm-layer-norm", "gru-after", "gru-before")
]


@pytest.mark.parametrize(("name", "mode"), TWICE)
def test_second_derivatives_agree_with_the_tape(name, mode):
    """A backward by hand is made of operations that TensorFlow can differentiate, so it can be differentiated again."""

    def second(by_hand):
        run, arguments = function(name, by_hand)
        rng = np.random.default_rng(5)
        directions = [tf.constant(rng.normal(size=a.shape)) for a in arguments]

        def hessian_times_directions(*values):
            with tf.GradientTape() as outer:
                outer.watch(values)
                with tf.GradientTape() as inner:
                    inner.watch(values)
                    loss = tf.reduce_sum(tf.sin(flat(run(*values))))
                slope = sum(tf.reduce_sum(v * d) for v, d in zip(directions, inner.gradient(loss, values), strict=True))
            return outer.gradient(slope, values)

        found = (tf.function(hessian_times_directions) if mode == "graph" else hessian_times_directions)(*arguments)
        return dict(enumerate(np.asarray(v) for v in found))

    assert_same(second(True), second(False))
