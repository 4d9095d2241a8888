"""What stands for the learner's objects in the examiner's kernel.

A Handle is called like the function it stands for; the call happens in the learner's kernel, and plain values come
back. Nothing that is got through a handle is of a class that the learner has written.
"""

import builtins
import inspect
import keyword
import operator
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autograder.boundary.link import KernelLost, Link
from autograder.boundary.values import Reader, Writer
from autograder.boundary.wire import LIMITS, Malformed, plain

SECONDS = 60.0
"""How long an ordinary call may take."""

TOGETHER = 2.0
"""Seconds after which the kernel begins no further one of several calls that were asked for together."""

GRACE = 5.0
"""Seconds by which the examiner waits longer than the learner's kernel is told to."""

_LONGEST = 4_000
_PARAMETERS = 200
_BUILTIN_ERRORS = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type)
    and issubclass(value, Exception)
    and not issubclass(value, ExceptionGroup)
    # One of these would end a loop, a map or a zip of the test without a word.
    and not issubclass(value, (StopIteration, StopAsyncIteration))
} | {"SystemExit": SystemExit}
_OURS = ("CheckFailure", "NoAnswer", "KernelLost", "NotRun")
"""What the examiner's side says; a learner's class of such a name is called otherwise."""


class LearnerError(Exception):
    """An exception in the learner's code whose class Python itself does not have."""


class NoAnswer(Exception):
    """A call that has got no usable answer; `headline` says why, in a line for the learner."""

    @property
    def headline(self) -> str:
        return str(self)


class Outcome(NamedTuple):
    """How a call went.

    status: "result", "raised" (then `error` is an exception as Python would have raised it here) or "late". where: the
    learner's own line that was running, for the last two. printed, lines: the beginning of what the code printed, and
    of how many lines. changed: pairs of an array that was sent, and what the learner's code has made of it.
    """

    status: str
    value: object = None
    error: BaseException | None = None
    where: traceback.FrameSummary | None = None
    printed: str = ""
    lines: int = 0
    changed: Sequence[tuple[np.ndarray, np.ndarray]] = ()


class Handle:
    """An object in the learner's kernel. Attributes that do not begin with "_" are looked up there."""

    def __init__(self, link: Link, tree: Mapping[str, Any]) -> None:
        number = tree.get("id")
        if type(number) is not int:
            raise Malformed("the answer holds a reference that is none")
        put = object.__setattr__
        put(self, "_link", link)
        put(self, "_number", number)
        put(self, "__unrolled_kernel__", link)
        put(self, "__unrolled_source__", "")

    def __del__(self) -> None:
        link = self.__dict__.get("_link")  # not there when the reference was none
        if link is not None:
            link.release(self._number)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in the learner's notebook>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{name} is not looked up in the learner's notebook")
        request = {"do": "attribute", "target": self._number, "name": name}
        return _given(_asked(self._link, request, _ExaminerWriter(self._link), SECONDS), f"the attribute {name}")

    def __setattr__(self, name: str, value: object) -> None:
        writer = _ExaminerWriter(self._link)
        request = {"do": "set", "target": self._number, "name": name, "value": _sendable(writer, value)}
        _given(_asked(self._link, request, writer, SECONDS), f"setting the attribute {name}")

    def run_there(
        self,
        module: str,
        function: str,
        arguments: Sequence[object],
        *,
        seconds: float = SECONDS,
        processor: float | None = None,
    ) -> Outcome:
        """Call a function of a module in the learner's kernel with this object first, then `arguments`.

        `seconds` by the clock, `processor` seconds of processor time. Raises NoAnswer.
        """
        return self._run(arguments, {}, seconds, processor, {"module": module, "function": function})

    def run_all_there(
        self,
        module: str,
        function: str,
        calls: Sequence[Sequence[object]],
        *,
        seconds: float = SECONDS,
        processor: float | None = None,
    ) -> list[Outcome]:
        """As `run_there` with each of `calls` in turn, in one message; `seconds` are for each.

        It ends with the first call that does not return, and after TOGETHER seconds in all: fewer outcomes than calls
        may come back, and none when they cannot be understood together. Raises NoAnswer.
        """
        writers = [_ExaminerWriter(self._link) for _ in calls]
        request = {
            "do": "calls",
            "target": self._number,
            "calls": [_sendable(writer, list(call)) for writer, call in zip(writers, calls, strict=True)],
            "keywords": _sendable(_ExaminerWriter(self._link), {}),
            "processor": processor,
            "together": TOGETHER,
            "module": module,
            "function": function,
            "seconds": seconds,
        }
        try:
            reply = self._link.ask(request, TOGETHER + max(seconds, processor or 0.0) + GRACE)
            replies = reply.get("replies")
            if reply.get("status") != "results" or not isinstance(replies, list):
                return []
            told = [(each, w.arrays) for each, w in zip(replies, writers, strict=False) if isinstance(each, dict)]
            return [_outcome(self._link, each, arrays) for each, arrays in told]
        except Malformed:  # too much for one message, or nonsense: asked for one by one it shows which
            return []
        except KernelLost as error:
            raise NoAnswer(f"your code's kernel was lost: {error}") from None

    def _run(
        self,
        arguments: Sequence[object],
        keywords: Mapping[str, object],
        seconds: float,
        processor: float | None = None,
        also: Mapping[str, str] | None = None,
    ) -> Outcome:
        writer = _ExaminerWriter(self._link)
        request = {
            "do": "call",
            "target": self._number,
            "arguments": _sendable(writer, list(arguments)),
            "keywords": _sendable(writer, dict(keywords)),
            "processor": processor,
            **(also or {}),
        }
        return _asked(self._link, request, writer, seconds)


class CallableHandle(Handle):
    """A function, a class, or another object that can be called."""

    def __init__(self, link: Link, tree: Mapping[str, Any]) -> None:
        super().__init__(link, tree)
        put = object.__setattr__
        name = tree.get("name")
        put(self, "__name__", name if isinstance(name, str) and name.isidentifier() else _type_name(tree))
        put(self, "__qualname__", self.__name__)
        doc = tree.get("doc")
        put(self, "__doc__", plain(doc, _LONGEST) if isinstance(doc, str) else None)
        signature = _signature(tree.get("signature"))
        if signature is not None:
            put(self, "__signature__", signature)

    def __repr__(self) -> str:
        return f"<{self.__name__} in the learner's notebook>"

    def __call__(self, *arguments: object, **keywords: object) -> Any:
        """The result of a call in the learner's kernel. Arrays that are given are not changed, whatever happens there.

        Raises what the call raised, TimeoutError for one that does not return, NoAnswer for one without a usable
        answer, TypeError for arguments that cannot be sent.
        """
        return _given(self._run(arguments, keywords, SECONDS), self.__name__)


def handle(link: Link, tree: Mapping[str, Any]) -> Handle:
    """The handle for a reference; its class is called like the object's. Raises Malformed."""
    base = CallableHandle if tree.get("callable") is True else Handle
    body: dict[str, Any] = {"__module__": __name__}
    if tree.get("class") is True:
        body["__class__"] = property(lambda _self: type)  # for isinstance, and so for inspect.isclass
    if tree.get("runs") is True:
        body["__next__"] = _not_here
    return type(_type_name(tree), (base,), body)(link, tree)


def _not_here(_self: Handle) -> NoReturn:
    raise TypeError("what runs step by step in the learner's notebook is not run from here: ask for a list")


class ExaminerReader(Reader):
    """Reads what the learner's kernel has sent; references become handles."""

    def __init__(self, link: Link) -> None:
        super().__init__(LIMITS)
        self._link = link

    def reference(self, tree: Mapping[str, Any]) -> object:
        return handle(self._link, tree)

    def special_tuple(self, tree: Mapping[str, Any], items: list) -> tuple:
        """A tuple that goes back as the very object it came from, its entries by name where it has names."""
        fields = tree.get("fields")
        names = fields if isinstance(fields, list) and len(fields) == len(items) else []
        own: dict[str, Any] = {"__module__": __name__}
        for place, name in enumerate(names):
            if isinstance(name, str) and name.isidentifier() and not name.startswith("_"):
                own[name] = property(operator.itemgetter(place))
        made = type(_type_name(tree), (tuple,), own)(items)
        made.__unrolled_reference__ = Handle(self._link, tree)
        return made


class _ExaminerWriter(Writer):
    def __init__(self, link: Link) -> None:
        super().__init__(None)
        self._link = link

    def opaque(self, value: object) -> dict[str, Any]:
        if isinstance(value, Handle):
            if value._link is not self._link:
                raise NoAnswer("the kernel that this object was in is gone")
            return {"is": "opaque", "id": value._number}
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state
            return {"is": "generator", "bits": state["bit_generator"], "state": self.tree(state)}
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return {"is": "dtype", "name": np.dtype(value).str, "class": isinstance(value, type)}
        what = "a function" if callable(value) else f"a value of type {type(value).__name__}"
        raise TypeError(
            f"{what} cannot be given to the learner's code while grading: only arrays, tensors, numbers, texts, lists, "
            "tuples, dictionaries, sets of these, random generators, and what came from the learner's code itself"
        )

    def special_tuple(self, value: tuple, depth: int) -> dict[str, Any]:
        reference = getattr(value, "__unrolled_reference__", None)
        return self.opaque(reference) if isinstance(reference, Handle) else self._tuple(value, depth)


def _sendable(writer: Writer, value: object) -> Any:
    try:
        return writer.tree(value)
    except Malformed as error:
        raise TypeError(f"this cannot be given to the learner's code while grading: {error}") from None


def _asked(link: Link, request: Mapping[str, Any], writer: Writer, seconds: float) -> Outcome:
    """Raises NoAnswer."""
    processor = request.get("processor")
    try:
        reply = link.ask({**request, "seconds": seconds}, max(seconds, processor or 0.0) + GRACE)
        return _outcome(link, reply, writer.arrays)
    except Malformed as error:
        raise NoAnswer(str(error)) from None
    except KernelLost as error:
        raise NoAnswer(f"your code's kernel was lost: {error}") from None


def _outcome(link: Link, reply: Mapping[str, Any], sent: Sequence[np.ndarray]) -> Outcome:
    """What a reply says. Raises Malformed."""
    status = reply.get("status")
    printed, lines = reply.get("printed"), reply.get("lines")
    seen: dict[str, Any] = {
        "printed": plain(printed, 10_000) if isinstance(printed, str) else "",
        "lines": min(lines, 10**9) if type(lines) is int and lines > 0 else 0,
        "where": _frame(reply.get("where")),
    }
    if status == "result" and "value" in reply:
        reader = ExaminerReader(link)
        value = reader.value(reply.get("value"))
        return Outcome("result", value=value, changed=_changed(reader, reply.get("changed"), sent), **seen)
    if status == "raised":
        return Outcome("raised", error=_error(reply), **seen)
    if status == "late":
        return Outcome("late", **seen)
    if status == "malformed" and isinstance(reply.get("reason"), str):
        raise Malformed(plain(reply["reason"], 300))
    raise Malformed("the answer is not in the form that was agreed on")


def _changed(reader: Reader, told: object, sent: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for pair in told if isinstance(told, list) else []:
        if not (isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int and 0 <= pair[0] < len(sent)):
            raise Malformed("the answer is not in the form that was agreed on")
        array, now = sent[pair[0]], reader.value(pair[1])
        if not isinstance(now, np.ndarray) or (now.shape, now.dtype) != (array.shape, array.dtype):
            raise Malformed("the answer is not in the form that was agreed on")
        found.append((array, now))
    return found


def _frame(told: object) -> traceback.FrameSummary | None:
    if not (isinstance(told, list) and len(told) == 3 and type(told[0]) is int):
        return None
    line, name, source = told
    if not (isinstance(name, str) and isinstance(source, str)):
        return None
    text = plain(source, 300)
    return traceback.FrameSummary("<the learner's notebook>", line, plain(name, 100), lookup_line=False, line=text)


def _error(told: Mapping[str, Any]) -> BaseException:
    """An exception of a class that is called, and caught, like the one in the learner's kernel."""
    name, bases, message = told.get("type"), told.get("bases"), told.get("message")
    text = plain(message, _LONGEST) if isinstance(message, str) else ""
    name = name if isinstance(name, str) and name.isidentifier() and name not in _OURS else "LearnerError"
    known = [_BUILTIN_ERRORS[b] for b in _names(bases) if b in _BUILTIN_ERRORS]
    own = () if known and known[0].__name__ == name else (LearnerError,)
    nearest = tuple(known[:1]) if known and known[0] is not Exception else ()
    where = __name__ if own else "builtins"
    body = {"__module__": where, "__init__": _nothing, "__str__": _first}
    made: Any = type(name, (*own, *nearest) or (LearnerError,), body)
    return made(text)


def _nothing(_self: object, *_arguments: object) -> None:
    """Instead of the constructors of exceptions that want arguments of their own."""


def _first(self: BaseException) -> str:
    return str(self.args[0]) if self.args else ""


def _names(told: object) -> list[str]:
    return [name for name in told if isinstance(name, str)] if isinstance(told, list) else []


def _given(outcome: Outcome, called: str) -> Any:
    """The value, for ordinary tests; what the code printed is printed. Raises what it raised."""
    if outcome.printed:
        sys.stdout.write(outcome.printed if outcome.printed.endswith("\n") else outcome.printed + "\n")
    if outcome.status == "late":
        where = outcome.where
        at = f"; it was at line {where.lineno} in {where.name}: {where.line}" if where is not None else ""
        raise TimeoutError(f"{called} did not return within {SECONDS:.0f} seconds{at}")
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def _type_name(tree: Mapping[str, Any]) -> str:
    name = tree.get("type")
    return name if isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name) else "object"


_KINDS: Mapping[str, Any] = {kind.name: kind for kind in inspect._ParameterKind}


def _signature(told: object) -> inspect.Signature | None:
    """The signature that was told, None where it cannot be one."""
    if not isinstance(told, list) or len(told) > _PARAMETERS:
        return None
    parameters = []
    try:
        for name, kind, has_default in told:
            default = ... if has_default is True else inspect.Parameter.empty
            parameters.append(inspect.Parameter(name, _KINDS[kind], default=default))
        return inspect.Signature(parameters)
    except (ValueError, TypeError, KeyError):
        return None
