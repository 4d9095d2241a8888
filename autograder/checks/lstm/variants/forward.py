"""Other right ways to write the steps and sequences forward, and what prepares them."""

from autograder.checks.mistakes import Edit, Variant


def everywhere(*edits: Edit) -> dict[str, tuple[Edit, ...]]:
    """The same edits in the three frameworks."""
    return dict.fromkeys(("numpy", "pytorch", "tensorflow"), edits)


def _by_gate(sum_of_products: str) -> str:
    """The four pre-activations one by one, from blocks of the matrices."""
    blocks = ("[:, :n]", "[:, n : 2 * n]", "[:, 2 * n : 3 * n]", "[:, 3 * n :]")
    lines = ["n = h_prev.shape[1]"]
    for gate, block in zip("ifgo", blocks, strict=True):
        bias = block.replace(":, ", "")
        lines.append(f"a_{gate} = " + sum_of_products.format(W=f"W{block}", U=f"U{block}", b=f"b{bias}"))
    return "\n    ".join(lines)


_ONE_BY_ONE = _by_gate("x @ {W} + h_prev @ {U} + {b}")
_PREACTIVATIONS = "a = x @ W + h_prev @ U + b\n    a_i, a_f, a_g, a_o = "

STEP_FORWARD = (
    Variant(
        "gates-one-by-one",
        {
            "numpy": ((f"{_PREACTIVATIONS}np.split(a, 4, axis=1)", _ONE_BY_ONE),),
            "pytorch": ((f"{_PREACTIVATIONS}torch.chunk(a, 4, dim=1)", _ONE_BY_ONE),),
            "tensorflow": ((f"{_PREACTIVATIONS}tf.split(a, 4, axis=1)", _ONE_BY_ONE),),
        },
    ),
    Variant(
        "one-product",
        {
            "numpy": (("x @ W + h_prev @ U", "np.hstack([x, h_prev]) @ np.vstack([W, U])"),),
            "pytorch": (("x @ W + h_prev @ U", "torch.cat([x, h_prev], dim=1) @ torch.cat([W, U], dim=0)"),),
            "tensorflow": (("x @ W + h_prev @ U", "tf.concat([x, h_prev], axis=1) @ tf.concat([W, U], axis=0)"),),
        },
    ),
    Variant(
        "sigmoid-by-one-exponential",
        {
            "numpy": (("sigmoid(a_i)", "1 / (1 + np.exp(-a_i))"),),
            "pytorch": (("torch.sigmoid(a_i)", "1 / (1 + torch.exp(-a_i))"),),
            "tensorflow": (("tf.sigmoid(a_i)", "1 / (1 + tf.exp(-a_i))"),),
        },
    ),
    Variant("in-a-list", everywhere(("return h, c", "return [h, c]"))),
    Variant("by-name", everywhere(("return h, c", "return dict(c=c, h=h)"))),
    Variant(
        "all-gates-by-one-tanh",
        {
            "numpy": (
                (
                    "    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)\n",
                    "    i, f, o = (np.tanh(np.stack([a_i, a_f, a_o]) / 2) + 1) / 2\n    g = np.tanh(a_g)\n",
                ),
            ),
        },
    ),
)

_CARRY = "h, c = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c"
_NUMPY_STEP = (
    "        a_i, a_f, a_g, a_o = np.split(from_input[t] + h @ U, 4, axis=1)\n"
    "        c_new = sigmoid(a_f) * c + sigmoid(a_i) * np.tanh(a_g)\n"
    "        h_new = sigmoid(a_o) * np.tanh(c_new)\n"
)
_TORCH_STEP = (
    "            a_i, a_f, a_g, a_o = torch.chunk(from_input[t] + h @ self.U, 4, dim=1)\n"
    "            c_new = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * torch.tanh(a_g)\n"
    "            h_new = torch.sigmoid(a_o) * torch.tanh(c_new)\n"
)
_TF_STEP = (
    "            a_i, a_f, a_g, a_o = tf.split(from_input[:, t] + h @ self.U, 4, axis=1)\n"
    "            c_new = tf.sigmoid(a_f) * c + tf.sigmoid(a_i) * tf.tanh(a_g)\n"
    "            h_new = tf.sigmoid(a_o) * tf.tanh(c_new)\n"
)

SEQUENCE_FORWARD = (
    Variant(
        "by-where",
        {
            "numpy": ((_CARRY, "h, c = np.where(m > 0, h_new, h), np.where(m > 0, c_new, c)"),),
            "pytorch": ((_CARRY, "h, c = torch.where(m > 0, h_new, h), torch.where(m > 0, c_new, c)"),),
            "tensorflow": ((_CARRY, "h, c = tf.where(m > 0, h_new, h), tf.where(m > 0, c_new, c)"),),
        },
    ),
    Variant(
        "by-steps",
        {
            "numpy": ((_NUMPY_STEP, "        h_new, c_new = step_forward(X[t], h, c, W, U, b)\n"),),
            "pytorch": (
                (_TORCH_STEP, "            h_new, c_new = step_forward(X[t], h, c, self.W, self.U, self.b)\n"),
            ),
            "tensorflow": (
                (_TF_STEP, "            h_new, c_new = step_forward(X[:, t], h, c, self.W, self.U, self.b)\n"),
            ),
        },
    ),
    Variant(
        "memory-made-beforehand",
        {
            "numpy": (
                ("H, C = [], []", "H, C = np.empty((2, len(X), *h_0.shape), X.dtype)"),
                ("H.append(h)", "H[t] = h"),
                ("C.append(c)", "C[t] = c"),
                ("np.stack(H), np.stack(C)", "H, C"),
            ),
            "pytorch": (
                (
                    "H, C = [], []",
                    "H, C = X.new_empty(2, len(X), *h_0.shape).unbind()\n        H, C = H.clone(), C.clone()",
                ),
                ("H.append(h)", "H[t] = h"),
                ("C.append(c)", "C[t] = c"),
                ("torch.stack(H), torch.stack(C)", "H, C"),
            ),
        },
    ),
    Variant(
        "only-the-rows-that-count",
        {
            "numpy": (
                (
                    f"{_NUMPY_STEP}        {_CARRY}\n",
                    "        h, c, on = h.copy(), c.copy(), mask[t] > 0\n"
                    "        h[on], c[on] = step_forward(X[t][on], h[on], c[on], W, U, b)\n",
                ),
            ),
        },
    ),
    Variant(
        "layers-within",
        {
            "pytorch": (
                (
                    "self.b = nn.Parameter(torch.zeros(4 * H))",
                    "self.b = nn.Parameter(torch.zeros(4 * H))\n        self.gate = nn.Sigmoid()",
                ),
                ("torch.sigmoid(a_f)", "self.gate(a_f)"),
            ),
            "tensorflow": (
                (
                    "        self.b = self.add_weight",
                    "        self.gate = keras.layers.Activation('sigmoid')\n        self.b = self.add_weight",
                ),
                ("tf.sigmoid(a_f)", "self.gate(a_f)"),
            ),
        },
    ),
)

FORGET_BIAS = (
    Variant(
        "by-the-logit",
        {
            "numpy": (("b_f = -np.log(2 ** (1 / n) - 1)", "f = 0.5 ** (1 / n)\n    b_f = np.log(f / (1 - f))"),),
            "pytorch": (("b_f = -torch.log(2 ** (1 / n) - 1)", "b_f = torch.logit(0.5 ** (1 / n))"),),
            "tensorflow": (
                (
                    "b_f = -tf.math.log(2 ** (1 / n) - 1)",
                    "f = 0.5 ** (1 / n)\n    b_f = tf.math.log(f) - tf.math.log(1 - f)",
                ),
            ),
        },
    ),
    Variant(
        "rounding-less",
        {
            "numpy": (("-np.log(2 ** (1 / n) - 1)", "-np.log(np.expm1(0.6931471805599453 / n))"),),
            "pytorch": (("-torch.log(2 ** (1 / n) - 1)", "-torch.log(torch.expm1(0.6931471805599453 / n))"),),
            "tensorflow": (("-tf.math.log(2 ** (1 / n) - 1)", "-tf.math.log(tf.math.expm1(0.6931471805599453 / n))"),),
        },
    ),
    Variant(
        "one-slice-set",
        {
            "numpy": (
                (
                    "    zero = np.zeros_like(n)\n    return np.concatenate([zero, b_f, zero, zero], axis=0)",
                    "    b = np.zeros(4 * len(n), n.dtype)\n    b[len(n) : 2 * len(n)] = b_f\n    return b",
                ),
            ),
            "pytorch": (
                (
                    "    zero = torch.zeros_like(n)\n    return torch.cat([zero, b_f, zero, zero], dim=0)",
                    "    b = n.new_zeros(4, len(n))\n    b[1] = b_f\n    return b.flatten()",
                ),
            ),
            "tensorflow": (
                (
                    "    zero = tf.zeros_like(n)\n    return tf.concat([zero, b_f, zero, zero], axis=0)",
                    "    return tf.reshape(tf.pad(b_f[None], [[1, 2], [0, 0]]), [-1])",
                ),
            ),
        },
    ),
)

CELL_DERIVATIVES = (
    Variant(
        "multiplied-out",
        everywhere(("g * i * (1 - i)", "g * (i - i * i)"), ("1 - g**2", "(1 - g) * (1 + g)")),
    ),
    Variant(
        "nothing-times-nothing",
        {
            "numpy": (("np.zeros_like(o)", "0 * o"),),
            "pytorch": (("torch.zeros_like(o)", "0 * o"),),
            "tensorflow": (("tf.zeros_like(o)", "0 * o"),),
        },
    ),
    Variant(
        "slices-of-one-array",
        {
            "numpy": (
                (
                    "    return np.concatenate([dc_da_i, dc_da_f, dc_da_g, dc_da_o], axis=1)",
                    "    dc_da, H = np.zeros_like(gates), c_prev.shape[1]\n"
                    "    dc_da[:, :H], dc_da[:, H : 2 * H], dc_da[:, 2 * H : 3 * H] = dc_da_i, dc_da_f, dc_da_g\n"
                    "    return dc_da",
                ),
            ),
        },
    ),
)

PEEPHOLE_STEP = (
    Variant(
        "rows-by-index",
        everywhere(
            ("    p_i, p_f, p_o = p\n", ""),
            ("c_prev * p_i", "p[0] * c_prev"),
            ("c_prev * p_f", "p[1] * c_prev"),
            ("c * p_o", "p[2] * c"),
        ),
    ),
    Variant("in-a-list", everywhere(("return h, c", "return [h, c]"))),
    Variant(
        "diagonal-matrices",
        {
            "numpy": (("c_prev * p_f", "c_prev @ np.diag(p_f)"), ("c * p_o", "c @ np.diag(p_o)")),
            "pytorch": (("c_prev * p_f", "c_prev @ torch.diag(p_f)"), ("c * p_o", "c @ torch.diag(p_o)")),
            "tensorflow": (("c_prev * p_f", "c_prev @ tf.linalg.diag(p_f)"), ("c * p_o", "c @ tf.linalg.diag(p_o)")),
        },
    ),
)
