"""One kernel launched from a template, watched, and cleaned up after, whoever talks with it and how."""

import asyncio
import io
import os
import shutil
import socket
import tarfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autograder.kernels import gpu, namespaces, nursery, tiers
from autograder.kernels.errors import KernelError
from autograder.kernels.limits import Limits
from autograder.kernels.process import KernelLate, KernelProcess
from autograder.kernels.watchdog import watchdog

FRAMEWORKS = {
    "numpy": ("numpy", "numpy.random", "numpy.linalg"),
    "pytorch": ("numpy", "numpy.random", "torch"),
    "tensorflow": ("numpy", "numpy.random", "tensorflow"),
}
# What a kernel imports anyhow at its start or in its first cell.
KERNEL_MODULES = ("IPython", "ipykernel.ipkernel", "ipykernel.kernelapp")
KILL_SECONDS = 5.0
_chosen: dict[str, tiers.Way] = {}


@dataclass(frozen=True)
class Wanted:
    """What kernel it is to be; see `manager.kernel_manager`.

    manner: "jupyter" (its channels) or "cells" (a line). rehearsals: modules that are imported last, and exercise what
    has been imported; a thread that one of them leaves behind must be one that a fork can do without.
    gpu: it may use the machine's GPU, where there is one whose memory can be watched; then nothing is rehearsed, since
    no process can use a GPU that was in use before the fork.
    """

    side: str
    manner: str = "jupyter"
    frameworks: Sequence[str] = ("numpy",)
    modules: Sequence[str] = ()
    rehearsals: Sequence[str] = ()
    folders: Sequence[Path] = ()
    files: Path | None = None
    isolation: str = "auto"
    limits: Limits = field(default_factory=Limits)
    gpu: bool = False


class Launch:
    """A kernel that was launched. `tier` says how it is kept in: "strict", "contained", "limited"; "none" for an
    examiner; `process` is None when there is none."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.tier = ""
        self.process: KernelProcess | None = None
        self.home: Path | None = None
        self._ended_because = ""
        self._template: nursery.Template | None = None

    @property
    def orphaned(self) -> bool:
        """Whether the template that it was forked from has ended, which ends every kernel, whatever runs there."""
        return self._template is not None and not self._template.alive()

    @property
    def struck(self) -> bool:
        """Whether the kernel was ended by a signal that nobody here has sent."""
        return self.process is not None and self.process.struck

    @property
    def ended_because(self) -> str:
        """Why the kernel was ended, in words; "" if nobody here ended it."""
        return self._ended_because or (self.process.ended_because if self.process else "")

    async def launch(self, descriptors: Sequence[int], *, key: str = "", working_directory: str | None = None) -> None:
        """Have a kernel forked that gets these descriptors; KernelError, and nothing left, if that fails."""
        wanted = self.wanted
        self._ended_because = ""
        breed, way = await self._breed()
        template = self._template = await nursery.get(breed)
        home = self._new_home(working_directory, way)
        trusted = wanted.side == "examiner"
        share = await asyncio.to_thread(gpu.share, watchdog().meter) if breed.gpu and not trusted else None
        request = nursery.kernel_request(breed, self.tier, way.user, asdict(wanted.limits), home, key)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        archive = packed(wanted.files, wanted.limits.disk_bytes) if wanted.files else None
        try:
            given = [theirs.fileno(), *descriptors]
            template.fork(request, given if archive is None else [*given, archive])
        finally:
            theirs.close()
            if archive is not None:
                os.close(archive)
        process = KernelProcess(ours)
        try:
            await process.start()
        except BaseException as error:
            process.close()
            self.clean_up()
            if isinstance(error, KernelLate):
                await asyncio.to_thread(nursery.give_up, template)
            raise
        self.process = process
        watchdog().watch(process, wanted.limits, None if trusted else self.home, share=share, trusted=trusted)

    async def prepare(self) -> None:
        """Have the template ready that this kernel will be forked from."""
        breed, _ = await self._breed()
        await nursery.get(breed)

    async def kill(self) -> None:
        """End the kernel and all that it started, and wait for that: it takes milliseconds."""
        if self.process:
            self.process.kill()
            await self.process.wait(KILL_SECONDS)

    def let_go(self) -> None:
        """Forget the process, which is killed if it still runs."""
        if self.process is not None:
            self._ended_because = self.process.ended_because
            watchdog().forget(self.process)
            self.process.close()
            self.process = None

    def clean_up(self) -> None:
        """Forget the process and remove its home."""
        self.let_go()
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)
            self.home = None

    async def _breed(self) -> tuple[nursery.Breed, tiers.Way]:
        wanted = self.wanted
        named = [name for framework in wanted.frameworks for name in FRAMEWORKS.get(framework, (framework,))]
        modules = tuple(dict.fromkeys([*KERNEL_MODULES, *named, *wanted.modules]))
        on_gpu = wanted.gpu and await asyncio.to_thread(gpu.usable)
        rehearsals = () if on_gpu else tuple(wanted.rehearsals)
        folders = tuple(Path(folder).resolve() for folder in wanted.folders)
        if wanted.side == "examiner":
            self.tier = "none"
            breed = nursery.Breed("examiner", modules, folders, manner=wanted.manner, rehearsals=rehearsals, gpu=on_gpu)
            return breed, tiers.Way("none")
        way = _chosen.get(wanted.isolation)
        if way is None:
            way = _chosen[wanted.isolation] = await asyncio.to_thread(tiers.choose, wanted.isolation)
        self.tier = way.tier
        shown = tuple(nursery.readable_folder(folder) for folder in folders)
        breed = nursery.Breed(
            "learner", modules, shown, way.held, manner=wanted.manner, rehearsals=rehearsals, gpu=on_gpu
        )
        return breed, way

    def _new_home(self, working_directory: str | None, way: tiers.Way) -> str:
        """The kernel's working directory and home."""
        if way.tier == "strict":
            return namespaces.HOME
        if self.wanted.side == "examiner" and working_directory and not self.wanted.files:
            return working_directory
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)
        self.home = tiers.private_home(way)
        return str(self.home)


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
