"""Recycled memory is never shared by two arrays that are alive, and is let go when sizes change."""

import gc

import numpy as np

from autograder.recurrent import memory
from autograder.recurrent.memory import recycled

F32 = np.dtype("float32")
LARGE = (3, 2**18)  # 3 MB of float32


def address(a):
    return a.__array_interface__["data"][0]


def test_memory_is_used_again_once_nothing_refers_to_it():
    first = recycled(LARGE, F32)
    where = address(first)
    del first
    gc.collect()
    assert address(recycled((2**18, 3), F32)) == where


def test_memory_in_use_is_left_alone_whatever_refers_to_it():
    base = recycled(LARGE, F32)
    holders = [base[1:], base.reshape(-1)[5:].view("int32"), memoryview(base), base.T[::2]]
    del base
    for k in range(len(holders)):
        other = recycled(LARGE, F32)
        other[:] = k
        assert not any(np.shares_memory(other, np.asarray(h)) for h in holders)
        del other
    assert all(np.asarray(h).size for h in holders)


def test_small_arrays_and_empty_ones_are_ordinary():
    held = len(memory._blocks)
    assert recycled((2, 3), F32).shape == (2, 3)
    assert recycled((0, 2**20), F32).size == 0
    assert len(memory._blocks) == held


def test_two_arrays_of_one_size_are_two():
    one, two = recycled(LARGE, F32), recycled(LARGE, F32)
    assert not np.shares_memory(one, two)
    assert (one.dtype, one.flags.c_contiguous, one.flags.writeable) == (F32, True, True)


def test_what_is_kept_has_a_bound_and_the_longest_unused_goes_first(monkeypatch):
    memory._blocks.clear()
    monkeypatch.setattr(memory, "_KEEP", 20 * 2**20)
    in_use = recycled((30, 2**18), F32)  # 30 MB; what is in use is not counted
    for n in (1, 2, 3, 4, 5, 6, 1, 7):
        recycled((n, 2**18), F32)
    held = [block.nbytes // 2**20 for block in memory._blocks]
    assert held == [30, 3, 4, 5, 6, 1, 7]  # before 7 came, 2 to 6 and 1 made 21
    assert in_use.nbytes == 30 * 2**20
