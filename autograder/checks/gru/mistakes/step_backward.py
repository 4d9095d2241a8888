"""What people get wrong in the gradients of one step, in either form."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

BLEND_BACKWARD = "dh * (1 - z) * (1 - n**2)"
_UPDATE = "da_z = dh * (h_prev - n) * z * (1 - z)"
ROAD_1 = (
    "One of the four roads back to h_{t−1} is missing: the one that carries the state on, δh ⊙ z. It needs no matrix, "
    "and is the longest memory the unit has."
)
ROAD_2 = (
    "One of the four roads back to h_{t−1} is missing: the one through the candidate, which heard the old state too."
)
ROAD_3 = "One of the four roads back to h_{t−1} is missing: the one through the reset gate, δa_r U_rᵀ."
ROAD_4 = "One of the four roads back to h_{t−1} is missing: the one through the update gate, δa_z U_zᵀ."
SHARE = (
    "The candidate's gradient has the wrong share. The blend takes 1 − z of the new, so δn = δh ⊙ (1 − z); z is the "
    "old state's share."
)
SIGN = (
    "δz has the wrong sign. z stands in the blend with −n and with +h_{t−1}: a larger z moves the state towards the "
    "old one."
)
NO_TANH = "The candidate's slope is missing: δa_n = δn ⊙ (1 − n²), because n is a tanh."
TANH_NOT_SQUARED = (
    "The slope of tanh is 1 − n², in terms of its output n; 1 − n, without the square, is something else."
)
NO_Z_SLOPE = "The update gate's slope is missing: δa_z = δz ⊙ z (1 − z), because z is a logistic function."
NO_R_SLOPE = "The reset gate's slope is missing: δa_r = δr ⊙ r (1 − r), because r is a logistic function."
TANH_FOR_GATES = (
    "The gates' slopes are taken from tanh, 1 − z² and 1 − r². Gates are squashed by the logistic function, whose "
    "slope is σ (1 − σ)."
)
ORDER = "The blocks stand in the order z, r, n, as Keras has them. Here the order is r, z, n, in W, U and b alike."
NO_GATE = "δq is δa_n itself. The message was heard with weight r, and so is its gradient: δq = δa_n ⊙ r."
RESET_TWICE = (
    "δr is built from δq, which holds a factor r already. In r ⊙ q each factor hears with the other as its weight: "
    "δr = δa_n ⊙ q."
)
MEAN = (
    "db is the mean over the batch. The loss is the sum of what each sequence contributes, so its gradient is the sum."
)
_COLUMNS = (
    "dU has the layout of PyTorch's weight_hh. Rows times matrices: U is (H, 3H) here, so dU is h_{t−1}ᵀ times δ."
)
_DOUBLE = (
    "An array made by np.zeros or np.empty is float64 whatever the inputs are. Give it their dtype, or use "
    "np.zeros_like."
)


def _in_both(roads: str) -> tuple[Mistake, ...]:
    """What goes wrong in the same way in both forms; `roads` is the label of the form's equation for δh_{t−1}."""
    return (
        Mistake("road-1-missing", "dh_prev = dh * z + ", "dh_prev = ", ROAD_1, roads),
        Mistake("road-3-missing", " + da_r @ U_r.T", "", ROAD_3, roads),
        Mistake("road-4-missing", " + da_z @ U_z.T", "", ROAD_4, roads),
        Mistake("shares-exchanged", BLEND_BACKWARD, "dh * z * (1 - n**2)", SHARE, "eq-gru-dn"),
        Mistake("update-gate-sign", "(h_prev - n)", "(n - h_prev)", SIGN, "eq-gru-dn"),
        Mistake(
            "update-gate-hears-the-candidate-alone",
            "(h_prev - n)",
            "-n",
            "The update gate stands in the blend twice: with −n and with +h_{t−1}. Only the first is here.",
            "eq-gru-dn",
        ),
        Mistake("no-slope-of-the-candidate", BLEND_BACKWARD, "dh * (1 - z)", NO_TANH, "eq-gru-da"),
        Mistake("slope-not-squared", "(1 - n**2)", "(1 - n)", TANH_NOT_SQUARED, "eq-gru-da"),
        Mistake("no-slope-of-the-update-gate", _UPDATE, "da_z = dh * (h_prev - n)", NO_Z_SLOPE, "eq-gru-da"),
        Mistake("no-slope-of-the-reset-gate", " * r * (1 - r)", "", NO_R_SLOPE, "eq-gru-da"),
        Mistake(
            "blocks-in-keras-order",
            "da = np.concatenate([da_r, da_z, da_n], axis=1)",
            "da_r, da_z = da_z, da_r\n    da = np.concatenate([da_r, da_z, da_n], axis=1)",
            ORDER,
            "eq-gru-a",
        ),
        Mistake("bias-averaged", "da.sum(axis=0)", "da.mean(axis=0)", MEAN, "eq-gru-db"),
        Mistake(
            "input-weights-averaged",
            "dW = x.T @ da",
            "dW = x.T @ da / len(x)",
            "dW is divided by the batch size. Whether the loss is a mean is decided where the loss is, in δh.",
            "eq-gru-dW",
        ),
        Mistake(
            "double-precision",
            "da = np.concatenate([da_r, da_z, da_n], axis=1)",
            "da = np.zeros((len(x), W.shape[1]))\n    da[:] = np.concatenate([da_r, da_z, da_n], axis=1)",
            _DOUBLE,
            elsewhere=HERE_ONLY,
        ),
        Mistake(
            "argument-changed",
            f"da_n = {BLEND_BACKWARD}\n    {_UPDATE}",
            f"{_UPDATE}\n    dh *= 1 - z\n    da_n = dh * (1 - n**2)",
            "The caller's dh is multiplied by 1 − z, and road 1 then carries what is left of it.",
            "eq-gru-dn",
            elsewhere=HERE_ONLY,
        ),
    )


STEP_AFTER_BACKWARD = (
    *_in_both("eq-gru-after-dh"),
    Mistake("road-2-missing", " + dq @ U_n.T", "", ROAD_2, "eq-gru-after-dh"),
    Mistake(
        "blocks-not-transposed",
        "dq @ U_n.T + da_r @ U_r.T + da_z @ U_z.T",
        "dq @ U_n + da_r @ U_r + da_z @ U_z",
        "The gradient is sent back along the blocks of U. Forward it was h_{t−1} U_r, so backward it is δa_r U_rᵀ.",
        "eq-gru-after-dh",
    ),
    Mistake(
        "message-without-its-gate",
        "dq = da_n * r",
        "dq = da_n",
        NO_GATE,
        "eq-gru-after-dq",
    ),
    Mistake(
        "recurrent-gradient-without-the-gate",
        "[da_r, da_z, dq]",
        "[da_r, da_z, da_n]",
        "The n block of dU is built from δa_n. U_n stands in the message q, behind the reset gate: its gradient is "
        "h_{t−1}ᵀ δq.",
        "eq-gru-after-dU",
    ),
    Mistake(
        "one-gradient-for-two-biases",
        "dc_n = dq.sum(axis=0)",
        "dc_n = da_n.sum(axis=0)",
        "dc_n is the gradient of b_n. c_n stands inside the reset gate, in q: sum δq, not δa_n.",
        "eq-gru-after-dU",
    ),
    Mistake(
        "reset-gate-hears-the-state",
        "da_r = da_n * q",
        "da_r = da_n * h_prev",
        "The reset gate's gradient is taken with h_{t−1}. In this form the gate multiplies the message q, so "
        "δr = δa_n ⊙ q.",
        "eq-gru-after-dq",
    ),
    Mistake(
        "reset-gate-twice",
        "da_r = da_n * q",
        "da_r = dq * q",
        RESET_TWICE,
        "eq-gru-after-dq",
    ),
    Mistake(
        "gate-slopes-of-tanh",
        "z * (1 - z)\n    dq = da_n * r\n    da_r = da_n * q * r * (1 - r)",
        "(1 - z**2)\n    dq = da_n * r\n    da_r = da_n * q * (1 - r**2)",
        TANH_FOR_GATES,
        "eq-gru-da",
    ),
    Mistake(
        "recurrent-gradient-transposed",
        "h_prev.T @ np.concatenate([da_r, da_z, dq], axis=1)",
        "np.concatenate([da_r, da_z, dq], axis=1).T @ h_prev",
        _COLUMNS,
        "eq-gru-dU",
        elsewhere={
            "tensorflow": (
                "tf.transpose(h_prev) @ tf.concat([da_r, da_z, dq], axis=1)",
                "tf.transpose(tf.concat([da_r, da_z, dq], axis=1)) @ h_prev",
            )
        },
    ),
)

STEP_BEFORE_BACKWARD = (
    *_in_both("eq-gru-before-dh"),
    Mistake("road-2-missing", " + ds * r", "", ROAD_2, "eq-gru-before-dh"),
    Mistake(
        "road-2-without-its-gate",
        "ds * r +",
        "ds +",
        "Road 2 does not pass the gate. The old state stands in s with weight r, so its gradient is δs ⊙ r.",
        "eq-gru-before-dh",
    ),
    Mistake(
        "road-2-of-the-other-form",
        "ds * r +",
        "(da_n * r) @ U_n.T +",
        "Road 2 is that of the other form, gate first. Back through a product comes first here, δs = δa_n U_nᵀ, then "
        "the gate: δs ⊙ r.",
        "eq-gru-before-dh",
    ),
    Mistake(
        "recurrent-gradient-with-the-state",
        "s.T @ da_n",
        "h_prev.T @ da_n",
        "The n block of dU is made with h_{t−1}. What U_n multiplied was s = r ⊙ h_{t−1}. Nothing else shows this "
        "slip.",
        "eq-gru-before-dU",
    ),
    Mistake(
        "reset-state-for-all-gates",
        "np.concatenate([h_prev.T @ da_r, h_prev.T @ da_z, s.T @ da_n], axis=1)",
        "s.T @ da",
        "All of dU is made with s. The gates r and z saw the old state itself, h_{t−1}; only U_n multiplied s.",
        "eq-gru-before-dU",
    ),
    Mistake(
        "not-transposed",
        "ds = da_n @ U_n.T",
        "ds = da_n @ U_n",
        "δa_n is sent back along U_n. Forward it was s U_n, so backward it is δa_n U_nᵀ.",
        "eq-gru-before-ds",
    ),
    Mistake(
        "product-forgotten",
        "ds = da_n @ U_n.T",
        "ds = da_n",
        "Between s and the candidate stands the matrix U_n: δs = δa_n U_nᵀ.",
        "eq-gru-before-ds",
    ),
    Mistake(
        "reset-gate-of-the-other-form",
        "da_r = ds * h_prev",
        "da_r = da_n * (h_prev @ U_n)",
        "This is the reset gate's gradient in the other form, where the gate stands after the product. Here "
        "δr = δs ⊙ h_{t−1}.",
        "eq-gru-before-ds",
    ),
    Mistake(
        "reset-gate-twice",
        "da_r = ds * h_prev",
        "da_r = ds * s",
        "δr is taken with s, which holds a factor r already. In s = r ⊙ h_{t−1} the gate hears with weight h_{t−1}.",
        "eq-gru-before-ds",
    ),
    Mistake(
        "gate-slopes-of-tanh",
        "z * (1 - z)\n    ds = da_n @ U_n.T\n    da_r = ds * h_prev * r * (1 - r)",
        "(1 - z**2)\n    ds = da_n @ U_n.T\n    da_r = ds * h_prev * (1 - r**2)",
        TANH_FOR_GATES,
        "eq-gru-da",
    ),
)
