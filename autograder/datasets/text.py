"""The book's prose as a corpus of characters, and a checkpoint of a character model of it."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HERE = Path(__file__).parent
PARAMETERS = ("E", "W", "U", "b", "V", "b_y")
HELD_OUT = 12_000
"""How many characters, those that come next in the book, are kept for judging."""


@cache
def book_text() -> str:
    """Prose of the book's first chapters: lower case, ASCII, paragraphs separated by one newline.

    An excerpt as it stood when `python -m autograder.datasets.from_book` was last run; it does not follow later edits.
    """
    return (_HERE / "book.txt").read_text(encoding="ascii")


@cache
def held_out_text() -> str:
    """What comes next in the book: the text that trained models are judged by. It is where checks run, nowhere else.

    Raises FileNotFoundError in a learner's kernel while grading.
    """
    return (_HERE / "held_out.txt").read_text(encoding="ascii")


@cache
def characters() -> str:
    """The vocabulary: every character of the text once, in the order of their codes. A character's id is its place.

    The held-out text has no others.
    """
    return "".join(sorted(set(book_text())))


def encode(text: str) -> NDArray[np.int64]:
    """The ids (N,) of a text's characters. Raises ValueError for one that is not in the vocabulary."""
    place = {c: i for i, c in enumerate(characters())}
    unknown = sorted(set(text) - set(place))
    if unknown:
        raise ValueError(f"not in the vocabulary: {' '.join(map(repr, unknown))}")
    return np.array([place[c] for c in text], dtype=np.int64)


def decode(ids: NDArray[np.integer]) -> str:
    """The text whose characters have these ids (N,)."""
    return "".join(characters()[i] for i in ids)


def training_ids() -> NDArray[np.int64]:
    """The ids of the text."""
    return encode(book_text())


def held_out_ids() -> NDArray[np.int64]:
    """The ids of the held-out text. Raises FileNotFoundError where that is not."""
    return encode(held_out_text())


def checkpoint() -> dict[str, NDArray[np.float32]]:
    """Parameters of a tanh network that has begun to learn the text, float32: K characters, D = 16, H = 48.

    E (K, D), W (D, H), U (H, H), b (H,), V (H, K), b_y (K,); benchmarks/language_checkpoint.py makes them.
    """
    with np.load(_HERE / "language_model.npz", allow_pickle=False) as saved:
        return {name: saved[name] for name in PARAMETERS}
