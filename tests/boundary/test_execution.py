"""nbgrader's step that runs a notebook: secrets, frameworks, and the files that a kernel is given."""

from __future__ import annotations

import asyncio
import stat

import nbformat
import pytest
from nbgrader.utils import determine_grade

from autograder.boundary.examination import new_cell
from autograder.boundary.execution import ExecuteAcross, data_files, frameworks_of, marked_for_gpu, read_secret
from autograder.boundary.rebuild import rebuild
from autograder.kernels import gpu


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


def test_a_secret_that_a_full_disk_has_left_empty_is_made_anew(tmp_path):
    """Else everybody's numbers would be drawn by chance, others in each run."""
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    secret = read_secret(path)
    assert len(secret) == 64
    assert read_secret(path) == secret


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


TEST = {"grade": True, "solution": False, "locked": True, "points": 1}
ANSWER = {"grade": False, "solution": True, "locked": False, "grade_id": "f", "schema_version": 3}


def marked(source="def f():\n    return 7"):
    """A rebuilt notebook with one answer and one test that asks for a GPU."""
    test = new_cell("assert f() == 7", "test", grade_id="a", **TEST)
    test.metadata["tags"] = ["gpu"]
    return nbformat.v4.new_notebook(cells=[new_cell(source, "learner"), test])


def test_a_learner_cannot_mark_a_notebook_for_a_gpu():
    answer = nbformat.v4.new_code_cell("f = None", metadata={"nbgrader": ANSWER})
    released = nbformat.v4.new_notebook(cells=[answer])
    handed = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("f = 1", metadata={"nbgrader": {**ANSWER, "gpu": True}, "tags": ["gpu"]}),
            nbformat.v4.new_code_cell("2", metadata={"tags": ["gpu"], "nbgrader": {"gpu": True}}),
        ]
    )
    assert marked_for_gpu(handed)
    assert not marked_for_gpu(rebuild(released, handed).notebook)
    answer.metadata["tags"] = ["gpu"]
    assert marked_for_gpu(rebuild(released, handed).notebook)


def test_the_mark_reaches_both_kernels_with_its_limit():
    step = ExecuteAcross(gpu_memory_mib=700)
    learner, examiner = step._wanted(("numpy",), None, gpu=True)
    assert learner.gpu
    assert examiner.gpu
    assert learner.limits.gpu_bytes == 700 * 2**20
    assert not any(wanted.gpu for wanted in step._wanted(("numpy",), None, gpu=False))
    step.may_use_gpu = False
    assert not any(wanted.gpu for wanted in step._wanted(("numpy",), None, gpu=True))


@pytest.mark.slow
def test_a_marked_notebook_that_takes_too_much_is_told_so(tmp_path, monkeypatch):
    """A script in place of nvidia-smi says of every process that it takes 500 MiB; that ends the learner's alone."""
    script = tmp_path / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\ncase $1 in *compute-apps*) cd /proc; for p in [0-9]*; do echo $p, 500; done;; *) echo 0;; esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    gpu.problem.cache_clear()
    try:
        waiting = "import time\nfor _ in range(200): time.sleep(0.1)"
        done, _ = ExecuteAcross(gpu_memory_mib=400, cell_seconds=30.0).preprocess(marked(waiting), {})
        assert "it took more than 400 MiB of GPU memory" in str(done.cells[0].outputs)
        assert "took more than 400 MiB of GPU memory" in done.metadata.unrolled.lost[0]
        assert determine_grade(done.cells[1])[0] == 0
        done, _ = ExecuteAcross(gpu_memory_mib=600).preprocess(marked(), {})
        assert determine_grade(done.cells[1])[0] == 1
        assert done.metadata.unrolled.lost == []
    finally:
        gpu.problem.cache_clear()
