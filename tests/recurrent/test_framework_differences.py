"""The questions to the frameworks' layers: known truths are found, and a layer that differs is found to differ."""

import itertools

import keras as keras_package
import numpy as np
import onnxruntime
import pytest
import torch
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent.differences import behaviour, converted, keras, onnx_runtime, pytorch
from autograder.recurrent.differences.gates import BlackBox, ask
from autograder.recurrent.differences.table import (
    BEHAVIOUR,
    NOT_ASKED,
    PARAMETERS,
    Differences,
    html,
    of_gates,
    symbols,
)
from autograder.recurrent.porting import Cell, to_keras, to_layer, to_pytorch

D, H = 5, 3


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# --- Fakes: layers of every possible make ----------------------------------------------------------------------


def fake_lstm(order, *, state="hc", added_to_f=0.0, biases=1, transposed=False, joined=False):
    """An LSTM of our own making, with W and U, or both joined, and one bias or several."""
    shapes = {"M": (D + H, 4 * H)} if joined else {"W": (D, 4 * H), "U": (H, 4 * H)}
    shapes = {name: shape[::-1] if transposed else shape for name, shape in shapes.items()}
    shapes |= {f"b{k}": (4 * H,) for k in range(biases)}

    def run(parameters, X, parts):
        h, c = parts if state == "hc" else parts[::-1]
        M = {name: value.T if transposed and value.ndim == 2 else value for name, value in parameters.items()}
        W, U = (M["M"][:D], M["M"][D:]) if joined else (M["W"], M["U"])
        Y = []
        for x in X:
            a = x @ W + h @ U + sum(value for name, value in M.items() if name.startswith("b"))
            part = dict(zip(order, np.split(a, 4, axis=-1), strict=True))
            c = sigmoid(part["f"] + added_to_f) * c + sigmoid(part["i"]) * np.tanh(part["g"])
            h = sigmoid(part["o"]) * np.tanh(c)
            Y.append(h)
        return np.stack(Y), (h, c) if state == "hc" else (c, h)

    return BlackBox("lstm", D, H, shapes, run)


def fake_gru(order, *, reset="after", z_keeps=True, second_bias=None):
    """A GRU of our own making; second_bias: None, "rows" (2, 3H), "joined" (6H,)."""
    bias = {None: (3 * H,), "rows": (2, 3 * H), "joined": (6 * H,)}[second_bias]

    def run(parameters, X, parts):
        (h,) = parts
        first, second = (parameters["b"], np.zeros(3 * H)) if second_bias is None else parameters["b"].reshape(2, 3 * H)
        where = {gate: slice(k * H, (k + 1) * H) for k, gate in enumerate(order)}
        s = where["n"]
        Y = []
        for x in X:
            a = x @ parameters["W"] + first
            q = h @ parameters["U"] + second
            r, z = (sigmoid(a[:, where[gate]] + q[:, where[gate]]) for gate in "rz")
            if reset == "after":
                n = np.tanh(a[:, s] + r * q[:, s])
            else:
                n = np.tanh(a[:, s] + (r * h) @ parameters["U"][:, s] + second[s])
            h = (1 - z) * n + z * h if z_keeps else (1 - z) * h + z * n
            Y.append(h)
        return np.stack(Y), (h,)

    return BlackBox("gru", D, H, {"W": (D, 3 * H), "U": (H, 3 * H), "b": bias}, run)


@settings(deadline=None, max_examples=60)
@given(
    order=st.permutations("ifgo"),
    state=st.sampled_from(["hc", "ch"]),
    added=st.sampled_from([0.0, 1.0, -0.5]),
    biases=st.integers(1, 3),
    transposed=st.booleans(),
    joined=st.booleans(),
)
def test_any_lstm_is_found_out(order, state, added, biases, transposed, joined):
    box = fake_lstm(order, state=state, added_to_f=added, biases=biases, transposed=transposed, joined=joined)
    found = ask(box)
    assert found.blocks == {name: list(order) for name in box.shapes}
    assert found.state == state
    assert found.added_to_f == pytest.approx(added)
    assert found.reset is None
    assert found.z_keeps is None


@pytest.mark.parametrize("order", list(itertools.permutations("rzn")))
@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize("z_keeps", [True, False])
@pytest.mark.parametrize("second_bias", [None, "rows", "joined"])
def test_any_gru_is_found_out(order, reset, z_keeps, second_bias):
    found = ask(fake_gru(order, reset=reset, z_keeps=z_keeps, second_bias=second_bias))
    weights = list(order)
    inside = [g + "'" if g == "n" and reset == "after" else g for g in order]
    assert found.blocks == {"W": weights, "U": weights, "b": weights + inside if second_bias else weights}
    assert (found.reset, found.z_keeps) == (reset, z_keeps)


def test_a_block_that_nobody_reads():
    box = fake_lstm("ifgo")

    def deaf(parameters, X, state):
        return box.run(parameters | {"b0": parameters["b0"] * (np.arange(4 * H) < 3 * H)}, X, state)

    found = ask(BlackBox("lstm", D, H, box.shapes, deaf))
    assert found.blocks["b0"] == ["i", "f", "g", "?"]
    assert found.blocks["W"] == ["i", "f", "g", "o"]


def test_what_is_no_lstm_and_no_gru_is_refused():
    lstm, gru = fake_lstm("ifgo"), fake_gru("rzn")
    with pytest.raises(ValueError, match="expected an LSTM's answer"):
        ask(BlackBox("lstm", D, H, lstm.shapes, lambda p, X, s: lstm.run({k: -v for k, v in p.items()}, X, s)))
    with pytest.raises(ValueError, match="expected a GRU's answer"):
        ask(BlackBox("gru", D, H, gru.shapes, lambda p, X, s: gru.run({k: -v for k, v in p.items()}, X, s)))
    with pytest.raises(ValueError, match="last output"):
        ask(BlackBox("lstm", D, H, lstm.shapes, lambda p, X, s: (0 * X[..., :H] + 9, lstm.run(p, X, s)[1])))
    with pytest.raises(ValueError, match="W: expected one axis of 9 or 18"):
        ask(BlackBox("gru", D, H, gru.shapes | {"W": (D, D)}, gru.run))


# --- The frameworks --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    answers = [pytorch.found(), keras.found(), onnx_runtime.found(), *converted.found()]
    return {one.framework: one for one in answers}


KNOWN = {
    "PyTorch": ("i f g o", "r z n", "after the product", "(1 − z) n + z h", "0"),
    "Keras": ("i f g o", "z r n", "after the product", "(1 − z) n + z h", "0"),
    "ONNX": ("i o f g", "z r n", "before the product", "(1 − z) n + z h", "0"),
    "Flax NNX": ("i f g o", "r z n", "after the product", "(1 − z) n + z h", "0"),
    "Haiku": ("i g f o", "z r n", "before the product", "(1 − z) h + z n", "1"),
}


@pytest.mark.parametrize("framework", KNOWN)
def test_gates_as_documented(framework, found):
    rows = found[framework].rows
    assert tuple(rows[key] for key in ("lstm gates", "gru gates", "reset", "update", "forget")) == KNOWN[framework]


def test_biases_and_weights_as_documented(found):
    rows = {name: one.rows for name, one in found.items()}
    assert rows["PyTorch"]["gru biases"] == "(3H): r z n and (3H): r z n'"
    assert rows["Keras"]["gru biases"] == "(2, 3H): z r n z r n'"
    assert rows["ONNX"]["gru biases"] == "(1, 6H): z r n z r n"
    assert rows["Flax NNX"]["gru biases"] == "(3H): r z n"
    assert rows["PyTorch"]["lstm weights"] == "(4H, D) and (4H, H)"
    assert rows["Keras"]["lstm weights"] == "(D, 4H) and (H, 4H)"
    assert rows["ONNX"]["lstm weights"] == "(1, 4H, D) and (1, 4H, H)"
    assert rows["Haiku"]["lstm weights"] == "(D + H, 4H)"


def test_blocks_one_after_another(found):
    assert {name: "".join(one.weights["lstm"]) for name, one in found.items()} == {
        "PyTorch": "ifgo",
        "Keras": "ifgo",
        "ONNX": "iofg",
        "Flax NNX": "ifgo",
        "Haiku": "igfo",
    }
    assert {name: "".join(one.biases["gru"]) for name, one in found.items()} == {
        "PyTorch": "rznrzn'",
        "Keras": "zrnzrn'",
        "ONNX": "zrnzrn",
        "Flax NNX": "rzn",
        "Haiku": "zrn",
    }


def test_two_orders_in_one_layer_are_refused():
    lstm = fake_lstm("ifgo")
    turned = BlackBox("lstm", D, H, lstm.shapes, lambda p, X, s: lstm.run(p | {"U": np.roll(p["U"], H, 1)}, X, s))
    with pytest.raises(ValueError, match="expected one order in all weights"):
        of_gates("One", turned, fake_gru("rzn"))


def test_behaviour_as_documented(found):
    torch_, keras_, onnx = (found[name].rows for name in ("PyTorch", "Keras", "ONNX"))
    assert torch_["axes"] == "(T, B, D); with batch_first (B, T, D), but h_n (layers, B, H)"
    assert (keras_["axes"], onnx["axes"]) == ("(B, T, D)", "(T, B, D)")
    assert torch_["both directions"] == "h_n: 0 forward, 0 backward, 1 forward, 1 backward"
    assert keras_["both directions"].endswith("h of forward, backward; single output: forward, backward")
    assert torch_["start U"] == torch_["start b"] == "uniform within ±1/√H"
    assert keras_["start U"] == "orthonormal rows over all gates"
    assert keras_["start b"] == "zero, but 1 for f"
    assert torch_["double"].startswith("refused")
    assert keras_["double"] == "cast to float32"
    assert onnx["double"].startswith("refused")
    assert (torch_["padding"], onnx["padding"]) == ("zero (packed)", "zero")
    assert torch_["dropout"].startswith("between layers only, drawn anew")
    assert "one mask a sequence" in keras_["dropout"]
    assert onnx["dropout"] == "none found"
    assert onnx["start W"] == onnx["start U"] == "none: an input"
    assert onnx["start b"] == "none: an input, may be left out"
    assert {name for name, one in found.items() if one.note} == {"Flax NNX", "Haiku"}  # the others were run


def test_converters_and_answers_agree(found):
    """The order that was found, put into a permutation of blocks, is the converters'."""
    rng = np.random.default_rng(3)
    cell = Cell("gru-after", to_layer(Cell("gru-after", _random(rng))).parameters)
    for framework, converted_b in (("Keras", to_keras(cell)[0]), ("PyTorch", to_pytorch(cell)["weight_ih_l0"].T)):
        blocks = dict(zip("rzn", np.split(cell.parameters["W"], 3, axis=1), strict=True))
        order = found[framework].rows["gru gates"].split()
        np.testing.assert_array_equal(np.concatenate([blocks[g] for g in order], axis=1), converted_b)


def _random(rng):
    return {
        "W": rng.normal(size=(D, 3 * H)),
        "U": rng.normal(size=(H, 3 * H)),
        "b": rng.normal(size=3 * H),
        "c": rng.normal(size=H),
    }


def test_the_global_random_state_is_left(found):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    pytorch.found()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("name", ["W", "R", "B"])
def test_onnxruntime_accepts_no_other_shapes(kind, name):
    parameters = {key: np.zeros(shape) for key, shape in onnx_runtime.shapes(kind).items()}
    parameters[name] = np.zeros((1, *parameters[name].shape[:0:-1])) if name != "B" else np.zeros((1, 4 * H + 1))
    X, state = np.ones((2, 1, D)), (np.zeros((1, 1, H)),) * (2 if kind == "lstm" else 1)
    with pytest.raises(Exception, match=r"(?i)shape|dimension"):
        onnx_runtime.session(onnx_runtime.node(kind, parameters)).run(None, onnx_runtime.feed(X, state))


# --- Frameworks that are other than they are ----------------------------------------------------------------------


def test_another_pytorch_is_found_out(monkeypatch, found):
    class Other(torch.nn.LSTM):
        """Batch first, doubles accepted, weights orthogonal, biases zero."""

        def __init__(self, *sizes, batch_first=True, **options):
            super().__init__(*sizes, batch_first=batch_first, **options)
            with torch.no_grad():
                for name, value in self.named_parameters():
                    if "bias" in name:
                        value.zero_()

        def forward(self, X, *state):
            Y, last = super().forward(X.to(torch.float32), *state)
            return Y + 0, last

    gates = found["PyTorch"].gates["lstm"]
    monkeypatch.setattr(torch.nn, "LSTM", Other)
    assert pytorch.axes().startswith("(B, T, D); with batch_first (B, T, D)")
    monkeypatch.setattr(pytorch, "pack_padded_sequence", lambda X, *_, **__: X.swapaxes(0, 1))
    monkeypatch.setattr(pytorch, "pad_packed_sequence", lambda Y: (Y.swapaxes(0, 1), None))
    monkeypatch.setattr(pytorch, "axes", lambda: "")
    monkeypatch.setattr(pytorch, "last_states", lambda X: "")
    rows = pytorch.behaviours(gates)
    assert rows["start b"] == "zero"
    assert rows["double"] == "cast to float32"
    assert rows["padding"] == "computed from the padding (packed)"


def test_another_order_of_last_states_is_found_out(monkeypatch):
    class Other(torch.nn.LSTM):
        def forward(self, X):
            Y, (h_n, c_n) = super().forward(X)
            return Y, (h_n.flip(0), c_n)

    monkeypatch.setattr(torch.nn, "LSTM", Other)
    X = np.random.default_rng(1).normal(size=(4, 3, D))
    assert pytorch.last_states(X) == "h_n: 1 backward, 1 forward, 0 backward, 0 forward"


def test_another_dropout_is_found_out(monkeypatch, found):
    class Everywhere(torch.nn.LSTM):
        def forward(self, X):
            return super().forward(torch.nn.functional.dropout(X, 0.5, self.training))

    gates = found["PyTorch"].gates["lstm"]

    class Nowhere(torch.nn.LSTM):
        def __init__(self, *sizes, dropout, **options):
            super().__init__(*sizes, **options)

    for other, expected in ((Everywhere, "in a single layer"), (Nowhere, "none found")):
        monkeypatch.setattr(torch.nn, "LSTM", other)
        assert pytorch.dropout(gates) == expected


def test_another_keras_is_found_out(monkeypatch, found):
    class Other(keras_package.layers.LSTM):
        """No open forget gate, Glorot for the recurrent weights, no dropout."""

        def __init__(self, units, dropout=0.0, recurrent_dropout=0.0, **options):
            options |= {"unit_forget_bias": False, "recurrent_initializer": "glorot_uniform"}
            super().__init__(units, zero_output_for_mask=True, **options)

    monkeypatch.setattr(keras.tf.keras.layers, "LSTM", Other)
    monkeypatch.setattr(keras, "last_states", lambda X: "")
    rows = keras.behaviours(found["Keras"].gates["lstm"])
    assert rows["start b"] == "zero"
    assert rows["start U"] == "uniform within ±√(6/(D + nH))"
    assert rows["dropout"] == "none found"
    assert rows["padding"] == "zero"


def test_another_runtime_is_found_out(monkeypatch):
    class Other(onnxruntime.InferenceSession):
        def run(self, names, inputs):
            inputs = {name: value.astype(np.float32) if name == "X" else value for name, value in inputs.items()}
            out = super().run(names, inputs)
            return [value + 1 if value.ndim == 3 and names == ["H"] else value for value in out]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Other)
    rows = onnx_runtime.behaviours()
    assert rows["double"] == "cast to float32"
    assert rows["padding"] == "computed from the padding"


# --- Behaviour, by itself --------------------------------------------------------------------------------------------


def running_sum(X):
    return np.cumsum(X, axis=0)


def test_axes():
    assert behaviour.axes(running_sum, D) == "(T, B, D)"
    assert behaviour.axes(lambda X: np.cumsum(X, axis=1), D) == "(B, T, D)"
    for odd in (lambda X: np.cumsum(X[::-1], axis=0)[::-1], lambda X: X, lambda X: X + X.sum()):
        with pytest.raises(ValueError, match="from the changed step on"):
            behaviour.axes(odd, D)


def test_doubles():
    X = np.ones((2, 2, D))

    def refuses(X):
        raise RuntimeError("no")

    assert behaviour.on_doubles(refuses, X) == "refused: RuntimeError"
    assert behaviour.on_doubles(lambda X: X.astype("float32"), X) == "cast to float32"
    assert behaviour.on_doubles(lambda X: X, X) == "kept"


def test_padding():
    rng, lengths = np.random.default_rng(0), np.array([4, 2, 3])
    Y = rng.normal(size=(4, 3, H))
    padded = np.arange(4)[:, None] >= lengths
    assert behaviour.at_padding(Y, lengths) == "computed from the padding"
    assert behaviour.at_padding(np.where(padded[..., None], 0, Y), lengths) == "zero"
    last = np.broadcast_to(Y[lengths - 1, np.arange(3)], Y.shape)
    assert behaviour.at_padding(np.where(padded[..., None], last, Y), lengths) == "the last output again"
    with pytest.raises(ValueError, match="shorter than T"):
        behaviour.at_padding(Y, np.array([4, 4, 4]))


def test_first_weights():
    rng, rows, H = np.random.default_rng(0), 48, 64
    for name, bound in (("1/√H", 64**-0.5), ("√(6/(D + nH))", (6 / 304) ** 0.5), ("√(6/(D + H))", (6 / 112) ** 0.5)):
        W = rng.uniform(-bound, bound, size=(rows, 4 * H))
        assert behaviour.start_of_weights(W, H, 1) == f"uniform within ±{name}"
        assert behaviour.start_of_weights(W.T, H, 0) == f"uniform within ±{name}"
    Q = np.linalg.qr(rng.normal(size=(4 * H, H)))[0].T
    assert behaviour.start_of_weights(Q, H, 1) == "orthonormal rows over all gates"
    each = np.concatenate([np.linalg.qr(rng.normal(size=(H, H)))[0] for _ in range(4)], axis=1)
    assert behaviour.start_of_weights(each, H, 1) == "orthogonal gate by gate"
    with pytest.raises(ValueError, match="expected one of"):
        behaviour.start_of_weights(rng.normal(size=(rows, 4 * H)), H, 1)


def test_first_biases():
    zero, one = np.zeros(H), np.ones(H)
    assert behaviour.start_of_biases({"i": zero, "f": zero}, H) == "zero"
    assert behaviour.start_of_biases({"i": zero, "f": one}, H) == "zero, but 1 for f"


def test_parts_are_recognised():
    first, second = np.zeros(3), np.ones(3)
    assert behaviour.halves({"0": second, "1": first}, {"a": first, "b": second}) == "b, a"
    with pytest.raises(ValueError, match="expected one known state, got none"):
        behaviour.halves({"0": second + 1}, {"a": first, "b": second})


# --- The table -------------------------------------------------------------------------------------------------------


def test_the_table_is_what_was_found(found):
    for titles, asked in ((PARAMETERS, list(found)), (BEHAVIOUR, ["PyTorch", "Keras", "ONNX"])):
        table = BeautifulSoup(html(list(found.values()), titles).replace("\N{NO-BREAK SPACE}", " "), "html.parser")
        heads = [[*cell.stripped_strings] for cell in table.select("thead th")][1:]
        assert heads == [[name, found[name].note] if found[name].note else [name] for name in asked]
        printed = {row.th.text: [cell.text for cell in row.select("td")] for row in table.select("tbody tr")}
        assert list(printed) == list(titles.values())
        for key, title in titles.items():
            assert printed[title] == [found[name].rows.get(key, NOT_ASKED) for name in asked]
    assert {key for one in found.values() for key in one.rows} == PARAMETERS.keys() | BEHAVIOUR.keys()


def test_a_row_nobody_answered_is_not_there():
    table = html([Differences("One", {"reset": "<after>"}), Differences("Two", {"padding": "zero"})], PARAMETERS)
    assert "&lt;after&gt;" in table
    assert PARAMETERS["update"] not in table
    assert "Two" not in table


def test_shapes_and_orders_are_not_broken():
    table = html([Differences("One", {"gru biases": "(2, 3H): z r n z r n'"})], PARAMETERS)
    assert "(2,~3H): z~r~n~z~r~n&#x27;" in table.replace("\N{NO-BREAK SPACE}", "~")


def test_symbols():
    box = fake_lstm("ifgo")
    assert symbols(box, (1, 24)) == "(1, 8H)"
    assert symbols(box, (8, 12)) == "(D + H, 4H)"
    assert symbols(box, (12,)) == "(4H)"
