"""The reference networks: correct, batched, masked, and explained.

Everything the book claims and the checks expect is computed here, in plain NumPy, time first, one module
a cell. The same cells in PyTorch and TensorFlow, and the porting of parameters between layouts, are in folders of
those names and are imported by name only; importing this package imports NumPy alone. Nothing of the course's other
rooms is known here, and no teaching scaffold (checks, hints, points) may move in.
"""

from autograder.recurrent.bidirectional import Bidirectional, Reversed, reverse_by_length
from autograder.recurrent.checkpointing import Checkpointed
from autograder.recurrent.clipping import clip_by_global_norm, clip_by_value, global_norm
from autograder.recurrent.ctc import ctc_loss
from autograder.recurrent.dense import dense_backward, dense_forward
from autograder.recurrent.embedding import embedding_backward, embedding_forward
from autograder.recurrent.gradient_checking import (
    central_differences,
    complex_step,
    directional_complex_step,
    directional_difference,
)
from autograder.recurrent.gru import GRU
from autograder.recurrent.initial import gru_parameters, lstm_parameters, vanilla_parameters
from autograder.recurrent.layer import Gradients, Layer, Run
from autograder.recurrent.losses import softmax_cross_entropy
from autograder.recurrent.lstm import LSTM
from autograder.recurrent.lstm_layer_norm import LayerNormLSTM
from autograder.recurrent.lstm_variants import VariantLSTM
from autograder.recurrent.lyapunov import lyapunov_exponents, vanilla_jacobians
from autograder.recurrent.rtrl import influence_gradient, influence_step, real_time_gradients, rtrl, zero_influence
from autograder.recurrent.stack import Stack
from autograder.recurrent.truncated import TruncatedBPTT
from autograder.recurrent.vanilla import VanillaRNN, VanillaStepGradients, step_backward, step_forward

__all__ = [
    "GRU",
    "LSTM",
    "Bidirectional",
    "Checkpointed",
    "Gradients",
    "Layer",
    "LayerNormLSTM",
    "Reversed",
    "Run",
    "Stack",
    "TruncatedBPTT",
    "VanillaRNN",
    "VanillaStepGradients",
    "VariantLSTM",
    "central_differences",
    "clip_by_global_norm",
    "clip_by_value",
    "complex_step",
    "ctc_loss",
    "dense_backward",
    "dense_forward",
    "directional_complex_step",
    "directional_difference",
    "embedding_backward",
    "embedding_forward",
    "global_norm",
    "gru_parameters",
    "influence_gradient",
    "influence_step",
    "lstm_parameters",
    "lyapunov_exponents",
    "real_time_gradients",
    "reverse_by_length",
    "rtrl",
    "softmax_cross_entropy",
    "step_backward",
    "step_forward",
    "vanilla_jacobians",
    "vanilla_parameters",
    "zero_influence",
]
