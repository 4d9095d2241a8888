"""`unrolled-warm`: a kernel provisioner for jupyter_client whose kernels are forked from templates and isolated."""

import asyncio
import io
import os
import secrets
import shutil
import socket
import tarfile
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Dict, Enum, List, Unicode

from autograder.kernels import namespaces, nursery, tiers
from autograder.kernels.channels import CHANNELS
from autograder.kernels.errors import KernelError
from autograder.kernels.limits import Limits
from autograder.kernels.process import KernelProcess
from autograder.kernels.watchdog import watchdog

LONGEST_SOCKET_PATH = 107  # bytes, sockaddr_un
KILL_SECONDS = 5.0
_chosen: dict[str, tiers.Way] = {}
FRAMEWORKS = {
    "numpy": ("numpy", "numpy.random", "numpy.linalg"),
    "pytorch": ("numpy", "numpy.random", "torch"),
    "tensorflow": ("numpy", "numpy.random", "tensorflow"),
}
# What a kernel imports anyhow at its start or in its first cell.
KERNEL_MODULES = ("IPython", "ipykernel.ipkernel", "ipykernel.kernelapp")


class WarmProvisioner(KernelProvisionerBase):
    """Starts kernels in milliseconds, isolated as far as this machine can.

    After the start: `tier` says how ("strict", "contained", "limited"; "none" for an examiner), `ended_because`
    why the watchdog ended it ("" if it did not), `pid` the process.
    """

    side = Enum(["learner", "examiner"], "learner", config=True, help="learner: isolated; examiner: trusted")
    frameworks = List(Unicode(), ["numpy"], config=True, help="imported before the kernel starts")
    modules = List(Unicode(), config=True, help="more modules to import before the kernel starts")
    folders = List(Unicode(), config=True, help="folders in front of sys.path, shown read-only")
    files = Unicode("", config=True, help="a folder whose content is copied to the kernel's working directory")
    isolation = Enum(["auto", *tiers.TIERS], "auto", config=True, help="the tier to use; auto: the best there is")
    limits = Dict(config=True, help="fields of autograder.kernels.Limits")

    tier = ""
    process: KernelProcess | None = None
    folder: Path | None = None
    home: Path | None = None

    @property
    def has_process(self) -> bool:
        """Whether a kernel has been started and not been cleaned up after."""
        return self.process is not None

    @property
    def pid(self) -> int:
        """The kernel's process id; 0 if there is none."""
        return self.process.pid if self.process else 0

    @property
    def ended_because(self) -> str:
        """Why the kernel was ended, in words; "" if nobody here ended it."""
        return self._ended_because or (self.process.ended_because if self.process else "")

    _ended_because = ""

    async def poll(self) -> int | None:
        """None while the kernel runs."""
        return self.process.poll() if self.process else 0

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        if self.process is None:
            return 0
        code = await self.process.wait()
        self._let_go()
        return code

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel, also into its own process namespace."""
        if self.process:
            self.process.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and all that it started, and wait for that: it takes milliseconds."""
        if self.process:
            self.process.kill()
            await self.process.wait(KILL_SECONDS)

    async def terminate(self, restart: bool = False) -> None:
        """The same as kill: what a submission wanted to do at its end is of no interest."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Close and remove everything; the folder with the sockets stays for a restart."""
        self._let_go()
        self._remove_home()
        if self.folder and not restart:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Give the manager UNIX sockets in a private folder instead of TCP ports."""
        manager = self.parent
        if self.folder is None:
            self.folder = private_folder()
        manager.transport = "ipc"
        manager.ip = str(self.folder / "s")
        for port, channel in enumerate(CHANNELS, 1):
            setattr(manager, f"{channel}_port", port)
        if not manager.session.key:
            manager.session.key = secrets.token_hex(32).encode()
        manager.connection_file = str(self.folder / "connection.json")
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return {"cmd": [], "env": {}, "cwd": kwargs.get("cwd")}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Have a kernel forked; KernelError if that fails."""
        self._ended_because = ""
        limits = Limits(**self.limits)
        breed, way = await self._breed()
        template = await nursery.get(breed)
        assert self.folder is not None
        home = self._home(kwargs.get("cwd"), way)
        key = os.fsdecode(self.connection_info["key"])
        request = nursery.kernel_request(breed, self.tier, way.user, asdict(limits), home, key)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening = [listen(self.folder / f"s-{port}") for port, _ in enumerate(CHANNELS, 1)]
        archive = packed(Path(self.files), limits.disk_bytes) if self.files else None
        try:
            descriptors = [theirs.fileno(), *(each.fileno() for each in listening)]
            template.fork(request, descriptors if archive is None else [*descriptors, archive])
        finally:
            for each in (theirs, *listening):
                each.close()
            if archive is not None:
                os.close(archive)
        process = KernelProcess(ours)
        try:
            await process.start()
        except BaseException:
            process.close()
            await self.cleanup()
            raise
        self.process = process
        trusted = self.side == "examiner"
        watchdog().watch(process, limits, None if trusted else self.home, trusted=trusted)
        return self.connection_info

    async def _breed(self) -> tuple[nursery.Breed, tiers.Way]:
        wanted = [name for framework in self.frameworks for name in FRAMEWORKS.get(framework, (framework,))]
        modules = tuple(dict.fromkeys([*KERNEL_MODULES, *wanted, *self.modules]))
        folders = tuple(Path(folder).resolve() for folder in self.folders)
        if self.side == "examiner":
            self.tier = "none"
            return nursery.Breed("examiner", modules, folders), tiers.Way("none")
        way = _chosen.get(self.isolation)
        if way is None:
            way = _chosen[self.isolation] = await asyncio.to_thread(tiers.choose, self.isolation)
        self.tier = way.tier
        shown = tuple(nursery.readable_folder(folder) for folder in folders)
        return nursery.Breed("learner", modules, shown, way.held), way

    def _home(self, working_directory: Any, way: tiers.Way) -> str:
        """The kernel's working directory and home."""
        if way.tier == "strict":
            return namespaces.HOME
        if self.side == "examiner" and working_directory and not self.files:
            return str(working_directory)
        self._remove_home()
        self.home = tiers.private_home(way)
        return str(self.home)

    def _remove_home(self) -> None:
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)
            self.home = None

    def _let_go(self) -> None:
        if self.process is not None:
            self._ended_because = self.process.ended_because
            watchdog().forget(self.process)
            self.process.close()
            self.process = None


def private_folder() -> Path:
    """A new folder for nobody else, with a name short enough for sockets in it."""
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if base and len(os.fsencode(base)) < LONGEST_SOCKET_PATH - 24 and os.access(base, os.W_OK | os.X_OK):
            return Path(tempfile.mkdtemp(prefix="k-", dir=base))
    raise KernelError("no folder with a short enough name for a kernel's sockets: set TMPDIR to one")


def listen(path: Path) -> socket.socket:
    """A listening UNIX socket; one left over from before a restart is replaced."""
    path.unlink(missing_ok=True)
    result = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    result.bind(str(path))
    result.listen(64)
    return result


def packed(folder: Path, most_bytes: int) -> int:
    """A folder's regular files and folders as a tar archive in memory; its file descriptor.

    Links are left out. KernelError if the files do not fit.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            archive.add(path, str(path.relative_to(folder)), recursive=False)
            if buffer.tell() > most_bytes:
                raise KernelError(f"{folder}: more than {most_bytes} bytes of data files, the limit of a kernel's disk")
    descriptor = os.memfd_create("files")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(buffer.getvalue())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
