"""Talking with a kernel that may say anything: run code there, keep a bounded amount of what comes back.

nbclient trusts the kernel it runs; this does not. Whatever a kernel sends, and however much, a run ends within its
time with one of five verdicts, and never with an exception of the parser's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import nbformat
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbformat import NotebookNode

MESSAGE_BYTES = 20 * 2**20
"""The largest message that is read; ZeroMQ hangs up on a kernel that sends a larger one."""

WAITING = 16
"""How many messages of a channel wait unread; further ones stay with the kernel that sends them."""

NONSENSE = 1000
"""How many unreadable messages are passed over in one run before the kernel counts as dead."""

_GRACE = 3.0  # seconds for an interrupted kernel to answer
_POLL = 0.2  # seconds between looks at whether the kernel's process lives
_FLUSH = 2.0  # seconds for outputs that are still on their way when the reply is here


@dataclass(frozen=True)
class Kept:
    """How much of what a cell shows is kept."""

    text_bytes: int = 200_000
    data_bytes: int = 4 * 2**20
    outputs: int = 100


@dataclass(frozen=True)
class Ran:
    """How a run ended, and what was shown.

    status: "ok"; "error": the code raised; "late": it was interrupted and the kernel goes on; "hung": it could not be
    interrupted; "dead": the process has ended. error: ename, evalue and traceback for "error".
    expressions: the replies to what was asked along.
    """

    status: str
    outputs: list[NotebookNode]
    error: Mapping[str, Any] = field(default_factory=dict)
    expressions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the kernel takes another run."""
        return self.status in ("ok", "error", "late")


def hardened_context() -> zmq.asyncio.Context:
    """Sockets that do not wait for a dead kernel, and take few messages ahead and none beyond MESSAGE_BYTES.

    ZeroMQ hangs up on a part beyond that. It has no limit for the number of parts: see `kernels.watchdog`.
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, WAITING)
    context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
    context.setsockopt(zmq.LINGER, 0)
    return context


class Conversation:
    """A client's side of one kernel: its reading of the two channels goes on between runs, so nothing is lost."""

    def __init__(
        self,
        client: AsyncKernelClient,
        *,
        alive: Callable[[], Awaitable[bool]],
        interrupt: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = client
        self._alive = alive
        self._interrupt = interrupt
        self._reading: dict[str, asyncio.Task[Any]] = {}

    async def ready(self, seconds: float) -> bool:
        """Whether the kernel answers, and its outputs arrive, within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            request = self._client.kernel_info()
            heard: set[str] = set()
            again = time.monotonic() + 1.0
            while time.monotonic() < min(again, deadline):
                for channel, message in await self._next(0.05):
                    if _parent(message) == request:
                        heard.add(channel)
                if heard == {"shell", "iopub"}:
                    return True
                if not await self._alive():
                    return False
        return False

    async def run(
        self, code: str, *, seconds: float, keep: Kept | None = None, expressions: Mapping[str, str] | None = None
    ) -> Ran:
        """Run `code`; at most `seconds`, and a few more for an interrupted kernel to answer."""
        request = self._client.execute(
            code,
            silent=False,
            store_history=expressions is None,
            user_expressions=dict(expressions or {}),
            allow_stdin=False,
            stop_on_error=False,
        )
        shown = _Shown(keep or Kept())
        deadline = time.monotonic() + seconds
        reply: Mapping[str, Any] | None = None
        idle = interrupted = False
        unreadable, looked = 0, time.monotonic()
        while not (reply is not None and idle):
            for channel, message in await self._next(min(_POLL, max(0.0, deadline - time.monotonic()))):
                content = _content(message)
                if content is None:
                    unreadable += 1
                elif _parent(message) != request:
                    continue
                elif channel == "shell" and _type(message) == "execute_reply" and reply is None:
                    reply, deadline = content, time.monotonic() + _FLUSH
                elif channel == "iopub" and _type(message) == "status":
                    idle = idle or content.get("execution_state") == "idle"
                elif channel == "iopub":
                    shown.take(message)
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

    async def close(self) -> None:
        """Stop reading; the client's channels are closed with it."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        self._client.stop_channels()

    async def _next(self, seconds: float) -> list[tuple[str, Any]]:
        """What has arrived on either channel, after at most `seconds`; None stands for an unreadable message."""
        for name in ("shell", "iopub"):
            if name not in self._reading:
                channel = getattr(self._client, f"{name}_channel")
                self._reading[name] = asyncio.ensure_future(channel.get_msg(timeout=None))
        done, _ = await asyncio.wait(self._reading.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        arrived = []
        for name, task in list(self._reading.items()):
            if task in done:
                del self._reading[name]
                # A forged signature, JSON that is none, a tower of brackets: all are a message nobody can read.
                arrived.append((name, None if task.exception() is not None else task.result()))
        return arrived


class _Shown:
    """The outputs of one run, within bounds."""

    def __init__(self, keep: Kept) -> None:
        self.outputs: list[NotebookNode] = []
        self._keep = keep
        self._text = self._data = 0
        self._full = self._clear = False

    def take(self, message: Mapping[str, Any]) -> None:
        """Add what an iopub message shows; what cannot be understood is passed over."""
        if _type(message) == "clear_output":
            if message["content"].get("wait"):
                self._clear = True
            else:
                self.outputs.clear()
            return
        if _type(message) not in ("stream", "display_data", "execute_result", "error"):
            return
        try:
            output = nbformat.v4.output_from_msg(message)
            size = len(nbformat.v4.writes(nbformat.v4.new_notebook(cells=[_holding(output)])))
        except Exception:  # a kernel may send anything under these names
            return
        if self._clear:
            self.outputs.clear()
            self._clear = False
        if output.output_type == "stream":
            self._stream(output)
        elif self._data + size > self._keep.data_bytes or len(self.outputs) >= self._keep.outputs:
            self._overflow()
        else:
            self._data += size
            self.outputs.append(output)

    def _stream(self, output: NotebookNode) -> None:
        if not isinstance(output.text, str) or output.name not in ("stdout", "stderr"):
            return
        room = self._keep.text_bytes - self._text
        if room <= 0:
            self._overflow()
            return
        text = output.text[:room]
        self._text += len(text)
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.output_type == "stream" and last.name == output.name:
            last.text += text
        elif len(self.outputs) >= self._keep.outputs:
            self._overflow()
        else:
            self.outputs.append(nbformat.v4.new_output("stream", name=output.name, text=text))
        if len(text) < len(output.text):
            self._overflow()

    def _overflow(self) -> None:
        if not self._full:
            self._full = True
            note = "\n… more output than is kept\n"
            self.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=note))


def _holding(output: NotebookNode) -> NotebookNode:
    cell: NotebookNode = nbformat.v4.new_code_cell(outputs=[output])
    return cell


def _ran(reply: Mapping[str, Any] | None, outputs: list[NotebookNode]) -> Ran:
    reply = reply or {}
    if reply.get("status") == "ok":
        expressions = reply.get("user_expressions")
        return Ran("ok", outputs, expressions=expressions if isinstance(expressions, dict) else {})
    error = {key: reply.get(key) for key in ("ename", "evalue")}
    error = {key: value if isinstance(value, str) else "" for key, value in error.items()}
    told = reply.get("traceback")
    lines = [line for line in told if isinstance(line, str)] if isinstance(told, list) else []
    return Ran("error", outputs, error={**error, "traceback": lines})


def _content(message: Any) -> dict[str, Any] | None:
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, dict) else None


def _type(message: Any) -> str:
    header = message.get("header") if isinstance(message, dict) else None
    name = header.get("msg_type") if isinstance(header, dict) else None
    return name if isinstance(name, str) else ""


def _parent(message: Any) -> str:
    parent = message.get("parent_header") if isinstance(message, dict) else None
    name = parent.get("msg_id") if isinstance(parent, dict) else None
    return name if isinstance(name, str) else ""
