"""Cells for the tests of what goes around cells: random ones, their step in PyTorch, and one gradient test for all.

The tests of bidirectional, stacked, truncated and checkpointed layers hold for any cell, so they run over CELLS.
"""

from dataclasses import fields, replace

import numpy as np

from autograder.recurrent import VanillaRNN
from autograder.recurrent.gru import GRU
from autograder.recurrent.lstm import LSTM

# Sums of at most a few hundred float64 terms of unit size: rounding stays below 1e-13, a mistake does not.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}

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


def problem(layer, seed=0, T=6, B=4, gaps=True, dtype="float64"):
    """X, state_0, mask, and G and dstate for a loss on every output and on the last state. Sequence 0 is empty."""
    rng = np.random.default_rng(seed)
    D, H = layer.sizes
    mask = rng.random((T, B)) < 0.65 if gaps else np.ones((T, B), bool)
    if gaps and B > 1:
        mask[:, 0] = False
    state_0 = tuple(rng.uniform(-0.8, 0.8, size=part.shape).astype(dtype) for part in layer.zero_state(B))
    return {
        "X": rng.normal(size=(T, B, D)).astype(dtype),
        "state_0": state_0,
        "mask": mask,
        "G": rng.normal(size=(T, B, H)).astype(dtype),
        "dstate": tuple(rng.normal(size=part.shape).astype(dtype) for part in state_0),
    }


def forward_and_back(layer, p, **more):
    """(run, {"X": dX, "state 0": …, "W": …}): the run and all its gradients by name."""
    run = layer.forward(p["X"], p["state_0"], p["mask"], **more)
    return run, by_name(layer.backward(run, p["G"], p["dstate"]))


def by_name(found):
    """A layer's Gradients as one dictionary."""
    states = {f"state {i}": part for i, part in enumerate(found.dstate_0)}
    return {"X": found.dX, **states, **found.parameters}


def assert_same(found, wanted, **tolerance):
    """Two dictionaries of arrays, name by name."""
    assert set(found) == set(wanted)
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], err_msg=name, **(tolerance or CLOSE))


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


def assert_gradients_by_complex_step(layer, p, **more):
    """Every gradient along a random direction, one complex argument at a time: Im L(v + iεd) / ε."""
    rng = np.random.default_rng(99)
    _, gradients = forward_and_back(layer, p, **more)
    for name, gradient in gradients.items():
        direction = rng.normal(size=gradient.shape)
        q, moved = dict(p), layer
        if name == "X":
            q["X"] = p["X"] + 1e-30j * direction
        elif name.startswith("state "):
            i = int(name.removeprefix("state "))
            q["state_0"] = tuple(s + 1e-30j * direction if j == i else s for j, s in enumerate(p["state_0"]))
        else:
            moved = with_parameter(layer, name, layer.parameters[name] + 1e-30j * direction)
        run = moved.forward(q["X"], q["state_0"], q["mask"], **more)
        loss = (run.H * p["G"]).sum() + sum((s * d).sum() for s, d in zip(run.state, p["dstate"], strict=True))
        wanted = loss.imag / 1e-30 if np.iscomplexobj(loss) else 0.0
        np.testing.assert_allclose((gradient * direction).sum(), wanted, rtol=1e-11, atol=1e-13, err_msg=name)


def with_parameter(layer, name, value):
    """The layer with one parameter replaced, whatever it is wrapped in."""
    if name in {f.name for f in fields(layer)}:
        return replace(layer, **{name: value})
    if hasattr(layer, "layer"):
        return replace(layer, layer=with_parameter(layer.layer, name, value))
    head, _, rest = name.partition(".")
    if head.isdigit():
        parts = list(layer.layers)
        parts[int(head)] = with_parameter(parts[int(head)], rest, value)
        return replace(layer, layers=tuple(parts))
    return replace(layer, **{head + "_layer": with_parameter(getattr(layer, head + "_layer"), rest, value)})


def assert_argument_habits(layer, dtype):
    """Dtype kept, no argument changed, two backwards of one run equal."""
    p = problem(layer, 3, dtype=dtype)
    before = {"X": p["X"].copy(), "mask": p["mask"].copy(), "G": p["G"].copy()}
    states = [part.copy() for part in (*p["state_0"], *p["dstate"])]
    run, gradients = forward_and_back(layer, p)
    kept = run.H.copy()
    again = by_name(layer.backward(run, p["G"], p["dstate"]))
    assert {run.H.dtype, *(s.dtype for s in run.state), *(g.dtype for g in gradients.values())} == {np.dtype(dtype)}
    np.testing.assert_array_equal(run.H, kept)
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(again[name], gradient, err_msg=name)
    for name, value in before.items():
        np.testing.assert_array_equal(p[name], value, err_msg=name)
    for part, value in zip((*p["state_0"], *p["dstate"]), states, strict=True):
        np.testing.assert_array_equal(part, value)
