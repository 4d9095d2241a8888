"""A question: the problems it draws, what it expects, and how an answer in each framework is called."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.checks.mistakes import Mistake, Variant


class Calling(Enum):
    """How an answer is put to work."""

    FUNCTION = "function"
    """Called with arrays; what it returns is compared."""
    PULL_BACK = "pull back"
    """A differentiable operation with a hand-written backward: called, then its gradients are compared."""
    MODULE = "module"
    """A class: built, given parameters, run, and differentiated by the framework."""


@dataclass(frozen=True)
class Problem:
    """One drawn problem.

    `given` names sizes and what is special about it, for a learner to read. `values` holds every array by
    the name the task uses; `expected` every output by name. `terms` is the length of the longest sum in the
    answer, from which the tolerance follows. Errors are relative to the largest expected magnitude of an
    output, or to `scales[output]` where that is larger: the size of the numbers that cancel in it. `sizes` are the
    numbers of steps, sequences and so on, by letter.
    """

    given: str
    values: Mapping[str, NDArray]
    expected: Mapping[str, NDArray]
    terms: int
    scales: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype:
        """The floating-point type the answer is to be computed in."""
        return next(v.dtype for v in self.values.values() if v.dtype.kind == "f")


@dataclass(frozen=True)
class Answer:
    """How one framework's answer to a question is called, and with what.

    `arguments` are names in `Problem.values`, in order. For PULL_BACK and MODULE, `upstream` names the gradients
    that are sent back, one for each output of the answer itself; in `outputs` these come first, then the gradients
    of the arguments in `tracked`, or of `parameters`. `time_first`: arguments whose first axis is time. `symbols`:
    where a SymPy expression will do, the names that stand for each argument in it: one, or one a block of its last
    axis.
    """

    calling: Calling
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    upstream: tuple[str, ...] = ()
    tracked: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    time_first: tuple[str, ...] = ("X", "mask")
    symbols: tuple[tuple[str, ...], ...] = ()


def function(arguments: tuple[str, ...], outputs: tuple[str, ...]) -> Answer:
    """A function of arrays or tensors."""
    return Answer(Calling.FUNCTION, arguments, outputs)


def formula(arguments: tuple[str, ...], output: str, **blocks: tuple[str, ...]) -> Answer:
    """A function of arrays or tensors, or a SymPy expression in its arguments; `blocks` names those of an argument."""
    symbols = tuple(blocks.get(name, (name,)) for name in arguments)
    return Answer(Calling.FUNCTION, arguments, (output,), symbols=symbols)


def pull_back(
    arguments: tuple[str, ...],
    output: str | tuple[str, ...],
    upstream: str | tuple[str, ...],
    gradients: tuple[str, ...],
) -> Answer:
    """An operation with a hand-written backward; the mask alone gets no gradient."""
    outputs = (output,) if isinstance(output, str) else output
    upstreams = (upstream,) if isinstance(upstream, str) else upstream
    tracked = tuple(a for a in arguments if a != "mask")
    return Answer(Calling.PULL_BACK, arguments, (*outputs, *gradients), upstreams, tracked)


def everywhere(answer: Answer) -> dict[str, Answer]:
    """The same answer in the three frameworks."""
    return dict.fromkeys(("numpy", "pytorch", "tensorflow"), answer)


@dataclass(frozen=True)
class Flow:
    """What autograd finds through a module: a NumPy function of `arguments` that gives `outputs`, the module's own and
    the gradients of its parameters, and the mistakes that leave the first right and cut off the second."""

    reference: Callable[..., Any]
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    mistakes: tuple[Mistake, ...]


Follows = Callable[[Mapping[str, NDArray], Mapping[str, NDArray], Callable[[object, NDArray], bool]], Mapping[str, str]]
"""Which outputs are wrong only because of another: (a problem's values, an answer's outputs, whether two are the same)
to {output: what it follows from}. Outputs that are no finite arrays of the right shape and type are left out."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    `advice` maps an output to what to look at when it is wrong in an unknown way ("" for any output). `see` is the
    label of an equation or section. `reference` is the answer as a NumPy function, of which `mistakes` are edits;
    it is called as the NumPy answer is.
    """

    name: str
    problems: Callable[[np.random.Generator], Iterator[Problem]]
    answers: Mapping[str, Answer]
    advice: Mapping[str, str] = field(default_factory=dict)
    see: str = ""
    in_time: frozenset[str] = frozenset()
    """Outputs whose first axis is time."""
    blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Outputs whose last axis is made of one block a gate: the gates' names, in order."""
    follows: Follows | None = None
    alone: Mapping[str, str] = field(default_factory=dict)
    """Advice on an output that is the only wrong one, where that says more than `advice` can."""
    free: frozenset[str] = frozenset()
    """Outputs that earn no part of the points by themselves: they are right without the idea that is asked for."""
    reference: Callable[..., Any] | None = None
    mistakes: tuple[Mistake, ...] = ()
    variants: tuple[Variant, ...] = ()
    flow: Flow | None = None

    @property
    def all_mistakes(self) -> tuple[Mistake, ...]:
        """The edits of the reference answer, and of what autograd finds through a module."""
        return (*self.mistakes, *(self.flow.mistakes if self.flow is not None else ()))


ALONE = {
    "dx": "δa is right, or the others would be wrong with it: look at dx = δa Wᵀ itself.",
    "dX": "Every δa_t is right, or the others would be wrong with it. Each dX[t] is δa_t Wᵀ, of its own step only.",
    "db": "δa is right, or the others would be wrong with it: db is its sum, over everything but its last axis.",
}
"""For a step or a walk back whose other gradients are right, with δa as one matrix of all gates."""


def relative_error(got: object, expected: NDArray, scale: float = 0.0) -> NDArray:
    """|got - expected|, relative to the largest expected magnitude, or to `scale` if larger, or to 1 if all is 0."""
    largest = max(float(np.abs(expected).max(initial=0.0)), scale) or 1.0
    return np.abs(np.asarray(got) - expected) / largest


def tolerance(dtype: np.dtype, terms: int) -> float:
    """The relative error an answer may have: 64 roundings for each term of its longest sum.

    Any sensible order of the same operations stays far below it (a pairwise or a plain sum of n terms errs
    by at most about n roundings); the smallest mistake in the catalogue is orders of magnitude above it.
    """
    return 64 * terms * float(np.finfo(dtype).eps)
