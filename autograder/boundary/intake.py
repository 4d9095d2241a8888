"""Intake: read a submitted notebook, or say in one line why it cannot be read.

What is kept of a notebook is what a grade can depend on: each cell's type, source, id, nbgrader's mark and images.
Outputs and all other metadata of a learner's are never used, so they are not read in.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.boundary.decoding import MAX_BYTES, decode, parse
from autograder.boundary.files import Unreadable, read_file
from autograder.boundary.words import plain, well_formed, without_controls

__all__ = ["MAX_BYTES", "MAX_FILE_BYTES", "Read", "Unreadable", "parse_notebook", "read", "read_notebook"]

MAX_FILE_BYTES = 128 * 2**20
"""The largest file that is opened. What is left of it without outputs may have MAX_BYTES."""
MAX_CELLS = 5_000
MAX_SOURCE = 2**20
"""The longest cell that is kept, in characters."""
MAX_IMAGE_BYTES = 2 * 2**20
MAX_IMAGES_BYTES = 8 * 2**20
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AGAIN = "open it in Jupyter, save it, and hand in again"
_OLD_TYPES = {"heading": "markdown", "html": "markdown", "text": "markdown"}


@dataclass(frozen=True)
class Read:
    """A notebook of format 4.5 without outputs and metadata, and a line for each thing that was not as it should be."""

    notebook: NotebookNode
    notes: tuple[str, ...] = ()


def read_notebook(path: Path, max_bytes: int = MAX_FILE_BYTES) -> NotebookNode:
    """The notebook at `path`, as `read` gives it, without the notes."""
    return read(path.parent, path.name, max_bytes).notebook


def read(folder: Path, name: str, max_bytes: int = MAX_FILE_BYTES, own: str | None = None) -> Read:
    """The notebook `folder`/`name`, of whatever format, as one of format 4.5 without outputs.

    `folder` is trusted, `name` is not: no part of it may be a link. `own` as for `files.read_file`. Raises
    FileNotFoundError when nothing is there, and Unreadable, with what was found and what to do, when there is
    nothing that could be graded.
    """
    return parse_notebook(read_file(folder, name, max_bytes, own), name)


def parse_notebook(data: bytes, name: str) -> Read:
    """The notebook in `data`; as `read`, for bytes that are already here. `name` is for the messages."""
    name = plain(name)
    notes: list[str] = []
    try:
        content = parse(decode(data, name, notes), name, notes)
        found = _cells(content, name)
        if len(found) > MAX_CELLS:
            raise Unreadable(f"{name} has {len(found)} cells, more than {MAX_CELLS}: delete what you do not need")
        images = _Images()
        made = [_cell(raw, number, notes, images) for number, raw in enumerate(found, 1)]
        cells = [cell for cell in made if cell is not None]
        _make_ids_unique(cells)
        if found and not cells:
            raise Unreadable(f"{name} has no cell that can be read: {_AGAIN}")
    except (RecursionError, MemoryError):
        raise Unreadable(f"{name} is nested too deeply to be a notebook: {_AGAIN}") from None
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.validate(notebook)
    return Read(notebook, tuple(dict.fromkeys(plain(note, 200) for note in notes)))


def _cells(content: Any, name: str) -> list[Any]:
    """The raw cells of a notebook of any format: at the top, or on the worksheets of formats 1 to 3."""
    if isinstance(content, dict):
        cells = content.get("cells")
        if isinstance(cells, list):
            return cells
        sheets = content.get("worksheets")
        if isinstance(sheets, list):
            parts = [s["cells"] for s in sheets if isinstance(s, dict) and isinstance(s.get("cells"), list)]
            if parts:
                return [cell for part in parts for cell in part]
    raise Unreadable(f"{name} is JSON but not a notebook (it has no list of cells): {_AGAIN}")


@dataclass
class _Images:
    """How much room for images is left in one notebook."""

    left: int = field(default=MAX_IMAGES_BYTES)


def _cell(raw: Any, number: int, notes: list[str], images: _Images) -> NotebookNode | None:
    """One cell with what is kept of it; None, and a note, where there is nothing to keep."""
    where = f"cell {number} of the file"
    if not isinstance(raw, dict):
        notes.append(f"{where} is not a cell and was left out")
        return None
    source = _source(raw, where, notes)
    if source is None:
        return None
    kind = raw.get("cell_type")
    if kind == "heading":
        level = raw.get("level")
        source = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + source
    kind = _OLD_TYPES.get(kind, kind) if isinstance(kind, str) else None
    if kind not in ("code", "markdown", "raw"):
        notes.append(f"{where} has no known type and is kept as text")
        kind = "raw"
    # Not by nbformat's own makers, which validate each: the notebook is validated as a whole.
    cell: NotebookNode = nbformat.from_dict(
        {"cell_type": kind, "metadata": _mark(raw.get("metadata")), "source": source}
    )
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
    found = raw.get("id")
    cell["id"] = found if isinstance(found, str) and _CELL_ID.fullmatch(found) else ""
    attachments = _attachments(raw.get("attachments"), where, notes, images) if kind == "markdown" else {}
    if attachments:
        cell["attachments"] = attachments
    return cell


def _make_ids_unique(cells: list[NotebookNode]) -> None:
    """The first cell with an id keeps it; missing, invalid and further ones become _1, _2, …"""
    used: set[str] = {cell["id"] for cell in cells}
    seen: set[str] = {""}
    for number, cell in enumerate(cells, 1):
        if cell["id"] in seen:
            fresh = f"_{number}"
            while fresh in used:
                fresh += "_"
            cell["id"] = fresh
            used.add(fresh)
        seen.add(cell["id"])


def _source(raw: dict[str, Any], where: str, notes: list[str]) -> str | None:
    """The text of a cell: `source`, or `input` and `code` as formats 1 to 3 had it; a list of lines or a string."""
    source = next((raw[key] for key in ("source", "input", "code") if key in raw), "")
    if isinstance(source, list):
        if not all(isinstance(line, str) for line in source):
            notes.append(f"{where} has lines that are not text; they were left out")
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        notes.append(f"{where} has a source that is not text and was left out")
        return None
    if len(source) > MAX_SOURCE:
        notes.append(f"{where} has more than {MAX_SOURCE} characters and was left out")
        return None
    return without_controls(well_formed(source))


def _mark(metadata: Any) -> dict[str, Any]:
    """All that is kept of a cell's metadata: which of the assignment's cells it says it is."""
    settings = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = settings.get("grade_id") if isinstance(settings, dict) else None
    if not isinstance(grade_id, str) or not 0 < len(grade_id) <= 200:
        return {}
    return {"nbgrader": {"grade_id": well_formed(grade_id)}}


def _attachments(found: Any, where: str, notes: list[str], images: _Images) -> dict[str, dict[str, str]]:
    """The images attached to a text cell: plain formats only, within the limits, and really base64."""
    kept: dict[str, dict[str, str]] = {}
    if not isinstance(found, dict):
        return kept
    for name, bundle in found.items():
        for kind in IMAGES if isinstance(bundle, dict) else ():
            text = bundle.get(kind)
            text = "".join(t for t in text if isinstance(t, str)) if isinstance(text, list) else text
            data = _image(text) if isinstance(text, str) else None
            if data is not None and len(data) <= images.left:
                images.left -= len(data)
                kept.setdefault(well_formed(name)[:200], {})[kind] = base64.b64encode(data).decode()
    if len(kept) < len(found):
        notes.append(f"{where}: an attached file that is no image, or too large, was left out")
    return kept


def _image(text: str) -> bytes | None:
    if len(text) > 2 * MAX_IMAGE_BYTES:
        return None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data and len(data) <= MAX_IMAGE_BYTES else None
