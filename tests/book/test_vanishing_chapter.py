"""Chapter 5: the page's own NumPy functions, against PyTorch, complex steps and the course's reference networks.

The functions are taken from the page's source, so that what is tested is what is printed.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from autograder.recurrent.clipping import clip_by_global_norm as reference_clip
from autograder.recurrent.lyapunov import lyapunov_exponents

PAGE = Path(__file__).parents[2] / "book" / "foundations" / "vanishing-and-exploding-gradients.md"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_PLAIN_NUMPY = re.compile(r"\b(pytorch|tensorflow|hide-input)\b")


def functions_of_the_page() -> SimpleNamespace:
    """Return the functions defined in the page's NumPy cells and in its cells of no framework."""
    found: dict[str, object] = {"np": np}
    for cell in CELL.findall(PAGE.read_text(encoding="utf-8")):
        head, _, code = cell.rpartition("---\n") if cell.startswith("---") else ("", "", cell)
        options = [line for line in code.splitlines() if line.startswith(":")]
        if NOT_PLAIN_NUMPY.search(head + " ".join(options)):
            continue
        lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef):
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()
SIZES = [(5, 3, 2, 4), (1, 1, 3, 2), (7, 2, 4, 1), (3, 4, 1, 5)]  # T, B, D, H


def problem(T, B, D, H, seed=0, dtype="float64"):
    """X, h_0, W, U, b and G, none of them zero."""
    rng = np.random.default_rng(seed)
    shapes = (T, B, D), (B, H), (D, H), (H, H), (H,), (B, H)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.fixture(params=SIZES, ids=str)
def case(request):
    return problem(*request.param)


def states_in_torch(X, h_0, W, U, b, squash=torch.tanh, leak=1.0):
    """h_0, h_1, … as tensors that keep their gradients."""
    X, W, U, b = (torch.tensor(v) for v in (X, W, U, b))
    path = [torch.tensor(h_0, requires_grad=True)]
    for x in X:
        path.append((1 - leak) * path[-1] + leak * squash(x @ W + path[-1] @ U + b))
        path[-1].retain_grad()
    return path


def unmodified(function, *arrays):
    """Call it; fail if it writes into what it was given."""
    before = [np.copy(a) for a in arrays]
    result = function(*arrays)
    for now, then in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(now, then)
    return result


@pytest.mark.parametrize("squash", [True, False])
def test_one_unit_against_a_complex_step(squash):
    inputs = np.random.default_rng(1).normal(size=9)
    h = 0.3 + 1e-30j
    for x in inputs:
        h = x + 1.3 * h
        h = np.tanh(h) if squash else h
    np.testing.assert_allclose(page.one_unit(1.3, 0.3, inputs, squash), h.imag / 1e-30, rtol=1e-12)


def test_norms_by_lag(case):
    *network, G = case
    path = states_in_torch(*network)
    (torch.tensor(G) * path[-1]).sum().backward()
    wanted = np.array([h.grad.norm(dim=1).numpy() for h in reversed(path)])
    found = unmodified(page.norms_by_lag, *case)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_norms_by_lag_keep_float32():
    assert page.norms_by_lag(*problem(4, 2, 3, 5, dtype="float32")).dtype == np.float32


def test_terms_by_lag(case):
    """Each lag's term by PyTorch: U at each step a tensor of its own, one loss at a time."""
    X, h_0, W, U, b, _ = case
    T, B, H = len(X), *h_0.shape
    G = np.random.default_rng(2).normal(size=(T, B, H))
    uses = [torch.tensor(U, requires_grad=True) for _ in range(T)]
    h, states = torch.tensor(h_0), []
    for x, use in zip(X, uses, strict=True):
        h = torch.tanh(torch.tensor(x @ W + b) + h @ use)
        states.append(h)
    wanted = np.zeros((T, H, H))
    for t, state in enumerate(states):
        loss = (torch.tensor(G[t]) * state).sum()
        for k, g in enumerate(torch.autograd.grad(loss, uses[: t + 1], retain_graph=True)):
            wanted[t - k] += g.numpy()
    run = np.array([s.detach().numpy() for s in states])
    np.testing.assert_allclose(unmodified(page.terms_by_lag, G, run, h_0, U), wanted, rtol=1e-11, atol=1e-13)


def test_power_norms_and_spectral_radius():
    U = np.random.default_rng(3).normal(size=(4, 4))
    wanted = [np.linalg.svd(np.linalg.matrix_power(U, n))[1][0] for n in range(6)]
    np.testing.assert_allclose(unmodified(page.power_norms, U, 5), wanted, rtol=1e-12)
    long = np.linalg.norm(np.linalg.matrix_power(U / 2, 500), 2) ** (1 / 500) * 2
    np.testing.assert_allclose(page.spectral_radius(U), long, rtol=0.02)  # Gelfand
    np.testing.assert_allclose(page.spectral_radius(page.with_radius(U, 0.7)), 0.7, rtol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "ReLU"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_state_jacobian(activation, sizes):
    X, h_0, W, U, b, _ = problem(*sizes, seed=4)
    squash = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "ReLU": torch.relu}[activation]

    def run(h):
        for x in X[:, 0]:
            h = squash(torch.tensor(x @ W + b) + h @ torch.tensor(U))
        return h

    wanted = torch.autograd.functional.jacobian(run, torch.tensor(h_0[0])).numpy().T
    found = page.state_jacobian(X[:, 0], h_0[0], W, U, b, activation)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)


def test_masked_product_against_a_complex_step():
    X, h_0, W, U, b, _ = problem(6, 1, 2, 3, seed=5)
    mask = np.array([1.0, 0, 1, 1, 0, 0])
    wanted = np.empty((3, 3))
    for i in range(3):
        h = h_0[0] + 1e-30j * np.eye(3)[i]
        for x, m in zip(X[:, 0], mask, strict=True):
            h = m * np.tanh(x @ W + h @ U + b) + (1 - m) * h
        wanted[i] = h.imag / 1e-30
    found = unmodified(page.masked_product, X[:, 0], h_0[0], W, U, b, mask)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(page.masked_product(X[:, 0], h_0[0], W, U, b, 0 * mask), np.eye(3))


def test_lyapunov_against_the_reference():
    """All exponents of a long run, from another random frame; and one whose value is known."""
    X, h_0, W, U, b, _ = problem(4000, 1, 2, 4, seed=6)
    J = page.jacobians_of(X[:, 0], h_0[0], W, U, b)
    found = unmodified(page.lyapunov, J, np.eye(4))
    np.testing.assert_allclose(found, lyapunov_exponents(J), atol=0.01)
    np.testing.assert_allclose(found.sum(), np.linalg.slogdet(J)[1].mean(), rtol=1e-12)
    known = page.lyapunov(np.tile(np.diag([3.0, 0.5]), (20, 1, 1)), np.eye(2))
    np.testing.assert_allclose(known, np.log([3, 0.5]), rtol=1e-14)


def test_gradient_slopes_equal_forward_exponents():
    U, states = page.networks(1.5, 3, H=30, T=50)
    assert U.shape == (3, 30, 30)
    assert states.shape == (50, 3, 1, 30)
    v = np.random.default_rng(7).normal(size=(3, 1, 30))
    logs = page.log_norms(lambda v, h: (v @ U) * (1 - h**2), v, states)
    for n in range(3):
        product = v[n]
        for h in states[:, n]:
            product = product @ (U[n] * (1 - h**2))
        np.testing.assert_allclose(logs[-1, n], np.log(np.linalg.norm(product)), rtol=1e-10)
    np.testing.assert_allclose(page.slope(np.outer(np.arange(9.0), [2, -1])), [2, -1], atol=1e-12)


def test_last_state_of_the_cliff():
    """Derivatives by complex steps, on the wall too."""
    for u, b in ((3.0, 1.325), (1.5, 0.1)):
        h, by_u, by_b = page.last_state(u, b)
        moved_u, moved_b = page.last_state(u + 1e-30j, b)[0], page.last_state(u, b + 1e-30j)[0]
        np.testing.assert_allclose([by_u, by_b], [moved_u.imag / 1e-30, moved_b.imag / 1e-30], rtol=1e-9)
        assert -1 < h < 1


@pytest.mark.parametrize("threshold", [1e-3, 1.0, 1e6])
def test_clipping(threshold):
    rng = np.random.default_rng(8)
    gradients = [rng.normal(size=s) for s in ((2, 3), (3,), (3, 3))]
    clipped, norm = unmodified(lambda *g: page.clip_by_global_norm(list(g), threshold), *gradients)
    wanted, wanted_norm = reference_clip({str(i): g for i, g in enumerate(gradients)}, threshold)
    np.testing.assert_allclose(norm, wanted_norm, rtol=1e-14)
    for found, expected in zip(clipped, wanted.values(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    zeros, norm = page.clip_by_global_norm([np.zeros(3)], threshold)
    assert norm == 0
    assert not zeros[0].any()


def test_angle_and_alikeness():
    assert page.angle(np.array([1.0, 0]), np.array([0, 2.0])) == pytest.approx(90)
    assert page.angle(np.array([30, 0.4]), np.array([1, 0.4])) == pytest.approx(21, abs=0.1)  # the quiz's number
    assert page.alikeness(np.array([[1.0, 0], [-3, 0]])) == pytest.approx(1)
    assert page.alikeness(np.array([[1.0, 0], [0, 5]])) == pytest.approx(0)


def test_orthogonal():
    U = page.orthogonal(np.random.default_rng(9), 6)
    np.testing.assert_allclose(U @ U.T, np.eye(6), atol=1e-14)


@pytest.mark.parametrize(("squash", "leak"), [("tanh", 1.0), ("tanh", 0.2), ("ReLU", 1.0), ("ReLU", 0.3)])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_lag_norms(squash, leak, sizes):
    X, h_0, W, U, b, G = problem(*sizes, seed=10)
    path = states_in_torch(X, 0 * h_0, W, U, b, torch.tanh if squash == "tanh" else torch.relu, leak)
    (torch.tensor(G) * path[-1]).sum().backward()
    wanted = np.array([h.grad.norm(dim=1).numpy() for h in reversed(path)])
    np.testing.assert_allclose(page.lag_norms(X, W, U, b, squash, leak, G), wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("T", [2, 7, 10])
def test_the_adding_problem(T):
    X, target = page.adding_problem(np.random.default_rng(11), T, 6)
    assert X.shape == (T, 6, 2)
    assert target.shape == (6,)
    first, second = X[: T // 2, :, 1], X[T // 2 :, :, 1]
    assert (first.sum(axis=0) == 1).all()
    assert (second.sum(axis=0) == 1).all()
    np.testing.assert_allclose((X[:, :, 0] * X[:, :, 1]).sum(axis=0), target)
    assert (X[:, :, 0] >= 0).all()
    assert (X[:, :, 0] < 1).all()


@pytest.mark.parametrize("T", [1, 4])
def test_the_copy_task(T):
    X, wanted = page.copy_task(np.random.default_rng(12), T, 5, S=2, K=3)
    said = X.argmax(axis=2)
    assert X.shape == (T + 4, 5, 5)
    assert wanted.shape == (T + 4, 5)
    assert (X.sum(axis=2) == 1).all()
    np.testing.assert_array_equal(said[:2], wanted[-2:])
    assert set(said[:2].ravel()) <= {1, 2, 3}
    assert not wanted[:-2].any()
    assert (said[T + 1] == 4).all()  # the signal, at the step before the first answer
    others = np.delete(said[2:], T - 1, axis=0)
    assert not others.any()


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("task", ["adding", "copy"])
@pytest.mark.parametrize("B", [1, 3])
def test_losses_and_gradients_of_stacked_networks(relu, task, B):
    """Each network of the stack by itself, with torch.nn.functional's losses."""
    rng = np.random.default_rng(13)
    N, T, D, H, K = 2, 5, 4, 3, (1 if task == "adding" else 6)
    shapes = (D, H), (H, H), (H,), (H, K), (K,)
    P = [0.7 * rng.normal(size=(N, *shape)) for shape in shapes]
    X = rng.normal(size=(T, B, D))
    target = rng.normal(size=B) if task == "adding" else rng.integers(K, size=(T, B))
    loss, gradients = unmodified(lambda X, target, *P: page.loss_and_gradients(list(P), X, target, relu), X, target, *P)
    assert [g.shape for g in gradients] == [p.shape for p in P]
    for n in range(N):
        W, U, b, V, b_y = leaves = [torch.tensor(p[n], requires_grad=True) for p in P]
        h, outputs = torch.zeros(B, H, dtype=torch.float64), []
        for x in X:
            a = torch.tensor(x) @ W + h @ U + b
            h = torch.relu(a) if relu else torch.tanh(a)
            outputs.append(h @ V + b_y)
        if task == "adding":
            wanted = torch.nn.functional.mse_loss(outputs[-1][:, 0], torch.tensor(target))
        else:
            classes = torch.tensor(target).reshape(-1)
            wanted = torch.nn.functional.cross_entropy(torch.cat(outputs), classes)
        np.testing.assert_allclose(loss[n], wanted.item(), rtol=1e-12)
        for found, expected in zip(gradients, torch.autograd.grad(wanted, leaves), strict=True):
            np.testing.assert_allclose(found[n], expected.numpy(), rtol=1e-10, atol=1e-13)


def test_the_training_loop_is_adam_with_clipping():
    """Three updates against torch.optim.Adam and clip_grad_norm_, network by network."""
    target = 0.25  # the loss (p - target)² of each of the five arrays, entry by entry

    def step(P, X, wanted, relu):
        losses = sum(((p - target) ** 2).reshape(len(p), -1).sum(axis=1) for p in P)
        seen.append([p.copy() for p in P])
        return losses, [2 * (p - target) for p in P]

    seen: list[list[np.ndarray]] = []
    losses = page.train(step, page.adding_problem, "orthogonal", 4, 3, seeds=(0, 1), dtype="float64")
    assert losses.shape == (3, 2)
    for n in range(2):
        parameters = [torch.tensor(p[n], requires_grad=True) for p in seen[0]]
        adam = torch.optim.Adam(parameters, lr=0.005)
        for update in range(3):
            for mine, theirs in zip(seen[update], parameters, strict=True):
                np.testing.assert_allclose(mine[n], theirs.detach().numpy(), rtol=1e-6, atol=1e-8)
            adam.zero_grad()
            sum(((p - target) ** 2).sum() for p in parameters).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            adam.step()
