"""Subscripts, superscripts and what stands under braces: what they make of the thing they are attached to."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from lark import Token

from autograder.equations import terms
from autograder.equations.terms import UnreadableError
from autograder.equations.tree import (
    Braced,
    Group,
    Norm,
    Number,
    Power,
    Relations,
    Statements,
    Sum,
    Symbol,
    Transpose,
    Tree,
    Tuple,
)


@dataclass(frozen=True)
class Below:
    """A subscript: what stands in it."""

    content: Any


@dataclass(frozen=True)
class Above:
    """A superscript."""

    content: Any


class Words(str):
    """Text in a script, which makes it part of a name."""


@dataclass(frozen=True)
class Brace:
    """What stands over a brace, before its note is known."""

    body: Tree


def only(statement: Relations) -> Tree:
    if statement.signs:
        raise UnreadableError("a relation stands where a value should")
    return statement.sides[0]


def value_of(content: Any) -> Tree:
    """The one expression of a group."""
    if isinstance(content, Statements):
        if len(content.parts) != 1:
            raise UnreadableError("several expressions stand where one should")
        return only(content.parts[0])
    if isinstance(content, Tree):
        return content
    raise UnreadableError(f"{content} stands where a value should")


def name_of(tree: Tree) -> str:
    """A name for a symbol made of something larger, such as a derivative under a hat."""
    return re.sub(r"\s+", "", repr(tree))


def indices_of(content: Any) -> tuple[Tree, ...]:
    r"""`t`, `t-1`, `t,\beta`, `\beta j`, `t,\beta j`: symbols side by side are indices of their own."""
    if not isinstance(content, Statements):
        return (content,)
    found: list[Tree] = []
    for part in content.parts:
        tree = only(part)
        factors = getattr(tree, "factors", ())
        found += factors if factors and all(isinstance(f, Symbol) for f in factors) else [tree]
    return tuple(found)


def _print(tree: Tree) -> str:
    """A subscript in short, for names such as k_1."""
    match tree:
        case Number():
            return f"{tree.value:g}"
        case Symbol():
            return tree.name + (f"_{','.join(map(_print, tree.indices))}" if tree.indices else "")
        case Sum():
            return "".join(("+" if s > 0 else "-") + _print(t) for s, t in tree.terms).removeprefix("+")
    return "?"


def with_script(base: Any, script: Any) -> Any:
    if isinstance(script, Token):  # a prime
        if isinstance(base, terms.FunctionMark):
            return terms.FunctionMark(base.name + str(script), base.power, base.below)
        if not isinstance(base, Symbol):
            raise UnreadableError("a prime must follow a symbol")
        return Symbol(base.name + str(script), base.indices, base.whole)
    content = script.content
    words = content if isinstance(content, Words) else _words_of(content)
    below = isinstance(script, Below)
    match base:
        case Brace():
            return _annotated(base.body, content, words)
        case terms.FunctionMark():
            if below:
                return terms.FunctionMark(base.name, base.power, indices_of(content))
            return terms.FunctionMark(base.name, value_of(content), base.below)
        case terms.BigMark():
            return _bounded(base, content, below)
        case Norm() if below:
            return Norm(base.body, words or _print(value_of(content)))
    if below:
        if not isinstance(base, Symbol):
            raise UnreadableError("a subscript must follow a symbol")
        if words:
            return Symbol(f"{base.name}_{words}", base.indices, "")
        indices = indices_of(content)
        return Symbol(base.name, base.indices + indices, f"{base.name}_{','.join(map(_print, indices))}")
    if not isinstance(base, Tree):
        raise UnreadableError("a superscript must follow a value")
    if words and isinstance(base, Symbol):
        return Symbol(f"{base.name}^{words}", base.indices, f"{base.whole}^{words}" if base.whole else "")
    exponent = value_of(content)
    if exponent == Symbol(r"\top"):
        return Transpose(base)
    if exponent == Sum(((-1, Symbol(r"\top")),)):
        return Transpose(Power(base, Number(-1.0)))
    return Power(base, exponent)


def _words_of(content: Any) -> str:
    """The text in a script that is nothing but text, or a function's name used as one (`_{\\max}`)."""
    if isinstance(content, Statements) and content.words and not content.parts:
        return "".join(re.sub(r"\\\w+\{(.*)\}", r"\1", w) for w in content.words).strip()
    return ""


def _bounded(mark: terms.BigMark, content: Any, below: bool) -> terms.BigMark:
    if not below:
        return terms.BigMark(mark.operator, mark.variables, mark.lower, value_of(content), mark.condition)
    if not isinstance(content, Statements):
        content = Statements((Relations((value_of(content),)),))
    first = content.parts[0]
    names: list[str] = []
    for part in content.parts:
        for index in indices_of(Statements((Relations((part.sides[0],)),))):
            if not isinstance(index, Symbol):
                raise UnreadableError("a sum runs over symbols")
            names.append(index.name)
    if first.signs == ("=",) and len(content.parts) == 1:
        return terms.BigMark(mark.operator, tuple(names), first.sides[1], mark.upper, None)
    if first.signs:
        return terms.BigMark(mark.operator, tuple(names), None, None, first)
    return terms.BigMark(mark.operator, tuple(names), None, None, None)


def _annotated(body: Tree, content: Any, words: str) -> Tree:
    """What stands under a brace: shapes are kept, and values where no words stand beside them."""
    if not isinstance(content, Statements):
        content = Statements((Relations((value_of(content),)),)) if isinstance(content, Tree) else Statements(())
    sides = [only(p) for p in content.parts]
    if content.words and any(_has_sign(s) for s in sides):
        raise UnreadableError("a note in words below a brace holds no + or -, for nothing would test it")
    shapes = tuple(s for s in sides if is_shape(s))
    equals = () if content.words else tuple(s for s in sides if not is_shape(s))
    return Braced(body, shapes, equals)


def _has_sign(tree: Any) -> bool:
    if isinstance(tree, Sum):
        return True
    if isinstance(tree, tuple):
        return any(_has_sign(t) for t in tree)
    return is_dataclass(tree) and any(_has_sign(getattr(tree, f.name)) for f in fields(tree))


SIZES = frozenset("TBDHKNLn") | {"1", "2", "4"}


def is_shape(tree: Tree) -> bool:
    """(B, H) or (TB, D) or (H): parentheses that hold nothing but sizes."""
    items = tree.items if isinstance(tree, Tuple) else (tree.body,) if isinstance(tree, Group) else ()
    return bool(items) and all(_is_size(i) for i in items)


def _is_size(tree: Tree) -> bool:
    match tree:
        case Number():
            return tree.value == int(tree.value)
        case Symbol():
            return tree.name in SIZES and not tree.indices
        case Sum():
            return all(_is_size(t) for _, t in tree.terms)
    factors = getattr(tree, "factors", ())
    return bool(factors) and all(_is_size(f) for f in factors)
