"""Porting: each layout run by its own framework gives our numbers, round trips are exact, the rest is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from cells_to_port import CLOSE, KINDS, assert_same_cell, draw_cell, draw_input, run

from autograder.recurrent import LSTM
from autograder.recurrent.porting import (
    CannotRepresent,
    Cell,
    Node,
    from_flax,
    from_haiku,
    from_keras,
    from_layer,
    from_onnx,
    from_pytorch,
    onnx_model,
    to_flax,
    to_haiku,
    to_keras,
    to_layer,
    to_onnx,
    to_pytorch,
    uncouple,
)

RECORDED = Path(__file__).parent / "data" / "flax_and_haiku.npz"


# --- our own layers ------------------------------------------------------------------------------------------


LSTMS = [(kind, extra) for kind in KINDS if kind.startswith("lstm") for extra in ("peepholes", "projection", "both")]


@pytest.mark.parametrize(("kind", "extra"), [(kind, "") for kind in KINDS] + LSTMS)
def test_our_layers_run_the_cells(kind, extra):
    cell = draw_cell(kind, K=2 if extra in ("projection", "both") else None, peepholes=extra in ("peepholes", "both"))
    layer = to_layer(cell)
    assert_same_cell(from_layer(layer), cell)
    X, state = draw_input(cell)
    result = layer.forward(X, tuple(state))
    H, last = run(cell, X, state)
    for ours, theirs in zip((result.H, *result.state), (H, *last), strict=True):
        np.testing.assert_allclose(ours, theirs, **CLOSE)


def test_a_plain_lstm_runs_in_the_fast_layer():
    assert isinstance(to_layer(draw_cell("lstm")), LSTM)


def test_layers_that_are_not_cells():
    with pytest.raises(TypeError, match="layer: expected a VanillaRNN, LSTM, VariantLSTM or GRU, got NoneType"):
        from_layer(None)


# --- PyTorch ------------------------------------------------------------------------------------------------


def torch_layer(kind, D, H, **options):
    make = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind.split("-")[0]]
    if kind == "rnn-relu":
        options["nonlinearity"] = "relu"
    return make(D, H, dtype=torch.float64, **options)


def load(layer, entries):
    layer.load_state_dict({name: torch.tensor(value) for name, value in entries.items()})


PYTORCH = ["rnn-tanh", "rnn-relu", "lstm", "gru-after"]


@pytest.mark.parametrize(("kind", "K"), [*((kind, None) for kind in PYTORCH), ("lstm", 2)])
def test_to_pytorch_by_running_it(kind, K):
    cell = draw_cell(kind, K=K)
    layer = torch_layer(kind, 3, 5, **({"proj_size": K} if K else {}))
    load(layer, to_pytorch(cell))
    X, state = draw_input(cell)
    first = [torch.tensor(s)[None] for s in state]
    output, last = layer(torch.tensor(X), tuple(first) if len(first) == 2 else first[0])
    H, ours = run(cell, X, state)
    np.testing.assert_allclose(output.detach(), H, **CLOSE)
    for theirs, wanted in zip(last if len(first) == 2 else [last], ours, strict=True):
        np.testing.assert_allclose(theirs[0].detach(), wanted, **CLOSE)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", PYTORCH)
def test_from_pytorch_by_running_it(kind, bias):
    """Parameters as PyTorch draws them, two biases and all."""
    torch.manual_seed(3)
    layer = torch_layer(kind, 3, 5, bias=bias)
    cell = from_pytorch(layer.state_dict(), kind)
    X, state = draw_input(cell)
    first = [torch.tensor(s)[None] for s in state]
    output, _ = layer(torch.tensor(X), tuple(first) if len(first) == 2 else first[0])
    np.testing.assert_allclose(run(cell, X, state)[0], output.detach(), **CLOSE)


def test_a_bidirectional_stack_for_pytorch():
    cells = {"_l0": draw_cell("gru-after"), "_l0_reverse": draw_cell("gru-after", seed=2)}
    cells |= {"_l1": draw_cell("gru-after", 10, seed=3), "_l1_reverse": draw_cell("gru-after", 10, seed=4)}
    layer = torch_layer("gru", 3, 5, bidirectional=True, num_layers=2)
    entries = {}
    for suffix, cell in cells.items():
        entries |= to_pytorch(cell, suffix)
    load(layer, entries)
    X, _ = draw_input(cells["_l0"])
    output, h_n = layer(torch.tensor(X))
    H, last = X, []
    for one, other in (("_l0", "_l0_reverse"), ("_l1", "_l1_reverse")):
        there, (h,) = run(cells[one], H)
        back, (h_back,) = run(cells[other], H[::-1].copy())
        H = np.concatenate([there, back[::-1]], axis=-1)
        last += [h, h_back]
    np.testing.assert_allclose(output.detach(), H, **CLOSE)
    np.testing.assert_allclose(h_n.detach(), np.stack(last), **CLOSE)
    for suffix, cell in cells.items():
        assert_same_cell(from_pytorch(entries, "gru-after", suffix), cell)


def test_a_cell_for_pytorch_has_no_suffix():
    cell = draw_cell("lstm")
    layer = torch.nn.LSTMCell(3, 5, dtype=torch.float64)
    load(layer, to_pytorch(cell, ""))
    X, state = draw_input(cell, T=1)
    h, c = layer(torch.tensor(X[0]), tuple(torch.tensor(s) for s in state))
    for theirs, ours in zip((h, c), run(cell, X, state)[1], strict=True):
        np.testing.assert_allclose(theirs.detach(), ours, **CLOSE)


# --- ONNX ---------------------------------------------------------------------------------------------------


def run_onnx(node, X, lengths, states):
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    session = runtime.InferenceSession(onnx_model(node).SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {"X": X.astype("float32"), "lengths": lengths.astype("int32")}
    feed |= {f"{name}_0": value.astype("float32") for name, value in zip("hc", states, strict=False)}
    return session.run(None, feed)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(
    ("kind", "peepholes"), [*((kind, False) for kind in KINDS), ("lstm", True), ("lstm-coupled", True)]
)
def test_onnxruntime_gives_the_same_numbers(kind, directions, peepholes):
    """In float32, all the runtime has: 24 bits, sums of a dozen terms, six steps, so 1e-5."""
    cells = [draw_cell(kind, peepholes=peepholes and k == 0, seed=k) for k in range(directions)]
    lengths = np.array([6, 2, 4, 1])
    mask = np.arange(6)[:, None] < lengths
    X, state = draw_input(cells[0])
    states = [state, draw_input(cells[-1], seed=9)[1]][:directions]
    H, *last = run_onnx(to_onnx(*cells), X, lengths, [np.stack(s) for s in zip(*states, strict=True)])
    ours, ours_last = [], []
    for k, (cell, first) in enumerate(zip(cells, states, strict=True)):
        turn = slice(None, None, -1 if k else 1)
        outputs, final = run(cell, X[turn].copy(), first, mask[turn].copy())
        ours.append(outputs[turn])
        ours_last.append(final)
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(H, np.concatenate(ours, axis=-1) * mask[..., None], **close)
    for theirs, wanted in zip(last, zip(*ours_last, strict=True), strict=True):
        np.testing.assert_allclose(theirs, np.stack(wanted), **close)


def test_onnx_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match="needs the package onnx: pip install"):
        onnx_model(to_onnx(draw_cell("lstm")))


def test_from_onnx_merges_biases_and_knows_the_defaults():
    """By ONNX's documents: B is Wb then Rb, gates z r h, the reset gate before the product unless said otherwise."""
    H = 2
    W, R, B = np.arange(18.0).reshape(1, 6, 3), np.arange(12.0).reshape(1, 6, 2), np.arange(12.0).reshape(1, 12)
    (cell,) = from_onnx(Node("GRU", {"hidden_size": H}, {"W": W, "R": R, "B": B}))
    assert cell.kind == "gru-before"
    np.testing.assert_array_equal(cell.parameters["W"][:, :2], W[0, 2:4].T)  # r is ONNX's second block
    np.testing.assert_array_equal(cell.parameters["b"], [2 + 8, 3 + 9, 0 + 6, 1 + 7, 4 + 10, 5 + 11])
    (after,) = from_onnx(Node("GRU", {"linear_before_reset": 1}, {"W": W, "R": R, "B": B}))
    np.testing.assert_array_equal(after.parameters["b"], [2 + 8, 3 + 9, 0 + 6, 1 + 7, 4, 5])
    np.testing.assert_array_equal(after.parameters["c"], [10, 11])
    (plain,) = from_onnx(Node("RNN", {}, {"W": W[:, :2], "R": R[:, :2]}))
    assert plain.kind == "rnn-tanh"
    assert not plain.parameters["b"].any()


@pytest.mark.parametrize(("kind", "length"), [("rnn-identity", 2), ("rnn-relu", 2), ("lstm", 6), ("gru-after", 4)])
def test_onnx_lists_its_activations_for_each_direction(kind, length):
    cells = draw_cell(kind), draw_cell(kind, seed=2)
    node = to_onnx(*cells)
    lists = {name: value for name, value in node.attributes.items() if isinstance(value, list)}
    assert {len(value) for value in lists.values()} <= {2}
    defaults = {"lstm": ["Sigmoid", "Tanh", "Tanh"], "gru-after": ["Sigmoid", "Tanh"]}
    activations = node.attributes.get("activations") or defaults[kind] * 2
    assert len(activations) == length
    back = from_onnx(node._replace(attributes=node.attributes | {"activations": activations}))
    for found, cell in zip(back, cells, strict=True):
        assert_same_cell(found, cell)


# --- Flax and Haiku, against numbers recorded from the libraries themselves ------------------------------------


def recorded(name):
    """One recorded run: parameters {module: {name: array}}, X, H, the states before and after."""
    with np.load(RECORDED, allow_pickle=False) as file:
        prefix = f"{name}: "
        mine = {key.removeprefix(prefix): file[key] for key in file.files if key.startswith(prefix)}
    tree = {}
    for key in [key for key in mine if key.startswith("parameter ")]:
        module, leaf = key.removeprefix("parameter ").split("/")
        tree.setdefault(module, {})[leaf] = mine.pop(key)
    states = [[mine[key] for key in sorted(mine) if key.startswith(f"{which} ")] for which in ("state_0", "state")]
    return tree, mine["X"], mine["H"], *states


def compare_with_recorded(cell, X, H, state_0, state):
    ours, last = run(cell, X, state_0)
    np.testing.assert_allclose(ours, H, **CLOSE)
    for mine, theirs in zip(last, state, strict=True):
        np.testing.assert_allclose(mine, theirs, **CLOSE)


def assert_same_tree(found, wanted, atol=0.0):
    assert {k: v.keys() for k, v in found.items()} == {k: v.keys() for k, v in wanted.items()}
    for module, leaves in wanted.items():
        for name, value in leaves.items():
            np.testing.assert_allclose(found[module][name], value, rtol=0, atol=atol, err_msg=f"{module}/{name}")


@pytest.mark.parametrize("name", ["rnn-tanh", "rnn-relu", "lstm", "lstm, gate by gate", "gru-after"])
def test_flax_as_flax_ran_it(name):
    tree, *numbers = recorded(f"flax {name}")
    cell = from_flax(tree, name.partition(",")[0])
    compare_with_recorded(cell, *numbers)
    assert_same_tree(to_flax(cell, gate_by_gate="," in name), tree)


@pytest.mark.parametrize("kind", ["rnn-relu", "lstm", "gru-before"])
def test_haiku_as_haiku_ran_it(kind):
    tree, *numbers = recorded(f"haiku {kind}")
    cell = from_haiku(tree, kind)
    compare_with_recorded(cell, *numbers)
    if kind == "rnn-relu":  # its two biases come back as one
        tree["linear"]["b"] = tree["linear"]["b"] + tree["linear_1"]["b"]
        tree["linear_1"]["b"] = np.zeros_like(tree["linear"]["b"])
    assert_same_tree(to_haiku(cell), tree, atol=4e-16 if kind == "lstm" else 0)  # (b + 1) - 1


def test_haikus_vanilla_rnn_may_have_one_bias():
    cell = draw_cell("rnn-relu")
    tree = to_haiku(cell)
    del tree["linear_1"]["b"]
    assert_same_cell(from_haiku(tree, "rnn-relu"), cell)


# --- Round trips --------------------------------------------------------------------------------------------

TRIPS = {
    "pytorch": lambda cell: from_pytorch(to_pytorch(cell), cell.kind),
    "keras": lambda cell: from_keras(to_keras(cell), cell.kind),
    "onnx": lambda cell: from_onnx(to_onnx(cell))[0],
    "flax": lambda cell: from_flax(to_flax(cell), cell.kind),
    "flax, gate by gate": lambda cell: from_flax(to_flax(cell, gate_by_gate=True), cell.kind),
    "haiku": lambda cell: from_haiku(to_haiku(cell), cell.kind),
}
REFUSED = {
    "pytorch": {
        "rnn-identity": "PyTorch has no RNN with identity activation",
        "gru-before": "PyTorch has no GRU with the reset gate before the product",
        "lstm-coupled": r"PyTorch has no coupled gates; uncouple\(cell\)",
        "peepholes": "PyTorch has no place for peepholes",
    },
    "keras": {
        "lstm-coupled": "Keras has no coupled gates",
        "peepholes": "Keras has no place for peepholes",
        "projection": r"Keras has no place for a projection \(R\)",
    },
    "onnx": {"projection": "ONNX has no place for a projection"},
    "flax": {
        "gru-before": "Flax has no GRU with the reset gate before the product",
        "gru-after": r"Flax has no place for the candidate's recurrent bias \(c is not zero\)",
        "lstm-coupled": "Flax has no coupled gates",
        "peepholes": "Flax has no place for peepholes",
        "projection": "Flax has no place for a projection",
    },
    "haiku": {
        "rnn-tanh": "Haiku has no RNN with tanh: only RNN with relu",
        "rnn-identity": "Haiku has no RNN with identity activation",
        "gru-after": "Haiku has no GRU with the reset gate after the product",
        "lstm-coupled": "Haiku has no coupled gates",
        "peepholes": "Haiku has no place for peepholes",
        "projection": "Haiku has no place for a projection",
    },
}
REFUSED["flax, gate by gate"] = REFUSED["flax"]
VARIANTS = [*KINDS, "peepholes", "projection"]


def variant(name, dtype="float64"):
    if name in KINDS:
        return draw_cell(name, dtype=dtype)
    return draw_cell("lstm", dtype=dtype, **({"K": 2} if name == "projection" else {"peepholes": True}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("layout", TRIPS)
def test_round_trips_are_exact_or_refused_with_the_reason(layout, name, dtype):
    cell = variant(name, dtype)
    before = {key: value.copy() for key, value in cell.parameters.items()}
    if name in REFUSED[layout]:
        with pytest.raises(CannotRepresent, match=REFUSED[layout][name]):
            TRIPS[layout](cell)
        return
    back = TRIPS[layout](cell)
    if layout == "haiku" and name == "lstm":  # (b_f - 1) + 1: a rounding at 1
        one = back.parameters["b"]
        np.testing.assert_allclose(one, before["b"], rtol=0, atol=2 * np.finfo(dtype).eps)
        back = Cell("lstm", {**back.parameters, "b": before["b"].copy()})
    assert_same_cell(back, cell)
    for key, value in before.items():
        np.testing.assert_array_equal(cell.parameters[key], value)
    for value in back.parameters.values():
        value += 1  # nothing of the way is shared with the original
    for key, value in before.items():
        np.testing.assert_array_equal(cell.parameters[key], value)


def test_a_projection_of_zeros_is_a_projection():
    cell = draw_cell("lstm", K=2)
    cell.parameters["R"][:] = 0
    with pytest.raises(CannotRepresent, match="Keras has no place for a projection"):
        to_keras(cell)


def test_what_is_zero_need_not_be_represented():
    cell = draw_cell("lstm", peepholes=True)
    cell.parameters["P"][:] = 0
    plain = from_pytorch(to_pytorch(cell), "lstm")
    assert "P" not in plain.parameters
    gru = draw_cell("gru-after")
    gru.parameters["c"][:] = 0
    assert_same_cell(from_flax(to_flax(gru), "gru-after"), gru)


@pytest.mark.parametrize("K", [None, 2])
@pytest.mark.parametrize("peepholes", [False, True])
def test_an_uncoupled_lstm_computes_the_same(peepholes, K):
    cell = draw_cell("lstm-coupled", peepholes=peepholes, K=K)
    X, state = draw_input(cell)
    (H, last), (H_plain, last_plain) = run(cell, X, state), run(uncouple(cell), X, state)
    for one, other in zip((H, *last), (H_plain, *last_plain), strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)
    with pytest.raises(ValueError, match="cell: expected kind 'lstm-coupled', got 'lstm'"):
        uncouple(draw_cell("lstm"))


# --- Bad input ----------------------------------------------------------------------------------------------


def changed(kind="lstm", **arrays):
    return Cell(kind, dict(draw_cell("lstm").parameters) | arrays)


BAD = {
    "kind": (lambda: Cell("mlp", {}), "kind: expected one of rnn-tanh, .*, got 'mlp'"),
    "names": (lambda: changed("gru-after"), "parameters: gru-after has U, W, b, c; got U, W, b"),
    "extra": (lambda: changed(V=np.zeros(3)), "parameters: lstm has U, W, b, perhaps P, R; got U, V, W, b"),
    "width of W": (lambda: changed(W=np.zeros((3, 19))), r"W: expected shape \(D, 20\), got \(3, 19\)"),
    "U": (lambda: changed(U=np.zeros((4, 20))), r"U: expected shape \(5, 20\), got \(4, 20\)"),
    "P": (lambda: changed(P=np.zeros((2, 5))), r"P: expected shape \(3, 5\), got \(2, 5\)"),
    "finite": (lambda: changed(b=np.full(20, np.nan)), "b: expected finite values, got nan"),
    "missing entry": (lambda: from_pytorch({"weight_ih_l0": np.zeros((5, 3))}, "rnn-tanh"), "weight_hh_l0: missing"),
    "rank of an entry": (lambda: from_keras([np.zeros(3), np.zeros(3)], "lstm"), "kernel: expected shape"),
    "number of arrays": (lambda: from_keras([np.zeros(3)], "lstm"), "weights: expected kernel, .* got 1 arrays"),
    "not in PyTorch": (lambda: from_pytorch({}, "gru-before"), "kind: PyTorch has rnn-tanh, .*, got 'gru-before'"),
    "not in Keras": (lambda: from_keras([], "lstm-coupled"), "kind: Keras has .*, got 'lstm-coupled'"),
    "not in Flax": (lambda: from_flax({}, "gru-before"), "kind: Flax has .*, got 'gru-before'"),
    "not in Haiku": (lambda: from_haiku({}, "rnn-tanh"), "kind: Haiku has rnn-relu, lstm, gru-before, got 'rnn-tanh'"),
    "two kinds": (
        lambda: to_onnx(draw_cell("gru-after"), draw_cell("gru-before")),
        "ONNX has one operator for both directions",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(spoil, said):
    with pytest.raises(ValueError, match=said):
        spoil()
