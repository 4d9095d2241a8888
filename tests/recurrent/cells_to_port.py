"""What the tests of porting share: random cells of every kind, and a network that runs any of them in float64."""

import numpy as np
import torch

from autograder.recurrent import pytorch
from autograder.recurrent.porting import Cell, Kind

KINDS = Kind.__args__

# Conversions move numbers and do not compute with them; what is compared is the same sums in another program.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def draw_cell(kind, D=3, H=5, K=None, peepholes=False, seed=0, dtype="float64"):
    """A cell of a kind, every parameter random; K: projected to that width."""
    rng = np.random.default_rng(seed)
    n = {"rnn": 1, "gru": 3, "lstm": 3 if kind == "lstm-coupled" else 4}[kind.split("-")[0]]
    shapes = {"W": (D, n * H), "U": (K or H, n * H), "b": (n * H,)}
    shapes |= {"c": (H,)} if kind == "gru-after" else {}
    shapes |= {"P": (n - 1, H)} if peepholes else {}
    shapes |= {"R": (H, K)} if K else {}
    return Cell(kind, {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()})


def module_of(cell):
    """Our PyTorch module with the cell's parameters."""
    p = cell.parameters
    D, H = len(p["W"]), cell.width
    if cell.kind.startswith("rnn"):
        module = pytorch.VanillaRNN(D, H, cell.kind.removeprefix("rnn-"))
    elif cell.kind.startswith("gru"):
        module = pytorch.GRU(D, H, cell.kind.removeprefix("gru-"))
    else:
        projection = p["R"].shape[1] if "R" in p else None
        module = pytorch.LSTM(D, H, coupled=cell.kind == "lstm-coupled", peepholes="P" in p, projection=projection)
    module = module.to(torch.float64)
    module.load_state_dict({name: torch.tensor(value) for name, value in p.items()})
    return module


def run(cell, X, state=None, mask=None):
    """H and the last state of the cell over X, as arrays."""
    state = None if state is None else [torch.tensor(s) for s in state]
    with torch.no_grad():
        H, last = module_of(cell)(torch.tensor(X), state, None if mask is None else torch.tensor(mask))
    return H.numpy(), [s.numpy() for s in last]


def draw_input(cell, T=6, B=4, seed=1):
    """X (T, B, D) and a state."""
    rng = np.random.default_rng(seed)
    width = cell.parameters["U"].shape[0]
    state = [rng.uniform(-1, 1, size=(B, width))]
    if cell.kind.startswith("lstm"):
        state.append(rng.normal(size=(B, cell.width)))
    return rng.normal(size=(T, B, len(cell.parameters["W"]))), state


def assert_same_cell(found, wanted):
    """The same kind and the same numbers, to the bit."""
    assert found.kind == wanted.kind
    assert found.parameters.keys() == wanted.parameters.keys()
    for name, value in wanted.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], value, err_msg=name)
        assert found.parameters[name].dtype == value.dtype
