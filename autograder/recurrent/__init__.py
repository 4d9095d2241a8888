"""The reference networks: correct, batched, masked, and explained.

Everything the book claims and the checks expect is computed here, in plain NumPy, time first, one module
a cell. No framework is imported, nothing of the course's other rooms is known here, and no teaching
scaffold (checks, hints, points) may move in.
"""

from autograder.recurrent.losses import softmax_cross_entropy
from autograder.recurrent.vanilla import (
    VanillaGradients,
    VanillaStepGradients,
    sequence_backward,
    sequence_forward,
    step_backward,
    step_forward,
)

__all__ = [
    "VanillaGradients",
    "VanillaStepGradients",
    "sequence_backward",
    "sequence_forward",
    "softmax_cross_entropy",
    "step_backward",
    "step_forward",
]
