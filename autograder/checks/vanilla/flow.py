"""What autograd finds through the module of `vanilla`, and what cuts it off."""

import numpy as np

from autograder.checks import flow
from autograder.checks.flow import cut, cut_weights
from autograder.checks.question import Flow
from autograder.checks.vanilla.answers import sequence_forward


def with_gradients(X, h_0, W, U, b, mask, G):
    """The states of a masked sequence, and what the gradients G of a loss that sees them make of the parameters'."""
    H = sequence_forward(X, h_0, W, U, b, mask)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    dh = np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        m = mask[t][:, None]
        h_prev = H[t - 1] if t > 0 else h_0
        dh = dh + G[t]
        da = m * dh * (1 - H[t] ** 2)
        dW += X[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh = da @ U.T + (1 - m) * dh
    return H, dW, dU, db


_STEP = "h = m * torch.tanh(from_input[t] + h @ self.U) + (1 - m) * h"
_STEP_TF = "h = m * tf.tanh(from_input[:, t] + h @ self.U) + (1 - m) * h"
_INPUT = "from_input = X @ self.W + self.b"
_RETURN = "return H, dW, dU, db"

FLOW = Flow(
    with_gradients,
    ("X", "h_0", "W", "U", "b", "mask", "G"),
    ("H", "dW", "dU", "db"),
    (
        cut(
            "gradient-cut-at-every-step",
            "dh = da @ U.T + (1 - m) * dh",
            "dh = np.zeros_like(h_0)",
            flow.AT_EVERY_STEP,
            (_STEP, f"h = h.detach()\n            {_STEP}"),
            (_STEP_TF, f"h = tf.stop_gradient(h)\n            {_STEP_TF}"),
            "eq-bptt-dh",
        ),
        cut(
            "gradient-cut-in-the-product",
            "da @ U.T + (1 - m) * dh",
            "(1 - m) * dh",
            flow.IN_THE_PRODUCT,
            ("h @ self.U", "h.data @ self.U"),
            ("h @ self.U", "tf.stop_gradient(h) @ self.U"),
            "eq-bptt-dh",
        ),
        cut(
            "gradient-cut-where-masked",
            "da @ U.T + (1 - m) * dh",
            "da @ U.T",
            flow.CARRIED,
            ("(1 - m) * h", "(1 - m) * h.detach()"),
            ("(1 - m) * h", "(1 - m) * tf.stop_gradient(h)"),
            "eq-rnn-mask",
        ),
        cut(
            "gradient-cut-on-return",
            _RETURN,
            "return H, 0 * dW, 0 * dU, 0 * db",
            flow.ON_RETURN,
            ("states.append(h)", "states.append(h.detach())"),
            ("states.append(h)", "states.append(h.numpy())"),
            "eq-bptt-dh",
        ),
        cut(
            "input-weights-cut-off",
            _RETURN,
            "return H, 0 * dW, dU, db",
            cut_weights("W"),
            (_INPUT, "from_input = X @ self.W.detach() + self.b"),
            (_INPUT, "from_input = X @ tf.stop_gradient(self.W) + self.b"),
            "eq-bptt-dW",
        ),
        cut(
            "recurrent-weights-cut-off",
            _RETURN,
            "return H, dW, 0 * dU, db",
            cut_weights("U"),
            ("h @ self.U", "h @ torch.tensor(self.U)"),
            ("h @ self.U", "h @ self.U.numpy()"),
            "eq-bptt-dU",
        ),
        cut(
            "input-part-cut-off",
            _RETURN,
            "return H, 0 * dW, dU, 0 * db",
            flow.FROM_INPUT,
            (_INPUT, f"with torch.no_grad():\n            {_INPUT}"),
            (_INPUT, "from_input = tf.stop_gradient(X @ self.W + self.b)"),
            "eq-bptt-dW",
        ),
        *flow.found_by_drivers(
            (
                ("self.W = nn.Parameter(torch.randn(D, H) / D**0.5)", "self.W = torch.randn(D, H) / D**0.5"),
                (
                    'self.W = self.add_weight(name="W", shape=(X_shape[-1], self.H), initializer="glorot_uniform")',
                    "self.W = tf.Variable(tf.random.normal((X_shape[-1], self.H)))",
                ),
            ),
            (_INPUT, f"self.U = nn.Parameter(torch.randn_like(self.U))\n        {_INPUT}"),
            "eq-rnn-h",
        ),
    ),
)
