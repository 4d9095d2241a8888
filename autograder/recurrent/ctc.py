"""Connectionist temporal classification: the loss of a label sequence whose alignment to the steps is unknown.

At every step the network emits a label or a blank. A path of emissions spells the label sequence that is left
when runs of one symbol are merged and blanks then dropped: -aa-ab → aab. The loss is minus the log of the summed
probability of all paths that spell the target. Graves, Fernández, Gomez and Schmidhuber, ICML 2006.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, require, require_count, require_integers, require_mask


class CTC(NamedTuple):
    """loss (B,), one for each sequence; dY (T, B, K), whose dY[:, b] is the gradient of loss[b]."""

    loss: Array
    dY: Array


def ctc_loss(
    Y: Array,
    labels: NDArray[np.integer],
    label_lengths: NDArray[np.integer] | None = None,
    mask: NDArray | None = None,
    blank: int = 0,
) -> CTC:
    """The CTC loss in nats for each sequence of a batch, and its gradient with respect to the logits.

    Y (T, B, K) are logits; labels (B, S) integers in 0..K-1 and not `blank`, of which the first
    label_lengths[b] count (None: all; 0 is allowed); mask (T, B) is 1 where a step counts (None: all), for lengths
    n (B,) it is `np.arange(T)[:, None] < n`. Sum the losses and the dY, or weigh them by sequence, as you like.

    Where no path spells the labels (too few steps, and a repeated label needs a blank between) the loss is
    inf and its gradient 0, so that such a sequence teaches nothing; PyTorch's zero_infinity has the same gradient.
    Everything is summed in logarithms, in Y's dtype. Raises TypeError and ValueError, naming the argument.
    """
    T, B, K = require("Y", Y, ("T", "B", "K")).shape
    require_count("blank", blank, 0, K - 1)
    on = require_mask(mask, T, B)
    counts = np.ones((T, B), bool) if on is None else on
    lengths = _require_lengths(label_lengths, labels, B)
    symbols, skips, ends = _states(_require_labels(labels, lengths, K, blank), lengths, blank)
    with np.errstate(divide="ignore"):  # log 0 = -inf is the probability of what cannot happen
        shifted = Y - Y.real.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        emit = np.take_along_axis(log_p, np.broadcast_to(symbols, (T, *symbols.shape)), axis=-1)
        alpha = _forward(emit, skips, counts)
        beta = _backward(emit, skips, counts, ends)
        log_P = _log_sum(alpha[-1] + beta[-1])
        possible = np.isfinite(log_P)
        # γ_t(s), the probability that a path is in state s at step t, given that it spells the labels.
        gamma = np.exp(alpha[1:] + beta[1:] - np.where(possible, log_P, 0)[:, None])
    dY = np.exp(log_p)
    for s in range(symbols.shape[1]):
        here = symbols[:, s]
        dY[:, np.arange(B), here] -= gamma[:, :, s]
    dY[~counts | ~possible] = 0
    return CTC(-log_P, dY)


def _states(labels: NDArray, lengths: NDArray, blank: int) -> tuple[NDArray, NDArray, NDArray]:
    """The states of a path: blank, l_1, blank, l_2, …, l_S, blank; before the first step it is in the first.

    Returns, each (B, 2S+1): the symbol each state emits; whether it may be reached from two states before,
    passing over the blank (a label may, unless it repeats the label before); 0 where a path may end, after the
    last label or the blank behind it, and -inf elsewhere.
    """
    B, S = labels.shape
    symbols = np.full((B, 2 * S + 1), blank)
    symbols[:, 1::2] = labels
    skips = np.zeros(symbols.shape, bool)
    skips[:, 2:] = symbols[:, 2:] != symbols[:, :-2]  # a blank has a blank two states before
    last = 2 * lengths[:, None]
    s = np.arange(2 * S + 1)
    return symbols, skips, np.where((s == last) | (s == last - 1), 0.0, -np.inf)


def _forward(emit: Array, skips: NDArray, counts: NDArray) -> Array:
    """α_t(s) (T+1, B, 2S+1): the log probability of being in s after t steps. Masked steps carry α over.

    α_t(s) = emit_t(s) + log(e^α(s) + e^α(s-1) + e^α(s-2) where it may skip), α of t-1.
    """
    T, B, n = emit.shape
    alpha = np.full((T + 1, B, n), -np.inf, emit.dtype)
    alpha[0, :, 0] = 0
    for t in range(T):
        stay = alpha[t]
        step, skip = np.full_like(stay, -np.inf), np.full_like(stay, -np.inf)
        step[:, 1:] = stay[:, :-1]
        skip[:, 2:] = np.where(skips[:, 2:], stay[:, :-2], -np.inf)
        arrived = emit[t] + _log_sum(np.stack([stay, step, skip], axis=-1))
        alpha[t + 1] = np.where(counts[t, :, None], arrived, stay)
    return alpha


def _backward(emit: Array, skips: NDArray, counts: NDArray, ends: NDArray) -> Array:
    """β_t(s) (T+1, B, 2S+1): the log probability of all emissions after step t, from s to an end.

    The same moves as forward, seen from where they leave: β_t(s) sums emit_{t+1}(s') + β_{t+1}(s') over s' = s,
    s+1, and s+2 where that may be skipped to. So α_t + β_t is the log probability of all paths through s at t.
    """
    T, B, n = emit.shape
    beta = np.empty((T + 1, B, n), emit.dtype)
    beta[T] = ends
    for t in reversed(range(T)):
        stay = emit[t] + beta[t + 1]
        step, skip = np.full_like(stay, -np.inf), np.full_like(stay, -np.inf)
        step[:, :-1] = stay[:, 1:]
        skip[:, :-2] = np.where(skips[:, 2:], stay[:, 2:], -np.inf)
        beta[t] = np.where(counts[t, :, None], _log_sum(np.stack([stay, step, skip], axis=-1)), beta[t + 1])
    return beta


def _log_sum(a: Array) -> Array:
    """log Σ e^a over the last axis, with the largest taken out; -inf if all are. Fit for complex step."""
    largest = a.real.max(axis=-1, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)
    return np.log(np.exp(a - largest).sum(axis=-1)) + largest[..., 0]


def _require_lengths(lengths: object, labels: object, B: int) -> NDArray[np.integer]:
    labels = require_integers("labels", labels)
    if labels.ndim != 2 or len(labels) != B:
        raise ValueError(f"labels: expected shape (B, S) = ({B}, S), got {labels.shape}")
    S = labels.shape[1]
    if lengths is None:
        return np.full(B, S)
    lengths = require_integers("label_lengths", lengths)
    if lengths.shape != (B,):
        raise ValueError(f"label_lengths: expected shape (B,) = ({B},), got {lengths.shape}")
    outside = (lengths < 0) | (lengths > S)
    if outside.any():
        b = int(np.argmax(outside))
        raise ValueError(f"label_lengths: expected numbers from 0 to {S}, got {lengths[b]} at {b}")
    return lengths


def _require_labels(labels: NDArray, lengths: NDArray, K: int, blank: int) -> NDArray[np.integer]:
    """The labels, with the blank beyond each sequence's length."""
    inside = np.arange(labels.shape[1]) < lengths[:, None]
    wrong = inside & ((labels < 0) | (labels >= K) | (labels == blank))
    if wrong.any():
        b, i = (int(j) for j in np.argwhere(wrong)[0])
        raise ValueError(
            f"labels: expected classes from 0 to {K - 1} other than the blank {blank}, got {labels[b, i]} at ({b}, {i})"
        )
    return np.where(inside, labels, blank)
