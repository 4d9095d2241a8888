"""The mutation table: every known mistake and every accepted variant, made in the solutions and put to the checks.

A mistake is *caught* when its question's test cell fails, and *named* when the failure says that mistake and no other.
A variant is *accepted* when the cell passes. *Credit kept* is what a mistake leaves of the points, because some outputs
are right all the same; see autograder.checks.credit. The cells are the ones that grade, hidden tests included.
"""

import contextlib
import importlib
import io
import linecache
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from jinja2 import StrictUndefined, Template
from nbformat import NotebookNode

from autograder.checks.checking import assignments
from autograder.checks.failures import CheckFailure
from autograder.checks.mistakes import apply
from autograder.checks.question import Question
from autograder.grading.sources import notebook_of
from autograder.grading.translation import with_mistake

_PAGE = Path(__file__).parent / "templates" / "mutation_table.md.j2"
FRAMEWORKS = ("numpy", "pytorch", "tensorflow")


@dataclass
class Row:
    """One question in one framework. Lists hold names; `not_here` are mistakes that cannot be made there."""

    question: str
    framework: str
    mistakes: list[str] = field(default_factory=list)
    not_caught: list[str] = field(default_factory=list)
    not_named: list[str] = field(default_factory=list)
    not_here: list[str] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    credits: list[float] = field(default_factory=list)
    """The share of the points that each mistake keeps: its failure's credit, or 1 where it is not caught."""
    messages: dict[str, str] = field(default_factory=dict)
    """What whoever made it is told: mistake or refused variant to text."""

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        """Mistakes caught, named rightly, all; variants accepted, all."""
        made, tried = len(self.mistakes), len(self.variants)
        return made - len(self.not_caught), made - len(self.not_named), made, tried - len(self.refused), tried

    def told(self) -> str:
        """The counts and what is to be put right, as one line."""
        caught, named, made, accepted, tried = self.counts
        text = f"mistakes caught {caught} / {made}, named {named} / {made}; variants accepted {accepted} / {tried}"
        for what, names in (("not caught", self.not_caught), ("refused", self.refused), ("not named", self.not_named)):
            if names:
                text += f"; {what}: {', '.join(names)}"
        return text


def audited(solutions: Path) -> list[str]:
    """The assignments that have questions with known mistakes and a folder in solutions/."""
    return [a for a in assignments() if (solutions / a).is_dir()]


def table(rows: Sequence[Row]) -> list[str]:
    """The mutation table as lines of Markdown; the last is the sum."""
    lines = [
        "| question | framework | mistakes caught | named rightly | credit kept | variants accepted |",
        "|---|---|---|---|---|---|",
    ]
    sums = [0] * 5
    for row in rows:
        caught, named, made, accepted, tried = row.counts
        sums = [total + n for total, n in zip(sums, row.counts, strict=True)]
        lines.append(
            f"| {row.question} | {row.framework} | {caught} / {made} | {named} / {made} | {_kept(row.credits)} "
            f"| {accepted} / {tried} |"
        )
    caught, named, made, accepted, tried = sums
    kept = _kept([credit for row in rows for credit in row.credits])
    lines.append(f"| all | | {caught} / {made} | {named} / {made} | {kept} | {accepted} / {tried} |")
    return lines


def _kept(credits: Sequence[float]) -> str:
    """The mean share of the points that mistakes keep, and the largest."""
    return f"{sum(credits) / len(credits):.0%}, at most {max(credits):.0%}" if credits else "–"


def page(rows: Sequence[Row]) -> str:
    """The table as a page of the book's appendix, in MyST."""
    distinct = {(row.question, name) for row in rows for name in (*row.mistakes, *row.not_here)}
    template = Template(_PAGE.read_text(encoding="utf-8"), undefined=StrictUndefined)
    questions = len({row.question for row in rows})
    return template.render(distinct=len(distinct), questions=questions, table="\n".join(table(rows))) + "\n"


def audit(solutions: Path, assignment: str, frameworks: tuple[str, ...] = FRAMEWORKS) -> Iterator[Row]:
    """The rows of one assignment. Raises MistakeError for an edit that does not apply exactly once."""
    package = f"autograder.checks.{assignment.replace('-', '_')}"
    questions: dict[str, Question] = importlib.import_module(package).QUESTIONS
    for framework in frameworks:
        notebook = notebook_of(solutions / assignment / f"{framework}.py")
        graded = Graded(notebook, f"{assignment}/{framework}")
        for question in questions.values():
            if question.all_mistakes or question.variants:
                yield _row(graded, question, framework)


def _row(graded: "Graded", question: Question, framework: str) -> Row:
    grade_id = question.name.split("/")[1]
    row = Row(question.name, framework)
    solution = graded.solution(grade_id)
    for mistake in question.all_mistakes:
        source = with_mistake(mistake, solution, framework)
        if source is None:
            row.not_here.append(mistake.name)
            continue
        row.mistakes.append(mistake.name)
        failure = graded.put(grade_id, source)
        row.credits.append(failure.credit if isinstance(failure, CheckFailure) else float(failure is None))
        row.messages[mistake.name] = str(failure) if failure else "passed"
        if failure is None:
            row.not_caught.append(mistake.name)
        if not isinstance(failure, CheckFailure) or failure.mistakes != (mistake.name,):
            row.not_named.append(mistake.name)
    for variant in question.variants:
        if framework not in variant.edits:
            continue
        row.variants.append(variant.name)
        source = solution
        for edit in variant.edits[framework]:
            source = apply(source, edit, variant.name)
        failure = graded.put(grade_id, source)
        if failure is not None:
            row.refused.append(variant.name)
            row.messages[variant.name] = str(failure)
    return row


class Graded:
    """A solution notebook whose answers can be exchanged, one at a time, and graded by its own test cells."""

    def __init__(self, notebook: NotebookNode, name: str) -> None:
        self.name = name
        self.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        self.names: dict[str, Any] = {"__name__": "__main__"}
        for cell in self.cells:
            if not self.settings(cell).get("grade"):
                self._run(cell.source, self.names, str(cell["id"]))
        # The same problems in every audit, or the table could change without a reason.
        self.names["check"] = partial(self.names["check"], seed=0)

    @staticmethod
    def settings(cell: NotebookNode) -> dict[str, Any]:
        return cell.metadata.get("nbgrader", {})

    def _cell(self, grade_id: str) -> str:
        return next(c.source for c in self.cells if self.settings(c).get("grade_id") == grade_id)

    def solution(self, grade_id: str) -> str:
        """The answer cell's source, without the markers."""
        lines = self._cell(f"{grade_id}-answer").splitlines(keepends=True)
        return "".join(line for line in lines if "### BEGIN" not in line and "### END" not in line)

    def put(self, grade_id: str, source: str) -> Exception | None:
        """Run another answer and the question's test cell; what the cell raised, or None."""
        names = dict(self.names)
        try:
            self._run(source, names, f"{grade_id}-answer")
            self._run(self._cell(grade_id), names, grade_id)
        except Exception as error:  # an answer may raise anything, and any of it costs the points
            return error
        return None

    def _run(self, source: str, names: dict[str, Any], cell: str) -> None:
        file = f"<{self.name}: {cell}>"
        source = TransformerManager().transform_cell(source)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source, file, "exec"), names)
