"""A Moodle assignment's "Download all submissions": zip file or unpacked, with or without a folder a student.

Names are "Full Name_12345_assignsubmission_file_" and then "/path/in/it" or "_name.ipynb"; 12345 is the number that the
grading worksheet gives as "Participant 12345", and stands in the same place with names hidden. A group's submission has
the group's name and number, and those of no group the words "Default group" in the site's language alone.
"""

import re
from collections import defaultdict
from dataclasses import replace

from autograder.boundary.handed_in import is_time
from autograder.boundary.words import plain
from autograder.grading.collecting.handed_in import Asked, HandedIn
from autograder.grading.collecting.trees import Entry, View, files_of
from autograder.grading.collecting.worksheet import moodle_time

_NAMED = re.compile(
    r"(?P<name>.+?)(?:_(?P<number>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<rest>.*))?", re.DOTALL
)


def recognises(view: View) -> bool:
    """Whether something at the top has such a name."""
    return any(_NAMED.fullmatch(entry.parts[0]) for entry in view.entries)


def submissions(view: View, asked: Asked) -> list[HandedIn]:
    """Everybody's files, from whichever of the two forms."""
    found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    notes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in view.entries:
        match = _NAMED.fullmatch(entry.parts[0])
        if match is None:
            continue
        who = match["name"], match["number"] or ""
        found.setdefault(who, [])
        if match["kind"] != "file":
            notes[who].append(f"{entry.path}: text typed into Moodle is not a notebook")
        elif len(entry.parts) > 1:
            found[who].append(replace(entry, parts=entry.parts[1:]))
        elif match["rest"]:
            found[who].append(replace(entry, parts=(match["rest"],)))
    return [_submission(view, asked, *who, entries, notes[who]) for who, entries in sorted(found.items())]


def _submission(view: View, asked: Asked, name: str, number: str, entries: list[Entry], notes: list[str]) -> HandedIn:
    written = asked.times.get(number, "")
    when = moodle_time(written, asked.zone) if written and asked.zone else None
    if written and asked.zone and when is None and not is_time(written):
        notes.append(f"the list of students says {plain(written)!r}, which cannot be read as a time")
    return HandedIn(
        f"{name}_{number}" if number else name,
        tuple(files_of(view.tree, entries)),
        when=when,
        evidence=f"{plain(written)}, by Moodle" if written else "",
        keys=(number,) if number else (name,),
        notes=tuple(notes),
    )
