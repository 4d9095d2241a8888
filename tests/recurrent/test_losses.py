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


def test_a_mean_over_nothing_is_refused():
    Y, targets, mask = draw(5)
    with pytest.raises(ValueError, match="mask is 0 everywhere"):
        softmax_cross_entropy(Y, targets, 0 * mask)
    loss, dY = softmax_cross_entropy(Y, targets, 0 * mask, reduction="sum")
    assert loss == 0
    assert not dY.any()
