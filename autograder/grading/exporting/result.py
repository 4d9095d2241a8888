"""Everything that is known of a student's assignment: questions, total, and what being late cost."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nbgrader.api import MissingEntry

from autograder.grading.course import Course
from autograder.grading.grade import Outcome
from autograder.grading.late import enter_penalties, notebooks_of
from autograder.grading.table import QuestionRow, StudentRow, question_rows, student_row


@dataclass(frozen=True)
class Late:
    """When an assignment was handed in and due (naive, UTC, if known), how late, and the points that it cost."""

    submitted: datetime.datetime | None = None
    due: datetime.datetime | None = None
    seconds: float = 0.0
    penalty: float = 0.0


@dataclass(frozen=True)
class Result:
    """One student: the outcome of grading, the questions' rows, their sum, and lateness."""

    outcome: Outcome
    questions: tuple[QuestionRow, ...]
    total: StudentRow
    late: Late = Late()

    @property
    def student(self) -> str:
        """The student's id."""
        return self.outcome.student

    @property
    def score(self) -> float:
        """The points, late penalty taken off: never negative, to the hundredth."""
        return max(0.0, round(self.total.score - self.late.penalty, 2))

    @property
    def waiting(self) -> int:
        """How many questions wait for a mark given by hand."""
        return self.total.waiting


def results(course: Course, assignment: str, outcomes: Sequence[Outcome]) -> list[Result]:
    """Everybody's result, from the gradebook as it is now; late penalties are brought up to date there first."""
    enter_penalties(course, assignment)
    rows: dict[str, list[QuestionRow]] = defaultdict(list)
    for row in question_rows(course, outcomes):
        rows[row.student].append(row)
    late = _lateness(course, assignment, {outcome.student: outcome.notebooks for outcome in outcomes})
    return [
        Result(o, tuple(rows[o.student]), student_row(course, o, rows[o.student]), late.get(o.student, Late()))
        for o in outcomes
    ]


def not_graded(course: Course, outcomes: Sequence[Outcome]) -> list[str]:
    """The students who have a folder in submitted/ and no outcome yet, since they came after the class was graded."""
    known = {outcome.student for outcome in outcomes}
    return [student for student in course.students(outcomes[0].assignment) if student not in known] if outcomes else []


def _lateness(course: Course, assignment: str, notebooks: dict[str, tuple[str, ...]]) -> dict[str, Late]:
    """When everybody handed in and what it cost; only the notebooks that were handed in count."""
    found: dict[str, Late] = {}
    with course.gradebook() as gradebook:
        try:
            entries = notebooks_of(gradebook, assignment)
        except MissingEntry:
            return {}
        for entry in entries:
            submission = entry.assignment
            student = submission.student_id
            late = found.get(student) or Late(submission.timestamp, submission.duedate, submission.total_seconds_late)
            if entry.name in notebooks.get(student, ()):
                late = replace(late, penalty=late.penalty + (entry.late_submission_penalty or 0.0))
            found[student] = late
    return found


def how_late(seconds: float) -> str:
    """A lateness in words: "2 days 3 h", "45 min"."""
    minutes = round(seconds / 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return f"{days} day{'s' * (days > 1)}" + (f" {hours} h" if hours else "")
    return f"{hours} h {minutes % 60} min" if hours else f"{max(minutes, 1)} min"
