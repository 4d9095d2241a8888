"""Chapter 6: the page's own NumPy functions. (Its numbered equations: tests/equations.)

The functions are taken from the page's source, so that what is tested is what is printed. Expected values
come from PyTorch's automatic differentiation of networks written here, and from complex steps, both in float64.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Array = NDArray[np.inexact]
Tensors = dict[str, torch.Tensor]

PAGE = Path(__file__).parents[2] / "book" / "gates" / "lstm.md"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHER_FRAMEWORKS = re.compile(r"\[(pytorch|tensorflow|hide-input)\]")


def functions_of_the_page() -> SimpleNamespace:
    """The functions of cells that are not another framework's; of two with one name, the later."""
    found: dict[str, object] = {"np": np}
    for cell in CELL.finditer(PAGE.read_text(encoding="utf-8")):
        code = cell.group(1)
        if OTHER_FRAMEWORKS.search(code):
            continue
        lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef) and "torch" not in ast.unparse(node):
                exec(compile(ast.Module([node], []), str(PAGE), "exec"), found)
    return SimpleNamespace(**found)


page = functions_of_the_page()

# --- the networks, written independently of the page: one step in PyTorch, gates in no fused product -----------------


def gate(v: Tensors, x: torch.Tensor, h: torch.Tensor, block: int, extra: torch.Tensor | float = 0.0) -> torch.Tensor:
    """The pre-activation of one block of the weights, and something added to it."""
    H = v["c_0"].shape[1]
    columns = slice(block * H, (block + 1) * H)
    return x @ v["W"][:, columns] + h @ v["U"][:, columns] + v["b"][columns] + extra


def plain(v: Tensors, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    i, f, o = (torch.sigmoid(gate(v, x, h, block)) for block in (0, 1, 3))
    c = f * c + i * torch.tanh(gate(v, x, h, 2))
    return o * torch.tanh(c), c


def peephole(v: Tensors, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    i, f = (torch.sigmoid(gate(v, x, h, block, c * v["p"][block])) for block in (0, 1))
    c = f * c + i * torch.tanh(gate(v, x, h, 2))
    return torch.sigmoid(gate(v, x, h, 3, c * v["p"][2])) * torch.tanh(c), c


def coupled(v: Tensors, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    f, o = (torch.sigmoid(gate(v, x, h, block)) for block in (0, 2))
    c = f * c + (1 - f) * torch.tanh(gate(v, x, h, 1))
    return o * torch.tanh(c), c


def projected(v: Tensors, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    s, c = plain(v, x, h, c)
    return s @ v["R"], c


def normalised(v: Tensors, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    def norm(a: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor | None = None) -> torch.Tensor:
        return torch.nn.functional.layer_norm(a, a.shape[-1:], gain, shift, eps=1e-5)

    a = norm(x @ v["W"], v["gamma_x"]) + norm(h @ v["U"], v["gamma_h"]) + v["b"]
    i, f, g, o = a.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(norm(c, v["gamma_c"], v["beta_c"])), c


# name: blocks, the step here, the page's pair
CELLS: dict[str, tuple[int, Callable, str]] = {
    "plain": (4, plain, "step"),
    "peephole": (4, peephole, "peephole"),
    "coupled": (3, coupled, "coupled"),
    "projected": (4, projected, "projected"),
    "normalised": (4, normalised, "normalised"),
}
SHAPES = [(5, 4, 3, 6), (4, 2, 6, 3), (3, 6, 2, 4), (1, 3, 2, 5), (6, 1, 4, 2), (1, 1, 3, 2)]


class Case:
    """A random problem with masks, and its gradients by PyTorch."""

    def __init__(self, kind: str, T: int, B: int, D: int, H: int, dtype: type = np.float64):
        rng = np.random.default_rng([T, B, D, H])
        blocks, self.step, self.pair = CELLS[kind]
        N = H + 1 if kind == "projected" else H

        def draw(*shape: int) -> Array:
            return (rng.normal(size=shape) / np.sqrt(shape[0])).astype(dtype)

        self.P = {"W": draw(D, blocks * H), "U": draw(N, blocks * H), "b": draw(blocks * H)}
        if kind == "peephole":
            self.P["p"] = draw(3, H)
        if kind == "projected":
            self.P["R"] = draw(H, N)
        if kind == "normalised":
            self.P |= {n: 1 + draw(w) for n, w in (("gamma_x", 4 * H), ("gamma_h", 4 * H), ("gamma_c", H))}
            self.P["beta_c"] = draw(H)
        self.X, self.h_0, self.c_0 = draw(T, B, D), draw(B, N), draw(B, H)
        self.mask = (rng.random((T, B)) < 0.6).astype(float)
        if T > 2:
            self.mask[:3, 0] = 1, 0, 1  # a gap
        if B > 1:
            self.mask[:, -1] = 0  # an empty sequence
        self.G, self.dh_T, self.dc_T = draw(T, B, N), draw(B, N), draw(B, H)

    @property
    def forward(self) -> Callable:
        return getattr(page, f"{self.pair}_forward")

    @property
    def backward(self) -> Callable:
        return getattr(page, f"{self.pair}_backward")

    def by_page(self, mask: NDArray | None = None) -> dict[str, Array]:
        """States and gradients by the page's functions."""
        mask = self.mask if mask is None else mask
        H, c, kept = page.sequence_forward(self.forward, self.P, self.X, self.h_0, self.c_0, mask)
        seeds = self.G, self.dh_T, self.dc_T
        dX, dh_0, dc_0, dP = page.sequence_backward(self.backward, self.P, kept, mask, *seeds)
        return {"H": H, "c": c, "dX": dX, "dh_0": dh_0, "dc_0": dc_0, **{f"d{n}": v for n, v in dP.items()}}

    def by_pytorch(self) -> dict[str, Array]:
        """The same by automatic differentiation."""
        arrays = {"X": self.X, "h_0": self.h_0, "c_0": self.c_0, **self.P}
        v = {n: torch.tensor(a, requires_grad=True) for n, a in arrays.items()}
        h, c, states = v["h_0"], v["c_0"], []
        for t in range(len(self.X)):
            h_new, c_new = self.step(v, v["X"][t], h, c)
            m = torch.tensor(self.mask[t][:, None])
            h, c = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c
            states.append(h)
        H = torch.stack(states)
        pairs = ((self.G, H), (self.dh_T, h), (self.dc_T, c))
        torch.stack([(torch.tensor(seed) * a).sum() for seed, a in pairs]).sum().backward()
        found = {f"d{n}": a.grad.numpy() for n, a in v.items() if a.grad is not None}
        return {"H": H.detach().numpy(), "c": c.detach().numpy(), **found}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "T{}-B{}-D{}-H{}".format(*s))
@pytest.mark.parametrize("kind", CELLS)
def test_masked_sequence_against_pytorch(kind: str, shape: tuple[int, int, int, int]) -> None:
    case = Case(kind, *shape)
    found, expected = case.by_page(), case.by_pytorch()
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert np.abs(found[name] - value).max() <= 1e-12 * max(1.0, np.abs(value).max()), name


@pytest.mark.parametrize("kind", CELLS)
def test_masked_sequence_against_complex_steps(kind: str) -> None:
    case = Case(kind, 3, 2, 2, 3)
    seeds = [case.G, case.dh_T, case.dc_T]
    exact = page.truth(case.forward, case.P, [case.X, case.h_0, case.c_0], case.mask, seeds)
    found = case.by_page()
    for name, value in exact.items():
        assert np.abs(found[f"d{name}"] - value).max() < 1e-13


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", CELLS)
def test_inputs_unmodified_and_dtype_kept(kind: str, dtype: type) -> None:
    case = Case(kind, 4, 3, 2, 5, dtype)
    arrays = [case.X, case.h_0, case.c_0, case.mask, case.G, case.dh_T, case.dc_T, *case.P.values()]
    before = [a.copy() for a in arrays]
    for mask in (case.mask, case.mask.astype(bool), case.mask.astype(int)):
        first, second = case.by_page(mask), case.by_page(mask)
        for name in first:
            assert first[name].dtype == dtype, name
            assert np.array_equal(first[name], second[name]), name
    assert all(map(np.array_equal, arrays, before))


@pytest.mark.parametrize("kind", CELLS)
def test_padding_is_never_seen(kind: str) -> None:
    case = Case(kind, 5, 4, 3, 2)
    found = case.by_page()
    case.X = np.where(case.mask[:, :, None] > 0, case.X, 1e3)
    other = case.by_page()
    for name in found:
        assert np.array_equal(found[name], other[name]), name
    assert not found["dX"][case.mask == 0].any()


def test_a_mask_of_another_shape_is_refused() -> None:
    case = Case("plain", 4, 3, 2, 5)
    with pytest.raises(ValueError, match=r"mask \(3, 4\): X begins with \(4, 3\)"):
        page.sequence_forward(case.forward, case.P, case.X, case.h_0, case.c_0, case.mask.T)


def test_huge_inputs_do_not_overflow() -> None:
    case = Case("plain", 3, 2, 4, 5)
    case.X = 1e6 * case.X
    with np.errstate(all="raise", under="ignore"):
        assert all(np.isfinite(v).all() for v in case.by_page().values())


def test_the_stream_asks_for_what_was_written() -> None:
    rng = np.random.default_rng(0)
    for task in ("keep", "ask", "again"):
        X, answer, counts = page.stream(rng, task, 12, 50)
        v, write, ask = np.moveaxis(X, -1, 0)
        assert X.shape == (12, 50, 3)
        assert answer.shape == counts.shape == (12, 50)
        for beta in range(50):
            latest = None
            for t in range(12):
                if write[t, beta]:
                    latest = v[t, beta]
                wanted = latest if ask[t, beta] else 0
                assert answer[t, beta] == wanted
        assert write.sum(axis=0).max() == 1 or task == "again"
        assert np.array_equal(counts, ask) if task == "keep" else counts.all()
