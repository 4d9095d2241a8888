"""An equation's tree in a world: its value, for given values of the free indices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.equations import values as v
from autograder.equations.derivatives import derivative
from autograder.equations.members import differing, replaced
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
                return derivative(tree, self.world, self.place)
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
            place = self.place(tree, tree.name.removeprefix(DELTA), tree.whole.removeprefix(DELTA))
            if place is not None:
                return v.entries(self.world.delta(*place[0]), place[1], self.world.one_sequence)
        else:
            place = self.place(tree, tree.name, tree.whole)
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

    def place(self, tree: Symbol, name: str, whole: str) -> tuple[Key, tuple[int, ...]] | None:
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
        start, end = differing(tree.first, tree.last)
        step = 1
        if tree.second is not None:
            _, second = differing(tree.first, tree.second)
            step = self.index(second) - self.index(start)
        if abs(step) != 1:
            raise EvaluationError("the members before the dots are not neighbours")
        result: Value = NOTHING if tree.operator == "sum" else EMPTY
        for index in range(self.index(start), self.index(end) + step, step):
            value = self.value(replaced(tree.first, start, Number(float(index))))
            result = v.add(result, value) if tree.operator == "sum" else v.multiply(result, value)
        return result

    # --- shapes ----------------------------------------------------------------------------------------------

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
