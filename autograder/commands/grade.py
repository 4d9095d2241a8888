"""`unrolled grade`."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "grade"
ABOUT = "Grade everything under submitted/."
EXAMPLE = "unrolled grade vanilla"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument("--again", action="store_true", help="also what has been graded and has not changed")
    parser.add_argument(
        "--isolation",
        choices=("auto", "strict", "contained", "limited"),
        default="auto",
        help="the tier that learners' kernels must have (default: the best there is; see unrolled doctor)",
    )


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.grade import grade_class
    from autograder.grading.table import question_rows, student_row
    from autograder.kernels import tiers

    def show(outcome, new: bool) -> None:
        row = student_row(course, outcome, question_rows(course, [outcome]))
        kept = "" if new else "  (kept)"
        say.line(f"{row.student:<12} {row.score:5g} / {row.max_score:<4g} {row.reason}{kept}")

    if options.isolation != "auto":
        tiers.choose(options.isolation)
        course.config.ExecuteAcross.isolation = options.isolation
    grade_class(course, options.assignment, again=options.again, on_student=show)
    for name in course.odd_folders():
        line = f"the folder {name!a} in {course.folder('submitted')} cannot be a student's id"
        say.warn(f"{line}: it was left out; rename it and grade again")
    return DONE
