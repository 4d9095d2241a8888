"""The rules of a task, watched while a learner's code runs: no ready-made recurrence, no derivatives by machine.

Looking at what the code does finds what looking at its text would miss (an alias, a subclass, a helper), and lets
comments and unused imports be. What is refused raises Unsuitable from inside the learner's call.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from autograder.checks.drivers import Unsuitable


def refusing(expected: str) -> Callable[..., Any]:
    """A function that stands in for what a task rules out; `expected` says what is asked for instead."""

    def refuse(*_args: Any, **_keywords: Any) -> Any:
        raise Unsuitable(expected)

    return refuse


@contextlib.contextmanager
def exchanged(replacements: list[tuple[Any, str, Any]]) -> Iterator[None]:
    """Set attributes (of objects) or entries (of mappings) for the time of the body."""
    before: list[tuple[Any, str, Any, bool]] = []
    try:
        for owner, name, value in replacements:
            if isinstance(owner, MutableMapping):
                before.append((owner, name, owner.get(name), name in owner))
                owner[name] = value
            else:
                own = name in vars(owner)
                before.append((owner, name, vars(owner).get(name), own))
                setattr(owner, name, value)
        yield
    finally:
        for owner, name, value, own in reversed(before):
            if isinstance(owner, MutableMapping):
                if own:
                    owner[name] = value
                else:
                    owner.pop(name, None)
            elif own:
                setattr(owner, name, value)
            else:
                delattr(owner, name)


def own_recurrence(used: str) -> str:
    """What is expected where a ready-made layer was used."""
    return f"your own recurrence; this one uses {used}, which is the task"


def own_derivative(used: str) -> str:
    """What is expected where automatic differentiation was used."""
    return f"a gradient written by hand; this one is found by {used}, and the task is to derive it"


def own_clipping(used: str) -> str:
    """What is expected where a library's clipping was used."""
    return f"your own clipping; this one uses {used}, which is the task"


_COUNT = re.compile(r"(?:expected|expected to return) (\d+)(?:, got| gradients, but returned) (\d+)")
_NO_TENSOR = re.compile(r"expected Variable or None \(got ([\w.]+)\)|expected device \w+ but got (\w+)")


def unfit_backward(error: Exception) -> None:
    """Raise Unsuitable where a framework's error says that a backward returned too few gradients, or no tensors."""
    count, kind = _COUNT.search(str(error)), _NO_TENSOR.search(str(error))
    if count:
        raise Unsuitable(
            f"{count[1]} gradients from backward in a tuple, one for each argument of the forward pass in "
            f"their order, with None for one that needs none, such as a mask; got {count[2]}"
        ) from None
    if kind:
        raise Unsuitable(
            f"tensors from backward, where the arguments are; got {kind[1] or 'one on the device ' + kind[2]}"
        )
