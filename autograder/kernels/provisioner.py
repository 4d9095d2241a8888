"""`unrolled-warm`: a kernel provisioner for jupyter_client whose kernels are forked from templates and isolated."""

import os
import secrets
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, Dict, Enum, List, Unicode

from autograder.kernels import tiers
from autograder.kernels.channels import CHANNELS
from autograder.kernels.errors import KernelError
from autograder.kernels.launching import Launch, Wanted
from autograder.kernels.limits import Limits
from autograder.kernels.process import KernelProcess

LONGEST_SOCKET_PATH = 107  # bytes, sockaddr_un


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
    gpu = Bool(False, config=True, help="it may use the machine's GPU")

    folder: Path | None = None
    _launch: Launch | None = None

    @property
    def tier(self) -> str:
        """How the kernel is kept in; "" before the first start."""
        return self._launch.tier if self._launch else ""

    @property
    def process(self) -> KernelProcess | None:
        """The kernel's process."""
        return self._launch.process if self._launch else None

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
        return self._launch.ended_because if self._launch else ""

    async def poll(self) -> int | None:
        """None while the kernel runs."""
        return self.process.poll() if self.process else 0

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        if self.process is None:
            return 0
        code = await self.process.wait()
        if self._launch:
            self._launch.let_go()
        return code

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel, also into its own process namespace."""
        if self.process:
            self.process.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and all that it started, and wait for that: it takes milliseconds."""
        if self._launch:
            await self._launch.kill()

    async def terminate(self, restart: bool = False) -> None:
        """The same as kill: what a submission wanted to do at its end is of no interest."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Close and remove everything; the folder with the sockets stays for a restart."""
        if self._launch:
            self._launch.clean_up()
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
        assert self.folder is not None
        if self._launch is None:
            self._launch = Launch(self._wanted())
        listening = [listen(self.folder / f"s-{port}") for port, _ in enumerate(CHANNELS, 1)]
        key = os.fsdecode(self.connection_info["key"])
        where = kwargs.get("cwd")
        try:
            descriptors = [each.fileno() for each in listening]
            await self._launch.launch(descriptors, key=key, working_directory=str(where) if where else None)
        except BaseException:
            await self.cleanup()
            raise
        finally:
            for each in listening:
                each.close()
        return self.connection_info

    def _wanted(self) -> Wanted:
        return Wanted(
            side=self.side,
            frameworks=self.frameworks,
            modules=self.modules,
            folders=[Path(folder) for folder in self.folders],
            files=Path(self.files) if self.files else None,
            isolation=self.isolation,
            limits=Limits(**self.limits),
            gpu=self.gpu,
        )


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
