"""The TensorFlow layers in a tf.function, through XLA, in mixed precision and, where there is one, on a GPU."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
keras = pytest.importorskip("keras", reason="Keras is not installed")

from tensorflow_cells import CELLS, CLOSE, assert_same, draw, drawn, make, results  # noqa: E402

from autograder.recurrent.tensorflow import GRU, LSTM, Bidirectional, LayerNormLSTM, Stack, VanillaRNN  # noqa: E402

pytestmark = pytest.mark.slow

HANDS = pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@HANDS
@pytest.mark.parametrize("name", CELLS)
def test_traced_and_compiled(name, by_hand, jit_compile):
    """The same numbers in a tf.function, and through XLA."""
    layer = make(name, by_hand=by_hand)
    given = draw(layer)
    compiled = results(layer, *given, wrap=lambda f: tf.function(f, jit_compile=jit_compile))
    assert_same(compiled, results(layer, *given))


def deep(by_hand=False, dtype="float64"):
    """Two levels, the lower one in both directions: every wrapper at once. D = 4 in, 3 out."""
    options = {"by_hand": by_hand, "dtype": dtype}
    both_ways = Bidirectional(GRU(2, **options), LSTM(2, peepholes=True, **options))
    return drawn(Stack([both_ways, LayerNormLSTM(4, **options), VanillaRNN(3, "relu", **options)], residual=[1]), 4)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@HANDS
def test_wrappers_traced_and_compiled(by_hand, jit_compile):
    layer = deep(by_hand)
    given = draw(layer, D=4)
    dropout = [None, tf.constant(np.random.default_rng(0).uniform(size=(4, 1, 4))), None, None]
    compiled = results(layer, *given, wrap=lambda f: tf.function(f, jit_compile=jit_compile), dropout=dropout)
    assert_same(compiled, results(layer, *given, dropout=dropout))


@HANDS
@pytest.mark.parametrize("name", ["tanh", "lstm-peepholes-coupled-projection", "lstm-layer-norm", "gru-after", "deep"])
def test_one_trace_serves_every_length(name, by_hand):
    layer, D = (deep(by_hand), 4) if name == "deep" else (make(name, by_hand=by_hand), 3)
    traced = tf.function(
        lambda X, mask: layer(X, mask=mask)[0],
        input_signature=[tf.TensorSpec((None, None, D), "float64"), tf.TensorSpec((None, None), "bool")],
    )
    for T, B in ((2, 3), (5, 1)):
        X, _, mask, *_ = draw(layer, T, B, D)
        np.testing.assert_allclose(traced(X, mask), layer(X, mask=mask)[0], **CLOSE)
    assert traced.experimental_get_tracing_count() == 1


@HANDS
@pytest.mark.parametrize("name", CELLS)
def test_mixed_precision(name, by_hand):
    """Keras's mixed_bfloat16: weights and their gradients float32, the rest in bf16, whose 8 bits bound the error."""
    exact = make(name, dtype="float32")
    given = draw(exact, dtype="float32")
    wanted = results(exact, *given)
    layer = make(name, dtype=keras.DTypePolicy("mixed_bfloat16"), by_hand=by_hand)
    X, state, mask, G, dstate = given
    half = [tf.cast(s, "bfloat16") for s in state]
    H, _ = layer(X, state_0=half, mask=mask)
    assert H.dtype == tf.bfloat16
    assert {w.dtype for w in layer.weights} == {"float32"}
    found = results(layer, X, half, mask, tf.cast(G, "bfloat16"), [tf.cast(d, "bfloat16") for d in dstate])
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert np.abs(found[key] - value).max() < 0.08 * np.abs(value).max(), key


@pytest.mark.gpu
@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU here")
@HANDS
@pytest.mark.parametrize("name", [*CELLS, "deep"])
def test_gpu_against_cpu(name, by_hand, record_property):
    """Outputs and gradients in float32: sums in another order, TF32 off, so 2e-5 of the largest entry."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    found = {}
    for device in ("/CPU:0", "/GPU:0"):
        with tf.device(device):
            wide = name != "deep"
            layer = make(name, 16, 32, dtype="float32", by_hand=by_hand) if wide else deep(by_hand, "float32")
            found[device] = results(layer, *draw(layer, 20, 8, 16 if wide else 4, dtype="float32"))
    deviation = max(np.abs(found["/GPU:0"][k] - v).max() / np.abs(v).max() for k, v in found["/CPU:0"].items())
    record_property("deviation", deviation)
    assert deviation < 2e-5
