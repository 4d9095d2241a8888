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
_blocks: list[np.ndarray] = []
_lock = threading.Lock()


def recycled(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """As np.empty(shape, dtype): values arbitrary, nobody else's.

    Every array and view made from a block holds a reference to it, so a block whose only references are those of
    this module is free. Free blocks of other sizes are let go, so no more is held than the last passes used.
    """
    size = math.prod(shape) * dtype.itemsize
    if size < _SMALL:
        return np.empty(shape, dtype)
    with _lock:
        # Two references at least: the list's and getrefcount's own argument.
        free = [k for k in range(len(_blocks)) if sys.getrefcount(_blocks[k]) <= 2]
        match = next((k for k in free if _blocks[k].nbytes == size), None)
        if match is not None:
            return _blocks[match].view(dtype).reshape(shape)
        for k in reversed(free):
            del _blocks[k]
        _blocks.append(np.empty(size, np.uint8))
        return _blocks[-1].view(dtype).reshape(shape)
