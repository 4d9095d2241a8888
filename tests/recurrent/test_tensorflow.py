"""The TensorFlow cells against Keras's own layers, the tape and the NumPy layers, eagerly and compiled."""

import numpy as np
import pytest

from autograder import recurrent
from autograder.recurrent.bidirectional import Bidirectional as NumPyBidirectional
from autograder.recurrent.gru import GRU as NumPyGRU
from autograder.recurrent.lstm import LSTM as NumPyLSTM

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
keras = pytest.importorskip("keras", reason="Keras is not installed")

from autograder.recurrent.tensorflow import GRU, LSTM, Bidirectional, VanillaRNN  # noqa: E402
from autograder.recurrent.tensorflow.arguments import arguments  # noqa: E402

pytestmark = pytest.mark.slow

# Sums of at most a few dozen float64 terms of unit size: rounding stays below 1e-13, a mistake does not.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}

CELLS = {
    "tanh": lambda H, **kw: VanillaRNN(H, **kw),
    "relu": lambda H, **kw: VanillaRNN(H, "relu", **kw),
    "identity": lambda H, **kw: VanillaRNN(H, "identity", **kw),
    "lstm": lambda H, **kw: LSTM(H, **kw),
    "lstm-peepholes": lambda H, **kw: LSTM(H, peepholes=True, **kw),
    "lstm-coupled": lambda H, **kw: LSTM(H, coupled=True, **kw),
    "lstm-coupled-peepholes": lambda H, **kw: LSTM(H, coupled=True, peepholes=True, **kw),
    "lstm-projection": lambda H, **kw: LSTM(H, projection=2, **kw),
    "gru-after": lambda H, **kw: GRU(H, **kw),
    "gru-before": lambda H, **kw: GRU(H, "before", **kw),
}
BY_HAND = ["tanh", "lstm", "lstm-peepholes", "gru-after", "gru-before"]


def with_and_without(names):
    """Each name with its backward by the tape and, where there is one, by hand."""
    return [(name, by_hand) for name in names for by_hand in (False, True) if not by_hand or name in BY_HAND]


def make(name, D=3, H=6, seed=0, dtype="float64", **kw):
    """A layer with every weight drawn at random, biases and peepholes too."""
    layer = CELLS[name](H, dtype=dtype, **kw)
    layer.build((None, None, D))
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) / np.sqrt(max(weight.shape)))
    return layer


def widths(layer):
    if not isinstance(layer, LSTM):
        return [layer.H]
    return [layer.projection or layer.H, layer.H]


def draw(layer, T=5, B=4, D=3, seed=1, gaps=True, dtype="float64"):
    """X (B, T, D), a state, a mask with gaps and a sleeping sequence, and upstream gradients of both outputs."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return tf.constant(rng.normal(size=shape), dtype)

    mask = None
    if gaps:
        mask = rng.random((B, T)) < 0.6
        if B > 1:
            mask[0] = False
        mask = tf.constant(mask)
    state = [tf.tanh(normal(B, width)) for width in widths(layer)]
    G = normal(B, T, widths(layer)[0])
    return normal(B, T, D), state, mask, G, [normal(*s.shape) for s in state]


def weights_by_name(layer):
    if not isinstance(layer, Bidirectional):
        return {w.name: w for w in layer.weights}
    pairs = {"forward": layer.forward_layer, "backward": layer.backward_layer}
    return {f"{end}.{w.name}": w for end, part in pairs.items() for w in part.weights}


def results(layer, X, state, mask, G, dstate, wrap=lambda f: f):
    """Outputs, final state and every gradient of a loss on all outputs and on the final state, as arrays by name."""
    named = weights_by_name(layer)

    def run(X, state, mask):
        with tf.GradientTape() as tape:
            tape.watch([X, *state])
            H, last = layer(X, state_0=state, mask=mask)
            loss = tf.reduce_sum(G * H) + sum(tf.reduce_sum(d * s) for d, s in zip(dstate, last, strict=True))
        return H, last, tape.gradient(loss, [X, *state, *(w.value for w in named.values())])

    H, last, found = wrap(run)(X, state, mask)
    values = dict(zip(["dX", *(f"dstate_0 {k}" for k in range(len(state))), *named], found, strict=True))
    values |= {"H": H} | {f"state {k}": s for k, s in enumerate(last)}
    return {k: np.asarray(tf.cast(v, "float64")) for k, v in values.items()}


def assert_same(ours, theirs, tolerance=None):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, err_msg=name, **(tolerance or CLOSE))


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 3, 2, 4), (1, 1, 1, 1), (4, 3, 5, 1)])
@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("name", BY_HAND)
def test_backward_by_hand_agrees_with_the_tape(name, gaps, sizes):
    T, B, D, H = sizes
    arguments = draw(make(name, D, H), T, B, D, gaps=gaps)
    assert_same(results(make(name, D, H, by_hand=True), *arguments), results(make(name, D, H), *arguments))


@pytest.mark.parametrize("name", BY_HAND)
def test_backward_by_hand_agrees_with_central_differences(name):
    """Along one random direction through every argument and weight: truncation 1e-10 at ε = 1e-5, rounding 1e-10."""
    layer = make(name, 2, 3, by_hand=True)
    X, state, mask, G, dstate = draw(layer, 4, 3, 2)
    found = results(layer, X, state, mask, G, dstate)
    rng = np.random.default_rng(3)
    start = {w.name: np.asarray(w.value) for w in layer.weights}
    place = {"dX": np.asarray(X)} | {f"dstate_0 {k}": np.asarray(s) for k, s in enumerate(state)} | start
    direction = {k: rng.normal(size=v.shape) for k, v in place.items()}

    def loss(epsilon):
        moved = {k: tf.constant(v + epsilon * direction[k]) for k, v in place.items()}
        for w in layer.weights:
            w.assign(moved[w.name])
        H, last = layer(moved["dX"], state_0=[moved[f"dstate_0 {k}"] for k in range(len(state))], mask=mask)
        return float(tf.reduce_sum(G * H) + sum(tf.reduce_sum(d * s) for d, s in zip(dstate, last, strict=True)))

    slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
    np.testing.assert_allclose(sum((found[k] * direction[k]).sum() for k in place), slope, rtol=1e-7)


def keras_layer(name, D, H):
    options = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    layer = {
        "tanh": lambda: keras.layers.SimpleRNN(H, **options),
        "relu": lambda: keras.layers.SimpleRNN(H, activation="relu", **options),
        "lstm": lambda: keras.layers.LSTM(H, **options),
        "gru-after": lambda: keras.layers.GRU(H, **options),
        "gru-before": lambda: keras.layers.GRU(H, reset_after=False, **options),
    }[name]()
    layer.build((None, None, D))
    return layer


def swap_r_and_z(name, value):
    """Keras's GRU has its blocks in the order z, r, h; nothing to do for the others."""
    if not name.startswith("gru"):
        return value
    r, z, n = np.split(value, 3, axis=-1)
    return np.concatenate([z, r, n], axis=-1)


KERASS = ["tanh", "relu", "lstm", "gru-after", "gru-before"]


@pytest.mark.parametrize(("name", "by_hand"), with_and_without(KERASS))
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


def numpy_layer(name, layer):
    values = {w.name: np.asarray(w.value) for w in layer.weights}
    if isinstance(layer, VanillaRNN):
        return recurrent.VanillaRNN(**values, activation=name)
    if isinstance(layer, GRU):
        return NumPyGRU(**values, reset=layer.reset)
    return NumPyLSTM(**values)


def compare_with_numpy(reference, layer, X, state, mask, G, dstate):
    ours = results(layer, X, state, mask, G, dstate)
    X, mask, G = (None if v is None else np.asarray(v).swapaxes(0, 1) for v in (X, mask, G))
    run = reference.forward(X, tuple(s.numpy() for s in state), mask)
    found = reference.backward(run, G, tuple(d.numpy() for d in dstate))
    theirs = {"H": run.H.swapaxes(0, 1), "dX": found.dX.swapaxes(0, 1)}
    for k, (last, d_first) in enumerate(zip(run.state, found.dstate_0, strict=True)):
        theirs |= {f"state {k}": last, f"dstate_0 {k}": d_first}
    theirs |= found.parameters
    assert_same(ours, theirs)


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("name", ["tanh", "relu", "identity", "lstm", "gru-after", "gru-before"])
def test_against_the_numpy_layers(name, gaps):
    layer = make(name)
    compare_with_numpy(numpy_layer(name, layer), layer, *draw(layer, gaps=gaps))


@pytest.mark.parametrize("name", ["lstm-peepholes", "lstm-coupled", "lstm-coupled-peepholes", "lstm-projection"])
def test_variants_against_the_pytorch_modules(name):
    """What neither Keras nor the NumPy LSTM has: the same weights by name, outputs and every gradient."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from autograder.recurrent.pytorch import LSTM as TorchLSTM

    layer = make(name)
    X, state, mask, G, dstate = draw(layer)
    ours = results(layer, X, state, mask, G, dstate)
    module = TorchLSTM(
        3, 6, peepholes=layer.peepholes, coupled=layer.coupled, projection=layer.projection, dtype=torch.float64
    )
    module.load_state_dict({w.name: torch.tensor(np.asarray(w.value)) for w in layer.weights})
    turned = (torch.tensor(np.asarray(v).swapaxes(0, 1)) for v in (X, mask, G))
    X, mask, G = turned
    X.requires_grad_()
    state, dstate = ([torch.tensor(s.numpy(), requires_grad=True) for s in each] for each in (state, dstate))
    H, last = module(X, state, mask)
    loss = (G * H).sum() + sum((d * s).sum() for d, s in zip(dstate, last, strict=True))
    named = dict(module.named_parameters())
    dX, *rest = torch.autograd.grad(loss, [X, *state, *named.values()])
    theirs = {"H": H.swapaxes(0, 1), "dX": dX.swapaxes(0, 1)}
    theirs |= {f"state {k}": s for k, s in enumerate(last)}
    theirs |= dict(zip(["dstate_0 0", "dstate_0 1", *named], rest, strict=True))
    assert_same(ours, {k: v.detach().numpy() for k, v in theirs.items()})


@pytest.mark.parametrize("merge", ["concat", "sum", "average", "product"])
def test_bidirectional_against_the_numpy_layer(merge):
    layers = make("tanh", seed=2), make("tanh", seed=3)
    reference = NumPyBidirectional(*(numpy_layer("tanh", layer) for layer in layers), merge)
    X, state, mask, G, dstate = draw(layers[0])
    _, state_back, _, G_back, dstate_back = draw(layers[1], seed=5)
    G = tf.concat([G, G_back], axis=-1) if merge == "concat" else G
    layer = Bidirectional(*layers, merge, dtype="float64")
    compare_with_numpy(reference, layer, X, state + state_back, mask, G, dstate + dstate_back)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("name", BY_HAND)
def test_traced_and_compiled(name, by_hand, jit_compile):
    """The same numbers in a tf.function, and through XLA."""
    layer = make(name, by_hand=by_hand)
    arguments = draw(layer)
    compiled = results(layer, *arguments, wrap=lambda f: tf.function(f, jit_compile=jit_compile))
    assert_same(compiled, results(layer, *arguments))


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("name", ["lstm", "gru-after"])
def test_one_trace_serves_every_length(name, by_hand):
    layer = make(name, by_hand=by_hand)
    traced = tf.function(
        lambda X: layer(X)[0], input_signature=[tf.TensorSpec((None, None, 3), "float64")], reduce_retracing=True
    )
    for T, B in ((2, 3), (5, 1)):
        X = draw(layer, T, B)[0]
        np.testing.assert_allclose(traced(X), layer(X)[0], **CLOSE)


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("name", BY_HAND)
def test_dtype_is_kept_and_large_values_do_not_overflow(name, by_hand):
    layer = make(name, dtype="float32", by_hand=by_hand)
    X, state, mask, G, dstate = draw(layer, dtype="float32")
    H, last = layer(1e4 * X, state_0=state, mask=mask)
    assert {v.dtype for v in (H, *last)} == {tf.float32}
    found = results(layer, 1e4 * X, state, mask, G, dstate)
    assert all(np.isfinite(v).all() for v in found.values())


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("name", BY_HAND)
def test_mixed_precision(name, by_hand):
    """Keras's mixed_bfloat16: weights and their gradients float32, the rest in bf16, whose 8 bits bound the error."""
    exact = make(name, dtype="float32")
    arguments = draw(exact, dtype="float32")
    wanted = results(exact, *arguments)
    layer = make(name, dtype=keras.DTypePolicy("mixed_bfloat16"), by_hand=by_hand)
    X, state, mask, G, dstate = arguments
    half = [tf.cast(s, "bfloat16") for s in state]
    found = results(layer, X, half, mask, tf.cast(G, "bfloat16"), [tf.cast(d, "bfloat16") for d in dstate])
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert np.abs(found[key] - value).max() < 0.08 * np.abs(value).max(), key


@pytest.mark.gpu
@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU here")
@pytest.mark.parametrize(("name", "by_hand"), with_and_without(CELLS))
def test_gpu_against_cpu(name, by_hand, record_property):
    """Outputs and gradients in float32: sums in another order, TF32 off, so 2e-5 of the largest entry."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    found = {}
    for device in ("/CPU:0", "/GPU:0"):
        with tf.device(device):
            layer = make(name, 16, 32, dtype="float32", by_hand=by_hand)
            found[device] = results(layer, *draw(layer, 20, 8, 16, dtype="float32"))
    deviation = max(np.abs(found["/GPU:0"][k] - v).max() / np.abs(v).max() for k, v in found["/CPU:0"].items())
    record_property("deviation", deviation)
    assert deviation < 2e-5


def test_masks_come_from_the_layers_before_and_go_on():
    inputs = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(5, 3, mask_zero=True, dtype="float64")(inputs)
    H, (h,) = GRU(4, dtype="float64")(embedded)
    model = keras.Model(inputs, [H, h])
    H, h = model(tf.constant([[1, 2, 0, 0], [3, 0, 4, 1]]))
    np.testing.assert_array_equal(H[0, 1], h[0])
    np.testing.assert_array_equal(H[0, 3], h[0])
    np.testing.assert_array_equal(H[1, 0], H[1, 1])
    assert not np.array_equal(H[1, 1], H[1, 2])


@pytest.mark.parametrize("name", CELLS)
def test_a_layer_is_made_again_from_its_configuration(name):
    layer = make(name)
    again = type(layer).from_config(layer.get_config())
    again.build((None, None, 3))
    again.set_weights(layer.get_weights())
    X, state, mask, *_ = draw(layer)
    np.testing.assert_array_equal(layer(X, state, mask)[0], again(X, state, mask)[0])


def test_initialisation():
    """Orthogonal gate by gate, the forget gate's bias as asked, other biases and peepholes zero."""
    lstm = LSTM(5, peepholes=True, forget_bias=2.0)
    for layer, blocks in ((lstm, 4), (GRU(5), 3), (VanillaRNN(5), 1)):
        layer.build((None, None, 3))
        for block in np.split(np.asarray(layer.U.value), blocks, axis=1):
            np.testing.assert_allclose(block @ block.T, np.eye(5), atol=1e-5)
        assert np.asarray(layer.W.value).std() > 0.1
    assert np.asarray(lstm.b.value).tolist() == [0.0] * 5 + [2.0] * 5 + [0.0] * 10
    assert not np.asarray(lstm.P.value).any()


def bad(**changed):
    layer = make("lstm")
    X, state, mask, *_ = draw(layer)
    given = {"X": X, "state_0": state, "mask": mask}
    given |= {k: v(given) for k, v in changed.items()}
    return layer(given.pop("X"), **given)


BAD = {
    "rank of X": ({"X": lambda a: a["X"][0]}, ValueError, r"X: expected shape \(B, T, 3\), got \(5, 3\)"),
    "width of X": ({"X": lambda a: a["X"][..., :2]}, ValueError, r"X: expected shape \(T, B, 3\), got \(5, 4, 2\)"),
    "no step": ({"X": lambda a: a["X"][:, :0]}, ValueError, "X: expected at least one step"),
    "integers": (
        {"X": lambda a: tf.cast(a["X"], "int32")},
        TypeError,
        "X: expected a floating-point tensor, got int32",
    ),
    "one state": ({"state_0": lambda a: a["state_0"][:1]}, ValueError, r"state_0: expected \(h_0, c_0\), got 1"),
    "batch of the state": (
        {"state_0": lambda a: [s[:1] for s in a["state_0"]]},
        ValueError,
        r"h_0: expected shape \(4, 6\), got \(1, 6\)",
    ),
    "shape of the mask": (
        {"mask": lambda a: tf.transpose(a["mask"])},
        ValueError,
        r"mask: expected shape \(T, B\) = \(5, 4\), got \(4, 5\)",
    ),
}


@pytest.mark.parametrize(("changed", "kind", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(changed, kind, said):
    with pytest.raises(kind, match=said):
        bad(**changed)


def test_functions_do_not_cast_as_keras_does():
    X, W = tf.zeros((2, 3, 4), "float32"), tf.zeros((4, 5), "float64")
    with pytest.raises(TypeError, match="X: expected the parameters' float64, got float32"):
        arguments(X, None, None, W, {"h_0": 5})
    with pytest.raises(TypeError, match=r"X: expected a tensor of shape .* got list"):
        arguments([[[0.0]]], None, None, W, {"h_0": 5})
    with pytest.raises(TypeError, match=r"mask: expected a tensor of booleans .* got list"):
        arguments(tf.zeros((2, 3, 4), "float64"), None, [1, 0], W, {"h_0": 5})


def test_bad_choices_are_named():
    with pytest.raises(ValueError, match="activation: expected one of tanh, relu, identity, got 'sin'"):
        VanillaRNN(3, "sin")
    with pytest.raises(ValueError, match="by_hand: its backward is that of tanh, not of relu"):
        VanillaRNN(3, "relu", by_hand=True)
    with pytest.raises(ValueError, match="by_hand: its backward knows peepholes, but no coupled gates"):
        LSTM(3, projection=2, by_hand=True)
    with pytest.raises(ValueError, match="reset: expected 'after' or 'before', got 'never'"):
        GRU(3, "never")
    with pytest.raises(ValueError, match="merge: expected one of concat, sum, average, product, got 'max'"):
        Bidirectional(GRU(3), GRU(3), "max")
