"""NumPy: functions only; it has no modules and no automatic differentiation."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from autograder.checks.drivers import Unsuitable

MODULE_DTYPE = "float64"


def function(answer: Any, arrays: Sequence[NDArray]) -> object:
    """answer(*arrays)."""
    return answer(*arrays)


def pull_back(
    answer: Any, arrays: Sequence[NDArray], tracked: Sequence[int], upstream: NDArray
) -> tuple[object, list[object]]:
    """NumPy differentiates nothing: always Unsuitable."""
    raise Unsuitable("NumPy has no automatic differentiation to hook a backward into; ask for a function.")


def module(
    answer: Any,
    sizes: Sequence[int],
    parameters: Mapping[str, NDArray],
    arrays: Sequence[NDArray],
    upstream: NDArray,
) -> tuple[object, list[object]]:
    """NumPy has no modules: always Unsuitable."""
    raise Unsuitable("NumPy has no modules; ask for a function.")
