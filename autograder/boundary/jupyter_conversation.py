"""A conversation by Jupyter's messages, with any kernel there is."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

from autograder.boundary.conversation import MESSAGE_BYTES, Conversation, Heard

WAITING = 16
"""How many messages of a channel wait unread; further ones stay with the kernel that sends them."""


def hardened_context() -> zmq.asyncio.Context:
    """Sockets that do not wait for a dead kernel, and take few messages ahead and none beyond MESSAGE_BYTES.

    ZeroMQ hangs up on a part beyond that. It has no limit for the number of parts: see `kernels.watchdog`.
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, WAITING)
    context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
    context.setsockopt(zmq.LINGER, 0)
    return context


class JupyterConversation(Conversation):
    """Its reading of the two channels goes on between runs, so nothing is lost."""

    def __init__(
        self,
        client: AsyncKernelClient,
        *,
        alive: Callable[[], Awaitable[bool]],
        interrupt: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(alive=alive, interrupt=interrupt)
        self._client = client
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

    async def close(self) -> None:
        """Stop reading; the client's channels are closed with it."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        self._client.stop_channels()

    async def _request(self, code: str, history: bool, expressions: Mapping[str, str], plain: bool) -> str:
        return self._client.execute(
            code,
            silent=False,
            store_history=history,
            user_expressions=dict(expressions),
            allow_stdin=False,
            stop_on_error=False,
        )

    async def _hear(self, request: str, seconds: float) -> list[Heard]:
        told = []
        for channel, message in await self._next(seconds):
            content = _content(message)
            if content is None:
                told.append(Heard("nonsense"))
            elif _parent(message) != request:
                continue
            elif channel == "shell" and _type(message) == "execute_reply":
                told.append(Heard("reply", content={**content, "expressions": _values(content)}))
            elif channel == "iopub" and _type(message) == "status":
                if content.get("execution_state") == "idle":
                    told.append(Heard("end"))
            elif channel == "iopub":
                told.append(Heard("shown", _type(message), content))
        return told

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


def _values(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the expressions of a reply show as text, by name."""
    told = content.get("user_expressions")
    values = {}
    for name, shown in told.items() if isinstance(told, dict) else ():
        data = shown.get("data") if isinstance(shown, dict) else None
        if isinstance(data, dict):
            values[name] = data.get("text/plain")
    return values


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
