"""Chapter 4: the page's own NumPy functions. (Its numbered equations: tests/equations.)

The functions are taken from the page's source, so that what is tested is what is printed. Expected values
come from PyTorch's automatic differentiation and from complex steps, both in float64.
"""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Array = NDArray[np.inexact]

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

        return SimpleNamespace(
            C=total.item(),
            losses=np.array([loss.item() for loss in losses]),
            h=[state.detach().numpy() for state in h],  # h[t] is h_t
            H=np.array([state.detach().numpy() for state in h[1:]]),
            a=[None, *(x.detach().numpy() for x in a)],
            y=[None, *(x.detach().numpy() for x in y)],
            G=np.array(own),
            gradient=gradient,
            **through,  # dh[t] is δh_t, t from 0
        )


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


def linear_run(case: Case, direct: Array) -> SimpleNamespace:
    """h_t = x_t W + h_{t-1} U with loss sum(direct * h), by PyTorch."""
    U, h = torch.tensor(case.U, requires_grad=True), torch.tensor(case.h_0)
    states, loss = [h], torch.zeros((), dtype=torch.float64)
    for t in range(case.T):
        h = torch.tensor(case.X[t] @ case.W) + h @ U
        states.append(h)
        loss = loss + (torch.tensor(direct[t]) * h).sum()
    loss.backward()
    return SimpleNamespace(h=[s.detach().numpy() for s in states], dU=U.grad.numpy())


def test_identity_gradient(case: Case) -> None:
    run = linear_run(case, case.R)
    assert_equal(page.identity_gradient(case.R, run.h, case.U), run.dU)


def test_checkpoints_hold_what_the_formula_says(case: Case) -> None:
    """T / L checkpoints and, in the page's program, segments of L: for T = 16 and L = 4."""
    most = 0

    def direct(H: Array, steps: slice) -> Array:
        nonlocal most
        most = max(most, (steps.start // 4 + 1) + len(H))  # checkpoints not yet used up, states of the segment
        return np.zeros_like(H)

    X = np.zeros((16, case.B, case.D))
    page.checkpointed_backward(direct, X, case.h_0, case.W, case.U, case.b, np.ones((16, case.B)), 4)
    assert most == 16 / 4 + 4


def test_truncated_against_states_cut_where_windows_begin(case: Case) -> None:
    arguments = case.run.G, case.X, case.run.H, case.h_0, case.W, case.U, case.plain
    for k1 in range(1, case.T + 1):
        for k2 in range(k1, case.T + 2):
            U = torch.tensor(case.U, requires_grad=True)
            for t in range(1, case.T + 1):
                first = max(1, k1 * -(-t // k1) - k2 + 1)
                h = torch.tensor(case.run.h[first - 1])  # a constant
                for s in range(first, t + 1):
                    h = torch.tanh(torch.tensor(case.X[s - 1] @ case.W + case.b) + h @ U)
                (torch.tensor(case.run.G[t - 1]) * h).sum().backward()
            assert_equal(page.truncated_backward(*arguments, k1, k2)[1], U.grad.numpy())


def test_rtrl(case: Case) -> None:
    found = [0.0, 0.0, 0.0]
    for beta in range(case.B):

        def direct(h: Array, t: int, beta: int = beta) -> Array:
            return case.run.G[t, beta]

        parts = page.rtrl(direct, case.X[:, beta], case.h_0[beta], case.W, case.U, case.b)
        found = [total + part for total, part in zip(found, parts, strict=True)]
    for mine, name in zip(found, ("W", "U", "b"), strict=True):
        assert_equal(mine, case.run.gradient[name])


def test_uoro_is_unbiased(case: Case) -> None:
    """The mean over all signs, which is the expectation."""
    T, H = min(case.T, 3), min(case.H, 3)
    small = Case(T, 1, 2, H, 3, case.seed)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=T * H))).reshape(-1, T, H)

    def direct(h: Array, t: int) -> Array:
        return small.run.G[t, 0]

    arguments = direct, small.X[:, 0], small.h_0[0], small.W, small.U, small.b
    assert_equal(page.uoro(*arguments, signs).mean(axis=0), page.stacked(*page.rtrl(*arguments)))


def test_four_lines(case: Case) -> None:
    dY = np.array(case.run.dy[1:])
    found = sum(
        page.four_lines(case.run.H[:, beta], case.h_0[beta], dY[:, beta], case.U, case.V) for beta in range(case.B)
    )
    assert_equal(found, case.run.gradient["U"])
