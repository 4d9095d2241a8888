"""Other right ways to write `lstm`: edits of the solutions that must keep every point. By question."""

from autograder.checks.lstm.variants.backward import PEEPHOLE_BACKWARD, SEQUENCE_BACKWARD, STEP_BACKWARD
from autograder.checks.lstm.variants.forward import (
    CELL_DERIVATIVES,
    FORGET_BIAS,
    PEEPHOLE_STEP,
    SEQUENCE_FORWARD,
    STEP_FORWARD,
)

VARIANTS = {
    "step-forward": STEP_FORWARD,
    "sequence-forward": SEQUENCE_FORWARD,
    "forget-bias": FORGET_BIAS,
    "cell-derivatives": CELL_DERIVATIVES,
    "step-backward": STEP_BACKWARD,
    "sequence-backward": SEQUENCE_BACKWARD,
    "peephole-step": PEEPHOLE_STEP,
    "peephole-backward": PEEPHOLE_BACKWARD,
}
