"""Other right ways to write `gru`: edits of the solutions that must keep every point."""

from autograder.checks.mistakes import Variant

_BLEND = "(1 - z) * n + z * h_prev"
_IN_ALL = ("numpy", "pytorch", "tensorflow")


def _everywhere(name: str, *edits: tuple[str, str]) -> Variant:
    """Where the solutions have the same words."""
    return Variant(name, dict.fromkeys(_IN_ALL, edits))


_BOTH_STEPS = (
    _everywhere("a-part-of-the-way", (f"h = {_BLEND}", "h = n + z * (h_prev - n)")),
    Variant(
        "logistic-by-hand",
        {
            "numpy": (("sigmoid(xW_z + h_prev @ U_z)", "1 / (1 + np.exp(-(xW_z + h_prev @ U_z)))"),),
            "pytorch": (("torch.sigmoid(xW_z + h_prev @ U_z)", "1 / (1 + torch.exp(-(xW_z + h_prev @ U_z)))"),),
            "tensorflow": (("tf.sigmoid(xW_z + h_prev @ U_z)", "1 / (1 + tf.exp(-(xW_z + h_prev @ U_z)))"),),
        },
    ),
    Variant(
        "three-input-products",
        {
            "numpy": (
                (
                    "xW_r, xW_z, xW_n = np.split(x @ W + b, 3, axis=1)",
                    "H = h_prev.shape[1]\n    xW_r, xW_z, xW_n = (x @ W[:, k : k + H] + b[k : k + H] for k in "
                    "(0, H, 2 * H))",
                ),
            ),
            "pytorch": (
                (
                    "xW_r, xW_z, xW_n = torch.chunk(x @ W + b, 3, dim=1)",
                    "xW_r, xW_z, xW_n = (x @ w + c for w, c in zip(W.chunk(3, 1), b.chunk(3)))",
                ),
            ),
            "tensorflow": (
                (
                    "xW_r, xW_z, xW_n = tf.split(x @ W + b, 3, axis=1)",
                    "H = h_prev.shape[1]\n    xW_r, xW_z, xW_n = (x @ W[:, k : k + H] + b[k : k + H] for k in "
                    "(0, H, 2 * H))",
                ),
            ),
        },
    ),
)

STEP_AFTER = (
    *_BOTH_STEPS,
    Variant(
        "one-recurrent-product",
        {
            framework: (
                (f"U_r, U_z, U_n = {split}(U, ", f"hU_r, hU_z, hU_n = {split}(h_prev @ U, "),
                ("h_prev @ U_r", "hU_r"),
                ("h_prev @ U_z", "hU_z"),
                ("h_prev @ U_n", "hU_n"),
            )
            for framework, split in (("numpy", "np.split"), ("pytorch", "torch.chunk"), ("tensorflow", "tf.split"))
        },
    ),
    _everywhere("in-a-list", ("return h, r, z, n, q", "return [h, r, z, n, q]")),
    _everywhere("by-name", ("return h, r, z, n, q", "return dict(q=q, n=n, z=z, r=r, h=h)")),
)

STEP_BEFORE = (
    *_BOTH_STEPS,
    _everywhere("by-name", ("return h, r, z, n, s", "return dict(h=h, r=r, z=z, n=n, s=s)")),
    Variant(
        "einsum",
        {
            "numpy": (("s @ U_n", 'np.einsum("bi,ij->bj", s, U_n)'),),
            "pytorch": (("s @ U_n", 'torch.einsum("bi,ij->bj", s, U_n)'),),
            "tensorflow": (("s @ U_n", 'tf.einsum("bi,ij->bj", s, U_n)'),),
        },
    ),
)

_UPDATE = "h = m * h_new + (1 - m) * h"

SEQUENCE_FORWARD = (
    Variant(
        "where",
        {
            "numpy": ((_UPDATE, "h = np.where(m > 0, h_new, h)"),),
            "pytorch": ((_UPDATE, "h = torch.where(m > 0, h_new, h)"),),
            "tensorflow": ((_UPDATE, "h = tf.where(m > 0, h_new, h)"),),
        },
    ),
    _everywhere("mask-in-the-update-gate", ("h_new = (1 - z) * n + z * h\n", "h_new = h + m * (1 - z) * (n - h)\n")),
    Variant(
        "with-the-step",
        {
            "numpy": (
                ("        h_new = (1 - z) * n + z * h\n", "        h_new = step_after(X[t], h, W, U, b, c_n)[0]\n"),
            ),
            "pytorch": (("h_new = (1 - z) * n + z * h\n", "h_new = step_after(X[t], h, W, U, b, c_n)[0]\n"),),
            "tensorflow": (("h_new = (1 - z) * n + z * h\n", "h_new = step_after(X[:, t], h, W, U, b, c_n)[0]\n"),),
        },
    ),
    Variant(
        "a-list-of-states",
        {
            "numpy": (
                ("H = np.empty((len(X), *h_0.shape), X.dtype)", "H = []"),
                ("H[t] = h", "H.append(h)"),
                ("return H", "return np.stack(H)"),
            ),
        },
    ),
    Variant(
        "only-the-rows-that-count",
        {"numpy": ((_UPDATE, "h, on = h.copy(), mask[t] > 0\n        h[on] = h_new[on]"),)},
    ),
    Variant(
        "parts-within",
        {
            "pytorch": (
                (
                    "        self.c_n = nn.Parameter",
                    "        self.squash = nn.Tanh()\n        self.register_buffer('steps', torch.zeros(()))\n"
                    "        self.c_n = nn.Parameter",
                ),
                ("torch.tanh(xW_n + r * (hU_n + c_n))", "self.squash(torch.addcmul(xW_n, r, hU_n + c_n))"),
            ),
            "tensorflow": (
                (
                    "        self.c_n = self.add_weight",
                    "        self.squash = keras.layers.Activation('tanh')\n        self.c_n = self.add_weight",
                ),
                ("tf.tanh(xW_n + r * (hU_n + c_n))", "self.squash(xW_n + r * (hU_n + c_n))"),
            ),
        },
    ),
)

UPDATE_GATE_DERIVATIVE = (
    _everywhere("multiplied-out", ("(1 - z) * (h - n)", "h - n - z * h + z * n")),
    _everywhere("by-way-of-the-old-state", ("(1 - z) * (h - n)", "((h - (1 - z) * n) / z - n) * z * (1 - z)")),
)

STEP_AFTER_BACKWARD = (
    Variant(
        "by-einsum",
        {
            "numpy": (("x.T @ da", 'np.einsum("bd,bk->dk", x, da)'), ("da @ W.T", "(W @ da.T).T")),
            "pytorch": (("x.T @ da", 'torch.einsum("bd,bk->dk", x, da)'), ("da @ W.T", "(W @ da.T).T")),
            "tensorflow": (
                ("tf.transpose(x) @ da", "tf.matmul(x, da, transpose_a=True)"),
                ("da @ tf.transpose(W)", "tf.matmul(da, W, transpose_b=True)"),
            ),
        },
    ),
    Variant(
        "three-roads-in-one-product",
        {
            "numpy": (
                (
                    "dq @ U_n.T + da_r @ U_r.T + da_z @ U_z.T",
                    "np.concatenate([da_r, da_z, dq], axis=1) @ U.T",
                ),
            ),
            "pytorch": (("dq @ U_n.T + da_r @ U_r.T + da_z @ U_z.T", "torch.cat([da_r, da_z, dq], dim=1) @ U.T"),),
            "tensorflow": (
                (
                    "dq @ tf.transpose(U_n) + da_r @ tf.transpose(U_r) + da_z @ tf.transpose(U_z)",
                    "tf.matmul(tf.concat([da_r, da_z, dq], axis=1), U, transpose_b=True)",
                ),
            ),
        },
    ),
    Variant(
        "block-by-block",
        {
            "numpy": (
                (
                    "dU = h_prev.T @ np.concatenate([da_r, da_z, dq], axis=1)",
                    "dU = np.empty_like(U)\n    for k, d in enumerate((da_r, da_z, dq)):\n"
                    "        dU[:, k * len(U) : (k + 1) * len(U)] = h_prev.T @ d",
                ),
            ),
        },
    ),
    _everywhere("in-other-factors", ("da_r = da_n * q * r * (1 - r)", "da_r = dq * q * (1 - r)")),
    Variant(
        "in-a-list", {"numpy": (("return dx, dh_prev, dW, dU, db, dc_n", "return [dx, dh_prev, dW, dU, db, dc_n]"),)}
    ),
)

STEP_BEFORE_BACKWARD = (
    _everywhere("in-other-factors", ("da_r = ds * h_prev * r * (1 - r)", "da_r = ds * s * (1 - r)")),
    _everywhere("slope-in-two-factors", ("(1 - n**2)", "(1 - n) * (1 + n)")),
    Variant(
        "two-products-for-the-recurrent-weights",
        {
            "numpy": (
                (
                    "[h_prev.T @ da_r, h_prev.T @ da_z, s.T @ da_n]",
                    "[h_prev.T @ da[:, : 2 * len(U)], s.T @ da[:, 2 * len(U) :]]",
                ),
            ),
            "pytorch": (
                (
                    "[h_prev.T @ da_r, h_prev.T @ da_z, s.T @ da_n]",
                    "[h_prev.T @ torch.hstack([da_r, da_z]), s.T @ da_n]",
                ),
            ),
        },
    ),
    Variant(
        "by-name",
        {"numpy": (("return dx, dh_prev, dW, dU, db", "return dict(db=db, dU=dU, dW=dW, dh_prev=dh_prev, dx=dx)"),)},
    ),
)

_RETURN = "return dX, dh, dW, dU, db, dc_n"

SEQUENCE_BACKWARD = (
    Variant(
        "with-the-step",
        {
            "numpy": (
                (
                    "        dh = dh_new * z + da_U @ U.T + (1 - m) * dh\n",
                    "        gradients = step_after_backward(dh_new, X[t], h_prev, r, z, n, q, W, U)\n"
                    "        dh = gradients[1] + (1 - m) * dh\n",
                ),
            ),
        },
    ),
    Variant(
        "by-where",
        {
            "numpy": (("dh_new * z + da_U @ U.T + (1 - m) * dh", "np.where(m > 0, dh_new * z + da_U @ U.T, dh)"),),
            "pytorch": (("dh_new * z + da_U @ U.T + (1 - m) * dh", "torch.where(m > 0, dh_new * z + da_U @ U.T, dh)"),),
            "tensorflow": (
                (
                    "dh_new * z + da_U @ tf.transpose(U) + (1 - m) * dh",
                    "tf.where(m > 0, dh_new * z + da_U @ tf.transpose(U), dh)",
                ),
            ),
        },
    ),
    Variant(
        "a-list-of-gradients",
        {
            "pytorch": (
                ("dX = torch.empty_like(X)", "dX = []"),
                ("dX[t] = da @ W.T", "dX.insert(0, da @ W.T)"),
                ("return dX,", "return torch.stack(dX),"),
            ),
            "tensorflow": (("dX.insert(0, da", "dX.append(da"), ("tf.stack(dX)", "tf.stack(dX[::-1])")),
        },
    ),
    Variant(
        "products-after-the-walk",
        {
            "numpy": (
                ("    dX = np.empty_like(X)\n", "    dA, dA_U, B = [], [], X.shape[1]\n"),
                (
                    "        dX[t] = da @ W.T\n        dW += X[t].T @ da\n        dU += h_prev.T @ da_U\n"
                    "        db += da.sum(axis=0)\n        dc_n += dq.sum(axis=0)\n",
                    "        dA.insert(0, da)\n        dA_U.insert(0, da_U)\n",
                ),
                (
                    f"    {_RETURN}",
                    "    dA, dA_U = np.stack(dA), np.stack(dA_U)\n    H_prev = np.concatenate([h_0[None], H[:-1]])\n"
                    '    dW, dU = np.einsum("tbd,tbk->dk", X, dA), np.einsum("tbi,tbk->ik", H_prev, dA_U)\n'
                    "    return dA @ W.T, dh, dW, dU, dA.sum((0, 1)), dA_U.sum((0, 1))[-len(U) :]",
                ),
            ),
        },
    ),
    Variant("in-a-list", {"numpy": ((_RETURN, "return [dX, dh, dW, dU, db, dc_n]"),)}),
)

_SUM_PYTORCH = "[bias_ih[: 2 * H] + bias_hh[: 2 * H], bias_ih[2 * H :]]"

FROM_PYTORCH = (
    Variant(
        "block-by-block",
        {
            "numpy": (
                ("W = weight_ih.T", "W = np.hstack([w.T for w in np.split(weight_ih, 3)])"),
                ("U = weight_hh.T", "U = np.hstack([u.T for u in np.split(weight_hh, 3)])"),
            ),
            "pytorch": (
                ("W = weight_ih.T", "W = torch.hstack([w.T for w in weight_ih.chunk(3)])"),
                ("U = weight_hh.T", "U = torch.hstack([u.T for u in weight_hh.chunk(3)])"),
            ),
            "tensorflow": (
                ("W = tf.transpose(weight_ih)", "W = tf.concat([tf.transpose(w) for w in tf.split(weight_ih, 3)], 1)"),
            ),
        },
    ),
    Variant(
        "copies",
        {
            "numpy": (
                ("W = weight_ih.T", "W = np.ascontiguousarray(weight_ih.T)"),
                ("2 * H :]\n    return", "2 * H :].copy()\n    return"),
            ),
            "pytorch": (
                ("W = weight_ih.T", "W = weight_ih.t().contiguous()"),
                ("2 * H :]\n    return", "2 * H :].clone()\n    return"),
            ),
        },
    ),
    Variant(
        "the-second-bias-in-part",
        {
            "numpy": (
                (f"b = np.concatenate({_SUM_PYTORCH}, axis=0)", "b = bias_ih + bias_hh * (np.arange(3 * H) < 2 * H)"),
            ),
            "pytorch": (
                (f"b = torch.cat({_SUM_PYTORCH}, dim=0)", "b = bias_ih + bias_hh * (torch.arange(3 * H) < 2 * H)"),
            ),
            "tensorflow": (
                (
                    f"b = tf.concat({_SUM_PYTORCH}, axis=0)",
                    "b = bias_ih + tf.where(tf.range(3 * H) < 2 * H, bias_hh, tf.zeros_like(bias_hh))",
                ),
            ),
        },
    ),
    _everywhere("by-name", ("return W, U, b, c_n", "return dict(W=W, U=U, b=b, c_n=c_n)")),
)

FROM_KERAS = (
    Variant(
        "by-index",
        {
            "numpy": (
                (
                    "W = np.concatenate([W_r, W_z, W_n], axis=1)",
                    "H = len(c_n)\n    W = kernel[:, np.r_[H : 2 * H, :H, 2 * H : 3 * H]]",
                ),
            ),
            "tensorflow": (
                (
                    "W = tf.concat([W_r, W_z, W_n], axis=1)",
                    "H = len(c_n)\n    r_first = [*range(H, 2 * H), *range(H), *range(2 * H, 3 * H)]\n"
                    "    W = tf.gather(kernel, r_first, axis=1)",
                ),
            ),
        },
    ),
    Variant(
        "by-swapping",
        {
            "pytorch": (
                ("W = torch.cat([W_r, W_z, W_n], dim=1)", "W = kernel.unflatten(1, (3, -1))[:, [1, 0, 2]].flatten(1)"),
            ),
        },
    ),
    _everywhere("in-a-list", ("return W, U, b, c_n", "return [W, U, b, c_n]")),
)

VARIANTS = {
    "step-after": STEP_AFTER,
    "step-before": STEP_BEFORE,
    "sequence-forward": SEQUENCE_FORWARD,
    "update-gate-derivative": UPDATE_GATE_DERIVATIVE,
    "step-after-backward": STEP_AFTER_BACKWARD,
    "step-before-backward": STEP_BEFORE_BACKWARD,
    "sequence-backward": SEQUENCE_BACKWARD,
    "from-pytorch": FROM_PYTORCH,
    "from-keras": FROM_KERAS,
}
