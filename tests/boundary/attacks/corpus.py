"""What an attack is, and the few words that attacks are written in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from attacks.answers import POINTS, WRONG
from attacks.line import KERNEL

Tree = Callable[[Path], None]
"""Fills the folder that a student hands in, where a single notebook will not do."""

Submission = NotebookNode | bytes | Tree
Build = Callable[[NotebookNode, Mapping[str, object]], Submission]

TIERS = ("strict", "contained", "limited")

NOTHING_HIDDEN = {"limited": "this tier hides no files: whatever the grading user may read or write can be reached"}


@dataclass(frozen=True, eq=False)
class Attack:
    """One hostile submission.

    `build` makes it from the notebook in which the attacker has answered (all wrong, but for the `honest` questions)
    and from what `canaries.Canaries.known` says of the machine. `earns` are the points that are deserved, by
    question; what is not named earns none. `spared` names questions whose honest answer the attack itself may ruin:
    there, any number of points is right. `not_stopped` names the tiers in which the trick works, and why.
    `unsafe` says why it must not run without protection; such an attack has no stock result.
    """

    name: str
    theme: str
    tries: str
    build: Build
    assignment: str = "tricks"
    notebook: str = "numpy"
    honest: tuple[str, ...] = ()
    earns: Mapping[str, float] = field(default_factory=dict)
    spared: tuple[str, ...] = ()
    not_stopped: Mapping[str, str] = field(default_factory=dict)
    unsafe: str = ""
    student: str = ""
    ungraded: bool = False
    """Nothing that could be graded is handed in: no notebook of the assignment's name."""

    @property
    def who(self) -> str:
        """The folder under submitted/."""
        return self.student or self.name


ATTACKS: list[Attack] = []


def attack(name: str, tries: str, *, theme: str, honest: Sequence[str] = (), **more) -> Callable[[Build], Build]:
    """Enter the decorated function in the corpus. The honest questions of `tricks` earn their points by themselves."""

    def enter(build: Build) -> Build:
        given = more.pop("earns", None)
        points = POINTS[more.get("assignment", "tricks")]
        earns = {q: points[q] for q in honest if q not in more.get("spared", ())} if given is None else given
        ATTACKS.append(Attack(name, theme, tries, build, honest=tuple(honest), earns=earns, **more))
        return build

    return enter


def code(name: str, tries: str, first: str = "", *, theme: str, answers: Mapping[str, str] = {}, **more) -> None:
    """An attack that is code alone: in a cell of its own before the first question, and in place of `answers`."""

    @attack(name, tries, theme=theme, **more)
    def build(notebook: NotebookNode, known: Mapping[str, object]) -> NotebookNode:
        if first:
            insert(notebook, "step-forward-answer", first)
        fill(notebook, answers)
        insert(notebook, None, PREAMBLE.format(known=dict(known)) + KERNEL)
        return notebook


PREAMBLE = """\
import ctypes, os, sys, threading, time
KNOWN = {known!r}
def leaked(what):
    text = 'LEA' + 'KED ' + str(what)[:200]
    print(text, flush=True)
def mark_process():
    ctypes.CDLL(None).prctl(15, KNOWN['mark'].encode(), 0, 0, 0)
"""
"""The first cell of an attack: what the attacker knows of the machine, and how a success is told."""


def everything_wrong(released: NotebookNode, assignment: str, right: Mapping[str, str]) -> NotebookNode:
    """The released notebook with the answers `right` and a wrong one to every other question."""
    notebook = nbformat.from_dict(released)
    fill(notebook, {**WRONG.get(assignment, {}), **right})
    return notebook


def fill(notebook: NotebookNode, answers: Mapping[str, str]) -> None:
    """Put answers into the solution cells of their questions."""
    for question, source in answers.items():
        cell_of(notebook, f"{question}-answer").source = source


def insert(notebook: NotebookNode, before: str | None, source: str, kind: str = "code") -> NotebookNode:
    """A free cell of the learner's before the cell of that grade_id, or at the very top."""
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cell = make(source)
    place = 0 if before is None else notebook.cells.index(cell_of(notebook, before))
    cell["id"] = f"free-{len(notebook.cells)}-{place}"
    notebook.cells.insert(place, cell)
    return cell


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The first cell of that grade_id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def gradable(tier: str) -> list[Attack]:
    """The attacks that are tried in a tier: those of which it does not say that it cannot stop them."""
    return [a for a in ATTACKS if tier not in a.not_stopped]
