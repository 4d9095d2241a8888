"""Whose row is whose, and which column is meant, in a table that a course system exported."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autograder.boundary.words import plain
from autograder.grading.course import CourseError
from autograder.grading.csv_files import Table, cell
from autograder.grading.exporting.result import Result

_NUMBER = re.compile(r"(?P<name>.+)_(?P<number>\d+)")
_SUFFIX = re.compile(r"(?:\s*\((?:\d+|Real|Points)\))+$", re.IGNORECASE)


@dataclass
class Filled:
    """A table to be imported: header and rows, and lines on what a teacher should know."""

    header: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)


def same(text: str) -> str:
    """A text in the one form in which ids are compared: composed, without case and surrounding blanks."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def letters(text: str) -> str:
    """A name's letters and digits alone: "Lovelace, Ada" and lovelaceada are the same."""
    return "".join(c for c in same(text) if c.isalnum())


def number_of(student: str) -> str:
    """The course system's number in an id such as "Ada Lovelace_12345", which `unrolled collect` makes; "" without."""
    match = _NUMBER.fullmatch(student)
    return match["number"] if match else ""


def name_of(student: str) -> str:
    """An id without such a number."""
    match = _NUMBER.fullmatch(student)
    return match["name"] if match else student


@dataclass(frozen=True)
class Tier:
    """One way to know a row's student: columns (None: not there), what a student's id says, what the cells say."""

    places: tuple[int | None, ...]
    of_student: Callable[[str], str]
    of_cells: Callable[[Sequence[str]], str]


def numbered(number: int | None, *name: int | None) -> Tier:
    """By the system's number and the name beside it; both have to be right, since an id may end in another number."""
    return Tier(
        (number, *name),
        lambda student: f"{number_of(student)} {letters(name_of(student))}" if number_of(student) else "",
        lambda cells: f"{digits(cells[0])} {letters(''.join(cells[1:]))}",
    )


def exactly(place: int | None) -> Tier:
    """By a column that has ids."""
    return Tier((place,), same, lambda cells: same(cells[0]))


def by_mail(place: int | None) -> Tier:
    """By what stands before the @."""
    return Tier((place,), same, lambda cells: same(cells[0]).partition("@")[0])


def by_name(*places: int | None) -> Tier:
    """By a name's letters, from one column or several."""
    return Tier(places, lambda student: letters(name_of(student)), lambda cells: letters("".join(cells)))


def digits(text: str) -> str:
    """The digits of a text."""
    return "".join(c for c in text if c.isdigit())


def matched(students: Sequence[str], rows: Sequence[Sequence[str]], tiers: Sequence[Tier]) -> dict[int, str]:
    """Rows' numbers and their students; surer tiers come first.

    What stands for two rows, or for two students, matches nothing: a grade never goes to a guess.
    """
    found: dict[int, str] = {}
    for tier in tiers:
        if None in tier.places:
            continue
        texts = [tier.of_cells([cell(row, place) for place in tier.places]) for row in rows]
        done = set(found.values())
        looked_for = {student: tier.of_student(student) for student in students if student not in done}
        in_rows, of_students = Counter(texts), Counter(looked_for.values())
        places = {text: number for number, text in enumerate(texts)}
        for student, text in looked_for.items():
            if text.strip() and in_rows[text] == 1 and of_students[text] == 1 and places[text] not in found:
                found[places[text]] = student
    return found


def column_for(
    table: Table, assignment: str, asked: str, identity: Sequence[str], read_only: Sequence[int] = ()
) -> int:
    """The column that an assignment's grades belong in: the one asked for, or the only one that has its name.

    Raises CourseError, with the columns there are, when that is none or more than one.
    """
    open_ones = {
        place: title
        for place, title in enumerate(table.header)
        if same(title) not in identity and place not in read_only and title.strip()
    }

    def fitting(fits: Callable[[str], bool]) -> list[int]:
        return [place for place, title in open_ones.items() if fits(title)]

    if asked:
        found = fitting(lambda title: same(asked) in (same(title), same(_SUFFIX.sub("", title))))
    else:
        wanted = _words(assignment)
        found = fitting(lambda title: _words(_SUFFIX.sub("", title)) == wanted)
        found = found or fitting(lambda title: f" {wanted} " in f" {_words(title)} ")
    if len(found) == 1:
        return found[0]
    there = ", ".join(plain(title, 50) for title in list(open_ones.values())[:12]) or "none"
    which = f"{'more than one' if found else 'no'} column is for {plain(asked or assignment)}"
    raise CourseError(f"{table.path}: {which}; name it with --column; there are: {there}")


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", same(text).replace("_", " ")))


def points(score: float, comma: bool = False) -> str:
    """A score as a course system reads it, to the hundredth."""
    text = f"{round(score, 2):.10g}"
    return text.replace(".", ",") if comma else text


def number(text: str) -> float | None:
    """The number in a cell, with a point or a comma; None if there is none."""
    try:
        found = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return found if 0 < found < 1e9 else None


def names(items: Sequence[str], most: int = 8) -> str:
    """Some names for a message."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(plain(item, 60) for item in items[:most]) + more


def scaled(result: Result, most: float | None, out: Filled) -> float:
    """The score out of `most` points, which the course system has for the assignment; that it was scaled is noted."""
    whole = result.total.max_score
    if most is None or whole <= 0 or abs(most - whole) < 0.005:
        return result.score
    line = f"the scores were scaled from {whole:g} to {most:g} points, the assignment's there"
    if line not in out.notes:
        out.notes.append(line)
    return result.score * most / whole


def tell_unmatched(out: Filled, students: Sequence[str], whose: dict[int, str], without: Sequence[str]) -> None:
    """Note the students whose row was not found, and the rows that have no result."""
    out.unmatched = [student for student in students if student not in whose.values()]
    if out.unmatched:
        out.notes.append(f"no row, or more than one, for: {names(out.unmatched)}")
    if without:
        out.notes.append(f"rows without a result, left as they are: {len(without)} ({names(without)})")
