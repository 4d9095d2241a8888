"""A page's numbered equations, and the fingerprint by which an edit is noticed."""

from __future__ import annotations

import hashlib
import re

BLOCK = re.compile(r"^\$\$[ \t]*\n(?P<latex>.*?)^\$\$(?: \((?P<label>[\w-]+)\))?[ \t]*$", re.M | re.S)
FENCE = re.compile(r"^(`{3,})(\{code[^}]*\}|[a-z]*)[^\n]*\n.*?^\1[ \t]*$", re.M | re.S)  # code


def equations_of(page: str) -> dict[str, str]:
    """Label to LaTeX of a page's numbered equations, from the `$$` that opens the block to `$$ (label)`."""
    found: dict[str, str] = {}
    for block in BLOCK.finditer(FENCE.sub("", page)):
        label = block["label"]
        if label is not None:
            if label in found:
                raise ValueError(f"the label {label} stands twice on a page")
            found[label] = block["latex"].strip()
    return found


def fingerprint(latex: str) -> str:
    """A hash of the LaTeX; only spaces and line ends may change."""
    return hashlib.sha256(re.sub(r"\s+", " ", latex.strip()).encode()).hexdigest()[:12]
