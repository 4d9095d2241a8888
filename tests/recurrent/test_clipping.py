"""Clipping against PyTorch's, and at the edges: zero, huge, tiny, not finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.recurrent.clipping import clip_by_global_norm, clip_by_value, global_norm


def draw(seed=0, scale=1.0, dtype="float64"):
    rng = np.random.default_rng(seed)
    shapes = {"W": (3, 8), "U": (2, 8), "b": (8,), "empty": (0, 4)}
    return {name: (scale * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("max_norm", [0.1, 1.0, 5.0, 6.0, 100.0])
def test_global_norm_against_pytorch(max_norm):
    import torch

    gradients = draw(1)
    parameters = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients.values()]
    for parameter, g in zip(parameters, gradients.values(), strict=True):
        parameter.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    clipped, ours = clip_by_global_norm(gradients, max_norm)
    np.testing.assert_allclose(ours, norm, rtol=1e-14)
    # PyTorch divides by norm + 1e-6, which is 2e-7 of a norm near 5.7.
    for name, parameter in zip(clipped, parameters, strict=True):
        np.testing.assert_allclose(clipped[name], parameter.grad, rtol=3e-7)


@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_values_against_pytorch(limit):
    import torch

    gradients = draw(2)
    parameters = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients.values()]
    for parameter, g in zip(parameters, gradients.values(), strict=True):
        parameter.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_value_(parameters, limit)
    for (name, ours), parameter in zip(clip_by_value(gradients, limit).items(), parameters, strict=True):
        np.testing.assert_array_equal(ours, parameter.grad, err_msg=name)


@given(seed=st.integers(0, 10**6), size=st.floats(-30, 30), max_norm=st.floats(1e-3, 1e3))
def test_norm_is_kept_or_becomes_the_limit_and_the_direction_stays(seed, size, max_norm):
    gradients = draw(seed, 10.0**size)
    clipped, norm = clip_by_global_norm(gradients, max_norm)
    np.testing.assert_allclose(
        norm, np.linalg.norm(np.concatenate([g.ravel() for g in gradients.values()])), rtol=1e-14
    )
    np.testing.assert_allclose(global_norm(clipped), min(norm, max_norm), rtol=1e-14)
    for name, g in gradients.items():
        np.testing.assert_allclose(clipped[name] * norm, g * min(norm, max_norm), rtol=1e-14)
    if norm <= max_norm:
        for name, g in gradients.items():
            np.testing.assert_array_equal(clipped[name], g)


def test_zero_and_no_gradients():
    zeros = {"W": np.zeros((2, 3)), "b": np.zeros(0)}
    with np.errstate(all="raise"):
        clipped, norm = clip_by_global_norm(zeros, 1.0)
    assert norm == 0
    np.testing.assert_array_equal(clipped["W"], zeros["W"])
    assert clip_by_global_norm({}, 1.0) == ({}, 0.0)


@pytest.mark.parametrize(
    ("dtype", "size"), [("float32", 1e30), ("float32", 1e-35), ("float64", 1e300), ("float64", 1e-300)]
)
def test_squares_neither_overflow_nor_vanish(dtype, size):
    """Three and four times `size`: the norm is five times it, though the squares are out of range."""
    gradients = {"a": np.array([3 * size], dtype), "b": np.array([[4 * size]], dtype)}
    with np.errstate(all="raise", under="ignore"):
        clipped, norm = clip_by_global_norm(gradients, size)
    np.testing.assert_allclose(norm, 5 * size, rtol=1e-6)
    np.testing.assert_allclose(clipped["a"], 0.6 * size, rtol=1e-6)
    assert clipped["a"].dtype == np.dtype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_new_arrays_of_the_same_dtype(dtype):
    gradients = draw(3, dtype=dtype)
    before = {k: g.copy() for k, g in gradients.items()}
    for clipped in (
        clip_by_global_norm(gradients, 1.0)[0],
        clip_by_global_norm(gradients, 99.0)[0],
        clip_by_value(gradients, 0.5),
        clip_by_value(gradients, 99.0),
    ):
        assert list(clipped) == list(gradients)
        for name, g in gradients.items():
            assert clipped[name].dtype == g.dtype
            assert clipped[name].shape == g.shape
            assert not np.shares_memory(clipped[name], g)
            np.testing.assert_array_equal(g, before[name])
    assert isinstance(global_norm(gradients), float)


def test_values_are_cut_on_both_sides():
    clipped = clip_by_value({"g": np.array([-3.0, -0.5, 0.0, 0.5, 3.0])}, 1.0)
    np.testing.assert_array_equal(clipped["g"], [-1, -0.5, 0, 0.5, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(bad):
    gradients = draw(4)
    gradients["U"][1, 2] = bad
    for call in (
        lambda: global_norm(gradients),
        lambda: clip_by_global_norm(gradients, 1.0),
        lambda: clip_by_value(gradients, 1.0),
    ):
        with pytest.raises(ValueError, match=rf"U: expected finite values, got {bad} at \(1, 2\)"):
            call()


@pytest.mark.parametrize("bad", [0, -1.0, float("nan")])
def test_limits_must_be_positive(bad):
    with pytest.raises(ValueError, match="max_norm: expected a positive number, got"):
        clip_by_global_norm(draw(), bad)
    with pytest.raises(ValueError, match="limit: expected a positive number, got"):
        clip_by_value(draw(), bad)


def test_integer_gradients_are_refused():
    with pytest.raises(TypeError, match="W: expected a floating-point array, got dtype int64"):
        clip_by_global_norm({"W": np.arange(3)}, 1.0)
    with pytest.raises(TypeError, match="W: expected a floating-point array, got list"):
        clip_by_value({"W": [1.0]}, 1.0)
