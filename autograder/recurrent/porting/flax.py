"""Flax NNX's SimpleCell, LSTMCell, OptimizedLSTMCell and GRUCell: gates i f g o and r z n, one bias.

Its carry of an LSTM is (c, h), the other way round than ours. The LSTM's bias is beside the recurrent matrix, the
others' beside the input matrix; the GRU has no recurrent bias at all.
"""

from collections.abc import Mapping

import numpy as np

from autograder.recurrent.arrays import Array
from autograder.recurrent.porting.cell import Cell, Kind, array

KINDS = ("rnn-tanh", "rnn-relu", "rnn-identity", "lstm", "gru-after")
Tree = dict[str, dict[str, Array]]
GATE_NAMES = {"ii": "hi", "if_": "hf", "ig": "hg", "io": "ho"}


def to_flax(cell: Cell, gate_by_gate: bool = False) -> Tree:
    """The cell's parameters by module and name: {"dense_i": {"kernel": (D, nH), …}, "dense_h": {…}}.

    For an LSTM that is OptimizedLSTMCell; with `gate_by_gate` it is LSTMCell, whose eight modules are ii, if_, ig,
    io (D, H) and hi, hf, hg, ho (H, H). SimpleCell needs activation_fn for relu and identity. Raises
    CannotRepresent for a reset gate before the product, c other than zero, peepholes, coupling and projection.
    """
    cell.only(KINDS, "WUb", "Flax")
    W, U, b = (cell.parameters[name].copy() for name in "WUb")
    if cell.kind != "lstm":
        return {"dense_i": {"kernel": W, "bias": b}, "dense_h": {"kernel": U}}
    if not gate_by_gate:
        return {"dense_i": {"kernel": W}, "dense_h": {"kernel": U, "bias": b}}
    split = (np.split(value, 4, axis=-1) for value in (W, U, b))
    tree: Tree = {}
    for (from_x, from_h), W_k, U_k, b_k in zip(GATE_NAMES.items(), *split, strict=True):
        tree |= {from_x: {"kernel": W_k}, from_h: {"kernel": U_k, "bias": b_k}}
    return tree


def from_flax(tree: Mapping[str, Mapping[str, object]], kind: Kind) -> Cell:
    """The cell of such a tree, of either LSTM; the GRU's c is zero. Raises ValueError for what does not fit."""
    if kind not in KINDS:
        raise ValueError(f"kind: Flax has {', '.join(KINDS)}, got {kind!r}")
    flat = {f"{module}.{name}": value for module, values in tree.items() for name, value in values.items()}
    if kind == "lstm" and "ii.kernel" in flat:
        names = {"W": [f"{k}.kernel" for k in GATE_NAMES], "U": [f"{k}.kernel" for k in GATE_NAMES.values()]}
        names["b"] = [f"{k}.bias" for k in GATE_NAMES.values()]
    else:
        names = {"W": ["dense_i.kernel"], "U": ["dense_h.kernel"]}
        names["b"] = ["dense_h.bias" if kind == "lstm" else "dense_i.bias"]
    parameters = {
        ours: np.concatenate([array(name, flat, 1 if ours == "b" else 2) for name in theirs], axis=-1)
        for ours, theirs in names.items()
    }
    if kind == "gru-after":
        parameters["c"] = np.zeros(parameters["U"].shape[0], parameters["U"].dtype)
    return Cell(kind, parameters)
