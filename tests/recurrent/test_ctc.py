"""CTC against an enumeration of all paths, PyTorch's ctc_loss, and complex step."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent.ctc import ctc_loss

# Logarithms of sums of positive float64 terms: no cancellation, so a few units in the last place of the loss,
# and as much, absolutely, in the gradient, whose entries are differences of probabilities.
CLOSE = {"rtol": 1e-12, "atol": 1e-13}


def draw(seed=0, T=7, B=5, K=4, S=3, blank=0, scale=2.0):
    rng = np.random.default_rng(seed)
    others = np.array([k for k in range(K) if k != blank])
    labels = others[rng.integers(K - 1, size=(B, S))]
    return scale * rng.normal(size=(T, B, K)), labels, rng.integers(0, S + 1, size=B)


def all_paths(Y, label, blank):
    """-log of the summed probability of every path that spells `label`; Y (T, K), one sequence."""
    log_p = Y - np.log(np.exp(Y).sum(axis=-1, keepdims=True))
    total = 0.0
    for path in product(range(Y.shape[1]), repeat=len(Y)):
        if [symbol for symbol, _ in groupby(path) if symbol != blank] == list(label):
            total = total + np.exp(sum(log_p[t, k] for t, k in enumerate(path)))
    return -np.log(total) if total != 0 else np.inf


LABELS = {"empty": [], "one": [1], "two": [1, 2], "repeated": [2, 2], "longer": [1, 2, 1], "repeated twice": [1, 1, 1]}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("T", [1, 2, 4, 5])
@pytest.mark.parametrize("blank", [0, 3])
def test_against_an_enumeration_of_all_paths(label, T, blank):
    """Loss and every entry of the gradient (complex step through the enumeration); K = 4, at most 1,024 paths."""
    label = [k - (blank == 3) for k in label]
    Y = np.random.default_rng(T).normal(size=(T, 1, 4))
    labels = np.array([label], dtype=int).reshape(1, -1)
    found = ctc_loss(Y, labels, blank=blank)
    np.testing.assert_allclose(found.loss[0], all_paths(Y[:, 0], label, blank), **CLOSE)
    if np.isinf(found.loss[0]):
        assert not found.dY.any()
    elif T <= 4:
        for t, k in np.ndindex(T, 4):
            moved = Y[:, 0].astype(complex)
            moved[t, k] += 1e-30j
            np.testing.assert_allclose(found.dY[t, 0, k], all_paths(moved, label, blank).imag / 1e-30, **CLOSE)


def test_masked_steps_are_as_good_as_absent():
    """Gaps, an empty sequence with and without labels: each sequence equals its counted steps alone."""
    Y, labels, lengths = draw(1, T=6, B=6)
    mask = np.random.default_rng(2).random((6, 6)) < 0.6
    mask[:, 0] = mask[:, 1] = False
    lengths[0], lengths[1] = 0, 2
    mask[0, 2], mask[:3, 3] = False, False
    found = ctc_loss(Y, labels, lengths, mask)
    assert found.loss[0] == 0  # no step spells no label with certainty
    assert found.loss[1] == np.inf
    for b in range(2, 6):
        on = mask[:, b]
        alone = ctc_loss(Y[on, b : b + 1], labels[b : b + 1], lengths[b : b + 1])
        np.testing.assert_allclose(found.loss[b], alone.loss[0], **CLOSE)
        np.testing.assert_allclose(found.dY[on, b], alone.dY[:, 0], **CLOSE)
    assert not found.dY[~mask].any()


@pytest.mark.parametrize(
    "sizes", [(7, 5, 4, 3), (12, 6, 5, 4), (4, 3, 4, 2), (5, 1, 3, 2), (1, 1, 2, 1), (30, 4, 6, 12)]
)
@pytest.mark.parametrize("last", [False, True])
def test_against_pytorch(sizes, last):
    """Values and gradients through log_softmax in float64; lengths, repeated and empty labels, blank first or last."""
    import torch

    T, B, K, S = sizes
    blank = K - 1 if last else 0
    Y, labels, lengths = draw(3, *sizes, blank=blank)
    labels[0] = labels[0, 0]  # one label, repeated
    steps = np.random.default_rng(4).integers(1, T + 1, size=B)
    steps[0] = T
    lengths[0] = S
    if B > 2:
        lengths[-1] = 0
        steps[1], lengths[1] = S - 1, S  # impossible
    logits = torch.tensor(Y, requires_grad=True)
    theirs = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1), torch.tensor(labels), torch.tensor(steps), torch.tensor(lengths), blank, "none"
    )
    zeroed = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1), torch.tensor(labels), torch.tensor(steps), torch.tensor(lengths), blank, "none", True
    )
    weights = np.arange(1.0, B + 1)  # each sequence's own, so that a gradient in the wrong column shows
    (wanted,) = torch.autograd.grad((zeroed * torch.tensor(weights)).sum(), logits)
    found = ctc_loss(Y, labels, lengths, np.arange(T)[:, None] < steps, blank)
    assert np.isinf(found.loss[1]) if B > 2 else np.isfinite(found.loss).all()
    np.testing.assert_allclose(found.loss, theirs.detach(), **CLOSE)
    np.testing.assert_allclose(found.dY * weights[:, None], wanted, rtol=1e-10, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 8), B=st.integers(1, 4), S=st.integers(0, 4))
def test_gradient_against_complex_step_and_properties(seed, T, B, S):
    Y, labels, lengths = draw(seed, T, B, 4, S)
    rng = np.random.default_rng(seed)
    mask = rng.random((T, B)) < 0.8
    direction = rng.normal(size=Y.shape)
    found = ctc_loss(Y, labels, lengths, mask)
    slopes = ctc_loss(Y + 1e-30j * direction, labels, lengths, mask).loss.imag / 1e-30
    np.testing.assert_allclose((found.dY * direction).sum(axis=(0, 2)), slopes, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.dY.sum(axis=-1), 0, atol=1e-13)  # a constant added to all logits changes nothing

    order = rng.permutation(B)
    shuffled = ctc_loss(Y[:, order], labels[order], lengths[order], mask[:, order])
    np.testing.assert_allclose(shuffled.loss, found.loss[order], **CLOSE)
    np.testing.assert_allclose(shuffled.dY, found.dY[:, order], **CLOSE)

    longer = np.concatenate([Y, 9 * rng.normal(size=(2, B, 4))])
    wider = np.concatenate([labels, np.full((B, 2), -7)], axis=1)  # beyond label_lengths anything may stand
    padded = ctc_loss(longer, wider, lengths, np.concatenate([mask, np.zeros((2, B), bool)]))
    np.testing.assert_allclose(padded.loss, found.loss, **CLOSE)
    np.testing.assert_allclose(padded.dY[:T], found.dY, **CLOSE)
    assert not padded.dY[T:].any()


def test_probabilities_of_all_label_sequences_add_up_to_one():
    """Over T = 3 steps and two labels: Σ exp(-loss) = 1."""
    Y = np.random.default_rng(5).normal(size=(3, 1, 3))
    every = [list(label) for S in range(4) for label in product([1, 2], repeat=S)]
    total = sum(np.exp(-ctc_loss(Y, np.array([label], dtype=int).reshape(1, -1)).loss[0]) for label in every)
    np.testing.assert_allclose(total, 1, rtol=1e-14)


def test_impossible_alignments_are_infinite_and_teach_nothing():
    """Three labels need three steps, two equal labels a blank between them; the other sequence is as if alone."""
    Y, _, _ = draw(6, T=2, B=4)
    labels = np.array([[1, 2, 3], [1, 1, 0], [1, 2, 0], [3, 0, 0]])
    found = ctc_loss(Y, labels, np.array([3, 2, 2, 1]))
    np.testing.assert_array_equal(np.isinf(found.loss), [True, True, False, False])
    assert not found.dY[:, :2].any()
    np.testing.assert_allclose(found.dY[:, 2:], ctc_loss(Y[:, 2:], labels[2:], np.array([2, 1])).dY, **CLOSE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_nothing_is_modified_or_overflows(dtype):
    Y, labels, lengths = draw(7, T=9)
    Y = (Y * 1e4).astype(dtype)
    mask = np.ones((9, 5))
    before = [a.copy() for a in (Y, labels, lengths, mask)]
    with np.errstate(all="raise", under="ignore"):
        found = ctc_loss(Y, labels, lengths, mask)
        again = ctc_loss(Y, labels, lengths)
        assert np.isinf(ctc_loss(Y[:1], labels).loss).all()
    assert found.loss.dtype == found.dY.dtype == np.dtype(dtype)
    assert np.isfinite(found.loss).all()
    assert np.isfinite(found.dY).all()
    np.testing.assert_array_equal(found.dY, again.dY)
    for value, kept in zip((Y, labels, lengths, mask), before, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_a_long_sequence_does_not_underflow():
    """1,000 steps of probability about 1/50: the product is below the smallest float64, its logarithm is not."""
    import torch

    Y, labels, lengths = draw(8, T=1000, B=2, K=50, S=100)
    lengths[:] = 100
    theirs = torch.nn.functional.ctc_loss(
        torch.tensor(Y).log_softmax(-1), torch.tensor(labels), torch.tensor([1000, 1000]), torch.tensor(lengths),
        reduction="none",
    )  # fmt: skip
    found = ctc_loss(Y, labels)
    assert (found.loss > 745).all()
    np.testing.assert_allclose(found.loss, theirs, rtol=1e-11)


BAD = {
    "rank of Y": (lambda p: p | {"Y": p["Y"][0]}, ValueError, r"Y: expected shape \(T, B, K\), got \(5, 4\)"),
    "integer Y": (lambda p: p | {"Y": p["Y"].astype(int)}, TypeError, "Y: expected a floating-point array"),
    "blank": (lambda p: p | {"blank": 4}, ValueError, "blank: expected a whole number from 0 to 3, got 4"),
    "list of labels": (lambda p: p | {"labels": [[1]]}, TypeError, "labels: expected an array of integers, got list"),
    "float labels": (lambda p: p | {"labels": p["labels"] * 1.0}, TypeError, "labels: .* got dtype float64"),
    "batch of labels": (
        lambda p: p | {"labels": p["labels"][1:]},
        ValueError,
        r"labels: expected shape \(B, S\) = \(5, S\), got \(4, 3\)",
    ),
    "rank of labels": (lambda p: p | {"labels": p["labels"][:, 0]}, ValueError, r"labels: expected shape"),
    "blank in labels": (
        lambda p: p | {"labels": p["labels"] * 0, "label_lengths": np.array([0, 0, 0, 2, 1])},
        ValueError,
        r"labels: expected classes from 0 to 3 other than the blank 0, got 0 at \(3, 0\)",
    ),
    "label too large": (lambda p: p | {"labels": p["labels"] * 0 + 4}, ValueError, "labels: expected classes .* got 4"),
    "label negative": (lambda p: p | {"labels": p["labels"] * 0 - 1}, ValueError, "labels: expected classes .* got -1"),
    "kind of lengths": (lambda p: p | {"label_lengths": [1] * 5}, TypeError, "label_lengths: .* got list"),
    "float lengths": (lambda p: p | {"label_lengths": np.ones(5)}, TypeError, "label_lengths: .* got dtype float64"),
    "shape of lengths": (
        lambda p: p | {"label_lengths": np.ones(4, int)},
        ValueError,
        r"label_lengths: expected shape \(B,\) = \(5,\), got \(4,\)",
    ),
    "length too large": (
        lambda p: p | {"label_lengths": np.array([1, 1, 4, 1, 1])},
        ValueError,
        "label_lengths: expected numbers from 0 to 3, got 4 at 2",
    ),
    "length negative": (
        lambda p: p | {"label_lengths": np.array([1, -1, 1, 1, 1])},
        ValueError,
        "label_lengths: .* got -1 at 1",
    ),
    "mask": (lambda p: p | {"mask": np.ones((5, 7))}, ValueError, r"mask: expected shape \(T, B\) = \(7, 5\)"),
}


@pytest.mark.parametrize(("spoil", "kind", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_named(spoil, kind, said):
    Y, labels, _ = draw(9)
    with pytest.raises(kind, match=said):
        ctc_loss(**spoil({"Y": Y, "labels": labels}))
