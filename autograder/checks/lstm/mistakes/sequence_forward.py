"""What people get wrong in a masked sequence, forward."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_CARRY = "h, c = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c"
_START = "h, c = h_0, c_0"
_STACKED = "return np.stack(H), np.stack(C)"
_ORDER = "Here the order is i, f, g, o."
_KEPT = f"""{_CARRY}
        H.append(h)
        C.append(c)"""
_LOOP = f"""for t in range(len(X)):
        m = mask[t][:, None]
        a_i, a_f, a_g, a_o = np.split(from_input[t] + h @ U, 4, axis=1)
        c_new = sigmoid(a_f) * c + sigmoid(a_i) * np.tanh(a_g)
        h_new = sigmoid(a_o) * np.tanh(c_new)
        {_KEPT}"""

SEQUENCE_FORWARD = (
    Mistake(
        "mask-ignored",
        _CARRY,
        "h, c = h_new, c_new",
        "The mask is not used. Where it is 0 a sequence does not take the step: it keeps both of its states.",
        "eq-lstm-mask",
    ),
    Mistake(
        "cell-not-carried",
        "m * c_new + (1 - m) * c",
        "c_new",
        "Only h is carried over where the mask is 0; the cell goes on reading the padding. The state is a pair.",
        "eq-lstm-mask",
    ),
    Mistake(
        "output-not-carried",
        "m * h_new + (1 - m) * h",
        "h_new",
        "Only the cell is carried over where the mask is 0; h is made anew from the padding. The state is a pair.",
        "eq-lstm-mask",
    ),
    Mistake(
        "states-zeroed-where-masked",
        _CARRY,
        "h, c = m * h_new, m * c_new",
        "Where the mask is 0 both states become zero, and the sequence forgets. It should keep what it had: add (1 − "
        "m) times the previous state.",
        "eq-lstm-mask",
    ),
    Mistake(
        "cell-zeroed-where-masked",
        "m * c_new + (1 - m) * c",
        "m * c_new",
        "Where the mask is 0 the cell becomes zero while h is kept. Carry over both.",
        "eq-lstm-mask",
    ),
    Mistake(
        "masked-output-zeroed",
        "H.append(h)",
        "H.append(m * h)",
        "The returned h is multiplied by the mask. Where it is 0, return the state that was carried over, not zero.",
        "eq-lstm-mask",
    ),
    Mistake(
        "masked-states-zeroed",
        _STACKED,
        "return np.stack(H) * mask[..., None], np.stack(C) * mask[..., None]",
        "Both results are multiplied by the mask. Where it is 0, return the states that were carried over, not zeros.",
        "eq-lstm-mask",
        elsewhere={
            "tensorflow": (
                "return tf.stack(H, axis=1), tf.stack(C, axis=1)",
                "return tf.stack(H, axis=1) * mask[..., None], tf.stack(C, axis=1) * mask[..., None]",
            )
        },
    ),
    Mistake(
        "masked-only-in-the-end",
        _KEPT,
        "h, c = h_new, c_new\n        H.append(m * h)\n        C.append(m * c)",
        "The mask only wipes out results; the states go on reading the padding, and a sequence that wakes up continues "
        "from them. Carry both states over inside the loop.",
        "eq-lstm-mask",
    ),
    Mistake(
        "mask-inverted",
        _CARRY,
        "h, c = (1 - m) * h_new + m * h, (1 - m) * c_new + m * c",
        "The mask is used the wrong way round: 1 means that the step counts.",
        "eq-lstm-mask",
    ),
    Mistake(
        "states-carried-crosswise",
        _CARRY,
        "h, c = m * h_new + (1 - m) * c, m * c_new + (1 - m) * h",
        "Where the mask is 0, h becomes the old c and c the old h. Each state carries over itself.",
        "eq-lstm-mask",
    ),
    Mistake(
        "batch-taken-for-time",
        "m = mask[t][:, None]",
        "m = mask[t, 0]",
        "The mask of the first sequence is used for the whole batch. Each sequence has its own: a column (B, 1).",
        "eq-lstm-mask",
        elsewhere={
            "pytorch": ("m = mask[t].unsqueeze(-1)", "m = mask[t, 0]"),
            "tensorflow": ("m = mask[:, t, None]", "m = mask[0, t]"),
        },
    ),
    Mistake(
        "start-from-zero",
        _START,
        "h, c = np.zeros_like(h_0), np.zeros_like(c_0)",
        "The first step starts from zeros. It should start from the states it was given, h_0 and c_0.",
        "eq-lstm-c",
    ),
    Mistake(
        "cell-starts-from-zero",
        _START,
        "h, c = h_0, np.zeros_like(c_0)",
        "The cell starts from zero. The initial state is a pair: h_0 and c_0.",
        "eq-lstm-c",
    ),
    Mistake(
        "start-exchanged",
        _START,
        "h, c = c_0, h_0",
        "The two initial states are exchanged: h starts from h_0, the cell from c_0.",
        "eq-lstm-c",
    ),
    Mistake(
        "walked-backwards",
        "for t in range(len(X)):",
        "for t in reversed(range(len(X))):",
        "The sequence is walked from its end to its start. Time runs forward here: step t needs the states of step t "
        "− 1.",
        "eq-lstm-a",
        elsewhere={"tensorflow": ("for t in range(X.shape[1]):", "for t in reversed(range(X.shape[1])):")},
    ),
    Mistake(
        "walked-backwards-into-place",
        _LOOP,
        _LOOP.replace("range(len(X))", "reversed(range(len(X)))").replace("append(", "insert(0, "),
        "The sequence is walked from its end to its start. Time runs forward here: step t needs the states of step t "
        "− 1.",
        "eq-lstm-a",
        elsewhere=HERE_ONLY,  # where states are appended they stand in the order of the walk
    ),
    Mistake(
        "states-stored-before-their-step",
        _STACKED,
        "return np.stack([h_0, *H[:-1]]), np.stack([c_0, *C[:-1]])",
        "Each state is stored before its step, so the results begin with h_0 and c_0 and the last ones are missing.",
        "eq-lstm-c",
        elsewhere={
            "tensorflow": (
                "return tf.stack(H, axis=1), tf.stack(C, axis=1)",
                "return tf.stack([h_0, *H[:-1]], axis=1), tf.stack([c_0, *C[:-1]], axis=1)",
            )
        },
    ),
    Mistake(
        "states-exchanged",
        _STACKED,
        "return np.stack(C), np.stack(H)",
        "The two results are exchanged: the outputs H come first, then the cells C.",
        "eq-lstm-h",
        elsewhere={
            "tensorflow": (
                "return tf.stack(H, axis=1), tf.stack(C, axis=1)",
                "return tf.stack(C, axis=1), tf.stack(H, axis=1)",
            )
        },
    ),
    Mistake(
        "always-from-the-first-output",
        "from_input[t] + h @ U",
        "from_input[t] + h_0 @ U",
        "The gates of every step see h_0. They should see the output of the step before.",
        "eq-lstm-a",
    ),
    Mistake(
        "always-from-the-first-cell",
        "sigmoid(a_f) * c ",
        "sigmoid(a_f) * c_0 ",
        "Every step starts again from c_0, so no cell is carried from one step to the next.",
        "eq-lstm-c",
    ),
    Mistake(
        "old-cell-shown",
        "np.tanh(c_new)",
        "np.tanh(c)",
        "The output shows the cell of the step before. h_t is made from c_t, which this step has just written.",
        "eq-lstm-h",
    ),
    Mistake(
        "cell-shown-as-it-is",
        "np.tanh(c_new)",
        "c_new",
        "The cell is shown without tanh: h_t is o_t ⊙ tanh c_t.",
        "eq-lstm-h",
    ),
    Mistake(
        "candidate-by-sigmoid",
        "np.tanh(a_g)",
        "sigmoid(a_g)",
        "The candidate is squashed by σ, so nothing negative can ever be written. It is content, not a gate: tanh.",
        "eq-lstm-gates",
    ),
    Mistake(
        "order-i-f-o-g",
        "a_i, a_f, a_g, a_o = ",
        "a_i, a_f, a_o, a_g = ",
        f"The blocks are taken in the order i, f, o, g. {_ORDER}",
        "eq-lstm-a",
    ),
    Mistake(
        "order-f-i-g-o",
        "a_i, a_f, a_g, a_o = ",
        "a_f, a_i, a_g, a_o = ",
        f"Input and forget gate are exchanged: i multiplies the candidate, f the old cell. {_ORDER}",
        "eq-lstm-c",
    ),
    Mistake(
        "no-forget-gate",
        "sigmoid(a_f) * c ",
        "c ",
        "The old cell is kept in full, so it can only grow. The forget gate decides what stays: f ⊙ c_{t−1}.",
        "eq-lstm-c",
    ),
    Mistake("no-bias", "X @ W + b", "X @ W", "The bias b is missing from the pre-activations.", "eq-lstm-a"),
    Mistake(
        "double-precision",
        _STACKED,
        "return np.stack(H).astype(float), np.stack(C).astype(float)",
        "The results are float64 whatever the inputs are. Arrays made by np.zeros or np.empty need the inputs' dtype.",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "one-array-for-all-steps",
        _CARRY,
        "h[:], c[:] = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c",
        "h[:] = … writes into one array at every step, and that array is the caller's h_0; all entries of a list of "
        "such h are the same last state.",
        elsewhere=HERE_ONLY,
    ),
)
