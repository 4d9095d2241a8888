"""What the TensorFlow room refuses, and that the message names the argument, what was expected and what came."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
keras = pytest.importorskip("keras", reason="Keras is not installed")

from tensorflow_cells import draw, make  # noqa: E402

from autograder.recurrent.tensorflow import GRU, LSTM, Bidirectional, Stack, VanillaRNN  # noqa: E402
from autograder.recurrent.tensorflow.arguments import arguments  # noqa: E402

pytestmark = pytest.mark.slow

BAD = {
    "rank of X": ({"X": lambda a: a["X"][0]}, ValueError, r"X: expected shape \(B, T, 3\), got \(5, 3\)"),
    "width of X": ({"X": lambda a: a["X"][..., :2]}, ValueError, r"X: expected shape \(T, B, 3\), got \(5, 4, 2\)"),
    "no step": ({"X": lambda a: a["X"][:, :0]}, ValueError, "X: expected at least one step"),
    "integers": (
        {"X": lambda a: tf.cast(a["X"], "int32")},
        TypeError,
        "X: expected a floating-point tensor, got int32",
    ),
    "one state": ({"state_0": lambda a: a["state_0"][:1]}, ValueError, r"state_0: expected \(h_0, c_0\), got 1"),
    "batch of the state": (
        {"state_0": lambda a: [s[:1] for s in a["state_0"]]},
        ValueError,
        r"h_0: expected shape \(4, 6\), got \(1, 6\)",
    ),
    "shape of the mask": (
        {"mask": lambda a: tf.transpose(a["mask"])},
        ValueError,
        r"mask: expected shape \(T, B\) = \(5, 4\), got \(4, 5\)",
    ),
}


@pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])
@pytest.mark.parametrize("name", ["lstm", "lstm-layer-norm"])
@pytest.mark.parametrize(("changed", "kind", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(changed, kind, said, name, by_hand):
    layer = make(name, by_hand=by_hand)
    X, state, mask, *_ = draw(layer)
    given = {"X": X, "state_0": state, "mask": mask}
    given |= {k: v(given) for k, v in changed.items()}
    with pytest.raises(kind, match=said):
        layer(given.pop("X"), **given)


def test_functions_do_not_cast_as_keras_does():
    X, W = tf.zeros((2, 3, 4), "float32"), tf.zeros((4, 5), "float64")
    with pytest.raises(TypeError, match="X: expected the parameters' float64, got float32"):
        arguments(X, None, None, W, {"h_0": 5})
    with pytest.raises(TypeError, match=r"X: expected a tensor of shape .* got list"):
        arguments([[[0.0]]], None, None, W, {"h_0": 5})
    with pytest.raises(TypeError, match=r"mask: expected a tensor of booleans .* got list"):
        arguments(tf.zeros((2, 3, 4), "float64"), None, [1, 0], W, {"h_0": 5})


def test_bad_choices_are_named():
    with pytest.raises(ValueError, match="activation: expected one of tanh, relu, identity, got 'sin'"):
        VanillaRNN(3, "sin")
    with pytest.raises(ValueError, match="reset: expected 'after' or 'before', got 'never'"):
        GRU(3, "never")
    with pytest.raises(ValueError, match="merge: expected one of concat, sum, average, product, got 'max'"):
        Bidirectional(GRU(3), GRU(3), "max")
    with pytest.raises(ValueError, match=r"backward_layer: expected outputs of width 3 for merge 'sum', got 4"):
        Bidirectional(GRU(3), GRU(4), "sum")
    with pytest.raises(TypeError, match="backward_layer: expected a recurrent layer of this package, got GRU"):
        Bidirectional(GRU(3), keras.layers.GRU(3))
    with pytest.raises(TypeError, match=r"layers\[1\]: expected a recurrent layer of this package, got Dense"):
        Stack([GRU(3), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="layers: expected at least one layer, got none"):
        Stack([])
    with pytest.raises(ValueError, match="residual: expected numbers from 0 to 1, got 2"):
        Stack([GRU(3), GRU(3)], residual=[2])


def stack(**given):
    return Stack([GRU(3), LSTM(4)])(np.zeros((2, 5, 3), "float32"), **given)


def test_what_wrappers_refuse_when_called():
    X = np.zeros((2, 5, 3), "float32")
    with pytest.raises(ValueError, match="residual: layer 1 must keep its width, but takes 3 and gives 4"):
        Stack([GRU(3), LSTM(4)], residual=[0, 1])(X)
    with pytest.raises(ValueError, match=r"state_0: expected 2 \+ 1 tensors, layer by layer, got 2"):
        Bidirectional(LSTM(3), GRU(3))(X, state_0=[np.zeros((2, 3), "float32")] * 2)
    with pytest.raises(TypeError, match="state_0: expected a tuple of tensors, got"):
        Bidirectional(GRU(3), GRU(3))(X, state_0=np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match="dropout: expected 3 entries, one a layer and the output, got 2"):
        stack(dropout=[None, None])
    with pytest.raises(TypeError, match="dropout: expected a tuple of tensors and None, got"):
        stack(dropout=np.ones((2, 5, 3), "float32"))
    with pytest.raises(ValueError, match=r"dropout\[1\]: expected shape \(2, 5, 3\), got \(2, 5, 4\)"):
        stack(dropout=[None, np.ones((2, 5, 4), "float32"), None])
    with pytest.raises(ValueError, match=r"dropout\[2\]: expected shape \(2, 1, 4\), got \(1, 1, 4\)"):
        stack(dropout=[None, None, np.ones((1, 1, 4), "float32")])
