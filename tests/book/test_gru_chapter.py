"""Chapter 7: the page's own NumPy functions. (Its numbered equations: tests/equations.)

The functions are taken from the page's source, so that what is tested is what is printed. Expected values come
from PyTorch's automatic differentiation and from complex steps, both in float64; with the reset after the product
the steps are those of torch.nn.GRUCell.
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

PAGE = Path(__file__).parents[2] / "book" / "gates" / "gru.md"
SOURCE = PAGE.read_text(encoding="utf-8")
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHER_FRAMEWORKS = re.compile(r"^:tags: \[(pytorch|tensorflow)\]", re.MULTILINE)
NETWORK = {"check_shapes", "sigmoid", "step_forward", "sequence_forward", "step_backward", "sequence_backward"}
OTHERS = {"complex_step", "chung_forward", "z_first", "adding", "copying", "norms_by_lag"}
PARAMETERS = ("X", "h_0", "W", "U", "b", "c")


def functions_of_the_page() -> SimpleNamespace:
    """Return the functions above, from the page's NumPy cells and its cells of no framework."""
    found: dict[str, object] = {"np": np}
    for cell in CELL.findall(SOURCE):
        if cell.startswith("---") or OTHER_FRAMEWORKS.search(cell):
            continue
        lines = [line for line in cell.splitlines() if not line.startswith((":", "%"))]
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef) and node.name in NETWORK | OTHERS:
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()


@dataclass
class Case:
    """A random problem with gaps in its mask; c is None where the reset stands before the product."""

    T: int
    B: int
    D: int
    H: int
    after: bool
    seed: int

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        T, B, D, H = self.T, self.B, self.D, self.H
        self.X: Array = rng.normal(size=(T, B, D))
        self.h_0: Array = 1.5 * rng.normal(size=(B, H))
        self.W: Array = rng.normal(size=(D, 3 * H)) / np.sqrt(D)
        self.U: Array = rng.normal(size=(H, 3 * H)) / np.sqrt(H)
        self.b: Array = rng.normal(size=3 * H)
        self.c: Array | None = rng.normal(size=H) if self.after else None
        self.mask = (rng.random((T, B)) < 0.6).astype(float)
        if T > 2:
            self.mask[:3, 0] = 1, 0, 1  # a gap
        if B > 1:
            self.mask[:, -1] = 0  # an empty sequence
        self.G = rng.normal(size=(T, B, H))

    @property
    def arguments(self) -> tuple:
        return self.X, self.h_0, self.W, self.U, self.b, self.c, self.mask

    def tensors(self) -> dict[str, torch.Tensor]:
        values = {name: getattr(self, name) for name in PARAMETERS}
        return {n: torch.tensor(v, requires_grad=True) for n, v in values.items() if v is not None}

    def states(self, v: dict[str, torch.Tensor]) -> torch.Tensor:
        """All states, row by row and written independently of the page."""
        h, states = list(v["h_0"].unbind(0)), []
        for t in range(self.T):
            for beta in range(self.B):
                if self.mask[t, beta]:
                    h[beta] = self.step(v, v["X"][t, beta], h[beta])
            states.append(torch.stack(h))
        return torch.stack(states)

    def step(self, v: dict[str, torch.Tensor], x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        H = self.H
        if self.after:
            zeros = torch.zeros(2 * H, dtype=torch.float64)
            cell = torch.nn.GRUCell(self.D, H, dtype=torch.float64)
            weights = {"weight_ih": v["W"].T, "weight_hh": v["U"].T, "bias_ih": v["b"]}
            weights["bias_hh"] = torch.cat([zeros, v["c"]])
            return torch.func.functional_call(cell, weights, (x[None], h[None]))[0]
        W, U, b = v["W"], v["U"], v["b"]
        gates = torch.special.expit(x @ W[:, : 2 * H] + h @ U[:, : 2 * H] + b[: 2 * H])
        candidate = torch.tanh(x @ W[:, 2 * H :] + (gates[:H] * h) @ U[:, 2 * H :] + b[2 * H :])
        return candidate + gates[H:] * (h - candidate)


SHAPES = [(5, 4, 3, 6), (4, 2, 6, 3), (3, 6, 2, 4), (1, 3, 2, 5), (6, 1, 4, 2), (1, 1, 3, 2), (1, 1, 1, 1)]
CASES = [(seed, shape, after) for seed, shape in enumerate(SHAPES) for after in (True, False)]


@pytest.fixture(params=CASES, ids=lambda p: "T{}-B{}-D{}-H{}".format(*p[1]) + ("-after" if p[2] else "-before"))
def case(request: pytest.FixtureRequest) -> Case:
    seed, (T, B, D, H), after = request.param
    return Case(T, B, D, H, after=after, seed=seed)


def assert_equal(found: Array, expected: Array, tolerance: float = 1e-12) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= tolerance * max(1.0, np.abs(expected).max(initial=0)))


def gradients(case: Case, G: Array | None = None) -> dict[str, Array]:
    """The page's gradients by name."""
    H, kept = page.sequence_forward(*case.arguments)
    dX, dh_0, weights = page.sequence_backward(case.G if G is None else G, *case.arguments, H, kept)
    names = PARAMETERS if case.after else PARAMETERS[:-1]
    return dict(zip(names, [dX, dh_0, *weights], strict=False))


def test_functions_are_found() -> None:
    assert set(vars(page)) >= NETWORK | OTHERS


def test_sequence_forward(case: Case) -> None:
    H, kept = page.sequence_forward(*case.arguments)
    assert_equal(H, case.states(case.tensors()).detach().numpy())
    assert len(kept) == case.T
    boolean = [*case.arguments[:-1], case.mask.astype(bool)]
    assert np.array_equal(page.sequence_forward(*boolean)[0], H)


def test_state_is_bounded(case: Case) -> None:
    """eq-gru-bound, with weights far too large."""
    X, h_0, W, U, b, c, mask = case.arguments
    H, _ = page.sequence_forward(X, h_0, 50 * W, 50 * U, b, c, mask)
    assert np.all(np.abs(H) <= np.maximum(np.abs(h_0), 1))


def test_padding_is_never_seen(case: Case) -> None:
    other = np.where(case.mask[:, :, None] > 0, case.X, 1e9)
    changed = [other, *case.arguments[1:]]
    assert np.array_equal(page.sequence_forward(*changed)[0], page.sequence_forward(*case.arguments)[0])
    dX = gradients(case)["X"]
    assert not dX[case.mask == 0].any()


def test_sequence_backward(case: Case) -> None:
    v = case.tensors()
    (torch.tensor(case.G) * case.states(v)).sum().backward()
    found = gradients(case)
    for name, tensor in v.items():
        expected = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        assert_equal(found[name], expected.numpy())

        def loss(value: Array, name: str = name) -> complex:
            changed = {n: getattr(case, n) for n in PARAMETERS} | {name: value}
            return (case.G * page.sequence_forward(**changed, mask=case.mask)[0]).sum()

        assert_equal(found[name], page.complex_step(loss, getattr(case, name)))


def test_backward_of_a_batch_is_that_of_its_rows(case: Case) -> None:
    """Rows never meet: dX and dh_0 of one sequence do not depend on the others."""
    whole = gradients(case)
    one = Case(case.T, 1, case.D, case.H, case.after, case.seed)
    for name in ("W", "U", "b", "c"):
        setattr(one, name, getattr(case, name))
    one.X, one.h_0, one.mask = case.X[:, :1], case.h_0[:1], case.mask[:, :1]
    alone = gradients(one, case.G[:, :1])
    assert_equal(alone["X"], whole["X"][:, :1])
    assert_equal(alone["h_0"], whole["h_0"][:1])


def test_huge_inputs_do_not_overflow(case: Case) -> None:
    with np.errstate(all="raise", under="ignore"):
        H, kept = page.sequence_forward(1e5 * case.X, *case.arguments[1:])
        page.sequence_backward(case.G, 1e5 * case.X, *case.arguments[1:], H, kept)
    assert np.all(np.isfinite(H))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_unmodified_and_dtype_kept(case: Case, dtype: type) -> None:
    arguments = [v if v is None else v.astype(dtype) for v in case.arguments[:-1]]
    for mask in (case.mask.astype(dtype), case.mask, case.mask.astype(bool), case.mask.astype(int)):
        given = [*arguments, mask]
        before = [v if v is None else v.copy() for v in given]
        G: Array = case.G.astype(dtype)
        H, kept = page.sequence_forward(*given)
        first, second = (page.sequence_backward(G, *given, H, kept) for _ in range(2))
        for one, two in zip(flat(first), flat(second), strict=True):
            assert one.dtype == H.dtype == dtype
            assert np.array_equal(one, two), "called twice, it differs"
        for v, old in zip(given, before, strict=True):
            assert v is None or old is None or np.array_equal(v, old), "an argument was changed"
        assert np.array_equal(G, case.G.astype(dtype))


def flat(result: tuple) -> list[Array]:
    dX, dh_0, weights = result
    return [dX, dh_0, *(v for v in weights if isinstance(v, np.ndarray))]


@pytest.mark.parametrize("name", ["h_0", "W", "U", "b", "c", "mask"])
def test_wrong_shapes_are_named(name: str) -> None:
    case = Case(5, 4, 3, 6, after=True, seed=0)
    arguments = dict(zip([*PARAMETERS, "mask"], case.arguments, strict=True))
    wrong = arguments[name]
    arguments[name] = np.concatenate([wrong, wrong], axis=-1)
    with pytest.raises(ValueError, match=rf"^{name}: expected shape|^W: expected shape"):
        page.sequence_forward(**arguments)


def test_wrong_dimensions_are_named() -> None:
    case = Case(5, 4, 3, 6, after=True, seed=0)
    with pytest.raises(ValueError, match=r"X must be \(T, B, D\)"):
        page.sequence_forward(case.X[:, 0], *case.arguments[1:])
    H, kept = page.sequence_forward(*case.arguments)
    with pytest.raises(ValueError, match=r"^G: expected shape"):
        page.sequence_backward(case.G[:, :1], *case.arguments, H, kept)


def test_the_other_convention_needs_one_sign() -> None:
    case = Case(5, 4, 3, 6, after=False, seed=1)
    H, _ = page.sequence_forward(*case.arguments[:-1], np.ones((5, 4)))
    flip = np.repeat([1.0, -1.0, 1.0], 6)
    assert_equal(page.chung_forward(case.X, case.h_0, case.W * flip, case.U * flip, case.b * flip), H)
    blocks = np.repeat([[1.0, 2.0, 3.0]], 6, axis=0).ravel()[None]
    assert_equal(page.z_first(page.z_first(blocks)), blocks)


# --- The experiments' problems --------------------------------------------------------------------


def test_adding() -> None:
    X, y = page.adding(np.random.default_rng(0), T=12, B=200)
    assert X.shape == (12, 200, 2)
    assert X.dtype == y.dtype == np.float32
    assert np.all(X[:6, :, 1].sum(axis=0) == 1)
    assert np.all(X[6:, :, 1].sum(axis=0) == 1)
    assert_equal(y, np.where(X[:, :, 1] > 0, X[:, :, 0], 0).sum(axis=0), 1e-6)


def test_copying() -> None:
    X, y = page.copying(np.random.default_rng(0), blanks=5, B=50)
    assert X.shape == (11, 50, 5)
    assert np.array_equal(X[:3].argmax(axis=-1), y)
    assert not X[3:8].any()
    assert np.all(X[8:, :, 4] == 1)
    assert X[8:].sum() == 150


def test_norms_by_lag_are_those_of_autograd() -> None:
    from autograder.recurrent import GRU
    from autograder.recurrent.initial import gru_parameters

    rng = np.random.default_rng(0)
    P = gru_parameters(rng, 3, 4)
    X, R = rng.normal(size=(6, 2, 3)), rng.normal(size=(2, 4))
    found = page.norms_by_lag(GRU(P["W"], P["U"], P["b"], P["c"]), X, R)
    case = Case(6, 2, 3, 4, after=True, seed=0)
    case.W, case.U, case.b, case.c, case.X = P["W"], P["U"], P["b"], P["c"], X
    case.h_0, case.mask = np.zeros((2, 4)), np.ones((6, 2))
    v, expected = case.tensors(), []
    for t in range(6):
        h = case.states(v)[t - 1].detach().numpy() if t else case.h_0
        later = Case(6 - t, 2, 3, 4, after=True, seed=0)
        later.W, later.U, later.b, later.c = case.W, case.U, case.b, case.c
        later.X, later.h_0, later.mask = X[t:], h, np.ones((6 - t, 2))
        tensors = later.tensors()
        (torch.tensor(R) * later.states(tensors)[-1]).sum().backward()
        assert tensors["h_0"].grad is not None
        expected.append(np.linalg.norm(tensors["h_0"].grad.numpy()))
    assert_equal(found, np.array(expected)[::-1] / np.linalg.norm(R))
