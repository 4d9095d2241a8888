"""A CSV file for Moodle: a grading worksheet filled in, or a table for the gradebook's "Import from CSV file".

The worksheet ("Download grading worksheet" of an assignment) is what Moodle can take back as it is; of any other table
that was exported from Moodle the columns that say who somebody is are kept, and the assignment's.
"""

from collections.abc import Sequence

from autograder.grading.csv_files import Table, cell
from autograder.grading.exporting.matching import (
    Filled,
    Tier,
    by_mail,
    by_name,
    column_for,
    digits,
    exactly,
    matched,
    name_of,
    names,
    number,
    number_of,
    numbered,
    points,
    same,
    scaled,
    tell_unmatched,
)
from autograder.grading.exporting.result import Result

IDENTITY = (
    "identifier",
    "full name",
    "first name",
    "last name",
    "surname",
    "username",
    "id number",
    "email address",
    "email",
    "institution",
    "department",
    "group",
    "groups",
    "last downloaded from this course",
)


def filled(assignment: str, results: Sequence[Result], template: Table | None = None, column: str = "") -> Filled:
    """The table to import. Raises CourseError when the template has no column for the grades."""
    if template is None:
        rows = [[result.student, points(result.score)] for result in results]
        note = "without --template the column username has this course's ids: map it in Moodle to what they are"
        return Filled(["username", column or assignment], rows, [note])
    if template.column("grade") is not None or template.column("identifier") is not None:
        return _worksheet(results, template, column)
    place = column_for(template, assignment, column, IDENTITY)
    kept = [n for n, title in enumerate(template.header) if same(title) in IDENTITY]
    by_id = {r.student: r for r in results}
    whose = matched(list(by_id), template.rows, _tiers(template))
    out = Filled([*(template.header[n] for n in kept), template.header[place]], [])
    out.notes.append(f"the grades are in the column {template.header[place].strip()}")
    for n, row in enumerate(template.rows):
        if n in whose:
            out.rows.append([*(row[k] if k < len(row) else "" for k in kept), points(by_id[whose[n]].score)])
    without = [_who(template, row) for n, row in enumerate(template.rows) if n not in whose]
    tell_unmatched(out, list(by_id), whose, without)
    return out


def _worksheet(results: Sequence[Result], template: Table, column: str) -> Filled:
    """Moodle's own worksheet with the grades filled in; all else, and rows without a result, as it was."""
    place = template.needed(column or "grade")
    largest = template.column("maximum grade")
    largest = place + 1 if largest is None else largest  # where Moodle writes it, in whichever language
    changeable = template.column("grade can be changed")
    by_id = {r.student: r for r in results}
    whose = matched(list(by_id), template.rows, _tiers(template))
    out = Filled(list(template.header), [])
    locked = []
    for n, row in enumerate(template.rows):
        fresh = [*row, *[""] * (len(template.header) - len(row))]
        if n in whose and same(cell(row, changeable)) == "no":
            locked.append(whose[n])
        elif n in whose:
            most = cell(row, largest)
            fresh[place] = points(scaled(by_id[whose[n]], number(most), out), "," in most)
        out.rows.append(fresh)
    if locked:
        out.notes.append(f"Moodle does not let these grades be changed: {names(locked)}")
    without = [_who(template, row) for n, row in enumerate(template.rows) if n not in whose]
    tell_unmatched(out, list(by_id), whose, without)
    out.unmatched += locked
    return out


def _tiers(template: Table) -> list[Tier]:
    participant, full = template.column("identifier"), template.column("full name")
    mail = template.column("email address", "email")
    first, last = template.column("first name"), template.column("last name", "surname")
    hidden = Tier((participant,), _hidden, lambda cells: digits(cells[0]))
    return [
        hidden if full is None else numbered(participant, full),
        exactly(template.column("username")),
        exactly(template.column("id number")),
        exactly(mail),
        by_mail(mail),
        by_name(full),
        by_name(first, last),
    ]


def _hidden(student: str) -> str:
    """The number in an id such as "Participant_12345", which there are where Moodle hides names; in any language."""
    return number_of(student) if " " not in name_of(student) else ""


def _who(template: Table, row: Sequence[str]) -> str:
    names_of = (template.column(c) for c in ("full name", "username", "email address", "identifier", "surname"))
    return next((cell(row, place) for place in names_of if cell(row, place)), cell(row, 0))
