"""What people get wrong in one step forward, and in the bias of the forget gate."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_BLOCKS = "a_i, a_f, a_g, a_o = "
_CELL = "c = f * c_prev + i * g"
_SQUASHED = "i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)"

STEP_FORWARD = (
    Mistake(
        "order-i-f-o-g",
        _BLOCKS,
        "a_i, a_f, a_o, a_g = ",
        "The blocks are taken in the order i, f, o, g. This course, PyTorch and Keras have the candidate third and the "
        "output gate last: i, f, g, o.",
        "eq-lstm-a",
    ),
    Mistake(
        "order-i-o-f-g",
        _BLOCKS,
        "a_i, a_o, a_f, a_g = ",
        "The blocks are taken in the order i, o, f, g, which is ONNX's. Here it is i, f, g, o.",
        "eq-lstm-a",
    ),
    Mistake(
        "order-f-i-g-o",
        _BLOCKS,
        "a_f, a_i, a_g, a_o = ",
        "Input and forget gate are exchanged. Whether in the blocks or in the cell: i comes first in W and "
        "multiplies g, f comes second and multiplies c_{t−1}.",
        "eq-lstm-c",
    ),
    Mistake(
        "order-i-g-f-o",
        _BLOCKS,
        "a_i, a_g, a_f, a_o = ",
        "The candidate is taken from the second block, as in Haiku. Here the order is i, f, g, o.",
        "eq-lstm-a",
    ),
    Mistake(
        "order-f-i-o-g",
        _BLOCKS,
        "a_f, a_i, a_o, a_g = ",
        "The blocks are taken in the order f, i, o, g, as many drawings have the gates from left to right. In W they "
        "stand as i, f, g, o.",
        "eq-lstm-a",
    ),
    Mistake(
        "blocks-interleaved",
        "np.split(a, 4, axis=1)",
        "a[:, 0::4], a[:, 1::4], a[:, 2::4], a[:, 3::4]",
        "Every fourth column is taken for a gate. The columns of one gate stand together: the first H are i's.",
        "eq-lstm-a",
    ),
    Mistake(
        "candidate-by-sigmoid",
        "np.tanh(a_g)",
        "sigmoid(a_g)",
        "The candidate is squashed by σ, so nothing negative can ever be written. It is content, not a gate: tanh.",
        "eq-lstm-gates",
    ),
    Mistake(
        "everything-by-tanh",
        _SQUASHED,
        "i, f, g, o = np.tanh(a_i), np.tanh(a_f), np.tanh(a_g), np.tanh(a_o)",
        "All four blocks are squashed by tanh. A gate is a share, between 0 and 1: σ for i, f and o.",
        "eq-lstm-gates",
    ),
    Mistake(
        "gates-not-squashed",
        _SQUASHED,
        "i, f, g, o = a_i, a_f, np.tanh(a_g), a_o",
        "The gates are pre-activations, of any size and sign. A gate is a share, between 0 and 1: σ of them.",
        "eq-lstm-gates",
    ),
    Mistake(
        "cell-shown-as-it-is",
        "h = o * np.tanh(c)",
        "h = o * c",
        "The cell is shown without tanh. It may grow beyond 1; the output is o_t ⊙ tanh c_t.",
        "eq-lstm-h",
    ),
    Mistake(
        "cell-shown-through-sigmoid",
        "h = o * np.tanh(c)",
        "h = o * sigmoid(c)",
        "The cell is shown through σ, so the output can never be negative. It is o_t ⊙ tanh c_t.",
        "eq-lstm-h",
    ),
    Mistake(
        "tanh-after-the-gate",
        "h = o * np.tanh(c)",
        "h = np.tanh(o * c)",
        "The output gate is applied inside the tanh. First squash the cell, then decide what is shown of it.",
        "eq-lstm-h",
    ),
    Mistake(
        "cell-squashed",
        _CELL,
        "c = np.tanh(f * c_prev + i * g)",
        "The cell itself is squashed. Nothing but the forget gate stands between c_{t−1} and c_t; tanh comes in only "
        "where the cell is shown.",
        "eq-lstm-c",
    ),
    Mistake(
        "old-cell-shown",
        "h = o * np.tanh(c)",
        "h = o * np.tanh(c_prev)",
        "The output shows the old cell. h_t is made from c_t, which this step has just written.",
        "eq-lstm-h",
    ),
    Mistake(
        "state-for-the-cell",
        _CELL,
        "c = f * h_prev + i * g",
        "The forget gate multiplies h_{t−1}. What it keeps is the cell, c_{t−1}.",
        "eq-lstm-c",
    ),
    Mistake(
        "gates-see-the-cell",
        "h_prev @ U",
        "c_prev @ U",
        "The gates see c_{t−1} through U. They see what the cell has shown, h_{t−1}.",
        "eq-lstm-a",
    ),
    Mistake(
        "no-input-gate",
        _CELL,
        "c = f * c_prev + g",
        "The candidate is written in full. The input gate decides how much of it: i ⊙ g.",
        "eq-lstm-c",
    ),
    Mistake(
        "no-forget-gate",
        _CELL,
        "c = c_prev + i * g",
        "The old cell is kept in full, so it can only grow. The forget gate decides what stays: f ⊙ c_{t−1}.",
        "eq-lstm-c",
    ),
    Mistake(
        "no-output-gate",
        "h = o * np.tanh(c)",
        "h = np.tanh(c)",
        "The whole cell is shown. The output gate decides how much of it: o ⊙ tanh c.",
        "eq-lstm-h",
    ),
    Mistake(
        "forget-gate-inverted",
        _CELL,
        "c = (1 - f) * c_prev + i * g",
        "The forget gate is read the wrong way round. In spite of its name it is 1 where the cell is *kept*.",
        "eq-lstm-c",
    ),
    Mistake(
        "gates-coupled",
        _CELL,
        "c = f * c_prev + (1 - f) * g",
        "This is the variant with coupled gates, i = 1 − f. Here the input gate is one of its own.",
        "eq-lstm-coupled",
    ),
    Mistake("no-bias", "h_prev @ U + b", "h_prev @ U", "The bias b is missing from the pre-activations.", "eq-lstm-a"),
    Mistake(
        "no-memory-of-the-output",
        "x @ W + h_prev @ U + b",
        "x @ W + b",
        "The previous output does not enter: h_{t−1} U is missing from the pre-activations.",
        "eq-lstm-a",
    ),
    Mistake(
        "no-input",
        "x @ W + h_prev @ U + b",
        "h_prev @ U + b",
        "The input does not enter: x_t W is missing from the pre-activations.",
        "eq-lstm-a",
    ),
    Mistake(
        "states-exchanged",
        "return h, c",
        "return c, h",
        "The two states are returned in the other order. Here the output h comes first, then the cell c.",
        "eq-lstm-h",
    ),
    Mistake(
        "sigmoid-by-exponentials",
        "sigmoid(a_i)",
        "np.exp(a_i) / (1 + np.exp(a_i))",
        "Written as exp(a) / (1 + exp(a)), σ overflows for large a: infinity divided by infinity is NaN. Use one that "
        "does not.",
        "eq-lstm-gates",
    ),
    Mistake(
        "argument-changed",
        _CELL,
        "c_prev *= f\n    c = c_prev + i * g",
        "The caller's cell is multiplied by the forget gate.",
        "eq-lstm-c",
        elsewhere=HERE_ONLY,
    ),
)

_BIAS = "-np.log(2 ** (1 / n) - 1)"
_PLACED = "[zero, b_f, zero, zero]"

FORGET_BIAS = (
    Mistake(
        "wrong-sign",
        _BIAS,
        "np.log(2 ** (1 / n) - 1)",
        "The sign is wrong: a longer memory needs a *larger* bias. Check it with n = 1, which gives 0, and n = 10.",
        "eq-lstm-bias",
    ),
    Mistake(
        "time-constant",
        _BIAS,
        "-np.log(np.exp(1 / n) - 1)",
        "After n steps this leaves 1/e of the cell. A half-life leaves one half.",
        "eq-lstm-half-life",
    ),
    Mistake(
        "gate-for-its-bias",
        _BIAS,
        "2 ** (-1 / n)",
        "This is the value that the gate should have. The bias stands inside σ: find the b with σ(b) equal to it.",
        "eq-lstm-half-life",
    ),
    Mistake(
        "logarithm-of-the-gate",
        _BIAS,
        "-0.6931471805599453 / n",
        "This is log f. The bias is what σ turns into f, so σ is still to be inverted: b = log f − log(1 − f).",
        "eq-lstm-half-life",
    ),
    Mistake(
        "gate-by-its-mean-life",
        _BIAS,
        "np.log(n - 1)",
        "This makes the gate 1 − 1/n, whose memory is n steps on average; it does not halve in n. Solve fⁿ = ½.",
        "eq-lstm-half-life",
    ),
    Mistake(
        "long-memories-only",
        _BIAS,
        "np.log(n / 0.6931471805599453)",
        "This is what the bias comes to when n is large. Give the exact solution, which also holds for a few steps.",
        "eq-lstm-bias",
    ),
    Mistake(
        "plus-for-minus",
        _BIAS,
        "-np.log(2 ** (1 / n) + 1)",
        "The 1 has the wrong sign. σ(b) = 1 / (1 + exp(−b)), so exp(−b) is 1/f *minus* 1.",
        "eq-lstm-half-life",
    ),
    Mistake(
        "half-life-inverted",
        _BIAS,
        "-np.log(2**n - 1)",
        "n and 1/n are exchanged: from fⁿ = ½ the gate is f = 2^(−1/n).",
        "eq-lstm-half-life",
    ),
    Mistake(
        "binary-logarithm",
        _BIAS,
        "-np.log2(2 ** (1 / n) - 1)",
        "This is a logarithm to base 2. The inverse of σ has the natural one, because σ is made of exp.",
        "eq-lstm-bias",
        elsewhere={
            "tensorflow": ("tf.math.log(2 ** (1 / n) - 1)", "tf.math.log(2 ** (1 / n) - 1) / 0.6931471805599453")
        },
    ),
    Mistake(
        "half-life-ignored",
        _BIAS,
        "np.ones_like(n)",
        "A bias of 1, as Keras has it, is one half-life for all: about two steps. Use the half-lives that are given.",
        "eq-lstm-bias",
    ),
    Mistake(
        "first-block",
        _PLACED,
        "[b_f, zero, zero, zero]",
        "The bias stands in the input gate's block, the first. In the order i, f, g, o the forget gate is second.",
        "eq-lstm-a",
    ),
    Mistake(
        "third-block",
        _PLACED,
        "[zero, zero, b_f, zero]",
        "The bias stands in the third block, where ONNX has its forget gate. In the order i, f, g, o it is the second.",
        "eq-lstm-a",
    ),
    Mistake(
        "every-gate",
        _PLACED,
        "[b_f, b_f, b_f, b_f]",
        "All four blocks get the bias, so the cell is also written and shown in full. Only the forget gate's should.",
        "eq-lstm-bias",
    ),
    Mistake(
        "input-gate-shut",
        _PLACED,
        "[-b_f, b_f, zero, zero]",
        "The input gate gets the opposite bias. Some do start that way; here all other entries are zero.",
        "eq-lstm-bias",
    ),
    Mistake(
        "one-block-only",
        f"np.concatenate({_PLACED}, axis=0)",
        "b_f",
        "This is the forget gate's block alone. Return the bias of all four gates, (4H,), with zeros in the others.",
        "eq-lstm-a",
    ),
    Mistake(
        "blocks-interleaved",
        f"np.concatenate({_PLACED}, axis=0)",
        "np.stack([zero, b_f, zero, zero], axis=1).reshape(-1)",
        "The forget biases stand in every fourth place. The entries of one gate stand together: H of i, then H of f.",
        "eq-lstm-a",
        elsewhere={
            "tensorflow": (
                "tf.concat([zero, b_f, zero, zero], axis=0)",
                "tf.reshape(tf.stack([zero, b_f, zero, zero], axis=1), [-1])",
            )
        },
    ),
    Mistake(
        "double-precision",
        "np.zeros_like(n)",
        "np.zeros(len(n))",
        "The result is float64 whatever the input is. Arrays from np.zeros are, and so are NumPy's own numbers, such "
        "as np.log(2): use np.zeros_like and math.log(2).",
        elsewhere=HERE_ONLY,
    ),
)
