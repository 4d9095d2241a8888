"""The template's side of a fork: a process that shuts itself in and then waits to be told which kernel to be."""

import contextlib
import json
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from autograder.kernels import forked, namespaces

OF_ONE_KERNEL = ("key",)  # the parts of a request that two kernels never share


@dataclass
class Prepared:
    """A forked process, shut in or about to be, that waits on the other end of `handover`."""

    process: int
    handover: socket.socket
    request: dict[str, Any]

    def serves(self, request: dict[str, Any]) -> bool:
        """Whether it is what this request asks for."""
        return self.request == general(request)

    def hand_over(self, request: dict[str, Any], received: Sequence[int]) -> None:
        """Let it be a kernel: with its key, and the file descriptors that came with the request."""
        own = {name: request[name] for name in OF_ONE_KERNEL}
        with contextlib.suppress(OSError), self.handover:  # if it has ended, its end says so
            socket.send_fds(self.handover, [json.dumps(own).encode()], list(received))

    def give_up(self) -> None:
        """It is not wanted."""
        self.handover.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)


def general(request: dict[str, Any]) -> dict[str, Any]:
    """A request without what belongs to one kernel alone."""
    return {name: value for name, value in request.items() if name not in OF_ONE_KERNEL}


def prepare(request: dict[str, Any], makers: forked.Makers) -> Prepared:
    """Fork a process for kernels that are asked for like this."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    told, tell = os.pipe()
    go, let_go = os.pipe()
    first = os.fork()
    if first == 0:
        _first_child(general(request), theirs.detach(), tell, go, makers)
    for each in (tell, go):
        os.close(each)
    theirs.close()
    process = int(os.read(told, 32) or first)
    os.close(told)
    if process != first:
        os.waitpid(first, 0)
    with contextlib.suppress(OSError):  # it has ended already
        os.write(let_go, b"1")
    os.close(let_go)
    return Prepared(process, ours, general(request))


def _first_child(request: dict[str, Any], handover: int, tell: int, go: int, makers: forked.Makers) -> NoReturn:
    """In the fork: leave for new namespaces and fork again (strict), or be the kernel."""
    try:
        left: OSError | None = None
        if request["tier"] == "strict":
            try:
                namespaces.leave()
            except OSError as error:
                left = error
            else:
                second = os.fork()
                if second:
                    os.write(tell, str(second).encode())
                    os._exit(0)
        os.close(tell)
        forked.kernel_process(request, handover, go, makers, left)
    finally:
        os._exit(1)
