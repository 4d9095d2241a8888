"""A local derivative may be given as a SymPy expression, or as a function that returns one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from autograder import check
from autograder.boundary import examiner
from autograder.checks import CheckFailure, checking
from autograder.checks.drivers import across
from autograder.checks.drivers.symbolic import is_formula
from autograder.grading.audit import FRAMEWORKS

sympy = pytest.importorskip("sympy")

h, z, n, c_prev, i, f, g, o = sympy.symbols("h z n c_prev i f g o")
UPDATE, SOFTSIGN, CELL = "gru/update-gate-derivative", "vanilla/softsign-derivative", "lstm/cell-derivatives"
EVERYWHERE = [pytest.param(f, marks=[] if f == "numpy" else pytest.mark.slow) for f in FRAMEWORKS]


def text(name, answer, **options) -> str:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, **options)
    return str(caught.value)


RIGHT = {
    "as it stands": (1 - z) * (h - n),
    "multiplied out": sympy.expand((1 - z) * (h - n)),
    "not simplified": ((h - (1 - z) * n) / z - n) * z * (1 - z) + sympy.sin(h) ** 2 + sympy.cos(h) ** 2 - 1,
    "not differentiated yet": sympy.Derivative((1 - z) * (h - n) * o, o).subs(o, 1),
    "real symbols": (1 - sympy.Symbol("z", real=True)) * (sympy.Symbol("h", real=True) - sympy.Symbol("n", real=True)),
    "symbols of one name": (1 - z) * (sympy.Symbol("h", positive=True) - n)
    + 0 * h
    + (h - sympy.Symbol("h", real=True)),
    "a lambda": sympy.Lambda((h, z, n), (1 - z) * (h - n)),
    "a lambda in other letters": sympy.Lambda((f, g, o), (1 - g) * (f - o)),
    "a piece": sympy.Piecewise(((1 - z) * (h - n), z < 2), (0, True)),
}


@pytest.mark.parametrize("framework", EVERYWHERE)
@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT)
def test_expressions_and_functions_that_return_them_are_right(answer, framework, capsys):
    check(UPDATE, answer, framework=framework)

    def update_gate_derivative(h, z, n):
        return answer

    check(UPDATE, update_gate_derivative, framework=framework)
    assert capsys.readouterr().out.count("right on 3 problems") == 2


@pytest.mark.parametrize("framework", EVERYWHERE)
def test_every_derivative_question(framework):
    check(SOFTSIGN, (1 - sympy.Abs(h)) ** 2, framework=framework)
    a = sympy.Symbol("a", positive=True)
    slope = sympy.diff(a / (1 + a), a).subs(a, sympy.Abs(h) / (1 - sympy.Abs(h)))
    check(SOFTSIGN, slope, framework=framework)
    four = (g * i * (1 - i), c_prev * f * (1 - f), i * (1 - g**2), 0)
    check(CELL, lambda c_prev, gates: four, framework=framework)
    check(CELL, lambda c_prev, gates: list(four), framework=framework)
    check(CELL, sympy.Matrix([four]), framework=framework)
    accepted = {
        question.name
        for module in checking.assignments()
        for question in checking.importlib.import_module(
            f"autograder.checks.{checking.assignments()[module]}"
        ).QUESTIONS.values()
        if getattr(question.answers.get("numpy"), "symbols", ())
    }
    assert accepted == {UPDATE, SOFTSIGN, CELL}


@pytest.mark.parametrize("framework", EVERYWHERE)
def test_a_wrong_expression_is_diagnosed_like_a_wrong_function(framework):
    assert "The sign is wrong." in text(UPDATE, (1 - z) * (n - h), framework=framework)
    assert "dh_da_z  ✗" in text(UPDATE, 1.3 * (1 - z) * (h - n) + 0.1, framework=framework)
    assert "has shape" in text(CELL, g * i * (1 - i), framework=framework)


def test_other_symbols_are_told():
    told = text(UPDATE, (sympy.Symbol("h_prev") - n) * z * (1 - z))
    assert "expected an expression in h, z and n; yours also has h_prev" in told
    assert "yours also has a_z, sigma" in text(UPDATE, sympy.Function("sigma")(sympy.Symbol("a_z")) * h)
    assert "expected an expression in h; yours also has a" in text(SOFTSIGN, sympy.Symbol("a") ** 2)
    assert "an expression in c_prev, i, f, g and o; yours also has gates" in text(CELL, sympy.Symbol("gates") * i)


def test_texts_are_never_evaluated():
    marker = "open('/tmp/evaluated', 'w')"
    told = text(UPDATE, "(1 - z) * (h - n)")
    assert "got a str" in told
    assert "a text in quotes is not read" in told
    told = text(UPDATE, lambda h, z, n: marker)
    assert "a formula in quotes is a text, and is not read" in told
    assert "not of real numbers" in text(CELL, lambda c_prev, gates: ["g*i*(1-i)", "1"])
    told = text(CELL, lambda c_prev, gates: [g * i * (1 - i), "c_prev*f*(1-f)", 0, 0])
    assert "one of yours is a str" in told


def test_what_no_number_comes_out_of():
    assert "put into" in text(UPDATE, sympy.LambertW(h) * sympy.zeta(z))
    assert "real numbers" in text(UPDATE, sympy.I * h)
    assert "expected the function or class itself, got an int" in text(UPDATE, 3)
    assert "expected the function or class itself" in text("vanilla/step-forward", h + z), "only where it is welcome"
    assert "a str" in text("vanilla/step-forward", lambda x, h_prev, W, U, b: "x")


def test_the_type_of_the_numbers_is_the_arguments():
    found = across.function(sympy.sqrt(2) * h, "numpy", [np.ones((2, 3), "float32")], [["h"]])
    assert found.dtype == np.float32
    assert found == pytest.approx(np.full((2, 3), 2**0.5))
    assert across.function(sympy.Integer(3), "numpy", [np.ones((2, 3))], [["h"]]).shape == (2, 3)


def test_without_sympy_nothing_is_missing():
    code = """
import sys
sys.modules["sympy"] = None
from autograder import check
from autograder.boundary import examiner
check("gru/update-gate-derivative", lambda h, z, n: (1 - z) * (h - n))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "right on 3 problems" in done.stdout
    assert not is_formula(3)
    assert not is_formula(sympy.Symbol), "the class is none"


@pytest.mark.slow
def test_expressions_stay_where_they_are_and_numbers_travel(tmp_path, capsys, monkeypatch, root):
    """While grading the expression is an object in the learner's kernel, and its driver evaluates it there."""
    monkeypatch.syspath_prepend(root / "tests" / "boundary")
    from plain_kernel import plain_kernel

    cells = [
        "import sympy\nh, z, n = sympy.symbols('h z n')\nexpression = (1 - z) * (h - n)",
        "def function(h, z, n):\n    return expression",
        "other = sympy.Symbol('h_prev') * z",
        "quoted = lambda h, z, n: '(1 - z) * (h - n)'",
    ]
    names: dict = {}
    with plain_kernel(tmp_path) as kernel:
        examiner.connect(kernel.connection)
        kernel.run(*cells)
        examiner.bind(names, ["expression", "function", "other", "quoted"], cells)
        check(UPDATE, names["expression"])
        check(UPDATE, names["function"])
        assert capsys.readouterr().out.count("right on 3 problems") == 2
        assert "an expression in h, z and n; yours also has h_prev" in text(UPDATE, names["other"])
        assert "a formula in quotes is a text" in text(UPDATE, names["quoted"])
        examiner.disconnect()
