"""The backwards written by hand in PyTorch: against autograd, by gradcheck, and their manners."""

from types import SimpleNamespace

import pytest
import torch
from pytorch_cells import CELLS, assert_same, draw, leaves, make, results
from torch.func import functional_call

from autograder.recurrent.pytorch import GRUFunction, LayerNormLSTMFunction, LSTMFunction, VanillaFunction
from autograder.recurrent.pytorch.lstm_layer_norm import EPSILON, normalise, normalise_backward

ALL = pytest.mark.parametrize("name", CELLS)


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 3, 2, 4), (6, 1, 4, 2), (1, 1, 1, 1), (4, 3, 5, 1)])
@pytest.mark.parametrize("gaps", [True, False])
@ALL
def test_agrees_with_autograd(name, sizes, gaps):
    T, B, D, H = sizes
    cell, by_hand = make(name, D, H), make(name, D, H, by_hand=True)
    arguments = draw(cell, T, B, gaps=gaps)
    assert_same(results(by_hand, *arguments), results(cell, *arguments))


PARTS = [(name, part) for name in CELLS for part in ("H", "h_T", "c_T") if part != "c_T" or name.startswith("lstm")]


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_each_output_by_itself_agrees_with_autograd(name, part):
    """A loss on H alone, on h_T alone, on c_T alone: each way in is right, and the others may be left out."""
    cell, by_hand = make(name), make(name, by_hand=True)
    arguments = draw(cell)

    def gradients(module):
        X, state = leaves(*arguments[:2])
        H, last = module(X, state, arguments[2])
        output = {"H": H, "h_T": last[0], "c_T": last[-1]}[part]
        upstream = {"H": arguments[3], "h_T": arguments[4][0], "c_T": arguments[4][-1]}[part]
        inputs = {"X": X, **dict(module.named_parameters())} | {str(k): s for k, s in enumerate(state)}
        found = torch.autograd.grad(output, list(inputs.values()), upstream)
        return {k: v.numpy() for k, v in zip(inputs, found, strict=True)}

    assert_same(gradients(by_hand), gradients(cell))


@pytest.mark.parametrize(("T", "B"), [(4, 3), (1, 3), (3, 1), (1, 1)])
@pytest.mark.parametrize("gaps", [True, False])
@ALL
def test_passes_gradcheck(name, gaps, T, B):
    """Of H and of every part of the last state, with respect to X, the first state and every parameter."""
    cell = make(name, 2, 3 if T * B > 3 else 2, by_hand=True)
    X, state, mask, *_ = draw(cell, T, B, gaps=gaps)
    X, state = leaves(X, state)
    named = dict(cell.named_parameters())

    def function(X, *rest):
        states, values = rest[: len(state)], dict(zip(named, rest[len(state) :], strict=True))
        H, last = functional_call(cell, values, (X, states, mask))
        return H, *last

    assert torch.autograd.gradcheck(function, (X, *state, *named.values()))


FUNCTIONS = {
    "tanh": lambda c, on: (VanillaFunction, (c.W, c.U, c.b, on)),
    "relu": lambda c, on: (VanillaFunction, (c.W, c.U, c.b, on, "relu")),
    "lstm": lambda c, on: (LSTMFunction, (c.W, c.U, c.b, None, on)),
    "lstm-peepholes": lambda c, on: (LSTMFunction, (c.W, c.U, c.b, c.P, on)),
    "lstm-coupled-projection": lambda c, on: (LSTMFunction, (c.W, c.U, c.b, None, on, c.R)),
    "lstm-layer-norm": lambda c, on: (
        LayerNormLSTMFunction,
        (c.W, c.U, c.b, c.gamma_x, c.gamma_h, c.gamma_c, c.beta_c, on),
    ),
    "gru-after": lambda c, on: (GRUFunction, (c.W, c.U, c.b, c.c, on)),
    "gru-before": lambda c, on: (GRUFunction, (c.W, c.U, c.b, None, on)),
}
"""Each Function and what its `apply` takes after X and the state; what comes last may be left out."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_called_directly(name):
    cell = make(name)
    X, state, mask, G, dstate = draw(cell)
    function, rest = FUNCTIONS[name](cell, mask[..., None])
    applied = function.apply(X, *state, *rest)
    H, last = cell(X, state, mask)
    upstream = [G, *dstate[1:]]
    parameters = list(cell.parameters())
    ours = torch.autograd.grad([applied] if torch.is_tensor(applied) else applied, parameters, upstream)
    theirs = torch.autograd.grad([H, *last[1:]], parameters, upstream)
    for found, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_gradient_has_the_shape_of_what_it_belongs_to(name):
    """Looked at before autograd sees it, which would quietly sum a gradient of too many rows."""
    cell = make(name)
    X, state, mask, G, dstate = draw(cell)
    function, rest = FUNCTIONS[name](cell, mask[..., None])
    arguments = (X, *state, *rest)
    context = SimpleNamespace()
    context.save_for_backward = lambda *tensors: setattr(context, "saved_tensors", tensors)
    function.forward(context, *arguments)
    found = function.backward(context, G, *dstate[1:])
    assert not any(gradient is not None for gradient in found[len(arguments) :])
    for argument, gradient in zip(arguments, found, strict=False):
        if torch.is_tensor(argument) and argument.is_floating_point():
            assert (gradient.shape, gradient.dtype) == (argument.shape, argument.dtype)
        else:
            assert gradient is None


@ALL
def test_backward_works_twice_and_leaves_its_inputs_alone(name):
    cell = make(name, by_hand=True)
    X, state = leaves(*draw(cell)[:2])
    _, _, mask, G, dstate = draw(cell)
    inputs = [X, *state, *cell.parameters()]
    watched = [*inputs, mask, G, *dstate]
    copies = [t.detach().clone() for t in watched]
    outputs = cell(X, state, mask)
    kept = [outputs[0].detach().clone(), *(s.detach().clone() for s in outputs[1])]
    first = torch.autograd.grad([outputs[0], *outputs[1]], inputs, [G, *dstate], retain_graph=True)
    second = torch.autograd.grad([outputs[0], *outputs[1]], inputs, [G, *dstate])
    pairs = [(first, second), (watched, copies), ([outputs[0], *outputs[1]], kept)]
    for ours, theirs in pairs:
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@ALL
def test_second_derivatives_are_refused(name):
    cell = make(name, by_hand=True)
    X, state, mask, *_ = draw(cell)
    X, state = leaves(X, state)
    H, _ = cell(X, state, mask)
    (dX,) = torch.autograd.grad((H**2).sum(), X, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        dX.sum().backward()


def test_slope_of_relu_at_zero_is_zero_as_autograds():
    """Zero inputs, state and biases: every pre-activation is exactly 0."""
    for by_hand in (False, True):
        cell = make("relu", by_hand=by_hand)
        cell.b.data.zero_()
        X = torch.zeros(2, 3, 3, dtype=torch.float64, requires_grad=True)
        cell(X)[0].sum().backward()
        assert not X.grad.any()
        assert not cell.b.grad.any()


def test_normalise_and_its_backward():
    generator = torch.Generator().manual_seed(0)
    v, dn = torch.randn(2, 4, 7, generator=generator, dtype=torch.float64)
    normal = normalise(v.requires_grad_())
    wanted = torch.nn.functional.layer_norm(v, (7,), eps=EPSILON)
    torch.testing.assert_close(normal.rows, wanted, rtol=1e-12, atol=1e-13)
    (theirs,) = torch.autograd.grad(wanted, v, dn)
    torch.testing.assert_close(normalise_backward(dn, *normal), theirs, rtol=1e-12, atol=1e-13)
