"""Refusing an answer whose code uses what its task rules out."""

from functools import lru_cache

from autograder.checks.failures import CheckFailure
from autograder.checks.question import Question
from autograder.checks.rules.forbidden import Rule, rules_of
from autograder.checks.rules.reading import Breach, breaches
from autograder.checks.rules.sources import Program, from_text, program_of
from autograder.checks.training import Training


def refuse_what_is_ruled_out(question: Question | Training, framework: str, answer: object) -> None:
    """Raise CheckFailure if the answer's code breaks a rule of its task; it says which line does, and what is asked.

    An answer whose text cannot be had, or is nested too deeply to be read, passes: its behaviour is watched as well.
    """
    rules = rules_of(question, framework)
    if not rules:
        return
    text = getattr(answer, "__unrolled_source__", None)
    try:
        if isinstance(text, str):
            found = _first_in_text(text, str(getattr(answer, "__name__", "")), rules)
        else:
            found = _first(program_of(answer), rules)
    except (RecursionError, MemoryError):
        return
    if found is not None:
        raise CheckFailure(
            question.name,
            f"expected {found.expected}",
            advice=f"It is {found.where}. {found.instead}",
            see=question.see,
        )


@lru_cache(maxsize=64)
def _first_in_text(text: str, name: str, rules: tuple[Rule, ...]) -> Breach | None:
    """As `_first`; an answer is checked more than once, and its text stays what it is."""
    return _first(from_text(text, name), rules)


def _first(program: Program | None, rules: tuple[Rule, ...]) -> Breach | None:
    return next(breaches(program, rules), None) if program is not None else None
