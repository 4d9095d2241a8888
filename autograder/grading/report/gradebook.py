"""What the gradebook knows beside points: when things were handed in, what was taken off for it, words of a person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder.grading.course import Course
from autograder.grading.grade import Outcome
from autograder.grading.table import QuestionRow, grade_ids

Cell = tuple[str, str]
"""(notebook, grade_id)."""


@dataclass(frozen=True)
class Submission:
    """One student's submission as nbgrader has it.

    `seconds_late` counts from the due time with the student's extension, 0 without one; `penalties` are points taken
    off, by notebook. `comments` are a person's words by cell, `marked` the points that a person has set, `extra` those
    given on top.
    """

    seconds_late: float = 0.0
    penalties: Mapping[str, float] = field(default_factory=dict)
    comments: Mapping[Cell, str] = field(default_factory=dict)
    marked: Mapping[Cell, float] = field(default_factory=dict)
    extra: Mapping[Cell, float] = field(default_factory=dict)

    @property
    def penalty(self) -> float:
        """Points taken off in all."""
        return sum(self.penalties.values())


NONE = Submission()


def submissions(course: Course, assignment: str) -> dict[str, Submission]:
    """Everybody's submission of an assignment. Four queries, however large the class is."""
    with course.gradebook() as gradebook:
        seconds = {}
        students = {}
        due = _one(gradebook, assignment).duedate
        columns = (SubmittedAssignment.id, SubmittedAssignment.student_id)
        times = (SubmittedAssignment.timestamp, SubmittedAssignment.extension)
        for number, student, handed_in, extension in _of(gradebook.db.query(*columns, *times), gradebook, assignment):
            students[number] = student
            late = (handed_in - due).total_seconds() if handed_in and due else 0.0
            seconds[number] = max(0.0, late - (extension.total_seconds() if extension else 0.0))
        penalties: dict[str, dict[str, float]] = defaultdict(dict)
        taken_off = SubmittedNotebook.late_submission_penalty
        query = gradebook.db.query(SubmittedNotebook.assignment_id, Notebook.name, taken_off)
        query = query.select_from(SubmittedNotebook).join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        for number, notebook, points in _of(query.filter(taken_off > 0), gradebook, assignment):
            penalties[number][notebook] = float(points)
        comments: dict[str, dict[Cell, str]] = defaultdict(dict)
        for number, notebook, cell, text in _of_cells(gradebook, assignment, Comment, Comment.manual_comment):
            if text and text.strip():
                comments[number][notebook, cell] = text.strip()
        marked: dict[str, dict[Cell, float]] = defaultdict(dict)
        for number, notebook, cell, points in _of_cells(gradebook, assignment, Grade, Grade.manual_score):
            marked[number][notebook, cell] = float(points)
        extra: dict[str, dict[Cell, float]] = defaultdict(dict)
        for number, notebook, cell, points in _of_cells(gradebook, assignment, Grade, Grade.extra_credit):
            extra[number][notebook, cell] = float(points)
    return {
        student: Submission(seconds[number], penalties[number], comments[number], marked[number], extra[number])
        for number, student in students.items()
    }


def _one(gradebook: Gradebook, assignment: str) -> Assignment:
    return gradebook.find_assignment(assignment)


def _of(query: Any, gradebook: Gradebook, assignment: str) -> Any:
    """The rows of a query over SubmittedAssignment that belong to the assignment."""
    return query.filter(SubmittedAssignment.assignment_id == _one(gradebook, assignment).id)


def _of_cells(gradebook: Gradebook, assignment: str, table: Any, column: Any) -> Any:
    """(submission, notebook, cell, value) for every value of a column of Grade or Comment that is there."""
    query = gradebook.db.query(SubmittedNotebook.assignment_id, Notebook.name, BaseCell.name, column)
    return _of_cells_in(query, gradebook, assignment, table).filter(column.isnot(None))


def _of_cells_in(query: Any, gradebook: Gradebook, assignment: str, table: Any) -> Any:
    """A query over Grade or Comment, joined to cell, notebook and submission, for the assignment."""
    query = query.select_from(table).join(SubmittedNotebook, table.notebook_id == SubmittedNotebook.id)
    query = query.join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
    query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    return _of(query.join(BaseCell, table.cell_id == BaseCell.id), gradebook, assignment)


def mark_rows(course: Course, outcomes: Sequence[Outcome]) -> list[QuestionRow]:
    """The rows of `table.question_rows`, in its order, in one query for an assignment however large the class is."""
    found: list[QuestionRow] = []
    assignments: dict[str, dict[str, Outcome]] = defaultdict(dict)
    for outcome in outcomes:
        assignments[outcome.assignment][outcome.student] = outcome
    with course.gradebook() as gradebook:
        for assignment, of in assignments.items():
            folder = course.folder("source", ".", assignment)
            places = {
                (name, question): place
                for name in course.notebooks(assignment)
                for place, question in enumerate(grade_ids(folder / f"{name}.ipynb"))
            }
            order = {(student, name): place for place, (student, name) in enumerate(_handed_in(of.values()))}
            columns = (SubmittedAssignment.student_id, Notebook.name, BaseCell.name)
            query = gradebook.db.query(*columns, Grade.score, Grade.max_score, Grade.needs_manual_grade)
            rows = [
                _row(of[student], name, question, score, most, waiting)
                for student, name, question, score, most, waiting in _of_cells_in(query, gradebook, assignment, Grade)
                if (student, name) in order
            ]
            found += sorted(rows, key=lambda r: (order[r.student, r.notebook], places[r.notebook, r.question]))
    return found


def _handed_in(outcomes: Iterable[Outcome]) -> Iterator[Cell]:
    return ((outcome.student, name) for outcome in outcomes for name in outcome.notebooks)


def _row(outcome: Outcome, name: str, question: str, score: float, most: float, waiting: bool) -> QuestionRow:
    reason = outcome.problems.get(name) or outcome.reasons.get(name, {}).get(question, "")
    tier = outcome.isolation.get(name, "")
    return QuestionRow(outcome.student, outcome.assignment, name, question, score, most, bool(waiting), reason, tier)
