"""A Canvas assignment's "Download Submissions": one flat zip file, or what was unpacked from it.

Names are "lastnamefirst_LATE_12345_67890_numpy-2.ipynb": the student, LATE or nothing, the student's number in Canvas,
the upload's, and the file, to which Canvas adds -1, -2, … when it is handed in again. With names hidden the number is
"anon_" and five characters. How late something is, no part of the download says.
"""

import re
from collections import defaultdict
from dataclasses import replace

from autograder.grading.collecting.handed_in import Asked, HandedIn
from autograder.grading.collecting.trees import Entry, View, files_of

_NAMED = re.compile(
    r"(?:(?!(?:LATE_)?anon_)(?P<name>\w*?)_)?(?P<late>LATE_)?(?P<number>\d+|anon_[A-Za-z0-9]+)_"
    r"(?:(?P<upload>\d+)_(?P<file>.+)|(?P<typed>text|link)\.html)",
    re.DOTALL,
)


def recognises(view: View) -> bool:
    """Whether at least half of the files, all at the top, have such names."""
    names = [e.parts[0] for e in view.entries if len(e.parts) == 1 and not e.parts[0].startswith(".")]
    return bool(names) and 2 * sum(bool(_NAMED.fullmatch(name)) for name in names) >= len(names)


def submissions(view: View, asked: Asked) -> list[HandedIn]:
    """Everybody's files."""
    found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    uploads: dict[str, int] = {}
    notes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in view.entries:
        match = _NAMED.fullmatch(entry.parts[0]) if len(entry.parts) == 1 else None
        if match is None:
            continue
        who = match["name"] or "", match["number"]
        found.setdefault(who, [])
        if match["late"] and not notes[who]:
            notes[who].append("LATE, says Canvas, and does not say how late: no time was recorded")
        if match["typed"]:
            notes[who].append(f"{entry.path}: text typed into Canvas, or a link, is not a notebook")
            continue
        uploads[entry.key] = int(match["upload"][:18])
        found[who].append(replace(entry, parts=(match["file"],)))
    return [
        HandedIn(
            "_".join(part for part in (name, number) if part),
            tuple(files_of(view.tree, entries, lambda entry: uploads[entry.key])),
            keys=(number.removeprefix("anon_"),),
            notes=tuple(notes[name, number]),
        )
        for (name, number), entries in sorted(found.items())
    ]
