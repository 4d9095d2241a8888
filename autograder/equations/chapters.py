"""What each chapter declares about its numbered equations, and where they stand on its page."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from autograder.equations.backends import NAMES
from autograder.equations.checking import EquationError, Options, check
from autograder.equations.fingerprints import equations_of, fingerprint
from autograder.equations.reading import read
from autograder.equations.terms import UnreadableError
from autograder.equations.world import Family, World

ROOT = Path(__file__).parents[2]
Errors = dict[str, float | None]  # framework to largest relative error; None where it computed nothing


@dataclass(frozen=True)
class Declaration:
    """What is said about one label: how it is read, or by which function it is tied, or that it defines."""

    label: str
    kind: str  # "read", "tied", "definition"
    world: Family | None = None
    options: Options | None = None
    fingerprint: str = ""
    function: Callable[[World], Any] | None = None
    reason: str = ""


class Chapter:
    """A chapter's page and the declarations for its labels.

    page: path from the root of the course. world: the family its equations are read in unless they name another.
    over: ranges of indices for the whole chapter, `{"t": "1..T"}`; a world's own and an equation's go before.
    """

    def __init__(self, page: str, world: Family):
        self.page, self.world = page, world
        self.declarations: dict[str, Declaration] = {}

    @cached_property
    def equations(self) -> dict[str, str]:
        return equations_of((ROOT / self.page).read_text(encoding="utf-8"))

    def read(
        self,
        *labels: str,
        world: Family | None = None,
        over: Mapping[str, str] | None = None,
        downwards: Sequence[str] = (),
        equals: Callable[[World], Any] | Sequence[Callable[[World], Any]] = (),
        where: Callable[..., bool] | None = None,
    ) -> None:
        """These equations are evaluated as printed.

        over: ranges of free indices, where they are not the world's. downwards: indices whose product runs down.
        equals: for an expression without a relation sign, what it must equal. where: leave index values out,
        `where=lambda world, t=1, k=1: k <= t`, with a default for indices that not every statement has.
        """
        truths = (equals,) if callable(equals) else tuple(equals)
        options = Options(over or {}, frozenset(downwards), truths, where)
        for label in labels:
            self._add(Declaration(label, "read", world or self.world, options))

    def tied(
        self, label: str, fingerprint: str, function: Callable[[World], Any], reason: str, world: Family | None = None
    ) -> None:
        """An equation that is no computation: `function(world)` returns pairs that must be equal, (found, expected).

        reason: why it cannot be read. fingerprint: of the LaTeX the function was written for.
        """
        self._add(Declaration(label, "tied", world or self.world, None, fingerprint, function, reason))

    def definition(self, label: str, fingerprint: str, reason: str) -> None:
        """An equation that only names something, and cannot be evaluated. reason: why not."""
        self._add(Declaration(label, "definition", fingerprint=fingerprint, reason=reason))

    def _add(self, declaration: Declaration) -> None:
        if declaration.label in self.declarations:
            raise ValueError(f"{declaration.label} is declared twice")
        self.declarations[declaration.label] = declaration

    def undeclared(self) -> list[str]:
        return [label for label in self.equations if label not in self.declarations]

    def without_equation(self) -> list[str]:
        return [label for label in self.declarations if label not in self.equations]

    def errors(self, label: str, latex: str | None = None, frameworks: Sequence[str] = NAMES) -> Errors:
        """Test one label, as printed or with other LaTeX. Raises EquationError if it does not hold."""
        declaration = self.declarations[label]
        latex = self.equations[label] if latex is None else latex
        if declaration.fingerprint and fingerprint(latex) != declaration.fingerprint:
            raise EquationError(
                f"{label}: the equation is not the one that was declared {declaration.kind}. Look at it again; "
                f"if it is right, its fingerprint is now {fingerprint(latex)}"
            )
        if declaration.kind == "definition":
            return {}
        return evaluate(declaration, latex, frameworks)


def evaluate(declaration: Declaration, latex: str, frameworks: Sequence[str]) -> Errors:
    """The largest relative error by framework over all problems of the declaration's world."""
    errors: Errors = {}
    label = declaration.label
    try:
        equation = read(latex, label) if declaration.kind == "read" else None
    except UnreadableError as reason:
        raise EquationError(str(reason)) from None
    assert declaration.world is not None
    for framework in frameworks:
        worst: list[float | None] = []
        used = False
        for world in declaration.world.worlds(framework):
            world.used_framework = False
            if equation is not None:
                assert declaration.options is not None
                found = check(label, equation, world, declaration.options)
            else:
                found = [_tied(declaration, world)]
            used |= world.used_framework
            worst = found if not worst else [_larger(*pair) for pair in zip(worst, found, strict=True)]
        if not worst:
            raise EquationError(f"{label}: there is nothing in it to evaluate")
        if None in worst:
            raise EquationError(f"{label}: no problem gives the indices of statement {worst.index(None) + 1} any value")
        errors[framework] = max(e for e in worst if e is not None) if used or framework == "complex step" else None
    return errors


def _larger(one: float | None, other: float | None) -> float | None:
    return max((e for e in (one, other) if e is not None), default=None)


def _tied(declaration: Declaration, world: World) -> float | None:
    from autograder.equations import values as v
    from autograder.equations.checking import TOLERANCE

    assert declaration.function is not None
    worst: float | None = None
    for found, expected in declaration.function(world):
        size = max(v.largest(found), v.largest(expected))
        difference = v.largest(v.difference(found, expected))
        error = difference / size if size else difference
        if not error <= TOLERANCE:
            raise EquationError(f"{declaration.label} ({world.framework}): relative difference {error:.1e}")
        worst = error if worst is None else max(worst, error)
    return worst


MODULES = ("foundations", "gates", "composition")


def module_names() -> list[str]:
    """Every module of declarations: one a chapter, in the folders named as the book's parts."""
    here = Path(__file__).parent
    files = [f for part in MODULES for f in sorted((here / part).glob("*.py"))]
    return [
        f"autograder.equations.{f.parent.name}.{f.stem}" for f in files if "Chapter(" in f.read_text(encoding="utf-8")
    ]


@cache
def chapters() -> tuple[Chapter, ...]:
    """All chapters that declare equations."""
    return tuple(importlib.import_module(name).chapter for name in module_names())


def chapter_of(label: str) -> Chapter:
    """The chapter with this label. Raises KeyError."""
    for chapter in chapters():
        if label in chapter.equations or label in chapter.declarations:
            return chapter
    raise KeyError(f"no chapter has an equation {label}")


def declared() -> Iterator[tuple[Chapter, str]]:
    for chapter in chapters():
        for label in chapter.declarations:
            yield chapter, label
