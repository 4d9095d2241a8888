"""keras.layers.SimpleRNN, LSTM and GRU: matrices as ours, gates i f c o and z r h, one bias, or two for the GRU.

A GRU with reset_after=True has a bias (2, 3H), input's and recurrent. Reading merges the two for z and r, where only
their sum matters; writing leaves the second zero there.
"""

from collections.abc import Sequence

import numpy as np

from autograder.recurrent.arrays import Array
from autograder.recurrent.porting.cell import Cell, Kind, array, rearranged

KINDS = ("rnn-tanh", "rnn-relu", "rnn-identity", "lstm", "gru-after", "gru-before")


def to_keras(cell: Cell) -> list[Array]:
    """What `layer.set_weights` takes: kernel (D, nH), recurrent_kernel (H, nH), bias (nH,) or (2, 3H).

    For gru-before the layer is made with reset_after=False; for rnn-relu and rnn-identity with activation="relu"
    and "linear". A Bidirectional layer takes the forward layer's list and the backward layer's, joined with `+`.
    Raises CannotRepresent for peepholes, coupled gates and projection.
    """
    cell.only(KINDS, "WUbc", "Keras")
    W, U, b = (_theirs(cell.kind, cell.parameters[name]) for name in "WUb")
    if cell.kind == "gru-after":
        second = np.zeros_like(b)
        second[2 * cell.width :] = cell.parameters["c"]
        b = np.stack([b, second])
    return [W, U, b]


def from_keras(weights: Sequence[object], kind: Kind) -> Cell:
    """The cell whose weights `layer.get_weights()` gave. Two arrays (use_bias=False): the biases are zeros.

    Raises ValueError for a kind that Keras does not have and for what does not fit.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: Keras has {', '.join(KINDS)}, got {kind!r}")
    if len(weights) not in (2, 3):
        raise ValueError(f"weights: expected kernel, recurrent_kernel and bias, got {len(weights)} arrays")
    given = dict(zip(("kernel", "recurrent_kernel", "bias"), weights, strict=False))
    W, U = array("kernel", given, 2), array("recurrent_kernel", given, 2)
    shape = (2, W.shape[1]) if kind == "gru-after" else (W.shape[1],)
    given.setdefault("bias", np.zeros(shape, W.dtype))
    bias = array("bias", given, len(shape))
    parameters = {"W": _ours(kind, W), "U": _ours(kind, U)}
    if kind == "gru-after":
        n = 2 * (bias.shape[1] // 3)
        b = bias.sum(axis=0)
        b[n:] = bias[0, n:]  # the candidate's two are not added: r multiplies the second
        parameters |= {"b": _ours(kind, b), "c": bias[1, n:].copy()}
    else:
        parameters["b"] = _ours(kind, bias)
    return Cell(kind, parameters)


def _theirs(kind: str, value: Array) -> Array:
    return rearranged(value, "rzn", "zrn") if kind.startswith("gru") else value.copy()


def _ours(kind: str, value: Array) -> Array:
    return rearranged(value, "zrn", "rzn") if kind.startswith("gru") else value.copy()
