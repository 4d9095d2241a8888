"""What every module here offers, so that wrappers (bidirectional, stacks) can be written against it alone."""

from collections.abc import Sequence
from itertools import islice

from torch import Tensor, nn

State = tuple[Tensor, ...]


class Layer(nn.Module):
    """A recurrent layer: `layer(X, state_0, mask)` returns H (T, B, H) and the state after the last step.

    X (T, B, D); `state_0` the state before the first step, zeros if None; mask (T, B), 1 where a step counts. Where it
    is 0 the state is carried over. Raises TypeError and ValueError, naming the argument, for what does not fit.
    """

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H): the widths of an input and of an output."""
        raise NotImplementedError

    @property
    def state_widths(self) -> dict[str, int]:
        """The state's parts in order, by name, with their widths: {"h_0": H, "c_0": H} for an LSTM."""
        raise NotImplementedError


def require_layer(name: str, value: object) -> Layer:
    """`value`, after checking that it is a layer of this package. Raises TypeError."""
    if not isinstance(value, Layer):
        raise TypeError(f"{name}: expected a recurrent layer of this package, got {type(value).__name__}")
    return value


def split_state(given: Sequence[Tensor] | None, layers: Sequence[Layer]) -> list[State | None]:
    """The state of several layers, one's parts after the other's, as one state a layer; None is None for each.

    Raises TypeError for what is no tuple or list, ValueError for another number of parts.
    """
    if given is None:
        return [None] * len(layers)
    counts = [len(layer.state_widths) for layer in layers]
    if not isinstance(given, tuple | list):
        raise TypeError(f"state_0: expected a tuple of tensors, got {type(given).__name__}")
    if len(given) != sum(counts):
        raise ValueError(f"state_0: expected {' + '.join(map(str, counts))} tensors, layer by layer, got {len(given)}")
    parts = iter(given)
    return [tuple(islice(parts, count)) for count in counts]
