"""Make book.txt and held_out.txt, the corpus of the language-model assignment, from the book's pages.

    python -m autograder.datasets.from_book

It is run by hand when a new excerpt is wanted, never by a build: thresholds of training are measured on one text.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from autograder.datasets.text import HELD_OUT

LIMIT = 200_000
CHAPTERS = (
    "foundations/sequences",
    "foundations/gradient-checking",
    "foundations/vanilla-rnn",
    "foundations/backpropagation-through-time",
    "foundations/vanishing-and-exploding-gradients",
    "gates/lstm",
    "gates/gru",
    "composition/bidirectional",
    "composition/deep-and-variable-length",
    "composition/every-framework",
)
_FENCE = re.compile(r"^(`{3,}|:{3,})")
_PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."}
_ALLOWED = re.compile(r"[a-z0-9 .,;:?!'\"()-]+")


def prose(page: str) -> Iterator[str]:
    """The paragraphs of a page, in lower case and ASCII, of each the sentences that are words and nothing else.

    Code, formulas, tables and headings are left out, and so is every sentence with a formula or a piece of code in it.
    Of a role such as {term}`logits <logit>` the words stay; citations go.
    """
    for paragraph in "\n".join(_outside_blocks(page)).split("\n\n"):
        text = " ".join(paragraph.split())
        text = re.sub(r" ?\{cite[^}]*\}`[^`]*`", "", text)
        text = re.sub(r"\{(?:term|ref|doc)\}`([^`<]*?)\s*(?:<[^`>]*>)?`", r"\1", text)
        text = re.sub(r"\*+([^*]+)\*+", r"\1", text).lower()
        for typographic, plain in _PLAIN.items():
            text = text.replace(typographic, plain)
        sentences = re.split(r"(?<=[.?!]) (?=[a-z\"(])", text)
        kept = [s for s in sentences if _ALLOWED.fullmatch(s) and s[-1] in ".?!" and len(s) > 12]
        if kept:
            yield " ".join(kept)


def _outside_blocks(page: str) -> Iterator[str]:
    """The lines that stand in no front matter, no code or figure, and no displayed formula; of notes, the words."""
    fence, formula = "", False
    body = page.split("\n---\n", 1)[1] if page.startswith("---\n") else page
    for line in body.splitlines():
        found = _FENCE.match(line)
        if found and not formula:
            if not fence and found[1][0] == "`":
                fence = found[1]
            elif line.strip() == fence:
                fence = ""
            yield ""
        elif not fence and line.startswith("$$"):
            formula = not formula
            yield ""
        elif not fence and not formula:
            yield "" if re.match(r"[#|:(]", line) else re.sub(r"^\s*(?:[-*]|\d+\.) ", "", line)


def corpus(pages: list[str]) -> str:
    """The prose of the pages, one paragraph a line, at most LIMIT characters."""
    lines = [paragraph for page in pages for paragraph in prose(page)]
    return ("\n".join(lines) + "\n")[:LIMIT]


def main() -> None:
    """Write the two files beside this module, from book/ of the repository it stands in."""
    here = Path(__file__).parent
    folder = here.parents[1] / "book"
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: run this in a clone of the repository")
    text = corpus([(folder / f"{name}.md").read_text(encoding="utf-8") for name in CHAPTERS])
    (here / "book.txt").write_text(text[:-HELD_OUT], encoding="ascii")
    (here / "held_out.txt").write_text(text[-HELD_OUT:], encoding="ascii")
    print(f"{len(text)} characters, {len(set(text))} of them different")


if __name__ == "__main__":
    main()
