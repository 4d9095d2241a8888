"""The figures of a class: what was handed in, how the points are spread, what was misunderstood, what went wrong.

Everything is data that goes through JSON: `unrolled report --json` prints it, the page shows it.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.grading.grade import Outcome
from autograder.grading.report import kinds
from autograder.grading.report.gradebook import NONE, Submission
from autograder.grading.report.mistakes import MistakeFigures, mistake_figures
from autograder.grading.report.naming import Naming
from autograder.grading.report.questions import Asked, in_order
from autograder.grading.report.spread import Spread, by_points, shares, spread
from autograder.grading.table import QuestionRow

LISTED = 12
"""How many names a list in a report has at most; the rest is a number."""


@dataclass(frozen=True)
class Listed:
    """A few of many: (who, what) for the first, and how many more there are."""

    first: tuple[tuple[str, str], ...] = ()
    more: int = 0


@dataclass(frozen=True)
class Kind:
    """One kind of event: how often, and to whom."""

    kind: str
    count: int
    listed: Listed = Listed()


@dataclass(frozen=True)
class Loss:
    """One way in which points were lost: how many answers lost them so, and how many of each question."""

    kind: str
    count: int
    questions: Mapping[str, int]


@dataclass(frozen=True)
class People:
    """Numbers of students."""

    students: int
    handed_in: int
    nothing_handed_in: int
    graded: int
    not_graded_yet: int
    could_not_be_graded: int
    waiting: int
    late: int
    penalised: int
    without: Listed = Listed()
    ungraded: Listed = Listed()


@dataclass(frozen=True)
class QuestionFigures:
    """One question over all notebooks. Shares are of the answers that have their points: none that wait for a person,
    none of notebooks that could not be graded.

    `full`, `part`, `zero` and `blank` are numbers of answers and exclude each other; `mean` is the mean share of the
    points, `bars` how many answers had none of them, up to a quarter, …, all; `notebooks` the answers and the mean
    share in each notebook.
    """

    question: str
    title: str
    points: float
    by_hand: bool
    answers: int
    full: int
    part: int
    zero: int
    blank: int
    waiting: int
    mean: float | None
    bars: tuple[int, ...]
    notebooks: Mapping[str, tuple[int, float]]


@dataclass(frozen=True)
class ToMark:
    """What a person marks in one notebook: how many answers wait, how many have been marked."""

    notebook: str
    question: str
    title: str
    waiting: int
    marked: int


@dataclass(frozen=True)
class Time:
    """Seconds of examination of one notebook."""

    notebook: str
    count: int
    total: float
    median: float
    longest: float


@dataclass(frozen=True)
class Figures:
    """A report's figures."""

    assignment: str
    title: str
    anonymous: bool
    people: People
    totals: Spread
    questions: tuple[QuestionFigures, ...]
    mistakes: tuple[MistakeFigures, ...]
    losses: tuple[Loss, ...]
    to_mark: tuple[ToMark, ...]
    times: tuple[Time, ...]
    slowest: Listed
    isolation: Mapping[str, int]
    problems: tuple[Kind, ...]
    lost: tuple[Kind, ...]
    repairs: tuple[Kind, ...]
    notebooks: tuple[str, ...] = field(default=())
    """The notebooks that somebody handed in, in the assignment's order."""


def class_figures(
    assignment: str,
    questions: Mapping[str, Sequence[Asked]],
    outcomes: Sequence[Outcome],
    rows: Sequence[QuestionRow],
    submissions: Mapping[str, Submission],
    naming: Naming,
    *,
    ungraded: Sequence[str] = (),
    title: str = "",
) -> Figures:
    """The figures of an assignment.

    `questions` are those of each notebook, in order; `rows` the grade table; `ungraded` the students who have handed in
    something that has not been graded.
    """
    problems = {outcome.student: set(outcome.problems) for outcome in outcomes}
    in_hand = [row for row in rows if row.notebook not in problems.get(row.student, ())]
    handed_in = {name for outcome in outcomes for name in outcome.notebooks}
    return Figures(
        assignment=assignment,
        title=title or assignment,
        anonymous=naming.anonymous,
        people=_people(outcomes, rows, submissions, naming, ungraded),
        totals=_totals(rows, submissions),
        questions=tuple(_questions(questions, in_hand, submissions)),
        mistakes=tuple(mistake_figures(assignment, questions, outcomes, in_hand, naming, LISTED)),
        losses=tuple(_losses(in_hand, outcomes)),
        to_mark=tuple(_to_mark(questions, rows)),
        times=tuple(_times(questions, outcomes)),
        slowest=_slowest(outcomes, naming),
        isolation=dict(Counter(tier for o in outcomes for tier in o.isolation.values()).most_common()),
        problems=_kinds(((o.student, m) for o in outcomes for m in o.problems.values()), kinds.problem, naming),
        lost=_kinds(((o.student, m) for o in outcomes for ms in o.lost.values() for m in ms), kinds.lost, naming),
        repairs=_kinds(
            ((o.student, m) for o in outcomes for ms in o.repairs.values() for m in ms), kinds.repair, naming
        ),
        notebooks=tuple(name for name in questions if name in handed_in),
    )


def listed(who_and_what: Iterable[tuple[str, str]], naming: Naming, most: int = LISTED) -> Listed:
    """The first few of (student, what), named and worded as the report may; students in the order of their names."""
    every = sorted(who_and_what, key=lambda one: (naming.order(one[0]), one[1]))
    first = tuple((naming.name(student), naming.words(what)) for student, what in every[:most])
    return Listed(first, max(0, len(every) - most))


def _people(
    outcomes: Sequence[Outcome],
    rows: Iterable[QuestionRow],
    submissions: Mapping[str, Submission],
    naming: Naming,
    ungraded: Sequence[str],
) -> People:
    without = [o.student for o in outcomes if not o.notebooks]
    late = [o.student for o in outcomes if o.notebooks and submissions.get(o.student, NONE).seconds_late > 0]
    return People(
        students=len(outcomes) + len(ungraded),
        handed_in=len(outcomes) - len(without) + len(ungraded),
        nothing_handed_in=len(without),
        graded=sum(bool(set(o.notebooks) - set(o.problems)) for o in outcomes),
        not_graded_yet=len(ungraded),
        could_not_be_graded=sum(bool(o.notebooks) and set(o.notebooks) <= set(o.problems) for o in outcomes),
        waiting=len({row.student for row in rows if row.waiting_for_hand_mark}),
        late=len(late),
        penalised=sum(submissions.get(o.student, NONE).penalty > 0 for o in outcomes),
        without=listed(((student, "") for student in without), naming),
        ungraded=listed(((student, "") for student in ungraded), naming),
    )


def _totals(rows: Iterable[QuestionRow], submissions: Mapping[str, Submission]) -> Spread:
    """Of everybody who handed in a notebook, after what was taken off for handing in late."""
    points: dict[str, float] = defaultdict(float)
    most: dict[str, float] = defaultdict(float)
    for row in rows:
        points[row.student] += row.score
        most[row.student] += row.max_score
    return spread([(max(0.0, points[s] - submissions.get(s, NONE).penalty), most[s]) for s in points])


def _questions(
    questions: Mapping[str, Sequence[Asked]], rows: Iterable[QuestionRow], submissions: Mapping[str, Submission]
) -> Iterable[QuestionFigures]:
    """In the order in which they are asked."""
    of: dict[str, list[QuestionRow]] = defaultdict(list)
    for row in rows:
        of[row.question].append(row)
    for name, asked in in_order(questions).items():
        yield _question(asked, of[name], submissions)


def _question(asked: Asked, rows: Sequence[QuestionRow], submissions: Mapping[str, Submission]) -> QuestionFigures:
    marked = [row for row in rows if not row.waiting_for_hand_mark]
    blank = [row for row in marked if is_blank(row, asked.by_hand, submissions.get(row.student, NONE))]
    full = sum(row.score >= row.max_score for row in marked)
    nothing = sum(row.score <= 0 < row.max_score for row in marked)
    by_notebook: dict[str, list[QuestionRow]] = defaultdict(list)
    for row in marked:
        by_notebook[row.notebook].append(row)
    part = len(marked) - full - nothing
    return QuestionFigures(
        question=asked.question,
        title=asked.title,
        points=asked.points,
        by_hand=asked.by_hand,
        answers=len(marked),
        full=full,
        part=part,
        zero=nothing - len(blank),
        blank=len(blank),
        waiting=len(rows) - len(marked),
        mean=statistics.fmean(shares(marked)) if marked else None,
        bars=by_points(shares(marked)),
        notebooks={name: (len(own), statistics.fmean(shares(own))) for name, own in sorted(by_notebook.items())},
    )


def is_blank(row: QuestionRow, by_hand: bool, submission: Submission) -> bool:
    """Nothing was written: the check says so; where a person marks, nbgrader, which then asks nobody for a mark."""
    if row.score > 0 or row.waiting_for_hand_mark:
        return False
    if by_hand:
        return (row.notebook, row.question) not in submission.marked
    return kinds.lost_points(row.reason) == kinds.BLANK


def _losses(rows: Iterable[QuestionRow], outcomes: Iterable[Outcome]) -> Iterable[Loss]:
    """What cost points, by kind, the commonest first. What a person has marked is not among it."""
    known = {(o.student, name, q) for o in outcomes for name, of in o.mistakes.items() for q, ms in of.items() if ms}
    count: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.reason and row.score < row.max_score and not row.waiting_for_hand_mark:
            kind = kinds.lost_points(row.reason, (row.student, row.notebook, row.question) in known)
            count[kind][row.question] += 1
    losses = (Loss(kind, of.total(), dict(of.most_common())) for kind, of in count.items())
    return sorted(losses, key=lambda loss: (-loss.count, loss.kind))


def _to_mark(questions: Mapping[str, Sequence[Asked]], rows: Iterable[QuestionRow]) -> Iterable[ToMark]:
    of: dict[tuple[str, str], list[QuestionRow]] = defaultdict(list)
    for row in rows:
        of[row.notebook, row.question].append(row)
    for notebook, every in questions.items():
        for asked in every:
            own = of.get((notebook, asked.question), [])
            waiting = sum(row.waiting_for_hand_mark for row in own)
            if waiting or (asked.by_hand and own):
                yield ToMark(notebook, asked.question, asked.title, waiting, len(own) - waiting)


def _times(questions: Iterable[str], outcomes: Sequence[Outcome]) -> Iterable[Time]:
    for name in questions:
        seconds = [o.seconds[name] for o in outcomes if o.seconds.get(name)]
        if seconds:
            yield Time(name, len(seconds), sum(seconds), statistics.median(seconds), max(seconds))


def _slowest(outcomes: Iterable[Outcome], naming: Naming, most: int = 5) -> Listed:
    every = ((seconds, o.student, name) for o in outcomes for name, seconds in o.seconds.items() if seconds)
    slowest = sorted(every, key=lambda one: (-one[0], one[1]))[:most]
    return Listed(tuple((naming.name(student), f"{name}, {seconds:.1f} s") for seconds, student, name in slowest))


def _kinds(messages: Iterable[tuple[str, str]], kind_of: Callable[[str], str], naming: Naming) -> tuple[Kind, ...]:
    of: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for student, message in messages:
        of[kind_of(message)].append((student, message))
    found = (Kind(kind, len(every), listed(every, naming, 5)) for kind, every in of.items())
    return tuple(sorted(found, key=lambda one: (-one.count, one.kind)))
