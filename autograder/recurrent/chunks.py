"""A layer run over consecutive chunks of a sequence: the ground truncation and checkpointing stand on."""

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import TypeVar

from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, require
from autograder.recurrent.layer import Layer, Run, require_layer

Key = TypeVar("Key", bound=Hashable)


def require_causal(layer: Layer) -> None:
    """Refuse a layer that looks ahead (`Layer.causal`): its run over a sequence is not its runs over the chunks."""
    require_layer("layer", layer)
    if not layer.causal:
        raise ValueError(
            f"layer: expected one that reads forward only, got {type(layer).__name__}, whose outputs depend on later "
            "steps; wrap its forward and its backward layer instead"
        )


def run_chunk(layer: Layer, X: Array, state: Sequence[Array], mask: NDArray | None, start: int, stop: int) -> Run:
    """The layer's run over the steps start, …, stop-1 of X and mask, from `state`."""
    return layer.forward(X[start:stop], state, None if mask is None else mask[start:stop])


def run_chunks(layer: Layer, X: Array, state: Sequence[Array], mask: NDArray | None, cuts: Sequence[int]) -> list[Run]:
    """The runs between consecutive cuts, each from the state in which the one before ended."""
    runs = []
    for start, stop in pairwise(cuts):
        runs.append(run_chunk(layer, X, state, mask, start, stop))
        state = runs[-1].state
    return runs


def require_steps(X: Array, D: int) -> tuple[int, int]:
    """(T, B) of X (T, B, D), which must hold at least one step."""
    T, B, _ = require("X", X, ("T", "B", D)).shape
    if T == 0:
        raise ValueError("X: expected at least one step, got T = 0")
    return T, B


def add_to(total: dict[Key, Array], more: dict[Key, Array]) -> dict[Key, Array]:
    """The entries of both, added where both have one. Neither is changed."""
    return total | {key: total[key] + value if key in total else value for key, value in more.items()}
