"""What people get wrong in the gradient of one step, and in a slope of their own."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

SOFTSIGN_DERIVATIVE = (
    Mistake(
        "slope-of-tanh",
        "(1 - np.abs(h)) ** 2",
        "1 - h**2",
        "This is the slope of tanh. Differentiate h = a / (1 + |a|) instead: the quotient rule gives 1 / (1 + |a|)².",
        "eq-rnn-dtanh",
    ),
    Mistake(
        "in-terms-of-a",
        "(1 - np.abs(h)) ** 2",
        "1 / (1 + np.abs(h)) ** 2",
        "The formula is right for a, but what comes in is h. Eliminate a: 1 / (1 + |a|) = 1 − |h|.",
        "eq-rnn-dtanh",
    ),
    Mistake(
        "not-squared",
        "(1 - np.abs(h)) ** 2",
        "1 - np.abs(h)",
        "1 − |h| is 1 / (1 + |a|); the derivative is its square.",
        "eq-rnn-dtanh",
    ),
    Mistake(
        "no-absolute-value",
        "np.abs(h)",
        "h",
        "The absolute value is missing, so the result is right only where h is positive.",
        "eq-rnn-dtanh",
    ),
    Mistake(
        "the-function-itself",
        "(1 - np.abs(h)) ** 2",
        "h / (1 + np.abs(h))",
        "This applies the softsign once more. Asked for is its derivative, as a function of h.",
        "eq-rnn-dtanh",
    ),
)

NO_SLOPE = "The factor 1 − h² is missing: δa_t = δh_t ⊙ (1 − h_t²), because tanh' a = 1 − tanh² a."
SLOPE_OF_A = "The slope of tanh is 1 − h², in terms of its output h; 1 − h, without the square, is something else."

STEP_BACKWARD = (
    Mistake("no-slope", "dh * (1 - h**2)", "dh", NO_SLOPE, "eq-rnn-da"),
    Mistake("slope-not-squared", "(1 - h**2)", "(1 - h)", SLOPE_OF_A, "eq-rnn-da"),
    Mistake(
        "slope-of-the-logistic-function",
        "(1 - h**2)",
        "h * (1 - h)",
        "h (1 − h) is the slope of the logistic function; that of tanh is 1 − h².",
        "eq-rnn-da",
    ),
    Mistake(
        "slope-at-the-previous-state",
        "(1 - h**2)",
        "(1 - h_prev**2)",
        "The slope is taken at the state that went in. tanh made h_t, so it is 1 − h_t².",
        "eq-rnn-da",
    ),
    Mistake(
        "slope-of-the-slope",
        "(1 - h**2)",
        "(1 - np.tanh(h) ** 2)",
        "h is tanh a already, so 1 − tanh² h squashes twice: the slope is 1 − h².",
        "eq-rnn-da",
    ),
    Mistake(
        "state-that-came-out",
        "h_prev.T @ da",
        "h.T @ da",
        "dU pairs δa_t with the state that went *into* the step, h_{t−1}, not with the one that came out.",
        "eq-rnn-dU",
    ),
    Mistake(
        "recurrent-weights-not-transposed",
        "da @ U.T",
        "da @ U",
        "The gradient is sent back along U. Forward it was h_{t−1} U, so backward it is δa_t Uᵀ.",
        "eq-rnn-dh-prev",
    ),
    Mistake(
        "recurrent-gradient-transposed",
        "h_prev.T @ da",
        "da.T @ h_prev",
        "dU is transposed. Row i of U belongs to unit i of the previous state: dU = h_{t−1}ᵀ δa_t.",
        "eq-rnn-dU",
    ),
    Mistake(
        "input-gradient-transposed",
        "x.T @ da",
        "da.T @ x",
        "dW is transposed. W is (D, H), so dW = x_tᵀ δa_t.",
        "eq-rnn-dW",
    ),
    Mistake(
        "gradient-before-the-slope",
        "dU = h_prev.T @ da",
        "dU = h_prev.T @ dh",
        "dU is built from δh_t. Everything before the tanh is reached through δa_t.",
        "eq-rnn-dU",
    ),
    Mistake(
        "input-weights-before-the-slope",
        "dW = x.T @ da",
        "dW = x.T @ dh",
        "dW is built from δh_t. Everything before the tanh is reached through δa_t.",
        "eq-rnn-dW",
    ),
    Mistake(
        "bias-averaged",
        "da.sum(axis=0)",
        "da.mean(axis=0)",
        "db is the mean over the batch. The loss is the sum of what each sequence contributes, so its gradient is "
        "the sum.",
        "eq-rnn-db",
    ),
    Mistake(
        "bias-not-summed",
        "db = da.sum(axis=0)",
        "db = da",
        "db has a row for each sequence. The same b serves them all, so their rows are added.",
        "eq-rnn-db",
        elsewhere={"pytorch": None},  # PyTorch adds the rows itself
    ),
    Mistake(
        "bias-summed-over-units",
        "da.sum(axis=0)",
        "da.sum(axis=1)",
        "db is summed over the units. Sum over the batch, the first axis.",
        "eq-rnn-db",
    ),
    Mistake(
        "averaged-over-the-batch",
        "dW = x.T @ da",
        "dW = x.T @ da / len(x)",
        "dW is divided by the batch size. Whether the loss is a mean is decided where the loss is, in δh.",
        "eq-rnn-dW",
    ),
    Mistake(
        "argument-changed",
        "da = dh * (1 - h**2)",
        "dh *= 1 - h**2\n    da = dh",
        "The caller's dh is multiplied by the slope.",
        "eq-rnn-da",
        elsewhere=HERE_ONLY,
    ),
)
