"""Which block is which gate, and what the gates do: asked of a layer by raising one block and watching who notices.

All parameters are zero but for what is raised. Then every gate stands at ½ and every candidate at 0, and one step has
few possible outcomes, each of which tells one gate from the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from autograder.recurrent.arrays import Array

Parameters = dict[str, Array]
State = tuple[Array, ...]
COUNT = {"lstm": 4, "gru": 3}
HIGH = 20.0  # saturates a gate, and a tanh
TOLERANCE = 1e-3  # of the outcomes, which differ by a tenth and more


@dataclass(frozen=True)
class BlackBox:
    """A layer of which only this is known: its parameters' shapes, and that it runs.

    kind: "lstm" or "gru". shapes: of its parameters, by its own names, for D inputs and H units, both at least 3 and
    D no multiple of H. run: parameters, X (T, B, D), and the state's parts (B, H) in the layer's own order, to the
    states after each step (T, B, H) and the last state, parts in the layer's order.
    """

    kind: Literal["lstm", "gru"]
    D: int
    H: int
    shapes: Mapping[str, tuple[int, ...]]
    run: Callable[[Parameters, Array, State], tuple[Array, State]]


class Block(NamedTuple):
    """One of the blocks of H in a parameter: the k-th along an axis."""

    name: str
    axis: int
    k: int


class Gates(NamedTuple):
    """What was found.

    blocks: each parameter's blocks in order, {"bias": "ifgo"}; i f g o, or r z n with n' for a candidate's bias inside
    the reset; "?" for a block that changes nothing. state: "h", "hc" or "ch". added_to_f: what the LSTM adds to the
    forget gate's pre-activation by itself. reset: "after" or "before" the recurrent product. z_keeps: whether z is the
    share of the old state. The last two are None for an LSTM, added_to_f for a GRU.
    """

    blocks: dict[str, list[str]]
    state: str
    added_to_f: float | None
    reset: str | None
    z_keeps: bool | None


def ask(box: BlackBox) -> Gates:
    """Find out. Raises ValueError for a layer whose answers are no LSTM's or GRU's."""
    return _ask_lstm(box) if box.kind == "lstm" else _ask_gru(box)


def blocks_of(box: BlackBox) -> list[Block]:
    """Every block of H along the axis that has all gates, once (n H) or twice (2 n H)."""
    found = []
    for name, shape in box.shapes.items():
        count = COUNT[box.kind] * box.H
        axes = [axis for axis, size in enumerate(shape) if size in (count, 2 * count)]
        if len(axes) != 1:
            raise ValueError(f"{name}: expected one axis of {count} or {2 * count} entries, got shape {shape}")
        rows = 2 if _two_rows(shape) else 1
        found += [Block(name, axes[0], k) for k in range(rows * shape[axes[0]] // box.H)]
    return found


def _two_rows(shape: Sequence[int]) -> bool:
    """A bias (2, n H): D and H are greater than 2."""
    return len(shape) == 2 and shape[0] == 2


def is_bias(box: BlackBox, block: Block) -> bool:
    """Whether the block has one number a unit."""
    name, index = place(box, block)
    return np.zeros(box.shapes[name])[index].size == box.H


def place(box: BlackBox, block: Block) -> tuple[str, tuple[slice | int, ...]]:
    """The block as an index into its parameter. Rows of a bias (2, n H) are counted one after the other."""
    shape = box.shapes[block.name]
    row, k = divmod(block.k, shape[block.axis] // box.H)
    index: list[slice | int] = [slice(None)] * len(shape)
    if _two_rows(shape):
        index[0] = row
    index[block.axis] = slice(k * box.H, (k + 1) * box.H)
    return block.name, tuple(index)


def raised(box: BlackBox, values: Mapping[Block, float | Array]) -> Parameters:
    """All parameters zero, but these blocks at these values."""
    parameters: Parameters = {name: np.zeros(shape) for name, shape in box.shapes.items()}
    for block, value in values.items():
        name, index = place(box, block)
        parameters[name][index] = value
    return parameters


def _step(box: BlackBox, values: Mapping[Block, float | Array], *state: float) -> list[Array]:
    """The state's parts (H,) after one step with X = 1 from constant parts."""
    parts = tuple(np.full((1, box.H), value) for value in state)
    _, last = box.run(raised(box, values), np.ones((1, 1, box.D)), parts)
    return [np.asarray(part)[0] for part in last]


def _is(value: Array, expected: float) -> bool:
    return bool(np.all(np.abs(value - expected) < TOLERANCE))


def _order(box: BlackBox) -> str:
    """Which part of the state is the output: "hc" or "ch"."""
    rng = np.random.default_rng(0)
    parameters: Parameters = {name: 0.5 * rng.normal(size=shape) for name, shape in box.shapes.items()}
    X, state = rng.normal(size=(3, 2, box.D)), tuple(np.tanh(rng.normal(size=(2, 2, box.H))))
    H, last = box.run(parameters, X, state)
    first, second = (bool(np.abs(part - H[-1]).max() < TOLERANCE) for part in last)
    if first == second:
        raise ValueError("state: expected one of two parts to be the last output")
    return "hc" if first else "ch"


def _ask_lstm(box: BlackBox) -> Gates:
    order = _order(box)

    def step(values: Mapping[Block, float | Array], c: float) -> tuple[Array, Array]:
        """h and c after one step from h = ½ and this c."""
        h_c = _step(box, values, *((0.5, c) if order == "hc" else (c, 0.5)))
        return (h_c[0], h_c[1]) if order == "hc" else (h_c[1], h_c[0])

    f_alone = step({}, 1.0)[1]  # c = σ(what is added) · 1: i g = 0
    added = float(np.log(f_alone / (1 - f_alone)).mean())
    h_base, c_base = step({}, 1.0)

    def label(block: Block) -> str:
        h, c = step({block: HIGH}, 1.0)
        _, c_from_0 = step({block: HIGH}, 0.0)
        if _is(c_from_0, 0.5) and _is(c - c_base, 0.5):
            return "g"  # adds i g = ½ whatever c was
        if _is(c_from_0, 0) and _is(c, 1):
            return "f"  # keeps all of c
        if _is(c, float(c_base[0])) and _is(h, float(np.tanh(c_base[0]))):
            return "o"  # shows all of tanh c
        if _is(c, float(c_base[0])) and _is(h, float(h_base[0])):
            return "?"  # the input gate, as long as there is nothing to let in
        raise ValueError(f"{block.name}, block {block.k}: expected an LSTM's answer, got h {h}, c {c}")

    labels = {block: label(block) for block in blocks_of(box)}
    candidate = next((block for block, name in labels.items() if name == "g"), None)
    if candidate is None:
        raise ValueError("expected a block for the candidate, none was found")
    for block in [block for block, name in labels.items() if name == "?"]:
        if _is(step({block: HIGH, candidate: HIGH}, 0.0)[1], 1):
            labels[block] = "i"
    return Gates(_by_name(labels), order, added, None, None)


def _ask_gru(box: BlackBox) -> Gates:
    def step(values: Mapping[Block, float | Array]) -> Array:
        return _step(box, values, 0.5)[0]

    keeps: set[bool] = set()

    def label(block: Block) -> str:
        h = step({block: HIGH})
        if _is(h, 0.75):
            return "n"  # half the candidate, which is 1, and half the state
        if _is(h, 0.5) or _is(h, 0.0):
            keeps.add(_is(h, 0.5))
            return "z"  # all of the state, or all of the candidate, which is 0
        if _is(h, 0.25):
            return "?"  # the reset gate, as long as the candidate does not look at the state
        raise ValueError(f"{block.name}, block {block.k}: expected a GRU's answer, got h {h}")

    labels = {block: label(block) for block in blocks_of(box)}
    candidates = [block for block, name in labels.items() if name == "n" and _looks_at_state(box, block)]
    if not candidates or len(keeps) != 1:
        raise ValueError("expected a candidate that looks at the state, and one meaning of z")
    look, small = candidates[0], 0.4 / box.H
    half_open = step({look: small})
    for block in [block for block, name in labels.items() if name == "?"]:
        if np.all(step({block: HIGH, look: small}) > half_open + TOLERANCE):
            labels[block] = "r"
    reset = next((block for block, name in labels.items() if name == "r" and is_bias(box, block)), None)
    if reset is None:
        raise ValueError("expected a bias for the reset gate, none was found")
    for block, name in labels.items():
        if name == "n" and is_bias(box, block) and _is(step({block: HIGH, reset: -HIGH}), 0.25):
            labels[block] = "n'"  # shut off together with the product
    # One unit's reset gate open, the others' shut. After the product, that unit alone hears the state; before it, all
    # units hear that one unit's state.
    heard = step({look: 1.0, reset: np.where(np.arange(box.H) == 0, HIGH, -HIGH)}) > 0.25 + TOLERANCE
    if not heard[0] or heard[1:].any() != heard.all():
        raise ValueError(f"expected the open unit or all units to hear the state, got {heard}")
    return Gates(_by_name(labels), "h", None, "before" if heard.all() else "after", keeps.pop())


def _looks_at_state(box: BlackBox, block: Block) -> bool:
    """Whether the block is multiplied by the state: then a larger state is heard through it."""
    low, high = (_step(box, {block: 0.4 / box.H}, h)[0] - 0.5 * h for h in (0.5, 1.0))
    return bool(np.all(high > low + TOLERANCE))


def _by_name(labels: Mapping[Block, str]) -> dict[str, list[str]]:
    blocks: dict[str, list[str]] = {}
    for block, label in labels.items():
        blocks.setdefault(block.name, []).append(label)
    return blocks
