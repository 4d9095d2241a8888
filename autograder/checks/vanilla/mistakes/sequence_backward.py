"""What people get wrong in backpropagation through time."""

from autograder.checks.mistakes import HERE_ONLY, Mistake
from autograder.checks.vanilla.mistakes.step_backward import NO_SLOPE, SLOPE_OF_A

_WALK = "for t in reversed(range(len(X))):"

SEQUENCE_BACKWARD = (
    Mistake("no-slope", " * (1 - H[t] ** 2)", "", NO_SLOPE, "eq-bptt-da"),
    Mistake("slope-not-squared", "(1 - H[t] ** 2)", "(1 - H[t])", SLOPE_OF_A, "eq-bptt-da"),
    Mistake(
        "direct-gradient-only",
        "dh = dh + G[t]",
        "dh = G[t]",
        "Only G_t, the direct path, is used. A state also reaches the loss through the next step: add what came back "
        "from there.",
        "eq-bptt-dh",
    ),
    Mistake(
        "last-gradient-only",
        "dh = dh + G[t]",
        "dh = dh + (G[t] if t == len(X) - 1 else 0)",
        "Only the last step's G is used. Every state may reach the loss directly: add G_t at each step.",
        "eq-bptt-G",
        elsewhere={"tensorflow": ("dh = dh + G[t]", "dh = dh + (G[t] if t == X.shape[0] - 1 else 0)")},
    ),
    Mistake(
        "recurrent-weights-not-transposed",
        "da @ U.T",
        "da @ U",
        "The gradient is sent back along U. Forward it was h_{t−1} U, so backward it is δa_t Uᵀ.",
        "eq-bptt-dh",
    ),
    Mistake(
        "state-that-came-out",
        "h_prev = H[t - 1] if t > 0 else h_0",
        "h_prev = H[t]",
        "dU pairs δa_t with the state that went *into* step t, h_{t−1}, not with the one that came out.",
        "eq-bptt-dU",
    ),
    Mistake(
        "first-step-wraps-around",
        "H[t - 1] if t > 0 else h_0",
        "H[t - 1]",
        "At the first step H[t − 1] is H[−1], the *last* state. Before the first step stands h_0.",
        "eq-bptt-dU",
    ),
    Mistake(
        "zero-before-the-first-step",
        "H[t - 1] if t > 0 else h_0",
        "H[t - 1] if t > 0 else np.zeros_like(h_0)",
        "Before the first step stands h_0, not zero: it belongs into dU like every other state.",
        "eq-bptt-dU",
    ),
    Mistake(
        "gradient-stops-at-masked-steps",
        " + (1 - m) * dh",
        "",
        "The gradient stops at masked steps. Where the mask is 0, h_t is h_{t−1}, so δh passes on untouched: "
        "add (1 − m) ⊙ δh_t.",
        "eq-bptt-mask-dh",
    ),
    Mistake(
        "gradient-passes-masked-steps-twice",
        "(1 - m) * dh",
        "dh",
        "δh_t is passed on everywhere. Only where the mask is 0 does it go past the step; elsewhere it goes through.",
        "eq-bptt-mask-dh",
    ),
    Mistake(
        "mask-ignored",
        "da = m * dh",
        "da = dh",
        "Masked steps contribute to the parameters. They were not taken: δa_t is zero where the mask is 0.",
        "eq-bptt-mask-da",
    ),
    Mistake(
        "direct-gradient-masked",
        "dh = dh + G[t]",
        "dh = dh + m * G[t]",
        "G_t is dropped where the mask is 0. The state stands there, carried over, and what reaches it counts.",
        "eq-bptt-mask-dh",
    ),
    Mistake(
        "last-step-only",
        "dU += h_prev.T @ da",
        "dU = h_prev.T @ da",
        "dU is overwritten at each step, so one step is left. The same U serves every step: add them up.",
        "eq-bptt-dU",
    ),
    Mistake(
        "input-weights-last-step-only",
        "dW += X[t].T @ da",
        "dW = X[t].T @ da",
        "dW is overwritten at each step, so one step is left. The same W serves every step: add them up.",
        "eq-bptt-dW",
    ),
    Mistake(
        "bias-last-step-only",
        "db += da.sum(axis=0)",
        "db = da.sum(axis=0)",
        "db is overwritten at each step, so one step is left. The same b serves every step: add them up.",
        "eq-bptt-dW",
    ),
    Mistake(
        "walked-forwards",
        _WALK,
        "for t in range(len(X)):",
        "The steps are walked from the first to the last. δh_t needs what step t + 1 sends back: start at the end.",
        "eq-bptt-dh",
        elsewhere={"tensorflow": None},  # dX is a list there, so it would stand in the order of the walk
    ),
    Mistake(
        "averaged-over-time",
        "db += da.sum(axis=0)",
        "db += da.sum(axis=0) / len(X)",
        "db is divided by the number of steps. Gradients of shared parameters add up over time.",
        "eq-bptt-dW",
        elsewhere={"tensorflow": ("db += tf.reduce_sum(da, axis=0)", "db += tf.reduce_sum(da, axis=0) / X.shape[0]")},
    ),
    Mistake(
        "slope-of-the-masked-path",
        "dh = da @ U.T + (1 - m) * dh",
        "dh = (da + (1 - m) * dh) @ U.T",
        "At masked steps the gradient is sent through Uᵀ. Nothing was multiplied there: it passes on as it is.",
        "eq-bptt-mask-dh",
    ),
    Mistake(
        "double-precision",
        "dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])",
        "dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros(W.shape[1])",
        "An array made by np.zeros is float64 whatever the inputs are. Give it their dtype, or use np.zeros_like.",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "argument-changed",
        "dh = dh + G[t]",
        "G[t] += dh\n        dh = G[t]",
        "The caller's G is added to.",
        elsewhere=HERE_ONLY,
    ),
)
