"""The package `autograder` as a learner's code sees it while it is graded: the same names, and nothing to be found out.

This file is the whole of that package's `__init__`; learner_package puts it there, beside data sets and drivers. It
imports nothing of the course. The checks themselves run where the learner's code does not.
"""

from typing import Any


class CheckFailure(AssertionError):
    """What a failed check raises where checks run."""


def check(name: object, answer: object = None, **_how: Any) -> None:
    """Say that the question is asked elsewhere. Takes whatever the real one takes, and raises for nothing."""
    called = name if isinstance(name, str) else answer
    print(f"{called if isinstance(called, str) else 'this question'}: judged after handing in")


__all__ = ["CheckFailure", "check"]
