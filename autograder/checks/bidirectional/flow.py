"""What autograd finds through the module of `bidirectional`, and what cuts it off."""

from autograder.checks import flow
from autograder.checks.bidirectional.answers import bidirectional_backward, bidirectional_forward
from autograder.checks.flow import cut, cut_weights
from autograder.checks.question import Flow


def with_gradients(X, h_0, W, U, b, mask, G):
    """The joined states, and what the gradients G of a loss that sees them make of the two halves' parameters'."""
    H = bidirectional_forward(X, h_0, W, U, b, mask)
    _, _, dW, dU, db = bidirectional_backward(G, X, H, h_0, W, U, mask)
    return H, dW, dU, db


_RETURN = "return H, dW, dU, db"
_FORWARD = "sequence_forward(X, h_0[0], self.W[0], self.U[0], self.b[0], mask)"
_BACKWARD = "H_b = reverse_by_length(H_b, lengths)"

FLOW = Flow(
    with_gradients,
    ("X", "h_0", "W", "U", "b", "mask", "G"),
    ("H", "dW", "dU", "db"),
    (
        cut(
            "backward-half-cut-off",
            _RETURN,
            "dW[1], dU[1], db[1] = 0, 0, 0\n    return H, dW, dU, db",
            "No gradient reaches the backward half's parameters: its states are joined as constants. Were they "
            "reversed by way of NumPy, `.detach()` or `stop_gradient`? Reversing tensors lets the gradient through.",
            (_BACKWARD, f"{_BACKWARD}.detach()"),
            (_BACKWARD, "H_b = tf.constant(reverse_by_length(H_b, lengths).numpy())"),
            "eq-bi-dreverse",
        ),
        cut(
            "forward-half-cut-off",
            _RETURN,
            "dW[0], dU[0], db[0] = 0, 0, 0\n    return H, dW, dU, db",
            "No gradient reaches the forward half's parameters: its states are joined as constants. Join them as they "
            "are, without `.detach()`, `.data`, `.numpy()` or `stop_gradient`.",
            (_FORWARD, f"{_FORWARD}.detach()"),
            (_FORWARD, f"tf.stop_gradient({_FORWARD})"),
            "eq-bi-dh",
        ),
        cut(
            "gradient-cut-on-return",
            _RETURN,
            "return H, 0 * dW, 0 * dU, 0 * db",
            flow.ON_RETURN,
            ("torch.cat([H_f, H_b], dim=-1)", "torch.cat([H_f, H_b], dim=-1).detach()"),
            ("H = tf.concat([H_f, H_b], axis=-1)", "H = tf.stop_gradient(tf.concat([H_f, H_b], axis=-1))"),
            "eq-bi-dh",
        ),
        cut(
            "forward-input-weights-cut-off",
            _RETURN,
            "dW[0] = 0\n    return H, dW, dU, db",
            cut_weights("W[0]"),
            (_FORWARD, _FORWARD.replace("self.W[0]", "self.W[0].data")),
            (_FORWARD, _FORWARD.replace("self.W[0]", "tf.stop_gradient(self.W[0])")),
            "eq-bi-halves",
        ),
        *flow.found_by_drivers(
            (
                ("self.W = nn.Parameter(torch.randn(2, D, H) / D**0.5)", "self.W = torch.randn(2, D, H) / D**0.5"),
                (
                    'self.W = self.add_weight(name="W", shape=(2, X_shape[-1], self.H), initializer="glorot_uniform")',
                    "self.W = tf.Variable(tf.random.normal((2, X_shape[-1], self.H)))",
                ),
            ),
            (
                "lengths = mask.sum(dim=0).long()",
                "self.U = nn.Parameter(torch.randn_like(self.U))\n        lengths = mask.sum(dim=0).long()",
            ),
            "eq-bi-halves",
        ),
    ),
)
