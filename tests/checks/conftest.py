"""What the tests of the assignments share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from solved_notebooks import solved

from autograder.grading.audit import Graded


@pytest.fixture(scope="module")
def graded(request: pytest.FixtureRequest) -> Callable[[str], Graded]:
    """graded("numpy"): the solution of the assignment that the test file is about."""
    return lambda framework: solved(request.module.ASSIGNMENT, framework)
