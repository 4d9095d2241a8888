"""What somebody handed in, as bytes: all that a grade can depend on, read once and safely, to be graded anywhere."""

import contextlib
import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import parse_utc

from autograder.boundary.files import Linked, Unreadable, arrival, names_in, read_file
from autograder.boundary.intake import MAX_FILE_BYTES, parse_notebook
from autograder.boundary.markup import escape_markdown
from autograder.boundary.rebuild import KEY
from autograder.boundary.words import plain

STAMP = "timestamp.txt"
MAX_STAMP = 200
MAX_EXTRA = 20 * 2**20
MAX_EXTRAS = 50 * 2**20
_IGNORED = re.compile(r"\..*|__pycache__/|.*\.pyc|Thumbs\.db|desktop\.ini|timestamp\.txt|feedback/")
_STAMP = re.compile(r"(?!.*\.\.)(?!.* /)[0-9A-Za-z :.,+/_-]{4,100}")


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


def read_submission(
    submitted: Path, where: str, names: Sequence[str], *, files: Sequence[str] = (), use_arrival: bool = False
) -> HandedIn:
    """Read `submitted`/`where`: the notebooks of these names, and of other `files` those that are there.

    `submitted` is trusted, no part of `where` may be a link. Nothing is parsed. With `use_arrival` the stamp says when
    the notebooks got to this machine, whatever theirs says.
    """
    notes: list[str] = []
    room = MAX_EXTRAS

    def content(name: str, most: int, refused: Callable[[str], None]) -> bytes | None:
        """A file's bytes; None, and why, where there is one that is not read."""
        with contextlib.suppress(FileNotFoundError):
            try:
                return read_file(submitted, f"{where}/{name}", most, own=where)
            except Unreadable as error:
                refused(str(error))
                notes.extend(same_as(error))
        return None

    notebooks: dict[str, bytes] = {}
    problems: dict[str, str] = {}
    for name in names:
        data = content(f"{name}.ipynb", MAX_FILE_BYTES, partial(problems.__setitem__, name))
        if data is not None:
            notebooks[name] = data
    extras: dict[str, bytes] = {}
    texts: list[str] = []
    for name in files:
        data = content(name, min(MAX_EXTRA, room), lambda why: texts.append(plain(why, 200)))
        if data is not None:
            extras[name] = data
            room -= len(data)
    texts += not_used(submitted, where, [*files, *(f"{name}.ipynb" for name in names)])
    there = [f"{name}.ipynb" for name in names if name in notebooks or name in problems]
    stamp = _arrival(submitted, where, there, notes) if use_arrival else ""
    problems = {name: why.removeprefix(f"{plain(where)}/") for name, why in problems.items()}
    stamp = stamp or _stamp(submitted, where, notes)
    return HandedIn(notebooks, problems, extras, tuple(texts), tuple(notes), stamp)


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


def blank_with_reason(released: NotebookNode, reason: str) -> NotebookNode:
    """The released notebook as nobody has filled it in, with a cell on top that says why it stands here."""
    notebook = nbformat.from_dict(released)
    cell = nbformat.v4.new_markdown_cell(f"**Not graded.** {escape_markdown(reason)}.", id="not-graded")
    notebook.cells = [cell, *notebook.cells]
    notebook.metadata[KEY] = {"unreadable": reason}
    return notebook


def same_as(error: Unreadable) -> list[str]:
    """For the teacher alone, since it names others: where else a refused file stands."""
    others = error.others if isinstance(error, Linked) else ()
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return [f"the same file as {', '.join(plain(other) for other in others[:3])}{more}"] if others else []


def not_used(submitted: Path, where: str, known: Sequence[str]) -> list[str]:
    """A line on what was handed in and is not part of the assignment."""
    folders = {f"{name.partition('/')[0]}/" for name in known if "/" in name}
    others = [
        n for n in names_in(submitted, where) if n not in known and n not in folders and not _IGNORED.fullmatch(n)
    ]
    if not others:
        return []
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return [f"not part of the assignment and not used: {', '.join(plain(n, 40) for n in others[:5])}{more}"]


def _arrival(submitted: Path, where: str, names: Sequence[str], notes: list[str]) -> str:
    """When the last of these files got here, "" for none.

    That cannot be forged, but it is when the file was collected: later than the handing in, unless learners write into
    the folder themselves.
    """
    times = []
    for name in names:
        with contextlib.suppress(OSError, Unreadable):
            time, linked = arrival(submitted, f"{where}/{name}")
            times.append(time)
            if linked:
                notes.append(f"{name} has a second name (a hard link), and its time may be when that was made")
    if not times:
        return ""
    return f"{datetime.datetime.fromtimestamp(max(times), datetime.UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def _stamp(submitted: Path, where: str, notes: list[str]) -> str:
    """What timestamp.txt says, "" where there is none to believe.

    nbgrader takes it at its word, and none, or a blank one, as handed in in time; one that it cannot parse stops it. A
    learner who can write into the folder can forge it, so it is evidence only where nbgrader's exchange, or whatever
    collects, wrote it.
    """
    try:
        text = read_file(submitted, f"{where}/{STAMP}", MAX_STAMP, own=where).decode("utf-8-sig").strip()
        if not text or is_time(text):
            return text
    except FileNotFoundError:
        return ""
    except (Unreadable, ValueError):
        pass
    notes.append(f"{STAMP} is not a time, so this counts as handed in in time: look at it")
    return ""


def is_time(text: str) -> bool:
    """Whether nbgrader can read `text` as a time of this century, without opening a file of that name as a zone."""
    if not _STAMP.fullmatch(text):
        return False
    try:
        moment = parse_utc(text)
        return bool(moment.utcoffset() is None and 2000 <= moment.year < 2200)
    except Exception:  # dateutil raises all kinds of errors for what is not a date
        return False
