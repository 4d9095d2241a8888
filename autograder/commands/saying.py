"""How a command speaks: to a person, to a script (--json), or as little as can be (--quiet).

Results go to standard output, warnings and progress to standard error, so that either can be kept by itself.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class Advance(Protocol):
    """Told once for each piece of work that is finished."""

    def __call__(self, note: str = "") -> None: ...


class Say:
    """Where a command's words go. `mode` is "text", "quiet" or "json"."""

    def __init__(self, mode: str = "text", out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.mode = mode
        self._out, self._err = out or sys.stdout, err or sys.stderr

    def line(self, text: str) -> None:
        """A line of the answer, for people."""
        if self.mode == "text":
            print(printable(text), file=self._out, flush=True)

    def result(self, data: Mapping[str, Any]) -> None:
        """The whole answer, for scripts: one JSON object."""
        if self.mode == "json":
            print(json.dumps(data, ensure_ascii=False, default=str), file=self._out, flush=True)

    def warn(self, text: str) -> None:
        """Something that wants attention, in every mode."""
        print(f"unrolled: {printable(text)}", file=self._err, flush=True)

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Advance]:
        """While the body runs: a bar with rate and remaining time on a terminal; nothing elsewhere."""
        if self.mode != "text" or not self._err.isatty():
            yield lambda note="": None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(file=self._err), transient=True) as bar:
            task = bar.add_task(what, total=total, note="")

            def advance(note: str = "") -> None:
                bar.update(task, advance=1, note=Text(printable(note)).plain[:40])

            yield advance


class _Rate(ProgressColumn):
    """Pieces of work in a second, or seconds for one."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor or colour it: students' names and errors end up here."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
