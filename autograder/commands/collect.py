"""`unrolled collect`."""

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands import ATTENTION, DONE
from autograder.commands.saying import Advance, Say

if TYPE_CHECKING:
    from autograder.grading.collecting.collect import Taken
    from autograder.grading.course import Course

NAME = "collect"
ABOUT = "Copy submissions from nbgrader's exchange, Moodle, Canvas, GitHub Classroom or a folder to submitted/."
EXAMPLE = "unrolled collect ~/Downloads/submissions.zip --assignment vanilla"

ACTIONS = {"new": "taken", "replaced": "taken, newer", "same": "there already", "older": "older, not taken"}
LEFT_OUT = ("unclear", "nothing")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="DIR|ZIP", help="where the submissions are")
    parser.add_argument("--assignment", default="", help="which they are of (default: as names or cells say)")
    parser.add_argument(
        "--from",
        dest="kind",
        choices=("auto", "folder", "exchange", "moodle", "canvas", "classroom"),
        default="auto",
        help="the kind of source (default: recognised)",
    )
    parser.add_argument(
        "--students",
        type=Path,
        metavar="FILE",
        help="CSV file that says whom a name stands for: Moodle's grading worksheet, Canvas's gradebook, GitHub "
        "Classroom's roster, or the columns id and student",
    )
    parser.add_argument("--id-column", default="", metavar="NAME", help="the column of FILE with the students' ids")
    parser.add_argument(
        "--zone",
        default="",
        help="the time zone of Moodle's worksheet, such as Europe/Berlin; without it its times are not used",
    )
    parser.add_argument("--replace", action="store_true", help="also where a submission is there that may be newer")
    parser.add_argument(
        "--believe-timestamps", action="store_true", help="a plain folder's timestamp.txt is not the students' own"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and do nothing")


def run(course: "Course", options: Namespace, say: Say) -> int:
    from autograder.grading.collecting.collect import Settings, collect
    from autograder.grading.collecting.worksheet import Students, read_students
    from autograder.grading.late import zone

    settings = Settings(
        options.assignment,
        options.kind,
        read_students(options.students, options.id_column) if options.students else Students(),
        zone(options.zone) if options.zone else None,
        options.replace,
        options.believe_timestamps,
        options.dry_run,
    )
    advance: list[Advance] = []
    done: list[Taken] = []

    def step(taken: "Taken") -> None:
        done.append(taken)
        for bar in advance:
            bar(taken.student)

    try:
        with ExitStack() as stack:
            found = collect(
                course,
                options.source,
                settings,
                on_number=lambda number: advance.append(stack.enter_context(say.progress(number, "collecting"))),
                on_taken=step,
            )
    finally:  # also where the disk was full half way
        for taken in done:
            for line in _lines(taken):
                say.line(line)
    for note in found.notes:
        say.warn(note)
    left_out = [taken for taken in found.submissions if taken.action in LEFT_OUT]
    placed = sum(taken.action in ("new", "replaced") for taken in found.submissions)
    would = "would be collected" if options.dry_run else "collected"
    total = f"{placed} of {len(found.submissions)} submissions {would} ({found.kind}) to {course.folder('submitted')}"
    say.line(total + (f"; {len(left_out)} to be looked at" if left_out else ""))
    say.result(
        {
            "kind": found.kind,
            "dry_run": options.dry_run,
            "collected": placed,
            "submissions": [asdict(taken) for taken in found.submissions],
            "notes": found.notes,
        }
    )
    return ATTENTION if left_out or found.notes else DONE


def _lines(taken: "Taken") -> list[str]:
    """What became of one submission: a line, and one for each thing that wants to be said."""
    action = ACTIONS.get(taken.action, "not taken")
    names = ", ".join(name if origin == name else f"{name} (from {origin})" for name, origin in taken.notebooks.items())
    when = f"  {taken.when:%Y-%m-%d %H:%M:%S} UTC" if taken.when else ""
    why = f": {taken.why}" if taken.why else ""
    first = f"{taken.student:<20} {taken.assignment:<14} {action}{why}  {names}{when}".rstrip()
    notes = [*taken.notes, *([taken.evidence] if taken.evidence else [])]
    return [first, *(f"    {note}" for note in notes), *(f"    not used: {item}" for item in taken.unused)]
