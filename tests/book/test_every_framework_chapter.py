"""Chapter 10: the page's own functions, at other sizes than the page's. (Its numbered equations: tests/equations.)

The functions are taken from the page's source, so that what is tested is what is printed.
"""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jupytext
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from autograder.recurrent import GRU, LSTM, lstm_parameters, softmax_cross_entropy
from autograder.recurrent.differences import converted, keras, onnx_runtime, pytorch
from autograder.recurrent.porting import (
    Cell,
    Node,
    from_haiku,
    from_keras,
    onnx_model,
    to_keras,
    to_layer,
    to_onnx,
    to_pytorch,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "composition" / "every-framework.md"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SIZES = {"D": 5, "H": 3, "K": 4, "WIDTH": 6, "LONGEST": 7}
NUMBERS = {"eta": 2**-8, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "NAMES": ["W", "U", "b", "V", "b_y"]}


def functions_of_the_page() -> SimpleNamespace:
    """Every function defined at the top of a cell, with the page's names for libraries and other sizes."""
    found: dict[str, Any] = {"np": np, "torch": torch, "tf": tf, "onnxruntime": onnxruntime, "onnx_model": onnx_model}
    found |= {"GRU": GRU, "LSTM": LSTM, "Node": Node, "softmax_cross_entropy": softmax_cross_entropy}
    found |= SIZES | NUMBERS
    for cell in CELL.finditer(PAGE.read_text(encoding="utf-8")):
        code = cell.group(1).rpartition("---\n")[2]
        lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef):
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()


# --- Asking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations("ifgo")))
def test_every_order_is_named(order):
    def step(bias, c):
        a = dict(zip(order, np.split(bias, 4), strict=True))
        i, f, o = (1 / (1 + np.exp(-a[gate])) for gate in "ifo")
        c = f * c + i * np.tanh(a["g"])
        return (o * np.tanh(c))[0], c[0]

    assert page.name_the_blocks(step) == "".join(order)


def test_what_is_no_lstm_has_no_names():
    with pytest.raises(ValueError, match="not an LSTM: its blocks answer like"):
        page.name_the_blocks(lambda bias, c: (0.0, c))

    def without_input_gate(bias, c):
        _, a_f, a_g, a_o = bias.reshape(4, -1)[:, 0]
        c = c / (1 + np.exp(-a_f)) + np.tanh(a_g) / 2
        return np.tanh(c) / (1 + np.exp(-a_o)), c

    with pytest.raises(ValueError, match="no block lets the candidate in"):
        page.name_the_blocks(without_input_gate)


@pytest.mark.parametrize(("name", "order"), [("numpy", "ifgo"), ("torch", "ifgo"), ("tf", "ifgo"), ("onnx", "iofg")])
def test_the_four_layers(name, order):
    assert page.name_the_blocks(getattr(page, f"step_{name}")) == order


def test_the_figure_s_alternative_text_says_what_was_found():
    answers = [module.found() for module in (pytorch, keras, onnx_runtime)] + converted.found()
    lstm = [f"{one.framework} {' '.join(one.weights['lstm'])}" for one in answers]
    gru = []
    for one in answers:
        halves = [one.biases["gru"][k : k + 3] for k in range(0, len(one.biases["gru"]), 3)]
        said = [" ".join(half).replace("'", " prime") for half in halves]
        both = f"{said[0]} twice" if said[0] == said[-1] and len(said) == 2 else " and ".join(said)
        gru.append(f"{one.framework} {both}")
    expected = f"LSTM weights: {', '.join(lstm)}. GRU biases: {', '.join(gru)}."
    assert expected in PAGE.read_text(encoding="utf-8")


# --- Converting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theirs", list(itertools.permutations("rzn")))
@pytest.mark.parametrize("shape", [(12,), (5, 12), (2, 3, 12)])
def test_reordering_is_a_product_with_a_permutation(shape, theirs):
    array = np.random.default_rng(0).normal(size=shape)
    there = page.reorder(array, "rzn", theirs)
    np.testing.assert_array_equal(there, array @ page.permutation("rzn", theirs, 4))
    np.testing.assert_array_equal(page.reorder(there, theirs, "rzn"), array)


@pytest.mark.parametrize(("shape", "theirs"), [((5, 10), "iofg"), ((5, 12), "ifg"), ((5, 12), "iffg")])
def test_what_has_no_such_blocks_is_refused(shape, theirs):
    with pytest.raises(ValueError, match="has no blocks ifgo to put as"):
        page.reorder(np.zeros(shape), "ifgo", theirs)


@pytest.mark.parametrize(("D", "H"), [(4, 3), (1, 2), (6, 1)])
def test_by_hand_as_the_package(D, H):
    rng = np.random.default_rng(D)
    p = {name: rng.normal(size=shape) for name, shape in (("W", (D, 4 * H)), ("U", (H, 4 * H)), ("b", 4 * H))}
    cell = Cell("lstm", p)
    for ours, theirs in zip(page.to_theirs(**p, gates="ifgo"), to_keras(cell), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    by_hand = page.to_theirs(**p, gates="ifgo", columns=True, biases=2)
    for ours, theirs in zip(by_hand, to_pytorch(cell).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    W, R, first, second = page.to_theirs(**p, gates="iofg", columns=True, biases=2)
    inputs = to_onnx(cell).inputs
    for name, ours in (("W", W), ("R", R), ("B", np.concatenate([first, second]))):
        np.testing.assert_array_equal(ours[None], inputs[name])


def test_a_gru_s_bias():
    rng = np.random.default_rng(2)
    weights = [rng.normal(size=(5, 12)), rng.normal(size=(4, 12)), rng.normal(size=(2, 12))]
    b, c = page.gru_bias_from_keras(weights[2])
    expected = from_keras(weights, "gru-after").parameters
    np.testing.assert_array_equal(b, expected["b"])
    np.testing.assert_array_equal(c, expected["c"])
    with pytest.raises(ValueError, match="reset_after=False"):
        page.gru_bias_from_keras(weights[2][0])


@pytest.mark.parametrize("T", [1, 4])
def test_the_other_share_is_haiku_s(T):
    D, H = SIZES["D"], SIZES["H"]
    rng = np.random.default_rng(T)
    W, U, b = (rng.normal(size=shape) for shape in ((D, 3 * H), (H, 3 * H), 3 * H))
    X, h_0 = rng.normal(size=(T, 2, D)), np.tanh(rng.normal(size=(2, H)))
    tree = {"w_i": W, "w_h": U, "b": b}
    stored = {"": {name: page.reorder(value, "rzn", "zrn") for name, value in tree.items()}}
    (expected,) = to_layer(from_haiku(stored, "gru-before")).forward(X, (h_0,)).state
    np.testing.assert_allclose(page.gru_other_share(W, U, b, X, h_0), expected, rtol=1e-12)


@pytest.mark.parametrize(("H", "after", "before"), [(8, 4, 8), (11, 4, 11), (4, 4, 4), (1, 1, 1)])
def test_directions(H, after, before):
    assert page.directions("after", H)[1] == after
    assert page.directions("before", H)[1] == before


# --- Training ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def start():
    rng = np.random.default_rng(5)
    theta = lstm_parameters(rng, SIZES["K"], SIZES["WIDTH"])
    theta |= {"V": rng.normal(size=(SIZES["WIDTH"], SIZES["K"])), "b_y": rng.normal(size=SIZES["K"])}
    # In the middle of some training: nothing is zero.
    m = {name: 0.01 * rng.normal(size=value.shape) for name, value in theta.items()}
    v = {name: 1e-4 * rng.uniform(0.5, 2, size=value.shape) for name, value in theta.items()}
    return {"theta": theta, "m": m, "v": v, "k": 12}


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(6)
    found = []
    for size in (5, 1, 5):
        X = rng.normal(size=(SIZES["LONGEST"], size, SIZES["K"]))
        lengths = rng.integers(1, SIZES["LONGEST"] + 1, size=size)
        found.append((X, lengths, rng.integers(SIZES["K"], size=size)))
    return found


def test_the_gradient_by_pytorch(start, batches):
    theta = start["theta"]
    for X, lengths, classes in batches:
        _, ours = page.gradient_numpy(theta, X, lengths, classes)
        lstm = torch.nn.LSTM(SIZES["K"], SIZES["WIDTH"], dtype=torch.float64)
        cell = Cell("lstm", {name: theta[name] for name in ("W", "U", "b")})
        lstm.load_state_dict({name: torch.tensor(value) for name, value in to_pytorch(cell).items()})
        V, b_y = (torch.tensor(theta[name], requires_grad=True) for name in ("V", "b_y"))
        states = lstm(torch.tensor(X))[0][lengths - 1, np.arange(len(lengths))]
        torch.nn.functional.cross_entropy(states @ V + b_y, torch.tensor(classes)).backward()
        expected = {"W": lstm.weight_ih_l0.grad.T, "U": lstm.weight_hh_l0.grad.T, "b": lstm.bias_ih_l0.grad}
        for name, value in (expected | {"V": V.grad, "b_y": b_y.grad}).items():
            np.testing.assert_allclose(ours[name], value, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("trainer", ["train_torch", "train_tf"])
def test_a_checkpoint_in_the_middle_goes_on_everywhere(trainer, start, batches):
    losses, after = page.train_numpy(start, batches)
    theirs, there = getattr(page, trainer)(start, batches)
    np.testing.assert_allclose(theirs, losses, rtol=1e-12)
    assert there["k"] == after["k"] == 15
    for part in ("theta", "m", "v"):
        assert there[part].keys() == after[part].keys() == start[part].keys()
        for name in NUMBERS["NAMES"]:
            assert there[part][name].shape == start[part][name].shape
            np.testing.assert_allclose(there[part][name], after[part][name], rtol=1e-9, atol=1e-14)


def test_a_checkpoint_is_not_changed(start, batches):
    before = {part: {name: value.copy() for name, value in start[part].items()} for part in ("theta", "m", "v")}
    for trainer in (page.train_numpy, page.train_torch, page.train_tf):
        trainer(start, batches[:1])
    for part, values in before.items():
        for name, value in values.items():
            np.testing.assert_array_equal(start[part][name], value)


def test_adam_is_that_of_pytorch(start, batches):
    """The page's step against torch.optim.Adam, from the same middle of a training."""
    _, after = page.train_numpy(start, batches[:1])
    _, g = page.gradient_numpy(start["theta"], *batches[0])
    for name in NUMBERS["NAMES"]:
        parameter = torch.nn.Parameter(torch.tensor(start["theta"][name]))
        adam = torch.optim.Adam([parameter], NUMBERS["eta"], eps=NUMBERS["epsilon"])
        adam.state[parameter] = {
            "step": torch.tensor(12.0),
            "exp_avg": torch.tensor(start["m"][name]),
            "exp_avg_sq": torch.tensor(start["v"][name]),
        }
        parameter.grad = torch.tensor(g[name])
        adam.step()
        np.testing.assert_allclose(after["theta"][name], parameter.detach(), rtol=1e-12)


def test_keras_s_adam_is_explained(start, batches):
    rounded = float(np.float32(0.9)), float(np.float32(0.999))
    losses, after = page.train_numpy(start, batches, step=page.adam_of_keras(*rounded))
    theirs, there = page.train_tf(start, batches, ready_made=True)
    np.testing.assert_allclose(theirs, losses, rtol=1e-12)
    for name in NUMBERS["NAMES"]:
        np.testing.assert_allclose(there["theta"][name], after["theta"][name], rtol=1e-11)
    exact, _ = page.train_numpy(start, batches)
    assert np.abs(np.array(theirs) / exact - 1).max() > 1e-9


# --- Without ONNX -----------------------------------------------------------------------------------------------------

HIDE = """\
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in {"onnx", "onnxruntime"} else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


@pytest.mark.slow
def test_without_onnx_the_rest_of_the_chapter_runs():
    chapter = jupytext.read(PAGE)
    chapter.cells.insert(0, new_code_cell(HIDE))
    chapter.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(chapter, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    printed = ["".join(o.text for o in c.get("outputs", []) if o.get("name") == "stdout") for c in chapter.cells]
    said = [text for text in printed if "ONNX is not installed" in text]
    assert len(said) >= 5
    table = next(
        o.data["text/html"] for c in chapter.cells for o in c.get("outputs", []) if "text/html" in o.get("data", {})
    )
    assert "Keras" in table
    assert ">ONNX<" not in table
    assert any("TensorFlow, then PyTorch" in text for text in printed)
