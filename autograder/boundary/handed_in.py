"""What somebody handed in, as bytes: all that a grade can depend on, read once and safely, to be graded anywhere."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from autograder.boundary.files import Unreadable, read_file
from autograder.boundary.intake import MAX_FILE_BYTES, parse_notebook
from autograder.boundary.rebuild import KEY
from autograder.boundary.submissions import (
    MAX_EXTRA,
    MAX_EXTRAS,
    MAX_STAMP,
    STAMP,
    blank_with_reason,
    is_time,
    not_used,
    same_as,
)
from autograder.boundary.words import plain


@dataclass(frozen=True)
class HandedIn:
    """One submission. `notebooks` and `files` are contents by name; `problems` say why a notebook could not be read.

    `texts` are lines for the learner, `notes` for the teacher; `stamp` is the time in timestamp.txt, "" without one
    that can be read.
    """

    notebooks: Mapping[str, bytes]
    problems: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stamp: str = ""


def read_submission(submitted: Path, where: str, names: Sequence[str], *, files: Sequence[str] = ()) -> HandedIn:
    """Read `submitted`/`where`: the notebooks of these names, and of other `files` those that are there.

    `submitted` is trusted, no part of `where` may be a link. Nothing is parsed.
    """
    notebooks: dict[str, bytes] = {}
    problems: dict[str, str] = {}
    extras: dict[str, bytes] = {}
    texts: list[str] = []
    notes: list[str] = []
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            try:
                notebooks[name] = read_file(submitted, f"{where}/{name}.ipynb", MAX_FILE_BYTES, own=where)
            except Unreadable as error:
                problems[name] = str(error).removeprefix(f"{plain(where)}/")
                notes += same_as(error)
    room = MAX_EXTRAS
    for name in files:
        with contextlib.suppress(FileNotFoundError):
            try:
                extras[name] = read_file(submitted, f"{where}/{name}", min(MAX_EXTRA, room), own=where)
                room -= len(extras[name])
            except Unreadable as error:
                texts.append(plain(error, 200))
                notes += same_as(error)
    texts += not_used(submitted, where, [*files, *(f"{name}.ipynb" for name in names)])
    stamp, more = _stamp(submitted, where)
    return HandedIn(notebooks, problems, extras, tuple(texts), tuple(notes + more), stamp)


def _stamp(submitted: Path, where: str) -> tuple[str, list[str]]:
    try:
        text = read_file(submitted, f"{where}/{STAMP}", MAX_STAMP, own=where).decode("utf-8-sig").strip()
    except FileNotFoundError:
        return "", []
    except (Unreadable, ValueError):
        text = "?"
    if not text or is_time(text):
        return text, []
    return "", [f"{STAMP} is not a time, so this counts as handed in in time: look at it"]


def parsed(
    data: bytes, name: str, released: NotebookNode, texts: Sequence[str] = (), problem: str = ""
) -> tuple[NotebookNode, str]:
    """The notebook in `data`, and why there is none to grade: then it is the blank released one with that on top.

    `problem`: why it could not even be read.
    """
    if not problem:
        try:
            found = parse_notebook(data, f"{name}.ipynb")
            found.notebook.metadata[KEY] = {"notes": [*found.notes, *texts]}
            return found.notebook, ""
        except Unreadable as error:
            problem = str(error)
    return blank_with_reason(released, problem), problem
