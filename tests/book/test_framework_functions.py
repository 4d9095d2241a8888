"""Chapters 3 and 4: what the pages define three times computes the same, in either precision.

Each function is called by the names of its parameters, with arrays of unequal sizes.
"""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from jupytext import read

ROOT = Path(__file__).resolve().parents[2]
tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

FUNCTIONS = {
    "vanilla-rnn": ["step_forward", "sequence_forward", "sequence_forward_hoisted", "step_backward"],
    "backpropagation-through-time": [
        "total_loss",
        "sequence_backward",
        "jacobians",
        "sum_over_paths",
        "recursion",
        "multipliers",
        "truncated_backward",
    ],
}
CASES = [(chapter, name) for chapter, names in FUNCTIONS.items() for name in names]
SIZES = [(5, 3, 2, 4, 6), (1, 1, 3, 2, 4), (4, 2, 3, 1, 2)]


def functions(chapter: str) -> SimpleNamespace:
    """Return the functions that the page defines in all its cells; nothing else of the cells runs."""
    found: dict[str, object] = {"np": np, "torch": torch, "tf": tf, "F": torch.nn.functional}
    for cell in read(ROOT / "book" / "foundations" / f"{chapter}.md").cells:
        if cell.cell_type == "code":
            for block in re.findall(r"^(?:@[^\n]*\n)?def .*?(?=^\S|\Z)", cell.source, re.MULTILINE | re.DOTALL):
                with suppress(NameError):  # a default or a decorator that is made on the page
                    exec(block, found)
    return SimpleNamespace(**found)


PAGES = {chapter: functions(chapter) for chapter in FUNCTIONS}


def arguments(sizes: tuple[int, ...], dtype: type) -> dict[str, object]:
    T, B, D, H, K = sizes
    rng = np.random.default_rng(sum(sizes))
    shapes = {
        "X": (T, B, D),
        "h_0": (B, H),
        "W": (D, H),
        "U": (H, H),
        "b": (H,),
        "V": (H, K),
        "b_y": (K,),
        "G": (T, B, H),
        "x": (B, D),
        "h_prev": (B, H),
        "dh": (B, H),
    }
    values = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    states = {"H": (T, B, H), "h": (B, H)}
    values |= {name: np.tanh(rng.normal(size=shape)).astype(dtype) for name, shape in states.items()}
    mask = (rng.random((T, B)) < 0.6).astype(dtype)
    return {**values, "mask": mask, "targets": rng.integers(K, size=(T, B)), "k1": 2, "k2": 3}


def called(function, given: dict[str, object], convert) -> list[np.ndarray]:
    """Return what the function returns, as NumPy arrays."""
    wanted = {name: given[name] for name in inspect.signature(function).parameters}
    result = function(**{n: convert(v) if isinstance(v, np.ndarray) else v for n, v in wanted.items()})
    several = result if isinstance(result, tuple | list) else [result]
    return [np.asarray(each) for each in several]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("chapter", "name"), CASES)
def test_three_times_the_same(chapter, name, sizes, dtype):
    page, given = PAGES[chapter], arguments(sizes, dtype)
    before = {key: np.copy(value) for key, value in given.items()}
    ours = called(getattr(page, name), given, lambda v: v)
    for framework, convert in (("torch", torch.from_numpy), ("tf", tf.constant)):
        theirs = called(getattr(page, f"{name}_{framework}"), given, convert)
        assert len(theirs) == len(ours)
        for mine, their in zip(ours, theirs, strict=True):
            assert their.shape == mine.shape
            assert their.dtype == dtype
            tolerance = 1e-12 if dtype == np.float64 else 1e-4
            assert np.abs(their - mine).max() <= tolerance * max(1, np.abs(mine).max())
    for key, value in given.items():
        assert np.array_equal(value, before[key]), f"{key} was changed"


def one_sequence(sizes: tuple[int, ...], dtype: type) -> dict[str, object]:
    """Arguments of what runs one sequence: X (T, D), h_0 (H,), its states H (T, H), dY (T, K), signs (N, T, H)."""
    T, _, D, H, K = sizes
    rng = np.random.default_rng(sum(sizes))
    given = arguments((T, 1, D, H, K), dtype)
    given |= {"X": given["X"][:, 0], "h_0": given["h_0"][0], "H": given["H"][:, 0], "G": given["G"][:, 0]}
    given |= {"dY": rng.normal(size=(T, K)).astype(dtype), "signs": rng.choice([-1, 1], size=(7, T, H)).astype(dtype)}
    return given


READINGS = ["right", "total for immediate", "order reversed", "U not transposed", "slope of the step before"]
ONE_SEQUENCE = [("rtrl", None), ("uoro", None), *(("four_lines", reading) for reading in READINGS)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("name", "reading"), ONE_SEQUENCE)
def test_of_one_sequence_three_times_the_same(name, reading, sizes, dtype):
    page, given = PAGES["backpropagation-through-time"], one_sequence(sizes, dtype)
    given["reading"] = reading
    before = {key: np.copy(value) for key, value in given.items()}
    found = {}
    for framework, convert in {"": np.asarray, "_torch": torch.from_numpy, "_tf": tf.constant}.items():
        G = convert(given["G"])
        given["direct"] = lambda h, t, G=G: G[t] * h  # so that the state it is given matters
        found[framework] = called(getattr(page, name + framework), given, convert)
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    for framework in ("_torch", "_tf"):
        for mine, their in zip(found[""], found[framework], strict=True):
            assert their.shape == mine.shape
            assert their.dtype == mine.dtype == dtype
            assert np.abs(their - mine).max() <= tolerance * max(1, np.abs(mine).max())
    for key, value in before.items():
        assert np.array_equal(given[key], value), f"{key} was changed"


def test_direct_gradients_of_the_frameworks():
    """`direct_torch` and `direct_tf` of chapter 4 against automatic differentiation of the loss of one step."""
    page, given = PAGES["backpropagation-through-time"], arguments((5, 1, 2, 4, 6), np.float64)
    V, b_y, c = given["V"], given["b_y"], given["targets"][:, 0]
    in_torch = page.direct_torch(*map(torch.from_numpy, (V, b_y, c)))
    in_tf = page.direct_tf(tf.constant(V), tf.constant(b_y), c)
    for t, state in enumerate(given["H"][:, 0]):
        h = torch.tensor(state, requires_grad=True)
        logits = h @ torch.from_numpy(V) + torch.from_numpy(b_y)
        torch.nn.functional.cross_entropy(logits, torch.tensor(c[t])).backward()
        for G in (in_torch(torch.from_numpy(state), t), in_tf(tf.constant(state), t)):
            np.testing.assert_allclose(np.asarray(G), h.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("framework", ["", "_torch", "_tf"])
@pytest.mark.parametrize(
    ("chapter", "name"),
    [
        ("vanilla-rnn", "sequence_forward"),
        ("backpropagation-through-time", "sequence_backward"),
        ("backpropagation-through-time", "total_loss"),
    ],
)
def test_a_mask_of_another_shape_is_refused_by_name(chapter, name, framework):
    convert = {"": np.asarray, "_torch": torch.from_numpy, "_tf": tf.constant}[framework]
    given = arguments((5, 3, 2, 4, 6), np.float64)
    for wrong in (given["mask"].T, given["mask"][:4], np.ones((1, 3)), np.ones((5, 1))):
        with pytest.raises(AssertionError, match="T, B"):
            called(getattr(PAGES[chapter], name + framework), given | {"mask": np.ascontiguousarray(wrong)}, convert)


@pytest.mark.parametrize("framework", ["", "_torch", "_tf"])
def test_targets_of_another_shape_are_refused_by_name(framework):
    convert = {"": np.asarray, "_torch": torch.from_numpy, "_tf": tf.constant}[framework]
    given = arguments((5, 3, 2, 4, 6), np.float64) | {"Y": np.zeros((5, 3, 6))}
    loss = getattr(PAGES["vanilla-rnn"], "softmax_loss" + framework)
    for wrong in (given["targets"].T, given["targets"][:4]):
        with pytest.raises(AssertionError, match="T, B"):
            called(loss, given | {"targets": np.ascontiguousarray(wrong)}, convert)
