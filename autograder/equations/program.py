"""Small computations whose every intermediate value can be moved: the truth that equations are held to.

A program is a list of named assignments, written once for all frameworks. It is run with a zero added to every value;
the total derivative of one value with respect to another is the derivative with respect to that zero. For immediate
derivatives, states (assignments with `state=True`) that enter a computation are held at the values they have, so that
only what happens without passing another state is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Key = tuple[Any, ...]  # ("h", 3): a name and its time index; ("U",): a name


@dataclass(frozen=True)
class Assignment:
    key: Key
    parents: tuple[Key, ...]
    function: Callable[..., Any]  # (operations, *values of the parents) -> value
    state: bool


@dataclass
class Program:
    """Leaves, constants and assignments, in the order in which they are computed."""

    loss: Key = ("C",)
    leaves: dict[Key, Array] = field(default_factory=dict)
    constants: dict[Key, Array] = field(default_factory=dict)
    assignments: dict[Key, Assignment] = field(default_factory=dict)

    def leaf(self, *key: Any, value: Any) -> Key:
        """Add a differentiable input, float64."""
        self.leaves[key] = np.asarray(value, dtype=np.float64)
        return key

    def constant(self, *key: Any, value: Any) -> Key:
        """Add an input that nothing is differentiated by: a mask, classes."""
        self.constants[key] = np.asarray(value)
        return key

    def let(self, *key: Any, of: list[Key], be: Callable[..., Any], state: bool = False) -> Key:
        """Assign `key = be(operations, *of)`."""
        unknown = [p for p in of if p not in self]
        if unknown:
            raise KeyError(f"{key} is computed from {unknown}, not known yet")
        self.assignments[key] = Assignment(key, tuple(of), be, state)
        return key

    def __contains__(self, key: Key) -> bool:
        return key in self.leaves or key in self.constants or key in self.assignments

    def moved(self) -> list[Key]:
        """Everything a derivative can be taken by."""
        return [*self.leaves, *self.assignments]

    def run(self, operations: Any, zeros: dict[Key, Any], held: dict[Key, Array] | None = None) -> dict[Key, Any]:
        """All values. With `held`, states are computed from the held values of the states before them."""
        inputs: dict[Key, Any] = {key: operations.constant(value) for key, value in self.constants.items()}
        for key, value in self.leaves.items():
            inputs[key] = operations.constant(value) + zeros[key]
        computed = dict(inputs)
        for step in self.assignments.values():
            value = step.function(operations, *(inputs[p] for p in step.parents))
            if held is not None and step.state:
                computed[step.key] = value
                inputs[step.key] = operations.constant(held[step.key]) + zeros[step.key]
            else:
                computed[step.key] = inputs[step.key] = value + zeros[step.key]
        return computed
