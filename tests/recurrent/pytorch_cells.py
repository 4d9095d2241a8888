"""Every PyTorch cell with random parameters, a random problem for it, its results by name, and its NumPy twin."""

import numpy as np
import torch

from autograder import recurrent
from autograder.recurrent.pytorch import GRU, LSTM, Bidirectional, LayerNormLSTM, Stack, VanillaRNN

# Sums of at most a few dozen float64 terms of unit size: rounding stays below 1e-13, a mistake does not.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def _lstm(*, peepholes, coupled, projection):
    def build(D, H, **kw):
        return LSTM(D, H, peepholes=peepholes, coupled=coupled, projection=2 if projection else None, **kw)

    return build


def _lstms():
    """In every combination, as "lstm", "lstm-peepholes", "lstm-peepholes-coupled", …"""
    for choice in [(p, c, r) for p in (False, True) for c in (False, True) for r in (False, True)]:
        options = dict(zip(("peepholes", "coupled", "projection"), choice, strict=True))
        yield "-".join(["lstm", *(name for name, on in options.items() if on)]), _lstm(**options)


CELLS = {
    "tanh": lambda D, H, **kw: VanillaRNN(D, H, **kw),
    "relu": lambda D, H, **kw: VanillaRNN(D, H, "relu", **kw),
    "identity": lambda D, H, **kw: VanillaRNN(D, H, "identity", **kw),
    **dict(_lstms()),
    "lstm-layer-norm": lambda D, H, **kw: LayerNormLSTM(D, H, **kw),
    "gru-after": lambda D, H, **kw: GRU(D, H, **kw),
    "gru-before": lambda D, H, **kw: GRU(D, H, "before", **kw),
}
"""All of them have a backward by hand."""


def make(name, D=3, H=6, seed=0, dtype=torch.float64, **kw):
    """A cell with every parameter drawn at random, biases, peepholes and gains too."""
    return with_random_parameters(CELLS[name](D, H, dtype=dtype, **kw), seed)


def with_random_parameters(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / max(parameter.shape) ** 0.5
        parameter.data.copy_(drawn)
    return module


def draw(cell, T=5, B=4, seed=1, gaps=True, dtype=torch.float64):
    """X, a state, a mask with gaps and a sequence that sleeps throughout, and upstream gradients of both outputs."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    mask = None
    if gaps:
        mask = torch.rand(T, B, generator=generator) < 0.6
        if B > 1:
            mask[:, 0] = False
    state = [torch.tanh(normal(B, width)) for width in cell.state_widths.values()]
    D, H = cell.sizes
    G = normal(T, B, H)
    return normal(T, B, D), state, mask, G, [normal(*s.shape) for s in state]


def leaves(X, state):
    return X.clone().requires_grad_(), [s.clone().requires_grad_() for s in state]


def loss_of(H, last, G, dstate):
    """A loss on all outputs and on every part of the final state."""
    return (G * H).sum() + sum((d * s).sum() for d, s in zip(dstate, last, strict=True))


def results(cell, X, state, mask, G, dstate, **more):
    """Outputs, final state and every gradient of `loss_of`, as arrays by name."""
    X, state = leaves(X, state)
    H, last = cell(X, state, mask, **more)
    return by_name(cell, H, last, X, state, loss_of(H, last, G, dstate))


def by_name(cell, H, last, X, state, loss):
    named = dict(cell.named_parameters())
    found = torch.autograd.grad(loss, [X, *state, *named.values()])
    values = dict(zip(["dX", *(f"dstate_0 {k}" for k in range(len(state))), *named], found, strict=True))
    values |= {"H": H} | {f"state {k}": s for k, s in enumerate(last)}
    return {k: v.detach().cpu().double().numpy() for k, v in values.items()}


def assert_same(ours, theirs, tolerance=None):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, err_msg=name, **(tolerance or CLOSE))


def deviation(ours, theirs):
    """The largest over all arrays of max |ours - theirs| / max |theirs|."""
    assert ours.keys() == theirs.keys()
    return max(np.abs(ours[k] - v).max() / np.abs(v).max() for k, v in theirs.items())


def numpy_layer(module):
    """The NumPy layer with the same parameters."""
    if isinstance(module, Bidirectional):
        pair = numpy_layer(module.forward_layer), numpy_layer(module.backward_layer)
        return recurrent.Bidirectional(*pair, module.merge)
    if isinstance(module, Stack):
        return recurrent.Stack(tuple(map(numpy_layer, module.layers)), module.residual)
    values = {k: v.detach().numpy() for k, v in module.named_parameters()}
    match module:
        case VanillaRNN():
            return recurrent.VanillaRNN(**values, activation=module.activation)
        case GRU():
            return recurrent.GRU(**values, reset=module.reset)
        case LayerNormLSTM():
            return recurrent.LayerNormLSTM(**values)
    return recurrent.VariantLSTM(**values, coupled=module.coupled)


def compare_with_numpy(module, X, state, mask, G, dstate, dropout=None):
    """Outputs, states and every gradient. Both rooms' names are the same but for the pair in a bidirectional layer."""
    more, more_numpy = {}, {}
    if dropout is not None:
        more = {"dropout": dropout}
        more_numpy = {"dropout": [None if d is None else d.numpy() for d in dropout]}
    ours = results(module, X, state, mask, G, dstate, **more)
    layer = numpy_layer(module)
    state, dstate = (tuple(part.numpy() for part in parts) for parts in (state, dstate))
    run = layer.forward(X.numpy(), state, None if mask is None else mask.numpy(), **more_numpy)
    found = layer.backward(run, G.numpy(), dstate)
    theirs = {"H": run.H, "dX": found.dX}
    for k, (last, d_first) in enumerate(zip(run.state, found.dstate_0, strict=True)):
        theirs |= {f"state {k}": last, f"dstate_0 {k}": d_first}
    ends = {"forward": "forward_layer", "backward": "backward_layer"}
    for key, value in found.parameters.items():
        theirs[".".join(ends.get(part, part) for part in key.split("."))] = value
    assert_same(ours, theirs)
