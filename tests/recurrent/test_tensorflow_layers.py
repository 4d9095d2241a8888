"""The TensorFlow room as Keras layers: both directions, stacks, masks, saving and loading, and what is refused."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
keras = pytest.importorskip("keras", reason="Keras is not installed")

from tensorflow_cells import CELLS, cell, compare_with_numpy, draw, drawn, make  # noqa: E402

from autograder.recurrent.tensorflow import GRU, LSTM, Bidirectional, LayerNormLSTM, Stack, VanillaRNN  # noqa: E402

pytestmark = pytest.mark.slow

HANDS = pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])
DOUBLE = {"dtype": "float64"}


@pytest.mark.parametrize("gaps", [True, False], ids=["gaps", "no-mask"])
@pytest.mark.parametrize("merge", ["concat", "sum", "average", "product"])
def test_bidirectional_against_the_numpy_layer(merge, gaps):
    layer = Bidirectional(make("tanh", seed=2), make("tanh", seed=3, by_hand=True), merge)
    compare_with_numpy(layer, *draw(layer, gaps=gaps))


@pytest.mark.parametrize(("T", "B"), [(5, 4), (1, 3), (4, 1)])
def test_bidirectional_of_two_kinds_of_cell_and_widths(T, B):
    """Their states have 2 and 1 parts, of three widths."""
    layer = Bidirectional(make("lstm-peepholes-projection", seed=2), make("gru-after", H=4, seed=3))
    assert list(layer.state_widths.items()) == [("forward.h_0", 2), ("forward.c_0", 6), ("backward.h_0", 4)]
    compare_with_numpy(layer, *draw(layer, T, B))


@HANDS
@pytest.mark.parametrize("steps", ["every step", "once a sequence"])
@pytest.mark.parametrize(("T", "B"), [(5, 4), (1, 3), (4, 1)])
def test_stack_against_the_numpy_layer(T, B, steps, by_hand):
    options = {"by_hand": by_hand, **DOUBLE}
    layers = [
        Bidirectional(GRU(2, "before", **options), LSTM(3, coupled=True, **options)),
        LayerNormLSTM(5, **options),
        VanillaRNN(5, "relu", **options),
        LSTM(4, projection=2, **options),
    ]
    layer = drawn(Stack(layers, residual=[1, 2]))
    X, *rest = draw(layer, T, B)
    rng = np.random.default_rng(4)
    dropout = [
        tf.constant((rng.random((B, T if steps == "every step" else 1, width)) < 0.7) / 0.7)
        for width in (3, 5, 5, 5, 2)
    ]
    compare_with_numpy(layer, X, *rest)
    compare_with_numpy(layer, X, *rest, dropout=dropout)
    compare_with_numpy(layer, X, *rest, dropout=[None, dropout[1], None, None, dropout[4]])


def test_wrappers_take_their_layers_dtype():
    """A float64 pair in a float32 wrapper would lose half of X's digits on the way in, without a word."""
    pair = Bidirectional(GRU(2, **DOUBLE), GRU(2, **DOUBLE))
    assert pair.compute_dtype == Stack([pair]).compute_dtype == "float64"
    assert Bidirectional(GRU(2, **DOUBLE), GRU(2, **DOUBLE), dtype="float32").compute_dtype == "float32"


IDS = [[1, 2, 0, 0], [3, 0, 4, 1], [0, 0, 0, 0]]
"""Symbols; 0 is padding: at the end, in a gap, everywhere."""

WRAPPED = {
    "gru": lambda: GRU(4, **DOUBLE),
    "bidirectional": lambda: Bidirectional(LSTM(4, **DOUBLE), GRU(3, **DOUBLE)),
    "stack": lambda: Stack([GRU(4, **DOUBLE), LayerNormLSTM(3, **DOUBLE)]),
}


def embedding():
    return keras.layers.Embedding(5, 3, mask_zero=True, **DOUBLE)


@pytest.mark.parametrize("kind", ["functional", "functional with a state", "sequential"])
@pytest.mark.parametrize("name", WRAPPED)
def test_masks_come_from_the_layers_before(name, kind):
    """The model gives what the layer gives for the same mask, handed over openly; also beside a state."""
    layer, embed, state = WRAPPED[name](), embedding(), None
    if kind == "sequential":
        H, last = keras.Sequential([embed, layer])(tf.constant(IDS))
    else:
        inputs, starts, first = keras.Input((None,), dtype="int32"), [], None
        if kind == "functional with a state":
            rng = np.random.default_rng(0)
            state = [tf.constant(rng.normal(size=(3, width))) for width in layer.state_widths.values()]
            starts = first = [keras.Input((width,), **DOUBLE) for width in layer.state_widths.values()]
        outputs = layer(embed(inputs), state_0=first)
        H, last = keras.Model([inputs, *starts], outputs)([tf.constant(IDS), *(state or [])])
    looked_up = tf.gather(embed.embeddings.value, tf.constant(IDS))
    wanted, wanted_last = layer(looked_up, state, mask=tf.constant(IDS) != 0)
    np.testing.assert_array_equal(H, wanted)
    for part, theirs in zip(last, wanted_last, strict=True):
        np.testing.assert_array_equal(part, theirs)
    assert not np.allclose(layer(looked_up, state)[0], wanted)


@pytest.mark.parametrize("name", WRAPPED)
def test_masks_are_handed_on(name):
    """To a layer that averages the steps that count."""
    inputs = keras.Input((None,), dtype="int32")
    H, _ = WRAPPED[name]()(embedding()(inputs))
    model = keras.Model(inputs, [H, keras.layers.GlobalAveragePooling1D(**DOUBLE)(H)])
    H, mean = (np.asarray(v) for v in model(tf.constant(IDS[:2])))
    for b, counted in enumerate(np.asarray(IDS[:2]) != 0):
        np.testing.assert_allclose(mean[b], H[b, counted].mean(axis=0))


MADE = {name: lambda name=name: cell(name, 6, by_hand=True, **DOUBLE) for name in CELLS} | {
    "bidirectional": lambda: Bidirectional(GRU(2, by_hand=True, **DOUBLE), LSTM(3, coupled=True, **DOUBLE)),
    "bidirectional, a sum": lambda: Bidirectional(GRU(3, **DOUBLE), LayerNormLSTM(3, **DOUBLE), "sum"),
    "stack": lambda: Stack(
        [Bidirectional(GRU(2, **DOUBLE), GRU(1, **DOUBLE)), LSTM(3, forget_bias=2.0, **DOUBLE)], residual=[0, 1]
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_a_layer_is_made_again_from_its_configuration(name):
    layer = drawn(MADE[name]())
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again.build((None, None, 3))
    again.set_weights(layer.get_weights())
    X, state, mask, *_ = draw(layer)
    np.testing.assert_array_equal(layer(X, state, mask)[0], again(X, state, mask)[0])


@pytest.mark.parametrize("name", MADE)
def test_a_model_saved_and_loaded_gives_the_same_numbers(name, tmp_path):
    """No custom objects are named for loading: the layers are registered with Keras."""
    layer = MADE[name]()
    inputs = keras.Input((None,), dtype="int32")
    starts = [keras.Input((width,), **DOUBLE) for width in layer.state_widths.values()]
    H, last = layer(embedding()(inputs), state_0=starts)
    model = keras.Model([inputs, *starts], [H, *last])
    drawn(layer)
    given = [tf.constant(IDS), *(tf.random.stateless_normal((3, s.shape[1]), (1, 2), dtype="float64") for s in starts)]
    wanted = model(given)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(loaded(given), wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert type(loaded.layers[-1]) is type(layer)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_a_model_learns(jit_compile):
    """Keras's own training loop, over every wrapper with hand-written backwards, learns to look one step ahead."""
    keras.utils.set_random_seed(1)
    layer = Stack([Bidirectional(GRU(4, by_hand=True), LSTM(4, by_hand=True)), LayerNormLSTM(8, by_hand=True)], [1])
    inputs = keras.Input((None,), dtype="int32")
    H, _ = layer(keras.layers.Embedding(5, 8, mask_zero=True)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5)(H))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss, jit_compile=jit_compile)
    symbols = np.random.default_rng(0).integers(0, 5, size=(16, 7))
    losses = model.fit(symbols, np.roll(symbols, -1, axis=1), epochs=25, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2


def test_initialisation():
    """Orthogonal gate by gate, the forget gate's bias as asked, other biases and peepholes zero, gains 1."""
    lstm, normed = LSTM(5, peepholes=True, forget_bias=2.0), LayerNormLSTM(5, forget_bias=3.0)
    coupled = LSTM(5, coupled=True)
    for layer, blocks in ((lstm, 4), (coupled, 3), (normed, 4), (GRU(5), 3), (VanillaRNN(5), 1)):
        layer.build((None, None, 3))
        for block in np.split(np.asarray(layer.U.value), blocks, axis=1):
            np.testing.assert_allclose(block @ block.T, np.eye(5), atol=1e-5)
        assert np.asarray(layer.W.value).std() > 0.1
    assert np.asarray(lstm.b.value).tolist() == [0.0] * 5 + [2.0] * 5 + [0.0] * 10
    assert np.asarray(normed.b.value).tolist() == [0.0] * 5 + [3.0] * 5 + [0.0] * 10
    assert np.asarray(coupled.b.value).tolist() == [1.0] * 5 + [0.0] * 10
    assert not np.asarray(lstm.P.value).any()
    assert not np.asarray(normed.beta_c.value).any()
    assert all((np.asarray(gain.value) == 1).all() for gain in (normed.gamma_x, normed.gamma_h, normed.gamma_c))
