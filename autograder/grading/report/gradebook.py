"""What the gradebook knows beside points: when things were handed in, what was taken off for it, words of a person."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbgrader.api import (
    Comment,
    Grade,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder.grading.course import Course
from autograder.grading.queries import of, of_cells

Cell = tuple[str, str]
"""(notebook, grade_id)."""


@dataclass(frozen=True)
class Submission:
    """One student's submission as nbgrader has it.

    `seconds_late` counts from the due time with the student's extension, 0 without one; `penalties` are points taken
    off, by notebook. `comments` are a person's words by cell, `marked` the points that a person has set, `extra` those
    given on top.
    """

    seconds_late: float = 0.0
    penalties: Mapping[str, float] = field(default_factory=dict)
    comments: Mapping[Cell, str] = field(default_factory=dict)
    marked: Mapping[Cell, float] = field(default_factory=dict)
    extra: Mapping[Cell, float] = field(default_factory=dict)

    @property
    def penalty(self) -> float:
        """Points taken off in all."""
        return sum(self.penalties.values())


NONE = Submission()


def submissions(course: Course, assignment: str) -> dict[str, Submission]:
    """Everybody's submission of an assignment. Four queries, however large the class is."""
    with course.gradebook() as gradebook:
        seconds = {}
        students = {}
        due = gradebook.find_assignment(assignment).duedate
        columns = (SubmittedAssignment.id, SubmittedAssignment.student_id)
        times = (SubmittedAssignment.timestamp, SubmittedAssignment.extension)
        for number, student, handed_in, extension in of(gradebook.db.query(*columns, *times), gradebook, assignment):
            students[number] = student
            late = (handed_in - due).total_seconds() if handed_in and due else 0.0
            seconds[number] = max(0.0, late - (extension.total_seconds() if extension else 0.0))
        penalties: dict[str, dict[str, float]] = defaultdict(dict)
        taken_off = SubmittedNotebook.late_submission_penalty
        query = gradebook.db.query(SubmittedNotebook.assignment_id, Notebook.name, taken_off)
        query = query.select_from(SubmittedNotebook).join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        for number, notebook, points in of(query.filter(taken_off > 0), gradebook, assignment):
            penalties[number][notebook] = float(points)
        comments: dict[str, dict[Cell, str]] = defaultdict(dict)
        for number, notebook, cell, text in of_cells(gradebook, assignment, Comment, Comment.manual_comment):
            if text and text.strip():
                comments[number][notebook, cell] = text.strip()
        marked: dict[str, dict[Cell, float]] = defaultdict(dict)
        for number, notebook, cell, points in of_cells(gradebook, assignment, Grade, Grade.manual_score):
            marked[number][notebook, cell] = float(points)
        extra: dict[str, dict[Cell, float]] = defaultdict(dict)
        for number, notebook, cell, points in of_cells(gradebook, assignment, Grade, Grade.extra_credit):
            extra[number][notebook, cell] = float(points)
    return {
        student: Submission(seconds[number], penalties[number], comments[number], marked[number], extra[number])
        for number, student in students.items()
    }
