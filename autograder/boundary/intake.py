"""Intake: read a submitted notebook, or say in one line why it cannot be read."""

import json
import os
import stat
from pathlib import Path

import nbformat
from nbformat import NotebookNode

MAX_BYTES = 20 * 2**20
"""The largest notebook that is read; a filled-in one without outputs is some tens of kilobytes."""


class Unreadable(Exception):
    """A submitted file that cannot be graded; the message is for its author."""


def read_notebook(path: Path, max_bytes: int = MAX_BYTES) -> NotebookNode:
    """The notebook at `path`, upgraded to format 4.5, as a fresh object.

    Only a regular file of at most `max_bytes` is opened; links are not followed. A byte-order mark is
    ignored. Raises Unreadable, with what was found and what to do, for everything else.
    """
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"{path.name} is a link or a special file, not a notebook: hand in the file itself")
    if found.st_size > max_bytes:
        size, limit = found.st_size / 2**20, max_bytes / 2**20
        raise Unreadable(
            f"{path.name} has {size:.1f} MiB, more than {limit:.0f}: clear its outputs (Kernel → Restart & "
            "Clear Output), save, and hand in again"
        )
    return parse_notebook(path.read_bytes(), path.name)


def parse_notebook(data: bytes, name: str) -> NotebookNode:
    """The notebook in `data`; as `read_notebook`, for bytes that are already here."""
    if not data.strip():
        raise Unreadable(f"{name} is empty: save the notebook in Jupyter and hand in again")
    again = "open it in Jupyter, save it, and hand in again"
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable(f"{name} is not UTF-8 text, so not a notebook: {again}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable(f"{name} is not JSON ({error.msg} at {where}), so not a notebook: {again}") from None
    except RecursionError:
        raise Unreadable(f"{name} is nested too deeply to be a notebook: {again}") from None
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise Unreadable(f"{name} is JSON but not a notebook (it names no nbformat): {again}")
    try:
        notebook = nbformat.reads(json.dumps(content), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise Unreadable(f"{name} is not a valid notebook ({reason}): {again}") from None
    return notebook
