"""ONNX's operators RNN, LSTM and GRU: gates i o f c and z r h, a leading axis of directions, both biases in one.

B holds the input's bias, then the recurrent one. Reading merges the two except for the GRU's candidate when the
reset gate comes after the product (linear_before_reset=1), where they are ours b_n and c.
"""

from typing import Any, NamedTuple

import numpy as np

from autograder.recurrent.arrays import Array
from autograder.recurrent.porting.cell import CannotRepresent, Cell, Kind, array, rearranged

KINDS = ("rnn-tanh", "rnn-relu", "rnn-identity", "lstm", "gru-after", "gru-before")
ORDER = {"rnn": ("h", "h"), "lstm": ("ifgo", "iofg"), "gru": ("rzn", "zrn")}
ACTIVATIONS = {"rnn-tanh": "Tanh", "rnn-relu": "Relu", "rnn-identity": "Affine"}


class Node(NamedTuple):
    """An operator: its type, attributes, and inputs W (dirs, nH, D), R (dirs, nH, H), B (dirs, 2nH), P (dirs, 3H)."""

    operator: str
    attributes: dict[str, Any]
    inputs: dict[str, Array]


def to_onnx(cell: Cell, reverse: Cell | None = None) -> Node:
    """The operator that computes the cell, or both cells, forward and reverse, as one bidirectional operator.

    Raises CannotRepresent for coupled gates and projection, and for two cells of different kind or size.
    """
    cells = [cell] if reverse is None else [cell, reverse]
    for one in cells:
        one.only(KINDS, "WUbcP", "ONNX")
        if one.kind != cell.kind or one.parameters["W"].shape != cell.parameters["W"].shape:
            raise CannotRepresent("ONNX has one operator for both directions: they must be of one kind and size")
    attributes: dict[str, Any] = {"hidden_size": cell.width}
    attributes["direction"] = "forward" if reverse is None else "bidirectional"
    if cell.kind in ACTIVATIONS:
        attributes["activations"] = [ACTIVATIONS[cell.kind]] * len(cells)
    if cell.kind == "rnn-identity":  # Affine(a) = alpha a + beta
        attributes |= {"activation_alpha": [1.0] * len(cells), "activation_beta": [0.0] * len(cells)}
    if cell.kind.startswith("gru"):
        attributes["linear_before_reset"] = int(cell.kind == "gru-after")
    each = [_inputs(one) for one in cells]
    if any("P" in inputs for inputs in each):
        for inputs in each:
            inputs.setdefault("P", np.zeros(3 * cell.width, cell.parameters["b"].dtype))
    return Node(
        cell.kind.split("-")[0].upper(), attributes, {name: np.stack([i[name] for i in each]) for name in each[0]}
    )


def from_onnx(node: Node) -> tuple[Cell, ...]:
    """The operator's cells, one a direction. No B: zeros. An absent attribute has ONNX's default.

    The attributes direction and layout are about the sequences, not the parameters: they are for who runs the
    cells. Raises ValueError for what these cells do not have: other activations, clip, input_forget.
    """
    family, given = node.operator.lower(), dict(node.attributes)
    if family not in ORDER:
        raise ValueError(f"operator: expected RNN, LSTM or GRU, got {node.operator!r}")
    kind = _kind(family, given)
    dirs = array("W", node.inputs, 3).shape[0]
    cells = []
    for k in range(dirs):
        inputs = {name: np.asarray(node.inputs[name])[k] for name in "WRBP" if name in node.inputs}
        ours, theirs = ORDER[family]
        W, U = (rearranged(array(name, inputs, 2).T, theirs, ours) for name in ("W", "R"))
        B = array("B", inputs, 1) if "B" in inputs else np.zeros(2 * W.shape[1], W.dtype)
        first, second = (rearranged(half, theirs, ours) for half in np.split(B, 2))
        parameters = {"W": W, "U": U, "b": first + second}
        if kind == "gru-after":
            n = 2 * len(first) // 3
            parameters["b"][n:] = first[n:]
            parameters["c"] = second[n:].copy()
        if "P" in inputs:
            i, o, f = np.split(array("P", inputs, 1), 3)
            parameters["P"] = np.stack([i, f, o])
        cells.append(Cell(kind, parameters))
    return tuple(cells)


def _inputs(cell: Cell) -> dict[str, Array]:
    p = cell.parameters
    ours, theirs = ORDER[cell.kind.split("-")[0]]
    second = np.zeros_like(p["b"])
    if "c" in p:
        second[2 * cell.width :] = p["c"]
    inputs = {
        "W": rearranged(p["W"], ours, theirs).T,
        "R": rearranged(p["U"], ours, theirs).T,
        "B": np.concatenate([rearranged(p["b"], ours, theirs), rearranged(second, ours, theirs)]),
    }
    if "P" in p:
        i, f, o = p["P"]
        inputs["P"] = np.concatenate([i, o, f])
    return {name: np.ascontiguousarray(value) for name, value in inputs.items()}


DEFAULTS = {"lstm": ["Sigmoid", "Tanh", "Tanh"], "gru": ["Sigmoid", "Tanh"]}


def _kind(family: str, attributes: dict[str, Any]) -> Kind:
    given = attributes.get("activations", DEFAULTS.get(family, ["Tanh"]))
    activations = [name.decode() if isinstance(name, bytes) else name for name in given]  # the onnx package's are bytes
    for name, only in {"input_forget": 0, "clip": None}.items():
        if attributes.get(name, only) != only:
            raise ValueError(f"{name}: expected it absent, got {attributes[name]}: these cells do not have it")
    if family in DEFAULTS:
        if activations != DEFAULTS[family] * (len(activations) // len(DEFAULTS[family])):
            raise ValueError(f"activations: expected {DEFAULTS[family]}, got {activations}")
        if family == "lstm":
            return "lstm"
        return "gru-after" if attributes.get("linear_before_reset", 0) else "gru-before"
    scales = attributes.get("activation_alpha", []), attributes.get("activation_beta", [])
    plain = all(a == 1 for a in scales[0]) and all(b == 0 for b in scales[1])
    kinds: dict[str, Kind] = {"Tanh": "rnn-tanh", "Relu": "rnn-relu", "Affine": "rnn-identity"}
    if len(set(activations)) != 1 or activations[0] not in kinds or not plain:
        raise ValueError(f"activations: expected Tanh, Relu or Affine with alpha 1 and beta 0, got {activations}")
    return kinds[activations[0]]
