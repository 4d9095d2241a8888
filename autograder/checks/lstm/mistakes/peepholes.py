"""What people get wrong with peepholes, forward and backward."""

from autograder.checks.lstm.mistakes.step_backward import BLOCKS_OUT_OF_ORDER, CELL_NOT_SQUASHED
from autograder.checks.mistakes import Mistake

_ROWS = "p_i, p_f, p_o = p"
_ROWS_HINT = "The rows of p are taken in another order. They belong to i, f and o, in this order."

PEEPHOLE_STEP = (
    Mistake(
        "output-gate-sees-the-old-cell",
        "a_o + c * p_o",
        "a_o + c_prev * p_o",
        "The output gate sees c_{t−1}. It decides what is shown of the *new* cell, so it comes last and sees c_t.",
        "eq-lstm-peep",
    ),
    Mistake(
        "output-gate-without-peephole",
        "a_o + c * p_o",
        "a_o",
        "The output gate has no peephole. It sees the new cell, c_t ⊙ p_o.",
        "eq-lstm-peep",
    ),
    Mistake(
        "forget-gate-without-peephole",
        "a_f + c_prev * p_f",
        "a_f",
        "The forget gate has no peephole. It sees the old cell, c_{t−1} ⊙ p_f.",
        "eq-lstm-peep",
    ),
    Mistake(
        "input-gate-without-peephole",
        "a_i + c_prev * p_i",
        "a_i",
        "The input gate has no peephole. It sees the old cell, c_{t−1} ⊙ p_i.",
        "eq-lstm-peep",
    ),
    Mistake(
        "candidate-peeps-too",
        "np.tanh(a_g)",
        "np.tanh(a_g + c_prev)",
        "The candidate sees the cell as well. Peepholes are for the gates, which decide; the candidate has none.",
        "eq-lstm-peep",
    ),
    Mistake(
        "gates-see-the-output",
        "sigmoid(a_i + c_prev * p_i), sigmoid(a_f + c_prev * p_f)",
        "sigmoid(a_i + h_prev * p_i), sigmoid(a_f + h_prev * p_f)",
        "Input and forget gate see h_{t−1} through their peepholes. That they see anyhow; a peephole looks at the "
        "cell, c_{t−1}.",
        "eq-lstm-peep",
    ),
    Mistake(
        "output-gate-sees-the-cell-squashed",
        "a_o + c * p_o",
        "a_o + np.tanh(c) * p_o",
        "The output gate sees tanh c_t. A peephole looks at the cell as it is.",
        "eq-lstm-peep",
    ),
    Mistake(
        "peephole-after-the-squashing",
        "sigmoid(a_o + c * p_o)",
        "sigmoid(a_o) + c * p_o",
        "What the output gate sees is added after σ, so the gate may leave the range from 0 to 1. Add it to the "
        "pre-activation.",
        "eq-lstm-peep",
    ),
    Mistake(
        "rows-f-i-o",
        _ROWS,
        "p_f, p_i, p_o = p",
        _ROWS_HINT,
        "eq-lstm-peep",
    ),
    Mistake("rows-i-o-f", _ROWS, "p_i, p_o, p_f = p", _ROWS_HINT, "eq-lstm-peep"),
    Mistake(
        "order-i-f-o-g",
        "a_i, a_f, a_g, a_o = ",
        "a_i, a_f, a_o, a_g = ",
        "The blocks are taken in the order i, f, o, g. Here the order is i, f, g, o.",
        "eq-lstm-a",
    ),
    Mistake(
        "cell-shown-as-it-is",
        "np.tanh(c)",
        "c",
        "The cell is shown without tanh: h_t is o_t ⊙ tanh c_t. Only the gates see c_t as it is.",
        "eq-lstm-h",
    ),
    Mistake(
        "peephole-as-a-factor",
        "sigmoid(a_f + c_prev * p_f)",
        "sigmoid(a_f * c_prev * p_f)",
        "What the forget gate sees of the cell is multiplied to its pre-activation. It is one more term of the sum.",
        "eq-lstm-peep",
    ),
)

_DC = "dc = dc_later + dh * o * (1 - tanh_c**2) + da_o * p_o"
_DC_PREV = "dc_prev = dc * f + da_i * p_i + da_f * p_f"

PEEPHOLE_BACKWARD = (
    Mistake(
        "no-road-through-the-output-gate",
        _DC,
        "dc = dc_later + dh * o * (1 - tanh_c**2)",
        "δc_t lacks what the output gate sends. It sees c_t through its peephole, so c_t hears from a_o in the same "
        "step.",
        "eq-lstm-peep-dc",
    ),
    Mistake(
        "output-gate-heard-a-step-early",
        _DC_PREV,
        "dc_prev = dc * f + da_i * p_i + da_f * p_f + da_o * p_o",
        "What the output gate sends is also added to δc_{t−1}. It saw c_t; only i and f saw c_{t−1}.",
        "eq-lstm-peep-dc",
    ),
    Mistake(
        "road-without-the-slope-of-o",
        "+ da_o * p_o",
        "+ dh * tanh_c * p_o",
        "On the road through the output gate the slope o (1 − o) is missing: the peephole enters before σ, so it meets "
        "δa_o.",
        "eq-lstm-peep-dc",
    ),
    Mistake(
        "no-roads-through-the-input-and-forget-gates",
        _DC_PREV,
        "dc_prev = dc * f",
        "δc_{t−1} has only the carousel's road. Input and forget gate saw c_{t−1} as well: two terms more.",
        "eq-lstm-peep-dc",
    ),
    Mistake(
        "no-road-through-the-input-gate",
        _DC_PREV,
        "dc_prev = dc * f + da_f * p_f",
        "δc_{t−1} lacks the road through the input gate, which saw c_{t−1} through its peephole.",
        "eq-lstm-peep-dc",
    ),
    Mistake(
        "no-road-through-the-forget-gate",
        _DC_PREV,
        "dc_prev = dc * f + da_i * p_i",
        "δc_{t−1} lacks the road through the forget gate, which saw c_{t−1} through its peephole.",
        "eq-lstm-peep-dc",
    ),
    Mistake(
        "no-road-through-the-next-cell",
        _DC,
        "dc = dh * o * (1 - tanh_c**2) + da_o * p_o",
        "δc_t lacks what comes from later steps, dc_later.",
        "eq-lstm-peep-dc",
    ),
    Mistake("cell-not-squashed", "(1 - tanh_c**2)", "(1 - c**2)", CELL_NOT_SQUASHED, "eq-lstm-peep-dc"),
    Mistake(
        "output-weight-pairs-with-the-old-cell",
        "da_o * c])",
        "da_o * c_prev])",
        "δp_o pairs δa_o with the old cell. The output gate saw the new one, c_t.",
        "eq-lstm-peep-dp",
    ),
    Mistake(
        "forget-weight-pairs-with-the-new-cell",
        "da_f * c_prev, da_o",
        "da_f * c, da_o",
        "δp_f pairs δa_f with the new cell. The forget gate saw the old one, c_{t−1}.",
        "eq-lstm-peep-dp",
    ),
    Mistake(
        "rows-exchanged",
        "[da_i * c_prev, da_f * c_prev, da_o * c]",
        "[da_f * c_prev, da_i * c_prev, da_o * c]",
        "The rows of dp are exchanged. They belong to i, f and o, as those of p.",
        "eq-lstm-peep-dp",
    ),
    Mistake("rows-read-f-i-o", _ROWS, "p_f, p_i, p_o = p", _ROWS_HINT, "eq-lstm-peep"),
    Mistake(
        "weights-averaged",
        "seen.sum(axis=1)",
        "seen.mean(axis=1)",
        "dp is the mean over the batch. The loss is the sum of what each sequence contributes, so its gradient is the "
        "sum.",
        "eq-lstm-peep-dp",
    ),
    Mistake(
        "weights-not-summed",
        "dp = seen.sum(axis=1)",
        "dp = seen",
        "dp has an entry for each sequence. The same p serves them all, so their shares are added over the batch.",
        "eq-lstm-peep-dp",
    ),
    Mistake(
        "blocks-out-of-order", "[da_i, da_f, da_g, da_o]", "[da_i, da_f, da_o, da_g]", BLOCKS_OUT_OF_ORDER, "eq-lstm-a"
    ),
)
