"""Outcomes: how grading one student's assignment went, kept in the course's folder beside the gradebook."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from autograder.grading.course import Course, CourseError
from autograder.grading.writing import replace


@dataclass(frozen=True)
class Outcome:
    """How grading one student's assignment went: the notebooks handed in, and a reason for each lost question.

    `reasons` maps notebook and question to what went wrong, in a line; `problems` maps a notebook to
    why it could not be graded at all, `hand_answers` notebook and question to a hash of what a person marks.
    `isolation` is the tier that each notebook's kernel had, `repairs` what was put right in it before it was run,
    `lost` why its kernel was lost on the way, each time; `seconds` is how long its examination took.
    `mistakes` maps notebook and question to the names of the known mistakes that were recognised.
    `keys` maps notebook to what its grade depends on, part by part; `key` is one hash of them all.
    """

    student: str
    assignment: str
    key: str
    notebooks: tuple[str, ...]
    reasons: dict[str, dict[str, str]]
    problems: dict[str, str]
    hand_answers: dict[str, dict[str, str]]
    isolation: dict[str, str] = field(default_factory=dict)
    repairs: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)
    mistakes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)


def keep(course: Course, outcome: Outcome) -> None:
    """Keep an outcome; the one before it is replaced as a whole."""
    text = json.dumps(asdict(outcome), indent=1, ensure_ascii=False)
    replace(_file(course, outcome.student, outcome.assignment), text.encode())


def on_disk(course: Course, student: str, assignment: str) -> Outcome | None:
    """The outcome that was kept last, whether or not the gradebook knows of it; None for none that can be read."""
    try:
        content = json.loads(_file(course, student, assignment).read_text(encoding="utf-8"))
        known = {f.name for f in fields(Outcome)}
        content = {name: value for name, value in content.items() if name in known}
        return Outcome(**{"hand_answers": {}, **content, "notebooks": tuple(content["notebooks"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def in_gradebook(gradebook: Gradebook, student: str, assignment: str) -> bool:
    """Whether the gradebook has a submission of this student."""
    try:
        gradebook.find_submission(assignment, student)
    except MissingEntry:
        return False
    return True


def graded(course: Course, assignment: str) -> list[Outcome]:
    """Everybody's kept outcome. Raises CourseError when nothing of the assignment has been graded."""
    course.notebooks(assignment)
    with course.gradebook() as gradebook:
        try:
            entered = {submission.student_id for submission in gradebook.assignment_submissions(assignment)}
        except MissingEntry:
            entered = set()
    kept = (on_disk(course, student, assignment) for student in course.students(assignment) if student in entered)
    outcomes = [outcome for outcome in kept if outcome is not None]
    if not outcomes:
        raise CourseError(f"nothing of {assignment} has been graded in {course.root}: run unrolled grade first")
    return outcomes


def _file(course: Course, student: str, assignment: str) -> Path:
    return course.root / "outcomes" / assignment / f"{student}.json"
