"""Chapter 9: the page's own functions. (Its numbered equations: tests/equations.)

Taken from the page's source, so that what is tested is what is printed. Expected values come from PyTorch's automatic
differentiation, from other code of the course, and from the definitions.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from autograder.recurrent import Stack, VanillaRNN, reverse_by_length

Array = NDArray[Any]
PAGE = Path(__file__).parents[2] / "book" / "composition" / "deep-and-variable-length.md"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHER_FRAMEWORKS = re.compile(r"\[(pytorch|tensorflow)\]")


def functions_of_the_page(other: str = "", **given: object) -> SimpleNamespace:
    """Return the functions that the page defines in its NumPy and its common cells; nothing else of the cells runs.

    other: "pytorch" or "tensorflow", for the functions of that framework's cells instead.
    """
    found: dict[str, object] = {"np": np, **given}
    for cell in CELL.finditer(PAGE.read_text(encoding="utf-8")):
        code = cell.group(1).rpartition("---\n")[2]
        options = [line for line in code.splitlines() if line.startswith(":")]
        framework = OTHER_FRAMEWORKS.search(" ".join(options))
        if (framework.group(1) if framework else "") != other:
            continue
        lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef):
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()


@dataclass
class Case:
    """A random problem: T, B, D, H, L, with masks that have gaps, non-zero states and biases."""

    T: int
    B: int
    D: int
    H: int
    L: int

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.T + 10 * self.B + 100 * self.H)
        self.X = rng.normal(size=(self.T, self.B, self.D))
        self.G = rng.normal(size=(self.T, self.B, self.H))
        self.S = rng.normal(size=(self.B, self.H))
        self.starts = [rng.uniform(-0.9, 0.9, size=(self.B, self.H)) for _ in range(self.L)]
        self.layers = [
            (rng.normal(size=(D, self.H)), rng.normal(size=(self.H, self.H)) / np.sqrt(self.H), rng.normal(size=self.H))
            for D in [self.D] + (self.L - 1) * [self.H]
        ]
        self.mask = (rng.random((self.T, self.B)) < 0.6).astype(float)
        self.mask[:3, 0] = (1, 0, 1)[: self.T]
        if self.B > 1:
            self.mask[:, -1] = 0
        self.lengths = rng.integers(0, self.T + 1, size=self.B)
        self.lengths[rng.integers(self.B)] = self.T
        self.by_length = (np.arange(self.T)[:, None] < self.lengths).astype(float)


SHAPES = [(5, 4, 3, 6, 2), (4, 2, 6, 3, 3), (1, 3, 2, 5, 2), (6, 1, 4, 2, 1), (1, 1, 2, 3, 2), (3, 5, 2, 4, 4)]


@pytest.fixture(params=SHAPES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(*request.param)


def assert_equal(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


def flat(gradients: tuple[Array, list[list[Array]]]) -> list[Array]:
    return [gradients[0], *(g for layer in gradients[1] for g in layer)]


def by_torch(case: Case, residual: bool) -> tuple[Array, list[Array]]:
    """Outputs and all gradients of a stack written row by row, without `where`."""
    X = torch.tensor(case.X, requires_grad=True)
    leaves = [
        [torch.tensor(v, requires_grad=True) for v in (h, *w)] for h, w in zip(case.starts, case.layers, strict=True)
    ]
    below = X
    for h_0, W, U, b in leaves:
        rows = []
        for beta in range(case.B):
            h, states = h_0[beta], []
            for t in range(case.T):
                if case.mask[t, beta]:
                    h = torch.tanh(below[t, beta] @ W + h @ U + b)
                states.append(h)
            rows.append(torch.stack(states))
        H = torch.stack(rows, dim=1)
        below = H + below if residual else H
    (torch.tensor(case.G) * below).sum().backward()
    tensors = [X, *(v for layer in leaves for v in layer)]
    return below.detach().numpy(), [np.zeros(v.shape) if v.grad is None else v.grad.numpy() for v in tensors]


@pytest.mark.parametrize("residual", [False, True])
def test_stack(case: Case, residual: bool) -> None:
    if residual:
        case.X, case.layers[0] = case.G * 0.7, (case.layers[0][1] * 0.9, *case.layers[0][1:])
    rest = [case.starts, case.layers, case.mask]
    levels, states = page.stack_forward(case.X, *rest, page.layer_forward, residual)
    found = page.stack_backward(case.G, levels, states, *rest, page.layer_backward, residual)
    output, expected = by_torch(case, residual)
    assert_equal(levels[-1], output)
    for mine, theirs in zip(flat(found), expected, strict=True):
        assert_equal(mine, theirs)
    assert not found[0][case.mask == 0].any() or residual, "the gradient at padding is zero, not small"


def test_stack_is_the_reference_stack(case: Case) -> None:
    stack = Stack(tuple(VanillaRNN(*layer) for layer in case.layers))
    run = stack.forward(case.X, tuple(case.starts), case.mask)
    levels, _ = page.stack_forward(case.X, case.starts, case.layers, case.mask, page.layer_forward)
    assert_equal(levels[-1], run.H)


def test_packed_layer_is_the_masked_layer(case: Case) -> None:
    """Sequences of length zero among them."""
    h_0, (W, U, b) = case.starts[0], case.layers[0]
    rows, sizes, order = page.pack(case.X, case.lengths)
    assert len(rows) == case.lengths.sum()
    H_rows, last = page.packed_forward(rows, sizes, order, h_0, W, U, b)
    H = page.layer_forward(case.X, h_0, W, U, b, case.by_length)
    real = case.by_length[:, :, None]
    assert_equal(page.unpack(H_rows, sizes, order, case.B), real * H)
    assert_equal(last, H[-1])

    G = real * case.G
    drows, *rest = page.packed_backward(page.pack(G, case.lengths)[0], case.S, rows, H_rows, sizes, order, h_0, W, U)
    G[-1] += case.S
    dX, *expected = page.layer_backward(G, case.X, H, h_0, W, U, case.by_length)
    assert_equal(page.unpack(drows, sizes, order, case.B), dX)
    for mine, theirs in zip(rest, expected, strict=True):
        assert_equal(mine, theirs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_unmodified_and_dtype_kept(case: Case, dtype: type) -> None:
    def cast(v: Any) -> Any:
        return type(v)(map(cast, v)) if isinstance(v, list | tuple) else v.astype(dtype)

    X, G, S, starts, layers = map(cast, (case.X, case.G, case.S, case.starts, case.layers))
    h_0, (W, U, b), mask = starts[0], layers[0], case.by_length.astype(bool)
    H = page.layer_forward(X, h_0, W, U, b, mask)
    rows, sizes, order = page.pack(X, case.lengths)
    H_rows, _ = page.packed_forward(rows, sizes, order, h_0, W, U, b)
    packed_G = page.pack(G, case.lengths)[0]
    calls = [
        (page.layer_forward, [X, h_0, W, U, b, mask]),
        (page.layer_backward, [G, X, H, h_0, W, U, mask]),
        (page.packed_forward, [rows, sizes, order, h_0, W, U, b]),
        (page.packed_backward, [packed_G, S, rows, H_rows, sizes, order, h_0, W, U]),
    ]
    for function, arguments in calls:
        before = [a.copy() for a in arguments]
        first, again = function(*arguments), function(*arguments)
        if not isinstance(first, tuple):
            first, again = (first,), (again,)
        for one, other in zip(first, again, strict=True):
            assert one.dtype == dtype, function.__name__
            assert np.array_equal(one, other), "a second call differs"
        for a, old in zip(arguments, before, strict=True):
            assert np.array_equal(a, old), f"{function.__name__} changed its arguments"


def test_wrong_shapes_are_refused() -> None:
    case = Case(5, 4, 3, 6, 2)
    with pytest.raises(ValueError, match="mask"):
        page.layer_forward(case.X, case.starts[0], *case.layers[0], case.mask.T)
    W, U, b = case.layers[0]
    with pytest.raises(ValueError, match=r"^U: expected shape"):
        page.layer_forward(case.X, case.starts[0], W, U[:, :-1], b, case.mask)
    with pytest.raises(ValueError, match=r"X must be \(T, B, D\)"):
        page.layer_forward(case.X[:, 0], case.starts[0], *case.layers[0], case.mask)
    rest = [case.layers, case.mask, page.layer_forward]
    with pytest.raises(ValueError, match="first state"):
        page.stack_forward(case.X, case.starts[:1], *rest)
    with pytest.raises(ValueError, match="residual"):
        page.stack_forward(case.X, case.starts, *rest, residual=True)
    with pytest.raises(ValueError, match="lengths"):
        page.pack(case.X, case.lengths + 1)


def test_reverse(case: Case) -> None:
    turned = page.reverse(case.X, case.lengths)
    assert np.array_equal(turned, reverse_by_length(case.X, case.by_length))
    assert np.array_equal(page.reverse(turned, case.lengths), case.X)


def test_bidirectional_is_each_sequence_alone(case: Case) -> None:
    two = [case.layers[0], tuple(0.8 * v for v in case.layers[0])]
    H = page.bidirectional(case.X, two, lambda v: page.reverse(v, case.lengths), case.by_length)
    for beta, n in enumerate(case.lengths):
        if n:
            alone = page.bidirectional(case.X[:n, [beta]], two, lambda v: v[::-1], np.ones((n, 1)))
            assert_equal(H[:n, [beta]], alone)


@pytest.mark.parametrize("place", ["between", "each step", "one draw", "written", "zoneout"])
@pytest.mark.parametrize("q", [0.8, 0.95])
def test_dropout_moments(place: str, q: float) -> None:
    """By counting all outcomes of three steps, rather than by drawing."""
    u, k = 0.9, 3
    moments = np.zeros(3)
    for outcome in range(2 ** (k + 1)):
        once, *kept = (outcome >> n & 1 for n in range(k + 1))
        weight = math.prod(q if kept_now else 1 - q for kept_now in (once, *kept))
        outcomes: dict[str, float] = {
            "between": u**k,
            "each step": math.prod(u * kept_now / q for kept_now in kept),
            "one draw": (u * once / q) ** k,
            "written": once / q * u**k,
            "zoneout": math.prod(u if kept_now else 1.0 for kept_now in kept),
        }
        value = outcomes[place]
        moments += weight * np.array([value, value**2, value != 0])
    assert_equal(np.array(page.expected(place, q, u, k)), moments)


def test_normalised_is_layer_norm() -> None:
    v = np.random.default_rng(0).normal(size=(3, 7))
    found, factor = page.normalised(v)
    assert_equal(found, torch.nn.functional.layer_norm(torch.tensor(v), [7], eps=0.0).numpy())
    assert_equal(factor[:, 0], 1 / v.std(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
def test_the_same_layer_in_every_framework(case: Case, framework: str, dtype: type) -> None:
    shared = {"check_shapes": page.check_shapes}
    if framework == "pytorch":
        theirs, convert, suffix = functions_of_the_page("pytorch", torch=torch, **shared), torch.tensor, "torch"
    else:
        tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
        theirs, convert, suffix = functions_of_the_page("tensorflow", tf=tf, **shared), tf.constant, "tf"
    W, U, b = case.layers[0]
    arrays: list[Array] = [v.astype(dtype) for v in (case.X, case.G, case.starts[0], W, U, b, case.mask)]
    X, G, h_0, W, U, b, mask = arrays
    H = page.layer_forward(X, h_0, W, U, b, mask)
    found = getattr(theirs, f"layer_forward_{suffix}")(*map(convert, (X, h_0, W, U, b, mask)))
    back = getattr(theirs, f"layer_backward_{suffix}")(*map(convert, (G, X, H, h_0, W, U, mask)))
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    for mine, other in zip((H, *page.layer_backward(G, X, H, h_0, W, U, mask)), (found, *back), strict=True):
        assert np.asarray(other).dtype == dtype
        np.testing.assert_allclose(mine, np.asarray(other), rtol=tolerance, atol=tolerance)


def test_clockwork_gradient_is_that_of_pytorch() -> None:
    periods, gain, T, each = (1, 2, 3), 0.8, 7, 2
    found = page.clockwork_gradient(periods, gain, T, each, seed=3)
    rng = np.random.default_rng(3)
    tau = np.repeat(periods, each)
    dense = gain * np.linalg.qr(rng.normal(size=(6, 6)))[0]
    U = np.zeros((6, 6))
    for p in range(3):
        own = slice(p * each, (p + 1) * each)
        U[own, own] = gain * np.linalg.qr(rng.normal(size=(each, each)))[0]
        U[own, : p * each] = dense[own, : p * each]  # a longer period feeds the shorter ones
    h = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    states = [h]
    for t in range(1, T + 1):
        new = torch.tanh(torch.tensor(0.3 * rng.normal(size=6)) + h @ torch.tensor(U))
        h = torch.where(torch.tensor(t % tau == 0), new, h)
        states.append(h)
    gradients = torch.autograd.grad((torch.tensor(rng.normal(size=6)) * h).sum(), states)
    for p in periods:
        expected = [np.linalg.norm(g.numpy()[tau == p]) for g in reversed(gradients)]
        assert_equal(found[p], np.array(expected))


@pytest.mark.parametrize("layer_norm", [False, True])
def test_gradient_by_lag_is_that_of_pytorch(layer_norm: bool) -> None:
    T, H = 6, 5
    found = page.gradient_by_lag(1.3, layer_norm, T, H, seed=4)
    rng = np.random.default_rng(4)
    U = torch.tensor(1.3 * rng.normal(size=(H, H)) / np.sqrt(H))
    h = torch.tensor(rng.normal(size=(1, H)), requires_grad=True)
    states = [h]
    for _ in range(T):
        product = h @ U
        if layer_norm:
            product = torch.nn.functional.layer_norm(product, [H], eps=0.0)
        h = torch.tanh(torch.tensor(0.5 * rng.normal(size=(1, H))) + product)
        states.append(h)
    gradients = torch.autograd.grad((torch.tensor(rng.normal(size=(1, H))) * h).sum(), states)
    norms = np.array([np.linalg.norm(g.numpy()) for g in reversed(gradients)])
    assert_equal(found, norms / norms[0])
