"""The reference networks: correct, batched, masked, and explained.

Everything the book claims and the checks expect is computed here, in plain NumPy, time first, one module
a cell. No framework is imported, nothing of the course's other rooms is known here, and no teaching
scaffold (checks, hints, points) may move in.
"""

from autograder.recurrent.layer import Gradients, Layer, Run
from autograder.recurrent.losses import softmax_cross_entropy
from autograder.recurrent.vanilla import VanillaRNN, VanillaStepGradients, step_backward, step_forward

__all__ = [
    "Gradients",
    "Layer",
    "Run",
    "VanillaRNN",
    "VanillaStepGradients",
    "softmax_cross_entropy",
    "step_backward",
    "step_forward",
]
