"""Whole ONNX models: one made of a recurrent operator, and the recurrent operators of a given one.

Needs the package `onnx`: ImportError, saying what to install, without it.
"""

from pathlib import Path
from typing import Any

import numpy as np

from autograder.recurrent.porting.onnx import Node

WEIGHTS = ("W", "R", "B", "P")


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportError('an ONNX model needs the package onnx: pip install "unrolled[onnx]"') from error
    return onnx


def from_onnx_model(model: Any) -> list[Node]:
    """The operators RNN, LSTM and GRU of an onnx.ModelProto, or of a file by its path, in the model's order.

    Each with its weights and whatever else among its inputs is constant: `onnx_layer` and `run_onnx` take it from
    there. Raises ValueError where a weight is computed by the model instead of stored in it.
    """
    onnx = _onnx()
    model = onnx.load(model) if isinstance(model, str | Path) else model
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    found = []
    for node in model.graph.node:
        if node.op_type in ("RNN", "LSTM", "GRU"):
            names = [parameter.name for parameter in onnx.defs.get_schema(node.op_type).inputs]
            given = {name: source for name, source in zip(names, node.input, strict=False) if source}
            for name in WEIGHTS:
                if name in given and given[name] not in constants:
                    raise ValueError(
                        f"{name}: expected a constant of the model, got {given[name]!r}, which is computed"
                    )
            inputs = {name: constants[source] for name, source in given.items() if source in constants and name != "X"}
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            found.append(Node(node.op_type, attributes, inputs))
    return found


def onnx_model(node: Node) -> Any:
    """An onnx.ModelProto with the weights inside, in float32, which is what runtimes have these operators for.

    Inputs: X (T, B, D), lengths (B,) of int32, h_0 (dirs, B, H), for the LSTM c_0. Outputs: H (T, B, dirs·H), the
    directions side by side and zeros after a sequence's end, h_T (dirs, B, H), for the LSTM c_T. ONNX counts
    steps by a length alone: it has no masks with gaps.
    """
    onnx = _onnx()
    TensorProto, checker, helper, numpy_helper = onnx.TensorProto, onnx.checker, onnx.helper, onnx.numpy_helper

    dirs, _, D = node.inputs["W"].shape
    H = int(node.attributes["hidden_size"])
    states = ["h", "c"] if node.operator == "LSTM" else ["h"]
    weights = {name: node.inputs[name].astype(np.float32) for name in WEIGHTS if name in node.inputs}
    inputs = ["X", "W", "R", "B" if "B" in weights else "", "lengths", *(f"{s}_0" for s in states)]
    if "P" in weights:
        inputs.append("P")

    def tensor(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    nodes = [
        helper.make_node(node.operator, inputs, ["Y", *(f"{s}_T" for s in states)], **node.attributes),
        helper.make_node("Transpose", ["Y"], ["by_step"], perm=[0, 2, 1, 3]),  # (T, B, dirs, H)
        helper.make_node("Reshape", ["by_step", "side_by_side"], ["H"]),
    ]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    constants.append(numpy_helper.from_array(np.array([0, 0, -1]), "side_by_side"))  # (T, B, dirs·H)
    graph = helper.make_graph(
        nodes,
        node.operator.lower(),
        [
            tensor("X", "T", "B", D),
            tensor("lengths", "B", kind=TensorProto.INT32),
            *(tensor(f"{s}_0", dirs, "B", H) for s in states),
        ],
        [tensor("H", "T", "B", dirs * H), *(tensor(f"{s}_T", dirs, "B", H) for s in states)],
        constants,
    )
    # Opset 14 is the first in which these operators have their present form; version 8 of the file format fits it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    checker.check_model(model)
    return model
