"""The catalogue of mistakes: every edit applies once, is caught, and is named; every variant keeps its points."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure, checking
from autograder.checks.mistakes import Mistake, MistakeError, mistaken
from autograder.grading.audit import FRAMEWORKS, Row, audit, audited, page
from autograder.grading.sources import notebook_of

ROOT = Path(__file__).parents[2]
QUESTIONS = [
    question
    for module in checking.assignments().values()
    for question in importlib.import_module(f"autograder.checks.{module}").QUESTIONS.values()
]
MISTAKES = [(q, m) for q in QUESTIONS for m in q.mistakes]
IDS = [f"{q.name}:{m.name}" for q, m in MISTAKES]


@pytest.mark.slow  # the mutation table has each once, in test-fast too
@pytest.mark.parametrize(("question", "mistake"), MISTAKES, ids=IDS)
def test_a_mistake_is_caught_and_named(question, mistake):
    """Whatever is drawn. A mistake whose edit does not apply exactly once raises."""
    answer = mistaken(question.reference, mistake)
    for seed in range(3):
        with pytest.raises(CheckFailure) as caught:
            check(question.name, answer, seed=seed)
        assert caught.value.mistakes == (mistake.name,), str(caught.value)
        assert mistake.hint in str(caught.value)


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.reference], ids=lambda q: q.name)
def test_the_reference_answer_is_right(question, capsys):
    check(question.name, question.reference, rounds=5)
    assert capsys.readouterr().out.startswith("✓")


def test_names_and_hints_are_their_own():
    for question in QUESTIONS:
        names = [m.name for m in question.mistakes]
        assert len(set(names)) == len(names), question.name
        for mistake in question.mistakes:
            assert mistake.name == mistake.name.lower().replace(" ", "-")
            assert mistake.hint.rstrip(")").endswith((".", "?"))
            assert len(mistake.hint) < 260, "a hint is one or two sentences"


def body(source: str) -> str:
    """A function's statements without its docstring, layout aside."""
    function = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return ast.unparse(ast.Module(statements, []))


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.reference], ids=lambda q: q.name)
def test_the_reference_answer_is_the_numpy_solution(question, root):
    assignment, _, name = question.name.partition("/")
    notebook = notebook_of(root / "solutions" / assignment / "numpy.py")
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == f"{name}-answer")
    assert body(cell.source) == body(textwrap.dedent(inspect.getsource(question.reference)))


@cache
def audited_rows(assignment: str, framework: str) -> tuple[Row, ...]:
    return tuple(audit(ROOT / "solutions", assignment, (framework,)))


@pytest.mark.parametrize("framework", ["numpy", *(pytest.param(f, marks=pytest.mark.slow) for f in FRAMEWORKS[1:])])
@pytest.mark.parametrize("assignment", audited(ROOT / "solutions"))
def test_the_mutation_table(assignment, framework):
    """In the notebooks' own cells: no mistake keeps its points, no variant loses one, 95 in 100 are named rightly."""
    rows = audited_rows(assignment, framework)
    for row in rows:
        assert not row.not_caught, f"{row.question} in {framework}: {row.not_caught}"
        assert not row.refused, f"{row.question} in {framework}: {[row.messages[n] for n in row.refused]}"
    made = sum(len(row.mistakes) for row in rows)
    unnamed = [f"{row.question}: {name}\n{row.messages[name]}" for row in rows for name in row.not_named]
    assert len(unnamed) <= 0.05 * made, "\n".join(unnamed)


@pytest.mark.slow
def test_the_page_of_the_mutation_table_is_current():
    rows = [row for a in audited(ROOT / "solutions") for f in FRAMEWORKS for row in audited_rows(a, f)]
    written = (ROOT / "book" / "mutation-table.md").read_text(encoding="utf-8")
    assert written == page(rows), "run: unrolled audit --page book/mutation-table.md"


def right(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


def test_two_mistakes_in_different_outputs_are_both_named():
    def wrong(dh, x, h_prev, h, W, U):
        dx, dh_prev, dW, _, db = right(dh, x, h_prev, h, W, U)
        return dx, dh_prev, dW, h.T @ (dh * (1 - h**2)), db / len(x)

    with pytest.raises(CheckFailure) as caught:
        check("vanilla/step-backward", wrong)
    assert set(caught.value.mistakes) == {"state-that-came-out", "bias-averaged"}


def test_two_mistakes_in_one_output_get_the_fallback():
    def wrong(dh, x, h_prev, h, W, U):
        dx, dh_prev, dW, _, db = right(dh, x, h_prev, h, W, U)
        return dx, dh_prev, dW, h.T @ dh / 3, db

    with pytest.raises(CheckFailure) as caught:
        check("vanilla/step-backward", wrong)
    assert caught.value.mistakes == ()
    assert "dU  ✗" in str(caught.value).replace("       ✗", "  ✗")
    assert "→" in str(caught.value)


def test_an_unknown_error_is_not_given_a_name():
    for factor in np.random.default_rng(0).uniform(1.05, 3, size=20):

        def wrong(dh, x, h_prev, h, W, U, factor=factor):
            return right(dh * factor, x, h_prev, h, W, U)

        with pytest.raises(CheckFailure) as caught:
            check("vanilla/step-backward", wrong)
        assert caught.value.mistakes == ()


def test_an_edit_that_does_not_apply_once_is_refused():
    def reference(x):
        return x + x

    with pytest.raises(MistakeError, match="stands 3 times"):
        mistaken(reference, Mistake("thrice", "x", "y", "…"))
    with pytest.raises(MistakeError, match="stands 0 times"):
        mistaken(reference, Mistake("never", "z", "y", "…"))
