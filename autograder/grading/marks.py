"""Marks given by hand, entered from a CSV file as if typed into Formgrader."""

import csv
from pathlib import Path

from nbgrader.api import MissingEntry

from autograder.grading.course import Course, CourseError
from autograder.grading.late import enter_penalties

COLUMNS = ("student", "assignment", "notebook", "question", "points", "comment")


def enter_marks(course: Course, path: Path) -> int:
    """Enter the marks in a CSV file with the columns of COLUMNS; how many were entered.

    All rows are checked before any is entered. Raises CourseError naming the first line that is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror})") from None
    if rows and set(COLUMNS) - set(rows[0]):
        missing = ", ".join(sorted(set(COLUMNS) - set(rows[0])))
        raise CourseError(f"{path}: the columns {missing} are missing; expected {', '.join(COLUMNS)}")
    with course.gradebook() as gradebook:
        entries = []
        for number, row in enumerate(rows, start=2):
            here = f"{path}, line {number}"
            try:
                grade = gradebook.find_grade(row["question"], row["notebook"], row["assignment"], row["student"])
                points = float(row["points"])
            except MissingEntry:
                who = f"{row['student']}/{row['assignment']}/{row['notebook']}/{row['question']}"
                raise CourseError(f"{here}: the gradebook has no question {who}; grade the submission first") from None
            except ValueError:
                raise CourseError(f"{here}: points {row['points']!r} is not a number") from None
            if not 0 <= points <= grade.max_score:
                raise CourseError(f"{here}: {points:g} points, expected 0 to {grade.max_score:g}")
            entries.append((grade, points, row))
        for grade, points, row in entries:
            grade.manual_score = points
            grade.needs_manual_grade = False
            if row["comment"]:
                _comment(gradebook, grade.name, row)
        gradebook.db.commit()
    for assignment in sorted({row["assignment"] for _, _, row in entries}):
        enter_penalties(course, assignment)  # a part of the score, which is another now
    return len(entries)


def _comment(gradebook, question: str, row: dict[str, str]) -> None:
    try:
        comment = gradebook.find_comment(question, row["notebook"], row["assignment"], row["student"])
    except MissingEntry:
        return
    comment.manual_comment = row["comment"]
