"""The reference networks in PyTorch: modules made of parameters and plain operations, and backwards by hand.

The same parameters, names and layouts as the NumPy layers (W (D, nH), U (H, nH), b (nH,), time first, masks
(T, B)), so that `module.load_state_dict` takes a NumPy layer's parameters as they are. Modules run on whatever
device and in whatever floating-point type their parameters are, under autocast and torch.compile. Every cell takes
`by_hand=True`: the same outputs, and gradients from a backward written out as a torch.autograd.Function. Nothing here
knows of NumPy, of other frameworks' layouts (that is `porting`), or of the checks.
"""

from autograder.recurrent.pytorch.bidirectional import Bidirectional
from autograder.recurrent.pytorch.gru import GRU, GRUFunction
from autograder.recurrent.pytorch.layer import Layer
from autograder.recurrent.pytorch.lstm import LSTM, LSTMFunction
from autograder.recurrent.pytorch.lstm_layer_norm import LayerNormLSTM, LayerNormLSTMFunction
from autograder.recurrent.pytorch.stack import Stack
from autograder.recurrent.pytorch.vanilla import VanillaFunction, VanillaRNN

__all__ = [
    "GRU",
    "LSTM",
    "Bidirectional",
    "GRUFunction",
    "LSTMFunction",
    "Layer",
    "LayerNormLSTM",
    "LayerNormLSTMFunction",
    "Stack",
    "VanillaFunction",
    "VanillaRNN",
]
