"""What does not fit is refused, everywhere, with a TypeError or ValueError that names the argument.

The layers' arguments are in `layer_checks.bad_arguments_are_named`, which test_every_layer.py runs over all of them;
here are the layers' other settings and every function. A last test asks that no public name is left out.
"""

import layer_checks as checks
import numpy as np
import pytest
from test_every_layer import LAYERS, gru, lstm, vanilla

import autograder.recurrent as recurrent
from autograder.recurrent import (
    GRU,
    Bidirectional,
    Checkpointed,
    Reversed,
    Stack,
    TruncatedBPTT,
    VanillaRNN,
    VariantLSTM,
)
from autograder.recurrent.gradient_checking import relative_error

T, B, D, H, K, N, S = 5, 4, 3, 6, 7, 9, 2
RNG = np.random.default_rng(0)
NETWORK = vanilla(H=H)
f64 = RNG.normal


def step(**more):
    """Arguments of the functions of one step, with `more` in the place of some."""
    shapes = {"x": (B, D), "h_prev": (B, H), "W": (D, H), "U": (H, H), "b": (H,), "h": (B, H), "dh": (B, H)}
    return {name: f64(size=shape) for name, shape in shapes.items()} | more


FORWARD, BACKWARD = ("x", "h_prev", "W", "U", "b"), ("dh", "x", "h_prev", "h", "W", "U")
HIDDEN, V, DY = f64(size=(T, B, H)), f64(size=(H, K)), f64(size=(T, B, K))
IDS, E = RNG.integers(N, size=(T, B)), f64(size=(N, D))
Y, TARGETS, LABELS = f64(size=(T, B, K)), RNG.integers(K, size=(T, B)), RNG.integers(1, K, size=(B, S))
GRADIENTS = {"W": f64(size=(D, H))}
INFLUENCE = np.zeros((B, D + H + 1, H, H))
X, X0, H0, G0 = f64(size=(T, B, D)), f64(size=(B, D)), f64(size=(B, H)), f64(size=(B, H))
F32, INT = "float32", int
NAN = np.full((H, H), np.nan)


def taken(names, **more):
    arguments = step(**more)
    return [arguments[name] for name in names]


def forward(**more):
    return lambda: recurrent.step_forward(*taken(FORWARD, **more))


def backward(**more):
    return lambda: recurrent.step_backward(*taken(BACKWARD, **more))


def square(arrays):
    return (arrays["a"] ** 2).sum()


ARRAYS = {"a": np.ones(3)}
P = NETWORK.parameters
BAD = {
    "step_forward": [
        (forward(x=X0[0]), ValueError, r"x: expected shape \(B, 3\), got \(3,\)"),
        (forward(x=X0[:, 1:]), ValueError, r"x: expected shape \(B, 3\), got \(4, 2\)"),
        (forward(h_prev=H0[1:]), ValueError, r"h_prev: expected shape \(4, 6\), got \(3, 6\)"),
        (forward(W=V[0]), ValueError, r"W: expected shape \(D, H\), got \(7,\)"),
        (forward(U=V), ValueError, r"U: expected shape \(6, 6\), got \(6, 7\)"),
        (forward(b=H0), ValueError, r"b: expected shape \(6,\), got \(4, 6\)"),
        (forward(x=X0.astype(INT)), TypeError, "x: expected a floating-point array, got dtype int64"),
        (forward(x=X0.astype(F32)), TypeError, "expected one precision, got x float32, h_prev float64"),
        (forward(x=X0.tolist()), TypeError, "x: expected an array of shape .* got list"),
    ],
    "step_backward": [
        (backward(dh=H0[1:]), ValueError, r"dh: expected shape \(4, 6\), got \(3, 6\)"),
        (backward(h=H0[:, 1:]), ValueError, r"h: expected shape \(4, 6\), got \(4, 5\)"),
        (backward(h_prev=H0[0]), ValueError, r"h_prev: expected shape \(4, 6\), got \(6,\)"),
        (backward(dh=H0.astype(INT)), TypeError, "dh: expected a floating-point array, got dtype int64"),
        (backward(dh=H0.astype(F32)), TypeError, "expected one precision, got .*dh float32"),
    ],
    "dense_forward": [
        (lambda: recurrent.dense_forward(HIDDEN[0], V, f64(size=K)), ValueError, r"H: expected shape \(T, B, 6\)"),
        (lambda: recurrent.dense_forward(HIDDEN, V.T, f64(size=K)), ValueError, r"H: expected shape \(T, B, 7\)"),
        (lambda: recurrent.dense_forward(HIDDEN, V, V), ValueError, r"b_y: expected shape \(7,\), got \(6, 7\)"),
        (lambda: recurrent.dense_forward(HIDDEN, V.astype(INT), V[0]), TypeError, "V: expected a floating-point array"),
        (lambda: recurrent.dense_forward(HIDDEN, V, V[0].astype(F32)), TypeError, "one precision, got .*b_y float32"),
    ],
    "dense_backward": [
        (lambda: recurrent.dense_backward(DY[:, 1:], HIDDEN, V), ValueError, r"dY: expected shape \(5, 4, 7\)"),
        (lambda: recurrent.dense_backward(DY, HIDDEN[0], V), ValueError, r"H: expected shape \(T, B, 6\)"),
        (lambda: recurrent.dense_backward(DY, HIDDEN, V[0]), ValueError, r"V: expected shape \(H, K\), got \(7,\)"),
        (lambda: recurrent.dense_backward(DY.astype(F32), HIDDEN, V), TypeError, "one precision, got dY float32"),
    ],
    "embedding_forward": [
        (lambda: recurrent.embedding_forward(IDS[0], E), ValueError, r"ids: expected shape \(T, B\), got \(4,\)"),
        (lambda: recurrent.embedding_forward(IDS * 1.0, E), TypeError, "ids: expected an array of integers, got dtype"),
        (lambda: recurrent.embedding_forward(IDS + N, E), ValueError, r"ids: expected numbers from 0 to 8, got \d+ at"),
        (lambda: recurrent.embedding_forward(IDS, E[0]), ValueError, r"E: expected shape \(N, D\), got \(3,\)"),
        (lambda: recurrent.embedding_forward(IDS, E.astype(INT)), TypeError, "E: expected a floating-point array"),
    ],
    "embedding_backward": [
        (lambda: recurrent.embedding_backward(X[1:], IDS, E), ValueError, r"dX: expected shape \(5, 4, 3\), got"),
        (lambda: recurrent.embedding_backward(X.astype(F32), IDS, E), TypeError, "one precision, got dX float32, E"),
        (lambda: recurrent.embedding_backward(X, IDS - N, E), ValueError, r"ids: expected numbers from 0 to 8, got -"),
        (lambda: recurrent.embedding_backward(X.astype(INT), IDS, E), TypeError, "dX: expected a floating-point array"),
    ],
    "softmax_cross_entropy": [
        (lambda: recurrent.softmax_cross_entropy(Y[0], TARGETS), ValueError, r"Y: expected shape \(T, B, K\)"),
        (
            lambda: recurrent.softmax_cross_entropy(Y.astype(INT), TARGETS),
            TypeError,
            "Y: expected a floating-point arr",
        ),
        (
            lambda: recurrent.softmax_cross_entropy(Y, TARGETS.T),
            ValueError,
            r"targets: expected shape \(T, B\) = \(5, 4",
        ),
        (
            lambda: recurrent.softmax_cross_entropy(Y, TARGETS * 1.0),
            TypeError,
            "targets: expected an array of integers",
        ),
        (lambda: recurrent.softmax_cross_entropy(Y, TARGETS + K), ValueError, "targets: expected classes from 0 to 6"),
        (lambda: recurrent.softmax_cross_entropy(Y, TARGETS - K), ValueError, "targets: expected classes from 0 to 6"),
        (lambda: recurrent.softmax_cross_entropy(Y, TARGETS, TARGETS.T), ValueError, r"mask: expected shape \(T, B\)"),
        (lambda: recurrent.softmax_cross_entropy(Y, TARGETS, TARGETS + 2), ValueError, "mask: expected zeros and ones"),
        (lambda: recurrent.softmax_cross_entropy(Y, TARGETS, [1]), TypeError, "mask: expected an array of booleans"),
        (
            lambda: recurrent.softmax_cross_entropy(Y, TARGETS, None, "max"),
            ValueError,
            "reduction: expected sum or mea",
        ),
        (lambda: recurrent.softmax_cross_entropy(Y, TARGETS, 0 * TARGETS), ValueError, "mask is 0 everywhere"),
    ],
    "ctc_loss": [
        (lambda: recurrent.ctc_loss(Y[0], LABELS), ValueError, r"Y: expected shape \(T, B, K\), got \(4, 7\)"),
        (lambda: recurrent.ctc_loss(Y.astype(INT), LABELS), TypeError, "Y: expected a floating-point array"),
        (lambda: recurrent.ctc_loss(Y, LABELS * 1.0), TypeError, "labels: expected an array of integers, got dtype"),
        (lambda: recurrent.ctc_loss(Y, LABELS[1:]), ValueError, r"labels: expected shape \(B, S\) = \(4, S\)"),
        (lambda: recurrent.ctc_loss(Y, LABELS + K), ValueError, "labels: expected classes from 0 to 6 other than"),
        (lambda: recurrent.ctc_loss(Y, LABELS * 0), ValueError, "labels: expected classes .* got 0 at"),
        (
            lambda: recurrent.ctc_loss(Y, LABELS, np.full(B, S + 1)),
            ValueError,
            "label_lengths: expected numbers from 0",
        ),
        (lambda: recurrent.ctc_loss(Y, LABELS, np.full(B, -1)), ValueError, "label_lengths: expected numbers from 0"),
        (lambda: recurrent.ctc_loss(Y, LABELS, np.ones(B)), TypeError, "label_lengths: expected an array of integers"),
        (lambda: recurrent.ctc_loss(Y, LABELS, None, TARGETS), ValueError, "mask: expected zeros and ones"),
        (
            lambda: recurrent.ctc_loss(Y, LABELS, blank=K),
            ValueError,
            "blank: expected a whole number from 0 to 6, got 7",
        ),
        (lambda: recurrent.ctc_loss(Y, LABELS, blank=1.0), TypeError, "blank: expected a whole number .* got 1.0"),
    ],
    "global_norm": [
        (lambda: recurrent.global_norm([V]), TypeError, "gradients: expected arrays by name, got list"),
        (
            lambda: recurrent.global_norm({"V": V.astype(INT)}),
            TypeError,
            "V: expected a floating-point array, got dtype",
        ),
        (lambda: recurrent.global_norm({"V": NAN}), ValueError, r"V: expected finite values, got nan at \(0, 0\)"),
    ],
    "clip_by_global_norm": [
        (lambda: recurrent.clip_by_global_norm(GRADIENTS, -1), ValueError, "max_norm: expected a positive number, got"),
        (
            lambda: recurrent.clip_by_global_norm(GRADIENTS, 0.0),
            ValueError,
            "max_norm: expected a positive number, got",
        ),
        (lambda: recurrent.clip_by_global_norm(GRADIENTS, np.nan), ValueError, "max_norm: expected a positive number"),
        (lambda: recurrent.clip_by_global_norm(GRADIENTS, "1"), TypeError, "max_norm: expected a positive number, got"),
        (
            lambda: recurrent.clip_by_global_norm(GRADIENTS, None),
            TypeError,
            "max_norm: expected a positive number, got",
        ),
        (lambda: recurrent.clip_by_global_norm(V, 1.0), TypeError, "gradients: expected arrays by name, got ndarray"),
        (lambda: recurrent.clip_by_global_norm({"V": NAN}, 1.0), ValueError, "V: expected finite values"),
    ],
    "clip_by_value": [
        (lambda: recurrent.clip_by_value(GRADIENTS, -1), ValueError, "limit: expected a positive number, got -1"),
        (lambda: recurrent.clip_by_value(GRADIENTS, "1"), TypeError, "limit: expected a positive number, got '1'"),
        (lambda: recurrent.clip_by_value({"V": NAN}, 1.0), ValueError, "V: expected finite values"),
    ],
    "reverse_by_length": [
        (
            lambda: recurrent.reverse_by_length([1, 2]),
            TypeError,
            r"X: expected an array of shape \(T, B, …\), got list",
        ),
        (lambda: recurrent.reverse_by_length(X[0, 0]), ValueError, r"X: expected shape \(T, B, …\), got \(3,\)"),
        (
            lambda: recurrent.reverse_by_length(X, TARGETS.T > 0),
            ValueError,
            r"mask: expected shape \(T, B\) = \(5, 4\)",
        ),
        (lambda: recurrent.reverse_by_length(X, X[..., 0]), ValueError, "mask: expected zeros and ones"),
    ],
    "Reversed": [(lambda: Reversed(V), TypeError, "layer: expected a recurrent layer, got ndarray")],
    "Bidirectional": [
        (lambda: Bidirectional("lstm", lstm()), TypeError, "forward_layer: expected a recurrent layer, got str"),
        (lambda: Bidirectional(lstm(), None), TypeError, "backward_layer: expected a recurrent layer, got NoneType"),
        (lambda: Bidirectional(lstm(), lstm(D=2)), ValueError, "backward_layer: expected inputs of width 3, .* got 2"),
        (lambda: Bidirectional(lstm(), lstm(H=2), "sum"), ValueError, "backward_layer: expected outputs of width 5"),
        (lambda: Bidirectional(lstm(), lstm(), "max"), ValueError, "merge: expected one of concat, sum, .* got 'max'"),
    ],
    "Stack": [
        (lambda: Stack(lstm()), TypeError, "layers: expected a tuple of layers, got LSTM"),
        (lambda: Stack(()), ValueError, "layers: expected at least one layer, got none"),
        (lambda: Stack((lstm(), V)), TypeError, r"layers\[1\]: expected a recurrent layer, got ndarray"),
        (lambda: Stack((lstm(), lstm())), ValueError, "layers: layer 1 expects inputs of width 3, layer 0 gives 5"),
        (lambda: Stack((lstm(),), 0), TypeError, "residual: expected a tuple of layers' numbers, got int"),
        (lambda: Stack((lstm(),), (0,)), ValueError, "residual: layer 0 must keep its width, but takes 3 and gives 5"),
        (lambda: Stack((lstm(),), (1,)), ValueError, "residual: expected a whole number from 0 to 0, got 1"),
        (lambda: Stack((lstm(D=5),), (0.0,)), TypeError, "residual: expected a whole number from 0 to 0, got 0.0"),
        (lambda: Stack((lstm(),)).forward(X, dropout=X), TypeError, "dropout: expected a list of arrays and None, got"),
        (lambda: Stack((lstm(),)).forward(X, dropout=[X]), ValueError, "dropout: expected 2 entries, .* got 1"),
        (
            lambda: Stack((lstm(),)).forward(X, dropout=[X[1:], None]),
            ValueError,
            r"dropout\[0\]: expected shape \(5, 4",
        ),
        (
            lambda: Stack((lstm(),)).forward(X, dropout=[None, 0.5]),
            TypeError,
            r"dropout\[1\]: expected an array of sha",
        ),
    ],
    "TruncatedBPTT": [
        (lambda: TruncatedBPTT(V, 1, 1), TypeError, "layer: expected a recurrent layer, got ndarray"),
        (lambda: TruncatedBPTT(Reversed(lstm()), 1, 1), ValueError, "layer: expected one that reads forward only"),
        (lambda: TruncatedBPTT(lstm(), 0, 1), ValueError, "k1: expected a whole number of at least 1, got 0"),
        (lambda: TruncatedBPTT(lstm(), 1, -1), ValueError, "k2: expected a whole number of at least 1, got -1"),
        (lambda: TruncatedBPTT(lstm(), 3, 2), ValueError, "k2: expected at least k1 = 3, .* got 2"),
        (lambda: TruncatedBPTT(lstm(), 1.0, 2), TypeError, "k1: expected a whole number of at least 1, got 1.0"),
        (lambda: TruncatedBPTT(lstm(), 1, "2"), TypeError, "k2: expected a whole number of at least 1, got '2'"),
        (lambda: TruncatedBPTT(lstm(), 1, True), TypeError, "k2: expected a whole number of at least 1, got True"),
        (lambda: TruncatedBPTT(lstm(), 1, 1).forward(X[:0]), ValueError, "X: expected at least one step, got T = 0"),
    ],
    "Checkpointed": [
        (lambda: Checkpointed(V), TypeError, "layer: expected a recurrent layer, got ndarray"),
        (lambda: Checkpointed(Reversed(lstm())), ValueError, "layer: expected one that reads forward only"),
        (lambda: Checkpointed(lstm(), 0), ValueError, "segment: expected a whole number of at least 1, got 0"),
        (lambda: Checkpointed(lstm(), 2.5), TypeError, "segment: expected a whole number of at least 1, got 2.5"),
        (lambda: Checkpointed(lstm()).forward(X[:0]), ValueError, "X: expected at least one step, got T = 0"),
    ],
    "VanillaRNN": [
        (lambda: VanillaRNN(**P, activation="sin"), ValueError, "activation: expected one of tanh, relu, id")
    ],
    "GRU": [
        (lambda: GRU(**gru("before").parameters), TypeError, r"c: expected an array of shape \(5,\), got NoneType"),
        (lambda: GRU(**gru().parameters, reset="before"), ValueError, "c: expected None with reset='before'"),
        (lambda: GRU(**gru().parameters, reset=1), ValueError, "reset: expected 'after' or 'before', got 1"),
    ],
    "VariantLSTM": [
        (lambda: VariantLSTM(**lstm().parameters, coupled=1), TypeError, "coupled: expected True or False, got 1"),
        (lambda: VariantLSTM(**lstm().parameters, P=V), ValueError, r"P: expected shape \(3, 5\), got \(6, 7\)"),
        (lambda: VariantLSTM(**lstm().parameters, R=V), ValueError, r"R: expected shape \(5, K\), got \(6, 7\)"),
    ],
    "zero_influence": [
        (lambda: recurrent.zero_influence(lstm(), B), TypeError, "network: expected a VanillaRNN, got LSTM"),
        (lambda: recurrent.zero_influence(NETWORK, -1), ValueError, "B: expected a whole number of at least 0, got -1"),
    ],
    "influence_step": [
        (lambda: recurrent.influence_step(lstm(), X0, H0, INFLUENCE), TypeError, "network: expected a VanillaRNN, got"),
        (lambda: recurrent.influence_step(NETWORK, X, H0, INFLUENCE), ValueError, r"x: expected shape \(B, 3\)"),
        (
            lambda: recurrent.influence_step(NETWORK, X0, H0[1:], INFLUENCE),
            ValueError,
            r"h_prev: expected shape \(4, 6",
        ),
        (lambda: recurrent.influence_step(NETWORK, X0, H0, H0), ValueError, r"influence: expected shape \(4, 10, 6, 6"),
        (
            lambda: recurrent.influence_step(NETWORK, X0, H0.astype(F32), INFLUENCE),
            TypeError,
            "expected one precision, got x float64, h_prev float32",
        ),
        (
            lambda: recurrent.influence_step(NETWORK, X0, H0, INFLUENCE, np.ones(B)),
            TypeError,
            "on: .* got dtype float64",
        ),
        (
            lambda: recurrent.influence_step(NETWORK, X0, H0, INFLUENCE, np.ones((B, 1), bool)),
            ValueError,
            r"on: expected shape \(B,\) = \(4,\), got \(4, 1\)",
        ),
    ],
    "influence_gradient": [
        (
            lambda: recurrent.influence_gradient(None, INFLUENCE, G0),
            TypeError,
            "network: expected a VanillaRNN, got Non",
        ),
        (lambda: recurrent.influence_gradient(NETWORK, G0, G0), ValueError, r"influence: expected shape \(4, 10, 6, 6"),
        (lambda: recurrent.influence_gradient(NETWORK, INFLUENCE, X0), ValueError, r"g: expected shape \(B, 6\), got"),
        (
            lambda: recurrent.influence_gradient(NETWORK, INFLUENCE, G0.astype(F32)),
            TypeError,
            "expected one precision, got g float32",
        ),
    ],
    "real_time_gradients": [
        (lambda: next(recurrent.real_time_gradients(gru(), X, HIDDEN)), TypeError, "network: expected a VanillaRNN"),
        (
            lambda: next(recurrent.real_time_gradients(NETWORK, X0, HIDDEN)),
            ValueError,
            r"X: expected shape \(T, B, 3\)",
        ),
    ],
    "rtrl": [
        (lambda: recurrent.rtrl(gru(), X, HIDDEN), TypeError, "network: expected a VanillaRNN, got GRU"),
        (lambda: recurrent.rtrl(NETWORK, X, X), ValueError, r"G: expected shape \(5, 4, 6\), got \(5, 4, 3\)"),
        (lambda: recurrent.rtrl(NETWORK, X, HIDDEN, H0), TypeError, r"state_0: expected a tuple \(h_0,\), got ndarray"),
        (lambda: recurrent.rtrl(NETWORK, X, HIDDEN, None, H0 > 0), ValueError, r"mask: expected shape \(T, B\)"),
        (lambda: recurrent.rtrl(NETWORK, X, HIDDEN.astype(F32)), TypeError, "one precision, got .*G float32"),
    ],
    "vanilla_jacobians": [
        (lambda: next(recurrent.vanilla_jacobians(lstm(), HIDDEN)), TypeError, "network: expected a VanillaRNN, got"),
        (lambda: next(recurrent.vanilla_jacobians(NETWORK, X)), ValueError, r"H: expected shape \(T, B, 6\), got"),
    ],
    "lyapunov_exponents": [
        (lambda: recurrent.lyapunov_exponents(3), TypeError, "jacobians: expected the steps' matrices, .* got int"),
        (lambda: recurrent.lyapunov_exponents([V]), ValueError, r"jacobians\[0\]: expected shape \(H, H\) or"),
        (lambda: recurrent.lyapunov_exponents([np.eye(3, dtype=int)]), TypeError, r"jacobians\[0\]: expected an array"),
        (lambda: recurrent.lyapunov_exponents([np.eye(3)], k=4), ValueError, "k: expected a whole number from 1 to 3"),
        (lambda: recurrent.lyapunov_exponents([np.eye(3)], k=1.5), TypeError, "k: expected a whole number from 1 to 3"),
        (
            lambda: recurrent.lyapunov_exponents([np.eye(3)], transient=-1),
            ValueError,
            "transient: expected a whole num",
        ),
        (
            lambda: recurrent.lyapunov_exponents([np.eye(3)], transient=0.5),
            TypeError,
            "transient: expected a whole num",
        ),
        (lambda: recurrent.lyapunov_exponents([]), ValueError, "jacobians: expected more than transient = 0 steps"),
    ],
    "central_differences": [
        (
            lambda: recurrent.central_differences(3, ARRAYS),
            TypeError,
            "f: expected a function of arrays by name, got int",
        ),
        (lambda: recurrent.central_differences(square, V), TypeError, "arrays: expected arrays by name, got ndarray"),
        (lambda: recurrent.central_differences(square, {"a": NAN}), ValueError, "a: expected finite values, got nan"),
        (
            lambda: recurrent.central_differences(square, {"a": TARGETS}),
            TypeError,
            "a: expected an array of float64 or",
        ),
        (lambda: recurrent.central_differences(square, ARRAYS, -1e-5), ValueError, "step: expected a positive number"),
        (lambda: recurrent.central_differences(square, ARRAYS, "small"), TypeError, "step: expected a positive number"),
        (lambda: recurrent.central_differences(square, ARRAYS, 0.0), ValueError, "step: expected a positive number"),
    ],
    "complex_step": [
        (lambda: recurrent.complex_step(None, ARRAYS), TypeError, "f: expected a function of arrays by name, got None"),
        (lambda: recurrent.complex_step(square, {"a": [1.0]}), TypeError, "a: expected an array of float64 or float32"),
        (lambda: recurrent.complex_step(square, ARRAYS, 0), ValueError, "step: expected a positive number, got 0"),
        (lambda: recurrent.complex_step(lambda a: 1.0, ARRAYS), TypeError, "f: expected a complex value"),
    ],
    "directional_difference": [
        (lambda: recurrent.directional_difference(square, ARRAYS, {}), ValueError, "directions: expected at least one"),
        (lambda: recurrent.directional_difference(square, ARRAYS, V), TypeError, "directions: expected arrays by name"),
        (
            lambda: recurrent.directional_difference(square, ARRAYS, {"b": V}),
            ValueError,
            "directions: expected names am",
        ),
        (lambda: recurrent.directional_difference(square, ARRAYS, {"a": V}), ValueError, "directions: expected shape"),
        (lambda: recurrent.directional_difference(square, ARRAYS, ARRAYS, -1), ValueError, "step: expected a positive"),
    ],
    "directional_complex_step": [
        (lambda: recurrent.directional_complex_step(1, ARRAYS, ARRAYS), TypeError, "f: expected a function of arrays"),
        (
            lambda: recurrent.directional_complex_step(square, ARRAYS, {"a": V}),
            ValueError,
            "directions: expected shape",
        ),
        (
            lambda: recurrent.directional_complex_step(square, {"a": V * 1j}, {"a": V}),
            TypeError,
            "a: expected an array",
        ),
    ],
    "relative_error": [(lambda: relative_error(V, V.T), ValueError, r"theirs: expected shape \(6, 7\), as ours, got")],
    "vanilla_parameters": [
        (lambda: recurrent.vanilla_parameters(0, D, H), TypeError, "rng: expected a numpy.random.Generator, got int"),
        (
            lambda: recurrent.vanilla_parameters(RNG, 0, H),
            ValueError,
            "D: expected a whole number of at least 1, got 0",
        ),
        (
            lambda: recurrent.vanilla_parameters(RNG, D, 2.0),
            TypeError,
            "H: expected a whole number of at least 1, got 2",
        ),
        (lambda: recurrent.vanilla_parameters(RNG, D, H, "int64"), TypeError, "dtype: expected a floating-point dtype"),
    ],
    "lstm_parameters": [
        (lambda: recurrent.lstm_parameters(RNG, -1, H), ValueError, "D: expected a whole number of at least 1, got -1"),
        (
            lambda: recurrent.lstm_parameters(None, D, H),
            TypeError,
            "rng: expected a numpy.random.Generator, got NoneTy",
        ),
        (
            lambda: recurrent.lstm_parameters(RNG, D, H, dtype="bool"),
            TypeError,
            "dtype: expected a floating-point dtype",
        ),
    ],
    "gru_parameters": [
        (lambda: recurrent.gru_parameters(RNG, D, "6"), TypeError, "H: expected a whole number of at least 1, got '6'"),
        (
            lambda: recurrent.gru_parameters(RNG, D, H, reset="now"),
            ValueError,
            "reset: expected 'after' or 'before', go",
        ),
    ],
}
CASES = [(name, *case) for name, cases in BAD.items() for case in cases]


@pytest.mark.parametrize(("name", "call", "kind", "said"), CASES, ids=[f"{c[0]}, {c[3][:40]}" for c in CASES])
def test_bad_input_is_named(name, call, kind, said):
    with pytest.raises(kind, match=said) as raised:
        call()
    assert raised.type is kind  # not one of NumPy's own, which know no argument's name


@pytest.mark.parametrize("name", LAYERS)
def test_batch_sizes_of_zero_states_are_named(name):
    layer = LAYERS[name]
    assert all(len(part) == 2 for part in layer.zero_state(np.int64(2)))
    with pytest.raises(ValueError, match="B: expected a whole number of at least 0, got -1"):
        layer.zero_state(-1)
    with pytest.raises(TypeError, match=r"B: expected a whole number of at least 0, got 2\.5"):
        layer.zero_state(2.5)


def test_a_layer_of_another_size_is_another_layer():
    """A run of one LSTM is refused by one of other widths."""
    p = checks.problem_of(lstm(), 1)
    for other, sizes in (lstm(H=2), "3, 2"), (lstm(D=2), "2, 5"):
        with pytest.raises(
            ValueError, match=rf"run: expected one of the layer's sizes .* \({sizes}\), got .* \(3, 5\)"
        ):
            other.backward(p.forward(), p.G)


def test_no_public_name_is_left_out():
    data = {"Gradients", "Layer", "Run", "VanillaStepGradients"}  # what functions return, and the protocol
    layers = {type(layer).__name__ for layer in LAYERS.values()}  # by layer_checks.bad_arguments_are_named
    assert set(recurrent.__all__) <= BAD.keys() | layers | data
