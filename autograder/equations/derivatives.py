"""Printed derivatives: taken from the framework that runs the world, entry by entry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.equations import values as v
from autograder.equations.program import Array, Key
from autograder.equations.tree import Derivative, Group, Symbol, Tree
from autograder.equations.values import EvaluationError
from autograder.equations.world import World

Place = Callable[[Symbol, str, str], tuple[Key, tuple[int, ...]] | None]  # Evaluator.place


def derivative(tree: Derivative, world: World, place: Place) -> Array:
    """Total, or immediate where ∂⁺ is printed. Of a row by a row: what is moved first, what moves with it second.

    Raises EvaluationError for what the world's program does not compute, and for a plain ∂ where d and ∂⁺ differ.
    """
    if tree.kind == "partial" and world.has_states and not world.setting.plain_is_total:
        raise EvaluationError("a plain ∂ does not say whether d or ∂⁺ is meant")
    above, moves = _entries(tree.numerator, world, place)
    below, moved = _entries(tree.denominator, world, place)
    jacobian = world.jacobian(above, below, tree.kind == "immediate")
    columns = int(np.prod(world.shape(below), dtype=int))
    table = jacobian.reshape(-1, columns)[np.ix_(moves.ravel(), moved.ravel())]
    if moves.size == 1:
        return table.reshape(moved.shape)
    if moved.size == 1:
        return table.reshape(moves.shape)
    if world.setting.columns:
        return table.reshape(v.shape_of(moves) + v.shape_of(moved))
    return table.T.reshape(v.shape_of(moved) + v.shape_of(moves))


def _entries(tree: Tree, world: World, place: Place) -> tuple[Key, Array]:
    """A symbol's key in the program, and the places of its entries in it, flat."""
    if isinstance(tree, Group):
        return _entries(tree.body, world, place)
    found: tuple[Key, tuple[int, ...]] | None = None
    if tree in world.expressions:
        found = world.expressions[tree], ()
    elif isinstance(tree, Symbol):
        found = place(tree, tree.name, tree.whole)
    if found is None:
        raise EvaluationError("a derivative of or by something that the world's program does not compute")
    key, indices = found
    shape = world.shape(key)
    flat = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    return key, np.asarray(v.entries(flat, indices, world.one_sequence))
