"""The record of grading: a file that is only ever appended to, a line of JSON for each grade that was entered.

Each line holds a hash of the one before it, so that a line that was changed or taken out later shows.
"""

import contextlib
import datetime
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAME = "grading-log.jsonl"


def append(path: Path, entries: list[Mapping[str, Any]]) -> None:
    """Add entries, each with the time and the hash of the line before it; on the disk when this returns."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before, whole = _last_line(file)
        file.seek(0, os.SEEK_END)
        lines = b"" if whole else b"\n"  # a crash has left half a line: it stays, by itself
        for entry in entries:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            content = {"at": now, **entry, "before": hashlib.sha256(before).hexdigest()[:16]}
            before = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
            lines += before + b"\n"
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The entries, first to last; lines that a crash has cut off are passed over."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    yield entry


def broken_at(path: Path) -> int:
    """The number of the first line that does not fit the one before it; 0 when all fit."""
    before = b""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip(b"\n")
            try:
                fits = json.loads(line).get("before") == hashlib.sha256(before).hexdigest()[:16]
            except (ValueError, AttributeError):
                continue  # cut off by a crash: the next line follows the last whole one
            if not fits:
                return number
            before = line
    return 0


def _last_line(file: Any) -> tuple[bytes, bool]:
    """The last whole entry, and whether the file ends with a whole line."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        return b"", True
    reach = 1 << 16
    while True:
        start = max(0, size - reach)
        file.seek(start)
        tail = file.read(size - start)
        lines = tail.split(b"\n")
        for line in reversed(lines if start == 0 else lines[1:]):
            with contextlib.suppress(ValueError):
                json.loads(line)
                return line, tail.endswith(b"\n")
        if start == 0:
            return b"", tail.endswith(b"\n")
        reach *= 4
