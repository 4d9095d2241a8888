"""ONNX's operators as our NumPy layers: its own published cases, onnxruntime on random ones, and what is refused."""

import itertools

import numpy as np
import pytest
from cells_to_port import KINDS, assert_same_cell, draw_cell

from autograder.recurrent import GRU, LSTM, Bidirectional, Reversed, Stack, VanillaRNN, VariantLSTM
from autograder.recurrent.porting import (
    CannotRepresent,
    Node,
    from_onnx,
    from_onnx_model,
    onnx_layer,
    onnx_model,
    onnx_node,
    run_onnx,
    to_layer,
    to_onnx,
)

# float32, 24 bits; sums of a dozen terms over a few steps.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
ORDER = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def published():
    """(name, node, inputs by name, outputs by name) of each of the onnx package's cases for RNN, LSTM and GRU."""
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    from onnx.backend.test.case.node import collect_testcases

    found = {}
    for case in collect_testcases():
        node = case.model.graph.node[0]
        if node.op_type in ("RNN", "LSTM", "GRU"):
            ((inputs, outputs),) = case.data_sets
            schema = onnx.defs.get_schema(node.op_type)
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            given = [p.name for p, name in zip(schema.inputs, node.input, strict=False) if name]
            wanted = [p.name for p, name in zip(schema.outputs, node.output, strict=False) if name]
            given, wanted = (dict(zip(*pair, strict=True)) for pair in ((given, inputs), (wanted, outputs)))
            found[node.op_type, case.name] = attributes, given, wanted
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # from the cases of other operators, which come along
def test_onnxs_own_published_cases():
    """Defaults, biases, initial states, sequence lengths, peepholes, each direction, batch first: as published."""
    seen = published()
    assert len(seen) >= 18
    for (operator, name), (attributes, given, wanted) in seen.items():
        node = Node(operator, attributes, {k: v for k, v in given.items() if k in ("W", "R", "B", "P")})
        more = {k: v for k, v in given.items() if k in ("sequence_lens", "initial_h", "initial_c")}
        found = run_onnx(node, given["X"], **more)._asdict()
        for output, value in wanted.items():
            assert found[output].dtype == np.float32
            np.testing.assert_allclose(found[output], value, err_msg=f"{name} {output}", **CLOSE)


# --- Random operators, against onnxruntime and the onnx package's reference --------------------------------------

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def draw(operator, attributes, seed=0, T=6, B=5, D=3, H=4, dtype="float32"):
    """A node with these attributes and every input it may have; X and the states as for layout 0."""
    rng = np.random.default_rng(seed)
    n, dirs = GATES[operator], 2 if attributes.get("direction") == "bidirectional" else 1
    shapes = {"W": (dirs, n * H, D), "R": (dirs, n * H, H), "B": (dirs, 2 * n * H)}
    shapes |= {"P": (dirs, 3 * H)} if operator == "LSTM" else {}
    data = {"X": (T, B, D), "initial_h": (dirs, B, H)} | ({"initial_c": (dirs, B, H)} if operator == "LSTM" else {})
    weights, given = (
        {name: (0.7 * rng.normal(size=shape)).astype(dtype) for name, shape in part.items()} for part in (shapes, data)
    )
    given["sequence_lens"] = np.array([T, 1, T - 1, 3, 2], "int32")[:B]
    return Node(operator, {"hidden_size": H, **attributes}, weights), given


def as_model(node, given):
    """An onnx.ModelProto of the one operator, every input given from outside."""
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    everything = given | node.inputs
    names = [name if name in everything else "" for name in ORDER[: 8 if node.operator == "LSTM" else 6]]
    outputs = ["Y", "Y_h", "Y_c"][: 3 if node.operator == "LSTM" else 2]
    value = onnx.helper.make_tensor_value_info
    inputs = [
        value(k, onnx.helper.np_dtype_to_tensor_dtype(everything[k].dtype), everything[k].shape) for k in names if k
    ]
    operator = onnx.helper.make_node(node.operator, names, outputs, **node.attributes)
    results = [value(name, onnx.TensorProto.FLOAT, None) for name in outputs]
    graph = onnx.helper.make_graph([operator], "one", inputs, results)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8), everything


def by_onnxruntime(node, given):
    runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    model, feed = as_model(node, given)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def assert_same_outputs(found, wanted):
    for name, ours, theirs in zip(("Y", "Y_h", "Y_c"), found, [w for w in wanted if w is not None], strict=False):
        np.testing.assert_allclose(ours, theirs, err_msg=name, **CLOSE)


OPERATORS = [
    ("RNN", {}),
    ("RNN", {"activations": ["Relu"]}),
    ("RNN", {"activations": ["Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]}),
    ("RNN", {"activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [-0.25]}),
    ("LSTM", {}),
    ("LSTM", {"input_forget": 1}),
    ("GRU", {}),
    ("GRU", {"linear_before_reset": 0}),
    ("GRU", {"linear_before_reset": 1}),
]
OPTIONAL = [(), ("B", "P"), ("sequence_lens",), ("initial_h",), ("initial_c",), ("initial_h", "initial_c")]


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("operator", "attributes"), OPERATORS)
@pytest.mark.parametrize("absent", OPTIONAL, ids=["+".join(o) or "none absent" for o in OPTIONAL])
def test_random_operators_as_onnxruntime_runs_them(operator, attributes, direction, absent):
    """Y, Y_h and Y_c, with lengths and states and without, each optional input absent in turn."""
    dirs = 2 if direction == "bidirectional" else 1
    attributes = {k: v * dirs if isinstance(v, list) else v for k, v in attributes.items()}
    node, given = draw(operator, attributes | {"direction": direction}, seed=len(absent))
    node = node._replace(inputs={k: v for k, v in node.inputs.items() if k not in absent})
    given = {k: v for k, v in given.items() if k not in absent}
    X = given.pop("X")
    assert_same_outputs(run_onnx(node, X, **given), by_onnxruntime(node, {"X": X, **given}))


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 5, 2, 3), (7, 1, 4, 2), (3, 2, 1, 1)])
@pytest.mark.parametrize(("operator", "attributes"), OPERATORS)
def test_sizes_of_one(operator, attributes, sizes):
    node, given = draw(operator, attributes, 3, *sizes)
    given["sequence_lens"] = np.minimum(given["sequence_lens"], sizes[0]).clip(1).astype("int32")
    X = given.pop("X")
    assert_same_outputs(run_onnx(node, X, **given), by_onnxruntime(node, {"X": X, **given}))


def test_each_direction_of_an_rnn_may_have_its_own_activation():
    attributes = {"direction": "bidirectional", "activations": ["Relu", "Tanh"]}
    node, given = draw("RNN", attributes)
    assert [cell.kind for cell in from_onnx(node)] == ["rnn-relu", "rnn-tanh"]
    X = given.pop("X")
    assert_same_outputs(run_onnx(node, X, **given), by_onnxruntime(node, {"X": X, **given}))
    for names in itertools.product(["rnn-tanh", "rnn-relu", "rnn-identity"], repeat=2):
        cells = [draw_cell(kind, seed=k) for k, kind in enumerate(names)]
        for found, cell in zip(from_onnx(to_onnx(*cells)), cells, strict=True):
            assert_same_cell(found, cell)


@pytest.mark.parametrize(
    ("activations", "alpha", "beta", "plain"),
    [
        (["ScaledTanh"], [1.0], [1.0], ["Tanh"]),
        (["LeakyRelu"], [0.0], [], ["Relu"]),
        (["ThresholdedRelu"], [0.0], [], ["Relu"]),
    ],
)
def test_functions_whose_parameters_make_them_ours(activations, alpha, beta, plain):
    lists = {"activation_alpha": alpha, "activation_beta": beta}
    node, given = draw("RNN", {"activations": activations} | {k: v for k, v in lists.items() if v})
    same = node._replace(attributes={"activations": plain})
    for one, other in zip(from_onnx(node), from_onnx(same), strict=True):
        assert_same_cell(one, other)
    X = given.pop("X")
    assert_same_outputs(run_onnx(node, X, **given), by_onnxruntime(node, {"X": X, **given}))


def test_names_of_activations_in_other_cases():
    """As onnxruntime's LSTM and GRU take them."""
    node, given = draw("LSTM", {"activations": ["sigmoid", "TANH", "tanh"]})
    X = given.pop("X")
    assert_same_outputs(run_onnx(node, X, **given), by_onnxruntime(node, {"X": X, **given}))


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("operator", ["LSTM", "GRU", "RNN"])
def test_batch_first(operator, direction):
    """As the onnx package's reference runs it (onnxruntime has no layout=1), and as layout=0 gives it, turned."""
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    from onnx.reference import ReferenceEvaluator

    node, given = draw(operator, {"direction": direction})
    lengths = given.pop("sequence_lens")
    turned = {k: v.swapaxes(0, 1).copy() for k, v in given.items()}
    first = node._replace(attributes=node.attributes | {"layout": 1})
    X = turned.pop("X")
    if operator != "RNN":  # of an RNN the reference demands activations, which the format does not
        model, feed = as_model(first, {"X": X, **turned})
        assert_same_outputs(run_onnx(first, X, **turned), ReferenceEvaluator(model).run(None, feed))
    found = run_onnx(first, X, lengths, **turned)
    wanted = run_onnx(node, given.pop("X"), lengths, **given)
    np.testing.assert_array_equal(found.Y, wanted.Y.transpose(2, 0, 1, 3))
    np.testing.assert_array_equal(found.Y_h, wanted.Y_h.swapaxes(0, 1))
    if operator == "LSTM":
        np.testing.assert_array_equal(found.Y_c, wanted.Y_c.swapaxes(0, 1))


def test_a_sequence_of_no_steps_ends_where_it_starts():
    node, given = draw("LSTM", {"direction": "bidirectional"})
    given["sequence_lens"][1] = 0
    found = run_onnx(node, given.pop("X"), **given)
    assert not found.Y[:, :, 1].any()
    np.testing.assert_array_equal(found.Y_h[:, 1], given["initial_h"][:, 1])
    np.testing.assert_array_equal(found.Y_c[:, 1], given["initial_c"][:, 1])


def test_float64_stays_float64_and_nothing_is_modified():
    node, given = draw("LSTM", {"direction": "reverse"}, dtype="float64")
    everything = [*node.inputs.values(), *given.values()]
    before = [a.copy() for a in everything]
    found = run_onnx(node, given["X"], **{k: v for k, v in given.items() if k != "X"})
    assert {a.dtype for a in found} == {np.dtype("float64")}
    for a, b in zip(everything, before, strict=True):
        np.testing.assert_array_equal(a, b)


# --- Layers -----------------------------------------------------------------------------------------------------


def layers():
    for kind in KINDS:
        yield to_layer(draw_cell(kind))
    yield to_layer(draw_cell("lstm", peepholes=True))
    yield to_layer(draw_cell("lstm-coupled", peepholes=True))
    yield Reversed(to_layer(draw_cell("gru-before")))
    yield Bidirectional(to_layer(draw_cell("lstm-coupled")), to_layer(draw_cell("lstm-coupled", seed=2)))
    yield Bidirectional(to_layer(draw_cell("gru-after")), to_layer(draw_cell("gru-after", seed=2)))
    yield Bidirectional(to_layer(draw_cell("rnn-relu")), to_layer(draw_cell("rnn-tanh", seed=2)))


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: type(layer).__name__)
def test_layers_come_back_from_their_operator(layer):
    back = onnx_layer(onnx_node(layer))
    assert type(back) is type(layer)
    X = np.random.default_rng(0).normal(size=(4, 3, 3))
    assert list(back.parameters) == list(layer.parameters)
    for name, value in layer.parameters.items():
        np.testing.assert_array_equal(back.parameters[name], value, err_msg=name)
    np.testing.assert_array_equal(back.forward(X).H, layer.forward(X).H)


def test_attributes_are_as_onnx_documents_them():
    H = {"hidden_size": 5}
    one = H | {"direction": "forward"}
    assert to_onnx(draw_cell("lstm")).attributes == one
    assert to_onnx(draw_cell("lstm-coupled")).attributes == one | {"input_forget": 1}
    assert to_onnx(draw_cell("gru-after")).attributes == one | {"linear_before_reset": 1}
    assert to_onnx(draw_cell("gru-before")).attributes == one | {"linear_before_reset": 0}
    pair = to_onnx(draw_cell("rnn-relu"), draw_cell("rnn-identity")).attributes
    assert pair == H | {
        "direction": "bidirectional",
        "activations": ["Relu", "Affine"],
        "activation_alpha": [1.0],
        "activation_beta": [0.0],
    }


def test_the_layer_is_the_fast_one_where_there_is_one():
    kinds = {"rnn-relu": VanillaRNN, "lstm": LSTM, "lstm-coupled": VariantLSTM, "gru-before": GRU}
    for kind, layer in kinds.items():
        assert type(onnx_layer(to_onnx(draw_cell(kind)))) is layer


def test_layers_that_onnx_has_no_operator_for():
    one = to_layer(draw_cell("lstm"))
    with pytest.raises(CannotRepresent, match="side by side; it has no merge 'sum'"):
        onnx_node(Bidirectional(one, one, "sum"))
    with pytest.raises(CannotRepresent, match="ONNX has no place for a projection"):
        onnx_node(to_layer(draw_cell("lstm", K=2)))
    with pytest.raises(CannotRepresent, match="one operator for both directions, not lstm and gru-after"):
        onnx_node(Bidirectional(one, to_layer(draw_cell("gru-after"))))
    for kind, other in (("lstm", "lstm-coupled"), ("rnn-tanh", "lstm"), ("gru-before", "rnn-relu")):
        with pytest.raises(CannotRepresent, match=f"one operator for both directions, not {kind} and {other}"):
            to_onnx(draw_cell(kind), draw_cell(other))
    with pytest.raises(CannotRepresent, match=r"of one size, not W of \(3, 20\) and \(3, 24\)"):
        to_onnx(draw_cell("lstm"), draw_cell("lstm", H=6))
    with pytest.raises(TypeError, match="layer: expected a VanillaRNN, LSTM, VariantLSTM or GRU, got Stack"):
        onnx_node(Stack((one,)))


# --- Models -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["model", "file"])
def test_the_operators_of_a_model(where, tmp_path):
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    layer = Bidirectional(to_layer(draw_cell("lstm-coupled", peepholes=True)), to_layer(draw_cell("lstm-coupled")))
    model = onnx_model(onnx_node(layer))
    if where == "file":
        onnx.save(model, tmp_path / "one.onnx")
        model = str(tmp_path / "one.onnx")
    (node,) = from_onnx_model(model)
    assert (node.operator, node.inputs.keys()) == ("LSTM", {"W", "R", "B", "P"})
    back = onnx_layer(node)
    for name, value in layer.parameters.items():
        if name in back.parameters:
            np.testing.assert_array_equal(back.parameters[name], value.astype("float32"), err_msg=name)
    assert not back.parameters["backward.P"].any()


@pytest.mark.filterwarnings("ignore:Exporting a model to ONNX:UserWarning", "ignore:Converting a tensor to a Python")
def test_a_model_that_pytorch_wrote():
    """torch.onnx's export of a layer: its weights, its gate orders, its two biases, read and run by us."""
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    import io

    import torch

    torch.manual_seed(1)
    X = torch.randn(5, 3, 4)
    for make, states in ((torch.nn.LSTM, 2), (torch.nn.GRU, 1), (torch.nn.RNN, 1)):
        layer = make(4, 6, bidirectional=True)
        state = [torch.randn(2, 3, 6) for _ in range(states)]
        arguments = (X, tuple(state) if states == 2 else state[0])
        with torch.no_grad():
            output, last = layer(*arguments)
        file = io.BytesIO()
        torch.onnx.export(layer, arguments, file, dynamo=False, opset_version=14)
        (node,) = from_onnx_model(onnx.load_from_string(file.getvalue()))
        node = Node(node.operator, node.attributes, {k: node.inputs[k] for k in "WRB"})
        found = run_onnx(node, X.numpy(), None, *(s.numpy() for s in state))
        theirs = found.Y.transpose(0, 2, 1, 3).reshape(5, 3, 12)
        np.testing.assert_allclose(theirs, output.numpy(), **CLOSE)
        for ours, wanted in zip(found[1:], last if states == 2 else [last], strict=False):
            np.testing.assert_allclose(ours, wanted.numpy(), **CLOSE)


def test_constants_of_a_model_and_weights_that_are_none():
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    node, given = draw("GRU", {})
    model, everything = as_model(node, given)
    with pytest.raises(ValueError, match="W: expected a constant of the model, got 'W', which is computed"):
        from_onnx_model(model)
    tensors = {k: onnx.numpy_helper.from_array(v, k) for k, v in everything.items() if k != "X"}
    model.graph.initializer.extend([tensors["W"], tensors["B"], tensors["initial_h"]])
    for name in ("R", "sequence_lens"):
        model.graph.node.insert(0, onnx.helper.make_node("Constant", [], [name], value=tensors[name]))
    (found,) = from_onnx_model(model)
    assert found.inputs.keys() == everything.keys() - {"X"}
    X = given.pop("X")
    assert_same_outputs(run_onnx(found, X), run_onnx(node, X, **given))
    other = np.zeros_like(given["initial_h"])
    assert_same_outputs(
        run_onnx(found, X, initial_h=other), run_onnx(node, X, **given | {"initial_h": other})
    )  # what is given goes before what the model holds


# --- What is refused ----------------------------------------------------------------------------------------------

REFUSED = {
    "clip": ("GRU", {"clip": 3.0}, r"clip: expected it absent, got 3.0: our cells cut"),
    "relu in an LSTM": (
        "LSTM",
        {"activations": ["Sigmoid", "Tanh", "Relu"]},
        r"activations: expected \['Sigmoid', 'Tanh', 'Tanh'\], got \['Sigmoid', 'Tanh', 'Relu'\]",
    ),
    "hard sigmoid": ("GRU", {"activations": ["HardSigmoid", "Tanh"]}, r"activations: expected .*, got \['HardSigmoid"),
    "scaled tanh": (
        "LSTM",
        {"activations": ["Sigmoid", "Tanh", "ScaledTanh"], "activation_alpha": [2.0]},
        r"activations: expected .*'ScaledTanh'\]",
    ),
    "elu": ("RNN", {"activations": ["Elu"]}, "activations: expected Tanh, Relu or Affine, got Elu"),
    "sigmoid": ("RNN", {"activations": ["Sigmoid"]}, "activations: expected Tanh, Relu or Affine, got Sigmoid"),
    "leaky relu": ("RNN", {"activations": ["LeakyRelu"]}, "activations: expected Tanh, Relu or Affine, got LeakyRelu"),
    "unknown": ("RNN", {"activations": ["Mish"]}, "activations: expected Tanh, Relu or Affine, got Mish"),
}


@pytest.mark.parametrize(("operator", "attributes", "said"), REFUSED.values(), ids=REFUSED)
def test_what_our_cells_do_not_have_is_refused_with_the_reason(operator, attributes, said):
    with pytest.raises(CannotRepresent, match=said):
        from_onnx(draw(operator, attributes)[0])


def node_with(operator="LSTM", attributes=None, **inputs):
    node, _ = draw(operator, attributes or {})
    return Node(operator, node.attributes, node.inputs | inputs)


BAD = {
    "operator": (lambda: Node("Conv", {}, {}), "operator: expected RNN, LSTM or GRU, got 'Conv'"),
    "attribute": (lambda: node_with("GRU", {"input_forget": 1}), "input_forget: ONNX's GRU has no such attribute"),
    "peepholes of a GRU": (lambda: node_with("GRU", P=np.zeros((1, 9))), "P: expected only W, R, B for ONNX's GRU"),
    "direction": (
        lambda: node_with(attributes={"direction": "backward"}),
        "direction: expected forward, reverse or bidirectional, got 'backward'",
    ),
    "directions": (
        lambda: node_with()._replace(attributes={"direction": "bidirectional"}),
        "R: expected the weights of direction 'bidirectional', got 1 directions",
    ),
    "hidden_size": (lambda: node_with(attributes={"hidden_size": 5}), "hidden_size: expected 4, as R has it, got 5"),
    "no W": (lambda: Node("RNN", {}, {"R": np.zeros((1, 4, 4))}), "W: missing; got R"),
    "rank of R": (
        lambda: node_with(R=np.zeros((16, 4))),
        r"R: expected shape \(size 0, size 1, size 2\), got \(16, 4\)",
    ),
    "gates of R": (lambda: node_with(R=np.zeros((1, 12, 4), "f")), r"R: expected shape \(1, 16, 4\), got \(1, 12, 4\)"),
    "width of W": (lambda: node_with(W=np.zeros((1, 12, 3), "f")), r"W: expected shape \(1, 16, D\), got \(1, 12, 3\)"),
    "half a B": (lambda: node_with(B=np.zeros((1, 16), "f")), r"B: expected shape \(1, 32\), got \(1, 16\)"),
    "P": (lambda: node_with(P=np.zeros((1, 16), "f")), r"P: expected shape \(1, 12\), got \(1, 16\)"),
    "activations": (
        lambda: node_with(attributes={"activations": ["Sigmoid", "Tanh"]}),
        "activations: expected 3, 3 a direction, got 2",
    ),
}


@pytest.mark.parametrize(("make", "said"), BAD.values(), ids=BAD)
def test_bad_operators_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        from_onnx(make())


def test_bad_sequences_are_named():
    node, given = draw("LSTM", {})
    X, h = given["X"], given["initial_h"]
    for more, kind, said in [
        ({"X": X[0]}, ValueError, r"X: expected shape \(T, B, 3\), got \(5, 3\)"),
        ({"initial_h": h[0]}, ValueError, r"initial_h: expected shape \(1, 5, 4\), got \(5, 4\)"),
        ({"initial_c": h[:, 1:]}, ValueError, r"initial_c: expected shape \(1, 5, 4\), got \(1, 4, 4\)"),
        ({"sequence_lens": [1, 2]}, TypeError, "sequence_lens: expected an array of integers, got list"),
        ({"sequence_lens": np.ones(5)}, TypeError, "sequence_lens: .* got dtype float64"),
        ({"sequence_lens": np.ones(4, int)}, ValueError, r"sequence_lens: expected shape \(B,\) = \(5,\), got \(4,\)"),
        (
            {"sequence_lens": np.array([1, 2, 7, 1, 1])},
            ValueError,
            "sequence_lens: expected numbers from 0 to 6, got 7 at 2",
        ),
        ({"sequence_lens": np.array([1, -2, 1, 1, 1])}, ValueError, "sequence_lens: .* got -2 at 1"),
    ]:
        with pytest.raises(kind, match=said):
            run_onnx(node, **({"X": X} | more))
    gru, _ = draw("GRU", {})
    with pytest.raises(ValueError, match="initial_c: expected None, GRU has no cell; got an array"):
        run_onnx(gru, X, initial_c=h)
    first = node._replace(attributes=node.attributes | {"layout": 1})
    with pytest.raises(ValueError, match=r"initial_h: expected shape \(6, 1, 4\), got \(1, 5, 4\)"):
        run_onnx(first, X, initial_h=h)
    with pytest.raises(ValueError, match="layout: expected a whole number from 0 to 1, got 2"):
        run_onnx(node._replace(attributes={"layout": 2}), X)
