"""Vectors for ids: a table with one row for each id of the vocabulary."""

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, common_dtype, require, require_integers


def embedding_forward(ids: NDArray[np.integer], E: Array) -> Array:
    """x_t = E[id_t]: X (T, B, D), a copy of rows of E (N, D), from integer ids (T, B) in 0..N-1.

    The same as one-hot vectors times E. Padding needs an id in range too; any will do. Raises TypeError for ids
    that are no integers, ValueError for an id outside 0..N-1, naming it and its place (NumPy alone would
    let a negative id count from the end).
    """
    N, _ = require("E", E, ("N", "D")).shape
    return E[_require_ids(ids, N)]


def embedding_backward(dX: Array, ids: NDArray[np.integer], E: Array) -> Array:
    """dE (N, D): each row the sum of dx over all places where its id stands; from dX (T, B, D).

    E gives only the shape. Raises as the forward does, and for a dX of another shape or dtype than E's.
    """
    N, D = require("E", E, ("N", "D")).shape
    _require_ids(ids, N)
    require("dX", dX, (*ids.shape, D))
    common_dtype({"dX": dX, "E": E})
    dE = np.zeros((N, D), dX.dtype)
    np.add.at(dE, ids, dX)  # dE[ids] += dX would keep one of an id's contributions and lose the others
    return dE


def _require_ids(ids: object, N: int) -> NDArray[np.integer]:
    ids = require_integers("ids", ids)
    if ids.ndim != 2:
        raise ValueError(f"ids: expected shape (T, B), got {ids.shape}")
    outside = (ids < 0) | (ids >= N)
    if outside.any():
        t, b = (int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"ids: expected numbers from 0 to {N - 1}, got {ids[t, b]} at (t, b) = ({t}, {b})")
    return ids
