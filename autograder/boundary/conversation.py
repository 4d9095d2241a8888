"""Talking with a kernel that may say anything: run code there, keep a bounded amount of what comes back.

nbclient trusts the kernel it runs; this does not. Whatever a kernel sends, and however much, a run ends within its
time with one of five verdicts, and never with an exception of the parser's.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from autograder.boundary.shown import Kept, Shown

MESSAGE_BYTES = 20 * 2**20
"""The largest message that is read; a kernel that sends a larger one is hung up on."""

NONSENSE = 1000
"""How many unreadable messages are passed over in one run before the kernel counts as dead."""

_GRACE = 3.0  # seconds for an interrupted kernel to answer
_POLL = 0.2  # seconds between looks at whether the kernel's process lives
_FLUSH = 2.0  # seconds for outputs that are still on their way when the reply is here


@dataclass(frozen=True)
class Ran:
    """How a run ended, and what was shown.

    status: "ok"; "error": the code raised; "late": it was interrupted and the kernel goes on; "hung": it could not be
    interrupted; "dead": the process has ended. error: ename, evalue and traceback for "error".
    expressions: the values, as Python writes them, of what was asked along.
    """

    status: str
    outputs: list[NotebookNode]
    error: Mapping[str, Any] = field(default_factory=dict)
    expressions: Mapping[str, str] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the kernel takes another run."""
        return self.status in ("ok", "error", "late")


@dataclass(frozen=True)
class Heard:
    """Something that came: "shown" (an output of this kind), "reply", "end" (no more outputs), "gone" (nothing more
    will ever come), or "nonsense"."""

    what: str
    kind: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)


class Conversation(ABC):
    """A client's side of one kernel. How code gets there, and what comes back, is for those who know the way."""

    def __init__(self, *, alive: Callable[[], Awaitable[bool]], interrupt: Callable[[], Awaitable[None]]) -> None:
        self._alive = alive
        self._interrupt = interrupt

    @abstractmethod
    async def ready(self, seconds: float) -> bool:
        """Whether the kernel answers, and its outputs arrive, within `seconds`."""

    @abstractmethod
    async def close(self) -> None:
        """Stop talking."""

    @abstractmethod
    async def _request(self, code: str, history: bool, expressions: Mapping[str, str], plain: bool) -> Any:
        """Have code run; what tells this request's answers from others. `plain` code is Python alone."""

    @abstractmethod
    async def _hear(self, request: Any, seconds: float) -> Sequence[Heard]:
        """What has come for this request, and nonsense, after at most `seconds`."""

    async def run(
        self,
        code: str,
        *,
        seconds: float,
        keep: Kept | None = None,
        expressions: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> Ran:
        """Run `code`; at most `seconds`, and a few more for an interrupted kernel to answer.

        `plain`: it is Python, and whatever else a cell may hold, or show, is not wanted.
        """
        request = await self._request(code, expressions is None, dict(expressions or {}), plain)
        shown = Shown(keep or Kept())
        deadline = time.monotonic() + seconds
        reply: Mapping[str, Any] | None = None
        ended = interrupted = False
        unreadable, looked = 0, time.monotonic()
        while not (reply is not None and ended):
            for heard in await self._hear(request, min(_POLL, max(0.0, deadline - time.monotonic()))):
                if heard.what == "shown":
                    shown.take(heard.kind, heard.content)
                elif heard.what == "reply" and reply is None:
                    reply, deadline = heard.content, time.monotonic() + _FLUSH
                elif heard.what == "end":
                    ended = True
                elif heard.what == "gone":
                    unreadable = NONSENSE + 1
                elif heard.what == "nonsense":
                    unreadable += 1
            now = time.monotonic()
            if reply is None and (unreadable > NONSENSE or now - looked > _POLL):
                looked = now
                if unreadable > NONSENSE or not await self._alive():
                    return Ran("dead", shown.outputs)
            if now >= deadline:
                if reply is not None:
                    break  # outputs that the kernel never sends are not waited for
                if interrupted:
                    return Ran("hung", shown.outputs)
                await self._interrupt()
                interrupted, deadline = True, now + _GRACE
        if interrupted:
            return Ran("late", shown.outputs)
        return _ran(reply, shown.outputs)


def _ran(reply: Mapping[str, Any] | None, outputs: list[NotebookNode]) -> Ran:
    reply = reply or {}
    if reply.get("status") == "ok":
        told = reply.get("expressions")
        values = {n: v for n, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}
        return Ran("ok", outputs, expressions=values)
    error = {key: reply.get(key) for key in ("ename", "evalue")}
    error = {key: value if isinstance(value, str) else "" for key, value in error.items()}
    told = reply.get("traceback")
    lines = [line for line in told if isinstance(line, str)] if isinstance(told, list) else []
    return Ran("error", outputs, error={**error, "traceback": lines})
