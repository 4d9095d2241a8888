"""ONNX's operators as layers that run, and layers as operators."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import Array, require, require_count, require_integers
from autograder.recurrent.bidirectional import Bidirectional, Reversed
from autograder.recurrent.layer import Layer
from autograder.recurrent.porting.cell import CannotRepresent
from autograder.recurrent.porting.layers import from_layer, to_layer
from autograder.recurrent.porting.onnx import Node, direction, from_onnx, to_onnx


class Outputs(NamedTuple):
    """Y (T, dirs, B, H), Y_h (dirs, B, H), and for the LSTM Y_c; with layout=1 (B, T, dirs, H) and (B, dirs, H)."""

    Y: Array
    Y_h: Array
    Y_c: Array | None


def onnx_layer(node: Node) -> Layer:
    """The operator as a layer of ours, time first: a cell, a Reversed one, or a Bidirectional pair (concat).

    The pair's state is the forward direction's parts, then the other's: (h, h) or (h, c, h, c). Raises what
    `from_onnx` raises.
    """
    layers = [to_layer(cell) for cell in from_onnx(node)]
    match direction(node):
        case "forward":
            return layers[0]
        case "reverse":
            return Reversed(layers[0])
        case _:
            return Bidirectional(layers[0], layers[1])


def onnx_node(layer: Layer) -> Node:
    """The operator that computes the layer: a cell, a Reversed or a Bidirectional (concat) of cells.

    Raises CannotRepresent for what ONNX has no operator for, TypeError for layers that are no such thing.
    """
    match layer:
        case Bidirectional():
            if layer.merge != "concat":
                raise CannotRepresent(f"ONNX puts both directions side by side; it has no merge {layer.merge!r}")
            return to_onnx(from_layer(layer.forward_layer), from_layer(layer.backward_layer))
        case Reversed():
            node = to_onnx(from_layer(layer.layer))
            return node._replace(attributes=node.attributes | {"direction": "reverse"})
        case _:
            return to_onnx(from_layer(layer))


def run_onnx(
    node: Node,
    X: Array,
    sequence_lens: NDArray[np.integer] | None = None,
    initial_h: Array | None = None,
    initial_c: Array | None = None,
) -> Outputs:
    """What the operator puts out, computed by our layers, everything laid out as ONNX lays it out.

    X (T, B, D), sequence_lens (B,), initial_h and initial_c (dirs, B, H); with the attribute layout=1 X (B, T, D) and
    the states (B, dirs, H). Absent: the node's own, else full lengths and zeros. Y is zero beyond a sequence's length.
    A sequence of no steps ends in its initial state, of which ONNX says nothing (onnxruntime gives zeros).

    Raises what `from_onnx` raises, and TypeError and ValueError, naming the argument.
    """
    layer, H = onnx_layer(node), node.inputs["R"].shape[2]
    batch_first = require_count("layout", node.attributes.get("layout", 0), 0, 1) == 1
    dirs = 2 if direction(node) == "bidirectional" else 1
    X = require("X", X, ("B", "T", layer.sizes[0]) if batch_first else ("T", "B", layer.sizes[0]))
    X = X.swapaxes(0, 1) if batch_first else X
    T, B, _ = X.shape
    names = ["initial_h", "initial_c"] if node.operator == "LSTM" else ["initial_h"]
    given = {"initial_h": initial_h, "initial_c": initial_c}
    if initial_c is not None and "initial_c" not in names:
        raise ValueError(f"initial_c: expected None, {node.operator} has no cell; got an array")
    parts = []
    for name in names:
        value = node.inputs.get(name) if given[name] is None else given[name]
        if value is None:
            value = np.zeros((dirs, B, H), X.dtype)
        else:
            value = require(name, value, (B, dirs, H) if batch_first else (dirs, B, H))
            value = value.swapaxes(0, 1) if batch_first else value
        parts.append(value)
    mask = _mask(node.inputs.get("sequence_lens") if sequence_lens is None else sequence_lens, T, B)
    run = layer.forward(X, [part[k] for k in range(dirs) for part in parts], mask)
    Y = run.H.reshape(T, B, dirs, H).transpose(0, 2, 1, 3) * mask[:, None, :, None]
    last = [np.stack(run.state[k :: len(names)]) for k in range(len(names))]
    if batch_first:
        Y, last = Y.transpose(2, 0, 1, 3), [part.swapaxes(0, 1) for part in last]
    return Outputs(Y, last[0], last[1] if len(last) > 1 else None)


def _mask(lengths: object, T: int, B: int) -> NDArray[np.bool_]:
    if lengths is None:
        return np.ones((T, B), bool)
    lengths = require_integers("sequence_lens", lengths)
    if lengths.shape != (B,):
        raise ValueError(f"sequence_lens: expected shape (B,) = ({B},), got {lengths.shape}")
    outside = (lengths < 0) | (lengths > T)
    if outside.any():
        b = int(np.argmax(outside))
        raise ValueError(f"sequence_lens: expected numbers from 0 to {T}, got {lengths[b]} at {b}")
    return np.arange(T)[:, None] < lengths
