"""Haiku's VanillaRNN, LSTM and GRU: relu alone; gates i g f o on [x, h]; z r a, with z the share of the *new* state.

Three things are not what they seem. The LSTM adds 1 to the forget gate's pre-activation when it runs, so its stored
bias is ours less 1; and in floating point (b - 1) + 1 is b to within one rounding of numbers of size one, no
closer. The GRU's update is (1 - z) h + z a: its z is 1 - z of ours, and σ(-a) = 1 - σ(a), so the block is negated.
"""

from collections.abc import Mapping

import numpy as np

from autograder.recurrent.arrays import Array
from autograder.recurrent.porting.cell import Cell, Kind, array, rearranged

KINDS = ("rnn-relu", "lstm", "gru-before")
Tree = dict[str, dict[str, Array]]


def to_haiku(cell: Cell) -> Tree:
    """The parameters by module (below the core's own name) and name; the GRU's lie in the core itself, "".

    rnn-relu: {"linear": w (D, H), b; "linear_1": w (H, H), b}; lstm: {"linear": w (D + H, 4H), b (4H,)};
    gru-before: {"": w_i (D, 3H), w_h (H, 3H), b (3H,)}. Raises CannotRepresent for tanh and identity, a reset
    gate after the product, peepholes, coupling and projection.
    """
    cell.only(KINDS, "WUb", "Haiku")
    W, U, b = (cell.parameters[name].copy() for name in "WUb")
    if cell.kind == "rnn-relu":
        return {"linear": {"w": W, "b": b}, "linear_1": {"w": U, "b": np.zeros_like(b)}}
    if cell.kind == "lstm":
        H = cell.width
        b[H : 2 * H] -= 1
        return {
            "linear": {
                "w": rearranged(np.concatenate([W, U]), "ifgo", "igfo"),
                "b": rearranged(b, "ifgo", "igfo"),
            }
        }
    W, U, b = (rearranged(_negate_z(value), "rzn", "zrn") for value in (W, U, b))
    return {"": {"w_i": W, "w_h": U, "b": b}}


def from_haiku(tree: Mapping[str, Mapping[str, object]], kind: Kind) -> Cell:
    """The cell of such a tree; VanillaRNN's two biases are merged. Raises ValueError for what does not fit."""
    if kind not in KINDS:
        raise ValueError(f"kind: Haiku has {', '.join(KINDS)}, got {kind!r}")
    flat = {f"{module}.{name}".lstrip("."): value for module, values in tree.items() for name, value in values.items()}
    if kind == "rnn-relu":
        b = array("linear.b", flat, 1)
        b = b + array("linear_1.b", flat, 1) if "linear_1.b" in flat else b.copy()  # double_bias, or not
        return Cell(kind, {"W": array("linear.w", flat, 2).copy(), "U": array("linear_1.w", flat, 2).copy(), "b": b})
    if kind == "lstm":
        w = rearranged(array("linear.w", flat, 2), "igfo", "ifgo")
        b = rearranged(array("linear.b", flat, 1), "igfo", "ifgo")
        H = len(b) // 4
        b[H : 2 * H] += 1
        return Cell(kind, {"W": w[:-H], "U": w[-H:], "b": b})
    ranks = {"w_i": 2, "w_h": 2, "b": 1}
    W, U, b = (_negate_z(rearranged(array(name, flat, rank), "zrn", "rzn")) for name, rank in ranks.items())
    return Cell(kind, {"W": W, "U": U, "b": b})


def _negate_z(value: Array) -> Array:
    r, z, n = np.split(value, 3, axis=-1)
    return np.concatenate([r, -z, n], axis=-1)
