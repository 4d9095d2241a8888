"""`check` says the same of an answer, word for word, wherever the answer lives."""

from __future__ import annotations

import contextlib
import importlib
import io
import linecache
import random
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from plain_kernel import PlainKernel, plain_kernel
from vanilla_wrong_answers import RIGHT_AFTER_ALL, WRONG

from autograder import check
from autograder.boundary import examiner
from autograder.checks import CheckFailure, checking
from autograder.checks.elsewhere import driver_for
from autograder.checks.mistakes import apply
from autograder.checks.question import Question
from autograder.checks.training import Malformed, Training, Trial, judge_training
from autograder.grading.audit import FRAMEWORKS, audited
from autograder.grading.sources import notebook_of
from autograder.grading.translation import with_mistake

SOLUTIONS = Path(__file__).parents[2] / "solutions"
OURS = str(Path(judge_training.__code__.co_filename).parents[1])
SAMPLED = 2
"""Mistakes and variants of each question that are tried."""


class Notebook:
    """A solution notebook, run twice: in a kernel of its own and in this process."""

    def __init__(self, kernel: PlainKernel, assignment: str, framework: str) -> None:
        self.kernel, self.framework = kernel, framework
        notebook = notebook_of(SOLUTIONS / assignment / f"{framework}.py")
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        tests = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
        self.answers = dict(re.findall(r'check\(\s*"([\w/-]+)",\s*(\w+)', "\n".join(cell.source for cell in tests)))
        self.cells = [plain(cell.source) for cell in cells if cell not in tests]
        self.solutions = {
            cell.metadata["nbgrader"]["grade_id"].removesuffix("-answer"): plain(cell.source)
            for cell in cells
            if cell.metadata.get("nbgrader", {}).get("solution")
        }
        self.names: dict[str, Any] = {"__name__": "__main__"}
        kernel.run(*self.cells)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for number, cell in enumerate(self.cells):
                run_here(cell, self.names, f"<cell {number}>")

    def both(self, question: str, source: str = "", name: str = "") -> tuple[str, str]:
        """What the check prints and says of an answer: here, and by a handle. `source` replaces the solution."""
        name = name or self.answers[question]
        here, there = dict(self.names), dict[str, Any]()
        solution = self.solutions.get(question.split("/")[1], "")
        if source:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                run_here(source, here, f"<{question}>")
            self.kernel.run(source)
        examiner.bind(there, [name], [*self.cells, *([source] if source else [])])
        try:
            return told(question, here[name], self.framework), told(question, there[name], self.framework)
        finally:
            if source and solution:
                self.kernel.run(solution)


def plain(source: str) -> str:
    return TransformerManager().transform_cell(source)


def run_here(source: str, names: dict[str, Any], file: str) -> None:
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)


def told(question: str, answer: object, framework: str) -> str:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), warnings.catch_warnings():
        warnings.resetwarnings()  # as Python itself sets them
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        try:
            check(question, answer, framework=framework, seed=5)
        except CheckFailure as failure:
            shown.write(f"{failure}\n{failure.mistakes} {failure.credit}")
    return shown.getvalue()


EACH = [
    pytest.param(
        (assignment, framework), marks=[] if (assignment, framework) == ("vanilla", "numpy") else pytest.mark.slow
    )
    for assignment in audited(SOLUTIONS)
    for framework in FRAMEWORKS
]


@pytest.fixture(scope="module", params=EACH, ids="-".join)
def notebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    with plain_kernel(tmp_path_factory.mktemp("kernel")) as kernel:
        examiner.connect(kernel.connection)
        yield Notebook(kernel, *request.param)
        examiner.disconnect()


def exact(notebook: Notebook) -> list[Question]:
    """The notebook's questions that are judged exactly."""
    assignment = next(iter(notebook.answers)).split("/")[0]
    questions = importlib.import_module(f"autograder.checks.{checking.assignments()[assignment]}").QUESTIONS
    return [questions[name] for name in notebook.answers if isinstance(questions[name], Question)]


def same(both: tuple[str, str]) -> str:
    here, there = both
    assert there == here
    return here


def test_right_answers(notebook):
    """But for the trainings in TensorFlow, which take minutes: the others show that a training is told alike."""
    exactly = {question.name for question in exact(notebook)}
    for question in notebook.answers:
        if question in exactly or notebook.framework != "tensorflow":
            assert f"✓ {question}" in same(notebook.both(question)), question


def test_known_mistakes(notebook):
    tried = 0
    for question in exact(notebook):
        solution = notebook.solutions[question.name.split("/")[1]]
        chosen = random.Random(question.name).sample(question.mistakes, min(SAMPLED, len(question.mistakes)))
        for mistake in chosen:
            source = with_mistake(mistake, solution, notebook.framework)
            if source is not None:
                assert f"✗ {question.name}" in same(notebook.both(question.name, source)), mistake.name
                tried += 1
    assert tried > len(notebook.answers)


def test_other_right_answers(notebook):
    for question in exact(notebook):
        solution = notebook.solutions[question.name.split("/")[1]]
        fitting = [v for v in question.variants if notebook.framework in v.edits]
        for variant in random.Random(question.name).sample(fitting, min(SAMPLED, len(fitting))):
            source = solution
            for edit in variant.edits[notebook.framework]:
                source = apply(source, edit, variant.name)
            assert f"✓ {question.name}" in same(notebook.both(question.name, source)), variant.name


# --- what else can be wrong, in one notebook of each framework ------------------------------------------------


def test_other_wrong_answers(notebook):
    if "vanilla/step-forward" not in notebook.answers:
        pytest.skip("they are answers to vanilla")
    for question, sources in WRONG[notebook.framework].items():
        for source in sources:
            named = source.replace("NAME", notebook.answers[question])
            assert f"✗ {question}" in same(notebook.both(question, named)), named
    for source in RIGHT_AFTER_ALL if notebook.framework == "numpy" else []:
        assert "✓ vanilla/step-forward" in same(notebook.both("vanilla/step-forward", source)), source


@pytest.mark.slow
def test_time_is_up_in_the_same_words(tmp_path):
    """Ten seconds here and ten there."""
    with plain_kernel(tmp_path) as kernel:
        examiner.connect(kernel.connection)
        loop = "def step_forward(x, h_prev, W, U, b):\n    while True:\n        pass"
        here, there = Notebook(kernel, "vanilla", "numpy").both("vanilla/step-forward", loop)
        examiner.disconnect()
    assert "step_forward did not return within 10 seconds" in here
    line = re.compile(r"line [23] of your code in step_forward: `(while True:|pass)`")
    assert line.sub("…", here) == line.sub("…", there)


@pytest.mark.slow
def test_a_training_is_timed_where_it_is_used(tmp_path):
    """In processor time: waiting costs nothing, and the examiner's own waiting neither."""
    source = (
        "import time\ndef fit(x):\n    time.sleep(0.7)\n    return float(x.mean())\n"
        "def works(x):\n    while True:\n        x = x + 0\n"
        "def returns(x):\n    return [None]"
    )

    def score(returned: object) -> float:
        if not isinstance(returned, float):
            raise Malformed(f"expected a number, got {type(returned).__name__}")
        return returned

    def trials(rng: np.random.Generator) -> Iterator[Trial]:
        yield Trial("numbers", {"x": rng.normal(size=5)}, score)

    question = Training("test/fit", trials, 9.0, False, "units", 1, 0.4, "nowhere", "Fit.", "eq-rnn-a")
    names: dict[str, Any] = {"np": np}
    run_here(source, names, "<fit>")
    with plain_kernel(tmp_path) as kernel:
        kernel.run("import numpy as np", source)
        there: dict[str, Any] = {}
        examiner.connect(kernel.connection)
        examiner.bind(there, ["fit", "works", "returns"])
        assert "fit" in there
        for name, words in (
            ("fit", "✓ test/fit"),
            ("works", "within its 0.4 seconds of processor"),
            ("returns", "list"),
        ):
            texts = []
            for answer in (names[name], there[name]):
                try:
                    texts.append(judge_training(question, answer, driver_for(answer, "numpy"), 3, OURS))
                except CheckFailure as failure:
                    texts.append(re.sub(r"line \d+ of your code in works: `[^`]*`", "…", str(failure)))
            assert texts[0] == texts[1]
            assert words in texts[0]
        examiner.disconnect()
