"""The grade table: for each student and notebook a score and a reason, on screen and as CSV."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.grading.course import Course
from autograder.grading.grade import Outcome

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


def question_rows(course: Course, outcomes: Iterable[Outcome]) -> list[QuestionRow]:
    """A row for each question of every notebook that was handed in, from the gradebook as it is now."""
    rows = []
    orders: dict[Path, list[str]] = {}
    with course.gradebook() as gradebook:
        for outcome in outcomes:
            for name in outcome.notebooks:
                source = course.folder("source", ".", outcome.assignment) / f"{name}.ipynb"
                if source not in orders:
                    orders[source] = grade_ids(source)
                order = orders[source]
                notebook = gradebook.find_submission_notebook(name, outcome.assignment, outcome.student)
                for grade in sorted(notebook.grades, key=lambda g: order.index(g.name)):
                    reason = outcome.problems.get(name) or outcome.reasons.get(name, {}).get(grade.name, "")
                    rows.append(
                        QuestionRow(
                            outcome.student,
                            outcome.assignment,
                            name,
                            grade.name,
                            grade.score,
                            grade.max_score,
                            bool(grade.needs_manual_grade),
                            reason,
                            outcome.isolation.get(name, ""),
                        )
                    )
    return rows


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


def write_csv(rows: Iterable[QuestionRow], path: Path) -> None:
    """All question rows as CSV (UTF-8 with a byte-order mark, which spreadsheets look for)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([_cell(getattr(row, c)) for c in COLUMNS])


def _cell(value: object) -> object:
    """A value safe to open in a spreadsheet: text that would be read as a formula is quoted."""
    if isinstance(value, str) and value[:1] in "=+-@\t\r":
        return "'" + value
    return int(value) if isinstance(value, bool) else value
