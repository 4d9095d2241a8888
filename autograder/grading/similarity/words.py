"""Python source to words that renaming, reformatting and commenting leave as they are.

Names that a learner may choose become one word, with the distance to where the same name stood before, so that which
names are the same still counts. Library names after a dot, keywords and built-in names stay. Comments, docstrings,
blanks, parentheses and trailing commas go; numbers are compared by value, strings are all alike. Words never fail:
what is not Python is cut up all the same, in time linear in its length, which neither `tokenize` (it raises) nor
Pygments (twenty times slower) offers.
"""

import builtins
import hashlib
import keyword
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\f\r]+|\\\r?\n)
    |(?P<comment>\#[^\n]*)
    |(?P<end>\n)
    |(?P<string>(?i:[rbuf]{0,2})(?:
        '''(?:[^\\']|\\.|'(?!''))*+(?:'''|\\?\Z)
        |\"""(?:[^\\"]|\\.|"(?!""))*+(?:\"""|\\?\Z)
        |'(?:[^\\'\n]|\\.)*+(?:'|(?=\n)|\\?\Z)
        |"(?:[^\\"\n]|\\.)*+(?:"|(?=\n)|\\?\Z)))
    |(?P<number>(?:0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)[jJ]?)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>\*\*=?|//=?|>>=?|<<=?|->|:=|\.\.\.|[!=<>]=|[-+*/%&|^@]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins)) | {"self", "cls"}
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")

_Token = tuple[str, str, int, int]
"""Kind, text, and where in the source it starts and ends."""


@dataclass(frozen=True)
class Words:
    """The n words of a source text.

    codes: (n,) uint64, equal for equal words; back: (n,) int64, for a name of the learner's how many words before it
    the same name stood last, else 0; start, end: (n,) int64, its characters in the text.
    """

    codes: NDArray[np.uint64]
    back: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


def words(source: str) -> Words:
    """The words of a piece of Python, or of what was meant to be some."""
    tokens = _statements(source)
    codes: list[int] = []
    back: list[int] = []
    places: list[tuple[int, int]] = []
    last: dict[str, int] = {}
    for number, (kind, text, start, end) in enumerate(tokens):
        following = tokens[number + 1][1] if number + 1 < len(tokens) else ""
        if text in ("(", ")") or (text == "," and following in _CLOSING):
            continue
        distance = 0
        if kind == "name" and not text.isascii():
            text = unicodedata.normalize("NFKC", text)  # as Python itself reads names
        if kind == "name" and text not in _KEPT:
            dotted = number > 0 and tokens[number - 1][1] == "."
            if dotted and not (number > 1 and tokens[number - 2][1] == "self"):
                text = f".{text}"
            else:
                distance = len(codes) - last.get(text, len(codes))
                last[text] = len(codes)
                text = "name"
        elif kind == "number":
            text = _value(text)
        elif kind == "string":
            text = "string"
        codes.append(_code(text))
        back.append(distance)
        places.append((start, end))
    where = np.array(places, np.int64).reshape(-1, 2)
    return Words(np.array(codes, np.uint64), np.array(back, np.int64), where[:, 0], where[:, 1])


def _statements(source: str) -> list[_Token]:
    """The tokens that do something: no blanks, no comments, no statement that is nothing but a string."""
    kept: list[_Token] = []
    statement: list[_Token] = []
    depth = 0
    for match in _TOKEN.finditer(source):
        kind, text = match.lastgroup or "", match[0]
        if kind in ("blank", "comment"):
            continue
        if (kind == "end" and depth <= 0) or text == ";":
            kept += _unless_string(statement)
            statement, depth = [], 0
        elif kind != "end":
            depth += (text in _OPENING) - (text in _CLOSING)
            statement.append((kind, text, match.start(), match.end()))
    return kept + _unless_string(statement)


def _unless_string(statement: list[_Token]) -> list[_Token]:
    return [] if all(kind == "string" for kind, *_ in statement) else statement


def _value(number: str) -> str:
    try:
        return repr(float(number.replace("_", "")))
    except ValueError:
        return number


@lru_cache(maxsize=100_000)
def _code(word: str) -> int:
    """The same number for the same word in every run, unlike `hash`."""
    data = word.encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
