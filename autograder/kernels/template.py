"""The template: a process with one thread that has imported everything once and forks kernels on request.

Started by `nursery.py`, with a socket to the grader. The first message says what to import; each later one
asks for a kernel and brings its sockets along. It ends when the grader's end of the socket closes.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import site
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from autograder.kernels import forked, namespaces, system
from autograder.kernels.channels import CHANNELS

MESSAGE = 1 << 18  # bytes, at most


def main(control: socket.socket, settings: dict[str, Any]) -> NoReturn:
    """Import `settings["modules"]`, say so on this socket, then serve."""
    try:
        make_kernel = None if settings["trial"] else _import_all(settings)
    except BaseException as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:4000]}).encode())
        os._exit(1)
    control.send(json.dumps({"ready": True}).encode())
    _serve(control, make_kernel)


def _import_all(settings: dict[str, Any]) -> Callable[..., Any]:
    """Import everything that kernels will need; the function that makes one."""
    _import_without_debugger()
    app = importlib.import_module(__name__.rpartition(".")[0] + ".app")
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
    for name in (*app.LATE_MODULES, *settings["modules"]):
        importlib.import_module(name)
    for name in settings["if_installed"]:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    app.rehearse()
    _check_alone()
    gc.collect()
    gc.freeze()
    return app.ready


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


def _serve(control: socket.socket, make_kernel: Callable[..., Any] | None) -> NoReturn:
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)  # of two forks in a row the second comes to us
    poll = select.poll()
    poll.register(control, select.POLLIN)
    kernels: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in kernels:
                poll.unregister(descriptor)
                _report_end(descriptor, *kernels.pop(descriptor))
                continue
            data, received, _, _ = socket.recv_fds(control, MESSAGE, 8)
            if not data:
                os._exit(0)  # the kernels die with their parent
            status = socket.socket(fileno=received[0])
            process = _start(json.loads(data), received, make_kernel)
            for each in received[1:]:
                os.close(each)
            if process is None:
                status.close()
                continue
            handle = os.pidfd_open(process)
            kernels[handle] = (process, status)
            poll.register(handle, select.POLLIN)


def _report_end(handle: int, process: int, status: socket.socket) -> None:
    _, code = os.waitpid(process, 0)
    os.close(handle)
    with contextlib.suppress(OSError):  # nobody asks any more
        status.send(json.dumps({"ended": os.waitstatus_to_exitcode(code)}).encode())
    status.close()


def _start(request: dict[str, Any], received: Sequence[int], make_kernel: Callable[..., Any] | None) -> int | None:
    """Fork a kernel; its process id here, None if that failed (the kernel's end has then said why)."""
    names = [forked.STATUS, *CHANNELS, forked.FILES]
    descriptors = dict(zip(names, received, strict=False))
    told, tell = os.pipe()
    go, let_go = os.pipe()
    first = os.fork()
    if first == 0:
        _first_child(request, descriptors, tell, go, make_kernel or _nothing)
    os.close(tell)
    os.close(go)
    answer = os.read(told, 32)
    os.close(told)
    process: int | None = int(answer) if answer else None
    if process != first:
        os.waitpid(first, 0)
    with contextlib.suppress(OSError):  # it has ended already
        os.write(let_go, b"1")
    os.close(let_go)
    return process


def _nothing(*_: object) -> None:
    """What a trial runs instead of a kernel."""


def _first_child(
    request: dict[str, Any], descriptors: dict[str, int], tell: int, go: int, make_kernel: Callable[..., Any]
) -> NoReturn:
    """In the fork: leave for new namespaces and fork again (strict), or be the kernel."""
    try:
        if request["tier"] == "strict":
            try:
                namespaces.leave()
            except OSError as error:
                os.write(descriptors[forked.STATUS], json.dumps({"error": f"{error}"}).encode())
                os._exit(1)
            second = os.fork()
            if second:
                os.write(tell, str(second).encode())
                os._exit(0)
        else:
            os.write(tell, str(os.getpid()).encode())
        os.close(tell)
        forked.kernel_process(request, descriptors, go, make_kernel)
    finally:
        os._exit(1)
