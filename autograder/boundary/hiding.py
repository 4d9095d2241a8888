"""What a test must not tell: its hidden lines, and what they say when they fail."""

import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from autograder.boundary.words import ESCAPES

OWN_FAILURE = "CheckFailure"
"""The name of the error whose words are written for the learner."""
EXAMINERS = (OWN_FAILURE, "KernelLost", "NotRun", "CellTimeoutError", "DeadKernelError", "NoAnswer", "LearnerError")
"""Names of errors that the examiner's side gives."""
LEFT_OUT = "[output left out: these lines run after hidden tests]"

_LINE = re.compile(r"^\s*-+>\s*(\d+)[ |]|(?:Cell |<ipython-input-)?In ?\[[\d ]*\][^\n]{0,40}?line (\d+)", re.MULTILINE)
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Delimiters:
    """What begins and ends a part of a cell that learners don't see, as set for nbgrader's preprocessors."""

    begin: str = "BEGIN HIDDEN TESTS"
    end: str = "END HIDDEN TESTS"


MARK_SCHEME = Delimiters("BEGIN MARK SCHEME", "END MARK SCHEME")


def without_hidden(source: str, delimiters: Iterable[Delimiters] = (Delimiters(), MARK_SCHEME)) -> str:
    """`source` without its hidden lines; a part that does not end goes to the end of the cell."""
    lines = source.split("\n")
    hidden = set().union(*(hidden_lines(source, d) for d in delimiters))
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in hidden)


def hidden_lines(source: str, delimiters: Delimiters = Delimiters()) -> set[int]:
    """The numbers (from 1) of the hidden lines of a cell, with the lines that delimit them."""
    hidden, inside = set(), False
    for number, line in enumerate(source.split("\n"), 1):
        starts = delimiters.begin in line
        inside = inside or starts
        if inside:
            hidden.add(number)
        if inside and not starts and delimiters.end in line:
            inside = False
    return hidden


def reduce_test_outputs(
    cell: NotebookNode, delimiters: Delimiters = Delimiters(), *, after_hidden: bool = False
) -> None:
    """Reduce a test cell's outputs, already cleaned, to what a learner may know; whether it failed stays as it is.

    A CheckFailure that displayed itself keeps its words; one that did not may be a learner's own class of that name.
    Another error of a visible line keeps its message; of a hidden line, or one that cannot be told, only its name. No
    frames. Where there are hidden lines, nothing that the cell printed or displayed is kept, as it may be theirs, but
    for a number as its result, which is nbgrader's partial credit. Do it once: afterwards lines can't be told.
    `after_hidden`: hidden tests have run before. A function under test may have kept what they called it with, so every
    line of this cell counts as hidden.
    """
    hidden = hidden_lines(cell.source, delimiters)
    if after_hidden:
        hidden = set(range(1, cell.source.count("\n") + 2))
    kept = []
    words = {o.evalue for o in cell.outputs if o.output_type == "error" and o.ename == OWN_FAILURE}
    for output in cell.outputs:
        if output.output_type == "error":
            kept.append(_reduced(output, hidden, shown=_is_displayed(cell, output.evalue)))
        elif not hidden or _is_harmless(output, words):
            kept.append(output)
        elif output.output_type == "stream" and output.name == "stderr":
            kept.append(nbformat.v4.new_output("stream", name="stderr", text="[left out]\n"))
    cell.outputs = kept


def _is_harmless(output: NotebookNode, words: set[str]) -> bool:
    if output.output_type == "display_data":
        return has_facts(output) or any(_says(output, text) for text in words)
    if output.output_type != "execute_result":
        return False
    return set(output.data) == {"text/plain"} and bool(_NUMBER.fullmatch(output.data["text/plain"]))


def has_facts(output: NotebookNode) -> bool:
    """Whether it is the message of a failed check; in a test cell only the examiner's kernel can have left one."""
    return output.output_type == "display_data" and "failed" in output.get("metadata", {}).get("unrolled", {})


def _is_displayed(cell: NotebookNode, text: str) -> bool:
    return any(o.output_type == "display_data" and _says(o, text) for o in cell.outputs)


def _says(output: NotebookNode, text: str) -> bool:
    """Whether a display is this failure's message; the points may have been added below it."""
    return bool(text) and str(output.data.get("text/plain", "")).startswith(text)


def _reduced(error: NotebookNode, hidden: set[int], *, shown: bool) -> NotebookNode:
    value = error.evalue
    if error.ename == OWN_FAILURE and shown:
        lines = value.splitlines()[:1]
    elif hidden and failing_line(error.traceback) in {None, *hidden}:
        value = "a hidden test failed"
        # The name of a learner's class could be made of what is to stay hidden, Python's and ours cannot.
        name = error.ename if hasattr(builtins, error.ename) or error.ename in EXAMINERS else "Error"
        return nbformat.v4.new_output("error", ename=name, evalue=value, traceback=[f"{name}: {value}"])
    elif error.ename == OWN_FAILURE:
        lines = value.splitlines()
    else:
        lines = [f"{error.ename}: {value}" if value else error.ename]
    return nbformat.v4.new_output("error", ename=error.ename, evalue=value, traceback=lines)


def failing_line(traceback: Iterable[str]) -> int | None:
    """The line of the cell at which an error came out, from IPython's traceback; None when it does not say."""
    text = ESCAPES.sub("", "\n".join(traceback))
    # The cell's own frame is the first; the ones after it are what it called.
    for match in _LINE.finditer(text):
        return int(match[1] or match[2])
    return None


def hide_in_feedback(
    notebook: NotebookNode, delimiters: Delimiters = Delimiters(), *, reduced: bool = False, show_later: bool = False
) -> NotebookNode:
    """`notebook` itself, graded, as its author may see it: no hidden lines, in sources or in what they led to.

    A function under test sees what hidden tests call it with. It could keep that and print it later, so what a
    learner's cells wrote after the first hidden test is left out, unless `show_later`. `reduced`: whether
    `reduce_test_outputs` has been at its tests.
    """
    after_hidden = False
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader") or {}
        if mark.get("grade") and not mark.get("solution") and cell.cell_type == "code":
            if not reduced:
                reduce_test_outputs(cell, delimiters, after_hidden=after_hidden)
            after_hidden = after_hidden or bool(hidden_lines(cell.source, delimiters))
        elif after_hidden and not show_later and cell.cell_type == "code" and cell.outputs:
            cell.outputs = list(_without_content(cell.outputs))
        if not mark.get("solution") and (mark.get("grade") or mark.get("locked") or mark.get("task")):
            cell.source = without_hidden(cell.source, (delimiters, MARK_SCHEME))
    return notebook


def _without_content(outputs: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    yield nbformat.v4.new_output("stream", name="stdout", text=LEFT_OUT + "\n")
    for output in outputs:
        if output.output_type == "error":
            # An error's own name could be made of what is to stay hidden, Python's names cannot.
            name = output.ename if hasattr(builtins, output.ename) else "Error"
            yield nbformat.v4.new_output("error", ename=name, evalue="", traceback=[name])
