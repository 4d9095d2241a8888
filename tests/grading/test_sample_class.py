"""The main job on real input: every sample student ends with the right score and a reason, under our command and
under `nbgrader autograde`."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from autograder.cli import main
from autograder.grading.course import CourseError
from autograder.grading.grade import grade_class
from autograder.grading.marks import enter_marks
from autograder.grading.sample_class import STUDENTS
from autograder.grading.table import question_rows, student_row

pytestmark = pytest.mark.slow

HEADER = "student,assignment,notebook,question,points,comment\n"

POINTS = {
    "step-forward": 2,
    "sequence-forward": 3,
    "softsign-derivative": 1,
    "step-backward": 4,
    "sequence-backward": 5,
    "softmax-loss": 3,
}


def expected_points(student) -> dict[str, float]:
    """What each automatic question of a sample student must get."""
    nothing = student.blank or student.raw is not None
    return {q: student.keeps.get(q, 0) if nothing or q in student.loses else p for q, p in POINTS.items()}


@pytest.mark.parametrize("student", STUDENTS, ids=[s.name for s in STUDENTS])
def test_each_student_loses_exactly_what_they_got_wrong(sample_class, student):
    course, outcomes, rows = sample_class
    own = [r for r in rows if r.student == student.name]
    outcome = next(o for o in outcomes if o.student == student.name)
    summary = student_row(course, outcome, rows)
    assert summary.reason
    if not student.framework:
        assert (summary.score, summary.max_score) == (0, 20)
        assert "no notebook handed in" in summary.reason
        return
    got = {r.question: r.score for r in own if r.question in POINTS}
    assert got == expected_points(student)
    by_hand = 0 if student.blank or student.raw is not None else student.hand_mark
    assert summary.score == sum(got.values()) + by_hand
    assert summary.max_score == 20
    for row in own:
        assert row.reason or row.score == row.max_score or row.question not in POINTS


def test_the_tier_of_isolation_stands_beside_each_grade(sample_class):
    _, outcomes, rows = sample_class
    for outcome in outcomes:
        graded = [name for name in outcome.notebooks if name not in outcome.problems]
        assert set(outcome.isolation) == set(graded)
        assert set(outcome.isolation.values()) <= {"strict", "contained", "limited"}
    assert {r.isolation for r in rows if r.student == "ada"} == {outcomes[0].isolation["numpy"]}


def test_reasons_name_the_mistake(sample_class):
    course, outcomes, rows = sample_class
    reasons = {o.student: student_row(course, o, rows).reason for o in outcomes}
    assert reasons["ada"] == "everything right"
    assert reasons["dara"] == "6 questions left blank"
    assert "dU differs everywhere" in reasons["emil"]
    assert "NameError: name 'W_input' is not defined" in reasons["jun"]
    assert "did not return within" in reasons["kofi"]
    assert "is not JSON" in reasons["mats"]
    assert "uses PyTorch's RNN" in reasons["nia"]
    assert "changes its argument dh in place" in reasons["omar"]


def test_the_gradebook_has_everybody(sample_class):
    course, _, _ = sample_class
    with course.gradebook() as gradebook:
        assert {s.id for s in gradebook.students} == {s.name for s in STUDENTS}
        for student in STUDENTS:
            submission = gradebook.find_submission("vanilla", student.name)
            assert not submission.needs_manual_grade, student.name


def test_the_csv_has_every_question(sample_class, tmp_path):
    course, _, rows = sample_class
    path = tmp_path / "deep" / "grades.csv"
    assert main(["export", "vanilla", "--course", str(course.root), "-o", str(path)]) == 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(rows) == 7 * sum(bool(s.framework) for s in STUDENTS)
    assert {t["student"] for t in table} == {s.name for s in STUDENTS if s.framework}


def test_feedback_is_there_for_everybody_and_loads_nothing(sample_class):
    course, _, _ = sample_class
    for student in STUDENTS:
        folder = course.folder("feedback", student.name, "vanilla")
        pages = {p.name for p in folder.glob("*.html")}
        assert pages == {"index.html"} | ({f"{student.framework}.html"} if student.framework else set())
        for page in folder.glob("*.html"):
            soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
            assert soup.html is not None
            assert soup.html.get("lang") == "en"
            assert not soup.find_all(["script", "link", "iframe"])
            assert not [i for i in soup.find_all("img") if not i["src"].startswith("data:")]
            assert "@import" not in str(soup)
    ada = (course.folder("feedback", "ada", "vanilla") / "numpy.html").read_text(encoding="utf-8")
    assert "<math" in ada
    assert "$" not in re.sub(r"<pre.*?</pre>|<style.*?</style>", "", ada, flags=re.DOTALL)


def test_grading_again_keeps_what_has_not_changed(sample_class):
    course, before, rows = sample_class
    fresh = []
    after = grade_class(course, "vanilla", on_student=lambda outcome, new: fresh.append(outcome.student) if new else 0)
    assert fresh == []
    assert after == before
    assert question_rows(course, after) == rows


def test_a_regrade_keeps_marks_given_by_hand(sample_class):
    """Only the changed submission is graded anew; its hand mark stands when the marked answer is the same."""
    course, _, _ = sample_class
    path = course.folder("submitted", "emil", "vanilla") / "numpy.ipynb"
    original = path.read_bytes()
    try:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = cell.source.replace("dU = h.T @ da", "dU = h_prev.T @ da")
        nbformat.write(notebook, path)
        fresh = []
        outcomes = grade_class(course, "vanilla", on_student=lambda o, new: fresh.append(o.student) if new else None)
        assert fresh == ["emil"]
        emil = [r for r in question_rows(course, outcomes) if r.student == "emil"]
        assert sum(r.score for r in emil) == 18 + 1
        assert not any(r.waiting_for_hand_mark for r in emil)
    finally:
        path.write_bytes(original)
        grade_class(course, "vanilla")


def test_nothing_that_was_handed_in_is_changed(sample_class):
    course, _, _ = sample_class
    assert (course.folder("submitted", "mats", "vanilla") / "numpy.ipynb").read_bytes() == STUDENTS[12].raw
    assert (course.folder("submitted", "lena", "vanilla") / "notes.txt").is_file()


def test_a_kernel_that_dies_costs_what_was_in_its_cell_and_nothing_else(sample_class):
    course, _, _ = sample_class
    folder = course.folder("submitted", "quin", "vanilla")
    folder.mkdir(parents=True)
    source = course.folder("submitted", "ada", "vanilla") / "numpy.ipynb"
    notebook = nbformat.read(source, as_version=4)
    answer = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "step-forward-answer")
    answer.source += "\nimport os\nos._exit(9)"
    nbformat.write(notebook, folder / "numpy.ipynb")
    try:
        outcomes = grade_class(course, "vanilla")
        quin = next(o for o in outcomes if o.student == "quin")
        got = {r.question: r.score for r in question_rows(course, [quin])}
        assert got["step-forward"] == 0
        assert got["softsign-derivative"] == 1
        assert got["softmax-loss"] == 3
        assert quin.lost["numpy"]
        assert len(outcomes) == len(STUDENTS) + 1
    finally:
        shutil.rmtree(folder.parent)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nobody,vanilla,numpy,two-steps-derivation,1,\n", "the gradebook has no question nobody/vanilla"),
        ("ada,vanilla,numpy,two-steps-derivation,3,\n", "3 points, expected 0 to 2"),
        ("ada,vanilla,numpy,two-steps-derivation,nan,\n", "expected 0 to 2"),
        ("ada,vanilla,numpy,two-steps-derivation,two,\n", "'two' is not a number"),
    ],
)
def test_a_wrong_mark_is_refused_and_none_is_entered(sample_class, tmp_path, line, said):
    course, _, _ = sample_class
    path = tmp_path / "marks.csv"
    path.write_text(HEADER + "ada,vanilla,numpy,two-steps-derivation,0.5,fine\n" + line)
    with pytest.raises(CourseError, match=said) as caught:
        enter_marks(course, path)
    assert "line 3" in str(caught.value)
    with course.gradebook() as gradebook:
        assert gradebook.find_grade("two-steps-derivation", "numpy", "vanilla", "ada").score == 2


def run_nbgrader(course, *arguments) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=course.root, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", ["ada", "chen", "goran"])
def test_nbgraders_own_command_gives_the_same_points(sample_class, name):
    course, _, _ = sample_class
    student = next(s for s in STUDENTS if s.name == name)
    database = f"sqlite:///{course.root}/stock-{name}.db"
    settings = [f"--CourseDirectory.db_url={database}", "--CourseDirectory.autograded_directory=stock-autograded"]
    released = run_nbgrader(course, "generate_assignment", "vanilla", *settings)
    assert released.returncode == 0, released.stderr
    graded = run_nbgrader(course, "autograde", "vanilla", "--student", name, "--force", *settings)
    assert graded.returncode == 0, graded.stderr
    from nbgrader.api import Gradebook

    with Gradebook(database, "sample") as gradebook:
        grades = gradebook.find_submission_notebook(student.framework, "vanilla", name).grades
        got = {g.name: g.auto_score for g in grades if g.name in POINTS}
    assert got == expected_points(student)


@pytest.mark.parametrize("framework", ["numpy", "pytorch", "tensorflow"])
def test_stock_validate_passes_the_solution(course, framework):
    result = run_nbgrader(course, "validate", f"solutions/vanilla/{framework}.ipynb")
    assert "Success! Your notebook passes all the tests." in result.stdout, result.stdout + result.stderr


def test_stock_validate_fails_the_blank_exercise(course):
    result = run_nbgrader(course, "validate", "exercises/vanilla/numpy.ipynb")
    assert "FAILED" in result.stdout
    assert "is not written yet" in result.stdout
