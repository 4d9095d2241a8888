"""What people get wrong in backpropagation through a masked sequence."""

from autograder.checks.lstm.mistakes.step_backward import (
    BLOCKS_OUT_OF_ORDER,
    BLOCKS_READ_OUT_OF_ORDER,
    CELL_NOT_SQUASHED,
    NO_OUTPUT_GATE,
    NO_SLOPE,
    NO_SLOPE_OF_G,
    SIGMOID_SLOPE,
)
from autograder.checks.mistakes import HERE_ONLY, Mistake

_PREVIOUS = "(H[t - 1], C[t - 1]) if t > 0 else (h_0, c_0)"
_DC_NEW = "dc_new = m * dc + dh_new * o * (1 - tanh_c**2)"
_SPLIT = "i, f, g, o = np.split(gates[t], 4, axis=1)"
_BODY = f"""dh_new = m * dh
        {_DC_NEW}
        da_i = dc_new * g * i * (1 - i)
        da_f = dc_new * c_prev * f * (1 - f)
        da_g = dc_new * i * (1 - g**2)
        da_o = dh_new * tanh_c * o * (1 - o)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        dX[t] = da @ W.T
        dW += X[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh = da @ U.T + (1 - m) * dh
        dc = dc_new * f + (1 - m) * dc"""
_UNMASKED = (
    _BODY.replace("dh_new = m * dh", "dh_new = dh")
    .replace("dc_new = m * dc", "dc_new = dc")
    .replace("dh = da @ U.T", "dh = m * (da @ U.T)")
    .replace("dc = dc_new * f", "dc = m * dc_new * f")
)

SEQUENCE_BACKWARD = (
    Mistake(
        "cell-never-hears-of-the-output",
        _DC_NEW,
        "dc_new = m * dc",
        "c_t reaches the loss along two roads: through c_{t+1} and through h_t. Your gradient has only the one through "
        "c_{t+1}.",
        "eq-lstm-mask-made",
    ),
    Mistake(
        "nothing-comes-along-the-cell",
        _DC_NEW,
        "dc_new = dh_new * o * (1 - tanh_c**2)",
        "c_t reaches the loss along two roads: through c_{t+1} and through h_t. Your gradient has only the one through "
        "h_t, so nothing is remembered for longer than a step.",
        "eq-lstm-mask-made",
    ),
    Mistake("cell-not-squashed", "(1 - tanh_c**2)", "(1 - C[t] ** 2)", CELL_NOT_SQUASHED, "eq-lstm-dc"),
    Mistake("no-output-gate", "dh_new * o * (1 - tanh_c**2)", "dh_new * (1 - tanh_c**2)", NO_OUTPUT_GATE, "eq-lstm-dc"),
    Mistake("no-slope-of-i", "dc_new * g * i * (1 - i)", "dc_new * g", NO_SLOPE.format("i"), "eq-lstm-da"),
    Mistake("no-slope-of-f", "dc_new * c_prev * f * (1 - f)", "dc_new * c_prev", NO_SLOPE.format("f"), "eq-lstm-da"),
    Mistake("no-slope-of-g", "dc_new * i * (1 - g**2)", "dc_new * i", NO_SLOPE_OF_G, "eq-lstm-da"),
    Mistake("no-slope-of-o", "dh_new * tanh_c * o * (1 - o)", "dh_new * tanh_c", NO_SLOPE.format("o"), "eq-lstm-da"),
    Mistake("slope-of-sigmoid-for-g", "(1 - g**2)", "g * (1 - g)", SIGMOID_SLOPE, "eq-lstm-da"),
    Mistake(
        "blocks-out-of-order", "[da_i, da_f, da_g, da_o]", "[da_i, da_f, da_o, da_g]", BLOCKS_OUT_OF_ORDER, "eq-lstm-a"
    ),
    Mistake(
        "blocks-read-out-of-order",
        _SPLIT,
        "i, f, o, g = np.split(gates[t], 4, axis=1)",
        BLOCKS_READ_OUT_OF_ORDER,
        "eq-lstm-a",
    ),
    Mistake(
        "gates-of-the-step-before",
        "np.split(gates[t], ",
        "np.split(gates[t - 1], ",
        "The gates are those of step t − 1. gates[t] made C[t] and H[t]; only the *states* that went in are of the "
        "step before.",
        "eq-lstm-mask-gates",
    ),
    Mistake(
        "cell-of-the-step-before",
        "np.tanh(C[t])",
        "np.tanh(c_prev)",
        "tanh c is taken of the cell that went into the step. h_t shows the one that came out, c_t.",
        "eq-lstm-mask-made",
    ),
    Mistake(
        "cell-without-tanh-for-the-output-gate",
        "dh_new * tanh_c * o",
        "dh_new * C[t] * o",
        "δo_t is paired with c_t. What the output gate multiplied was tanh c_t.",
        "eq-lstm-mask-gates",
    ),
    Mistake(
        "new-cell-for-the-forget-gate",
        "dc_new * c_prev * f",
        "dc_new * C[t] * f",
        "δf_t is paired with c_t. What the forget gate multiplied was the *old* cell, c_{t−1}.",
        "eq-lstm-mask-gates",
    ),
    Mistake(
        "output-gate-from-the-cell",
        "dh_new * tanh_c * o",
        "dc_new * tanh_c * o",
        "δo_t is made from δc_t. The output gate does not stand in the cell; it hears from h_t, by δh_t.",
        "eq-lstm-mask-gates",
    ),
    Mistake(
        "direct-gradient-only",
        "dh = dh + G[t]",
        "dh = G[t]",
        "Only G_t, the direct path, is used. h_t also reaches the loss through the next step's gates: add what came "
        "back from there.",
        "eq-lstm-dh",
    ),
    Mistake(
        "last-gradient-only",
        "dh = dh + G[t]",
        "dh = dh + (G[t] if t == len(X) - 1 else 0)",
        "Only the last step's G is used. Every h_t may reach the loss directly: add G_t at each step.",
        "eq-lstm-dh",
        elsewhere={"tensorflow": ("dh = dh + G[t]", "dh = dh + (G[t] if t == X.shape[0] - 1 else 0)")},
    ),
    Mistake(
        "direct-gradient-masked",
        "dh = dh + G[t]",
        "dh = dh + m * G[t]",
        "G_t is dropped where the mask is 0. The state stands there, carried over, and what reaches it counts.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "direct-gradient-too-late",
        "dh = da @ U.T + (1 - m) * dh",
        "dh = da @ U.T + (1 - m) * dh + G[t]",
        "G_t is counted twice: once at its own step and once at the one before.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "last-cell-not-heard",
        "dh, dc = np.zeros_like(h_0), dc_T",
        "dh, dc = np.zeros_like(h_0), np.zeros_like(c_0)",
        "The walk starts with δc = 0. A loss sees the last cell here: what reaches it, dc_T, is where δc begins.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "last-cell-for-the-last-output",
        "dh, dc = np.zeros_like(h_0), dc_T",
        "dh, dc = dc_T, np.zeros_like(c_0)",
        "dc_T is sent into the last output. It is what reaches the last *cell*.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "last-cell-at-every-step",
        _DC_NEW,
        "dc_new = m * (dc_T + dc if t < len(X) - 1 else dc) + dh_new * o * (1 - tanh_c**2)",
        "dc_T is added at every step. The loss sees the last cell only; earlier ones hear of it along the walk.",
        "eq-lstm-mask-state",
        elsewhere={
            "tensorflow": (
                _DC_NEW,
                "dc_new = m * (dc_T + dc if t < X.shape[0] - 1 else dc) + dh_new * o * (1 - tanh_c**2)",
            )
        },
    ),
    Mistake(
        "stopped-at-the-gates",
        "dh = da @ U.T + (1 - m) * dh",
        "dh = (1 - m) * dh",
        "Nothing goes back through the gates: δh_{t−1} lacks δa_t Uᵀ. Along the cell alone is how the LSTM was "
        "trained in 1997; the full gradient has both.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "carousel-cut",
        "dc = dc_new * f + (1 - m) * dc",
        "dc = (1 - m) * dc",
        "Nothing goes back along the cell: δc_{t−1} lacks the road through c_t, δc_t ⊙ f_t.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "forget-gate-forgotten",
        "dc = dc_new * f + (1 - m) * dc",
        "dc = dc_new + (1 - m) * dc",
        "On the way from c_t to c_{t−1} the forget gate f_t is missing.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "forget-gate-of-the-step-before",
        "dc = dc_new * f + (1 - m) * dc",
        "dc = dc_new * np.split(gates[t - 1], 4, axis=1)[1] + (1 - m) * dc",
        "The forget gate is taken from step t − 1. Between c_t and c_{t−1} stands f_t, the gate of the step that "
        "made c_t.",
        "eq-lstm-dc",
    ),
    Mistake(
        "forget-gate-where-masked",
        "dc = dc_new * f + (1 - m) * dc",
        "dc = (dc_new + (1 - m) * dc) * f",
        "At masked steps δc is multiplied by the forget gate. No step was taken there: it passes on as it is.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "cell-gradient-stops-at-masked-steps",
        "dc = dc_new * f + (1 - m) * dc",
        "dc = dc_new * f",
        "δc stops at masked steps. Where the mask is 0, c_t is c_{t−1}, so δc passes on untouched: add (1 − m) ⊙ δc_t.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "output-gradient-stops-at-masked-steps",
        "dh = da @ U.T + (1 - m) * dh",
        "dh = da @ U.T",
        "δh stops at masked steps. Where the mask is 0, h_t is h_{t−1}, so δh passes on untouched: add (1 − m) ⊙ δh_t.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "output-passed-straight-back",
        "dh = da @ U.T + (1 - m) * dh",
        "dh = da @ U.T + dh",
        "δh_t is passed on everywhere. Only where the mask is 0 is h carried; elsewhere h_{t−1} acts through U alone.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "cell-passed-straight-back",
        "dc = dc_new * f + (1 - m) * dc",
        "dc = dc_new * f + dc",
        "δc_t is passed on everywhere. Only where the mask is 0 is c carried as it is; elsewhere it goes through f_t.",
        "eq-lstm-mask-state",
    ),
    Mistake(
        "mask-ignored",
        "m = mask[t][:, None]",
        "m = np.ones_like(mask[t][:, None])",
        "The mask is not used. A masked step was not taken: no parameter and no input hears of it, and δh and δc "
        "pass on.",
        "eq-lstm-mask-made",
    ),
    Mistake(
        "padding-reaches-the-parameters",
        _BODY,
        _UNMASKED,
        "δh and δc pass masked steps as they should, but δa_t is not masked, so parameters and inputs hear from "
        "steps that were never taken.",
        "eq-lstm-mask-made",
        elsewhere={"tensorflow": None},  # dX is a list there
    ),
    Mistake(
        "outputs-made-where-masked",
        "dh_new = m * dh",
        "dh_new = dh",
        "δh̃ is not masked, so parameters hear from outputs that masked steps never made: δh̃_t = m_t ⊙ δh_t.",
        "eq-lstm-mask-made",
    ),
    Mistake(
        "cells-made-where-masked",
        "dc_new = m * dc + dh_new",
        "dc_new = dc + dh_new",
        "δc̃ is not masked, so parameters hear from cells that masked steps never made: m_t ⊙ δc_t.",
        "eq-lstm-mask-made",
    ),
    Mistake(
        "state-that-came-out",
        _PREVIOUS,
        "(H[t], C[t - 1]) if t > 0 else (H[t], c_0)",
        "dU pairs δa_t with the state that went *into* step t, h_{t−1}, not with the one that came out.",
        "eq-lstm-dW",
    ),
    Mistake(
        "first-step-wraps-around",
        _PREVIOUS,
        "(H[t - 1], C[t - 1])",
        "At the first step H[t − 1] is H[−1], the *last* state, and so with C. Before the first step stand h_0 and "
        "c_0.",
        "eq-lstm-dW",
    ),
    Mistake(
        "zero-before-the-first-step",
        _PREVIOUS,
        "(H[t - 1], C[t - 1]) if t > 0 else (np.zeros_like(h_0), np.zeros_like(c_0))",
        "Before the first step stand h_0 and c_0, not zeros: both went into it like every other state.",
        "eq-lstm-dW",
    ),
    Mistake(
        "walked-forwards",
        "for t in reversed(range(len(X))):",
        "for t in range(len(X)):",
        "The steps are walked from the first to the last. δh_t and δc_t need what step t + 1 sends back: start at "
        "the end.",
        "eq-lstm-mask-state",
        elsewhere={"tensorflow": None},  # dX is a list there, so it would stand in the order of the walk
    ),
    Mistake(
        "last-step-only",
        "dU += h_prev.T @ da",
        "dU = h_prev.T @ da",
        "dU is overwritten at each step, so one step is left. The same U serves every step: add them up.",
        "eq-lstm-dW",
    ),
    Mistake(
        "averaged-over-time",
        "db += da.sum(axis=0)",
        "db += da.sum(axis=0) / len(X)",
        "db is divided by the number of steps. Gradients of shared parameters add up over time.",
        "eq-lstm-dW",
        elsewhere={"tensorflow": ("db += tf.reduce_sum(da, axis=0)", "db += tf.reduce_sum(da, axis=0) / X.shape[0]")},
    ),
    Mistake(
        "averaged-over-the-batch",
        "db += da.sum(axis=0)",
        "db += da.mean(axis=0)",
        "db is averaged over the batch. The loss is the sum of what each sequence contributes, so its gradient is the "
        "sum.",
        "eq-lstm-dW",
    ),
    Mistake(
        "states-exchanged",
        ", dh, dc, dW",
        ", dc, dh, dW",
        "The gradients of the two initial states are returned in the other order. As in forward, h comes first.",
        "eq-lstm-dx",
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
    Mistake(
        "last-cell-changed",
        "dc = dc_new * f + (1 - m) * dc",
        "dc[:] = dc_new * f + (1 - m) * dc",
        "dc is the caller's dc_T itself until the first assignment, and dc[:] = … writes into it.",
        elsewhere=HERE_ONLY,
    ),
)
