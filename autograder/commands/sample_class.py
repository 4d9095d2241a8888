"""`unrolled sample-class`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "sample-class"
ABOUT = "Make a course with a sample class in it."
EXAMPLE = "unrolled sample-class _build/class"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="where; it becomes a course of its own")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.course import open_course
    from autograder.grading.release import release
    from autograder.grading.sample_class import ASSIGNMENT, STUDENTS, make_course, make_submissions

    make_course(options.folder, course)
    sample = open_course(options.folder)
    release(sample, ASSIGNMENT)
    folder = make_submissions(sample)
    say.line(f"{len(STUDENTS)} students in {folder}")
    say.result({"students": len(STUDENTS), "folder": folder})
    return DONE
