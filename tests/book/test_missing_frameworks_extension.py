"""A chapter runs on what is installed: what is left out of a cell, and what is not."""

from __future__ import annotations

import ast

import pytest

from autograder import frameworks
from autograder.frameworks import LeaveOut, load_ipython_extension, unload_ipython_extension


def run(*cells: str, missing: tuple[str, ...] = ("PyTorch",)) -> tuple[dict, list[str]]:
    """Run cells as a notebook without these frameworks would; return its names and what it prints."""
    printed: list[str] = []
    names: dict = {"print": lambda *words: printed.append(" ".join(map(str, words)))}
    transformer = LeaveOut(missing)
    for cell in cells:
        exec(compile(transformer.visit(ast.parse(cell)), "<cell>", "exec"), names)
    return names, printed


IMPORT = "import torch\nimport torch.nn.functional as F"


def test_a_cell_of_the_missing_framework_is_left_out_in_one_line():
    names, printed = run(IMPORT, "def f(x):\n    return torch.tanh(x)", "y = f(3)\nz = y + 1")
    assert printed == ["PyTorch is not installed: this cell is left out."] * 3
    assert not {"torch", "F", "f", "y", "z"} & set(names)


def test_the_rest_of_a_cell_runs():
    names, printed = run(
        IMPORT,
        "a = 1\nb = torch.ones(2)\nc = (\n    b + 1\n)\nd = a + 1",
    )
    assert (names["a"], names["d"]) == (1, 2)
    assert printed[1] == "PyTorch is not installed: lines 2–5 of this cell are left out."


def test_an_assertion_keeps_what_is_there():
    cell = "a, b = 1, 1\nassert a == b and a == c_torch and b == 2"
    with pytest.raises(AssertionError):
        run(IMPORT, "c_torch = torch.ones(1)", cell)
    names, printed = run(IMPORT, "c_torch = torch.ones(1)", cell.replace("b == 2", "b == 1"))
    assert names["a"] == 1
    assert "line 2" in printed[-1]


def test_a_comparison_compares_what_is_there():
    cells = (
        IMPORT,
        "by_torch = torch.ones(1)",
        "by_tf = 2",
        "others = {}\nothers['PyTorch'] = by_torch\nothers['TensorFlow'] = by_tf\n"
        "for name, value in others.items():\n    print(name, value)\n    assert value == 2",
    )
    _, printed = run(*cells)
    assert printed[-1] == "TensorFlow 2"


def test_a_name_is_back_when_it_is_bound_again():
    names, printed = run(IMPORT, "H = torch.ones(1)", "H = 5", "twice = 2 * H")
    assert names["twice"] == 10
    assert len(printed) == 2


def test_a_stale_value_is_never_used():
    names, printed = run(IMPORT, "H = 5", "H = torch.ones(1)", "twice = 2 * H", "H += 1")
    assert "twice" not in names
    assert names["H"] == 5
    assert len(printed) == 4


def test_loops_and_branches_keep_their_parts():
    names, _ = run(
        IMPORT,
        "seen = []",
        "for k in range(3):\n    if k:\n        seen.append(k)\n        t = torch.ones(k)\n    seen.append(-k)",
    )
    assert names["seen"] == [0, 1, -1, 2, -2]


def test_what_a_turn_needs_of_the_turn_before_is_left_out_too():
    _, printed = run(IMPORT, "h = 0\nfor k in range(3):\n    print(h)\n    h = torch.ones(k)\n    print('k', k)")
    assert printed[1:] == ["PyTorch is not installed: lines 3–4 of this cell are left out.", "k 0", "k 1", "k 2"]


def test_a_name_that_a_block_makes_itself_is_not_missed():
    names, printed = run(
        IMPORT,
        "for t in (1, 2):\n    torch.ones(t)",
        "total = 0\nfor k in (1, 2):\n    for t in (1, 2):\n        u = t\n        total += u",
    )
    assert names["total"] == 6
    assert len(printed) == 2


def test_a_list_that_would_have_grown_is_not_taken_for_complete():
    names, printed = run(
        IMPORT,
        "losses, table = [], {}",
        "for k in (1, 2):\n    losses.append(torch.ones(k))\n    table['PyTorch'] = torch.ones(k)\n    table[k] = k",
        "first = losses[0]",
        "second = table[2]",
    )
    assert "first" not in names
    assert names["second"] == 2
    assert len(printed) == 3


def test_local_names_are_not_taken_for_missing_ones():
    area = "def area(F):\n    for k in (1,):\n        F += 0\n    return [F * F for F in (F,)][0]\n\ny = area(3)"
    names, printed = run(IMPORT, area)
    assert names["y"] == 9
    assert len(printed) == 1


@pytest.mark.parametrize(
    "line",
    [
        "from torch.utils.flop_counter import FlopCounterMode",
        "from autograder.recurrent import pytorch",
        "import autograder.recurrent.pytorch as ours",
        "def f():\n    import torch",
        "class Net(torch.nn.Module):\n    pass",
        "with torch.no_grad():\n    x = 1",
        "while torch:\n    x = 1",
        "try:\n    torch.nn.RNN(1)\nexcept RuntimeError:\n    x = 1",
        "g = lambda: torch",
    ],
)
def test_each_kind_of_statement(line):
    _, printed = run(IMPORT, line)
    assert printed[1:] == ["PyTorch is not installed: this cell is left out."]


def test_both_may_be_missing():
    names, printed = run(
        IMPORT, "import tensorflow as tf", "a = torch.ones(1)\nb = tf.ones(1)\nc = 1", missing=("PyTorch", "TensorFlow")
    )
    assert names["c"] == 1
    assert printed[-1] == "PyTorch and TensorFlow are not installed: lines 1–2 of this cell are left out."


def test_the_other_framework_is_not_touched():
    cell = "import tensorflow_of_another_kind"
    with pytest.raises(ModuleNotFoundError):
        run(cell)
    assert run("keras = 1\nx = keras")[0]["x"] == 1


class Shell:
    def __init__(self) -> None:
        self.ast_transformers: list = []


def test_where_all_is_installed_nothing_is_done(capsys, monkeypatch):
    monkeypatch.setattr(frameworks, "is_installed", lambda module: True)
    shell = Shell()
    load_ipython_extension(shell)
    assert shell.ast_transformers == []
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("NumPy ")
    assert "TensorFlow" in line


@pytest.mark.parametrize("lacking", ["onnx", "onnxruntime"])
def test_what_few_chapters_need_is_missed_only_where_it_is_needed(lacking, capsys, monkeypatch):
    monkeypatch.setattr(frameworks, "is_installed", lambda module: module != lacking)
    shell = Shell()
    load_ipython_extension(shell)
    (line,) = capsys.readouterr().out.splitlines()
    assert "ONNX" not in line
    (transformer,) = shell.ast_transformers
    assert transformer.missing == {"ONNX"}


@pytest.mark.parametrize(
    "line",
    [
        "import onnxruntime as ort",
        "from onnx import helper",
        "from autograder.recurrent.porting import onnx_model, to_onnx",
        "from autograder.recurrent.differences import onnx_runtime",
    ],
)
def test_what_needs_onnx(line):
    _, printed = run(line, missing=("ONNX",))
    assert printed == ["ONNX is not installed: this cell is left out."]


def test_layouts_of_onnx_need_no_onnx():
    names, printed = run("from autograder.recurrent.porting import from_onnx, to_onnx", missing=("ONNX",))
    assert "to_onnx" in names
    assert not printed


@pytest.mark.parametrize(("module", "framework"), [("pytorch", "PyTorch"), ("keras", "TensorFlow")])
def test_questions_to_a_framework_need_it(module, framework):
    _, printed = run(f"from autograder.recurrent.differences import {module} as asked", missing=(framework,))
    assert printed == [f"{framework} is not installed: this cell is left out."]


def test_the_reader_is_told_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr(frameworks, "is_installed", lambda module: module != "torch")
    shell = Shell()
    load_ipython_extension(shell)
    found, advice = capsys.readouterr().out.splitlines()
    assert "PyTorch" not in found
    assert advice.startswith("PyTorch is not installed: ")
    assert "pip install torch," in advice
    assert len(shell.ast_transformers) == 1
    unload_ipython_extension(shell)
    assert shell.ast_transformers == []


def test_a_function_called_append_adds_to_nothing():
    names, _ = run(
        IMPORT,
        "import numpy as np",
        "def joined(a):\n    return np.append(a, torch.ones(2))",
        "b = np.append([1], [2])",
    )
    assert names["b"].tolist() == [1, 2]
    assert "joined" not in names
