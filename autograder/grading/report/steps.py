"""A student's page in sentences: how the total came about, and what to do next."""

from dataclasses import dataclass

from autograder.grading.report.student import Answer, Part, Standing, StudentPage
from autograder.grading.report.words import duration, points

AGAIN = (
    "Mend an answer in your notebook, run its cell, then the check below it: it draws new numbers each time, and says "
    "at once whether the answer is right now."
)


@dataclass(frozen=True)
class Step:
    """A thing to do: a sentence in two halves, with links to answers between them."""

    before: str
    answers: tuple[tuple[Part, Answer], ...] = ()
    after: str = ""


def standing(page: StudentPage) -> list[str]:
    """What is to be known about the total: what was taken off it, and what may still come."""
    lines = []
    if page.penalty:
        verb = "was" if page.penalty == 1 else "were"
        earned = _points(sum(part.score for part in page.parts))
        lines.append(
            f"You earned {earned}. {_points(page.penalty)} {verb} taken off, because you handed in {_late(page)}."
        )
    elif page.seconds_late and page.parts:
        lines.append(f"You handed in {_late(page)}. Nothing was taken off for it.")
    if page.waiting:
        what = "One answer waits" if page.waiting == 1 else f"{page.waiting} answers wait"
        lines.append(f"{what} to be marked by a person; that can bring up to {_points(page.open_points)} more.")
    return lines


def next_steps(page: StudentPage) -> list[Step]:
    """What to do next, the first thing first."""
    steps = [Step(f"`{part.notebook}.ipynb`: {part.problem}.") for part in page.parts if part.problem]
    wrong = [(p, a) for p, a in page.to_mend if a.standing is not Standing.BLANK and not p.problem]
    blank = [(p, a) for p in page.parts for a in p.answers if a.standing is Standing.BLANK]
    if wrong:
        first, *others = wrong
        missing = first[1].most - first[1].score
        steps.append(Step("Start with ", (first,), f": {_points(missing)} to gain."))
        if others:
            steps.append(Step("Then look at ", tuple(others), "."))
    if blank and not wrong and len(blank) == sum(len(part.answers) for part in page.parts if not part.problem):
        steps.append(Step("Nothing is written yet. Begin with ", (blank[0],), "."))
    elif blank:
        steps.append(Step("Still to be written: ", tuple(blank), "."))
    read = tuple((p, a) for p in page.parts for a in p.answers if a.comments)
    if read:
        steps.append(Step("Read what your teacher writes on ", read, "."))
    if not steps and page.parts and not page.waiting and sum(part.score for part in page.parts) >= page.most:
        steps.append(Step("Nothing: everything is right."))
    return steps


def _points(value: float) -> str:
    return f"{points(value)} {'point' if value == 1 else 'points'}"


def _late(page: StudentPage) -> str:
    return f"{duration(page.seconds_late)} after the due time" if page.seconds_late else "late"
