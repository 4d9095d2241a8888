"""The questions put to ONNX's operators LSTM and GRU, without any attribute that has a default, run by onnxruntime."""

from typing import Any

import numpy as np
import onnx
import onnxruntime

from autograder.recurrent.arrays import Array
from autograder.recurrent.differences import behaviour
from autograder.recurrent.differences.gates import BlackBox, Parameters, State
from autograder.recurrent.differences.table import Differences, of_gates
from autograder.recurrent.porting import Node, onnx_model

D, H = 5, 3
LENGTHS = np.array([4, 2, 3])


def found() -> Differences:
    """What the operators do."""
    answers = of_gates("ONNX", box("lstm"), box("gru"))
    answers.rows.update(behaviours())
    return answers


def node(kind: str, parameters: Parameters, **attributes: Any) -> Node:
    return Node(kind.upper(), {"hidden_size": H} | attributes, parameters)


def shapes(kind: str, dirs: int = 1) -> dict[str, tuple[int, ...]]:
    """Of the inputs W, R and B. The runtime refuses a model with others (a test tries)."""
    n = 4 if kind == "lstm" else 3
    return {"W": (dirs, n * H, D), "R": (dirs, n * H, H), "B": (dirs, 2 * n * H)}


def session(operator: Node) -> Any:
    """A session that runs one operator. Warnings about a model's size and such are not asked for."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        onnx_model(operator).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def feed(X: Array, state: State, lengths: Array | None = None) -> dict[str, Array]:
    """Inputs of `onnx_model`: X (T, B, D), states (dirs, B, H)."""
    T, B, _ = X.shape
    lengths = np.full(B, T) if lengths is None else lengths
    fed: dict[str, Array] = {"X": X.astype(np.float32), "lengths": lengths.astype(np.int32)}
    fed.update({f"{name}_0": part.astype(np.float32) for name, part in zip("hc", state, strict=False)})
    return fed


def box(kind: str) -> BlackBox:
    """The operator as a black box; its weights are constants of a model made for each run."""

    def run(parameters: Parameters, X: Array, state: State) -> tuple[Array, State]:
        single = tuple(part[None] for part in state)
        Y, *last = session(node(kind, parameters)).run(None, feed(X, single))
        return Y, tuple(part[0] for part in last)

    return BlackBox("lstm" if kind == "lstm" else "gru", D, H, shapes(kind), run)


def behaviours() -> dict[str, str]:
    """Rows about whole operators."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(4, 3, D)).astype(np.float32)

    def drawn(dirs: int) -> Parameters:
        return {name: 0.5 * rng.normal(size=shape) for name, shape in shapes("lstm", dirs).items()}

    single = session(node("lstm", drawn(1)))
    both = session(node("lstm", drawn(2), direction="bidirectional"))

    def outputs(X: Array) -> Array:
        state = (np.zeros((1, X.shape[1], H)),) * 2
        return single.run(["H"], feed(X, state))[0]

    def given(X: Array) -> Array:
        state = (np.zeros((1, X.shape[1], H)),) * 2
        return single.run(["H"], feed(X, state) | {"X": X})[0]

    Y, h_T = both.run(["H", "h_T"], feed(X, (np.zeros((2, 3, H)),) * 2))
    ends = {"forward": Y[-1, :, :H], "backward": Y[0, :, H:]}
    short = single.run(["H"], feed(X, (np.zeros((1, 3, H)),) * 2, LENGTHS))[0]
    schema = onnx.defs.get_schema("LSTM")
    required = {one.name for one in schema.inputs if one.option == onnx.defs.OpSchema.FormalParameterOption.Single}

    def start(name: str) -> str:
        """An operator draws nothing: its parameters are inputs."""
        return "none: an input" if name in required else "none: an input, may be left out"

    return {
        "axes": behaviour.axes(outputs, D),
        "both directions": "one layer an operator; Y_h: " + behaviour.halves({"0": h_T[0], "1": h_T[1]}, ends),
        "start W": start("W"),
        "start U": start("R"),
        "start b": start("B"),
        "double": behaviour.on_doubles(given, X),
        "padding": behaviour.at_padding(short, LENGTHS),
        "dropout": "none found" if not any("dropout" in name for name in schema.attributes) else "an attribute",
    }
