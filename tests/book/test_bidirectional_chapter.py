"""Chapter 8: the page's own functions. (Its numbered equations: tests/equations.)

The functions are taken from the page's source, so that what is tested is what is printed. Expected values come from
PyTorch's automatic differentiation and from complex steps, in float64. What the page defines in all three frameworks
is compared in either precision.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from jupytext import read
from numpy.typing import NDArray

Array = NDArray[Any]
PAGE = Path(__file__).parents[2] / "book" / "composition" / "bidirectional.md"
MERGES = ("concat", "sum", "average", "product")


def functions_of_the_page() -> SimpleNamespace:
    """Return all functions that the page defines, in the order of its cells; nothing else of the cells runs."""
    found: dict[str, Any] = {"np": np, "torch": torch}
    with suppress(ImportError):
        import tensorflow as tf

        found["tf"] = tf
    for cell in read(PAGE).cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if not line.startswith("%")]
            for node in ast.parse("\n".join(lines)).body:
                if isinstance(node, ast.FunctionDef):
                    exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()


@dataclass
class Case:
    """A random right-padded batch, two halves of a cell of n gates, and what reaches their states."""

    T: int
    B: int
    D: int
    H: int
    n: int = 1
    seed: int = 0
    dtype: type = np.float64

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        T, B, D, H, n = self.T, self.B, self.D, self.H, self.n
        self.lengths = rng.integers(0, T + 1, size=B)  # an empty sequence may be among them
        self.lengths[0] = T
        self.mask: Array = (np.arange(T)[:, None] < self.lengths).astype(self.dtype)
        self.X: Array = rng.normal(size=(T, B, D)).astype(self.dtype)
        self.G_fwd, self.G_bwd = rng.normal(size=(2, T, B, H)).astype(self.dtype)
        self.halves = []
        for _ in range(2):
            half = {
                "h_0": rng.uniform(-0.9, 0.9, size=(B, H)),
                "W": rng.normal(size=(D, n * H)),
                "U": rng.normal(size=(H, n * H)) / np.sqrt(H),
                "b": rng.normal(size=n * H),
            }
            if n == 4:
                half["c_0"] = rng.normal(size=(B, H))
            self.halves.append({name: v.astype(self.dtype) for name, v in half.items()})


SHAPES = [(6, 4, 3, 5), (4, 2, 5, 3), (3, 6, 2, 4), (1, 3, 2, 5), (5, 1, 4, 2), (1, 1, 3, 2), (1, 1, 1, 1)]
CELLS = {1: "vanilla", 4: "lstm"}


@pytest.fixture(params=enumerate(SHAPES), ids=lambda p: "T{}-B{}-D{}-H{}".format(*p[1]))
def shape(request: pytest.FixtureRequest) -> tuple[int, tuple[int, ...]]:
    return request.param


def case_of(shape: tuple[int, tuple[int, ...]], n: int = 1, dtype: type = np.float64) -> Case:
    seed, (T, B, D, H) = shape
    return Case(T, B, D, H, n=n, seed=seed, dtype=dtype)


def assert_equal(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= tolerance * max(1.0, np.abs(expected).max(initial=0)))


def states_by_loop(X: Any, P: dict[str, Any], lengths: Array, back: bool) -> Any:
    """One half's states at real steps, sequence by sequence, in PyTorch; zeros on padding. Independent of the page."""
    T, B, _ = X.shape
    width = P["h_0"].shape[1]
    out = [[torch.zeros(width, dtype=X.dtype) for _ in range(B)] for _ in range(T)]
    for beta in range(B):
        h, c = P["h_0"][beta], P["c_0"][beta] if "c_0" in P else None
        order = range(int(lengths[beta]))
        for t in reversed(order) if back else order:
            a = X[t, beta] @ P["W"] + h @ P["U"] + P["b"]
            if c is None:
                h = torch.tanh(a)
            else:
                i, f, g, o = a.chunk(4)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            out[t][beta] = h
    return torch.stack([torch.stack(row) for row in out])


def run_of_the_page(case: Case) -> tuple[Array, Array, Any]:
    run = getattr(page, f"{CELLS[case.n]}_forward")
    return page.bidirectional_forward(case.X, *case.halves, case.mask, run=run)


# --- reversal -------------------------------------------------------------------------------------------------


def test_reversal_by_length(shape: tuple[int, tuple[int, ...]]) -> None:
    case = case_of(shape)
    found = page.reverse(case.X, case.mask)
    for beta, n in enumerate(case.lengths):
        assert np.array_equal(found[:n, beta], case.X[:n, beta][::-1])
        assert np.array_equal(found[n:, beta], case.X[n:, beta])
    assert np.array_equal(page.reverse(found, case.mask), case.X)
    assert np.array_equal(page.reverse(case.X, case.mask.astype(bool)), found)


def test_reversal_refuses_gaps_and_other_shapes() -> None:
    X = np.zeros((3, 2, 4))
    gap = np.array([[1, 1], [0, 1], [1, 0]])
    for mask in (gap, np.ones((2, 3)), np.ones((4, 2))):
        with pytest.raises(ValueError, match="mask"):
            page.reverse(X, mask)
        with pytest.raises(ValueError, match="mask"):
            page.reverse_torch(torch.tensor(X), torch.tensor(mask))
        if hasattr(page, "tf"):
            with pytest.raises(ValueError, match="mask"):
                page.reverse_tf(page.tf.constant(X), page.tf.constant(mask))


# --- forward and backward ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", CELLS)
def test_bidirectional_network(shape: tuple[int, tuple[int, ...]], n: int) -> None:
    case = case_of(shape, n)
    *states, saved = run_of_the_page(case)
    real = case.mask[:, :, None] > 0
    X = torch.tensor(case.X, requires_grad=True)
    halves = [{name: torch.tensor(v, requires_grad=True) for name, v in P.items()} for P in case.halves]
    loss = torch.zeros((), dtype=torch.float64)
    masked = [np.where(real, G, 0) for G in (case.G_fwd, case.G_bwd)]
    for found, P, G, back in zip(states, halves, masked, (False, True), strict=True):
        expected = states_by_loop(X, P, case.lengths, back)
        assert_equal(np.where(real, found, 0), expected.detach())
        loss = loss + (torch.tensor(G) * expected).sum()
    loss.backward()
    backward = partial(page.bidirectional_backward, back=getattr(page, f"{CELLS[n]}_backward"))
    dX, *gradients = backward(*masked, saved, case.mask)
    assert X.grad is not None
    assert_equal(dX, X.grad)
    for mine, P in zip(gradients, halves, strict=True):
        assert mine.keys() == P.keys()
        for name, v in P.items():
            assert_equal(mine[name], np.zeros(v.shape) if v.grad is None else v.grad)


@pytest.mark.parametrize("n", CELLS)
def test_gradients_that_reach_padding(n: int) -> None:
    """G at padded steps: against complex steps of the page's own forward."""
    case = Case(4, 3, 2, 3, n=n, seed=8)
    case.lengths[:] = 4, 2, 0
    case.mask = (np.arange(4)[:, None] < case.lengths).astype(float)
    run = getattr(page, f"{CELLS[n]}_forward")
    *_, saved = run_of_the_page(case)
    back = getattr(page, f"{CELLS[n]}_backward")
    _, *found = page.bidirectional_backward(case.G_fwd, case.G_bwd, saved, case.mask, back=back)
    for k, P in enumerate(case.halves):
        for name, value in P.items():
            for place in np.ndindex(value.shape):
                moved = [dict(half) for half in case.halves]
                moved[k][name] = value.astype(complex)
                moved[k][name][place] += 1e-30j
                to_right, to_left, _ = page.bidirectional_forward(case.X + 0j, *moved, case.mask, run=run)
                loss = (case.G_fwd * to_right).sum() + (case.G_bwd * to_left).sum()
                assert abs(found[k][name][place] - loss.imag / 1e-30) < 1e-11


@pytest.mark.parametrize("n", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_unmodified_dtype_kept_and_backward_twice(
    shape: tuple[int, tuple[int, ...]], n: int, dtype: type
) -> None:
    case = case_of(shape, n, dtype)
    case.mask = case.mask.astype(np.float64)  # of another type than the rest
    arrays = [case.X, case.mask, case.G_fwd, case.G_bwd, *(v for P in case.halves for v in P.values())]
    before = [v.copy() for v in arrays]
    *states, saved = run_of_the_page(case)
    back = getattr(page, f"{CELLS[n]}_backward")
    once, twice = (page.bidirectional_backward(case.G_fwd, case.G_bwd, saved, case.mask, back=back) for _ in range(2))
    assert all(v.dtype == dtype for v in states)
    assert all(np.array_equal(v, old) for v, old in zip(arrays, before, strict=True))
    assert once[0].dtype == dtype
    assert np.array_equal(once[0], twice[0])
    for one, two in zip(once[1:], twice[1:], strict=True):
        for name in one:
            assert one[name].dtype == dtype, name
            assert np.array_equal(one[name], two[name])


def in_framework(name: str, dtype: type) -> tuple[str, Any, float]:
    """The suffix of a framework's functions, how arrays become its tensors, and what rounding may cost."""
    tolerance = 1e-12 if dtype is np.float64 else 3e-4
    if name == "pytorch":
        return "_torch", torch.tensor, tolerance
    return "_tf", pytest.importorskip("tensorflow").constant, tolerance


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_three_frameworks_compute_the_same(shape: tuple[int, tuple[int, ...]], framework: str, dtype: type) -> None:
    case = case_of(shape, dtype=dtype)
    suffix, tensor, tolerance = in_framework(framework, dtype)
    halves = [{name: tensor(v) for name, v in P.items()} for P in case.halves]
    forward, backward = (getattr(page, f"bidirectional_{way}{suffix}") for way in ("forward", "backward"))
    *states, saved = forward(tensor(case.X), *halves, tensor(case.mask))
    *ours, ours_saved = run_of_the_page(case)
    for mine, theirs in zip(ours, states, strict=True):
        assert np.asarray(theirs).dtype == dtype
        assert_equal(theirs, mine, tolerance)
    mine = page.bidirectional_backward(case.G_fwd, case.G_bwd, ours_saved, case.mask)
    theirs = backward(tensor(case.G_fwd), tensor(case.G_bwd), saved, tensor(case.mask))
    assert_equal(theirs[0], mine[0], tolerance)
    for one, other in zip(mine[1:], theirs[1:], strict=True):
        for name in one:
            assert np.asarray(other[name]).dtype == dtype
            assert_equal(other[name], one[name], tolerance)
    for how in MERGES:
        merge = getattr(page, f"merge{suffix}")
        assert_equal(merge(*states, how), page.merge(*ours, how), tolerance)


# --- merges, and the network of the experiments -------------------------------------------------------------------


@pytest.mark.parametrize("how", MERGES)
def test_merges(shape: tuple[int, tuple[int, ...]], how: str) -> None:
    case = case_of(shape)
    pair = [torch.tensor(v, requires_grad=True) for v in (case.G_fwd, case.G_bwd)]  # any two arrays
    merged = page.merge_torch(*pair, how)
    G = np.random.default_rng(1).normal(size=merged.shape)
    (torch.tensor(G) * merged).sum().backward()
    assert_equal(page.merge(case.G_fwd, case.G_bwd, how), merged.detach())
    for mine, v in zip(page.merge_backward(G, case.G_fwd, case.G_bwd, how), pair, strict=True):
        assert v.grad is not None
        assert_equal(mine, v.grad)


@pytest.mark.parametrize("how", ["forward", *MERGES])
def test_loss_and_gradients(how: str) -> None:
    case = Case(5, 3, 2, 4, seed=3)
    rng = np.random.default_rng(4)
    K = 3
    P = page.initial_parameters(2, 4, K, how, rng)
    targets = rng.integers(K, size=case.mask.shape)
    answered = case.mask * (rng.random(case.mask.shape) < 0.8)
    answered[0, 0] = 1
    arguments = case.X, case.mask, targets, answered, how
    loss, grads = page.loss_and_gradients(P, *arguments)
    Y, _ = page.network(P, case.X, case.mask, how)
    logits, classes = torch.tensor(Y).flatten(0, 1), torch.tensor(targets).flatten()
    each = torch.nn.functional.cross_entropy(logits, classes, reduction="none")
    assert_equal(loss, (each.numpy() * answered.ravel()).sum() / answered.sum())
    for part in P:
        for name, value in P[part].items():
            E = rng.normal(size=value.shape)
            losses = []
            for step in (1e-5, -1e-5):
                moved = {k: dict(v) for k, v in P.items()}
                moved[part][name] = value + step * E
                losses.append(page.loss_and_gradients(moved, *arguments)[0])
            slope = (losses[0] - losses[1]) / 2e-5
            assert abs((grads[part][name] * E).sum() - slope) < 1e-8 * max(1, abs(slope))


def test_causality_is_recognised() -> None:
    X = np.random.default_rng(0).normal(size=(6, 2, 3))
    assert page.is_causal(lambda X: np.cumsum(X, axis=0), X, 3)
    assert not page.is_causal(lambda X: np.cumsum(X[::-1], axis=0)[::-1], X, 3)


def test_prefixes_are_all_that_is_seen_in_use() -> None:
    """`as_used` gives the network nothing beyond the prefix: a network that copies its last input guesses."""
    seen = []

    def network(P: Any, X: Array, mask: Array, how: str) -> tuple[Array, None]:
        seen.append(len(X))
        return np.zeros((*X.shape[:2], 4)), None

    scope = {**page.as_used.__globals__, "network": network, "T_text": 6, "K": 4}
    for name in ("text", "as_used"):
        scope[name] = FunctionType(getattr(page, name).__code__, scope, argdefs=getattr(page, name).__defaults__)
    assert abs(scope["as_used"]({}, "concat", np.random.default_rng(0)) - np.log(4)) < 1e-12
    assert seen == [1, 2, 3, 4, 5]
