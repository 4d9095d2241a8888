"""Chapter 4: the page's own NumPy functions, and every numbered equation that states a result.

The functions are taken from the page's source, so that what is tested is what is printed. Expected values come
from PyTorch's automatic differentiation and from complex steps, both in float64.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from types import SimpleNamespace

import jupytext
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Array = NDArray[np.inexact]
Pairs = Iterator[tuple[Array, Array]]  # (what the page prints, what it must equal)

PAGE = Path(__file__).parents[2] / "book" / "foundations" / "backpropagation-through-time.md"
FUNCTIONS = (
    "sequence_forward",
    "sequence_backward",
    "checkpointed_gradients",
    "truncated_gradient",
    "real_time_gradients",
    "noisy_gradients",
)


def functions_of_the_page() -> SimpleNamespace:
    """The page's NumPy functions of FUNCTIONS, compiled from its cells."""
    found: dict[str, object] = {"np": np}
    for cell in jupytext.read(PAGE).cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type != "code" or tags & {"pytorch", "tensorflow"} or "%config" in cell.source:
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS:
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()


class Case:
    """A random network and batch, with states, slopes, Jacobians and PyTorch's derivatives."""

    def __init__(self, seed: int, T: int, B: int, D: int, H: int, K: int, squash: bool = True) -> None:
        rng = self.rng = np.random.default_rng(seed)
        self.T, self.B, self.D, self.H, self.K, self.squash = T, B, D, H, K, squash
        self.X = rng.normal(size=(T, B, D))
        self.h_0 = rng.uniform(-0.9, 0.9, size=(B, H))
        self.W = rng.normal(size=(D, H))
        self.U = 1.2 * rng.normal(size=(H, H)) / np.sqrt(H)
        self.b = rng.normal(size=H) if squash else np.zeros(H)
        self.V, self.b_y = rng.normal(size=(H, K)), rng.normal(size=K)
        self.targets = rng.integers(K, size=(T, B))
        self.mask = (rng.random((T, B)) < 0.6).astype(float)
        if B > 1:
            self.mask[:, -1] = 0  # an empty sequence
        self.R = rng.normal(size=(T, B, H))

    def torch_run(self, mask: bool = False) -> SimpleNamespace:
        """The network in PyTorch, with every state a leaf that keeps its gradient."""
        names = ("X", "h_0", "W", "U", "b", "V", "b_y")
        t = {n: torch.tensor(getattr(self, n), requires_grad=True) for n in names}
        h, states, pre = t["h_0"], [t["h_0"]], [None]
        for x, m in zip(t["X"], torch.tensor(self.mask).unsqueeze(-1), strict=True):
            a = x @ t["W"] + h @ t["U"] + t["b"]
            new = torch.tanh(a) if self.squash else a
            h = m * new + (1 - m) * h if mask else new
            for v in (a, h):
                v.retain_grad()
            states.append(h)
            pre.append(a)
        logits = [h @ t["V"] + t["b_y"] for h in states[1:]]
        for y in logits:
            y.retain_grad()
        each = [
            torch.nn.functional.cross_entropy(y, torch.tensor(c), reduction="sum")
            for y, c in zip(logits, self.targets, strict=True)
        ]
        return SimpleNamespace(h=states, a=pre, y=logits, C=[None, *each], leaf=t)

    def forward(self) -> None:
        """h[t], G[t] and J[t] of the equations, 1-based, computed without PyTorch; needs B = 1 for J."""
        self.h = [self.h_0]
        for x in self.X:
            a = x @ self.W + self.h[-1] @ self.U + self.b
            self.h.append(np.tanh(a) if self.squash else a)
        Y = np.stack(self.h[1:]) @ self.V + self.b_y
        p = np.exp(Y - Y.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        self.dy = [None, *(p - np.eye(self.K)[self.targets])]
        self.G = [None, *(dy @ self.V.T for dy in self.dy[1:])]
        self.slope = [None, *(1 - h * h if self.squash else np.ones_like(h) for h in self.h[1:])]
        self.J = [None, *(self.U * s[:1] for s in self.slope[1:])]

    def back(self, t: int, k: int) -> Array:
        """G_t J_tᵀ … J_{k+1}ᵀ."""
        return reduce(lambda g, step: g @ self.J[step].T, range(t, k, -1), self.G[t])

    def recursion(self) -> list[Array]:
        """δa_t of the printed recursion, 1-based."""
        da = [np.zeros_like(self.h_0)] * (self.T + 2)
        for t in range(self.T, 0, -1):
            da[t] = (self.G[t] + da[t + 1] @ self.U.T) * self.slope[t]
        return da


def grad(output: torch.Tensor, wanted: torch.Tensor) -> Array:
    (found,) = torch.autograd.grad(output, wanted, retain_graph=True, allow_unused=True)
    return (torch.zeros_like(wanted) if found is None else found).numpy()


def jacobian(output: torch.Tensor, wanted: torch.Tensor) -> Array:
    """Causes as rows, effects as columns: (entries of wanted, entries of output)."""
    return np.stack([grad(v, wanted).ravel() for v in output.ravel()], axis=1)


def prepared(c: Case) -> tuple[SimpleNamespace, torch.Tensor]:
    c.forward()
    run = c.torch_run()
    return run, sum(run.C[1:])


def immediate(c: Case, k: int) -> Array:
    """∂⁺h_k/∂U as an (H², H) table: h_{k-1} held fixed."""
    table = np.zeros((c.H, c.H, c.H))
    for i in range(c.H):
        for j in range(c.H):
            table[i, j, j] = c.h[k - 1][0, i] * c.slope[k][0, j]
    return table.reshape(c.H**2, c.H)


# --- One function an equation ----------------------------------------------------------------------


def total_is_sum(c: Case) -> Pairs:
    run, C = prepared(c)
    U = run.leaf["U"]
    yield sum(grad(C_t, U) for C_t in run.C[1:]), grad(C, U)


def direct_gradient(c: Case) -> Pairs:
    run, _ = prepared(c)
    for t in range(1, c.T + 1):
        yield c.dy[t] @ c.V.T, grad(run.C[t], run.h[t])


def step_jacobian(c: Case) -> Pairs:
    run, _ = prepared(c)
    for t in range(2, c.T + 1):
        yield c.U @ np.diag(1 - (c.h[t] * c.h[t])[0]), jacobian(run.h[t], run.h[t - 1])


def chain_of_states(c: Case) -> Pairs:
    run, _ = prepared(c)
    U = run.leaf["U"]
    for t in range(1, c.T + 1):
        before = jacobian(run.h[t - 1], U) if t > 1 else np.zeros((c.H**2, c.H))
        yield immediate(c, t) + before @ c.J[t], jacobian(run.h[t], U)


def scalar_network(c: Case) -> Pairs:
    one = Case(c.T + c.H, T=4, B=1, D=1, H=1, K=2, squash=False)
    run, _ = prepared(one)
    h, u = one.h, one.U
    yield h[3] + h[2] * u + h[1] * u**2 + h[0] * u**3, grad(run.h[4].sum(), run.leaf["U"])


def _identity(c: Case) -> tuple[Case, SimpleNamespace, Callable[[int], Array]]:
    four = Case(c.T + 10, T=4, B=1, D=c.D, H=c.H, K=c.K, squash=False)
    run, _ = prepared(four)
    return four, run, lambda n: np.linalg.matrix_power(four.U, n)


def unrolled(c: Case) -> Pairs:
    f, run, power = _identity(c)
    x = [None, *f.X]
    printed = x[4] @ f.W + x[3] @ f.W @ f.U + x[2] @ f.W @ power(2) + x[1] @ f.W @ power(3) + f.h_0 @ power(4)
    yield printed, run.h[4].detach().numpy()


def identity_W(c: Case) -> Pairs:
    f, run, power = _identity(c)
    x, G = [None, *f.X], f.G[4]
    printed = x[4].T @ G + x[3].T @ G @ f.U.T + x[2].T @ G @ power(2).T + x[1].T @ G @ power(3).T
    yield printed, grad(run.C[4], run.leaf["W"])


def identity_U(c: Case) -> Pairs:
    f, run, power = _identity(c)
    h, G = f.h, f.G[4]
    printed = h[3].T @ G + h[2].T @ G @ f.U.T + h[1].T @ G @ power(2).T + h[0].T @ G @ power(3).T
    yield printed, grad(run.C[4], run.leaf["U"])


def unfolded(c: Case) -> Pairs:
    run, _ = prepared(c)
    for t in range(1, c.T + 1):
        terms = (reduce(np.matmul, c.J[k + 1 : t + 1], immediate(c, k)) for k in range(1, t + 1))
        yield sum(terms), jacobian(run.h[t], run.leaf["U"])


def loss_by_early_state(c: Case) -> Pairs:
    run, _ = prepared(c)
    for t in range(1, c.T + 1):
        for k in range(1, t + 1):
            yield c.back(t, k), grad(run.C[t], run.h[k])


def immediate_meets(c: Case) -> Pairs:
    prepared(c)
    for k in range(1, c.T + 1):
        g = c.R[k - 1]
        U = torch.tensor(c.U, requires_grad=True)
        h = torch.tanh(torch.tensor(c.X[k - 1] @ c.W + c.b) + torch.tensor(c.h[k - 1]) @ U)
        yield c.h[k - 1].T @ (g * (1 - c.h[k] * c.h[k])), grad((h * torch.tensor(g)).sum(), U)


def double_sum(c: Case) -> Pairs:
    run, C = prepared(c)
    pairs = ((t, k) for t in range(1, c.T + 1) for k in range(1, t + 1))
    yield sum(c.h[k - 1].T @ (c.back(t, k) * (1 - c.h[k] ** 2)) for t, k in pairs), grad(C, run.leaf["U"])


def recursion_da(c: Case) -> Pairs:
    run, C = prepared(c)
    for t in range(1, c.T + 1):
        yield grad(C, run.h[t]) * (1 - c.h[t] * c.h[t]), grad(C, run.a[t])


def recursion_dh(c: Case) -> Pairs:
    run, C = prepared(c)
    for t in range(1, c.T + 1):
        later = grad(C, run.a[t + 1]) if t < c.T else np.zeros_like(c.h_0)
        yield c.G[t] + later @ c.U.T, grad(C, run.h[t])


def recursion_dU(c: Case) -> Pairs:
    run, C = prepared(c)
    yield sum(c.h[t - 1].T @ grad(C, run.a[t]) for t in range(1, c.T + 1)), grad(C, run.leaf["U"])


def closed_form(c: Case) -> Pairs:
    run, C = prepared(c)
    for k in range(1, c.T + 1):
        yield sum(c.back(t, k) for t in range(k, c.T + 1)), grad(C, run.h[k])


def multipliers_are_gradients(c: Case) -> Pairs:
    run, C = prepared(c)
    lam = np.zeros_like(c.h_0)
    for t in range(c.T, 0, -1):
        lam = c.G[t] + (lam @ c.J[t + 1].T if t < c.T else 0)
        yield lam, grad(C, run.h[t])


def lagrangian_dU(c: Case) -> Pairs:
    """λ from the stationarity of 𝓛 itself, by differentiating the printed 𝓛 with free states."""
    run, C = prepared(c)
    system = np.eye(c.T * c.H)
    for t in range(1, c.T):
        system[(t - 1) * c.H : t * c.H, t * c.H : (t + 1) * c.H] = -c.J[t + 1]
    lam = [None, *np.linalg.solve(system, np.concatenate(c.G[1:], axis=1)[0]).reshape(c.T, 1, c.H)]
    free = [torch.tensor(h, requires_grad=True) for h in c.h]
    U = torch.tensor(c.U, requires_grad=True)
    L = torch.zeros((), dtype=torch.float64)
    for t in range(1, c.T + 1):
        F = torch.tanh(torch.tensor(c.X[t - 1] @ c.W + c.b) + free[t - 1] @ U)
        y = free[t] @ torch.tensor(c.V) + torch.tensor(c.b_y)
        L = L + torch.nn.functional.cross_entropy(y, torch.tensor(c.targets[t - 1]), reduction="sum")
        L = L + ((F - free[t]) * torch.tensor(lam[t])).sum()
    for t in range(1, c.T + 1):
        yield grad(L, free[t]), np.zeros_like(c.h_0)
    yield sum(c.h[t - 1].T @ (lam[t] * (1 - c.h[t] ** 2)) for t in range(1, c.T + 1)), grad(L, U)
    yield grad(L, U), grad(C, run.leaf["U"])


def input_weights(c: Case) -> Pairs:
    run, C = prepared(c)
    da = c.recursion()
    yield sum(x.T @ da[t] for t, x in enumerate(c.X, 1)), grad(C, run.leaf["W"])
    yield sum(da[t].sum(axis=0) for t in range(1, c.T + 1)), grad(C, run.leaf["b"])


def read_out(c: Case) -> Pairs:
    run, C = prepared(c)
    yield sum(c.h[t].T @ c.dy[t] for t in range(1, c.T + 1)), grad(C, run.leaf["V"])
    yield sum(c.dy[t].sum(axis=0) for t in range(1, c.T + 1)), grad(C, run.leaf["b_y"])


def inputs(c: Case) -> Pairs:
    run, C = prepared(c)
    da = c.recursion()
    yield np.stack([da[t] @ c.W.T for t in range(1, c.T + 1)]), grad(C, run.leaf["X"])
    yield da[1] @ c.U.T, grad(C, run.leaf["h_0"])


def masked(c: Case) -> Pairs:
    run = c.torch_run(mask=True)
    C = sum(run.C[1:])
    h, m = [v.detach().numpy() for v in run.h], c.mask[:, :, None]
    for t in range(1, c.T + 1):
        yield m[t - 1] * grad(C, run.h[t]) * (1 - h[t] * h[t]), grad(C, run.a[t])


def masked_states(c: Case) -> Pairs:
    run = c.torch_run(mask=True)
    C = sum(run.C[1:])
    m = c.mask[:, :, None]
    for t in range(c.T):
        own = grad(run.C[t], run.h[t]) if t else np.zeros_like(c.h_0)
        later = grad(C, run.a[t + 1]) @ c.U.T + (1 - m[t]) * grad(C, run.h[t + 1])
        yield own + later, grad(C, run.h[t])


class Counting(np.ndarray):
    """An array that counts the multiplications of its matrix products."""

    count = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **kw):
        plain = [np.asarray(i) for i in inputs]
        if ufunc is np.matmul:
            a, b = plain
            Counting.count += a.size * b.shape[-1]
        kw.pop("out", None)
        result = getattr(ufunc, method)(*plain, **kw)
        return result.view(Counting) if isinstance(result, np.ndarray) else result


def multiplications(c: Case) -> Pairs:
    """Counted while the page's own functions run."""
    ones = np.ones((c.T, c.B))
    counted = [v.view(Counting) for v in (c.X, c.h_0, c.W, c.U, c.b)]
    X, h_0, W, U, _ = counted
    Counting.count = 0
    H = page.sequence_forward(*counted, ones)
    one_pass = c.T * c.B * c.H * (c.D + c.H)
    yield np.array(one_pass), np.array(Counting.count)
    Counting.count = 0
    page.sequence_backward(c.R.view(Counting), X, np.asarray(H).view(Counting), h_0, W, U, ones)
    yield np.array(2 * one_pass), np.array(Counting.count)


def checkpoints(c: Case) -> Pairs:
    """T/s + s, least at √T, counted by the page's program; for a T that is a square."""
    T = 36
    X, R = c.rng.normal(size=(T, c.B, c.D)), c.rng.normal(size=(T, c.B, c.H))
    ones = np.ones((T, c.B))
    held = {}
    for s in (1, 2, 3, 4, 6, 9, 12, 18, 36):
        _, held[s] = page.checkpointed_gradients(R, X, c.h_0, c.W, c.U, c.b, ones, s)
        yield np.array(T / s + s), np.array(held[s])
    yield np.array(6), np.array(min(held, key=held.get))
    yield np.array(2 * 6), np.array(held[6])


def truncated(c: Case) -> Pairs:
    """The printed double sum with its short inner sum against the page's program with k_1 = 1."""
    prepared(c)
    G, H = np.stack(c.G[1:]), np.stack(c.h[1:])
    for k_2 in range(1, c.T + 1):
        pairs = ((t, k) for t in range(1, c.T + 1) for k in range(max(1, t - k_2 + 1), t + 1))
        printed = sum(c.h[k - 1].T @ (c.back(t, k) * (1 - c.h[k] * c.h[k])) for t, k in pairs)
        yield printed, page.truncated_gradient(G, c.X, H, c.h_0, c.U, 1, k_2)


def influence(c: Case) -> Pairs:
    run, _ = prepared(c)
    parameters = [run.leaf[n] for n in ("W", "U", "b")]
    M = np.zeros((c.D * c.H + c.H**2 + c.H, c.H))
    for t in range(1, c.T + 1):
        z = np.concatenate([c.X[t - 1][0], c.h[t - 1][0], [1.0]])
        now = (z[:, None, None] * np.diag(c.slope[t][0])).reshape(M.shape)
        M = now + M @ c.J[t]
        yield M, np.concatenate([jacobian(run.h[t], p) for p in parameters])
        yield (M @ c.G[t].T)[:, 0], np.concatenate([grad(run.C[t], p).ravel() for p in parameters])


def immediate_all(c: Case) -> Pairs:
    prepared(c)
    for t in range(1, c.T + 1):
        leaves = [torch.tensor(v, requires_grad=True) for v in (c.W, c.U, c.b)]
        h = torch.tanh(torch.tensor(c.X[t - 1]) @ leaves[0] + torch.tensor(c.h[t - 1]) @ leaves[1] + leaves[2])
        same = np.eye(c.H)  # [j = j']
        slope = c.slope[t][0]
        yield np.einsum("jk,d,j->djk", same, c.X[t - 1][0], slope).reshape(-1, c.H), jacobian(h, leaves[0])
        yield np.einsum("jk,i,j->ijk", same, c.h[t - 1][0], slope).reshape(-1, c.H), jacobian(h, leaves[1])
        yield same * slope[:, None], jacobian(h, leaves[2])


def four_factors(c: Case) -> Pairs:
    """The column form, factor by factor, with Jacobians of effects as rows."""
    run, C = prepared(c)
    total = 0
    for t in range(1, c.T + 1):
        dC_dy, dy_dh = c.dy[t], c.V.T
        for k in range(1, t + 1):
            dh_dh = reduce(np.matmul, [c.J[i].T for i in range(t, k, -1)], np.eye(c.H))
            total = total + (dC_dy @ dy_dh @ dh_dh @ immediate(c, k).T).reshape(c.H, c.H)
    yield total, grad(C, run.leaf["U"])


RESULTS: dict[str, Callable[[Case], Pairs]] = {
    "eq-bptt-sum": total_is_sum,
    "eq-bptt-G": direct_gradient,
    "eq-bptt-J": step_jacobian,
    "eq-bptt-total": chain_of_states,
    "eq-bptt-scalar": scalar_network,
    "eq-bptt-unrolled": unrolled,
    "eq-bptt-identity-W": identity_W,
    "eq-bptt-identity-U": identity_U,
    "eq-bptt-unfolded": unfolded,
    "eq-bptt-dCdh": loss_by_early_state,
    "eq-bptt-immediate": immediate_meets,
    "eq-bptt-double-sum": double_sum,
    "eq-bptt-da": recursion_da,
    "eq-bptt-dh": recursion_dh,
    "eq-bptt-dU": recursion_dU,
    "eq-bptt-closed": closed_form,
    "eq-bptt-adjoint": multipliers_are_gradients,
    "eq-bptt-lagrange-dU": lagrangian_dU,
    "eq-bptt-dW": input_weights,
    "eq-bptt-dV": read_out,
    "eq-bptt-dx": inputs,
    "eq-bptt-da-mask": masked,
    "eq-bptt-dh-mask": masked_states,
    "eq-bptt-time": multiplications,
    "eq-bptt-checkpoints": checkpoints,
    "eq-bptt-truncated": truncated,
    "eq-bptt-rtrl": influence,
    "eq-bptt-immediate-all": immediate_all,
    "eq-bptt-four": four_factors,
}
DEFINITIONS = {"eq-bptt-network", "eq-bptt-loss", "eq-bptt-lagrangian", "eq-bptt-uoro"}
BATCHED = {"eq-bptt-dW", "eq-bptt-dV", "eq-bptt-dx", "eq-bptt-da-mask", "eq-bptt-dh-mask", "eq-bptt-time"}
SIZES = [(5, 3, 2, 4, 6), (4, 2, 5, 3, 2), (1, 4, 3, 2, 5), (6, 1, 2, 1, 3)]


def assert_equal(found: Array, expected: Array, tolerance: float = 1e-11) -> None:
    """Equal to rounding: sums of a few dozen products of unit size lose about 1e-14."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= tolerance * max(1.0, float(np.abs(expected).max(initial=0))))


@pytest.mark.parametrize("label", RESULTS)
@pytest.mark.parametrize("seed", range(len(SIZES)))
def test_equation(label: str, seed: int) -> None:
    T, B, D, H, K = SIZES[seed]
    case = Case(seed, T, B if label in BATCHED else 1, D, H, K)
    pairs = list(RESULTS[label](case))
    assert pairs or (T == 1 and label == "eq-bptt-J")
    for found, expected in pairs:
        assert_equal(found, expected)


def test_every_numbered_equation_is_tested_or_a_definition() -> None:
    labels = set(re.findall(r"^\$\$ \((eq-[\w-]+)\)", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert labels == set(RESULTS) | DEFINITIONS
    assert not set(RESULTS) & DEFINITIONS


# --- The page's functions -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(len(SIZES)))
def test_sequence_backward_against_autograd(seed: int) -> None:
    c = Case(seed + 20, *SIZES[seed])
    run = c.torch_run(mask=True)
    H = page.sequence_forward(c.X, c.h_0, c.W, c.U, c.b, c.mask)
    assert_equal(H, torch.stack(run.h[1:]).detach().numpy())
    loss = (torch.stack(run.h[1:]) * torch.tensor(c.R)).sum()
    expected = [grad(loss, run.leaf[n]) for n in ("X", "h_0", "W", "U", "b")]
    lent = [v.copy() for v in (c.R, c.X, H, c.h_0, c.W, c.U, c.mask)]
    for _ in range(2):  # twice, and nothing that was lent is changed
        for found, wanted in zip(page.sequence_backward(*lent), expected, strict=True):
            assert_equal(found, wanted)
    for before, after in zip((c.R, c.X, H, c.h_0, c.W, c.U, c.mask), lent, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("segment", [1, 2, 3, 5, 9])
def test_checkpoints_change_nothing(segment: int) -> None:
    c = Case(30, 5, 3, 2, 4, 2)
    H = page.sequence_forward(c.X, c.h_0, c.W, c.U, c.b, c.mask)
    expected = page.sequence_backward(c.R, c.X, H, c.h_0, c.W, c.U, c.mask)
    found, _ = page.checkpointed_gradients(c.R, c.X, c.h_0, c.W, c.U, c.b, c.mask, segment)
    for one, two in zip(found, expected, strict=True):
        assert_equal(one, two)


@pytest.mark.parametrize(("k_1", "k_2"), [(1, 1), (1, 3), (2, 2), (2, 4), (3, 5), (4, 4), (7, 7), (9, 9)])
def test_truncation_by_its_definition(k_1: int, k_2: int) -> None:
    """Against autograd on a graph that is cut k_2 steps before each walk back, with the new losses only."""
    c = Case(40, 7, 2, 3, 4, 2)
    H = page.sequence_forward(c.X, c.h_0, c.W, c.U, c.b, np.ones((7, 2)))
    expected = np.zeros_like(c.U)
    ends = [*range(k_1, 7, k_1), 7]
    for start, end in zip([0, *ends], ends, strict=False):
        first = max(end - k_2, 0)
        U = torch.tensor(c.U, requires_grad=True)
        h = torch.tensor(H[first - 1] if first else c.h_0)
        loss = torch.zeros((), dtype=torch.float64)
        for t in range(first, end):
            h = torch.tanh(torch.tensor(c.X[t] @ c.W + c.b) + h @ U)
            if t >= start:
                loss = loss + (h * torch.tensor(c.R[t])).sum()
        expected += grad(loss, U)
    assert_equal(page.truncated_gradient(c.R, c.X, H, c.h_0, c.U, k_1, k_2), expected)


@pytest.mark.parametrize("seed", range(3))
def test_real_time_learning_equals_the_recursion(seed: int) -> None:
    c = Case(seed + 50, 6, 1, 3, 4, 2)
    ones = np.ones((6, 1))
    H = page.sequence_forward(c.X, c.h_0, c.W, c.U, c.b, ones)
    expected = page.sequence_backward(c.R, c.X, H, c.h_0, c.W, c.U, ones)[2:]
    found = page.real_time_gradients(c.R[:, 0], c.X[:, 0], c.h_0[0], c.W, c.U, c.b)
    for one, two in zip(found, expected, strict=True):
        assert_equal(one, two)


def test_the_noisy_estimate_is_unbiased() -> None:
    """The mean of 40,000 estimates lies within 4 standard errors of the exact gradient, entry by entry."""
    c = Case(60, 4, 1, 2, 3, 2)
    arguments = (c.R[:, 0], c.X[:, 0], c.h_0[0], c.W, c.U, c.b)
    exact = np.vstack(page.real_time_gradients(*arguments))
    estimates = page.noisy_gradients(40_000, *arguments, np.random.default_rng(0))
    errors = estimates.std(axis=0) / np.sqrt(len(estimates))
    assert np.all(np.abs(estimates.mean(axis=0) - exact) <= 4 * errors + 1e-12)
