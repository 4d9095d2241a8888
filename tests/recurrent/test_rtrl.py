"""RTRL against BPTT and, step by step, against PyTorch's autograd."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_layers import cell, problem

from autograder.recurrent import VanillaRNN
from autograder.recurrent.rtrl import influence_gradient, influence_step, real_time_gradients, rtrl, zero_influence

# The same sums as BPTT's in another order; measured 2e-15 relative to the largest entry.
CLOSE = {"rtol": 1e-12, "atol": 1e-13}


def network(activation="tanh", D=3, H=5, dtype="float64"):
    plain = cell("vanilla", D, H, 1, dtype)
    return VanillaRNN(plain.W, plain.U, plain.b, activation)


def bptt(layer, p):
    return layer.backward(layer.forward(p["X"], p["state_0"], p["mask"]), p["G"]).parameters


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
@pytest.mark.parametrize("sizes", [(6, 4, 3, 5), (1, 1, 1, 1), (1, 3, 2, 4), (8, 1, 4, 2)])
def test_equals_bptt(activation, sizes):
    T, B, D, H = sizes
    layer = network(activation, D, H)
    p = problem(layer, 2, T, B)
    wanted = bptt(layer, p)
    found = rtrl(layer, p["X"], p["G"], p["state_0"], p["mask"])
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, err_msg=name, **CLOSE)


def test_equals_bptt_to_rounding():
    layer = network(H=8)
    p = problem(layer, 3, T=30, B=3, gaps=False)
    found, wanted = rtrl(layer, p["X"], p["G"], p["state_0"]), bptt(layer, p)
    for name, value in wanted.items():
        assert np.abs(found[name] - value).max() < 1e-14 * np.abs(value).max(), name


def test_each_step_is_the_gradient_of_that_steps_loss():
    """And nobody looked ahead for it: the same values come from the sequence cut off there."""
    import torch

    layer = network()
    p = problem(layer, 4)
    t = {k: torch.tensor(v, requires_grad=True) for k, v in layer.parameters.items()}
    h = torch.tensor(p["state_0"][0])
    for step, found in enumerate(real_time_gradients(layer, p["X"], p["G"], p["state_0"], p["mask"])):
        new = torch.tanh(torch.tensor(p["X"][step]) @ t["W"] + h @ t["U"] + t["b"])
        h = torch.where(torch.tensor(p["mask"][step])[:, None], new, h)
        loss = (h * torch.tensor(p["G"][step])).sum()
        wanted = torch.autograd.grad(loss, list(t.values()), retain_graph=True)
        for name, value in zip(t, wanted, strict=True):
            np.testing.assert_allclose(found[name], value, err_msg=name, **CLOSE)
    *_, last = real_time_gradients(layer, p["X"][:3], p["G"][:3], p["state_0"], p["mask"][:3])
    third = list(real_time_gradients(layer, p["X"], p["G"], p["state_0"], p["mask"]))[2]
    for name in t:
        np.testing.assert_array_equal(last[name], third[name])


def test_influence_is_the_derivative_of_the_state():
    """Every entry of S, by complex step in the parameter: S[b, i, j, k] = dh_k/dθ_ij."""
    layer = network(D=2, H=3)
    p = problem(layer, 5, T=3, B=2, gaps=False)
    h, S = p["state_0"][0], zero_influence(layer, 2)
    assert S.shape == (2, 6, 3, 3)
    assert not S.any()
    for x in p["X"]:
        h, S = influence_step(layer, x, h, S)
    theta = np.concatenate([layer.W, layer.U, layer.b[None]])
    for i, j in np.ndindex(theta.shape):
        moved = theta.astype(complex)
        moved[i, j] += 1e-30j
        state = p["state_0"][0]
        for x in p["X"]:
            state = np.tanh(x @ moved[:2] + state @ moved[2:5] + moved[5])
        np.testing.assert_allclose(S[:, i, j], state.imag / 1e-30, **CLOSE)
    np.testing.assert_allclose(h, state.real, **CLOSE)


def test_online_learning_by_hand():
    """The parameters change after every step, and the loss falls; the influence goes on."""
    rng = np.random.default_rng(6)
    layer = network(D=1, H=8)
    X = rng.normal(size=(400, 4, 1))
    target = np.tanh(X + np.concatenate([np.zeros((1, 4, 1)), X[:-1]]))
    h, S = layer.zero_state(4)[0], zero_influence(layer, 4)
    losses = []
    for x, y in zip(X, target, strict=True):
        h, S = influence_step(layer, x, h, S)
        error = h[:, :1] - y
        losses.append((error**2).mean())
        g = np.concatenate([2 * error / 4, np.zeros((4, 7))], axis=1)
        step = influence_gradient(layer, S, g)
        layer = VanillaRNN(*(layer.parameters[k] - 0.05 * step[k] for k in ("W", "U", "b")))
    assert np.mean(losses[-50:]) < 0.3 * np.mean(losses[:50])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4))
def test_properties(seed, T, B):
    """A batch's gradient is the sum of its sequences'; padding adds nothing."""
    layer = network(D=2, H=3)
    p = problem(layer, seed, T, B)
    whole = rtrl(layer, p["X"], p["G"], p["state_0"], p["mask"])
    for name, value in whole.items():
        single = [
            rtrl(layer, p["X"][:, [b]], p["G"][:, [b]], (p["state_0"][0][[b]],), p["mask"][:, [b]])[name]
            for b in range(B)
        ]
        np.testing.assert_allclose(sum(single), value, err_msg=name, **CLOSE)
    X = np.concatenate([p["X"], np.full((2, B, 2), 9.0)])
    G = np.concatenate([p["G"], np.zeros((2, B, 3))])
    padded = rtrl(layer, X, G, p["state_0"], np.concatenate([p["mask"], np.zeros((2, B), bool)]))
    for name, value in whole.items():
        np.testing.assert_allclose(padded[name], value, err_msg=name, **CLOSE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype):
    layer = network(dtype=dtype)
    p = problem(layer, 7)
    before = {k: p[k].copy() for k in ("X", "G", "mask")} | {"h": p["state_0"][0].copy()}
    found = rtrl(layer, p["X"], p["G"], p["state_0"], p["mask"])
    assert {g.dtype for g in found.values()} == {np.dtype(dtype)}
    for name in ("X", "G", "mask"):
        np.testing.assert_array_equal(p[name], before[name])
    np.testing.assert_array_equal(p["state_0"][0], before["h"])
    influence = zero_influence(layer, 4)
    influence_step(layer, p["X"][0], p["state_0"][0], influence)
    assert not influence.any()
    bare = rtrl(layer, p["X"], p["G"])
    zeros = rtrl(layer, p["X"], p["G"], layer.zero_state(4), np.ones((6, 4)))
    for name, value in zeros.items():
        np.testing.assert_array_equal(bare[name], value)


def test_bad_input_is_named():
    layer = network()
    p = problem(layer)
    with pytest.raises(ValueError, match=r"X: expected shape \(T, B, 3\), got \(6, 4, 2\)"):
        rtrl(layer, p["X"][..., :2], p["G"])
    with pytest.raises(ValueError, match=r"G: expected shape \(6, 4, 5\), got \(5, 4, 5\)"):
        rtrl(layer, p["X"], p["G"][1:])
    with pytest.raises(ValueError, match=r"h_0: expected shape \(4, 5\)"):
        rtrl(layer, p["X"], p["G"], (p["state_0"][0][1:],))
    with pytest.raises(ValueError, match=r"state_0: expected \(h_0,\), got 2 arrays"):
        rtrl(layer, p["X"], p["G"], p["state_0"] * 2)
    with pytest.raises(ValueError, match=r"mask: expected shape \(T, B\) = \(6, 4\)"):
        rtrl(layer, p["X"], p["G"], mask=p["mask"].T)
    with pytest.raises(TypeError, match="expected one precision, got X float64, h_0 float64, G float32"):
        rtrl(layer, p["X"], p["G"].astype("float32"))
