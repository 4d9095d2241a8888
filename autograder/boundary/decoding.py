"""Bytes to JSON values, for files that may be large, old, damaged or made to do harm."""

import json
import math
import re
from typing import Any

from autograder.boundary.files import Unreadable

MAX_BYTES = 8 * 2**20
"""The largest notebook that is parsed, without its outputs; a filled-in one has some tens of kilobytes."""
MAX_TOKENS = 5_000_000
MAX_TRIES = 200
_AGAIN = "open it in Jupyter, save it, and hand in again"


def decode(data: bytes, name: str, notes: list[str]) -> str:
    """The text of a file: UTF-8, or UTF-16 and UTF-32 as editors on Windows write them, with or without a mark.

    Bytes that are not UTF-8 become U+FFFD, with a note. Raises Unreadable for what is empty or not text at all.
    """
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        raise Unreadable(f"{name} is empty: save the notebook in Jupyter and hand in again")
    encoding = json.detect_encoding(data[:64])
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        pass
    if not encoding.startswith("utf-8") or b"{" not in data[:64]:
        raise Unreadable(f"{name} is not UTF-8 text, so not a notebook: {_AGAIN}")
    notes.append(f"{name} has characters that are not UTF-8; they are shown as \N{REPLACEMENT CHARACTER}")
    return data.decode(encoding, errors="replace")


def parse(text: str, name: str, notes: list[str]) -> Any:
    """The JSON value in `text`. Numbers that JSON does not know become null; of a doubled key the last one counts.

    Where the text is damaged, what complete cells there are, with a note. Raises Unreadable when there are none.
    """
    if len(text) > MAX_BYTES:
        text = without_outputs(text, name)
        if len(text) > MAX_BYTES:
            size, limit = len(text) / 2**20, MAX_BYTES / 2**20
            raise Unreadable(
                f"{name} has {size:.1f} million characters without its outputs, more than {limit:.0f}: delete what "
                "does not belong to your answers, save, and hand in again"
            )
    decoder = _decoder(name, notes)
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        cells = _complete_cells(text, decoder)
        if not cells:
            raise Unreadable(f"{name} is not JSON ({error.msg} at {where}), so not a notebook: {_AGAIN}") from None
        notes.append(f"{name} is damaged at {where}: the {len(cells)} cells that are complete were read")
        return {"cells": cells}
    except RecursionError:
        raise Unreadable(f"{name} is nested too deeply to be a notebook: {_AGAIN}") from None


def _decoder(name: str, notes: list[str]) -> json.JSONDecoder:
    def of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            notes.append(f"{name} has an entry twice in one place; the last one counts, as in Jupyter")
        return value

    return json.JSONDecoder(
        object_pairs_hook=of_pairs,
        parse_constant=lambda _word: None,
        parse_float=_finite,
        parse_int=lambda number: int(number) if len(number) < 20 else None,
        strict=False,
    )


def _finite(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


_CELL_START = re.compile(r'\{\s*"(?:cell_type|attachments|execution_count|id|metadata|outputs|source|input)"\s*:')


def _complete_cells(text: str, decoder: json.JSONDecoder) -> list[dict[str, Any]]:
    """The cells of a damaged notebook that are whole, in order."""
    cells: list[dict[str, Any]] = []
    position, tries = 0, 0
    while tries < MAX_TRIES:
        start = _CELL_START.search(text, position)
        if start is None:
            break
        try:
            value, end = decoder.raw_decode(text, start.start())
        except (json.JSONDecodeError, RecursionError):
            tries += 1
            position = start.start() + 1
            continue
        if "cell_type" in value:
            cells.append(value)
        position = end
    return cells


# A string without its end takes the rest, so that no text makes this slow.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_OPENS_LIST = re.compile(r"\s*:\s*(?=\[)")


def without_outputs(text: str, name: str) -> str:
    """`text` with each list under a key "outputs" emptied, without building anything in memory but the rest."""
    kept: list[str] = []
    start = 0
    depth = -1  # inside a list of outputs: how many brackets are open; -1 outside
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number > MAX_TOKENS:
            raise Unreadable(f"{name} has too many parts for a notebook: clear its outputs, save, and hand in again")
        word = token[0] if len(token[0]) < 10 else ""
        if depth < 0:
            colon = _OPENS_LIST.match(text, token.end()) if word == '"outputs"' else None
            if colon is not None:
                kept.append(text[start : colon.end()] + "[]")
                depth = 0
        elif word in ("[", "{"):
            depth += 1
        elif word in ("]", "}"):
            depth -= 1
            if depth == 0:
                start, depth = token.end(), -1
    kept.append(text[start:] if depth < 0 else "")
    return "".join(kept)
