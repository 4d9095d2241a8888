"""Feedback: nbgrader's page for each notebook, which loads and runs nothing, and an overview for each student."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2

from autograder.boundary.pages import self_contained
from autograder.grading.course import Course, CourseError
from autograder.grading.grade import Outcome
from autograder.grading.release import last_words
from autograder.grading.table import QuestionRow, student_row


def write_feedback(course: Course, outcomes: Iterable[Outcome], rows: Sequence[QuestionRow]) -> list[Path]:
    """Write everybody's feedback folder; the overview pages. Raises CourseError when nbgrader refuses one."""
    pages = []
    for outcome in outcomes:
        folder = course.folder("feedback", outcome.student, outcome.assignment)
        if outcome.notebooks:
            result = course.api().generate_feedback(outcome.assignment, outcome.student, force=True)
            if not result["success"]:
                raise CourseError(f"no feedback for {outcome.student}: {last_words(result)}")
        elif folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for page in folder.glob("*.html"):
            page.write_text(self_contained(page.read_text(encoding="utf-8")), encoding="utf-8")
        pages.append(_overview(course, outcome, [r for r in rows if r.student == outcome.student], folder))
    return pages


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _overview(course: Course, outcome: Outcome, rows: Sequence[QuestionRow], folder: Path) -> Path:
    page = folder / "index.html"
    text = _TEMPLATES.get_template("student.html.j2").render(
        row=student_row(course, outcome, rows),
        assignment=outcome.assignment,
        questions=rows,
        problems=outcome.problems,
        repairs=outcome.repairs,
        lost=outcome.lost,
    )
    page.write_text(text, encoding="utf-8")
    return page
