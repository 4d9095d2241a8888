"""What the tests of the assignments share."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from solved_notebooks import solved

from autograder.grading.audit import Graded


@pytest.fixture(scope="module")
def graded(request: pytest.FixtureRequest) -> Callable[[str], Graded]:
    """graded("numpy"): the solution of the assignment that the test file is about."""
    return lambda framework: solved(request.module.ASSIGNMENT, framework)


@pytest.fixture
def ours_may_be_called(monkeypatch):
    """Answers of a test may be made from the reference, which the rules refuse in a learner's."""
    monkeypatch.setattr("autograder.checks.rules.forbidden._OURS", re.compile("(?!)"))
