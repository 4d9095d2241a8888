"""What people get wrong in a masked sequence, forward and through time."""

from autograder.checks.gru.mistakes.step_backward import (
    NO_GATE,
    NO_R_SLOPE,
    NO_TANH,
    NO_Z_SLOPE,
    ORDER,
    RESET_TWICE,
    ROAD_1,
    SHARE,
    SIGN,
)
from autograder.checks.gru.mistakes.step_forward import SHARES_EXCHANGED
from autograder.checks.mistakes import HERE_ONLY, Mistake

_UPDATE = "h = m * h_new + (1 - m) * h"
_CANDIDATE = "np.tanh(xW_n + r * (hU_n + c_n))"

SEQUENCE_FORWARD = (
    Mistake(
        "mask-ignored",
        _UPDATE,
        "h = h_new",
        "The mask is not used. Where it is 0 a sequence does not take the step: it keeps the state it had.",
        "eq-gru-mask",
    ),
    Mistake(
        "state-zeroed-where-masked",
        _UPDATE,
        "h = m * h_new",
        "Where the mask is 0 the state becomes zero, and the sequence forgets. It should keep the state it had: "
        "add (1 − m) times the previous state.",
        "eq-gru-mask",
    ),
    Mistake(
        "mask-inverted",
        _UPDATE,
        "h = (1 - m) * h_new + m * h",
        "The mask is used the wrong way round: 1 means that the step counts.",
        "eq-gru-mask",
    ),
    Mistake(
        "only-the-candidate-masked",
        "h_new = (1 - z) * n + z * h\n        h = m * h_new + (1 - m) * h",
        "h = (1 - z) * (m * n) + z * h",
        "Only the candidate is masked, and the state still fades by z. Where the mask is 0 the whole step is left out.",
        "eq-gru-mask",
    ),
    Mistake(
        "start-from-zero",
        "h = h_0",
        "h = np.zeros_like(h_0)",
        "The first step starts from zeros. It should start from the state it was given, h_0.",
        "eq-gru-a",
        elsewhere={
            "pytorch": ("states, h = [], h_0", "states, h = [], torch.zeros_like(h_0)"),
            "tensorflow": ("states, h = [], h_0", "states, h = [], tf.zeros_like(h_0)"),
        },
    ),
    Mistake(
        "gates-from-the-start",
        "np.split(h @ U, 3, axis=1)",
        "np.split(h_0 @ U, 3, axis=1)",
        "Gates and candidate look at h_0 in every step. They look at the state that the step before left behind.",
        "eq-gru-a",
    ),
    Mistake(
        "blend-with-the-start",
        "h_new = (1 - z) * n + z * h\n",
        "h_new = (1 - z) * n + z * h_0\n",
        "What is kept is h_0 in every step, so nothing is carried along. Keep the state of the step before.",
        "eq-gru-h",
    ),
    Mistake(
        "walked-backwards",
        "for t in range(len(X)):",
        "for t in reversed(range(len(X))):",
        "The sequence is walked from its end to its start. Time runs forward here: step t needs the state of step "
        "t − 1.",
        "eq-gru-mask",
        elsewhere=HERE_ONLY,  # states are appended there, so they would stand in the order of the walk
    ),
    Mistake(
        "masked-output-zeroed",
        "H[t] = h",
        "H[t] = m * h",
        "The returned states are multiplied by the mask. Where it is 0, return the state that was carried over, "
        "not zero.",
        "eq-gru-mask",
        elsewhere={
            "pytorch": ("states.append(h)", "states.append(m * h)"),
            "tensorflow": ("states.append(h)", "states.append(m * h)"),
        },
    ),
    Mistake(
        "unmasked-states-returned",
        "H[t] = h",
        "H[t] = h_new",
        "Returned is what each step would have made, mask or not. The state after a masked step is the one that was "
        "carried over.",
        "eq-gru-mask",
        elsewhere={
            "pytorch": ("states.append(h)", "states.append(h_new)"),
            "tensorflow": ("states.append(h)", "states.append(h_new)"),
        },
    ),
    Mistake(
        "state-stored-before-its-step",
        f"        {_UPDATE}\n        H[t] = h\n",
        f"        H[t] = h\n        {_UPDATE}\n",
        "Each state is stored before its step, so the result begins with h_0 and the last state is missing. Store h "
        "after it has been updated.",
        "eq-gru-mask",
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
        "eq-gru-mask",
        elsewhere={
            "pytorch": ("m = mask[t].unsqueeze(-1)", "m = mask[t, 0]"),
            "tensorflow": ("m = mask[:, t, None]", "m = mask[0, t]"),
        },
    ),
    Mistake(
        "reset-before-the-product",
        _CANDIDATE,
        "np.tanh(xW_n + (r * h) @ U[:, -h.shape[1] :] + c_n)",
        "The reset gate stands before the product with U_n: that is the other form. Here it multiplies what the "
        "product gives, and c_n with it.",
        "eq-gru-after-n",
    ),
    Mistake(
        "bias-outside-the-reset",
        _CANDIDATE,
        "np.tanh(xW_n + r * hU_n + c_n)",
        "c_n is added outside the reset gate, where b_n is already. It belongs to the message, which the gate "
        "multiplies.",
        "eq-gru-after-q",
    ),
    Mistake(
        "no-inner-bias",
        _CANDIDATE,
        "np.tanh(xW_n + r * hU_n)",
        "The bias c_n is missing: the reset gate multiplies h_{t−1} U_n + c_n.",
        "eq-gru-after-q",
    ),
    Mistake("no-bias", "X @ W + b", "X @ W", "The bias b is missing from the pre-activations.", "eq-gru-a"),
    Mistake(
        "shares-exchanged",
        "(1 - z) * n + z * h\n",
        "z * n + (1 - z) * h\n",
        SHARES_EXCHANGED,
        "eq-gru-h",
    ),
    Mistake(
        "gates-exchanged",
        "r = sigmoid(xW_r + hU_r)\n        z = sigmoid(xW_z + hU_z)",
        "z = sigmoid(xW_r + hU_r)\n        r = sigmoid(xW_z + hU_z)",
        "The first block is used for z and the second for r, as Keras has them. Here the order is r, z, n.",
        "eq-gru-a",
    ),
    Mistake(
        "double-precision",
        "np.empty((len(X), *h_0.shape), X.dtype)",
        "np.empty((len(X), *h_0.shape))",
        "An array made by np.empty or np.zeros is float64 whatever the inputs are. Give it their dtype, or use "
        "np.empty_like.",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "state-overwritten",
        "h = m * h_new",
        "h[:] = m * h_new",
        "h is the caller's h_0 itself until the first assignment, and h[:] = … writes into it.",
        elsewhere=HERE_ONLY,
    ),
)

_GRADIENT_STEP = "dh_new = m * dh"
_BACK = "dh = dh_new * z + da_U @ U.T + (1 - m) * dh"

SEQUENCE_BACKWARD = (
    Mistake(
        "direct-gradient-only",
        "dh = dh + G[t]",
        "dh = G[t]",
        "Only G_t, the direct path, is used. A state also reaches the loss through the next step: add what came back "
        "from there.",
        "eq-gru-after-dh",
    ),
    Mistake(
        "last-gradient-only",
        "dh = dh + G[t]",
        "dh = dh + (G[t] if t == len(X) - 1 else 0)",
        "Only the last step's G is used. Every state may reach the loss directly: add G_t at each step.",
        "eq-gru-after-dh",
        elsewhere={"tensorflow": ("dh = dh + G[t]", "dh = dh + (G[t] if t == X.shape[0] - 1 else 0)")},
    ),
    Mistake(
        "mask-ignored",
        _GRADIENT_STEP,
        "dh_new = dh",
        "Masked steps are walked like the others. They were not taken: only δh̃_t = m ⊙ δh_t enters a step.",
        "eq-gru-dh-tilde",
    ),
    Mistake(
        "gradient-stops-at-masked-steps",
        " + (1 - m) * dh",
        "",
        "The gradient stops at masked steps. Where the mask is 0, h_t is h_{t−1}, so δh passes on untouched: "
        "add (1 − m) ⊙ δh_t.",
        "eq-gru-after-dh",
    ),
    Mistake(
        "gradient-passes-masked-steps-twice",
        "(1 - m) * dh",
        "dh",
        "δh_t is passed on everywhere. Only where the mask is 0 does it go past the step; elsewhere it goes through.",
        "eq-gru-after-dh",
    ),
    Mistake(
        "direct-gradient-masked",
        "dh = dh + G[t]",
        "dh = dh + m * G[t]",
        "G_t is dropped where the mask is 0. The state stands there, carried over, and what reaches it counts.",
        "eq-gru-after-dh",
    ),
    Mistake(
        "kept-share-at-masked-steps",
        "dh = dh_new * z",
        "dh = dh * z",
        "Road 1 is walked at masked steps as well. There is no blend where no step was taken: it carries δh̃_t ⊙ z, "
        "and δh̃_t is zero there.",
        "eq-gru-after-dh",
    ),
    Mistake("road-1-missing", "dh = dh_new * z + ", "dh = ", ROAD_1, "eq-gru-after-dh"),
    Mistake(
        "roads-with-the-candidate-for-the-message",
        "da_U @ U.T",
        "da @ U.T",
        "Road 2 carries δa_n. It leads through the message q, behind the reset gate: send δq back along U_nᵀ.",
        "eq-gru-after-dh",
    ),
    Mistake(
        "recurrent-gradient-without-the-gate",
        "dU += h_prev.T @ da_U",
        "dU += h_prev.T @ da",
        "The n block of dU is built from δa_n. U_n stands in the message q, behind the reset gate: its gradient is "
        "h_{t−1}ᵀ δq.",
        "eq-gru-after-dU",
    ),
    Mistake(
        "one-gradient-for-two-biases",
        "dc_n += dq.sum(axis=0)",
        "dc_n += da_n.sum(axis=0)",
        "dc_n is the gradient of b_n. c_n stands inside the reset gate, in q: sum δq, not δa_n.",
        "eq-gru-after-dU",
    ),
    Mistake("shares-exchanged", "dh_new * (1 - z) * (1 - n**2)", "dh_new * z * (1 - n**2)", SHARE, "eq-gru-dn"),
    Mistake("update-gate-sign", "(h_prev - n)", "(n - h_prev)", SIGN, "eq-gru-dn"),
    Mistake("no-slope-of-the-candidate", "dh_new * (1 - z) * (1 - n**2)", "dh_new * (1 - z)", NO_TANH, "eq-gru-da"),
    Mistake("no-slope-of-the-update-gate", "(h_prev - n) * z * (1 - z)", "(h_prev - n)", NO_Z_SLOPE, "eq-gru-da"),
    Mistake("no-slope-of-the-reset-gate", " * r * (1 - r)", "", NO_R_SLOPE, "eq-gru-da"),
    Mistake("message-without-its-gate", "dq = da_n * r", "dq = da_n", NO_GATE, "eq-gru-after-dq"),
    Mistake("reset-gate-twice", "da_r = da_n * q", "da_r = dq * q", RESET_TWICE, "eq-gru-after-dq"),
    Mistake(
        "blocks-in-keras-order",
        "da = np.concatenate([da_r, da_z, da_n], axis=1)",
        "da_r, da_z = da_z, da_r\n        da = np.concatenate([da_r, da_z, da_n], axis=1)",
        ORDER,
        "eq-gru-a",
    ),
    Mistake(
        "state-that-came-out",
        "h_prev = H[t - 1] if t > 0 else h_0",
        "h_prev = H[t]",
        "The state that came out of step t is used for the one that went in. The blend and U saw h_{t−1}.",
        "eq-gru-dU",
    ),
    Mistake(
        "first-step-wraps-around",
        "H[t - 1] if t > 0 else h_0",
        "H[t - 1]",
        "At the first step H[t − 1] is H[−1], the *last* state. Before the first step stands h_0.",
        "eq-gru-dU",
    ),
    Mistake(
        "zero-before-the-first-step",
        "H[t - 1] if t > 0 else h_0",
        "H[t - 1] if t > 0 else np.zeros_like(h_0)",
        "Before the first step stands h_0, not zero: the first blend and dU need it like every other state.",
        "eq-gru-dU",
    ),
    Mistake(
        "recurrent-weights-last-step-only",
        "dU += h_prev.T @ da_U",
        "dU = h_prev.T @ da_U",
        "dU is overwritten at each step, so one step is left. The same U serves every step: add them up.",
        "eq-gru-dU",
    ),
    Mistake(
        "input-weights-last-step-only",
        "dW += X[t].T @ da",
        "dW = X[t].T @ da",
        "dW is overwritten at each step, so one step is left. The same W serves every step: add them up.",
        "eq-gru-dW",
    ),
    Mistake(
        "inner-bias-last-step-only",
        "dc_n += dq.sum(axis=0)",
        "dc_n = dq.sum(axis=0)",
        "dc_n is overwritten at each step, so one step is left. The same c_n serves every step: add them up.",
        "eq-gru-after-dU",
    ),
    Mistake(
        "averaged-over-time",
        "db += da.sum(axis=0)",
        "db += da.sum(axis=0) / len(X)",
        "db is divided by the number of steps. Gradients of shared parameters add up over time.",
        "eq-gru-db",
        elsewhere={"tensorflow": ("db += tf.reduce_sum(da, axis=0)", "db += tf.reduce_sum(da, axis=0) / X.shape[0]")},
    ),
    Mistake(
        "walked-forwards",
        "for t in reversed(range(len(X))):",
        "for t in range(len(X)):",
        "The steps are walked from the first to the last. δh_t needs what step t + 1 sends back: start at the end.",
        "eq-gru-after-dh",
        elsewhere={"tensorflow": None},  # dX is a list there, so it would stand in the order of the walk
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
)
