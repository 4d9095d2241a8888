"""Peepholes, coupled gates and projection, alone and together: autograd, PyTorch's projected layer, complex step."""

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent.lstm import LSTM
from autograder.recurrent.lstm_variants import VariantLSTM

CHOICES = [(p, c, r) for p in (False, True) for c in (False, True) for r in (False, True)]
IDS = ["+".join(n for n, on in zip(("peepholes", "coupled", "projection"), c, strict=True) if on) for c in CHOICES]
ALL = pytest.mark.parametrize("choice", CHOICES, ids=[i or "plain" for i in IDS])


def draw(choice, seed=0, T=5, B=4, D=3, H=6, K=2, **more):
    peepholes, coupled, projection = choice
    n, K = 3 if coupled else 4, K if projection else H
    shapes = {"W": (D, n * H), "U": (K, n * H), "b": (n * H,)}
    shapes |= {"P": (n - 1, H)} if peepholes else {}
    shapes |= {"R": (H, K)} if projection else {}
    return checks.problem(lambda **p: VariantLSTM(**p, coupled=coupled), shapes, (K, H), seed, T, B, D, **more)


def torch_step(coupled):
    """Gate by gate, as the papers write it."""
    import torch

    def step(p, x, state):
        h, c = state
        a = (x @ p["W"] + h @ p["U"] + p["b"]).chunk(3 if coupled else 4, dim=-1)
        P = p.get("P")
        f = torch.sigmoid(a[-3] + (0 if P is None else P[-2] * c))
        i = 1 - f if coupled else torch.sigmoid(a[0] + (0 if P is None else P[0] * c))
        c = f * c + i * torch.tanh(a[-2])
        o = torch.sigmoid(a[-1] + (0 if P is None else P[-1] * c))
        h = o * torch.tanh(c)
        return (h @ p["R"] if "R" in p else h), c

    return step


@ALL
@pytest.mark.parametrize("sizes", [(5, 4, 3, 6, 2), (1, 3, 2, 4, 5), (6, 1, 4, 2, 3), (1, 1, 1, 1, 1)])
def test_masked_sequences_against_autograd(sizes, choice):
    p = draw(choice, 11, *sizes)
    checks.agrees_with(*checks.autograd(torch_step(choice[1]), p), p)


@ALL
def test_gradients_against_complex_step(choice):
    checks.complex_step(draw(choice, 7))
    checks.complex_step(draw(choice, 8, gaps=False))
    checks.gradients_are_linear_in_complex(draw(choice, 9))


def test_without_any_of_them_it_is_the_plain_lstm():
    p = draw((False, False, False), 3)
    plain = LSTM(**p.parameters)
    run = plain.forward(p.X, p.state_0, p.mask)
    found = plain.backward(run, p.G, p.dstate)
    np.testing.assert_allclose(p.forward().H, run.H, **checks.CLOSE)
    checks.assert_all_close({k: p.gradients()[k] for k in "WUb"}, found.parameters)


def test_against_pytorch_lstm_layer_with_a_projection():
    import torch

    p = draw((False, False, True), 5, gaps=False)
    D, H, K = 3, 6, 2
    layer = torch.nn.LSTM(D, H, proj_size=K).double()
    with torch.no_grad():
        for theirs, ours in [("weight_ih_l0", "W"), ("weight_hh_l0", "U"), ("weight_hr_l0", "R")]:
            getattr(layer, theirs).copy_(torch.tensor(p.parameters[ours].T))
        layer.bias_ih_l0.copy_(torch.tensor(p.parameters["b"]))
        layer.bias_hh_l0.zero_()
    X, h_0, c_0 = (torch.tensor(v, requires_grad=True) for v in (p.X, *p.state_0))
    output, (h, c) = layer(X, (h_0[None], c_0[None]))
    G, dh, dc = (torch.tensor(v) for v in (p.G, *p.dstate))
    weights = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.weight_hr_l0]
    dX, dh_0, dc_0, dW, dU, db, dR = (
        g.numpy() for g in torch.autograd.grad([output, h, c], [X, h_0, c_0, *weights], [G, dh[None], dc[None]])
    )
    np.testing.assert_allclose(p.forward().H, output.detach(), **checks.CLOSE)
    theirs = {"X": dX, "state 0": dh_0, "state 1": dc_0, "W": dW.T, "U": dU.T, "b": db, "R": dR.T}
    checks.assert_all_close(p.gradients(), theirs)


def test_coupled_gates_write_where_they_erase():
    """A coupled cell is a weighted mean of what it was and what comes: it cannot leave the range of both."""
    p = draw((True, True, False), 6, T=40)
    limit = max(1.0, np.abs(p.state_0[1]).max())
    assert np.abs(p.forward().state[1]).max() <= limit


@ALL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_inputs_are_not_modified(choice, dtype):
    checks.dtype_is_kept_and_inputs_are_not_modified(draw(choice, 9), dtype)


@ALL
def test_masks(choice):
    checks.no_mask_is_a_mask_of_ones(draw(choice, 10))
    checks.masked_steps_hold_the_state(draw(choice, 13))


@ALL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_pre_activations_do_not_overflow(choice, dtype):
    checks.huge_pre_activations_do_not_overflow(draw(choice, 14), dtype)


@settings(max_examples=30, deadline=None)
@given(
    choice=st.sampled_from(CHOICES),
    seed=st.integers(0, 10**6),
    T=st.integers(1, 6),
    B=st.integers(1, 4),
    cut=st.integers(0, 6),
)
def test_properties(choice, seed, T, B, cut):
    checks.padding_order_and_chunks(draw(choice, seed, T=T, B=B, D=2, H=3), seed, cut)


def without(p, name):
    return lambda: VariantLSTM(**{k: v for k, v in p.parameters.items() if k != name})


BAD = {
    "P": (lambda p: p.with_argument("P", p.parameters["P"][:2]), r"P: expected shape \(3, 6\), got \(2, 6\)"),
    "R": (lambda p: p.with_argument("R", p.parameters["R"].T), r"R: expected shape \(6, K\), got \(2, 6\)"),
    "U": (lambda p: p.with_argument("U", p.parameters["U"].T), r"U: expected shape \(2, 24\), got \(24, 2\)"),
    "b": (lambda p: p.with_argument("b", p.parameters["b"][:-1]), r"b: expected shape \(20,\), got \(23,\)"),
    "W": (lambda p: p.with_argument("W", p.parameters["W"][:, 1:]), r"W: expected shape \(D, 24\), got \(3, 23\)"),
    "finite": (lambda p: p.with_argument("R", p.parameters["R"] * np.nan), "R: expected finite values, got nan"),
    "h_0": (lambda p: p.with_argument("state 0", p.state_0[1]), r"h_0: expected shape \(4, 2\), got \(4, 6\)"),
}


@pytest.mark.parametrize(("spoil", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(spoil, said):
    with pytest.raises(ValueError, match=said):
        spoil(draw((True, False, True), 30)).forward()


def test_a_projection_without_its_matrix_is_refused():
    with pytest.raises(ValueError, match=r"U: expected shape \(6, 24\), got \(2, 24\)"):
        without(draw((True, False, True), 31), "R")()
