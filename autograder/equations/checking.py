"""Whether a printed equation holds: every relation sign in it, for every value of its free indices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from autograder.equations import values as v
from autograder.equations.evaluate import Evaluator
from autograder.equations.reading import read
from autograder.equations.scripts import is_shape
from autograder.equations.tree import Big, Braced, Call, Group, Relations, Statements, Sum, Symbol, Tree, Tuple
from autograder.equations.values import EvaluationError, Value
from autograder.equations.world import World

# In float64 one operation rounds by 1.1e-16. The worlds are small: some hundred operations, no cancellation beyond
# the size of the terms, so that honest equations stay below 1e-13; a wrong sign is off by parts of one.
TOLERANCE = 1e-11


class EquationError(AssertionError):
    """An equation that does not hold as printed, or could not be evaluated."""


@dataclass
class Options:
    """How one equation is evaluated, beside its world: see Chapter.read."""

    over: Mapping[str, str]
    downwards: frozenset[str]
    equals: Sequence[Callable[[World], Any]]
    where: Callable[..., bool] | None


def free_indices(tree: Any, ranges: Mapping[str, Any], bound: frozenset[str] = frozenset()) -> set[str]:
    """The names in a tree that have a range and are bound by no sum."""
    if isinstance(tree, Symbol) and not tree.indices:
        return {tree.name} & set(ranges) - bound
    if isinstance(tree, Big):
        inside = bound | set(tree.variables)
        limits = free_indices((tree.lower, tree.upper), ranges, bound)
        return limits | free_indices((tree.body, tree.condition), ranges, inside)
    if isinstance(tree, tuple):
        return set().union(*(free_indices(t, ranges, bound) for t in tree))
    if is_dataclass(tree) and isinstance(tree, Tree):
        return set().union(*(free_indices(getattr(tree, f.name), ranges, bound) for f in fields(tree)))
    return set()


def parsed_ranges(over: Mapping[str, str]) -> dict[str, tuple[Tree, Tree]]:
    """{"k": "1..t"} with both ends read."""
    found = {}
    for name, text in over.items():
        lower, upper = text.split("..")
        found[name] = tuple(read(end, f"range of {name}").parts[0].sides[0] for end in (lower, upper))
    return found  # type: ignore[return-value]


def check(label: str, equation: Statements, world: World, options: Options) -> list[float | None]:
    """The largest relative error of each statement in this world, or None where its indices have no value.

    Raises EquationError with the label, the statement, the indices and both sides.
    """
    ranges = parsed_ranges({**world.over, **options.over})
    errors: list[float | None] = []
    expected = list(options.equals)
    for number, statement in enumerate(equation.parts, start=1):
        if not statement.signs and is_shape(statement.sides[0]):
            continue
        following = equation.parts[number : number + 1]
        shape = (
            following[0].sides[0] if following and not following[0].signs and is_shape(following[0].sides[0]) else None
        )
        truth = None
        if not statement.signs:
            if not expected:
                raise EquationError(f"{label}, statement {number}: no relation, and nothing said that it should equal")
            truth = expected.pop(0)
        try:
            with np.errstate(all="ignore"):  # what is not finite is reported as such
                error = _statement(statement, shape, truth, world, options, ranges)
        except (EvaluationError, ArithmeticError, LookupError, RecursionError, np.linalg.LinAlgError) as reason:
            raise EquationError(f"{label}, statement {number} ({world.framework}): {reason}") from None
        errors.append(error)
    if expected:
        raise EquationError(f"{label}: more values are expected than the equation has expressions without relation")
    return errors


def _bindings(statement: Relations, world: World, options: Options, ranges: dict[str, Any]) -> Iterator[Evaluator]:
    """An evaluator for each combination of the free indices."""
    known = {n: r for n, r in ranges.items() if n not in world.values}
    free = free_indices(statement, known)
    names = [n for n in known if n in free]
    evaluator = Evaluator(world, downwards=options.downwards)
    evaluator.ranges = known

    def bind(remaining: list[str]) -> Iterator[Evaluator]:
        if not remaining:
            if options.where is None or options.where(world, **_plain(evaluator.bound)):
                yield evaluator
            return
        for index in evaluator.range_of(remaining[0]):
            evaluator.bound[remaining[0]] = index
            yield from bind(remaining[1:])
        evaluator.bound.pop(remaining[0], None)

    yield from bind(names)


def _plain(bound: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lstrip("\\"): value for name, value in bound.items()}


def _statement(
    statement: Relations, shape: Tree | None, truth: Any, world: World, options: Options, ranges: dict[str, Any]
) -> float | None:
    """The largest difference over all indices, relative to the largest term over all indices."""
    differences = [0.0] * max(1, len(statement.signs))
    scale = 0.0
    bound: list[str] = [""] * len(differences)
    seen = False
    for evaluator in _bindings(statement, world, options, ranges):
        seen = True
        if statement.signs[:1] == (":",):
            evaluator.check_shape(evaluator.value(statement.sides[0]), statement.sides[1])
            continue
        sides = [_with_size(evaluator, side) for side in statement.sides]
        if shape is not None:
            for value, _ in sides:
                evaluator.check_shape(value, shape)
        if truth is not None:
            known = np.asarray(truth(world))
            sides.append((known, v.largest(known)))
        signs = statement.signs or ("=",)
        for i, sign in enumerate(signs):
            (left, size), (right, other_size) = sides[i], sides[i + 1]
            difference = violation(sign, left, right)
            if not np.isfinite(difference):
                raise EvaluationError(f"the sides of relation {i + 1} do not fit or are not finite")
            if difference > differences[i]:
                differences[i] = difference
                bound[i] = ", ".join(f"{n} = {k}" for n, k in evaluator.bound.items())
            scale = max(scale, size, other_size)
    if not seen:
        return None
    errors = [difference / scale if scale else difference for difference in differences]
    for i, error in enumerate(errors):
        if error > TOLERANCE:
            where = f" at {bound[i]}" if bound[i] else ""
            raise EvaluationError(f"relation {i + 1} does not hold{where}: relative difference {error:.1e}")
    return max(errors)


def violation(sign: str, left: Value, right: Value) -> float:
    """How far a relation is from holding: 0 where an inequality holds."""
    if sign == "=":
        return v.largest(v.difference(left, right))
    if not v.is_number(left) and np.size(left) > 1 and not v.is_number(right):
        v.difference(left, right)  # the shapes must agree
    gap = np.asarray(left, dtype=float) - np.asarray(right, dtype=float)
    match sign:
        case r"\le":
            return float(np.max(gap.clip(min=0), initial=0))
        case r"\ge":
            return float(np.max((-gap).clip(min=0), initial=0))
        case "<":
            return 0.0 if np.all(gap < 0) else np.inf
        case ">":
            return 0.0 if np.all(gap > 0) else np.inf
        case r"\ne":
            return 0.0 if np.all(gap != 0) else np.inf
    raise EvaluationError(f"the relation {sign} cannot be tested")


def _with_size(evaluator: Evaluator, tree: Tree) -> tuple[Value, float]:
    """A side's value, and the size of its largest term: what rounding is relative to."""
    value = evaluator.value(tree)
    return value, max(v.largest(value), _size_of_terms(evaluator, tree))


def _size_of_terms(evaluator: Evaluator, tree: Tree) -> float:
    match tree:
        case Sum():
            return max(_size_of_terms(evaluator, t) for _, t in tree.terms)
        case Group() | Braced():
            return _size_of_terms(evaluator, tree.body)
        case Big() | Call() | Tuple():
            return 0.0
    return v.largest(evaluator.value(tree))
