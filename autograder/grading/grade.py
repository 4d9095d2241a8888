"""Grading a class: everybody's submission to a score and a reason, on as many workers as there are.

What is graded is kept under what it depends on (`keys`), so a run that was interrupted anywhere goes on from there, and
a change regrades only what depends on it. Nothing that one student hands in stops the grading of another.

For each student: read what is there (`_Sheet`), find or make the result of each notebook (`pool`, `work`), enter them
(`entering`), keep the outcome, and write a line into the record. Every step can be done again without harm, and each
leaves enough for the next run to see that it is done.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nbgrader.api import Gradebook, InvalidEntry, MissingEntry
from sqlalchemy.exc import DBAPIError, OperationalError

from autograder.boundary.handed_in import HandedIn, read_submission
from autograder.boundary.sides import NoKernel
from autograder.grading import entering, keys, queries, record, work
from autograder.grading.changes import Change, changes
from autograder.grading.claim import claimed
from autograder.grading.course import Course, CourseError, database_told
from autograder.grading.late import EnterDueDates, enter_penalties
from autograder.grading.outcomes import Outcome, graded, in_gradebook, keep, on_disk
from autograder.grading.paper import Paper, papers
from autograder.grading.pool import Piece, Pool
from autograder.grading.release import release
from autograder.grading.store import Store
from autograder.grading.work import Handed, Marked
from autograder.grading.workers import opened

__all__ = ["Ended", "Outcome", "grade_class", "graded"]

GIVEN_UP = "was not graded, which may be no fault of its own"
TRIES = 3
"""How often a notebook is tried on a machine that starts no kernel for it."""

PATIENCE = 30.0
"""Seconds for which a gradebook that cannot be written is tried again."""

IN_FLIGHT = 256 * 2**20
"""Bytes of submissions that may be under way at once."""


@dataclass(frozen=True)
class Ended:
    """One student is done: the outcome, whether anything was graded now, what that changed, and notes for the teacher
    on what was handed in."""

    outcome: Outcome
    new: bool
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Sheet:
    """One student on the way: what was handed in, the content keys of it, and the results so far."""

    student: str
    handed: HandedIn
    keys: dict[str, dict[str, str]]
    before: Outcome | None
    marked: dict[str, Marked] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        return sorted([*self.handed.notebooks, *self.handed.problems])

    @property
    def complete(self) -> bool:
        return set(self.marked) == set(self.names)

    @property
    def size(self) -> int:
        return sum(map(len, self.handed.notebooks.values())) + sum(map(len, self.handed.files.values()))

    def key(self) -> str:
        """One hash of everything that the outcome depends on."""
        return work.hash_of([self.handed.stamp, sorted((n, keys.content_key(k)) for n, k in self.keys.items())])


def grade_class(
    course: Course,
    assignment: str,
    *,
    again: bool = False,
    isolation: str = "",
    scheduler: str = "",
    workers: int | None = None,
    students: Sequence[str] | None = None,
    on_student: Callable[[Outcome, bool], None] = lambda _outcome, _new: None,
    on_ended: Callable[[Ended], None] = lambda _ended: None,
) -> list[Outcome]:
    """Grade everybody's submission of an assignment; the outcomes, by student.

    `again` grades anew what has not changed too. `isolation` is the tier that learners' kernels must have, "" the best
    that all workers give. `scheduler` is the address of a Dask cluster; without one `workers` processes on this
    machine do the work (None: one a processor, 0: this process). `students` are those to grade, None all.
    `on_student` and `on_ended` are called after each. Raises CourseError for what a teacher can put right; what has
    been graded until then is kept; and when another run is at the same assignment.
    """
    names = course.notebooks(assignment)
    everybody = course.students(assignment)
    unknown = sorted(set(students or ()) - set(everybody))
    if unknown:
        raise CourseError(f"nothing of {', '.join(unknown)} is in {course.folder('submitted')}")
    chosen = [student for student in everybody if students is None or student in students]
    outcomes: dict[str, Outcome] = {}
    with claimed(course, assignment):
        if not _released(course, assignment, names):
            release(course, assignment)
        tier = isolation or str(course.config.ExecuteAcross.get("isolation", "auto"))
        try:
            with course.gradebook() as gradebook, opened(scheduler, workers) as pool:
                common = papers(course, assignment, pool.tier(tier))
                run = _Run(course, assignment, common, gradebook, pool, again)
                for ended in run.all(chosen):
                    outcomes[ended.outcome.student] = ended.outcome
                    on_student(ended.outcome, ended.new)
                    on_ended(ended)
            enter_penalties(course, assignment)
        except (DBAPIError, InvalidEntry) as error:
            raise CourseError(database_told(course, error)) from None
    return [outcomes[student] for student in chosen]


class _Run:
    """One run over a class."""

    def __init__(
        self,
        course: Course,
        assignment: str,
        common: Mapping[str, Paper],
        gradebook: Gradebook,
        pool: Pool,
        again: bool,
    ) -> None:
        self.course, self.assignment, self.gradebook, self.pool, self.again = course, assignment, gradebook, pool, again
        self.papers = common
        self.packed = {name: paper.to_bytes() for name, paper in common.items()}
        self.parts = {name: keys.of_paper(paper) for name, paper in common.items()}
        self.store = Store(course.root / "results")
        self.recorded = {
            str(entry.get("student")): str(entry.get("key"))
            for entry in record.read(course.root / record.NAME)
            if entry.get("assignment") == assignment
        }
        self.under_way: dict[Piece, tuple[_Sheet, str, str]] = {}
        self.bytes_under_way = 0
        queries.index(gradebook)
        EnterDueDates(config=course.config).enter(gradebook, assignment)

    def all(self, students: Iterable[str]) -> Iterator[Ended]:
        """Everybody, in whatever order they are done."""
        for student in students:
            sheet = self._read(student)
            kept = None if self.again else self._kept(sheet)
            if kept is not None:
                yield Ended(kept, False, notes=sheet.handed.notes)
                continue
            while self.under_way and (self.pool.room <= 0 or self.bytes_under_way + sheet.size > IN_FLIGHT):
                yield from self._next()
            self._begin(sheet)
            if sheet.complete:
                yield self._end(sheet)
        while self.under_way:
            yield from self._next()

    def _read(self, student: str) -> _Sheet:
        submitted = self.course.folder("submitted")
        where = os.path.relpath(self.course.folder("submitted", student, self.assignment), submitted)
        files = self.course.config.Autograde.get("exclude_overwriting", {}).get(self.assignment, [])
        arrival = self.course.config.SafeExporter.get("time_of_submission", "stamp") == "arrival"
        handed = read_submission(submitted, where, list(self.papers), files=files, use_arrival=arrival)
        sheet = _Sheet(student, handed, {}, on_disk(self.course, student, self.assignment))
        sheet.keys = {name: keys.with_answers(self.parts[name], _handed(sheet, name)) for name in sheet.names}
        return sheet

    def _kept(self, sheet: _Sheet) -> Outcome | None:
        """The outcome of an earlier run, if it still stands and has been entered."""
        before = sheet.before
        if before is None or before.key != sheet.key():
            return None
        return before if in_gradebook(self.gradebook, sheet.student, self.assignment) else None

    def _begin(self, sheet: _Sheet) -> None:
        """Take the results that are there already; have the others made."""
        for name in sheet.names:
            key = keys.content_key(sheet.keys[name])
            result = None if self.again else self.store.get(key)
            if result is not None:
                sheet.marked[name] = result
                continue
            paper, handed = self.papers[name], _handed(sheet, name)
            arguments = (self.packed[name], handed.student, handed.data, handed.texts, handed.problem, handed.files)
            piece = Piece(
                f"{self.assignment}/{name}/{sheet.student}/{key[:16]}",
                work.grade,
                arguments,
                paper.wants_gpu,
                readiness=(work.get_ready, self.packed[name]),
            )
            self.under_way[piece] = sheet, name, key
            self.bytes_under_way += len(handed.data)
            self.pool.submit(piece)

    def _next(self) -> Iterator[Ended]:
        """The next piece of work that is done, and the student, if it was the last of theirs."""
        piece, result = self.pool.next_done()
        sheet, name, key = self.under_way.pop(piece)
        if isinstance(result, NoKernel) and piece.tries < TRIES:
            again = replace(piece, name=f"{piece.name}/{piece.tries}", tries=piece.tries + 1)
            self.under_way[again] = sheet, name, key
            self.pool.submit(again)
            return
        self.bytes_under_way -= len(sheet.handed.notebooks.get(name, b""))
        if isinstance(result, bytes):
            self.store.put(key, result)
            sheet.marked[name] = Marked.from_bytes(result)
        else:  # not kept: the next run tries again
            sheet.marked[name] = self._given_up(name, result)
            sheet.keys[name] = {**sheet.keys[name], "environment": "none"}
        sheet.new.add(name)
        if sheet.complete:
            yield self._end(sheet)

    def _given_up(self, name: str, error: BaseException) -> Marked:
        """Zero points, and why, for a notebook that ended every worker it was given to, or found no kernel."""
        zeros = {question: 0.0 for question, cell in self.papers[name].cells.items() if cell.max_score}
        why = f"{name}.ipynb {GIVEN_UP} ({type(error).__name__}: {' '.join(str(error).split())[:200]}): grade it again"
        return Marked("", zeros, problem=why)

    def _end(self, sheet: _Sheet) -> Ended:
        """Enter a student's results, and keep that they are entered."""
        outcome = _outcome(sheet, self.assignment)
        student, marked = sheet.student, {name: sheet.marked[name] for name in sheet.names}
        entering.write_notebooks(self.course, student, self.assignment, marked, sheet.handed.stamp)
        old = self._enter(sheet, marked)
        new = {name: dict(result.scores) for name, result in marked.items()}
        told = tuple(changes(sheet.before, outcome, old, new)) if sheet.before is not None else ()
        # Before the outcome is kept: a run that ends in between enters it again, and finds the line.
        if sheet.new or self.recorded.get(student) != outcome.key:
            record.append(self.course.root / record.NAME, [_entry(sheet, outcome, told)])
            self.recorded[student] = outcome.key
        keep(self.course, outcome)
        return Ended(outcome, True, told, sheet.handed.notes)

    def _enter(self, sheet: _Sheet, marked: Mapping[str, Marked]) -> dict[str, dict[str, float | None]]:
        """Enter results; again and again for a while, when the database is used by somebody else or restarts."""
        until = time.monotonic() + PATIENCE
        arguments = self.gradebook, self.course, sheet.student, self.assignment, marked
        while True:
            try:
                return entering.enter(*arguments, stamp=sheet.handed.stamp, before=sheet.before)
            except (OperationalError, InvalidEntry):
                self.gradebook.db.rollback()
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)


def _handed(sheet: _Sheet, name: str) -> Handed:
    handed = sheet.handed
    problem = handed.problems.get(name, "")
    return Handed(sheet.student, handed.notebooks.get(name, b""), handed.texts, problem, handed.files)


def _outcome(sheet: _Sheet, assignment: str) -> Outcome:
    marked = {name: sheet.marked[name] for name in sheet.names}
    fine = {name: result for name, result in marked.items() if not result.problem}
    return Outcome(
        sheet.student,
        assignment,
        sheet.key(),
        tuple(marked),
        {name: dict(result.reasons) for name, result in fine.items()},
        {name: result.problem for name, result in marked.items() if result.problem},
        {name: dict(result.hand_answers) for name, result in fine.items()},
        {name: result.isolation for name, result in fine.items()},
        {name: list(result.repairs) for name, result in fine.items()},
        {name: list(result.lost) for name, result in fine.items()},
        {name: {q: list(m) for q, m in result.mistakes.items()} for name, result in fine.items()},
        {name: result.seconds for name, result in fine.items()},
        {name: dict(parts) for name, parts in sheet.keys.items()},
    )


def _entry(sheet: _Sheet, outcome: Outcome, told: Sequence[Change]) -> dict[str, object]:
    """A line of the record: who, what, from what, in which tier, with which versions."""
    notebooks = {
        name: {
            "key": keys.content_key(sheet.keys[name]),
            "points": sheet.marked[name].scores,
            "tier": sheet.marked[name].isolation,
            "graded": "now" if name in sheet.new else "kept",
            "problem": sheet.marked[name].problem,
        }
        for name in sheet.names
    }
    return {
        "student": outcome.student,
        "assignment": outcome.assignment,
        "key": outcome.key,
        "notebooks": notebooks,
        "changes": [change.told() for change in told],
        "versions": {name: keys.installed(name) for name in ("unrolled", "nbgrader", "numpy")},
    }


def _released(course: Course, assignment: str, names: Sequence[str]) -> bool:
    """Whether the gradebook knows the assignment with all its notebooks and the release is there."""
    folder = course.folder("release", ".", assignment)
    try:
        with course.gradebook() as gradebook:
            entered = {n.name for n in gradebook.find_assignment(assignment).notebooks}
    except MissingEntry:
        return False
    return set(names) <= entered and all((folder / f"{n}.ipynb").is_file() for n in names)
