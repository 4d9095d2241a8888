"""One set of parameters, in the course's layout: what every conversion starts from and ends in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from autograder.recurrent.arrays import Array, common_dtype, require, require_finite

Kind = Literal["rnn-tanh", "rnn-relu", "rnn-identity", "lstm", "lstm-coupled", "gru-after", "gru-before"]

GATES: dict[str, str] = {"rnn": "h", "lstm": "ifgo", "lstm-coupled": "fgo", "gru": "rzn"}


class CannotRepresent(ValueError):
    """A layout, theirs or ours, has no place for what these parameters compute; the message says for what."""


@dataclass(frozen=True, eq=False)
class Cell:
    """A kind, and the parameters of that kind by name, in the course's layout and gate order.

    W (D, nH), U (H, nH), b (nH,): blocks h (rnn), i f g o (lstm), f g o (lstm-coupled), r z n (gru).
    gru-after: also c (H,), the candidate's recurrent bias. An LSTM may have peepholes P (3, H), rows i f o (coupled:
    (2, H), f o), and a projection R (H, K); U is (K, nH) then. Raises TypeError and ValueError for what does not fit.
    """

    kind: Kind
    parameters: Mapping[str, Array]

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind: expected one of {', '.join(get_args(Kind))}, got {self.kind!r}")
        needed = {"W", "U", "b"} | ({"c"} if self.kind == "gru-after" else set())
        allowed = needed | ({"P", "R"} if self.kind.startswith("lstm") else set())
        if not needed <= self.parameters.keys() <= allowed:
            extra = f", perhaps {', '.join(sorted(allowed - needed))}" if allowed > needed else ""
            got = ", ".join(sorted(self.parameters))
            raise ValueError(f"parameters: {self.kind} has {', '.join(sorted(needed))}{extra}; got {got}")
        n, H = len(self.gates), self.width
        require("W", self.parameters["W"], ("D", n * H))
        require("U", self.parameters["U"], (self.parameters["R"].shape[-1] if "R" in self.parameters else H, n * H))
        require("b", self.parameters["b"], (n * H,))
        for name, shape in {"c": (H,), "P": (n - 1, H), "R": (H, "K")}.items():
            if name in self.parameters:
                require(name, self.parameters[name], shape)
        common_dtype(dict(self.parameters))
        require_finite(self.parameters)

    @property
    def gates(self) -> str:
        """The blocks' names, in order."""
        return GATES[self.kind] if self.kind in GATES else GATES[self.kind.split("-")[0]]

    @property
    def width(self) -> int:
        """H, the number of units (of cells, if the output is projected)."""
        return require("b", self.parameters["b"], ("nH",)).shape[0] // len(self.gates)

    def only(self, kinds: Sequence[str], names: str, layout: str) -> None:
        """Raise CannotRepresent unless the kind is one of `kinds` and no parameter outside `names` matters.

        Peepholes and a recurrent candidate bias that are all zero do not matter.
        """
        if self.kind == "lstm-coupled" and self.kind not in kinds and "lstm" in kinds:
            raise CannotRepresent(f"{layout} has no coupled gates; uncouple(cell) gives the plain LSTM that is equal")
        if self.kind not in kinds:
            raise CannotRepresent(f"{layout} has no {WORDS[self.kind]}: only {', '.join(WORDS[k] for k in kinds)}")
        for name, value in self.parameters.items():
            if name not in names and (name == "R" or value.any()):
                raise CannotRepresent(f"{layout} has no place for {WORDS[name]}")


WORDS = {
    "rnn-tanh": "RNN with tanh",
    "rnn-relu": "RNN with relu",
    "rnn-identity": "RNN with identity activation",
    "lstm": "LSTM",
    "lstm-coupled": "LSTM with coupled gates",
    "gru-after": "GRU with the reset gate after the product",
    "gru-before": "GRU with the reset gate before the product",
    "P": "peepholes (P is not zero)",
    "R": "a projection (R)",
    "c": "the candidate's recurrent bias (c is not zero)",
}


def rearranged(value: Array, order: str, to: str) -> Array:
    """The last axis's blocks, one a letter of `order`, in the order `to`: rearranged(b, "rzn", "zrn")."""
    blocks = dict(zip(order, np.split(value, len(order), axis=-1), strict=True))
    return np.concatenate([blocks[gate] for gate in to], axis=-1)


def uncouple(cell: Cell) -> Cell:
    """The plain LSTM that computes what a coupled one does: i = 1 - σ(a) = σ(-a), so i's block is f's, negated."""
    if cell.kind != "lstm-coupled":
        raise ValueError(f"cell: expected kind 'lstm-coupled', got {cell.kind!r}")
    H = cell.width
    full = {k: v if k == "R" else np.concatenate([-v[..., :H], v], axis=-1) for k, v in cell.parameters.items()}
    if "P" in full:
        full["P"] = np.concatenate([-cell.parameters["P"][:1], cell.parameters["P"]])
    return Cell("lstm", full)


def array(name: str, arrays: Mapping[str, object], ndim: int) -> Array:
    """arrays[name] as a NumPy array of rank `ndim`; KeyError's and rank's messages name it."""
    if name not in arrays:
        raise ValueError(f"{name}: missing; got {', '.join(sorted(map(str, arrays)))}")
    return require(name, np.asarray(arrays[name]), tuple(f"size {k}" for k in range(ndim)))
