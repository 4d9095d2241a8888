"""What people get wrong in the Jacobian of a step, and in following a gradient along many."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_IDENTITY = "np.eye(len(n), dtype=n.dtype)"

LEAKY_JACOBIAN = (
    Mistake(
        "old-state-forgotten",
        "(1 - alpha) * np.eye(len(n), dtype=n.dtype) + alpha * U",
        "alpha * U",
        "The state that is kept, (1 − α) h_{t−1}, is missing. It reaches h_t directly, unit by unit.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "one-everywhere",
        "(1 - alpha) * np.eye(len(n), dtype=n.dtype)",
        "(1 - alpha)",
        "1 − α is added to every entry. A unit keeps its own state and nobody else's, so it belongs on the diagonal "
        "only: times the identity.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "identity-not-scaled",
        "(1 - alpha) * np.eye",
        "np.eye",
        "The identity has the weight 1. A leaky unit keeps only the share 1 − α of its state.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "new-state-not-scaled",
        "alpha * U",
        "U",
        "The new candidate enters with the full weight. Only the share α of it is taken.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "shares-exchanged",
        "(1 - alpha) * np.eye(len(n), dtype=n.dtype) + alpha * U",
        "alpha * np.eye(len(n), dtype=n.dtype) + (1 - alpha) * U",
        "The two shares are exchanged: 1 − α is kept of the old state, α is taken of the new one.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "no-slope",
        " * (1 - n**2)",
        "",
        "The slope of tanh is missing: the candidate is tanh of a, and moves 1 − ñ² times as much as a.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "slope-not-squared",
        "(1 - n**2)",
        "(1 - n)",
        "The slope of tanh in terms of its output is 1 − n², with a square; 1 − n is something else.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "slope-of-the-slope",
        "(1 - n**2)",
        "(1 - np.tanh(n) ** 2)",
        "n is tanh a already, so 1 − tanh² n squashes twice: the slope is 1 − n².",
        "eq-vanish-leaky",
    ),
    Mistake(
        "slope-on-the-rows",
        "(1 - n**2)",
        "(1 - n**2)[:, None]",
        "The slope multiplies the rows of U. It belongs to the unit that *moves*, and that is the column.",
        "eq-bptt-J",
    ),
    Mistake(
        "recurrent-weights-transposed",
        "alpha * U *",
        "alpha * U.T *",
        "U is transposed. h_{t−1,i} enters a_{t,j} with the weight U_ij: row i, column j, as U stands.",
        "eq-bptt-J",
    ),
    Mistake(
        "slope-on-what-is-kept",
        "(1 - alpha) * np.eye(len(n), dtype=n.dtype) + alpha * U * (1 - n**2)",
        "((1 - alpha) * np.eye(len(n), dtype=n.dtype) + alpha * U) * (1 - n**2)",
        "The slope multiplies both terms. What is kept of the old state does not pass through tanh.",
        "eq-vanish-leaky",
    ),
    Mistake(
        "double-precision",
        _IDENTITY,
        "np.eye(len(n))",
        "np.eye makes float64 whatever the inputs are, and everything it meets becomes float64 as well. Give it a "
        "dtype.",
        elsewhere=HERE_ONLY,
    ),
)

_BACK = "g = (g * (1 - H[t] ** 2)) @ U.T"
_NORM = "np.linalg.norm(g, axis=-1)"

NORMS_BY_LAG = (
    Mistake(
        "squared",
        _NORM,
        "np.sum(g**2, axis=-1)",
        "These are the squares of the norms: the root is missing.",
        "eq-vanish-path",
    ),
    Mistake(
        "one-norm-for-the-batch",
        _NORM,
        "np.linalg.norm(g)",
        "This is one norm for the whole batch. Each sequence has its own Jacobians, so each gets its own norm: (T, B).",
        "eq-vanish-path",
    ),
    Mistake(
        "sum-of-magnitudes",
        _NORM,
        "np.sum(np.abs(g), axis=-1)",
        "This adds up the magnitudes of the entries. The norm here is the Euclidean one: the root of the sum of "
        "squares.",
        "eq-vanish-path",
    ),
    Mistake(
        "largest-entry",
        _NORM,
        "np.max(np.abs(g), axis=-1)",
        "This is the largest entry. The norm here is the Euclidean one: the root of the sum of squares.",
        "eq-vanish-path",
        elsewhere={"pytorch": ("torch.linalg.norm(g, dim=-1)", "torch.amax(torch.abs(g), dim=-1)")},
    ),
    Mistake(
        "mean-square",
        _NORM,
        "np.sqrt(np.mean(g**2, axis=-1))",
        "The squares are averaged over the units before the root is taken. The norm is the root of their *sum*.",
        "eq-vanish-path",
    ),
    Mistake(
        "by-step-not-by-lag",
        "return np.stack(norms)",
        "return np.stack(norms[::-1])",
        "The norms stand in the order of the steps. Asked for is the order of the lag: the last step's first.",
        "eq-vanish-path",
    ),
    Mistake(
        "one-step-too-many",
        "norms.append(np.linalg.norm(g, axis=-1))\n        g = (g * (1 - H[t] ** 2)) @ U.T",
        "g = (g * (1 - H[t] ** 2)) @ U.T\n        norms.append(np.linalg.norm(g, axis=-1))",
        "All lags are one too long: the gradient takes a step back before it is measured for the first time. At lag 0 "
        "it is g itself.",
        "eq-vanish-path",
        elsewhere={
            "tensorflow": (
                "norms.append(tf.norm(g, axis=-1))\n        g = (g * (1 - H[t] ** 2)) @ tf.transpose(U)",
                "g = (g * (1 - H[t] ** 2)) @ tf.transpose(U)\n        norms.append(tf.norm(g, axis=-1))",
            )
        },
    ),
    Mistake(
        "no-slope",
        "(g * (1 - H[t] ** 2)) @",
        "g @",
        "The slopes of tanh are missing, so this is the gradient of a linear network: powers of Uᵀ and nothing else.",
        "eq-vanish-product",
    ),
    Mistake(
        "slope-not-squared",
        "(1 - H[t] ** 2)",
        "(1 - H[t])",
        "The slope of tanh in terms of its output is 1 − h², with a square; 1 − h is something else.",
        "eq-vanish-product",
    ),
    Mistake(
        "slope-of-the-step-before",
        "(1 - H[t] ** 2)",
        "(1 - H[t - 1] ** 2)",
        "The slope is taken one step early. The Jacobian from h_{t−1} to h_t has the slope at h_t.",
        "eq-vanish-product",
    ),
    Mistake(
        "slope-after-the-matrix",
        _BACK,
        "g = (g @ U.T) * (1 - H[t] ** 2)",
        "On the way back the tanh comes first and the matrix after it: multiply by the slope before you multiply by "
        "Uᵀ.",
        "eq-vanish-path",
        elsewhere={
            "tensorflow": (
                "g = (g * (1 - H[t] ** 2)) @ tf.transpose(U)",
                "g = (g @ tf.transpose(U)) * (1 - H[t] ** 2)",
            )
        },
    ),
    Mistake(
        "recurrent-weights-not-transposed",
        "@ U.T",
        "@ U",
        "The gradient is sent back along U. Forward it was h_{t−1} U, so backward it is multiplied by Uᵀ.",
        "eq-vanish-path",
        elsewhere={"tensorflow": ("@ tf.transpose(U)", "@ U")},
    ),
    Mistake(
        "jacobians-in-the-order-of-time",
        "for t in reversed(range(len(H))):",
        "for t in range(len(H)):",
        "The Jacobians are multiplied in the order of time. On the way back the last step's comes first, and matrices "
        "do not commute.",
        "eq-bptt-dh1",
        elsewhere={"tensorflow": ("for t in reversed(range(H.shape[0])):", "for t in range(H.shape[0]):")},
    ),
    Mistake(
        "relative-to-lag-zero",
        "return np.stack(norms)",
        "return np.stack(norms) / norms[0]",
        "The norms are divided by that at lag 0. Asked for are the norms themselves.",
        "eq-vanish-path",
    ),
    Mistake(
        "argument-changed",
        _BACK,
        "g *= 1 - H[t] ** 2\n        g = g @ U.T",
        "The caller's g is multiplied by the first slope.",
        elsewhere={"tensorflow": None},  # tensors cannot be changed
    ),
)
