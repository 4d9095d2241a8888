"""Every layer there is, plain and wrapped, through every check of `layer_checks`."""

import layer_checks as checks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.recurrent import (
    GRU,
    LSTM,
    Bidirectional,
    Checkpointed,
    LayerNormLSTM,
    Reversed,
    Stack,
    TruncatedBPTT,
    VanillaRNN,
    VariantLSTM,
)
from autograder.recurrent.bidirectional import MERGES
from autograder.recurrent.layer import Layer

D, H, K = 3, 5, 2
T, B = 5, 4


def draw(make, D=D, H=H, gates=1, K=None, seed=0, **shapes):
    """A cell with random parameters: W, U, b of `gates` blocks, and what else has a shape here."""
    rng = np.random.default_rng(seed)
    shapes = {"W": (D, gates * H), "U": (K or H, gates * H), "b": (gates * H,), **shapes}
    return make(**{name: 0.7 * rng.normal(size=shape) for name, shape in shapes.items()})


def vanilla(activation="tanh", **sizes):
    return draw(lambda **p: VanillaRNN(**p, activation=activation), **sizes)


def lstm(**sizes):
    return draw(LSTM, gates=4, **sizes)


def gru(reset="after", H=H, **sizes):
    more = {"c": (H,)} if reset == "after" else {}
    return draw(lambda **p: GRU(**p, reset=reset), H=H, gates=3, **more, **sizes)


def variant(peepholes, coupled, projection):
    n = 3 if coupled else 4
    more = ({"P": (n - 1, H)} if peepholes else {}) | ({"R": (H, K)} if projection else {})
    return draw(lambda **p: VariantLSTM(**p, coupled=coupled), gates=n, K=K if projection else None, **more)


def layer_norm():
    more = {"gamma_x": (4 * H,), "gamma_h": (4 * H,), "gamma_c": (H,), "beta_c": (H,)}
    return draw(LayerNormLSTM, gates=4, **more)


CELLS = {f"vanilla, {a}": vanilla(a) for a in ("tanh", "relu", "identity")}
CELLS |= {"lstm": lstm(), "gru, reset after": gru(), "gru, reset before": gru("before"), "layer norm": layer_norm()}
CELLS |= {
    f"variant{', peepholes' * p}{', coupled' * c}{', projection' * r}": variant(p, c, r)
    for p in (False, True)
    for c in (False, True)
    for r in (False, True)
}
WRAPPED = {"reversed": Reversed(lstm())}
WRAPPED |= {f"bidirectional, {merge}": Bidirectional(vanilla(), lstm(seed=1), merge) for merge in MERGES}
WRAPPED |= {
    "bidirectional, two widths": Bidirectional(gru(), lstm(H=4, seed=1)),
    "truncated, nothing dropped": TruncatedBPTT(lstm(), 2, 20),
    "checkpointed": Checkpointed(gru("before"), 2),
}
STACKS = {
    "stack": Stack((gru(H=4), lstm(D=4, H=6, seed=1))),
    "stack, residual": Stack((vanilla(), lstm(D=H, seed=1), gru(D=H, seed=2)), residual=(1, 2)),
    "stack, residual from the bottom": Stack((gru(D=H), vanilla(D=H, seed=1)), residual=(0, 1)),
    "stack, bidirectional": Stack((Bidirectional(lstm(H=2), gru(seed=1)), Reversed(vanilla(D=7, H=7))), residual=(1,)),
    "stack, checkpointed": Checkpointed(Stack((lstm(), vanilla(D=H)))),
}
LAYERS = CELLS | WRAPPED | STACKS
ALL = pytest.mark.parametrize("name", LAYERS)
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])


def is_cut_in_chunks(layer):
    return isinstance(layer, TruncatedBPTT | Checkpointed)


def dropout_for(layer, B, seed=1):
    """One draw a sequence for each layer's input and the output."""
    rng = np.random.default_rng(seed)
    return [(rng.random((1, B, n)) < 0.7) / 0.7 for n in [*(part.sizes[0] for part in layer.layers), layer.sizes[1]]]


@ALL
@pytest.mark.parametrize("sizes", [(5, 4), (1, 3), (4, 1), (1, 1)])
@pytest.mark.parametrize("gaps", [True, False])
def test_gradients_against_complex_step(name, sizes, gaps):
    checks.complex_step(checks.problem_of(LAYERS[name], 1, *sizes, gaps))


@pytest.mark.parametrize("name", [name for name, layer in STACKS.items() if isinstance(layer, Stack)])
def test_gradients_of_stacks_with_dropout_against_complex_step(name):
    p = checks.problem_of(LAYERS[name], 2, dropout=dropout_for(LAYERS[name], B))
    checks.complex_step(p)
    checks.dtype_is_kept_and_inputs_are_not_modified(p, "float32")


@ALL
def test_complex_gradients(name):
    checks.gradients_are_linear_in_complex(checks.problem_of(LAYERS[name], 3))
    checks.gradients_are_linear_in_complex(checks.problem_of(LAYERS[name], 3, gaps=False))


@ALL
@BOTH
@pytest.mark.parametrize("gaps", [True, False])
def test_dtype_is_kept_and_inputs_are_not_modified_and_backward_may_be_called_twice(name, dtype, gaps):
    checks.dtype_is_kept_and_inputs_are_not_modified(checks.problem_of(LAYERS[name], 4, gaps=gaps), dtype)


@ALL
@BOTH
def test_huge_pre_activations_do_not_overflow(name, dtype):
    checks.huge_pre_activations_do_not_overflow(checks.problem_of(LAYERS[name], 5), dtype)


@ALL
def test_no_mask_is_a_mask_of_ones(name):
    checks.no_mask_is_a_mask_of_ones(checks.problem_of(LAYERS[name], 6))


@pytest.mark.parametrize("name", [*CELLS, "truncated, nothing dropped", "checkpointed"])
@pytest.mark.parametrize("sizes", [(5, 4), (1, 3), (4, 1)])
def test_masked_steps_hold_the_state(name, sizes):
    checks.masked_steps_hold_the_state(checks.problem_of(LAYERS[name], 7, *sizes))


@pytest.mark.parametrize("name", [name for name, layer in LAYERS.items() if not is_cut_in_chunks(layer)])
def test_no_steps_change_nothing(name):
    checks.no_steps_change_nothing(checks.problem_of(LAYERS[name], 8))


@ALL
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), T=st.integers(1, 6), B=st.integers(1, 4), cut=st.integers(0, 6))
def test_padding_the_batchs_order_and_chunks(name, seed, T, B, cut):
    checks.padding_order_and_chunks(checks.problem_of(LAYERS[name], seed, T, B), seed, cut)


@ALL
def test_bad_arguments_are_named(name):
    checks.bad_arguments_are_named(checks.problem_of(LAYERS[name], 9))


@ALL
def test_whether_a_layer_is_causal_is_measured(name):
    """A change of the last X reaches no earlier H of a causal layer, and reaches one of any other."""
    layer, p = LAYERS[name], checks.problem_of(LAYERS[name], 10, gaps=False)
    assert isinstance(layer, Layer)
    later = p.X.copy()
    later[-1] += 1
    before, after = layer.forward(p.X).H[:-1], layer.forward(later).H[:-1]
    assert np.array_equal(before, after) == layer.causal
    if layer.causal:
        Checkpointed(layer)
        TruncatedBPTT(layer, 1, 1)
    else:
        for wrap in (Checkpointed, lambda inner: TruncatedBPTT(inner, 1, 1)):
            with pytest.raises(ValueError, match=r"layer: expected one that reads forward only, got [BRS]"):
                wrap(layer)
