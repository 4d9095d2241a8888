"""Chapter 2: the page's own NumPy functions and classes, taken from its source and held to PyTorch's derivatives."""

from __future__ import annotations

import ast
import itertools
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

PAGE = Path(__file__).parents[2] / "book" / "foundations" / "gradient-checking.md"
SOURCE = PAGE.read_text(encoding="utf-8")
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_PLAIN_NUMPY = re.compile(r"\b(pytorch|tensorflow|hide-input)\b")
TABLES = {"DUAL_RULES", "NODE_RULES", "MUTANTS", "BOTH", "SIDE"}
SHAPES = [(4, 3, 2, 5), (3, 5, 4, 2), (1, 4, 3, 2), (5, 1, 3, 4), (1, 1, 1, 1)]
ARGUMENTS = ("X", "h_0", "W", "U", "b")


def of_the_page() -> tuple[SimpleNamespace, dict[str, str]]:
    """The functions, classes and tables of the page's NumPy cells and cells of no framework, and their sources."""
    found: dict[str, Any] = {"np": np, "itertools": itertools, "warnings": warnings}
    sources = {}
    for cell in CELL.findall(SOURCE):
        head, _, code = cell.rpartition("---\n") if cell.startswith("---") else ("", "", cell)
        options = [line for line in code.splitlines() if line.startswith(":")]
        if NOT_PLAIN_NUMPY.search(head + " ".join(options)):
            continue
        code = "\n".join(line for line in code.splitlines() if not line.startswith((":", "%")))
        for node in ast.parse(code).body:
            table = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in TABLES
            if table or isinstance(node, ast.FunctionDef | ast.ClassDef):
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
                if isinstance(node, ast.FunctionDef):
                    sources[node.name] = ast.get_source_segment(code, node) or ""
    return SimpleNamespace(**found), sources


page, SOURCES = of_the_page()


@pytest.fixture(params=SHAPES, ids=str)
def problem(request: pytest.FixtureRequest) -> dict[str, Any]:
    return page.random_problem(*request.param, seed=3)


def by_torch(problem: dict[str, Any], mask: Any = None) -> tuple[Any, dict[str, Any]]:
    """States and gradients of sum(R * H)."""
    leaves = {k: torch.tensor(problem[k], requires_grad=True) for k in ARGUMENTS}
    h, states = leaves["h_0"], []
    for t, x in enumerate(leaves["X"]):
        new = torch.tanh(x @ leaves["W"] + h @ leaves["U"] + leaves["b"])
        h = new if mask is None else torch.where(torch.tensor(mask[t][:, None]) > 0, new, h)
        states.append(h)
    H = torch.stack(states)
    (torch.tensor(problem["R"]) * H).sum().backward()
    return H.detach().numpy(), {k: v.grad.numpy() for k, v in leaves.items()}  # type: ignore[union-attr]


def along(problem: dict[str, Any], name: str) -> Callable[[Any], Any]:
    """The loss as a function of one argument, in its precision."""
    return lambda v: page.loss(**{k: a.astype(v.dtype) for k, a in problem.items()} | {name: v})


def off(found: Any, wanted: Any) -> float:
    size = np.linalg.norm(wanted)
    return float(np.linalg.norm(found - wanted) / (size if size else 1))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_differences_and_complex_step(problem, name):
    true, v = by_torch(problem)[1][name], problem[name]
    before = v.copy()
    for method, step, tolerance in (("forward", 1e-8, 1e-5), ("central", 1e-5, 1e-7)):
        found = getattr(page, f"{method}_difference")(along(problem, name), v, step)
        assert found.shape == v.shape
        assert found.dtype == v.dtype
        assert off(found, true) < tolerance
    found = page.complex_step(along(problem, name), v)
    assert found.shape == v.shape
    assert found.dtype == np.float64
    assert off(found, true) < 1e-13
    assert np.array_equal(v, before), "the argument is not changed"


def test_single_precision_stays_single(problem):
    small = problem["U"].astype(np.float32)
    true = by_torch(problem)[1]["U"]
    for method, step, tolerance in (("central_difference", 1e-2, 3e-3), ("complex_step", 1e-30, 1e-5)):
        found = getattr(page, method)(along(problem, "U"), small, step)
        assert found.dtype == np.float32
        assert off(found, true) < tolerance


def test_orders_of_the_errors():
    """Half the step: half the error forward, a quarter centrally and sideways."""
    v, true = np.array([0.3, -0.5]), 1 / np.cosh([0.3, -0.5]) ** 2

    def f(v):
        return np.tanh(v).sum()

    for method, factor in ((page.forward_difference, 2), (page.central_difference, 4), (page.complex_step, 4)):
        one, half = (method(f, v, eps) - true for eps in (1e-2, 5e-3))
        assert np.allclose(one / half, factor, rtol=0.03)


def test_a_direction(problem):
    rng = np.random.default_rng(4)
    R, arrays = problem["R"], {k: problem[k] for k in ARGUMENTS}
    E = {k: rng.normal(size=v.shape) / 10 for k, v in arrays.items()}
    found = page.directional_difference(lambda **a: page.loss(**a, R=R), arrays, E, 1e-5)
    gradients = by_torch(problem)[1]
    assert np.isclose(found, sum((gradients[k] * E[k]).sum() for k in E), rtol=1e-6, atol=1e-8)


def test_third_derivatives():
    v = np.array([0.4, -1.0])
    h = np.tanh(v)
    true = (1 - h**2) * (6 * h**2 - 2)
    assert np.allclose(page.third_derivatives(lambda v: np.tanh(v).sum(), v), true, rtol=1e-4)


def test_relative_error():
    A = np.random.default_rng(5).normal(size=(2, 3))
    assert page.relative_error(A, A) == page.relative_error(0 * A, 0 * A) == 0
    for c in (-1.0, 2.0, 0.5, 0.0, -3.0):
        assert np.isclose(page.relative_error(c * A, A), abs(c - 1) / max(abs(c), 1))
    assert np.isnan(page.relative_error(np.nan * A, A))
    with pytest.raises(AssertionError, match="its shape"):
        page.relative_error(A, A.T)


def test_sigmoid():
    a = np.array([-1e4, -3.0, 0.0, 2.0, 1e4])
    assert np.allclose(page.sigmoid(a), torch.sigmoid(torch.tensor(a)).numpy(), rtol=1e-14, atol=1e-16)


def test_dual_numbers(problem):
    rng = np.random.default_rng(6)
    arrays = {k: problem[k] for k in ARGUMENTS}
    E = {k: rng.normal(size=v.shape) for k, v in arrays.items()}
    L = page.loss(**{k: page.Dual(v, E[k]) for k, v in arrays.items()}, R=problem["R"])
    gradients = by_torch(problem)[1]
    assert np.isclose(L.value, page.loss(**problem))
    assert np.isclose(L.dot, sum((gradients[k] * E[k]).sum() for k in E), rtol=1e-12, atol=1e-13)


def test_the_tape(problem):
    nodes = {k: page.Node(problem[k]) for k in ARGUMENTS}
    before = {k: v.copy() for k, v in problem.items()}
    L = page.loss(**nodes, R=problem["R"])
    for _ in range(2):  # backward twice: the same, not the sum
        L.backward()
        for k, true in by_torch(problem)[1].items():
            assert nodes[k].grad.shape == true.shape
            assert off(nodes[k].grad, true) < 1e-13
    assert all(np.array_equal(problem[k], before[k]) for k in problem)


def test_the_tape_where_values_are_copied_and_broadcast():
    rng = np.random.default_rng(7)
    arrays = [rng.normal(size=s) for s in ((4, 3), (4, 1), (3,), ())]

    def f(tanh, a, b, c, d):
        y = tanh(a * b + c) * a + d * b + a[1] * c
        return (y * y + 2.0 * a).sum()

    nodes = [page.Node(v) for v in arrays]
    f(np.tanh, *nodes).backward()
    leaves = [torch.tensor(v, requires_grad=True) for v in arrays]
    f(torch.tanh, *leaves).backward()
    for node, leaf in zip(nodes, leaves, strict=True):
        assert node.grad.shape == node.value.shape
        assert leaf.grad is not None
        assert off(node.grad, leaf.grad.numpy()) < 1e-13


def test_sequence_backward(problem):
    T, B = problem["X"].shape[:2]
    mask = (np.random.default_rng(8).random((T, B)) < 0.6).astype(float)
    for m in (np.ones((T, B)), mask):
        arguments = {k: problem[k] for k in ARGUMENTS} | {"mask": m}
        given = {k: v.copy() for k, v in arguments.items()}
        states, true = by_torch(problem, m)
        H = page.sequence_forward(**arguments)
        assert off(H, states) < 1e-14
        found = page.sequence_backward(problem["R"], **arguments, H=H)
        for name, gradient in zip(ARGUMENTS, found, strict=True):
            assert gradient.shape == problem[name].shape
            assert off(gradient, true[name]) < 1e-13
        assert all(np.array_equal(arguments[k], given[k]) for k in given)


def test_sequence_backward_keeps_float32(problem):
    small = {k: v.astype(np.float32) for k, v in problem.items()}
    R = small.pop("R")
    small["mask"] = np.ones(R.shape[:2], dtype=np.float32)
    H = page.sequence_forward(**small)
    assert {g.dtype for g in page.sequence_backward(R, **small, H=H)} == {np.dtype(np.float32)}


def test_a_mask_that_does_not_fit_is_refused():
    p = page.random_problem(4, 3, 2, 5, seed=0)
    p.pop("R")
    with pytest.raises(AssertionError, match=r"mask is \(T, B\)"):
        page.sequence_forward(**p, mask=np.ones(4))


def test_every_edit_has_one_place():
    edits = [("sequence_backward", edit) for edit in page.MUTANTS.values()]
    for table in (page.BOTH, page.SIDE):
        for there, back in table.values():
            edits += [("sequence_forward", e) for e in there] + [("sequence_backward", e) for e in back]
    for function, (right, wrong) in edits:
        assert SOURCES[function].count(right) == 1
        assert right != wrong
