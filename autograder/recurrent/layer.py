"""What every recurrent layer offers: a forward pass that remembers what its backward needs, and the backward.

A layer is a frozen dataclass of its parameters. `forward` turns a sequence into a `Run`; `backward` turns the
gradients that reach a run's states into `Gradients`. Neither changes an argument, and one run may be
differentiated any number of times. Wrappers (bidirectional, stacks, truncation, checkpointing) are written
against this protocol alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.inexact]
State = tuple[Array, ...]
"""A layer's state between steps: (h,) for the vanilla RNN and the GRU, (h, c) for the LSTM; each (B, ·)."""


@dataclass(frozen=True)
class Run:
    """One forward pass: H (T, B, H), the state after each step, and `state`, all of the state after the last.

    Where the mask is 0 a state is the one before. `saved` is the layer's own business.
    """

    H: Array
    state: State
    saved: Any


@dataclass(frozen=True)
class Gradients:
    """The gradients of one run: dX (T, B, D), the initial state's, and each parameter's by its name."""

    dX: Array
    dstate_0: State
    parameters: dict[str, Array]


@runtime_checkable
class Layer(Protocol):
    """A recurrent layer. D inputs, H outputs; time first, row vectors."""

    @property
    def causal(self) -> bool:
        """Whether H[t] depends on X[:t+1] alone, so that runs over chunks, each from the state in which the one before
        ended, make the run over the whole. True of the cells; False of a layer that reads from the end
        (`Reversed`, `Bidirectional`, and a `Stack` with such a layer), which `TruncatedBPTT` and `Checkpointed`
        therefore refuse.
        """

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H): the widths of an input and of an output."""

    @property
    def parameters(self) -> dict[str, Array]:
        """Every parameter by name."""

    def zero_state(self, B: int) -> State:
        """The state from which a sequence starts when none is given: zeros of the parameters' dtype."""

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """Run over X (T, B, D) from `state_0` (zeros if None); mask (T, B) is 1 where a step counts.

        Raises TypeError and ValueError, naming the argument, for what does not fit (`arrays`).
        """

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """Backpropagation through time.

        G (T, B, H) is the gradient that reaches each H[t] directly; `dstate` what reaches `run.state`
        besides (None: nothing), for chunks of a longer sequence.
        """


def split_state(name: str, given: Sequence[Array], layers: Sequence[Layer]) -> list[State]:
    """The state of several layers, one's parts after the other's, as one state a layer.

    Raises TypeError for what is no tuple or list, ValueError for another number of parts; `name` for the message.
    """
    if not isinstance(given, tuple | list):
        raise TypeError(f"{name}: expected a tuple of arrays, got {type(given).__name__}")
    counts = [len(layer.zero_state(1)) for layer in layers]
    if len(given) != sum(counts):
        raise ValueError(f"{name}: expected {' + '.join(map(str, counts))} arrays, layer by layer, got {len(given)}")
    parts = iter(given)
    return [tuple(islice(parts, count)) for count in counts]


Saved = TypeVar("Saved")


def saved_by(layer: Layer, run: object, kind: type[Saved]) -> Saved:
    """What the layer's forward saved of this run. Raises TypeError where it is no run, or another kind of layer's, and
    ValueError where it is one of another size."""
    if not isinstance(run, Run):
        raise TypeError(f"run: expected the Run that this layer's forward returned, got {type(run).__name__}")
    if not isinstance(run.saved, kind):
        raise TypeError("run: expected the Run that this layer's forward returned, got one of another layer")
    X = getattr(run.saved, "X", None)
    sizes = (layer.sizes[0] if X is None else X.shape[-1]), run.H.shape[-1]
    if sizes != layer.sizes:
        raise ValueError(f"run: expected one of the layer's sizes (D, H) = {layer.sizes}, got one of {sizes}")
    return run.saved


def require_layer(name: str, value: object) -> None:
    """Refuse what does not follow the protocol, with a TypeError."""
    if not isinstance(value, Layer):
        raise TypeError(f"{name}: expected a recurrent layer, got {type(value).__name__}")
