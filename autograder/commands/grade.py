"""`unrolled grade`."""

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from autograder.commands import ATTENTION, DONE
from autograder.commands.saying import Say

if TYPE_CHECKING:
    from autograder.grading.course import Course
    from autograder.grading.grade import Ended, Outcome

NAME = "grade"
ABOUT = "Grade everything under submitted/, on all processors or on a cluster; run it again to go on or to regrade."
EXAMPLE = "unrolled grade vanilla --isolation strict"

SHOWN = 40
"""Changes of points that are listed by name; the record has all of them."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("assignment", help="the assignment's name, a folder of solutions/")
    parser.add_argument("--again", action="store_true", help="also what has been graded and has not changed")
    parser.add_argument("--student", action="append", metavar="ID", help="only this student (may be given repeatedly)")
    parser.add_argument("--framework", metavar="NAME", help="only the notebook of this name, as numpy")
    parser.add_argument(
        "--isolation",
        choices=("auto", "strict", "contained", "limited"),
        default="",
        help="the tier that learners' kernels must have (default: the best there is; see unrolled doctor)",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_count, metavar="N", help="processes that grade (default: one a processor)")
    where.add_argument("--scheduler", default="", metavar="ADDRESS", help="a Dask cluster, such as tcp://10.0.0.5:8786")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.course import one_framework
    from autograder.grading.grade import grade_class
    from autograder.grading.record import NAME as NAME_OF_RECORD
    from autograder.grading.record import broken_at
    from autograder.grading.release import not_released
    from autograder.grading.table import question_rows, student_row

    if options.framework:
        course = one_framework(course, options.assignment, options.framework)
    began = time.monotonic()
    students = options.student or course.students(options.assignment)
    ended: list[Ended] = []
    with say.progress(len(students), f"grading {options.assignment}") as advance:

        def on_ended(one: "Ended") -> None:
            ended.append(one)
            advance(one.outcome.student)

        outcomes = grade_class(
            course,
            options.assignment,
            again=options.again,
            isolation=options.isolation,
            scheduler=options.scheduler,
            workers=options.workers,
            students=options.student,
            on_ended=on_ended,
        )
    seconds = time.monotonic() - began
    new = {one.outcome.student for one in ended if one.new}
    if say.mode == "text":
        rows = question_rows(course, outcomes)
        by_student: dict[str, list] = {outcome.student: [] for outcome in outcomes}
        for question in rows:
            by_student[question.student].append(question)
        for outcome in outcomes:
            row = student_row(course, outcome, by_student[outcome.student])
            kept = "" if outcome.student in new else "  (kept)"
            say.line(f"{row.student:<12} {row.score:5g} / {row.max_score:<4g} {row.reason}{kept}")
    changes = [change for one in ended for change in one.changes]
    for change in changes[:SHOWN]:
        say.line(f"changed: {change.told()}")
    if len(changes) > SHOWN:
        say.line(f"changed: {len(changes) - SHOWN} more, in grading-log.jsonl")
    rate = f", {len(new) / seconds:.1f} a second" if new and seconds > 0 else ""
    say.line(f"{len(outcomes)} students: {len(new)} graded now, {len(outcomes) - len(new)} kept; {seconds:.0f} s{rate}")
    notes = [f"{one.outcome.student}: {note}" for one in ended for note in one.notes]
    for note in notes:
        say.warn(note)
    broken = broken_at(course.root / NAME_OF_RECORD)
    if broken:
        say.warn(f"{NAME_OF_RECORD}, line {broken}: the record has been changed here since it was written")
    newer = not_released(course, options.assignment)
    for name, questions in newer.items():
        line = f"{name}: the sources have other tests or points for {', '.join(questions)} than the release"
        say.warn(f"{line}, by which this was graded; `unrolled release {options.assignment}`, then grade again")
    unfinished = _unfinished(outcomes)
    for line in unfinished:
        say.warn(line)
    left_out = course.odd_folders()
    for name in left_out:
        line = f"the folder {name!a} in {course.folder('submitted')} cannot be a student's id"
        say.warn(f"{line}: it was left out; rename it and grade again")
    say.result(
        {
            "assignment": options.assignment,
            "students": len(outcomes),
            "graded": len(new),
            "kept": len(outcomes) - len(new),
            "changes": [vars(change) for change in changes],
            "not_graded": unfinished,
            "left_out": left_out,
            "notes": notes,
            "not_released": newer,
            "record_changed_at": broken,
            "seconds": round(seconds, 3),
        }
    )
    return ATTENTION if unfinished or left_out or notes or newer or broken else DONE


def _unfinished(outcomes: "list[Outcome]") -> list[str]:
    """Notebooks that no worker lived long enough to grade."""
    from autograder.grading.grade import GIVEN_UP

    return [f"{o.student}: {why}" for o in outcomes for why in o.problems.values() if GIVEN_UP in why]


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number
