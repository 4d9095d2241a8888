"""CSV files that other programs made, or will read: spreadsheets, Moodle, Canvas, a teacher's own list.

They come with commas, semicolons or tabs, with or without a byte-order mark. What is written is safe to open in a
spreadsheet, and is there whole or not at all.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.boundary.words import plain
from autograder.grading.course import CourseError
from autograder.grading.writing import replace

MAX_BYTES = 64 * 2**20
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_HARMLESS = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?|-")


@dataclass(frozen=True)
class Table:
    """A CSV file: its header, its rows (lists of cells, as many as were there), and what separates them."""

    path: Path
    header: tuple[str, ...]
    rows: list[list[str]] = field(default_factory=list)
    delimiter: str = ","

    def column(self, *names: str) -> int | None:
        """The place of the first of these columns that is there, whatever their case; None if none is."""
        found = [title.strip().casefold() for title in self.header]
        return next((found.index(n.casefold()) for n in names if n.casefold() in found), None)

    def needed(self, *names: str) -> int:
        """As `column`; raises CourseError when there is none."""
        place = self.column(*names)
        if place is None:
            there = ", ".join(plain(title, 40) or "(empty)" for title in self.header[:20])
            raise CourseError(f"{self.path}: the column {' or '.join(names)} is missing; there are: {there}")
        return place


def cell(row: Sequence[str], place: int | None) -> str:
    """A row's cell without surrounding blanks; "" where the row is too short or the column is not there."""
    return row[place].strip() if place is not None and place < len(row) else ""


def read_table(path: Path) -> Table:
    """The CSV file at `path`; empty rows are left out. Raises CourseError when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise CourseError(f"{path}: more than {MAX_BYTES // 2**20} MiB, too large for a table of students")
    text = _decoded(data)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise CourseError(f"{path}: not a CSV file ({error})") from None
    if not rows:
        raise CourseError(f"{path}: the file is empty; expected a line with the columns' names, then one a student")
    return Table(path, tuple(rows[0]), rows[1:], delimiter)


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what Excel writes where it is not asked for UTF-8


def safe(value: object) -> object:
    """A value safe to open in a spreadsheet: text that would be read as a formula is quoted; numbers stay."""
    if isinstance(value, str):
        return "'" + value if _FORMULA.match(value) and not _HARMLESS.fullmatch(value) else value
    return int(value) if isinstance(value, bool) else value


def write_table(
    path: Path, header: Sequence[object], rows: Iterable[Sequence[object]], *, delimiter: str = ",", mark: bool = False
) -> None:
    """Write a CSV file, every cell `safe`; with a byte-order mark, which spreadsheets look for, if `mark`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    for row in (header, *rows):
        writer.writerow([safe(value) for value in row])
    write_whole(path, text.getvalue().encode("utf-8-sig" if mark else "utf-8", errors="replace"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or, on a full disk or Ctrl-C, as it was before.

    Raises CourseError when it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():  # /dev/stdout, a pipe; a folder is an error
            with path.open("wb") as stream:
                stream.write(data)
        else:
            replace(path.resolve(), data, durable=True)
    except OSError as error:
        raise CourseError(f"{path}: cannot be written ({error.strerror}); what was there before is unchanged") from None
