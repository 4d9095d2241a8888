"""Other right ways to write `bidirectional`: edits of the solutions that must keep every point."""

from autograder.checks.mistakes import Variant

_GATHER = "return X[rho, np.arange(B)]"
_GATHER_TORCH = "return X[rho, torch.arange(B, device=X.device)]"
_GATHER_TF = "return tf.gather_nd(X, tf.stack([rho, beta], axis=-1))"

REVERSE_BY_LENGTH = (
    Variant(
        "sequence-by-sequence",
        {
            "numpy": (
                (
                    _GATHER,
                    "turned = X.copy()\n    for k, n in enumerate(lengths):\n"
                    "        turned[:n, k] = X[:n, k][::-1]\n    return turned",
                ),
            ),
            "pytorch": (
                (
                    _GATHER_TORCH,
                    "turned = X.clone()\n    for k, n in enumerate(lengths.tolist()):\n"
                    "        turned[:n, k] = X[:n, k].flip(0)\n    return turned",
                ),
            ),
            "tensorflow": (
                (
                    _GATHER_TF,
                    "return tf.stack([tf.concat([X[:n, k][::-1], X[n:, k]], axis=0)"
                    " for k, n in enumerate(lengths.numpy())], axis=1)",
                ),
            ),
        },
    ),
    Variant(
        "by-the-library",
        {
            "numpy": ((_GATHER, "return np.take_along_axis(X, rho[:, :, None], axis=0)"),),
            "pytorch": ((_GATHER_TORCH, "return torch.gather(X, 0, rho[:, :, None].expand_as(X))"),),
            "tensorflow": ((_GATHER_TF, "return tf.reverse_sequence(X, lengths, seq_axis=0, batch_axis=1)"),),
        },
    ),
    Variant(
        "batch-first-inside",
        {
            "numpy": ((_GATHER, "return X.swapaxes(0, 1)[np.arange(B)[:, None], rho.T].swapaxes(0, 1)"),),
            "pytorch": ((_GATHER_TORCH, "return X.transpose(0, 1)[torch.arange(B)[:, None], rho.T].transpose(0, 1)"),),
            "tensorflow": (
                (
                    _GATHER_TF,
                    "return tf.transpose(tf.gather(tf.transpose(X, (1, 0, 2)), tf.transpose(rho), batch_dims=1),"
                    " (1, 0, 2))",
                ),
            ),
        },
    ),
    Variant("in-a-list", {"numpy": ((_GATHER, "return [X[rho, np.arange(B)]]"),)}),
    Variant(
        "one-row-formula",
        {
            framework: (
                (f"{module}.where(t < lengths, lengths - 1 - t, t)", "t + (t < lengths) * (lengths - 1 - 2 * t)"),
            )
            for framework, module in (("numpy", "np"), ("pytorch", "torch"))
        },
    ),
)

_TURNED = "H_b = reverse_by_length(H_b, lengths)"
_READ = "X_b = reverse_by_length(X, lengths)"
_RUN = "H_b = sequence_forward(X_b, h_0[1], W[1], U[1], b[1], mask)"
_RUN_SELF = "H_b = sequence_forward(X_b, h_0[1], self.W[1], self.U[1], self.b[1], mask)"

FORWARD = (
    Variant(
        "the-mask-turned-round",
        {
            "numpy": (
                (_READ, "X_b = X[::-1]"),
                (_RUN, "H_b = sequence_forward(X_b, h_0[1], W[1], U[1], b[1], mask[::-1])"),
                (_TURNED, "H_b = H_b[::-1]"),
            ),
            "pytorch": (
                (_READ, "X_b = X.flip(0)"),
                (_RUN_SELF, "H_b = sequence_forward(X_b, h_0[1], self.W[1], self.U[1], self.b[1], mask.flip(0))"),
                (_TURNED, "H_b = H_b.flip(0)"),
            ),
            "tensorflow": (
                (_READ, "X_b = X[::-1]"),
                (_RUN_SELF, "H_b = sequence_forward(X_b, h_0[1], self.W[1], self.U[1], self.b[1], mask[::-1])"),
                (_TURNED, "H_b = H_b[::-1]"),
            ),
        },
    ),
    Variant(
        "no-mask-behind-the-items",  # padding comes last in both halves, and its states are set to zero
        {
            "numpy": (
                (_RUN, "H_b = sequence_forward(X_b, h_0[1], W[1], U[1], b[1], np.ones_like(mask))"),
                ("U[0], b[0], mask)", "U[0], b[0], np.ones_like(mask))"),
            ),
            "pytorch": (("self.U[0], self.b[0], mask)", "self.U[0], self.b[0], torch.ones_like(mask))"),),
            "tensorflow": (("self.U[0], self.b[0], mask)", "self.U[0], self.b[0], tf.ones_like(mask))"),),
        },
    ),
    Variant(
        "a-loop-from-the-end",
        {
            "numpy": (
                (_READ, "H_b, h = [], h_0[1]"),
                (
                    _RUN,
                    "for t in reversed(range(len(X))):\n        m = mask[t][:, None]\n"
                    "        h = m * np.tanh(X[t] @ W[1] + h @ U[1] + b[1]) + (1 - m) * h\n"
                    "        H_b.insert(0, h)",
                ),
                (_TURNED, "H_b = np.stack(H_b)"),
            ),
            "pytorch": (
                (_READ, "H_b, h = [], h_0[1]"),
                (
                    _RUN_SELF,
                    "for t in reversed(range(len(X))):\n            m = mask[t].unsqueeze(-1)\n"
                    "            h = m * torch.tanh(X[t] @ self.W[1] + h @ self.U[1] + self.b[1]) + (1 - m) * h\n"
                    "            H_b.insert(0, h)",
                ),
                (_TURNED, "H_b = torch.stack(H_b)"),
            ),
            "tensorflow": (
                (_READ, "H_b, h = [], h_0[1]"),
                (
                    _RUN_SELF,
                    "for t in reversed(range(X.shape[0])):\n            m = mask[t][:, None]\n"
                    "            h = m * tf.tanh(X[t] @ self.W[1] + h @ self.U[1] + self.b[1]) + (1 - m) * h\n"
                    "            H_b.insert(0, h)",
                ),
                (_TURNED, "H_b = tf.stack(H_b)"),
            ),
        },
    ),
    Variant(
        "zeros-by-where",
        {
            "numpy": (("mask[..., None] * H", "np.where(mask[..., None] > 0, H, 0)"),),
            "pytorch": (("mask.unsqueeze(-1) * H", "H.masked_fill(mask[:, :, None] == 0, 0.0)"),),
            "tensorflow": (("mask[..., None] * H", "tf.where(mask[..., None] > 0, H, tf.zeros_like(H))"),),
        },
    ),
)

_END = "H_end = H[lengths - 1, np.arange(B)]"

LAST_OUTPUT = (
    Variant(
        "sequence-by-sequence",
        {
            "numpy": ((_END, "H_end = np.stack([H[n - 1, k] for k, n in enumerate(lengths)])"),),
            "pytorch": (
                (
                    "H_end = H[lengths - 1, torch.arange(B, device=H.device)]",
                    "H_end = torch.stack([H[n - 1, k] for k, n in enumerate(lengths.tolist())])",
                ),
            ),
            "tensorflow": (
                (
                    "tf.gather_nd(H, tf.stack([lengths - 1, tf.range(B, dtype=lengths.dtype)], axis=-1))",
                    "tf.stack([H[n - 1, k] for k, n in enumerate(lengths.numpy())])",
                ),
            ),
        },
    ),
    Variant(
        "a-weighted-sum",
        {
            "numpy": (
                (
                    _END,
                    "picked = np.arange(len(H))[:, None] == lengths - 1\n"
                    "    H_end = (picked[:, :, None] * H).sum(axis=0)",
                ),
            ),
            "pytorch": (
                (
                    "H_end = H[lengths - 1, torch.arange(B, device=H.device)]",
                    "picked = torch.arange(len(H))[:, None] == lengths - 1\n"
                    "    H_end = (picked[:, :, None] * H).sum(0)",
                ),
            ),
        },
    ),
    Variant(
        "in-a-list",
        {
            "numpy": (
                ("return np.concatenate([forward, backward], axis=-1)", "return [np.hstack([forward, backward])]"),
            )
        },
    ),
)

_RETURNED = "return total, average, product, dH_f, dH_b"

MERGES = (
    Variant(
        "by-the-library",
        {
            "numpy": (("total / 2", "np.stack([H_f, H_b]).mean(axis=0)"),),
            "pytorch": (("total / 2", "torch.stack([H_f, H_b]).mean(dim=0)"),),
            "tensorflow": (("total / 2", "tf.reduce_mean(tf.stack([H_f, H_b]), axis=0)"),),
        },
    ),
    Variant(
        "gradients-added-one-by-one",
        dict.fromkeys(
            ("numpy", "pytorch", "tensorflow"),
            (
                ("dH_f = G_sum + G_average / 2 + G_product * H_b", "shared = G_sum + 0.5 * G_average"),
                (
                    "dH_b = G_sum + G_average / 2 + G_product * H_f",
                    "dH_f, dH_b = shared + H_b * G_product, shared + H_f * G_product",
                ),
            ),
        ),
    ),
    Variant("in-a-list", {"numpy": ((_RETURNED, "return [total, average, product, dH_f, dH_b]"),)}),
    Variant(
        "by-name",
        {"numpy": ((_RETURNED, "return dict(dH_b=dH_b, dH_f=dH_f, product=product, average=average, total=total)"),)},
    ),
)

_BACK = "dX_b, *d_b = sequence_backward(G_b, X_b, H_b, h_0[1], W[1], U[1], mask)"
_STACKED = "(np.stack(pair) for pair in zip(d_f, d_b, strict=True))"

BACKWARD = (
    Variant(
        "the-mask-turned-round",
        {
            "numpy": (
                ("G_b = reverse_by_length(G_b, lengths)", "G_b = G_b[::-1]"),
                ("X_b = reverse_by_length(X, lengths)", "X_b = X[::-1]"),
                ("H_b = reverse_by_length(H_b, lengths)", "H_b = np.where(mask[..., None] > 0, H_b, h_0[1])[::-1]"),
                (_BACK, _BACK.replace("mask)", "mask[::-1])")),
                ("reverse_by_length(dX_b, lengths)", "dX_b[::-1]"),
            ),
            "pytorch": (
                ("G_b = reverse_by_length(G_b, lengths)", "G_b = G_b.flip(0)"),
                ("X_b = reverse_by_length(X, lengths)", "X_b = X.flip(0)"),
                (
                    "H_b = reverse_by_length(H_b, lengths)",
                    "H_b = torch.where(mask[..., None] > 0, H_b, h_0[1]).flip(0)",
                ),
                (_BACK, _BACK.replace("mask)", "mask.flip(0))")),
                ("reverse_by_length(dX_b, lengths)", "dX_b.flip(0)"),
            ),
            "tensorflow": (
                ("G_b = reverse_by_length(G_b, lengths)", "G_b = G_b[::-1]"),
                ("X_b = reverse_by_length(X, lengths)", "X_b = X[::-1]"),
                ("H_b = reverse_by_length(H_b, lengths)", "H_b = tf.where(mask[..., None] > 0, H_b, h_0[1])[::-1]"),
                (_BACK, _BACK.replace("mask)", "mask[::-1])")),
                ("reverse_by_length(dX_b, lengths)", "dX_b[::-1]"),
            ),
        },
    ),
    Variant(
        "a-walk-from-left-to-right",  # the recursion of the backward half itself, without a reversal
        {
            "numpy": (
                ("    G_b = reverse_by_length(G_b, lengths)\n", ""),
                ("    X_b = reverse_by_length(X, lengths)\n", ""),
                (
                    "    H_b = reverse_by_length(H_b, lengths)\n",
                    "    dX_b, dh, d_W, d_U, d_b = np.zeros_like(X), np.zeros_like(h_0[1]), 0, 0, 0\n",
                ),
                (
                    _BACK,
                    "for t in range(len(X)):\n        m = mask[t][:, None]\n"
                    "        after = H_b[t + 1] if t + 1 < len(X) else h_0[1]\n"
                    "        after = np.where((lengths == t + 1)[:, None], h_0[1], after)\n"
                    "        dh = dh + G_b[t]\n        da = m * dh * (1 - H_b[t] ** 2)\n"
                    "        dX_b[t] = da @ W[1].T\n"
                    "        d_W, d_U, d_b = d_W + X[t].T @ da, d_U + after.T @ da, d_b + da.sum(axis=0)\n"
                    "        dh = da @ U[1].T + (1 - m) * dh\n"
                    "    d_b = dh, d_W, d_U, d_b",
                ),
                ("reverse_by_length(dX_b, lengths)", "dX_b"),
            ),
        },
    ),
    Variant(
        "no-mask-behind-the-items",  # nothing reaches the padding, which comes last
        {
            "numpy": ((_BACK, _BACK.replace("mask)", "np.ones_like(mask))")),),
            "pytorch": ((_BACK, _BACK.replace("mask)", "torch.ones_like(mask))")),),
            "tensorflow": ((_BACK, _BACK.replace("mask)", "tf.ones_like(mask))")),),
        },
    ),
    Variant(
        "in-a-list",
        {"numpy": (("return dX, dh_0, dW, dU, db", "return [dX, dh_0, dW, dU, db]"),)},
    ),
    Variant(
        "arrays-of-pairs",
        {"numpy": ((_STACKED, "(np.array([f, b]) for f, b in zip(d_f, d_b))"),)},
    ),
)

STACK_OF_TWO = (
    Variant(
        "a-loop-over-the-layers",
        {
            "numpy": (
                (
                    "H_1 = bidirectional_forward(X, h_1, W_1, U_1, b_1, mask)\n"
                    "    H_2 = bidirectional_forward(H_1, h_2, W_2, U_2, b_2, mask)",
                    "H_2 = X\n    for layer in ((h_1, W_1, U_1, b_1), (h_2, W_2, U_2, b_2)):\n"
                    "        H_2 = bidirectional_forward(H_2, *layer, mask)",
                ),
            ),
            "pytorch": (
                (
                    "H_1 = BidirectionalFunction.apply(X, h_1, W_1, U_1, b_1, mask)\n"
                    "    H_2 = BidirectionalFunction.apply(H_1, h_2, W_2, U_2, b_2, mask)",
                    "H_2 = X\n    for layer in ((h_1, W_1, U_1, b_1), (h_2, W_2, U_2, b_2)):\n"
                    "        H_2 = BidirectionalFunction.apply(H_2, *layer, mask)",
                ),
            ),
            "tensorflow": (
                (
                    "H_1 = bidirectional_operation(X, h_1, W_1, U_1, b_1, mask)\n"
                    "    H_2 = bidirectional_operation(H_1, h_2, W_2, U_2, b_2, mask)",
                    "H_2 = X\n    for layer in ((h_1, W_1, U_1, b_1), (h_2, W_2, U_2, b_2)):\n"
                    "        H_2 = bidirectional_operation(H_2, *layer, mask)",
                ),
            ),
        },
    ),
    Variant(
        "in-a-list",
        dict.fromkeys(
            ("numpy", "pytorch", "tensorflow"),
            (("return H_2, last_output(H_2, lengths)", "return [H_2, last_output(H_2, lengths)]"),),
        ),
    ),
    Variant(
        "by-name",
        {"numpy": (("return H_2, last_output(H_2, lengths)", 'return {"last": last_output(H_2, lengths), "H": H_2}'),)},
    ),
)

VARIANTS = {
    "reverse-by-length": REVERSE_BY_LENGTH,
    "forward": FORWARD,
    "last-output": LAST_OUTPUT,
    "merges": MERGES,
    "backward": BACKWARD,
    "stack-of-two": STACK_OF_TWO,
}
