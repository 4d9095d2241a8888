"""What went wrong in each student's questions, in words that are the same for the same error."""

import re

from autograder.grading.course import Course
from autograder.grading.outcomes import on_disk

_NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?|\b(?:nan|inf)\b")
_BLANK = "is not written yet"


def wrong_results(course: Course, assignment: str, notebook: str) -> dict[str, dict[str, str]]:
    """Student to question to the error: the known mistakes, else the reason without its numbers.

    Everybody has inputs of their own, so the numbers of one error differ. Students who have not been graded, and
    questions left blank, are not in it.
    """
    found = {}
    for student in course.students(assignment):
        outcome = on_disk(course, student, assignment)
        if outcome is None or notebook in outcome.problems:
            continue
        named = outcome.mistakes.get(notebook, {})
        reasons = outcome.reasons.get(notebook, {})
        errors = {q: " and ".join(sorted(named[q])) if named.get(q) else _words(r) for q, r in reasons.items()}
        found[student] = {question: error for question, error in errors.items() if _BLANK not in reasons[question]}
    return found


def _words(reason: str) -> str:
    return _NUMBER.sub("#", reason.partition(" → ")[0])
