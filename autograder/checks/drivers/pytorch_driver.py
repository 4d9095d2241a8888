"""PyTorch: functions of tensors, `torch.autograd.Function`s, and `nn.Module`s. Runs where the tensors are: CPU."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from autograder.checks.drivers import Missing, Unsuitable

MODULE_DTYPE = "float64"

_INVALID_GRADIENT = re.compile(
    r"invalid gradient at index (\d+) - got (\[[\d, ]*\]) but expected shape compatible with (\[[\d, ]*\])"
)


def _tensor(array: NDArray, track: bool = False) -> torch.Tensor:
    return torch.from_numpy(array.copy()).requires_grad_(track)


def _arrays(value: object) -> object:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, (tuple, list)):
        return [_arrays(v) for v in value]
    if isinstance(value, dict):
        return {k: _arrays(v) for k, v in value.items()}
    return value


def function(answer: Any, arrays: Sequence[NDArray]) -> object:
    """answer(*tensors); the caller's arrays share memory with the tensors, so that changes in place are seen."""
    return _arrays(answer(*(torch.from_numpy(a) for a in arrays)))


def _gradients(output: object, wanted: Sequence[torch.Tensor], upstream: torch.Tensor) -> list[object]:
    if not isinstance(output, torch.Tensor):
        return [Missing("cannot be asked for: the output is not a tensor")] * len(wanted)
    if not output.requires_grad:
        return [Missing("gets no gradient: the output is cut off from it (detach, .data, .numpy()?)")] * len(wanted)
    if output.shape != upstream.shape:
        return [Missing("not judged until the output has the right shape")] * len(wanted)
    try:
        found = torch.autograd.grad(output, list(wanted), upstream.to(output.dtype), allow_unused=True)
    except RuntimeError as error:
        refused = _INVALID_GRADIENT.search(str(error))
        if not refused:
            raise
        return _refused(wanted, *(tuple(map(int, re.findall(r"\d+", text))) for text in refused.groups()))
    return [Missing("gets no gradient") if g is None else _arrays(g) for g in found]


def _refused(
    wanted: Sequence[torch.Tensor], index: tuple[int, ...], got: tuple[int, ...], expected: tuple[int, ...]
) -> list[object]:
    """PyTorch gives no gradient at all when one has the wrong shape: say which, by its place among `wanted`."""
    outcome: list[object] = [Missing("not judged until every gradient has the right shape")] * len(wanted)
    place = index[0] if tuple(wanted[min(index[0], len(wanted) - 1)].shape) == expected else None
    if place is None:
        place = next((k for k, w in enumerate(wanted) if tuple(w.shape) == expected), 0)
    remark = ": it is transposed" if got == expected[::-1] else ""
    outcome[place] = Missing(f"has shape {got}, expected {expected}{remark}", got)
    return outcome


def pull_back(
    answer: Any, arrays: Sequence[NDArray], tracked: Sequence[int], upstream: NDArray
) -> tuple[object, list[object]]:
    """answer.apply(*tensors) and the gradients its backward returns. The answer is a torch.autograd.Function."""
    if not (isinstance(answer, type) and issubclass(answer, torch.autograd.Function)):
        raise Unsuitable("a class derived from torch.autograd.Function, with your backward in it")
    tensors = [_tensor(a, track=i in tracked) for i, a in enumerate(arrays)]
    output = answer.apply(*tensors)
    return _arrays(output), _gradients(output, [tensors[i] for i in tracked], _tensor(upstream))


def module(
    answer: Any,
    sizes: Sequence[int],
    parameters: Mapping[str, NDArray],
    arrays: Sequence[NDArray],
    upstream: NDArray,
) -> tuple[object, list[object]]:
    """answer(*sizes) with parameters loaded by name, run on tensors, differentiated by autograd."""
    if not (isinstance(answer, type) and issubclass(answer, nn.Module)):
        raise Unsuitable("a class derived from nn.Module (the class itself, not an instance)")
    built = answer(*sizes)
    ready_made = [m for m in built.modules() if isinstance(m, (nn.RNNBase, nn.RNNCellBase))]
    if ready_made:
        raise Unsuitable(
            f"your own recurrence; this one contains PyTorch's {type(ready_made[0]).__name__}, which is the task"
        )
    built = built.to(torch.float64)
    own = dict(built.named_parameters())
    for name, value in parameters.items():
        if name not in own:
            raise Unsuitable(
                f"a module with an nn.Parameter called {name}; yours has {', '.join(sorted(own)) or 'none'}"
            )
        if tuple(own[name].shape) != value.shape:
            raise Unsuitable(
                f"{name} of shape {value.shape}; yours has {tuple(own[name].shape)} when built with {tuple(sizes)}"
            )
        with torch.no_grad():
            own[name].copy_(torch.from_numpy(value))
    output = built(*(_tensor(a) for a in arrays))
    return _arrays(output), _gradients(output, [own[name] for name in parameters], _tensor(upstream))
