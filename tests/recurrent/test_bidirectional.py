"""The bidirectional wrapper against PyTorch's packed and Keras's masked layers, autograd and complex step."""

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_layers import (
    CELLS,
    cell,
    forward_and_back,
    problem,
    torch_cell,
    torch_gradients,
)

from autograder.recurrent.bidirectional import MERGES, Bidirectional, reverse_by_length
from autograder.recurrent.stack import Stack

D, H = 3, 5


def both(kind="vanilla", merge="concat", back=H, dtype="float64"):
    return Bidirectional(cell(kind, D, H, 1, dtype), cell(kind, D, back, 2, dtype), merge)


def right_padded(T, lengths):
    return np.arange(T)[:, None] < np.asarray(lengths)


def test_reversal_by_length_of_padded_gapped_and_empty_sequences():
    X = np.arange(1, 13).reshape(4, 3)
    mask = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]])
    wanted = [[7, 2, 3], [4, 11, 6], [1, 8, 9], [10, 5, 12]]
    np.testing.assert_array_equal(reverse_by_length(X, mask), wanted)
    np.testing.assert_array_equal(X, np.arange(1, 13).reshape(4, 3))
    np.testing.assert_array_equal(reverse_by_length(X), X[::-1])
    assert not np.shares_memory(reverse_by_length(X), X)


@given(seed=st.integers(0, 10**6), T=st.integers(1, 7), B=st.integers(1, 4))
def test_reversing_twice_is_nothing_and_padding_is_left_alone(seed, T, B):
    rng = np.random.default_rng(seed)
    X, mask = rng.normal(size=(T, B, 2)), rng.random((T, B)) < 0.6
    np.testing.assert_array_equal(reverse_by_length(reverse_by_length(X, mask), mask), X)
    np.testing.assert_array_equal(reverse_by_length(X, mask)[~mask], X[~mask])
    padded = right_padded(T, rng.integers(0, T + 1, size=B))
    flipped = X.copy()
    for b, n in enumerate(padded.sum(axis=0)):
        flipped[:n, b] = X[:n, b][::-1]
    np.testing.assert_array_equal(reverse_by_length(X, padded), flipped)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("gaps", [False, True])
def test_reversed_time_equals_reversal_by_length(kind, gaps):
    """What the layer does, X[::-1] with mask[::-1], and what most texts do agree on every step that counts."""
    layer, p = both(kind), problem(both(kind))
    on = p["mask"] if gaps else right_padded(6, [0, 6, 2, 5])
    p["mask"] = on
    p["G"] *= on[:, :, None]
    run, gradients = forward_and_back(layer, p)
    n = len(p["state_0"]) // 2
    back = layer.backward_layer
    flipped = back.forward(reverse_by_length(p["X"], on), p["state_0"][n:], on)
    np.testing.assert_allclose(run.H[on][:, H:], reverse_by_length(flipped.H, on)[on], **checks.CLOSE)
    for ours, theirs in zip(run.state[n:], flipped.state, strict=True):
        np.testing.assert_allclose(ours, theirs, **checks.CLOSE)
    found = back.backward(flipped, reverse_by_length(p["G"][:, :, H:], on), p["dstate"][n:])
    there = layer.forward_layer
    first = there.backward(there.forward(p["X"], p["state_0"][:n], on), p["G"][:, :, :H], p["dstate"][:n])
    np.testing.assert_allclose(gradients["X"], first.dX + reverse_by_length(found.dX, on), **checks.CLOSE)
    for name, value in found.parameters.items():
        np.testing.assert_allclose(gradients[f"backward.{name}"], value, **checks.CLOSE)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("merge", MERGES)
def test_gradients_against_autograd(kind, merge):
    import torch

    layer = both(kind, merge, back=4 if merge == "concat" else H)
    p = problem(layer, 5)
    n = len(p["state_0"]) // 2

    def reference(X, state, mask, parameters):
        def part(name):
            return {k.removeprefix(name): v for k, v in parameters.items() if k.startswith(name)}

        there, last = torch_cell(layer.forward_layer, X, state[:n], mask, part("forward."))
        back, last_back = torch_cell(layer.backward_layer, X.flip(0), state[n:], mask.flip(0), part("backward."))
        back = back.flip(0)
        merged = {
            "concat": lambda: torch.cat([there, back], dim=-1),
            "sum": lambda: there + back,
            "average": lambda: (there + back) / 2,
            "product": lambda: there * back,
        }[merge]()
        return merged, last + last_back

    H_wanted, wanted = torch_gradients(layer, p, reference)
    run, gradients = forward_and_back(layer, p)
    np.testing.assert_allclose(run.H, H_wanted, **checks.CLOSE)
    checks.assert_all_close(gradients, wanted)


@pytest.mark.parametrize("merge", MERGES)
def test_gradients_against_complex_step(merge):
    layer = both(merge=merge)
    checks.complex_step(checks.problem_of(layer, 6))


@pytest.mark.parametrize("kind", ["vanilla", "lstm"])
def test_against_pytorchs_packed_bidirectional_layer(kind):
    """Outputs at counted steps, last states (h_n order: forward, backward) and all gradients."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    layer = both(kind)
    lengths = np.array([6, 1, 4, 3])
    p = problem(layer, 7, gaps=False)
    p["mask"] = right_padded(6, lengths)
    p["G"] *= p["mask"][:, :, None]
    theirs = {"vanilla": torch.nn.RNN, "lstm": torch.nn.LSTM}[kind](D, H, bidirectional=True).double()
    with torch.no_grad():
        for suffix, ours in (("", layer.forward_layer), ("_reverse", layer.backward_layer)):
            getattr(theirs, "weight_ih_l0" + suffix).copy_(torch.tensor(ours.W.T))
            getattr(theirs, "weight_hh_l0" + suffix).copy_(torch.tensor(ours.U.T))
            getattr(theirs, "bias_ih_l0" + suffix).copy_(torch.tensor(ours.b))
            getattr(theirs, "bias_hh_l0" + suffix).zero_()
    X = torch.tensor(p["X"], requires_grad=True)
    parts = len(p["state_0"]) // 2
    state = [torch.tensor(np.stack(p["state_0"][i::parts]), requires_grad=True) for i in range(parts)]
    dstate = [torch.tensor(np.stack(p["dstate"][i::parts])) for i in range(parts)]
    packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
    output, last = theirs(packed, state[0] if parts == 1 else tuple(state))
    output, _ = pad_packed_sequence(output, total_length=6)
    last = (last,) if parts == 1 else last
    loss = (output * torch.tensor(p["G"])).sum() + sum((s * d).sum() for s, d in zip(last, dstate, strict=True))
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]
    weights = [getattr(theirs, name + suffix) for suffix in ("", "_reverse") for name in names]
    found = [g.numpy() for g in torch.autograd.grad(loss, [X, *state, *weights])]

    run, gradients = forward_and_back(layer, p)
    np.testing.assert_allclose(run.H[p["mask"]], output.detach().numpy()[p["mask"]], **checks.CLOSE)
    for i, part in enumerate(last):
        np.testing.assert_allclose(np.stack(run.state[i::parts]), part.detach(), **checks.CLOSE)
    wanted = {"X": found[0]}
    for i in range(parts):
        wanted |= {f"state {i}": found[1 + i][0], f"state {parts + i}": found[1 + i][1]}
    for j, side in enumerate(("forward", "backward")):
        dW, dU, db = found[1 + parts + 3 * j :][:3]
        wanted |= {f"{side}.W": dW.T, f"{side}.U": dU.T, f"{side}.b": db}
    checks.assert_all_close(gradients, wanted)


KERAS_MERGES = {"concat": "concat", "sum": "sum", "average": "ave", "product": "mul"}


@pytest.mark.slow
@pytest.mark.parametrize("merge", MERGES)
def test_against_keras_bidirectional_with_a_mask(merge):
    """Outputs at counted steps, last states, and the gradients of X and all weights; mask with gaps, float64."""
    import keras
    import tensorflow as tf

    layer = both("vanilla", merge)
    p = problem(layer, 8)
    p["state_0"] = layer.zero_state(4)
    p["G"] *= p["mask"][:, :, None]
    inner = keras.layers.SimpleRNN(H, return_sequences=True, return_state=True, dtype="float64")
    theirs = keras.layers.Bidirectional(inner, merge_mode=KERAS_MERGES[merge], dtype="float64")
    X = tf.Variable(p["X"].swapaxes(0, 1))
    theirs.build(X.shape)
    theirs.set_weights([*layer.forward_layer.parameters.values(), *layer.backward_layer.parameters.values()])
    mask = p["mask"].T
    with tf.GradientTape() as tape:
        output, *last = theirs(X, mask=mask)
        loss = tf.reduce_sum(tf.where(mask[:, :, None], output, 0) * p["G"].swapaxes(0, 1))
        loss += sum(tf.reduce_sum(s * d) for s, d in zip(last, p["dstate"], strict=True))
    dX, *weights = tape.gradient(loss, [X, *theirs.trainable_weights])
    run, gradients = forward_and_back(layer, p)
    np.testing.assert_allclose(run.H.swapaxes(0, 1)[mask], output.numpy()[mask], **checks.CLOSE)
    for ours, theirs_last in zip(run.state, last, strict=True):
        np.testing.assert_allclose(ours, theirs_last, **checks.CLOSE)
    np.testing.assert_allclose(gradients["X"].swapaxes(0, 1), dX, **checks.CLOSE)
    names = [f"{side}.{name}" for side in ("forward", "backward") for name in "WUb"]
    for name, weight in zip(names, weights, strict=True):
        np.testing.assert_allclose(gradients[name], weight, err_msg=name, **checks.CLOSE)


def test_alignment_and_the_last_states():
    """H[t] = [forward_t, backward_t]; the backward layer has seen x_t, …, x_T there, and ends at the first step."""
    layer = both()
    p = problem(layer, 9, gaps=False)
    run = layer.forward(p["X"], p["state_0"])
    np.testing.assert_allclose(run.state[0], run.H[-1, :, :H], **checks.CLOSE)
    np.testing.assert_allclose(run.state[1], run.H[0, :, H:], **checks.CLOSE)
    later = p["X"].copy()
    later[3:] += 1
    moved = layer.forward(later, p["state_0"])
    np.testing.assert_array_equal(moved.H[:3, :, :H], run.H[:3, :, :H])
    assert (moved.H[:3, :, H:] != run.H[:3, :, H:]).any(axis=-1).all()
    earlier = p["X"].copy()
    earlier[:3] += 1
    np.testing.assert_array_equal(layer.forward(earlier, p["state_0"]).H[3:, :, H:], run.H[3:, :, H:])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4), kind=st.sampled_from(CELLS))
def test_properties(seed, T, B, kind):
    """Time reversal swaps the two layers; padding changes nothing; the batch's order does not matter."""
    layer = both(kind)
    p = problem(layer, seed, T=T, B=B)
    n = len(p["state_0"]) // 2
    run, gradients = forward_and_back(layer, p)

    swapped = Bidirectional(layer.backward_layer, layer.forward_layer)
    q = {k: p[k][::-1] for k in ("X", "mask")} | {k: p[k][n:] + p[k][:n] for k in ("state_0", "dstate")}
    q["G"] = np.concatenate([p["G"][::-1, :, H:], p["G"][::-1, :, :H]], axis=-1)
    mirrored, turned = forward_and_back(swapped, q)
    np.testing.assert_array_equal(mirrored.H[::-1, :, H:], run.H[:, :, :H])
    np.testing.assert_allclose(turned["X"][::-1], gradients["X"], **checks.CLOSE)
    np.testing.assert_allclose(turned["backward.U"], gradients["forward.U"], **checks.CLOSE)

    rng = np.random.default_rng(seed)
    extra = {k: np.concatenate([p[k], 9 * rng.normal(size=(2, *p[k].shape[1:]))]) for k in ("X", "G")}
    extra["G"][T:] = 0
    extra["mask"] = np.concatenate([p["mask"], np.zeros((2, B), bool)])
    padded_run, padded = forward_and_back(layer, p | extra)
    np.testing.assert_allclose(padded_run.H[:T][p["mask"]], run.H[p["mask"]], **checks.CLOSE)
    assert not padded["X"][T:].any()
    checks.assert_all_close(padded | {"X": padded["X"][:T]}, gradients)

    order = rng.permutation(B)
    q = {k: p[k][:, order] for k in ("X", "mask", "G")} | {
        k: tuple(part[order] for part in p[k]) for k in ("state_0", "dstate")
    }
    shuffled_run, shuffled = forward_and_back(layer, q)
    np.testing.assert_allclose(shuffled_run.H, run.H[:, order], **checks.CLOSE)
    np.testing.assert_allclose(shuffled["X"], gradients["X"][:, order], **checks.CLOSE)
    np.testing.assert_allclose(shuffled["backward.W"], gradients["backward.W"], **checks.CLOSE)


def test_no_state_no_mask_and_no_dstate_are_zeros_ones_and_zeros():
    layer = both("lstm", "product")
    p = problem(layer, 10, gaps=False)
    bare = layer.forward(p["X"])
    p["state_0"] = layer.zero_state(4)
    p["dstate"] = tuple(np.zeros_like(part) for part in p["state_0"])
    run, gradients = forward_and_back(layer, p)
    np.testing.assert_array_equal(bare.H, run.H)
    found = layer.backward(bare, p["G"])
    np.testing.assert_allclose(found.dX, gradients["X"], **checks.CLOSE)
    assert [part.shape for part in found.dstate_0] == [(4, H)] * 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("merge", MERGES)
def test_argument_habits(dtype, merge):
    checks.dtype_is_kept_and_inputs_are_not_modified(checks.problem_of(both("lstm", merge, dtype=dtype), 3), dtype)


def test_two_bidirectional_layers_stack():
    layer = Stack((both(), Bidirectional(cell("vanilla", 2 * H, 4, 3), cell("vanilla", 2 * H, 2, 4))))
    assert layer.sizes == (D, 6)
    assert not layer.causal
    p = problem(layer, 11)
    run, _ = forward_and_back(layer, p)
    assert run.H.shape == (6, 4, 6)
    checks.complex_step(checks.problem_of(layer, 11))


def test_bad_input_is_named():
    layer = both()
    p = problem(layer)
    with pytest.raises(ValueError, match=r"backward_layer: expected inputs of width 3, as the forward layer's, got 2"):
        Bidirectional(cell("vanilla", 3, H), cell("vanilla", 2, H))
    with pytest.raises(ValueError, match=r"backward_layer: expected outputs of width 5 for merge 'sum', got 4"):
        Bidirectional(cell("vanilla", 3, 5), cell("vanilla", 3, 4), "sum")
    with pytest.raises(ValueError, match=r"merge: expected one of concat, sum, average, product, got 'mean'"):
        both(merge="mean")
    with pytest.raises(ValueError, match=r"X: expected shape \(T, B, 3\), got \(6, 4, 2\)"):
        layer.forward(p["X"][..., :2])
    with pytest.raises(ValueError, match=r"mask: expected shape \(T, B\) = \(6, 4\)"):
        layer.forward(p["X"], mask=p["mask"].T)
    with pytest.raises(ValueError, match=r"state_0: expected 1 \+ 1 arrays, layer by layer, got 1"):
        layer.forward(p["X"], p["state_0"][:1])
    with pytest.raises(TypeError, match=r"state_0: expected a tuple of arrays, got ndarray"):
        layer.forward(p["X"], p["state_0"][0])
    with pytest.raises(ValueError, match=r"dstate: expected 1 \+ 1 arrays, layer by layer, got 3"):
        layer.backward(layer.forward(p["X"]), p["G"], [*p["dstate"], p["dstate"][0]])
    with pytest.raises(ValueError, match=r"G: expected shape \(6, 4, 10\), got \(6, 4, 5\)"):
        layer.backward(layer.forward(p["X"]), p["G"][..., :5])
    with pytest.raises(ValueError, match=r"mask: expected shape \(T, B\) = \(6, 4\)"):
        reverse_by_length(p["X"], p["mask"][1:])
