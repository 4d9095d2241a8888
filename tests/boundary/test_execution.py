"""nbgrader's step that runs a notebook: secrets, frameworks, and the files that a kernel is given."""

from __future__ import annotations

import asyncio
import stat

import nbformat
import pytest
from nbgrader.utils import determine_grade

from autograder.boundary.examination import new_cell
from autograder.boundary.execution import ExecuteAcross, data_files, frameworks_of, read_secret


def test_no_notebook_is_among_the_data_files(tmp_path):
    (tmp_path / "data").mkdir()
    for name in (
        "numpy.ipynb",
        "data/other.ipynb",
        "timestamp.txt",
        ".hidden",
        "page.html",
        "data.csv",
        "data/more.txt",
    ):
        (tmp_path / name).write_text(name)
    with data_files(tmp_path) as files:
        found = sorted(str(p.relative_to(files)) for p in files.rglob("*") if p.is_file())
    assert found == ["data.csv", "data/more.txt"]
    assert not files.exists()
    with data_files(None) as files:
        assert files is None


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "secret"
    secret = read_secret(path)
    assert len(secret) == 64
    assert read_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secret(tmp_path / "another") != secret


def test_frameworks_are_what_the_teachers_cells_import():
    cells = [
        new_cell("import numpy as np\nimport torch.nn as nn", "released"),
        new_cell("import tensorflow", "learner"),
        new_cell("%matplotlib inline\nimport keras", "released"),
    ]
    assert frameworks_of(nbformat.v4.new_notebook(cells=cells)) == ("pytorch", "tensorflow")


@pytest.mark.slow
def test_the_notebook_that_is_graded_is_not_to_be_found(tmp_path):
    """A learner's cell looks for the notebook with the hidden tests, and for the secret."""
    (tmp_path / "numpy.ipynb").write_text("hidden value 31415")
    (tmp_path / "data.csv").write_text("7")
    (tmp_path / "secret").write_text("of the course")
    looking = (
        "import os\n\ndef look():\n    found = []\n"
        "    for top, _, names in os.walk('/'):\n        if not top.startswith(('/proc', '/usr', '/sys')):\n"
        "            found += [n for n in names if n in ('numpy.ipynb', 'secret')]\n    return found\n\n"
        "def data():\n    return int(open('data.csv').read())\n"
    )
    test = {"grade": True, "solution": False, "locked": True, "points": 1}
    notebook = nbformat.v4.new_notebook(
        cells=[
            new_cell(looking, "learner"),
            new_cell("assert look() == []", "test", grade_id="a", **test),
            new_cell("assert data() == 7", "test", grade_id="b", **test),
        ]
    )
    done, _ = ExecuteAcross(isolation="strict").preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    assert [determine_grade(cell)[0] for cell in done.cells[1:]] == [1, 1]
    assert done.metadata.unrolled.isolation == "strict"


@pytest.mark.slow
def test_it_works_inside_of_a_running_loop():
    """Formgrader's button calls nbgrader's API, and with it this step, from its web server's event loop."""
    test = {"grade": True, "solution": False, "locked": True, "points": 1}
    notebook = nbformat.v4.new_notebook(
        cells=[new_cell("def f():\n    return 7", "learner"), new_cell("assert f() == 7", "test", grade_id="a", **test)]
    )

    async def button():
        return ExecuteAcross().preprocess(notebook, {"metadata": {}})

    for _ in range(2):
        done, _resources = asyncio.run(button())
        assert determine_grade(done.cells[1])[0] == 1
