"""A whole submission taken in: what the assignment names is read and written clean into a folder of our own.

Nothing later opens what a learner handed in. The originals are never changed.
"""

import contextlib
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import parse_utc

from autograder.boundary.files import Linked, Unreadable, arrival, names_in, read_file
from autograder.boundary.intake import read
from autograder.boundary.markup import escape_markdown
from autograder.boundary.rebuild import KEY
from autograder.boundary.words import plain

STAMP = "timestamp.txt"
MAX_STAMP = 200
MAX_EXTRA = 20 * 2**20
MAX_EXTRAS = 50 * 2**20
_IGNORED = re.compile(r"\..*|__pycache__/|.*\.pyc|Thumbs\.db|desktop\.ini|timestamp\.txt|feedback/")
_STAMP = re.compile(r"(?!.*\.\.)(?!.* /)[0-9A-Za-z :.,+/_-]{4,100}")
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
    target.mkdir(parents=True)
    notes: list[str] = []
    problems: dict[str, str] = {}
    texts = _extras(submitted, where, target, files, notes)
    texts += not_used(submitted, where, [*files, *(f"{name}.ipynb" for name in released)])
    for name, blank in released.items():
        with contextlib.suppress(FileNotFoundError):
            try:
                found = read(submitted, f"{where}/{name}.ipynb", own=where)
                notebook = found.notebook
                notebook.metadata[KEY] = {"notes": [*found.notes, *texts]}
            except Unreadable as error:
                problems[name] = str(error).removeprefix(f"{plain(where)}/")
                notes += same_as(error)
                notebook = blank_with_reason(blank, problems[name])
            nbformat.write(notebook, target / f"{name}.ipynb")
    taken = tuple(name for name in released if (target / f"{name}.ipynb").exists())
    _time_stamp(submitted, where, target, [f"{n}.ipynb" for n in taken] if use_arrival else [], notes)
    return TakenIn(target, taken, problems, tuple(notes + texts + list(problems.values())))


def blank_with_reason(released: NotebookNode, reason: str) -> NotebookNode:
    """The released notebook as nobody has filled it in, with a cell on top that says why it stands here."""
    notebook = nbformat.from_dict(released)
    cell = nbformat.v4.new_markdown_cell(f"**Not graded.** {escape_markdown(reason)}.", id="not-graded")
    notebook.cells = [cell, *notebook.cells]
    notebook.metadata[KEY] = {"unreadable": reason}
    return notebook


def _extras(submitted: Path, where: str, target: Path, files: Sequence[str], notes: list[str]) -> list[str]:
    texts: list[str] = []
    room = MAX_EXTRAS
    for name in files:
        try:
            data = read_file(submitted, f"{where}/{name}", min(MAX_EXTRA, room), own=where)
        except FileNotFoundError:
            continue
        except Unreadable as error:
            texts.append(plain(error, 200))
            notes += same_as(error)
            continue
        room -= len(data)
        path = target / name
        if not path.resolve().is_relative_to(target.resolve()):
            raise ValueError(f"{name} is not inside the assignment's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return texts


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


def _time_stamp(submitted: Path, where: str, target: Path, arrivals: Sequence[str], notes: list[str]) -> None:
    """Write a time stamp that nbgrader can read, if there is one to believe.

    nbgrader takes timestamp.txt at its word, and none, or a blank one, as handed in in time; one that it cannot
    parse stops it. A learner who can write into the folder can forge it, so it is evidence only where nbgrader's
    exchange, or whatever collects, wrote it. The file's own time of arrival cannot be forged, but it is when the
    file was collected: later than the handing in, unless learners write into the folder themselves.
    """
    if arrivals:
        times = []
        for name in arrivals:
            with contextlib.suppress(OSError, Unreadable):
                time, linked = arrival(submitted, f"{where}/{name}")
                times.append(time)
                if linked:
                    notes.append(f"{name} has a second name (a hard link), and its time may be when that was made")
        if times:
            moment = datetime.datetime.fromtimestamp(max(times), datetime.UTC)
            (target / STAMP).write_text(f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8")
            return
    try:
        text = read_file(submitted, f"{where}/{STAMP}", MAX_STAMP, own=where).decode("utf-8-sig").strip()
        if text and not is_time(text):
            raise ValueError
    except FileNotFoundError:
        return
    except (Unreadable, ValueError):
        notes.append(f"{STAMP} is not a time, so nbgrader counts this as handed in in time: look at it")
        return
    (target / STAMP).write_text(text, encoding="utf-8")


def is_time(text: str) -> bool:
    """Whether nbgrader can read `text` as a time of this century, without opening a file of that name as a zone."""
    if not _STAMP.fullmatch(text):
        return False
    try:
        moment = parse_utc(text)
        return bool(moment.utcoffset() is None and 2000 <= moment.year < 2200)
    except Exception:  # dateutil raises all kinds of errors for what is not a date
        return False
