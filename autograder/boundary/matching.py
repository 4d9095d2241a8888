"""Which cell of a submitted notebook is which cell of the released one."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from nbformat import NotebookNode

SIMILAR = 0.6
"""From this ratio (difflib) on, a cell without a known id is an edit of a released one."""
_COMPARED = 2_000  # characters; the time difflib takes grows with the square
_MOST_PAIRS = 400


@dataclass
class Match:
    """Positions of submitted cells, by the position of the released cell they stand for.

    `cells` has the one that is used, `others` further copies of it; `lost` are answers that were found although
    their grade_id was gone; `free` is all the rest, in order.
    """

    cells: dict[int, int] = field(default_factory=dict)
    others: dict[int, list[int]] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    free: list[int] = field(default_factory=list)


def settings(cell: NotebookNode) -> dict:
    """nbgrader's settings of a released cell, {} where it has none."""
    return cell.metadata.get("nbgrader") or {}


def is_answer(cell: NotebookNode) -> bool:
    """Whether the learner writes this cell."""
    return bool(settings(cell).get("solution"))


def is_test(cell: NotebookNode) -> bool:
    """Whether this cell grades the ones before it."""
    return bool(settings(cell).get("grade")) and not is_answer(cell)


def is_fixed(cell: NotebookNode) -> bool:
    """Whether the learner can't change this cell: a test, a task, or a locked one."""
    mark = settings(cell)
    return is_test(cell) or bool(not is_answer(cell) and (mark.get("task") or mark.get("locked")))


def match(released: Sequence[NotebookNode], submitted: Sequence[NotebookNode]) -> Match:
    """Match cells by grade_id, ordinary ones by cell id and then by likeness, and answers that lost their grade_id.

    Of several cells with one grade_id the one is used that the tests see when the notebook is run from top to
    bottom, see `_chosen`.
    """
    found = Match()
    taken: set[int] = set()
    _by_grade_id(released, submitted, found, taken)
    _by_cell_id(released, submitted, found, taken)
    _by_likeness(released, submitted, found, taken)
    _lost_answers(released, submitted, found, taken)
    found.free = [position for position in range(len(submitted)) if position not in taken]
    return found


def _use(found: Match, taken: set[int], there: int, here: int) -> None:
    found.cells[there] = here
    taken.add(here)


def _by_grade_id(
    released: Sequence[NotebookNode], submitted: Sequence[NotebookNode], found: Match, taken: set[int]
) -> None:
    copies: dict[str, list[int]] = {}
    for here, cell in enumerate(submitted):
        grade_id = settings(cell).get("grade_id")
        if grade_id is not None:
            copies.setdefault(grade_id, []).append(here)
    marked = [(there, settings(cell)["grade_id"]) for there, cell in enumerate(released) if settings(cell)]
    for there, grade_id in marked:
        candidates = copies.get(grade_id, [])
        if not candidates:
            continue
        if is_answer(released[there]):
            following = [g for later, g in marked if later > there and is_test(released[later])]
            test = next((copies[g][0] for g in following if g in copies), len(submitted))
            chosen = _chosen(released[there], submitted, candidates, test)
        else:
            # A test's own text is never used; the copy with the right id is the one that marks its place.
            chosen = next((h for h in candidates if submitted[h].id == released[there].get("id")), candidates[0])
        _use(found, taken, there, chosen)
        if len(candidates) > 1:
            found.others[there] = [h for h in candidates if h != chosen]


def _chosen(released: NotebookNode, submitted: Sequence[NotebookNode], copies: list[int], test: int) -> int:
    """Which of several answers with one grade_id counts.

    Jupyter copies a cell's metadata when the cell is copied or split: people keep an older attempt above, split
    one answer into two cells, or paste a copy at the end to play with. What they see when they run the notebook
    from top to bottom is the last definition above the test; so that one is used, if something was written in
    it. nbgrader's own rule, the last of all, comes second.
    """
    written = [h for h in copies if submitted[h].source.strip() not in ("", released.source.strip())]
    above = [h for h in written if h < test]
    return (above or written or copies)[-1]


def _by_cell_id(
    released: Sequence[NotebookNode], submitted: Sequence[NotebookNode], found: Match, taken: set[int]
) -> None:
    here_by_id: dict[str, int] = {}
    for here, cell in enumerate(submitted):
        if here not in taken:
            here_by_id.setdefault(cell.id, here)
    for there, cell in enumerate(released):
        same = here_by_id.get(cell.get("id", ""))
        if there not in found.cells and same is not None and same not in taken:
            _use(found, taken, there, same)
            for copies in found.others.values():
                copies[:] = [here for here in copies if here != same]
            if is_answer(cell):
                found.lost.add(there)


def _is_a_copy(here: int, found: Match) -> bool:
    return any(here in copies for copies in found.others.values())


def _by_likeness(
    released: Sequence[NotebookNode], submitted: Sequence[NotebookNode], found: Match, taken: set[int]
) -> None:
    missing = [t for t, cell in enumerate(released) if t not in found.cells and not is_answer(cell)]
    spare = [h for h in range(len(submitted)) if h not in taken and not _is_a_copy(h, found)]
    same: dict[tuple[str, str], list[int]] = {}
    for here in spare:
        same.setdefault((submitted[here].cell_type, submitted[here].source.strip()), []).append(here)
    for there in list(missing):
        exact = same.get((released[there].cell_type, released[there].source.strip()))
        if exact:
            _use(found, taken, there, exact.pop(0))
            missing.remove(there)
    missing = [t for t in missing if not settings(released[t])]
    spare = [h for h in spare if h not in taken]
    for _, there, here in sorted(_pairs(released, submitted, missing, spare), reverse=True):
        if there not in found.cells and here not in taken:
            _use(found, taken, there, here)


def _pairs(
    released: Sequence[NotebookNode], submitted: Sequence[NotebookNode], missing: list[int], spare: list[int]
) -> Iterator[tuple[float, int, int]]:
    pairs = ((t, h) for t in missing for h in spare if released[t].cell_type == submitted[h].cell_type)
    for _, (there, here) in zip(range(_MOST_PAIRS), pairs, strict=False):
        matcher = SequenceMatcher(None, released[there].source[:_COMPARED], submitted[here].source[:_COMPARED])
        if matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR:
            ratio = matcher.ratio()
            if ratio >= SIMILAR:
                yield ratio, there, here


def _lost_answers(
    released: Sequence[NotebookNode], submitted: Sequence[NotebookNode], found: Match, taken: set[int]
) -> None:
    """Answers in cells that lost their metadata (other editors do that): by what they define, else by their place."""
    for there, cell in enumerate(released):
        if not is_answer(cell) or there in found.cells:
            continue
        spare = [h for h in range(len(submitted)) if h not in taken and not _is_a_copy(h, found)]
        here = _defining(cell, submitted, spare)
        if here is None:
            here = _in_its_place(there, cell, submitted, spare, found)
        if here is not None:
            _use(found, taken, there, here)
            found.lost.add(there)


def _defining(cell: NotebookNode, submitted: Sequence[NotebookNode], spare: Iterable[int]) -> int | None:
    """The last spare code cell that defines all functions and classes of the stub."""
    wanted = defined(cell.source) if cell.cell_type == "code" else set()
    if not wanted:
        return None
    return max((h for h in spare if wanted <= defined(submitted[h].source)), default=None)


def _in_its_place(
    there: int, cell: NotebookNode, submitted: Sequence[NotebookNode], spare: Iterable[int], found: Match
) -> int | None:
    """The only spare cell of the right type between the cells that stand for the neighbours."""
    if there + 1 not in found.cells or (there and there - 1 not in found.cells):
        return None
    first, last = found.cells.get(there - 1, -1), found.cells[there + 1]
    between = [h for h in spare if first < h < last and submitted[h].cell_type == cell.cell_type]
    between = [h for h in between if submitted[h].source.strip()]
    return between[0] if len(between) == 1 else None


def defined(source: str) -> set[str]:
    """The functions and classes that a cell defines at its top level; empty for what is not plain Python."""
    try:
        body = ast.parse(source[:100_000]).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
