"""What people get wrong in the walk back without a mask, and in the products after it."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_WALK = "for t in reversed(range(len(H))):"

RECURSION = (
    Mistake(
        "direct-gradient-only",
        "G[t] + from_later",
        "G[t]",
        "δh_t holds G_t alone, as if the next step did not exist. h_t also made h_{t+1}: add what came back from "
        "there.",
        "eq-bptt-dh",
    ),
    Mistake(
        "last-gradient-only",
        "G[t] + from_later",
        "(G[t] + from_later if t == len(H) - 1 else from_later)",
        "Only the last step's G starts the walk. Every step has a loss of its own, so G_t is added at every step.",
        "eq-bptt-G",
        elsewhere={
            "tensorflow": ("dh = G[t] + from_later", "dh = G[t] + from_later if t == H.shape[0] - 1 else from_later")
        },
    ),
    Mistake(
        "no-slope",
        " * (1 - H[t] ** 2)",
        " + 0",
        "δa_t is δh_t unchanged: the slope of tanh, 1 − h_t², is missing. Without it this is the gradient of a linear "
        "network.",
        "eq-bptt-da",
    ),
    Mistake(
        "slope-not-squared",
        "(1 - H[t] ** 2)",
        "(1 - H[t])",
        "The slope of tanh in terms of its output is 1 − h², with a square; 1 − h is something else.",
        "eq-bptt-da",
    ),
    Mistake(
        "slope-of-the-step-before",
        "(1 - H[t] ** 2)",
        "(1 - H[t - 1] ** 2)",
        "The slope is taken one step early. δa_t belongs to the tanh that made h_t, so its slope is 1 − h_t².",
        "eq-bptt-da",
    ),
    Mistake(
        "sent-back-before-the-slope",
        "from_later = dA[t] @ U.T",
        "from_later = dH[t] @ U.T",
        "δh_t is sent back past the tanh. The step before enters through a_t, so what goes back along U is δa_t.",
        "eq-bptt-dh",
        elsewhere={"tensorflow": ("from_later = da @ tf.transpose(U)", "from_later = dh @ tf.transpose(U)")},
    ),
    Mistake(
        "slope-after-the-matrix",
        "from_later = dA[t] @ U.T",
        "from_later = (dH[t] @ U.T) * (1 - H[t] ** 2)",
        "On the way back the tanh comes first and the matrix after it: multiply by the slope before you multiply by "
        "Uᵀ.",
        "eq-bptt-J",
        elsewhere={
            "tensorflow": (
                "from_later = da @ tf.transpose(U)",
                "from_later = (dh @ tf.transpose(U)) * (1 - H[t] ** 2)",
            )
        },
    ),
    Mistake(
        "recurrent-weights-not-transposed",
        "dA[t] @ U.T",
        "dA[t] @ U",
        "The gradient is sent back along U. Forward it was h_t U, so backward it is δa_{t+1} Uᵀ.",
        "eq-bptt-dh",
        elsewhere={"tensorflow": ("da @ tf.transpose(U)", "da @ U")},
    ),
    Mistake(
        "walked-forwards",
        _WALK,
        "for t in range(len(H)):",
        "The steps are walked from the first to the last. δh_t needs δa_{t+1}, so the walk starts at the end.",
        "eq-bptt-dh",
        elsewhere={"tensorflow": None},  # the steps are put in front one by one, so the order would be another
    ),
    Mistake(
        "what-came-back-kept",
        "from_later = dA[t] @ U.T",
        "from_later = from_later + dA[t] @ U.T",
        "What came back from later steps is added up along the way. δh_t already holds it; only δa_{t+1} Uᵀ goes on.",
        "eq-bptt-dh",
        elsewhere={
            "tensorflow": (
                "from_later = da @ tf.transpose(U)",
                "from_later = from_later + da @ tf.transpose(U)",
            )
        },
    ),
    Mistake(
        "clipped-in-the-walk",
        "from_later = dA[t] @ U.T",
        "from_later = np.clip(dA[t] @ U.T, -0.1, 0.1)",
        "δa Uᵀ is cut to small values inside the walk. That changes the sum over paths, and the result is the gradient "
        "of no loss. Clip once, when all gradients are there.",
        "eq-vanish-clip",
        elsewhere={
            "tensorflow": (
                "from_later = da @ tf.transpose(U)",
                "from_later = tf.clip_by_value(da @ tf.transpose(U), -0.1, 0.1)",
            )
        },
    ),
    Mistake(
        "argument-changed",
        "dH, dA = np.zeros_like(H), np.zeros_like(H)",
        "dH, dA = G, np.zeros_like(H)",
        "dH is another name for the caller's G, so the sums are written into it.",
        elsewhere={"tensorflow": None},  # tensors cannot be changed
    ),
    Mistake(
        "double-precision",
        "dH, dA = np.zeros_like(H), np.zeros_like(H)",
        "dH, dA = np.zeros(H.shape), np.zeros(H.shape)",
        "An array made by np.zeros is float64 whatever the inputs are. Give it their dtype, or use np.zeros_like.",
        elsewhere=HERE_ONLY,
    ),
)

_SHIFTED = "np.concatenate([h_0[None], H[:-1]], axis=0)"
_ROWS_OF_X = "np.reshape(X, (-1, X.shape[2]))"
_ROWS_BEFORE = "np.reshape(before, (-1, H.shape[2]))"

PARAMETER_GRADIENTS = (
    Mistake(
        "state-that-came-out",
        _SHIFTED,
        "H",
        "dU pairs δa_t with h_t, the state that came *out* of the step. U was multiplied with the one that went in, "
        "h_{t−1}: shift the states by one.",
        "eq-bptt-dU",
    ),
    Mistake(
        "first-step-wraps-around",
        _SHIFTED,
        "np.concatenate([H[-1:], H[:-1]], axis=0)",
        "The first step is paired with the *last* state, as np.roll would do. Before the first step stands h_0.",
        "eq-bptt-dU",
    ),
    Mistake(
        "zero-before-the-first-step",
        "h_0[None]",
        "0 * h_0[None]",
        "The first step's share of dU is missing: before it stands h_0, which need not be zero.",
        "eq-bptt-dU",
    ),
    Mistake(
        "initial-state-at-the-end",
        "[h_0[None], H[:-1]]",
        "[H[:-1], h_0[None]]",
        "h_0 stands at the end of the row of states. It comes before the first step: h_0, h_1, …, h_{T−1}.",
        "eq-bptt-dU",
    ),
    Mistake(
        "shifted-the-wrong-way",
        "[h_0[None], H[:-1]]",
        "[H[1:], h_0[None]]",
        "The states are shifted the wrong way, so δa_t meets h_{t+1}, which did not exist yet. It belongs with "
        "h_{t−1}.",
        "eq-bptt-dU",
    ),
    Mistake(
        "batch-and-time-swapped",
        _ROWS_OF_X,
        "np.reshape(np.swapaxes(X, 0, 1), (-1, X.shape[2]))",
        "The rows of X are laid out sequence by sequence, those of δA step by step, so they do not belong together. "
        "Both must be put under each other in the same order.",
        "eq-bptt-tall",
        elsewhere={
            "tensorflow": (
                "tf.reshape(X, (-1, X.shape[2]))",
                "tf.reshape(tf.transpose(X, (1, 0, 2)), (-1, X.shape[2]))",
            )
        },
    ),
    Mistake(
        "states-batch-and-time-swapped",
        _ROWS_BEFORE,
        "np.reshape(np.swapaxes(before, 0, 1), (-1, H.shape[2]))",
        "The rows of the states are laid out sequence by sequence, those of δA step by step, so they do not belong "
        "together. Both must be put under each other in the same order.",
        "eq-bptt-tall",
        elsewhere={
            "tensorflow": (
                "tf.reshape(before, (-1, H.shape[2]))",
                "tf.reshape(tf.transpose(before, (1, 0, 2)), (-1, H.shape[2]))",
            )
        },
    ),
    Mistake(
        "input-gradient-transposed",
        "dW = np.reshape(X, (-1, X.shape[2])).T @ rows",
        "dW = rows.T @ np.reshape(X, (-1, X.shape[2]))",
        "dW is transposed. W is (D, H), so the inputs stand on the left: X̄ᵀ δĀ.",
        "eq-bptt-tall",
        elsewhere={
            "tensorflow": (
                "dW = tf.transpose(tf.reshape(X, (-1, X.shape[2]))) @ rows",
                "dW = tf.transpose(rows) @ tf.reshape(X, (-1, X.shape[2]))",
            )
        },
    ),
    Mistake(
        "recurrent-gradient-transposed",
        "dU = np.reshape(before, (-1, H.shape[2])).T @ rows",
        "dU = rows.T @ np.reshape(before, (-1, H.shape[2]))",
        "dU is transposed, which its shape cannot tell you. The states before stand on the left: H̄ᵀ δĀ.",
        "eq-bptt-tall",
        elsewhere={
            "tensorflow": (
                "dU = tf.transpose(tf.reshape(before, (-1, H.shape[2]))) @ rows",
                "dU = tf.transpose(rows) @ tf.reshape(before, (-1, H.shape[2]))",
            )
        },
    ),
    Mistake(
        "bias-averaged",
        "np.sum(rows, axis=0)",
        "np.mean(rows, axis=0)",
        "db is a mean over steps and sequences. The loss is the sum of what they contribute, so its gradient is a sum.",
        "eq-bptt-dW",
    ),
    Mistake(
        "bias-not-summed-over-time",
        "np.sum(rows, axis=0)",
        "np.sum(dA, axis=1)",
        "db still has one row a step. The same b serves every step, so the rows add up over time as well.",
        "eq-bptt-dW",
    ),
    Mistake(
        "bias-at-the-last-step",
        "np.sum(rows, axis=0)",
        "np.sum(dA[-1], axis=0)",
        "db holds the last step only. The same b serves every step: sum over time and over the batch.",
        "eq-bptt-dW",
    ),
)
