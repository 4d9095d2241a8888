"""Which names the teacher's cells borrow from the learner."""

import pytest

from autograder.boundary.borrowed import Ownership, defined, played


def borrowed(*cells: str) -> list[str]:
    """What the last of the cells borrows."""
    ownership = Ownership()
    for cell in cells[:-1]:
        ownership.before(cell)
        ownership.after(defined(cell))
    return ownership.before(cells[-1])


SET_UP = "import numpy as np\nfrom autograder import check\nimport os.path"


def test_the_answer_alone_is_borrowed():
    assert borrowed(SET_UP, "check('lstm/step-forward', step_forward)") == ["step_forward"]


def test_what_earlier_cells_define_is_the_teachers():
    setting = "rng = np.random.default_rng(0)\nfor k in range(3):\n    x = k\nwith open(os.devnull) as sink:\n    pass"
    cell = "y = forward(x, rng, k, sink)\nassert y.sum() == total"
    assert borrowed(SET_UP, setting, cell) == ["forward", "total"]


def test_what_the_cell_itself_has_made_is_not_borrowed():
    assert borrowed("import math\nx = 2\ny = step(x)\nassert math.isclose(y, x)") == ["step"]


def test_a_name_used_before_it_is_made_anew_is_borrowed():
    assert borrowed("W = W.copy()\nstep(W)") == ["W", "step"]


def test_helpers_look_their_names_up_when_they_are_called():
    helper = "def both(x):\n    first = forward(x)\n    return backward(first)"
    assert borrowed(helper, "assert both(1) == 2") == ["backward", "first", "forward", "x"]


def test_names_inside_of_functions_and_comprehensions_are_not_the_teachers():
    earlier = "def helper():\n    answer = 1\n    return answer\nsquares = [value**2 for value in range(3)]"
    assert borrowed(earlier, "check('a', answer, value, helper, squares)") == ["answer", "check", "value"]


@pytest.mark.parametrize("source", ["%timeit step(x)", "!ls", "x = ?", "def broken(:", "", "  "])
def test_magics_and_broken_cells_are_passed_over(source):
    assert "np" not in borrowed(SET_UP, source)


def test_cells_that_try_the_answer_out_are_told_from_those_that_tests_need():
    cells = [
        "import numpy as np\nnp.random.seed(0)",
        "states = forward(x)\nprint(states.shape)",
        "x = np.zeros(3)",
        "expected = prepare(x)",
        "helper = expected * 2",
        "losses = train(x)",
    ]
    tests = ["assert backward(helper) == 1"]
    assert played(cells, tests) == [False, True, False, False, False, True]
