"""Text from outside made safe to print: no control characters, no terminal escapes, nothing that turns the line."""

import re
import unicodedata

# Escape sequences, in their C1 forms too: CSI; OSC and its kin (to BEL or ST, or to the end); all others.
ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|(?=\x1b)|\Z)"
    r"|\x1b[ -/]*[0-~]?"
)
# Bidirectional controls, zero-width marks that reorder, and the line and paragraph separators.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Control characters that have no place in a cell, and those that show code in another order than it runs in.
_NO_SOURCE = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """`text` that can be written as UTF-8: lone surrogates become U+FFFD."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def without_controls(text: str) -> str:
    """`text` with U+FFFD for control characters, bidirectional ones too; tabs, form feeds and line ends stay."""
    return _NO_SOURCE.sub("\N{REPLACEMENT CHARACTER}", text)


def visible(text: str) -> str:
    """`text` without escape sequences, bidirectional controls and control characters; tabs and line ends stay.

    A carriage return that is no line end takes back the line before it, as a terminal would show it.
    """
    text = ESCAPES.sub("", well_formed(text)).replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", _TURNING.sub("", text))


def plain(text: object, most: int = 80) -> str:
    """`text` as part of one line of a message: visible, on one line, at most `most` characters."""
    line = " ".join(visible(str(text)[: 8 * most]).split())
    line = "".join(c for c in line if unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Co", "Cn"))
    return line if len(line) <= most else line[: most - 1] + "…"
