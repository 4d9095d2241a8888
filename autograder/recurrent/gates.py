"""Gated layers keep their gates side by side in one matrix; here is how they take them apart, and multiply quickly.

In the course's layout the n gates of a matrix (·, nH) are column blocks, which is what a product wants. Element-wise
NumPy wants one contiguous block a gate and runs two to three times as fast on it. So layers multiply in the one
layout and squash in the other, *gate first*: (n, ·, H).
"""

from collections.abc import Iterator

import numpy as np

from autograder.recurrent.arrays import Array


def by_gate(blocks: Array, n: int) -> Array:
    """Column blocks (..., nH) as (n, ..., H): the same memory, gate first."""
    split = blocks.reshape(*blocks.shape[:-1], n, -1)
    return split.transpose(split.ndim - 2, *range(split.ndim - 2), split.ndim - 1)


def to_sigmoid(*tanh: Array) -> None:
    """Turn tanh(½a) into σ(a) = ½ tanh(½a) + ½, in place. (The inner ½ is folded into the weights beforehand.)"""
    for gate in tanh:
        half = gate.real.dtype.type(0.5)
        gate *= half
        gate += half


def column_blocks(M: Array, rows: int) -> Array:
    """M (K, N), to be multiplied by `rows` rows many times, as (n, K, N/n): n blocks of columns, each contiguous.

    OpenBLAS multiplies up to 10⁶ scalar products without first copying its operands into another layout, which
    for the few rows of a time step costs as much as the product. So: the widest blocks that stay below, else M whole.
    """
    K, N = M.shape
    width = next((w for w in (64, 32) if N % w == 0 and rows * K * w <= 10**6), N)
    return np.ascontiguousarray(by_gate(M, N // width))


def transposed(M: Array) -> Array:
    """A contiguous copy of Mᵀ, strip by strip: for a large M four times as fast as copying it in one go."""
    out = np.empty(M.shape[::-1], M.dtype)
    for k in range(0, len(M), 32):
        out[:, k : k + 32] = M[k : k + 32].T
    return out


def chunks(T: int, B: int, H: int) -> Iterator[slice]:
    """The T steps in runs whose products have max(512, 8H) rows (steps × B).

    Enough that a product runs at full speed and that adding up dW and dU, once a run, costs little beside it; few
    enough that what it reads and writes is still in the cache when the steps use it.
    """
    steps = max(1, max(512, 8 * H) // max(1, B))
    for first in range(0, T, steps):
        yield slice(first, min(first + steps, T))
