"""`unrolled audit`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import ATTENTION, DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course

NAME = "audit"
ABOUT = "Put every known mistake and accepted variant to the checks."
EXAMPLE = "unrolled audit vanilla --framework numpy"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", nargs="?", help="one assignment (default: all that have mistakes)")
    parser.add_argument("--framework", choices=("numpy", "pytorch", "tensorflow"), help="one of them (default: all)")
    parser.add_argument("--page", type=Path, help="also write the table as a Markdown page")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.audit import FRAMEWORKS, audit, audited, page, table
    from autograder.grading.course import CourseError

    known = audited(course.root / "solutions")
    if options.assignment and options.assignment not in known:
        raise CourseError(f"no assignment {options.assignment} with known mistakes; there are: {', '.join(known)}")
    frameworks = (options.framework,) if options.framework else FRAMEWORKS
    rows = []
    for assignment in [options.assignment] if options.assignment else known:
        for row in audit(course.root / "solutions", assignment, frameworks):
            rows.append(row)
            say.line(f"{row.question:<36} {row.framework:<11} {row.told()}")
    say.line(table(rows)[-1])
    if options.page:
        options.page.write_text(page(rows), encoding="utf-8")
    missed = [row for row in rows if row.not_caught or row.refused]
    say.result({"questions": len(rows), "missed": [f"{row.question} ({row.framework})" for row in missed]})
    return ATTENTION if missed else DONE
