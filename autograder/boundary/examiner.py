"""The examiner's side while a notebook is graded: connect to the learner's kernel, bind the learner's names.

The functions are called in the examiner's kernel, before and after the teacher's cells; the state is one connection.
"""

import importlib
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from autograder.boundary import handles
from autograder.boundary.handles import CallableHandle, ExaminerReader, Handle
from autograder.boundary.jupyter_carrier import JupyterCarrier
from autograder.boundary.line_carrier import LineCarrier
from autograder.boundary.link import KernelLost, Link
from autograder.boundary.wire import Malformed

__all__ = ["Handle", "allow", "bind", "connect", "disconnect", "lost_because", "own_names", "seed_with"]

DRAWING = "autograder.checks.drawing"
"""Where the numbers of questions are drawn, by name: another course gives another one to seed_with."""

MODULES = {"np": "numpy", "pd": "pandas", "tf": "tensorflow", "nn": "torch.nn", "F": "torch.nn.functional"}
"""Customary names of modules; others are known by their own."""

_LOOKING = 30.0  # seconds for the learner's kernel to say what its names stand for

_link: Link | None = None
_lost = ""
_bound: dict[str, object] = {}
_namespace: Mapping[str, Any] = {}  # in which they are bound


def connect(connection: Mapping[str, Any]) -> None:
    """Talk with the learner's kernel; `connection` is what its connection file holds (transport tcp or ipc), or the
    number that a line to it has in this process (transport line).

    Whether it answers is said by lost_because, and by every handle that is used.
    """
    global _link, _lost
    disconnect()
    try:
        if connection.get("transport") == "line":
            if connection["descriptor"] < 0:
                raise KernelLost("it takes no line")
            _link = Link(LineCarrier(connection["descriptor"]))
        else:
            _link = Link(JupyterCarrier(connection))
        _link.missing = _deleted
    except KernelLost as error:
        _lost = str(error)


def allow(seconds: float) -> None:
    """How long an ordinary call of a learner's function may take from here on."""
    handles.SECONDS = seconds


def disconnect() -> None:
    """Hang up. Handles of this connection answer no more."""
    global _link, _lost
    if _link is not None:
        _link.lost = _link.lost or "the connection was closed"
        _link.close()
    _link, _lost = None, ""


def lost_because() -> str:
    """Why the learner's kernel answers no more; "" while it does."""
    return _link.lost if _link is not None else _lost


def bind(namespace: MutableMapping[str, Any], names: Sequence[str], sources: Sequence[str] = ()) -> None:
    """Let `names` in the namespace stand for the learner's objects: plain values as copies, others as handles.

    A name that the learner's notebook has not defined is taken out. `sources` are the learner's cells, as handles
    give them to whoever wants to read code (`__unrolled_source__`).
    """
    global _namespace
    sys.last_value = None
    _bound.clear()
    _namespace = namespace
    for name in names:
        namespace.pop(name, None)
    if _link is None or _link.lost or not names:
        return
    try:
        told = _link.ask({"do": "describe", "names": list(names)}, _LOOKING).get("names")
    except (KernelLost, Malformed):
        return
    text = "\n\n".join(sources)
    for name, description in told.items() if isinstance(told, dict) else ():
        if name in names and isinstance(description, dict):
            _bind_one(namespace, name, description, text)
    _bound.update({name: namespace[name] for name in names if name in namespace})


def _deleted() -> list[str]:
    """The borrowed names that a test has deleted, as one does to see whether a function needs another."""
    return sorted(name for name in _bound if name not in _namespace)


def own_names(namespace: Mapping[str, Any]) -> list[str]:
    """The names that stand for the examiner's objects: all but those that were bound last, and are still as bound."""
    missing = object()
    return sorted(name for name, value in namespace.items() if _bound.get(name, missing) is not value)


def _bind_one(namespace: MutableMapping[str, Any], name: str, description: Mapping[str, Any], source: str) -> None:
    assert _link is not None
    if description.get("kind") == "module":
        module = str(description.get("module"))
        if module == MODULES.get(name, name) and module in sys.modules:
            namespace[name] = sys.modules[module]  # the examiner's own: what the learner's kernel has is never used
        return
    try:
        value = ExaminerReader(_link).value(description["value"])
    except (KeyError, Malformed):
        return
    if isinstance(value, Handle):
        object.__setattr__(value, "__unrolled_source__", source)
    if isinstance(value, CallableHandle):  # not what it says it is called: its code is looked up by this
        object.__setattr__(value, "__name__", name)
        object.__setattr__(value, "__qualname__", name)
    namespace[name] = value


def seed_with(secret: bytes, assignment: str, student: str, cell: str = "", drawing: str = DRAWING) -> None:
    """Draw the numbers of a test cell's questions from this, by the function of that name in the module `drawing`."""
    importlib.import_module(drawing).seed_with(secret, assignment, student, cell)
