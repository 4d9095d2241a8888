"""Queries over a whole class: as many for five thousand students as for five."""

from typing import Any

from nbgrader.api import BaseCell, Gradebook, Notebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import text

INDEXES = (
    "CREATE INDEX IF NOT EXISTS unrolled_grade_notebook ON grade (notebook_id)",
    "CREATE INDEX IF NOT EXISTS unrolled_comment_notebook ON comment (notebook_id)",
    "CREATE INDEX IF NOT EXISTS unrolled_submitted_notebook ON submitted_notebook (assignment_id)",
)


def index(gradebook: Gradebook) -> None:
    """Let the gradebook find a student's grades without looking through everybody's: nbgrader makes no index."""
    for statement in INDEXES:
        gradebook.db.execute(text(statement))
    gradebook.db.commit()


def of(query: Any, gradebook: Gradebook, assignment: str) -> Any:
    """The rows of a query over SubmittedAssignment that belong to the assignment."""
    return query.filter(SubmittedAssignment.assignment_id == gradebook.find_assignment(assignment).id)


def of_cells(gradebook: Gradebook, assignment: str, table: Any, column: Any) -> Any:
    """(submission, notebook, cell, value) for every value of a column of Grade or Comment that is there."""
    query = gradebook.db.query(SubmittedNotebook.assignment_id, Notebook.name, BaseCell.name, column)
    return of_cells_in(query, gradebook, assignment, table).filter(column.isnot(None))


def of_cells_in(query: Any, gradebook: Gradebook, assignment: str, table: Any) -> Any:
    """A query over Grade or Comment, joined to cell, notebook and submission, for the assignment."""
    query = query.select_from(table).join(SubmittedNotebook, table.notebook_id == SubmittedNotebook.id)
    query = query.join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
    query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    return of(query.join(BaseCell, table.cell_id == BaseCell.id), gradebook, assignment)
