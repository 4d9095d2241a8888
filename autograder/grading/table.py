"""The grade table: for each student and notebook a score and a reason, on screen and as CSV."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import BaseCell, Grade, Notebook, SubmittedAssignment

from autograder.grading.course import Course
from autograder.grading.outcomes import Outcome
from autograder.grading.queries import of_cells_in

COLUMNS = (
    "student",
    "assignment",
    "notebook",
    "question",
    "score",
    "max_score",
    "waiting_for_hand_mark",
    "reason",
    "isolation",
)


@dataclass(frozen=True)
class QuestionRow:
    """One question of one student: the score in the gradebook, why points are missing, and the tier of isolation."""

    student: str
    assignment: str
    notebook: str
    question: str
    score: float
    max_score: float
    waiting_for_hand_mark: bool
    reason: str
    isolation: str = ""


@dataclass(frozen=True)
class StudentRow:
    """One student's total over the notebooks handed in, with the reasons in a line."""

    student: str
    score: float
    max_score: float
    waiting: int
    notebooks: tuple[str, ...]
    reason: str


def question_rows(course: Course, outcomes: Sequence[Outcome]) -> list[QuestionRow]:
    """A row for each question of every notebook that was handed in, from the gradebook as it is now.

    One query for an assignment, however large the class is.
    """
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
                for student, name, question, score, most, waiting in of_cells_in(query, gradebook, assignment, Grade)
                if (student, name) in order
            ]
            found += sorted(rows, key=lambda r: (order[r.student, r.notebook], places[r.notebook, r.question]))
    return found


def _handed_in(outcomes: Iterable[Outcome]) -> Iterator[tuple[str, str]]:
    return ((outcome.student, name) for outcome in outcomes for name in outcome.notebooks)


def _row(outcome: Outcome, name: str, question: str, score: float, most: float, waiting: bool) -> QuestionRow:
    reason = outcome.problems.get(name) or outcome.reasons.get(name, {}).get(question, "")
    tier = outcome.isolation.get(name, "")
    return QuestionRow(outcome.student, outcome.assignment, name, question, score, most, bool(waiting), reason, tier)


def grade_ids(notebook: Path) -> list[str]:
    """The graded cells of a notebook, in its order."""
    cells = nbformat.read(notebook, as_version=4).cells
    settings = (cell.metadata.get("nbgrader", {}) for cell in cells)
    return [s["grade_id"] for s in settings if s.get("grade")]


def student_row(course: Course, outcome: Outcome, rows: Sequence[QuestionRow]) -> StudentRow:
    """The summary of one student from their question rows."""
    own = [r for r in rows if r.student == outcome.student]
    if not own:
        with course.gradebook() as gradebook:
            most = max(float(n.max_score) for n in gradebook.find_assignment(outcome.assignment).notebooks)
        names = ", ".join(f"{n}.ipynb" for n in course.notebooks(outcome.assignment))
        return StudentRow(outcome.student, 0.0, most, 0, (), f"no notebook handed in (looked for {names})")
    waiting = sum(r.waiting_for_hand_mark for r in own)
    return StudentRow(
        outcome.student,
        sum(r.score for r in own),
        sum(r.max_score for r in own),
        waiting,
        outcome.notebooks,
        _reason(outcome, own, waiting),
    )


def _reason(outcome: Outcome, own: Sequence[QuestionRow], waiting: int) -> str:
    if outcome.problems:
        return "; ".join(outcome.problems.values())
    failed = [r for r in own if r.score < r.max_score and not r.waiting_for_hand_mark]
    automatic = [r for r in failed if r.reason]
    if automatic and all("is not written yet" in r.reason for r in automatic):
        return f"{len(automatic)} questions left blank"
    parts = [_told(r) for r in automatic]
    parts += [f"{r.question}: {r.score:g} of {r.max_score:g} by hand" for r in failed if not r.reason]
    if waiting:
        parts.append(f"{waiting} to be marked by hand")
    return "; ".join(parts) or "everything right"


def _told(row: QuestionRow) -> str:
    text = row.reason.split(" → ")[0]
    return f"{text} ({row.score:g} of {row.max_score:g} points)" if row.score else text
