"""A learner's own run on the command line: what is right, what is wrong and why, and what is not written yet."""

import importlib.util
import json
import os
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.cli import main
from autograder.grading import own_check
from autograder.grading.own_check import BLANK, NOT_RUN, RIGHT, WAITING, WRONG, NotRunnable, check_notebook


def graded(name, source, **settings):
    mark = {"grade_id": name, "grade": True, "solution": False, "locked": True, "points": 2, "schema_version": 3}
    return new_code_cell(source, metadata={"nbgrader": mark | settings})


def by_hand(name, source):
    mark = {"grade_id": name, "grade": True, "solution": True, "locked": False, "points": 2, "schema_version": 3}
    return new_markdown_cell(source, metadata={"nbgrader": mark})


def saved(folder, *cells):
    path = folder / "mine.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


SETUP = """\
import numpy as np
from pathlib import Path
from autograder import check
value = Path("data.txt").read_text()
"""


@pytest.mark.slow
def test_every_state_of_a_question(tmp_path, capsys):
    """One run of one notebook: the file stays as it is, and errors stop nothing."""
    (tmp_path / "data.txt").write_text("beside it")
    path = saved(
        tmp_path,
        new_code_cell(SETUP),
        new_code_cell("nothing_like_this"),
        new_code_cell("def softsign_derivative(h):\n    return (1 - np.abs(h)) ** 2"),
        graded("softsign-derivative", 'check("vanilla/softsign-derivative", softsign_derivative)'),
        new_code_cell("def step_forward(x, h_prev, W, U, b):\n    return np.tanh(x @ W + h_prev @ U - b)"),
        graded("step-forward", 'check("vanilla/step-forward", step_forward)'),
        new_code_cell("def step_backward(dh, x, h_prev, h, W, U):\n    raise NotImplementedError()"),
        graded("step-backward", 'check("vanilla/step-backward", step_backward)'),
        graded("plain", "assert value == 'beside it', 'run where the notebook is'"),
        graded("plain-wrong", "assert 1 + 1 == 3, 'the sum is wrong\\nmore'"),
        graded("plain-blank", "raise NotImplementedError()"),
        by_hand("derivation", "Because of the chain rule."),
        by_hand("explanation", "*Your answer here.*"),
        graded("last", "while True:\n    pass"),
        new_code_cell("import os\nos._exit(1)"),
        graded("after", "assert True"),
    )
    before = path.read_bytes()
    assert main(["check", str(path), "--json", "--timeout", "5"]) == 1
    told = capsys.readouterr()
    assert told.err == ""
    found = json.loads(told.out)
    states = {q["name"]: q["state"] for q in found["questions"]}
    assert states == {
        "softsign-derivative": RIGHT,
        "step-forward": WRONG,
        "step-backward": BLANK,
        "plain": RIGHT,
        "plain-wrong": WRONG,
        "plain-blank": BLANK,
        "derivation": WAITING,
        "explanation": BLANK,
        "last": WRONG,
        "after": NOT_RUN,
    }
    texts = {q["name"]: q["text"] for q in found["questions"]}
    assert texts["step-forward"].startswith("✗ vanilla/step-forward: h ")
    assert texts["plain-wrong"] == "AssertionError: the sum is wrong"
    assert texts["last"] == "it did not finish in time and was interrupted"
    assert "the kernel died in cell 15" in found["stopped"][0]
    assert (
        found["stopped"][1] == "cell 2 (nothing_like_this) stopped: NameError: name 'nothing_like_this' is not defined"
    )
    assert found["all_right"] is False
    assert path.read_bytes() == before
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["data.txt", "mine.ipynb"]


@pytest.mark.slow
def test_all_right_is_exit_code_0_in_another_folder_and_without_a_course(tmp_path, monkeypatch, capsys):
    path = saved(tmp_path, graded("one", "assert True"), by_hand("two", "Words."))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["check", "../mine.ipynb"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[:2] == ["✓ one: right", "? two: marked by hand"]
    assert lines[2].startswith("1 of 1 questions right, 1 answered, to be marked by hand (")
    assert path.is_file()


@pytest.mark.slow
def test_a_released_exercise_is_not_written_yet(root):
    found = check_notebook(root / "exercises" / "vanilla" / "numpy.ipynb")
    assert {q.state for q in found.questions} == {BLANK}
    assert found.stopped == []
    assert found.summary().startswith("0 of 7 questions right, 7 not written yet (")


@pytest.mark.slow
def test_a_cell_that_swallows_its_interruption_ends_the_run(tmp_path):
    stubborn = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    path = saved(tmp_path, new_code_cell(stubborn), graded("one", "assert True"))
    found = check_notebook(path, 2)
    assert [q.state for q in found.questions] == [NOT_RUN]
    assert found.stopped[0].startswith("cell 1 did not stop after 2 s")


R = {"name": "ir", "language": "R", "display_name": "R"}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("nowhere.ipynb", None, "cannot be read (No such file or directory)"),
        ("a.ipynb", b"", "not a notebook"),
        ("a.ipynb", b"print('hello')", "not a notebook"),
        ("a.ipynb", b"[1, 2]", "not a notebook (it has no cells)"),
        ("a.ipynb", b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "a damaged notebook"),
        ("a.ipynb", b"[" * 100_000, "not a notebook"),
        ("a.ipynb", b"\xff\xfe\x00", "not a notebook"),
        ("a.ipynb", nbformat.writes(new_notebook()).encode(), "has no questions"),
        (
            "a.ipynb",
            nbformat.writes(
                new_notebook(metadata={"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}})
            ).encode(),
            "is in R, expected Python",
        ),
    ],
)
def test_what_cannot_be_run_is_one_line_and_exit_code_2(tmp_path, capsys, name, data, said):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    assert main(["check", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert str(path) in told.err
    assert told.err.count("\n") == 1


def test_a_folder_is_no_notebook(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        own_check.importlib.util, "find_spec", lambda name: None if name in ("nbclient", "ipykernel") else found(name)
    )
    with pytest.raises(NotRunnable, match=r"pip install nbclient ipykernel$"):
        check_notebook(tmp_path / "a.ipynb")


@pytest.mark.slow
def test_nbgrader_is_not_needed():
    """The module and the command import with nothing but the standard library and the package itself."""
    script = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('nbgrader', 'nbclient', 'nbformat', 'bleach', 'sqlalchemy', 'jupytext'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import autograder.grading.own_check\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env={**os.environ})


def test_a_kernel_that_cannot_start_is_one_line(tmp_path, monkeypatch):
    path = saved(tmp_path, graded("one", "assert True"))
    monkeypatch.setattr(own_check.sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(NotRunnable, match="no kernel could be started here"):
        check_notebook(path)


def test_a_timeout_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["check", "a.ipynb", "--timeout", "0"])
    assert "is not a number of seconds above 0" in capsys.readouterr().err
