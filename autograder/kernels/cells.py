"""A kernel that is talked with over a line: started, interrupted, ended. What is said there is for `boundary`."""

import signal
import socket

from autograder.kernels.launching import Launch, Wanted


class CellKernel:
    """One kernel of the manner "cells". `line` is the grader's end; None when there is no kernel."""

    def __init__(self, wanted: Wanted) -> None:
        self._launch = Launch(wanted)
        self.line: socket.socket | None = None

    async def start(self) -> None:
        """Have it forked and shut in; KernelError or IsolationError if that fails."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            await self._launch.launch([theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self.line = ours

    @property
    def tier(self) -> str:
        """How it is kept in: "strict", "contained", "limited"; "none" for an examiner."""
        return self._launch.tier

    @property
    def ended_because(self) -> str:
        """Why the watchdog ended it, in words; "" if it did not."""
        return self._launch.ended_because

    @property
    def orphaned(self) -> bool:
        """Whether what it was forked from has ended, and it as well, by no fault of the code that ran there."""
        return self._launch.orphaned

    @property
    def struck(self) -> bool:
        """Whether it was ended by a signal that nobody here has sent."""
        return self._launch.struck

    def alive(self) -> bool:
        """Whether its process runs."""
        return self._launch.process is not None and self._launch.process.poll() is None

    async def ending(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        if self._launch.process:
            await self._launch.process.wait(seconds)

    def interrupt(self) -> None:
        """Send SIGINT, which ends the cell that runs."""
        if self._launch.process:
            self._launch.process.signal(signal.SIGINT)

    async def stop(self) -> None:
        """End it and all that it started, and remove its home; harmless when there is none."""
        if self.line is not None:
            self.line.close()
            self.line = None
        await self._launch.kill()
        self._launch.clean_up()
