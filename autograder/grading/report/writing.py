"""Pages on disk: whole or not at all, and left alone when nothing has changed."""

import contextlib
from pathlib import Path

from autograder.grading.writing import replace


def write_whole(path: Path, text: str) -> bool:
    """Make `path` a UTF-8 file with this text; whether it had to be written.

    A file that says so already keeps its time. Whoever looks meanwhile, and whoever interrupts, finds the old file or
    the new one. Raises OSError.
    """
    data = text.encode("utf-8", "replace")
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return False
    replace(path, data)
    return True
