"""Whole layers of PyTorch and Keras, several deep and in two directions, as our stacks and back."""

import numpy as np
import pytest
import torch
from cells_to_port import CLOSE, draw_cell

from autograder.recurrent import Bidirectional, LayerNormLSTM, Stack
from autograder.recurrent.porting import (
    CannotRepresent,
    stack_from_keras,
    stack_from_pytorch,
    stack_to_keras,
    stack_to_pytorch,
    to_layer,
)

T, B, D, H = 6, 4, 3, 5


def torch_layer(kind, layers, both, **options):
    make = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind.split("-")[0]]
    options |= {"nonlinearity": "relu"} if kind == "rnn-relu" else {}
    return make(D, H, num_layers=layers, bidirectional=both, dtype=torch.float64, **options)


def random_stack(kind, layers, both, K=None, seed=0):
    """A Stack of cells as PyTorch's layers are: all of one kind and width."""
    parts, width = [], D
    for l in range(layers):
        cells = [to_layer(draw_cell(kind, width, H, K=K, seed=seed + 2 * l + k)) for k in range(1 + both)]
        parts.append(Bidirectional(*cells) if both else cells[0])
        width = parts[-1].sizes[1]
    return Stack(tuple(parts))


def draw_input(stack, seed=7):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(T, B, D)), [rng.normal(size=part.shape) for part in stack.zero_state(B)]


def assert_same_numbers(layer, stack):
    """Outputs and last states of a PyTorch layer and of ours, from the same X and random states."""
    X, state = draw_input(stack)
    lstm = isinstance(layer, torch.nn.LSTM)
    first = [torch.tensor(np.stack(state[k :: 1 + lstm])) for k in range(1 + lstm)]
    with torch.no_grad():
        output, last = layer(torch.tensor(X), tuple(first) if lstm else first[0])
    run = stack.forward(X, state)
    np.testing.assert_allclose(run.H, output, **CLOSE)
    for k, theirs in enumerate(last if lstm else [last]):
        np.testing.assert_allclose(np.stack(run.state[k :: 1 + lstm]), theirs, **CLOSE)


KINDS = ["rnn-tanh", "rnn-relu", "lstm", "gru-after"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_from_pytorch_by_running_it(kind, layers, both, bias):
    """Parameters as PyTorch draws them, both biases and all."""
    torch.manual_seed(1)
    layer = torch_layer(kind, layers, both, bias=bias)
    stack = stack_from_pytorch(layer.state_dict(), kind)
    assert len(stack.layers) == layers
    assert_same_numbers(layer, stack)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("kind", "K"), [*((kind, None) for kind in KINDS), ("lstm", 2)])
def test_to_pytorch_by_running_it_and_back(kind, K, layers, both):
    stack = random_stack(kind, layers, both, K)
    entries = stack_to_pytorch(stack)
    layer = torch_layer(kind, layers, both, **({"proj_size": K} if K else {}))
    layer.load_state_dict({name: torch.tensor(value) for name, value in entries.items()})
    assert_same_numbers(layer, stack)
    back = stack_from_pytorch(entries, kind)
    assert list(back.parameters) == list(stack.parameters)
    for name, value in stack.parameters.items():
        np.testing.assert_array_equal(back.parameters[name], value, err_msg=name)
        assert not np.shares_memory(back.parameters[name], value)


def test_a_single_layer_need_not_be_in_a_stack():
    stack = random_stack("gru-after", 1, True)
    for one, other in zip(stack_to_pytorch(stack).values(), stack_to_pytorch(stack.layers[0]).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    cell = stack.layers[0].forward_layer
    assert stack_to_pytorch(cell).keys() == {f"{n}_l0" for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    assert len(stack_to_keras(cell)) == 3


def keras_layers(kind, layers, both, merge="concat", use_bias=True):
    import keras

    options = {"return_sequences": True, "dtype": "float64", "use_bias": use_bias}
    made = []
    for _ in range(layers):
        if kind.startswith("rnn"):
            one = keras.layers.SimpleRNN(
                H, activation={"rnn-identity": "linear"}.get(kind, kind.removeprefix("rnn-")), **options
            )
        elif kind == "lstm":
            one = keras.layers.LSTM(H, **options)
        else:
            one = keras.layers.GRU(H, reset_after=kind == "gru-after", **options)
        if both:
            mode = {"average": "ave", "product": "mul"}.get(merge, merge)
            one = keras.layers.Bidirectional(one, merge_mode=mode, dtype="float64")
        made.append(one)
    model = keras.Sequential([keras.Input((None, D), dtype="float64"), *made])
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])  # every bias, the GRU's two as well
    return model


KERAS = ["rnn-tanh", "rnn-relu", "rnn-identity", "lstm", "gru-after", "gru-before"]
CASES = [(kind, layers, both, "concat", True) for kind in KERAS for layers, both in ((1, False), (2, True), (3, False))]
CASES += [("lstm", 2, True, merge, True) for merge in ("sum", "average", "product")]
CASES += [(kind, 2, True, "concat", False) for kind in KERAS]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "layers", "both", "merge", "use_bias"), CASES)
def test_keras_by_running_it_and_back(kind, layers, both, merge, use_bias):
    model = keras_layers(kind, layers, both, merge, use_bias)
    stack = stack_from_keras(model.get_weights(), kind, bidirectional=both, merge=merge, use_bias=use_bias)
    assert len(stack.layers) == layers
    X = np.random.default_rng(4).normal(size=(T, B, D))
    output = np.asarray(model(X.swapaxes(0, 1))).swapaxes(0, 1)
    np.testing.assert_allclose(stack.forward(X).H, output, rtol=1e-10, atol=1e-11)
    if use_bias:
        model.set_weights(stack_to_keras(stack))
        again = np.asarray(model(X.swapaxes(0, 1))).swapaxes(0, 1)
        np.testing.assert_allclose(again, output, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", KERAS)
def test_keras_round_trips_are_exact(kind, both):
    stack = random_stack(kind, 2, both)
    back = stack_from_keras(stack_to_keras(stack), kind, bidirectional=both)
    assert list(back.parameters) == list(stack.parameters)
    for name, value in stack.parameters.items():
        np.testing.assert_array_equal(back.parameters[name], value, err_msg=name)


def test_what_has_no_place_is_refused_with_the_reason():
    lstm, wide = to_layer(draw_cell("lstm", D, H)), to_layer(draw_cell("lstm", H, 4))
    gru, same = to_layer(draw_cell("gru-after", H, H)), to_layer(draw_cell("lstm", H, H))
    pair = Bidirectional(lstm, lstm)
    projected = to_layer(draw_cell("lstm", D, H, K=2)), to_layer(draw_cell("lstm", 2, H, K=4))
    for layer, said in [
        (Stack((lstm, same), residual=(1,)), "PyTorch has no residual connections"),
        (Bidirectional(lstm, lstm, "sum"), "PyTorch puts both directions side by side; it has no merge 'sum'"),
        (Stack((lstm, gru)), "PyTorch's layers are all of one kind and width; layer 1 is another"),
        (Stack((lstm, wide)), "PyTorch's layers are all of one kind and width; layer 1 is another"),
        (Stack(projected), "PyTorch's layers are all of one kind and width; layer 1 is another"),
        (Stack((pair, to_layer(draw_cell("lstm", 2 * H, H)))), "layers all have as many directions; layer 1 has 1"),
        (to_layer(draw_cell("gru-before")), "PyTorch has no GRU with the reset gate before the product"),
    ]:
        with pytest.raises(CannotRepresent, match=said):
            stack_to_pytorch(layer)
    with pytest.raises(CannotRepresent, match="Keras has no residual connections"):
        stack_to_keras(Stack((lstm, same), residual=(1,)))
    with pytest.raises(CannotRepresent, match="Keras has no place for a projection"):
        stack_to_keras(projected[0])
    n = 4 * H
    normal = LayerNormLSTM(*(np.ones(s) for s in ((D, n), (H, n), (n,), (n,), (n,), (H,), (H,))))
    with pytest.raises(TypeError, match="layer: expected a VanillaRNN, LSTM, VariantLSTM or GRU, got LayerNormLSTM"):
        stack_to_pytorch(normal)


def test_bad_input_is_named():
    state = stack_to_pytorch(random_stack("lstm", 2, True))
    with pytest.raises(ValueError, match="weight_ih_l1_reverse: missing"):
        stack_from_pytorch({k: v for k, v in state.items() if k != "weight_ih_l1_reverse"}, "lstm")
    with pytest.raises(ValueError, match="state: expected the entries of 2 layers, got weight_hh_l3 besides"):
        stack_from_pytorch(state | {"weight_hh_l3": state["weight_hh_l1"]}, "lstm")
    with pytest.raises(ValueError, match="weight_ih_l0: missing"):
        stack_from_pytorch({}, "lstm")
    with pytest.raises(ValueError, match=r"kind: PyTorch has rnn-tanh, .*, got 'gru-before'"):
        stack_from_pytorch(state, "gru-before")
    with pytest.raises(ValueError, match="weights: expected 6 arrays a layer, got 3 in all"):
        stack_from_keras(stack_to_keras(random_stack("lstm", 1, False)), "lstm", bidirectional=True)
    with pytest.raises(ValueError, match="weights: expected 2 arrays a layer, got 0 in all"):
        stack_from_keras([], "lstm", use_bias=False)
