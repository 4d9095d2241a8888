"""Other right ways to write the walks back."""

from autograder.checks.lstm.variants.forward import everywhere
from autograder.checks.mistakes import Variant

_GRADIENTS = "return dx, dh_prev, dc_prev, dW, dU, db"

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
    Variant("in-a-list", {"numpy": ((_GRADIENTS, "return [dx, dh_prev, dc_prev, dW, dU, db]"),)}),
    Variant(
        "by-name",
        {"numpy": ((_GRADIENTS, "return dict(db=db, dU=dU, dW=dW, dc_prev=dc_prev, dh_prev=dh_prev, dx=dx)"),)},
    ),
    Variant(
        "the-output-in-the-slope",
        everywhere(("dh * o * (1 - tanh_c**2)", "dh * (o - (o * tanh_c) * tanh_c)")),
    ),
    Variant(
        "gate-by-gate",
        {
            "numpy": (
                (
                    "dx = da @ W.T\n",
                    "parts = zip([da_i, da_f, da_g, da_o], np.split(W, 4, axis=1))\n"
                    "    dx = sum(part @ block.T for part, block in parts)\n",
                ),
                ("db = da.sum(axis=0)", "db = np.hstack([part.sum(axis=0) for part in (da_i, da_f, da_g, da_o)])"),
            ),
            "pytorch": (
                (
                    "dx = da @ W.T\n",
                    "parts = zip([da_i, da_f, da_g, da_o], torch.chunk(W, 4, dim=1))\n"
                    "        dx = sum(part @ block.T for part, block in parts)\n",
                ),
            ),
        },
    ),
)

_NUMPY_WALK = (
    "        i, f, g, o = np.split(gates[t], 4, axis=1)\n"
    "        tanh_c = np.tanh(C[t])\n"
    "        dh = dh + G[t]\n"
    "        dh_new = m * dh\n"
    "        dc_new = m * dc + dh_new * o * (1 - tanh_c**2)\n"
    "        da_i = dc_new * g * i * (1 - i)\n"
    "        da_f = dc_new * c_prev * f * (1 - f)\n"
    "        da_g = dc_new * i * (1 - g**2)\n"
    "        da_o = dh_new * tanh_c * o * (1 - o)\n"
    "        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)\n"
)
_NUMPY_SUMS = (
    "        dX[t] = da @ W.T\n        dW += X[t].T @ da\n        dU += h_prev.T @ da\n        db += da.sum(axis=0)\n"
)
_NUMPY_BACK = "        dh = da @ U.T + (1 - m) * dh\n        dc = dc_new * f + (1 - m) * dc\n"

SEQUENCE_BACKWARD = (
    Variant(
        "by-steps",
        {
            "numpy": (
                (
                    f"{_NUMPY_WALK}{_NUMPY_SUMS}{_NUMPY_BACK}",
                    "        dh = dh + G[t]\n"
                    "        found = step_backward(m * dh, m * dc, X[t], h_prev, c_prev, gates[t], C[t], W, U)\n"
                    "        dX[t], dh_prev, dc_prev, *now = found\n"
                    "        dW, dU, db = dW + now[0], dU + now[1], db + now[2]\n"
                    "        dh, dc = dh_prev + (1 - m) * dh, dc_prev + (1 - m) * dc\n",
                ),
            ),
        },
    ),
    Variant(
        "products-after-the-walk",
        {
            "numpy": (
                ("dh, dc = np.zeros_like(h_0), dc_T", "dh, dc, dA = np.zeros_like(h_0), dc_T, np.empty_like(gates)"),
                (_NUMPY_SUMS, "        dA[t] = da\n"),
                (
                    "    return dX, dh, dc, dW, dU, db",
                    "    rows = dA.reshape(-1, dA.shape[-1])\n"
                    "    H_prev = np.concatenate([h_0[None], H[:-1]]).reshape(len(rows), -1)\n"
                    "    dW, dU = X.reshape(len(rows), -1).T @ rows, H_prev.T @ rows\n"
                    "    return dA @ W.T, dh, dc, dW, dU, rows.sum(axis=0)",
                ),
            ),
        },
    ),
    Variant(
        "by-where",
        {
            "numpy": (
                (_NUMPY_BACK, "        dh, dc = np.where(m > 0, da @ U.T, dh), np.where(m > 0, dc_new * f, dc)\n"),
            ),
            "pytorch": (
                ("dh = da @ U.T + (1 - m) * dh", "dh = torch.where(m > 0, da @ U.T, dh)"),
                ("dc = dc_new * f + (1 - m) * dc", "dc = torch.where(m > 0, dc_new * f, dc)"),
            ),
            "tensorflow": (
                ("dh = da @ tf.transpose(U) + (1 - m) * dh", "dh = tf.where(m > 0, da @ tf.transpose(U), dh)"),
                ("dc = dc_new * f + (1 - m) * dc", "dc = tf.where(m > 0, dc_new * f, dc)"),
            ),
        },
    ),
    Variant("in-a-list", {"numpy": (("return dX, dh, dc, dW, dU, db", "return [dX, dh, dc, dW, dU, db]"),)}),
    Variant(
        "pre-activations-masked-instead",
        everywhere(
            ("dh_new = m * dh", "dh_new = dh"),
            ("dc_new = m * dc + dh_new * o * (1 - tanh_c**2)", "dc_new = m * (dc + dh_new * o * (1 - tanh_c**2))"),
            ("da_o = dh_new * tanh_c", "da_o = m * dh_new * tanh_c"),
        ),
    ),
)

PEEPHOLE_BACKWARD = (
    Variant(
        "rows-one-by-one",
        {
            "numpy": (
                (
                    "dp = seen.sum(axis=1)",
                    "dp = np.stack([(da_i * c_prev).sum(0), (da_f * c_prev).sum(0), np.einsum('bh,bh->h', da_o, c)])",
                ),
            ),
            "pytorch": (
                (
                    "dp = seen.sum(dim=1)",
                    "dp = torch.stack([(da_i * c_prev).sum(0), (da_f * c_prev).sum(0), (da_o * c).sum(0)])",
                ),
            ),
            "tensorflow": (("tf.reduce_sum(seen, axis=1)", "tf.einsum('kbh->kh', seen)"),),
        },
    ),
    Variant("in-a-list", {"numpy": (("return da, dc_prev, dp", "return [da, dc_prev, dp]"),)}),
)
