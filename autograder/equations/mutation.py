"""Small changes to an equation's LaTeX, each of which should make it false."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Mutant(NamedTuple):
    what: str  # "sign 2: + to -"
    latex: str


_TEXT = re.compile(r"\\(?:text|textit|mbox)\{[^{}]*\}")
_CHANGES: tuple[tuple[str, str, str], ...] = (
    ("plus to minus", r"\+", "-"),
    ("minus to plus", r"-", "+"),
    ("≤ to ≥", r"\\leq?(?![a-zA-Z])", r"\\ge "),
    ("≥ to ≤", r"\\geq?(?![a-zA-Z])", r"\\le "),
    ("transpose dropped", r"\^\{(?:\\!)?\\top\}|\^\\top(?![a-zA-Z])", ""),
    ("t-1 to t", r"(?<![a-zA-Z\\])([tkj])-1(?![a-zA-Z0-9])", r"\1"),
    ("t+1 to t", r"(?<![a-zA-Z\\])([tkj])\+1(?![a-zA-Z0-9])", r"\1"),
)


def mutants(latex: str) -> Iterator[Mutant]:
    """Every single change: a sign flipped, an inequality turned, a transpose dropped, t-1 turned to t.

    Words in `text{...}` are left alone.
    """
    words = [m.span() for m in _TEXT.finditer(latex)]
    for what, pattern, by in _CHANGES:
        count = 0
        for match in re.finditer(pattern, latex):
            if any(start <= match.start() < end for start, end in words):
                continue
            count += 1
            changed = latex[: match.start()] + match.expand(by) + latex[match.end() :]
            yield Mutant(f"{what}, no. {count}", changed)
