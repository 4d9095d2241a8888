"""ONNX's operators RNN, LSTM and GRU: gates i o f c and z r h, a leading axis of directions, both biases in one.

B holds the input's bias, then the recurrent one. Reading merges the two except for the GRU's candidate when the
reset gate comes after the product (linear_before_reset=1), where they are ours b_n and c.

With input_forget=1 an LSTM has coupled gates: i is computed and f = 1 - i. Ours compute f, so the block of one is the
other's, negated: 1 - σ(a) = σ(-a). ONNX still has a place for the block of f, which nobody reads.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autograder.recurrent.arrays import Array, require
from autograder.recurrent.porting.cell import CannotRepresent, Cell, Kind, array, rearranged

KINDS = ("rnn-tanh", "rnn-relu", "rnn-identity", "lstm", "lstm-coupled", "gru-after", "gru-before")
ORDER = {"rnn": ("h", "h"), "lstm": ("ifgo", "iofg"), "gru": ("rzn", "zrn")}
RNN_ACTIVATIONS: dict[str, Kind] = {"Tanh": "rnn-tanh", "Relu": "rnn-relu", "Affine": "rnn-identity"}
DEFAULTS = {"rnn": ["Tanh"], "lstm": ["Sigmoid", "Tanh", "Tanh"], "gru": ["Sigmoid", "Tanh"]}
COMMON = {"activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout"}
ATTRIBUTES = {"rnn": COMMON, "lstm": COMMON | {"input_forget"}, "gru": COMMON | {"linear_before_reset"}}


class Node(NamedTuple):
    """An operator: its type, attributes, and inputs W (dirs, nH, D), R (dirs, nH, H), B (dirs, 2nH), P (dirs, 3H).

    `inputs` may hold sequence_lens, initial_h and initial_c besides, where a model has them as constants.
    """

    operator: str
    attributes: dict[str, Any]
    inputs: dict[str, Array]


def to_onnx(cell: Cell, reverse: Cell | None = None) -> Node:
    """The operator that computes the cell, or both cells, forward and reverse, as one bidirectional operator.

    Raises CannotRepresent for a projection, and for two cells of different kind (but for an RNN's activation, which
    each direction has for itself) or size.
    """
    cells = [cell] if reverse is None else [cell, reverse]
    family = cell.kind.split("-")[0]
    for one in cells:
        one.only(KINDS, "WUbcP", "ONNX")
        if one.kind != cell.kind and not (family == "rnn" and one.kind.startswith("rnn")):
            raise CannotRepresent(f"ONNX has one operator for both directions, not {cell.kind} and {one.kind}")
        if one.parameters["W"].shape != cell.parameters["W"].shape:
            shapes = " and ".join(str(c.parameters["W"].shape) for c in cells)
            raise CannotRepresent(f"ONNX has one operator for both directions, of one size, not W of {shapes}")
    attributes: dict[str, Any] = {"hidden_size": cell.width}
    attributes["direction"] = "forward" if reverse is None else "bidirectional"
    if family == "rnn":
        name_of = {kind: name for name, kind in RNN_ACTIVATIONS.items()}
        attributes["activations"] = [name_of[one.kind] for one in cells]
        identities = attributes["activations"].count("Affine")  # Affine(a) = alpha a + beta
        if identities:
            attributes |= {"activation_alpha": [1.0] * identities, "activation_beta": [0.0] * identities}
    if cell.kind == "lstm-coupled":
        attributes["input_forget"] = 1
    if family == "gru":
        attributes["linear_before_reset"] = int(cell.kind == "gru-after")
    each = [_inputs(one) for one in cells]
    if any("P" in inputs for inputs in each):
        for inputs in each:
            inputs.setdefault("P", np.zeros(3 * cell.width, cell.parameters["b"].dtype))
    return Node(family.upper(), attributes, {name: np.stack([i[name] for i in each]) for name in each[0]})


def from_onnx(node: Node) -> tuple[Cell, ...]:
    """The operator's cells, one a direction. No B: zeros. An absent attribute has ONNX's default.

    The attributes direction and layout are about the sequences, not the parameters: `onnx_layer` and `run_onnx` heed
    them. Raises CannotRepresent, with the reason, for what these cells do not have: clip, other activations; and
    ValueError for what does not fit.
    """
    family, attributes = node.operator.lower(), _plain(node.attributes)
    if family not in ORDER:
        raise ValueError(f"operator: expected RNN, LSTM or GRU, got {node.operator!r}")
    for name in attributes.keys() - ATTRIBUTES[family]:
        raise ValueError(f"{name}: ONNX's {node.operator} has no such attribute")
    if attributes.get("clip") is not None:
        raise CannotRepresent(
            f"clip: expected it absent, got {attributes['clip']}: our cells cut no pre-activation off"
        )
    dirs, H = (array("R", node.inputs, 3).shape[k] for k in (0, 2))
    if dirs != (2 if direction(node) == "bidirectional" else 1):
        raise ValueError(f"R: expected the weights of direction {direction(node)!r}, got {dirs} directions")
    if attributes.get("hidden_size", H) != H:
        raise ValueError(f"hidden_size: expected {H}, as R has it, got {attributes['hidden_size']}")
    nH = H * len(ORDER[family][0])
    shapes: dict[str, tuple[int | str, ...]] = {"W": (dirs, nH, "D"), "R": (dirs, nH, H), "B": (dirs, 2 * nH)}
    shapes |= {"P": (dirs, 3 * H)} if family == "lstm" else {}
    if "P" not in shapes and node.inputs.get("P") is not None:
        raise ValueError(f"P: expected only {', '.join(shapes)} for ONNX's {node.operator}")
    weights = {
        name: require(name, array(name, node.inputs, len(shape)), shape)
        for name, shape in shapes.items()
        if name in node.inputs or name == "W"
    }
    kinds = _kinds(family, attributes, dirs)
    cells = []
    for k, (kind, scale, shift) in enumerate(kinds):
        parameters = _parameters(kind, {name: value[k] for name, value in weights.items()})
        if family == "rnn":  # Affine(a) = alpha a + beta: the factor goes into the parameters
            parameters = {name: value * value.dtype.type(scale) for name, value in parameters.items()}
            parameters["b"] = parameters["b"] + parameters["b"].dtype.type(shift)
        cells.append(Cell(kind, parameters))
    return tuple(cells)


def direction(node: Node) -> str:
    """forward, reverse or bidirectional. Raises ValueError for anything else."""
    found = _plain(node.attributes).get("direction", "forward")
    if found not in ("forward", "reverse", "bidirectional"):
        raise ValueError(f"direction: expected forward, reverse or bidirectional, got {found!r}")
    return found


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with strings for the bytes that the onnx package has."""

    def plain(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value.decode() if isinstance(value, bytes) else value

    return {name: plain(value) for name, value in attributes.items()}


def _parameters(kind: Kind, inputs: dict[str, Array]) -> dict[str, Array]:
    """One direction's parameters in our layout, from W (nH, D), R (nH, H), B (2nH,) and P (3H,)."""
    ours, theirs = ORDER[kind.split("-")[0]]
    W, U = (rearranged(inputs[name].T, theirs, ours) for name in ("W", "R"))
    B = inputs.get("B", np.zeros(2 * W.shape[1], W.dtype))
    first, second = (rearranged(half, theirs, ours) for half in np.split(B, 2))
    parameters = {"W": W, "U": U, "b": first + second}
    if kind == "gru-after":
        n = 2 * len(first) // 3
        parameters["b"][n:] = first[n:]
        parameters["c"] = second[n:].copy()
    if "P" in inputs:
        i, o, f = np.split(inputs["P"], 3)
        parameters["P"] = np.stack([i, f, o])
    if kind == "lstm-coupled":
        H = U.shape[0]
        for name in ("W", "U", "b"):
            i, rest = parameters[name][..., :H], parameters[name][..., 2 * H :]
            parameters[name] = np.concatenate([-i, rest], axis=-1)
        if "P" in parameters:
            i, _, o = parameters["P"]
            parameters["P"] = np.stack([-i, o])
    return parameters


def _inputs(cell: Cell) -> dict[str, Array]:
    p = dict(cell.parameters)
    ours, theirs = ORDER[cell.kind.split("-")[0]]
    if cell.kind == "lstm-coupled":
        for name in ("W", "U", "b"):
            f = p[name][..., : cell.width]
            p[name] = np.concatenate([-f, np.zeros_like(f), p[name][..., cell.width :]], axis=-1)
        if "P" in p:
            f, o = p["P"]
            p["P"] = np.stack([-f, np.zeros_like(f), o])
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


# The functions that read activation_alpha, and activation_beta, and what each is if the attribute is absent.
ALPHA = {"Affine": 1.0, "LeakyRelu": 0.01, "ThresholdedRelu": 1.0, "ScaledTanh": 1.0, "HardSigmoid": 0.2, "Elu": 1.0}
BETA = {"Affine": 0.0, "ScaledTanh": 1.0, "HardSigmoid": 0.5}
NAMES = {name.lower(): name for name in (*ALPHA, "Tanh", "Relu", "Sigmoid", "Softsign", "Softplus")}


def _kinds(family: str, attributes: dict[str, Any], dirs: int) -> list[tuple[Kind, float, float]]:
    """Each direction's kind, with the alpha and beta of an RNN's Affine."""
    count = len(DEFAULTS[family])
    names = attributes.get("activations") or DEFAULTS[family] * dirs
    if len(names) != count * dirs:
        raise ValueError(f"activations: expected {count * dirs}, {count} a direction, got {len(names)}: {names}")
    names = [NAMES.get(name.lower(), name) for name in names]  # onnxruntime does not heed the case
    alphas, betas = iter(attributes.get("activation_alpha") or ()), iter(attributes.get("activation_beta") or ())
    functions = []
    for name in names:
        alpha = next(alphas, ALPHA[name]) if name in ALPHA else 1.0
        beta = next(betas, BETA[name]) if name in BETA else 0.0
        functions.append((_simpler(name, alpha, beta), alpha, beta))
    kinds = []
    for k in range(dirs):
        found = [name for name, _, _ in functions[k * count : (k + 1) * count]]
        kind: Kind
        if family == "rnn":
            if found[0] not in RNN_ACTIVATIONS:
                raise CannotRepresent(f"activations: expected Tanh, Relu or Affine, got {found[0]}")
            kind = RNN_ACTIVATIONS[found[0]]
        elif found != DEFAULTS[family]:
            raise CannotRepresent(f"activations: expected {DEFAULTS[family]}, got {found}")
        elif family == "lstm":
            kind = "lstm-coupled" if attributes.get("input_forget", 0) else "lstm"
        else:
            kind = "gru-after" if attributes.get("linear_before_reset", 0) else "gru-before"
        _, alpha, beta = functions[k * count] if kind == "rnn-identity" else ("", 1.0, 0.0)
        kinds.append((kind, alpha, beta))
    return kinds


def _simpler(name: str, alpha: float, beta: float) -> str:
    """The function's name; where its parameters make it tanh or relu, that name."""
    if name == "ScaledTanh" and (alpha, beta) == (1, 1):  # alpha tanh(beta a)
        return "Tanh"
    if name in ("LeakyRelu", "ThresholdedRelu") and alpha == 0:  # alpha a below 0; 0 below alpha
        return "Relu"
    return name
