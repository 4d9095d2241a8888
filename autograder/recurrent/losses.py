"""Losses on the outputs of a recurrent network, each with its gradient."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.inexact]


def softmax_cross_entropy(
    Y: Array,
    targets: NDArray[np.integer],
    mask: NDArray | None = None,
    reduction: Literal["sum", "mean"] = "mean",
) -> tuple[Array, Array]:
    """Cross-entropy of softmax(Y) against class numbers, and its gradient with respect to Y.

    Y (T, B, K) are logits, targets (T, B) integers in 0..K-1, mask (T, B) 1 where a step counts.
    `reduction="mean"` divides by the number of steps that count (not by T·B), "sum" by nothing.
    Returns the loss in nats, a scalar of Y's dtype, and dY (T, B, K), zero where the mask is 0.
    Stable for logits of any size: the largest one is subtracted first. Raises ValueError when a mean is
    asked for and no step counts.
    """
    counts = np.ones(targets.shape, bool) if mask is None else np.asarray(mask) != 0
    n = int(counts.sum()) if reduction == "mean" else 1
    if n == 0:
        raise ValueError("softmax_cross_entropy: mask is 0 everywhere, so the mean over its steps is undefined")
    shifted = Y - Y.real.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]
    loss = -np.where(counts, picked, 0).sum() / n
    dY = np.exp(log_p)
    np.put_along_axis(dY, targets[..., None], np.take_along_axis(dY, targets[..., None], -1) - 1, -1)
    dY *= (counts / Y.real.dtype.type(n)).astype(Y.real.dtype)[..., None]
    return loss.astype(Y.dtype), dY
