"""Calling a learner's code: with a time limit, its printing kept within bounds, its errors told in its own terms."""

import traceback
from contextlib import AbstractContextManager

from autograder.running import BoundedText, captured, learners_frame

LINES_SHOWN = 10


class Printed:
    """What the learner's code printed while it was checked, warnings and standard error included."""

    def __init__(self) -> None:
        self._stream = BoundedText()

    def capture(self) -> AbstractContextManager[None]:
        """Collect standard output, standard error, warnings and logs; nothing reaches the notebook's own streams."""
        return captured(self._stream)

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


def where_it_happened(error: BaseException, ours: str) -> str:
    """The line of the learner's own code that an error is about, as "line 3 of your code in f: `…`".

    `ours` is the folder of this package: frames from there are not the learner's. "" when there is none.
    """
    frame = _learners_frame(error, ours)
    if frame is None:
        return ""
    return f"line {frame.lineno} of your code in {frame.name}: `{(frame.line or '').strip()}`"


def who_raised(error: BaseException, ours: str, called: str) -> str:
    """The learner's function in which the error arose: the one that was called, or another that it calls."""
    frame = _learners_frame(error, ours)
    inside = frame is None or frame.name in ("forward", "backward", "call", "build", "__init__") or "<" in frame.name
    return called if frame is None or inside else frame.name


def _learners_frame(error: BaseException, ours: str) -> traceback.FrameSummary | None:
    """An exception from another process says itself where it was raised, as `learners_frame`."""
    if hasattr(error, "learners_frame"):
        return error.learners_frame
    return learners_frame(error, [ours])
