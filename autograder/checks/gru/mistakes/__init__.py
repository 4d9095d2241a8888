"""What people get wrong in `gru`: edits of `answers`, and what to tell whoever made them. By question."""

from autograder.checks.gru.mistakes.sequence import SEQUENCE_BACKWARD, SEQUENCE_FORWARD
from autograder.checks.gru.mistakes.step_backward import STEP_AFTER_BACKWARD, STEP_BEFORE_BACKWARD
from autograder.checks.gru.mistakes.step_forward import STEP_AFTER, STEP_BEFORE, UPDATE_GATE_DERIVATIVE
from autograder.checks.gru.mistakes.weights import FROM_KERAS, FROM_PYTORCH

MISTAKES = {
    "step-after": STEP_AFTER,
    "step-before": STEP_BEFORE,
    "sequence-forward": SEQUENCE_FORWARD,
    "update-gate-derivative": UPDATE_GATE_DERIVATIVE,
    "step-after-backward": STEP_AFTER_BACKWARD,
    "step-before-backward": STEP_BEFORE_BACKWARD,
    "sequence-backward": SEQUENCE_BACKWARD,
    "from-pytorch": FROM_PYTORCH,
    "from-keras": FROM_KERAS,
}
