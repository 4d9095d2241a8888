"""The PyTorch cells in float32 and bfloat16, under autocast, and on a GPU against the CPU."""

import pytest
import torch
from pytorch_cells import CELLS, by_name, deviation, draw, leaves, loss_of, make, results

ALL = pytest.mark.parametrize("name", CELLS)
BOTH_WAYS = pytest.mark.parametrize("by_hand", [False, True])


@BOTH_WAYS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@ALL
def test_dtype_is_kept_and_large_values_do_not_overflow(name, dtype, by_hand):
    cell = make(name, dtype=dtype, by_hand=by_hand)
    X, state, mask, G, _ = draw(cell, dtype=dtype)
    X, state = leaves(1e4 * X, state)
    H, last = cell(X, state, mask)
    found = torch.autograd.grad(H, [X, *state, *cell.parameters()], G)
    assert {t.dtype for t in (H, *last, *found)} == {dtype}
    assert all(t.isfinite().all() for t in (H, *last, *found))


# bf16 keeps 8 bits: each product of D or H terms of unit size is off by about 2**-8 of its size, and some steps of
# that add up; 0.02 is the most that was seen on a CPU. Relative to the largest entry of each array.
BF16 = 0.04


@pytest.mark.parametrize("backward", ["inside", "outside"])
@pytest.mark.parametrize("gaps", [True, False])
@BOTH_WAYS
@ALL
def test_autocast_on_the_cpu(name, by_hand, gaps, backward):
    """Products in bf16, states and gradients in the parameters' float32, wherever the backward is called."""
    cell = make(name, dtype=torch.float32, by_hand=by_hand)
    X, state, mask, G, dstate = draw(cell, gaps=gaps, dtype=torch.float32)
    exact = results(cell, X, state, mask, G, dstate)
    X, state = leaves(X, state)
    with torch.autocast("cpu", torch.bfloat16):
        H, last = cell(X, state, mask)
        loss = loss_of(H, last, G, dstate)
        if backward == "inside":
            found = by_name(cell, H, last, X, state, loss)
    if backward == "outside":
        found = by_name(cell, H, last, X, state, loss)
    assert {t.dtype for t in (H, *last)} == {torch.float32}
    if name == "relu":
        exact, found = (outputs_only(each) for each in (exact, found))
    assert 1e-4 < deviation(found, exact) < BF16  # bf16 was used, and no more than that


@BOTH_WAYS
@ALL
def test_autocast_takes_inputs_in_half_precision(name, by_hand):
    """What reaches a layer under autocast often comes out of a product in bf16."""
    cell = make(name, dtype=torch.float32, by_hand=by_hand)
    X, state, mask, G, dstate = draw(cell, dtype=torch.float32)
    X, state = X.bfloat16().requires_grad_(), [s.bfloat16().requires_grad_() for s in state]
    with torch.autocast("cpu", torch.bfloat16):
        H, last = cell(X, state, mask)
    loss_of(H, last, G, dstate).backward()
    assert {t.dtype for t in (H, *last, *(p.grad for p in cell.parameters()))} == {torch.float32}
    assert {t.grad.dtype for t in (X, *state)} == {torch.bfloat16}
    assert all(t.grad.isfinite().all() for t in (X, *state, *cell.parameters()))


def outputs_only(values):
    """For relu in half precision: a slope that flips at 0 is no small deviation of a gradient."""
    return {k: v for k, v in values.items() if k[0] in "Hs"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("autocast", [False, True])
@BOTH_WAYS
@ALL
def test_gpu_against_cpu(name, by_hand, autocast, record_property):
    """Outputs and gradients in float32 (2e-5: sums in another order, TF32 off) and under bf16 autocast."""
    T, B, D, H = 20, 8, 16, 32
    cell = make(name, D, H, dtype=torch.float32, by_hand=by_hand)
    arguments = draw(cell, T, B, dtype=torch.float32)
    exact = results(cell, *arguments)
    cell = cell.cuda()
    on_gpu = [a if a is None else a.cuda() if torch.is_tensor(a) else [s.cuda() for s in a] for a in arguments]
    before, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, False
    try:
        with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
            found = results(cell, *on_gpu)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    if autocast and name == "relu":
        exact, found = (outputs_only(each) for each in (exact, found))
    record_property("deviation", deviation(found, exact))
    assert deviation(found, exact) < (BF16 if autocast else 2e-5)
