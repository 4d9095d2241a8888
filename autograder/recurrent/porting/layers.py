"""Our own NumPy layers as cells, and cells as layers that run."""

from typing import Literal

from autograder.recurrent.activations import ActivationName
from autograder.recurrent.gru import GRU
from autograder.recurrent.layer import Layer
from autograder.recurrent.lstm import LSTM
from autograder.recurrent.lstm_variants import VariantLSTM
from autograder.recurrent.porting.cell import Cell, Kind
from autograder.recurrent.vanilla import VanillaRNN

ACTIVATION_OF: dict[Kind, ActivationName] = {"rnn-tanh": "tanh", "rnn-relu": "relu", "rnn-identity": "identity"}
RESET_OF: dict[Kind, Literal["after", "before"]] = {"gru-after": "after", "gru-before": "before"}


def from_layer(layer: Layer) -> Cell:
    """The parameters of a VanillaRNN, LSTM, VariantLSTM or GRU as a cell. Raises TypeError for other layers."""
    match layer:
        case VanillaRNN():
            (kind,) = (kind for kind, activation in ACTIVATION_OF.items() if activation == layer.activation)
        case GRU():
            (kind,) = (kind for kind, reset in RESET_OF.items() if reset == layer.reset)
        case LSTM():
            kind = "lstm"
        case VariantLSTM():
            kind = "lstm-coupled" if layer.coupled else "lstm"
        case _:
            raise TypeError(f"layer: expected a VanillaRNN, LSTM, VariantLSTM or GRU, got {type(layer).__name__}")
    return Cell(kind, layer.parameters)


def to_layer(cell: Cell) -> VanillaRNN | LSTM | VariantLSTM | GRU:
    """The layer that runs the cell; for a plain LSTM the fast one."""
    if cell.kind in ACTIVATION_OF:
        return VanillaRNN(**cell.parameters, activation=ACTIVATION_OF[cell.kind])
    if cell.kind in RESET_OF:
        return GRU(**cell.parameters, reset=RESET_OF[cell.kind])
    if cell.kind == "lstm" and cell.parameters.keys() == {"W", "U", "b"}:
        return LSTM(**cell.parameters)
    return VariantLSTM(**cell.parameters, coupled=cell.kind == "lstm-coupled")
