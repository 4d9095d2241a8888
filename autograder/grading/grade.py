"""Grading: each student's submission through nbgrader, one at a time, to a score and a reason for everybody.

Nothing that one student hands in stops the grading of another: a notebook that nbgrader cannot finish gets
zero points with the reason, and its other notebooks are graded all the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry

import autograder
from autograder.grading.course import Course, CourseError
from autograder.grading.partial import all_facts, failed, reason
from autograder.grading.release import last_words, release
from autograder.grading.staging import Staged, blank_with_reason, fingerprint, stage


@dataclass(frozen=True)
class Outcome:
    """How grading one student's assignment went: the notebooks handed in, and a reason for each lost question.

    `reasons` maps notebook and question to what went wrong, in a line; `problems` maps a notebook to
    why it could not be graded at all, `hand_answers` notebook and question to a hash of what a person marks.
    `isolation` is the tier that each notebook's kernel had, `repairs` what was put right in it before it was run,
    `lost` why its kernel was lost on the way, each time; `seconds` is how long its examination took.
    `mistakes` maps notebook and question to the names of the known mistakes that were recognised.
    `key` changes whenever anything that the grade depends on does.
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


def grade_class(
    course: Course,
    assignment: str,
    *,
    again: bool = False,
    on_student: Callable[[Outcome, bool], None] = lambda _outcome, _new: None,
) -> list[Outcome]:
    """Grade everybody's submission of an assignment. What is graded already and has not changed is kept.

    `again` grades everything anew. `on_student` is called after each student with the outcome and whether it
    was graded now. Raises CourseError for an unknown assignment or a missing submitted/ folder.
    """
    course.notebooks(assignment)
    students = course.students(assignment)
    if not _released(course, assignment):
        release(course, assignment)
    common = fingerprint(
        course.folder("source", ".", assignment),
        Path(autograder.__file__).parent,
        also=json.dumps({p: version(p) for p in ("nbgrader", "numpy")}),
    )
    outcomes = []
    for student in students:
        staged = stage(course, student, assignment)
        key = fingerprint(staged.folder, also=common)
        outcome = None if again else kept_outcome(course, student, assignment, key)
        new = outcome is None
        if outcome is None:
            outcome = grade_student(course, student, assignment, staged, key)
            _keep(course, outcome)
        outcomes.append(outcome)
        on_student(outcome, new)
    return outcomes


def grade_student(course: Course, student: str, assignment: str, staged: Staged, key: str) -> Outcome:
    """Grade what is staged for one student, notebook by notebook, into the gradebook."""
    before = kept_outcome(course, student, assignment)
    problems = dict(staged.problems)
    for name in staged.notebooks:
        reason = _autograde(course, student, assignment, name)
        if reason:
            problems[name] = f"{name}.ipynb could not be run to its end ({reason})"
            blank = blank_with_reason(course, assignment, name, problems[name])
            nbformat.write(blank, staged.folder / f"{name}.ipynb")
            if _autograde(course, student, assignment, name):
                _enter_zeros(course, student, assignment, [name])
    absent = [n for n in course.notebooks(assignment) if n not in staged.notebooks]
    _enter_zeros(course, student, assignment, absent)
    graded = {
        name: nbformat.read(course.folder("autograded", student, assignment) / f"{name}.ipynb", as_version=4)
        for name in staged.notebooks
        if name not in problems
    }
    reasons = {name: dict(_reasons(notebook)) for name, notebook in graded.items()}
    hand_answers = {name: dict(_hand_answers(notebook)) for name, notebook in graded.items()}
    told = {name: notebook.metadata.get("unrolled", {}) for name, notebook in graded.items()}
    outcome = Outcome(
        student,
        assignment,
        key,
        staged.notebooks,
        reasons,
        problems,
        hand_answers,
        isolation={name: about.get("isolation", "none") for name, about in told.items()},
        repairs={name: list(about.get("repairs", [])) for name, about in told.items()},
        lost={name: list(about.get("lost", [])) for name, about in told.items()},
        mistakes={name: dict(_mistakes(notebook)) for name, notebook in graded.items()},
        seconds={name: float(about.get("seconds", 0)) for name, about in told.items()},
    )
    if before is not None:
        _keep_hand_marks(course, before, outcome)
    return outcome


def _autograde(course: Course, student: str, assignment: str, notebook: str) -> str:
    """Run nbgrader's autograde on one staged notebook. "" when it worked, else the reason."""
    api = course.api(submitted_directory=str(course.root / "staged"), notebook_id=notebook)
    result = api.autograde(assignment, student, force=True, create=True)
    return "" if result["success"] else last_words(result)


def _enter_zeros(course: Course, student: str, assignment: str, notebooks: list[str]) -> None:
    """Record zero for notebooks that were not handed in or cannot be run; hand marks are left alone."""
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(assignment, student)
        for name in notebooks:
            for grade in gradebook.find_submission_notebook(name, assignment, student).grades:
                grade.auto_score = 0
                grade.needs_manual_grade = False
        gradebook.db.commit()


def _keep_hand_marks(course: Course, before: Outcome, now: Outcome) -> None:
    """A hand mark stands when the answer is the one that was marked; nbgrader would ask for it again."""
    with course.gradebook() as gradebook:
        for name, answers in now.hand_answers.items():
            same = {q for q, text in answers.items() if before.hand_answers.get(name, {}).get(q) == text}
            for grade in gradebook.find_submission_notebook(name, now.assignment, now.student).grades:
                if grade.name in same and grade.manual_score is not None:
                    grade.needs_manual_grade = False
        gradebook.db.commit()


def _hand_answers(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("grade") and settings.get("solution"):
            yield settings["grade_id"], hashlib.sha256(cell.source.encode()).hexdigest()


def _reasons(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """For each graded code cell that failed, wholly or in part, its grade_id and the reason: what is wrong, and after
    " → " what to do."""
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if not settings.get("grade") or cell.cell_type != "code":
            continue
        in_part = failed(cell.outputs)
        if in_part is not None:
            yield settings["grade_id"], in_part["reason"]
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                yield settings["grade_id"], _reason(output)
                break
            if output.output_type == "stream" and output.name == "stderr":
                yield settings["grade_id"], f"wrote to standard error: {output.text.splitlines()[0][:120]}"
                break


def _mistakes(notebook: NotebookNode) -> Iterator[tuple[str, list[str]]]:
    """For each test cell whose failure is known: its grade_id and the names of the mistakes."""
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("grade") and cell.cell_type == "code":
            named = [str(name) for facts in all_facts(cell.outputs) for name in facts.get("mistakes", ())]
            if named:
                yield settings["grade_id"], list(dict.fromkeys(named))


def _reason(error: NotebookNode) -> str:
    message = (error.evalue or "").splitlines()
    if error.ename == "CheckFailure" and message:
        return reason(error.evalue)
    if error.ename == "CellTimeoutError":
        return "did not finish within the time limit and was interrupted"
    return f"{error.ename}: {message[0][:160]}" if message else error.ename


def _released(course: Course, assignment: str) -> bool:
    """Whether the gradebook knows the assignment with all its notebooks and the release is there."""
    names = course.notebooks(assignment)
    folder = course.folder("release", ".", assignment)
    with course.gradebook() as gradebook:
        try:
            entered = {n.name for n in gradebook.find_assignment(assignment).notebooks}
        except MissingEntry:
            return False
    return entered == set(names) and all((folder / f"{n}.ipynb").is_file() for n in names)


def _outcome_file(course: Course, student: str, assignment: str) -> Path:
    return course.root / "outcomes" / assignment / f"{student}.json"


def _keep(course: Course, outcome: Outcome) -> None:
    path = _outcome_file(course, outcome.student, outcome.assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(asdict(outcome), indent=1, ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)


def kept_outcome(course: Course, student: str, assignment: str, key: str | None = None) -> Outcome | None:
    """The outcome of an earlier run, if there is one, the gradebook still has it, and (given `key`) it is current."""
    path = _outcome_file(course, student, assignment)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if key is not None and content.get("key") != key:
        return None
    with course.gradebook() as gradebook:
        if not _in_gradebook(gradebook, student, assignment):
            return None
    return Outcome(**{"hand_answers": {}, **content, "notebooks": tuple(content["notebooks"])})


def _in_gradebook(gradebook: Gradebook, student: str, assignment: str) -> bool:
    try:
        gradebook.find_submission(assignment, student)
    except MissingEntry:
        return False
    return True


def graded(course: Course, assignment: str) -> list[Outcome]:
    """Everybody's kept outcome. Raises CourseError when nothing of the assignment has been graded."""
    course.notebooks(assignment)
    outcomes = [o for s in course.students(assignment) if (o := kept_outcome(course, s, assignment))]
    if not outcomes:
        raise CourseError(f"nothing of {assignment} has been graded in {course.root}: run unrolled grade first")
    return outcomes
