"""The agent: it sits in the learner's kernel, calls what it is asked to call there, and sends back what came of it.

The examiner sends this text, with those of running.py, wire.py and values.py before it, into whatever kernel the
learner's code runs in, and asks by evaluating `answer(request)`. It imports the standard library and NumPy only, and
knows no expected value: the learner's code may read it, change it, or answer in its place. What it says is believed no
more than what the learner's code says.
"""

import builtins
import contextlib
import importlib
import inspect
import json
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from autograder.boundary.values import Reader, Writer
from autograder.boundary.wire import LIMITS, Malformed
from autograder.running import BoundedText, TimeIsUp, captured, learners_frame, time_limit

MIME = "application/vnd.unrolled+json"
FILE = "<unrolled agent>"
_OURS = (lambda: None).__code__.co_filename
LONGEST_MESSAGE = 4_000


class Reply:
    """What an evaluated request shows: one text under a type of its own."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<reply>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {MIME: self.text}


class _AgentWriter(Writer):
    def __init__(self, agent: "Agent") -> None:
        super().__init__(LIMITS)
        self._agent = agent

    def opaque(self, value: object) -> dict[str, Any]:
        return self._agent.reference(value)

    def special_tuple(self, value: tuple, depth: int) -> dict[str, Any]:
        fields = getattr(type(value), "_fields", ())
        named = isinstance(fields, tuple) and all(isinstance(f, str) for f in fields)
        return {
            **self._tuple(value, depth),
            "id": self._agent.keep(value),
            "type": type(value).__name__[:100],
            "fields": list(fields) if named else [],
        }


class _AgentReader(Reader):
    def __init__(self, agent: "Agent") -> None:
        super().__init__(None, frameworks=True)
        self._agent = agent
        self._makers |= {"generator": self._generator, "dtype": self._dtype}

    def reference(self, tree: Mapping[str, Any]) -> object:
        return self._agent.kept[tree["id"]]

    def _generator(self, tree: Mapping[str, Any], depth: int) -> np.random.Generator:
        bits = getattr(np.random, tree["bits"])()
        bits.state = self.value(tree["state"], depth + 1)
        return np.random.Generator(bits)

    def _dtype(self, tree: Mapping[str, Any], _depth: int) -> Any:
        dtype = np.dtype(tree["name"])
        return dtype.type if tree["class"] else dtype


class Agent:
    """Keeps what the examiner has references to, and answers requests."""

    def __init__(self, names: Callable[[], MutableMapping[str, Any]]) -> None:
        self._names = names
        self.kept: dict[int, object] = {}
        self._last = 0

    def answer(self, request: str) -> Reply:
        """The reply to a request, both JSON. Never raises."""
        told: dict[str, Any] = {}
        try:
            told = json.loads(request)
            for number in told.get("release", ()):
                self.kept.pop(number, None)
            with self._without(told.get("without", ())):
                reply = getattr(self, f"_do_{told['do']}")(told)
        except Malformed as error:
            reply = {"status": "malformed", "reason": str(error)}
        except BaseException as error:  # whatever a learner's code did here, an answer has to go out
            reply = self._raised(error)
        return Reply(json.dumps({**reply, "request": told.get("request")}))

    @contextlib.contextmanager
    def _without(self, names: Sequence[str]) -> Iterator[None]:
        """In the body the learner's code lacks these names: a test has deleted them, to see what needs them."""
        theirs = self._names()
        taken = {name: theirs.pop(name) for name in names if name in theirs}
        try:
            yield
        finally:
            for name, value in taken.items():
                theirs.setdefault(name, value)

    def keep(self, value: object) -> int:
        """The number under which a value is kept until the examiner releases it."""
        self._last += 1
        self.kept[self._last] = value
        return self._last

    def reference(self, value: object) -> dict[str, Any]:
        """The tree of a reference to a value: what it is called, and how it is called where it can be."""
        tree: dict[str, Any] = {"is": "opaque", "id": self.keep(value), "type": type(value).__name__[:100]}
        tree["class"] = isinstance(value, type)
        tree["runs"] = hasattr(type(value), "__next__") or hasattr(type(value), "__await__")
        if callable(value):
            tree |= {"callable": True, "signature": _signature(value)}
            for key, attribute in (("name", "__name__"), ("doc", "__doc__")):
                with contextlib.suppress(Exception):
                    text = getattr(value, attribute)
                    tree[key] = text[:LONGEST_MESSAGE] if isinstance(text, str) else ""
        return tree

    def _do_describe(self, told: Mapping[str, Any]) -> dict[str, Any]:
        names = self._names()
        return {"status": "result", "names": {n: self._description(names[n]) for n in told["names"] if n in names}}

    def _description(self, value: object) -> dict[str, Any]:
        if isinstance(value, types.ModuleType):
            return {"kind": "module", "module": str(value.__name__)}
        try:
            return {"kind": "value", "value": _AgentWriter(self).tree(value)}
        except Exception:  # too large, or an object that cannot be looked at: it may still be handed on
            return {"kind": "value", "value": self.reference(value)}

    def _do_attribute(self, told: Mapping[str, Any]) -> dict[str, Any]:
        owner = self.kept[told["target"]]
        return self._run(told, Reader(), lambda: getattr(owner, told["name"]))

    def _do_set(self, told: Mapping[str, Any]) -> dict[str, Any]:
        reader = _AgentReader(self)
        value = reader.value(told["value"])
        return self._run(told, reader, lambda: setattr(self.kept[told["target"]], told["name"], value))

    def _do_call(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Call what a reference stands for, or a function of a module with what the reference stands for first."""
        reader = _AgentReader(self)
        arguments: Any = reader.value(told["arguments"])
        keywords: Any = reader.value(told["keywords"])
        target: Any = self.kept[told["target"]]
        if told.get("module"):
            function = getattr(importlib.import_module(told["module"]), told["function"])
            return self._run(told, reader, lambda: function(target, *arguments, **keywords))
        return self._run(told, reader, lambda: target(*arguments, **keywords))

    def _do_calls(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Several calls in turn, up to the first that does not return or the end of `told["together"]` seconds.

        A message each would take longer than most calls.
        """
        until = time.monotonic() + told["together"]
        replies: list[dict[str, Any]] = []
        for arguments in told["calls"]:
            replies.append(self._do_call({**told, "arguments": arguments}))
            if replies[-1]["status"] != "result" or time.monotonic() > until:
                break
        return {"status": "results", "replies": replies}

    def _run(self, told: Mapping[str, Any], reader: Reader, body: Callable[[], object]) -> dict[str, Any]:
        before = [array.copy() for array in reader.arrays]
        stream = BoundedText()
        reply: dict[str, Any]
        try:
            with captured(stream), time_limit(told["seconds"], processor=told.get("processor")):
                value = body()
                reply = {"status": "result", "value": _AgentWriter(self).tree(value)}
        except Malformed as error:
            reply = {"status": "malformed", "reason": str(error)}
        except TimeIsUp as error:
            reply = {"status": "late", "where": _where(error)}
        except BaseException as error:
            reply = self._raised(error)
        changed = [i for i, (a, b) in enumerate(zip(reader.arrays, before, strict=True)) if a.tobytes() != b.tobytes()]
        writer = Writer(None)
        return {
            **reply,
            "printed": stream.kept,
            "lines": stream.lines,
            "changed": [[i, writer.tree(reader.arrays[i])] for i in changed],
        }

    def _raised(self, error: BaseException) -> dict[str, Any]:
        try:
            message = str(error)
        except Exception:
            message = ""
        names = [base.__name__ for base in type(error).__mro__ if getattr(builtins, base.__name__, None) is base]
        return {
            "status": "raised",
            "type": type(error).__name__[:100],
            "bases": names,
            "message": message[:LONGEST_MESSAGE],
            "where": _where(error),
        }


def _where(error: BaseException) -> list[Any] | None:
    """[line, function, source] of what an error is about in the learner's own code; None when there is nothing."""
    ours = [_OURS]
    package: Any = sys.modules.get("autograder")
    with contextlib.suppress(Exception):
        ours += list(package.__path__)
    frame = learners_frame(error, ours)
    if frame is None:
        return None
    return [frame.lineno, frame.name[:100], (frame.line or "").strip()[:300]]


def _signature(value: Any) -> list[list[Any]] | None:
    """[name, kind, whether it has a default] of each parameter; None where Python cannot tell."""
    try:
        parameters = inspect.signature(value).parameters.values()
        return [[p.name, p.kind.name, p.default is not p.empty] for p in parameters]
    except Exception:
        return None


def install() -> Agent:
    """The agent of this process, on the names that notebook cells define."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return Agent(lambda: vars(sys.modules["__main__"]))
    return Agent(lambda: shell.user_ns)
