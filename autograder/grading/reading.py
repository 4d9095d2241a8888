"""Reading a graded notebook: what went wrong with each question, which mistakes it was, and what a person marks."""

import hashlib
from collections.abc import Iterator

from nbformat import NotebookNode

from autograder.grading.partial import all_facts, failed, reason


def hand_answers(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """For each answer that a person marks: its grade_id and a hash of it."""
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("grade") and settings.get("solution"):
            yield settings["grade_id"], hashlib.sha256(cell.source.encode()).hexdigest()


def reasons(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """For each graded code cell that failed, wholly or in part, its grade_id and the reason: what is wrong, and after
    " → " what to do."""
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if not settings.get("grade") or cell.cell_type != "code":
            continue
        in_part = failed(cell.outputs)
        if in_part is not None:
            yield settings["grade_id"], in_part["reason"]
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                yield settings["grade_id"], _reason(output)
                break
            if output.output_type == "stream" and output.name == "stderr":
                yield settings["grade_id"], f"wrote to standard error: {output.text.splitlines()[0][:120]}"
                break


def mistakes(notebook: NotebookNode) -> Iterator[tuple[str, list[str]]]:
    """For each test cell whose failure is known: its grade_id and the names of the mistakes."""
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("grade") and cell.cell_type == "code":
            named = [str(name) for facts in all_facts(cell.outputs) for name in facts.get("mistakes", ())]
            if named:
                yield settings["grade_id"], list(dict.fromkeys(named))


def _reason(error: NotebookNode) -> str:
    message = (error.evalue or "").splitlines()
    if error.ename == "CheckFailure" and message:
        return reason(error.evalue)
    if error.ename == "CellTimeoutError":
        return "did not finish within the time limit and was interrupted"
    return f"{error.ename}: {message[0][:160]}" if message else error.ename
