"""Drivers: how arrays become a framework's tensors, and how a learner's function, differentiable operation or
module is put to work on them. One module a framework, the same three functions in each; they run beside the
learner's code, get arrays and give arrays, and know no expected value.
"""

import dataclasses
import importlib
import types
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

NO_GRADIENT = "gets no gradient"
"""How the reason begins where the framework finds that a gradient is cut off."""

PLAIN_TENSOR = "is a plain tensor"
MADE_ANEW = "is made anew in every call"
NOT_TRAINED = "is not to be trained"
"""What the drivers say of a module's parameter that is none, or none that is trained."""


class Missing(NamedTuple):
    """Stands where an output should be, with the reason why there is none; `shape` where that much is known."""

    reason: str
    shape: tuple[int, ...] | None = None


class Unsuitable(Exception):
    """The answer is not the kind of thing the task asks for; the message says what it should be."""


class Layout(NamedTuple):
    """Which arguments and which outputs of a module have time as their first axis; where a framework puts the batch
    first, its driver exchanges the two."""

    arguments: Sequence[bool]
    outputs: Sequence[bool]


class Driver(Protocol):
    """What each framework's driver module offers. All arrays are NumPy's, time first.

    While the learner's code runs, ready-made recurrent layers are refused, and, but for modules, so is automatic
    differentiation: both raise Unsuitable.
    """

    MODULE_DTYPE: str
    """The floating-point type in which modules are run."""

    def function(self, answer: Any, arrays: Sequence[NDArray], symbols: Sequence[Sequence[str]] = ()) -> object:
        """answer(*arrays), each as `given`; tensors converted back to arrays wherever they stand in a tuple, list or
        dict. With `symbols`, the names that stand for each argument in a formula, `answer`, or what it returns, may be
        a SymPy expression; see `autograder.checks.drivers.symbolic`."""

    def pull_back(
        self,
        answer: Any,
        arrays: Sequence[NDArray],
        tracked: Sequence[int],
        upstreams: Sequence[NDArray],
    ) -> tuple[list[object], list[object]]:
        """The operation's outputs, one for each of `upstreams`, and the gradients that its hand-written backward
        gives for the arguments `tracked` when `upstreams` are sent back."""

    def module(
        self,
        answer: Any,
        sizes: Sequence[int],
        parameters: Mapping[str, NDArray],
        arrays: Sequence[NDArray],
        upstreams: Sequence[NDArray],
        layout: Layout,
    ) -> tuple[list[object], list[object]]:
        """Build the class with `sizes`, load `parameters` by name, run it: its outputs, and the gradient of each
        parameter as the framework finds it."""

    def train(self, answer: Any, arguments: Sequence[object], *, own_layers: bool) -> object:
        """answer(*arguments), arrays turned to tensors and everything else as it is; tensors in the result turned
        back. Automatic differentiation is allowed, and so are ready-made layers unless `own_layers`."""


def given(array: NDArray) -> Any:
    """What a function is given for an array: a plain number for one without axes, else the array."""
    return array.item() if array.ndim == 0 else array


def plain(returned: object) -> object:
    """A result whose parts have names, a mapping, dataclass or namespace, as a dict; anything else as it is."""
    if isinstance(returned, Mapping):
        return dict(returned)
    if dataclasses.is_dataclass(returned) and not isinstance(returned, type):
        return {field.name: getattr(returned, field.name) for field in dataclasses.fields(returned)}
    return dict(vars(returned)) if isinstance(returned, types.SimpleNamespace) else returned


_STACKED = ": steps belong stacked into one tensor, and the last state is not asked for"


def outputs_of(returned: object, count: int) -> list[object]:
    """The outputs of an operation or module that gives `count` of them, in a tuple or list or, if one, bare.

    Raises Unsuitable when they are not as many.
    """
    found = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    if len(found) != count:
        remark = _STACKED if count == 1 else ""
        raise Unsuitable(f"{count} output{'s' * (count > 1)} from the forward pass, got {len(found)}{remark}")
    return found


MODULE_DTYPES = {"numpy": "float64", "pytorch": "float64", "tensorflow": "float32"}
"""The floating-point type in which each framework's modules are run."""

PACKAGES = {"numpy": "numpy", "pytorch": "torch", "tensorflow": "tensorflow"}


def load(framework: str) -> Driver:
    """The driver of a framework, importing it. Raises ImportError when the framework is not installed."""
    return importlib.import_module(f"{__name__}.{framework}_driver")
