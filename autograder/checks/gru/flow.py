"""What autograd finds through the module of `gru`, and what cuts it off."""

import numpy as np

from autograder.checks import flow
from autograder.checks.flow import cut, cut_weights
from autograder.checks.gru.answers import sequence_forward, sigmoid
from autograder.checks.question import Flow


def with_gradients(X, h_0, W, U, b, c_n, mask, G):
    """The states of a masked sequence, and what the gradients G of a loss that sees them make of the parameters'."""
    H = sequence_forward(X, h_0, W, U, b, c_n, mask)
    dW, dU, db, dc_n = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(c_n)
    dh = np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        m = mask[t][:, None]
        h_prev = H[t - 1] if t > 0 else h_0
        xW_r, xW_z, xW_n = np.split(X[t] @ W + b, 3, axis=1)
        hU_r, hU_z, hU_n = np.split(h_prev @ U, 3, axis=1)
        r, z, q = sigmoid(xW_r + hU_r), sigmoid(xW_z + hU_z), hU_n + c_n
        n = np.tanh(xW_n + r * q)
        dh = dh + G[t]
        dh_new = m * dh
        da_n = dh_new * (1 - z) * (1 - n**2)
        da_z = dh_new * (h_prev - n) * z * (1 - z)
        dq = da_n * r
        da_r = da_n * q * r * (1 - r)
        da = np.concatenate([da_r, da_z, da_n], axis=1)
        da_U = np.concatenate([da_r, da_z, dq], axis=1)
        dW += X[t].T @ da
        dU += h_prev.T @ da_U
        db += da.sum(axis=0)
        dc_n += dq.sum(axis=0)
        dh = dh_new * z + da_U @ U.T + (1 - m) * dh
    return H, dW, dU, db, dc_n


_INPUT = "from_input = X @ W + b"
_UPDATE = "h = m * h_new + (1 - m) * h"
_BACK = "dh = dh_new * z + da_U @ U.T + (1 - m) * dh"
_RETURN = "return H, dW, dU, db, dc_n"

FLOW = Flow(
    with_gradients,
    ("X", "h_0", "W", "U", "b", "c_n", "mask", "G"),
    ("H", "dW", "dU", "db", "dc_n"),
    (
        cut(
            "gradient-cut-at-every-step",
            _BACK,
            "dh = np.zeros_like(h_0)",
            flow.AT_EVERY_STEP,
            ("m = mask[t].unsqueeze(-1)", "m, h = mask[t].unsqueeze(-1), h.detach()"),
            ("m = mask[:, t, None]", "m, h = mask[:, t, None], tf.stop_gradient(h)"),
            "eq-gru-after-dh",
        ),
        cut(
            "gradient-cut-in-the-product",
            _BACK,
            "dh = dh_new * z + (1 - m) * dh",
            flow.IN_THE_PRODUCT,
            ("h @ U", "h.data @ U"),
            ("h @ U", "tf.stop_gradient(h) @ U"),
            "eq-gru-after-dh",
        ),
        cut(
            "gradient-cut-in-the-blend",
            _BACK,
            "dh = da_U @ U.T + (1 - m) * dh",
            "In the blend the old state is a constant, so the road without a matrix is closed: the one along which a "
            "GRU remembers. Blend h itself, not `h.detach()` or `stop_gradient(h)`.",
            ("h_new = (1 - z) * n + z * h", "h_new = (1 - z) * n + z * h.detach()"),
            ("h_new = (1 - z) * n + z * h", "h_new = (1 - z) * n + z * tf.stop_gradient(h)"),
            "eq-gru-after-dh",
        ),
        cut(
            "gradient-cut-where-masked",
            _BACK,
            "dh = dh_new * z + da_U @ U.T",
            flow.CARRIED,
            (_UPDATE, "h = m * h_new + (1 - m) * h.detach()"),
            (_UPDATE, "h = m * h_new + (1 - m) * tf.stop_gradient(h)"),
            "eq-gru-mask",
        ),
        cut(
            "gradient-cut-on-return",
            _RETURN,
            "return H, 0 * dW, 0 * dU, 0 * db, 0 * dc_n",
            flow.ON_RETURN,
            ("return torch.stack(states)", "return torch.stack(states).detach()"),
            ("return tf.stack(states, axis=1)", "return tf.stop_gradient(tf.stack(states, axis=1))"),
            "eq-gru-after-dh",
        ),
        cut(
            "input-weights-cut-off",
            _RETURN,
            "return H, 0 * dW, dU, db, dc_n",
            cut_weights("W"),
            (_INPUT, "from_input = X @ W.data + b"),
            (_INPUT, "from_input = X @ tf.stop_gradient(W) + b"),
            "eq-gru-dW",
        ),
        cut(
            "recurrent-weights-cut-off",
            _RETURN,
            "return H, dW, 0 * dU, db, dc_n",
            cut_weights("U"),
            ("h @ U", "h @ U.detach()"),
            ("h @ U", "h @ tf.constant(U.numpy())"),
            "eq-gru-dU",
        ),
        cut(
            "input-part-cut-off",
            _RETURN,
            "return H, 0 * dW, dU, 0 * db, dc_n",
            flow.FROM_INPUT,
            (_INPUT, f"with torch.no_grad():\n            {_INPUT}"),
            (_INPUT, "from_input = tf.stop_gradient(X @ W + b)"),
            "eq-gru-dW",
        ),
        *flow.found_by_drivers(
            (
                ("self.W = nn.Parameter(torch.randn(D, 3 * H) / D**0.5)", "self.W = torch.randn(D, 3 * H) / D**0.5"),
                (
                    'self.W = self.add_weight(name="W", shape=(X_shape[-1], 3 * self.H), initializer="glorot_uniform")',
                    "self.W = tf.Variable(tf.random.normal((X_shape[-1], 3 * self.H)))",
                ),
            ),
            ("W, U, b, c_n = self", "self.U = nn.Parameter(torch.randn_like(self.U))\n        W, U, b, c_n = self"),
            "eq-gru-a",
        ),
    ),
)
