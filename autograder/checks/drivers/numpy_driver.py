"""NumPy: functions only; it has no modules and no automatic differentiation."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from autograder.checks.drivers import MODULE_DTYPES, Layout, Unsuitable, given, plain
from autograder.checks.drivers.symbolic import Symbols, as_function

MODULE_DTYPE = MODULE_DTYPES["numpy"]


def function(answer: Any, arrays: Sequence[NDArray], symbols: Symbols = ()) -> object:
    """answer(*arrays), numbers as they are; formulas in `symbols` evaluated."""
    return plain(as_function(answer, symbols, arrays)(*map(given, arrays)))


def pull_back(
    answer: Any, arrays: Sequence[NDArray], tracked: Sequence[int], upstreams: Sequence[NDArray]
) -> tuple[list[object], list[object]]:
    """NumPy differentiates nothing: always Unsuitable."""
    raise Unsuitable("NumPy has no automatic differentiation to hook a backward into; ask for a function.")


def module(
    answer: Any,
    sizes: Sequence[int],
    parameters: Mapping[str, NDArray],
    arrays: Sequence[NDArray],
    upstreams: Sequence[NDArray],
    layout: Layout,
) -> tuple[list[object], list[object]]:
    """NumPy has no modules: always Unsuitable."""
    raise Unsuitable("NumPy has no modules; ask for a function.")


def train(answer: Any, arguments: Sequence[object], *, own_layers: bool) -> object:
    """answer(*arguments)."""
    return answer(*arguments)
