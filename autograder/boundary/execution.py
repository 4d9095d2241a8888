"""nbgrader's step that runs a notebook, replaced by an examination on two sides.

`nbgrader autograde`, its Python API and Formgrader's button use it alike, since it stands in nbgrader_config.py among
the preprocessors; every setting of nbgrader's own `Execute` that still means something keeps its name.
"""

import ast
import asyncio
import contextlib
import fcntl
import functools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from jupyter_core.utils import run_sync
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from traitlets import Enum, Float, Integer, List, Unicode

from autograder.boundary import learner_package
from autograder.boundary.agent_text import MODULE as AGENT
from autograder.boundary.cleaning import clean_outputs
from autograder.boundary.examination import EXAMINER, Draws, Examined, Timing, examine, released, role
from autograder.boundary.sides import Side
from autograder.kernels import Limits, sharing
from autograder.kernels.cells import CellKernel
from autograder.kernels.launching import Launch, Wanted
from autograder.kernels.limits import MIB

FRAMEWORKS = {"torch": "pytorch", "tensorflow": "tensorflow", "keras": "tensorflow"}
"""What a notebook imports, and the framework that its kernels have to have ready."""

EXAMINER_MODULES = ("autograder", "autograder.boundary.examiner")
"""What every examiner's kernel has imported when it is forked."""

NOT_DATA = ("*.ipynb", "secret", "*.html", "timestamp.txt", ".*", "__pycache__")
"""What is in an assignment's folder and is not for the kernels: notebooks above all."""

GPU = "gpu"
"""A cell with this tag, or with metadata nbgrader.gpu, marks a notebook that is to be run with a GPU."""

EXAMINER_LIMITS = Limits(memory_bytes=8 * 2**30, wall_seconds=7200)

_PREPARE = "__import__('autograder.checks.lost_names', fromlist=['x']).watch_for_lost_names()"


class ExecuteAcross(Execute):
    """Runs the learner's cells in an isolated kernel and the tests in another, which the learner's cannot reach."""

    isolation = Enum(
        ["auto", "strict", "contained", "limited"],
        "auto",
        help="The tier that a learner's kernel must have; `unrolled doctor` says which this machine gives.",
    ).tag(config=True)
    cell_seconds = Float(60.0, help="Seconds by the clock for one of the learner's cells.").tag(config=True)
    call_seconds = Float(
        60.0, help="Seconds by the clock for a call of a learner's function, where a check sets no limit of its own."
    ).tag(config=True)
    total_seconds = Float(1200.0, help="Seconds by the clock for a notebook.").tag(config=True)
    memory_mib = Integer(4096, help="MiB of memory for a learner's kernel and what it starts.").tag(config=True)
    gpu_memory_mib = Integer(
        4096,
        help="MiB of GPU memory for a learner's kernel and what it starts, where the notebook is marked for a GPU.",
    ).tag(config=True)
    examiner_modules = List(
        Unicode(), help="More modules that the examiner's kernels have ready: those of the course's checks."
    ).tag(config=True)
    learner_modules = List(
        Unicode(), help="Modules that the learners' kernels have ready, from the package that is there for learners."
    ).tag(config=True)
    rehearsals = List(
        Unicode(),
        help="Modules that both sides' kernels import last, before they are forked, which put what is imported to work "
        "once; they know how to do that so that a forked process can go on.",
    ).tag(config=True)
    secret_file = Unicode(
        "",
        help="The file with the secret that the numbers of the questions are drawn from; made when it is missing. "
        "Without a name the numbers are drawn anew in each run.",
    ).tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any], km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run the rebuilt notebook `nb`; the tier of isolation and what was lost are noted in its metadata."""
        told = resources.get("nbgrader", {})
        draws = Draws(str(told.get("assignment", "")), str(told.get("student", "")), self._secret())
        folder = (resources.get("metadata") or {}).get("path") or None
        with data_files(Path(folder) if folder else None) as files:
            went = run_sync(self._examine)(nb, draws, files)
        nb.metadata["unrolled"] = {
            **nb.metadata.get("unrolled", {}),
            "isolation": went.tier,
            "lost": went.lost,
        }
        resources["seconds"] = round(went.seconds, 3)  # not in the notebook: the same grade is the same bytes
        return nb, resources

    def start_templates(self, frameworks: Sequence[str], *, gpu: bool = False) -> None:
        """Have ready what kernels for these frameworks are forked from, so that the first notebook need not wait."""

        async def both() -> None:
            await asyncio.gather(*(Launch(wanted).prepare() for wanted in self._wanted(frameworks, None, gpu=gpu)))

        run_sync(both)()

    def _wanted(self, frameworks: Sequence[str], files: Path | None, *, gpu: bool) -> tuple[Wanted, Wanted]:
        """The learner's kernel and the examiner's: what the teacher has written runs in both, so both see the GPU."""
        gpu = gpu and self.may_use_gpu
        learner = Wanted(
            side="learner",
            manner="cells",
            frameworks=frameworks,
            modules=(AGENT, *self.learner_modules),
            rehearsals=self.rehearsals,
            folders=(learner_package.built(),),
            files=files,
            isolation=self.isolation,
            limits=Limits(
                memory_bytes=self.memory_mib * MIB,
                wall_seconds=self.total_seconds,
                gpu_bytes=self.gpu_memory_mib * MIB,
            ),
            gpu=gpu,
        )
        examiner = Wanted(
            side="examiner",
            manner="cells",
            frameworks=frameworks,
            modules=(*EXAMINER_MODULES, *self.examiner_modules),
            rehearsals=self.rehearsals,
            files=files,
            limits=EXAMINER_LIMITS,
            gpu=gpu,
        )
        return learner, examiner

    async def _examine(self, nb: NotebookNode, draws: Draws, files: Path | None) -> Examined:
        """Run it; once more if a kernel was ended from outside, which should cost nobody points."""
        went = await self._examine_once(nb, draws, files)
        return await self._examine_once(nb, draws, files) if went.struck else went

    async def _examine_once(self, nb: NotebookNode, draws: Draws, files: Path | None) -> Examined:
        learner, examiner = self._wanted(frameworks_of(nb), files, gpu=marked_for_gpu(nb))
        return await examine(
            nb,
            learner=Side(lambda: CellKernel(learner)),
            examiner=Side(lambda: CellKernel(examiner)),
            timing=Timing(self.cell_seconds, float(self.timeout or self.total_seconds), self.total_seconds),
            draws=draws,
            clean=clean_outputs,
            prepare=f"{_PREPARE}\n{EXAMINER}.allow({self.call_seconds!r})",
        )

    secret: bytes | None = None
    """The secret itself, for whoever has it already, on another machine for example."""

    may_use_gpu: bool = True
    """False where a GPU is kept for others, whatever the notebook says."""

    def _secret(self) -> bytes:
        if self.secret is not None:
            return self.secret
        return read_secret(Path(self.secret_file)) if self.secret_file else b""


@contextlib.contextmanager
def data_files(folder: Path | None) -> Iterator[Path | None]:
    """A copy of what an assignment's folder holds beside its notebooks, for the kernels to work in; None without any.

    Never a notebook: the one that is being graded holds the hidden tests.
    """
    if folder is None or not folder.is_dir():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="unrolled-files-", dir=sharing.scratch()) as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns(*NOT_DATA))
        yield Path(copy)


def read_secret(path: Path) -> bytes:
    """The course's secret; made, readable by its owner alone, when there is none yet.

    A file without content is one that a full disk or a crash has left, or that another process is about to write.
    """
    with contextlib.suppress(FileNotFoundError):
        if secret := path.read_bytes():
            return secret
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        secret = file.read()
        if not secret:
            secret = secrets.token_hex(32).encode()
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
    return secret


def frameworks_of(notebook: NotebookNode) -> tuple[str, ...]:
    """The frameworks that the teacher's cells of a notebook import, sorted."""
    found: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type == "code" and role(cell) in ("released", "test"):
            found |= _imported(released(cell))
    return tuple(sorted({FRAMEWORKS[name] for name in found & set(FRAMEWORKS)}))


def marked_for_gpu(notebook: NotebookNode) -> bool:
    """Whether one of its cells is marked for a GPU; of a rebuilt notebook, where learners' own cells have no marks."""
    return any(GPU in c.metadata.get("tags", ()) or c.metadata.get("nbgrader", {}).get(GPU) for c in notebook.cells)


@functools.lru_cache(maxsize=512)
def _imported(source: str) -> frozenset[str]:
    """The packages that a cell imports, which may hold lines that only IPython reads (%pip, !ls)."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return frozenset()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return frozenset(names)
