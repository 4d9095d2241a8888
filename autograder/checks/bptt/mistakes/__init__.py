"""What people get wrong in `bptt`: edits of `answers`, and what to tell whoever made them. By question."""

from autograder.checks.bptt.mistakes.clipping import CLIP_BY_GLOBAL_NORM
from autograder.checks.bptt.mistakes.forward import INFLUENCE_STEP, RTRL
from autograder.checks.bptt.mistakes.jacobians import LEAKY_JACOBIAN, NORMS_BY_LAG
from autograder.checks.bptt.mistakes.truncation import BY_CHUNKS, TRUNCATED
from autograder.checks.bptt.mistakes.walk import PARAMETER_GRADIENTS, RECURSION

MISTAKES = {
    "recursion": RECURSION,
    "parameter-gradients": PARAMETER_GRADIENTS,
    "leaky-jacobian": LEAKY_JACOBIAN,
    "norms-by-lag": NORMS_BY_LAG,
    "by-chunks": BY_CHUNKS,
    "truncated": TRUNCATED,
    "clip-by-global-norm": CLIP_BY_GLOBAL_NORM,
    "influence-step": INFLUENCE_STEP,
    "rtrl": RTRL,
}
