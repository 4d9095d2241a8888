"""What a source's module says of one submission, before its notebooks are looked for."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from autograder.grading.collecting.trees import File


@dataclass(frozen=True)
class HandedIn:
    """One submission: whose it is, for which assignment if the source says so, the files, and when.

    `keys` are the names that a list of students may know the author by, the surest first. `when` (naive, UTC) is a
    time that its author could not set, or only as nbgrader's exchange lets them; `evidence` is about one they could.
    """

    student: str
    files: tuple[File, ...]
    assignment: str = ""
    when: datetime.datetime | None = None
    evidence: str = ""
    keys: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the modules of the sources may need to know: the course's assignments, the one asked for ("" for any), the
    list of students, the zone of times without one, and whether a plain folder's timestamp.txt is to be believed."""

    assignments: tuple[str, ...]
    assignment: str = ""
    times: Mapping[str, str] = field(default_factory=dict)
    zone: ZoneInfo | None = None
    believe_stamps: bool = False
    source: Path = Path()
