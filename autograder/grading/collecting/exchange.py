"""nbgrader's exchange: the folders student+assignment+time+random of a course's inbound/.

Every student can write there, so a folder's name proves little. Where the system's users are the students, the folder's
owner does: a submission in somebody else's name is not taken.
"""

import datetime
import re
from pathlib import Path

from autograder.boundary.files import Unreadable
from autograder.boundary.handed_in import MAX_STAMP, STAMP, is_time
from autograder.boundary.words import plain
from autograder.grading.collecting.handed_in import Asked, HandedIn
from autograder.grading.collecting.times import utc
from autograder.grading.collecting.trees import Entry, FolderTree, View, files_of

_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def recognises(view: View) -> bool:
    """Whether a folder at the top has such a name."""
    return any(_named(name) for name in view.folders)


def submissions(view: View, asked: Asked) -> list[HandedIn]:
    """Every submission of every student, in the order of their names."""
    found = []
    owners = {name: _owner(view, name) for name in view.folders}
    students = {named[0] for name in view.folders if (named := _named(name))}
    for top, entries in view.tops().items():
        named = _named(top)
        if named is None:
            continue
        student, assignment, when = named
        notes = []
        stamp = _stamp(view, entries)
        if stamp is not None and stamp != when:
            notes.append(f"{STAMP} says {stamp:%Y-%m-%d %H:%M:%S}, the folder's name another time: the later counts")
            when = max(when, stamp)
        owner = owners[top]
        if owner not in ("", student) and (owner in students or student in owners.values()):
            notes.append(f"{plain(top, 120)} belongs to {owner}, not to {plain(student)}: it was not taken")
            found.append(HandedIn(student, (), assignment, notes=tuple(notes)))
            continue
        files = files_of(view.tree, [e for e in entries if e.name not in (STAMP, "submission_secret.txt")])
        found.append(HandedIn(student, tuple(files), assignment, when, keys=(student,), notes=tuple(notes)))
    return found


def _named(name: str) -> tuple[str, str, datetime.datetime] | None:
    """The student, the assignment and the time (naive, UTC) in a folder's name; None if it is not of that form.

    A time's zone may be written with a "+" and so may a student's id, so both ways to split are tried.
    """
    for parts in (name.rsplit("+", 3), name.rsplit("+", 2), name.rsplit("+", 4)):
        if len(parts) >= 3 and all(parts[:3]):
            text = parts[2] if len(parts) < 5 else f"{parts[2]}+{parts[3]}"
            if _TIME.match(text) and is_time(text):
                return parts[0], parts[1], utc(text)
    return None


def _stamp(view: View, entries: list[Entry]) -> datetime.datetime | None:
    for entry in entries:
        if entry.parts == (STAMP,):
            try:
                text = view.tree.read(entry, MAX_STAMP).decode("utf-8-sig").strip()
            except (Unreadable, UnicodeDecodeError):
                return None
            return utc(text) if is_time(text) else None
    return None


def _owner(view: View, name: str) -> str:
    """The user whom a folder belongs to; "" where that says nothing: in a zip file, or without a name."""
    if not isinstance(view.tree, FolderTree):
        return ""
    inside = next((e for e in view.entries if e.parts[0] == name), None)
    return owner_of(view.tree.where / (inside.key if inside else name), len(inside.parts) - 1 if inside else 0)


def owner_of(path: Path, up: int) -> str:
    """The name of the user who owns the folder `up` levels above `path`; "" if that has none."""
    folder = path.parents[up - 1] if up else path
    try:
        return folder.owner()
    except (OSError, KeyError, NotImplementedError):
        return ""
