"""A small course to collect into, and the forms in which submissions come."""

import functools
import io
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

from autograder.grading.course import Course

ASSIGNMENTS = ("gru", "vanilla")
FRAMEWORKS = ("numpy", "pytorch")


def blank(assignment: str, framework: str) -> NotebookNode:
    """A released notebook of two questions."""
    cells = [new_markdown_cell(f"# The {assignment} network, in {framework}")]
    for question in ("forward", "backward"):
        name = f"{assignment}-{question}"
        answer = {"grade_id": f"{name}-answer", "solution": True, "grade": False, "locked": False, "schema_version": 3}
        test = {"grade_id": name, "solution": False, "grade": True, "locked": True, "points": 2, "schema_version": 3}
        source = f"def {question}(x):\n    raise NotImplementedError()"
        cells.append(new_code_cell(source, metadata={"nbgrader": answer}))
        source = f'check("{assignment}/{question}", {question}, {framework!r})'
        cells.append(new_code_cell(source, metadata={"nbgrader": test}))
    return new_notebook(cells=cells)


@functools.cache
def unanswered(assignment: str = "vanilla", framework: str = "numpy") -> bytes:
    """The bytes of a released notebook."""
    return nbformat.writes(blank(assignment, framework)).encode()


@functools.cache
def answered(assignment: str = "vanilla", framework: str = "numpy", text: str = "return x") -> bytes:
    """The bytes of a notebook with an answer in it."""
    notebook = blank(assignment, framework)
    notebook.cells[1].source = notebook.cells[1].source.replace("raise NotImplementedError()", text)
    return nbformat.writes(notebook).encode()


BLANK = unanswered()
MINE = answered()


def make_small_course(root: Path) -> Course:
    """A course of two assignments in two frameworks, with nothing handed in."""
    for assignment in ASSIGNMENTS:
        for framework in FRAMEWORKS:
            for step in ("source", "release"):
                write(root, {f"{step}/{assignment}/{framework}.ipynb": unanswered(assignment, framework)})
    config = Config()
    config.CourseDirectory.root = str(root)
    return Course(root, config)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files by their paths below a folder; the folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip file of them; its path."""
    path.write_bytes(in_memory(files))
    return path


def in_memory(files: dict[str, bytes]) -> bytes:
    """The bytes of a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return buffer.getvalue()


def placed(course: Course) -> dict[str, bytes]:
    """All files under submitted/ by their paths."""
    folder = course.folder("submitted")
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def by_student(collected):
    """What became of each student's submission."""
    return {taken.student: taken for taken in collected.submissions}
