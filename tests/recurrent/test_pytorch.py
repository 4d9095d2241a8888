"""The PyTorch cells against torch.nn's own layers, autograd and the NumPy layers, and their backwards by gradcheck."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder import recurrent
from autograder.recurrent.bidirectional import Bidirectional as NumPyBidirectional
from autograder.recurrent.gru import GRU as NumPyGRU
from autograder.recurrent.lstm import LSTM as NumPyLSTM
from autograder.recurrent.pytorch import (
    GRU,
    LSTM,
    Bidirectional,
    GRUFunction,
    LSTMFunction,
    VanillaFunction,
    VanillaRNN,
)

# Sums of at most a few dozen float64 terms of unit size: rounding stays below 1e-13, a mistake does not.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}

CELLS = {
    "tanh": lambda D, H, **kw: VanillaRNN(D, H, **kw),
    "relu": lambda D, H, **kw: VanillaRNN(D, H, "relu", **kw),
    "identity": lambda D, H, **kw: VanillaRNN(D, H, "identity", **kw),
    "lstm": lambda D, H, **kw: LSTM(D, H, **kw),
    "lstm-peepholes": lambda D, H, **kw: LSTM(D, H, peepholes=True, **kw),
    "lstm-coupled": lambda D, H, **kw: LSTM(D, H, coupled=True, **kw),
    "lstm-coupled-peepholes": lambda D, H, **kw: LSTM(D, H, coupled=True, peepholes=True, **kw),
    "lstm-projection": lambda D, H, **kw: LSTM(D, H, projection=2, **kw),
    "gru-after": lambda D, H, **kw: GRU(D, H, **kw),
    "gru-before": lambda D, H, **kw: GRU(D, H, "before", **kw),
}
BY_HAND = ["tanh", "lstm", "lstm-peepholes", "gru-after", "gru-before"]


def with_and_without(names):
    """Each name with its backward by autograd and, where there is one, by hand."""
    return [(name, by_hand) for name in names for by_hand in (False, True) if not by_hand or name in BY_HAND]


def make(name, D=3, H=6, seed=0, dtype=torch.float64, **kw):
    """A cell with every parameter drawn at random, biases and peepholes too."""
    cell = CELLS[name](D, H, dtype=dtype, **kw)
    generator = torch.Generator().manual_seed(seed)
    for parameter in cell.parameters():
        drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / max(parameter.shape) ** 0.5
        parameter.data.copy_(drawn)
    return cell


def widths(cell):
    if not isinstance(cell, LSTM):
        return [cell.U.shape[0]]
    return [cell.U.shape[0], cell.b.shape[0] // (3 if cell.coupled else 4)]


def draw(cell, T=5, B=4, D=3, seed=1, gaps=True, dtype=torch.float64):
    """X, a state, a mask with gaps and a sequence that sleeps throughout, and upstream gradients of both outputs."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    mask = None
    if gaps:
        mask = torch.rand(T, B, generator=generator) < 0.6
        if B > 1:
            mask[:, 0] = False
    state = [torch.tanh(normal(B, width)) for width in widths(cell)]
    G = normal(T, B, widths(cell)[0])
    return normal(T, B, D), state, mask, G, [normal(*s.shape) for s in state]


def leaves(X, state):
    return X.clone().requires_grad_(), [s.clone().requires_grad_() for s in state]


def results(cell, X, state, mask, G, dstate):
    """Outputs, final state and every gradient of a loss on all outputs and on the final state, as arrays by name."""
    X, state = leaves(X, state)
    H, last = cell(X, state, mask)
    loss = (G * H).sum() + sum((d * s).sum() for d, s in zip(dstate, last, strict=True))
    named = dict(cell.named_parameters())
    found = torch.autograd.grad(loss, [X, *state, *named.values()])
    values = dict(zip(["dX", *(f"dstate_0 {k}" for k in range(len(state))), *named], found, strict=True))
    values |= {"H": H} | {f"state {k}": s for k, s in enumerate(last)}
    return {k: v.detach().cpu().double().numpy() for k, v in values.items()}


def assert_same(ours, theirs, tolerance=None):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, err_msg=name, **(tolerance or CLOSE))


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 3, 2, 4), (6, 1, 4, 2), (1, 1, 1, 1), (4, 3, 5, 1)])
@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("name", BY_HAND)
def test_backward_by_hand_agrees_with_autograd(name, sizes, gaps):
    T, B, D, H = sizes
    cell, by_hand = make(name, D, H), make(name, D, H, by_hand=True)
    arguments = draw(cell, T, B, D, gaps=gaps)
    assert_same(results(by_hand, *arguments), results(cell, *arguments))


FUNCTIONS = {
    "tanh": lambda c, X, s, on: VanillaFunction.apply(X, *s, c["W"], c["U"], c["b"], on),
    "lstm": lambda c, X, s, on: LSTMFunction.apply(X, *s, c["W"], c["U"], c["b"], None, on),
    "lstm-peepholes": lambda c, X, s, on: LSTMFunction.apply(X, *s, c["W"], c["U"], c["b"], c["P"], on),
    "gru-after": lambda c, X, s, on: GRUFunction.apply(X, *s, c["W"], c["U"], c["b"], c["c"], on),
    "gru-before": lambda c, X, s, on: GRUFunction.apply(X, *s, c["W"], c["U"], c["b"], None, on),
}


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("name", BY_HAND)
def test_backward_by_hand_passes_gradcheck(name, gaps):
    cell = make(name, 2, 3)
    X, state, mask, *_ = draw(cell, 4, 3, 2, gaps=gaps)
    X, state = leaves(X, state)
    named = dict(cell.named_parameters())

    def function(X, *rest):
        states, values = rest[: len(state)], dict(zip(named, rest[len(state) :], strict=True))
        return FUNCTIONS[name](values, X, states, None if mask is None else mask[..., None])

    assert torch.autograd.gradcheck(function, (X, *state, *named.values()))


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


@pytest.mark.parametrize(("name", "by_hand"), with_and_without(TORCHS))
def test_against_torchs_own_layers_with_packed_sequences(name, by_hand):
    T, B, D, H = 6, 4, 3, 5
    cell = make(name, D, H, by_hand=by_hand)
    layer = torch_layer(name, cell, D, H)
    X, state, _, G, dstate = draw(cell, T, B, D)
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
    loss = (G * output).sum() + sum((d * s).sum() for d, s in zip(dstate, last, strict=True))
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
    cell, plain = make("lstm-coupled-peepholes"), make("lstm-peepholes")
    for name in ("W", "U", "b", "P"):
        value = getattr(cell, name).data
        f = value[:1] if name == "P" else value[..., : value.shape[-1] // 3]
        getattr(plain, name).data = torch.cat([-f, value], dim=0 if name == "P" else -1)
    X, state, mask, *_ = draw(cell)
    for ours, theirs in zip(cell(X, state, mask)[1], plain(X, state, mask)[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("merge", ["concat", "sum", "average", "product"])
def test_bidirectional_against_the_numpy_layer(merge):
    cells = make("tanh", seed=2), make("tanh", seed=3)
    ours = NumPyBidirectional(*(numpy_layer("tanh", cell) for cell in cells), merge)
    compare_with_numpy(ours, Bidirectional(*cells, merge), *draw_both(cells, 12 if merge == "concat" else 6))


def draw_both(cells, width):
    X, state, mask, _, dstate = draw(cells[0])
    _, state_back, _, _, dstate_back = draw(cells[1], seed=5)
    G = torch.randn(*X.shape[:2], width, dtype=X.dtype, generator=torch.Generator().manual_seed(6))
    return X, state + state_back, mask, G, dstate + dstate_back


def test_bidirectional_against_torchs_own_lstm():
    """The trap: with padding, torch is right only with packed sequences; ours takes the mask."""
    T, B, D, H = 6, 3, 2, 4
    cells = make("lstm", D, H, 2), make("lstm", D, H, 3)
    layer = torch.nn.LSTM(D, H, bidirectional=True).double()
    values = {}
    for cell, end in zip(cells, ("", "_reverse"), strict=True):
        alone = torch_layer("lstm", cell, D, H).state_dict()
        values |= {name + end: value for name, value in alone.items()}
    layer.load_state_dict(values)
    X, *_ = draw(cells[0], T, B, D)
    lengths = torch.tensor([4, 6, 1])
    mask = torch.arange(T)[:, None] < lengths
    output, (h, c) = layer(pack_padded_sequence(X, lengths, enforce_sorted=False))
    output, _ = pad_packed_sequence(output, total_length=T)
    ours, state = Bidirectional(*cells)(X, None, mask)
    for got, wanted in zip((ours[mask], *state), (output[mask], h[0], c[0], h[1], c[1]), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-12)


def numpy_layer(name, cell):
    values = {k: v.detach().numpy() for k, v in cell.named_parameters()}
    if name in ("tanh", "relu", "identity"):
        return recurrent.VanillaRNN(**values, activation=name)
    if isinstance(cell, GRU):
        return NumPyGRU(**values, reset=cell.reset)
    return NumPyLSTM(**values)


def compare_with_numpy(layer, module, X, state, mask, G, dstate):
    ours = results(module, X, state, mask, G, dstate)
    run = layer.forward(X.numpy(), tuple(s.numpy() for s in state), None if mask is None else mask.numpy())
    found = layer.backward(run, G.numpy(), tuple(d.numpy() for d in dstate))
    theirs = {"H": run.H, "dX": found.dX}
    for k, (last, d_first) in enumerate(zip(run.state, found.dstate_0, strict=True)):
        theirs |= {f"state {k}": last, f"dstate_0 {k}": d_first}
    for key, value in found.parameters.items():
        head, _, name = key.rpartition(".")
        theirs[f"{head}_layer.{name}" if head else name] = value
    assert_same(ours, theirs)


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("name", ["tanh", "relu", "identity", "lstm", "gru-after", "gru-before"])
def test_against_the_numpy_layers(name, gaps):
    cell = make(name)
    compare_with_numpy(numpy_layer(name, cell), cell, *draw(cell, gaps=gaps))


@pytest.mark.parametrize("name", BY_HAND)
def test_backward_works_twice_and_leaves_its_inputs_alone(name):
    cell = make(name, by_hand=True)
    X, state, mask, G, _ = draw(cell)
    copies = [t.clone() for t in (X, *state, G, *cell.parameters())]
    H, _ = cell(X, state, mask)
    first = torch.autograd.grad(H, list(cell.parameters()), G, retain_graph=True)
    second = torch.autograd.grad(H, list(cell.parameters()), G)
    for a, b in zip((*first, X, *state, G, *cell.parameters()), (*second, *copies), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", CELLS)
def test_masks_of_any_kind_are_one_and_none_is_all_ones(name):
    cell = make(name)
    X, state, mask, *_ = draw(cell)
    wanted, _ = cell(X, state, mask)
    for kind in (torch.float32, torch.int64):
        assert torch.equal(cell(X, state, mask.to(kind))[0], wanted)
    assert torch.equal(cell(X, state)[0], cell(X, state, torch.ones_like(mask))[0])
    zeros = [torch.zeros_like(s) for s in state]
    assert torch.equal(cell(X)[0], cell(X, zeros)[0])


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", BY_HAND)
def test_dtype_is_kept_and_large_values_do_not_overflow(name, dtype, by_hand):
    cell = make(name, dtype=dtype, by_hand=by_hand)
    X, state, mask, G, _ = draw(cell, dtype=dtype)
    X, state = leaves(1e4 * X, state)
    H, last = cell(X, state, mask)
    found = torch.autograd.grad(H, [X, *state, *cell.parameters()], G)
    assert {t.dtype for t in (H, *last, *found)} == {dtype}
    assert all(t.isfinite().all() for t in (H, *last, *found))


# bf16 keeps 8 bits: each product of D or H terms of unit size is off by about 2**-8 of its size, and some steps of
# that add up; 0.02 is the most that was seen on a CPU. Relative to the largest entry of each array.
BF16 = 0.04


def deviation(ours, theirs):
    """The largest over all arrays of max |ours - theirs| / max |theirs|."""
    assert ours.keys() == theirs.keys()
    return max(np.abs(ours[k] - v).max() / np.abs(v).max() for k, v in theirs.items())


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("name", BY_HAND)
def test_autocast_on_the_cpu(name, by_hand):
    """Products in bf16, states and gradients in the parameters' float32."""
    cell = make(name, dtype=torch.float32, by_hand=by_hand)
    arguments = draw(cell, dtype=torch.float32)
    exact = results(cell, *arguments)
    with torch.autocast("cpu", torch.bfloat16):
        found = results(cell, *arguments)
        assert cell(*arguments[:3])[0].dtype == torch.float32
    assert 1e-4 < deviation(found, exact) < BF16  # bf16 was used, and no more than that


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize(("name", "by_hand"), with_and_without(CELLS))
def test_gpu_against_cpu(name, by_hand, autocast, record_property):
    """Outputs and gradients in float32 (2e-5: sums in another order, TF32 off) and under bf16 autocast."""
    T, B, D, H = 20, 8, 16, 32
    cell = make(name, D, H, dtype=torch.float32, by_hand=by_hand)
    arguments = draw(cell, T, B, D, dtype=torch.float32)
    exact = results(cell, *arguments)
    cell = cell.cuda()
    on_gpu = [a if a is None else a.cuda() if torch.is_tensor(a) else [s.cuda() for s in a] for a in arguments]
    before, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, False
    try:
        with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
            found = results(cell, *on_gpu)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    if autocast and name == "relu":  # a slope that flips at 0 is no small deviation: outputs only
        exact, found = ({k: v for k, v in each.items() if k[0] in "Hs"} for each in (exact, found))
    record_property("deviation", deviation(found, exact))
    assert deviation(found, exact) < (BF16 if autocast else 2e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "by_hand"),
    [("tanh", True), ("lstm-peepholes", False), ("lstm-peepholes", True), ("gru-after", False), ("gru-before", True)],
)
def test_compiled(name, by_hand):
    """torch.compile, whole graph, gives the same numbers; where its compiler cannot run, the reason is shown."""
    cell = make(name, by_hand=by_hand)
    X, state, mask, G, dstate = draw(cell, T=3)
    compiled = torch.compile(cell, fullgraph=True)
    torch.compiler.reset()
    try:
        compiled(X, state, mask)
    except torch._dynamo.exc.BackendCompilerFailed as error:
        pytest.skip(f"torch.compile's inductor cannot run here: {error.inner_exception!r}"[:200])
    found = results(compiled, X, state, mask, G, dstate)
    assert_same({k.removeprefix("_orig_mod."): v for k, v in found.items()}, results(cell, X, state, mask, G, dstate))


def test_initialisation():
    """Orthogonal gate by gate, the forget gate's bias as asked, biases and peepholes zero."""
    for cell, blocks in ((LSTM(3, 5, peepholes=True, forget_bias=2.0), 4), (GRU(3, 5), 3), (VanillaRNN(3, 5), 1)):
        for block in cell.U.chunk(blocks, dim=1):
            torch.testing.assert_close(block @ block.T, torch.eye(5), rtol=0, atol=1e-5)
        assert cell.W.std() > 0.1
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
    with pytest.raises(ValueError, match="by_hand: its backward is that of tanh, not of relu"):
        VanillaRNN(2, 3, "relu", by_hand=True)
    with pytest.raises(ValueError, match="by_hand: its backward knows peepholes, but no coupled gates"):
        LSTM(2, 3, coupled=True, by_hand=True)
    with pytest.raises(ValueError, match="reset: expected 'after' or 'before', got 'never'"):
        GRU(2, 3, "never")
    with pytest.raises(ValueError, match="merge: expected one of concat, sum, average, product, got 'max'"):
        Bidirectional(GRU(2, 3), GRU(2, 3), "max")
    with pytest.raises(ValueError, match="merge sum: expected equal widths, got 3, 4"):
        Bidirectional(GRU(2, 3), GRU(2, 4), "sum")(torch.zeros(1, 1, 2))
    with pytest.raises(ValueError, match="state_0: expected the forward layer's and the backward layer's, got 1"):
        Bidirectional(GRU(2, 3), GRU(2, 3))(torch.zeros(1, 1, 2), [torch.zeros(1, 3)])


def test_the_numpy_room_does_not_import_torch():
    script = "import sys, autograder.recurrent; assert not {'torch', 'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
