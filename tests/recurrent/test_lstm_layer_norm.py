"""The layer-normalised LSTM against autograd through torch.nn.functional.layer_norm, and against complex step."""

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent.lstm_layer_norm import EPSILON, LayerNormLSTM, normalise, normalise_backward


def draw(seed=0, T=5, B=4, D=3, H=6, **more):
    n = 4 * H
    shapes = {"W": (D, n), "U": (H, n), "b": (n,), "gamma_x": (n,), "gamma_h": (n,), "gamma_c": (H,), "beta_c": (H,)}
    return checks.problem(LayerNormLSTM, shapes, (H, H), seed, T, B, D, **more)


def torch_step(p, x, state):
    import torch
    from torch.nn.functional import layer_norm

    h, c = state
    n, H = p["b"].shape, p["gamma_c"].shape
    a = layer_norm(x @ p["W"], n, p["gamma_x"], eps=EPSILON) + layer_norm(h @ p["U"], n, p["gamma_h"], eps=EPSILON)
    i, f, g, o = (a + p["b"]).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(layer_norm(c, H, p["gamma_c"], p["beta_c"], eps=EPSILON)), c


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 3, 2, 4), (6, 1, 4, 2), (7, 3, 5, 3)])
def test_masked_sequences_against_autograd(sizes):
    p = draw(11, *sizes)
    checks.agrees_with(*checks.autograd(torch_step, p), p)


def test_gradients_against_complex_step():
    checks.complex_step(draw(7))
    checks.complex_step(draw(8, gaps=False))
    checks.gradients_are_linear_in_complex(draw(9))


def test_rows_have_mean_zero_and_variance_one_and_the_backward_is_its_derivative():
    rng = np.random.default_rng(0)
    v, dn, direction = rng.normal(size=(3, 4, 7))
    normal = normalise(v)
    np.testing.assert_allclose(normal.rows.mean(axis=-1), 0, atol=1e-14)
    np.testing.assert_allclose(normal.rows.var(axis=-1), 1, rtol=1e-4)  # up to ε
    slope = (dn * normalise(v + 1e-30j * direction).rows).sum().imag / 1e-30
    np.testing.assert_allclose((normalise_backward(dn, normal) * direction).sum(), slope, rtol=1e-12)


def test_a_product_times_ten_changes_nothing_but_for_epsilon():
    """What layer normalisation is for: the scale of W and U does not matter."""
    p = draw(12, gaps=False)
    scaled = p.with_argument("W", 100 * p.parameters["W"]).with_argument("U", 100 * p.parameters["U"])
    np.testing.assert_allclose(scaled.forward().H, p.forward().H, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype):
    checks.dtype_is_kept_and_inputs_are_not_modified(draw(9), dtype)


def test_masks():
    checks.no_mask_is_a_mask_of_ones(draw(10))
    checks.masked_steps_hold_the_state(draw(13))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_pre_activations_do_not_overflow(dtype):
    checks.huge_pre_activations_do_not_overflow(draw(14), dtype)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4), cut=st.integers(0, 6))
def test_properties(seed, T, B, cut):
    checks.padding_order_and_chunks(draw(seed, T=T, B=B, D=2, H=3), seed, cut)


BAD = {
    "gamma_x": (lambda p: p.with_argument("gamma_x", p.parameters["gamma_x"][1:]), r"gamma_x: expected shape \(24,\)"),
    "beta_c": (lambda p: p.with_argument("beta_c", p.parameters["b"]), r"beta_c: expected shape \(6,\), got \(24,\)"),
    "U": (lambda p: p.with_argument("U", p.parameters["U"][1:]), r"U: expected shape \(5, 20\), got \(5, 24\)"),
    "X": (lambda p: p.with_argument("X", p.X[0]), r"X: expected shape \(T, B, 3\), got \(4, 3\)"),
    "c_0": (lambda p: p.with_argument("state 1", p.X[0]), r"c_0: expected shape \(4, 6\)"),
    "finite": (lambda p: p.with_argument("b", p.parameters["b"] + np.inf), "b: expected finite values, got inf"),
}


@pytest.mark.parametrize(("spoil", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(spoil, said):
    with pytest.raises(ValueError, match=said):
        spoil(draw(30)).forward()
