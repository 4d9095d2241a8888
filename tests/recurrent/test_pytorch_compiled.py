"""torch.compile over the PyTorch cells, whole graph, forward and backward: the same numbers as without it."""

import pytest
import torch
from pytorch_cells import CELLS, assert_same, draw, make, results
from test_pytorch_wrappers import draw_dropout, stack

BOTH_WAYS = pytest.mark.parametrize("by_hand", [False, True])


def compare(module, backend, **more):
    """Compiled against not; where the compiler itself cannot run, skip and show the reason."""
    arguments = draw(module, T=3)
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend=backend)
    try:
        compiled(*arguments[:3], **more)
    except torch._dynamo.exc.BackendCompilerFailed as error:
        pytest.skip(f"torch.compile's {backend} cannot run here: {error.inner_exception!r}"[:200])
    found = results(compiled, *arguments, **more)
    assert_same({k.removeprefix("_orig_mod."): v for k, v in found.items()}, results(module, *arguments, **more))


@pytest.mark.slow
@BOTH_WAYS
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_is_one_graph(name, by_hand):
    """Traced and differentiated as one graph, run without code generation: quick enough for every cell."""
    compare(make(name, by_hand=by_hand), "aot_eager")


@pytest.mark.slow
@BOTH_WAYS
def test_a_stack_with_a_bidirectional_layer_is_one_graph(by_hand):
    module = stack(by_hand=by_hand)
    compare(module, "aot_eager", dropout=draw_dropout(module, 3, 4, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("relu", True),
        ("lstm-peepholes", False),
        ("lstm-peepholes-coupled-projection", True),
        ("lstm-layer-norm", False),
        ("lstm-layer-norm", True),
        ("gru-after", False),
        ("gru-before", True),
    ],
)
def test_compiled(name, by_hand):
    """With inductor's generated code."""
    compare(make(name, by_hand=by_hand), "inductor")
