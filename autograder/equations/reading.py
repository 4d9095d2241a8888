"""LaTeX in, tree out; and errors that say where."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from lark import Lark, UnexpectedInput
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from autograder.equations.building import Builder
from autograder.equations.layout import Layout
from autograder.equations.terms import UnreadableError
from autograder.equations.tree import (
    Statements,
    Symbol,
)


@cache
def _grammar() -> Lark:
    path = Path(__file__).with_name("latex.lark")
    return Lark(path.read_text(encoding="utf-8"), start="text", parser="lalr", lexer="basic", postlex=Layout())


NAMES = {
    "COMMA": "a comma",
    "RBRACE": "}",
    "RPAR": ")",
    "SIGN": "+ or -",
    "RELATION": "a relation sign",
    "$END": "the end",
}


@lru_cache(maxsize=4096)
def read(latex: str, label: str = "equation") -> Statements:
    """The statements of an equation's LaTeX. Raises UnreadableError with label, place and what was expected."""
    try:
        return Builder().transform(_grammar().parse(latex))
    except UnexpectedInput as error:
        raise UnreadableError(f"{label}: {_where(latex, error)}") from None
    except VisitError as error:
        if isinstance(error.orig_exc, UnreadableError):
            raise UnreadableError(f"{label}: {error.orig_exc}") from None
        raise
    except UnreadableError as error:
        raise UnreadableError(f"{label}: {error}") from None


def _where(latex: str, error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return f"it ends too early; expected {_expected(error)}"
    place = error.pos_in_stream or 0
    line, column = latex.count("\n", 0, place) + 1, place - latex.rfind("\n", 0, place)
    what = "no LaTeX that the book's equations use" if isinstance(error, UnexpectedCharacters) else "not expected here"
    wanted = f"; expected {_expected(error)}" if isinstance(error, UnexpectedToken) else ""
    return f"line {line}, column {column}: {latex[place : place + 20].splitlines()[0]!r} is {what}{wanted}"


def _expected(error: UnexpectedToken) -> str:
    names = sorted({NAMES[n] for n in error.expected if n in NAMES})
    return " or ".join(names) if names else "something else"


def read_symbol(latex: str) -> Symbol:
    """A single symbol, as worlds name it."""
    tree = read(latex, latex).parts[0].sides[0]
    if not isinstance(tree, Symbol):
        raise UnreadableError(f"{latex} is no symbol")
    return tree
