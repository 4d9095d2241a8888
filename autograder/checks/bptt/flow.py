"""What cuts off more than the task of `bptt` asks for; what autograd should find is the NumPy answer itself."""

from autograder.checks import flow
from autograder.checks.bptt.answers import by_chunks
from autograder.checks.flow import cut, cut_weights
from autograder.checks.question import Flow

_RETURN = "return H, dW, dU, db"
_STEP = "h = torch.tanh(X[t] @ self.W + h @ self.U + self.b)"
_STEP_TF = "h = tf.tanh(X[:, t] @ self.W + h @ self.U + self.b)"

FLOW = Flow(
    by_chunks,
    ("X", "h_0", "W", "U", "b", "G", "k"),
    ("H", "dW", "dU", "db"),
    (
        cut(
            "gradient-cut-on-return",
            _RETURN,
            "return H, 0 * dW, 0 * dU, 0 * db",
            flow.ON_RETURN,
            ("states.append(h)", "states.append(h.detach())"),
            ("states.append(h)", "states.append(tf.stop_gradient(h))"),
            "sec-bptt-detach",
        ),
        cut(
            "input-weights-cut-off",
            _RETURN,
            "return H, 0 * dW, dU, db",
            cut_weights("W"),
            (_STEP, _STEP.replace("self.W", "self.W.detach()")),
            (_STEP_TF, _STEP_TF.replace("self.W", "tf.stop_gradient(self.W)")),
            "eq-bptt-dW",
        ),
        cut(
            "recurrent-weights-cut-off",
            _RETURN,
            "return H, dW, 0 * dU, db",
            cut_weights("U"),
            (_STEP, _STEP.replace("self.U", "self.U.detach()")),
            (_STEP_TF, _STEP_TF.replace("self.U", "self.U.numpy()")),
            "eq-bptt-dU",
        ),
        *flow.found_by_drivers(
            (
                ("self.W = nn.Parameter(torch.randn(D, H) / D**0.5)", "self.W = torch.randn(D, H) / D**0.5"),
                (
                    'self.W = self.add_weight(name="W", shape=(X_shape[-1], self.H), initializer="glorot_uniform")',
                    "self.W = tf.Variable(tf.random.normal((X_shape[-1], self.H)))",
                ),
            ),
            ("states, h = [], h_0", "self.U = nn.Parameter(torch.randn_like(self.U))\n        states, h = [], h_0"),
            "eq-rnn-h",
        ),
    ),
)
