"""What people get wrong in drawing a character, and in the slope of the entropy by temperature."""

from autograder.checks.mistakes import Mistake

_MEAN = "mean = np.sum(p * Y, axis=-1, keepdims=True)"
_SLOPE = "np.sum(p * (Y - mean) ** 2, axis=-1) / tau**3"

ENTROPY_SLOPE = (
    Mistake(
        "not-at-this-temperature",
        "keepdims=True)) / tau",
        "keepdims=True))",
        "The variance is taken under softmax(Y). The characters are drawn at temperature τ: use softmax(Y / τ).",
        "eq-rnn-p",
        elsewhere={"pytorch": ("keepdim=True)) / tau", "keepdim=True))")},
    ),
    Mistake(
        "mean-not-subtracted",
        "(Y - mean) ** 2",
        "Y**2",
        "This is the mean of the squares. A variance is taken about the mean; without it the slope would depend on a "
        "constant added to all logits.",
        "eq-rnn-softmax-jacobian",
    ),
    Mistake(
        "mean-not-weighted",
        _MEAN,
        "mean = np.mean(Y, axis=-1, keepdims=True)",
        "The mean counts every character alike. It is taken under p, like the squares.",
        "eq-rnn-softmax-jacobian",
    ),
    Mistake(
        "squares-not-weighted",
        _SLOPE,
        "np.mean((Y - mean) ** 2, axis=-1) / tau**3",
        "The squares count every character alike. They are averaged under p, like the logits.",
        "eq-rnn-softmax-jacobian",
    ),
    Mistake(
        "slope-in-the-inverse-temperature",
        " / tau**3",
        " / tau",
        "Something is left out where 1/τ is differentiated by τ: its derivative is −1/τ². Count the powers again.",
        "eq-rnn-softmax-jacobian",
    ),
    Mistake(
        "one-power-short",
        " / tau**3",
        " / tau**2",
        "One power of τ is missing: one comes from y/τ in the entropy, two from the derivative of 1/τ.",
        "eq-rnn-softmax-jacobian",
    ),
    Mistake(
        "sign",
        "return np.sum(p * (Y",
        "return -np.sum(p * (Y",
        "The slope is negative. Hotter means closer to uniform, which has the largest entropy; −1/τ² meets a minus.",
        "eq-rnn-softmax-jacobian",
    ),
    Mistake(
        "deviation-instead-of-variance",
        _SLOPE,
        "np.sqrt(np.sum(p * (Y - mean) ** 2, axis=-1)) / tau**3",
        "The root is one too many: the slope holds the variance, not the standard deviation.",
        "eq-rnn-softmax-jacobian",
    ),
)

_UPPER = "upper = np.cumsum(p, axis=-1)"
_IDS = "return np.sum(upper[:, :-1] <= u[:, None], axis=-1)"
_IDS_TF = "return tf.reduce_sum(tf.cast(upper[:, :-1] <= u[:, None], tf.int64), axis=-1)"
_MAX = "(Y - np.max(Y, axis=-1, keepdims=True)) / tau"
_MAX_TORCH = "(Y - torch.amax(Y, dim=-1, keepdim=True)) / tau"
_MAX_TF = "(Y - tf.reduce_max(Y, axis=-1, keepdims=True)) / tau"


def _max(start: str, end: str) -> tuple[str, dict[str, tuple[str, str] | None]]:
    """The scaled logits with another beginning and end, in NumPy's words and elsewhere."""
    return _MAX.replace("(Y -", start).replace(" / tau", end), {
        "pytorch": (_MAX_TORCH, _MAX_TORCH.replace("(Y -", start).replace(" / tau", end)),
        "tensorflow": (_MAX_TF, _MAX_TF.replace("(Y -", start).replace(" / tau", end)),
    }


_TIMES, _WITHOUT, _ROOT = _max("(Y -", " * tau"), _max("(Y -", ""), _max("(Y -", " / tau**2")

SAMPLE = (
    Mistake(
        "temperature-multiplied",
        _MAX,
        _TIMES[0],
        "The logits are multiplied by the temperature, so a hot model is cautious and a cold one wild. Divide.",
        "eq-rnn-p",
        elsewhere=_TIMES[1],
    ),
    Mistake(
        "temperature-without-effect",
        _MAX,
        _WITHOUT[0],
        "The temperature changes nothing. It divides the *logits*; dividing the probabilities is undone when they are "
        "normalised.",
        "eq-rnn-p",
        elsewhere=_WITHOUT[1],
    ),
    Mistake(
        "temperature-squared",
        _MAX,
        _ROOT[0],
        "The temperature is applied twice. The logits are divided by τ once.",
        "eq-rnn-p",
        elsewhere=_ROOT[1],
    ),
    Mistake(
        "zero-temperature-divides",
        "if tau == 0:",
        "if tau < 0:",
        "At τ = 0 the logits are divided by zero. The limit is the largest logit itself: make it a case of its own.",
        "eq-rnn-p",
    ),
    Mistake(
        "zero-temperature-of-the-least-likely",
        "np.argmax(Y, axis=-1)",
        "np.argmin(Y, axis=-1)",
        "At τ = 0 you take the least likely character. Cold means certain: the largest logit wins.",
        "eq-rnn-p",
        elsewhere={
            "tensorflow": ("tf.argmax(Y, axis=-1)", "tf.argmin(Y, axis=-1)"),
        },
    ),
    Mistake(
        "always-the-likeliest",
        _IDS,
        "return np.argmax(p, axis=-1)",
        "The likeliest character is taken at every temperature, and u is not used. Text made so soon runs in circles; "
        "draw.",
        "eq-rnn-p",
        elsewhere={"tensorflow": (_IDS_TF, "return tf.argmax(p, axis=-1)")},
    ),
    Mistake(
        "one-too-far",
        _IDS,
        "return np.sum((upper - p) <= u[:, None], axis=-1)",
        "Every id is one too large: you count the characters whose share *begins* at or below u. Count those whose "
        "share has *ended* there.",
        "eq-rnn-p",
        elsewhere={
            "tensorflow": (_IDS_TF, "return tf.reduce_sum(tf.cast((upper - p) <= u[:, None], tf.int64), axis=-1)")
        },
    ),
    Mistake(
        "one-too-early",
        _IDS,
        "return np.sum(upper[:, 1:] <= u[:, None], axis=-1)",
        "The first character's share is left out of the count, so the ids are one too small wherever u lies beyond it. "
        "What may be left out is the last.",
        "eq-rnn-p",
        elsewhere={
            "tensorflow": (_IDS_TF, "return tf.reduce_sum(tf.cast(upper[:, 1:] <= u[:, None], tf.int64), axis=-1)")
        },
    ),
    Mistake(
        "counted-from-above",
        _IDS,
        "return np.sum(upper[:, :-1] > u[:, None], axis=-1)",
        "You count the shares that end *above* u. The id is the number of those that end at or below it.",
        "eq-rnn-p",
        elsewhere={
            "tensorflow": (_IDS_TF, "return tf.reduce_sum(tf.cast(upper[:, :-1] > u[:, None], tf.int64), axis=-1)")
        },
    ),
    Mistake(
        "not-summed-up",
        _UPPER,
        "upper = p",
        "u is compared with single probabilities. The shares lie end to end: compare it with their running sum.",
        "eq-rnn-p",
    ),
    Mistake(
        "not-normalised",
        "p = p / np.sum(p, axis=-1, keepdims=True)",
        "p = p * 1",
        "The shares do not add up to one. u is uniform between 0 and 1: divide the exponentials by their sum.",
        "eq-rnn-p",
    ),
    Mistake(
        "summed-over-the-batch",
        _UPPER,
        "upper = np.cumsum(p, axis=0)",
        "The running sum goes down the batch. Each sequence has its own distribution: sum along the vocabulary.",
        "eq-rnn-p",
    ),
    Mistake(
        "one-number-for-all",
        "u[:, None]",
        "u[0]",
        "All sequences share the first random number. Each has one of its own.",
        "eq-rnn-p",
    ),
)
