"""What people get wrong in saying one thing about a padded sequence: its last state, the mean of its states."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_RETURN = "return np.where((lengths > 0)[:, None], last, np.zeros_like(last))"
_END = "np.maximum(lengths, 1) - 1"

LAST_STATE = (
    Mistake(
        "end-of-the-array",
        _RETURN,
        "return H[-1]",
        "This is H[-1], the last row of the array: padding for every name that is not the longest. Each name has a "
        "last letter of its own.",
        "eq-deep-gather",
    ),
    Mistake(
        "first-letter",
        _END,
        "0 * lengths",
        "This is the state after the first letter. Which one has read the whole name?",
        "eq-deep-gather",
    ),
    Mistake(
        "one-step-early",
        _END,
        "np.maximum(lengths, 2) - 2",
        "The state is taken before the last letter has been read. Counting from 0, the last of ℓ letters is at ℓ − 1.",
        "eq-deep-gather",
    ),
    Mistake(
        "one-step-late",
        _END,
        "np.minimum(lengths, len(H) - 1)",
        "The state is taken one step behind the name's end, in the padding. Counting from 0, the last of ℓ letters is "
        "at ℓ − 1.",
        "eq-deep-gather",
        elsewhere={"pytorch": ("torch.clamp(lengths, min=1) - 1", "torch.clamp(lengths, max=len(H) - 1)")},
    ),
    Mistake(
        "one-length-for-all",
        _END,
        "0 * lengths + np.maximum(lengths[0], 1) - 1",
        "All names are read at the first name's last letter. Each has a length of its own.",
        "eq-deep-gather",
    ),
    Mistake(
        "empty-from-the-other-end",
        _RETURN,
        "return H[lengths - 1, np.arange(B)]",
        "For an empty name ℓ − 1 is −1, which Python counts from the array's end. An empty name has no state: give "
        "zeros.",
        "eq-deep-gather",
        elsewhere={
            "pytorch": (
                "return torch.where((lengths > 0)[:, None], last, torch.zeros_like(last))",
                "return H[lengths - 1, torch.arange(B, device=H.device)]",
            ),
            "tensorflow": None,  # gather refuses a negative index
        },
    ),
    Mistake(
        "empty-as-one-letter",
        _RETURN,
        "return last",
        "An empty name gets the state after one step of padding. It has no letter and no state: give zeros.",
        "eq-deep-gather",
    ),
    Mistake(
        "mean-of-all-steps",
        _RETURN,
        "return H.mean(axis=0)",
        "This is the mean over all steps. Asked for is a single state, the one after the last letter.",
        "eq-deep-gather",
    ),
    Mistake(
        "sum-of-all-steps",
        _RETURN,
        "return H.sum(axis=0)",
        "This is the sum over all steps, padding included. Asked for is a single state, the one after the last letter.",
        "eq-deep-gather",
    ),
    Mistake(
        "largest-over-time",
        _RETURN,
        "return H.max(axis=0)",
        "This is the largest value of each unit over time, padding included. Asked for is the state after the last "
        "letter.",
        "eq-deep-gather",
        elsewhere={
            "pytorch": (
                "return torch.where((lengths > 0)[:, None], last, torch.zeros_like(last))",
                "return torch.amax(H, dim=0)",
            ),
            "tensorflow": (
                "return tf.where((lengths > 0)[:, None], last, tf.zeros_like(last))",
                "return tf.reduce_max(H, axis=0)",
            ),
        },
    ),
    Mistake(
        "double-precision",
        _RETURN,
        "return np.zeros(last.shape) + np.where((lengths > 0)[:, None], last, 0)",
        "The result is float64 whatever H is: np.zeros makes float64. Use np.zeros_like.",
        elsewhere=HERE_ONLY,
    ),
)

_DH = "dH = weight[..., None] * dmean"

MEAN_STATE = (
    Mistake(
        "divided-by-all-steps",
        "weight = mask / count",
        "weight = mask / len(mask)",
        "The sum over the letters is divided by T. A short name then gets a small summary; divide by its own number "
        "of letters.",
        "eq-deep-pool",
    ),
    Mistake(
        "padding-counted-in",
        "weight = mask / count",
        "weight = np.ones_like(mask) / len(mask)",
        "This is the mean over all T steps, states in the padding included. The mask says which states belong to the "
        "name.",
        "eq-deep-pool",
    ),
    Mistake(
        "padding-above-the-line",
        "weight = mask / count",
        "weight = np.ones_like(mask) / count",
        "The sum runs over all steps and the divisor counts the letters only. Mask the sum as well.",
        "eq-deep-pool",
    ),
    Mistake(
        "not-divided",
        "weight = mask / count",
        "weight = 1 * mask",
        "This is the sum over the letters. Divide by their number.",
        "eq-deep-pool",
    ),
    Mistake(
        "division-by-zero",
        "count = np.maximum(mask.sum(axis=0), 1)",
        "count = mask.sum(axis=0)",
        "An empty name has 0 letters, and 0 / 0 is NaN, which then spreads to the whole network. Divide by at least 1.",
        "eq-deep-pool",
    ),
    Mistake(
        "one-more-letter",
        "count = np.maximum(mask.sum(axis=0), 1)",
        "count = mask.sum(axis=0) + 1",
        "The divisor is one too large for every name: adding 1 avoids a division by zero and makes all the means too "
        "small. Use the larger of the count and 1.",
        "eq-deep-pool",
    ),
    Mistake(
        "divided-by-the-batch",
        "weight = mask / count",
        "weight = mask / mask.shape[1]",
        "The sum is divided by B, the number of names. The mean is over the letters of one name.",
        "eq-deep-pool",
    ),
    Mistake(
        "one-count-for-the-batch",
        "weight = mask / count",
        "weight = mask / mask.sum()",
        "Every name is divided by the number of letters in the whole batch. Count along time only.",
        "eq-deep-pool",
    ),
    Mistake(
        "counted-along-the-batch",
        "weight = mask / count",
        "weight = mask / np.maximum(mask.sum(axis=1), 1)[:, None]",
        "The letters are counted across the names, step by step. Time is the first axis: count along it.",
        "eq-deep-pool",
    ),
    Mistake(
        "gradient-into-the-padding",
        _DH,
        "dH = (np.ones_like(mask) / count)[..., None] * dmean",
        "The gradient also reaches the padding. No state there stands in the mean: its derivative is 0.",
        "eq-deep-pool",
    ),
    Mistake(
        "gradient-not-divided",
        _DH,
        "dH = mask[..., None] * dmean",
        "Each letter gets the whole of δmean. In the mean its state stands with the factor 1/n.",
        "eq-deep-pool",
    ),
    Mistake(
        "gradient-divided-by-all-steps",
        _DH,
        "dH = (mask / len(mask))[..., None] * dmean",
        "Forward you divide by the number of letters, backward by T. The same factor belongs in both.",
        "eq-deep-pool",
    ),
    Mistake(
        "gradient-times-the-state",
        _DH,
        "dH = weight[..., None] * dmean * H",
        "The gradient is multiplied by the states. The mean is linear in them: what remains after differentiating is "
        "the factor alone.",
        "eq-deep-pool",
    ),
    Mistake(
        "gradient-divided-twice",
        _DH,
        "dH = (weight / count)[..., None] * dmean",
        "The gradient is divided by the number of letters twice. It is once in the mean, so once in its derivative.",
        "eq-deep-pool",
    ),
    Mistake(
        "argument-changed",
        "mean = (weight[..., None] * H).sum(axis=0)",
        "H *= weight[..., None]\n    mean = H.sum(axis=0)",
        "The states are overwritten with their weighted values.",
        elsewhere={"tensorflow": None},
    ),
    Mistake(
        "double-precision",
        "return mean, dH",
        "return mean.astype(float), dH.astype(float)",
        "The results are float64 whatever the states are. Keep the dtype you were given.",
        elsewhere=HERE_ONLY,
    ),
)
