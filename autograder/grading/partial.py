"""Partial credit in nbgrader's own terms: a failed test cell that leaves a number instead of an error.

nbgrader gives a code cell no points for an error output, and as many points as its last result says where that is a
number (nbgrader.utils.determine_grade). So a failure that has earned something becomes a message and a number.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.checks.failures import CheckFailure

FAILED = "failed"
"""Under metadata["unrolled"] of a message: what failed, for programs to read; see `failed_cell`."""
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


def failed_cell(failure: CheckFailure, max_points: float, before: Iterable[NotebookNode] = ()) -> list[NotebookNode]:
    """The outputs of a test cell whose check failed.

    `before` is what the cell had put out; an error, results and an earlier message of a failure are taken out, and
    standard error becomes standard output, because nbgrader takes each of these for a grade. Then comes the message,
    as HTML and plain text, its metadata["unrolled"]["failed"] saying question, reason, mistakes, credit, points and
    max_points; and last the number of points as a result, or, where there are none, the error.
    """
    earned = points(failure.credit, max_points)
    told = f"{earned:g} of {max_points:g} points"
    message = new_output(
        "display_data",
        data={"text/html": f"{failure.html()}<p>{told}.</p>", "text/plain": f"{failure.text()}\n  {told}."},
        metadata={"unrolled": {FAILED: _facts(failure, earned, max_points)}},
    )
    if earned:
        last = new_output("execute_result", data={"text/plain": f"{earned:g}"})
    else:
        text = failure.text()
        last = new_output("error", ename="CheckFailure", evalue=text, traceback=text.splitlines()[:1])
    return [*filter(None, map(_harmless, before)), message, last]


def failed(cell: NotebookNode) -> Mapping[str, Any] | None:
    """What `failed_cell` says of a cell with partial credit; None for a cell that has an error, or that passed.

    It counts only beside a result, which is what makes nbgrader give part of the points: a message alone, which any
    code can display, is not one.
    """
    kinds = [output.output_type for output in cell.outputs]
    if "error" in kinds or "execute_result" not in kinds:
        return None
    facts = (_of(output) for output in cell.outputs)
    return next((f for f in facts if f is not None), None)


def _facts(failure: CheckFailure, earned: float, max_points: float) -> dict[str, Any]:
    return {
        "question": failure.question,
        "reason": reason(failure.text()),
        "mistakes": list(failure.mistakes),
        "credit": failure.credit,
        "points": earned,
        "max_points": max_points,
    }


def reason(message: str) -> str:
    """A failure's message as one line: what is wrong, and after " → " what to do."""
    lines = message.splitlines()
    advice = next((line.strip() for line in lines if line.startswith("  → ")), "")
    return f"{lines[0].removeprefix('✗ ')} {advice}".strip()


def _of(output: NotebookNode) -> Mapping[str, Any] | None:
    if output.output_type != "display_data":
        return None
    ours = output.get("metadata", {}).get("unrolled", {})
    facts = ours.get(FAILED) if isinstance(ours, Mapping) else None
    return facts if isinstance(facts, Mapping) and isinstance(facts.get("reason"), str) else None


def _harmless(output: NotebookNode) -> NotebookNode | None:
    """What the cell had put out, without what nbgrader takes for a grade; None for nothing."""
    if output.output_type in ("error", "execute_result") or _of(output) is not None:
        return None
    if output.output_type == "display_data" and str(output.data.get("text/plain", "")).startswith("✗ "):
        return None  # the failure's own message, as a kernel shows it
    if output.output_type == "stream" and output.name == "stderr":
        return new_output("stream", name="stdout", text=output.text)
    return output
