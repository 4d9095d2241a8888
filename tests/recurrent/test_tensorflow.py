"""The TensorFlow cells against the NumPy layers, Keras's own layers and the tape."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
pytest.importorskip("keras", reason="Keras is not installed")

from tensorflow_cells import CELLS, CLOSE, assert_same, compare_with_numpy, draw, keras_layer, make, results  # noqa: E402

pytestmark = pytest.mark.slow

SIZES = [(5, 4, 3, 6), (1, 3, 2, 4), (1, 1, 1, 1), (4, 3, 5, 1)]
"""T, B, D, H."""


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("gaps", [True, False], ids=["gaps", "no-mask"])
@pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])
@pytest.mark.parametrize("name", CELLS)
def test_against_the_numpy_layers(name, by_hand, gaps, sizes):
    T, B, D, H = sizes
    layer = make(name, D, H, by_hand=by_hand)
    compare_with_numpy(layer, *draw(layer, T, B, D, gaps=gaps))


@pytest.mark.parametrize("sizes", SIZES[:2], ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_backward_by_hand_agrees_with_the_tape(name, sizes):
    T, B, D, H = sizes
    given = draw(make(name, D, H), T, B, D)
    assert_same(results(make(name, D, H, by_hand=True), *given), results(make(name, D, H), *given))


def swap_r_and_z(name, value):
    """Keras's GRU has its blocks in the order z, r, h; nothing to do for the others."""
    if not name.startswith("gru"):
        return value
    r, z, n = np.split(value, 3, axis=-1)
    return np.concatenate([z, r, n], axis=-1)


@pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])
@pytest.mark.parametrize("name", ["tanh", "relu", "lstm", "gru-after", "gru-before"])
def test_against_kerass_own_layers_with_a_mask(name, by_hand):
    T, B, D, H = 6, 4, 3, 5
    layer, theirs = make(name, D, H, by_hand=by_hand), keras_layer(name, D, H)
    values = {w.name: np.asarray(w.value) for w in layer.weights}
    bias = swap_r_and_z(name, values["b"])
    if name == "gru-after":
        bias = np.stack([bias, np.concatenate([np.zeros(2 * H), values["c"]])])
    theirs.set_weights([swap_r_and_z(name, values["W"]), swap_r_and_z(name, values["U"]), bias])
    X, state, mask, G, dstate = draw(layer, T, B, D)
    G = G * tf.cast(mask, G.dtype)[..., None]  # at masked steps Keras's output is its own business
    ours = results(layer, X, state, mask, G, dstate)
    with tf.GradientTape() as tape:
        tape.watch([X, *state])
        output, *last = theirs(X, initial_state=state, mask=mask)
        loss = tf.reduce_sum(G * output) + sum(tf.reduce_sum(d * s) for d, s in zip(dstate, last, strict=True))
    dX, *rest = tape.gradient(loss, [X, *state, *(w.value for w in theirs.weights)])
    wanted = {"dX": dX} | {f"dstate_0 {k}": rest[k] for k in range(len(state))}
    wanted |= {f"state {k}": s for k, s in enumerate(last)}
    dW, dU, db = (np.asarray(v) for v in rest[len(state) :])
    if name == "gru-after":
        wanted["c"] = db[1, 2 * H :]
        db = db[0]
    wanted |= {"W": swap_r_and_z(name, dW), "U": swap_r_and_z(name, dU), "b": swap_r_and_z(name, db)}
    on = np.asarray(mask)
    np.testing.assert_allclose(ours.pop("H")[on], np.asarray(output)[on], **CLOSE)
    assert_same(ours, {k: np.asarray(v) for k, v in wanted.items()})


@pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])
@pytest.mark.parametrize("name", CELLS)
def test_single_precision_is_kept(name, by_hand):
    """float32 out for float32 in, near the float64 result: eps is 1e-7, and errors grow over the steps."""
    exact, layer = make(name), make(name, dtype="float32", by_hand=by_hand)
    X, state, mask, G, dstate = given = draw(layer, dtype="float32")
    H, last = layer(X, state_0=state, mask=mask)
    assert {v.dtype for v in (H, *last)} == {tf.float32}
    wide = [tf.cast(X, "float64"), [tf.cast(s, "float64") for s in state], mask, tf.cast(G, "float64")]
    wanted = results(exact, *wide, [tf.cast(d, "float64") for d in dstate])
    assert_same(results(layer, *given), wanted, {"rtol": 2e-4, "atol": 2e-5})


@pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])
@pytest.mark.parametrize("name", CELLS)
def test_large_values_do_not_overflow(name, by_hand):
    layer = make(name, dtype="float32", by_hand=by_hand)
    X, *rest = draw(layer, dtype="float32")
    assert all(np.isfinite(v).all() for v in results(layer, 1e4 * X, *rest).values())


@pytest.mark.parametrize("by_hand", [False, True], ids=["tape", "hand"])
@pytest.mark.parametrize("name", CELLS)
def test_the_gradients_are_added_up_by_who_uses_them(name, by_hand):
    """A loss on the outputs and one on the last state, each alone, give what both give together."""
    layer = make(name, by_hand=by_hand)
    X, state, mask, G, dstate = draw(layer)
    nothing, no_dstate = tf.zeros_like(G), [tf.zeros_like(d) for d in dstate]
    both = results(layer, X, state, mask, G, dstate)
    one, other = results(layer, X, state, mask, G, no_dstate), results(layer, X, state, mask, nothing, dstate)
    gradients = [k for k in both if k != "H" and not k.startswith("state")]
    assert_same({k: one[k] + other[k] for k in gradients}, {k: both[k] for k in gradients})
    with tf.GradientTape() as tape:  # only one output used: TensorFlow makes up the missing upstream gradients
        tape.watch(X)
        last = layer(X, state_0=state, mask=mask)[1][-1]
        loss = tf.reduce_sum(last * dstate[-1])
    alone = results(layer, X, state, mask, nothing, [*no_dstate[:-1], dstate[-1]])
    np.testing.assert_allclose(tape.gradient(loss, X), alone["dX"], **CLOSE)
