"""Partial credit in nbgrader's own terms: a failed test cell that leaves a number instead of an error.

nbgrader gives a code cell no points for an error output, and as many points as its last result says where that is a
number (nbgrader.utils.determine_grade). So a failure that has earned something becomes a message and a number.

A failed check leaves two outputs: its message, whose metadata["unrolled"]["failed"] are `CheckFailure.facts`, and the
error. The credit is in those facts. So it counts only where the learner's code could not write them: where test cells
run on the examiner's side.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors.base import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from autograder.checks.failures import CheckFailure

STEP = 0.25
_ROUNDING = 1e-9


def points(credit: float, max_points: float) -> float:
    """What a share of the points is worth: rounded down to quarters of a point.

    Quarters are marks that a person can check and add up, and are exact in binary, so totals are too. Down, because a
    mark that was not earned cannot be explained; it also keeps an answer that failed below all points.
    Raises ValueError unless 0 <= credit < 1.
    """
    if not 0 <= credit < 1:
        raise ValueError(f"credit is {credit!r}, expected a number from 0 up to, not including, 1")
    steps = math.floor(credit * max_points / STEP + _ROUNDING)
    return min(steps, math.ceil(max_points / STEP) - 1) * STEP if steps > 0 else 0.0


def failed_outputs(failure: CheckFailure) -> list[NotebookNode]:
    """What a failed check leaves in a notebook: the message and the error."""
    text = failure.text()
    data = {"text/html": failure.html(), "text/plain": text}
    message = new_output("display_data", data=data, metadata={"unrolled": {"failed": failure.facts()}})
    return [message, new_output("error", ename="CheckFailure", evalue=text, traceback=text.splitlines()[:1])]


def with_credit(outputs: Sequence[NotebookNode], max_points: float) -> list[NotebookNode]:
    """The outputs of a test cell of `max_points`, with partial credit where its check failed and has earned some.

    The message says the points in words, "1.5 of 3 points", and its facts gain `points` and `max_points`. Where points
    were earned the error gives way to a result, the number; whatever else nbgrader would take for a grade goes too:
    other results, and standard error, which becomes standard output. A cell with an error of any other kind, one that
    passed, and one whose facts say something impossible, stays as it is.
    """
    errors = [o for o in outputs if o.output_type == "error"]
    messages = [o for o in outputs if _facts(o) is not None]
    if not errors or errors[-1].ename != "CheckFailure" or not messages:
        return list(outputs)
    facts = _facts(messages[-1]) or {}
    try:
        earned = points(facts.get("credit", 0.0), max_points)
    except (TypeError, ValueError):
        return list(outputs)
    message = _told(messages[-1], {**facts, "points": earned, "max_points": max_points})
    last = new_output("execute_result", data={"text/plain": f"{earned:g}"}) if earned else errors[-1]
    others = (o for o in outputs if o not in messages)
    return [*_without_grades(others), message, last]


class PartialCredit(NbGraderPreprocessor):
    """Among nbgrader's preprocessors, between the one that runs a notebook and the one that saves its points.

    Only behind a step that runs tests where the learner's code does not: the facts it reads are a message's metadata.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """The cell, with partial credit if it is a test."""
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell):
            cell.outputs = with_credit(cell.outputs, float(cell.metadata["nbgrader"]["points"]))
        return cell, resources


def failed(outputs: Sequence[NotebookNode]) -> Mapping[str, Any] | None:
    """The facts of a cell that failed in part; None for a cell that has an error, or that passed.

    They count only beside a result, which is what makes nbgrader give part of the points: a message alone, which any
    code can display, is not a failure.
    """
    kinds = [output.output_type for output in outputs]
    if "error" in kinds or "execute_result" not in kinds:
        return None
    return next((facts for facts in map(_facts, outputs) if facts is not None), None)


def all_facts(outputs: Sequence[NotebookNode]) -> list[Mapping[str, Any]]:
    """The facts of every failed check among a test cell's outputs."""
    return [facts for facts in map(_facts, outputs) if facts is not None]


def reason(message: str) -> str:
    """A failure's text as one line: what is wrong, and after " → " what to do."""
    lines = message.splitlines()
    advice = next((line.strip() for line in lines if line.startswith("  → ")), "")
    return f"{lines[0].removeprefix('✗ ')} {advice}".strip()


def _facts(output: NotebookNode) -> Mapping[str, Any] | None:
    if output.output_type != "display_data":
        return None
    ours = output.get("metadata", {}).get("unrolled")
    facts = ours.get("failed") if isinstance(ours, Mapping) else None
    return facts if isinstance(facts, Mapping) and isinstance(facts.get("reason"), str) else None


def _told(message: NotebookNode, facts: Mapping[str, Any]) -> NotebookNode:
    """The message with its points in words, and these facts."""
    told = f"{facts['points']:g} of {facts['max_points']:g} points."
    data = dict(message.data)
    data["text/plain"] = f"{data.get('text/plain', '')}\n  {told}".lstrip("\n")
    if "text/html" in data:
        data["text/html"] = f"{data['text/html']}<p>{told}</p>"
    return new_output("display_data", data=data, metadata={**message.metadata, "unrolled": {"failed": dict(facts)}})


def _without_grades(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Outputs without what nbgrader takes for a grade."""
    kept = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            kept.append(new_output("stream", name="stdout", text=output.text))
        elif output.output_type not in ("error", "execute_result"):
            kept.append(output)
    return kept
