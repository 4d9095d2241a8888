"""Points off for handing in late: one rule, in nbgrader's own pipeline and under `unrolled` alike.

In nbgrader_config.py:

    from autograder.grading.late import EnterDueDates, LatePenalties

    c.AssignLatePenalties.plugin_class = LatePenalties
    c.LatePenalties.percent = 10          # of the score, for each day begun
    c.LatePenalties.grace_minutes = 15
    c.LatePenalties.zero_after_days = 7
    c.Autograde.autograde_preprocessors.insert(0, EnterDueDates)
    c.EnterDueDates.due = {"vanilla": "2026-11-30 23:59 Europe/Berlin"}
    c.EnterDueDates.extensions_file = str(here / "extensions.csv")    # student, assignment, due

The gradebook's due dates and extensions are what counts; EnterDueDates writes them there. nbgrader takes the penalty
off each notebook that was handed in.
"""

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from nbformat import NotebookNode
from nbgrader.api import Grade, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.preprocessors.base import NbGraderPreprocessor
from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import contains_eager
from traitlets import Dict, Enum, Float, Unicode

from autograder.boundary.words import plain
from autograder.grading.course import Course, CourseError
from autograder.grading.csv_files import cell, read_table

SECONDS = {"hour": 3600.0, "day": 86400.0}
_ZONE = re.compile(r"[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Policy:
    """What lateness costs.

    For each period (`per`: "day" or "hour") that has begun since the due time, `percent` of the score or `points`, one
    of the two; at most `most`, in the same unit. Nothing up to `grace_minutes`; everything after `zero_after_days`.
    Raises CourseError for what makes no sense.
    """

    percent: float = 0.0
    points: float = 0.0
    per: str = "day"
    grace_minutes: float = 0.0
    most: float = math.inf
    zero_after_days: float = math.inf

    def __post_init__(self) -> None:
        for name in ("percent", "points", "grace_minutes", "most", "zero_after_days"):
            if not getattr(self, name) >= 0:
                raise CourseError(f"late policy: {name} is {getattr(self, name)}, expected a number from 0 up")
        if self.percent and self.points:
            raise CourseError("late policy: percent and points are both set; keep one of them")
        if self.percent > 100 or math.isinf(self.points):
            raise CourseError("late policy: expected at most 100 percent, or a finite number of points, for a period")
        if self.per not in SECONDS:
            raise CourseError(f"late policy: per is {self.per!r}, expected 'day' or 'hour'")


def penalty(policy: Policy, score: float, seconds_late: float) -> float:
    """The points to take off `score` for being `seconds_late`, to the hundredth: from 0 to the score, never less for
    later. Grace only forgives: after it, periods are counted from the due time."""
    if not (score > 0 and seconds_late > policy.grace_minutes * 60):
        return 0.0
    if seconds_late > policy.zero_after_days * SECONDS["day"]:
        return score
    begun = math.ceil(min(seconds_late / SECONDS[policy.per], 1e9))
    taken = min(begun * (policy.percent or policy.points), policy.most)
    return min(score, round(score * min(taken, 100) / 100 if policy.percent else min(taken, score), 2))


class LatePenalties(BasePlugin):
    """The plugin for nbgrader's AssignLatePenalties."""

    percent = Float(0.0, help="Percent of the score off for each period begun.").tag(config=True)
    points = Float(0.0, help="Points off each notebook for each period begun.").tag(config=True)
    per = Enum(["day", "hour"], "day", help="The period.").tag(config=True)
    grace_minutes = Float(0.0, help="Up to so many minutes late cost nothing.").tag(config=True)
    most = Float(math.inf, help="No more than this is taken off: percent or points, as above.").tag(config=True)
    zero_after_days = Float(math.inf, help="After so many days the score is zero.").tag(config=True)

    def policy(self) -> Policy:
        """The settings as a Policy. Raises CourseError for what makes no sense."""
        return Policy(**{name: getattr(self, name) for name in Policy.__dataclass_fields__})

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        """What nbgrader asks: the points to take off a notebook's score."""
        return penalty(self.policy(), score, total_seconds_late)


class EnterDueDates(NbGraderPreprocessor):
    """Writes due dates and extensions into the gradebook: a step of nbgrader's, anywhere before AssignLatePenalties."""

    due = Dict(help="Due times by assignment, '2026-11-30 23:59 Europe/Berlin'; without a zone, UTC.").tag(config=True)
    extensions_file = Unicode(
        "",
        help="A CSV file with the columns student, assignment, due. It is the whole truth: an extension that is not in "
        "it is taken back.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook as it is; the dates of its assignment and student are in the gradebook then."""
        ids = resources["nbgrader"]
        with Gradebook(ids["db_url"]) as gradebook:
            self.enter(gradebook, ids["assignment"], ids["student"])
        return nb, resources

    def enter(self, gradebook: Gradebook, assignment: str, student: str | None = None) -> None:
        """Write the due date of an assignment, and the extensions of one student or of all who handed in.

        Raises CourseError when a date or the file cannot be read. An assignment that is not in the gradebook is none
        of its business.
        """
        extensions = read_extensions(Path(self.extensions_file)) if self.extensions_file else None
        try:
            entry = gradebook.find_assignment(assignment)
        except MissingEntry:
            return
        if assignment in self.due:
            due = point_in_time(str(self.due[assignment]), f"c.EnterDueDates.due[{assignment!r}]")
            if entry.duedate != due:
                entry.duedate = due
        if extensions is not None and entry.duedate is not None:
            for submission in entry.submissions if student is None else _submission(gradebook, assignment, student):
                _extend(submission, extensions.get((submission.student_id, assignment)), entry.duedate)
        gradebook.db.commit()


def _submission(gradebook: Gradebook, assignment: str, student: str) -> list[SubmittedAssignment]:
    try:
        return [gradebook.find_submission(assignment, student)]
    except MissingEntry:
        return []


def _extend(submission: SubmittedAssignment, until: datetime.datetime | None, due: datetime.datetime) -> None:
    wanted = until - due if until is not None and until > due else None
    if submission.extension != wanted:
        submission.extension = wanted


def read_extensions(path: Path) -> Mapping[tuple[str, str], datetime.datetime]:
    """New due times (naive, UTC) by student and assignment. Raises CourseError naming the first line that is wrong."""
    table = read_table(path)
    places = [table.needed(name) for name in ("student", "assignment", "due")]
    found: dict[tuple[str, str], datetime.datetime] = {}
    for number, row in enumerate(table.rows, start=2):
        student, assignment, due = (cell(row, place) for place in places)
        here = f"{path}, row {number}"
        if (student, assignment) in found:
            raise CourseError(f"{here}: {plain(student)} has an extension for {plain(assignment)} already; keep one")
        found[student, assignment] = point_in_time(due, here)
    return found


def point_in_time(text: str, where: str) -> datetime.datetime:
    """A date with a time of day, "2026-11-30 23:59 Europe/Berlin" or ISO 8601, as a naive UTC datetime, as nbgrader
    keeps them. Without a zone it is UTC. Raises CourseError, beginning with `where`, for anything else."""

    def refuse(why: str) -> NoReturn:
        expected = "expected a date with a time of day, such as 2026-11-30 23:59 Europe/Berlin"
        raise CourseError(f"{where}: {plain(text)!r} {why}; {expected}") from None

    moment, _, name = text.strip().rpartition(" ")
    if not _ZONE.fullmatch(name) or not moment:
        moment, name = text.strip(), "UTC"
    if not re.search(r"\d[T ]\d", moment):
        refuse("has no time of day")
    try:
        found = datetime.datetime.fromisoformat(moment)
        tz = zone(name)
    except (ValueError, CourseError):
        refuse("is not a time")
    return (found if found.tzinfo else found.replace(tzinfo=tz)).astimezone(datetime.UTC).replace(tzinfo=None)


def zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises CourseError when there is none."""
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        pass
    raise CourseError(f"{plain(name)!r} is not a time zone; expected a name such as Europe/Berlin or UTC")


def enter_penalties(course: Course, assignment: str) -> dict[str, float]:
    """Bring everybody's due dates and late penalties in the gradebook up to date with settings and scores.

    Whichever plugin the course has for nbgrader's AssignLatePenalties is asked; without a setting nothing is changed.
    nbgrader asks it while it grades, so a mark that is given by hand later would not count. Returns the penalties by
    student, those above 0. Raises CourseError for settings without sense and where the gradebook cannot be written.
    """
    if "plugin_class" not in course.config.AssignLatePenalties and not course.config.LateSubmissionPlugin:
        return {}
    stock = AssignLatePenalties(config=course.config)
    stock.init_plugin()
    taken: dict[str, float] = {}
    try:
        with course.gradebook() as gradebook:
            EnterDueDates(config=course.config).enter(gradebook, assignment)
            scores = _scores(gradebook, assignment)
            for notebook in notebooks_of(gradebook, assignment):
                points = enter_penalty(stock, notebook, scores.get(notebook.id, 0.0))
                student = notebook.assignment.student_id
                taken[student] = taken.get(student, 0.0) + points
            gradebook.db.commit()
    except MissingEntry:
        return {}
    except DBAPIError as error:
        raise CourseError(
            f"the gradebook cannot be written ({error.orig}): try again when nothing else uses it"
        ) from None
    return {student: points for student, points in taken.items() if points > 0}


def notebooks_of(gradebook: Gradebook, assignment: str) -> list[SubmittedNotebook]:
    """Everybody's notebooks of an assignment, in one query, their submissions with them.

    Raises MissingEntry for an assignment that is not in the gradebook.
    """
    query = gradebook.db.query(SubmittedNotebook).join(SubmittedNotebook.assignment)
    query = query.filter(SubmittedAssignment.assignment_id == gradebook.find_assignment(assignment).id)
    return list(query.options(contains_eager(SubmittedNotebook.assignment)))


def _scores(gradebook: Gradebook, assignment: str) -> dict[str, float]:
    """The notebooks' scores by their ids, in one query: nbgrader's `notebook.score` looks through all grades for each,
    which takes the square of a class's size."""
    query = gradebook.db.query(Grade.notebook_id, func.sum(Grade.score)).join(Grade.notebook)
    query = query.join(SubmittedNotebook.assignment)
    query = query.filter(SubmittedAssignment.assignment_id == gradebook.find_assignment(assignment).id)
    return {notebook: float(score or 0) for notebook, score in query.group_by(Grade.notebook_id)}


def enter_penalty(stock: AssignLatePenalties, notebook: SubmittedNotebook, score: float) -> float:
    """Write a notebook's penalty as nbgrader does, from 0 to its score; the points."""
    submission = notebook.assignment
    seconds = submission.total_seconds_late
    asked = None
    if seconds > 0:
        asked = stock.plugin_inst.late_submission_penalty(submission.student_id, score, seconds)
    points = None if asked is None else min(max(asked, 0), score)
    if notebook.late_submission_penalty != points:
        notebook.late_submission_penalty = points
    return points or 0.0
