"""Fingerprints of passages: of every LENGTH words in a row, one number, the same wherever the passage stands.

Which names are the same is told within the passage alone, so a renamed, reformatted or re-commented passage keeps its
number, and what stands before and after it does not matter. Winnowing, which would keep one number in several, is not
needed: five thousand notebooks have a few million passages.
"""

import numpy as np
from numpy.typing import NDArray

from autograder.grading.similarity.words import Words

LENGTH = 12
"""Words in a passage, about a line and a half. See tests/grading/test_similarity.py for what other lengths give."""

Fingerprints = NDArray[np.uint64]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(29)


def fingerprints(words: Words, length: int = LENGTH) -> Fingerprints:
    """(n - length + 1,) uint64, the fingerprint of the passage that starts at each word; (0,) for a shorter text."""
    count = len(words.codes) - length + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    mixed = np.zeros(count, np.uint64)
    for place in range(length):
        back = words.back[place : place + count]
        # A name whose last use lies before the passage is a new one in it.
        inside = np.where(back <= place, back, 0).astype(np.uint64)
        mixed = (mixed ^ (words.codes[place : place + count] + inside * _ODD)) * _MIX
        mixed ^= mixed >> _SHIFT
    return mixed


def covered(starts: NDArray[np.bool_], length: int = LENGTH) -> NDArray[np.bool_]:
    """Which words lie in a passage: (n - length + 1,) bool, where passages start, to (n,) bool."""
    edges = np.zeros(len(starts) + length, np.int64)
    edges[: len(starts)] += starts
    edges[length:] -= starts
    return np.cumsum(edges)[:-1] > 0
