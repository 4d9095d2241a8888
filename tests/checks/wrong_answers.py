"""Wrong answers that stand in no catalogue, as learners write them: edits of reference answers, and some whole ones.

`EDITED` are (question, what is wrong, text to replace, by what), `WRITTEN` (question, what is wrong) to an answer.
"""

from __future__ import annotations

import numpy as np


def logistic(a):
    return 1 / (1 + np.exp(-np.clip(a, -60, 60)))


EDITED = (
    # vanilla
    (
        "vanilla/step-forward",
        "relu instead of tanh",
        "np.tanh(x @ W + h_prev @ U + b)",
        "np.maximum(x @ W + h_prev @ U + b, 0)",
    ),
    (
        "vanilla/step-forward",
        "sigmoid instead of tanh",
        "np.tanh(x @ W + h_prev @ U + b)",
        "1 / (1 + np.exp(-(x @ W + h_prev @ U + b)))",
    ),
    (
        "vanilla/step-forward",
        "tanh of each term",
        "np.tanh(x @ W + h_prev @ U + b)",
        "np.tanh(x @ W) + np.tanh(h_prev @ U) + b",
    ),
    ("vanilla/step-forward", "rounded", "np.tanh(x @ W + h_prev @ U + b)", "np.tanh(x @ W + h_prev @ U + b).round(4)"),
    ("vanilla/sequence-forward", "the mask of the step before", "m = mask[t][:, None]", "m = mask[t - 1][:, None]"),
    (
        "vanilla/sequence-forward",
        "input masked, state computed",
        "h = m * np.tanh(from_input[t] + h @ U) + (1 - m) * h",
        "h = np.tanh(m * from_input[t] + h @ U)",
    ),
    ("vanilla/sequence-forward", "decay where masked", "(1 - m) * h", "0.5 * (1 - m) * h"),
    ("vanilla/sequence-forward", "b twice", "from_input[t] + h @ U", "from_input[t] + h @ U + b"),
    ("vanilla/step-backward", "slope from dh", "(1 - h**2)", "(1 - dh**2)"),
    ("vanilla/step-backward", "slope of the sigmoid", "(1 - h**2)", "h * (1 - h)"),
    ("vanilla/step-backward", "db of dh", "db = da.sum(axis=0)", "db = dh.sum(axis=0)"),
    (
        "vanilla/sequence-backward",
        "clipped on the way",
        "dh = da @ U.T + (1 - m) * dh",
        "dh = np.clip(da @ U.T, -0.1, 0.1) + (1 - m) * dh",
    ),
    (
        "vanilla/sequence-backward",
        "dX accumulated",
        "dX[t] = da @ W.T",
        "dX[t] = da @ W.T + (dX[t + 1] if t + 1 < len(X) else 0)",
    ),
    (
        "vanilla/sequence-backward",
        "averaged over time",
        "return dX, dh, dW, dU, db",
        "return dX, dh, dW / len(X), dU / len(X), db / len(X)",
    ),
    (
        "vanilla/softmax-loss",
        "log with a little added",
        "np.log(np.exp(shifted).sum(axis=-1, keepdims=True))",
        "np.log(np.exp(shifted).sum(axis=-1, keepdims=True) + 1e-4)",
    ),
    (
        "vanilla/softmax-loss",
        "base two",
        "loss = -(mask[..., None] * one_hot * log_p).sum() / count",
        "loss = -(mask[..., None] * one_hot * log_p).sum() / count / 0.6931471805599453",
    ),
    # lstm
    ("lstm/step-forward", "tanh of the output gate too", "h = o * np.tanh(c)", "h = np.tanh(o * c)"),
    ("lstm/step-forward", "i and f coupled", "c = f * c_prev + i * g", "c = f * c_prev + (1 - f) * g"),
    (
        "lstm/step-forward",
        "gates read as H blocks of four",
        "np.split(a, 4, axis=1)",
        "np.moveaxis(a.reshape(len(a), -1, 4), 2, 0)",
    ),
    ("lstm/sequence-forward", "last cell repeated", "C.append(c)", "C.append(c if t == 0 else C[0])"),
    ("lstm/step-backward", "cell gradient without tanh", "dh * o * (1 - tanh_c**2)", "dh * o * (1 - tanh_c)"),
    (
        "lstm/step-backward",
        "forget gate's gradient from the new cell",
        "da_f = dc * c_prev * f * (1 - f)",
        "da_f = dc * c * f * (1 - f)",
    ),
    ("lstm/step-backward", "dc scaled by i", "dc_prev = dc * f", "dc_prev = dc * f * i"),
    ("lstm/peephole-backward", "peephole sum forgets c", "da_o * c])", "da_o])"),
    (
        "lstm/cell-derivatives",
        "derivative of the output gate's use",
        "dc_da_o = np.zeros_like(o)",
        "dc_da_o = c_prev * o * (1 - o)",
    ),
    ("lstm/forget-bias", "half-life in base e", "np.log(2 ** (1 / n) - 1)", "np.log(np.exp(1 / n) - 1)"),
    # gru
    ("gru/step-after", "z on the wrong side and r squared", "r * q", "r**2 * q"),
    ("gru/step-before", "reset gate from the input only", "r = sigmoid(xW_r + h_prev @ U_r)", "r = sigmoid(xW_r)"),
    ("gru/sequence-forward", "h_new blended with the mask and h_0", "(1 - m) * h\n", "(1 - m) * h_0\n"),
    ("gru/step-after-backward", "z's slope of tanh", "z * (1 - z)\n    dq", "(1 - z**2)\n    dq"),
    # bptt
    ("bptt/recursion", "two steps ahead", "from_later = dA[t] @ U.T", "from_later = dA[t] @ U.T @ U.T"),
    ("bptt/leaky-jacobian", "slope on rows", "alpha * U * (1 - n**2)", "alpha * U * (1 - n**2)[:, None]"),
    ("bptt/norms-by-lag", "squared", "np.linalg.norm(g, axis=-1)", "np.sum(g**2, axis=-1)"),
    (
        "bptt/clip-by-global-norm",
        "the largest entry",
        "norm = np.sqrt(np.sum(dW**2) + np.sum(dU**2) + np.sum(db**2))",
        "norm = max(np.abs(dW).max(), np.abs(dU).max(), np.abs(db).max())",
    ),
    (
        "bptt/clip-by-global-norm",
        "the root forgotten",
        "np.sqrt(np.sum(dW**2) + np.sum(dU**2) + np.sum(db**2))",
        "(np.sum(dW**2) + np.sum(dU**2) + np.sum(db**2))",
    ),
    # bidirectional
    (
        "bidirectional/forward",
        "joined per unit",
        "H = np.concatenate([H_f, H_b], axis=-1)",
        "H = np.stack([H_f, H_b], axis=-1).reshape(*H_f.shape[:2], -1)",
    ),
    ("bidirectional/forward", "halves added", "H = np.concatenate([H_f, H_b], axis=-1)", "H = H_f + H_b"),
    ("bidirectional/last-output", "sum over time", "H_end = H[lengths - 1, np.arange(B)]", "H_end = H.sum(axis=0)"),
    # language model
    (
        "language-model/language-loss",
        "perplexity to base two of nats",
        "perplexity = np.exp(nats)",
        "perplexity = 2**nats",
    ),
    ("language-model/sample", "u compared with p", "upper = np.cumsum(p, axis=-1)", "upper = p"),
    ("language-model/windows", "targets two on", "ids[1 : B * L + 1]", "ids[2 : B * L + 2]"),
    ("language-model/train-windows", "momentum", "- rate * scale * g", "- 1.1 * rate * scale * g"),
    # names
    ("names/baseline", "counts as presence", "C @ log_letter.T", "(C > 0).astype(C.dtype) @ log_letter.T"),
    ("names/mean-state", "median-like half", "weight = mask / count", "weight = mask / np.sqrt(count)"),
    ("names/confusion", "second best", "np.argmax(log_p, axis=1)", "np.argsort(log_p, axis=1)[:, -2]"),
)


def backward_by_differences(dh, x, h_prev, h, W, U):
    """Numerical differentiation: right to six digits."""

    def loss(x_, h_, W_, U_, b_):
        return float((dh * np.tanh(x_ @ W_ + h_ @ U_ + b_)).sum())

    b = np.arctanh(h)[0] - x[0] @ W - h_prev[0] @ U
    inputs = [x, h_prev, W, U, b]
    found = []
    for k, v in enumerate(inputs):
        gradient = np.zeros_like(v)
        for place in np.ndindex(v.shape):
            moved = [u.astype("float64") for u in inputs]
            moved[k][place] += 1e-4
            up = loss(*moved)
            moved[k][place] -= 2e-4
            gradient[place] = (up - loss(*moved)) / 2e-4
        found.append(gradient)
    return tuple(found)


def hard_coded_for_two_blocks(x, h_prev, c_prev, W, U, b):
    """The number of units taken from the example in the notebook."""
    a = x @ W + h_prev @ U + b
    i, f, g, o = a[:, :3], a[:, 3:6], a[:, 6:9], a[:, 9:12]
    c = logistic(f) * c_prev + logistic(i) * np.tanh(g)
    return logistic(o) * np.tanh(c), c


def only_the_last_state(X, h_0, W, U, b, mask):
    h = h_0
    for t in range(len(X)):
        m = mask[t][:, None]
        h = m * np.tanh(X[t] @ W + h @ U + b) + (1 - m) * h
    return h


def with_the_first_state(X, h_0, W, U, b, mask):
    H = [h_0]
    for t in range(len(X)):
        m = mask[t][:, None]
        H.append(m * np.tanh(X[t] @ W + H[-1] @ U + b) + (1 - m) * H[-1])
    return np.array(H)


def states_and_the_last_one(X, h_0, W, U, b, mask):
    H = with_the_first_state(X, h_0, W, U, b, mask)[1:]
    return H, H[-1]


def batch_first(X, h_0, W, U, b, mask):
    return with_the_first_state(X, h_0, W, U, b, mask)[1:].swapaxes(0, 1)


def loop_returns_early(X, h_0, W, U, b, mask):
    H = np.zeros((*X.shape[:2], len(U)), X.dtype)
    h = h_0
    for t in range(len(X)):
        m = mask[t][:, None]
        h = m * np.tanh(X[t] @ W + h @ U + b) + (1 - m) * h
        H[t] = h
        return H


def list_appended_by_name(X, h_0, W, U, b, mask, H=[]):  # noqa: B006  # what is wrong here
    for t in range(len(X)):
        m = mask[t][:, None]
        h_0 = m * np.tanh(X[t] @ W + h_0 @ U + b) + (1 - m) * h_0
        H.append(h_0)
    return H


_GLOBAL = {}


def from_a_global(dh, x, h_prev, h, W, U):
    """Remembers the first W it has seen, as when a name of the notebook is used for an argument."""
    kept = _GLOBAL.setdefault("W", W)
    da = dh * (1 - h**2)
    return da @ kept.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


def gradients_in_another_order(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return x.T @ da, h_prev.T @ da, da.sum(axis=0), da @ W.T, da @ U.T


def bias_kept_as_a_row(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0, keepdims=True)


def loss_as_an_array(Y, targets, mask):
    p = np.exp(Y - Y.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    one_hot = np.eye(Y.shape[-1], dtype=Y.dtype)[targets]
    with np.errstate(divide="ignore", invalid="ignore"):
        losses = -(one_hot * np.log(p)).sum(axis=-1)
    return losses * mask / mask.sum(), (p - one_hot) * mask[..., None] / mask.sum()


def weights_of_one_language(N, n, C):
    return np.log((C @ (N + 1).T) / (C @ (N + 1).T).sum(axis=1, keepdims=True))


WRITTEN = {
    ("vanilla/step-backward", "by finite differences"): backward_by_differences,
    ("vanilla/step-backward", "in another order"): gradients_in_another_order,
    ("vanilla/step-backward", "db as a row"): bias_kept_as_a_row,
    ("vanilla/step-backward", "a name of the notebook"): from_a_global,
    ("vanilla/sequence-forward", "only the last state"): only_the_last_state,
    ("vanilla/sequence-forward", "with the first state"): with_the_first_state,
    ("vanilla/sequence-forward", "the states and the last one"): states_and_the_last_one,
    ("vanilla/sequence-forward", "batch first"): batch_first,
    ("vanilla/sequence-forward", "return inside the loop"): loop_returns_early,
    ("vanilla/sequence-forward", "a list that is never emptied"): list_appended_by_name,
    ("vanilla/softmax-loss", "one loss a place"): loss_as_an_array,
    ("lstm/step-forward", "sizes of the example"): hard_coded_for_two_blocks,
    ("names/baseline", "counts for probabilities"): weights_of_one_language,
}
