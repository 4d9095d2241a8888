"""Whole layers of PyTorch and Keras: several on top of each other, one direction or two, every parameter at once.

nn.LSTM(num_layers=L, bidirectional=True) is a Stack of L Bidirectional pairs, each put side by side (concat). Its
h_n (L · directions, B, H) holds layer 0 forward, layer 0 backward, layer 1 forward, …, and so does a Stack's state:
for the LSTM h_n is np.stack(state[0::2]) and c_n np.stack(state[1::2]); for the others h_n is np.stack(state).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from autograder.recurrent.arrays import Array
from autograder.recurrent.bidirectional import Bidirectional, Merge
from autograder.recurrent.layer import Layer
from autograder.recurrent.porting.cell import CannotRepresent, Cell, Kind
from autograder.recurrent.porting.keras import from_keras, to_keras
from autograder.recurrent.porting.layers import from_layer, to_layer
from autograder.recurrent.porting.pytorch import from_pytorch, to_pytorch
from autograder.recurrent.stack import Stack


def stack_to_pytorch(layer: Layer) -> dict[str, Array]:
    """The state_dict of the nn.RNN, LSTM or GRU that computes the layer: a cell, a pair (concat) or a Stack of such.

    The module has the same kind of cell, width and number of directions in every layer. Raises CannotRepresent where
    ours has not, and for what `to_pytorch` refuses; TypeError for layers that are no cells.
    """
    levels = _levels(layer, "PyTorch", ("concat",))
    first = levels[0][0]
    state: dict[str, Array] = {}
    for l, level in enumerate(levels):
        if len(level) != len(levels[0]):
            raise CannotRepresent(f"PyTorch's layers all have as many directions; layer {l} has {len(level)}")
        for cell, direction in zip(level, ("", "_reverse"), strict=False):
            if (cell.kind, *cell.parameters["U"].shape) != (first.kind, *first.parameters["U"].shape):
                raise CannotRepresent(f"PyTorch's layers are all of one kind and width; layer {l} is another")
            state |= to_pytorch(cell, f"_l{l}{direction}")
    return state


def stack_from_pytorch(state: Mapping[str, object], kind: Kind) -> Stack:
    """The Stack that computes what an nn.RNN, LSTM or GRU of this state_dict does; its two biases are merged.

    Of as many layers as there are names weight_hh_l0, weight_hh_l1, …, each a Bidirectional if there are names with
    _reverse. Raises ValueError for what is missing or does not fit.
    """
    layers = next(l for l in count(1) if f"weight_hh_l{l}" not in state)
    both = "weight_hh_l0_reverse" in state
    suffixes = [[f"_l{l}", f"_l{l}_reverse"][: 1 + both] for l in range(layers)]
    known = {f"{name}{s}" for level in suffixes for s in level for name in PYTORCH_NAMES}
    if not state.keys() <= known:
        strange = ", ".join(sorted(map(str, state.keys() - known)))
        raise ValueError(f"state: expected the entries of {layers} layers, got {strange} besides")
    return _stack(([from_pytorch(state, kind, s) for s in level] for level in suffixes), "concat")


PYTORCH_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def stack_to_keras(layer: Layer) -> list[Array]:
    """The get_weights() of Keras layers on top of each other (a Sequential), or of one: all weights, one list.

    For a Bidirectional the forward layer's, then the backward layer's; its merge is Keras's merge_mode (concat, sum,
    ave, mul) and stands in no weight. Raises CannotRepresent for what `to_keras` refuses.
    """
    return [weight for level in _levels(layer, "Keras") for cell in level for weight in to_keras(cell)]


def stack_from_keras(
    weights: Sequence[object],
    kind: Kind,
    *,
    bidirectional: bool = False,
    merge: Merge = "concat",
    use_bias: bool = True,
) -> Stack:
    """The Stack that computes what Keras layers with these weights, in one list, do; all of one kind.

    Each takes two or three arrays (use_bias), twice that if bidirectional. Raises ValueError for a list that does not
    come out even and for what `from_keras` refuses.
    """
    each = 3 if use_bias else 2
    dirs = 2 if bidirectional else 1
    if not weights or len(weights) % (each * dirs):
        raise ValueError(f"weights: expected {each * dirs} arrays a layer, got {len(weights)} in all")
    cells = [from_keras(weights[k : k + each], kind) for k in range(0, len(weights), each)]
    return _stack((cells[k : k + dirs] for k in range(0, len(cells), dirs)), merge)


def _levels(layer: Layer, layout: str, merges: Sequence[Merge] | None = None) -> list[list[Cell]]:
    """The cells, level by level, one a direction."""
    if isinstance(layer, Stack) and layer.residual:
        raise CannotRepresent(f"{layout} has no residual connections")
    levels = []
    for part in layer.layers if isinstance(layer, Stack) else (layer,):
        if isinstance(part, Bidirectional):
            if merges is not None and part.merge not in merges:
                raise CannotRepresent(f"{layout} puts both directions side by side; it has no merge {part.merge!r}")
            levels.append([from_layer(part.forward_layer), from_layer(part.backward_layer)])
        else:
            levels.append([from_layer(part)])
    return levels


def _stack(levels: Iterable[Sequence[Cell]], merge: Merge) -> Stack:
    layers: list[Layer] = []
    for level in levels:
        there, *back = (to_layer(cell) for cell in level)
        layers.append(Bidirectional(there, back[0], merge) if back else there)
    return Stack(tuple(layers))
