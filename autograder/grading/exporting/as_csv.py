"""The grade table as CSV: a row a question, and one for what being late cost."""

from collections.abc import Sequence
from pathlib import Path

from autograder.grading.csv_files import write_table
from autograder.grading.exporting.result import Result, how_late
from autograder.grading.table import COLUMNS, QuestionRow

LATE = "late penalty"


def table_rows(results: Sequence[Result]) -> list[QuestionRow]:
    """The rows of the table; a student's scores in it add up to their points, late penalty taken off."""
    rows: list[QuestionRow] = []
    for result in results:
        rows += result.questions
        if result.late.penalty:
            off = result.score - result.total.score
            reason = f"handed in {how_late(result.late.seconds)} late"
            rows.append(QuestionRow(result.student, result.outcome.assignment, "", LATE, off, 0.0, False, reason))
    return rows


def write(results: Sequence[Result], path: Path) -> None:
    """Write the table (UTF-8 with a byte-order mark). Raises CourseError when it cannot be written."""
    rows = ([getattr(row, column) for column in COLUMNS] for row in table_rows(results))
    write_table(path, COLUMNS, rows, mark=True)
