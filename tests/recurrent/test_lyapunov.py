"""Lyapunov exponents of linear systems known in closed form, and of random networks."""

import numpy as np
import pytest
from some_layers import cell, problem

from autograder.recurrent import VanillaRNN
from autograder.recurrent.lyapunov import lyapunov_exponents, vanilla_jacobians


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_a_diagonal_matrix_has_the_logarithms_of_its_entries_in_descending_order():
    J = np.diag([0.5, -3.0, 1.0])
    found = lyapunov_exponents([J] * 400, transient=100)
    # After 100 steps the vectors have turned, up to (1/2)^100, into the axes; what is left is rounding.
    np.testing.assert_allclose(found, np.log([3, 1, 0.5]), atol=1e-13)


def test_a_rotation_times_a_scale_has_the_scale_from_the_first_step():
    found = lyapunov_exponents([0.9 * rotation(0.7)] * 5)
    np.testing.assert_allclose(found, [np.log(0.9)] * 2, rtol=1e-12)


def test_a_non_normal_matrix_has_the_logarithms_of_its_eigenvalues_not_of_its_singular_values():
    J = np.array([[0.9, 50.0], [0.0, 0.5]])
    assert np.linalg.norm(J, 2) > 50
    found = lyapunov_exponents([J] * 600, transient=200)
    np.testing.assert_allclose(found, np.log([0.9, 0.5]), atol=1e-12)


def test_a_nilpotent_matrix_ends_everything():
    J = np.array([[0.0, 1e6], [0.0, 0.0]])
    with np.errstate(all="raise"):
        found = lyapunov_exponents([J] * 3)
    np.testing.assert_array_equal(found, [-np.inf, -np.inf])


def test_rows_from_columns_to():
    """Alternating A and B: the exponents are half the logarithms of the eigenvalues of A B, either way round."""
    P, B = np.random.default_rng(0).normal(size=(2, 4, 4))
    A = P @ np.diag([4.0, -2.0, 1.0, 0.3]) @ np.linalg.inv(P) @ np.linalg.inv(B)
    found = lyapunov_exponents([A, B] * 400, transient=200)
    # Rounding, amplified by how far the factors are from normal: their condition is about 100.
    np.testing.assert_allclose(found, np.log([4, 2, 1, 0.3]) / 2, atol=1e-12)


def test_order_of_the_factors_matters():
    """v J_1 J_2 J_3 and not J_3 J_2 J_1: a short product of random matrices has the growth of one row vector."""
    rng = np.random.default_rng(1)
    J = rng.normal(size=(3, 4, 4))
    start = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 1)))[0].T
    found = lyapunov_exponents(J, k=1, rng=np.random.default_rng(5))
    np.testing.assert_allclose(found, np.log(np.linalg.norm(start @ J[0] @ J[1] @ J[2])) / 3, rtol=1e-12)
    late = lyapunov_exponents(J, k=1, transient=1, rng=np.random.default_rng(5))
    wanted = np.log(np.linalg.norm(start @ J[0] @ J[1] @ J[2]) / np.linalg.norm(start @ J[0])) / 2
    np.testing.assert_allclose(late, wanted, rtol=1e-12)


def test_the_sum_is_the_mean_logarithm_of_the_determinants():
    J = np.random.default_rng(2).normal(size=(50, 5, 5))
    _, logs = np.linalg.slogdet(J)
    np.testing.assert_allclose(lyapunov_exponents(J).sum(), logs.mean(), rtol=1e-12)


def test_k_largest_and_batches():
    J = np.random.default_rng(3).normal(size=(3000, 2, 4, 4))
    everything = lyapunov_exponents(J, transient=200)
    assert everything.shape == (2, 4)
    assert (np.diff(everything, axis=-1) < 0).all()
    # The first k of a QR decomposition do not see the others; only the random start differs.
    np.testing.assert_allclose(lyapunov_exponents(J, k=2, transient=200), everything[:, :2], atol=1e-6)
    for b in range(2):
        np.testing.assert_allclose(lyapunov_exponents(J[:, b], transient=200), everything[b], atol=1e-6)


def test_jacobians_against_complex_step():
    for activation in ("tanh", "relu", "identity"):
        plain = cell("vanilla", 3, 5, 1)
        layer = VanillaRNN(plain.W, plain.U, plain.b, activation)
        p = problem(layer, 2, T=4, B=2, gaps=False)
        H = layer.forward(p["X"], p["state_0"]).H
        states = [p["state_0"][0], *H[:-1]]
        for t, J in enumerate(vanilla_jacobians(layer, H)):
            for i in range(5):
                moved = states[t] + 1e-30j * np.eye(5)[i]
                wanted = layer.forward(p["X"][t : t + 1], (moved,)).state[0].imag / 1e-30
                np.testing.assert_allclose(J[:, i], wanted, rtol=1e-13, atol=1e-14)


def random_network(gain, seed, H=200, T=500, noise=0.1):
    """A tanh RNN with U ~ gain · N(0, 1/H) and independent inputs of standard deviation `noise` to every unit."""
    rng = np.random.default_rng(seed)
    U = gain * rng.normal(size=(H, H)) / np.sqrt(H)
    layer = VanillaRNN(np.eye(H), U, np.zeros(H))
    X = noise * rng.normal(size=(T, 1, H))
    return layer, layer.forward(X, (rng.normal(size=(1, H)),))


def top_exponent(gain, seed):
    layer, run = random_network(gain, seed)
    return lyapunov_exponents(vanilla_jacobians(layer, run.H), k=1, transient=100)[0, 0]


@pytest.mark.parametrize(("gain", "wanted"), [(0.5, -0.667), (1.0, -0.050), (1.5, 0.063), (2.0, 0.148)])
def test_random_networks(gain, wanted):
    """From order to chaos. Networks of 200 units differ among each other by a standard deviation of 0.02 (0.01 at
    gain 2), runs of 400 steps by less, so the mean of six is within 0.03; the sign holds for each of the six."""
    found = [top_exponent(gain, seed) for seed in range(6)]
    assert abs(np.mean(found) - wanted) < 0.03, found
    assert (np.sign(found) == np.sign(wanted)).all(), found


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5, 2.0])
def test_the_gradients_slope_is_the_top_exponent(gain):
    """A gradient that enters at the last step grows or shrinks, going back, at the rate of a change going forward."""
    layer, run = random_network(gain, seed=8)
    g = np.random.default_rng(1).normal(size=(1, 200))
    norms = []
    for J in reversed(list(vanilla_jacobians(layer, run.H))):
        g = np.einsum("bj,bij->bi", g, J)
        norms.append(np.log(np.linalg.norm(g)))
        g = g / np.linalg.norm(g)
    slope = np.mean(norms[50:450])
    exponent = lyapunov_exponents(vanilla_jacobians(layer, run.H[50:450]), k=1, transient=0)[0, 0]
    assert abs(slope - exponent) < 0.03, (slope, exponent)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype):
    J = np.random.default_rng(4).normal(size=(5, 3, 3)).astype(dtype)
    before = J.copy()
    assert lyapunov_exponents(J).dtype == np.dtype(dtype)
    np.testing.assert_array_equal(J, before)
    np.testing.assert_array_equal(lyapunov_exponents(iter(J)), lyapunov_exponents(J))


def test_bad_input_is_named():
    J = np.eye(3)
    with pytest.raises(ValueError, match=r"jacobians\[0\]: expected shape \(H, H\) or \(B, H, H\), got \(2, 3\)"):
        lyapunov_exponents([J[:2]])
    with pytest.raises(ValueError, match=r"jacobians\[0\]: expected shape .* got \(3,\)"):
        lyapunov_exponents([J[0]])
    with pytest.raises(ValueError, match=r"jacobians\[0\]: expected shape .* got \(2, 3, 4\)"):
        lyapunov_exponents([np.ones((2, 3, 4))])
    with pytest.raises(ValueError, match="transient: expected a whole number of at least 0, got -1"):
        lyapunov_exponents([J], transient=-1)
    with pytest.raises(TypeError, match=r"jacobians\[0\]: expected an array of floating-point numbers, got list"):
        lyapunov_exponents([[1.0]])
    with pytest.raises(
        TypeError, match=r"jacobians\[0\]: expected an array of floating-point numbers, got dtype int64"
    ):
        lyapunov_exponents([J.astype(int)])
    with pytest.raises(ValueError, match=r"jacobians\[1\]: expected shape \(3, 3\), got \(2, 2\)"):
        lyapunov_exponents([J, J[:2, :2]])
    for k in (0, 4):
        with pytest.raises(ValueError, match=f"k: expected a whole number from 1 to 3, got {k}"):
            lyapunov_exponents([J], k=k)
    with pytest.raises(ValueError, match="jacobians: expected more than transient = 2 steps, got 2"):
        lyapunov_exponents([J, J], transient=2)
    with pytest.raises(ValueError, match="jacobians: expected more than transient = 0 steps, got 0"):
        lyapunov_exponents([])
    layer = cell("vanilla", 3, 5)
    with pytest.raises(ValueError, match=r"H: expected shape \(T, B, 5\), got \(2, 5\)"):
        next(vanilla_jacobians(layer, np.zeros((2, 5))))
