"""Staging: what a student handed in, taken in through the boundary, in a folder of its own for nbgrader.

The originals under submitted/ are never touched. A notebook that cannot be read is staged as the blank
released one with the reason on top, so that nbgrader records a zero and the feedback says why.
"""

import hashlib
import os
import shutil
from pathlib import Path

from nbformat import NotebookNode

from autograder.boundary import submissions
from autograder.boundary.nbgrader_reading import TAKEN_IN, released_notebooks
from autograder.boundary.submissions import TakenIn as Staged
from autograder.grading.course import Course

__all__ = ["Staged", "blank_with_reason", "fingerprint", "stage"]


def stage(course: Course, student: str, assignment: str) -> Staged:
    """Take in what the assignment names and write it to staged/<student>/<assignment>/."""
    submitted = course.folder("submitted")
    target = course.root / TAKEN_IN / student / assignment
    if target.exists():
        shutil.rmtree(target)
    return submissions.take_in(
        submitted,
        os.path.relpath(course.folder("submitted", student, assignment), submitted),
        target,
        released_notebooks(course.directory, assignment),
        files=course.config.Autograde.get("exclude_overwriting", {}).get(assignment, []),
    )


def blank_with_reason(course: Course, assignment: str, name: str, reason: str) -> NotebookNode:
    """The released notebook as nobody has filled it in, with a cell on top that says why it stands here."""
    return submissions.blank_with_reason(released_notebooks(course.directory, assignment)[name], reason)


def fingerprint(*files_and_folders: Path, also: str = "") -> str:
    """A hash of the contents and names of files, and of all Python files and notebooks in folders."""
    digest = hashlib.sha256(also.encode())
    for item in files_and_folders:
        files = [item] if item.is_file() else sorted(p for s in ("*.py", "*.ipynb") for p in item.rglob(s))
        for file in files:
            digest.update(f"{file.relative_to(item.parent)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
