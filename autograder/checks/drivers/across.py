"""A driver put to work beside an answer that another process asks for; everything in and out is plain data."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from autograder.checks.drivers import Layout, Missing, load


def prepare(_answer: object, framework: str) -> None:
    """Import the framework's driver. Raises ImportError when the framework is not installed."""
    load(framework)


def function(answer: Any, framework: str, *arguments: Any) -> object:
    """The driver's `function`."""
    return load(framework).function(answer, *arguments)


def train(answer: Any, framework: str, arguments: Sequence[object], own_layers: bool) -> object:
    """The driver's `train`."""
    return load(framework).train(answer, arguments, own_layers=own_layers)


def pull_back(answer: Any, framework: str, *arguments: Any) -> tuple[list[object], list[object], list[object]]:
    """The driver's `pull_back`: outputs, gradients, and what is missing among them, see `without_missing`."""
    return without_missing(*load(framework).pull_back(answer, *arguments))


def module(
    answer: Any,
    framework: str,
    sizes: Sequence[int],
    parameters: Mapping[str, NDArray],
    arrays: Sequence[NDArray],
    upstreams: Sequence[NDArray],
    layout: tuple[Sequence[bool], Sequence[bool]],
) -> tuple[list[object], list[object], list[object]]:
    """The driver's `module`, as `pull_back`."""
    return without_missing(*load(framework).module(answer, sizes, parameters, arrays, upstreams, Layout(*layout)))


def without_missing(
    outputs: Sequence[object], gradients: Sequence[object]
) -> tuple[list[object], list[object], list[object]]:
    """Outputs and gradients with None for what is Missing, and (0 or 1, place, reason, shape) for each of these."""
    found: list[object] = []
    for which, values in enumerate((outputs, gradients)):
        found += [(which, i, v.reason, v.shape) for i, v in enumerate(values) if isinstance(v, Missing)]
    emptied = [[None if isinstance(v, Missing) else v for v in values] for values in (outputs, gradients)]
    return emptied[0], emptied[1], found
