"""Chapter 4: the page's own NumPy functions, and every numbered equation that states a result.

The functions are taken from the page's source, so that what is tested is what is printed. Expected values
come from PyTorch's automatic differentiation and from complex steps, both in float64.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Array = NDArray[np.inexact]
Pairs = list[tuple[Array, Array]]  # (what the page prints, what it must equal)

PAGE = Path(__file__).parents[2] / "book" / "foundations" / "backpropagation-through-time.md"
SOURCE = PAGE.read_text(encoding="utf-8")
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_PLAIN_NUMPY = re.compile(r"\b(pytorch|tensorflow|hide-input)\b")


def functions_of_the_page() -> SimpleNamespace:
    """Return the functions defined in the page's NumPy cells and in its cells of no framework."""
    found: dict[str, object] = {"np": np}
    for cell in CELL.findall(SOURCE):
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


@dataclass
class Case:
    """A random problem, with masks or (plain) without, and its derivatives by PyTorch."""

    T: int
    B: int
    D: int
    H: int
    K: int
    seed: int

    def __post_init__(self) -> None:
        rng = self.rng = np.random.default_rng(self.seed)
        self.values = {
            "X": rng.normal(size=(self.T, self.B, self.D)),
            "h_0": rng.uniform(-0.9, 0.9, size=(self.B, self.H)),
            "W": rng.normal(size=(self.D, self.H)),
            "U": rng.normal(size=(self.H, self.H)) / np.sqrt(self.H),
            "b": rng.normal(size=self.H),
            "V": rng.normal(size=(self.H, self.K)),
            "b_y": rng.normal(size=self.K),
        }
        self.X, self.h_0, self.W, self.U, self.b, self.V, self.b_y = self.values.values()
        self.targets = rng.integers(self.K, size=(self.T, self.B))
        self.plain = np.ones((self.T, self.B))
        self.mask = (rng.random((self.T, self.B)) < 0.6).astype(float)
        if self.T > 2:
            self.mask[:3, 0] = 1, 0, 1  # a gap
        if self.B > 1:
            self.mask[:, -1] = 0  # an empty sequence
        self.R = rng.normal(size=(self.T, self.B, self.H))
        self.E = rng.normal(size=(self.H, self.H))

    @cached_property
    def run(self) -> SimpleNamespace:
        """Without a mask: states, direct gradients, and every gradient of the summed loss, by PyTorch."""
        return self.by_torch(self.plain)

    @cached_property
    def masked(self) -> SimpleNamespace:
        return self.by_torch(self.mask)

    def by_torch(self, mask: Array, direct: Array | None = None) -> SimpleNamespace:
        """Run and differentiate. With `direct`, the loss is sum(direct * H) and not that of the page."""
        v = {name: torch.tensor(value, requires_grad=True) for name, value in self.values.items()}
        h, a, y, losses = [v["h_0"]], [], [], []
        for t in range(self.T):
            a.append(v["X"][t] @ v["W"] + h[-1] @ v["U"] + v["b"])
            m = torch.tensor(mask[t][:, None])
            h.append(m * torch.tanh(a[-1]) + (1 - m) * h[-1])
            y.append(h[-1] @ v["V"] + v["b_y"])
            if direct is None:
                picked = torch.log_softmax(y[-1], -1)[range(self.B), self.targets[t]]
                losses.append(-(m[:, 0] * picked).sum())
            else:
                losses.append((torch.tensor(direct[t]) * h[-1]).sum())
        for tensor in (*h, *a, *y):
            tensor.retain_grad()
        total = torch.stack(losses).sum()
        total.backward(retain_graph=True)

        def arrays(tensors: list[torch.Tensor]) -> Array:
            return np.array([np.zeros(t.shape) if t.grad is None else t.grad.numpy() for t in tensors])

        through = {"dh": arrays(h), "da": [None, *arrays(a)], "dy": [None, *arrays(y)]}
        gradient = {n: t.grad.numpy().copy() if t.grad is not None else np.zeros(t.shape) for n, t in v.items()}
        # what reaches each state directly: through its own loss, all else cut
        own = [
            torch.autograd.grad(loss, state, retain_graph=True)[0].numpy()
            for loss, state in zip(losses, h[1:], strict=True)
        ]
        per_loss = [torch.autograd.grad(loss, v["U"], retain_graph=True)[0].numpy() for loss in losses]

        return SimpleNamespace(
            C=total.item(),
            losses=np.array([loss.item() for loss in losses]),
            h=[state.detach().numpy() for state in h],  # h[t] is h_t
            H=np.array([state.detach().numpy() for state in h[1:]]),
            a=[None, *(x.detach().numpy() for x in a)],
            y=[None, *(x.detach().numpy() for x in y)],
            G=np.array(own),
            per_loss=per_loss,
            gradient=gradient,
            **through,  # dh[t] is δh_t, t from 0
        )

    def jacobian(self, t: int, beta: int) -> Array:
        return self.U @ np.diag(1 - self.run.h[t][beta] ** 2)

    def product(self, k: int, t: int, beta: int) -> Array:
        """J_{k+1} … J_t."""
        return np.linalg.multi_dot(
            [np.eye(self.H), np.eye(self.H), *(self.jacobian(s, beta) for s in range(k + 1, t + 1))]
        )

    def term(self, t: int, k: int) -> Array:
        """g_{t,k} of the page, summed over the batch."""
        dU = np.zeros_like(self.U)
        for beta in range(self.B):
            g = self.run.G[t - 1, beta] @ self.product(k, t, beta).T
            dU += np.outer(self.run.h[k - 1][beta], g * (1 - self.run.h[k][beta] ** 2))
        return dU

    def pairs(self) -> list[tuple[int, int]]:
        return [(t, k) for t in range(1, self.T + 1) for k in range(1, t + 1)]

    def probe(self) -> tuple[list[Array], float]:
        """dh_t/dε for U + ε E at every t, from 0, and dC/dε, by a complex step."""
        U = self.U + 1e-30j * self.E
        H = page.sequence_forward(self.X, self.h_0, self.W, U, self.b, self.plain)
        C = page.total_loss(self.X, self.h_0, self.W, U, self.b, self.V, self.b_y, self.targets, self.plain)
        return [np.zeros_like(self.h_0), *(H.imag / 1e-30)], C.imag / 1e-30


SHAPES = [
    (5, 4, 3, 6, 2),
    (4, 2, 6, 3, 5),
    (3, 6, 2, 4, 7),
    (1, 3, 2, 5, 4),
    (6, 1, 4, 2, 3),
    (1, 1, 3, 2, 5),
    (1, 1, 1, 1, 2),
]
CASES = [Case(*shape, seed=seed) for seed, shape in enumerate(SHAPES)]


@pytest.fixture(params=CASES, ids=lambda c: f"T{c.T}-B{c.B}-D{c.D}-H{c.H}-K{c.K}")
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def assert_equal(found: Array, expected: Array, tolerance: float = 1e-12) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= tolerance * max(1.0, np.abs(expected).max(initial=0)))


# --- The page's functions -------------------------------------------------------------------------


def test_functions_are_found() -> None:
    names = {"sequence_forward", "sequence_loss", "total_loss", "complex_step", "identity_gradient"}
    names |= {"jacobians", "sum_over_paths", "recursion", "multipliers", "sequence_backward", "all_gradients"}
    names |= {"checkpointed_backward", "truncated_backward", "rtrl", "uoro", "four_lines"}
    assert names <= set(vars(page))


def test_forward_and_loss(case: Case) -> None:
    for mask, run in ((case.plain, case.run), (case.mask, case.masked)):
        assert_equal(page.sequence_forward(case.X, case.h_0, case.W, case.U, case.b, mask), run.H)
        assert_equal(page.total_loss(**case.values, targets=case.targets, mask=mask), run.C)


def test_all_gradients(case: Case) -> None:
    for mask, run in ((case.plain, case.run), (case.mask, case.masked)):
        C, ours = page.all_gradients(**case.values, targets=case.targets, mask=mask)
        assert_equal(C, run.C)
        assert set(ours) == set(case.values)
        for name, mine in ours.items():
            assert_equal(mine, run.gradient[name])

            def loss(v: Array, name: str = name, mask: Array = mask) -> complex:
                return page.total_loss(**case.values | {name: v}, targets=case.targets, mask=mask)

            assert_equal(mine, page.complex_step(loss, case.values[name]))


def test_sequence_backward_for_any_direct_gradient(case: Case) -> None:
    """Also where the loss sees masked steps, which the page's own loss does not."""
    for mask in (case.plain, case.mask):
        run = case.by_torch(mask, direct=case.R)
        ours = page.sequence_backward(case.R, case.X, run.H, case.h_0, case.W, case.U, mask)
        for mine, name in zip(ours, ("X", "h_0", "W", "U", "b"), strict=True):
            assert_equal(mine, run.gradient[name])
    empty = case.mask.sum(axis=0) == 0
    assert_equal(ours[1][empty], case.R[:, empty].sum(axis=0))
    assert not ours[0][:, empty].any()


def test_three_derivations(case: Case) -> None:
    G, H, wanted = case.run.G, case.run.H, case.run.gradient["U"]
    assert_equal(page.sum_over_paths(G, H, case.h_0, case.U), wanted)
    dU, dH, dA = page.recursion(G, H, case.h_0, case.U)
    by_multipliers, mu = page.multipliers(G, H, case.h_0, case.U)
    assert_equal(dU, wanted)
    assert_equal(by_multipliers, wanted)
    assert_equal(dH, case.run.dh[1:])
    assert_equal(mu, case.run.dh[1:])
    assert_equal(dA, np.array(case.run.da[1:]))


def test_checkpoints_change_nothing(case: Case) -> None:
    H = page.sequence_forward(case.X, case.h_0, case.W, case.U, case.b, case.mask)
    whole = page.sequence_backward(case.masked.G, case.X, H, case.h_0, case.W, case.U, case.mask)

    def direct(H: Array, steps: slice) -> Array:
        return case.masked.G[steps]  # a view: must not be written to

    before = case.masked.G.copy()
    for L in range(1, case.T + 2):
        parts = page.checkpointed_backward(direct, case.X, case.h_0, case.W, case.U, case.b, case.mask, L)
        assert np.array_equal(parts[0], whole[1])  # δh_0: the same operations
        for mine, other in zip(parts, whole[1:], strict=True):
            assert_equal(mine, other)
    assert np.array_equal(before, case.masked.G)


def test_truncation_refuses_windows_shorter_than_blocks(case: Case) -> None:
    arguments = case.run.G, case.X, case.run.H, case.h_0, case.W, case.U, case.plain
    for k1, k2 in ((2, 1), (0, 3)):
        with pytest.raises(ValueError, match="k1 <= k2"):
            page.truncated_backward(*arguments, k1, k2)


def test_truncated_windows_with_masks_against_detach(case: Case) -> None:
    """BPTT(k, k) of a masked batch is a framework's loop over blocks with a detached state."""
    for k in range(1, case.T + 1):
        v = {name: torch.tensor(value, requires_grad=True) for name, value in case.values.items()}
        h, loss = v["h_0"], torch.zeros((), dtype=torch.float64)
        for t in range(case.T):
            if t % k == 0:
                h = h.detach()
            m = torch.tensor(case.mask[t][:, None])
            h = m * torch.tanh(v["X"][t] @ v["W"] + h @ v["U"] + v["b"]) + (1 - m) * h
            loss = loss + (torch.tensor(case.R[t]) * h).sum()
        loss.backward()
        ours = page.truncated_backward(case.R, case.X, case.masked.H, case.h_0, case.W, case.U, case.mask, k, k)
        for mine, name in zip(ours, ("W", "U", "b"), strict=True):
            assert_equal(mine, v[name].grad.numpy())


def arguments_of(case: Case, dtype: type) -> dict[str, list]:
    """Arguments for the page's functions, in the given type."""
    v = {name: value.astype(dtype) for name, value in case.values.items()}
    X, h_0, W, U, b, V, b_y = v.values()
    mask, G = case.mask.astype(dtype), case.R.astype(dtype)
    H = page.sequence_forward(X, h_0, W, U, b, mask)
    back = [G, X, H, h_0, W, U, mask]
    return {
        "sequence_forward": [X, h_0, W, U, b, mask],
        "sequence_loss": [H @ V + b_y, case.targets.copy(), mask],
        "all_gradients": [*v.values(), case.targets.copy(), mask],
        "sum_over_paths": [G, H, h_0, U],
        "recursion": [G, H, h_0, U],
        "multipliers": [G, H, h_0, U],
        "sequence_backward": back,
        "truncated_backward": [*back, 1, 2],
        "checkpointed_backward": [lambda H, steps: G[steps], X, h_0, W, U, b, mask, 2],
        "rtrl": [lambda h, t: G[t, 0], X[:, 0], h_0[0], W, U, b],
    }


def flat(results: object) -> list:
    if isinstance(results, dict):
        results = list(results.values())
    if isinstance(results, tuple | list):
        return [leaf for result in results for leaf in flat(result)]
    return [results]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_unmodified_and_dtype_kept(case: Case, dtype: type) -> None:
    for name, arguments in arguments_of(case, dtype).items():
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        before = [a.copy() for a in arrays]
        results, again = (flat(getattr(page, name)(*arguments)) for _ in range(2))
        for a, old in zip(arrays, before, strict=True):
            assert np.array_equal(a, old), f"{name} changed its arguments"
        for r, s in zip(results, again, strict=True):
            assert r.dtype == dtype, f"{name} returned {r.dtype} for {dtype}"
            assert np.array_equal(r, s), f"{name} differs when called twice"


def test_mask_of_another_type_keeps_float32(case: Case) -> None:
    *back, mask = arguments_of(case, np.float32)["sequence_backward"]
    for other in (mask.astype(float), mask.astype(bool), mask.astype(int)):
        assert {r.dtype for r in page.sequence_backward(*back, other)} == {np.dtype(np.float32)}


def test_loss_of_huge_logits() -> None:
    Y = np.array([[[1e4, 0.0, -1e4]]])
    for c, expected in enumerate([0.0, 1e4, 2e4]):
        loss, dY = page.sequence_loss(Y, np.array([[c]]), np.ones((1, 1)))
        assert loss == expected
        assert np.all(np.isfinite(dY))


# --- The page's equations -------------------------------------------------------------------------

DEFINITIONS = {
    "eq-bptt-forward",
    "eq-bptt-loss",
    "eq-bptt-pairing",
    "eq-bptt-identity",
    "eq-bptt-lagrangian",
    "eq-bptt-mask",
    "eq-bptt-tau",
    "eq-bptt-term",
    "eq-bptt-influence",
    "eq-bptt-uoro",
}

RESULTS: dict[str, Callable[[Case], Pairs]] = {}


def equation(label: str) -> Callable[[Callable[[Case], Pairs]], Callable[[Case], Pairs]]:
    def register(function: Callable[[Case], Pairs]) -> Callable[[Case], Pairs]:
        assert label not in RESULTS
        RESULTS[label] = function
        return function

    return register


@equation("eq-bptt-sum")
def sum_of_gradients(case: Case) -> Pairs:
    return [(sum(case.run.per_loss), case.run.gradient["U"])]


@equation("eq-bptt-dy")
def dy(case: Case) -> Pairs:
    pairs: Pairs = []
    for t in range(1, case.T + 1):
        p = np.exp(case.masked.y[t]) / np.exp(case.masked.y[t]).sum(axis=1, keepdims=True)
        onehot = np.eye(case.K)[case.targets[t - 1]]
        pairs.append((case.mask[t - 1][:, None] * (p - onehot), case.masked.dy[t]))
    return pairs


@equation("eq-bptt-G")
def direct_gradient(case: Case) -> Pairs:
    return [(case.masked.dy[t] @ case.V.T, case.masked.G[t - 1]) for t in range(1, case.T + 1)]


@equation("eq-bptt-dV")
def dV(case: Case) -> Pairs:
    steps = range(1, case.T + 1)
    found = sum(case.masked.h[t].T @ case.masked.dy[t] for t in steps)
    bias = sum(case.masked.dy[t][beta] for t in steps for beta in range(case.B))
    return [(found, case.masked.gradient["V"]), (bias, case.masked.gradient["b_y"])]


@equation("eq-bptt-probe")
def probe(case: Case) -> Pairs:
    dot, _ = case.probe()
    h = case.run.h
    return [
        ((h[t - 1] @ case.E) * (1 - h[t] ** 2) + (dot[t - 1] @ case.U) * (1 - h[t] ** 2), dot[t])
        for t in range(1, case.T + 1)
    ]


@equation("eq-bptt-transpose")
def transpose(case: Case) -> Pairs:
    A, L, R = case.R[0], case.h_0, case.U
    by_probe = (case.run.gradient["U"] * case.E).sum()  # and the pairing holds for the gradient
    return [
        (np.array((A * (L @ case.E @ R)).sum()), np.array(((L.T @ A @ R.T) * case.E).sum())),
        (np.array(by_probe), np.array(case.probe()[1])),
    ]


# the network without squashing ---------------------------------------------------------------------


def linear_run(case: Case, steps: int, direct: Array) -> SimpleNamespace:
    """h_t = x_t W + h_{t-1} U with loss sum(direct * h), by PyTorch. Inputs repeat if the case is short."""
    W, U, h = (torch.tensor(v, requires_grad=True) for v in (case.W, case.U, case.h_0))
    x = [None, *(np.roll(case.X[t % case.T], t, axis=0) for t in range(steps))]
    states, loss = [h], torch.zeros((), dtype=torch.float64)
    for t in range(1, steps + 1):
        h = torch.tensor(x[t]) @ W + h @ U
        h.retain_grad()
        states.append(h)
        loss = loss + (torch.tensor(direct[t - 1]) * h).sum()
    loss.backward()
    return SimpleNamespace(
        x=x,
        h=[s.detach().numpy() for s in states],
        dh=[None, *(s.grad.numpy() for s in states[1:])],
        dW=W.grad.numpy(),
        dU=U.grad.numpy(),
    )


def only_fourth(case: Case) -> tuple[SimpleNamespace, Array]:
    G_4 = case.R[0]
    return linear_run(case, 4, np.array([0 * G_4, 0 * G_4, 0 * G_4, G_4])), G_4


def power(n: int, U: Array) -> Array:
    return np.linalg.matrix_power(U, n)


def scalars(case: Case) -> tuple[list[float], list[float], float, float, float]:
    """x_1 … x_4, h_0 … h_4, w, u, and dh_4/du by a complex step."""
    x, w, u = [0.0, *case.rng.normal(size=4)], *case.rng.normal(size=2)

    def states(u: complex) -> list:
        h = [case.h_0.flat[0]]
        for t in (1, 2, 3, 4):
            h.append(x[t] * w + h[-1] * u)
        return h

    return x, states(u), w, u, states(u + 1e-30j)[-1].imag / 1e-30


@equation("eq-bptt-polynomial")
def polynomial(case: Case) -> Pairs:
    x, h, w, u, there = scalars(case)
    return [(np.array(x[3] * w + 2 * x[2] * w * u + 3 * x[1] * w * u**2 + 4 * h[0] * u**3), np.array(there))]


@equation("eq-bptt-scalar")
def scalar(case: Case) -> Pairs:
    x, h, w, u, there = scalars(case)
    h_3 = x[3] * w + x[2] * w * u + x[1] * w * u**2 + h[0] * u**3
    h_2 = x[2] * w + x[1] * w * u + h[0] * u**2
    h_1 = x[1] * w + h[0] * u
    found = h_3 + h_2 * u + h_1 * u**2 + h[0] * u**3
    return [(np.array(found), np.array(there)), (np.array([h_3, h_2, h_1]), np.array([h[3], h[2], h[1]]))]


@equation("eq-bptt-unrolled")
def unrolled(case: Case) -> Pairs:
    run, _ = only_fourth(case)
    x, W, U = run.x, case.W, case.U
    found = x[4] @ W + x[3] @ W @ U + x[2] @ W @ power(2, U) + x[1] @ W @ power(3, U) + run.h[0] @ power(4, U)
    return [(found, run.h[4])]


@equation("eq-bptt-identity-W")
def identity_W(case: Case) -> Pairs:
    run, G_4 = only_fourth(case)
    x, Ut = run.x, case.U.T
    found = x[4].T @ G_4 + x[3].T @ G_4 @ Ut + x[2].T @ G_4 @ power(2, Ut) + x[1].T @ G_4 @ power(3, Ut)
    return [(found, run.dW)]


def fourth_state_moved(case: Case) -> Array:
    run, _ = only_fourth(case)
    h = case.h_0
    for t in (1, 2, 3, 4):
        h = run.x[t] @ case.W + h @ (case.U + 1e-30j * case.E)
    return h.imag / 1e-30


@equation("eq-bptt-ten")
def ten_terms(case: Case) -> Pairs:
    run, _ = only_fourth(case)
    x, h_0, W, U, E = run.x, case.h_0, case.W, case.U, case.E
    found = (
        x[3] @ W @ E
        + (x[2] @ W @ E @ U + x[2] @ W @ U @ E)
        + (x[1] @ W @ E @ U @ U + x[1] @ W @ U @ E @ U + x[1] @ W @ U @ U @ E)
        + (h_0 @ E @ power(3, U) + h_0 @ U @ E @ power(2, U) + h_0 @ power(2, U) @ E @ U + h_0 @ power(3, U) @ E)
    )
    return [(found, fourth_state_moved(case))]


@equation("eq-bptt-four")
def four_groups(case: Case) -> Pairs:
    run, _ = only_fourth(case)
    x, h_0, W, U, E = run.x, case.h_0, case.W, case.U, case.E
    h_3 = x[3] @ W + x[2] @ W @ U + x[1] @ W @ power(2, U) + h_0 @ power(3, U)
    h_2 = x[2] @ W + x[1] @ W @ U + h_0 @ power(2, U)
    h_1 = x[1] @ W + h_0 @ U
    found = h_3 @ E + h_2 @ E @ U + h_1 @ E @ power(2, U) + h_0 @ E @ power(3, U)
    return [(found, fourth_state_moved(case)), (h_3, run.h[3]), (h_2, run.h[2]), (h_1, run.h[1])]


@equation("eq-bptt-identity-U")
def identity_U(case: Case) -> Pairs:
    run, G_4 = only_fourth(case)
    h, Ut = run.h, case.U.T
    found = h[3].T @ G_4 + h[2].T @ G_4 @ Ut + h[1].T @ G_4 @ power(2, Ut) + h[0].T @ G_4 @ power(3, Ut)
    return [(found, run.dU)]


@equation("eq-bptt-pattern")
def pattern(case: Case) -> Pairs:
    pairs: Pairs = []
    for t in range(1, case.T + 1):
        direct = np.zeros_like(case.R)
        direct[t - 1] = case.R[t - 1]
        run = linear_run(case, case.T, direct)
        carried = {k: case.R[t - 1] @ power(t - k, case.U.T) for k in range(1, t + 1)}
        pairs.append((sum(run.h[k - 1].T @ carried[k] for k in carried), run.dU))
        pairs.append((sum(run.x[k].T @ carried[k] for k in carried), run.dW))
    return pairs


@equation("eq-bptt-swap")
def swap(case: Case) -> Pairs:
    run, Ut, T = linear_run(case, case.T, case.R), case.U.T, case.T
    double = sum(run.h[k - 1].T @ case.R[t - 1] @ power(t - k, Ut) for t, k in case.pairs())
    inner = {k: sum(case.R[t - 1] @ power(t - k, Ut) for t in range(k, T + 1)) for k in range(1, T + 1)}
    exchanged = sum(run.h[k - 1].T @ inner[k] for k in inner)
    assert_equal(page.identity_gradient(case.R, run.h, case.U), run.dU)
    return [(double, run.dU), (exchanged, run.dU), *((inner[k], run.dh[k]) for k in inner)]


@equation("eq-bptt-horner")
def horner(case: Case) -> Pairs:
    run, T = linear_run(case, case.T, case.R), case.T
    dh = [*run.dh, np.zeros_like(case.h_0)]
    pairs: Pairs = [(case.R[k - 1] + dh[k + 1] @ case.U.T, dh[k]) for k in range(1, T + 1)]
    for k in range(1, T + 1):
        rest = sum((case.R[t - 1] @ power(t - k - 1, case.U.T) for t in range(k + 1, T + 1)), 0 * case.h_0)
        pairs.append((case.R[k - 1] + rest @ case.U.T, dh[k]))
    return pairs


# the three derivations ------------------------------------------------------------------------------


@equation("eq-bptt-J")
def step_jacobian(case: Case) -> Pairs:
    pairs: Pairs = []
    for t in range(1, case.T + 1):
        for beta in range(case.B):

            def step(h: torch.Tensor, t: int = t, beta: int = beta) -> torch.Tensor:
                x = torch.tensor(case.X[t - 1, beta])
                return torch.tanh(x @ torch.tensor(case.W) + h @ torch.tensor(case.U) + torch.tensor(case.b))

            h_prev = torch.tensor(case.run.h[t - 1][beta])
            there = torch.autograd.functional.jacobian(step, h_prev).numpy().T  # ours: [cause, effect]
            pairs.append((case.jacobian(t, beta), there))
            entries = [[case.U[i, j] * (1 - case.run.h[t][beta, j] ** 2) for j in range(case.H)] for i in range(case.H)]
            pairs.append((np.array(entries), there))
    return pairs


def state_jacobian(case: Case, k: int, t: int, beta: int) -> Array:
    """dh_t/dh_k of one sequence by complex steps, [cause, effect]."""
    rows = []
    for i in range(case.H):
        h = case.run.h[k][beta].astype(complex)
        h[i] += 1e-30j
        for s in range(k + 1, t + 1):
            h = np.tanh(case.X[s - 1, beta] @ case.W + h @ case.U + case.b)
        rows.append(h.imag / 1e-30)
    return np.array(rows)


@equation("eq-bptt-chain")
def chain(case: Case) -> Pairs:
    return [
        (case.product(k, t, beta), state_jacobian(case, k, t, beta)) for t, k in case.pairs() for beta in range(case.B)
    ]


@equation("eq-bptt-dh1")
def from_loss_to_first_state(case: Case) -> Pairs:
    pairs: Pairs = []
    for t in range(1, case.T + 1):
        for beta in range(case.B):
            row = case.run.G[t - 1, beta]
            for k in range(t, 1, -1):
                row = row @ case.jacobian(k, beta).T
            there = state_jacobian(case, 1, t, beta) @ case.run.G[t - 1, beta]
            pairs.append((row, there))
    return pairs


@equation("eq-bptt-unfolded")
def unfolded(case: Case) -> Pairs:
    dot, _ = case.probe()
    pairs: Pairs = []
    for t in range(1, case.T + 1):
        for beta in range(case.B):
            h = [state[beta] for state in case.run.h]
            born = {k: (h[k - 1] @ case.E) * (1 - h[k] ** 2) for k in range(1, t + 1)}
            pairs.append((sum(born[k] @ case.product(k, t, beta) for k in born), dot[t][beta]))
    return pairs


@equation("eq-bptt-double-sum")
def double_sum(case: Case) -> Pairs:
    return [(sum(case.term(t, k) for t, k in case.pairs()), case.run.gradient["U"])]


@equation("eq-bptt-ordered")
def ordered(case: Case) -> Pairs:
    """On a random computation that is no recurrent network: z_j = tanh of a random sum of the z before it."""
    N = 4 + case.T
    weights = np.tril(case.rng.normal(size=(N, N)), -1)

    def last(z: Array, after: int) -> complex:
        """z_N when z_0 … z_after are given."""
        z = list(z[: after + 1])
        for j in range(after + 1, N):
            z.append(np.tanh(sum(w * v for w, v in zip(weights[j], z, strict=False))))
        return z[-1]

    z: list[float] = [case.rng.normal()]
    for j in range(1, N):
        z.append(np.tanh(sum(weights[j, i] * z[i] for i in range(j))))
    total = []
    for i in range(N):
        moved = np.array(z, dtype=complex)
        moved[i] += 1e-30j
        total.append(last(moved, i).imag / 1e-30)
    pairs: Pairs = [(np.array(total[-1]), np.array(1.0))]
    for i in range(N - 1):
        found = sum(total[j] * (1 - z[j] ** 2) * weights[j, i] for j in range(i + 1, N))
        pairs.append((np.array(found), np.array(total[i])))
    return pairs


@equation("eq-bptt-dh")
def dh(case: Case) -> Pairs:
    da = [*case.run.da, np.zeros_like(case.h_0)]
    return [(case.run.G[t - 1] + da[t + 1] @ case.U.T, case.run.dh[t]) for t in range(1, case.T + 1)]


@equation("eq-bptt-da")
def da(case: Case) -> Pairs:
    return [(case.run.dh[t] * (1 - case.run.h[t] ** 2), case.run.da[t]) for t in range(1, case.T + 1)]


@equation("eq-bptt-dU")
def dU(case: Case) -> Pairs:
    found = sum(case.run.h[t - 1].T @ case.run.da[t] for t in range(1, case.T + 1))
    return [(found, case.run.gradient["U"])]


@equation("eq-bptt-closed")
def closed(case: Case) -> Pairs:
    pairs: Pairs = []
    for k in range(1, case.T + 1):
        for beta in range(case.B):
            found = sum(case.run.G[t - 1, beta] @ case.product(k, t, beta).T for t in range(k, case.T + 1))
            pairs.append((found, case.run.dh[k][beta]))
    return pairs


def lagrangian_by_torch(case: Case, lam: list[Array], mu: list[Array]) -> SimpleNamespace:
    """The page's Lagrangian, all a_t and h_t free, at the network's own states; its gradients."""
    a = [None, *(torch.tensor(v, requires_grad=True) for v in case.run.a[1:])]
    h = [torch.tensor(case.h_0), *(torch.tensor(v, requires_grad=True) for v in case.run.h[1:])]
    U, W, b = (torch.tensor(v, requires_grad=True) for v in (case.U, case.W, case.b))
    L = torch.zeros((), dtype=torch.float64)
    for t in range(1, case.T + 1):
        y = h[t] @ torch.tensor(case.V) + torch.tensor(case.b_y)
        L = L - torch.log_softmax(y, -1)[range(case.B), case.targets[t - 1]].sum()
        L = L + (torch.tensor(lam[t]) * (torch.tensor(case.X[t - 1]) @ W + h[t - 1] @ U + b - a[t])).sum()
        L = L + (torch.tensor(mu[t]) * (torch.tanh(a[t]) - h[t])).sum()
    L.backward()
    return SimpleNamespace(
        L=L.item(), a=[v.grad.numpy() for v in a[1:]], h=[v.grad.numpy() for v in h[1:]], U=U.grad.numpy()
    )


@equation("eq-bptt-multipliers")
def multipliers(case: Case) -> Pairs:
    """The left sides for any multipliers, and that the right sides make both vanish."""
    T, G, h = case.T, case.run.G, case.run.h
    lam, mu = ([None, *case.rng.normal(size=case.run.H.shape), 0 * case.h_0] for _ in range(2))
    there = lagrangian_by_torch(case, lam, mu)
    pairs: Pairs = [(np.array(there.L), np.array(case.run.C))]
    for t in range(1, T + 1):
        pairs.append((G[t - 1] + lam[t + 1] @ case.U.T - mu[t], there.h[t - 1]))
        pairs.append((mu[t] * (1 - h[t] ** 2) - lam[t], there.a[t - 1]))
    for t in range(T, 0, -1):
        mu[t] = G[t - 1] + lam[t + 1] @ case.U.T
        lam[t] = mu[t] * (1 - h[t] ** 2)
        pairs += [(mu[t], case.run.dh[t]), (lam[t], case.run.da[t])]
    there = lagrangian_by_torch(case, lam, mu)
    return pairs + [(gradient, 0 * case.h_0) for gradient in (*there.h, *there.a)]


@equation("eq-bptt-lagrange-dU")
def lagrange_dU(case: Case) -> Pairs:
    lam, mu = case.run.da, [None, *case.run.dh[1:]]
    there = lagrangian_by_torch(case, lam, mu)
    found = sum(case.run.h[t - 1].T @ lam[t] for t in range(1, case.T + 1))
    return [(found, case.run.gradient["U"]), (there.U, found)]


@equation("eq-bptt-system")
def system(case: Case) -> Pairs:
    T, n, pairs = case.T, case.H, []
    for beta in range(case.B):
        K = np.zeros((T * n, T * n))
        for t in range(1, T):
            K[t * n : (t + 1) * n, (t - 1) * n : t * n] = case.jacobian(t + 1, beta).T
        delta, G = case.run.dh[1:, beta].ravel(), case.run.G[:, beta].ravel()
        series = G @ sum(np.linalg.matrix_power(K, i) for i in range(T))
        pairs += [(G + delta @ K, delta), (delta @ (np.eye(T * n) - K), G), (series, delta)]
        pairs.append((np.linalg.matrix_power(K, T), 0 * K))
    return pairs


# every gradient, masks ------------------------------------------------------------------------------


@equation("eq-bptt-dW")
def dW(case: Case) -> Pairs:
    found = sum(case.X[t - 1].T @ case.run.da[t] for t in range(1, case.T + 1))
    bias = sum(case.run.da[t][beta] for t in range(1, case.T + 1) for beta in range(case.B))
    return [(found, case.run.gradient["W"]), (bias, case.run.gradient["b"])]


@equation("eq-bptt-dx")
def dx(case: Case) -> Pairs:
    pairs: Pairs = [(case.run.da[t] @ case.W.T, case.run.gradient["X"][t - 1]) for t in range(1, case.T + 1)]
    return [*pairs, (case.run.da[1] @ case.U.T, case.run.gradient["h_0"])]


@equation("eq-bptt-tall")
def tall(case: Case) -> Pairs:
    X, A = case.X.reshape(-1, case.D), np.concatenate(case.run.da[1:])
    before = np.concatenate(case.run.h[:-1])
    there = case.run.gradient
    return [(X.T @ A, there["W"]), (before.T @ A, there["U"]), (A @ case.W.T, there["X"].reshape(-1, case.D))]


@equation("eq-bptt-mask-da")
def mask_da(case: Case) -> Pairs:
    run = case.by_torch(case.mask, direct=case.R)
    return [(case.mask[t - 1][:, None] * run.dh[t] * (1 - run.h[t] ** 2), run.da[t]) for t in range(1, case.T + 1)]


@equation("eq-bptt-mask-dh")
def mask_dh(case: Case) -> Pairs:
    run = case.by_torch(case.mask, direct=case.R)
    nothing = np.zeros_like(case.h_0)
    G, da, dh = [nothing, *case.R], [*run.da, nothing], [*run.dh, nothing]
    m = [None, *case.mask[:, :, None], np.ones((case.B, 1))]
    return [(G[t] + da[t + 1] @ case.U.T + (1 - m[t + 1]) * dh[t + 1], run.dh[t]) for t in range(case.T, -1, -1)]


# cost -----------------------------------------------------------------------------------------------


@equation("eq-bptt-flops")
def flops(case: Case) -> Pairs:
    from torch.utils.flop_counter import FlopCounterMode

    v = [torch.tensor(case.values[n], requires_grad=True) for n in ("X", "h_0", "W", "U")]
    with FlopCounterMode(display=False) as counter:
        X, h, W, U = v
        for t in range(case.T):
            h = torch.tanh(X[t] @ W + h @ U)
        forward = counter.get_total_flops()
        h.sum().backward()
        both = counter.get_total_flops()
    product = case.T * case.B * case.H * (case.D + case.H)
    return [(np.array(2 * product), np.array(forward)), (np.array(4 * product), np.array(both - forward))]


@equation("eq-bptt-checkpoints")
def checkpoints(case: Case) -> Pairs:
    """The bound on a grid, its place, and the program held to the formula where everything divides."""
    for T, c in itertools.product((1, 7, 64, 1000), (1, 2, 4)):
        L = np.geomspace(0.1, 2 * T, 400)
        assert np.all(T / L + c * L >= 2 * np.sqrt(c * T) * (1 - 1e-12))
        best = np.sqrt(T / c)
        assert_equal(T / best + c * best, 2 * np.sqrt(c * T))
        away = L[np.abs(L / best - 1) > 0.05]
        assert np.all(T / away + c * away > 2 * np.sqrt(c * T) * (1 + 1e-4))
    most, held = 0, 0

    def direct(H: Array, steps: slice) -> Array:
        nonlocal most, held
        held = (steps.start // 4 + 1) + len(H)  # checkpoints not yet used up, states of the segment
        most = max(most, held)
        return np.zeros_like(H)

    X = np.zeros((16, case.B, case.D))
    page.checkpointed_backward(direct, X, case.h_0, case.W, case.U, case.b, np.ones((16, case.B)), 4)
    return [(np.array(16 / 4 + 4), np.array(float(most)))]


# truncation -----------------------------------------------------------------------------------------


def schemes(case: Case) -> list[tuple[int, int]]:
    return [(k1, k2) for k1 in range(1, case.T + 1) for k2 in range(k1, case.T + 2)]


def tau(t: int, k1: int) -> int:
    return k1 * -(-t // k1)


@equation("eq-bptt-truncated")
def truncated(case: Case) -> Pairs:
    """The printed double sum against PyTorch with a state cut where each loss's window begins."""
    pairs: Pairs = []
    arguments = case.run.G, case.X, case.run.H, case.h_0, case.W, case.U, case.plain
    for k1, k2 in schemes(case):
        printed, U = np.zeros_like(case.U), torch.tensor(case.U, requires_grad=True)
        for t in range(1, case.T + 1):
            first = max(1, tau(t, k1) - k2 + 1)
            printed += sum(case.term(t, k) for k in range(first, t + 1))
            h = torch.tensor(case.run.h[first - 1])  # a constant
            for s in range(first, t + 1):
                h = torch.tanh(torch.tensor(case.X[s - 1] @ case.W + case.b) + h @ U)
            (torch.tensor(case.run.G[t - 1]) * h).sum().backward()
        pairs += [(printed, U.grad.numpy()), (page.truncated_backward(*arguments, k1, k2)[1], U.grad.numpy())]
    return pairs


@equation("eq-bptt-bias")
def bias(case: Case) -> Pairs:
    pairs: Pairs = []
    arguments = case.run.G, case.X, case.run.H, case.h_0, case.W, case.U, case.plain
    for k1, k2 in schemes(case):
        dropped = np.zeros_like(case.U)
        for t in range(1, case.T + 1):
            for k in range(1, tau(t, k1) - k2 + 1):
                dropped += case.term(t, k)
        pairs.append((dropped, case.run.gradient["U"] - page.truncated_backward(*arguments, k1, k2)[1]))
    return pairs


@equation("eq-bptt-term-bound")
def term_bound(case: Case) -> Pairs:
    """An inequality: asserted for every term; reached by a linear network with U = r I."""
    one = Case(case.T, 1, case.D, case.H, case.K, case.seed)
    norm = np.linalg.norm
    for t, k in one.pairs():
        bound = norm(one.run.h[k - 1]) * norm(one.run.G[t - 1]) * norm(one.U, 2) ** (t - k)
        assert norm(one.term(t, k)) <= bound * (1 + 1e-12)
    h, g, r = one.h_0, one.R[0], 0.7
    return [(np.array(norm(h) * norm(g) * r**3), norm(h.T @ g @ power(3, r * np.eye(one.H).T)))]


@equation("eq-bptt-share")
def share(case: Case) -> Pairs:
    pairs: Pairs = []
    for k1, blocks in itertools.product((1, 2, 3, 5), (1, 2, 4)):
        T = k1 * blocks
        for distance in range(k1):
            there = [(t, t - distance) for t in range(distance + 1, T + 1)]
            dropped = sum((t - 1) // k1 != (k - 1) // k1 for t, k in there) / len(there)
            pairs.append((np.array(1 - T / k1 * (k1 - distance) / (T - distance)), np.array(dropped)))
            pairs.append((np.array(distance / k1 * (T - k1) / (T - distance)), np.array(dropped)))
    return pairs


# forward ---------------------------------------------------------------------------------------------


def influences(case: Case, beta: int) -> list[Array]:
    """P_t[p, q, j] at every t, from 0, by complex steps: the definition."""
    P = np.zeros((case.T + 1, case.H, case.H, case.H))
    for p, q in itertools.product(range(case.H), repeat=2):
        U = case.U.astype(complex)
        U[p, q] += 1e-30j
        h = case.h_0[beta]
        for t in range(1, case.T + 1):
            h = np.tanh(case.X[t - 1, beta] @ case.W + h @ U + case.b)
            P[t, p, q] = h.imag / 1e-30
    return list(P)


@equation("eq-bptt-rtrl")
def rtrl(case: Case) -> Pairs:
    P, h = influences(case, 0), [state[0] for state in case.run.h]
    pairs: Pairs = []
    for t in range(1, case.T + 1):
        equal = np.eye(case.H)
        immediate = np.einsum("p,qj,j->pqj", h[t - 1], equal, 1 - h[t] ** 2)
        pairs.append((immediate + np.einsum("pqi,ij->pqj", P[t - 1], case.jacobian(t, 0)), P[t]))
    return pairs


@equation("eq-bptt-rtrl-gradient")
def rtrl_gradient(case: Case) -> Pairs:
    found, by_code = np.zeros_like(case.U), [0.0, 0.0, 0.0]
    for beta in range(case.B):
        P = influences(case, beta)
        found += sum(np.einsum("pqj,j->pq", P[t], case.run.G[t - 1, beta]) for t in range(1, case.T + 1))

        def direct(h: Array, t: int, beta: int = beta) -> Array:
            return case.run.G[t, beta]

        parts = page.rtrl(direct, case.X[:, beta], case.h_0[beta], case.W, case.U, case.b)
        by_code = [total + part for total, part in zip(by_code, parts, strict=True)]
    there = case.run.gradient
    return [(found, there["U"]), *((mine, there[n]) for mine, n in zip(by_code, ("W", "U", "b"), strict=True))]


@equation("eq-bptt-unbiased")
def unbiased(case: Case) -> Pairs:
    """The mean over all signs, which is the expectation: of M v itself, and of the page's estimate."""
    T, H = min(case.T, 3), min(case.H, 3)
    small = Case(T, 1, 2, H, 3, case.seed)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=T * H))).reshape(-1, T, H)
    M, v = np.zeros((len(signs), 2 + H + 1, H)), np.zeros((len(signs), H))
    rho_0, rho_1 = 0.7, 1.9  # any two positive numbers
    h = [state[0] for state in small.run.h]
    for t in range(1, T + 1):
        z, slope, nu = np.concatenate([small.X[t - 1, 0], h[t - 1], [1.0]]), 1 - h[t] ** 2, signs[:, t - 1]
        N = z[None, :, None] * (nu * slope)[:, None, :]
        M, v = M / rho_0 + N / rho_1, rho_0 * v @ small.jacobian(t, 0) + rho_1 * nu
    mean = np.einsum("npq,nj->pqj", M, v) / len(signs)

    def direct(h: Array, t: int) -> Array:
        return small.run.G[t, 0]

    arguments = direct, small.X[:, 0], small.h_0[0], small.W, small.U, small.b
    estimate = page.uoro(*arguments, signs).mean(axis=0)
    return [(mean[2:-1], influences(small, 0)[T]), (estimate, page.stacked(*page.rtrl(*arguments)))]


@equation("eq-bptt-four-lines")
def four_lines(case: Case) -> Pairs:
    dY = np.array(case.run.dy[1:])
    found = sum(
        page.four_lines(case.run.H[:, beta], case.h_0[beta], dY[:, beta], case.U, case.V) for beta in range(case.B)
    )
    return [(found, case.run.gradient["U"])]


LABELS = re.findall(r"^\$\$ \((eq-[\w-]+)\)$", SOURCE, re.MULTILINE)


def test_every_equation_is_tested_or_a_definition() -> None:
    assert len(LABELS) == len(set(LABELS))
    assert set(LABELS) == DEFINITIONS | set(RESULTS)
    assert not DEFINITIONS & set(RESULTS)


def test_every_reference_to_an_equation_has_its_equation() -> None:
    assert set(re.findall(r"\{eq\}`(eq-bptt-[\w-]+)`", SOURCE)) <= set(LABELS)


@pytest.mark.parametrize("label", RESULTS)
def test_equation(label: str, case: Case) -> None:
    for found, expected in RESULTS[label](case):
        assert_equal(found, expected)
