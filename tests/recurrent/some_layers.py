"""Cells for the tests of what goes around cells: random ones, and their step in PyTorch.

The tests of bidirectional, stacked, truncated and checkpointed layers hold for any cell, so they run over CELLS. What
every layer must pass is in `layer_checks`.
"""

import layer_checks as checks
import numpy as np

from autograder.recurrent import VanillaRNN
from autograder.recurrent.gru import GRU
from autograder.recurrent.lstm import LSTM

CELLS = ["vanilla", "lstm", "gru", "gru, reset before"]
GATES = {"vanilla": 1, "lstm": 4, "gru": 3, "gru, reset before": 3}


def cell(kind, D, H, seed=0, dtype="float64"):
    """A random cell with biases that are not zero."""
    rng = np.random.default_rng(seed)
    n = GATES[kind]
    W = rng.normal(size=(D, n * H)).astype(dtype)
    U = (rng.normal(size=(H, n * H)) / np.sqrt(H)).astype(dtype)
    b = rng.normal(size=n * H).astype(dtype)
    match kind:
        case "vanilla":
            return VanillaRNN(W, U, b)
        case "lstm":
            return LSTM(W, U, b)
        case "gru":
            return GRU(W, U, b, rng.normal(size=H).astype(dtype))
        case "gru, reset before":
            return GRU(W, U, b, reset="before")


def torch_cell(layer, X, state, mask, parameters):
    """The same cell in PyTorch's plain operations: (H, state) from tensors; `parameters` by the layer's names."""
    import torch

    steps = []
    W, U, b = (parameters[k] for k in "WUb")
    for x, m in zip(X, mask[..., None], strict=True):
        h = state[0]
        match layer:
            case VanillaRNN():
                new = (torch.tanh(x @ W + h @ U + b),)
            case LSTM():
                i, f, g, o = (x @ W + h @ U + b).chunk(4, dim=-1)
                c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
                new = (o.sigmoid() * c.tanh(), c)
            case GRU():
                (xr, xz, xn), (Ur, Uz, Un) = (x @ W + b).chunk(3, dim=-1), U.chunk(3, dim=-1)
                r, z = (xr + h @ Ur).sigmoid(), (xz + h @ Uz).sigmoid()
                inner = r * (h @ Un + parameters["c"]) if layer.reset == "after" else (r * h) @ Un
                new = ((1 - z) * torch.tanh(xn + inner) + z * h,)
        state = tuple(torch.where(m, a, b) for a, b in zip(new, state, strict=True))
        steps.append(state[0])
    return torch.stack(steps), state


def problem(layer, seed=0, T=6, B=4, gaps=True):
    """`checks.problem_of`'s arguments as a dictionary, to be changed one by one; without gaps the mask is all ones."""
    p = checks.problem_of(layer, seed, T, B, gaps)
    mask = p.mask if gaps else np.ones((T, B), bool)
    return {"X": p.X, "state_0": p.state_0, "mask": mask, "G": p.G, "dstate": p.dstate}


def forward_and_back(layer, p, **more):
    """(run, {"X": dX, "state 0": …, "W": …}): the run and all its gradients by name."""
    run = layer.forward(p["X"], p["state_0"], p["mask"], **more)
    return run, by_name(layer.backward(run, p["G"], p["dstate"]))


def by_name(found):
    """A layer's Gradients as one dictionary."""
    states = {f"state {i}": part for i, part in enumerate(found.dstate_0)}
    return {"X": found.dX, **states, **found.parameters}


def torch_gradients(layer, p, function):
    """The same dictionary by PyTorch's autograd. function(X, state, mask, parameters) → (H, state), tensors."""
    import torch

    leaves = {"X": p["X"], **{f"state {i}": s for i, s in enumerate(p["state_0"])}, **layer.parameters}
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in leaves.items()}
    state = tuple(leaves[f"state {i}"] for i in range(len(p["state_0"])))
    H, last = function(leaves["X"], state, torch.tensor(p["mask"]), {k: leaves[k] for k in layer.parameters})
    loss = (H * torch.tensor(p["G"])).sum()
    loss = loss + sum((s * torch.tensor(d)).sum() for s, d in zip(last, p["dstate"], strict=True))
    found = torch.autograd.grad(loss, list(leaves.values()))
    return H.detach().numpy(), {name: g.numpy() for name, g in zip(leaves, found, strict=True)}
