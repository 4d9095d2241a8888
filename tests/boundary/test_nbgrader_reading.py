"""nbgrader, configured by `protect`, grades a class in which everybody hands in something else that stops it."""

import contextlib
import copy
import io
import json
import os
import shutil
import socket
import traceback
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets.config import Config

from autograder.boundary.handed_in import is_time
from autograder.boundary.nbgrader_reading import protect
from autograder.boundary.pages import POLICY
from autograder.boundary.rebuild import KEY
from autograder.boundary.submissions import is_student, take_in


class RunHere(NbGraderPreprocessor):
    """Runs the cells of the tests' own notebooks in this process: no kernel, so that these tests are quick."""

    def preprocess(self, nb, resources):
        names = {"display": lambda text: None}
        for number, cell in enumerate(nb.cells, 1):
            if cell.cell_type != "code":
                continue
            cell.outputs = []
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    exec(compile(cell.source, "cell", "exec"), names)
            except Exception as error:
                line = traceback.extract_tb(error.__traceback__)[1].lineno if error.__traceback__.tb_next else 1
                frames = [f"Cell In[{number}], line {line}\n----> {line} {cell.source}", f"{error}"]
                cell.outputs.append(
                    new_output("error", ename=type(error).__name__, evalue=str(error), traceback=frames)
                )
            if printed.getvalue():
                cell.outputs.insert(0, new_output("stream", name="stdout", text=printed.getvalue()))
        return nb, resources


def flags(grade_id, *, grade=False, solution=False, locked=False, points=None):
    mark = {"grade_id": grade_id, "grade": grade, "solution": solution, "locked": locked, "schema_version": 3}
    return {"nbgrader": mark | {"task": False} | ({"points": points} if points else {})}


ANSWER = "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
TEST = (
    "assert square(3) == 9, 'three squared'\n### BEGIN HIDDEN TESTS\n"
    "print('expected 1522756')\nassert square(1234) == 1522756, '1234 squared is 1522756'\n### END HIDDEN TESTS"
)
SOURCE = new_notebook(
    cells=[
        new_code_cell("import math", id="imports"),
        new_code_cell(ANSWER, id="square-answer", metadata=flags("square-answer", solution=True)),
        new_code_cell(TEST, id="square", metadata=flags("square", grade=True, locked=True, points=2)),
        new_code_cell("def cube(x):\n    ...", id="cube-answer", metadata=flags("cube-answer", solution=True)),
        new_code_cell("assert cube(2) == 8", id="cube", metadata=flags("cube", grade=True, locked=True, points=3)),
        new_markdown_cell("Why?", id="why", metadata=flags("why", grade=True, solution=True, points=4)),
    ],
    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
)


class Class:
    """A course in a folder, with the configuration that `protect` makes."""

    def __init__(self, root: Path, like: "Class | None" = None, **more) -> None:
        self.root = root
        config = Config()
        config.CourseDirectory.root = str(root)
        config.CourseDirectory.course_id = "course"
        protect(config, execute=RunHere)
        for section, settings in more.items():
            config[section].update(settings)
        self.config = config
        if like is not None:  # releasing takes longer than anything else
            shutil.copytree(like.root, root, dirs_exist_ok=True)
            return
        (root / "source" / "ps1").mkdir(parents=True)
        nbformat.write(SOURCE, root / "source" / "ps1" / "p1.ipynb")
        (root / "source" / "ps1" / "data.csv").write_text("the course's own")
        self.succeeds("generate_assignment", "ps1", force=True, create=True)

    def api(self):
        return NbGraderAPI(CourseDirectory(config=self.config), config=copy.deepcopy(self.config))

    def succeeds(self, command, *arguments, **options):
        result = getattr(self.api(), command)(*arguments, **options)
        assert result["success"], result.get("error", "") + result.get("log", "")
        return result.get("log", "")

    def folder(self, student):
        folder = self.root / "submitted" / student / "ps1"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def released(self):
        return nbformat.read(self.root / "release" / "ps1" / "p1.ipynb", as_version=4)

    def solved(self, square="def square(x):\n    return x * x"):
        notebook = self.released()
        by_id(notebook, "square-answer").source = square
        by_id(notebook, "cube-answer").source = "def cube(x):\n    return x**3"
        by_id(notebook, "why").source = "Because $x<y$."
        return notebook

    def hand_in(self, student, notebook=None, **files):
        (self.folder(student) / "p1.ipynb").write_text(json.dumps(notebook or self.solved()))
        for name, text in files.items():
            (self.folder(student) / name.replace("__", ".")).write_text(text)

    def grade(self, student="*", **options):
        api = self.api()
        api.coursedir.student_id = student
        return self.succeeds("autograde", "ps1", student, force=True, **options)

    def grades(self, student):
        with Gradebook(f"sqlite:///{self.root}/gradebook.db", "course") as gradebook:
            found = gradebook.find_submission_notebook("p1", "ps1", student).grades
            return {grade.name: grade.auto_score for grade in found}

    def graded(self, student):
        return nbformat.read(self.root / "autograded" / student / "ps1" / "p1.ipynb", as_version=4)

    def feedback(self, student):
        self.succeeds("generate_feedback", "ps1", student, force=True)
        return (self.root / "feedback" / student / "ps1" / "p1.html").read_text()


def by_id(notebook, cell_id):
    return next(cell for cell in notebook.cells if cell.id == cell_id)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return Class(tmp_path_factory.mktemp("course"))


@pytest.fixture
def klass(tmp_path, fresh):
    return Class(tmp_path, fresh)


ALL = {"square": 2, "cube": 3, "why": None}
NONE = {"square": 0, "cube": 0, "why": 0}


STAMPS = ["yesterday", "x" * 10**6, "\x00", "9" * 100, "0001-01-01", "2026 /etc/passwd ../x"]


def everybody(course):
    """Hand in for a class; the grades that each ought to get (None: not in the gradebook)."""
    course.hand_in("ada")
    course.hand_in("blank", course.released())
    (course.folder("empty") / "p1.ipynb").write_bytes(b"")
    (course.folder("text") / "p1.ipynb").write_bytes(b"# my notebook")
    (course.folder("zip") / "p1.ipynb").write_bytes(b"PK\x03\x04\xff\xff")
    os.mkfifo(course.folder("fifo") / "p1.ipynb")
    (course.folder("linked") / "p1.ipynb").symlink_to(course.folder("ada") / "p1.ipynb")
    (course.root / "submitted" / "whole").mkdir()
    (course.root / "submitted" / "whole" / "ps1").symlink_to(course.folder("ada"))
    (course.root / "submitted" / "student").symlink_to(course.root / "submitted" / "ada")
    with (course.folder("huge") / "p1.ipynb").open("wb") as file:
        file.truncate(50 * 2**30)
    cut = json.dumps(course.solved())
    (course.folder("cut") / "p1.ipynb").write_text(cut[: cut.index('"id": "cube"') + 5])
    twice = course.solved()
    twice.cells.append(copy.deepcopy(by_id(twice, "square")))
    course.hand_in("twice", twice)
    for version in (99, 0, "three", None):
        notebook = course.solved()
        for cell in notebook.cells:
            if "nbgrader" in cell.metadata:
                cell.metadata["nbgrader"] |= {"schema_version": version, "points": 200, "locked": False}
        course.hand_in(f"schema-{version}", notebook)
    forged = course.solved("def square(x):\n    return 0")
    by_id(forged, "square").source = "assert True"
    by_id(forged, "square").outputs = [new_output("execute_result", data={"text/plain": "200"})]
    forged.metadata = {"kernelspec": {"name": "bash"}, KEY: {"repairs": ["forged"]}}
    course.hand_in("forger", forged)
    course.hand_in("other", new_notebook(cells=[new_code_cell("x", metadata=flags("x", grade=True, points=1))]))
    moved = course.solved()
    moved.cells.reverse()
    course.hand_in("moved", moved)
    for number, stamp in enumerate(
        ["yesterday", "x" * 10**6, "\x00", "9" * 100, "0001-01-01", "2026 /etc/passwd ../x"]
    ):
        course.hand_in(f"stamp-{number}", timestamp__txt=stamp)
    course.hand_in("stamp-fifo")
    os.mkfifo(course.folder("stamp-fifo") / "timestamp.txt")
    course.hand_in("files", numpy__py="evil = 1", data__csv="the learner's")
    (course.folder("files") / "gradebook.db").symlink_to(course.root / "gradebook.db")
    os.mkfifo(course.folder("files") / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(course.folder("files") / "socket"))
    server.close()
    with (course.folder("files") / "large.bin").open("wb") as file:
        file.truncate(50 * 2**30)
    (course.folder("files") / "loop").symlink_to(course.folder("files"))
    return {
        "ada": ALL,
        "blank": NONE,
        **dict.fromkeys(["empty", "text", "zip", "fifo", "linked", "whole", "student", "huge"], NONE),
        "cut": {"square": 2, "cube": 3, "why": 0},
        "twice": ALL,
        **dict.fromkeys([f"schema-{v}" for v in (99, 0, "three", None)], ALL),
        "forger": {**ALL, "square": 0},
        "other": NONE,
        "moved": ALL,
        **dict.fromkeys([f"stamp-{n}" for n in range(6)], ALL),
        "stamp-fifo": ALL,
        "files": ALL,
    }


@pytest.mark.slow
def test_one_command_grades_the_whole_class(klass):
    expected = everybody(klass)
    api = klass.api()
    result = api.autograde("ps1", "*", force=True)
    assert result["success"], result
    for student, grades in expected.items():
        assert klass.grades(student) == grades, student
    # Only what the assignment names, and what is the course's own, is where cells will run.
    assert {p.name for p in (klass.root / "autograded" / "files" / "ps1").iterdir()} == {"p1.ipynb", "data.csv"}
    assert (klass.root / "autograded" / "files" / "ps1" / "data.csv").read_text() == "the course's own"
    # Reasons are there to be read, by the teacher and by the student.
    assert "is a link" in result["log"]
    reasons = {"fifo": "special file", "huge": "51200.0 MiB", "empty": "is empty", "linked": "is a link"}
    for student, reason in reasons.items():
        notebook = klass.graded(student)
        assert reason in notebook.metadata[KEY]["unreadable"], student
        assert "Not graded." in notebook.cells[0].source
    assert "another assignment" in klass.graded("other").cells[0].source
    assert "numpy.py" in " ".join(klass.graded("files").metadata[KEY]["repairs"])
    assert klass.graded("forger").metadata[KEY]["repairs"] == [
        "the test cell square had been changed: the course's own was used"
    ]
    # Formgrader's lists can be made.
    submissions = api.get_submissions("ps1")
    assert {s["student"] for s in submissions} == set(expected)
    # Nothing of all this is left in the temporary folder once the exporter is gone, and nothing was changed.
    assert (klass.root / "submitted" / "files" / "ps1" / "large.bin").stat().st_size == 50 * 2**30


@pytest.mark.slow
def test_one_notebook_can_be_graded_again_and_others_keep_their_grades(klass):
    klass.hand_in("ada")
    klass.grade("ada")
    klass.hand_in("ada", klass.solved("def square(x):\n    return 0"))
    api = klass.api()
    api.coursedir.notebook_id = "p1"
    assert api.autograde("ps1", "ada", force=True)["success"]
    assert klass.grades("ada") == {**ALL, "square": 0}


@pytest.mark.slow
def test_a_test_that_was_not_run_has_failed(klass):
    forged = klass.solved("def square(x):\n    return 0")
    by_id(forged, "square").outputs = [new_output("stream", name="stdout", text="fine")]
    klass.hand_in("ada", forged)
    klass.config.RunHere.enabled = False
    klass.config.ClearOutput.enabled = False
    klass.grade("ada")
    assert klass.grades("ada") == {"square": 0, "cube": 0, "why": None}
    assert by_id(klass.graded("ada"), "square").outputs[0].ename == "NotRun"


@pytest.mark.slow
def test_only_named_files_get_beside_the_notebook(tmp_path, fresh):
    course = Class(tmp_path, fresh, Autograde={"exclude_overwriting": {"ps1": ["helper.py", "deep/er.py", "gone.py"]}})
    course.hand_in("ada", helper__py="h = 1", other__py="o = 1")
    (course.folder("ada") / "deep").mkdir()
    (course.folder("ada") / "deep" / "er.py").write_text("d = 1")
    course.hand_in("eve")
    (course.folder("eve") / "helper.py").symlink_to("/etc/passwd")
    (course.folder("eve") / "deep").symlink_to(course.folder("ada") / "deep")
    assert course.api().autograde("ps1", "*", force=True)["success"]
    ada, eve = (course.root / "autograded" / name / "ps1" for name in ("ada", "eve"))
    assert (ada / "helper.py").read_text() == "h = 1"
    assert (ada / "deep" / "er.py").read_text() == "d = 1"
    assert {p.name for p in ada.iterdir()} == {"p1.ipynb", "data.csv", "helper.py", "deep"}
    assert {p.name for p in eve.iterdir()} == {"p1.ipynb", "data.csv"}
    assert course.graded("ada").metadata[KEY]["repairs"] == ["not part of the assignment and not used: other.py"]


@pytest.mark.slow
def test_without_the_release_the_teacher_is_told(klass):
    klass.hand_in("ada")
    (klass.root / "release" / "ps1" / "p1.ipynb").unlink()
    result = klass.api().autograde("ps1", "ada", force=True)
    assert not result["success"]
    assert "run `nbgrader generate_assignment ps1`" in result["error"] + result.get("log", "")


STEALS = """\
seen = []
def square(x):
    seen.append(x)
    if x > 100:
        raise ValueError(f"called with {x}")
    return x * x
"""


@pytest.mark.slow
def test_feedback_tells_nothing_of_hidden_tests(klass):
    notebook = klass.solved(STEALS)
    notebook.cells.append(new_code_cell("print('loot', seen)"))
    notebook.cells.insert(0, new_code_cell("print('before the tests')"))
    klass.hand_in("eve", notebook)
    klass.grade("eve")
    assert klass.grades("eve")["square"] == 0
    page = klass.feedback("eve")
    for secret in ("1234", "1522756", "HIDDEN", "loot', [", "loot [", str(klass.root)):
        assert secret not in page, secret
    assert "a hidden test failed" in page
    assert "three squared" in page, "the visible part of a test stays"
    assert "before the tests" in page
    # The teacher sees the whole test.
    assert "1522756" in by_id(klass.graded("eve"), "square").source
    assert "1234 squared" not in json.dumps(by_id(klass.graded("eve"), "square").outputs)


@pytest.mark.slow
def test_feedback_keeps_what_a_visible_test_says(klass):
    klass.hand_in("ada", klass.solved("def square(x):\n    return 0"))
    klass.grade("ada")
    page = BeautifulSoup(klass.feedback("ada"), "html.parser").text
    assert "AssertionError: three squared" in page
    assert "1234" not in page


NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "<iframe src=https://evil.example></iframe><style>.score{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    r"$\href{javascript:alert(1)}{x}$",
    "![lost](attachment:lost.png)",
    "<b class='full-credit' id=score>bold</b> and `a < b`",
]


@pytest.mark.slow
def test_nothing_in_a_page_of_feedback_runs_or_loads(klass):
    notebook = klass.solved()
    by_id(notebook, "why").source = "\n\n".join(NASTY)
    notebook.cells += [new_markdown_cell("\n\n".join(NASTY)), new_code_cell(f"print({NASTY!r})")]
    raw = {"cell_type": "raw", "id": "r", "metadata": {"raw_mimetype": "text/html"}, "source": "\n".join(NASTY)}
    klass.hand_in("eve", json.loads(json.dumps(notebook)) | {"cells": [*notebook.cells, raw]})
    klass.grade("eve")
    page = klass.feedback("eve")
    soup = BeautifulSoup(page, "html.parser")
    assert soup.head.find("meta")["content"] == POLICY
    assert not soup.find_all(["script", "iframe", "link", "object", "form"])
    assert not [t for t in soup.find_all("img") if not t.get("src", "data:").startswith("data:")]
    assert not [t for t in soup.find_all(True) for name in t.attrs if name.startswith("on")]
    assert "javascript:" not in "".join(str(t.get("href")) for t in soup.find_all(True))
    assert not [t for t in soup.find_all("meta") if t.get("http-equiv") == "refresh"]
    assert "a < b" in [t.text for t in soup.find_all("code")]
    assert ".score{display:none}" not in "".join(t.text for t in soup.find_all("style"))


@pytest.mark.slow
def test_formgrader_shows_a_learners_text_without_anything_that_runs(klass):
    """Its page comes from the same exporter with the same settings, and another template of nbgrader's."""
    from nbgrader.server_extensions.formgrader import handlers

    notebook = klass.solved()
    by_id(notebook, "why").source = "\n\n".join(NASTY)
    klass.hand_in("eve", notebook)
    klass.grade("eve")
    config = copy.deepcopy(klass.config)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {"base_url": "", "notebook_path": "", "submission_id": "1", "index": 0, "total": 1, "student": "eve"}
    path = klass.root / "autograded" / "eve" / "ps1" / "p1.ipynb"
    html, _ = HTMLExporter(config=config).from_filename(str(path), resources=resources)
    answer = html[html.index("Student's answer") :]
    assert "alert(1)</script>" not in answer
    assert "onerror" not in answer
    assert "javascript:" not in answer
    assert "evil.example" not in answer
    assert "<b>bold</b>" in answer


@pytest.mark.parametrize(
    ("stamp", "good"),
    [
        ("2015-02-02 15:58:23.948203 America/Los_Angeles", True),
        ("2026-11-21 17:00:00.000000 UTC", True),
        ("2026-11-21T17:00:00+01:00", True),
        ("2026-11-21 17:00:00 +0100", True),
        ("yesterday", False),
        ("", False),
        ("0001-01-01 00:00:00 UTC", False),
        ("9999-12-31 23:59:59 UTC", False),
        ("2026-11-21 17:00:00 /etc/localtime", False),
        ("2026-11-21 17:00:00 ../../etc/localtime", False),
        ("9" * 99, False),
        ("2026-11-21\n17:00:00", False),
    ],
)
def test_time_stamps_that_nbgrader_can_read(stamp, good):
    assert is_time(stamp) is good


@pytest.mark.slow
def test_a_time_of_arrival_cannot_be_forged(tmp_path, fresh):
    course = Class(tmp_path, fresh, SafeExporter={"time_of_submission": "arrival"})
    course.hand_in("ada", timestamp__txt="2001-01-01 00:00:00 UTC")
    os.utime(course.folder("ada") / "p1.ipynb", (0, 0))
    course.grade("ada")
    with Gradebook(f"sqlite:///{course.root}/gradebook.db", "course") as gradebook:
        assert gradebook.find_submission("ps1", "ada").timestamp.year >= 2026


@pytest.mark.slow
def test_a_good_stamp_is_kept_as_it_is(klass):
    stamp = "2015-02-02 15:58:23.948203 America/Los_Angeles"
    klass.hand_in("ada", timestamp__txt=stamp + "\n")
    klass.grade("ada")
    assert (klass.root / "autograded" / "ada" / "ps1" / "timestamp.txt").read_text() == stamp


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("ada", True),
        ("ada.lovelace@example.org", True),
        ("O'Brien, J.", True),
        ("张伟", True),
        ("<script>alert(1)</script>", False),
        ('x" onload="alert(1)', False),
        ("a\x1b[31mb", False),
        ("a\nb", False),
        ("\u202eada", False),
        ("", False),
        ("x" * 200, False),
    ],
)
def test_names_of_students(name, good):
    assert is_student(name) is good


@pytest.mark.slow
def test_a_folder_that_cannot_be_a_student_is_left_out_and_told(klass):
    klass.hand_in("ada")
    klass.hand_in("<img src=x onerror=alert(1)>")
    result = klass.api().autograde("ps1", "*", force=True)
    assert result["success"]
    assert "can't be a student's id" in result["log"]
    assert klass.grades("ada") == ALL


def test_a_course_cannot_name_files_outside_the_submission(tmp_path):
    (tmp_path / "submitted" / "ada" / "ps1").mkdir(parents=True)
    (tmp_path / "submitted" / "ada" / "x.py").write_text("x")
    taken = take_in(tmp_path / "submitted", "ada/ps1", tmp_path / "clean", {"p1": SOURCE}, files=["../x.py"])
    assert taken.notebooks == ()
    assert [p.name for p in (tmp_path / "clean").iterdir()] == []
    assert any("is not a file inside the submission" in note for note in taken.notes)


def test_taking_in_is_a_function_of_a_folder(tmp_path):
    folder = tmp_path / "submitted" / "ada" / "ps1"
    folder.mkdir(parents=True)
    nbformat.write(SOURCE, folder / "p1.ipynb")
    (folder / "p2.ipynb").write_text("{")
    taken = take_in(tmp_path / "submitted", "ada/ps1", tmp_path / "clean", dict.fromkeys(["p1", "p2", "p3"], SOURCE))
    assert taken.notebooks == ("p1", "p2")
    assert list(taken.problems) == ["p2"]
    assert taken.problems["p2"].startswith("p2.ipynb is not JSON")
    assert nbformat.read(taken.folder / "p2.ipynb", as_version=4).cells[0].source.startswith("**Not graded.**")
