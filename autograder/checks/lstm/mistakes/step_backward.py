"""What people get wrong in the derivatives of one step."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

NO_SLOPE = "The slope of {0} is missing: δa is the gate's gradient times {0} ⊙ (1 − {0})."
NO_SLOPE_OF_G = "The slope of the candidate is missing: times 1 − g², because tanh' a = 1 − tanh² a."
SIGMOID_SLOPE = "The candidate gets the slope of σ, g (1 − g). It was squashed by tanh, whose slope is 1 − g²."
CELL_NOT_SQUASHED = "The slope at the cell is 1 − tanh² c, not 1 − c²: what the loss sees of c_t is tanh c_t."
ROAD_NOW_ONLY = (
    "c_t reaches the loss along two roads: through c_{t+1} and through h_t. Your gradient has only the one through h_t."
)
ROAD_LATER_ONLY = (
    "c_t reaches the loss along two roads: through c_{t+1} and through h_t. Your gradient has only the one through "
    "c_{t+1}."
)
NO_OUTPUT_GATE = "On the road through h_t the output gate is missing: h_t = o_t ⊙ tanh c_t, so o_t stands in the slope."
SQUASHED_TWICE = "The gates that are given have been squashed already; you squash them again."
BLOCKS_OUT_OF_ORDER = "The blocks of δa are put together as i, f, o, g. They must stand as in W: i, f, g, o."
BLOCKS_READ_OUT_OF_ORDER = "The blocks of the gates are read as i, f, o, g. They stand as in W: i, f, g, o."

_SPLIT = "i, f, g, o = np.split(gates, 4, axis=1)"

CELL_DERIVATIVES = (
    Mistake(
        "output-gate-not-zero",
        "np.zeros_like(o)",
        "o * (1 - o)",
        "The output gate does not stand in c_t = f ⊙ c_{t−1} + i ⊙ g. It acts after the cell, so its block is zero.",
        "eq-lstm-c",
    ),
    Mistake(
        "output-gate-of-h",
        "np.zeros_like(o)",
        "np.tanh(f * c_prev + i * g) * o * (1 - o)",
        "This is how h_t depends on the output gate. Asked for is c_t, in which that gate does not stand.",
        "eq-lstm-c",
    ),
    Mistake("no-slope-of-i", "g * i * (1 - i)", "g", NO_SLOPE.format("i"), "eq-lstm-dsigma"),
    Mistake("no-slope-of-f", "c_prev * f * (1 - f)", "c_prev", NO_SLOPE.format("f"), "eq-lstm-dsigma"),
    Mistake("no-slope-of-g", "i * (1 - g**2)", "i", NO_SLOPE_OF_G, "eq-lstm-da"),
    Mistake("slope-of-sigmoid-for-g", "(1 - g**2)", "g * (1 - g)", SIGMOID_SLOPE, "eq-lstm-da"),
    Mistake(
        "slope-of-tanh-for-i",
        "g * i * (1 - i)",
        "g * (1 - i**2)",
        "The input gate gets the slope of tanh. It was squashed by σ, whose slope is i (1 − i).",
        "eq-lstm-dsigma",
    ),
    Mistake(
        "slope-of-tanh-for-f",
        "c_prev * f * (1 - f)",
        "c_prev * (1 - f**2)",
        "The forget gate gets the slope of tanh. It was squashed by σ, whose slope is f (1 − f).",
        "eq-lstm-dsigma",
    ),
    Mistake(
        "half-a-slope",
        "g * i * (1 - i)",
        "g * (1 - i)",
        "Of the slope of σ, i (1 − i), only the factor 1 − i is there.",
        "eq-lstm-dsigma",
    ),
    Mistake(
        "slopes-alone-i",
        "g * i * (1 - i)",
        "i * (1 - i)",
        "This is the slope of the gate. The cell has i ⊙ g, so the candidate is a factor of its derivative.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "slopes-alone-f",
        "c_prev * f * (1 - f)",
        "f * (1 - f)",
        "This is the slope of the gate. The cell has f ⊙ c_{t−1}, so the old cell is a factor of its derivative.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "slopes-alone-g",
        "i * (1 - g**2)",
        "(1 - g**2)",
        "This is the slope of the candidate. The cell has i ⊙ g, so the input gate is a factor of its derivative.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "squashed-twice",
        _SPLIT,
        "i, f, g, o = np.split(gates, 4, axis=1)\n    i, f, g = sigmoid(i), sigmoid(f), np.tanh(g)",
        SQUASHED_TWICE,
        "eq-lstm-gates",
    ),
    Mistake(
        "blocks-out-of-order",
        "[dc_da_i, dc_da_f, dc_da_g, dc_da_o]",
        "[dc_da_i, dc_da_f, dc_da_o, dc_da_g]",
        "The blocks are put together as i, f, o, g. They must stand as in W: i, f, g, o.",
        "eq-lstm-a",
    ),
    Mistake(
        "blocks-read-out-of-order",
        _SPLIT,
        "i, f, o, g = np.split(gates, 4, axis=1)",
        BLOCKS_READ_OUT_OF_ORDER,
        "eq-lstm-a",
    ),
)

_DC = "dc = dc_later + dh * o * (1 - tanh_c**2)"
_BODY = """i, f, g, o = np.split(gates, 4, axis=1)
    tanh_c = np.tanh(c)
    dc = dc_later + dh * o * (1 - tanh_c**2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * c_prev * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da_o = dh * tanh_c * o * (1 - o)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)"""

STEP_BACKWARD = (
    Mistake("one-road-later", _DC, "dc = dc_later", ROAD_LATER_ONLY, "eq-lstm-dc"),
    Mistake("one-road-now", _DC, "dc = dh * o * (1 - tanh_c**2)", ROAD_NOW_ONLY, "eq-lstm-dc"),
    Mistake("cell-not-squashed", "(1 - tanh_c**2)", "(1 - c**2)", CELL_NOT_SQUASHED, "eq-lstm-dc"),
    Mistake(
        "slope-at-the-output",
        "(1 - tanh_c**2)",
        "(1 - (o * tanh_c) ** 2)",
        "The slope is taken at h_t. tanh made tanh c_t, before the output gate: its slope is 1 − tanh² c_t.",
        "eq-lstm-dc",
    ),
    Mistake(
        "slope-of-the-slope",
        "(1 - tanh_c**2)",
        "(1 - np.tanh(tanh_c) ** 2)",
        "tanh is taken twice: the slope is 1 − tanh² c_t.",
        "eq-lstm-dc",
    ),
    Mistake(
        "no-slope-of-the-cell",
        _DC,
        "dc = dc_later + dh * o",
        "On the road through h_t the slope of tanh is missing: times 1 − tanh² c_t.",
        "eq-lstm-dc",
    ),
    Mistake("no-output-gate", _DC, "dc = dc_later + dh * (1 - tanh_c**2)", NO_OUTPUT_GATE, "eq-lstm-dc"),
    Mistake(
        "road-through-the-derivative-of-o",
        _DC,
        "dc = dc_later + dh * o * (1 - o) * (1 - tanh_c**2)",
        "On the road from h_t to c_t the output gate is a constant factor, o_t. Its own slope belongs into δa_o alone.",
        "eq-lstm-dc",
    ),
    Mistake(
        "forget-gate-too-early",
        _DC,
        "dc = dc_later * f + dh * o * (1 - tanh_c**2)",
        "What comes from later cells is multiplied by f_t before it has reached c_t. f_{t+1} was its factor; f_t "
        "stands between c_t and c_{t−1}.",
        "eq-lstm-dc",
    ),
    Mistake(
        "slope-at-the-old-cell",
        "np.tanh(c)",
        "np.tanh(c_prev)",
        "tanh c is taken of the old cell. h_t shows the new one, c_t.",
        "eq-lstm-dc",
    ),
    Mistake("no-slope-of-i", "dc * g * i * (1 - i)", "dc * g", NO_SLOPE.format("i"), "eq-lstm-da"),
    Mistake("no-slope-of-f", "dc * c_prev * f * (1 - f)", "dc * c_prev", NO_SLOPE.format("f"), "eq-lstm-da"),
    Mistake("no-slope-of-g", "dc * i * (1 - g**2)", "dc * i", NO_SLOPE_OF_G, "eq-lstm-da"),
    Mistake("no-slope-of-o", "dh * tanh_c * o * (1 - o)", "dh * tanh_c", NO_SLOPE.format("o"), "eq-lstm-da"),
    Mistake("slope-of-sigmoid-for-g", "(1 - g**2)", "g * (1 - g)", SIGMOID_SLOPE, "eq-lstm-da"),
    Mistake(
        "slope-of-tanh-for-o",
        "dh * tanh_c * o * (1 - o)",
        "dh * tanh_c * (1 - o**2)",
        "The output gate gets the slope of tanh. It was squashed by σ, whose slope is o (1 − o).",
        "eq-lstm-da",
    ),
    Mistake(
        "new-cell-for-the-forget-gate",
        "dc * c_prev * f",
        "dc * c * f",
        "δf_t is paired with c_t. What the forget gate multiplied was the *old* cell, c_{t−1}.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "output-for-the-forget-gate",
        "dc * c_prev * f",
        "dc * h_prev * f",
        "δf_t is paired with h_{t−1}. What the forget gate multiplied was the old cell, c_{t−1}.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "cell-without-tanh-for-the-output-gate",
        "dh * tanh_c * o",
        "dh * c * o",
        "δo_t is paired with c_t. What the output gate multiplied was tanh c_t.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "output-gate-from-the-cell",
        "dh * tanh_c * o",
        "dc * tanh_c * o",
        "δo_t is made from δc_t. The output gate does not stand in the cell; it hears from h_t, by δh_t.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "input-gate-from-the-output",
        "dc * g * i",
        "dh * g * i",
        "δi_t is made from δh_t. The input gate stands in the cell, so it hears from δc_t, with both roads.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "candidate-from-the-output",
        "dc * i * (1 - g**2)",
        "dh * i * (1 - g**2)",
        "δg_t is made from δh_t. The candidate stands in the cell, so it hears from δc_t, with both roads.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "forget-gate-hears-one-road",
        "dc * c_prev * f",
        "dc_later * c_prev * f",
        "δf_t is made from what later cells send alone. It needs the whole δc_t, both roads.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "candidate-hears-itself",
        "dc * i * (1 - g**2)",
        "dc * g * (1 - g**2)",
        "δg_t is paired with g_t. The factors of i ⊙ g cross over: what multiplied the candidate was the input gate.",
        "eq-lstm-dgates",
    ),
    Mistake(
        "squashed-twice",
        _SPLIT,
        f"{_SPLIT}\n    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)",
        SQUASHED_TWICE,
        "eq-lstm-gates",
    ),
    Mistake(
        "order-i-f-o-g-throughout",
        _BODY,
        _BODY.replace("i, f, g, o =", "i, f, o, g =").replace("da_f, da_g, da_o", "da_f, da_o, da_g"),
        "The gates are read, and δa put together, as i, f, o, g, the order of some other courses. Here it is i, f, "
        "g, o.",
        "eq-lstm-a",
    ),
    Mistake(
        "blocks-out-of-order", "[da_i, da_f, da_g, da_o]", "[da_i, da_f, da_o, da_g]", BLOCKS_OUT_OF_ORDER, "eq-lstm-a"
    ),
    Mistake(
        "blocks-read-out-of-order",
        _SPLIT,
        "i, f, o, g = np.split(gates, 4, axis=1)",
        BLOCKS_READ_OUT_OF_ORDER,
        "eq-lstm-a",
    ),
    Mistake(
        "forget-gate-forgotten",
        "dc_prev = dc * f",
        "dc_prev = dc",
        "δc_{t−1} lacks the forget gate. Forward the old cell was multiplied by f, so backward its gradient is.",
        "eq-lstm-dc",
    ),
    Mistake(
        "old-cell-hears-one-road",
        "dc_prev = dc * f",
        "dc_prev = dc_later * f",
        "δc_{t−1} gets only what came from later cells. It is the whole δc_t, both roads, times f_t.",
        "eq-lstm-dc",
    ),
    Mistake(
        "input-gate-on-the-carousel",
        "dc_prev = dc * f",
        "dc_prev = dc * i",
        "δc_{t−1} is multiplied by the input gate. What multiplied the old cell was the forget gate.",
        "eq-lstm-dc",
    ),
    Mistake(
        "output-passed-straight-back",
        "dh_prev = da @ U.T",
        "dh_prev = da @ U.T + dh",
        "δh_t is also added to δh_{t−1}. The output is not carried from step to step: h_{t−1} acts through U alone.",
        "eq-lstm-dh",
    ),
    Mistake(
        "state-that-came-out",
        "h_prev.T @ da",
        "(o * tanh_c).T @ da",
        "dU pairs δa_t with the state that went *into* the step, h_{t−1}, not with the one that came out.",
        "eq-lstm-dW",
    ),
    Mistake(
        "cell-for-the-state",
        "h_prev.T @ da",
        "c_prev.T @ da",
        "dU pairs δa_t with the cell. What met U was the output of the step before, h_{t−1}.",
        "eq-lstm-dW",
    ),
    Mistake(
        "recurrent-gradient-transposed",
        "h_prev.T @ da",
        "da.T @ h_prev",
        "dU is transposed. Row i of U belongs to unit i of the previous state: dU = h_{t−1}ᵀ δa_t.",
        "eq-lstm-dW",
        elsewhere={"tensorflow": ("tf.transpose(h_prev) @ da", "tf.transpose(da) @ h_prev")},
    ),
    Mistake(
        "bias-averaged",
        "da.sum(axis=0)",
        "da.mean(axis=0)",
        "db is the mean over the batch. The loss is the sum of what each sequence contributes, so its gradient is "
        "the sum.",
        "eq-lstm-dW",
    ),
    Mistake(
        "averaged-over-the-batch",
        "dW = x.T @ da",
        "dW = x.T @ da / len(x)",
        "dW is divided by the batch size. Whether the loss is a mean is decided where the loss is, in δh.",
        "eq-lstm-dW",
    ),
    Mistake(
        "states-exchanged",
        "return dx, dh_prev, dc_prev,",
        "return dx, dc_prev, dh_prev,",
        "The gradients of the two states are returned in the other order. As in forward, h comes first.",
        "eq-lstm-dx",
    ),
    Mistake(
        "argument-changed",
        _DC,
        "dc_later += dh * o * (1 - tanh_c**2)\n    dc = dc_later",
        "The caller's dc_later is added to.",
        "eq-lstm-dc",
        elsewhere=HERE_ONLY,
    ),
)
