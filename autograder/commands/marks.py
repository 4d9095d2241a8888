"""`unrolled marks`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "marks"
ABOUT = "Enter marks given by hand, from a CSV file."
EXAMPLE = "unrolled marks marks.csv"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="columns: student, assignment, notebook, question, points, comment")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.marks import enter_marks

    entered = enter_marks(course, options.file)
    say.line(f"{entered} marks entered")
    say.result({"entered": entered})
    return DONE
