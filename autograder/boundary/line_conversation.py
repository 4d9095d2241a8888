"""A conversation over a line, with a kernel of the manner "cells" (see `kernels.cell_server`)."""

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import Mapping
from typing import Any

from autograder.boundary.conversation import MESSAGE_BYTES, Conversation, Heard
from autograder.kernels import lines
from autograder.kernels.cells import CellKernel
from autograder.kernels.process import readable

ANSWERING = 30.0
"""Seconds for a trusted kernel to take a line."""


class LineConversation(Conversation):
    """One kernel's line. What comes for an earlier request is passed over."""

    def __init__(self, kernel: CellKernel) -> None:
        assert kernel.line is not None
        self._kernel = kernel
        self._line = kernel.line
        self._frames = lines.Frames(MESSAGE_BYTES)
        super().__init__(alive=self._kernel_alive, interrupt=self._kernel_interrupt)

    async def ready(self, seconds: float) -> bool:
        """It is: it has told its readiness before there was a conversation."""
        return self._kernel.alive()

    async def close(self) -> None:
        """Nothing goes on between runs; the line is the kernel's."""

    async def give(self, end: socket.socket, *, serve: bool) -> int:
        """Give the kernel another line, to be served, or for the code that runs in it; its number there, -1 for none.

        Only a trusted kernel's answer is waited for: a learner's gets a line to serve.
        """
        token = secrets.token_bytes(lines.TOKEN)
        data = lines.frame(lines.LINE, token, json.dumps({"serve": serve}).encode())
        try:
            socket.send_fds(self._line, [data], [end.fileno()])
        except OSError:
            return -1
        if not serve:
            loop = asyncio.get_running_loop()
            until = loop.time() + ANSWERING
            while loop.time() < until:
                for heard in await self._hear(token, 0.2):
                    if heard.what == "reply":
                        return int(heard.content["descriptor"])
                    if heard.what == "gone":
                        return -1
        return -1

    async def _kernel_alive(self) -> bool:
        return self._kernel.alive()

    async def _kernel_interrupt(self) -> None:
        self._kernel.interrupt()

    async def _request(self, code: str, history: bool, expressions: Mapping[str, str], plain: bool) -> bytes:
        token = secrets.token_bytes(lines.TOKEN)
        told = {"code": code, "history": history, "expressions": dict(expressions), "plain": plain}
        sending = asyncio.get_running_loop().sock_sendall(
            self._line, lines.frame(lines.RUN, token, json.dumps(told).encode())
        )
        with contextlib.suppress(OSError, TimeoutError):  # it has ended, or does not listen, which is heard
            await asyncio.wait_for(sending, ANSWERING)
        return token

    async def _hear(self, request: bytes, seconds: float) -> list[Heard]:
        told: list[Heard] = []
        try:
            data = self._line.recv(lines.CHUNK)
        except BlockingIOError:
            if not await readable(self._line.fileno(), seconds):
                return told
            try:
                data = self._line.recv(lines.CHUNK)
            except (BlockingIOError, ConnectionError):
                data = b""
        except OSError:
            data = b""
        if not data:
            return [Heard("gone")]
        try:
            for kind, token, payload in self._frames.feed(data):
                if token == request:
                    told += _heard(kind, payload)
        except lines.Broken:
            told.append(Heard("gone"))
        return told


def _heard(kind: bytes, payload: bytes) -> list[Heard]:
    try:
        content: Any = json.loads(payload)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return [Heard("nonsense")]
    if kind == lines.DONE:
        return [Heard("reply", content=content), Heard("end")]
    what, shown = content.get("kind"), content.get("content")
    if isinstance(what, str) and isinstance(shown, dict):
        return [Heard("shown", what, shown)]
    return [Heard("nonsense")]
