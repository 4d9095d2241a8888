"""Lists of students: whom a name in a download stands for, and when Moodle says they handed in.

Read are Moodle's grading worksheet, a gradebook exported from Canvas, GitHub Classroom's roster, and a teacher's own
table with the columns id and student.
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import dateutil.parser  # type: ignore[import-untyped]

from autograder.boundary.words import plain
from autograder.grading.course import CourseError
from autograder.grading.csv_files import Table, cell, read_table

_KEYS = ("id", "identifier", "github_username", "participant")
_IDS = ("username", "sis login id", "id number", "sis user id", "email address", "email", "student")


@dataclass(frozen=True)
class Students:
    """The ids of students by the name or number that a download has for them, and Moodle's times by the same."""

    ids: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)

    def id_of(self, keys: tuple[str, ...]) -> str:
        """The student that one of the keys stands for; "" if none does."""
        return next((self.ids[key.casefold()] for key in keys if key.casefold() in self.ids), "")


def read_students(path: Path, id_column: str = "") -> Students:
    """The list of students in a CSV file; `id_column` names the column with their ids in this course.

    Raises CourseError when it cannot be read, the ids' column is not found, or two students would share an id.
    """
    table = read_table(path)
    if table.column("github_username") is not None:  # GitHub Classroom's roster: its identifier is the teacher's
        key, ids = table.needed("github_username"), table.needed(*((id_column,) if id_column else ("identifier",)))
    else:
        key = table.column(*_KEYS) or 0  # in other languages than English Moodle's column is the first, too
        ids = _ids_column(table, id_column, key)
    moment = table.column("last modified (submission)")
    found: dict[str, str] = {}
    times: dict[str, str] = {}
    owners: dict[str, str] = {}
    for number, row in enumerate(table.rows, start=2):
        name, student = cell(row, key), cell(row, ids)
        if table.header[key].strip().casefold() not in ("id", "github_username"):
            name = _number(name)
        if not name or not student:
            continue
        if owners.setdefault(student.casefold(), name) != name:
            twice = f"{path}, row {number}: {plain(student)} stands for two students"
            raise CourseError(f"{twice}; name another column with --id-column")
        found[name.casefold()] = student
        written = cell(row, moment)
        if written not in ("", "-"):
            times[name] = written
    return Students(found, times)


def _ids_column(table: Table, asked: str, key: int) -> int:
    if asked:
        return table.needed(asked)
    for name in _IDS:
        place = table.column(name)
        if place is not None and place != key and any(cell(row, place) for row in table.rows):
            return place
    there = ", ".join(plain(title, 40) for title in table.header[:20])
    raise CourseError(f"{table.path}: which column has the students' ids? Name it with --id-column; there are: {there}")


def _number(text: str) -> str:
    """The number in Moodle's "Participant 12345", in any language; anything else as it is."""
    match = re.fullmatch(r"\D+(\d+)", text)
    return match[1] if match else text


def moodle_time(text: str, zone: ZoneInfo) -> datetime.datetime | None:
    """The time (naive, UTC) that Moodle wrote for people in that zone; None for one that cannot be read."""
    if len(text) > 80 or not re.search(r"\b2\d{3}\b", text):
        return None
    try:
        moment = dateutil.parser.parse(text, dayfirst=True)
    except (ValueError, OverflowError, TypeError):
        return None
    return moment.replace(tzinfo=zone).astimezone(datetime.UTC).replace(tzinfo=None)
