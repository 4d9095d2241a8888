"""`unrolled feedback`."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "feedback"
ABOUT = "Write a feedback page for every student."
EXAMPLE = "unrolled feedback vanilla"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.feedback import write_feedback
    from autograder.grading.grade import graded
    from autograder.grading.table import question_rows

    outcomes = graded(course, options.assignment)
    pages = write_feedback(course, outcomes, question_rows(course, outcomes))
    say.line(f"{len(pages)} feedback pages in {course.folder('feedback')}")
    say.result({"assignment": options.assignment, "pages": pages})
    return DONE
