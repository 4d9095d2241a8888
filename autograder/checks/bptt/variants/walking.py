"""Other right ways to walk back, to follow a gradient, and to go forward: edits of the solutions."""

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
