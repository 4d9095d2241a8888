"""What people get wrong in one step of either form, and in the derivative of the blend."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_BLEND = "(1 - z) * n + z * h_prev"
_GATES = "r = sigmoid(xW_r + h_prev @ U_r)\n    z = sigmoid(xW_z + h_prev @ U_z)"
_SPLIT = "U_r, U_z, U_n = np.split(U, 3, axis=1)"
_CANDIDATE_AFTER = "q = h_prev @ U_n + c_n\n    n = np.tanh(xW_n + r * q)"

SHARES_EXCHANGED = (
    "The two shares are exchanged. Here z is what is *kept*: h = (1 − z) n + z h_{t−1}. Papers in which z updates mean "
    "our 1 − z."
)
_SUM_TO_ONE = (
    "The two shares must add up to one, or the state is no average and can grow: (1 − z) of the new, z of the old."
)
_RESET_OPEN = "The reset gate is computed but not used: the candidate hears all of the old state."
RESET_INVERTED = "The reset gate is used the wrong way round: r = 1 lets the old state through, r = 0 shuts it out."

# Wrong in the same way in both forms.
_BOTH = (
    Mistake("shares-exchanged", _BLEND, "z * n + (1 - z) * h_prev", SHARES_EXCHANGED, "eq-gru-h"),
    Mistake("candidate-at-full-weight", _BLEND, "n + z * h_prev", _SUM_TO_ONE, "eq-gru-convex"),
    Mistake("old-state-at-full-weight", _BLEND, "(1 - z) * n + h_prev", _SUM_TO_ONE, "eq-gru-convex"),
    Mistake(
        "state-squashed",
        f"h = {_BLEND}",
        f"h = np.tanh({_BLEND})",
        "The new state is squashed once more. The GRU has no tanh around its state: an average of numbers below 1 "
        "needs none.",
        "eq-gru-h",
    ),
    Mistake(
        "gates-exchanged",
        _GATES,
        "z = sigmoid(xW_r + h_prev @ U_r)\n    r = sigmoid(xW_z + h_prev @ U_z)",
        "The first block is used for z and the second for r, as Keras has them. Here the order is r, z, n.",
        "eq-gru-a",
    ),
    Mistake(
        "gates-by-tanh",
        _GATES,
        "r = np.tanh(xW_r + h_prev @ U_r)\n    z = np.tanh(xW_z + h_prev @ U_z)",
        "The gates are squashed by tanh and can be negative. A gate is a share between 0 and 1: use the logistic "
        "function.",
        "eq-gru-gates",
    ),
    Mistake(
        "gates-without-a-state",
        _GATES,
        "r = sigmoid(xW_r)\n    z = sigmoid(xW_z)",
        "The gates see the input alone. They look at the old state as well: h_{t−1} U_r and h_{t−1} U_z are missing.",
        "eq-gru-a",
    ),
    Mistake(
        "no-bias",
        "np.split(x @ W + b, 3, axis=1)",
        "np.split(x @ W, 3, axis=1)",
        "The bias b is missing from the three pre-activations.",
        "eq-gru-a",
    ),
    Mistake(
        "blocks-transposed",
        _SPLIT,
        "U_r, U_z, U_n = (u.T for u in np.split(U, 3, axis=1))",
        "The blocks of U are used transposed. States are rows here, so the old state stands on their left: h_{t−1} "
        "U_r.",
        "eq-gru-a",
    ),
    Mistake(
        "double-precision",
        f"h = {_BLEND}",
        f"h = np.zeros(h_prev.shape)\n    h += {_BLEND}",
        "An array made by np.zeros or np.empty is float64 whatever the inputs are. Give it their dtype, or use "
        "np.zeros_like.",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "logistic-by-exponentials",
        "z = sigmoid(xW_z + h_prev @ U_z)",
        "e = np.exp(xW_z + h_prev @ U_z)\n    z = e / (1 + e)",
        "Written as eᵃ / (1 + eᵃ), the logistic function overflows for large pre-activations: infinity divided by "
        "infinity is NaN. The one that is there is safe.",
        "eq-gru-gates",
    ),
)

STEP_AFTER = (
    *_BOTH,
    Mistake(
        "reset-before-the-product",
        _CANDIDATE_AFTER,
        "q = (r * h_prev) @ U_n + c_n\n    n = np.tanh(xW_n + q)",
        "The reset gate stands before the product with U_n: that is the other form, step_before. Here it multiplies "
        "what the product gives.",
        "eq-gru-after-n",
    ),
    Mistake(
        "reset-on-the-state",
        "np.tanh(xW_n + r * q)",
        "np.tanh(xW_n + (r * h_prev) @ U_n + c_n)",
        "q is right, but the candidate does not use it: the reset gate is put on the state, before the product with "
        "U_n. That is the other form; here it multiplies q.",
        "eq-gru-after-n",
    ),
    Mistake(
        "message-after-its-gate",
        "return h, r, z, n, q",
        "return h, r, z, n, r * q",
        "What you return as q has been through the reset gate already. The way back needs the message before the gate.",
        "eq-gru-after-q",
    ),
    Mistake(
        "returned-in-another-order",
        "return h, r, z, n, q",
        "return h, z, r, n, q",
        "The step is right; r and z are returned in each other's place. The order is h, r, z, n, q.",
        "eq-gru-gates",
    ),
    Mistake(
        "bias-outside-the-reset",
        _CANDIDATE_AFTER,
        "q = h_prev @ U_n\n    n = np.tanh(xW_n + r * q + c_n)",
        "c_n is added outside the reset gate, where b_n is already. It belongs to the message q, which the gate "
        "multiplies.",
        "eq-gru-after-q",
    ),
    Mistake(
        "no-inner-bias",
        "q = h_prev @ U_n + c_n",
        "q = h_prev @ U_n",
        "The bias c_n is missing: the message is q = h_{t−1} U_n + c_n.",
        "eq-gru-after-q",
    ),
    Mistake(
        "reset-on-the-input-too",
        "np.tanh(xW_n + r * q)",
        "np.tanh(r * (xW_n + q))",
        "The reset gate multiplies the input's share as well. It says how much of the *old state* is heard; the input "
        "is heard in full.",
        "eq-gru-after-n",
    ),
    Mistake("reset-not-used", "np.tanh(xW_n + r * q)", "np.tanh(xW_n + q)", _RESET_OPEN, "eq-gru-after-n"),
    Mistake("reset-inverted", "np.tanh(xW_n + r * q)", "np.tanh(xW_n + (1 - r) * q)", RESET_INVERTED, "eq-gru-after-n"),
    Mistake(
        "candidate-not-squashed",
        "n = np.tanh(xW_n + r * q)",
        "n = xW_n + r * q",
        "The candidate's tanh is missing: without it the state has no bound.",
        "eq-gru-after-n",
    ),
    Mistake(
        "candidate-by-the-logistic-function",
        "np.tanh(xW_n + r * q)",
        "sigmoid(xW_n + r * q)",
        "The candidate is squashed by the logistic function and can never be negative. Gates take that one; the "
        "candidate takes tanh.",
        "eq-gru-after-n",
    ),
)

STEP_BEFORE = (
    *_BOTH,
    Mistake(
        "reset-after-the-product",
        "np.tanh(xW_n + s @ U_n)",
        "np.tanh(xW_n + r * (h_prev @ U_n))",
        "The reset gate multiplies what the product gives: that is the other form, step_after. Here it multiplies "
        "the old state first, and U_n comes after.",
        "eq-gru-before-n",
    ),
    Mistake(
        "reset-not-used", "np.tanh(xW_n + s @ U_n)", "np.tanh(xW_n + h_prev @ U_n)", _RESET_OPEN, "eq-gru-before-n"
    ),
    Mistake("reset-inverted", "s = r * h_prev", "s = (1 - r) * h_prev", RESET_INVERTED, "eq-gru-before-s"),
    Mistake(
        "product-for-the-reset-state",
        "return h, r, z, n, s",
        "return h, r, z, n, s @ U_n",
        "What you return as s has been through U_n already. The way back needs what U_n multiplied: s = r ⊙ h_{t−1}.",
        "eq-gru-before-s",
    ),
    Mistake(
        "returned-in-another-order",
        "return h, r, z, n, s",
        "return h, z, r, n, s",
        "The step is right; r and z are returned in each other's place. The order is h, r, z, n, s.",
        "eq-gru-gates",
    ),
    Mistake(
        "reset-in-the-blend",
        _BLEND,
        "(1 - z) * n + z * s",
        "The reset state s is blended in. Resetting is for the candidate alone; what is kept is h_{t−1} itself.",
        "eq-gru-h",
    ),
    Mistake(
        "candidate-not-squashed",
        "n = np.tanh(xW_n + s @ U_n)",
        "n = xW_n + s @ U_n",
        "The candidate's tanh is missing: without it the state has no bound.",
        "eq-gru-before-n",
    ),
    Mistake(
        "candidate-by-the-logistic-function",
        "np.tanh(xW_n + s @ U_n)",
        "sigmoid(xW_n + s @ U_n)",
        "The candidate is squashed by the logistic function and can never be negative. Gates take that one; the "
        "candidate takes tanh.",
        "eq-gru-before-n",
    ),
    Mistake(
        "argument-changed",
        "s = r * h_prev",
        "h_prev *= r\n    s = h_prev",
        "The old state is multiplied by r in place, so that the blend keeps the reset state.",
        "eq-gru-before-s",
        elsewhere={"tensorflow": None},  # tensors cannot be changed there
    ),
)

_SLOPE = "(1 - z) * (h - n)"
UPDATE_GATE_DERIVATIVE = (
    Mistake(
        "old-state-not-eliminated",
        _SLOPE,
        "(h - n) * z * (1 - z)",
        "This would be right with h_{t−1} in place of h. From the blend, z (h_{t−1} − n) = h − n: one factor z is "
        "used up.",
        "eq-gru-dn",
    ),
    Mistake(
        "sign",
        _SLOPE,
        "(1 - z) * (n - h)",
        "The sign is wrong. A larger z keeps more of the old state, so h moves away from n, in the direction of h − n.",
        "eq-gru-dn",
    ),
    Mistake(
        "slope-forgotten",
        _SLOPE,
        "(h - n) / z",
        "This is ∂h/∂z. The pre-activation is one step further: multiply by the slope of the logistic function, "
        "z (1 − z).",
        "eq-gru-da",
    ),
    Mistake(
        "slope-of-tanh",
        _SLOPE,
        "(h - n) / z * (1 - z**2)",
        "1 − z² is the slope of tanh. A gate is squashed by the logistic function, whose slope is z (1 − z).",
        "eq-gru-da",
    ),
    Mistake(
        "half-the-slope",
        _SLOPE,
        "h - n",
        "z (h_{t−1} − n) is h − n, which is right so far. But the slope of the logistic function has two factors, "
        "z (1 − z), and 1 − z is left.",
        "eq-gru-da",
    ),
    Mistake(
        "candidate-alone",
        _SLOPE,
        "-n * z * (1 - z)",
        "z stands in the blend twice: with −n and with +h_{t−1}. Only the first is here.",
        "eq-gru-dn",
    ),
)
