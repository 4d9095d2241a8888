"""torch.nn.RNN, LSTM and GRU (and their Cells): matrices transposed, gates i f g o and r z n, two biases.

PyTorch adds both biases to the same sum, but for the GRU's candidate, where the reset gate lies between them. So the
second bias is zero except there, and reading a layer merges the two: what it computes is kept, how the sum was
split is not.
"""

from collections.abc import Mapping

import numpy as np

from autograder.recurrent.arrays import Array
from autograder.recurrent.porting.cell import Cell, Kind, array

KINDS = ("rnn-tanh", "rnn-relu", "lstm", "gru-after")


def to_pytorch(cell: Cell, suffix: str = "_l0") -> dict[str, Array]:
    """A state_dict's entries: weight_ih (nH, D), weight_hh (nH, H), bias_ih, bias_hh (nH,), weight_hr (K, H).

    `suffix` says which part of a stack: "_l0", "_l0_reverse", "_l1", …; "" for RNNCell, LSTMCell, GRUCell. Join
    the parts of a stack with `|`. Raises CannotRepresent for identity activation, peepholes, coupled gates and a
    reset gate before the product.
    """
    cell.only(KINDS, "WUbcR", "PyTorch")
    p = cell.parameters
    second = np.zeros_like(p["b"])
    if cell.kind == "gru-after":
        second[2 * cell.width :] = p["c"]
    entries = {"weight_ih": p["W"].T, "weight_hh": p["U"].T, "bias_ih": p["b"], "bias_hh": second}
    if "R" in p:
        entries["weight_hr"] = p["R"].T
    return {name + suffix: np.ascontiguousarray(value) for name, value in entries.items()}


def from_pytorch(state: Mapping[str, object], kind: Kind, suffix: str = "_l0") -> Cell:
    """The cell of one part of a state_dict (arrays, or CPU tensors that need no gradient). No bias: zeros.

    `kind` is one of rnn-tanh, rnn-relu, lstm, gru-after. Raises ValueError for what is missing or does not fit.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: PyTorch has {', '.join(KINDS)}, got {kind!r}")
    W = array("weight_ih" + suffix, state, 2).T
    U = array("weight_hh" + suffix, state, 2).T
    if "bias_ih" + suffix in state:
        first, second = array("bias_ih" + suffix, state, 1), array("bias_hh" + suffix, state, 1)
    else:
        first = second = np.zeros(U.shape[1], U.dtype)
    b = first + second
    parameters = {"W": W.copy(), "U": U.copy(), "b": b}
    if kind == "gru-after":
        n = 2 * len(b) // 3
        b[n:] = first[n:]  # the candidate's two are not added: r multiplies the second
        parameters["c"] = second[n:].copy()
    if "weight_hr" + suffix in state:
        parameters["R"] = array("weight_hr" + suffix, state, 2).T.copy()
    return Cell(kind, parameters)
