"""The output layer against PyTorch's autograd and complex step."""

import numpy as np
import pytest

from autograder.recurrent.dense import dense_backward, dense_forward

# One product of a few terms of unit size: a few units in the last place.
CLOSE = {"rtol": 1e-13, "atol": 1e-13}


def draw(seed=0, T=5, B=4, H=3, K=6, dtype="float64"):
    rng = np.random.default_rng(seed)
    shapes = {"H": (T, B, H), "V": (H, K), "b_y": (K,), "dY": (T, B, K)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("sizes", [(5, 4, 3, 6), (1, 3, 4, 2), (3, 1, 1, 5), (1, 1, 1, 1)])
def test_against_autograd(sizes):
    import torch

    p = draw(1, *sizes)
    t = {k: torch.tensor(v, requires_grad=True) for k, v in p.items()}
    Y = t["H"] @ t["V"] + t["b_y"]
    wanted = torch.autograd.grad(Y, [t["H"], t["V"], t["b_y"]], t["dY"])
    np.testing.assert_allclose(dense_forward(p["H"], p["V"], p["b_y"]), Y.detach(), **CLOSE)
    for ours, theirs in zip(dense_backward(p["dY"], p["H"], p["V"]), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, **CLOSE)


@pytest.mark.parametrize("name", ["H", "V", "b_y"])
def test_against_complex_step(name):
    p = draw(2)
    direction = np.random.default_rng(3).normal(size=p[name].shape)
    q = p | {name: p[name] + 1e-30j * direction}
    slope = (dense_forward(q["H"], q["V"], q["b_y"]) * p["dY"]).sum().imag / 1e-30
    ours = dense_backward(p["dY"], p["H"], p["V"])
    np.testing.assert_allclose((getattr(ours, "d" + name) * direction).sum(), slope, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_inputs_are_not_modified(dtype):
    p = draw(4, dtype=dtype)
    before = {k: v.copy() for k, v in p.items()}
    found = [dense_forward(p["H"], p["V"], p["b_y"]), *dense_backward(p["dY"], p["H"], p["V"])]
    assert {a.dtype for a in found} == {np.dtype(dtype)}
    for name, value in before.items():
        np.testing.assert_array_equal(p[name], value)


def test_bad_input_is_named():
    p = draw(5)
    with pytest.raises(ValueError, match=r"H: expected shape \(T, B, 3\), got \(5, 4, 2\)"):
        dense_forward(p["H"][..., :2], p["V"], p["b_y"])
    with pytest.raises(ValueError, match=r"b_y: expected shape \(6,\), got \(5,\)"):
        dense_forward(p["H"], p["V"], p["b_y"][:5])
    with pytest.raises(TypeError, match="expected one precision, got H float64, V float32, b_y float64"):
        dense_forward(p["H"], p["V"].astype("float32"), p["b_y"])
    with pytest.raises(ValueError, match=r"dY: expected shape \(5, 4, 6\), got \(4, 4, 6\)"):
        dense_backward(p["dY"][1:], p["H"], p["V"])
    with pytest.raises(ValueError, match=r"H: expected shape \(T, B, 3\)"):
        dense_backward(p["dY"], p["H"][0], p["V"])
    with pytest.raises(TypeError, match="expected one precision, got dY float32"):
        dense_backward(p["dY"].astype("float32"), p["H"], p["V"])
    with pytest.raises(TypeError, match=r"V: expected an array of shape .* got list"):
        dense_forward(p["H"], p["V"].tolist(), p["b_y"])
