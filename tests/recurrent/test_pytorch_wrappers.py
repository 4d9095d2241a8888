"""Bidirectional layers and stacks in PyTorch, against the NumPy layers, torch.nn's and autograd."""

import numpy as np
import pytest
import torch
from pytorch_cells import assert_same, compare_with_numpy, draw, make, results
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.recurrent.pytorch import GRU, LSTM, Bidirectional, Stack, VanillaRNN

PAIRS = [("tanh", "tanh"), ("lstm-projection", "lstm-layer-norm"), ("lstm-peepholes-coupled", "gru-before")]


def pair(names, merge="concat", **kw):
    """Layers of one output width, 2, with states of one and of two parts."""
    H = [5 if "projection" in name else 2 for name in names]
    return Bidirectional(*(make(n, 3, h, seed, **kw) for seed, (n, h) in enumerate(zip(names, H, strict=True))), merge)


def stack(residual=(1, 2), **kw):
    """Widths 3, 4, 4, 4: layer 1 bidirectional, of two kinds of cell."""
    both_ways = Bidirectional(make("tanh", 4, 2, 3, **kw), make("lstm-peepholes", 4, 2, 4, **kw))
    return Stack([make("lstm", 3, 4, 5, **kw), both_ways, make("gru-after", 4, 4, 6, **kw)], residual)


def draw_dropout(module, T, B, steps, dtype=torch.float64):
    """Zeros and 1/keep for every layer's input and the output; steps = T, or 1 for one draw a sequence."""
    generator = torch.Generator().manual_seed(9)
    widths = [*(layer.sizes[0] for layer in module.layers), module.sizes[1]]
    return [(torch.rand(steps, B, w, generator=generator) < 0.7).to(dtype) / 0.7 for w in widths]


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("merge", ["concat", "sum", "average", "product"])
@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_bidirectional_against_the_numpy_layer(names, merge, gaps, by_hand):
    module = pair(names, merge, by_hand=by_hand)
    compare_with_numpy(module, *draw(module, gaps=gaps))


def test_bidirectional_against_torchs_own_lstm():
    """The trap: with padding, torch is right only with packed sequences; ours takes the mask."""
    T, B, D, H = 6, 3, 2, 4
    module = Bidirectional(make("lstm", D, H, 2), make("lstm", D, H, 3))
    layer = torch.nn.LSTM(D, H, bidirectional=True).double()
    values = {}
    for cell, end in ((module.forward_layer, ""), (module.backward_layer, "_reverse")):
        values |= {f"weight_ih_l0{end}": cell.W.T, f"weight_hh_l0{end}": cell.U.T}
        values |= {f"bias_ih_l0{end}": cell.b, f"bias_hh_l0{end}": torch.zeros_like(cell.b)}
    layer.load_state_dict({k: v.detach() for k, v in values.items()})
    X = draw(module, T, B)[0]
    lengths = torch.tensor([4, 6, 1])
    mask = torch.arange(T)[:, None] < lengths
    output, (h, c) = layer(pack_padded_sequence(X, lengths, enforce_sorted=False))
    output, _ = pad_packed_sequence(output, total_length=T)
    ours, state = module(X, None, mask)
    for got, wanted in zip((ours[mask], *state), (output[mask], h[0], c[0], h[1], c[1]), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("residual", [(), (1,), (2, 1)])
@pytest.mark.parametrize("drop", ["none", "every step", "a sequence", "output only", "between only"])
def test_stack_against_the_numpy_layer(drop, residual, by_hand):
    T, B = 5, 4
    module = stack(residual, by_hand=by_hand)
    every, once = (draw_dropout(module, T, B, steps) for steps in (T, 1))
    dropout = {
        "none": None,
        "every step": every,
        "a sequence": once,
        "output only": [None, None, None, every[-1]],
        "between only": [None, once[1], every[2], None],
    }[drop]
    compare_with_numpy(module, *draw(module, T, B), dropout=dropout)


@pytest.mark.parametrize(("T", "B", "gaps"), [(1, 1, False), (1, 3, True), (4, 1, True)])
def test_stack_of_one_step_or_one_sequence(T, B, gaps):
    module = stack()
    dropout = draw_dropout(module, T, B, T)
    compare_with_numpy(module, *draw(module, T, B, gaps=gaps), dropout=dropout)


def test_stacks_in_both_directions_against_the_numpy_layer():
    """A wrapper is a layer too."""
    module = Bidirectional(stack(), Stack([make("gru-before", 3, 2, 7), make("relu", 2, 4, 8)]), "average")
    compare_with_numpy(module, *draw(module))


def test_stack_against_torchs_two_layers():
    D, H = 3, 4
    layer = torch.nn.GRU(D, H, num_layers=2).double()
    module = Stack([GRU(D, H, dtype=torch.float64), GRU(H, H, dtype=torch.float64)])
    for l, cell in enumerate(module.layers):
        ih, hh = (getattr(layer, f"bias_{kind}_l{l}").detach() for kind in ("ih", "hh"))
        cell.W.data = getattr(layer, f"weight_ih_l{l}").detach().T.clone()
        cell.U.data = getattr(layer, f"weight_hh_l{l}").detach().T.clone()
        cell.b.data = ih + torch.cat([hh[: 2 * H], torch.zeros(H)])
        cell.c.data = hh[2 * H :].clone()
    X, state, *_ = draw(module, gaps=False)
    ours, last = module(X, state)
    theirs, h = layer(X, torch.stack(state))
    for got, wanted in zip((ours, *last), (theirs, *h), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-12)


def test_a_numpy_stacks_parameters_load_as_they_are():
    from autograder.recurrent import LSTM as NumPyLSTM
    from autograder.recurrent import Stack as NumPyStack
    from autograder.recurrent import lstm_parameters

    rng = np.random.default_rng(0)
    theirs = NumPyStack(tuple(NumPyLSTM(**lstm_parameters(rng, D, 4)) for D in (3, 4)), residual=(1,))
    ours = Stack([LSTM(3, 4, dtype=torch.float64), LSTM(4, 4, dtype=torch.float64)], residual=(1,))
    ours.load_state_dict({name: torch.tensor(value) for name, value in theirs.parameters.items()})
    X = draw(ours)[0]
    torch.testing.assert_close(ours(X)[0], torch.tensor(theirs.forward(X.numpy()).H), rtol=1e-12, atol=1e-13)


def test_shared_layers_gradients_add_up():
    """One layer twice: its gradient is the sum of both places'."""
    one = make("tanh", 4, 4)
    twice, apart = Stack([one, one]), Stack([make("tanh", 4, 4), make("tanh", 4, 4)])
    arguments = draw(twice)
    shared, found = results(twice, *arguments), results(apart, *arguments)
    for name in "WUb":
        found[f"0.{name}"] = found[f"0.{name}"] + found.pop(f"1.{name}")
    assert_same(shared, found)


@pytest.mark.parametrize("by_hand", [False, True])
def test_float32_is_kept_and_inputs_are_left_alone(by_hand):
    module = stack(dtype=torch.float32, by_hand=by_hand)
    X, state, mask, *_ = draw(module, dtype=torch.float32)
    dropout = draw_dropout(module, 5, 4, 5, torch.float32)
    watched = [X, *state, mask, *dropout]
    copies = [t.clone() for t in watched]
    H, last = module(X, state, mask, dropout)
    H.sum().backward()
    assert {t.dtype for t in (H, *last, *(p.grad for p in module.parameters()))} == {torch.float32}
    assert all(torch.equal(a, b) for a, b in zip(watched, copies, strict=True))
    assert isinstance(last, tuple)


def test_without_a_state_it_starts_from_zeros():
    for module in (stack(), pair(PAIRS[2])):
        X, state, mask, *_ = draw(module)
        assert torch.equal(module(X, None, mask)[0], module(X, [torch.zeros_like(s) for s in state], mask)[0])


BAD_CHOICES = {
    "merge": (
        lambda: Bidirectional(GRU(2, 3), GRU(2, 3), "max"),
        ValueError,
        "merge: expected one of concat, .* 'max'",
    ),
    "inputs of a pair": (
        lambda: Bidirectional(GRU(2, 3), GRU(4, 3)),
        ValueError,
        "backward_layer: expected inputs of width 2, as the forward layer's, got 4",
    ),
    "outputs of a pair": (
        lambda: Bidirectional(GRU(2, 3), GRU(2, 4), "sum"),
        ValueError,
        "backward_layer: expected outputs of width 3 for merge 'sum', got 4",
    ),
    "no layer in a pair": (
        lambda: Bidirectional(GRU(2, 3), torch.nn.GRU(2, 3)),
        TypeError,
        "backward_layer: expected a recurrent layer of this package, got GRU",
    ),
    "nothing to stack": (lambda: Stack([]), ValueError, "layers: expected at least one layer, got none"),
    "no layer in a stack": (
        lambda: Stack([GRU(2, 3), torch.nn.Linear(3, 3)]),
        TypeError,
        r"layers\[1\]: expected a recurrent layer of this package, got Linear",
    ),
    "widths of a stack": (
        lambda: Stack([GRU(2, 3), LSTM(4, 3)]),
        ValueError,
        "layers: layer 1 expects inputs of width 4, layer 0 gives 3",
    ),
    "number of a residual": (
        lambda: Stack([GRU(3, 3)], (1,)),
        ValueError,
        "residual: expected numbers from 0 to 0, got 1",
    ),
    "width of a residual": (
        lambda: Stack([GRU(2, 3)], (0,)),
        ValueError,
        "residual: layer 0 must keep its width, but takes 2 and gives 3",
    ),
}


@pytest.mark.parametrize(("choose", "kind", "said"), BAD_CHOICES.values(), ids=BAD_CHOICES)
def test_bad_choices_are_named(choose, kind, said):
    with pytest.raises(kind, match=said):
        choose()


def two_layers():
    return Stack([VanillaRNN(2, 3), LSTM(3, 3)])


X_SMALL = torch.zeros(4, 1, 2)
BAD_ARGUMENTS = {
    "parts of the state": (
        {"state_0": [torch.zeros(1, 3)]},
        ValueError,
        r"state_0: expected 1 \+ 2 tensors, layer by layer, got 1",
    ),
    "kind of the state": (
        {"state_0": torch.zeros(1, 3)},
        TypeError,
        "state_0: expected a tuple of tensors, got Tensor",
    ),
    "width of a state": ({"state_0": [torch.zeros(1, 3)] * 2 + [torch.zeros(1, 4)]}, ValueError, "c_0: expected shape"),
    "width of X": ({"X": torch.zeros(4, 1, 3)}, ValueError, r"X: expected shape \(T, B, 2\), got \(4, 1, 3\)"),
    "rank of X, with dropout": (
        {"X": X_SMALL[0], "dropout": [None] * 3},
        ValueError,
        r"X: expected shape \(T, B, 2\), got \(1, 2\)",
    ),
    "mask": ({"mask": torch.ones(1, 4)}, ValueError, r"mask: expected shape \(T, B\) = \(4, 1\), got \(1, 4\)"),
    "entries of dropout": ({"dropout": [None, None]}, ValueError, "dropout: expected 3 entries, .* got 2"),
    "kind of dropout": ({"dropout": 0.5}, TypeError, "dropout: expected a tuple of tensors and None, got float"),
    "an entry of dropout": ({"dropout": [None, 0.5, None]}, TypeError, r"dropout\[1\]: expected a tensor .* got float"),
    "shape of dropout": (
        {"dropout": [None, torch.ones(2, 1, 3), None]},
        ValueError,
        r"dropout\[1\]: expected shape \(4, 1, 3\), got \(2, 1, 3\)",
    ),
    "dtype of dropout": (
        {"dropout": [None, None, torch.ones(1, 1, 3, dtype=torch.float64)]},
        TypeError,
        r"dropout\[2\]: expected X's torch.float32, got torch.float64",
    ),
}


@pytest.mark.parametrize(("changed", "kind", "said"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments_are_named(changed, kind, said):
    with pytest.raises(kind, match=said):
        two_layers()(**{"X": X_SMALL} | changed)


def test_a_pairs_bad_state_is_named():
    with pytest.raises(ValueError, match=r"state_0: expected 2 \+ 1 tensors, layer by layer, got 2"):
        Bidirectional(LSTM(2, 3), GRU(2, 3))(X_SMALL, [torch.zeros(1, 3)] * 2)
