"""A learner's own run: their notebook from top to bottom, as "Run All" does it, and what its tests say.

Needs no course and no nbgrader, only nbclient and a kernel in this environment. The notebook's code runs as whoever
runs the command, like in Jupyter; for what others hand in there is `unrolled grade`.
"""

import importlib.util
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograder.boundary.words import plain, visible

NEEDED = {"nbformat": "nbformat", "nbclient": "nbclient", "jupyter_client": "jupyter-client", "ipykernel": "ipykernel"}
"""The modules that running a notebook needs, and the packages they come in."""
MAX_BYTES = 128 * 2**20
SECONDS_TO_START = 120

RIGHT, WRONG, BLANK, NOT_RUN, WAITING = "right", "wrong", "not written yet", "not run", "marked by hand"
MARKS = {RIGHT: "✓", WRONG: "✗", BLANK: "…", NOT_RUN: "-", WAITING: "?"}
_STUBS = ("", "your answer here")


class NotRunnable(Exception):
    """Why a notebook cannot be run: one line, with what to do."""


@dataclass(frozen=True)
class Question:
    """One question: its state (RIGHT, …), its points, and what its test says where it is not right."""

    name: str
    state: str
    points: float = 0.0
    text: str = ""


@dataclass
class Checked:
    """What became of a notebook: its questions in order, cells that stopped with an error without being tests, and how
    many seconds it all took."""

    notebook: Path
    questions: list[Question] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def all_right(self) -> bool:
        """Whether every question that a test can judge is right, and every one marked by hand has an answer."""
        return all(q.state in (RIGHT, WAITING) for q in self.questions)

    def lines(self) -> list[str]:
        """For people: a line a question, what its test says below, and a summary."""
        told = [f"! {line}" for line in self.stopped]
        for question in self.questions:
            told.append(f"{MARKS[question.state]} {question.name}: {question.state}")
            told += [f"    {line}" for line in question.text.splitlines()]
        return [*told, self.summary()]

    def summary(self) -> str:
        """How many questions are in which state, in a line."""
        tested = [q for q in self.questions if q.state != WAITING]
        parts = [f"{sum(q.state == RIGHT for q in tested)} of {len(tested)} questions right"]
        for state in (WRONG, BLANK, NOT_RUN):
            number = sum(q.state == state for q in tested)
            parts += [f"{number} {state}"] if number else []
        waiting = sum(q.state == WAITING for q in self.questions)
        parts += [f"{waiting} answered, to be marked by hand"] if waiting else []
        return f"{', '.join(parts)} ({self.seconds:.0f} s)"

    def data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "notebook": str(self.notebook),
            "all_right": self.all_right(),
            "questions": [asdict(question) for question in self.questions],
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
        }


def check_notebook(
    path: Path,
    seconds: float = 600.0,
    *,
    on_number: Callable[[int], None] = lambda _number: None,
    on_cell: Callable[[], None] = lambda: None,
) -> Checked:
    """Run the notebook at `path`, `seconds` at most for each cell, in its own folder; the file is not changed.

    A cell that stops with an error does not stop those after it. `on_number` is told how many cells there are,
    `on_cell` when one has run. Raises NotRunnable where there is nothing to run, or nothing to run it with.
    """
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise NotRunnable(f"to run a notebook, this is missing here: pip install {' '.join(missing)}")
    notebook = _read(path)
    started = time.monotonic()
    ran, ended = _run(notebook, path, seconds, on_number, on_cell)
    checked = Checked(path, seconds=time.monotonic() - started, stopped=[ended] if ended else [])
    for number, cell in enumerate(notebook.cells):
        settings = _settings(cell)
        error = next((o for o in cell.get("outputs", ()) if o.output_type == "error"), None)
        if settings.get("grade"):
            checked.questions.append(_question(cell, settings, number in ran))
        elif error is not None:
            where = plain(settings.get("grade_id") or cell.source.strip().partition("\n")[0], 60)
            checked.stopped.append(f"cell {number + 1} ({where}) stopped: {_told(error, seconds)}")
    return checked


def _read(path: Path) -> Any:
    """The notebook, in nbformat's version 4, without outputs. Raises NotRunnable."""
    import nbformat

    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotRunnable(f"{path}: cannot be read ({error.strerror}); expected a notebook, a file .ipynb") from None
    if len(data) > MAX_BYTES:
        raise NotRunnable(f"{path}: more than {MAX_BYTES // 2**20} MiB; clear its outputs and save it")
    why = "not a notebook (it has no cells)"
    notebook = None
    try:
        content = json.loads(data)
        if isinstance(content, dict) and ("cells" in content or "worksheets" in content):
            # Not validated: editors add and leave out this and that, and Jupyter runs it all the same.
            notebook = nbformat.convert(nbformat.reader.reads(json.dumps(content)), 4)
            if not all(isinstance(cell.source, str) and isinstance(cell.metadata, dict) for cell in notebook.cells):
                raise TypeError("a cell without a text")
    except (ValueError, RecursionError) as error:
        why = f"not a notebook ({plain(error, 80)})"
    except Exception as error:  # nbformat raises many kinds for a damaged one
        why, notebook = f"a damaged notebook ({plain(error, 80)})", None
    if notebook is None:
        raise NotRunnable(f"{path}: {why}; open it in Jupyter and save it")
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise NotRunnable(f"{path}: is in {plain(language, 30)}, expected Python")
    if not any(_settings(cell).get("grade") for cell in notebook.cells):
        raise NotRunnable(f"{path}: has no questions; expected a notebook of exercises/, filled in")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _run(
    notebook: Any, path: Path, seconds: float, on_number: Callable[[int], None], on_cell: Callable[[], None]
) -> tuple[set[int], str]:
    """Run all cells, outputs into the notebook. The numbers of those that ran, and what ended the run early, if so."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import DeadKernelError

    class ThisEnvironment(KernelSpecManager):
        """Whatever kernel a notebook names, this environment's Python runs it."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            quiet = "--IPKernelApp.log_level=40"
            command = [sys.executable, "-m", "ipykernel_launcher", quiet, "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="Python 3", language="python")

    log = logging.getLogger(__name__)
    log.propagate = False  # what nbclient logs of cells that take too long is told in our own words
    log.addHandler(logging.NullHandler())
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisEnvironment()),
        timeout=seconds,
        startup_timeout=SECONDS_TO_START,
        allow_errors=True,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "CellTimeoutError", "evalue": "", "traceback": []},
        resources={"metadata": {"path": str(path.resolve().parent)}},
        store_widget_state=False,
        log=log,
    )
    numbers = [n for n, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    ran: set[int] = set()
    on_number(len(numbers))
    try:
        with client.setup_kernel():
            for number in numbers:
                started = time.monotonic()
                try:
                    client.execute_cell(notebook.cells[number], number)
                except DeadKernelError:
                    return ran, f"the kernel died in cell {number + 1}; what comes after it was not run"
                over = time.monotonic() - started > seconds
                if over and not any(o.output_type == "error" for o in notebook.cells[number].outputs):
                    return ran, f"cell {number + 1} did not stop after {seconds:g} s; what comes after it was not run"
                ran.add(number)
                on_cell()
    except (RuntimeError, OSError, TimeoutError) as error:
        raise NotRunnable(
            f"no kernel could be started here ({plain(error, 120)}); try: pip install ipykernel"
        ) from None
    return ran, ""


def _settings(cell: Any) -> Mapping[str, Any]:
    found = cell.metadata.get("nbgrader")
    return found if isinstance(found, Mapping) else {}


def _question(cell: Any, settings: Mapping[str, Any], ran: bool) -> Question:
    name = plain(settings.get("grade_id", "?"))
    points = settings.get("points", 0)
    worth = float(points) if isinstance(points, int | float) else 0.0
    if settings.get("solution") or settings.get("task") or cell.cell_type != "code":
        text = cell.source.strip().strip("*_. ").casefold()
        return Question(name, BLANK if text in _STUBS else WAITING, worth)
    if not ran:
        return Question(name, NOT_RUN, worth)
    error = next((o for o in cell.outputs if o.output_type == "error"), None)
    if error is None:
        return Question(name, RIGHT, worth)
    text = next((t for o in cell.outputs if (t := _message(o))), "") or _told(error, None)
    blank = error.ename == "NotImplementedError" or "is not written yet" in text.partition("\n")[0]
    return Question(name, BLANK if blank else WRONG, worth, "" if blank else visible(text))


def _message(output: Any) -> str:
    """The whole message of a failed check; "" for any other output."""
    ours = output.metadata.get("unrolled") if output.output_type == "display_data" else None
    return str(output.data.get("text/plain", "")) if isinstance(ours, Mapping) and "failed" in ours else ""


def _told(error: Any, seconds: float | None) -> str:
    """An error in a line."""
    if error.ename in ("CellTimeoutError", "KeyboardInterrupt"):
        return "it did not finish in time and was interrupted"
    first = str(error.evalue).strip().partition("\n")[0]
    return plain(f"{error.ename}: {first}" if first else error.ename, 300)
