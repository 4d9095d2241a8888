"""Stacks against PyTorch's num_layers, autograd with residuals and dropout, Keras, and complex step."""

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_layers import (
    CELLS,
    by_name,
    cell,
    forward_and_back,
    problem,
    torch_cell,
    torch_gradients,
)

from autograder.recurrent.bidirectional import Bidirectional
from autograder.recurrent.stack import Stack

T, B = 6, 4


def stack(kinds=("vanilla", "lstm", "vanilla"), widths=(3, 5, 5, 5), residual=(1, 2), dtype="float64"):
    cells = [cell(k, *widths[l : l + 2], seed=l, dtype=dtype) for l, k in enumerate(kinds)]
    return Stack(tuple(cells), residual)


def draw_dropout(layer, steps, seed=0, dtype="float64"):
    """One array of zeros and 1/keep for every input and the output; steps = T, or 1 for one draw a sequence."""
    rng = np.random.default_rng(seed)
    widths = [*(part.sizes[0] for part in layer.layers), layer.sizes[1]]
    return [((rng.random((steps, B, width)) < 0.7) / 0.7).astype(dtype) for width in widths]


def torch_stack(layer, dropout):
    """The stack written out in PyTorch's operations."""
    import torch

    D = [1.0 if d is None else torch.tensor(d) for d in dropout or [None] * (len(layer.layers) + 1)]

    def function(X, state, mask, parameters):
        below, last, used = X, (), 0
        for l, part in enumerate(layer.layers):
            names = {k.removeprefix(f"{l}."): v for k, v in parameters.items() if k.startswith(f"{l}.")}
            n = len(part.zero_state(1))
            H, after = torch_cell(part, below * D[l], state[used : used + n], mask, names)
            below = H + below if l in layer.residual else H
            last, used = last + after, used + n
        return below * D[-1], last

    return function


@pytest.mark.parametrize("kinds", [("vanilla", "lstm", "vanilla"), ("lstm", "lstm", "vanilla"), CELLS[-1:] * 3])
@pytest.mark.parametrize("residual", [(), (1,), (2, 1)])
@pytest.mark.parametrize("drop", ["none", "every step", "a sequence", "output only", "between only"])
def test_gradients_against_autograd(kinds, residual, drop):
    layer = stack(kinds, residual=residual)
    dropout = {
        "none": None,
        "every step": draw_dropout(layer, T),
        "a sequence": draw_dropout(layer, 1),
        "output only": [None, None, None, draw_dropout(layer, T)[-1]],
        "between only": [None, draw_dropout(layer, 1)[1], draw_dropout(layer, T)[2], None],
    }[drop]
    p = problem(layer, 4, T=T, B=B)
    H_wanted, wanted = torch_gradients(layer, p, torch_stack(layer, dropout))
    run, gradients = forward_and_back(layer, p, dropout=dropout)
    np.testing.assert_allclose(run.H, H_wanted, **checks.CLOSE)
    checks.assert_all_close(gradients, wanted)


def test_gradients_against_complex_step():
    layer = stack()
    checks.complex_step(checks.problem_of(layer, 5, T=T, B=B, dropout=draw_dropout(layer, T)))
    widening = stack(widths=(3, 5, 4, 6), residual=())
    assert widening.sizes == (3, 6)
    p = problem(widening, 6, T=T, B=B)
    checks.complex_step(checks.problem_of(widening, 6, T, B, dropout=draw_dropout(widening, 1)))
    run = widening.forward(p["X"])
    nothing = tuple(np.zeros_like(part) for part in run.state)
    checks.assert_all_close(by_name(widening.backward(run, p["G"])), by_name(widening.backward(run, p["G"], nothing)))


@pytest.mark.parametrize("kind", ["vanilla", "lstm"])
def test_against_pytorchs_layers_on_packed_sequences(kind):
    """nn.RNN and nn.LSTM with num_layers=2: outputs, last states, every gradient."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    layer = stack((kind, kind), (3, 5, 5), ())
    lengths = np.array([6, 1, 4, 3])
    p = problem(layer, 6, T=T, B=B)
    p["mask"] = np.arange(T)[:, None] < lengths
    p["G"] *= p["mask"][:, :, None]
    theirs = {"vanilla": torch.nn.RNN, "lstm": torch.nn.LSTM}[kind](3, 5, num_layers=2).double()
    with torch.no_grad():
        for l, ours in enumerate(layer.layers):
            getattr(theirs, f"weight_ih_l{l}").copy_(torch.tensor(ours.W.T))
            getattr(theirs, f"weight_hh_l{l}").copy_(torch.tensor(ours.U.T))
            getattr(theirs, f"bias_ih_l{l}").copy_(torch.tensor(ours.b))
            getattr(theirs, f"bias_hh_l{l}").zero_()
    n = len(p["state_0"]) // 2
    X = torch.tensor(p["X"], requires_grad=True)
    state = [torch.tensor(np.stack(p["state_0"][i::n]), requires_grad=True) for i in range(n)]
    dstate = [torch.tensor(np.stack(p["dstate"][i::n])) for i in range(n)]
    packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
    output, last = theirs(packed, state[0] if n == 1 else tuple(state))
    output, _ = pad_packed_sequence(output, total_length=T)
    last = (last,) if n == 1 else last
    loss = (output * torch.tensor(p["G"])).sum() + sum((s * d).sum() for s, d in zip(last, dstate, strict=True))
    weights = [getattr(theirs, f"{w}_l{l}") for l in range(2) for w in ("weight_ih", "weight_hh", "bias_ih")]
    found = [g.numpy() for g in torch.autograd.grad(loss, [X, *state, *weights])]
    wanted = {"X": found[0]}
    for i in range(n):
        wanted |= {f"state {i}": found[1 + i][0], f"state {n + i}": found[1 + i][1]}
    for l in range(2):
        dW, dU, db = found[1 + n + 3 * l :][:3]
        wanted |= {f"{l}.W": dW.T, f"{l}.U": dU.T, f"{l}.b": db}

    run, gradients = forward_and_back(layer, p)
    np.testing.assert_allclose(run.H[p["mask"]], output.detach().numpy()[p["mask"]], **checks.CLOSE)
    for i, part in enumerate(last):
        np.testing.assert_allclose(np.stack(run.state[i::n]), part.detach(), **checks.CLOSE)
    checks.assert_all_close(gradients, wanted)


@pytest.mark.slow
def test_against_keras_layers_with_a_mask():
    import keras
    import tensorflow as tf

    layer = stack(("lstm", "vanilla"), (3, 4, 5), ())
    p = problem(layer, 7, T=T, B=B)
    p["state_0"] = layer.zero_state(B)
    p["G"] *= p["mask"][:, :, None]
    p["dstate"] = tuple(np.zeros_like(part) for part in p["state_0"])
    lower = keras.layers.LSTM(4, return_sequences=True, dtype="float64")
    upper = keras.layers.SimpleRNN(5, return_sequences=True, dtype="float64")
    X, mask = tf.Variable(p["X"].swapaxes(0, 1)), p["mask"].T
    for theirs, ours, shape in ((lower, layer.layers[0], X.shape), (upper, layer.layers[1], (B, T, 4))):
        theirs.build(shape)
        theirs.set_weights([ours.W, ours.U, ours.b])  # Keras's order i, f, c, o is ours
    with tf.GradientTape() as tape:
        output = upper(lower(X, mask=mask), mask=mask)
        loss = tf.reduce_sum(tf.where(mask[:, :, None], output, 0) * p["G"].swapaxes(0, 1))
    dX, *weights = tape.gradient(loss, [X, *lower.trainable_weights, *upper.trainable_weights])
    run, gradients = forward_and_back(layer, p)
    np.testing.assert_allclose(run.H.swapaxes(0, 1)[mask], output.numpy()[mask], **checks.CLOSE)
    np.testing.assert_allclose(gradients["X"].swapaxes(0, 1), dX, **checks.CLOSE)
    for name, weight in zip([f"{l}.{w}" for l in range(2) for w in "WUb"], weights, strict=True):
        np.testing.assert_allclose(gradients[name], weight, err_msg=name, **checks.CLOSE)


def test_one_draw_a_sequence_is_the_same_draw_at_every_step():
    layer = stack()
    p = problem(layer, 8, T=T, B=B)
    once = draw_dropout(layer, 1)
    repeated = [np.repeat(d, T, axis=0) for d in once]
    run, gradients = forward_and_back(layer, p, dropout=once)
    wanted_run, wanted = forward_and_back(layer, p, dropout=repeated)
    np.testing.assert_array_equal(run.H, wanted_run.H)
    checks.assert_all_close(gradients, wanted)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4), split=st.integers(1, 5))
def test_properties(seed, T, B, split):
    """Padding changes nothing, the batch's order does not matter, and two chunks make the whole."""
    layer = stack()
    p = problem(layer, seed, T=T, B=B)
    run, gradients = forward_and_back(layer, p)
    rng = np.random.default_rng(seed)

    extra = {k: np.concatenate([p[k], 9 * rng.normal(size=(2, *p[k].shape[1:]))]) for k in ("X", "G")}
    extra["G"][T:] = 0
    extra["mask"] = np.concatenate([p["mask"], np.zeros((2, B), bool)])
    padded_run, padded = forward_and_back(layer, p | extra)
    for ours, theirs in zip(padded_run.state, run.state, strict=True):
        np.testing.assert_allclose(ours, theirs, **checks.CLOSE)
    assert not padded["X"][T:].any()
    checks.assert_all_close(padded | {"X": padded["X"][:T]}, gradients)

    order = rng.permutation(B)
    q = {k: p[k][:, order] for k in ("X", "mask", "G")} | {
        k: tuple(part[order] for part in p[k]) for k in ("state_0", "dstate")
    }
    shuffled_run, shuffled = forward_and_back(layer, q)
    np.testing.assert_allclose(shuffled_run.H, run.H[:, order], **checks.CLOSE)
    np.testing.assert_allclose(shuffled["0.U"], gradients["0.U"], **checks.CLOSE)

    if split < T:
        first = layer.forward(p["X"][:split], p["state_0"], p["mask"][:split])
        second = layer.forward(p["X"][split:], first.state, p["mask"][split:])
        np.testing.assert_allclose(np.concatenate([first.H, second.H]), run.H, **checks.CLOSE)
        late = layer.backward(second, p["G"][split:], p["dstate"])
        early = layer.backward(first, p["G"][:split], late.dstate_0)
        for i, part in enumerate(early.dstate_0):
            np.testing.assert_allclose(part, gradients[f"state {i}"], **checks.CLOSE)
        for name in layer.parameters:
            np.testing.assert_allclose(early.parameters[name] + late.parameters[name], gradients[name], **checks.CLOSE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_argument_habits(dtype):
    layer = stack(dtype=dtype)
    checks.dtype_is_kept_and_inputs_are_not_modified(checks.problem_of(layer, 3), dtype)
    p = problem(layer, 9, T=T, B=B)
    dropout = draw_dropout(layer, T, dtype=dtype)
    before = [d.copy() for d in dropout]
    run, gradients = forward_and_back(layer, p, dropout=dropout)
    assert {run.H.dtype, *(g.dtype for g in gradients.values())} == {np.dtype(dtype)}
    for d, kept in zip(dropout, before, strict=True):
        np.testing.assert_array_equal(d, kept)


def test_a_stack_of_one_is_that_layer_and_no_dstate_is_zero():
    inner = cell("lstm", 3, 5)
    layer = Stack((inner,))
    p = problem(layer, 10, T=T, B=B)
    run, wanted = layer.forward(p["X"], mask=p["mask"]), inner.forward(p["X"], mask=p["mask"])
    np.testing.assert_array_equal(run.H, wanted.H)
    found = by_name(layer.backward(run, p["G"]))
    theirs = by_name(inner.backward(wanted, p["G"]))
    checks.assert_all_close({k.removeprefix("0."): v for k, v in found.items()}, theirs)
    assert layer.causal
    assert layer.sizes == (3, 5)


def test_bad_input_is_named():
    layer = stack()
    p = problem(layer, T=T, B=B)
    good = draw_dropout(layer, T)
    with pytest.raises(ValueError, match="layers: expected at least one layer, got none"):
        Stack(())
    with pytest.raises(ValueError, match="layers: layer 1 expects inputs of width 4, layer 0 gives 5"):
        Stack((cell("vanilla", 3, 5), cell("vanilla", 4, 5)))
    with pytest.raises(ValueError, match="residual: expected a whole number from 0 to 2, got 3"):
        stack(residual=(3,))
    with pytest.raises(ValueError, match="residual: layer 0 must keep its width, but takes 3 and gives 5"):
        stack(residual=(0,))
    with pytest.raises(ValueError, match=r"state_0: expected 1 \+ 2 \+ 1 arrays, layer by layer, got 3"):
        layer.forward(p["X"], p["state_0"][:3])
    with pytest.raises(ValueError, match=r"dstate: expected 1 \+ 2 \+ 1 arrays, layer by layer, got 5"):
        layer.backward(layer.forward(p["X"]), p["G"], [*p["dstate"], p["dstate"][0]])
    with pytest.raises(ValueError, match="dropout: expected 4 entries, one a layer and the output, got 3"):
        layer.forward(p["X"], dropout=good[:3])
    with pytest.raises(ValueError, match=r"dropout\[1\]: expected shape \(6, 4, 5\), got \(2, 4, 5\)"):
        layer.forward(p["X"], dropout=[None, good[1][:2], None, None])
    with pytest.raises(TypeError, match=r"dropout\[0\]: expected a floating-point array, got dtype bool"):
        layer.forward(p["X"], dropout=[good[0] != 0, None, None, None])
    with pytest.raises(TypeError, match=r"expected one precision, got X float64, dropout\[3\] float32"):
        layer.forward(p["X"], dropout=[None, None, None, good[3].astype("float32")])
    with pytest.raises(ValueError, match=r"G: expected shape \(6, 4, 5\), got \(6, 1, 5\)"):
        layer.backward(layer.forward(p["X"], dropout=good), p["G"][:, :1])
    with pytest.raises(ValueError, match=r"X: expected shape \(T, B, 3\)"):
        layer.forward(p["X"][0])


def test_bidirectional_layers_may_be_stacked():
    pair = Bidirectional(cell("vanilla", 3, 2), cell("vanilla", 3, 3))
    layer = Stack((pair, cell("lstm", 5, 5)), residual=(1,))
    assert not layer.causal
    checks.complex_step(checks.problem_of(layer, 12, T=T, B=B))
