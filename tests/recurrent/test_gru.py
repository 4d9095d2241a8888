"""The GRU in both forms against PyTorch's and Keras's own layers, autograd and complex step, and its properties."""

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent.gru import GRU

CLOSE = checks.CLOSE
BOTH = pytest.mark.parametrize("reset", ["after", "before"])


def draw(reset, seed=0, T=5, B=4, D=3, H=6, **more):
    shapes = {"W": (D, 3 * H), "U": (H, 3 * H), "b": (3 * H,)} | ({"c": (H,)} if reset == "after" else {})
    return checks.problem(lambda **p: GRU(**p, reset=reset), shapes, (H,), seed, T, B, D, **more)


def torch_step(p, x, state):
    """Each form as its authors write it, gate by gate."""
    import torch

    (h,) = state
    W_r, W_z, W_n = p["W"].chunk(3, dim=1)
    U_r, U_z, U_n = p["U"].chunk(3, dim=1)
    b_r, b_z, b_n = p["b"].chunk(3)
    r, z = torch.sigmoid(x @ W_r + h @ U_r + b_r), torch.sigmoid(x @ W_z + h @ U_z + b_z)
    inner = r * (h @ U_n + p["c"]) if "c" in p else (r * h) @ U_n
    n = torch.tanh(x @ W_n + b_n + inner)
    return ((1 - z) * n + z * h,)


SIZES = [(5, 4, 3, 6), (1, 3, 2, 4), (6, 1, 4, 2), (1, 1, 1, 1), (7, 3, 5, 1)]
# More rows than one product takes; matrices cut into blocks of columns, of the same and of other widths.
MANY_CHUNKS = [(5, 300, 3, 2), (3, 129, 2, 33), (4, 3, 5, 64), (2, 128, 2, 64)]


@BOTH
@pytest.mark.parametrize("sizes", SIZES + MANY_CHUNKS)
def test_masked_sequences_against_autograd(sizes, reset):
    p = draw(reset, 11, *sizes)
    checks.agrees_with(*checks.autograd(torch_step, p), p)


def test_every_gradient_against_pytorch_gru_layer_with_packed_sequences():
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    p = draw("after", 3)
    T, _, D = p.X.shape
    H = p.G.shape[-1]
    lengths = np.array([5, 3, 1, 4])
    p.mask[:] = np.arange(T)[:, None] < lengths
    p.G[~p.mask] = 0
    layer = torch.nn.GRU(D, H).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(p.parameters["W"].T))
        layer.weight_hh_l0.copy_(torch.tensor(p.parameters["U"].T))
        layer.bias_ih_l0.copy_(torch.tensor(p.parameters["b"]))
        layer.bias_hh_l0.zero_()
        layer.bias_hh_l0[2 * H :] = torch.tensor(p.parameters["c"])
    X, h_0 = (torch.tensor(a, requires_grad=True) for a in (p.X, *p.state_0))
    output, h = layer(pack_padded_sequence(X, lengths, enforce_sorted=False), h_0[None])
    output, _ = pad_packed_sequence(output, total_length=T)
    wanted = torch.autograd.grad(
        [output, h],
        [X, h_0, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0],
        [torch.tensor(p.G), torch.tensor(p.dstate[0])[None]],
    )
    run = p.forward()
    np.testing.assert_allclose(run.H[p.mask], output.detach().numpy()[p.mask], **CLOSE)
    np.testing.assert_allclose(run.state[0], h[0].detach(), **CLOSE)
    dX, dh_0, dW, dU, db, db_recurrent = (g.numpy() for g in wanted)
    theirs = {"X": dX, "state 0": dh_0, "W": dW.T, "U": dU.T, "b": db, "c": db_recurrent[2 * H :]}
    checks.assert_all_close(p.gradients(), theirs)


@pytest.mark.slow
@BOTH
def test_every_gradient_against_keras_gru_with_a_mask(reset):
    import keras
    import tensorflow as tf

    p = draw(reset, 4)
    H = p.G.shape[-1]
    p.mask[:, -1] = [True, False, True, True, False]  # Keras's layer needs at least one step

    def z_first(a):
        r, z, n = np.split(a, 3, axis=-1)
        return np.concatenate([z, r, n], axis=-1)

    W, U, b = (z_first(p.parameters[k]) for k in "WUb")
    if reset == "after":
        b = np.stack([b, np.concatenate([np.zeros(2 * H), p.parameters["c"]])])
    layer = keras.layers.GRU(H, reset_after=reset == "after", return_sequences=True, return_state=True, dtype="float64")
    X, h_0 = (tf.Variable(a) for a in (p.X.swapaxes(0, 1), *p.state_0))
    layer.build(X.shape)
    layer.set_weights([W, U, b])
    with tf.GradientTape() as tape:
        output, h = layer(X, mask=p.mask.T, initial_state=h_0)
        loss = tf.reduce_sum(tf.where(p.mask.T[..., None], output * p.G.swapaxes(0, 1), 0))
        loss += tf.reduce_sum(h * p.dstate[0])
    dX, dh_0, dW, dU, db = map(np.asarray, tape.gradient(loss, [X, h_0, *layer.trainable_variables]))
    p.G[~p.mask] = 0  # what Keras puts out at padded steps is its own affair
    run = p.forward()
    np.testing.assert_allclose(run.H.swapaxes(0, 1)[p.mask.T], output.numpy()[p.mask.T], **CLOSE)
    np.testing.assert_allclose(run.state[0], h, **CLOSE)
    theirs = {"X": dX.swapaxes(0, 1), "state 0": dh_0, "W": z_first(dW), "U": z_first(dU)}
    if reset == "after":
        theirs |= {"b": z_first(db[0]), "c": db[1, 2 * H :]}
    else:
        theirs |= {"b": z_first(db)}
    checks.assert_all_close(p.gradients(), theirs)


@BOTH
@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (3, 260, 2, 3)])
def test_gradients_against_complex_step(sizes, gaps, reset):
    checks.complex_step(draw(reset, 7, *sizes, gaps=gaps))


@BOTH
def test_complex_gradients(reset):
    checks.gradients_are_linear_in_complex(draw(reset, 8))


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("gaps", [True, False])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype, gaps, reset):
    checks.dtype_is_kept_and_inputs_are_not_modified(draw(reset, 9, gaps=gaps), dtype)


@BOTH
def test_no_mask_is_a_mask_of_ones(reset):
    checks.no_mask_is_a_mask_of_ones(draw(reset, 10))


@BOTH
def test_masked_steps_hold_the_state(reset):
    checks.masked_steps_hold_the_state(draw(reset, 12))


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_pre_activations_do_not_overflow(dtype, reset):
    checks.huge_pre_activations_do_not_overflow(draw(reset, 13), dtype)


@BOTH
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4), cut=st.integers(0, 6))
def test_properties(reset, seed, T, B, cut):
    checks.padding_order_and_chunks(draw(reset, seed, T=T, B=B, D=2, H=3), seed, cut)


def test_where_the_reset_gate_stands_matters_unless_it_is_open():
    p = draw("after", 14, gaps=False)
    W, U, b = (p.parameters[k].copy() for k in "WUb")
    H = p.G.shape[-1]
    b[:H] = 40  # r = 1 to rounding
    c = np.zeros(H)
    after, before = GRU(W, U, b, c), GRU(W, U, b, reset="before")
    np.testing.assert_allclose(after.forward(p.X, p.state_0).H, before.forward(p.X, p.state_0).H, **CLOSE)
    b[:H] = 0
    after, before = GRU(W, U, b, c), GRU(W, U, b, reset="before")
    assert abs(after.forward(p.X, p.state_0).H - before.forward(p.X, p.state_0).H).max() > 0.01


BAD = {
    "rank of X": ("X", lambda a: a[0], ValueError, r"X: expected shape \(T, B, 3\), got \(4, 3\)"),
    "integers": ("X", lambda a: a.astype(int), TypeError, "X: expected a floating-point array, got dtype int64"),
    "mixed dtypes": ("X", lambda a: a.astype("float32"), TypeError, "X float32, h_0 float64"),
    "batch of h_0": ("state 0", lambda a: a[:1], ValueError, r"h_0: expected shape \(4, 6\), got \(1, 6\)"),
    "width of W": ("W", lambda a: a[:, :6], ValueError, r"W: expected shape \(D, 18\), got \(3, 6\)"),
    "four gates in U": ("U", lambda a: np.c_[a, a[:, :6]], ValueError, r"U: expected shape \(6, 18\), got \(6, 24\)"),
    "b of a double bias": ("b", lambda a: np.stack([a, a]), ValueError, r"b: expected shape \(18,\), got \(2, 18\)"),
    "c of all gates": ("c", lambda a: np.tile(a, 3), ValueError, r"c: expected shape \(6,\), got \(18,\)"),
    "no c": ("c", lambda a: None, TypeError, r"c: expected an array of shape \(6,\), got NoneType"),
    "not finite": ("U", lambda a: a / 0 * 0, ValueError, r"U: expected finite values, got nan at \(0, 0\)"),
}


@pytest.mark.parametrize(("name", "spoil", "kind", "said"), BAD.values(), ids=BAD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_named(name, spoil, kind, said):
    p = draw("after", 30)
    with pytest.raises(kind, match=said):
        p.with_argument(name, spoil(p.arguments()[name])).forward()


def test_bad_masks_states_gradients_and_forms_are_named():
    p = draw("after", 31)
    layer, run = p.layer, p.forward()
    with pytest.raises(ValueError, match=r"mask: expected shape \(T, B\) = \(5, 4\)"):
        layer.forward(p.X, p.state_0, p.mask.T)
    with pytest.raises(TypeError, match=r"state_0: expected a tuple \(h_0,\), got ndarray"):
        layer.forward(p.X, p.state_0[0])
    with pytest.raises(ValueError, match=r"G: expected shape \(5, 4, 6\)"):
        layer.backward(run, p.G[1:])
    with pytest.raises(ValueError, match="dh_T: expected shape"):
        layer.backward(run, p.G, (p.G,))
    with pytest.raises(ValueError, match="reset: expected 'after' or 'before', got 'inside'"):
        GRU(**p.parameters, reset="inside")
    with pytest.raises(ValueError, match="c: expected None with reset='before'"):
        GRU(**p.parameters, reset="before")
