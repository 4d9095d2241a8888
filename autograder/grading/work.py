"""What a worker does: one notebook that was handed in, graded. Bytes in, bytes out; no gradebook, no course folder.

The steps are nbgrader's, in the order of the course's nbgrader_config.py. Those of them that would look into the
gradebook look into the paper instead, and what they would enter there is given back.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader import preprocessors as stock
from nbgrader.api import MissingEntry
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_solution, is_task

from autograder.boundary import handed_in
from autograder.boundary.execution import ExecuteAcross
from autograder.boundary.nbgrader_reading import Rebuild, rebuilt
from autograder.boundary.rebuild import KEY
from autograder.boundary.sides import NoKernel
from autograder.grading.late import EnterDueDates
from autograder.grading.paper import Paper, SourceCell
from autograder.grading.pool import may_use_gpu, this_worker
from autograder.grading.reading import hand_answers, mistakes, reasons
from autograder.kernels import sharing

_LOG = logging.getLogger("unrolled")


@dataclass(frozen=True)
class Handed:
    """One notebook of one student. `problem` says why it could not be read; then `data` is empty."""

    student: str
    data: bytes
    texts: tuple[str, ...] = ()
    problem: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Marked:
    """A notebook graded. `text` is the notebook as nbgrader keeps it among the autograded, "" if there is none.

    `scores` are points by question, None for one that waits for a person; `unanswered` the questions for a person
    that were left as they were released. The rest stands in an `Outcome`, for this notebook.
    """

    text: str
    scores: Mapping[str, float | None]
    unanswered: tuple[str, ...] = ()
    problem: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, list[str]] = field(default_factory=dict)
    hand_answers: Mapping[str, str] = field(default_factory=dict)
    isolation: str = ""
    repairs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @staticmethod
    def from_bytes(data: bytes) -> "Marked":
        """What `to_bytes` has made. Raises ValueError for anything else."""
        try:
            content = json.loads(data)
            lists = {name: tuple(content[name]) for name in ("unanswered", "repairs", "lost")}
            return Marked(**{**content, **lists})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a result: {error}") from None


def grade(paper: bytes, student: str, data: bytes, texts: tuple[str, ...], problem: str, files: dict) -> bytes:
    """`mark`, for a worker: plain data in, bytes out."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        own = _paper(paper)
        if own.isolation in sharing.SHUT_IN and this_worker() is not None:  # of a cluster that others have started
            sharing.join_siblings()
        return mark(own, Handed(student, data, texts, problem, files)).to_bytes()
    finally:
        logging.disable(before)


def get_ready(paper: bytes) -> None:
    """For a worker that has nothing to do yet: start what the first notebook of this paper would wait for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    own = _paper(paper)
    for step in own.config.Autograde.autograde_preprocessors:
        if isinstance(step, type) and issubclass(step, ExecuteAcross):
            _made(step, own).start_templates(own.frameworks, gpu=own.wants_gpu)


def mark(paper: Paper, handed: Handed) -> Marked:
    """Grade one notebook. What cannot be run to its end is graded as the blank one, with the reason on top.

    Raises NoKernel when this machine starts no kernel, or has no room for a file: nothing of the notebook's.
    """
    released = paper.released[paper.name]
    notebook, problem = handed_in.parsed(handed.data, paper.name, released, handed.texts, handed.problem)
    try:
        return _marked(paper, handed, notebook, problem)
    except NoKernel:
        raise  # the machine's fault: no result, and nothing to keep
    except Exception as error:  # one notebook, whatever is in it, does not stop the class
        _LOG.debug("%s, %s", handed.student, paper.name, exc_info=True)
        if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
            raise NoKernel(f"this machine cannot do it now: {_words(error)}") from error  # no code of theirs runs here
        problem = f"{paper.name}.ipynb could not be run to its end ({_words(error)})"
    try:
        notebook, _ = handed_in.parsed(b"", paper.name, released, problem=problem)
        return _marked(paper, handed, notebook, problem)
    except NoKernel:
        raise
    except Exception:
        zeros = {name: 0.0 for name, cell in paper.cells.items() if cell.max_score}
        return Marked("", zeros, problem=problem)


def _marked(paper: Paper, handed: Handed, notebook: NotebookNode, problem: str) -> Marked:
    others = {name: other for name, other in paper.released.items() if name != paper.name}
    notebook = rebuilt(notebook, paper.released[paper.name], others)
    scores: dict[str, float | None] = {}
    unanswered: list[str] = []
    with _folder({**paper.files, **handed.files}) as folder:
        ids = {"assignment": paper.assignment, "student": handed.student, "notebook": paper.name, "db_url": ""}
        resources = ResourcesDict(nbgrader=ids, metadata=ResourcesDict(path=folder))
        config = paper.config.Autograde
        for step in (*config.sanitize_preprocessors, *config.autograde_preprocessors):
            if step in _NOT_HERE:
                continue
            if step is stock.OverwriteKernelspec:
                if paper.kernelspec:
                    notebook.metadata["kernelspec"] = json.loads(paper.kernelspec)
            elif step is stock.SaveAutoGrades:
                scores, unanswered = _scores(notebook), _unanswered(notebook)
            else:
                notebook, resources = _made(step, paper)(notebook, resources)
    if problem:  # whatever tests of other teachers make of a blank notebook
        scores = {name: None if score is None else 0.0 for name, score in scores.items()}
    return _told(notebook, scores, unanswered, problem, float(resources.get("seconds", 0.0)))


# The first is done before the others; the checks are of metadata that the rebuilt notebook has from the release, where
# they have been made; penalties depend on the gradebook.
_NOT_HERE = (Rebuild, stock.CheckCellMetadata, stock.AssignLatePenalties, EnterDueDates)


def _made(step: type, paper: Paper) -> Any:
    """A preprocessor with the course's settings."""
    if step is stock.OverwriteCells:
        return _OverwriteFromPaper(paper)
    made = step(config=paper.config)
    if isinstance(made, ExecuteAcross):
        made.secret, made.isolation = paper.secret, paper.isolation
        made.may_use_gpu = paper.wants_gpu and may_use_gpu()
    return made


class _OverwriteFromPaper(stock.OverwriteCells):
    """nbgrader's step, with the paper for the gradebook."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(config=paper.config)
        self._cells = paper.cells

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        self.notebook_id = self.assignment_id = ""
        self.gradebook = self
        for index, cell in enumerate(nb.cells):
            nb.cells[index], resources = self.preprocess_cell(cell, resources, index)
        return nb, resources

    def find_source_cell(self, name: str, *_: str) -> SourceCell:
        """As the gradebook's."""
        if name not in self._cells:
            raise MissingEntry(name)
        return self._cells[name]

    find_graded_cell = find_source_cell


def _scores(notebook: NotebookNode) -> dict[str, float | None]:
    graded = [cell for cell in notebook.cells if is_grade(cell)]
    return {cell.metadata.nbgrader["grade_id"]: determine_grade(cell, _LOG)[0] for cell in graded}


def _unanswered(notebook: NotebookNode) -> list[str]:
    """Answers for a person that nobody has touched, as nbgrader's SaveAutoGrades finds them."""
    return [
        cell.metadata.nbgrader["grade_id"]
        for cell in notebook.cells
        if is_solution(cell) and not is_task(cell) and cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
    ]


def _told(
    notebook: NotebookNode, scores: dict[str, float | None], unanswered: list[str], problem: str, seconds: float
) -> Marked:
    about = notebook.metadata.get(KEY, {})
    fine = not problem
    return Marked(
        nbformat.writes(notebook),
        scores,
        tuple(unanswered),
        problem,
        dict(reasons(notebook)) if fine else {},
        dict(mistakes(notebook)) if fine else {},
        dict(hand_answers(notebook)) if fine else {},
        str(about.get("isolation", "none")) if fine else "",
        tuple(about.get("repairs", ())) if fine else (),
        tuple(about.get("lost", ())) if fine else (),
        seconds,
    )


@contextlib.contextmanager
def _folder(files: Mapping[str, bytes]) -> Iterator[str]:
    """A folder with the files in it; "" without any."""
    if not files:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="unrolled-data-", dir=sharing.scratch()) as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        yield folder


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:300] if lines else type(error).__name__


def hash_of(content: object) -> str:
    """The SHA-256 of something that JSON can hold."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


_papers: dict[str, Paper] = {}


def _paper(data: bytes) -> Paper:
    """The paper in `data`; unpacked once, since a class is graded with a few of them."""
    digest = hashlib.sha256(data).hexdigest()
    if digest not in _papers:
        while len(_papers) >= 8:
            del _papers[next(iter(_papers))]
        _papers[digest] = Paper.from_bytes(data)
    return _papers[digest]
