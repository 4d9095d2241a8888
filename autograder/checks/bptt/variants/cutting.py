"""Other right ways to cut the walk short and to clip what comes back: edits of the solutions."""

from autograder.checks.mistakes import Variant

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
