"""The LSTM against PyTorch's and Keras's own layers, autograd and complex step, and its properties."""

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent.gates import chunks, column_blocks
from autograder.recurrent.lstm import LSTM

CLOSE = checks.CLOSE


def draw(seed=0, T=5, B=4, D=3, H=6, **more):
    shapes = {"W": (D, 4 * H), "U": (H, 4 * H), "b": (4 * H,)}
    return checks.problem(LSTM, shapes, (H, H), seed, T, B, D, **more)


def torch_step(p, x, state):
    import torch

    h, c = state
    i, f, g, o = (x @ p["W"] + h @ p["U"] + p["b"]).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


SIZES = [(5, 4, 3, 6), (1, 3, 2, 4), (6, 1, 4, 2), (1, 1, 1, 1), (7, 3, 5, 1)]
# More rows than one product takes; matrices cut into blocks of columns, of the same and of other widths.
MANY_CHUNKS = [(5, 300, 3, 2), (3, 129, 2, 33), (4, 3, 5, 40), (2, 128, 2, 64)]


@pytest.mark.parametrize("sizes", SIZES + MANY_CHUNKS)
def test_masked_sequences_against_autograd(sizes):
    p = draw(11, *sizes)
    checks.agrees_with(*checks.autograd(torch_step, p), p)


def test_the_large_sizes_do_take_several_chunks_and_blocks():
    assert len(list(chunks(5, 300, 2))) == 5
    assert len(column_blocks(np.ones((40, 160)), 3)) == 5
    assert len(column_blocks(np.ones((33, 132)), 129)) == 1
    assert len(column_blocks(np.ones((64, 256)), 32)) == 4
    assert len(column_blocks(np.ones((512, 2048)), 64)) == 1


def torch_layer(p):
    import torch

    _, _, D = p.X.shape
    layer = torch.nn.LSTM(D, p.G.shape[-1]).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(p.parameters["W"].T))
        layer.weight_hh_l0.copy_(torch.tensor(p.parameters["U"].T))
        layer.bias_ih_l0.copy_(torch.tensor(p.parameters["b"]))
        layer.bias_hh_l0.zero_()
    return layer


def test_every_gradient_against_pytorch_lstm_layer_with_packed_sequences():
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    p = draw(3)
    T, _, _ = p.X.shape
    lengths = np.array([5, 3, 1, 4])
    p.mask[:] = np.arange(T)[:, None] < lengths
    p.G[~p.mask] = 0
    layer = torch_layer(p)
    X, h_0, c_0 = (torch.tensor(a, requires_grad=True) for a in (p.X, *p.state_0))
    packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
    output, (h, c) = layer(packed, (h_0[None], c_0[None]))
    output, _ = pad_packed_sequence(output, total_length=T)
    wanted = torch.autograd.grad(
        [output, h, c],
        [X, h_0, c_0, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0],
        [torch.tensor(p.G), *(torch.tensor(d)[None] for d in p.dstate)],
    )
    run = p.forward()
    np.testing.assert_allclose(run.H[p.mask], output.detach().numpy()[p.mask], **CLOSE)
    np.testing.assert_allclose(run.state[0], h[0].detach(), **CLOSE)
    np.testing.assert_allclose(run.state[1], c[0].detach(), **CLOSE)
    names = ("X", "state 0", "state 1", "W", "U", "b")
    theirs = {name: (g.T if name in "WU" else g).numpy() for name, g in zip(names, wanted, strict=True)}
    checks.assert_all_close(p.gradients(), theirs)


@pytest.mark.slow
def test_every_gradient_against_keras_lstm_with_a_mask():
    import keras
    import tensorflow as tf

    p = draw(4)
    p.mask[:, -1] = [True, False, True, True, False]  # Keras's layer needs at least one step
    layer = keras.layers.LSTM(6, return_sequences=True, return_state=True, dtype="float64")
    X, h_0, c_0 = (tf.Variable(a) for a in (p.X.swapaxes(0, 1), *p.state_0))
    layer.build(X.shape)
    layer.set_weights(list(p.parameters.values()))
    with tf.GradientTape() as tape:
        output, h, c = layer(X, mask=p.mask.T, initial_state=[h_0, c_0])
        loss = tf.reduce_sum(tf.where(p.mask.T[..., None], output * p.G.swapaxes(0, 1), 0))
        loss += tf.reduce_sum(h * p.dstate[0]) + tf.reduce_sum(c * p.dstate[1])
    wanted = tape.gradient(loss, [X, h_0, c_0, *layer.trainable_variables])
    p.G[~p.mask] = 0  # what Keras puts out at padded steps is its own affair
    run = p.forward()
    np.testing.assert_allclose(run.H.swapaxes(0, 1)[p.mask.T], output.numpy()[p.mask.T], **CLOSE)
    np.testing.assert_allclose(run.state[0], h, **CLOSE)
    np.testing.assert_allclose(run.state[1], c, **CLOSE)
    theirs = dict(zip(("X", "state 0", "state 1", "W", "U", "b"), map(np.asarray, wanted), strict=True))
    theirs["X"] = theirs["X"].swapaxes(0, 1)
    checks.assert_all_close(p.gradients(), theirs)


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (3, 260, 2, 3)])
def test_gradients_against_complex_step(sizes, gaps):
    checks.complex_step(draw(7, *sizes, gaps=gaps))


def test_complex_gradients():
    checks.gradients_are_linear_in_complex(draw(8))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("gaps", [True, False])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype, gaps):
    checks.dtype_is_kept_and_inputs_are_not_modified(draw(9, gaps=gaps), dtype)


def test_no_mask_is_a_mask_of_ones():
    checks.no_mask_is_a_mask_of_ones(draw(10))


def test_masked_steps_hold_the_state():
    checks.masked_steps_hold_the_state(draw(12))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_pre_activations_do_not_overflow(dtype):
    checks.huge_pre_activations_do_not_overflow(draw(13), dtype)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4), cut=st.integers(0, 6))
def test_properties(seed, T, B, cut):
    checks.padding_order_and_chunks(draw(seed, T=T, B=B, D=2, H=3), seed, cut)


BAD = {
    "rank of X": ("X", lambda a: a[0], ValueError, r"X: expected shape \(T, B, 3\), got \(4, 3\)"),
    "width of X": ("X", lambda a: a[..., :2], ValueError, r"X: expected shape \(T, B, 3\)"),
    "integers": ("X", lambda a: a.astype(int), TypeError, "X: expected a floating-point array, got dtype int64"),
    "mixed dtypes": ("X", lambda a: a.astype("float32"), TypeError, "X float32, h_0 float64"),
    "batch of h_0": ("state 0", lambda a: a[:1], ValueError, r"h_0: expected shape \(4, 6\), got \(1, 6\)"),
    "width of c_0": ("state 1", lambda a: a[:, :2], ValueError, r"c_0: expected shape \(4, 6\), got \(4, 2\)"),
    "width of W": ("W", lambda a: a[:, :6], ValueError, r"W: expected shape \(D, 24\), got \(3, 6\)"),
    "three gates in U": ("U", lambda a: a[:, :18], ValueError, r"U: expected shape \(6, 24\), got \(6, 18\)"),
    "b of a double bias": ("b", lambda a: np.stack([a, a]), ValueError, r"b: expected shape \(24,\), got \(2, 24\)"),
    "not finite": ("U", lambda a: a / 0 * 0, ValueError, r"U: expected finite values, got nan at \(0, 0\)"),
}


@pytest.mark.parametrize(("name", "spoil", "kind", "said"), BAD.values(), ids=BAD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_named(name, spoil, kind, said):
    p = draw(30)
    with pytest.raises(kind, match=said):
        p.with_argument(name, spoil(p.arguments()[name])).forward()


def test_bad_masks_states_and_gradients_are_named():
    p = draw(31)
    layer, run = p.layer, p.forward()
    with pytest.raises(ValueError, match=r"mask: expected shape \(T, B\) = \(5, 4\)"):
        layer.forward(p.X, p.state_0, p.mask.T)
    with pytest.raises(ValueError, match=r"state_0: expected \(h_0, c_0\), got 1 array"):
        layer.forward(p.X, p.state_0[:1])
    with pytest.raises(TypeError, match=r"state_0: expected a tuple \(h_0, c_0\), got ndarray"):
        layer.forward(p.X, np.stack(p.state_0))
    with pytest.raises(ValueError, match=r"G: expected shape \(5, 4, 6\)"):
        layer.backward(run, p.G[1:])
    with pytest.raises(ValueError, match="dh_T: expected shape"):
        layer.backward(run, p.G, (p.G, p.dstate[1]))
    with pytest.raises(ValueError, match="dc_T: expected shape"):
        layer.backward(run, p.G, (p.dstate[0], p.G))
    with pytest.raises(ValueError, match=r"dstate: expected \(dh_T, dc_T\), got 3 arrays"):
        layer.backward(run, p.G, (*p.dstate, p.G))
