"""The reference RNN against PyTorch's autograd and nn.RNN, Keras's SimpleRNN, and complex step."""

from typing import NamedTuple

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent import VanillaRNN, step_backward, step_forward

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


class Result(NamedTuple):
    dX: np.ndarray
    dh_0: np.ndarray
    dW: np.ndarray
    dU: np.ndarray
    db: np.ndarray


def forward(p, activation="tanh"):
    return VanillaRNN(p["W"], p["U"], p["b"], activation).forward(p["X"], (p["h_0"],), p["mask"])


def forward_and_back(p, activation="tanh"):
    run = forward(p, activation)
    found = VanillaRNN(p["W"], p["U"], p["b"], activation).backward(run, p["G"])
    return run.H, Result(found.dX, *found.dstate_0, *(found.parameters[k] for k in "WUb"))


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
    H = forward(p).H
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
    H = forward(p).H
    np.testing.assert_allclose(H.swapaxes(0, 1)[mask], np.asarray(output)[mask], **CLOSE)
    np.testing.assert_allclose(H[-1], np.asarray(last), **CLOSE)


@pytest.mark.parametrize("name", ["X", "h_0", "W", "U", "b"])
def test_gradients_against_complex_step(name):
    """d/dε of the loss along a random direction, exact to rounding: Im L(v + iεd) / ε."""
    p = draw(7)
    direction = np.random.default_rng(8).normal(size=p[name].shape)
    shifted = p | {name: p[name] + 1e-30j * direction}
    H = forward(shifted).H
    slope = (p["G"] * H).sum().imag / 1e-30
    _, gradients = forward_and_back(p)
    ours = (getattr(gradients, "d" + name) * direction).sum()
    np.testing.assert_allclose(ours, slope, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype):
    p = draw(9, dtype=dtype)
    copies = {k: v.copy() for k, v in p.items()}
    H, gradients = forward_and_back(p)
    run = forward(p)
    network = VanillaRNN(p["W"], p["U"], p["b"])
    first, second = network.backward(run, p["G"]), network.backward(run, p["G"])
    assert {H.dtype, *(g.dtype for g in gradients)} == {np.dtype(dtype)}
    np.testing.assert_array_equal(first.dX, second.dX)
    np.testing.assert_array_equal(first.parameters["U"], second.parameters["U"])
    for name, before in copies.items():
        np.testing.assert_array_equal(p[name], before, err_msg=name)


def test_no_mask_is_a_mask_of_ones():
    p = draw(10, gaps=False)
    H, gradients = forward_and_back(p)
    bare_H, bare = forward_and_back(p | {"mask": None})
    np.testing.assert_array_equal(H, bare_H)
    for a, b in zip(gradients, bare, strict=True):
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
        network = VanillaRNN(p["W"], p["U"], p["b"])
        first = network.forward(p["X"][:cut], (p["h_0"],), p["mask"][:cut])
        second = network.forward(p["X"][cut:], first.state, p["mask"][cut:])
        np.testing.assert_allclose(np.concatenate([first.H, second.H]), H, **CLOSE)
        late = network.backward(second, p["G"][cut:])
        early = network.backward(first, p["G"][:cut], late.dstate_0)
        np.testing.assert_allclose(early.dstate_0[0], gradients.dh_0, **CLOSE)
        np.testing.assert_allclose(early.parameters["U"] + late.parameters["U"], gradients.dU, **CLOSE)


@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_other_activations_against_autograd(activation):
    import torch

    p = draw(21)
    squash = {"relu": torch.relu, "identity": lambda a: a}[activation]
    t = {k: torch.tensor(v, requires_grad=k in {"X", "h_0", "W", "U", "b"}) for k, v in p.items()}
    h, states = t["h_0"], []
    for x, m in zip(t["X"], t["mask"].unsqueeze(-1), strict=True):
        h = m * squash(x @ t["W"] + h @ t["U"] + t["b"]) + (1 - m) * h
        states.append(h)
    H = torch.stack(states)
    wanted = torch.autograd.grad(H, [t[k] for k in ("X", "h_0", "W", "U", "b")], t["G"])
    ours, gradients = forward_and_back(p, activation)
    np.testing.assert_allclose(ours, H.detach(), **CLOSE)
    for got, theirs in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(got, theirs, **CLOSE)


BAD = {
    "rank of X": (lambda p: p | {"X": p["X"][0]}, ValueError, r"X: expected shape \(T, B, 3\), got \(4, 3\)"),
    "width of X": (lambda p: p | {"X": p["X"][..., :2]}, ValueError, r"X: expected shape \(T, B, 3\)"),
    "width of W": (lambda p: p | {"W": p["W"][:, :2]}, ValueError, r"W: expected shape \(D, 6\), got \(3, 2\)"),
    "U not square": (lambda p: p | {"U": p["U"][:2]}, ValueError, "U: expected shape"),
    "b of rank 2": (lambda p: p | {"b": p["b"][None]}, ValueError, r"b: expected shape \(6,\)"),
    "batch of h_0": (lambda p: p | {"h_0": p["h_0"][:1]}, ValueError, r"h_0: expected shape \(4, 6\)"),
    "shape of the mask": (lambda p: p | {"mask": p["mask"].T}, ValueError, r"mask: expected shape \(T, B\) = \(5, 4\)"),
    "values of the mask": (lambda p: p | {"mask": p["mask"] * 2}, ValueError, "mask: expected zeros and ones"),
    "kind of the mask": (lambda p: p | {"mask": [1, 0]}, TypeError, "mask: expected an array"),
    "mixed dtypes": (lambda p: p | {"X": p["X"].astype("float32")}, TypeError, "X float32, h_0 float64"),
    "integers": (
        lambda p: p | {"X": p["X"].astype(int)},
        TypeError,
        "X: expected a floating-point array, got dtype int64",
    ),
    "a list": (lambda p: p | {"X": p["X"].tolist()}, TypeError, "X: expected an array of shape .* got list"),
    "not finite": (lambda p: p | {"U": p["U"] / 0 * 0}, ValueError, r"U: expected finite values, got nan at \(0, 0\)"),
}


@pytest.mark.parametrize(("spoil", "kind", "said"), BAD.values(), ids=BAD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_named(spoil, kind, said):
    with pytest.raises(kind, match=said):
        forward(spoil(draw(30)))


def test_bad_gradients_and_activations_are_named():
    p = draw(31)
    network = VanillaRNN(p["W"], p["U"], p["b"])
    run = forward(p)
    with pytest.raises(ValueError, match=r"G: expected shape \(5, 4, 6\)"):
        network.backward(run, p["G"][1:])
    with pytest.raises(ValueError, match="dh_T: expected shape"):
        network.backward(run, p["G"], (p["G"],))
    with pytest.raises(ValueError, match="activation: expected one of tanh, relu, identity, got 'sin'"):
        VanillaRNN(p["W"], p["U"], p["b"], "sin")


def protocol_problem(seed=0, T=5, B=4, D=3, H=6, **more):
    return checks.problem(VanillaRNN, {"W": (D, H), "U": (H, H), "b": (H,)}, (H,), seed, T, B, D, **more)


def torch_step(p, x, state):
    import torch

    return (torch.tanh(x @ p["W"] + state[0] @ p["U"] + p["b"]),)


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 1, 1, 1), (3, 2, 3, 128)])  # the last in blocks of columns
def test_as_a_layer_with_a_gradient_at_the_last_state(sizes):
    p = protocol_problem(40, *sizes)
    checks.agrees_with(*checks.autograd(torch_step, p), p)
    checks.complex_step(p)
    checks.masked_steps_hold_the_state(p)


def test_as_a_layer_without_a_mask_and_with_complex_gradients():
    checks.no_mask_is_a_mask_of_ones(protocol_problem(41))
    checks.gradients_are_linear_in_complex(protocol_problem(42))
    checks.gradients_are_linear_in_complex(protocol_problem(43, gaps=False))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_as_a_layer_dtypes(dtype):
    checks.dtype_is_kept_and_inputs_are_not_modified(protocol_problem(44), dtype)
    checks.huge_pre_activations_do_not_overflow(protocol_problem(45), dtype)
