"""Worlds: what every symbol of an equation stands for, in one random problem and one framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from autograder.equations.backends import BACKENDS, Backend
from autograder.equations.program import Array, Key, Program
from autograder.equations.reading import read, read_symbol
from autograder.equations.values import EvaluationError


class Function(NamedTuple):
    """A symbol that takes arguments in parentheses: `Function(lambda t: ...)` for tau(t)."""

    of: Callable[..., Any]


class Indexed(NamedTuple):
    """A symbol with time indices: `Indexed(lambda world, t: ...)` for P_t. Further subscripts are entries."""

    of: Callable[..., Any]
    arity: int = 1


class Computed(NamedTuple):
    """A symbol without time index that needs the world: `Computed(lambda world: ...)`."""

    of: Callable[..., Any]


class Expectation(NamedTuple):
    """A symbol that averages what follows it in parentheses over all outcomes, each as likely as the others.

    While an outcome is looked at, `world.outcome` is that outcome.
    """

    outcomes: Sequence[Any]


@dataclass
class Setting:
    r"""A random problem before any framework has run it.

    sizes: {"T": 4, "B": 3, ...}; they are also symbols, all but whole words.
    program: gives values and every derivative, or None for pure algebra.
    values: symbols in LaTeX (`\dot h`, `k_1`) to numbers, arrays, Function, Indexed or Computed.
    beyond: symbols outside the program's time: {r"\delta a": 0} says δa_{T+1} = 0.
    over: the range of each index, `"1..T"`; ranges may use indices named before.
    one_sequence: B is 1, a state is a row, and a second subscript is a unit.
    columns: Jacobians as texts with columns have them, what moves with it first.
    plain_is_total: a plain ∂ means d, as in texts that have one sign for both. Otherwise it is refused where a
        program has states, and d and ∂⁺ are two things.
    expressions: what stands in a derivative and is no symbol, {r"\tanh a": ("tanh",)}, to keys of the program.
    """

    sizes: dict[str, int]
    program: Program | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    beyond: Mapping[str, Any] = field(default_factory=dict)
    over: Mapping[str, str] = field(default_factory=dict)
    one_sequence: bool = False
    columns: bool = False
    plain_is_total: bool = False
    expressions: Mapping[str, Key] = field(default_factory=dict)


class World:
    """A setting in a framework."""

    def __init__(self, setting: Setting, backend: str):
        self.setting, self.framework = setting, backend
        self.sizes, self.one_sequence = setting.sizes, setting.one_sequence
        self.backend: Backend | None = BACKENDS[backend](setting.program) if setting.program else None
        symbols = {name: size for name, size in setting.sizes.items() if not name.isalpha() or len(name) == 1}
        self.values = {_name(k): v for k, v in {**symbols, **setting.values}.items()}
        self.beyond = {_name(k): v for k, v in setting.beyond.items()}
        self.over = {_name(k): v for k, v in setting.over.items()}
        self.expressions = {read(k).parts[0].sides[0]: key for k, key in setting.expressions.items()}
        self.used_framework = False
        steps = setting.program.assignments.values() if setting.program else ()
        self.has_states = any(step.state for step in steps)
        self.outcome: Any = None
        self._cache: dict[Any, Any] = {}

    @property
    def program(self) -> Program:
        assert self.setting.program is not None, "this world has no program"
        return self.setting.program

    def value(self, *key: Any) -> Array:
        """A value of the program: `world.value("h", 3)`."""
        return self._ran(key).value(key)

    def jacobian(self, numerator: Key, denominator: Key, immediate: bool = False) -> Array:
        return self._ran(numerator, denominator).jacobian(numerator, denominator, immediate)

    def _ran(self, *keys: Key) -> Backend:
        """The backend, if the program computes all of these. Raises EvaluationError."""
        for key in keys:
            if self.setting.program is None or key not in self.setting.program:
                raise EvaluationError(f"this world's program has no {' '.join(map(str, key))}")
        assert self.backend is not None
        self.used_framework = True
        return self.backend

    def shape(self, key: Key) -> tuple[int, ...]:
        """The shape of a value of the program."""
        return self._ran(key).shapes[key]

    def delta(self, *key: Any) -> Array:
        """d loss / d value, in the value's shape."""
        return self.jacobian(self.program.loss, key)

    def times(self, name: str) -> list[Key]:
        """The keys of a name in the program."""
        if self.setting.program is None:
            return []
        return [k for k in (*self.program.moved(), *self.program.constants) if k[0] == name]

    def lookup(self, name: str, indices: tuple[int, ...] = ()) -> Any:
        """A declared symbol's value with its time indices. Raises KeyError for a name that is not declared."""
        found = self.values[name]
        if isinstance(found, Indexed | Computed):
            key = name, indices, self.outcome
            if key not in self._cache:
                self._cache[key] = found.of(self, *indices)
            return self._cache[key]
        return found


def _name(latex: str) -> str:
    symbol = read_symbol(latex)
    return symbol.whole or symbol.name


class Family:
    """Worlds of one kind: the same network in several problems, each kept once a framework has run it."""

    def __init__(self, make: Callable[..., Setting], problems: Sequence[Mapping[str, int]]):
        self.make, self.problems, self.name = make, problems, make.__name__
        self.world = lru_cache(maxsize=None)(self._world)
        self.setting = lru_cache(maxsize=None)(self._setting)

    def _setting(self, number: int) -> Setting:
        return self.make(dict(self.problems[number]), np.random.default_rng([7, number]))

    def _world(self, number: int, backend: str) -> World:
        return World(self.setting(number), backend)

    def worlds(self, backend: str) -> list[World]:
        return [self.world(number, backend) for number in range(len(self.problems))]

    def but(self, change: Callable[..., Setting], problems: Sequence[Mapping[str, int]] | None = None) -> Family:
        """The same problems with a changed setting: `network.but(lambda setting, rng: replace(setting, ...))`."""

        def make(sizes: dict[str, int], rng: np.random.Generator) -> Setting:
            return change(self.make(sizes, rng), rng)

        make.__name__ = f"{self.name}.but({change.__name__})"
        return Family(make, self.problems if problems is None else problems)


def family(problems: Sequence[Mapping[str, int]]) -> Callable[[Callable[..., Setting]], Family]:
    """Decorate `make(sizes, rng) -> Setting` into a Family over these problems."""
    return lambda make: Family(make, problems)
