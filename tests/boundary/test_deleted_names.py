"""A test deletes a learner's function to see whether another needs it, as nbgrader's own example does."""

from __future__ import annotations

import asyncio

import nbformat
import pytest
from manners import MANNERS, sides
from nbgrader.utils import determine_grade

from autograder.boundary.examination import Timing, examine, new_cell

pytestmark = pytest.mark.slow

DELETES = """\
kept = squares
del squares
try:
    {function}(2)
except NameError:
    pass
else:
    raise AssertionError("it does not use squares")
finally:
    squares = kept
"""


def asked(source):
    return new_cell(source, "test", grade=True, solution=False, locked=True, grade_id="question", points=1)


@pytest.mark.parametrize("manner", MANNERS)
def test_a_name_that_a_test_deletes_is_gone_for_the_learners_code_too(manner):
    cells = [
        new_cell(
            "def squares(n):\n    return [i**2 for i in range(n)]\n\n"
            "def total(n):\n    return sum(squares(n))\n\n"
            "def by_itself(n):\n    return sum(i**2 for i in range(n))",
            "learner",
        ),
        asked(DELETES.format(function="total") + "assert total(4) == 14"),
        asked(DELETES.format(function="by_itself")),
        asked("assert squares(3) == [0, 1, 4]\nassert total(4) == by_itself(4) == 14"),
        asked("del squares\nassert by_itself(3) == 5"),
        asked("assert total(3) == 5"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    asyncio.run(examine(notebook, **sides(manner), timing=Timing(20, 30, 120)))
    tests = [cell for cell in notebook.cells if cell.metadata.unrolled.role == "test"]
    assert [determine_grade(cell)[0] for cell in tests] == [1, 0, 1, 1, 1]
