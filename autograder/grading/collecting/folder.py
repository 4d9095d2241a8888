"""A plain folder or zip file: a folder a student, and the notebooks anywhere in it."""

import datetime
from collections import defaultdict
from dataclasses import replace

from autograder.boundary.files import Unreadable
from autograder.boundary.handed_in import MAX_STAMP, STAMP, is_time
from autograder.grading.collecting.handed_in import Asked, HandedIn
from autograder.grading.collecting.times import utc
from autograder.grading.collecting.trees import Entry, View, files_of


def submissions(view: View, asked: Asked) -> list[HandedIn]:
    """What each folder at the top holds; for each assignment it has a folder for, and the rest by itself."""
    found = []
    for student, entries in view.tops().items():
        if student not in view.folders:
            continue
        parts: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            named = len(entry.parts) > 1 and entry.parts[0] in asked.assignments
            parts[entry.parts[0] if named else ""].append(replace(entry, parts=entry.parts[1:]) if named else entry)
        if len(parts) > 1 and not any(e.name.casefold().endswith((".ipynb", ".zip")) for e in parts.get("", ())):
            parts.pop("", None)  # what lies beside the assignments' folders and could be of none
        for assignment, own in sorted(parts.items()) or [("", [])]:
            when, notes = _stamp(view, own, asked)
            files = files_of(view.tree, [e for e in own if e.name != STAMP])
            found.append(HandedIn(student, tuple(files), assignment, when, keys=(student,), notes=notes))
    return found


def _stamp(view: View, entries: list[Entry], asked: Asked) -> tuple[datetime.datetime | None, tuple[str, ...]]:
    """The time in timestamp.txt, if it is to be believed."""
    entry = next((e for e in entries if e.parts == (STAMP,)), None)
    if entry is None:
        return None, ()
    if not asked.believe_stamps:
        return None, (f"{STAMP} was not used: a student may have written it (--believe-timestamps uses it)",)
    try:
        text = view.tree.read(entry, MAX_STAMP).decode("utf-8-sig").strip()
    except (Unreadable, UnicodeDecodeError):
        text = ""
    return (utc(text), ()) if is_time(text) else (None, (f"{STAMP} is not a time",))
