"""Staging: what a student handed in, read and normalised, in a folder of its own for nbgrader.

The originals under submitted/ are never touched. A notebook that cannot be read is staged as the blank
released one with the reason on top, so that nbgrader records a zero and the feedback says why.
"""

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.boundary.intake import Unreadable, read_notebook
from autograder.grading.course import Course


@dataclass(frozen=True)
class Staged:
    """One student's staged assignment: the folder, the notebooks in it, and what was wrong with any of them."""

    folder: Path
    notebooks: tuple[str, ...]
    problems: dict[str, str] = field(default_factory=dict)


def stage(course: Course, student: str, assignment: str) -> Staged:
    """Read the notebooks that the assignment names and write them to staged/<student>/<assignment>/."""
    source = course.folder("submitted", student, assignment)
    target = course.root / "staged" / student / assignment
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    problems: dict[str, str] = {}
    names = [n for n in course.notebooks(assignment) if _exists(source / f"{n}.ipynb")]
    for name in names:
        try:
            notebook = read_notebook(source / f"{name}.ipynb")
        except Unreadable as error:
            problems[name] = str(error)
            notebook = blank_with_reason(course, assignment, name, str(error))
        nbformat.write(notebook, target / f"{name}.ipynb")
    timestamp = source / "timestamp.txt"
    if timestamp.is_file() and not timestamp.is_symlink():
        shutil.copyfile(timestamp, target / "timestamp.txt")
    return Staged(target, tuple(names), problems)


def blank_with_reason(course: Course, assignment: str, name: str, reason: str) -> NotebookNode:
    """The released notebook as nobody has filled it in, with a cell on top that says why it stands here."""
    notebook = read_notebook(course.folder("release", ".", assignment) / f"{name}.ipynb")
    cell = nbformat.v4.new_markdown_cell(f"**Not graded.** {reason}.")
    cell["id"] = "not-graded"
    notebook.cells.insert(0, cell)
    return notebook


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def fingerprint(*files_and_folders: Path, also: str = "") -> str:
    """A hash of the contents and names of files, and of all Python files and notebooks in folders."""
    digest = hashlib.sha256(also.encode())
    for item in files_and_folders:
        files = [item] if item.is_file() else sorted(p for s in ("*.py", "*.ipynb") for p in item.rglob(s))
        for file in files:
            digest.update(f"{file.relative_to(item.parent)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
