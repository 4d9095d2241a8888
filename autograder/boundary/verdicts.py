"""What a test cell shows when it has been run, in the form in which nbgrader reads points.

nbgrader gives no points where an output is an error (or anything on standard error), the number where the cell's
result is one, and all points otherwise. So silence would earn everything: an error stands in each test cell until the
examiner's kernel has said that the test ran to its end.
"""

import nbformat
from nbformat import NotebookNode

from autograder.boundary.conversation import Ran

FACTS = "unrolled"
"""The key in an output's metadata under which a failed check says what it has found, for partial credit."""


def failed(name: str, message: str) -> NotebookNode:
    """An error output of one line."""
    output: NotebookNode = nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])
    return output


def verdict(ran: Ran, *, lost: str, points: float) -> list[NotebookNode]:
    """The outputs of a test cell of `points`. `lost`: why the learner's kernel was lost meanwhile, "" if it was not."""
    shown = [o for o in ran.outputs if not (o.output_type == "stream" and o.name == "stderr")]
    if lost:
        kept = [o for o in shown if o.output_type == "stream"]
        return [*kept, failed("KernelLost", f"your code ended or blocked its kernel here: {lost}")]
    if ran.status == "ok":
        return [_within(o, points) for o in shown if o.output_type != "error"]
    if ran.status != "error":
        return [*shown, failed("CellTimeoutError", "the test did not come to its end and was stopped")]
    if not any(o.output_type == "error" for o in shown):
        name, value = ran.error.get("ename") or "Error", ran.error.get("evalue") or ""
        shown.append(
            nbformat.v4.new_output("error", ename=name, evalue=value, traceback=ran.error.get("traceback", []))
        )
    return shown


def _within(output: NotebookNode, points: float) -> NotebookNode:
    """A test's result that is a number, as points: between none and all. nbgrader stops at one that is not."""
    if output.output_type != "execute_result":
        return output
    text = output.data.get("text/plain") or "''"
    try:
        number = float(text)
    except ValueError:
        number = points
    if not 0 <= number <= points:
        text = str(max(0.0, min(points, number)) if number == number else 0.0)
    output.data["text/plain"] = text
    return output
