"""Softmax cross-entropy against PyTorch and complex step."""

import numpy as np
import pytest

from autograder.recurrent import softmax_cross_entropy


def draw(seed=0, T=4, B=3, K=5, scale=2.0):
    rng = np.random.default_rng(seed)
    mask = (rng.random((T, B)) < 0.6).astype(float)
    mask[0, 0] = 1
    return scale * rng.normal(size=(T, B, K)), rng.integers(K, size=(T, B)), mask


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("scale", [2.0, 1e4])
def test_against_pytorch(reduction, scale):
    import torch

    Y, targets, mask = draw(1, scale=scale)
    logits = torch.tensor(Y, requires_grad=True)
    on = torch.tensor(mask) != 0
    loss = torch.nn.functional.cross_entropy(logits[on], torch.tensor(targets)[on], reduction=reduction)
    (wanted,) = torch.autograd.grad(loss, logits)
    ours, dY = softmax_cross_entropy(Y, targets, mask, reduction)
    np.testing.assert_allclose(ours, loss.detach(), rtol=1e-12)
    np.testing.assert_allclose(dY, wanted, rtol=1e-10, atol=1e-14)
    assert not dY[mask == 0].any()


def test_gradient_against_complex_step():
    Y, targets, mask = draw(2)
    direction = np.random.default_rng(3).normal(size=Y.shape)
    loss, _ = softmax_cross_entropy(Y + 1e-30j * direction, targets, mask)
    _, dY = softmax_cross_entropy(Y, targets, mask)
    np.testing.assert_allclose((dY * direction).sum(), loss.imag / 1e-30, rtol=1e-12)


def test_no_mask_dtype_and_inputs():
    Y, targets, _ = draw(4)
    Y = Y.astype("float32")
    before = Y.copy()
    loss, dY = softmax_cross_entropy(Y, targets)
    assert loss.dtype == dY.dtype == np.float32
    np.testing.assert_array_equal(Y, before)
    np.testing.assert_allclose(dY.sum(), 0, atol=1e-6)  # p and the one-hot both sum to one


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_huge_logits_do_not_overflow_and_nothing_is_modified(dtype, reduction):
    """Logits of ±1e4, and ±1e30 in which the differences overflow no exponential."""
    for scale in (1e4, 1e30):
        Y, targets, mask = draw(8, scale=scale)
        given = Y.astype(dtype), targets, mask
        before = [a.copy() for a in given]
        with np.errstate(all="raise", under="ignore"):
            loss, dY = softmax_cross_entropy(*given, reduction)
            again, dY_again = softmax_cross_entropy(*given, reduction)
        assert np.isfinite(loss)
        assert np.isfinite(dY).all()
        assert loss.dtype == dY.dtype == np.dtype(dtype)
        assert loss == again
        np.testing.assert_array_equal(dY, dY_again)
        for a, b in zip(given, before, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_mean_over_nothing_is_refused():
    Y, targets, mask = draw(5)
    with pytest.raises(ValueError, match="mask is 0 everywhere"):
        softmax_cross_entropy(Y, targets, 0 * mask)
    loss, dY = softmax_cross_entropy(Y, targets, 0 * mask, reduction="sum")
    assert loss == 0
    assert not dY.any()


@pytest.mark.parametrize("padding", [-100, 10**6])
def test_targets_of_steps_that_do_not_count_may_be_anything(padding):
    Y, targets, mask = draw(6)
    wanted = softmax_cross_entropy(Y, targets, mask)
    padded = np.where(mask != 0, targets, padding)
    kept = padded.copy()
    for ours, theirs in zip(softmax_cross_entropy(Y, padded, mask), wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(padded, kept)


def test_one_step_one_sequence_one_class():
    loss, dY = softmax_cross_entropy(np.full((1, 1, 1), 3.0), np.zeros((1, 1), int))
    assert loss == 0
    assert not dY.any()
    loss, dY = softmax_cross_entropy(np.full((2, 1, 1), 3.0), np.array([[0], [-1]]), np.array([[1], [0]]))
    assert loss == 0
    assert not dY.any()


BAD = {
    "rank of Y": (lambda Y, t, m: (Y[0], t, m), ValueError, r"Y: expected shape \(T, B, K\), got \(3, 5\)"),
    "integer Y": (
        lambda Y, t, m: (Y.astype(int), t, m),
        TypeError,
        "Y: expected a floating-point array, got dtype int64",
    ),
    "a list": (lambda Y, t, m: (Y, t.tolist(), m), TypeError, "targets: expected an array of integers, got list"),
    "float targets": (
        lambda Y, t, m: (Y, t * 1.0, m),
        TypeError,
        "targets: expected an array of integers, got dtype float64",
    ),
    "shape of targets": (
        lambda Y, t, m: (Y, t.T, m),
        ValueError,
        r"targets: expected shape \(T, B\) = \(4, 3\), got \(3, 4\)",
    ),
    "class too large": (
        lambda Y, t, m: (Y, t + 5, None),
        ValueError,
        r"targets: expected classes from 0 to 4, got \d at \(t, b\) = \(0, 0\)",
    ),
    "class negative": (
        lambda Y, t, m: (Y, np.where(np.arange(12).reshape(4, 3) == 7, -1, t), 0 * m + 1),
        ValueError,
        r"targets: expected classes from 0 to 4, got -1 at \(t, b\) = \(2, 1\)",
    ),
    "shape of the mask": (lambda Y, t, m: (Y, t, m[1:]), ValueError, r"mask: expected shape \(T, B\) = \(4, 3\)"),
    "values of the mask": (lambda Y, t, m: (Y, t, m * 2), ValueError, "mask: expected zeros and ones"),
    "reduction": (lambda Y, t, m: (Y, t, m, "none"), ValueError, "reduction: expected sum or mean, got 'none'"),
}


@pytest.mark.parametrize(("spoil", "kind", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(spoil, kind, said):
    with pytest.raises(kind, match=said):
        softmax_cross_entropy(*spoil(*draw(7)))
