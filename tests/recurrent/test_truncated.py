"""BPTT(k1, k2) against full BPTT, PyTorch with detached states, and its definition path by path."""

import math

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_layers import (
    CELLS,
    by_name,
    cell,
    forward_and_back,
    problem,
    torch_cell,
    torch_gradients,
)

from autograder.recurrent.bidirectional import Bidirectional
from autograder.recurrent.stack import Stack
from autograder.recurrent.truncated import TruncatedBPTT

D, H = 3, 5


def by_definition(layer, p, k1, k2):
    """Σ_t Σ_s of ∂L_t/∂θ through step s, with s > τ(t) - k2, each term computed alone by PyTorch's autograd.

    Every step has a copy of its own of the parameters, so the gradient through step s is that of its copy. The
    initial state counts as step 0, used by the windows that begin with the sequence.
    """
    import torch

    T = len(p["X"])
    copies = [{k: torch.tensor(v, requires_grad=True) for k, v in layer.parameters.items()} for _ in range(T)]
    X = [torch.tensor(x[None], requires_grad=True) for x in p["X"]]
    state_0 = tuple(torch.tensor(s, requires_grad=True) for s in p["state_0"])
    losses, state = [], state_0
    for t in range(T):
        H_t, state = torch_cell(layer, X[t], state, torch.tensor(p["mask"][t : t + 1]), copies[t])
        losses.append((H_t[0] * torch.tensor(p["G"][t])).sum())
    losses[-1] = losses[-1] + sum((s * torch.tensor(d)).sum() for s, d in zip(state, p["dstate"], strict=True))

    total = {"X": np.zeros_like(p["X"])}
    total |= {f"state {i}": np.zeros_like(s) for i, s in enumerate(p["state_0"])}
    total |= {k: np.zeros_like(v) for k, v in layer.parameters.items()}

    def gradient(loss, leaf):
        (found,) = torch.autograd.grad(loss, leaf, retain_graph=True, allow_unused=True)
        return 0 if found is None else found.numpy()

    for t in range(1, T + 1):
        tau = k1 * math.ceil(t / k1)
        for s in range(max(1, tau - k2 + 1), t + 1):
            for name, leaf in copies[s - 1].items():
                total[name] += gradient(losses[t - 1], leaf)
            total["X"][s - 1] += np.reshape(gradient(losses[t - 1], X[s - 1]), np.shape(p["X"][0]))
        if tau - k2 <= 0:
            for i, leaf in enumerate(state_0):
                total[f"state {i}"] += gradient(losses[t - 1], leaf)
    return total


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 3), (2, 3), (2, 5), (3, 4), (3, 3), (4, 6), (5, 100), (7, 7)])
def test_against_the_definition(kind, k1, k2):
    layer = cell(kind, D, H)
    p = problem(layer, 1, T=7, B=3)
    run, gradients = forward_and_back(TruncatedBPTT(layer, k1, k2), p)
    np.testing.assert_allclose(run.H, layer.forward(p["X"], p["state_0"], p["mask"]).H, **checks.CLOSE)
    checks.assert_all_close(gradients, by_definition(layer, p, k1, k2))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("k", [1, 2, 3, 4, 6, 9])
def test_equal_k_against_pytorch_with_detached_states(kind, k):
    import torch

    layer = cell(kind, D, H)
    p = problem(layer, 2)

    def reference(X, state, mask, parameters):
        pieces = []
        for start in range(0, len(X), k):
            state = state if start == 0 else tuple(s.detach() for s in state)
            H_piece, state = torch_cell(layer, X[start : start + k], state, mask[start : start + k], parameters)
            pieces.append(H_piece)
        return torch.cat(pieces), state

    H_wanted, wanted = torch_gradients(layer, p, reference)
    run, gradients = forward_and_back(TruncatedBPTT(layer, k, k), p)
    np.testing.assert_allclose(run.H, H_wanted, **checks.CLOSE)
    checks.assert_all_close(gradients, wanted)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize(("k1", "k2"), [(1, 6), (2, 6), (3, 7), (6, 6), (4, 8), (10, 10), (1, 100)])
def test_a_window_as_long_as_the_sequence_is_full_bptt(kind, k1, k2):
    layer = cell(kind, D, H)
    p = problem(layer, 3, T=6)
    _, wanted = forward_and_back(layer, p)
    _, gradients = forward_and_back(TruncatedBPTT(layer, k1, k2), p)
    checks.assert_all_close(gradients, wanted)


def test_a_shorter_window_is_biased():
    layer = cell("vanilla", D, H)
    p = problem(layer, 4, T=8)
    _, full = forward_and_back(layer, p)
    errors = []
    for k2 in (1, 3, 5, 8):
        _, found = forward_and_back(TruncatedBPTT(layer, 1, k2), p)
        errors.append(np.abs(found["U"] - full["U"]).max())
    assert errors[0] > 1e-2
    assert errors[-1] < 1e-12


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6), T=st.integers(1, 9), B=st.integers(1, 3), k1=st.integers(1, 9), more=st.integers(0, 5)
)
def test_properties(seed, T, B, k1, more):
    """The batch's order does not matter; a loss in the first k1 steps has its full gradient; what comes after a
    loss does not matter to its gradient."""
    layer = TruncatedBPTT(cell("vanilla", 2, 3), k1, k1 + more)
    p = problem(layer, seed, T=T, B=B)
    run, gradients = forward_and_back(layer, p)
    order = np.random.default_rng(seed).permutation(B)
    q = {k: p[k][:, order] for k in ("X", "mask", "G")} | {
        k: tuple(part[order] for part in p[k]) for k in ("state_0", "dstate")
    }
    shuffled_run, shuffled = forward_and_back(layer, q)
    np.testing.assert_allclose(shuffled_run.H, run.H[:, order], **checks.CLOSE)
    np.testing.assert_allclose(shuffled["U"], gradients["U"], **checks.CLOSE)

    p["G"][k1:] = 0
    p["dstate"] = tuple(np.zeros_like(part) for part in p["dstate"])
    _, early = forward_and_back(layer, p)
    _, wanted = forward_and_back(layer.layer, p)
    checks.assert_all_close(early, wanted)

    extra = {k: np.concatenate([p[k], 0 * p[k][:1], 0 * p[k][:1]]) for k in ("X", "mask", "G")}
    _, longer = forward_and_back(layer, p | extra)
    checks.assert_all_close(longer | {"X": longer["X"][:T]}, early)


def test_full_window_against_complex_step():
    layer = TruncatedBPTT(cell("lstm", D, H), 2, 6)
    checks.complex_step(checks.problem_of(layer, 5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_argument_habits(dtype):
    checks.dtype_is_kept_and_inputs_are_not_modified(
        checks.problem_of(TruncatedBPTT(cell("lstm", D, H, dtype=dtype), 2, 3), 3), dtype
    )


def test_no_mask_no_state_no_dstate():
    layer = TruncatedBPTT(cell("lstm", D, H), 2, 3)
    p = problem(layer, 6, gaps=False)
    p["state_0"] = layer.zero_state(4)
    p["dstate"] = tuple(np.zeros_like(part) for part in p["state_0"])
    run, gradients = forward_and_back(layer, p)
    bare = layer.forward(p["X"])
    np.testing.assert_array_equal(bare.H, run.H)
    checks.assert_all_close(by_name(layer.backward(bare, p["G"])), gradients)
    for ours, theirs in zip(bare.state, run.state, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_inside_bidirectional_and_stacks():
    """A truncated layer is a layer: each direction of a pair, or each of a stack, may be truncated."""
    pair = Bidirectional(TruncatedBPTT(cell("vanilla", D, H), 3, 6), TruncatedBPTT(cell("vanilla", D, H, 1), 2, 6))
    layer = Stack((pair, TruncatedBPTT(cell("lstm", 2 * H, 4), 1, 6)))
    checks.complex_step(checks.problem_of(layer, 7))


def test_bad_input_is_named():
    inner = cell("vanilla", D, H)
    layer = TruncatedBPTT(inner, 2, 4)
    p = problem(layer)
    for k1, k2, said in (
        (0, 3, "k1: expected a whole number of at least 1, got 0"),
        (-1, -1, "k1: expected a whole number of at least 1, got -1"),
        (1, 0, "k2: expected a whole number of at least 1, got 0"),
        (3, 2, "k2: expected at least k1 = 3, with less some losses would go nowhere; got 2"),
    ):
        with pytest.raises(ValueError, match=said):
            TruncatedBPTT(inner, k1, k2)
    with pytest.raises(ValueError, match="layer: expected one that reads forward only, got Bidirectional"):
        TruncatedBPTT(Bidirectional(inner, inner), 1, 1)
    with pytest.raises(ValueError, match="layer: expected one that reads forward only, got Stack"):
        TruncatedBPTT(Stack((Bidirectional(inner, inner),)), 1, 1)
    with pytest.raises(ValueError, match="X: expected at least one step, got T = 0"):
        layer.forward(p["X"][:0])
    with pytest.raises(ValueError, match=r"X: expected shape \(T, B, 3\), got \(4, 3\)"):
        layer.forward(p["X"][0])
    with pytest.raises(ValueError, match=r"mask: expected shape \(T, B\) = \(6, 4\)"):
        layer.forward(p["X"], mask=p["mask"][1:])
    with pytest.raises(ValueError, match=r"G: expected shape \(6, 4, 5\)"):
        layer.backward(layer.forward(p["X"]), p["G"][1:])
