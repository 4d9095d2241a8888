"""Checkpointed BPTT: the same states and gradients, for less memory, counted and measured."""

import tracemalloc
from dataclasses import replace

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_layers import (
    CELLS,
    by_name,
    cell,
    forward_and_back,
    problem,
)

from autograder.recurrent import VanillaRNN
from autograder.recurrent.bidirectional import Bidirectional
from autograder.recurrent.checkpointing import Checkpointed
from autograder.recurrent.stack import Stack
from autograder.recurrent.truncated import TruncatedBPTT

D, H = 3, 5


def stored_bytes(value, seen=None, but=()):
    """The bytes of all memory that arrays reachable from `value` keep alive, each block once, without `but`'s."""
    seen = {id(_owner(array)) for array in but} if seen is None else seen
    if isinstance(value, np.ndarray):
        owner = _owner(value)
        new = id(owner) not in seen
        seen.add(id(owner))
        return owner.nbytes if new else 0
    if isinstance(value, tuple | list):
        return sum(stored_bytes(part, seen) for part in value)
    if hasattr(value, "__dataclass_fields__"):
        return sum(stored_bytes(getattr(value, name), seen) for name in value.__dataclass_fields__)
    return 0


def _owner(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("segment", [None, 1, 2, 3, 6, 50])
@pytest.mark.parametrize("T", [6, 7, 1])
def test_states_and_gradients_are_the_layers_own(kind, segment, T):
    inner = cell(kind, D, H)
    p = problem(inner, 1, T=T)
    wanted_run, wanted = forward_and_back(inner, p)
    run, gradients = forward_and_back(Checkpointed(inner, segment), p)
    np.testing.assert_allclose(run.H, wanted_run.H, **checks.CLOSE)
    for ours, theirs in zip(run.state, wanted_run.state, strict=True):
        np.testing.assert_allclose(ours, theirs, **checks.CLOSE)
    checks.assert_all_close(gradients, wanted)


def test_bit_equal_where_the_operations_are_the_same():
    """The vanilla RNN's products are one a step, so states, dX and dh_0 agree to the last bit; sums over steps do not
    (they are grouped by segment) unless one segment holds all."""
    inner = cell("vanilla", 7, 16)
    p = problem(inner, 2, T=50, B=8)
    wanted_run, wanted = forward_and_back(inner, p)
    run, gradients = forward_and_back(Checkpointed(inner), p)
    np.testing.assert_array_equal(run.H, wanted_run.H)
    np.testing.assert_array_equal(gradients["X"], wanted["X"])
    np.testing.assert_array_equal(gradients["state 0"], wanted["state 0"])
    # 400 terms of unit size added in another order: at most a few hundred units in the last place of the largest.
    checks.assert_all_close(gradients, wanted, rtol=1e-11, atol=1e-11)
    _, whole = forward_and_back(Checkpointed(inner, 50), p)
    for name, value in wanted.items():
        np.testing.assert_array_equal(whole[name], value, err_msg=name)


def test_bytes_kept_between_forward_and_backward():
    """Beyond X and H: √T states instead of everything the LSTM saves; the default segment is the best of them."""
    inner = cell("lstm", D, 16)
    T, B = 100, 4
    p = problem(inner, 3, T=T, B=B)
    plain = inner.forward(p["X"], p["state_0"], p["mask"])
    state_bytes = 2 * B * 16 * 8

    def kept(segment):
        run = Checkpointed(inner, segment).forward(p["X"], p["state_0"], p["mask"])
        but = (p["X"], run.H, p["mask"])
        return stored_bytes(run.saved, but=but), len(run.saved.states)

    default, states = kept(None)
    assert states == 10
    assert default == 10 * state_bytes
    assert kept(1)[0] == 100 * state_bytes
    everything = stored_bytes(plain.saved, but=(p["X"], plain.H, p["mask"]))
    assert everything > 15 * default, (everything, default)


def test_peak_memory_of_forward_and_backward():
    """Measured with tracemalloc: an LSTM over 400 steps needs at most 40 % of what it needs without."""

    def peak(layer):
        tracemalloc.start()
        run = layer.forward(p["X"], p["state_0"], None)
        layer.backward(run, p["G"])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    inner = cell("lstm", D, 32)
    p = problem(inner, 4, T=400, B=8, gaps=False)
    plain, saved = peak(inner), peak(Checkpointed(inner))
    assert saved < 0.4 * plain, (saved, plain)


def test_nothing_of_the_forward_pass_is_kept_alive_by_the_states():
    """Not even by a layer whose last state is a view of all its states."""

    class Viewing(VanillaRNN):
        def forward(self, X, state_0=None, mask=None):
            run = super().forward(X, state_0, mask)
            return replace(run, state=(run.H[-1],))

    plain = cell("vanilla", D, H)
    layer = Viewing(plain.W, plain.U, plain.b)
    run = Checkpointed(layer, 5).forward(problem(layer, T=20)["X"])
    assert layer.forward(problem(layer, T=20)["X"]).state[0].base is not None
    for (h,) in run.saved.states[1:]:
        assert h.base is None


def test_gradients_against_complex_step():
    layer = Checkpointed(cell("lstm", D, H), 2)
    checks.complex_step(checks.problem_of(layer, 5))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 12), B=st.integers(1, 3), segment=st.integers(1, 13))
def test_properties(seed, T, B, segment):
    """Any segment gives the gradients of any other, and two chunks make the whole."""
    layer = Checkpointed(cell("vanilla", 2, 3), segment)
    p = problem(layer, seed, T=T, B=B)
    run, gradients = forward_and_back(layer, p)
    _, others = forward_and_back(Checkpointed(layer.layer), p)
    checks.assert_all_close(gradients, others)
    cut = segment % T
    if cut:
        first = layer.forward(p["X"][:cut], p["state_0"], p["mask"][:cut])
        second = layer.forward(p["X"][cut:], first.state, p["mask"][cut:])
        late = layer.backward(second, p["G"][cut:], p["dstate"])
        early = layer.backward(first, p["G"][:cut], late.dstate_0)
        np.testing.assert_allclose(np.concatenate([first.H, second.H]), run.H, **checks.CLOSE)
        np.testing.assert_allclose(early.parameters["U"] + late.parameters["U"], gradients["U"], **checks.CLOSE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_argument_habits(dtype):
    checks.dtype_is_kept_and_inputs_are_not_modified(
        checks.problem_of(Checkpointed(cell("lstm", D, H, dtype=dtype), 4), 3), dtype
    )


def test_no_mask_no_state_no_dstate():
    inner = cell("lstm", D, H)
    layer = Checkpointed(inner)
    p = problem(inner, 6, gaps=False)
    checks.assert_all_close(
        by_name(layer.backward(layer.forward(p["X"]), p["G"])), by_name(inner.backward(inner.forward(p["X"]), p["G"]))
    )
    assert layer.sizes == inner.sizes
    assert layer.parameters.keys() == inner.parameters.keys()


def test_inside_other_wrappers():
    """A checkpointed layer is a layer: of a pair, a stack, or truncated; and a stack may be checkpointed."""
    pair = Bidirectional(Checkpointed(cell("vanilla", D, H)), Checkpointed(cell("vanilla", D, H, 1), 4))
    layer = Stack((pair, TruncatedBPTT(Checkpointed(cell("lstm", 2 * H, 4), 2), 3, 6)))
    checks.complex_step(checks.problem_of(layer, 7))
    layer = Checkpointed(Stack((cell("lstm", D, H), cell("vanilla", H, H)), residual=(1,)))
    checks.complex_step(checks.problem_of(layer, 8))


def test_bad_input_is_named():
    inner = cell("vanilla", D, H)
    layer = Checkpointed(inner)
    p = problem(layer)
    with pytest.raises(ValueError, match="segment: expected a whole number of at least 1, got 0"):
        Checkpointed(inner, 0)
    with pytest.raises(ValueError, match="layer: expected one that reads forward only, got Bidirectional"):
        Checkpointed(Bidirectional(inner, inner))
    with pytest.raises(ValueError, match="X: expected at least one step, got T = 0"):
        layer.forward(p["X"][:0])
    with pytest.raises(ValueError, match=r"X: expected shape \(T, B, 3\)"):
        layer.forward(p["X"][0])
    with pytest.raises(ValueError, match=r"mask: expected shape \(T, B\) = \(6, 4\)"):
        layer.forward(p["X"], mask=p["mask"][1:])
    with pytest.raises(ValueError, match=r"G: expected shape \(6, 4, 5\)"):
        layer.backward(layer.forward(p["X"]), p["G"][1:])
