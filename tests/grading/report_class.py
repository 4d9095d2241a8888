"""A class made up for reports and feedback: nobody ran anything, but gradebook and outcomes are what grading leaves.

Everything is written through nbgrader's gradebook and as the files in outcomes/, for as many students as are asked for.
"""

import datetime
import json
from dataclasses import asdict
from pathlib import Path
from random import Random

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.checks.checking import find
from autograder.grading.course import Course, open_course
from autograder.grading.grade import Outcome

ASSIGNMENT = "vanilla"
NOTEBOOKS = ("numpy", "pytorch")
QUESTIONS = (
    ("step-forward", "1. One step forward (2 points)", 2, False),
    ("sequence-forward", "2. A masked sequence (3 points)", 3, False),
    ("step-backward", "4. One step backward, $\\delta h$ (4 points)", 4, False),
    ("two-steps-derivation", "7. In your own words (2 points, marked by hand)", 2, True),
)
DUE = datetime.datetime(2026, 3, 1, 12, 0)


def _settings(name: str, points: float, grade: bool, solution: bool) -> dict:
    kind = {"grade_id": name, "points": points, "grade": grade, "solution": solution}
    return {"nbgrader": {**kind, "locked": not solution, "schema_version": 3, "task": False}}


def source(framework: str) -> nbformat.NotebookNode:
    """A notebook with the questions of QUESTIONS."""
    cells = [new_markdown_cell(f"# The vanilla RNN, in {framework}")]
    for name, heading, points, by_hand in QUESTIONS:
        cells.append(new_markdown_cell(f"## {heading}\n\nWhat is asked."))
        if by_hand:
            cells.append(new_markdown_cell("answer", metadata=_settings(name, points, True, True)))
            continue
        cells.append(new_code_cell("answer", metadata=_settings(f"{name}-answer", 0, False, True)))
        cells.append(new_code_cell("test", metadata=_settings(name, points, True, False)))
    return new_notebook(cells=cells)


def make_small_course(folder: Path) -> Course:
    """A course with one assignment of two notebooks, in the gradebook as nbgrader's release leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "secret"
    secret.write_text("of this course")
    config = (
        f"c = get_config()\nc.CourseDirectory.course_id = 'made-up'\nc.ExecuteAcross.secret_file = {str(secret)!r}\n"
    )
    (folder / "nbgrader_config.py").write_text(config)
    for name in NOTEBOOKS:
        path = folder / "source" / ASSIGNMENT / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(source(name), path)
    course = open_course(folder)
    database = folder / "gradebook.db"
    if _GRADEBOOK:
        database.write_bytes(_GRADEBOOK[0])
        return course
    with course.gradebook() as gradebook:
        gradebook.add_assignment(ASSIGNMENT, duedate=DUE)
        for name in NOTEBOOKS:
            gradebook.add_notebook(name, ASSIGNMENT)
            for question, _, points, by_hand in QUESTIONS:
                kind = "markdown" if by_hand else "code"
                gradebook.add_grade_cell(question, name, ASSIGNMENT, max_score=points, cell_type=kind)
                answer = question if by_hand else f"{question}-answer"
                gradebook.add_solution_cell(answer, name, ASSIGNMENT)
    _GRADEBOOK.append(database.read_bytes())
    return course


_GRADEBOOK: list[bytes] = []
"""The empty gradebook, which takes nbgrader seconds to make, for the next course."""


def add_students(course: Course, students: int, seed: int = 0) -> list[str]:
    """Put made-up students into the gradebook, outcomes/ and submitted/; their names."""
    drawn = Random(seed)
    names = [f"{drawn.choice(FIRST)}-{number:04}" for number in range(1, students + 1)]
    with course.gradebook() as gradebook:
        notebooks = {n.name: n for n in gradebook.find_assignment(ASSIGNMENT).notebooks}
        for name in names:
            chosen = drawn.choice(list(notebooks))
            _add(course, gradebook, name, chosen, drawn)
        gradebook.db.commit()
    return names


FIRST = ("asha", "bruno", "chloé", "dmitri", "eun", "farid", "greta", "hugo", "ines", "jamal", "kim", "lucia", "o'neil")


def _add(course: Course, gradebook, student: str, notebook: str, drawn: Random) -> None:
    course.folder("submitted", student, ASSIGNMENT).mkdir(parents=True, exist_ok=True)
    gradebook.add_student(student)
    late = drawn.choice([0, 0, 0, 0, 5])
    submission = gradebook.add_submission(ASSIGNMENT, student, timestamp=DUE + datetime.timedelta(hours=late - 1))
    outcome = Outcome(student, ASSIGNMENT, "", (notebook,), {notebook: {}}, {}, {})
    outcome.mistakes[notebook] = {}
    kind = drawn.random()
    if kind < 0.03:
        outcome = Outcome(student, ASSIGNMENT, "", (), {}, {}, {})
    elif kind < 0.05:
        outcome.problems[notebook] = (
            f"{notebook}.ipynb is not JSON (Expecting value at line 1, column 1): save it again"
        )
    else:
        outcome.isolation[notebook] = "strict"
        outcome.seconds[notebook] = round(drawn.lognormvariate(0.3, 0.5), 3)
        outcome.repairs[notebook] = ["the test cell step-forward had been changed: the course's own was used"] * (
            kind > 0.95
        )
        outcome.lost[notebook] = ["used more than 4 GiB of memory"] * (kind > 0.98)
    skill = drawn.betavariate(3, 1.2)
    for part in submission.notebooks:
        for grade in part.grades:
            if part.name != notebook or notebook not in outcome.isolation:
                grade.auto_score, grade.needs_manual_grade = 0, False
                continue
            _answer(outcome, grade, notebook, skill, drawn)
        if late and part.name == notebook and outcome.notebooks:
            part.late_submission_penalty = 1.0
    path = course.root / "outcomes" / ASSIGNMENT / f"{student}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(outcome)), encoding="utf-8")


def _answer(outcome: Outcome, grade, notebook: str, skill: float, drawn: Random) -> None:
    """One question: right, a known mistake, wrong in another way, or blank."""
    question, most = grade.name, float(grade.max_score)
    if grade.cell.cell_type == "markdown":
        grade.needs_manual_grade = drawn.random() < 0.4
        grade.manual_score = None if grade.needs_manual_grade else drawn.choice([0.0, 1.0, most, most])
        grade.auto_score = None
        return
    grade.needs_manual_grade, grade.auto_score = False, most
    luck = drawn.random()
    if luck < skill:
        return
    check, called = f"{ASSIGNMENT}/{question}", question.replace("-", "_")
    known = getattr(find(check), "all_mistakes", ())
    grade.auto_score = drawn.choice([0.0, 0.0, most / 2])
    if luck > 0.97:
        grade.auto_score = 0.0
        outcome.reasons[notebook][question] = f"{check}: {called} is not written yet → Replace it with your code."
    elif luck > 0.92:
        grade.auto_score = 0.0
        reason = f"{check}: {called} raised NameError: name 'W_in' is not defined → It happened at line 6: `W_in`."
        outcome.reasons[notebook][question] = reason
    elif luck > 0.88 or not known:
        outcome.reasons[notebook][question] = f"{check}: dU differs everywhere; largest relative error 1.3"
    else:
        mistake = known[min(int(drawn.expovariate(0.4)), len(known) - 1)]
        outcome.reasons[notebook][question] = f"{check}: dU, dW are not right yet → {mistake.hint}"
        outcome.mistakes[notebook][question] = [mistake.name]
