"""Entering results: into the gradebook through nbgrader's own API, and among the autograded notebooks.

One process does this, the one that has the course's folder. A student's results are entered whole or not at all, and
entering them again changes nothing. What a person has entered is left as it is.
"""

from collections.abc import Mapping
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SolutionCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc
from sqlalchemy.orm import with_polymorphic

from autograder.grading.course import Course
from autograder.grading.late import enter_penalty
from autograder.grading.outcomes import Outcome
from autograder.grading.work import Marked
from autograder.grading.writing import replace


def write_notebooks(course: Course, student: str, assignment: str, marked: Mapping[str, Marked], stamp: str) -> None:
    """Write the autograded notebooks, and the time of handing in, where nbgrader looks for them."""
    folder = course.folder("autograded", student, assignment)
    for name, result in marked.items():
        if result.text:
            replace(folder / f"{name}.ipynb", (result.text + "\n").encode())
    for path in folder.glob("*.ipynb"):
        if path.stem not in marked:
            path.unlink()  # of an earlier run; what was handed in then is not handed in any more
    if stamp:
        replace(folder / "timestamp.txt", stamp.encode())


def enter(
    gradebook: Gradebook,
    course: Course,
    student: str,
    assignment: str,
    marked: Mapping[str, Marked],
    *,
    stamp: str = "",
    before: Outcome | None = None,
) -> dict[str, dict[str, float | None]]:
    """Enter what was marked for one student, in one transaction; the points before, by notebook and question.

    Of the assignment's notebooks those that are not in `marked` were not handed in: their questions get nothing, but
    for what a person has given. A mark by hand is asked for again only where the answer is another than in `before`.
    """
    submission = _submission(gradebook, student, assignment, stamp)
    known = _cells(gradebook, assignment)  # kept until the end: else each would be fetched by itself
    scores: dict[str, dict[str, float | None]] = {}
    for notebook in submission.notebooks:
        grades = _grades(gradebook, notebook)
        scores[notebook.name] = {name: grade.auto_score for name, grade in grades.items()}
        result = marked.get(notebook.name)
        for name, grade in grades.items():
            if result is None:
                grade.auto_score, grade.needs_manual_grade = 0, False
            elif name in result.scores:
                earlier = before.hand_answers.get(notebook.name, {}) if before is not None else {}
                grade.needs_manual_grade = _wants_a_person(grade, result.scores[name], result.hand_answers, earlier)
                grade.auto_score = result.scores[name]
        if result is not None:
            for comment in notebook.comments:
                comment.auto_comment = "No response." if comment.name in result.unanswered else None
    gradebook.db.flush()
    _penalties(course, submission)
    gradebook.db.commit()
    known.clear()
    gradebook.db.expunge_all()  # a class of thousands is not kept in memory
    return scores


def _cells(gradebook: Gradebook, assignment: str) -> list[BaseCell]:
    """The cells that grades and comments belong to, in one query."""
    cells = with_polymorphic(BaseCell, [GradeCell, SolutionCell, TaskCell])
    query = gradebook.db.query(cells).join(Notebook, cells.notebook_id == Notebook.id)
    query = query.join(Assignment, Notebook.assignment_id == Assignment.id).filter(Assignment.name == assignment)
    return list(query.filter(cells.type != "SourceCell"))


def _wants_a_person(grade: Grade, score: float | None, answers: Mapping[str, str], earlier: Mapping[str, str]) -> bool:
    """Whether a person has to look: nobody has, or what they gave their mark for is not what it was.

    That is the answer, for a question that people mark, and the automatic score for one where they changed it.
    """
    if grade.manual_score is None:
        return score is None
    if grade.name in answers:
        return earlier.get(grade.name) != answers[grade.name]
    return bool(grade.auto_score != score)


def _submission(gradebook: Gradebook, student: str, assignment: str, stamp: str) -> SubmittedAssignment:
    db = gradebook.db
    if db.get(Student, student) is None:
        gradebook.add_student(student)
    told: dict[str, Any] = {"timestamp": parse_utc(stamp)} if stamp else {}
    return gradebook.update_or_create_submission(assignment, student, **told)


def _grades(gradebook: Gradebook, notebook: SubmittedNotebook) -> dict[str, Grade]:
    """The grades by question, those added that a release since has brought."""
    grades = {grade.name: grade for grade in notebook.grades}
    there = {comment.name for comment in notebook.comments}
    source = notebook.notebook
    for cell in [*source.grade_cells, *source.task_cells]:
        if cell.name not in grades:
            grades[cell.name] = Grade(cell_id=cell.id, notebook=notebook)
    for cell in [*source.solution_cells, *source.task_cells]:
        if cell.name not in there:
            Comment(cell_id=cell.id, notebook=notebook)
    gradebook.db.flush()
    return grades


def _penalties(course: Course, submission: SubmittedAssignment) -> None:
    """Penalties for being late, as nbgrader's step in the pipeline gives them."""
    step = AssignLatePenalties(config=course.config)
    step.init_plugin()
    for notebook in submission.notebooks:
        enter_penalty(step, notebook, notebook.score)
