"""What people get wrong in turning sequences of unequal length round."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_RHO = "np.where(t < lengths, lengths - 1 - t, t)"
_GATHER = "return X[rho, np.arange(B)]"
_GATHER_TF = "return tf.gather_nd(X, tf.stack([rho, beta], axis=-1))"

REVERSE_BY_LENGTH = (
    Mistake(
        "whole-array-flipped",
        _RHO,
        "T - 1 - t + 0 * lengths",
        "The whole array is flipped, so that the padding of a short sequence comes first. Reverse its items, and leave "
        "the padding at the end.",
        "eq-bi-rho",
    ),
    Mistake(
        "all-axes-flipped",
        _GATHER,
        "return X[::-1, ::-1, ::-1]",
        "Batch and features are flipped along with time, as by a flip that was told no axis. Only the order of the "
        "steps changes, and by length.",
        "eq-bi-rho",
        elsewhere={
            "pytorch": ("return X[rho, torch.arange(B, device=X.device)]", "return torch.flip(X, (0, 1, 2))"),
            "tensorflow": (_GATHER_TF, "return X[::-1, ::-1, ::-1]"),
        },
    ),
    Mistake(
        "batch-taken-for-time",
        _GATHER,
        "return X[:, ::-1]",
        "The sequences of the batch change places and the steps stay in order. Time is the first axis, the batch the "
        "second.",
        "eq-bi-rho",
        elsewhere={
            "pytorch": ("return X[rho, torch.arange(B, device=X.device)]", "return torch.flip(X, (1,))"),
            "tensorflow": (_GATHER_TF, "return X[:, ::-1]"),
        },
    ),
    Mistake(
        "one-step-too-many",
        "t < lengths",
        "t <= lengths",
        "The first padded step is treated as an item: from it, ℓ − 1 − t counts round to the end of the array. "
        "Counting from 0, the items are the steps with t < ℓ.",
        "eq-bi-rho",
        elsewhere={"tensorflow": None},  # gather refuses a negative index
    ),
    Mistake(
        "last-item-left-in-place",
        "t < lengths",
        "t < lengths - 1",
        "The last item of each sequence stays where it is, and the first is lost. Counting from 0, the items are the "
        "steps with t < ℓ.",
        "eq-bi-rho",
    ),
    Mistake(
        "last-item-left-out",
        "lengths - 1 - t, t)",
        "lengths - 2 - t, t)",
        "The reversed sequence begins with the item before the last. Counting from 0, the last of ℓ items is at ℓ − 1, "
        "so step t takes the item at ℓ − 1 − t.",
        "eq-bi-rho",
        elsewhere={"tensorflow": None},  # gather refuses a negative index
    ),
    Mistake(
        "padding-reversed-too",
        "lengths - 1 - t, t)",
        "lengths - 1 - t, T - 1 - t + lengths)",
        "The items are reversed as they should be, and so is the padding among itself. It stays where it is, or a "
        "second reversal would be needed for it as well.",
        "eq-bi-rho",
    ),
    Mistake(
        "padding-zeroed",
        _GATHER,
        "return X[rho, np.arange(B)] * (t < lengths).astype(X.dtype)[..., None]",
        "The padding is replaced by zeros. A reversal moves steps and changes none: what stands behind a sequence's "
        "end stays there.",
        "eq-bi-rho",
        elsewhere={
            "pytorch": (
                "return X[rho, torch.arange(B, device=X.device)]",
                "return X[rho, torch.arange(B, device=X.device)] * (t < lengths).unsqueeze(-1)",
            ),
            "tensorflow": (_GATHER_TF, f"{_GATHER_TF} * tf.cast(t < lengths, X.dtype)[..., None]"),
        },
    ),
    Mistake(
        "one-length-for-all",
        "rho = ",
        "lengths = lengths[0] + 0 * lengths\n    rho = ",
        "The first sequence's length is used for the whole batch. Each sequence is reversed within its own.",
        "eq-bi-rho",
    ),
    Mistake(
        "not-reversed",
        "lengths - 1 - t, t)",
        "t + 0 * lengths, t)",
        "Nothing has moved. Of ℓ items, the one at step t changes places with the one at ℓ − 1 − t, counting from 0.",
        "eq-bi-rho",
    ),
    Mistake(
        "rotated",
        "lengths - 1 - t, t)",
        "(t + 1) % lengths, t)",
        "The items are shifted by one and keep their order. A reversal takes them from the last to the first.",
        "eq-bi-rho",
        elsewhere={"tensorflow": ("lengths - 1 - t, t)", "(t + 1) % tf.maximum(lengths, 1), t)")},
    ),
    Mistake(
        "argument-changed",
        _GATHER,
        "X[...] = X[rho, np.arange(B)]\n    return X",
        "The caller's X is overwritten with its reversal.",
        elsewhere={
            "pytorch": (
                "return X[rho, torch.arange(B, device=X.device)]",
                "return X.copy_(X[rho, torch.arange(B, device=X.device)])",
            ),
            "tensorflow": None,
        },
    ),
    Mistake(
        "double-precision",
        _GATHER,
        "return np.zeros(X.shape) + X[rho, np.arange(B)]",
        "The result is float64 whatever X is: np.zeros and np.empty make float64. Give them the dtype of X, or use "
        "np.empty_like.",
        elsewhere=HERE_ONLY,
    ),
)
