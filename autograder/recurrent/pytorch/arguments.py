"""What the modules demand of their arguments, said once: kind, rank, width, one dtype, one mask.

Values are not looked at (finite? a mask of only 0 and 1?): on a GPU every look would stop the queue of work.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Arguments(NamedTuple):
    """X (T, B, D), the initial state, each of its tensors (B, ·), and the mask as booleans (T, B, 1) or None."""

    X: Tensor
    state_0: tuple[Tensor, ...]
    on: Tensor | None


def require(name: str, value: object, shape: tuple[int | str, ...]) -> Tensor:
    """`value` as it is, after checking that it is a floating-point tensor of `shape`; a string is a free size.

    Raises TypeError for another kind of thing and ValueError for another shape, naming the argument.
    """
    wanted = f"({', '.join(map(str, shape))})"
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor of shape {wanted}, got {type(value).__name__}")
    if not value.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point tensor, got {value.dtype}; convert it first")
    matches = value.ndim == len(shape) and all(
        isinstance(want, str) or want == have for want, have in zip(shape, value.shape, strict=True)
    )
    if not matches:
        raise ValueError(f"{name}: expected shape {wanted}, got {tuple(value.shape)}")
    return value


def require_mask(mask: object, T: int, B: int) -> Tensor | None:
    """The mask as booleans (T, B, 1), True where a step counts (where it is not 0); None stays None."""
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or mask.is_complex():
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"mask: expected a tensor of booleans or of zeros and ones, got {kind}")
    if mask.shape != (T, B):
        raise ValueError(f"mask: expected shape (T, B) = ({T}, {B}), got {tuple(mask.shape)}")
    return (mask != 0).unsqueeze(-1)


def arguments(
    X: object, state_0: Sequence[Tensor] | None, mask: object, W: Tensor, widths: dict[str, int]
) -> Arguments:
    """Check a layer's arguments against its input weights W (D, nH) and the widths of its state, by name.

    Without a `state_0` the state is zeros. Raises TypeError and ValueError.
    """
    X = require("X", X, ("T", "B", W.shape[0]))
    T, B, _ = X.shape
    if T == 0:
        raise ValueError("X: expected at least one step, got shape " + str(tuple(X.shape)))
    if state_0 is None:
        state_0 = [W.new_zeros(B, width) for width in widths.values()]
    if not isinstance(state_0, tuple | list):
        raise TypeError(f"state_0: expected a tuple ({', '.join(widths)}), got {type(state_0).__name__}")
    if len(state_0) != len(widths):
        raise ValueError(f"state_0: expected ({', '.join(widths)}), got {len(state_0)} tensors")
    given = {"X": X}
    for (name, width), value in zip(widths.items(), state_0, strict=True):
        given[name] = require(name, value, (B, width))
    if torch.is_autocast_enabled(X.device.type):  # it lets dtypes meet in products; states are kept in the parameters'
        given = {name: value.to(W.dtype) for name, value in given.items()}
    for name, value in given.items():
        if value.dtype != W.dtype:
            raise TypeError(f"{name}: expected the parameters' {W.dtype}, got {value.dtype}: convert one of them")
    X, *parts = given.values()
    return Arguments(X, tuple(parts), require_mask(mask, T, B))


def where_on(on: Tensor | None, new: Tensor, old: Tensor) -> Tensor:
    """`new` where the step counts, `old` where it does not: m ⊙ new + (1 - m) ⊙ old. `on` is (B, 1)."""
    return new if on is None else torch.where(on, new, old)


def steps(on: Tensor | None, T: int) -> Sequence[Tensor | None]:
    """The mask of each step, (B, 1), or None for each of T steps."""
    return [None] * T if on is None else on.unbind(0)
