"""What a process does between the fork from its template and being a kernel: shut itself in."""

import contextlib
import gc
import json
import os
import resource
import signal
import socket
import sys
import tarfile
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from autograder.kernels import landlock, namespaces, seccomp, system

STATUS, FILES = "status", "files"
MESSAGE = 1 << 18
COLLECT = 50_000, 20, 20  # objects made until garbage is collected, and collections until older ones are
SLACK = 512 * 1024**2  # RLIMIT_DATA: stacks of threads and what allocators keep in reserve


class Makers(NamedTuple):
    """`prepare` and `complete` of `app.py` or `cell_server.py`."""

    prepare: Callable[[], Any]
    complete: Callable[..., None]


def kernel_process(request: dict[str, Any], handover: int, go: int, makers: Makers, left: OSError | None) -> None:
    """Shut in, wait to be told which kernel to be, be it; never returns.

    request: what kernels of this kind have in common
    handover: a socket; one message, with the kernel's key, and file descriptors: status (to the grader), one
        socket for each of the request's channels, and, optional, a tar archive of files
    go: a pipe's end; a byte comes when the template is the parent of this process
    makers: the template has these functions, since no module of ours can be imported any more
    left: what went wrong before, if anything
    """
    code, failed = 1, None
    try:
        try:
            if left is not None:
                raise left
            _shut_in(request, handover, go)
            kernel = makers.prepare()
        except BaseException as error:
            failed = error
        with socket.socket(fileno=handover) as waiting:
            data, received, _, _ = socket.recv_fds(waiting, MESSAGE, 8)
        if not data:
            os._exit(0)
        channels = request["channels"]
        descriptors = dict(zip((STATUS, *channels, FILES), received, strict=False))
        status = socket.socket(fileno=descriptors[STATUS])
        try:
            if failed is not None:
                raise failed
            if request["trial"]:
                _check_closed(tier=request["tier"])
            if FILES in descriptors:
                _unpack(descriptors[FILES], request["home"])
            socket.send_fds(status, [json.dumps({"ready": True}).encode()], [os.pidfd_open(os.getpid())])
            if request["trial"]:
                os._exit(0)
            sockets = tuple(descriptors[name] for name in channels)
            makers.complete(kernel, sockets, json.loads(data)["key"], int(request["limits"]["output_bytes"]))
        except BaseException as error:
            status.send(json.dumps({"error": _in_one_line(error)}).encode())
            raise
        status.close()  # from here on the learner may come to speak
        kernel.start()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0
    finally:
        _leave_process(code)


def _unpack(descriptor: int, folder: str) -> None:
    with os.fdopen(descriptor, "rb") as file, tarfile.open(fileobj=file) as archive:
        # Python 3.11.2, which Debian 12 has, knows no filters; the archive is the grading process's own.
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)


def _check_closed(tier: str) -> None:
    """For a trial: what has been shut must be shut."""
    try:
        socket.socket().close()
    except PermissionError:
        return
    if tier != "limited":
        raise RuntimeError("seccomp is on, and sockets can be made all the same")


def _in_one_line(error: BaseException) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"


def _leave_process(code: int) -> None:
    import atexit

    try:
        atexit._run_exitfuncs()
    finally:
        os._exit(code)


def _shut_in(request: dict[str, Any], handover: int, go: int) -> None:
    tier, limits, home = request["tier"], request["limits"], request["home"]
    _close_all_but({handover, go})
    os.setsid()
    if tier == "strict":
        namespaces.settle(request["visible"], request["hidden"], limits["disk_bytes"], request["devices"])
    if request["user"]:
        system.become(request["user"])
        os.listdir(Path(os.__file__).parent)  # noqa: PTH208 (PermissionError, should Python be out of its reach)
    os.umask(0o077)
    os.chdir(home)
    _standard_streams()
    if tier in ("contained", "limited"):
        _spare_ipython_a_copy(Path(home))
    os.environ.clear()
    os.environ.update(request["environment"])
    _forget_template()
    if request["path"]:
        sys.path[:] = request["path"]
    if tier != "none":
        _limit(limits, tier)
    os.read(go, 1)
    os.close(go)
    system.die_with_parent(signal.SIGKILL)
    if tier != "none":
        system.drop_capabilities()
        system.no_new_privileges()
    if tier == "contained":
        landlock.restrict([path for path, _ in request["visible"]], [home], request["hidden"], request["devices"])
    if tier in ("strict", "contained"):
        seccomp.install(0 if tier == "strict" else os.getpid())
    elif tier == "limited":
        with contextlib.suppress(OSError):
            seccomp.install(os.getpid())


def _spare_ipython_a_copy(home: Path) -> None:
    """IPython copies a README, with its mode, into a new profile; changing modes is refused later in some tiers."""
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "README").touch()


def _close_all_but(kept: set[int]) -> None:
    start = 3
    for descriptor in sorted(d for d in kept if d > 2):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _standard_streams() -> None:
    """Nothing to read; what C code writes is picked up by ipykernel, which looks at descriptors 1 and 2."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    if nowhere > 2:
        os.close(nowhere)


def _forget_template() -> None:
    # A collection looks at all that the process has made, and a kernel lives for a second: seldom is often enough.
    gc.set_threshold(*COLLECT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["kernel"]
    if "numpy.random" in sys.modules:  # else every kernel would draw the template's numbers
        sys.modules["numpy.random"].seed()
    tempfile.tempdir = None


def _limit(limits: dict[str, float], tier: str) -> None:
    """Limits of this process; the watchdog outside looks at all of them together.

    The number of processes is counted for each user of a user namespace: without a namespace of its own, the
    teacher's other processes would count.
    """
    in_use = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(limits["cpu_seconds"]) + 5,  # the watchdog is first, and says why
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_DATA: in_use + limits["memory_bytes"] + SLACK,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if tier == "strict":
        wanted[resource.RLIMIT_NPROC] = limits["processes"]
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(kind, (value, value))
