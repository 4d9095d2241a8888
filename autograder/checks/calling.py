"""Calling a learner's code: with a time limit, its printing kept within bounds, its errors told in its own terms."""

import contextlib
import io
import linecache
import logging
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

LINES_SHOWN = 10
CHARACTERS_KEPT = 10_000


class TimeIsUp(BaseException):
    """Raised inside the learner's code. Not an Exception, so that its own `except Exception` cannot swallow it.

    `insists` says whether the time limit is still on: then one that is swallowed nevertheless, by a bare except, is
    followed by another.
    """

    def __init__(self, insists: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        self._insists = insists

    def __del__(self) -> None:
        if self._insists():
            _raise_in_next_line(sys._getframe(1), self._insists)


class _BoundedText(io.TextIOBase):
    """A stream that keeps the first CHARACTERS_KEPT characters and counts the lines of all of them."""

    def __init__(self) -> None:
        self.kept = ""
        self.lines = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self.lines += text.count("\n")
        if len(self.kept) < CHARACTERS_KEPT:
            self.kept += text[: CHARACTERS_KEPT - len(self.kept)]
        return len(text)


@contextlib.contextmanager
def _logs_to(stream: io.TextIOBase) -> Iterator[None]:
    """Send there what loggers write to standard output or error: their handlers keep the stream they were made with.

    TensorFlow logs a warning when a tf.function meets its fifth shape; on standard error it would cost the points.
    """
    own = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    loggers = [logging.getLogger(), *logging.root.manager.loggerDict.values()]
    handlers = {h for logger in loggers if isinstance(logger, logging.Logger) for h in logger.handlers}
    moved = [(h, h.stream) for h in handlers if isinstance(h, logging.StreamHandler) and h.stream in own]
    try:
        for handler, _ in moved:
            handler.stream = stream
        yield
    finally:
        for handler, before in moved:
            handler.stream = before


class Printed:
    """What the learner's code printed while it was checked, warnings and standard error included."""

    def __init__(self) -> None:
        self._stream = _BoundedText()

    @contextlib.contextmanager
    def capture(self) -> Iterator[None]:
        """Collect standard output, standard error, warnings and logs; nothing reaches the notebook's own streams."""
        with (
            _logs_to(self._stream),
            contextlib.redirect_stdout(self._stream),
            contextlib.redirect_stderr(self._stream),
            warnings.catch_warnings(),
        ):
            warnings.showwarning = self._show_warning
            yield

    def _show_warning(self, message: Any, category: type[Warning], *_args: Any, **_kw: Any) -> None:
        self._stream.write(f"{category.__name__}: {message}\n")

    def add(self, beginning: str, lines: int) -> None:
        """What was printed elsewhere: the beginning of a text of so many lines."""
        self._stream.write(beginning)
        self._stream.lines += max(0, lines - beginning.count("\n"))

    def text(self) -> str:
        """The first lines that were printed, for showing after the check; "" if nothing was."""
        lines = self._stream.kept.splitlines()
        if not lines:
            return ""
        shown = [f"  | {line}" for line in lines[:LINES_SHOWN]]
        total = max(self._stream.lines, len(lines))
        if total > LINES_SHOWN:
            shown.append(f"  | … {total - LINES_SHOWN} more lines")
        return "\n".join(["  Printed by your code:", *shown])


@contextlib.contextmanager
def time_limit(seconds: float, *, processor: float | None = None) -> Iterator[None]:
    """Raise TimeIsUp in the body after `seconds`, or once this process has used `processor` seconds of processor time.

    Needs the main thread and a system with interval timers, which a notebook's kernel has on Linux and
    macOS; elsewhere the body runs without a limit. Handlers that were already set are put back.
    """
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable:
        yield
        return

    on = True

    def insists() -> bool:
        return on

    def ring(_signum: int, frame: FrameType | None) -> None:
        _raise_in_next_line(frame, insists)
        raise TimeIsUp(insists)

    timers = [(signal.SIGALRM, signal.ITIMER_REAL, seconds)]
    if processor is not None:
        timers.append((signal.SIGPROF, signal.ITIMER_PROF, processor))
    before = [signal.signal(number, ring) for number, _, _ in timers]
    traced = sys.gettrace()
    try:
        for _, timer, limit in timers:
            signal.setitimer(timer, limit, _AGAIN)
        yield
    finally:
        on = False
        sys.settrace(traced)
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


_AGAIN = 0.25  # seconds between one ring and the next


def _raise_in_next_line(frame: FrameType | None, insists: Callable[[], bool]) -> None:
    """Let the next line of each running function of the learner's raise TimeIsUp, be it in an except or behind it."""

    def tracer(_frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line" and insists():
            raise TimeIsUp(insists)  # Python ends tracing when a tracer raises
        return tracer

    while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        frame.f_trace = tracer
        frame = frame.f_back
    sys.settrace(lambda *_: None)


_OURS = str(Path(__file__).resolve().parents[1])


def where_it_happened(error: BaseException, ours: str) -> str:
    """The innermost line of the learner's own code in a traceback, as "line 3 of your cell: `…`".

    `ours` is the folder of this package: frames from there are not the learner's. "" when there is none.
    """
    frame = _learners_frame(error, ours)
    if frame is None:
        return ""
    source = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f"line {frame.lineno} of your code in {frame.name}: `{source}`"


def who_raised(error: BaseException, ours: str, called: str) -> str:
    """The learner's function in which the error arose: the one that was called, or another that it calls."""
    frame = _learners_frame(error, ours)
    inside = frame is None or frame.name in ("forward", "backward", "call", "build", "__init__") or "<" in frame.name
    return called if frame is None or inside else frame.name


def _learners_frame(error: BaseException, ours: str) -> traceback.FrameSummary | None:
    """An exception from another process says itself where it was raised, as `learners_frame`."""
    if hasattr(error, "learners_frame"):
        return error.learners_frame
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        theirs = not frame.filename.startswith(ours) and "site-packages" not in frame.filename
        standard = frame.filename.startswith("<frozen") or "/lib/python" in frame.filename
        if theirs and not standard and frame.lineno:
            return frame
    return None
