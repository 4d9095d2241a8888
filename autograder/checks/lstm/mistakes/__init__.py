"""What people get wrong in `lstm`: edits of `answers`, and what to tell whoever made them. By question."""

from autograder.checks.lstm.mistakes.peepholes import PEEPHOLE_BACKWARD, PEEPHOLE_STEP
from autograder.checks.lstm.mistakes.sequence_backward import SEQUENCE_BACKWARD
from autograder.checks.lstm.mistakes.sequence_forward import SEQUENCE_FORWARD
from autograder.checks.lstm.mistakes.step_backward import CELL_DERIVATIVES, STEP_BACKWARD
from autograder.checks.lstm.mistakes.step_forward import FORGET_BIAS, STEP_FORWARD

MISTAKES = {
    "step-forward": STEP_FORWARD,
    "sequence-forward": SEQUENCE_FORWARD,
    "forget-bias": FORGET_BIAS,
    "cell-derivatives": CELL_DERIVATIVES,
    "step-backward": STEP_BACKWARD,
    "sequence-backward": SEQUENCE_BACKWARD,
    "peephole-step": PEEPHOLE_STEP,
    "peephole-backward": PEEPHOLE_BACKWARD,
}
