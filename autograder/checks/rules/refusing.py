"""Refusing an answer whose code uses what its task rules out."""

from autograder.checks.failures import CheckFailure
from autograder.checks.question import Question
from autograder.checks.rules.forbidden import rules_of
from autograder.checks.rules.reading import breaches
from autograder.checks.rules.sources import program_of
from autograder.checks.training import Training


def refuse_what_is_ruled_out(question: Question | Training, framework: str, answer: object) -> None:
    """Raise CheckFailure if the answer's code breaks a rule of its task; it says which line does, and what is asked.

    An answer whose text cannot be had, or is nested too deeply to be read, passes: its behaviour is watched as well.
    """
    rules = rules_of(question, framework)
    if not rules:
        return
    try:
        program = program_of(answer)
        found = next(breaches(program, rules), None) if program is not None else None
    except (RecursionError, MemoryError):
        return
    if found is not None:
        raise CheckFailure(
            question.name,
            f"expected {found.expected}",
            advice=f"It is {found.where}. {found.instead}",
            see=question.see,
        )
