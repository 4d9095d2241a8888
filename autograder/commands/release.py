"""`unrolled release`."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "release"
ABOUT = "Make the learners' notebooks from the sources."
EXAMPLE = "unrolled release vanilla"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument("--framework", metavar="NAME", help="only the notebook of this name, as numpy")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.course import one_framework
    from autograder.grading.release import release

    if options.framework:
        course = one_framework(course, options.assignment, options.framework)
    paths = release(course, options.assignment)
    for path in paths:
        say.line(str(path))
    say.result({"assignment": options.assignment, "notebooks": paths})
    return DONE
