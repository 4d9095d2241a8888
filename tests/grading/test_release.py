"""Sources to released notebooks: nothing of the solution gets out, and what is committed is current."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import pytest

from autograder.grading.course import CourseError, open_course
from autograder.grading.release import release
from autograder.grading.sample_class import make_course
from autograder.grading.sources import SourceError, notebook_of

FRAMEWORKS = ("numpy", "pytorch", "tensorflow")
ASSIGNMENTS = sorted(p.name for p in (Path(__file__).parents[2] / "solutions").iterdir() if (p / "numpy.py").exists())
GIVEN_ON_PURPOSE: set[str] = set()
NOTEBOOKS = pytest.mark.parametrize(("assignment", "name"), [(a, f) for a in ASSIGNMENTS for f in FRAMEWORKS])


@pytest.fixture(scope="module")
def releasing(course, tmp_path_factory):
    """A course to release into."""
    folder = tmp_path_factory.mktemp("releasing")
    make_course(folder, course)
    return open_course(folder)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_committed_exercises_are_current(root, releasing, assignment):
    release(releasing, assignment)
    fresh = releasing.folder("release", ".", assignment)
    for name in FRAMEWORKS:
        committed = root / "exercises" / assignment / f"{name}.ipynb"
        assert committed.read_bytes() == (fresh / f"{name}.ipynb").read_bytes(), (
            f"{committed} is stale: run `unrolled release {assignment}` and commit"
        )


def test_nothing_but_notebooks_is_released(root):
    for folder in (root / "exercises").iterdir():
        assert {p.suffix for p in folder.iterdir()} == {".ipynb"}, folder


@NOTEBOOKS
def test_no_solution_and_no_hidden_test_gets_out(root, assignment, name):
    source = notebook_of(root / "solutions" / assignment / f"{name}.py")
    released = (root / "exercises" / assignment / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in released
    assert "HIDDEN" not in released
    assert "rounds=" not in released
    assert "Rubric" not in released
    given = "".join(c.source for c in nbformat.reads(released, as_version=4).cells)
    for cell in source.cells:
        for block in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.DOTALL):
            lines = [line.strip() for line in block.splitlines() if len(line.strip()) > 12]
            leaked = [line for line in lines if line in given and line not in GIVEN_ON_PURPOSE]
            # The forward pass of the hand-written backward is given on purpose and shares the module's lines.
            assert name != "numpy" or not leaked, leaked


@NOTEBOOKS
def test_points_and_stubs(root, assignment, name):
    source = notebook_of(root / "solutions" / assignment / f"{name}.py")
    notebook = nbformat.read(root / "exercises" / assignment / f"{name}.ipynb", as_version=4)
    settings = [c.metadata.get("nbgrader", {}) for c in notebook.cells]
    assert sum(s.get("points", 0) for s in settings if s.get("grade")) == 20
    answers = [c for c, s in zip(notebook.cells, settings, strict=True) if s.get("solution") and c.cell_type == "code"]
    assert len(answers) == sum("### BEGIN SOLUTION" in c.source for c in source.cells) >= 5
    assert all("raise NotImplementedError()" in c.source for c in answers)
    assert all(c.outputs == [] for c in notebook.cells if c.cell_type == "code")
    by_hand = [s for s in settings if s.get("grade") and s.get("solution")]
    assert sum(s["points"] for s in by_hand) >= 1, "a derivation that is marked by hand"


@NOTEBOOKS
def test_the_first_cell_installs_only_where_the_package_is_missing(root, assignment, name):
    notebook = nbformat.read(root / "exercises" / assignment / f"{name}.ipynb", as_version=4)
    first = next(c.source for c in notebook.cells if c.cell_type == "code")
    assert 'if importlib.util.find_spec("autograder") is None:\n    %pip install' in first
    assert importlib.util.find_spec("autograder") is not None
    url = re.search(r'unrolled @ git\+(\S+)"', first)
    assert url
    assert f'Repository = "{url.group(1)}"' in (root / "pyproject.toml").read_text(encoding="utf-8")


def test_the_same_source_gives_the_same_bytes(root):
    source = root / "solutions" / "vanilla" / "numpy.py"
    assert nbformat.writes(notebook_of(source)) == nbformat.writes(notebook_of(source))


def test_released_notebooks_are_valid_and_carry_no_paths(root):
    for path in (root / "exercises").glob("*/*.ipynb"):
        nbformat.validate(json.loads(path.read_text(encoding="utf-8")))
        assert str(root) not in path.read_text(encoding="utf-8")


def test_a_grade_id_that_stands_twice_is_refused(tmp_path):
    cell = '# %% nbgrader={"grade": false, "grade_id": "twice", "solution": true, "schema_version": 3}\npass\n'
    source = tmp_path / "numpy.py"
    source.write_text(cell + "\n" + cell)
    with pytest.raises(SourceError, match="'twice' stands there twice"):
        notebook_of(source)


def test_an_unknown_assignment_and_a_folder_without_a_course(course, tmp_path):
    with pytest.raises(CourseError, match="no assignment 'lstmm'"):
        release(course, "lstmm")
    with pytest.raises(CourseError, match=r"has no nbgrader_config\.py"):
        open_course(tmp_path)
