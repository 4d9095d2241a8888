"""What people get wrong in `vanilla`: edits of `answers`, and what to tell whoever made them. By question."""

from autograder.checks.vanilla.mistakes.forward import SEQUENCE_FORWARD, STEP_FORWARD
from autograder.checks.vanilla.mistakes.loss import SOFTMAX_LOSS
from autograder.checks.vanilla.mistakes.sequence_backward import SEQUENCE_BACKWARD
from autograder.checks.vanilla.mistakes.step_backward import SOFTSIGN_DERIVATIVE, STEP_BACKWARD

MISTAKES = {
    "step-forward": STEP_FORWARD,
    "sequence-forward": SEQUENCE_FORWARD,
    "softsign-derivative": SOFTSIGN_DERIVATIVE,
    "step-backward": STEP_BACKWARD,
    "sequence-backward": SEQUENCE_BACKWARD,
    "softmax-loss": SOFTMAX_LOSS,
}
