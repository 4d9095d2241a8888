"""Other right ways to write `bptt`: edits of the solutions that must keep every point."""

from autograder.checks.mistakes import Variant

RECURSION = (
    Variant(
        "by-jacobians",
        {
            "numpy": (
                (
                    "from_later = dA[t] @ U.T",
                    'from_later = np.einsum("bj,bij->bi", dH[t], U * (1 - H[t] ** 2)[:, None])',
                ),
            ),
            "pytorch": (
                (
                    "from_later = dA[t] @ U.T",
                    'from_later = torch.einsum("bj,bij->bi", dH[t], U * (1 - H[t] ** 2)[:, None])',
                ),
            ),
            "tensorflow": (
                (
                    "from_later = da @ tf.transpose(U)",
                    'from_later = tf.einsum("bj,bij->bi", dh, U * (1 - H[t] ** 2)[:, None])',
                ),
            ),
        },
    ),
    Variant(
        "slopes-first",
        {
            "numpy": (
                (
                    "    from_later = np.zeros_like(H[0])\n",
                    "    from_later, slope = np.zeros_like(H[0]), (1 - H) * (1 + H)\n",
                ),
                ("(1 - H[t] ** 2)", "slope[t]"),
            ),
            "pytorch": (
                ("    from_later = torch.zeros_like(H[0])\n", "    from_later, slope = 0, (1 - H) * (1 + H)\n"),
                ("(1 - H[t] ** 2)", "slope[t]"),
            ),
            "tensorflow": (
                ("    from_later = tf.zeros_like(H[0])\n", "    from_later, slope = 0.0, (1 - H) * (1 + H)\n"),
                ("(1 - H[t] ** 2)", "slope[t]"),
            ),
        },
    ),
    Variant("in-a-list", {"numpy": (("return dH, dA", "return [dH, dA]"),)}),
    Variant("by-name", {"numpy": (("return dH, dA", 'return {"dA": dA, "dH": dH}'),)}),
    Variant("argument-copied", {"numpy": (("np.zeros_like(H), np", "G.copy(), np"),)}),
)

PARAMETER_GRADIENTS = (
    Variant(
        "einsum",
        {
            "numpy": (("np.reshape(X, (-1, X.shape[2])).T @ rows", 'np.einsum("tbd,tbh->dh", X, dA)'),),
            "pytorch": (("torch.reshape(X, (-1, X.shape[2])).T @ rows", 'torch.einsum("tbd,tbh->dh", X, dA)'),),
            "tensorflow": (
                ("tf.transpose(tf.reshape(X, (-1, X.shape[2]))) @ rows", 'tf.einsum("tbd,tbh->dh", X, dA)'),
            ),
        },
    ),
    Variant(
        "step-by-step",
        {
            "numpy": (("np.reshape(X, (-1, X.shape[2])).T @ rows", "sum(x.T @ da for x, da in zip(X, dA))"),),
            "pytorch": (("torch.reshape(X, (-1, X.shape[2])).T @ rows", "sum(x.T @ da for x, da in zip(X, dA))"),),
            "tensorflow": (
                (
                    "tf.transpose(tf.reshape(X, (-1, X.shape[2]))) @ rows",
                    "sum(tf.transpose(x) @ da for x, da in zip(X, dA))",
                ),
            ),
        },
    ),
    Variant(
        "sequence-by-sequence-on-both-sides",
        {
            "numpy": (
                (
                    "np.reshape(X, (-1, X.shape[2])).T @ rows",
                    "sum(X[:, i].T @ dA[:, i] for i in range(X.shape[1]))",
                ),
            ),
            "pytorch": (
                (
                    "torch.reshape(X, (-1, X.shape[2])).T @ rows",
                    "sum(X[:, i].T @ dA[:, i] for i in range(X.shape[1]))",
                ),
            ),
        },
    ),
    Variant(
        "two-sums-for-the-bias",
        {
            "numpy": (("np.sum(rows, axis=0)", "dA.sum(axis=1).sum(axis=0)"),),
            "pytorch": (("torch.sum(rows, dim=0)", "dA.sum(dim=(0, 1))"),),
            "tensorflow": (("tf.reduce_sum(rows, axis=0)", "tf.reduce_sum(dA, axis=[0, 1])"),),
        },
    ),
)

LEAKY_JACOBIAN = (
    Variant(
        "by-a-diagonal-matrix",
        {
            "numpy": (("alpha * U * (1 - n**2)", "alpha * (U @ np.diag(1 - n**2))"),),
            "pytorch": (("alpha * U * (1 - n**2)", "alpha * (U @ torch.diag(1 - n**2))"),),
            "tensorflow": (("alpha * U * (1 - n**2)", "alpha * (U @ tf.linalg.diag(1 - n**2))"),),
        },
    ),
    Variant(
        "identity-by-diag",
        {
            "numpy": (("(1 - alpha) * np.eye(len(n), dtype=n.dtype)", "np.diag(np.full_like(n, 1 - alpha))"),),
            "pytorch": (
                (
                    "(1 - alpha) * torch.eye(len(n), dtype=n.dtype, device=n.device)",
                    "torch.diag(torch.full_like(n, 1 - alpha))",
                ),
            ),
            "tensorflow": (
                (
                    "(1 - alpha) * tf.eye(n.shape[0], dtype=n.dtype)",
                    "tf.linalg.diag((1 - alpha) * tf.ones_like(n))",
                ),
            ),
        },
    ),
)

NORMS_BY_LAG = (
    Variant(
        "root-of-a-sum-of-squares",
        {
            "numpy": (("np.linalg.norm(g, axis=-1)", "np.sqrt((g * g).sum(axis=1))"),),
            "pytorch": (("torch.linalg.norm(g, dim=-1)", "(g * g).sum(dim=1).sqrt()"),),
            "tensorflow": (("tf.norm(g, axis=-1)", "tf.sqrt(tf.reduce_sum(g * g, axis=1))"),),
        },
    ),
    Variant(
        "by-jacobians",
        {
            "numpy": (
                ("g = (g * (1 - H[t] ** 2)) @ U.T", 'g = np.einsum("bj,bij->bi", g, U * (1 - H[t] ** 2)[:, None])'),
            ),
            "pytorch": (
                ("g = (g * (1 - H[t] ** 2)) @ U.T", 'g = torch.einsum("bj,bij->bi", g, U * (1 - H[t] ** 2)[:, None])'),
            ),
            "tensorflow": (
                (
                    "g = (g * (1 - H[t] ** 2)) @ tf.transpose(U)",
                    'g = tf.einsum("bj,bij->bi", g, U * (1 - H[t] ** 2)[:, None])',
                ),
            ),
        },
    ),
    Variant("in-an-array", {"numpy": (("np.stack(norms)", "np.array(norms)"),)}),
)

BY_CHUNKS = (
    Variant(
        "chunk-after-chunk",
        {
            "pytorch": (
                (
                    "        for t in range(len(X)):\n            if t % self.k == 0:\n                h = h.detach()\n"
                    "            h = torch.tanh(X[t] @ self.W + h @ self.U + self.b)\n            states.append(h)\n",
                    "        for chunk in X.split(self.k):\n            h = h.detach()\n            for x in chunk:\n"
                    "                h = torch.tanh(x @ self.W + h @ self.U + self.b)\n"
                    "                states.append(h)\n",
                ),
            ),
            "tensorflow": (
                (
                    "        for t in range(X.shape[1]):\n            if t % self.k == 0:\n"
                    "                h = tf.stop_gradient(h)\n"
                    "            h = tf.tanh(X[:, t] @ self.W + h @ self.U + self.b)\n            states.append(h)\n",
                    "        for start in range(0, X.shape[1], self.k):\n            h = tf.stop_gradient(h)\n"
                    "            for x in tf.unstack(X[:, start : start + self.k], axis=1):\n"
                    "                h = tf.tanh(x @ self.W + h @ self.U + self.b)\n                states.append(h)\n",
                ),
            ),
        },
    ),
    Variant(
        "cut-after-a-chunk",
        {
            "pytorch": (
                ("            if t % self.k == 0:\n                h = h.detach()\n", ""),
                (
                    "            states.append(h)\n",
                    "            states.append(h)\n"
                    "            if (t + 1) % self.k == 0:\n                h = h.detach()\n",
                ),
            ),
            "tensorflow": (
                ("            if t % self.k == 0:\n                h = tf.stop_gradient(h)\n", ""),
                (
                    "            states.append(h)\n",
                    "            states.append(h)\n            if (t + 1) % self.k == 0:\n"
                    "                h = tf.stop_gradient(h)\n",
                ),
            ),
            "numpy": (
                ("        before = h\n", ""),
                ("    h = h_0\n", "    h = before = h_0\n"),
                ("            dh = da @ U.T\n", "            dh = da @ U.T\n        before = H[steps[-1]]\n"),
            ),
        },
    ),
    Variant(
        "input-products-first",
        {
            "numpy": (
                ("    h = h_0\n", "    h, from_input = h_0, X @ W + b\n"),
                ("X[t] @ W + h @ U + b", "from_input[t] + h @ U"),
            ),
            "pytorch": (
                ("states, h = [], h_0", "states, h, from_input = [], h_0, X @ self.W + self.b"),
                ("X[t] @ self.W + h @ self.U + self.b", "from_input[t] + h @ self.U"),
            ),
            "tensorflow": (
                ("states, h = [], h_0", "states, h, from_input = [], h_0, X @ self.W + self.b"),
                ("X[:, t] @ self.W + h @ self.U + self.b", "from_input[:, t] + h @ self.U"),
            ),
        },
    ),
    Variant(
        "data",
        {"pytorch": (("h = h.detach()", "h = h.data"),)},
    ),
)

TRUNCATED = (
    Variant(
        "one-walk-for-each-end",
        {
            "numpy": (
                (
                    "for start in range(0, len(X), k1):\n        end = start + k1\n",
                    "for end in range(k1, len(X) + k1, k1):\n",
                ),
                ("if t >= start:", "if t >= end - k1:"),
            ),
            "pytorch": (
                (
                    "for start in range(0, len(X), k1):\n        end = start + k1\n",
                    "for end in range(k1, len(X) + k1, k1):\n",
                ),
                ("if t >= start:", "if t >= end - k1:"),
            ),
            "tensorflow": (
                (
                    "for start in range(0, X.shape[0], k1):\n        end = start + k1\n",
                    "for end in range(k1, X.shape[0] + k1, k1):\n",
                ),
                ("if t >= start:", "if t >= end - k1:"),
            ),
        },
    ),
    Variant(
        "direct-gradients-set-to-zero",
        {
            "numpy": (
                (
                    "            if t >= start:\n                dh = dh + G[t]\n",
                    "            dh = dh + (t >= start) * G[t]\n",
                ),
            ),
            "pytorch": (
                (
                    "            if t >= start:\n                dh = dh + G[t]\n",
                    "            dh = dh + (t >= start) * G[t]\n",
                ),
            ),
            "tensorflow": (
                (
                    "            if t >= start:\n                dh = dh + G[t]\n",
                    "            dh = dh + G[t] * float(t >= start)\n",
                ),
            ),
        },
    ),
    Variant(
        "by-the-definition",
        {
            "numpy": (
                (
                    "    for start in range(0, len(X), k1):\n"
                    "        end = start + k1\n        begin = max(0, end - k2)\n"
                    "        dh = np.zeros_like(h_0)\n        for t in reversed(range(begin, min(end, len(X)))):\n",
                    "    for loss in range(len(X)):\n        end = k1 * (loss // k1 + 1)\n"
                    "        dh = np.zeros_like(h_0)\n        for t in range(loss, max(0, end - k2) - 1, -1):\n",
                ),
                ("if t >= start:", "if t == loss:"),
            ),
            "pytorch": (
                (
                    "    for start in range(0, len(X), k1):\n"
                    "        end = start + k1\n        begin = max(0, end - k2)\n"
                    "        dh = torch.zeros_like(h_0)\n        for t in reversed(range(begin, min(end, len(X)))):\n",
                    "    for loss in range(len(X)):\n        end = k1 * (loss // k1 + 1)\n"
                    "        dh = torch.zeros_like(h_0)\n        for t in range(loss, max(0, end - k2) - 1, -1):\n",
                ),
                ("if t >= start:", "if t == loss:"),
            ),
        },
    ),
)

CLIP_BY_GLOBAL_NORM = (
    Variant(
        "smaller-of-one-and-the-ratio",
        {
            "numpy": (
                ("max_norm / norm if norm > max_norm else 1.0", "min(1.0, max_norm / norm) if norm > 0 else 1.0"),
            ),
            "pytorch": (("max_norm / norm if norm > max_norm else 1.0", "torch.clamp(max_norm / norm, max=1.0)"),),
            "tensorflow": (("max_norm / norm if norm > max_norm else 1.0", "tf.minimum(max_norm / norm, 1.0)"),),
        },
    ),
    Variant(
        "largest-of-norm-and-limit",
        {
            "numpy": (("max_norm / norm if norm > max_norm else 1.0", "max_norm / max(norm, max_norm)"),),
            "pytorch": (("max_norm / norm if norm > max_norm else 1.0", "max_norm / max(norm, max_norm)"),),
            "tensorflow": (("max_norm / norm if norm > max_norm else 1.0", "max_norm / tf.maximum(norm, max_norm)"),),
        },
    ),
    Variant(
        "one-long-row",
        {
            "numpy": (
                (
                    "np.sqrt(np.sum(dW**2) + np.sum(dU**2) + np.sum(db**2))",
                    "np.linalg.norm(np.concatenate([g.ravel() for g in (dW, dU, db)]))",
                ),
            ),
            "pytorch": (
                (
                    "torch.sqrt(torch.sum(dW**2) + torch.sum(dU**2) + torch.sum(db**2))",
                    "torch.cat([g.flatten() for g in (dW, dU, db)]).norm()",
                ),
            ),
            "tensorflow": (
                (
                    "tf.sqrt(tf.reduce_sum(dW**2) + tf.reduce_sum(dU**2) + tf.reduce_sum(db**2))",
                    "tf.linalg.global_norm([dW, dU, db])",
                ),
            ),
        },
    ),
    Variant(
        "untouched-below-the-limit",
        {
            "numpy": (
                (
                    "    scale = max",
                    "    if norm <= max_norm:\n        return dW, dU, db, float(norm)\n    scale = max",
                ),
            ),
            "pytorch": (
                (
                    "    scale = max",
                    "    if norm <= max_norm:\n        return dW, dU, db, norm.item()\n    scale = max",
                ),
            ),
            "tensorflow": (
                ("    scale = max", "    if norm <= max_norm:\n        return dW, dU, db, norm\n    scale = max"),
            ),
        },
    ),
)

INFLUENCE_STEP = (
    Variant(
        "einsum",
        {
            "numpy": (("P @ U)", 'np.einsum("bpqi,ij->bpqj", P, U))'),),
            "pytorch": (("P @ U)", 'torch.einsum("bpqi,ij->bpqj", P, U))'),),
            "tensorflow": (("P @ U)", 'tf.einsum("bpqi,ij->bpqj", P, U))'),),
        },
    ),
    Variant(
        "by-jacobians",
        {
            "numpy": (
                (
                    "(immediate + P @ U) * (1 - h**2)[:, None, None, :]",
                    "immediate * (1 - h**2)[:, None, None, :] + P @ (U * (1 - h**2)[:, None, :])[:, None]",
                ),
            ),
            "pytorch": (
                (
                    "(immediate + P @ U) * (1 - h**2)[:, None, None, :]",
                    "immediate * (1 - h**2)[:, None, None, :] + P @ (U * (1 - h**2)[:, None, :])[:, None]",
                ),
            ),
            "tensorflow": (
                (
                    "(immediate + P @ U) * (1 - h**2)[:, None, None, :]",
                    "immediate * (1 - h**2)[:, None, None, :] + P @ (U * (1 - h**2)[:, None, :])[:, None]",
                ),
            ),
        },
    ),
)

RTRL = (
    Variant(
        "direct-sum",
        {
            "numpy": (('np.einsum("bpqj,bj->pq", P, G[t])', "(P * G[t][:, None, None, :]).sum(axis=(0, 3))"),),
            "pytorch": (('torch.einsum("bpqj,bj->pq", P, G[t])', "(P * G[t][:, None, None, :]).sum(dim=(0, 3))"),),
            "tensorflow": (
                ('tf.einsum("bpqj,bj->pq", P, G[t])', "tf.reduce_sum(P * G[t][:, None, None, :], axis=(0, 3))"),
            ),
        },
    ),
    Variant(
        "rows-counted",
        {
            "numpy": (("gradient[D:-1], gradient[-1]", "gradient[D : D + H], gradient[D + H]"),),
            "pytorch": (("gradient[D:-1], gradient[-1]", "gradient[D : D + H], gradient[D + H]"),),
            "tensorflow": (("gradient[D:-1], gradient[-1]", "gradient[D : D + H], gradient[D + H]"),),
        },
    ),
)

VARIANTS = {
    "recursion": RECURSION,
    "parameter-gradients": PARAMETER_GRADIENTS,
    "leaky-jacobian": LEAKY_JACOBIAN,
    "norms-by-lag": NORMS_BY_LAG,
    "by-chunks": BY_CHUNKS,
    "truncated": TRUNCATED,
    "clip-by-global-norm": CLIP_BY_GLOBAL_NORM,
    "influence-step": INFLUENCE_STEP,
    "rtrl": RTRL,
}
