"""How pairs are shown: a self-contained page with both sides and the matching parts marked, and a CSV file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined

from autograder.grading.csv_files import write_table
from autograder.grading.similarity.comparing import Compared, Pair
from autograder.grading.similarity.fingerprints import Fingerprints, covered, fingerprints
from autograder.grading.similarity.reading import Cell, Submission
from autograder.grading.similarity.words import words

MOST_SHOWN = 50
"""So many pairs are shown side by side; the table has all."""
MOST_LINES = 400
"""So many lines of one notebook are shown."""
MOST_WIDE = 300
_PAGE = Path(__file__).parents[1] / "templates" / "similar.html.j2"

Piece = tuple[str, bool]
"""A run of characters, and whether it is in a passage that both have."""


@dataclass(frozen=True)
class Line:
    """A line of code in pieces; `left_out` lines of the course's, or of too long a notebook, stood before it."""

    pieces: tuple[Piece, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Side:
    """One student's cells, each with its name and lines, how many lines of their own they are, and how many match."""

    student: str
    cells: tuple[tuple[str, tuple[Line, ...]], ...]
    lines: int
    alike: int


@dataclass(frozen=True)
class Shown:
    """A pair with both sides, ready for a page or a table."""

    pair: Pair
    sides: tuple[Side, Side]


def shown(compared: Compared, handed_in: Iterable[Submission]) -> list[Shown]:
    """The pairs with the matching parts of both sides marked."""
    by_name = {submission.student: submission for submission in handed_in}
    pairs = []
    for pair in compared.pairs:
        passages = compared.shared[pair.first, pair.second]
        first, second = (_side(by_name[name], passages) for name in (pair.first, pair.second))
        pairs.append(Shown(pair, (first, second)))
    return pairs


def _side(submission: Submission, passages: Fingerprints) -> Side:
    cells, lines, alike = [], 0, 0
    for cell in submission.cells:
        found = _lines(cell, _marked(cell.source, passages))
        lines += len(found)
        alike += sum(any(mark for _, mark in line.pieces) for line in found)
        cells.append((cell.name, tuple(found)))
    return Side(submission.student, tuple(cells), lines, alike)


def _marked(source: str, passages: Fingerprints) -> np.ndarray:
    """Which characters of a source lie in one of the passages: (len(source),) bool."""
    own = words(source)
    marks = np.zeros(len(source) + 1, np.int64)
    starts = np.isin(fingerprints(own), passages)
    if starts.any():
        inside = covered(starts)
        np.add.at(marks, own.start[inside], 1)
        np.add.at(marks, own.end[inside], -1)
        # The blanks between two marked words of one line are marked too.
        line = np.cumsum([0, *(character == "\n" for character in source)])
        both = np.flatnonzero(inside[:-1] & inside[1:] & (line[own.end[:-1]] == line[own.start[1:]]))
        np.add.at(marks, own.end[both], 1)
        np.add.at(marks, own.start[both + 1], -1)
    return np.cumsum(marks)[:-1] > 0


def _lines(cell: Cell, marks: np.ndarray) -> list[Line]:
    """The learner's own lines of a cell, without those that were released and without empty ones."""
    lines = []
    place = left_out = 0
    for text in cell.source.split("\n"):
        here, place = marks[place : place + len(text)], place + len(text) + 1
        if not text.strip() or text.strip() in cell.given:
            left_out += bool(text.strip())
            continue
        lines.append(Line(tuple(_pieces(text.rstrip()[:MOST_WIDE], here)), left_out))
        left_out = 0
    return lines


def _pieces(text: str, marks: np.ndarray) -> Iterator[Piece]:
    indent = len(text) - len(text.lstrip())
    start = indent
    if indent:
        yield text[:indent], False
    for end in range(indent + 1, len(text) + 1):
        if end == len(text) or marks[end] != marks[start]:
            yield text[start:end], bool(marks[start])
            start = end


def page(
    assignment: str, pairs: Sequence[Shown], notebooks: Sequence[Compared], notes: Sequence[str], day: date
) -> str:
    """The whole page as HTML; it loads nothing."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_PAGE.read_text(encoding="utf-8")).render(
        assignment=assignment,
        pairs=pairs,
        shown=pairs[:MOST_SHOWN],
        most_lines=MOST_LINES,
        compared=sum(n.notebooks for n in notebooks),
        left_out=sum(n.left_out for n in notebooks),
        notes=notes,
        day=day,
    )


COLUMNS = (
    "first",
    "second",
    "notebook",
    "shared_words",
    "share",
    "others_with_it",
    "lines_alike_first",
    "lines_first",
    "lines_alike_second",
    "lines_second",
    "same_file",
    "same_code",
    "same_wrong_results",
    "same_written_answers",
)


def row(shown: Shown) -> tuple[object, ...]:
    """A pair as the values of COLUMNS."""
    pair, (first, second) = shown.pair, shown.sides
    return (
        pair.first,
        pair.second,
        pair.notebook,
        round(pair.size),
        round(pair.share, 2),
        round(pair.others),
        first.alike,
        first.lines,
        second.alike,
        second.lines,
        pair.same_file,
        pair.same_code,
        "; ".join(pair.same_results),
        "; ".join(pair.same_texts),
    )


def write_csv(pairs: Iterable[Shown], path: Path) -> None:
    """All pairs as CSV, safe to open in a spreadsheet. Raises CourseError when it cannot be written."""
    write_table(path, COLUMNS, (row(shown) for shown in pairs), mark=True)
