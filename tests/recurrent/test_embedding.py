"""Embeddings against PyTorch's, and against one-hot vectors times the table."""

import numpy as np
import pytest

from autograder.recurrent.embedding import embedding_backward, embedding_forward

N, D = 5, 3


def draw(seed=0, T=6, B=4, dtype="float64"):
    rng = np.random.default_rng(seed)
    ids = rng.integers(N - 1, size=(T, B))  # ids repeat, and the last one never comes
    return ids, rng.normal(size=(N, D)).astype(dtype), rng.normal(size=(T, B, D)).astype(dtype)


@pytest.mark.parametrize("sizes", [(6, 4), (1, 1), (1, 5), (7, 1)])
def test_against_pytorch(sizes):
    import torch

    ids, E, dX = draw(1, *sizes)
    table = torch.tensor(E, requires_grad=True)
    X = torch.nn.functional.embedding(torch.tensor(ids), table)
    (wanted,) = torch.autograd.grad(X, table, torch.tensor(dX))
    np.testing.assert_array_equal(embedding_forward(ids, E), X.detach())
    # Sums of at most T·B = 24 terms of unit size, in any order.
    np.testing.assert_allclose(embedding_backward(dX, ids, E), wanted, rtol=1e-13, atol=1e-14)


def test_repeated_ids_add_up_and_absent_ones_get_nothing():
    ids = np.array([[2, 2], [2, 0]])
    dE = embedding_backward(np.ones((2, 2, D)), ids, np.zeros((N, D)))
    np.testing.assert_array_equal(dE[:, 0], [1, 0, 3, 0, 0])


def test_one_hot_vectors_times_the_table():
    ids, E, dX = draw(2)
    one_hot = np.eye(N)[ids]
    np.testing.assert_array_equal(embedding_forward(ids, E), one_hot @ E)
    wanted = np.einsum("tbn,tbd->nd", one_hot, dX)
    np.testing.assert_allclose(embedding_backward(dX, ids, E), wanted, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_dtypes_are_kept_and_nothing_is_modified_or_shared(dtype, kind):
    ids, E, dX = draw(3, dtype=dtype)
    ids = ids.astype(kind)
    before = ids.copy(), E.copy(), dX.copy()
    X = embedding_forward(ids, E)
    assert X.dtype == embedding_backward(dX, ids, E).dtype == np.dtype(dtype)
    assert not np.shares_memory(X, E)
    for value, kept in zip((ids, E, dX), before, strict=True):
        np.testing.assert_array_equal(value, kept)


@pytest.mark.parametrize("wrong", [-1, N, 300])
def test_an_id_out_of_range_is_named_with_its_place(wrong):
    ids, E, dX = draw(4)
    ids[2, 3] = wrong
    for call in (lambda: embedding_forward(ids, E), lambda: embedding_backward(dX, ids, E)):
        with pytest.raises(ValueError, match=rf"ids: expected numbers from 0 to 4, got {wrong} at \(t, b\) = \(2, 3\)"):
            call()


def test_bad_input_is_named():
    ids, E, dX = draw(5)
    with pytest.raises(TypeError, match="ids: expected an array of integers, got dtype float64"):
        embedding_forward(ids.astype(float), E)
    with pytest.raises(TypeError, match="ids: expected an array of integers, got list"):
        embedding_forward(ids.tolist(), E)
    with pytest.raises(ValueError, match=r"ids: expected shape \(T, B\), got \(4,\)"):
        embedding_forward(ids[0], E)
    with pytest.raises(ValueError, match=r"E: expected shape \(N, D\), got \(3,\)"):
        embedding_forward(ids, E[0])
    with pytest.raises(TypeError, match="E: expected a floating-point array, got dtype int64"):
        embedding_forward(ids, E.astype(int))
    with pytest.raises(ValueError, match=r"dX: expected shape \(6, 4, 3\), got \(5, 4, 3\)"):
        embedding_backward(dX[1:], ids, E)
