"""A CSV file for Canvas's gradebook import.

Canvas finds students by its own number, the SIS ids or the login, and assignments by "Name (number)"; a gradebook
exported from Canvas has all of them. Without one Canvas is given logins, and makes a new assignment.
"""

from collections.abc import Sequence

from autograder.grading.csv_files import Table, cell
from autograder.grading.exporting.matching import (
    Filled,
    Tier,
    by_mail,
    by_name,
    column_for,
    exactly,
    matched,
    name_of,
    number,
    number_of,
    numbered,
    points,
    same,
    scaled,
    tell_unmatched,
)
from autograder.grading.exporting.result import Result

HEADER = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
IDENTITY = tuple(
    map(same, (*HEADER, "LastName", "FirstName", "Integration ID", "Root Account", "Final Grade", "Current Grade"))
)
_COPIED = tuple(map(same, (*HEADER, "LastName", "FirstName", "Integration ID", "Root Account")))
_POSSIBLE, _READ_ONLY = "points possible", "(read only)"


def filled(assignment: str, results: Sequence[Result], template: Table | None = None, column: str = "") -> Filled:
    """The table to import: only students with a result have a row, so nobody's grade is emptied.

    Raises CourseError when the template has no column for the assignment.
    """
    if template is None:
        rows = [[_name(r.student), _id(r.student), "", _login(r.student), "", points(r.score)] for r in results]
        note = "without --template Canvas makes a new assignment, and finds students by their logins alone"
        return Filled([*HEADER, column or assignment], rows, [note])
    possible = next((row for row in template.rows if same(cell(row, 0)).startswith(_POSSIBLE)), [])
    read_only = [place for place in range(len(template.header)) if same(cell(possible, place)) == _READ_ONLY]
    place = column_for(template, assignment, column, IDENTITY, read_only)
    copied = [n for n, title in enumerate(template.header) if same(title) in _COPIED]
    people = [row for row in template.rows if row is not possible and any(cell(row, n) for n in copied)]
    by_id = {r.student: r for r in results}
    whose = matched(list(by_id), people, _tiers(template))
    most = number(cell(possible, place))
    out = Filled([*(template.header[n] for n in copied), template.header[place]], [])
    out.notes.append(f"the grades are in the column {template.header[place].strip()}")
    if possible:
        out.rows.append([*(possible[n] if n < len(possible) else "" for n in copied), cell(possible, place)])
    comma = "," in cell(possible, place)
    for n, row in enumerate(people):
        if n in whose:
            score = scaled(by_id[whose[n]], most, out)
            out.rows.append([*(row[c] if c < len(row) else "" for c in copied), points(score, comma)])
    without = [cell(row, copied[0]) for n, row in enumerate(people) if n not in whose]
    tell_unmatched(out, list(by_id), whose, without)
    return out


def _tiers(template: Table) -> list[Tier]:
    number, login, student = (template.column(name) for name in ("id", "sis login id", "student"))
    last, first = template.column("lastname"), template.column("firstname")
    return [
        numbered(number, student),
        numbered(number, last, first),
        exactly(login),
        exactly(template.column("sis user id")),
        by_mail(login),
        by_name(student),
        by_name(last, first),
    ]


def _id(student: str) -> str:
    return number_of(student)


def _name(student: str) -> str:
    return name_of(student)


def _login(student: str) -> str:
    return "" if _id(student) else student
