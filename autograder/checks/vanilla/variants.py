"""Other right ways to write `vanilla`: edits of the solutions that must keep every point."""

from autograder.checks.mistakes import Variant

_ONE_PRODUCT = "np.tanh(np.hstack([x, h_prev]) @ np.vstack([W, U]) + b)"

STEP_FORWARD = (
    Variant(
        "one-product",
        {
            "numpy": (("np.tanh(x @ W + h_prev @ U + b)", _ONE_PRODUCT),),
            "pytorch": (("x @ W + h_prev @ U + b", "torch.cat([x, h_prev], dim=1) @ torch.cat([W, U], dim=0) + b"),),
            "tensorflow": (
                ("x @ W + h_prev @ U + b", "tf.concat([x, h_prev], axis=1) @ tf.concat([W, U], axis=0) + b"),
            ),
        },
    ),
    Variant(
        "in-a-list",
        {
            "numpy": (("np.tanh(x @ W + h_prev @ U + b)", "[np.tanh(x @ W + h_prev @ U + b)]"),),
            "pytorch": (("return torch.tanh(x @ W + h_prev @ U + b)", "return (torch.tanh(x @ W + h_prev @ U + b),)"),),
            "tensorflow": (("tf.tanh(x @ W + h_prev @ U + b)", "[tf.tanh(x @ W + h_prev @ U + b)]"),),
        },
    ),
    Variant(
        "einsum",
        {
            "numpy": (("x @ W + h_prev @ U", 'np.einsum("bd,dh->bh", x, W) + np.einsum("bi,ij->bj", h_prev, U)'),),
            "pytorch": (
                ("x @ W + h_prev @ U", 'torch.einsum("bd,dh->bh", x, W) + torch.einsum("bi,ij->bj", h_prev, U)'),
            ),
            "tensorflow": (("x @ W + h_prev @ U", 'tf.einsum("bd,dh->bh", x, W) + tf.einsum("bi,ij->bj", h_prev, U)'),),
        },
    ),
    Variant(
        "safe-exponentials",
        {
            "numpy": (
                (
                    "return np.tanh(x @ W + h_prev @ U + b)",
                    "a = x @ W + h_prev @ U + b\n    e = np.exp(-2 * np.abs(a))\n"
                    "    return np.sign(a) * (1 - e) / (1 + e)",
                ),
            ),
        },
    ),
)

_NUMPY_UPDATE = "h = m * np.tanh(from_input[t] + h @ U) + (1 - m) * h"
_TORCH_UPDATE = "h = m * torch.tanh(from_input[t] + h @ self.U) + (1 - m) * h"
_TF_UPDATE = "h = m * tf.tanh(from_input[:, t] + h @ self.U) + (1 - m) * h"

SEQUENCE_FORWARD = (
    Variant(
        "where",
        {
            "numpy": ((_NUMPY_UPDATE, "h = np.where(m > 0, np.tanh(from_input[t] + h @ U), h)"),),
            "pytorch": ((_TORCH_UPDATE, "h = torch.where(m > 0, torch.tanh(from_input[t] + h @ self.U), h)"),),
            "tensorflow": ((_TF_UPDATE, "h = tf.where(m > 0, tf.tanh(from_input[:, t] + h @ self.U), h)"),),
        },
    ),
    Variant(
        "a-step-forward-and-some-back",
        {
            "numpy": ((_NUMPY_UPDATE, "h = h + m * (np.tanh(from_input[t] + h @ U) - h)"),),
            "pytorch": ((_TORCH_UPDATE, "h = h + m * (torch.tanh(from_input[t] + h @ self.U) - h)"),),
            "tensorflow": ((_TF_UPDATE, "h = h + m * (tf.tanh(from_input[:, t] + h @ self.U) - h)"),),
        },
    ),
    Variant(
        "only-the-rows-that-count",
        {
            "numpy": (
                (
                    _NUMPY_UPDATE,
                    "h, on = h.copy(), mask[t] > 0\n        h[on] = np.tanh(from_input[t][on] + h[on] @ U)",
                ),
            ),
        },
    ),
    Variant(
        "a-list-of-states",
        {
            "numpy": (
                ("H = np.empty_like(from_input)", "H = []"),
                ("H[t] = h", "H.append(h)"),
                ("return H", "return np.stack(H)"),
            ),
        },
    ),
    Variant(
        "a-cell-within",
        {
            "pytorch": (
                (
                    "        self.b = nn.Parameter(torch.zeros(H))",
                    "        self.b = nn.Parameter(torch.zeros(H))\n"
                    "        self.register_buffer('steps', torch.zeros(()))\n        self.squash = nn.Tanh()",
                ),
                ("torch.tanh(from_input[t] + h @ self.U)", "self.squash(from_input[t] + h @ self.U)"),
            ),
            "tensorflow": (
                (
                    "        self.b = self.add_weight",
                    "        self.squash = keras.layers.Activation('tanh')\n        self.b = self.add_weight",
                ),
                ("tf.tanh(from_input[:, t] + h @ self.U)", "self.squash(from_input[:, t] + h @ self.U)"),
            ),
        },
    ),
)

STEP_BACKWARD = (
    Variant(
        "by-einsum",
        {
            "numpy": (("h_prev.T @ da", 'np.einsum("bi,bj->ij", h_prev, da)'), ("x.T @ da", "(da.T @ x).T")),
            "pytorch": (("h_prev.T @ da", 'torch.einsum("bi,bj->ij", h_prev, da)'), ("x.T @ da", "(da.T @ x).T")),
            "tensorflow": (
                ("tf.transpose(h_prev) @ da", "tf.matmul(h_prev, da, transpose_a=True)"),
                ("da @ tf.transpose(W)", "tf.matmul(da, W, transpose_b=True)"),
            ),
        },
    ),
    Variant("in-a-list", {"numpy": (("return dx, dh_prev, dW, dU, db", "return [dx, dh_prev, dW, dU, db]"),)}),
    Variant(
        "by-name",
        {"numpy": (("return dx, dh_prev, dW, dU, db", "return dict(db=db, dU=dU, dW=dW, dh_prev=dh_prev, dx=dx)"),)},
    ),
    Variant(
        "two-factors",
        {
            "numpy": (("dh * (1 - h**2)", "dh * (1 - h) * (1 + h)"),),
            "pytorch": (("dh * (1 - h**2)", "dh - dh * h * h"),),
            "tensorflow": (("dh * (1 - h**2)", "dh * (1 - h) * (1 + h)"),),
        },
    ),
)

SEQUENCE_BACKWARD = (
    Variant(
        "products-after-the-walk",
        {
            "numpy": (
                ("    dh = np.zeros_like(h_0)\n", "    dh, dA = np.zeros_like(h_0), np.empty_like(H)\n"),
                (
                    "        dX[t] = da @ W.T\n        dW += X[t].T @ da\n        dU += h_prev.T @ da\n"
                    "        db += da.sum(axis=0)\n",
                    "        dA[t] = da\n",
                ),
                (
                    "    return dX, dh, dW, dU, db",
                    "    rows = dA.reshape(-1, dA.shape[-1])\n"
                    "    H_prev = np.concatenate([h_0[None], H[:-1]]).reshape(rows.shape)\n"
                    "    dW, dU = X.reshape(len(rows), -1).T @ rows, H_prev.T @ rows\n"
                    "    return dA @ W.T, dh, dW, dU, rows.sum(axis=0)",
                ),
            ),
        },
    ),
    Variant(
        "gates-of-time-by-where",
        {
            "numpy": (("dh = da @ U.T + (1 - m) * dh", "dh = np.where(m > 0, da @ U.T, dh)"),),
            "pytorch": (("dh = da @ U.T + (1 - m) * dh", "dh = torch.where(m > 0, da @ U.T, dh)"),),
            "tensorflow": (
                ("dh = da @ tf.transpose(U) + (1 - m) * dh", "dh = tf.where(m > 0, da @ tf.transpose(U), dh)"),
            ),
        },
    ),
    Variant("in-a-list", {"numpy": (("return dX, dh, dW, dU, db", "return [dX, dh, dW, dU, db]"),)}),
)

SOFTMAX_LOSS = (
    Variant(
        "a-python-number",
        {
            "numpy": (("return loss, dY", "return float(loss), dY"),),
            "pytorch": (("return loss, dY", "return loss.item(), dY"),),
            "tensorflow": (("return loss, dY", "return float(loss), dY"),),
        },
    ),
    Variant(
        "by-the-library",
        {
            "numpy": (
                (
                    "    shifted = Y - Y.max(axis=-1, keepdims=True)\n"
                    "    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))\n",
                    "    log_p = Y - np.logaddexp.reduce(Y, axis=-1, keepdims=True)\n",
                ),
            ),
            "pytorch": (("Y - Y.logsumexp(dim=-1, keepdim=True)", "nn.functional.log_softmax(Y, dim=-1)"),),
            "tensorflow": (("tf.nn.log_softmax(Y)", "Y - tf.reduce_logsumexp(Y, axis=-1, keepdims=True)"),),
        },
    ),
    Variant(
        "only-the-target",
        {
            "numpy": (
                (
                    "-(mask[..., None] * one_hot * log_p).sum()",
                    "-(mask * np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]).sum()",
                ),
            ),
        },
    ),
)

SOFTSIGN_DERIVATIVE = (
    Variant(
        "multiplied-out",
        {
            "numpy": (("(1 - np.abs(h)) ** 2", "1 - 2 * np.abs(h) + h * h"),),
            "pytorch": (("(1 - torch.abs(h)) ** 2", "(1 - h.abs()).square()"),),
            "tensorflow": (("(1 - tf.abs(h)) ** 2", "tf.square(1 - tf.abs(h))"),),
        },
    ),
)

VARIANTS = {
    "step-forward": STEP_FORWARD,
    "sequence-forward": SEQUENCE_FORWARD,
    "softsign-derivative": SOFTSIGN_DERIVATIVE,
    "step-backward": STEP_BACKWARD,
    "sequence-backward": SEQUENCE_BACKWARD,
    "softmax-loss": SOFTMAX_LOSS,
}
