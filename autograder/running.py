"""Running somebody's code within bounds: a time limit that is hard to swallow, output that does not pile up, and the
line of theirs that an error is about.

Checks in a learner's own notebook use it, and so does the boundary's agent, which is sent as text into kernels that
have none of this package: so it imports the standard library only.
"""

import ast
import contextlib
import io
import linecache
import logging
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

CHARACTERS_KEPT = 10_000
LONGEST_SOURCE = 200_000  # characters of code in which a loop is looked for
_AGAIN = 0.25  # seconds between one ring and the next
_FILE = (lambda: None).__code__.co_filename
# Frames of whoever runs the code are not the code's: this package's, or the one text that the agent is sent as.
_OURS = _FILE if _FILE.startswith("<") else str(Path(_FILE).resolve().parent)


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


class BoundedText(io.TextIOBase):
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


@contextlib.contextmanager
def captured(stream: io.TextIOBase) -> Iterator[None]:
    """Send standard output, standard error, warnings and logs to `stream`, none to the notebook's own."""

    def show(message: Any, category: type[Warning], *_args: Any, **_keywords: Any) -> None:
        stream.write(f"{category.__name__}: {message}\n")

    redirected = contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream)
    with _logs_to(stream), redirected[0], redirected[1], warnings.catch_warnings():
        warnings.showwarning = show
        yield


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


def learners_frame(error: BaseException, ours: Sequence[str]) -> traceback.FrameSummary | None:
    """The line of the learner's own code that an error is about; None where there is none.

    Code in the folders `ours` is not the learner's. The line is the innermost one; but when time was up, the outermost
    loop that ran: where exactly the code was then is chance, and what a learner is told should not be.
    """
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_learners(frame, tuple(ours))]
    if isinstance(error, TimeIsUp):
        for frame in frames:
            line = _loop_around(frame)
            if line:
                return traceback.FrameSummary(frame.filename, line, frame.name)
    return frames[-1] if frames else None


def _is_learners(frame: traceback.FrameSummary, ours: tuple[str, ...]) -> bool:
    theirs = not frame.filename.startswith(ours) and "site-packages" not in frame.filename
    standard = frame.filename.startswith("<frozen") or "/lib/python" in frame.filename
    return theirs and not standard and bool(frame.lineno)


def _loop_around(frame: traceback.FrameSummary) -> int:
    """The first line of the outermost loop of a function in which a frame's line stands; 0 without one."""
    line, loops, scope = frame.lineno or 0, [], 0
    with contextlib.suppress(Exception):
        source = "".join(linecache.getlines(frame.filename))
        for node in ast.walk(ast.parse(source if len(source) <= LONGEST_SOURCE else "")):
            if getattr(node, "lineno", line + 1) <= line <= getattr(node, "end_lineno", 0):
                if isinstance(node, ast.For | ast.AsyncFor | ast.While):
                    loops.append(node.lineno)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    scope = max(scope, node.lineno)
    return min((each for each in loops if each >= scope), default=0)
