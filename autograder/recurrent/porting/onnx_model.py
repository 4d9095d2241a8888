"""An ONNX model of one recurrent operator, ready to be saved and run. Needs the package `onnx`."""

from typing import Any

import numpy as np

from autograder.recurrent.porting.onnx import Node


def onnx_model(node: Node) -> Any:
    """An onnx.ModelProto with the weights inside, in float32, which is what runtimes have these operators for.

    Inputs: X (T, B, D), lengths (B,) of int32, h_0 (dirs, B, H), for the LSTM c_0. Outputs: H (T, B, dirs·H), the
    directions side by side and zeros after a sequence's end, h_T (dirs, B, H), for the LSTM c_T. ONNX counts
    steps by a length alone: it has no masks with gaps. Raises ImportError, saying what to install, without `onnx`.
    """
    try:
        from onnx import TensorProto, checker, helper, numpy_helper
    except ImportError as error:
        raise ImportError('an ONNX model needs the package onnx: pip install "unrolled[onnx]"') from error

    dirs, _, D = node.inputs["W"].shape
    H = int(node.attributes["hidden_size"])
    states = ["h", "c"] if node.operator == "LSTM" else ["h"]
    weights = {name: value.astype(np.float32) for name, value in node.inputs.items()}
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
