"""A kernel's process as seen from the grading process: its handle, its end, and why it ended."""

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path

from autograder.kernels.errors import KernelError

READY_SECONDS = 30.0
MESSAGE = 1 << 18
FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP)
"""Ends that a person, or a system that runs out of memory, prepares for a process."""


class KernelLate(KernelError):
    """Nothing has been heard of a kernel: its template hangs, or the machine is far too slow."""


async def readable(descriptor: int, seconds: float | None = None) -> bool:
    """Wait until a file descriptor can be read (or, a process handle, until the process has ended)."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    duplicate = os.dup(descriptor)  # two waiters on one descriptor would take each other's place in the loop
    loop.add_reader(duplicate, lambda: None if ready.done() else ready.set_result(None))
    try:
        await asyncio.wait_for(ready, seconds)
        return True
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(duplicate)
        os.close(duplicate)


@dataclass
class KernelProcess:
    """One kernel. `status` carries messages of the kernel (ready, error) and then of its template (ended)."""

    status: socket.socket
    handle: int = -1
    pid: int = 0
    code: int | None = None
    ended_because: str = ""
    _killed_here: bool = field(default=False, repr=False)
    _closed: bool = field(default=False, repr=False)

    async def start(self) -> None:
        """Wait for the kernel to have shut itself in; KernelError if it could not, KernelLate if it says nothing."""
        if not await readable(self.status.fileno(), READY_SECONDS):
            raise KernelLate(f"a kernel did not start within {READY_SECONDS:.0f} seconds")
        data, descriptors, _, _ = socket.recv_fds(self.status, MESSAGE, 4)
        answer = json.loads(data or b'{"error": "its template has ended"}')
        if "error" in answer or not descriptors:
            for descriptor in descriptors:
                os.close(descriptor)
            raise KernelError(f"a kernel could not be started: {answer.get('error', 'no handle came')}")
        self.handle = descriptors[0]
        self.pid = _pid_of(self.handle)

    def poll(self) -> int | None:
        """None while it runs, then its exit code (negative: the signal that killed it)."""
        if self.code is None and self.handle >= 0 and select.select([self.handle], [], [], 0)[0]:
            self.code = self._told_code()
        return self.code

    async def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its end; the exit code, or None if it still runs after this time."""
        if self.poll() is None:
            await readable(self.handle, seconds)
        return self.poll()

    def signal(self, number: int) -> None:
        """Send a signal to the kernel; nothing if it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, number)

    def kill(self, because: str = "") -> None:
        """End the kernel and all that it started; the first reason given stays."""
        if self.handle >= 0 and self.poll() is None:
            self.ended_because = self.ended_because or because
            self._killed_here = True
            self.signal(signal.SIGKILL)

    @property
    def struck(self) -> bool:
        """Whether it was ended by a signal of FROM_OUTSIDE, and not by us.

        In tier "strict" its own code cannot do that: it is the first process of its namespace. In the others it can.
        """
        return not self._killed_here and self.poll() in FROM_OUTSIDE

    def close(self) -> None:
        """Forget it: kill what still runs, close the handles."""
        if not self._closed:
            self.kill()
            self._closed = True
            if self.code is None:
                self.code = -signal.SIGKILL
            self.status.close()
            if self.handle >= 0:
                os.close(self.handle)

    def _told_code(self) -> int:
        """The exit code as the template tells it, right after the end; -9 when the template has ended as well."""
        self.status.settimeout(1.0)
        try:
            while True:
                message = json.loads(self.status.recv(MESSAGE))
                if "error" in message:
                    self.ended_because = self.ended_because or f"could not start: {message['error']}"
                if "ended" in message:
                    return int(message["ended"])
        except (OSError, ValueError, TypeError):
            return -signal.SIGKILL


def _pid_of(handle: int) -> int:
    """The process id, in our namespace, behind a process handle; 0 if it has ended."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines():
        if line.startswith("Pid:"):
            return max(int(line.split()[1]), 0)
    return 0
