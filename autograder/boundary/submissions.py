"""A whole submission taken in: what the assignment names is read and written clean into a folder of our own.

Nothing later opens what a learner handed in. The originals are never changed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.boundary.handed_in import STAMP, parsed, read_submission
from autograder.boundary.words import plain

_STUDENT = re.compile(r"""[^<>&"`/\\*?\[\]\x00-\x1f\x7f]{1,120}""")


@dataclass(frozen=True)
class TakenIn:
    """One submission: the clean folder, the notebooks in it, why some could not be read, and notes for the teacher."""

    folder: Path
    notebooks: tuple[str, ...]
    problems: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def is_student(name: str) -> bool:
    """Whether a folder's name can be a student's id: no markup, no pattern of file names, nothing for a terminal."""
    return bool(_STUDENT.fullmatch(name)) and plain(name, 200) == name and name not in (".", "..")


def take_in(
    submitted: Path,
    where: str,
    target: Path,
    released: Mapping[str, NotebookNode],
    *,
    files: Sequence[str] = (),
    use_arrival: bool = False,
) -> TakenIn:
    """Read the submission `submitted`/`where` and write what is to be graded of it to `target`, a new folder.

    `submitted` is trusted, no part of `where` may be a link. `released` has the assignment's notebooks by name;
    those that were handed in are written as format 4.5, and one that can't be read as the blank released one with
    the reason on top. `files` are the other files that a learner may hand in, the time stamp aside. With
    `use_arrival` the stamp says when the notebooks got to this machine, whatever theirs says.
    """
    handed = read_submission(submitted, where, list(released), files=files, use_arrival=use_arrival)
    target.mkdir(parents=True)
    for name, data in handed.files.items():
        path = target / name
        if not path.resolve().is_relative_to(target.resolve()):
            raise ValueError(f"{name} is not inside the assignment's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    taken = tuple(name for name in released if name in handed.notebooks or name in handed.problems)
    problems = {}
    for name in taken:
        data, why = handed.notebooks.get(name, b""), handed.problems.get(name, "")
        notebook, problem = parsed(data, name, released[name], handed.texts, why)
        if problem:
            problems[name] = problem
        nbformat.write(notebook, target / f"{name}.ipynb")
    if handed.stamp:
        (target / STAMP).write_text(handed.stamp, encoding="utf-8")
    return TakenIn(target, taken, problems, (*handed.notes, *handed.texts, *problems.values()))
