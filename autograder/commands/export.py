"""`unrolled export`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "export"
ABOUT = "Write the grade table as CSV."
EXAMPLE = "unrolled export vanilla -o grades.csv"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument("-o", "--output", type=Path, help="the file (default: grades.csv in the course's folder)")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.grade import graded
    from autograder.grading.table import question_rows, student_row, write_csv

    outcomes = graded(course, options.assignment)
    rows = question_rows(course, outcomes)
    path = options.output or course.root / "grades.csv"
    write_csv(rows, path)
    for outcome in outcomes:
        row = student_row(course, outcome, rows)
        say.line(f"{row.student:<12} {row.score:5g} / {row.max_score:<4g} {row.reason}")
    say.line(f"grade table: {path}")
    say.result({"assignment": options.assignment, "file": path, "students": len(outcomes)})
    return DONE
