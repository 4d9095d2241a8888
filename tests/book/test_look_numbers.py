"""The numbers of the interactive figures, computed by their scripts in a browser, against the reference networks."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from look_pictures import (
    POSITIONS,
    STEPS,
    alignment_data,
    both_ways,
    gradients_by_step,
    network,
    one_unit,
    one_unit_rnn,
    padded,
    path_data,
)

from autograder.recurrent import GRU, LSTM, VanillaRNN, reverse_by_length

pytestmark = pytest.mark.browser

SCRIPTS = Path(__file__).resolve().parents[2] / "book" / "_static" / "looks"
NAMES = ("looks", "networks", "gate-laboratory", "gradient-paths", "alignment")


@pytest.fixture(scope="module")
def scripts(browser, tmp_path_factory) -> Iterator[object]:
    """A page that has loaded the scripts, and nothing else."""
    file = tmp_path_factory.mktemp("numbers") / "page.html"
    file.write_text(
        "<!doctype html>" + "".join(f'<script src="{(SCRIPTS / f"{name}.js").as_uri()}"></script>' for name in NAMES)
    )
    with browser.page() as page:
        page.open(file.as_uri())
        assert page.complaints() == []
        yield page


def numbers(page, name: str, states: list[dict], data: object = None) -> list[dict]:
    """What the figure computes for each state."""
    return page.evaluate(
        f"""(data => {json.dumps(states)}.map(state =>
              unrolledLooks.find({name!r}).numbers(state, data)))({json.dumps(data)})"""
    )


def agree(found: object, expected: object, rtol: float = 1e-12, atol: float = 1e-15) -> bool:
    return np.allclose(np.array(found, float), np.array(expected, float), rtol=rtol, atol=atol)


# --- The gate laboratory ---------------------------------------------------------------------


def laboratory_state(a: np.ndarray, c_0: float) -> dict:
    """Pre-activations (12, 4) as the figure's state."""
    return {"c0": c_0, "step": 0, "a": dict(zip("ifgo", a.T.tolist(), strict=True))}


def in_the_reference(a: np.ndarray, c_0: float) -> dict:
    """c, h, ∂c_T/∂c_0 and ∂h_T/∂c_0 by the reference LSTM, forward and backward."""
    c, h, layer = one_unit(a, c_0)
    run = layer.forward(a[:, None], (np.zeros((1, 1)), np.full((1, 1), c_0)))
    silent = np.zeros((STEPS, 1, 1))
    last = silent.copy()
    last[-1] = 1
    kept = layer.backward(run, silent, (np.zeros((1, 1)), np.ones((1, 1)))).dstate_0[1].item()
    heard = layer.backward(run, last).dstate_0[1].item()
    return {"c": c, "h": h, "kept": kept, "heard": heard}


def test_the_laboratory_is_the_reference_lstm(scripts):
    rng = np.random.default_rng(0)
    settings = [(rng.uniform(-5, 8, (STEPS, 4)), rng.uniform(-2, 2)) for _ in range(25)]
    found = numbers(scripts, "gate-laboratory", [laboratory_state(*setting) for setting in settings])
    for one, setting in zip(found, settings, strict=True):
        for name, expected in in_the_reference(*setting).items():
            assert agree(one[name], expected), name


@pytest.mark.parametrize("end", [8.0, 40.0])
def test_the_laboratory_at_the_ends_of_its_sliders_and_beyond(scripts, end):
    """The reference knows a σ near 0 to 1e-16, the figure to all its digits: compare with what is true as well."""
    corners = [np.tile(corner, (STEPS, 1)) for corner in itertools.product([-end, 0.0, end], repeat=4)]
    settings = [(a, c_0) for a in corners for c_0 in (-2.0, 0.0, 2.0)]
    found = numbers(scripts, "gate-laboratory", [laboratory_state(*setting) for setting in settings])
    for one, (a, c_0) in zip(found, settings, strict=True):
        for name, expected in in_the_reference(a, c_0).items():
            assert agree(one[name], expected, atol=1e-12), name
            assert np.all(np.isfinite(one[name]))
        log_f = -math.log1p(math.exp(-a[0, 1]))
        assert agree(one["kept"], math.exp(STEPS * log_f), atol=0)
        assert agree(one["halfLife"], math.log(0.5) / log_f, atol=0)


@pytest.mark.parametrize(("a_f", "steps"), [(0, 1.0), (1, 2.2), (2, 5.5), (4, 38.2)])
def test_half_lives(scripts, a_f, steps):
    a = np.tile([0.0, a_f, 0.0, 0.0], (STEPS, 1))
    (found,) = numbers(scripts, "gate-laboratory", [laboratory_state(a, 1.0)])
    assert round(found["halfLife"], 1) == steps


# --- Paths of the gradient ------------------------------------------------------------------------


def random_problem(rng: np.random.Generator, T: int, D: int, H: int) -> dict:
    """Data as the page embeds them, with all biases away from zero."""
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}
    networks = {
        name: {
            "W": rng.normal(size=(D, n * H)).tolist(),
            "U": (rng.normal(size=(H, n * H)) / np.sqrt(H)).tolist(),
            "b": rng.normal(size=n * H).tolist(),
        }
        for name, n in gates.items()
    }
    networks["GRU"]["c"] = rng.normal(size=H).tolist()
    return {"X": rng.normal(size=(T, D)).tolist(), "v": rng.normal(size=H).tolist(), "networks": networks}


def norms_in_the_reference(data: dict, name: str, state: dict) -> tuple[np.ndarray, np.ndarray | None]:
    X, v = np.array(data["X"]), np.array(data["v"])
    G = np.zeros((len(X), len(v)))
    G[state["k"] - 1] = v
    dh, dc = gradients_by_step(network(data, name, state["gain"], state["bias"]), X, G)
    return np.linalg.norm(dh, axis=1), None if dc is None else np.linalg.norm(dc, axis=1)


def compare_paths(scripts, data: dict, states: list[dict]) -> None:
    for found, state in zip(numbers(scripts, "gradient-paths", states, data), states, strict=True):
        for name in ("RNN", "GRU", "LSTM"):
            dh, dc = norms_in_the_reference(data, name, state)
            assert agree(found[name]["dh"], dh, atol=0 if state["gain"] else 1e-300), (name, state)
            if dc is not None:
                assert agree(found[name]["dc"], dc), (name, state)


@pytest.mark.parametrize(("T", "D", "H"), [(1, 1, 1), (1, 3, 2), (7, 2, 5), (12, 4, 3)])
def test_gradients_are_those_of_the_reference_networks(scripts, T, D, H):
    rng = np.random.default_rng(T + D)
    data = random_problem(rng, T, D, H)
    states = [
        {"cell": "GRU", "gain": gain, "bias": bias, "k": int(rng.integers(1, T + 1)), "t": int(rng.integers(T + 1))}
        for gain in (0, 0.3, 1, 3)
        for bias in (-3.0, 0.0, 1.0, 5.0)
    ]
    compare_paths(scripts, data, states)


@pytest.mark.parametrize("bias", [-40.0, -8.0, 8.0, 40.0])
def test_gradients_at_the_ends_of_the_sliders_and_beyond(scripts, bias):
    """On the page's own weights. The reference knows σ and 1 - σ to 1e-16 only: compare on the scale of the loss, 1."""
    data = path_data()
    states = [{"cell": "LSTM", "gain": g, "bias": bias, "k": k, "t": 0} for g in (0, 1, 3) for k in (1, 20, 40)]
    for found, state in zip(numbers(scripts, "gradient-paths", states, data), states, strict=True):
        for name in ("RNN", "GRU", "LSTM"):
            dh, dc = norms_in_the_reference(data, name, state)
            assert agree(found[name]["dh"], dh, atol=1e-12), (name, state)
            assert dc is None or agree(found[name]["dc"], dc, atol=1e-12), (name, state)
            assert np.all(np.isfinite(found[name]["dh"]))


def backward(page, name: str, layer, X: np.ndarray, G: np.ndarray) -> list[dict]:
    """δh, δc and their parts at every t, by the script."""
    p = {key: value.tolist() for key, value in layer.parameters.items()}
    return page.evaluate(
        f"unrolledNetworks.backward({name!r}, {json.dumps(p)}, {json.dumps(X.tolist())}, {json.dumps(G.tolist())})"
    )


@pytest.fixture
def problem() -> tuple[dict, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    data = random_problem(rng, T=6, D=2, H=3)
    return data, np.array(data["X"]), rng.normal(size=(6, 3))  # a loss at every step


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_the_parts_add_up_as_vectors(scripts, problem, name):
    data, X, G = problem
    layer = network(data, name)
    dh, dc = gradients_by_step(layer, X, G)
    found = backward(scripts, name, layer, X, G)
    assert agree([step["dh"] for step in found], dh)
    assert agree([sum(map(np.array, step["parts"].values())) for step in found], dh, atol=1e-14)
    assert dc is None or agree([step["dc"] for step in found], dc)
    assert dc is None or agree([sum(map(np.array, step["cellParts"].values())) for step in found], dc, atol=1e-14)


def only(name: str, layer, h: np.ndarray, kept: int | None):
    """The layer in which h_{t-1} is read by one gate alone; what the others have read of this h is in their biases.

    At this h all values are the same, and h reaches them by one path less for every other gate.
    """
    H = len(layer.U)
    inside = np.arange(layer.U.shape[1]) // H == kept
    U, rest = layer.U * inside, h @ (layer.U * ~inside)
    if name == "LSTM":
        return LSTM(layer.W, U, layer.b + rest)
    return GRU(layer.W, U, layer.b + np.concatenate([rest[: 2 * H], np.zeros(H)]), layer.c + rest[2 * H :])


def test_each_path_of_the_lstm_is_the_reference_with_the_others_cut(scripts, problem):
    data, X, G = problem
    layer = network(data, "LSTM")
    found = backward(scripts, "LSTM", layer, X, G)
    state = layer.zero_state(1)
    for t in range(len(X)):
        after = found[t + 1]
        through_c = np.array(after["cellParts"]["c"], float)[None]
        for gate, letter in enumerate("ifgo"):
            cut = only("LSTM", layer, state[0][0], gate)
            run = cut.forward(X[t : t + 1, None], state)
            sent = np.zeros_like(through_c), through_c
            dh, dc = cut.backward(run, np.array(after["dh"], float)[None, None], sent).dstate_0
            assert agree(found[t]["parts"][letter], dh[0]), (t, letter)
        assert agree(found[t]["cellParts"]["c"], dc[0])
        state = layer.forward(X[t : t + 1, None], state).state


def test_each_path_of_the_gru_is_the_reference_with_the_others_cut(scripts, problem):
    data, X, G = problem
    layer = network(data, "GRU")
    found = backward(scripts, "GRU", layer, X, G)
    state = layer.zero_state(1)
    for t in range(len(X)):
        dh = np.array(found[t + 1]["dh"])[None, None]

        def through(gate, t=t, dh=dh, state=state):
            cut = only("GRU", layer, state[0][0], gate)
            return cut.backward(cut.forward(X[t : t + 1, None], state), dh).dstate_0[0][0]

        carry = through(None)  # no gate reads h: only z h₋ is left
        assert agree(found[t]["parts"]["carry"], carry)
        for gate, letter in enumerate("rzn"):
            assert agree(found[t]["parts"][letter], through(gate) - carry, atol=1e-14), (t, letter)
        state = layer.forward(X[t : t + 1, None], state).state


def test_gain_0_leaves_the_gates_alone(scripts):
    """Then δh_t of the GRU is a product of z, and the RNN's is exactly 0 before the loss."""
    data = path_data()
    (found,) = numbers(scripts, "gradient-paths", [{"cell": "GRU", "gain": 0, "bias": 2, "k": 40, "t": 3}], data)
    assert found["RNN"]["dh"][:40] == [0.0] * 40
    assert found["RNN"]["dh"][40] == pytest.approx(1, rel=1e-12)
    assert found["GRU"]["parts"]["n"] == found["GRU"]["parts"]["z"] == found["GRU"]["parts"]["r"] == 0
    assert found["LSTM"]["dh"][3] == 0 < found["LSTM"]["dc"][3]


def test_means_told_at_the_ends(scripts):
    """The slope of the RNN's tanh and the openness of the gates, over all steps and units."""
    data = path_data()
    (found,) = numbers(scripts, "gradient-paths", [{"cell": "RNN", "gain": 3, "bias": 8, "k": 40, "t": 0}], data)
    X = np.array(data["X"])[:, None]
    rnn, lstm = network(data, "RNN", 3), network(data, "LSTM", 3, 8)
    assert isinstance(rnn, VanillaRNN)
    assert agree(found["RNN"]["slope"], np.mean(1 - rnn.forward(X).H ** 2))
    states = np.concatenate([np.zeros((1, 1, 8)), lstm.forward(X).H[:-1]])
    a_f = (X @ lstm.W + states @ lstm.U + lstm.b)[..., 8:16]
    assert agree(found["LSTM"]["keep"], np.mean(1 / (1 + np.exp(-a_f))))


def test_the_caption_of_the_still_picture_is_true():
    data = path_data()
    left = {
        name: norms_in_the_reference(data, name, {"gain": 1, "bias": 1, "k": 40}) for name in ("RNN", "GRU", "LSTM")
    }
    first = [left["RNN"][0][0], left["GRU"][0][0], left["LSTM"][0][0], left["LSTM"][1][0]]
    assert first == sorted(first), "the RNN loses most, the LSTM's cell least"
    assert first[-1] < 1e-2, "all of them lose"


# --- Alignment ------------------------------------------------------------------------------------

SETTINGS = [
    {"length": length, "t": 1, "reading": reading, "joined": joined, "merge": merge}
    for length in range(POSITIONS + 1)
    for reading in ("length", "flip")
    for joined in ("turned", "made")
    for merge in ("concat", "sum", "average", "product")
]


@pytest.fixture(scope="module")
def aligned(scripts) -> list[tuple[dict, dict]]:
    return list(zip(SETTINGS, numbers(scripts, "alignment", SETTINGS, alignment_data()), strict=True))


def row(state: dict) -> tuple[np.ndarray, np.ndarray | None]:
    """X (8, 1, 1), and the mask where the length is used."""
    X, mask = padded(alignment_data(), state["length"])
    return X, mask if state["reading"] == "length" else None


def test_states_and_merges_are_those_of_the_reference_network(aligned):
    for state, found in aligned:
        X, mask = row(state)
        run = both_ways(alignment_data()).forward(X, mask=mask)
        assert agree(found["forward"], run.H[:, 0, 0])
        assert agree(found["keras"], [part.item() for part in run.state]), "each layer's own last state"
        if state["joined"] == "turned":
            assert agree(found["backward"], run.H[:, 0, 1])
            merged = both_ways(alignment_data(), state["merge"]).forward(X, mask=mask).H[:, 0]
            assert agree(found["merged"], merged)


def test_states_as_made_are_those_of_a_layer_that_reads_the_reversed_row(aligned):
    layer = one_unit_rnn(alignment_data()["backward"])
    for state, found in aligned:
        X, mask = row(state)
        if state["joined"] == "made":
            assert agree(found["backward"], layer.forward(reverse_by_length(X, mask), mask=mask).H[:, 0, 0])


def test_the_order_is_the_reversal_by_length(aligned):
    for state, found in aligned:
        _, mask = row(state)
        positions = np.arange(1, POSITIONS + 1)[:, None]
        assert found["order"] == reverse_by_length(positions, mask)[:, 0].tolist()


def test_what_a_state_has_read_is_what_its_gradient_reaches(aligned):
    net = both_ways(alignment_data())
    for state, found in aligned:
        if state["merge"] != "concat" or state["joined"] == "made":
            continue
        X, mask = row(state)
        run = net.forward(X, mask=mask)
        for (half, name), p in itertools.product(enumerate(["forwardReads", "backwardReads"]), range(POSITIONS)):
            G = np.zeros((POSITIONS, 1, 2))
            G[p, 0, half] = 1
            reached = np.flatnonzero(net.backward(run, G).dX[:, 0, 0]) + 1
            assert found[name][p] == reached.tolist(), (state, name, p)


def test_the_last_output_is_pytorchs(aligned):
    torch = pytest.importorskip("torch")
    data = alignment_data()
    layer = torch.nn.RNN(1, 1, bidirectional=True, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for suffix, name in (("", "forward"), ("_reverse", "backward")):
            for key, value in (("weight_ih", "w"), ("weight_hh", "u"), ("bias_ih", "b"), ("bias_hh", None)):
                getattr(layer, f"{key}_l0{suffix}").fill_(data[name][value] if value else 0)
        for state, found in aligned:
            length = state["length"]
            if state["joined"] == "made" or (state["reading"] == "length" and length == 0):
                continue  # PyTorch packs no empty sequence
            batch = torch.from_numpy(row(state)[0]).swapaxes(0, 1)
            if state["reading"] == "length":
                packed = torch.nn.utils.rnn.pack_padded_sequence(batch, [length], batch_first=True)
                out, h_n = layer(packed)
                out, _ = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=POSITIONS)
            else:
                out, h_n = layer(batch)
            assert agree(found["torch"], out[0, -1]), state
            assert agree(found["keras"], h_n[:, 0, 0]), "and what Keras returns is PyTorch's h_n"


@pytest.mark.slow
def test_the_last_states_are_kerass(aligned):
    keras = pytest.importorskip("keras")
    data = alignment_data()

    def cell(**settings):
        return keras.layers.SimpleRNN(1, dtype="float64", **settings)

    layer = keras.layers.Bidirectional(cell(), backward_layer=cell(go_backwards=True), dtype="float64")
    layer.build((1, POSITIONS, 1))
    weights = [np.array(p[key]) for p in (data["forward"], data["backward"]) for key in "wub"]
    layer.set_weights([w.reshape(variable.shape) for w, variable in zip(weights, layer.weights, strict=True)])
    for state, found in aligned:
        if state["merge"] == "concat" and state["joined"] == "turned":
            X, mask = row(state)
            given = None if mask is None else mask.T.astype(bool)
            assert agree(found["keras"], layer(X.swapaxes(0, 1), mask=given)[0]), state
