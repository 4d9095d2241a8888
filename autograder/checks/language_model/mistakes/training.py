"""What people get wrong in the gradients of a window, and in training through many."""

from autograder.checks.mistakes import HERE_ONLY, Edit, Mistake

_START = "states, h = [h_0], h_0"
_RETURN = "return nats, dE, dW, dU, db, dV, db_y, h"

GRADIENTS = (
    Mistake(
        "state-reset-to-zero",
        _START,
        "h_0 = np.zeros_like(h_0)\n    states, h = [h_0], h_0",
        "The window starts from a zero state. It continues a text: start from h_0, in which the window before ended.",
        "sec-bptt-detach",
    ),
    Mistake(
        "state-not-carried",
        _RETURN,
        "return nats, dE, dW, dU, db, dV, db_y, h_0",
        "You return the state that went in. The next window needs the one after the last step.",
        "sec-bptt-detach",
    ),
    Mistake(
        "state-before-the-last-step",
        _RETURN,
        "return nats, dE, dW, dU, db, dV, db_y, states[-2]",
        "The state that is carried on is one step old: the window's last character is missing from it.",
        "sec-bptt-detach",
    ),
    Mistake(
        "predicts-what-it-has-read",
        "language_loss(H @ V + b_y, targets)",
        "language_loss(H @ V + b_y, inputs)",
        "The loss compares with the inputs: the network is praised for repeating the character that it has just read.",
        "eq-seq-ar",
    ),
    Mistake(
        "logits-one-step-late",
        "language_loss(H @ V + b_y, targets)",
        "language_loss(before @ V + b_y, targets)",
        "The logits are made from the state *before* the step, which has not read the current character yet.",
        "eq-rnn-y",
    ),
    Mistake(
        "not-through-time",
        "(G[t] + from_later)",
        "G[t]",
        "Each step's loss reaches its own step only. h_t also made h_{t+1}: add what comes back from there.",
        "eq-bptt-dh",
    ),
    Mistake(
        "last-loss-only",
        "(G[t] + from_later)",
        "((G[t] if t == len(X) - 1 else 0) + from_later)",
        "Only the last character's loss is sent back. Every step has a loss of its own, so G_t enters at every step.",
        "eq-bptt-G",
        elsewhere={
            "tensorflow": ("(G[t] + from_later)", "((G[t] if t == X.shape[0] - 1 else 0) + from_later)"),
        },
    ),
    Mistake(
        "no-slope",
        " * (1 - H[t] ** 2)",
        " * 1",
        "The slope of tanh, 1 − h_t², is missing between δh_t and δa_t.",
        "eq-bptt-da",
    ),
    Mistake(
        "recurrent-weights-not-transposed",
        "da @ U.T",
        "da @ U",
        "The gradient is sent back along U. Forward it was h_{t−1} U, so backward it is δa_t Uᵀ.",
        "eq-bptt-dh",
    ),
    Mistake(
        "steps-in-reverse",
        "np.stack(steps[::-1])",
        "np.stack(steps)",
        "The δa_t were collected from the last step to the first and are paired with inputs and states in the other "
        "order. Turn them round.",
        "eq-bptt-dW",
    ),
    Mistake(
        "state-that-came-out",
        '"tbi,tbj->ij", before, dA',
        '"tbi,tbj->ij", H, dA',
        "dU pairs δa_t with the state that went *into* step t, h_{t−1}, not with the one that came out.",
        "eq-bptt-dU",
    ),
    Mistake(
        "read-out-of-the-state-before",
        '"tbh,tbk->hk", H, dY',
        '"tbh,tbk->hk", before, dY',
        "dV pairs δy_t with h_{t−1}. The logits were made from h_t.",
        "eq-bptt-dV",
    ),
    Mistake(
        "embedding-not-trained",
        "embedding_backward(dA @ W.T, inputs, E)",
        "np.zeros_like(E)",
        "The embedding gets no gradient. It is a parameter: δx_t = δa_t Wᵀ goes to the row that was looked up.",
        "eq-bptt-dx",
    ),
    Mistake(
        "embedding-at-the-targets",
        "embedding_backward(dA @ W.T, inputs, E)",
        "embedding_backward(dA @ W.T, targets, E)",
        "δx_t goes to the row of the *target*. What was looked up at step t is the row of the input.",
        "eq-bptt-dx",
    ),
    Mistake(
        "bias-averaged",
        "np.sum(dA, axis=(0, 1))",
        "np.mean(dA, axis=(0, 1))",
        "db is a mean over steps and sequences. The mean is in dY already; from there on contributions add up.",
        "eq-bptt-dW",
    ),
    Mistake(
        "bias-at-the-last-step",
        "np.sum(dA, axis=(0, 1))",
        "np.sum(dA[-1], axis=0)",
        "db holds the last step only. The same b serves every step: sum over time and over the batch.",
        "eq-bptt-dW",
    ),
    Mistake(
        "output-bias-averaged",
        "np.sum(dY, axis=(0, 1))",
        "np.mean(dY, axis=(0, 1))",
        "db_y is averaged once more. The mean over places is in dY already; from there on contributions add up.",
        "eq-bptt-dV",
    ),
    Mistake(
        "bits-returned",
        _RETURN,
        "return nats / math.log(2), dE, dW, dU, db, dV, db_y, h",
        "The loss is returned in bits, its gradient is that of the nats. Return what was differentiated.",
        "eq-rnn-C",
    ),
)

_CALL = "nats, *found, h = gradients(inputs[i], targets[i], h, *parameters)"
_NORM = "norm = np.sqrt(sum(np.sum(g**2) for g in found))"
_UPDATE = "parameters = [p - rate * scale * g for p, g in zip(parameters, found, strict=True)]"
_SCALE = "scale = max_norm / norm if norm > max_norm else 1.0"
_NORM_TF = "norm = tf.sqrt(sum(tf.reduce_sum(g**2) for g in found))"
_NORM_TORCH = "norm = torch.sqrt(sum(torch.sum(g**2) for g in found))"
_LOOP = "for i in range(len(inputs)):"


def _before_norm(line: str) -> tuple[str, dict[str, Edit | None]]:
    """A line put before the norm, the same in all frameworks."""
    deeper = line.replace("\n", "\n        ") + "\n        "
    return deeper + _NORM, {"pytorch": (_NORM_TORCH, deeper + _NORM_TORCH), "tensorflow": (_NORM_TF, deeper + _NORM_TF)}


_KEPT = _before_norm("found = [g + k for g, k in zip(found, kept)] if i else found\nkept = found")

TRAIN_WINDOWS = (
    Mistake(
        "state-reset-to-zero",
        _CALL,
        _CALL.replace(", h, *", ", np.zeros_like(h), *"),
        "Every window starts from a zero state, so nothing is remembered beyond its first character. Carry the state "
        "on; what is cut is the gradient.",
        "sec-bptt-detach",
    ),
    Mistake(
        "state-not-carried",
        _CALL,
        _CALL.replace("*found, h =", "*found, _ ="),
        "Every window starts from the state that the first one was given. Each begins where the one before has ended.",
        "sec-bptt-detach",
    ),
    Mistake(
        "gradients-at-the-old-parameters",
        _CALL,
        _CALL.replace("*parameters", "E, W, U, b, V, b_y"),
        "The gradients of every window are taken at the parameters you were given. After an update, go on from the new "
        "ones.",
        "eq-vanish-clip-descent",
    ),
    Mistake(
        "windows-in-reverse",
        _LOOP,
        "for i in reversed(range(len(inputs))):",
        "The windows are read last first, so the state comes from later text. Forward through the text; only the walk "
        "inside a window goes back.",
        "sec-bptt-detach",
        elsewhere={
            "tensorflow": ("for i in range(inputs.shape[0]):", "for i in reversed(range(inputs.shape[0])):"),
        },
    ),
    Mistake(
        "not-clipped",
        _UPDATE,
        "parameters = [p - rate * g for p, g in zip(parameters, found, strict=True)]",
        "The update uses the gradients as they were. Clipping comes *before* the step, or it changes nothing.",
        "eq-vanish-clip",
    ),
    Mistake(
        "each-array-by-itself",
        _UPDATE,
        "parameters = [\n"
        "            p - rate * g * min(1.0, max_norm / max(float(np.sqrt(np.sum(g**2))), 1e-30))\n"
        "            for p, g in zip(parameters, found, strict=True)\n        ]",
        "Each array is scaled by its own norm, so the whole turns to another direction. All six get *one* factor, from "
        "the norm of all together.",
        "eq-vanish-clip",
    ),
    Mistake(
        "by-value",
        _UPDATE,
        "parameters = [p - rate * np.clip(g, -max_norm, max_norm) for p, g in zip(parameters, found, strict=True)]",
        "This is clipping by value: each entry is cut by itself. Clipping by norm multiplies all by one factor.",
        "eq-vanish-clip-value",
    ),
    Mistake(
        "rate-inside-the-norm",
        _SCALE,
        "scale = max_norm / (rate * norm) if rate * norm > max_norm else 1.0",
        "The limit is held against the step, rate times the gradient. It belongs to the gradient: clip first, then "
        "multiply by the rate.",
        "eq-vanish-clip-descent",
    ),
    Mistake(
        "always-rescaled",
        _SCALE,
        "scale = max_norm / norm",
        "Gradients below the limit are blown up to it. Clipping only shortens: the factor is at most 1.",
        "eq-vanish-clip",
    ),
    Mistake(
        "clipped-the-wrong-way-round",
        _SCALE,
        "scale = max_norm / norm if norm < max_norm else 1.0",
        "Short gradients are scaled and long ones left alone. It is where the norm is *above* the limit that the "
        "factor is limit / norm.",
        "eq-vanish-clip",
    ),
    Mistake(
        "norm-squared",
        _NORM,
        "norm = sum(np.sum(g**2) for g in found)",
        "This is the square of the norm: the root is missing.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "norms-added",
        _NORM,
        "norm = sum(np.sqrt(np.sum(g**2)) for g in found)",
        "The norms of the arrays are added. One root, over the sum of all squares.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "norm-without-the-embedding",
        _NORM,
        "norm = np.sqrt(sum(np.sum(g**2) for g in found[1:]))",
        "The embedding's gradient is missing from the norm. It belongs to the global norm like the five others.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "uphill",
        _UPDATE,
        "parameters = [p + rate * scale * g for p, g in zip(parameters, found, strict=True)]",
        "The step goes up the gradient, and the loss with it. Subtract.",
        "eq-vanish-clip-descent",
    ),
    Mistake(
        "no-learning-rate",
        _UPDATE,
        "parameters = [p - scale * g for p, g in zip(parameters, found, strict=True)]",
        "The step has no learning rate: multiply what is left after clipping by it.",
        "eq-vanish-clip-descent",
    ),
    Mistake(
        "embedding-not-updated",
        "return *parameters, h,",
        "parameters[0] = E\n    return *parameters, h,",
        "E comes back as it was given. It is trained like the other parameters.",
        "eq-vanish-clip-descent",
    ),
    Mistake(
        "gradients-accumulate",
        _NORM,
        _KEPT[0],
        "The gradients of earlier windows are still in the sum. They have had their update: begin each window at zero.",
        "eq-vanish-clip-descent",
        elsewhere=_KEPT[1],
    ),
    Mistake(
        "argument-changed",
        _UPDATE,
        "parameters = [p.__isub__(rate * scale * g) for p, g in zip(parameters, found, strict=True)]",
        "The update is written into the caller's parameters. Make new ones.",
        elsewhere={"tensorflow": None},  # tensors cannot be changed
    ),
    Mistake(
        "double-precision",
        "np.stack(losses)",
        "np.array([float(nats) for nats in losses])",
        "Plain numbers make a float64 array whatever the inputs are. Stack the losses as they are.",
        elsewhere=HERE_ONLY,
    ),
)
