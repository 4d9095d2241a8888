"""The command `unrolled`. Each subcommand is a thin layer over a function of `autograder.grading`."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

EPILOG = """\
examples:
  unrolled release vanilla            solutions/vanilla -> exercises/vanilla
  unrolled grade vanilla              grade submitted/<student>/vanilla
  unrolled feedback vanilla           a page for every student
  unrolled export vanilla -o grades.csv
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it worked, 2 for something the user can put right (one line says what)."""
    options = _parser().parse_args(arguments)
    if getattr(options, "doctor", False):
        from autograder.kernels import doctor

        print(doctor.text())
        return 0
    try:
        from autograder.grading.course import CourseError, open_course
        from autograder.grading.sources import SourceError
        from autograder.kernels import IsolationError
    except ImportError as error:
        print(f"unrolled: {error.name} is missing; the grader needs: pip install 'unrolled[grading]'", file=sys.stderr)
        return 2
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # nbgrader starts kernels by name: the one of this environment, also when it has not been activated.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    logging.disable(logging.WARNING)
    try:
        return options.run(open_course(options.course), options)
    except (CourseError, IsolationError, SourceError) as error:
        print(f"unrolled: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"unrolled: {error.filename or options.course}: {error.strerror or error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unrolled",
        description="Release, grade and return the course's assignments.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable, about: str, example: str, assignment: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about, epilog=f"example: {example}")
        sub.set_defaults(run=run)
        sub.add_argument("--course", type=Path, default=Path(), help="the course's folder (default: this one)")
        if assignment:
            sub.add_argument("assignment", help="the assignment's name, a folder of solutions/")
        return sub

    command(
        "release",
        _release,
        "Make the learners' notebooks from the sources.",
        "unrolled release vanilla",
    )
    grade = command("grade", _grade, "Grade everything under submitted/.", "unrolled grade vanilla")
    grade.add_argument("--again", action="store_true", help="also what has been graded and has not changed")
    grade.add_argument(
        "--isolation",
        choices=("auto", "strict", "contained", "limited"),
        default="auto",
        help="the tier that learners' kernels must have (default: the best there is; see unrolled doctor)",
    )
    command("feedback", _feedback, "Write a feedback page for every student.", "unrolled feedback vanilla")
    export = command("export", _export, "Write the grade table as CSV.", "unrolled export vanilla -o grades.csv")
    export.add_argument("-o", "--output", type=Path, help="the file (default: grades.csv in the course's folder)")
    marks = command(
        "marks", _marks, "Enter marks given by hand, from a CSV file.", "unrolled marks marks.csv", assignment=False
    )
    marks.add_argument("file", type=Path, help="columns: student, assignment, notebook, question, points, comment")
    audit = command(
        "audit",
        _audit,
        "Put every known mistake and accepted variant to the checks.",
        "unrolled audit vanilla --framework numpy",
        assignment=False,
    )
    audit.add_argument("assignment", nargs="?", help="one assignment (default: all that have mistakes)")
    audit.add_argument("--framework", choices=("numpy", "pytorch", "tensorflow"), help="one of them (default: all)")
    audit.add_argument("--page", type=Path, help="also write the table as a Markdown page")
    doctor = commands.add_parser(
        "doctor",
        help="Say how well this machine isolates submissions, and why.",
        description="Say how well this machine isolates submissions, why, and what to install for more.",
        epilog="example: unrolled doctor",
    )
    doctor.set_defaults(doctor=True)
    sample = command(
        "sample-class",
        _sample_class,
        "Make a course with a sample class in it.",
        "unrolled sample-class _build/class",
        assignment=False,
    )
    sample.add_argument("folder", type=Path, help="where; it becomes a course of its own")
    return parser


def _release(course, options) -> int:
    from autograder.grading.release import release

    for path in release(course, options.assignment):
        print(path)
    return 0


def _grade(course, options) -> int:
    from autograder.grading.grade import grade_class
    from autograder.grading.table import question_rows, student_row
    from autograder.kernels import tiers

    def show(outcome, new: bool) -> None:
        row = student_row(course, outcome, question_rows(course, [outcome]))
        kept = "" if new else "  (kept)"
        print(f"{row.student:<12} {row.score:5g} / {row.max_score:<4g} {row.reason}{kept}", flush=True)

    if options.isolation != "auto":
        tiers.choose(options.isolation)
        course.config.ExecuteAcross.isolation = options.isolation
    grade_class(course, options.assignment, again=options.again, on_student=show)
    for name in course.odd_folders():
        line = f"unrolled: the folder {name!a} in {course.folder('submitted')} cannot be a student's id"
        print(f"{line}: it was left out; rename it and grade again", file=sys.stderr)
    return 0


def _graded(course, assignment: str):
    from autograder.grading.course import CourseError
    from autograder.grading.grade import kept_outcome

    course.notebooks(assignment)
    outcomes = [o for s in course.students(assignment) if (o := kept_outcome(course, s, assignment))]
    if not outcomes:
        raise CourseError(f"nothing of {assignment} has been graded in {course.root}: run unrolled grade first")
    return outcomes


def _feedback(course, options) -> int:
    from autograder.grading.feedback import write_feedback
    from autograder.grading.table import question_rows

    outcomes = _graded(course, options.assignment)
    pages = write_feedback(course, outcomes, question_rows(course, outcomes))
    print(f"{len(pages)} feedback pages in {course.folder('feedback')}")
    return 0


def _export(course, options) -> int:
    from autograder.grading.table import question_rows, student_row, write_csv

    outcomes = _graded(course, options.assignment)
    rows = question_rows(course, outcomes)
    path = options.output or course.root / "grades.csv"
    write_csv(rows, path)
    for outcome in outcomes:
        row = student_row(course, outcome, rows)
        print(f"{row.student:<12} {row.score:5g} / {row.max_score:<4g} {row.reason}")
    print(f"grade table: {path}")
    return 0


def _marks(course, options) -> int:
    from autograder.grading.marks import enter_marks

    print(f"{enter_marks(course, options.file)} marks entered")
    return 0


def _audit(course, options) -> int:
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
            print(f"{row.question:<36} {row.framework:<11} {row.told()}", flush=True)
    print(table(rows)[-1])
    if options.page:
        options.page.write_text(page(rows), encoding="utf-8")
    return 1 if any(row.not_caught or row.refused for row in rows) else 0


def _sample_class(course, options) -> int:
    from autograder.grading.course import open_course
    from autograder.grading.release import release
    from autograder.grading.sample_class import ASSIGNMENT, STUDENTS, make_course, make_submissions

    make_course(options.folder, course)
    sample = open_course(options.folder)
    release(sample, ASSIGNMENT)
    folder = make_submissions(sample)
    print(f"{len(STUDENTS)} students in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
