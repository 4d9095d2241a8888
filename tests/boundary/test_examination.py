"""An examination on two sides, with real kernels: points, lost kernels, budgets, and what may not cross."""

from __future__ import annotations

import asyncio
import functools

import nbformat
import pytest
from manners import MANNERS, sides
from nbgrader.utils import determine_grade

from autograder.boundary.examination import Draws, Timing, examine, new_cell
from autograder.kernels import Limits

pytestmark = pytest.mark.slow

TIMING, LIMITS = Timing(cell=20, test=30, total=120), Limits()
SET_UP = new_cell("import numpy as np", "released")


def asked(source, name="question", points=2.0):
    return new_cell(source, "test", grade=True, solution=False, locked=True, grade_id=name, points=points)


def learners(source):
    return new_cell(source, "learner")


@pytest.fixture(params=MANNERS)
def examined(request):
    """`_examined` in either manner."""
    return functools.partial(_examined, request.param)


def _examined(manner, *cells, timing=TIMING, limits=LIMITS, **keywords):
    """The examination's account, and the points of each test cell as nbgrader reads them."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.from_dict(cell) for cell in (SET_UP, *cells)])
    went = asyncio.run(
        examine(
            notebook,
            **sides(manner, limits),
            timing=timing,
            **keywords,
        )
    )
    tests = [cell for cell in notebook.cells if cell.metadata.unrolled.role == "test"]
    return went, [determine_grade(cell)[0] for cell in tests], notebook


def said(notebook):
    """All that the notebook's cells show, as text."""
    return "\n".join(nbformat.v4.writes(notebook).splitlines())


def test_right_and_wrong_answers(examined):
    went, points, _ = examined(
        learners("def double(x):\n    return 2 * x\n\ndef wrong(x):\n    return x"),
        asked("np.testing.assert_allclose(double(np.arange(3.0)), [0, 2, 4])\nassert double(4) == 8"),
        asked("np.testing.assert_allclose(wrong(np.arange(3.0)), [0, 2, 4])"),
        asked("missing(3)"),
    )
    assert points == [2, 0, 0]
    assert went.lost == []


def test_warnings_cost_nothing_and_silence_earns_nothing(examined):
    _, points, _ = examined(
        learners(
            "import sys, warnings\n\n"
            "def noisy():\n    warnings.warn('careful')\n    print('!', file=sys.stderr)\n    return 1"
        ),
        asked("import sys\nprint('teacher', file=sys.stderr)\nassert noisy() == 1"),
        asked("assert noisy() == 1\nraise SystemExit"),
    )
    assert points == [2, 0]


def test_a_crash_costs_one_question(examined):
    went, points, _ = examined(
        learners("import os\n\ndef crash():\n    os._exit(0)\n\ndef right():\n    return 7"),
        asked("assert right() == 7"),
        asked("try:\n    crash()\nexcept Exception:\n    pass"),
        asked("assert right() == 7"),
    )
    assert points == [2, 0, 2]
    assert len(went.lost) == 1


def test_a_call_that_never_returns_costs_one_question(examined):
    went, points, _ = examined(
        learners(
            "def hang():\n    while True:\n"
            "        try:\n            while True: pass\n        except BaseException: pass\n\n"
            "def right():\n    return 7"
        ),
        asked("assert hang() == 7"),
        asked("assert right() == 7"),
        timing=Timing(cell=5, test=6, total=60),
    )
    assert points == [0, 2]
    assert went.lost


def test_a_cell_that_ends_the_kernel_is_not_run_again(examined):
    went, points, notebook = examined(
        learners("def right():\n    return 7"),
        learners("import os\nos._exit(1)"),
        learners("def also():\n    return right() + 1"),
        asked("assert right() == 7"),
        asked("assert also() == 8"),
    )
    assert points == [2, 2]
    assert len(went.lost) == 1
    assert "ended the kernel" in said(notebook)


def test_the_budget_of_a_notebook(examined):
    _, points, notebook = examined(
        learners("import time\n\ndef right():\n    return 7"),
        asked("assert right() == 7"),
        learners("time.sleep(30)"),
        learners("time.sleep(30)"),
        asked("assert right() == 7"),
        timing=Timing(cell=4, test=10, total=6),
    )
    assert points == [2, 0]
    assert "seconds for this notebook are used up" in said(notebook)


def test_memory_is_bounded_and_the_reason_told(examined):
    went, points, _ = examined(
        learners("def fill():\n    return len([bytearray(2**24) for _ in range(1000)])\n\ndef right():\n    return 7"),
        asked("assert fill() == 1000"),
        asked("assert right() == 7"),
        limits=Limits(memory_bytes=600 * 2**20),
    )
    assert points == [0, 2]
    assert "memory" in " ".join(went.lost)


def test_names_that_the_teacher_defines_are_the_teachers(examined):
    _, points, _ = examined(
        learners(
            "class np:\n    class testing:\n        assert_allclose = staticmethod(lambda *a: None)\n\n"
            "def f():\n    return 1"
        ),
        asked("np.testing.assert_allclose(f(), 2)"),
    )
    assert points == [0]


def test_names_that_no_text_shows_are_the_teachers_too(examined):
    _, points, _ = examined(
        learners("norm = lambda *a: 0.0\nhelper = lambda: 7\n\ndef f(x):\n    return 2.5"),
        new_cell("from numpy.linalg import *\nexec('def helper():\\n    return 3')", "released"),
        asked("assert norm([f(1) - 1.5]) < 1e-3"),
        asked("assert norm([f(1) - 2.5]) < 1e-3\nassert helper() == 3"),
    )
    assert points == [0, 2]


def test_a_result_that_is_a_number_is_never_more_than_the_points(examined):
    _, points, _ = examined(
        learners("def f(x):\n    return x"),
        asked("f(1.5)"),
        asked("f(200)"),
        asked("f(-1)"),
        asked("f(float('nan'))"),
    )
    assert points == [1.5, 2, 0, 0]


def test_expected_values_are_never_in_the_learners_kernel(examined):
    """The learner's code looks wherever Python lets it: the number that the test knows is nowhere."""
    hunting = (
        "import gc, sys\n\n"
        "NAME = 'secret' + '_expectation'\n\n"
        "def hunt(x):\n"
        "    found = [o for o in gc.get_objects() if isinstance(o, dict) and NAME in o]\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n"
        "        found += [1] * (NAME in frame.f_locals or NAME in frame.f_globals)\n"
        "        frame = frame.f_back\n"
        "    return len(found) + (NAME in repr(In))\n"
    )
    _, points, _ = examined(learners(hunting), asked("secret_expectation = 12345.678\nassert hunt(np.ones(2)) == 0"))
    assert points == [2]


def test_output_floods_are_bounded(examined):
    _, points, notebook = examined(
        learners("def f():\n    return 3\n\nfor _ in range(20000):\n    print('x' * 1000)"),
        asked("assert f() == 3"),
        timing=Timing(cell=60, test=30, total=120),
    )
    assert points == [2]
    assert len(said(notebook)) < 1_000_000


def test_draws_repeat_with_the_secret(examined):
    cells = (
        learners("def f(x):\n    return x"),
        asked(
            "from autograder.checks.drawing import generator\nassert f(1) == 1\ngenerator('a/b', None).random() * 1.9"
        ),
    )
    keywords = {"draws": Draws("a", "ada", b"secret")}
    first = examined(*cells, **keywords)[1]
    assert first == examined(*cells, **keywords)[1]
    assert first != examined(*cells, draws=Draws("a", "bob", b"secret"))[1]
    assert first != examined(*cells, draws=Draws("a", "ada", b"other"))[1]
