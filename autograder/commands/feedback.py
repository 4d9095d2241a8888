"""`unrolled feedback`."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "feedback"
ABOUT = "Write a feedback page, and the same as plain text, for every student."
EXAMPLE = "unrolled feedback vanilla"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument(
        "--pages",
        choices=("nbgrader", "none"),
        default="nbgrader",
        help="nbgrader's page of each notebook too (default), or only the overviews, which takes seconds for thousands",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that make nbgrader's pages (default: one a processor)"
    )
    parser.add_argument("--student", action="append", metavar="ID", help="only this student (may be given again)")


def run(course: "Course", options: Namespace, say: Say) -> int:
    import os

    from autograder.grading.course import CourseError
    from autograder.grading.feedback import write_feedback
    from autograder.grading.grade import graded
    from autograder.grading.table import question_rows

    outcomes = graded(course, options.assignment)
    if options.student:
        unknown = sorted(set(options.student) - {outcome.student for outcome in outcomes})
        if unknown:
            raise CourseError(f"{', '.join(unknown)}: nothing of {options.assignment} has been graded for this student")
        outcomes = [outcome for outcome in outcomes if outcome.student in options.student]
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    rows = question_rows(course, outcomes)
    with say.progress(len(outcomes), "feedback") as done:
        pages = write_feedback(
            course, outcomes, rows, pages=options.pages, workers=options.workers or processors, done=done
        )
    say.line(f"{len(pages)} feedback page{'s' * (len(pages) != 1)} in {course.folder('feedback')}")
    say.result({"assignment": options.assignment, "pages": pages})
    return DONE
