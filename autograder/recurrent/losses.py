"""Losses on the outputs of a recurrent network, each with its gradient."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, require, require_integers, require_mask


def softmax_cross_entropy(
    Y: Array,
    targets: NDArray[np.integer],
    mask: NDArray | None = None,
    reduction: Literal["sum", "mean"] = "mean",
) -> tuple[Array, Array]:
    """Cross-entropy of softmax(Y) against class numbers, and its gradient with respect to Y.

    Y (T, B, K) are logits, targets (T, B) integers in 0..K-1, mask (T, B) 1 where a step counts; where it is 0
    a target may be any integer. `reduction="mean"` divides by the number of steps that count (not by T·B),
    "sum" by nothing. Returns the loss in nats, a scalar of Y's dtype, and dY (T, B, K), zero where the mask
    is 0. Stable for logits of any size: the largest one is subtracted first. Raises TypeError and ValueError
    for arguments that do not fit, for a target outside 0..K-1, and for a mean when no step counts.
    """
    T, B, K = require("Y", Y, ("T", "B", "K")).shape
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected sum or mean, got {reduction!r}")
    on = require_mask(mask, T, B)
    counts = np.ones((T, B), bool) if on is None else on
    classes = _require_targets(targets, counts, K)[..., None]
    n = int(counts.sum()) if reduction == "mean" else 1
    if n == 0:
        raise ValueError("softmax_cross_entropy: mask is 0 everywhere, so the mean over its steps is undefined")
    shifted = Y - Y.real.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(log_p, classes, axis=-1)[..., 0]
    loss = -np.where(counts, picked, 0).sum() / n
    dY = np.exp(log_p)
    np.put_along_axis(dY, classes, np.take_along_axis(dY, classes, -1) - 1, -1)
    dY *= (counts / Y.real.dtype.type(n))[..., None]
    return loss, dY


def _require_targets(targets: object, counts: NDArray[np.bool_], K: int) -> NDArray[np.integer]:
    """The targets, with 0 where a step does not count."""
    targets = require_integers("targets", targets)
    if targets.shape != counts.shape:
        raise ValueError(f"targets: expected shape (T, B) = {counts.shape}, got {targets.shape}")
    outside = counts & ((targets < 0) | (targets >= K))
    if outside.any():
        t, b = (int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"targets: expected classes from 0 to {K - 1}, got {targets[t, b]} at (t, b) = ({t}, {b})")
    return np.where(counts, targets, 0)
