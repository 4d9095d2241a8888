"""The reference RNN against PyTorch's autograd and nn.RNN, Keras's SimpleRNN, and complex step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent import sequence_backward, sequence_forward, step_backward, step_forward

# Sums of at most a few dozen float64 terms of unit size: rounding stays below 1e-13, a mistake does not.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def draw(seed, T=5, B=4, D=3, H=6, dtype="float64", gaps=True):
    rng = np.random.default_rng(seed)
    mask = (rng.random((T, B)) < 0.6) if gaps else np.ones((T, B), bool)
    if gaps and B > 1:
        mask[:, 0] = False  # one sequence sleeps throughout
    return {
        "X": rng.normal(size=(T, B, D)).astype(dtype),
        "h_0": rng.uniform(-0.8, 0.8, size=(B, H)).astype(dtype),
        "W": rng.normal(size=(D, H)).astype(dtype),
        "U": (rng.normal(size=(H, H)) / np.sqrt(H)).astype(dtype),
        "b": rng.normal(size=H).astype(dtype),
        "mask": mask.astype(dtype),
        "G": rng.normal(size=(T, B, H)).astype(dtype),
    }


def forward_and_back(p):
    H = sequence_forward(p["X"], p["h_0"], p["W"], p["U"], p["b"], p["mask"])
    return H, sequence_backward(p["G"], p["X"], H, p["h_0"], p["W"], p["U"], p["mask"])


@pytest.mark.parametrize("seed", range(5))
def test_step_gradients_against_autograd(seed):
    import torch

    p = draw(seed)
    x, h_prev, dh = p["X"][0], p["h_0"], p["G"][0]
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, h_prev, p["W"], p["U"], p["b"])]
    h = torch.tanh(tensors[0] @ tensors[2] + tensors[1] @ tensors[3] + tensors[4])
    wanted = torch.autograd.grad(h, tensors, torch.tensor(dh))
    ours_h = step_forward(x, h_prev, p["W"], p["U"], p["b"])
    np.testing.assert_allclose(ours_h, h.detach(), **CLOSE)
    for ours, theirs in zip(step_backward(dh, x, h_prev, ours_h, p["W"], p["U"]), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, **CLOSE)


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 3, 2, 4), (6, 1, 4, 2), (1, 1, 1, 1), (7, 3, 5, 1)])
def test_masked_sequence_gradients_against_autograd(sizes):
    import torch

    p = draw(11, *sizes)
    t = {k: torch.tensor(v, requires_grad=k in {"X", "h_0", "W", "U", "b"}) for k, v in p.items()}
    h, states = t["h_0"], []
    for x, m in zip(t["X"], t["mask"].unsqueeze(-1), strict=True):
        h = m * torch.tanh(x @ t["W"] + h @ t["U"] + t["b"]) + (1 - m) * h
        states.append(h)
    H = torch.stack(states)
    wanted = torch.autograd.grad(H, [t[k] for k in ("X", "h_0", "W", "U", "b")], t["G"])
    ours, gradients = forward_and_back(p)
    np.testing.assert_allclose(ours, H.detach(), **CLOSE)
    for name, got, theirs in zip(gradients._fields, gradients, wanted, strict=True):
        np.testing.assert_allclose(got, theirs, err_msg=name, **CLOSE)


def test_against_pytorch_rnn_layer_with_packed_sequences():
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    p = draw(3, gaps=False)
    T, _, D = p["X"].shape
    lengths = np.array([5, 3, 1, 4])
    p["mask"] = (np.arange(T)[:, None] < lengths).astype(float)
    layer = torch.nn.RNN(D, 6).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(p["W"].T))
        layer.weight_hh_l0.copy_(torch.tensor(p["U"].T))
        layer.bias_ih_l0.copy_(torch.tensor(p["b"]))
        layer.bias_hh_l0.zero_()
    packed = pack_padded_sequence(torch.tensor(p["X"]), lengths, enforce_sorted=False)
    output, last = layer(packed, torch.tensor(p["h_0"])[None])
    output, _ = pad_packed_sequence(output, total_length=T)
    H = sequence_forward(*(p[k] for k in ("X", "h_0", "W", "U", "b", "mask")))
    on = p["mask"] != 0
    np.testing.assert_allclose(H[on], output.detach().numpy()[on], **CLOSE)
    np.testing.assert_allclose(H[-1], last[0].detach(), **CLOSE)  # carried over to the end


@pytest.mark.slow
def test_against_keras_simple_rnn_with_a_mask():
    import keras

    p = draw(4, gaps=False)
    p["mask"] = (np.random.default_rng(0).random(p["mask"].shape) < 0.7).astype(float)
    layer = keras.layers.SimpleRNN(6, return_sequences=True, return_state=True, dtype="float64")
    X, mask = p["X"].swapaxes(0, 1), p["mask"].T.astype(bool)
    layer.build(X.shape)
    layer.set_weights([p["W"], p["U"], p["b"]])
    output, last = layer(X, mask=mask, initial_state=p["h_0"])
    H = sequence_forward(*(p[k] for k in ("X", "h_0", "W", "U", "b", "mask")))
    np.testing.assert_allclose(H.swapaxes(0, 1)[mask], np.asarray(output)[mask], **CLOSE)
    np.testing.assert_allclose(H[-1], np.asarray(last), **CLOSE)


@pytest.mark.parametrize("name", ["X", "h_0", "W", "U", "b"])
def test_gradients_against_complex_step(name):
    """d/dε of the loss along a random direction, exact to rounding: Im L(v + iεd) / ε."""
    p = draw(7)
    direction = np.random.default_rng(8).normal(size=p[name].shape)
    shifted = p | {name: p[name] + 1e-30j * direction}
    H = sequence_forward(*(shifted[k] for k in ("X", "h_0", "W", "U", "b", "mask")))
    slope = (p["G"] * H).sum().imag / 1e-30
    _, gradients = forward_and_back(p)
    ours = (getattr(gradients, "d" + name) * direction).sum()
    np.testing.assert_allclose(ours, slope, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype):
    p = draw(9, dtype=dtype)
    copies = {k: v.copy() for k, v in p.items()}
    H, gradients = forward_and_back(p)
    again = sequence_backward(p["G"], p["X"], H, p["h_0"], p["W"], p["U"], p["mask"])
    assert {H.dtype, *(g.dtype for g in gradients)} == {np.dtype(dtype)}
    for first, second in zip(gradients, again, strict=True):
        np.testing.assert_array_equal(first, second)
    for name, before in copies.items():
        np.testing.assert_array_equal(p[name], before, err_msg=name)


def test_no_mask_is_a_mask_of_ones():
    p = draw(10, gaps=False)
    H, gradients = forward_and_back(p)
    bare = sequence_forward(*(p[k] for k in ("X", "h_0", "W", "U", "b")))
    np.testing.assert_array_equal(H, bare)
    for a, b in zip(sequence_backward(p["G"], p["X"], H, p["h_0"], p["W"], p["U"]), gradients, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def test_huge_pre_activations_do_not_overflow():
    p = draw(12)
    p["W"] *= 1e4
    with np.errstate(all="raise", under="ignore"):
        H, gradients = forward_and_back(p)
    assert all(np.isfinite(a).all() for a in (H, *gradients))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4), split=st.integers(0, 6))
def test_properties(seed, T, B, split):
    """Padding changes nothing, permuting the batch permutes everything, and two chunks make the whole."""
    p = draw(seed, T=T, B=B, D=2, H=3)
    H, gradients = forward_and_back(p)
    rng = np.random.default_rng(seed)

    padded = {k: np.concatenate([p[k], 9 * rng.normal(size=(2, *p[k].shape[1:]))]) for k in ("X", "G")}
    padded |= {"mask": np.concatenate([p["mask"], np.zeros((2, B))])}
    padded["G"][T:] = 0
    _, wider = forward_and_back(p | padded)
    np.testing.assert_allclose(wider.dX[:T], gradients.dX, **CLOSE)
    assert not wider.dX[T:].any()
    for name in ("dh_0", "dW", "dU", "db"):
        np.testing.assert_allclose(getattr(wider, name), getattr(gradients, name), **CLOSE)

    order = rng.permutation(B)
    shuffled = p | {k: p[k][:, order] for k in ("X", "G", "mask")} | {"h_0": p["h_0"][order]}
    H_shuffled, after = forward_and_back(shuffled)
    np.testing.assert_allclose(H_shuffled, H[:, order], **CLOSE)
    np.testing.assert_allclose(after.dW, gradients.dW, **CLOSE)
    np.testing.assert_allclose(after.dX, gradients.dX[:, order], **CLOSE)

    cut = min(split, T)
    if 0 < cut < T:
        head = {k: p[k][:cut] for k in ("X", "mask")}
        first = sequence_forward(head["X"], p["h_0"], p["W"], p["U"], p["b"], head["mask"])
        second = sequence_forward(p["X"][cut:], first[-1], p["W"], p["U"], p["b"], p["mask"][cut:])
        np.testing.assert_allclose(np.concatenate([first, second]), H, **CLOSE)
