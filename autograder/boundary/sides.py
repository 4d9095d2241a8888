"""The two kernels of an examination: starting them, starting them again, and getting one line of code run there."""

import ast
import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from autograder.boundary.conversation import Conversation, Ran
from autograder.boundary.jupyter_conversation import JupyterConversation, hardened_context
from autograder.boundary.line_conversation import LineConversation
from autograder.boundary.shown import Kept
from autograder.kernels.cells import CellKernel

Starter = Callable[[], AsyncKernelManager | CellKernel]
"""Makes the manager of a kernel that has not been started."""

STARTING = 60.0
"""Seconds a kernel may take until it answers; a cold one with TensorFlow, on a machine that does other work as well."""


ENDING = 1.0
"""Seconds for a kernel that is lost to have ended by itself, so that it can be told how."""


class NoKernel(Exception):
    """A kernel could not be started; the message is one line."""


class Side:
    """One kernel, to be started, talked with, and stopped."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        self._kernel: _Kernel | None = None
        self._talk: Conversation | None = None
        self._ended = ""
        self.tier = "none"
        self.orphaned = False
        """Whether a kernel was lost here together with what it was forked from, which says nothing about its code."""
        self.struck = False
        """Whether a kernel was lost here by a signal that nobody here has sent: perhaps by no fault of its code."""

    @property
    def up(self) -> bool:
        """Whether it has been started and not stopped; `alive` says whether it still runs."""
        return self._talk is not None

    async def start(self) -> None:
        """Start a fresh kernel. Raises NoKernel when none comes up."""
        await self.stop()
        manager = self._starter()
        kernel: _Kernel = _OverALine(manager) if isinstance(manager, CellKernel) else _OfJupyter(manager)
        self._ended = ""
        try:
            self._talk = await kernel.start()
        except Exception as error:
            raise NoKernel(f"no kernel could be started: {' '.join(str(error).split())[:300]}") from error
        self._kernel = kernel
        if not await self._talk.ready(STARTING):
            why = self.ended_because()
            await self.stop()
            raise NoKernel(f"the kernel did not answer within {STARTING:.0f} seconds{f' ({why})' if why else ''}")
        self.tier = kernel.tier

    async def run(
        self, code: str, *, seconds: float, keep: Kept | None = None, expressions: Mapping[str, str] | None = None
    ) -> Ran:
        """Run code as a cell. A kernel that is not there counts as dead.

        `expressions`, for a kernel that is trusted, are evaluated after code that has run to its end: see `literals`.
        """
        if self._talk is None:
            return Ran("dead", [])
        return await self._talk.run(code, seconds=seconds, keep=keep, expressions=expressions)

    async def ask(self, code: str, expressions: Mapping[str, str], *, seconds: float) -> dict[str, Any]:
        """Run code without a trace in the history; the values of expressions that are Python literals, by name.

        Only for a kernel that is trusted. An expression that fails is left out.
        """
        if self._talk is None:
            return {}
        ran = await self._talk.run(code, seconds=seconds, expressions=expressions, plain=True)
        return literals(ran.expressions)

    async def alive(self) -> bool:
        """Whether the kernel's process runs."""
        return self._kernel is not None and await self._kernel.alive()

    async def connection_for(self, other: "Side") -> dict[str, Any]:
        """What the other side's kernel needs to talk with this one, as JSON can hold it.

        For a Jupyter kernel: transport, addresses and key. For one over a line: the number that a line to it has there.
        """
        return await self._kernel.connection_for(other._kernel) if self._kernel is not None else {}

    def ended_because(self) -> str:
        """Why the kernel was ended from outside: which limit it broke; "" when nobody knows."""
        return (self._kernel.ended_because if self._kernel is not None else "") or self._ended

    async def lose(self) -> None:
        """Stop a kernel that is of no use any more, which may be about to end."""
        if self._kernel is not None:
            await self._kernel.ending(ENDING)
        await self.stop()

    async def stop(self) -> None:
        """End the kernel and everything it has started; harmless when there is none."""
        talk, kernel = self._talk, self._kernel
        self._talk = None
        if talk is not None:
            await talk.close()
        if kernel is not None:
            self._ended = self.ended_because()
            self.orphaned = self.orphaned or kernel.orphaned
            self.struck = self.struck or kernel.struck
            self._kernel = None
            await kernel.stop()


class _Kernel(ABC):
    """A kernel of either manner."""

    orphaned = False
    struck = False

    @abstractmethod
    async def start(self) -> Conversation: ...

    @abstractmethod
    async def alive(self) -> bool: ...

    @abstractmethod
    async def connection_for(self, other: "_Kernel | None") -> dict[str, Any]: ...

    @abstractmethod
    async def ending(self, seconds: float) -> None:
        """Wait at most so long for it to end by itself, where it can be told how it has."""

    @abstractmethod
    async def stop(self) -> None: ...

    @property
    @abstractmethod
    def tier(self) -> str: ...

    @property
    @abstractmethod
    def ended_because(self) -> str: ...


class _OfJupyter(_Kernel):
    def __init__(self, manager: AsyncKernelManager) -> None:
        self._manager = manager

    async def start(self) -> Conversation:
        await self._manager.start_kernel()
        client = self._manager.client(context=hardened_context())
        client.start_channels(stdin=False, hb=False)
        return JupyterConversation(client, alive=self._manager.is_alive, interrupt=self._manager.interrupt_kernel)

    async def alive(self) -> bool:
        return bool(await self._manager.is_alive())

    async def connection_for(self, other: _Kernel | None) -> dict[str, Any]:
        info = self._manager.get_connection_info(session=False)
        return {key: value.decode() if isinstance(value, bytes) else value for key, value in info.items()}

    async def ending(self, seconds: float) -> None:
        return

    async def stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            await self._manager.shutdown_kernel(now=True)
        await self._manager.cleanup_resources()

    @property
    def tier(self) -> str:
        return str(getattr(self._manager.provisioner, "tier", "none"))

    @property
    def ended_because(self) -> str:
        return str(getattr(self._manager.provisioner, "ended_because", "") or "")


class _OverALine(_Kernel):
    def __init__(self, kernel: CellKernel) -> None:
        self._kernel = kernel

    async def start(self) -> Conversation:
        await self._kernel.start()
        self._talk = LineConversation(self._kernel)
        return self._talk

    async def alive(self) -> bool:
        return self._kernel.alive()

    async def connection_for(self, other: _Kernel | None) -> dict[str, Any]:
        if not isinstance(other, _OverALine):
            raise TypeError("a kernel with a line can be reached from another one with a line only")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            await self._talk.give(ours, serve=True)
            return {"transport": "line", "descriptor": await other._talk.give(theirs, serve=False)}

    async def ending(self, seconds: float) -> None:
        await self._kernel.ending(seconds)

    async def stop(self) -> None:
        await self._kernel.stop()

    @property
    def orphaned(self) -> bool:  # type: ignore[override]  # known of these alone
        return self._kernel.orphaned

    @property
    def struck(self) -> bool:  # type: ignore[override]
        return self._kernel.struck

    @property
    def tier(self) -> str:
        return self._kernel.tier

    @property
    def ended_because(self) -> str:
        return self._kernel.ended_because


def literals(expressions: Mapping[str, str]) -> dict[str, Any]:
    """The values, by name, of expressions that are Python literals. One that has failed is left out."""
    values = {}
    for name, text in expressions.items():
        with contextlib.suppress(TypeError, ValueError, SyntaxError):
            values[name] = ast.literal_eval(text)
    return values
