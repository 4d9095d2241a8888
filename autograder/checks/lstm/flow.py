"""What autograd finds through the module of `lstm`, and what cuts it off."""

import numpy as np

from autograder.checks import flow
from autograder.checks.flow import cut, cut_weights
from autograder.checks.lstm.answers import sequence_forward, sigmoid
from autograder.checks.question import Flow


def with_gradients(X, h_0, c_0, W, U, b, mask, G, G_c):
    """Both states of a masked sequence, and what the gradients G and G_c of a loss make of the parameters'."""
    H, C = sequence_forward(X, h_0, c_0, W, U, b, mask)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    dh, dc = np.zeros_like(h_0), np.zeros_like(c_0)
    for t in reversed(range(len(X))):
        m = mask[t][:, None]
        h_prev, c_prev = (H[t - 1], C[t - 1]) if t > 0 else (h_0, c_0)
        a_i, a_f, a_g, a_o = np.split(X[t] @ W + h_prev @ U + b, 4, axis=1)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        tanh_c = np.tanh(f * c_prev + i * g)
        dh, dc = dh + G[t], dc + G_c[t]
        dh_new = m * dh
        dc_new = m * dc + dh_new * o * (1 - tanh_c**2)
        da_i = dc_new * g * i * (1 - i)
        da_f = dc_new * c_prev * f * (1 - f)
        da_g = dc_new * i * (1 - g**2)
        da_o = dh_new * tanh_c * o * (1 - o)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        dW += X[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh, dc = da @ U.T + (1 - m) * dh, dc_new * f + (1 - m) * dc
    return H, C, dW, dU, db


_INPUT = "from_input = X @ self.W + self.b"
_UPDATE = "h, c = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c"
_BACK = "dh, dc = da @ U.T + (1 - m) * dh, dc_new * f + (1 - m) * dc"
_RETURN = "return H, C, dW, dU, db"
_M, _M_TF = "m = mask[t].unsqueeze(-1)", "m = mask[:, t, None]"

FLOW = Flow(
    with_gradients,
    ("X", "h_0", "c_0", "W", "U", "b", "mask", "G", "G_c"),
    ("H", "C", "dW", "dU", "db"),
    (
        cut(
            "gradient-cut-at-every-step",
            _BACK,
            "dh, dc = np.zeros_like(h_0), np.zeros_like(c_0)",
            flow.AT_EVERY_STEP,
            (_M, f"h, c = h.detach(), c.detach()\n            {_M}"),
            (_M_TF, f"h, c = tf.stop_gradient(h), tf.stop_gradient(c)\n            {_M_TF}"),
            "eq-lstm-mask-state",
        ),
        cut(
            "gradient-cut-in-the-product",
            "da @ U.T + (1 - m) * dh",
            "(1 - m) * dh",
            flow.IN_THE_PRODUCT,
            ("h @ self.U", "h.data @ self.U"),
            ("h @ self.U", "tf.stop_gradient(h) @ self.U"),
            "eq-lstm-dc",
        ),
        cut(
            "gradient-cut-in-the-cell",
            "dc_new * f + (1 - m) * dc",
            "(1 - m) * dc",
            "The old cell enters the new one as a constant, so the gradient along the cell, for which the LSTM was "
            "made, ends at every step. Multiply the forget gate with c itself, not with `c.detach()` or "
            "`stop_gradient(c)`.",
            ("torch.sigmoid(a_f) * c +", "torch.sigmoid(a_f) * c.detach() +"),
            ("tf.sigmoid(a_f) * c +", "tf.sigmoid(a_f) * tf.stop_gradient(c) +"),
            "eq-lstm-dc",
        ),
        cut(
            "gradient-cut-where-masked",
            _BACK,
            "dh, dc = da @ U.T, dc_new * f",
            flow.CARRIED,
            (_UPDATE, "h, c = m * h_new + (1 - m) * h.detach(), m * c_new + (1 - m) * c.detach()"),
            (
                _UPDATE,
                "h, c = m * h_new + (1 - m) * tf.stop_gradient(h), m * c_new + (1 - m) * tf.stop_gradient(c)",
            ),
            "eq-lstm-mask-state",
        ),
        cut(
            "gradient-cut-on-return",
            _RETURN,
            "return H, C, 0 * dW, 0 * dU, 0 * db",
            flow.ON_RETURN,
            ("return torch.stack(H), torch.stack(C)", "return torch.stack(H).detach(), torch.stack(C).detach()"),
            (
                "return tf.stack(H, axis=1), tf.stack(C, axis=1)",
                "return tf.stop_gradient(tf.stack(H, axis=1)), tf.stop_gradient(tf.stack(C, axis=1))",
            ),
            "eq-lstm-mask-state",
        ),
        cut(
            "cells-cut-on-return",
            "dc + G_c[t]",
            "dc",
            "The cells are returned as constants: what a loss asks of them is lost. Collect c itself, not "
            "`c.detach()`, `c.data` or `stop_gradient(c)`.",
            ("C.append(c)", "C.append(c.detach())"),
            ("C.append(c)", "C.append(tf.stop_gradient(c))"),
            "eq-lstm-dc",
        ),
        cut(
            "input-weights-cut-off",
            _RETURN,
            "return H, C, 0 * dW, dU, db",
            cut_weights("W"),
            (_INPUT, "from_input = X @ self.W.data + self.b"),
            (_INPUT, "from_input = X @ tf.stop_gradient(self.W) + self.b"),
            "eq-lstm-dW",
        ),
        cut(
            "recurrent-weights-cut-off",
            _RETURN,
            "return H, C, dW, 0 * dU, db",
            cut_weights("U"),
            ("h @ self.U", "h @ self.U.detach()"),
            ("h @ self.U", "h @ self.U.numpy()"),
            "eq-lstm-dW",
        ),
        cut(
            "input-part-cut-off",
            _RETURN,
            "return H, C, 0 * dW, dU, 0 * db",
            flow.FROM_INPUT,
            (_INPUT, f"with torch.no_grad():\n            {_INPUT}"),
            (_INPUT, "from_input = tf.stop_gradient(X @ self.W + self.b)"),
            "eq-lstm-dW",
        ),
        *flow.found_by_drivers(
            (
                ("self.W = nn.Parameter(torch.randn(D, 4 * H) / D**0.5)", "self.W = torch.randn(D, 4 * H) / D**0.5"),
                (
                    'self.W = self.add_weight(name="W", shape=(X_shape[-1], 4 * self.H), initializer="glorot_uniform")',
                    "self.W = tf.Variable(tf.random.normal((X_shape[-1], 4 * self.H)))",
                ),
            ),
            (_INPUT, f"self.U = nn.Parameter(torch.randn_like(self.U))\n        {_INPUT}"),
            "eq-lstm-gates",
        ),
    ),
)
