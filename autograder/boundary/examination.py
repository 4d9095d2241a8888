"""An examination: a rebuilt notebook, run with the learner's cells on one side and the teacher's on the other.

The learner's kernel runs what the learner may have written. The examiner's kernel runs the teacher's cells; there, the
learner's names are handles. Between the two go calls and answers, and what a test says is made on the examiner's side.
A kernel that dies or hangs costs the question it was answering; a fresh one takes the next.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.boundary.borrowed import Ownership, played
from autograder.boundary.conversation import Ran
from autograder.boundary.shown import Kept
from autograder.boundary.sides import NoKernel, Side, literals
from autograder.boundary.verdicts import FACTS, failed, verdict

EXAMINER = "__import__('autograder.boundary.examiner', fromlist=['examiner'])"

_LOST = f"{EXAMINER}.lost_because()"
_AFTERWARDS = {"lost": _LOST, "own": f"{EXAMINER}.own_names(get_ipython().user_ns)"}
"""What is asked of the examiner's kernel after a cell of the teacher's."""

_ASKING = 90.0
"""Seconds for what the examiner's kernel does between cells; to reach a learner's kernel it takes up to 60."""


@dataclass(frozen=True)
class Timing:
    """Seconds by the clock: for one of the learner's cells, for one test cell, and for the whole notebook."""

    cell: float = 60.0
    test: float = 300.0
    total: float = 1200.0


@dataclass(frozen=True)
class Draws:
    """What the questions' numbers are drawn from: nobody can prepare for them, and a grade can be repeated.

    secret: the course's; without one every examination draws anew.
    """

    assignment: str = ""
    student: str = ""
    secret: bytes = b""


TIMING, UNDRAWN, KEPT = Timing(), Draws(), Kept()


@dataclass
class Examined:
    """How it went: the tier of isolation, how often a kernel was lost and why, and the seconds it all took.

    struck: one was lost by a signal from outside, and perhaps by no fault of its code.
    """

    tier: str = "none"
    lost: list[str] = field(default_factory=list)
    seconds: float = 0.0
    struck: bool = False


async def examine(
    notebook: NotebookNode,
    *,
    learner: Side,
    examiner: Side,
    timing: Timing = TIMING,
    draws: Draws = UNDRAWN,
    keep: Kept = KEPT,
    clean: Callable[[list[NotebookNode]], list[NotebookNode]] = list,
    prepare: str = "",
) -> Examined:
    """Run the notebook's code cells; their outputs are replaced by what was shown and judged.

    Each code cell's metadata say whose it is: `unrolled.role` is "learner", "released" (with the released text under
    `unrolled.released`) or "test". `clean` bounds outputs and makes them safe; `prepare` is code for a fresh
    examiner's kernel. Every test cell ends with outputs that nbgrader reads as its points: an error unless it was
    seen to run to its end. Raises NoKernel when the machine starts no kernel at all.
    """
    began = time.monotonic()
    examination = _Examination(notebook, learner, examiner, timing, draws, keep, clean, prepare)
    try:
        await examination.run()
    finally:
        await asyncio.gather(learner.stop(), examiner.stop())
    if examination.went.lost and (learner.orphaned or examiner.orphaned):
        raise NoKernel("what kernels are forked from has ended, and with it those that were under way")
    examination.went.struck = bool(examination.went.lost) and (learner.struck or examiner.struck)
    examination.went.seconds = time.monotonic() - began
    return examination.went


class _Examination:
    def __init__(
        self,
        notebook: NotebookNode,
        learner: Side,
        examiner: Side,
        timing: Timing,
        draws: Draws,
        keep: Kept,
        clean: Callable[[list[NotebookNode]], list[NotebookNode]],
        prepare: str,
    ) -> None:
        self.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        self.learner, self.examiner = learner, examiner
        self.timing, self.draws, self.keep, self.clean = timing, draws, keep, clean
        self.prepare_examiner = prepare
        self.went = Examined()
        self.deadline = time.monotonic() + timing.total
        self.ownership = Ownership()
        self.on_learner: list[str] = []  # what a fresh learner's kernel has to run
        self.on_examiner: list[str] = []
        self.connected = False

    async def run(self) -> None:
        for cell in self.cells:
            if role(cell) == "test":
                cell.outputs = [failed("NotRun", "this test was not run")]  # until it has been
        started = await asyncio.gather(self.learner.start(), self._start_examiner(), return_exceptions=True)
        for problem in started:
            if isinstance(problem, BaseException):
                raise problem
        self.went.tier = self.learner.tier
        ordinary = [cell for cell in self.cells if role(cell) == "released"]
        tests = [cell.source for cell in self.cells if role(cell) == "test"]
        playing = dict(zip(map(id, ordinary), played([released(cell) for cell in ordinary], tests), strict=True))
        for cell in self.cells:
            if role(cell) == "test":
                await self._test(cell)
                continue
            await self._run_learners(cell)
            if role(cell) == "released" and not playing[id(cell)]:
                await self._run_released(released(cell))

    def _left(self, seconds: float) -> float:
        return min(seconds, self.deadline - time.monotonic())

    async def _run_learners(self, cell: NotebookNode) -> None:
        cell.outputs, cell.execution_count = [], None
        if not cell.source.strip():
            return
        seconds = self._left(self.timing.cell)
        if seconds <= 0 or not await self._have_learner():
            cell.outputs = [failed("NotRun", _used_up(self.timing) if seconds <= 0 else "the kernel was lost")]
            return
        ran = await self.learner.run(cell.source, seconds=seconds, keep=self.keep)
        outputs = self.clean(ran.outputs)
        if ran.usable and ran.status != "late":
            self.on_learner.append(cell.source)
        else:
            why = await self._why(ran)
            outputs.append(failed("CellTimeoutError" if ran.status == "late" else "DeadKernelError", why))
        if not ran.usable:
            self.went.lost.append(why)
            await self._lose_learner()
        cell.outputs = outputs

    async def _run_released(self, source: str) -> None:
        """What the teacher's cell defines, on the examiner's side. What it shows has been shown by the learner's."""
        seconds = self._left(self.timing.cell)
        if seconds <= 0:
            return
        await self._bind(source)
        ran = await self.examiner.run(source, seconds=seconds, keep=Kept(0, 0, 0), expressions=_AFTERWARDS)
        await self._afterwards(ran)
        self.on_examiner.append(source)
        if not ran.usable:
            await self.examiner.lose()
            await self._start_examiner()

    async def _test(self, cell: NotebookNode) -> None:
        seconds = self._left(self.timing.test)
        if seconds <= 0:
            cell.outputs = [failed("NotRun", _used_up(self.timing))]
            return
        seed = self._seed(str(cell.metadata.get("nbgrader", {}).get("grade_id", "")))
        for _ in range(2):
            ready = await self._have_learner() and await self._bind(cell.source, seed)
            if ready:
                break
        else:
            cell.outputs = [failed("DeadKernelError", "the kernel is lost each time your cells have run")]
            return
        ran = await self.examiner.run(cell.source, seconds=seconds, expressions=_AFTERWARDS)
        lost = await self._afterwards(ran)
        if ran.status not in ("ok", "error"):
            lost = "the question was not answered in its time"
        if lost:
            self.went.lost.append(lost)
            await self._lose_learner()
        points = float(cell.metadata.get("nbgrader", {}).get("points") or 0)
        cell.outputs = self._judged(verdict(ran, lost=lost, points=points))
        if not ran.usable:
            await self.examiner.lose()
            await self._start_examiner()

    async def _have_learner(self) -> bool:
        """A learner's kernel that runs, with the cells so far run in it, connected. Raises NoKernel."""
        if self.learner.up and not await self.learner.alive():
            self.went.lost.append(self.learner.ended_because() or "the kernel died between two cells")
            await self._lose_learner()
        if self.learner.up:
            return True
        await self.learner.start()
        for source in list(self.on_learner):
            seconds = self._left(self.timing.cell)
            ran = await self.learner.run(source, seconds=seconds) if seconds > 0 else Ran("hung", [])
            if not ran.usable:
                self.on_learner.remove(source)  # it ended the kernel now, though not before: not a third time
                await self._lose_learner()
                return False
        return True

    async def _lose_learner(self) -> None:
        self.connected = False
        await self.learner.lose()

    async def _start_examiner(self) -> None:
        """A fresh examiner's kernel, with the teacher's cells so far. Raises NoKernel."""
        self.connected = False
        await self.examiner.start()
        await self.examiner.ask(self.prepare_examiner, {}, seconds=self.timing.cell)
        earlier, self.on_examiner, self.ownership = self.on_examiner, [], Ownership()
        for source in earlier:
            await self._run_released(source)

    async def _bind(self, source: str, also: str = "") -> bool:
        """Bind handles in the examiner's kernel for the names that the cell borrows; whether the learner's answers.

        `also` is code to run there beforehand: one message instead of two.
        """
        if not self.learner.up:
            return False
        lines = [also] if also else []
        if not self.connected:
            connection = json.dumps(await self.learner.connection_for(self.examiner))
            lines.append(f"{EXAMINER}.connect(__import__('json').loads({connection!r}))")
            self.connected = True
        arguments = f"get_ipython().user_ns, {self.ownership.before(source)!r}, {self.on_learner!r}"
        lines.append(f"{EXAMINER}.bind({arguments})")
        lost = await self._lost("\n".join(lines))
        if lost:
            self.went.lost.append(lost)
            await self._lose_learner()
        return not lost

    def _seed(self, cell: str) -> str:
        """Code after which the questions' numbers are those of this cell, assignment, student and secret."""
        if not self.draws.secret:
            return ""
        drawn = (self.draws.secret, self.draws.assignment, self.draws.student)
        return f"{EXAMINER}.seed_with(*{drawn!r}, cell={cell!r})"

    async def _lost(self, code: str) -> str:
        """Run `code` in the examiner's kernel; why the learner's answers it no more, "" while it does."""
        return await self._told_lost(await self.examiner.ask(code, {"lost": _LOST}, seconds=_ASKING))

    async def _afterwards(self, ran: Ran) -> str:
        """As `_lost`, after a cell of the teacher's: what it has defined is the teacher's from here on.

        A cell that ran to its end has brought the answers along.
        """
        told = literals(ran.expressions)
        if set(told) != set(_AFTERWARDS):
            told = await self.examiner.ask("", _AFTERWARDS, seconds=_ASKING)
        self.ownership.after(told.get("own", []))
        return await self._told_lost(told)

    async def _told_lost(self, told: Mapping[str, Any]) -> str:
        lost = str(told.get("lost", "it does not answer"))
        if not lost and not await self.learner.alive():
            lost = "it died"
        return self.learner.ended_because() or lost if lost else ""

    def _judged(self, outputs: list[NotebookNode]) -> list[NotebookNode]:
        """Cleaned, since a message may quote the learner's code; what a failed check says of itself is kept."""
        cleaned = []
        for output in outputs:
            for kept in self.clean([output]):
                if FACTS in output.get("metadata", {}):
                    kept.metadata[FACTS] = output.metadata[FACTS]
                cleaned.append(kept)
        return cleaned

    async def _why(self, ran: Ran) -> str:
        if ran.status == "late":
            return f"this cell did not finish within {self.timing.cell:g} seconds and was interrupted"
        because = self.learner.ended_because()
        if ran.status == "hung":
            return (
                because or f"this cell did not finish within {self.timing.cell:g} seconds and could not be interrupted"
            )
        return f"this cell ended the kernel{f': it {because}' if because else ''}"


def role(cell: NotebookNode) -> str:
    """Whose cell it is: "learner", "released" or "test"."""
    return str(cell.metadata.get("unrolled", {}).get("role", "learner"))


def released(cell: NotebookNode) -> str:
    """The text that a released cell had when it was handed out."""
    return str(cell.metadata["unrolled"].get("released", cell.source))


def _used_up(timing: Timing) -> str:
    return f"the {timing.total:g} seconds for this notebook are used up"


def new_cell(source: str, whose: str, **nbgrader: Any) -> NotebookNode:
    """A code cell with its role, for examinations made by hand."""
    cell: NotebookNode = nbformat.v4.new_code_cell(source)
    cell.metadata["unrolled"] = {"role": whose}
    if nbgrader:
        cell.metadata["nbgrader"] = nbgrader
    return cell
