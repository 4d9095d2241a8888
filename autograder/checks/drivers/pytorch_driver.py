"""PyTorch: functions of tensors, `torch.autograd.Function`s, and `nn.Module`s. Runs where the tensors are: CPU."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from autograder.checks.drivers import (
    MADE_ANEW,
    MODULE_DTYPES,
    NO_GRADIENT,
    NOT_TRAINED,
    PLAIN_TENSOR,
    Layout,
    Missing,
    Unsuitable,
    given,
    outputs_of,
    plain,
)
from autograder.checks.drivers.rules import (
    exchanged,
    own_clipping,
    own_derivative,
    own_recurrence,
    refusing,
    unfit_backward,
)
from autograder.checks.drivers.symbolic import Symbols, as_function

MODULE_DTYPE = MODULE_DTYPES["pytorch"]

_grad = torch.autograd.grad
_INVALID_GRADIENT = re.compile(
    r"invalid gradient at index (\d+) - got (\[[\d, ]*\]) but expected shape compatible with (\[[\d, ]*\])"
)


def _tensor(array: NDArray, track: bool = False) -> torch.Tensor:
    return torch.from_numpy(array.copy()).requires_grad_(track)


def _array(tensor: torch.Tensor) -> NDArray:
    """Its numbers, wherever they are. Raises Unsuitable for a tensor of which NumPy cannot hold any."""
    if tensor.is_meta:
        raise Unsuitable(
            "tensors with numbers in them; one that came back is on the device meta, which holds shapes only"
        )
    if tensor.layout != torch.strided:
        raise Unsuitable("dense tensors; one that came back is sparse: end with .to_dense()")
    try:
        return tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
    except (TypeError, RuntimeError, NotImplementedError):
        kind = f"a {type(tensor).__name__} of {tensor.dtype}"
        raise Unsuitable(f"tensors of the inputs' dtype; one that came back is {kind}") from None


def _arrays(value: object) -> object:
    if isinstance(value, torch.Tensor):
        return _array(value)
    if isinstance(value, (tuple, list)):
        return [_arrays(v) for v in value]
    if isinstance(value, dict):
        return {k: _arrays(v) for k, v in value.items()}
    return value


def function(answer: Any, arrays: Sequence[NDArray], symbols: Symbols = ()) -> object:
    """answer(*tensors), numbers as they are; the arrays share memory with the tensors, so that changes in place
    are seen. Formulas in `symbols` are evaluated."""
    with _own_recurrence(), _by_hand():
        return _arrays(
            plain(as_function(answer, symbols, arrays)(*(torch.from_numpy(a) if a.ndim else given(a) for a in arrays)))
        )


def _gradients(outputs: Sequence[object], wanted: Sequence[torch.Tensor], upstreams: Sequence[NDArray]) -> list[object]:
    for output, upstream in zip(outputs, upstreams, strict=True):
        if not isinstance(output, torch.Tensor):
            return [Missing("cannot be asked for: the output is not a tensor")] * len(wanted)
        if output.shape != upstream.shape:
            return [Missing("not judged until the output has the right shape")] * len(wanted)
    connected = [(o, g) for o, g in zip(outputs, upstreams, strict=True) if o.requires_grad]  # type: ignore[attr-defined]
    if not connected:
        return [Missing(f"{NO_GRADIENT}: the output is cut off from it (detach, .data, .numpy()?)")] * len(wanted)
    tensors, sent = zip(*((o, _tensor(g).to(o.dtype)) for o, g in connected), strict=True)  # type: ignore[attr-defined]
    try:
        found = _grad(tensors, list(wanted), sent, allow_unused=True)
    except RuntimeError as error:
        unfit_backward(error)
        refused = _INVALID_GRADIENT.search(str(error))
        if not refused:
            raise
        return _refused(wanted, *(tuple(map(int, re.findall(r"\d+", text))) for text in refused.groups()))
    return [Missing(NO_GRADIENT) if g is None else _arrays(g) for g in found]


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
    answer: Any, arrays: Sequence[NDArray], tracked: Sequence[int], upstreams: Sequence[NDArray]
) -> tuple[list[object], list[object]]:
    """answer.apply(*tensors) and the gradients its backward returns. The answer is a torch.autograd.Function."""
    if not (isinstance(answer, type) and issubclass(answer, torch.autograd.Function)):
        raise Unsuitable("a class derived from torch.autograd.Function, with your backward in it")
    tensors = [_tensor(a, track=i in tracked) for i, a in enumerate(arrays)]
    with _own_recurrence(), _by_hand():
        outputs = outputs_of(answer.apply(*tensors), len(upstreams))
        return [_arrays(o) for o in outputs], _gradients(outputs, [tensors[i] for i in tracked], upstreams)


def module(
    answer: Any,
    sizes: Sequence[int],
    parameters: Mapping[str, NDArray],
    arrays: Sequence[NDArray],
    upstreams: Sequence[NDArray],
    layout: Layout,
) -> tuple[list[object], list[object]]:
    """answer(*sizes) with parameters loaded by name, run on tensors, differentiated by autograd."""
    if not (isinstance(answer, type) and issubclass(answer, nn.Module)):
        raise Unsuitable("a class derived from nn.Module (the class itself, not an instance)")
    built = answer(*sizes)
    ready_made = [m for m in built.modules() if isinstance(m, (nn.RNNBase, nn.RNNCellBase))]
    if ready_made:
        raise Unsuitable(own_recurrence(f"PyTorch's {type(ready_made[0]).__name__}"))
    built = built.to(torch.float64)
    own = dict(built.named_parameters())
    for name, value in parameters.items():
        if isinstance(getattr(built, name, None), torch.Tensor) and name not in own:
            raise Unsuitable(f"{name} to be an nn.Parameter; yours {PLAIN_TENSOR}")
        if name not in own:
            raise Unsuitable(
                f"a module with an nn.Parameter called {name}; yours has {', '.join(sorted(own)) or 'none'}"
            )
        if not own[name].requires_grad:
            raise Unsuitable(f"a parameter {name} that learns; yours {NOT_TRAINED} (requires_grad=False)")
        if tuple(own[name].shape) != value.shape:
            raise Unsuitable(
                f"{name} of shape {value.shape}; yours has {tuple(own[name].shape)} when built with {tuple(sizes)}"
            )
        with torch.no_grad():
            own[name].copy_(torch.from_numpy(value))
    with _own_recurrence():
        outputs = outputs_of(built(*(_tensor(a) for a in arrays)), len(upstreams))
    now = dict(built.named_parameters())
    for name in parameters:
        if now.get(name) is not own[name]:
            raise Unsuitable(f"parameters that are made once, in __init__; your {name} {MADE_ANEW}")
    return [_arrays(o) for o in outputs], _gradients(outputs, [own[name] for name in parameters], upstreams)


def train(answer: Any, arguments: Sequence[object], *, own_layers: bool) -> object:
    """answer(*arguments), arrays as tensors.

    In one thread: matrices of an exercise gain nothing from more, and threads that wait for one another on a busy
    machine use up the budget.
    """
    given = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arguments]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _own_recurrence() if own_layers else nullcontext():
            return _arrays(answer(*given))
    finally:
        torch.set_num_threads(threads)


_LAYERS = ("rnn_tanh", "rnn_relu", "lstm", "gru")
_DERIVATIVES = (
    (torch.autograd, "grad", "torch.autograd.grad"),
    (torch.autograd, "backward", "torch.autograd.backward"),
    (torch.Tensor, "backward", "Tensor.backward"),
    *((torch.autograd.functional, name, f"torch.autograd.functional.{name}") for name in ("vjp", "jacobian", "jvp")),
    *(
        (torch.func, name, f"torch.func.{name}")
        for name in ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd")
    ),
)


def _own_recurrence() -> AbstractContextManager[None]:
    """Refuse PyTorch's recurrent layers and cells, as modules and as functions."""
    implementations = torch.nn.modules.rnn._rnn_impls
    refusals: list[tuple[Any, str, Any]] = []
    for name in (*_LAYERS, *(f"{layer}_cell" for layer in _LAYERS)):
        refuse = refusing(own_recurrence(f"PyTorch's {name}"))
        refusals += [(torch, name, refuse), (torch._VF, name, refuse)]
        if name.upper() in implementations:
            refusals.append((implementations, name.upper(), refuse))
    return exchanged(refusals)


def _by_hand() -> AbstractContextManager[None]:
    """Refuse automatic differentiation, for which the driver itself keeps `_grad`, and ready-made clipping."""
    refusals = [(owner, name, refusing(own_derivative(shown))) for owner, name, shown in _DERIVATIVES]
    clipping = refusing(own_clipping("torch.nn.utils.clip_grad_norm_"))
    return exchanged([*refusals, (nn.utils, "clip_grad_norm_", clipping)])


def _get_ready() -> None:
    """PyTorch imports SymPy when it first differentiates, which takes seconds that are not the learner's."""
    once = torch.ones(1, requires_grad=True)
    _grad([once.tanh()], [once], [torch.ones(1)])


_get_ready()
