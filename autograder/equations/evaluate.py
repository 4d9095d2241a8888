"""An equation's tree in a world: its value, for given values of the free indices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from autograder.equations import values as v
from autograder.equations.program import Key
from autograder.equations.tree import (
    Big,
    Binary,
    Braced,
    Call,
    Derivative,
    Entry,
    Group,
    Matrix,
    Norm,
    Number,
    Power,
    Product,
    Relations,
    Run,
    Sum,
    Symbol,
    Transpose,
    Tree,
    Tuple,
)
from autograder.equations.values import EMPTY, NOTHING, EvaluationError, Value
from autograder.equations.world import Computed, Expectation, Function, Indexed, World

DELTA = r"\delta "
TOLERANCE = 1e-10  # for what a brace says equals; rounding of a few hundred operations in float64 stays far below


class Evaluator:
    """Evaluates trees in `world`, with `bound` the values of indices. `downwards`: products that run down."""

    def __init__(self, world: World, bound: dict[str, Any] | None = None, downwards: frozenset[str] = frozenset()):
        self.world, self.bound, self.downwards = world, dict(bound or {}), downwards
        self.ranges: dict[str, Any] = {}

    def value(self, tree: Tree) -> Value:
        match tree:
            case Number():
                return tree.value if tree.value else NOTHING
            case Symbol():
                found = self.symbol(tree)
                if isinstance(found, Function):
                    raise EvaluationError(f"{tree.name} is a function and has no argument here")
                return found
            case Group():
                return self.value(tree.body)
            case Braced():
                return self._braced(tree)
            case Sum():
                return self._sum(tree)
            case Product():
                return self._product(tree)
            case Binary():
                return self._binary(tree)
            case Power():
                if tree.base == Symbol("e") and "e" not in self.world.values:
                    return np.exp(self.value(tree.exponent))
                return v.power(self.value(tree.base), self.value(tree.exponent))
            case Transpose():
                return v.transpose(self.value(tree.base))
            case Entry():
                indices = tuple(self.index(i) for i in tree.indices)
                return v.entries(self.value(tree.array), indices, False)
            case Call():
                return self._call(tree)
            case Norm():
                return v.norm(self.value(tree.body), tree.which)
            case Big():
                return self._big(tree)
            case Run():
                return self._run(tree)
            case Derivative():
                return self._derivative(tree)
            case Matrix():
                return np.array([[self.value(e) for e in row] for row in tree.rows], dtype=float)
            case Tuple():
                return np.array([self.value(i) for i in tree.items], dtype=float)
        raise EvaluationError(f"{type(tree).__name__} has no value")

    # --- symbols ---------------------------------------------------------------------------------------------

    def index(self, tree: Tree) -> int:
        found = self.value(tree)
        whole = int(np.real(found).item()) if np.size(found) == 1 and isinstance(found, np.ndarray) else None
        if whole is None and v.is_number(found):
            whole = int(np.real(found))
        if whole is None or whole != found:
            raise EvaluationError("an index must be a whole number")
        return whole

    def symbol(self, tree: Symbol) -> Value:
        """A symbol's value: an index, a declared value, a value of the program or its δ."""
        if tree.whole and tree.whole in self.world.values:
            return self.world.lookup(tree.whole)
        if not tree.indices and tree.name in self.bound:
            return self.bound[tree.name]
        if tree.name in self.world.values:
            return self._declared(tree)
        if tree.name.startswith(DELTA):
            place = self._place(tree, tree.name.removeprefix(DELTA), tree.whole.removeprefix(DELTA))
            if place is not None:
                return v.entries(self.world.delta(*place[0]), place[1], self.world.one_sequence)
        else:
            place = self._place(tree, tree.name, tree.whole)
            if place is not None:
                return v.entries(self.world.value(*place[0]), place[1], self.world.one_sequence)
        if tree.name in self.world.beyond:
            value = self.world.beyond[tree.name]
            return NOTHING if v.is_number(value) and value == 0 else value
        raise EvaluationError(f"{tree.whole or tree.name} is not known here")

    def _declared(self, tree: Symbol) -> Value:
        declared = self.world.values[tree.name]
        indices = tuple(self.index(i) for i in tree.indices)
        arity = declared.arity if isinstance(declared, Indexed) else 0
        if isinstance(declared, Function | Expectation):
            return declared
        found = self.world.lookup(tree.name, indices[:arity])
        if isinstance(found, Function | Expectation):
            return found
        if v.is_number(found) and found == 0:
            return NOTHING
        return v.entries(found, indices[arity:], self.world.one_sequence and not isinstance(declared, Computed))

    def _place(self, tree: Symbol, name: str, whole: str) -> tuple[Key, tuple[int, ...]] | None:
        """Where a symbol stands in the program: its key and the subscripts that are left, or None."""
        if whole and self.world.times(whole):
            return (whole,), ()
        keys = self.world.times(name)
        if not keys:
            return None
        indices = tuple(self.index(i) for i in tree.indices)
        for key in ((name, *indices[:n]) for n in range(len(indices), -1, -1)):
            if key in keys:
                return key, indices[len(key) - 1 :]
        if tree.name not in self.world.beyond:
            raise EvaluationError(f"there is no {tree.name} at {indices}")
        return None

    # --- operations ------------------------------------------------------------------------------------------

    def _sum(self, tree: Sum) -> Value:
        total: Value = NOTHING
        for sign, term in tree.terms:
            value = self.value(term)
            total = v.add(total, value if sign > 0 or value is NOTHING else -value)
        return total

    def _product(self, tree: Product) -> Value:
        result: Value = EMPTY
        place = 0
        while place < len(tree.factors):
            factor = tree.factors[place]
            found = self.symbol(factor) if isinstance(factor, Symbol) else self.value(factor)
            place += 1
            if isinstance(found, Function | Expectation):
                argument = tree.factors[place] if place < len(tree.factors) else None
                if not isinstance(argument, Group | Tuple):
                    raise EvaluationError(f"{getattr(factor, 'name', '')} is a function and has no argument here")
                found = self._applied(found, argument)
                place += 1
            result = v.multiply(result, found)
        return result

    def _applied(self, function: Function | Expectation, argument: Group | Tuple) -> Value:
        if isinstance(function, Function):
            items = argument.items if isinstance(argument, Tuple) else (argument,)
            return function.of(*(self.value(i) for i in items))
        found = []
        for self.world.outcome in function.outcomes:
            found.append(self.value(argument))
        self.world.outcome = None
        return np.mean(found, axis=0)

    def _binary(self, tree: Binary) -> Value:
        left, right = self.value(tree.left), self.value(tree.right)
        match tree.operator:
            case r"\odot":
                return v.entrywise(left, right)
            case "/":
                return v.divide(left, right)
            case r"\cdot" | r"\times" | "*":
                return v.dot(left, right)
            case r"\bmod":
                return left % right
        raise EvaluationError(f"{tree.operator} has no meaning here")

    def _call(self, tree: Call) -> Value:
        if tree.function == "iverson":
            (statement,) = tree.arguments
            assert isinstance(statement, Relations)
            return 1.0 if self.holds(statement) else NOTHING
        arguments = [self.value(a) for a in tree.arguments]
        if tree.function == "onehot":
            return np.eye(self.world.sizes["K"])[np.asarray(arguments[0], dtype=int) - 1]
        if tree.function not in v.FUNCTIONS:
            raise EvaluationError(f"{tree.function} is not known")
        return v.FUNCTIONS[tree.function](*arguments)

    def holds(self, statement: Relations) -> bool:
        """Whether relations between numbers hold: an Iverson bracket, the condition below a sum."""
        sides = [self.value(s) for s in statement.sides]
        tests = {"=": np.equal, r"\ne": np.not_equal, "<": np.less, ">": np.greater}
        tests |= {r"\le": np.less_equal, r"\ge": np.greater_equal}
        pairs = zip(statement.signs, sides, sides[1:], strict=False)
        return all(bool(tests[sign](left, right)) for sign, left, right in pairs)

    # --- over an index ---------------------------------------------------------------------------------------

    def range_of(self, name: str) -> range:
        """The declared range of an index: `1..T`."""
        if name not in self.ranges:
            raise EvaluationError(f"the range of the index {name} is not declared")
        lower, upper = self.ranges[name]
        return range(self.index(lower), self.index(upper) + 1)

    def _steps(self, tree: Big) -> Iterator[None]:
        """Bind the variables to each of their values in turn."""
        if tree.lower is not None and tree.upper is not None:
            (name,) = tree.variables
            first, last = self.index(tree.lower), self.index(tree.upper)
            steps = [range(first, last - 1, -1) if name in self.downwards else range(first, last + 1)]
        else:
            steps = [self.range_of(name) for name in tree.variables]
        before = dict(self.bound)
        for place in np.ndindex(*(len(s) for s in steps)):
            self.bound |= {n: s[i] for n, s, i in zip(tree.variables, steps, place, strict=True)}
            if tree.condition is None or self.holds(tree.condition):
                yield
        self.bound = before

    def _big(self, tree: Big) -> Value:
        found = [self.value(tree.body) for _ in self._steps(tree)]
        if tree.operator in ("max", "min"):
            return v.FUNCTIONS[tree.operator](*found)
        result: Value = NOTHING if tree.operator == "sum" else EMPTY
        for value in found:
            result = v.add(result, value) if tree.operator == "sum" else v.multiply(result, value)
        return result

    def _run(self, tree: Run) -> Value:
        """first … last, by the one index in which they differ; downwards if first and second say so."""
        start, end = self._differing(tree.first, tree.last)
        step = 1
        if tree.second is not None:
            _, second = self._differing(tree.first, tree.second)
            step = self.index(second) - self.index(start)
        if abs(step) != 1:
            raise EvaluationError("the members before the dots are not neighbours")
        result: Value = NOTHING if tree.operator == "sum" else EMPTY
        for index in range(self.index(start), self.index(end) + step, step):
            value = self.value(_replaced(tree.first, start, Number(float(index))))
            result = v.add(result, value) if tree.operator == "sum" else v.multiply(result, value)
        return result

    def _differing(self, one: Tree, other: Tree) -> tuple[Tree, Tree]:
        pairs = list(_differences(one, other))
        if not pairs or any(pair != pairs[0] for pair in pairs):
            raise EvaluationError("the members before and after the dots must differ in one index")
        return pairs[0]

    # --- derivatives, shapes ---------------------------------------------------------------------------------

    def _derivative(self, tree: Derivative) -> Value:
        """From the backend. Of a row by a row: what is moved first, what moves with it second, as J_t[i, j]."""
        above, below = self._moved(tree.numerator), self._moved(tree.denominator)
        jacobian = self.world.jacobian(above[0], below[0], tree.kind == "immediate")
        if tree.kind == "partial" and self.world.has_states and not self.world.setting.plain_is_total:
            raise EvaluationError("a plain ∂ does not say whether d or ∂⁺ is meant")
        moves, moved = above[1], below[1]
        table = jacobian.reshape(-1, int(np.prod(self.shape(below[0]), dtype=int)))[
            np.ix_(moves.ravel(), moved.ravel())
        ]
        if moves.size == 1:
            return table.reshape(moved.shape)
        if moved.size == 1:
            return table.reshape(moves.shape)
        if self.world.setting.columns:
            return table.reshape(v.shape_of(moves) + v.shape_of(moved))
        return table.T.reshape(v.shape_of(moved) + v.shape_of(moves))

    def shape(self, key: Key) -> tuple[int, ...]:
        assert self.world.backend is not None
        return self.world.backend.shapes[key]

    def _moved(self, tree: Tree) -> tuple[Key, Any]:
        """A symbol's key in the program, and the places of its entries in it, flat."""
        if isinstance(tree, Group):
            return self._moved(tree.body)
        place: tuple[Key, tuple[int, ...]] | None = None
        if tree in self.world.expressions:
            place = self.world.expressions[tree], ()
        elif isinstance(tree, Symbol):
            place = self._place(tree, tree.name, tree.whole)
        if place is None:
            raise EvaluationError("a derivative of or by something that the world's program does not compute")
        shape = self.shape(place[0])
        flat = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
        return place[0], np.asarray(v.entries(flat, place[1], self.world.one_sequence) if place[1] else flat)

    def _braced(self, tree: Braced) -> Value:
        value = self.value(tree.body)
        for shape in tree.shapes:
            self.check_shape(value, shape)
        for said in tree.equals:
            other = self.value(said)
            if v.is_number(value) and np.size(other) > 1:
                other = np.size(other)  # a number over an array's name counts its entries
            if v.largest(v.difference(value, other)) > TOLERANCE * max(v.largest(value), v.largest(other)):
                raise EvaluationError("what stands over a brace is not what is said below it")
        return value

    def check_shape(self, value: Value, shape: Tree) -> None:
        """Raises EvaluationError unless the value has the printed shape."""
        items = shape.items if isinstance(shape, Tuple) else (shape,)
        said = tuple(self.index(i) for i in items)
        if isinstance(value, v.Nothing | v.Empty):
            return
        if v.shape_of(np.empty(said)) != v.shape_of(value):
            raise EvaluationError(f"a shape is printed as {said} and is {np.shape(value)}")


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


def _replaced(tree: Any, old: Tree, new: Tree) -> Any:
    """The tree with an index exchanged."""
    if tree == old:
        return new
    if isinstance(tree, tuple):
        return tuple(_replaced(t, old, new) for t in tree)
    if is_dataclass(tree) and isinstance(tree, Tree):
        changed = {f.name: _replaced(getattr(tree, f.name), old, new) for f in fields(tree)}
        if isinstance(tree, Symbol):
            changed["whole"] = tree.whole if changed["indices"] == tree.indices else ""
        return type(tree)(**changed)
    return tree
