"""Where the book explains something: from a label, such as "eq-bptt-dh", to words and a link.

`places.json` is made from the book's pages by `make release` (autograder/grading/book_places.py), because the book does
not travel with the package.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

BOOK = "https://unrolled-course.github.io/unrolled"


class Place(NamedTuple):
    """A labelled equation (number "4.22") or section (number "") of the book."""

    label: str
    number: str
    section: str
    chapter: str
    page: str

    @property
    def text(self) -> str:
        """equation (4.22), "The recursion", in chapter 4."""
        if self.number:
            return f'equation ({self.number}), "{self.section}" in chapter {self.chapter}'
        return f'"{self.section}" in chapter {self.chapter}'

    @property
    def address(self) -> str:
        """The place in the published book."""
        name = f"equation-{self.label.lower()}" if self.number else self.label.lower()
        return f"{BOOK}/{self.page}.html#{name}"


@cache
def _all() -> dict[str, Place]:
    text = Path(__file__).with_name("places.json").read_text(encoding="utf-8")
    return {label: Place(label, *entry) for label, entry in json.loads(text).items()}


def place(label: str) -> Place:
    """The place with this label. Raises KeyError."""
    return _all()[label]


def described(label: str) -> str:
    """The place in words; "" for no label, and the label itself where the book has none of that name."""
    return _all()[label].text if label in _all() else label
