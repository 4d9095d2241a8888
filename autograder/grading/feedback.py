"""Feedback: an overview for each student, as a page and as plain text, and nbgrader's page of each notebook.

The overviews take milliseconds each and are written first; nbgrader's pages take a good part of a second each.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from autograder.boundary.pages import self_contained
from autograder.grading.course import Course, CourseError
from autograder.grading.grade import Outcome
from autograder.grading.report.gradebook import NONE, Submission, submissions
from autograder.grading.report.messages import messages
from autograder.grading.report.nbgrader_pages import make_all, out_of_date
from autograder.grading.report.pages import student_html, student_text
from autograder.grading.report.questions import asked, assignment_title
from autograder.grading.report.student import student_page
from autograder.grading.report.writing import write_whole
from autograder.grading.table import QuestionRow

__all__ = ["Overviews", "self_contained", "write_feedback"]


class Done(Protocol):
    """Told of each student whose feedback is there."""

    def __call__(self, note: str = "") -> None: ...


def write_feedback(
    course: Course,
    outcomes: Iterable[Outcome],
    rows: Sequence[QuestionRow],
    *,
    pages: str = "nbgrader",
    workers: int = 1,
    done: Done = lambda note="": None,
) -> list[Path]:
    """Write everybody's feedback folder; the overview pages.

    `pages` "none" leaves nbgrader's pages as they are; otherwise `workers` processes make them. What has not changed is
    not written again. Interrupted, it leaves whole files. Raises CourseError, when all that can be made is made, for
    students whose notebook nbgrader cannot make a page of.
    """
    of: dict[str, list[QuestionRow]] = defaultdict(list)
    for row in rows:
        of[row.student].append(row)
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.assignment].append(outcome)
    written: list[Path] = []
    refused: list[str] = []
    for assignment, group in groups.items():
        given = submissions(course, assignment)
        overviews = Overviews(course, assignment)
        wanted = out_of_date(course, group, of, given) if pages != "none" else {}
        for outcome in group:
            own = given.get(outcome.student, NONE)
            written.append(overviews.write(outcome, of[outcome.student], own, with_pages=pages != "none"))
            if outcome.student not in wanted:
                done(outcome.student)
        for students, missing in make_all(course, assignment, wanted, workers):
            refused += [f"{student}/{assignment}" for student in missing]
            for student in students:
                done(student)
    if refused:
        more = f" and {len(refused) - 5} more" if len(refused) > 5 else ""
        student, _, assignment = refused[0].partition("/")
        raise CourseError(
            f"nbgrader could not make a page of a notebook of {', '.join(refused[:5])}{more}; all else is there: "
            f"`nbgrader generate_feedback {assignment} --student {student}` says why"
        )
    return written


class Overviews:
    """Writes index.html and feedback.txt of students of one assignment."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment = course, assignment
        self.title = assignment_title(course, assignment)
        self.questions = asked(course, assignment)

    def write(self, outcome: Outcome, rows: Sequence[QuestionRow], submission: Submission, *, with_pages: bool) -> Path:
        """Write one student's; the page's path. `with_pages`: nbgrader's pages are to follow, so it links to them."""
        folder = self.course.folder("feedback", outcome.student, self.assignment)
        graded = self.course.folder("autograded", outcome.student, self.assignment)
        for name in set(self.questions) - set(outcome.notebooks):
            (folder / f"{name}.html").unlink(missing_ok=True)  # of a submission that was taken back
        there = (
            name
            for name in outcome.notebooks
            if (folder / f"{name}.html").is_file() or (with_pages and (graded / f"{name}.ipynb").is_file())
        )
        page = student_page(
            outcome,
            self.title,
            self.questions,
            rows,
            submission,
            {name: messages(graded / f"{name}.ipynb") for name, of in outcome.reasons.items() if of},
            frozenset(there),
        )
        write_whole(folder / "index.html", student_html(page))
        write_whole(folder / "feedback.txt", student_text(page))
        return folder / "index.html"
