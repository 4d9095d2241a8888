"""`unrolled export`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import ATTENTION, DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course
    from autograder.grading.exporting.result import Result

NAME = "export"
ABOUT = "Write the grades as CSV or JSON, or as Canvas or Moodle import them."
EXAMPLE = "unrolled export vanilla -o grades.csv"

FILES = {"csv": "grades.csv", "json": "grades.json", "canvas": "grades-canvas.csv", "moodle": "grades-moodle.csv"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument(
        "-o", "--output", type=Path, help="the file (default: grades.csv, grades.json, … in the course's folder)"
    )
    parser.add_argument(
        "--format", choices=tuple(FILES), default="csv", help="the form; csv (the default) has a row a question"
    )
    parser.add_argument(
        "--template",
        type=Path,
        metavar="FILE",
        help="Canvas's exported gradebook, or Moodle's grading worksheet or grade export, for rows and ids",
    )
    parser.add_argument("--column", default="", help="the column of FILE that the grades belong in")
    parser.add_argument(
        "--complete-only", action="store_true", help="only students of whom nothing waits for a hand mark"
    )


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.course import CourseError
    from autograder.grading.exporting.matching import names
    from autograder.grading.exporting.result import not_graded, results
    from autograder.grading.grade import graded

    path = options.output or course.root / FILES[options.format]
    if options.template is not None:
        if options.format not in ("canvas", "moodle"):
            raise CourseError(f"--template is for --format canvas and moodle; {options.format} needs none")
        if path.resolve() == options.template.resolve():
            raise CourseError(f"{path} is the template; name another file with -o")
    outcomes = graded(course, options.assignment)
    found = results(course, options.assignment, outcomes)
    absent = not_graded(course, outcomes)
    open_ones = [result for result in found if result.waiting]
    chosen = [result for result in found if not result.waiting] if options.complete_only else found
    notes, unmatched = _write(options, path, chosen)
    for result in chosen:
        late = f"  ({result.late.penalty:g} off for being late)" if result.late.penalty else ""
        say.line(f"{result.student:<12} {result.score:5g} / {result.total.max_score:<4g} {result.total.reason}{late}")
    say.line(f"grade table: {path}")
    for note in notes:
        say.line(note)
    if open_ones:
        missing = f"{sum(result.waiting for result in open_ones)} (students: {len(open_ones)})"
        what = "left out" if options.complete_only else "exported with what they have so far"
        say.warn(f"hand marks that are still missing: {missing}; these students were {what}")
    if absent:
        say.warn(f"not graded yet, so not in the table: {names(absent)}; run unrolled grade {options.assignment}")
    if unmatched:
        say.warn(f"no row in {options.template} that could be filled in for: {names(unmatched)}")
    say.result(
        {
            "assignment": options.assignment,
            "format": options.format,
            "file": path,
            "students": len(chosen),
            "waiting": {result.student: result.waiting for result in open_ones},
            "not_graded": absent,
            "unmatched": unmatched,
            "notes": notes,
        }
    )
    return ATTENTION if open_ones or absent or unmatched else DONE


def _write(options: Namespace, path: Path, chosen: "Sequence[Result]") -> tuple[list[str], list[str]]:
    """Write the file; lines on it, and the students who are not in it though they have a result."""
    from autograder.grading.csv_files import read_table, write_table
    from autograder.grading.exporting import as_csv, as_json, canvas, moodle

    if options.format == "csv":
        as_csv.write(chosen, path)
        return [], []
    if options.format == "json":
        as_json.write(options.assignment, chosen, path)
        return [], []
    template = read_table(options.template) if options.template is not None else None
    form = canvas if options.format == "canvas" else moodle
    table = form.filled(options.assignment, chosen, template, options.column)
    write_table(path, table.header, table.rows)
    return table.notes, table.unmatched
