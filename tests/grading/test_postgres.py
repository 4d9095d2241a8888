"""A course whose gradebook is in PostgreSQL: the same as in SQLite, row by row, from release to export."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from postgres import postgres  # noqa: F401  (a fixture)

from autograder.cli import main
from autograder.grading import entering
from autograder.grading import grade as engine
from autograder.grading.course import open_course
from autograder.grading.grade import grade_class
from autograder.grading.marks import COLUMNS, enter_marks
from autograder.grading.release import release
from autograder.grading.sample_class import make_course, make_submissions

pytestmark = pytest.mark.slow

WANTED = ("ada", "dara", "emil", "goran", "lena", "mats")
QUESTION = "two-steps-derivation"


@pytest.fixture(scope="module")
def both(course, postgres, tmp_path_factory):  # noqa: F811
    """The same class twice, released, graded and marked by hand: once in SQLite, once in PostgreSQL."""
    folder = tmp_path_factory.mktemp("both")
    return [_graded(folder / "sqlite", course, ""), _graded(folder / "postgres", course, postgres.new_url())]


def _class(folder, course, url):
    make_course(folder, course)
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("import pathlib\n")
        config.write("c.ExecuteAcross.secret_file = str(pathlib.Path(__file__).parent / 'secret')\n")
        if url:
            config.write(f"c.CourseDirectory.db_url = {url!r}\n")
    (folder / "secret").write_bytes(b"the same for both")
    sample = open_course(folder)
    release(sample, "vanilla")
    make_submissions(sample)
    for path in (folder / "submitted").iterdir():
        if path.name not in WANTED:
            shutil.rmtree(path)
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("c.CourseDirectory.notebook_id = 'numpy'\n")
    return open_course(folder)


def _graded(folder, course, url):
    sample = _class(folder, course, url)
    grade_class(sample, "vanilla", workers=0)
    with (folder / "marks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerow(["ada", "vanilla", "numpy", QUESTION, "1.5", "Say why. \N{GREEK SMALL LETTER DELTA}U"])
        writer.writerow(["emil", "vanilla", "numpy", QUESTION, "2", ""])
    enter_marks(sample, folder / "marks.csv")
    return sample


def rows(course):
    """Everything that a gradebook says of submissions, without the numbers that it gives them."""
    with course.gradebook() as gradebook:
        return sorted(_rows(gradebook))


def _rows(gradebook: Gradebook):
    for submission in gradebook.assignment_submissions("vanilla"):
        who = submission.student.id
        yield who, "", "", str(submission.timestamp), submission.score, submission.needs_manual_grade
        for notebook in submission.notebooks:
            yield who, notebook.name, "", str(notebook.late_submission_penalty), notebook.score, notebook.max_score
            for grade in notebook.grades:
                points = grade.auto_score, grade.manual_score, grade.extra_credit, grade.max_score
                yield who, notebook.name, grade.name, str(points), grade.score, grade.needs_manual_grade
            for comment in notebook.comments:
                yield who, notebook.name, comment.name, f"{comment.auto_comment}|{comment.manual_comment}", 0, False


def without_ids(value):
    """An answer of nbgrader's API without database ids, which differ, and without places in a list ordered by them."""
    if isinstance(value, dict):
        return {key: without_ids(item) for key, item in value.items() if key not in ("id", "index", "mathjax_url")}
    if isinstance(value, list):
        return sorted((without_ids(item) for item in value), key=repr)
    return value


def test_the_gradebooks_are_the_same_row_by_row(both):
    sqlite, other = both
    assert "postgresql" in other.directory.db_url
    found = rows(other)
    assert found == rows(sqlite)
    assert {row[0] for row in found} == set(WANTED)
    marks = [row for row in found if row[:3] == ("ada", "numpy", QUESTION)]
    assert any("1.5" in row[3] and row[4] == 1.5 for row in marks)
    assert any(row[3].endswith("|Say why. δU") for row in marks)
    assert any(row[5] for row in found if row[0] == "goran"), "waits for a mark by hand"


def test_formgraders_calls_answer_the_same(both):
    def answers(course):
        api = course.api()
        return without_ids(
            {
                "assignments": api.get_assignments(),
                "assignment": api.get_assignment("vanilla"),
                "submissions": api.get_submissions("vanilla"),
                "submission": api.get_submission("vanilla", "emil"),
                "notebooks": api.get_notebooks("vanilla"),
                "of the notebook": api.get_notebook_submissions("vanilla", "numpy"),
                "students": api.get_students(),
                "student": api.get_student("ada"),
                "of the student": api.get_student_submissions("ada"),
                "by notebook": api.get_student_notebook_submissions("ada", "vanilla"),
            }
        )

    sqlite, other = (answers(course) for course in both)
    assert other == sqlite
    assert len(other["submissions"]) == len(WANTED)
    assert other["submission"]["autograded"]


def _command(course, *arguments):
    return subprocess.run(
        [Path(sys.executable).parent / arguments[0], *arguments[1:]],
        cwd=course.root, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_nbgraders_own_export_and_feedback(both, tmp_path):
    tables = []
    for number, course in enumerate(both):
        path = tmp_path / f"{number}.csv"
        ended = _command(course, "nbgrader", "export", f"--to={path}")
        assert ended.returncode == 0, ended.stderr
        with path.open(newline="") as file:
            tables.append(sorted(csv.DictReader(file), key=lambda row: row["student_id"]))
    assert tables[0] == tables[1]
    assert {row["student_id"] for row in tables[1]} == set(WANTED)
    ended = _command(both[1], "nbgrader", "generate_feedback", "vanilla", "--force", "--student", "ada")
    assert ended.returncode == 0, ended.stderr
    page = (both[1].folder("feedback", "ada", "vanilla") / "numpy.html").read_text(encoding="utf-8")
    assert "Say why. δU" in page


def test_nbgraders_own_autograde(both):
    before = rows(both[1])
    ended = _command(both[1], "nbgrader", "autograde", "vanilla", "--force", "--student", "goran")
    assert ended.returncode == 0, ended.stderr
    assert rows(both[1]) == before


@pytest.mark.parametrize("command", ["feedback", "export"])
def test_our_commands(both, command, capsys, tmp_path):
    told = []
    for course in both:
        more = ["-o", str(tmp_path / "grades.csv")] if command == "export" else []
        code = main([command, "vanilla", "--course", str(course.root), *more])
        assert code in (0, 1), "1 where marks by hand are missing"
        told.append(f"{code} {capsys.readouterr().out}".replace(str(course.root), ""))
        if more:
            told[-1] += (tmp_path / "grades.csv").read_text(encoding="utf-8")
    assert told[0] == told[1]


def test_marks_by_hand_survive_a_regrade(both):
    before = rows(both[1])
    outcomes = grade_class(both[1], "vanilla", again=True, workers=0)
    assert {o.student: o.problems for o in outcomes if o.problems}.keys() == {"mats"}
    assert rows(both[1]) == before


def test_a_server_killed_while_grading(both, course, postgres, tmp_path, monkeypatch, capsys):  # noqa: F811
    sample = _class(tmp_path / "class", course, postgres.new_url())
    monkeypatch.setattr(engine, "PATIENCE", 1.0)
    entered = []
    enter = entering.enter

    def enter_and_die(*arguments, **more):
        if len(entered) == 2:
            postgres.kill()
        entered.append(arguments[2])
        return enter(*arguments, **more)

    arguments = ["grade", "vanilla", "--course", str(sample.root), "--workers", "0"]
    with monkeypatch.context() as patched:
        patched.setattr(entering, "enter", enter_and_die)
        assert main(arguments) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "the gradebook at" in err
    assert "run the same command again" in err
    assert main(arguments) == 2, "still gone"
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "cannot be used" in err
    postgres.start()
    assert main(arguments) == 0
    assert "(kept)" in capsys.readouterr().out
    first = _unmarked(rows(both[0]))
    assert _unmarked(rows(sample)) == first


def _unmarked(found):
    return [row for row in found if row[0] not in ("ada", "emil")]


def test_a_release_without_the_server_is_one_line(both, postgres, capsys):  # noqa: F811
    postgres.kill()
    try:
        assert main(["release", "vanilla", "--course", str(both[1].root)]) == 2
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1, err
        assert "could not release vanilla" in err
        assert "database" in err
    finally:
        postgres.start()
