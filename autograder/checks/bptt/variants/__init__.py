"""Other right ways to write `bptt`: edits of the solutions that must keep every point. By question."""

from autograder.checks.bptt.variants.cutting import BY_CHUNKS, CLIP_BY_GLOBAL_NORM, TRUNCATED
from autograder.checks.bptt.variants.walking import (
    INFLUENCE_STEP,
    LEAKY_JACOBIAN,
    NORMS_BY_LAG,
    PARAMETER_GRADIENTS,
    RECURSION,
    RTRL,
)

VARIANTS = {
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
