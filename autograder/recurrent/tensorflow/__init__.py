"""The reference networks in TensorFlow: functions of tensors, the same with backwards by hand, and Keras layers.

The functions are time first (T, B, ·) with the same parameters, names and layouts as the NumPy layers; the layers
are batch first (B, T, ·), as Keras's own, and hold those same parameters. All run eagerly, in a tf.function and with
jit_compile=True, on whatever device holds the tensors, and can be differentiated twice, by hand or not. The layers
can be saved and loaded. Nothing here knows of NumPy layers, of other frameworks' layouts (that is `porting`), or of
the checks.
"""

from autograder.recurrent.tensorflow.bidirectional import Bidirectional
from autograder.recurrent.tensorflow.gru import GRU, gru_after_by_hand, gru_before_by_hand, gru_sequence
from autograder.recurrent.tensorflow.lstm import LSTM, lstm_sequence, lstm_sequence_by_hand
from autograder.recurrent.tensorflow.lstm_layer_norm import (
    LayerNormLSTM,
    layer_norm_lstm_sequence,
    layer_norm_lstm_sequence_by_hand,
)
from autograder.recurrent.tensorflow.stack import Stack
from autograder.recurrent.tensorflow.vanilla import VanillaRNN, vanilla_sequence, vanilla_sequence_by_hand

__all__ = [
    "GRU",
    "LSTM",
    "Bidirectional",
    "LayerNormLSTM",
    "Stack",
    "VanillaRNN",
    "gru_after_by_hand",
    "gru_before_by_hand",
    "gru_sequence",
    "layer_norm_lstm_sequence",
    "layer_norm_lstm_sequence_by_hand",
    "lstm_sequence",
    "lstm_sequence_by_hand",
    "vanilla_sequence",
    "vanilla_sequence_by_hand",
]
