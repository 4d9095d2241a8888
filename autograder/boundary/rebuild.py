"""Rebuild: the released notebook with the learner's answers, and their own cells, put in; all else is the teacher's.

What a learner can change is the text of the cells that are theirs. Types, flags, points, tags, ids, kernel and
test cells are the released notebook's, whatever the submitted one says.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.boundary.matching import Match, is_answer, is_fixed, is_test, match, settings
from autograder.boundary.words import plain

KEY = "unrolled"
"""Under this key of a cell's metadata: `role`, and for role "released" the `released` text."""
MOST_REPAIRS = 40


@dataclass(frozen=True)
class Rebuilt:
    """The notebook to grade, and in plain words what had to be put right, a line each."""

    notebook: NotebookNode
    repairs: tuple[str, ...]


def rebuild(
    released: NotebookNode, submitted: NotebookNode, *, others: Mapping[str, NotebookNode] | None = None
) -> Rebuilt:
    """The released notebook with the answers of the submitted one; neither argument is changed.

    Every code cell carries metadata["unrolled"]["role"]: "learner" for an answer (the stub, where it is missing)
    and for a learner's own cell, "test" for a test cell, "released" for the rest. A "released" cell's source is
    the learner's edit if there is one, and metadata["unrolled"]["released"] the teacher's text. A learner's own
    cells follow the released cell that they followed. `others` are the assignment's other released notebooks by
    name, to say so when one of those was handed in under this name.
    """
    released = _with_ids(copy.deepcopy(released))
    found = match(released.cells, submitted.cells)
    repairs = _wrong_notebook(released, submitted, found, others or {})
    cells = [_cell(there, cell, submitted, found, repairs) for there, cell in enumerate(released.cells)]
    placed = _with_free_cells(cells, released, submitted, found, repairs)
    _order(found, repairs)
    _make_ids_unique(placed)
    notebook = nbformat.v4.new_notebook(cells=placed, metadata=released.metadata)
    nbformat.validate(notebook)
    return Rebuilt(notebook, tuple(_shortened(repairs)))


def _cell(there: int, cell: NotebookNode, submitted: NotebookNode, found: Match, repairs: list[str]) -> NotebookNode:
    """The released cell as it is graded, with what is the learner's in it."""
    here = found.cells.get(there)
    theirs = None if here is None else submitted.cells[here]
    built = _fresh(cell)
    if is_answer(cell):
        _put_answer(built, theirs, found, there, repairs)
    elif cell.cell_type == "code":
        edited = theirs is not None and theirs.source.strip() != cell.source.strip()
        if is_test(cell):
            built.metadata[KEY] = {"role": "test"}
        else:
            built.metadata[KEY] = {"role": "released", "released": cell.source}
        if is_fixed(cell):
            _tell_fixed(cell, theirs, edited, repairs)
        elif theirs is not None and edited and theirs.cell_type == "code":
            built.source = theirs.source
    elif is_fixed(cell) and theirs is None:
        repairs.append(f"the cell {_name(cell)} was missing and was put back")
    return built


def _put_answer(built: NotebookNode, theirs: NotebookNode | None, found: Match, there: int, repairs: list[str]) -> None:
    name = _name(built)
    if built.cell_type == "code":
        built.metadata[KEY] = {"role": "learner"}
    if theirs is None:
        repairs.append(f"the answer cell {name} was missing: it counts as not filled in")
        return
    if there in found.lost:
        repairs.append(f"the answer cell {name} had lost its grade_id and was recognised without it")
    if theirs.cell_type != built.cell_type:
        repairs.append(f"the answer cell {name} was a {theirs.cell_type} cell and is a {built.cell_type} cell again")
    built.source = theirs.source
    if built.cell_type == "markdown" and theirs.get("attachments"):
        built["attachments"] = copy.deepcopy(theirs.attachments)
    copies = len(found.others.get(there, ()))
    if copies:
        repairs.append(
            f"the answer cell {name} was there {copies + 1} times: graded is the last one above its test that is "
            "filled in; the others are kept as cells of your own"
        )


def _tell_fixed(cell: NotebookNode, theirs: NotebookNode | None, edited: bool, repairs: list[str]) -> None:
    what = f"the {'test ' if is_test(cell) else ''}cell {_name(cell)}"
    if theirs is None:
        repairs.append(f"{what} was missing and was put back")
    elif theirs.cell_type != cell.cell_type:
        repairs.append(f"{what} was a {theirs.cell_type} cell and is a {cell.cell_type} cell again")
    elif edited:
        repairs.append(f"{what} had been changed: the course's own was used")


def _with_free_cells(
    cells: list[NotebookNode], released: NotebookNode, submitted: NotebookNode, found: Match, repairs: list[str]
) -> list[NotebookNode]:
    """The graded cells in the released order, each followed by the learner's own cells that followed it."""
    own: dict[int, list[NotebookNode]] = {}
    there_of = {here: there for there, here in found.cells.items()}
    copy_of = {here: there for there, copies in found.others.items() for here in copies}
    after = -1
    for here, theirs in enumerate(submitted.cells):
        if here in there_of:
            after = there_of[here]
            changed = _changed_text(cells[after], theirs)
            if changed is not None:
                repairs.append("a text of the course had been changed: the course's own stands, the change below it")
                own.setdefault(after, []).append(changed)
            continue
        # A copy of a test says nothing, and a copied stub would undo the answer when it runs later.
        if here in copy_of:
            there = copy_of[here]
            if theirs.source.strip() in (cells[there].source.strip(), released.cells[there].source.strip()):
                continue
        free = _free(theirs)
        if free is not None:
            own.setdefault(after, []).append(free)
    placed = own.get(-1, [])
    for there, cell in enumerate(cells):
        placed += [cell, *own.get(there, [])]
    return placed


def _changed_text(cell: NotebookNode, theirs: NotebookNode) -> NotebookNode | None:
    """A released text cell that the learner wrote into, as a cell of theirs: the answer may stand there."""
    if cell.cell_type != "markdown" or is_answer(cell) or theirs.cell_type == "raw":
        return None
    if "".join(theirs.source.split()) in ("", "".join(cell.source.split())):
        return None
    return _free(theirs)


def _free(theirs: NotebookNode) -> NotebookNode | None:
    """A learner's own cell: its text, and images of a text cell; no metadata, no id yet. None for an empty one."""
    if not theirs.source.strip():
        return None
    if theirs.cell_type == "code":
        cell = nbformat.v4.new_code_cell(source=theirs.source, metadata={KEY: {"role": "learner"}})
    elif theirs.cell_type == "raw":
        # As text: an exporter would put a raw cell into its page as it is.
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", theirs.source)), default=0))
        cell = nbformat.v4.new_markdown_cell(source=f"{fence}\n{theirs.source}\n{fence}")
    else:
        cell = nbformat.v4.new_markdown_cell(source=theirs.source)
        if theirs.get("attachments"):
            cell["attachments"] = copy.deepcopy(theirs.attachments)
    del cell["id"]
    return cell


def _with_ids(released: NotebookNode) -> NotebookNode:
    """`released` itself as format 4.5; where it was older its cells get ids by their place, the same each time."""
    for number, cell in enumerate(released.cells, 1):
        cell.setdefault("id", f"cell-{number}")
    released.nbformat, released.nbformat_minor = 4, 5
    return released


def _fresh(cell: NotebookNode) -> NotebookNode:
    """A copy of a released cell, never run."""
    built = copy.deepcopy(cell)
    built.metadata.pop(KEY, None)
    if built.cell_type == "code":
        built.outputs, built.execution_count = [], None
    return built


def _order(found: Match, repairs: list[str]) -> None:
    places = [found.cells[there] for there in sorted(found.cells)]
    if places != sorted(places):
        repairs.append("cells of the course had been moved; they stand in their own order again")


def _make_ids_unique(cells: list[NotebookNode]) -> None:
    """Released cells keep their ids; a learner's own get one from their place."""
    used = {cell.id for cell in cells if "id" in cell}
    for number, cell in enumerate(cells, 1):
        if "id" not in cell:
            fresh = f"own-{number}"
            while fresh in used:
                fresh += "-"
            cell["id"] = fresh
            used.add(fresh)


def _wrong_notebook(
    released: NotebookNode, submitted: NotebookNode, found: Match, others: Mapping[str, NotebookNode]
) -> list[str]:
    """A line when what was handed in looks like another notebook than the one it is named after."""
    own = _shared(released, submitted)
    best = max(others, key=lambda name: _shared(others[name], submitted), default=None)
    if best is not None and _shared(others[best], submitted) > own + 1:
        return [f"this looks like {plain(best)}.ipynb, handed in under another name: check which file you hand in"]
    marked = [there for there, cell in enumerate(released.cells) if settings(cell)]
    known = sum(there in found.cells for there in marked)
    course = sum(not is_answer(cell) for cell in released.cells)
    if (marked and not known) or (course >= 5 and own <= course / 5):
        return [
            f"this looks like the notebook of another assignment: of {len(marked)} marked cells {known} were found, "
            f"and of {course} cells with the course's text {own}; check which file you hand in"
        ]
    return []


def _shared(released: NotebookNode, submitted: NotebookNode) -> int:
    """How many cells of the course, answers aside, stand in the submitted notebook word for word."""
    texts = {cell.source.strip() for cell in submitted.cells}
    return sum(cell.source.strip() in texts for cell in released.cells if not is_answer(cell))


def _name(cell: NotebookNode) -> str:
    return plain(settings(cell).get("grade_id", cell.get("id", "")))


def _shortened(repairs: list[str]) -> list[str]:
    unique = list(dict.fromkeys(repairs))
    if len(unique) > MOST_REPAIRS:
        unique = [*unique[:MOST_REPAIRS], f"and {len(unique) - MOST_REPAIRS} more"]
    return unique


def without_marks(notebook: NotebookNode) -> NotebookNode:
    """`notebook` itself, with what `rebuild` noted in its cells removed; call it before a notebook is written."""
    holders: list[Any] = [notebook, *notebook.cells]
    for holder in holders:
        holder.metadata.pop(KEY, None)
    return notebook
