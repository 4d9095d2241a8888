"""One student's page as data: the total and how it came about, each question with what to look at, what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from autograder.grading.grade import Outcome
from autograder.grading.report.figures import is_blank
from autograder.grading.report.gradebook import NONE, Submission
from autograder.grading.report.messages import Diagnosis, diagnosis
from autograder.grading.report.questions import Asked
from autograder.grading.table import QuestionRow

Messages = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Notebook to question to the facts of its failed check, as `messages.messages` reads them."""


class Standing(Enum):
    """How an answer stands, in words."""

    RIGHT = "right"
    PART = "partly right"
    WRONG = "not right yet"
    BLANK = "left blank"
    WAITING = "waits to be marked"
    NOT_GRADED = "not graded"


@dataclass(frozen=True)
class Answer:
    """One question of one notebook, as its author reads it."""

    asked: Asked
    standing: Standing
    score: float
    most: float
    diagnosis: Diagnosis | None = None
    comments: tuple[str, ...] = ()
    by_person: bool = False
    extra: float = 0.0


@dataclass(frozen=True)
class Part:
    """One notebook: what became of it, and its questions."""

    notebook: str
    score: float
    most: float
    answers: tuple[Answer, ...]
    problem: str = ""
    repairs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    penalty: float = 0.0
    page: bool = False


@dataclass(frozen=True)
class StudentPage:
    """All that a page says. `score` is after `penalty`; `open_points` is what answers that wait can still bring."""

    student: str
    title: str
    score: float
    most: float
    penalty: float
    seconds_late: float
    waiting: int
    open_points: float
    parts: tuple[Part, ...]
    looked_for: tuple[str, ...]

    @property
    def to_mend(self) -> tuple[tuple[Part, Answer], ...]:
        """The answers that lost points to a check, in the order in which they are asked."""
        wrong = (Standing.PART, Standing.WRONG, Standing.BLANK)
        return tuple((part, a) for part in self.parts for a in part.answers if a.standing in wrong and a.diagnosis)


def student_page(
    outcome: Outcome,
    title: str,
    questions: Mapping[str, Sequence[Asked]],
    rows: Sequence[QuestionRow],
    submission: Submission = NONE,
    messages: Messages | None = None,
    pages: frozenset[str] = frozenset(),
) -> StudentPage:
    """The page of one student. `rows` are this student's; `pages` the notebooks that have a page of nbgrader's."""
    parts = tuple(
        _part(outcome, name, questions[name], rows, submission, (messages or {}).get(name, {}), name in pages)
        for name in questions
        if name in outcome.notebooks
    )
    most = sum(part.most for part in parts) or max(sum(a.points for a in asked) for asked in questions.values())
    waiting = [a for part in parts for a in part.answers if a.standing is Standing.WAITING]
    return StudentPage(
        student=outcome.student,
        title=title,
        score=max(0.0, sum(part.score for part in parts) - submission.penalty),
        most=most,
        penalty=submission.penalty,
        seconds_late=submission.seconds_late,
        waiting=len(waiting),
        open_points=sum(a.most for a in waiting),
        parts=parts,
        looked_for=tuple(f"{name}.ipynb" for name in questions),
    )


def _part(
    outcome: Outcome,
    name: str,
    questions: Sequence[Asked],
    rows: Sequence[QuestionRow],
    submission: Submission,
    messages: Mapping[str, Mapping[str, Any]],
    page: bool,
) -> Part:
    own = {row.question: row for row in rows if row.notebook == name}
    answers = tuple(
        _answer(outcome, asked, own[asked.question], submission, messages)
        for asked in questions
        if asked.question in own
    )
    return Part(
        notebook=name,
        score=sum(a.score for a in answers),
        most=sum(a.most for a in answers),
        answers=answers,
        problem=outcome.problems.get(name, ""),
        repairs=tuple(outcome.repairs.get(name, ())),
        lost=tuple(outcome.lost.get(name, ())),
        penalty=submission.penalties.get(name, 0.0),
        page=page,
    )


def _answer(
    outcome: Outcome,
    asked: Asked,
    row: QuestionRow,
    submission: Submission,
    messages: Mapping[str, Mapping[str, Any]],
) -> Answer:
    cell = (row.notebook, row.question)
    reason = outcome.reasons.get(row.notebook, {}).get(row.question, "")
    found = None
    if reason and row.score < row.max_score and not row.waiting_for_hand_mark:
        mistakes = outcome.mistakes.get(row.notebook, {}).get(row.question, ())
        found = diagnosis(f"{outcome.assignment}/{row.question}", reason, tuple(mistakes), messages.get(row.question))
    comments = (submission.comments.get((row.notebook, name)) for name in (row.question, f"{row.question}-answer"))
    return Answer(
        asked=asked,
        standing=_standing(outcome, asked, row, submission),
        score=row.score,
        most=row.max_score,
        diagnosis=found,
        comments=tuple(text for text in comments if text),
        by_person=cell in submission.marked,
        extra=submission.extra.get(cell, 0.0),
    )


def _standing(outcome: Outcome, asked: Asked, row: QuestionRow, submission: Submission) -> Standing:
    if row.notebook in outcome.problems:
        return Standing.NOT_GRADED
    if row.waiting_for_hand_mark:
        return Standing.WAITING
    if row.score >= row.max_score:
        return Standing.RIGHT
    if is_blank(row, asked.by_hand, submission):
        return Standing.BLANK
    return Standing.PART if row.score > 0 else Standing.WRONG
