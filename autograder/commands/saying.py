"""How a command speaks: to a person, to a script (--json), or as little as can be (--quiet).

Results go to standard output, warnings and progress to standard error, so that either can be kept by itself.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO


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
        try:
            from autograder.commands.bar import bar_of
        except ImportError:  # a learner's environment has no rich, and needs no bar
            yield lambda note="": None
            return

        with bar_of(total, what, self._err) as step:

            def advance(note: str = "") -> None:
                step(printable(note)[:40])

            yield advance


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor or colour it: students' names and errors end up here."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
