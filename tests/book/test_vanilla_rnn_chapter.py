"""Chapter 3: the page's own NumPy functions. (Its numbered equations: tests/equations.)

The functions are taken from the page's source, so that what is tested is what is printed. Expected values
come from PyTorch's automatic differentiation and from complex steps, both in float64.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Array = NDArray[np.inexact]

PAGE = Path(__file__).parents[2] / "book" / "foundations" / "vanilla-rnn.md"
SOURCE = PAGE.read_text(encoding="utf-8")
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHER_FRAMEWORKS = re.compile(r"\[(pytorch|tensorflow)\]")
LOOP_OF_THE_EXPERIMENT = "sequence_backward"  # stands after the experiment begins, trains its network


def functions_of_the_page() -> SimpleNamespace:
    """Return the NumPy functions defined before the experiment, and the experiment's backward loop."""
    end = SOURCE.index("(sec-rnn-experiment)=")
    found: dict[str, object] = {"np": np}
    for cell in CELL.finditer(SOURCE):
        head, _, code = cell.group(1).rpartition("---\n") if "---\n" in cell.group(1) else ("", "", cell.group(1))
        options = [line for line in code.splitlines() if line.startswith(":")]
        if OTHER_FRAMEWORKS.search(" ".join(options)) or "hide-input" in head:
            continue
        lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef) and (cell.start() < end or node.name == LOOP_OF_THE_EXPERIMENT):
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()


@dataclass
class Case:
    """A random problem: shapes, arrays, and derivatives by PyTorch."""

    T: int
    B: int
    D: int
    H: int
    K: int
    seed: int

    def __post_init__(self) -> None:
        rng = self.rng = np.random.default_rng(self.seed)
        self.X = rng.normal(size=(self.T, self.B, self.D))
        self.h_0 = rng.uniform(-0.9, 0.9, size=(self.B, self.H))
        self.W = rng.normal(size=(self.D, self.H))
        self.U = rng.normal(size=(self.H, self.H)) / np.sqrt(self.H)
        self.b = rng.normal(size=self.H)
        self.V = rng.normal(size=(self.H, self.K))
        self.b_y = rng.normal(size=self.K)
        self.mask = (rng.random((self.T, self.B)) < 0.6).astype(float)
        if self.T > 2:
            self.mask[:3, 0] = 1, 0, 1  # a gap
        if self.B > 1:
            self.mask[:, -1] = 0  # an empty sequence
        self.targets = rng.integers(self.K, size=(self.T, self.B))
        self.Y = 3 * rng.normal(size=(self.T, self.B, self.K))
        self.R = rng.normal(size=(self.B, self.H))
        self.G = rng.normal(size=(self.T, self.B, self.H))
        # one step
        self.x, self.h_prev, self.m = self.X[0], self.h_0, self.mask[0][:, None]
        self.a = self.x @ self.W + self.h_prev @ self.U + self.b
        self.h = np.tanh(self.a)

    def step_gradients(self, mask: bool = False) -> dict[str, Array]:
        """Gradients of sum(R * h) of one step by PyTorch, also at a and at the candidate."""
        v = {n: torch.tensor(getattr(self, n), requires_grad=True) for n in ("x", "h_prev", "W", "U", "b")}
        v["a"] = v["x"] @ v["W"] + v["h_prev"] @ v["U"] + v["b"]
        v["candidate"] = torch.tanh(v["a"])
        m = torch.tensor(self.m) if mask else torch.ones(self.B, 1)
        v["h"] = m * v["candidate"] + (1 - m) * v["h_prev"]
        for name in ("a", "candidate", "h"):
            v[name].retain_grad()
        (torch.tensor(self.R) * v["h"]).sum().backward()
        return {n: t.grad.numpy() for n, t in v.items() if t.grad is not None}

    def states(self) -> Array:
        """All states of the masked sequence, written independently of the page."""
        h, states = self.h_0.copy(), []
        for t in range(self.T):
            for beta in range(self.B):
                if self.mask[t, beta]:
                    h[beta] = np.tanh(self.X[t, beta] @ self.W + h[beta] @ self.U + self.b)
            states.append(h.copy())
        return np.array(states)


SHAPES = [
    (5, 4, 3, 6, 2),
    (4, 2, 6, 3, 5),
    (3, 6, 2, 4, 7),
    (1, 3, 2, 5, 4),
    (6, 1, 4, 2, 3),
    (1, 1, 3, 2, 5),
    (1, 1, 1, 1, 2),
]


@pytest.fixture(params=enumerate(SHAPES), ids=lambda p: "T{}-B{}-D{}-H{}-K{}".format(*p[1]))
def case(request: pytest.FixtureRequest) -> Case:
    seed, shape = request.param
    return Case(*shape, seed=seed)


def assert_equal(found: Array, expected: Array, tolerance: float = 1e-12) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= tolerance * max(1.0, np.abs(expected).max(initial=0)))


# --- The page's functions -------------------------------------------------------------------------


def test_functions_are_found() -> None:
    names = {"step_forward", "sequence_forward", "sequence_forward_hoisted", "softmax_loss", "complex_step"}
    names |= {"step_backward", "masked_step_backward", "sequence_backward"}
    assert names <= set(vars(page))


@pytest.mark.parametrize("name", ["sequence_forward", "sequence_forward_hoisted"])
def test_sequence_forward(case: Case, name: str) -> None:
    forward = getattr(page, name)
    assert_equal(forward(case.X, case.h_0, case.W, case.U, case.b, case.mask), case.states())
    bool_mask = case.mask.astype(bool)
    assert_equal(forward(case.X, case.h_0, case.W, case.U, case.b, bool_mask), case.states())


def test_padding_is_never_seen(case: Case) -> None:
    other = np.where(case.mask[:, :, None] > 0, case.X, 1e9)
    rest = (case.h_0, case.W, case.U, case.b, case.mask)
    assert np.array_equal(page.sequence_forward(other, *rest), page.sequence_forward(case.X, *rest))


def test_step_backward(case: Case) -> None:
    ours = page.step_backward(case.R, case.x, case.h_prev, case.h, case.W, case.U)
    there = case.step_gradients()
    into = [case.x, case.h_prev, case.W, case.U, case.b]
    for i, name in enumerate(["x", "h_prev", "W", "U", "b"]):
        assert_equal(ours[i], there[name])

        def loss(v: Array, i: int = i) -> complex:
            return (case.R * page.step_forward(*into[:i], v, *into[i + 1 :])).sum()

        assert_equal(ours[i], page.complex_step(loss, into[i]))


def test_masked_step_backward(case: Case) -> None:
    h = np.where(case.m > 0, case.h, case.h_prev)
    ours = page.masked_step_backward(case.R, case.x, case.h_prev, h, case.W, case.U, case.m)
    there = case.step_gradients(mask=True)
    for mine, name in zip(ours, ["x", "h_prev", "W", "U", "b"], strict=True):
        assert_equal(mine, there[name])


def test_sequence_backward(case: Case) -> None:
    H = page.sequence_forward(case.X, case.h_0, case.W, case.U, case.b, case.mask)
    ours = page.sequence_backward(case.G, case.X, H, case.h_0, case.W, case.U, case.mask)
    v = [torch.tensor(getattr(case, n), requires_grad=True) for n in ("X", "h_0", "W", "U", "b")]
    X, h, W, U, b = v
    loss = torch.zeros((), dtype=torch.float64)
    for t in range(case.T):
        m = torch.tensor(case.mask[t][:, None])
        h = m * torch.tanh(X[t] @ W + h @ U + b) + (1 - m) * h
        loss = loss + (torch.tensor(case.G[t]) * h).sum()
    loss.backward()
    for mine, tensor in zip(ours, v, strict=True):
        assert_equal(mine, tensor.grad.numpy())


def test_softmax_loss(case: Case) -> None:
    loss, dY = page.softmax_loss(case.Y, case.targets, case.mask)
    n = case.mask.sum()
    if n == 0:
        assert loss == 0
        assert not dY.any()
        return
    Y = torch.tensor(case.Y, requires_grad=True)
    real = torch.tensor(case.mask > 0)
    expected = torch.nn.functional.cross_entropy(Y[real], torch.tensor(case.targets)[real])
    expected.backward()
    assert_equal(loss, expected.item())
    assert_equal(dY, Y.grad.numpy())
    by_complex_step = page.complex_step(lambda v: page.softmax_loss(v, case.targets, case.mask)[0], case.Y)
    assert_equal(dY, by_complex_step)


def test_softmax_loss_of_huge_logits() -> None:
    Y = np.array([[[1e4, 0.0, -1e4]]])
    for c, expected in enumerate([0.0, 1e4, 2e4]):
        loss, dY = page.softmax_loss(Y, np.array([[c]]), np.ones((1, 1)))
        assert loss == expected
        assert np.all(np.isfinite(dY))


def calls(case: Case, dtype: type) -> dict[str, list[NDArray]]:
    """Arguments for each function of the page, in the given type."""
    v = {
        n: np.asarray(getattr(case, n)).astype(dtype)
        for n in ("X", "h_0", "W", "U", "b", "mask", "Y", "R", "G", "x", "h", "m")
    }
    H = page.sequence_forward(v["X"], v["h_0"], v["W"], v["U"], v["b"], v["mask"])
    step = [v["R"], v["x"], v["h_0"], v["h"], v["W"], v["U"]]
    sequence = [v["X"], v["h_0"], v["W"], v["U"], v["b"], v["mask"]]
    return {
        "step_forward": [v["x"], v["h_0"], v["W"], v["U"], v["b"]],
        "sequence_forward": sequence,
        "sequence_forward_hoisted": sequence,
        "softmax_loss": [v["Y"], case.targets.copy(), v["mask"]],
        "step_backward": step,
        "masked_step_backward": [*step, v["m"]],
        "sequence_backward": [v["G"], v["X"], H, v["h_0"], v["W"], v["U"], v["mask"]],
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_unmodified_and_dtype_kept(case: Case, dtype: type) -> None:
    for name, arguments in calls(case, dtype).items():
        before = [a.copy() for a in arguments]
        results = getattr(page, name)(*arguments)
        again = getattr(page, name)(*arguments)
        for a, old in zip(arguments, before, strict=True):
            assert np.array_equal(a, old), f"{name} changed its arguments"
        results = results if isinstance(results, tuple) else (results,)
        again = again if isinstance(again, tuple) else (again,)
        for r, s in zip(results, again, strict=True):
            assert r.dtype == dtype, f"{name} returned {r.dtype} for {dtype}"
            assert np.array_equal(r, s), f"{name} differs when called twice"


def test_mask_of_another_type_keeps_float32(case: Case) -> None:
    v = calls(case, np.float32)
    for mask in (case.mask, case.mask.astype(bool), case.mask.astype(int)):
        assert page.sequence_forward(*v["sequence_forward"][:-1], mask).dtype == np.float32
        assert page.softmax_loss(*v["softmax_loss"][:-1], mask)[1].dtype == np.float32
