"""The solution notebooks, run once for all tests that want what their cells define."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from autograder.grading.audit import Graded
from autograder.grading.sources import notebook_of

SOLUTIONS = Path(__file__).parents[2] / "solutions"


@cache
def solved(assignment: str, framework: str) -> Graded:
    """An assignment's solution in a framework: `.names` holds what its cells defined."""
    return Graded(notebook_of(SOLUTIONS / assignment / f"{framework}.py"), f"{assignment}/{framework}")
