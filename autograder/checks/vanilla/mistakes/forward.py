"""What people get wrong in one step and in a masked sequence, forward."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

STEP_FORWARD = (
    Mistake(
        "no-squashing",
        "np.tanh(x @ W + h_prev @ U + b)",
        "x @ W + h_prev @ U + b",
        "This is the pre-activation a_t; the state is tanh of it. Without squashing, all steps together are one "
        "linear map.",
        "eq-rnn-h",
    ),
    Mistake(
        "bias-outside",
        "h_prev @ U + b)",
        "h_prev @ U) + b",
        "The bias belongs inside the tanh: it shifts the pre-activation, not the state.",
        "eq-rnn-a",
    ),
    Mistake("no-bias", " + b)", ")", "The bias b is missing from the pre-activation.", "eq-rnn-a"),
    Mistake(
        "no-memory",
        "x @ W + h_prev @ U + b",
        "x @ W + b",
        "The previous state does not enter: without h_{t−1} U the network has no memory.",
        "eq-rnn-a",
    ),
    Mistake(
        "no-input",
        "x @ W + h_prev @ U + b",
        "h_prev @ U + b",
        "The input does not enter: x_t W is missing from the pre-activation.",
        "eq-rnn-a",
    ),
    Mistake(
        "recurrent-weights-transposed",
        "h_prev @ U",
        "h_prev @ U.T",
        "U is used transposed. States are rows here, so the previous state stands on its left: h_{t−1} U.",
        "eq-rnn-a",
    ),
    Mistake(
        "logistic-for-tanh",
        "np.tanh(x @ W + h_prev @ U + b)",
        "1 / (1 + np.exp(-(x @ W + h_prev @ U + b)))",
        "The squashing function is tanh, between −1 and 1; yours is the logistic function, between 0 and 1.",
        "eq-rnn-h",
    ),
    Mistake(
        "tanh-by-exponentials",
        "return np.tanh(x @ W + h_prev @ U + b)",
        "e = np.exp(2 * (x @ W + h_prev @ U + b))\n    return (e - 1) / (e + 1)",
        "Written with exponentials, tanh overflows for large pre-activations: infinity divided by infinity is NaN. "
        "The library's own tanh is safe.",
        "eq-rnn-h",
    ),
    Mistake(
        "memory-added",
        "np.tanh(x @ W",
        "h_prev + np.tanh(x @ W",
        "The old state is added to the new one. In this network it enters through U alone.",
        "eq-rnn-h",
    ),
    Mistake(
        "everything-summed-apart",
        "np.tanh(x @ W + h_prev @ U + b)",
        "np.tanh(x @ W) + np.tanh(h_prev @ U + b)",
        "Two states are made and added. The terms are added first, and their sum is squashed once.",
        "eq-rnn-h",
    ),
)

_UPDATE = "h = m * np.tanh(from_input[t] + h @ U) + (1 - m) * h"

SEQUENCE_FORWARD = (
    Mistake(
        "mask-ignored",
        _UPDATE,
        "h = np.tanh(from_input[t] + h @ U)",
        "The mask is not used. Where it is 0 a sequence does not take the step: it keeps the state it had.",
        "eq-rnn-mask",
    ),
    Mistake(
        "state-zeroed-where-masked",
        " + (1 - m) * h",
        "",
        "Where the mask is 0 the state becomes zero, and the sequence forgets. It should keep the state it had: "
        "add (1 − m) times the previous state.",
        "eq-rnn-mask",
    ),
    Mistake(
        "mask-inverted",
        _UPDATE,
        "h = (1 - m) * np.tanh(from_input[t] + h @ U) + m * h",
        "The mask is used the wrong way round: 1 means that the step counts.",
        "eq-rnn-mask",
    ),
    Mistake(
        "masked-input-only",
        _UPDATE,
        "h = np.tanh(m * from_input[t] + h @ U)",
        "Only the input is masked, and the state is still sent through U and tanh. Where the mask is 0 the whole step "
        "is left out.",
        "eq-rnn-mask",
    ),
    Mistake(
        "start-from-zero",
        "h = h_0",
        "h = np.zeros_like(h_0)",
        "The first step starts from zeros. It should start from the state it was given, h_0.",
        "eq-rnn-a",
        elsewhere={
            "pytorch": ("states, h = [], h_0", "states, h = [], torch.zeros_like(h_0)"),
            "tensorflow": ("states, h = [], h_0", "states, h = [], tf.zeros_like(h_0)"),
        },
    ),
    Mistake(
        "always-from-the-start",
        "from_input[t] + h @ U",
        "from_input[t] + h_0 @ U",
        "Every step starts again from h_0, so nothing is carried from one step to the next.",
        "eq-rnn-recurrence",
    ),
    Mistake(
        "walked-backwards",
        "for t in range(len(X)):",
        "for t in reversed(range(len(X))):",
        "The sequence is walked from its end to its start. Time runs forward here: step t needs the state of step "
        "t − 1.",
        "eq-rnn-recurrence",
        elsewhere=HERE_ONLY,  # states are appended there, so they would stand in the order of the walk
    ),
    Mistake("no-bias", "X @ W + b", "X @ W", "The bias b is missing from the pre-activation.", "eq-rnn-a"),
    Mistake(
        "recurrent-weights-transposed",
        "h @ U",
        "h @ U.T",
        "U is used transposed. States are rows here, so the previous state stands on its left: h_{t−1} U.",
        "eq-rnn-a",
    ),
    Mistake(
        "no-squashing",
        "np.tanh(from_input[t] + h @ U)",
        "(from_input[t] + h @ U)",
        "The tanh is missing: this is the pre-activation, carried from step to step.",
        "eq-rnn-h",
    ),
    Mistake(
        "masked-output-zeroed",
        "H[t] = h",
        "H[t] = m * h",
        "The returned states are multiplied by the mask. Where it is 0, return the state that was carried over, "
        "not zero.",
        "eq-rnn-mask",
        elsewhere={
            "pytorch": ("states.append(h)", "states.append(m * h)"),
            "tensorflow": ("states.append(h)", "states.append(m * h)"),
        },
    ),
    Mistake(
        "state-stored-before-its-step",
        f"        {_UPDATE}\n        H[t] = h\n",
        f"        H[t] = h\n        {_UPDATE}\n",
        "Each state is stored before its step, so the result begins with h_0 and the last state is missing. Store h "
        "after it has been updated.",
        "eq-rnn-recurrence",
        elsewhere={
            "pytorch": ("return torch.stack(states)", "return torch.stack([h_0, *states[:-1]])"),
            "tensorflow": ("return tf.stack(states, axis=1)", "return tf.stack([h_0, *states[:-1]], axis=1)"),
        },
    ),
    Mistake(
        "batch-taken-for-time",
        "m = mask[t][:, None]",
        "m = mask[t, 0]",
        "The mask of the first sequence is used for the whole batch. Each sequence has its own: a column (B, 1).",
        "eq-rnn-mask",
        elsewhere={
            "pytorch": ("m = mask[t].unsqueeze(-1)", "m = mask[t, 0]"),
            "tensorflow": ("m = mask[:, t, None]", "m = mask[0, t]"),
        },
    ),
    Mistake(
        "double-precision",
        "np.empty_like(from_input)",
        "np.empty(from_input.shape)",
        "An array made by np.empty or np.zeros is float64 whatever the inputs are. Give it their dtype, or use "
        "np.empty_like.",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "state-overwritten",
        "h = m * np",
        "h[:] = m * np",
        "h is the caller's h_0 itself until the first assignment, and h[:] = … writes into it.",
        elsewhere=HERE_ONLY,
    ),
)
