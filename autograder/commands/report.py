"""`unrolled report`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "report"
ABOUT = "Say what the class understood, and what not: one page with figures."
EXAMPLE = "unrolled report vanilla -o report.html --anonymous"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument(
        "-o", "--output", type=Path, help="the page (default: report-ASSIGNMENT.html in the course's folder)"
    )
    parser.add_argument(
        "--anonymous", action="store_true", help="numbers for students, and nothing that they wrote: to be shown"
    )


def run(course: "Course", options: Namespace, say: Say) -> int:
    from dataclasses import asdict
    from datetime import date

    from autograder.grading.report.pages import report_page
    from autograder.grading.report.reading import class_report
    from autograder.grading.report.writing import write_whole

    figures = class_report(course, options.assignment, anonymous=options.anonymous)
    name = f"report-{options.assignment}{'-anonymous' if options.anonymous else ''}.html"
    path = options.output or course.root / name
    write_whole(path, report_page(figures, date.today()))
    people = figures.people
    say.line(f"{people.handed_in} of {people.students} students handed in; {people.waiting} wait for marks by hand")
    for mistake in figures.mistakes[:5]:
        say.line(f"{mistake.count:>5}  {mistake.question}: {mistake.mistake}")
    say.line(f"report: {path}")
    say.result({"file": path, **asdict(figures)})
    return DONE
