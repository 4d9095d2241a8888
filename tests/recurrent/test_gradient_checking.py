"""Differences against gradients known exactly, with the accuracy the module states."""

import numpy as np
import pytest
from some_layers import cell, problem

from autograder.recurrent import VanillaRNN
from autograder.recurrent.gradient_checking import (
    BEST_STEP,
    central_differences,
    complex_step,
    directional_complex_step,
    directional_difference,
    relative_error,
)


def network_loss(dtype="float64"):
    """A scalar function of X, W, U and b of a vanilla RNN, the arrays, and its gradients by BPTT."""
    layer = cell("vanilla", 3, 4, 1, dtype)
    p = problem(layer, 2, T=4, B=2, gaps=False)

    def loss(arrays):
        run = VanillaRNN(arrays["W"], arrays["U"], arrays["b"]).forward(arrays["X"], p["state_0"])
        return (run.H * p["G"]).sum()

    arrays = {"X": p["X"], **layer.parameters}
    found = layer.backward(layer.forward(p["X"], p["state_0"]), p["G"])
    return loss, arrays, {"X": found.dX, **found.parameters}


def cubic(arrays):
    return (arrays["a"] ** 3).sum() + (arrays["a"][0] * arrays["s"]).sum()


CUBIC = {"a": np.array([1.0, -2.0, 0.5]), "s": np.array(3.0)}
CUBIC_GRADIENT = {"a": np.array([3.0 + 3.0, 12.0, 0.75]), "s": np.array(1.0)}


@pytest.mark.parametrize("method", [central_differences, complex_step])
def test_a_gradient_known_by_hand_with_arrays_of_rank_one_and_zero(method):
    found = method(cubic, CUBIC)
    assert list(found) == ["a", "s"]
    for name, wanted in CUBIC_GRADIENT.items():
        assert found[name].shape == wanted.shape
        np.testing.assert_allclose(found[name], wanted, rtol=1e-9)


def test_truncation_is_that_of_a_central_difference():
    """For a³ the error is ε² exactly: at ε = 0.1, (3a² + ε²) and not 3a² + 3aε of a one-sided difference."""
    found = central_differences(lambda v: (v["a"] ** 3).sum(), {"a": CUBIC["a"]}, step=0.1)
    np.testing.assert_allclose(found["a"], 3 * CUBIC["a"] ** 2 + 0.01, rtol=1e-12)
    slope = directional_difference(lambda v: (v["a"] ** 3).sum(), {"a": CUBIC["a"]}, {"a": np.ones(3)}, step=0.1)
    np.testing.assert_allclose(slope, (3 * CUBIC["a"] ** 2 + 0.01).sum(), rtol=1e-12)


def test_accuracy_in_float64():
    """The figures the module states, on a network: 1e-10 by differences, rounding by complex step."""
    loss, arrays, wanted = network_loss()
    differences, exact = central_differences(loss, arrays), complex_step(loss, arrays)
    for name, value in wanted.items():
        assert relative_error(value, differences[name]) < 1e-9, name
        assert relative_error(value, exact[name]) < 2e-15, name


def test_accuracy_in_float32():
    loss, arrays, wanted = network_loss("float32")
    differences, exact = central_differences(loss, arrays), complex_step(loss, arrays)
    for name, value in wanted.items():
        assert differences[name].dtype == exact[name].dtype == np.float32
        assert relative_error(value, differences[name]) < 1e-3, name
        assert relative_error(value, exact[name]) < 1e-6, name


@pytest.mark.parametrize("dtype", BEST_STEP)
def test_the_best_step_is_near_the_best(dtype):
    """A hundred times larger or smaller is worse by at least ten."""
    loss, arrays, wanted = network_loss(dtype)
    arrays, rest = {"U": arrays["U"]}, arrays

    def error(step):
        found = central_differences(lambda v: loss({**rest, **v}), arrays, step)
        return relative_error(wanted["U"], found["U"])

    best = error(None)
    assert best == error(BEST_STEP[dtype])
    assert error(BEST_STEP[dtype] * 100) > 10 * best
    assert error(BEST_STEP[dtype] / 100) > 10 * best


@pytest.mark.parametrize("names", [["X", "W", "U", "b"], ["U"], ["b", "X"]])
def test_slopes_along_a_direction(names):
    loss, arrays, wanted = network_loss()
    rng = np.random.default_rng(3)
    directions = {name: rng.normal(size=arrays[name].shape) for name in names}
    slope = sum((wanted[name] * directions[name]).sum() for name in names)
    np.testing.assert_allclose(directional_difference(loss, arrays, directions), slope, rtol=1e-8)
    np.testing.assert_allclose(directional_complex_step(loss, arrays, directions), slope, rtol=1e-13)


def test_a_wrong_gradient_is_seen():
    loss, arrays, wanted = network_loss()
    wrong = wanted["U"].T
    assert relative_error(wrong, central_differences(loss, arrays)["U"]) > 0.1


def test_arguments_are_not_modified():
    loss, arrays, _ = network_loss()
    before = {k: v.copy() for k, v in arrays.items()}
    directions = {"U": np.ones((4, 4))}
    central_differences(loss, arrays)
    complex_step(loss, arrays)
    directional_difference(loss, arrays, directions)
    directional_complex_step(loss, arrays, directions)
    for name, value in before.items():
        np.testing.assert_array_equal(arrays[name], value)
    np.testing.assert_array_equal(directions["U"], 1)


def test_relative_error():
    a, b = np.array([3.0, 4.0]), np.array([3.0, 4.5])
    np.testing.assert_allclose(relative_error(a, b), 0.5 / np.hypot(3, 4.5))
    assert relative_error(a, b) == relative_error(b, a)
    assert relative_error(a, a) == 0
    assert relative_error(a, -a) == 2
    assert relative_error(a, 0 * a) == relative_error(0 * a, a) == 1
    assert relative_error(0 * a, 0 * a) == 0
    assert np.isnan(relative_error(a, a * np.nan))
    np.testing.assert_allclose(relative_error(1e-100 * a, 1e-100 * b), relative_error(a, b))
    with pytest.raises(ValueError, match=r"theirs: expected shape \(2,\), as ours, got \(2, 1\)"):
        relative_error(a, b[:, None])


@pytest.mark.parametrize("method", [central_differences, complex_step])
@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (np.arange(3), TypeError, "a: expected an array of float64 or float32, got dtype int64"),
        (np.ones(3, complex), TypeError, "a: expected an array of float64 or float32, got dtype complex128"),
        (np.ones(3, "float16"), TypeError, "a: expected an array of float64 or float32, got dtype float16"),
        ([1.0], TypeError, "a: expected an array of float64 or float32, got list"),
        (np.array([1.0, np.nan]), ValueError, r"a: expected finite values, got nan at \(1,\)"),
    ],
)
def test_bad_arrays_are_named(method, value, kind, said):
    with pytest.raises(kind, match=said):
        method(lambda v: 0.0, {"a": value})
    along = {central_differences: directional_difference, complex_step: directional_complex_step}[method]
    with pytest.raises(kind, match=said):
        along(lambda v: 0.0, {"a": value}, {"a": np.ones(3)})


def test_bad_directions_and_functions_are_named():
    arrays = {"a": np.ones(3)}
    for along in (directional_difference, directional_complex_step):
        with pytest.raises(ValueError, match="directions: expected at least one, got none"):
            along(cubic, arrays, {})
        with pytest.raises(ValueError, match="directions: expected names among a, got z"):
            along(cubic, arrays, {"z": np.ones(3)})
        with pytest.raises(ValueError, match=r"directions: expected shape \(3,\) for a, got \(1,\)"):
            along(cubic, arrays, {"a": np.ones(1)})
    with pytest.raises(TypeError, match=r"f: expected a complex value .* f drops the imaginary part"):
        complex_step(lambda v: np.abs(v["a"]).sum(), arrays)
    with pytest.raises(TypeError, match="f: expected a complex value"):
        directional_complex_step(lambda v: float(v["a"].real.sum()), arrays, {"a": np.ones(3)})
