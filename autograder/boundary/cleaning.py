"""Outputs and metadata made safe to write and to show: bounded, of known kinds, without scripts and escapes."""

import base64
import binascii
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.boundary.markup import MAX_HTML, clean_html, clean_latex
from autograder.boundary.words import plain, visible

MAX_OUTPUTS = 60
MAX_TEXT = 40_000
"""Characters of text in one cell's outputs altogether, whatever the type."""
MAX_LINES = 400
MAX_IMAGE_BYTES = 2 * 2**20
MAX_IMAGES_BYTES = 6 * 2**20
MAX_PIXELS = 40_000_000
MAX_VALUE = 4_000
"""Characters of one error's message."""
MAX_FRAMES = 60

_SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8"}
_PATH = re.compile(r"(?<![\w.:/])/(?:[\w.@+~-]+/)+(?=[\w.@+~-])")


@dataclass
class Room:
    """What may still be written: in one cell, and, as `whole`, in the notebook that the cell stands in."""

    text: int = MAX_TEXT
    images: int = MAX_IMAGES_BYTES
    html: int = MAX_HTML
    whole: "Room | None" = None

    def left(self, what: str) -> int:
        """How many characters ("text", "html") or bytes ("images") there is room for."""
        here: int = getattr(self, what)
        return here if self.whole is None else min(here, self.whole.left(what))

    def use(self, what: str, size: int) -> None:
        """Take `size` of it."""
        setattr(self, what, max(0, getattr(self, what) - size))
        if self.whole is not None:
            self.whole.use(what, size)

    def take(self, text: Any) -> str:
        """`text`, visible, and cut where the room ends."""
        text = _joined(text)
        kept = _shortened(visible(text[: 8 * MAX_TEXT]), self.left("text"), len(text))
        self.use("text", len(kept))
        return kept


def room_of_a_notebook() -> Room:
    """Room for the outputs of all cells of one notebook together."""
    return Room(text=50 * MAX_TEXT, images=5 * MAX_IMAGES_BYTES, html=4 * MAX_HTML)


def _joined(text: Any) -> str:
    """A multi-line string of the notebook format as one string; "" for what is none."""
    if isinstance(text, list | tuple):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""


def clean_outputs(outputs: Iterable[Any], whole: Room | None = None) -> list[NotebookNode]:
    """A cell's outputs, bounded in number and size, of known types, sanitised; what is malformed is left out.

    `whole` is the room that the notebook has left. Errors are never left out, so that cleaning cannot turn a
    failure into a success.
    """
    room = Room(whole=whole)
    kept: list[NotebookNode] = []
    left_out = 0
    for output in outputs:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind != "error" and (len(kept) >= MAX_OUTPUTS or not room.left("text")):
            left_out += 1
            continue
        if kind == "error" and sum(o.output_type == "error" for o in kept) >= MAX_OUTPUTS:
            continue
        cleaned = _output(output, kind, room)
        if cleaned is not None:
            kept.append(cleaned)
    if left_out:
        kept.append(_stream("stdout", f"[… {left_out} more outputs, left out]\n"))
    return kept


def _output(output: Any, kind: Any, room: Room) -> NotebookNode | None:
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        text = room.take(output.get("text"))
        # An empty stream is kept where there was something: nbgrader looks at whether stderr is there at all.
        return _stream(name, text) if output.get("text") else None
    if kind == "error":
        return _error(output, room)
    if kind in ("display_data", "execute_result"):
        data = _bundle(output.get("data"), room)
        if not data:
            return None
        metadata = {mime: _sizes(output.get("metadata"), mime) for mime in data if mime in _SIGNATURES}
        more: dict[str, Any] = {"metadata": {mime: sizes for mime, sizes in metadata.items() if sizes}}
        if kind == "execute_result":
            more["execution_count"] = None
        return _made(kind, data=data, **more)
    return None


def _made(kind: str, **parts: Any) -> NotebookNode:
    """As nbformat's `new_output`, which first makes sure that they are such parts; there are dozens in a notebook."""
    return NotebookNode(output_type=kind, **parts)


def _stream(name: str, text: str) -> NotebookNode:
    return _made("stream", name=name, text=text)


def _error(output: Any, room: Room) -> NotebookNode:
    lines = output.get("traceback")
    lines = [line for line in lines if isinstance(line, str)] if isinstance(lines, list | tuple) else []
    if len(lines) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        lines = [*lines[:half], f"[… {len(lines) - 2 * half} more lines …]", *lines[-half:]]
    # Errors have room of their own: a flood of text before one must not hide what went wrong.
    own = Room(text=MAX_TEXT // 4)
    return _made(
        "error",
        ename=plain(output.get("ename") or "Error"),
        evalue=_shortened(visible(str(output.get("evalue") or "")[: 8 * MAX_VALUE]), MAX_VALUE),
        traceback=[without_paths(own.take(line)) for line in lines],
    )


def without_paths(text: str) -> str:
    """`text` with absolute paths cut to the file's name: a folder's name is nobody's business."""
    return _PATH.sub("…/", text)


def _bundle(data: Any, room: Room) -> dict[str, str]:
    """The parts of a display that are known to be harmless, or made so. SVG, scripts, widgets and JSON are not."""
    kept: dict[str, str] = {}
    if not isinstance(data, dict):
        return kept
    for mime in _SIGNATURES:
        image = _image(data.get(mime), mime)
        if image is not None and len(image) <= room.left("images"):
            room.use("images", len(image))
            kept[mime] = base64.b64encode(image).decode()
    html = _joined(data.get("text/html"))
    if html and len(html) <= room.left("html"):
        room.use("html", len(html))
        cleaned = clean_html(html)
        if cleaned.strip():
            kept["text/html"] = cleaned
    if "text/latex" in data:
        kept["text/latex"] = clean_latex(room.take(data["text/latex"]))
    if "text/plain" in data:
        kept["text/plain"] = room.take(data["text/plain"])
    elif "text/markdown" in data:
        kept["text/plain"] = room.take(data["text/markdown"])
    if not kept and data:
        kept["text/plain"] = "[an output of a kind that is not shown]"
    return kept


def _image(text: Any, mime: str) -> bytes | None:
    """The bytes of an image that is what it says it is and not too large, else None."""
    text = _joined(text)
    if not text or len(text) > 2 * MAX_IMAGE_BYTES:
        return None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) > MAX_IMAGE_BYTES or not data.startswith(_SIGNATURES[mime]):
        return None
    return data if _pixels(data, mime) <= MAX_PIXELS else None


def _pixels(data: bytes, mime: str) -> int:
    """How many pixels an image says it has; a small file may say billions."""
    try:
        if mime == "image/png":
            width, height = struct.unpack(">II", data[16:24])
        elif mime == "image/gif":
            width, height = struct.unpack("<HH", data[6:10])
        else:
            frame = re.search(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]..\x08(....)", data, re.DOTALL)
            width, height = struct.unpack(">HH", frame[1]) if frame else (0, 0)
    except struct.error:
        return MAX_PIXELS + 1
    return int(width * height)


def _sizes(metadata: Any, mime: str) -> dict[str, int]:
    found = metadata.get(mime) if isinstance(metadata, dict) else None
    if not isinstance(found, dict):
        return {}
    return {k: v for k, v in found.items() if k in ("width", "height") and type(v) is int and 0 < v < 5_000}


def _shortened(text: str, most: int, whole: int | None = None) -> str:
    """`text` with its middle left out where it has more than `most` characters or MAX_LINES lines."""
    lines = text.splitlines(keepends=True)
    if len(lines) > MAX_LINES:
        half = MAX_LINES // 2
        gap = f"[… {len(lines) - 2 * half} more lines …]\n"
        text = "".join([*lines[:half], gap, *lines[-half:]])
    if len(text) <= most and (whole is None or whole <= 8 * MAX_TEXT):
        return text
    half = max(0, min(len(text), most) // 2 - 40)
    return (
        f"{text[:half]}\n[… much more text …]\n{text[len(text) - half :]}" if half else "[… text left out …]\n"[:most]
    )


NOTEBOOK_METADATA = {
    "kernelspec": ("name", "display_name", "language"),
    "language_info": ("name", "version", "file_extension", "mimetype", "pygments_lexer"),
}
_WORD = re.compile(r"[\w.+/ ()-]{1,60}")
CELL_METADATA = ("nbgrader", "deletable", "editable", "tags")


def clean_metadata(notebook: NotebookNode) -> NotebookNode:
    """`notebook` itself with only known metadata; what a kernel says about itself is not believed to be harmless."""
    kept: dict[str, dict[str, str]] = {}
    for key, entries in NOTEBOOK_METADATA.items():
        found = notebook.metadata.get(key)
        if isinstance(found, dict):
            kept[key] = {e: found[e] for e in entries if isinstance(found.get(e), str) and _WORD.fullmatch(found[e])}
    notebook["metadata"] = nbformat.from_dict(kept)
    for cell in notebook.cells:
        cell["metadata"] = nbformat.from_dict({k: cell.metadata[k] for k in CELL_METADATA if k in cell.metadata})
    return notebook
