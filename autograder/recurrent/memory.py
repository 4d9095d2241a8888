"""Large arrays in memory that has been used before.

A fresh large array costs more than it seems: the operating system hands it over page by page, each page zeroed at
its first touch, and takes all of it back when the array is gone. For an LSTM's saved gates, 40 MB at T=64, B=64,
H=512, that is a tenth of the whole forward and backward pass. So blocks are kept here, and given out again once
no array refers to them.
"""

import math
import sys
import threading

import numpy as np

from autograder.recurrent.arrays import Array

_SMALL = 2**20  # bytes; below, the C library's allocator recycles well enough
_KEEP = 2**28  # bytes of free blocks kept at most
_blocks: list[np.ndarray] = []  # the most recently used last
_lock = threading.Lock()


def recycled(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """As np.empty(shape, dtype): values arbitrary, nobody else's.

    Every array and view made from a block holds a reference to it, so a block whose only references are those of
    this module is free. When a new one is needed, free blocks beyond 256 MB in all are let go, longest unused first.
    """
    size = math.prod(shape) * dtype.itemsize
    if size < _SMALL:
        return np.empty(shape, dtype)
    with _lock:
        # A free block has two references: the list's and getrefcount's own argument.
        free = [k for k in range(len(_blocks)) if sys.getrefcount(_blocks[k]) <= 2]
        match = next((k for k in reversed(free) if _blocks[k].nbytes == size), None)
        if match is not None:
            block = _blocks.pop(match)
        else:
            sizes = [_blocks[k].nbytes for k in free]
            for n, k in reversed(list(enumerate(free))):
                if sum(sizes[n:]) > _KEEP:
                    del _blocks[k]
            block = np.empty(size, np.uint8)
        _blocks.append(block)
        return block.view(dtype).reshape(shape)
