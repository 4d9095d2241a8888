"""Releasing an assignment: nbgrader's own generate_assignment, from the sources to what learners open."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import MissingEntry, Notebook

from autograder.grading.course import Course, CourseError


def release(course: Course, assignment: str) -> list[Path]:
    """Make the learners' notebooks of an assignment and enter it in the gradebook; the notebooks' paths.

    Solutions, hidden tests and marking schemes are cut out by nbgrader. Raises CourseError when the
    assignment is unknown or nbgrader refuses it, with nbgrader's reason.
    """
    course.notebooks(assignment)
    result = course.api().generate_assignment(assignment, force=True, create=True)
    if not result["success"]:
        raise CourseError(f"nbgrader could not release {assignment}: {last_words(result)}")
    return sorted(course.folder("release", ".", assignment).glob("*.ipynb"))


def not_released(course: Course, assignment: str) -> dict[str, list[str]]:
    """The questions whose tests or points in the sources are not those that grading goes by, by notebook.

    Grading goes by the last release. Notebooks that it did not have are left out, and so are those that cannot be
    read: making a release tells of them.
    """
    found = {}
    with course.gradebook() as gradebook:
        for name in course.notebooks(assignment):
            try:
                released = dict(_released(gradebook.find_notebook(name, assignment)))
                source = nbformat.read(course.folder("source", ".", assignment) / f"{name}.ipynb", as_version=4)
            except (MissingEntry, OSError, ValueError):
                continue
            written = dict(_written(source.cells))
            if others := [q for q in {**written, **released} if written.get(q) != released.get(q)]:
                found[name] = others
    return found


def _released(notebook: Notebook) -> Iterator[tuple[str, tuple[str, float]]]:
    """Each question with its tests and points; what is answered in the cell itself has no tests."""
    tests = {cell.name: cell.source if cell.locked else "" for cell in notebook.source_cells}
    for cell in notebook.grade_cells:
        yield cell.name, (tests.get(cell.name, "").strip(), float(cell.max_score))
    for cell in notebook.task_cells:
        yield cell.name, ("", float(cell.max_score))


def _written(cells: Sequence[NotebookNode]) -> Iterator[tuple[str, tuple[str, float]]]:
    """As `_released`, of a source."""
    for cell in cells:
        told = cell.metadata.get("nbgrader", {})
        if told.get("grade") or told.get("task"):
            locked = told.get("locked") and not told.get("task")
            yield told.get("grade_id", ""), (cell.source.strip() if locked else "", float(told.get("points") or 0))


def last_words(result: dict) -> str:
    """The most telling line of an nbgrader API result: the last line of its error, or of its log."""
    text = (result.get("error") or "").strip() or (result.get("log") or "").strip()
    return text.splitlines()[-1].strip() if text else "no reason given"
