"""Which known mistakes how many made, with what the checks say to whoever makes them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autograder.grading.grade import Outcome
from autograder.grading.report.naming import Naming
from autograder.grading.report.questions import Asked, in_order, known_mistake, place_of
from autograder.grading.table import QuestionRow


@dataclass(frozen=True)
class MistakeFigures:
    """One known mistake: how many students made it, of how many whose answer has been graded.

    `notebooks` are numbers of answers; `hint` is what its authors were told, `see` and `address` the place in the book.
    `students` are the first few who made it, `more` how many others did; nobody where nobody is to be named.
    """

    question: str
    title: str
    mistake: str
    count: int
    answers: int
    notebooks: Mapping[str, int]
    hint: str
    see: str
    address: str
    students: tuple[str, ...]
    more: int


def mistake_figures(
    assignment: str,
    questions: Mapping[str, Sequence[Asked]],
    outcomes: Iterable[Outcome],
    rows: Iterable[QuestionRow],
    naming: Naming,
    most: int,
) -> list[MistakeFigures]:
    """The commonest first; those that equally many made in the order of the questions."""
    who: dict[tuple[str, str], set[str]] = defaultdict(set)
    where: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        for notebook, of in outcome.mistakes.items():
            for question, names in of.items():
                for name in dict.fromkeys(names):
                    who[question, name].add(outcome.student)
                    where[question, name][notebook] += 1
    answers: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        answers[row.question].add(row.student)
    asked = in_order(questions)
    order = {question: place for place, question in enumerate(asked)}
    found = []
    for (question, name), students in who.items():
        check = f"{assignment}/{question}"
        known, place = known_mistake(check, name), place_of(check, name)
        named = [] if naming.anonymous else sorted(students)
        found.append(
            MistakeFigures(
                question,
                asked[question].title if question in asked else question,
                name,
                len(students),
                len(answers[question] | students),
                dict(where[question, name].most_common()),
                known.hint if known is not None else "",
                place.text if place is not None else "",
                place.address if place is not None else "",
                tuple(named[:most]),
                max(0, len(named) - most),
            )
        )
    return sorted(found, key=lambda one: (-one.count, order.get(one.question, len(order)), one.mistake))
