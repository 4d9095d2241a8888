"""The PyTorch cells against torch.nn's own layers and the NumPy layers: masks, how parameters start, bad input."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from pytorch_cells import (
    CELLS,
    CLOSE,
    assert_same,
    compare_with_numpy,
    draw,
    leaves,
    loss_of,
    make,
    results,
)
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.recurrent.pytorch import GRU, LSTM, LayerNormLSTM, VanillaRNN

ALL = pytest.mark.parametrize("name", CELLS)
BOTH_WAYS = pytest.mark.parametrize("by_hand", [False, True])


def torch_layer(name, cell, D, H):
    """torch.nn's layer with the same parameters, and what its gradients are called in ours."""
    if name in ("tanh", "relu"):
        layer = torch.nn.RNN(D, H, nonlinearity=name)
    elif name == "gru-after":
        layer = torch.nn.GRU(D, H)
    else:
        layer = torch.nn.LSTM(D, H, proj_size=2 if name == "lstm-projection" else 0)
    layer = layer.double()
    second = torch.zeros_like(cell.b)
    if name == "gru-after":
        second[-H:] = cell.c
    values = {"weight_ih_l0": cell.W.T, "weight_hh_l0": cell.U.T, "bias_ih_l0": cell.b, "bias_hh_l0": second}
    if name == "lstm-projection":
        values["weight_hr_l0"] = cell.R.T
    layer.load_state_dict({k: v.detach() for k, v in values.items()})
    return layer


TORCHS = ["tanh", "relu", "lstm", "lstm-projection", "gru-after"]


@BOTH_WAYS
@pytest.mark.parametrize("name", TORCHS)
def test_against_torchs_own_layers_with_packed_sequences(name, by_hand):
    T, B, D, H = 6, 4, 3, 5
    cell = make(name, D, H, by_hand=by_hand)
    layer = torch_layer(name, cell, D, H)
    X, state, _, G, dstate = draw(cell, T, B)
    lengths = torch.tensor([6, 3, 1, 4])
    mask = torch.arange(T)[:, None] < lengths
    G = G * mask[..., None]
    ours = results(cell, X, state, mask, G, dstate)

    X, state = leaves(X, state)
    packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
    first = tuple(s[None] for s in state)
    output, last = layer(packed, first if len(first) == 2 else first[0])
    last = [s[0] for s in (last if len(first) == 2 else [last])]
    output, _ = pad_packed_sequence(output, total_length=T)
    loss = loss_of(output, last, G, dstate)
    tracked = {"dX": X} | {f"dstate_0 {k}": s for k, s in enumerate(state)}
    tracked |= {"W": layer.weight_ih_l0, "U": layer.weight_hh_l0, "b": layer.bias_ih_l0}
    if name == "lstm-projection":
        tracked["R"] = layer.weight_hr_l0
    if name == "gru-after":
        tracked["c"] = layer.bias_hh_l0
    theirs = dict(zip(tracked, torch.autograd.grad(loss, list(tracked.values())), strict=True))
    for key in {"W", "U", "R"} & theirs.keys():
        theirs[key] = theirs[key].T
    if name == "gru-after":
        theirs["c"] = theirs["c"][-H:]
    on = mask.numpy()
    np.testing.assert_allclose(ours.pop("H")[on], output.detach().numpy()[on], **CLOSE)
    theirs |= {f"state {k}": s for k, s in enumerate(last)}
    assert_same(ours, {k: v.detach().numpy() for k, v in theirs.items()})


def test_coupled_gates_are_an_lstm_whose_input_gate_is_one_minus_forget():
    """1 - σ(a) = σ(-a): the plain LSTM whose block of i is the block of f, negated."""
    cell, plain = make("lstm-peepholes-coupled"), make("lstm-peepholes")
    for name in ("W", "U", "b", "P"):
        value = getattr(cell, name).data
        f = value[:1] if name == "P" else value[..., : value.shape[-1] // 3]
        getattr(plain, name).data = torch.cat([-f, value], dim=0 if name == "P" else -1)
    X, state, mask, *_ = draw(cell)
    for ours, theirs in zip(cell(X, state, mask)[1], plain(X, state, mask)[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 3, 2, 4), (6, 1, 4, 2), (1, 1, 1, 1), (4, 3, 5, 1)])
@pytest.mark.parametrize("gaps", [True, False])
@BOTH_WAYS
@ALL
def test_against_the_numpy_layers(name, by_hand, gaps, sizes):
    T, B, D, H = sizes
    cell = make(name, D, H, by_hand=by_hand)
    compare_with_numpy(cell, *draw(cell, T, B, gaps=gaps))


@ALL
def test_masks_of_any_kind_are_one_and_none_is_all_ones(name):
    cell = make(name)
    X, state, mask, *_ = draw(cell)
    wanted, _ = cell(X, state, mask)
    for kind in (torch.float32, torch.int64):
        assert torch.equal(cell(X, state, mask.to(kind))[0], wanted)
    assert torch.equal(cell(X, state)[0], cell(X, state, torch.ones_like(mask))[0])
    zeros = [torch.zeros_like(s) for s in state]
    assert torch.equal(cell(X)[0], cell(X, zeros)[0])


def test_initialisation():
    """Orthogonal gate by gate, the forget gate's bias as asked, biases and peepholes zero."""
    for cell, blocks in (
        (LSTM(3, 5, peepholes=True, forget_bias=2.0), 4),
        (LayerNormLSTM(3, 5), 4),
        (GRU(3, 5), 3),
        (VanillaRNN(3, 5), 1),
    ):
        for block in cell.U.chunk(blocks, dim=1):
            torch.testing.assert_close(block @ block.T, torch.eye(5), rtol=0, atol=1e-5)
        assert cell.W.std() > 0.1
    layer_norm = LayerNormLSTM(3, 5, forget_bias=2.0)
    assert layer_norm.b.tolist() == [0.0] * 5 + [2.0] * 5 + [0.0] * 10
    assert all((gain == 1).all() for gain in (layer_norm.gamma_x, layer_norm.gamma_h, layer_norm.gamma_c))
    assert not layer_norm.beta_c.any()
    lstm = LSTM(3, 5, peepholes=True, forget_bias=2.0)
    assert lstm.b.tolist() == [0.0] * 5 + [2.0] * 5 + [0.0] * 10
    assert not lstm.P.any()
    assert LSTM(3, 5, coupled=True).b.tolist() == [1.0] * 5 + [0.0] * 10


def bad(**changed):
    cell = make("lstm")
    X, state, mask, *_ = draw(cell)
    given = {"X": X, "state_0": state, "mask": mask}
    return cell(**given | {k: v(given) for k, v in changed.items()})


BAD = {
    "rank of X": ({"X": lambda a: a["X"][0]}, ValueError, r"X: expected shape \(T, B, 3\), got \(4, 3\)"),
    "width of X": ({"X": lambda a: a["X"][..., :2]}, ValueError, r"X: expected shape \(T, B, 3\), got \(5, 4, 2\)"),
    "no step": ({"X": lambda a: a["X"][:0]}, ValueError, "X: expected at least one step"),
    "X an array": ({"X": lambda a: a["X"].numpy()}, TypeError, "X: expected a tensor of shape .* got ndarray"),
    "integers": ({"X": lambda a: a["X"].long()}, TypeError, "X: expected a floating-point tensor, got torch.int64"),
    "mixed dtypes": ({"X": lambda a: a["X"].float()}, TypeError, "X: expected the parameters' torch.float64, got .*32"),
    "one state": ({"state_0": lambda a: a["state_0"][:1]}, ValueError, r"state_0: expected \(h_0, c_0\), got 1"),
    "batch of the state": (
        {"state_0": lambda a: [s[:1] for s in a["state_0"]]},
        ValueError,
        r"h_0: expected shape \(4, 6\), got \(1, 6\)",
    ),
    "kind of the state": ({"state_0": lambda a: a["state_0"][0]}, TypeError, "state_0: expected a tuple .* got Tensor"),
    "shape of the mask": ({"mask": lambda a: a["mask"].T}, ValueError, r"mask: expected shape \(T, B\) = \(5, 4\)"),
    "kind of the mask": ({"mask": lambda a: [1, 0]}, TypeError, "mask: expected a tensor of booleans .* got list"),
}


@pytest.mark.parametrize(("changed", "kind", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(changed, kind, said):
    with pytest.raises(kind, match=said):
        bad(**changed)


def test_bad_choices_are_named():
    with pytest.raises(ValueError, match="activation: expected one of tanh, relu, identity, got 'sin'"):
        VanillaRNN(2, 3, "sin")
    with pytest.raises(ValueError, match="reset: expected 'after' or 'before', got 'never'"):
        GRU(2, 3, "never")


def test_the_numpy_room_does_not_import_torch():
    script = "import sys, autograder.recurrent; assert not {'torch', 'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
