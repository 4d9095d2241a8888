"""Releasing an assignment: nbgrader's own generate_assignment, from the sources to what learners open."""

from pathlib import Path

from autograder.grading.course import Course, CourseError


def release(course: Course, assignment: str) -> list[Path]:
    """Make the learners' notebooks of an assignment and enter it in the gradebook; the notebooks' paths.

    Solutions, hidden tests and marking schemes are cut out by nbgrader. Raises CourseError when the
    assignment is unknown or nbgrader refuses it, with nbgrader's reason.
    """
    course.notebooks(assignment)
    result = course.api().generate_assignment(assignment, force=True, create=True)
    if not result["success"]:
        raise CourseError(f"nbgrader could not release {assignment}: {last_words(result)}")
    return sorted(course.folder("release", ".", assignment).glob("*.ipynb"))


def last_words(result: dict) -> str:
    """The most telling line of an nbgrader API result: the last line of its error, or of its log."""
    text = (result.get("error") or "").strip() or (result.get("log") or "").strip()
    return text.splitlines()[-1].strip() if text else "no reason given"
