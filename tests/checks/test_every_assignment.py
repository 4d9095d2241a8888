"""What holds for every assignment: questions, right answers far from the tolerance, stubs, numbers of equations."""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest
from solved_notebooks import SOLUTIONS, solved

from autograder.checks import checking, drivers
from autograder.checks.calling import Printed
from autograder.checks.observing import cast, observe, run_dtype
from autograder.checks.places import place
from autograder.checks.question import Calling, Question, relative_error, tolerance
from autograder.grading.audit import FRAMEWORKS, audited
from autograder.grading.book_places import places

ASSIGNMENTS = audited(SOLUTIONS)
EACH = [
    pytest.param(assignment, framework, marks=[] if framework == "numpy" else pytest.mark.slow)
    for assignment in ASSIGNMENTS
    for framework in FRAMEWORKS
]
EVERYWHERE = [(assignment, framework) for assignment in ASSIGNMENTS for framework in FRAMEWORKS]


def questions(assignment: str) -> dict[str, Any]:
    return importlib.import_module(f"autograder.checks.{checking.assignments()[assignment]}").QUESTIONS


def answers(assignment: str, framework: str) -> dict[str, Any]:
    """What the notebook checks, by question."""
    ready = solved(assignment, framework)
    source = "\n".join(cell.source for cell in ready.cells)
    found = re.findall(rf'check\(\s*"({assignment}/[\w-]+)",\s*(\w+)', source)
    return {question: ready.names[name] for question, name in found}


@pytest.mark.parametrize(("assignment", "framework"), EACH)
def test_every_question_is_asked(assignment, framework):
    assert set(answers(assignment, framework)) == set(questions(assignment))


@pytest.mark.parametrize(("assignment", "framework"), EACH)
def test_a_right_answer_is_nowhere_near_the_tolerance(assignment, framework):
    """A twentieth of it at most, whatever is drawn: there has to be room for other orders of summation."""
    driver = drivers.load(framework)
    for name, answer in answers(assignment, framework).items():
        question = questions(assignment)[name]
        if not isinstance(question, Question):
            continue  # judged by what training reaches
        how, rng = question.answers[framework], np.random.default_rng(0)
        for problem in (p for _ in range(6) for p in question.problems(rng)):
            if how.calling is Calling.MODULE and problem.dtype != np.float64:
                continue  # modules have a type of their own, so the check leaves these out
            dtype = run_dtype(how, driver, problem)
            seen = observe(question, how, driver, answer, problem, Printed(), "")
            assert not seen.changed
            for output, value in seen.outputs.items():
                expected, scale = cast(problem.expected[output], dtype), problem.scales.get(output, 0.0)
                error = float(relative_error(value, expected, scale).max(initial=0.0))
                assert error <= tolerance(dtype, problem.terms) / 20, (name, output, problem.given)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_nothing_is_written_yet(assignment):
    """The stubs of the NumPy notebook, checked: each says so, and what to do."""
    notebook = solved(assignment, "numpy")
    for name in questions(assignment):
        source = notebook.solution(name.split("/")[1])
        stub = re.sub(r'(""".*?""").*', r"\1\n    raise NotImplementedError()", source, flags=re.DOTALL)
        failure = notebook.put(name.split("/")[1], stub)
        assert "is not written yet" in str(failure), name
        assert "Replace `raise NotImplementedError()`" in str(failure)


@pytest.mark.parametrize(("assignment", "framework"), EVERYWHERE)
def test_numbers_and_pages_that_are_named_are_the_books(root, assignment, framework):
    numbers = {place(label).number for label in places(root)}
    text = (SOLUTIONS / assignment / f"{framework}.py").read_text(encoding="utf-8")
    assert set(re.findall(r"equations? \((\d+\.\d+)\)", text)) <= numbers
    for page in re.findall(r"\]\(\.\./\.\./(book/[\w/-]+\.md)\)", text):
        assert (root / page).is_file(), page
