"""The two kernels of an examination: starting them, starting them again, and getting one line of code run there."""

import ast
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from autograder.boundary.conversation import Conversation, Kept, Ran, hardened_context

Starter = Callable[[], AsyncKernelManager]
"""Makes the manager of a kernel that has not been started."""

STARTING = 60.0
"""Seconds a kernel may take until it answers; a cold one with TensorFlow, on a machine that does other work as well."""


class NoKernel(Exception):
    """A kernel could not be started; the message is one line."""


class Side:
    """One kernel, to be started, talked with, and stopped."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        self._manager: AsyncKernelManager | None = None
        self._talk: Conversation | None = None
        self._ended = ""
        self.tier = "none"

    @property
    def up(self) -> bool:
        """Whether it has been started and not stopped; `alive` says whether it still runs."""
        return self._talk is not None

    async def start(self) -> None:
        """Start a fresh kernel. Raises NoKernel when none comes up."""
        await self.stop()
        manager = self._starter()
        self._manager, self._ended = manager, ""
        try:
            await manager.start_kernel()
        except Exception as error:
            self._manager = None
            raise NoKernel(f"no kernel could be started: {' '.join(str(error).split())[:300]}") from error
        client = manager.client(context=hardened_context())
        client.start_channels(stdin=False, hb=False)
        self._talk = Conversation(client, alive=manager.is_alive, interrupt=manager.interrupt_kernel)
        if not await self._talk.ready(STARTING):
            why = self.ended_because()
            await self.stop()
            raise NoKernel(f"the kernel did not answer within {STARTING:.0f} seconds{f' ({why})' if why else ''}")
        self.tier = getattr(manager.provisioner, "tier", "none")

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
        return literals((await self._talk.run(code, seconds=seconds, expressions=expressions)).expressions)

    async def alive(self) -> bool:
        """Whether the kernel's process runs."""
        return self._manager is not None and await self._manager.is_alive()

    def connection(self) -> dict[str, Any]:
        """What a client needs to talk with the kernel: transport, addresses and key, as JSON can hold them."""
        if self._manager is None:
            return {}
        info = self._manager.get_connection_info(session=False)
        return {key: value.decode() if isinstance(value, bytes) else value for key, value in info.items()}

    def ended_because(self) -> str:
        """Why the kernel was ended from outside: which limit it broke; "" when nobody knows."""
        provisioner = self._manager.provisioner if self._manager is not None else None
        return str(getattr(provisioner, "ended_because", "") or self._ended)

    async def stop(self) -> None:
        """End the kernel and everything it has started; harmless when there is none."""
        talk, manager = self._talk, self._manager
        self._talk = None
        if talk is not None:
            await talk.close()
        if manager is not None:
            self._ended = self.ended_because()
            self._manager = None
            with contextlib.suppress(RuntimeError):
                await manager.shutdown_kernel(now=True)
            await manager.cleanup_resources()


def literals(expressions: Mapping[str, Any]) -> dict[str, Any]:
    """The values, by name, of expressions that are Python literals. One that has failed is left out."""
    values = {}
    for name, reply in expressions.items():
        with contextlib.suppress(KeyError, TypeError, ValueError, SyntaxError):
            values[name] = ast.literal_eval(reply["data"]["text/plain"])
    return values
