"""The template: a process with one thread that has imported everything once and forks kernels on request.

Started by `nursery.py`, with a socket to the grader. The first message says what to import; each later one
asks for a kernel and brings its sockets along. Where several graders share it, the others come by a second socket. It
ends when the last of them has hung up.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import site
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from autograder.kernels import forked, forking, system

MESSAGE = 1 << 18  # bytes, at most
GONE = -1  # instead of the number of a grader that has hung up
# Imported by IPython only when a shell is made, or a cell runs, shows or fails for the first time.
LATE_MODULES = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.utils.wildcard",
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "faulthandler",
    "pdb",
    "pkgutil",
    "pydoc",
)
READY = json.dumps({"ready": True}).encode()
QUIET_MILLISECONDS = 50  # without a request, before a process is forked in advance


def main(control: socket.socket, settings: dict[str, Any]) -> NoReturn:
    """Import `settings["modules"]`, say so on this socket, then serve."""
    try:
        makers = forked.Makers(_nothing, _nothing) if settings["trial"] else _import_all(settings)
    except BaseException as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:4000]}).encode())
        os._exit(1)
    control.send(READY)
    _Server(control, settings["listener"], makers).run()


def _import_all(settings: dict[str, Any]) -> forked.Makers:
    """Import everything that kernels will need; the functions that make one."""
    _import_without_debugger()
    kernel = importlib.import_module(f"{__name__.rpartition('.')[0]}.{settings['kernel']}")
    ours = settings["package"].partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == ours]:
        del sys.modules[name]  # a package of this name on the given path is another one
    sys.argv = [""]
    if sys.flags.no_site:  # what the site module does, but for the .pth files
        sys.prefix = sys.exec_prefix = settings["prefix"]
        site.sethelper()
        site.setcopyright()
        site.setquit()
    importlib.invalidate_caches()
    for name in (*LATE_MODULES, *kernel.LATE_MODULES, *settings["modules"]):
        importlib.import_module(name)
    for name in settings["if_installed"]:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    kernel.rehearse()
    _check_alone()
    for name in settings["rehearsals"]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    return forked.Makers(kernel.prepare, kernel.complete)


def _import_without_debugger() -> None:
    """debugpy takes longer to import than the rest of a kernel, and opens sockets."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # that is how an import is made to fail
    importlib.import_module("ipykernel.debugger")
    del sys.modules["debugpy"]


def _check_alone(patience: float = 1.0) -> None:
    """RuntimeError if there is a second thread; one on its way out is given some time."""
    until = time.monotonic() + patience
    while len(list(Path("/proc/self/task").iterdir())) > 1:
        if time.monotonic() > until:
            raise RuntimeError("an import has started a thread, which a fork would lose")
        time.sleep(0.01)


@dataclass
class _Kernel:
    """A kernel that runs, the socket of whoever wants to know of its end, and for which grader it was made."""

    process: int
    status: socket.socket
    grader: int


class _Server:
    """Forks kernels and reports their ends; keeps one process in hand for the next kernel of the same kind.

    In hand only in the strict tier: there two kernels of a kind differ in their key and sockets alone.
    """

    def __init__(self, control: socket.socket, listener: int | None, makers: forked.Makers) -> None:
        self.makers = makers
        self.graders: dict[int, socket.socket] = {}
        self.kernels: dict[int, _Kernel] = {}
        self.spare: forking.Prepared | None = None
        self.wanted: dict[str, Any] | None = None
        self.poll = select.poll()
        self.greet(control)
        self.listener = None if listener is None else socket.socket(fileno=listener)
        if self.listener is not None:
            self.poll.register(self.listener, select.POLLIN)

    def run(self) -> NoReturn:
        """Serve until the last grader's end of its socket closes; the kernels die with their parent."""
        system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)  # of two forks in a row the second comes to us
        while True:
            events = self.poll.poll(None if self.wanted is None else QUIET_MILLISECONDS)
            for descriptor, _ in events:
                if descriptor in self.kernels:
                    self.report_end(descriptor)
                elif descriptor in self.graders:
                    self.answer(descriptor)
                elif self.listener is not None and descriptor == self.listener.fileno():
                    self.accept(self.listener)
            if not events and self.wanted is not None:
                self.spare, self.wanted = forking.prepare(self.wanted, self.makers), None

    def accept(self, listener: socket.socket) -> None:
        """One more grader."""
        with contextlib.suppress(OSError):  # it has hung up again
            connection, _ = listener.accept()
            connection.send(READY)
            self.greet(connection)

    def greet(self, connection: socket.socket) -> None:
        """From here on, serve this grader."""
        self.graders[connection.fileno()] = connection
        self.poll.register(connection, select.POLLIN)

    def answer(self, grader: int) -> None:
        """One request for a kernel."""
        try:
            data, received, _, _ = socket.recv_fds(self.graders[grader], MESSAGE, 8)
        except ConnectionError:
            data = b""
        if not data:
            self.leave(grader)
            return
        request = json.loads(data)
        prepared, self.spare = self.spare, None
        if prepared is not None and not prepared.serves(request):
            prepared.give_up()
            os.waitpid(prepared.process, 0)
            prepared = None
        if prepared is None:
            prepared = forking.prepare(request, self.makers)
        prepared.hand_over(request, received)
        handle = os.pidfd_open(prepared.process)
        self.kernels[handle] = _Kernel(prepared.process, socket.socket(fileno=received[0]), grader)
        self.poll.register(handle, select.POLLIN)
        for each in received[1:]:
            os.close(each)
        if request["tier"] == "strict" and not request["trial"]:
            self.wanted = forking.general(request)

    def leave(self, grader: int) -> None:
        """A grader has ended: so do its kernels, and with the last one everything."""
        self.poll.unregister(grader)
        self.graders.pop(grader).close()
        if not self.graders:
            os._exit(0)
        for handle, kernel in self.kernels.items():
            if kernel.grader == grader:
                kernel.grader = GONE
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)

    def report_end(self, handle: int) -> None:
        """A kernel has ended: say so to whom it belonged."""
        kernel = self.kernels.pop(handle)
        self.poll.unregister(handle)
        _, code = os.waitpid(kernel.process, 0)
        os.close(handle)
        with contextlib.suppress(OSError):  # nobody asks any more
            kernel.status.send(json.dumps({"ended": os.waitstatus_to_exitcode(code)}).encode())
        kernel.status.close()


def _nothing(*_: object) -> None:
    """What a trial runs instead of a kernel."""
