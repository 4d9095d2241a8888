"""The members of a product or sum with dots: in which index they differ, and the member for another index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from autograder.equations.tree import Derivative, Group, Power, Product, Symbol, Transpose, Tree
from autograder.equations.values import EvaluationError


def differing(one: Tree, other: Tree) -> tuple[Tree, Tree]:
    """The index of one member and that of the other. Raises EvaluationError unless it is one index."""
    pairs = list(_differences(one, other))
    if not pairs or any(pair != pairs[0] for pair in pairs):
        raise EvaluationError("the members before and after the dots must differ in one index")
    return pairs[0]


def _differences(one: Any, other: Any) -> Iterator[tuple[Tree, Tree]]:
    """The smallest parts in which two trees of the same form differ, leaving out names made from subscripts."""
    if one == other:
        return
    if isinstance(one, Symbol) and isinstance(other, Symbol) and one.name == other.name and one.indices:
        for a, b in zip(one.indices, other.indices, strict=True):
            if a != b:
                yield a, b
    elif (
        type(one) is type(other)
        and is_dataclass(one)
        and isinstance(one, Transpose | Group | Product | Derivative | Power)
    ):
        for f in fields(one):
            yield from _differences(getattr(one, f.name), getattr(other, f.name))
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            yield from _differences(a, b)
    else:
        yield one, other


def replaced(tree: Any, old: Tree, new: Tree) -> Any:
    """The tree with an index exchanged."""
    if tree == old:
        return new
    if isinstance(tree, tuple):
        return tuple(replaced(t, old, new) for t in tree)
    if is_dataclass(tree) and isinstance(tree, Tree):
        changed = {f.name: replaced(getattr(tree, f.name), old, new) for f in fields(tree)}
        if isinstance(tree, Symbol):
            changed["whole"] = tree.whole if changed["indices"] == tree.indices else ""
        return type(tree)(**changed)
    return tree
