"""Initial parameters: shapes, orthogonality by gate, bounds, the forget gate's half-life, and seeds."""

import numpy as np
import pytest

from autograder.recurrent import GRU, LSTM, VanillaRNN
from autograder.recurrent.activations import sigmoid
from autograder.recurrent.initial import gru_parameters, lstm_parameters, orthogonal, vanilla_parameters

D, H = 5, 7
MAKERS = {
    "vanilla": (lambda rng, **k: vanilla_parameters(rng, D, H, **k), VanillaRNN, 1),
    "lstm": (lambda rng, **k: lstm_parameters(rng, D, H, **k), LSTM, 4),
    "gru after": (lambda rng, **k: gru_parameters(rng, D, H, **k), GRU, 3),
    "gru before": (
        lambda rng, **k: gru_parameters(rng, D, H, reset="before", **k),
        lambda **p: GRU(**p, reset="before"),
        3,
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("draw", "layer", "gates"), MAKERS.values(), ids=MAKERS)
def test_every_gate_starts_orthogonal_and_within_glorots_bound(draw, layer, gates, dtype):
    parameters = draw(np.random.default_rng(0), dtype=dtype)
    assert {p.dtype for p in parameters.values()} == {np.dtype(dtype)}
    assert layer(**parameters).sizes == (D, H)
    for U in np.split(parameters["U"], gates, axis=1):
        np.testing.assert_allclose(U.T @ U, np.eye(H), atol=1e-6 if dtype == "float32" else 1e-14)
    bound = np.sqrt(6 / (D + H))
    assert 0.8 * bound < np.abs(parameters["W"]).max() <= bound
    again, other = draw(np.random.default_rng(0), dtype=dtype), draw(np.random.default_rng(1), dtype=dtype)
    np.testing.assert_array_equal(parameters["U"], again["U"])
    assert not np.array_equal(parameters["U"], other["U"])


def test_orthogonal_matrices_of_both_determinants_occur():
    signs = [np.sign(np.linalg.det(orthogonal(np.random.default_rng(s), 3))) for s in range(40)]
    assert set(signs) == {-1.0, 1.0}


@pytest.mark.parametrize(("forget_bias", "half_life"), [(0.0, 1.0), (1.0, 2.2), (2.0, 5.5), (4.0, 38.0)])
def test_the_forget_bias_sets_the_half_life_of_the_cell(forget_bias, half_life):
    parameters = lstm_parameters(np.random.default_rng(2), D, H, forget_bias=forget_bias)
    b_i, b_f, b_g, b_o = np.split(parameters["b"], 4)
    assert not b_i.any()
    assert not b_g.any()
    assert not b_o.any()
    np.testing.assert_allclose(np.log(0.5) / np.log(sigmoid(b_f)), half_life, rtol=0.02)
    # Measured: with nothing else driving the gates, the cell decays at that rate.
    silent = LSTM(0 * parameters["W"], 0 * parameters["U"], parameters["b"])
    start = (np.zeros((1, H)), np.ones((1, H)))
    c = silent.forward(np.zeros((3, 1, D)), start).state[1]
    np.testing.assert_allclose(c, 0.5 ** (3 / half_life), rtol=0.05)


def test_an_unknown_reset_is_named():
    with pytest.raises(ValueError, match="reset: expected 'after' or 'before', got 'never'"):
        gru_parameters(np.random.default_rng(0), D, H, reset="never")
