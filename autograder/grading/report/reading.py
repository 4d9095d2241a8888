"""The figures of a course's assignment, read from its outcomes and its gradebook."""

import os
from pathlib import Path

from autograder.grading.course import Course
from autograder.grading.grade import graded
from autograder.grading.report.figures import Figures, class_figures
from autograder.grading.report.gradebook import submissions
from autograder.grading.report.naming import naming
from autograder.grading.report.questions import asked, assignment_title
from autograder.grading.table import question_rows


def class_report(course: Course, assignment: str, *, anonymous: bool = False) -> Figures:
    """The class's figures. Raises CourseError for an unknown assignment, or when nothing of it has been graded."""
    outcomes = graded(course, assignment)
    done = {outcome.student for outcome in outcomes}
    names = course.notebooks(assignment)
    ungraded = [s for s in course.students(assignment) if s not in done and _handed_in(course, s, assignment, names)]
    secret = course.config.get("ExecuteAcross", {}).get("secret_file")
    return class_figures(
        assignment,
        asked(course, assignment),
        outcomes,
        question_rows(course, outcomes),
        submissions(course, assignment),
        naming([*done, *ungraded], anonymous=anonymous, secret=Path(secret) if secret else None),
        ungraded=ungraded,
        title=assignment_title(course, assignment),
    )


def _handed_in(course: Course, student: str, assignment: str, notebooks: list[str]) -> bool:
    """Whether a notebook's name stands in the folder; nothing is opened, and no link followed."""
    folder = course.folder("submitted", student, assignment)
    return any(os.path.lexists(folder / f"{name}.ipynb") for name in notebooks)
