"""Templates as seen from the grading process: started when first needed, started again when dead.

A template is a process of its own (see `template.py`). For a learner's kernels it starts with an empty
environment, without the site module (so no .pth file leads to the course), and in bubblewrap where that works.
"""

import asyncio
import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from autograder.kernels import gpu, sharing, surroundings
from autograder.kernels.channels import CHANNELS
from autograder.kernels.errors import KernelError
from autograder.kernels.watchdog import children_of_all, family

FOLDER = Path(__file__).resolve().parent
PACKAGE = __name__.rpartition(".")[0]
SHOWN = "/opt/learner"  # where given folders appear inside
NOBODY = 65534
START_SECONDS = 120.0
# The first import of one looks through all fonts in a new home, for seconds; PyTorch imports the other when it is used.
OPTIONAL = ("matplotlib.pyplot", "sympy")
MESSAGE = 1 << 18

# Loads template.py and what it needs under their own names without the package around them.
BOOTSTRAP = """\
import importlib, json, socket, sys, types
control = socket.socket(fileno=int(sys.argv[1]))
settings = json.loads(control.recv(1 << 18))
package, sys.path[:] = settings["package"], settings["path"]
*above, _ = package.split(".")
for name in (*above, package):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [settings["folder"]] if name == package else []
if settings["hold"]:
    importlib.import_module(package + ".namespaces").hold(*settings["hold"])
if settings["user"]:
    importlib.import_module(package + ".system").become(settings["user"])
importlib.import_module(package + ".template").main(control, settings)
"""


@dataclass(frozen=True)
class Breed:
    """What a template is made of; kernels of equal breeds share one.

    side: "learner" or "examiner"; modules: imported once, in this order; folders: in front of `sys.path`;
    held: what keeps the template itself in: "bubblewrap", "root" (namespaces made with root's rights), or ""
    trial: imports nothing, and its kernels end as soon as they have shut themselves in
    manner: how its kernels are talked with: "jupyter" (see `app`) or "cells" (see `cell_server`)
    rehearsals: modules that are imported last, and may leave threads behind that a fork can do without
    gpu: its kernels see the machine's GPUs; nothing may have used one in the template, or no fork of it could
    """

    side: str
    modules: tuple[str, ...]
    folders: tuple[Path, ...] = ()
    held: str = ""
    trial: bool = False
    manner: str = "jupyter"
    rehearsals: tuple[str, ...] = ()
    gpu: bool = False

    def search_path(self) -> list[str]:
        """`sys.path` inside."""
        if self.side == "examiner":
            return [*map(str, self.folders), *(path for path in sys.path if path)]
        folders = self.shown_folders() if self.held else list(map(str, self.folders))
        return [*folders, *surroundings.search_path()]

    def shown_folders(self) -> list[str]:
        """Names of the given folders inside a file system of its own."""
        return [f"{SHOWN}/{place}" for place in range(len(self.folders))]

    def visible(self) -> list[tuple[str, str]]:
        """(where it is for the template, where it is for the kernel) of everything that a kernel may read."""
        paths = surroundings.visible_paths()
        sources = self.shown_folders() if self.held else list(map(str, self.folders))
        return [*zip(paths, paths, strict=True), *zip(sources, self.shown_folders(), strict=True)]


@dataclass
class Template:
    """A running template. `process` and what it complains of: None for one that another process has started.

    shared: whether others may use it as well
    """

    breed: Breed
    control: socket.socket
    process: subprocess.Popen | None = None
    complaints: IO[bytes] | None = None
    shared: bool = False
    sending: threading.Lock = field(default_factory=threading.Lock)

    def alive(self) -> bool:
        """Whether it still runs. Its socket closes before its kernels die; what holds it ends a while later."""
        return not sharing.hung_up(self.control) and (self.process is None or self.process.poll() is None)

    def fork(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        """Ask for a kernel; the answer comes on the first of the descriptors."""
        with self.sending:
            socket.send_fds(self.control, [json.dumps(request).encode()], list(descriptors))

    def stop(self) -> None:
        """End it, unless others use it, and in any case all kernels that it has made for this process."""
        self.control.close()
        if self.process is not None and not self.shared:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.complaints is not None:
            self.complaints.close()


_templates: dict[Breed, Template] = {}
_locks: dict[Breed, threading.Lock] = {}
_registry = threading.Lock()
_owner = os.getpid()


@functools.cache
def readable_folder(folder: Path) -> Path:
    """The folder, or a copy that everybody may read: root's learners' kernels run as somebody else."""
    if os.geteuid() or all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.parents)):
        return folder
    shared = sharing.shown(str(folder))
    if shared is not None:
        with sharing.alone(shared):
            if not shared.exists():
                _copy(folder, shared.with_name(f"{shared.name}.making")).rename(shared)
        return shared
    copy = Path(tempfile.mkdtemp(prefix="shown-", dir=sharing.scratch()))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    return _copy(folder, copy)


def _copy(folder: Path, copy: Path) -> Path:
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


def running(breed: Breed) -> Template | None:
    """The template of this breed if there is one alive."""
    template = _templates.get(breed)
    return template if template is not None and _owner == os.getpid() and template.alive() else None


def template(breed: Breed) -> Template:
    """The template of this breed, started if need be (seconds, for a large framework); KernelError if it fails."""
    global _owner
    with _registry:
        if _owner != os.getpid():  # a forked grader must not share its parent's templates
            _templates.clear()
            _owner = os.getpid()
        lock = _locks.setdefault(breed, threading.Lock())
    with lock:
        found = running(breed)
        if found is None:
            dead = _templates.pop(breed, None)
            if dead is not None:
                dead.stop()
            found = _templates[breed] = _shared(breed)
        return found


def give_up(template: Template) -> None:
    """Have another one started next time: this one hangs. Others who share it find out for themselves."""
    if _templates.get(template.breed) is template:
        del _templates[template.breed]
        if template.process is not None:
            for each in family(template.process.pid, children_of_all()):  # it does not end with what holds it
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            template.process.wait()
        template.stop()


def _shared(breed: Breed) -> Template:
    """A template that others may use as well, where templates are shared; else one of our own."""
    # Each worker has a folder of its own on its path, for modules that it may be sent: of no matter while it is empty.
    path = [folder for folder in breed.search_path() if not Path(folder).is_dir() or any(Path(folder).iterdir())]
    place = sharing.place(f"{breed} {path} {Path.cwd()}")
    if place is None:
        return start(breed)
    with sharing.alone(place):
        control = sharing.connected(place)
        if control is not None:
            return Template(breed, control, shared=True)
        listener = sharing.listening(place)
        if listener is None:
            return start(breed)
        with listener:
            return start(breed, listener)


def stop_all() -> None:
    """End every template of this process."""
    if _owner == os.getpid():
        for breed in list(_templates):
            _templates.pop(breed).stop()


atexit.register(stop_all)


def start(breed: Breed, listener: socket.socket | None = None) -> Template:
    """A new template that has imported its modules; KernelError says why there is none.

    `listener`: where others may reach it.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
    with theirs:
        learner = breed.side == "learner"
        if learner:
            environment = surroundings.template_environment(gpu=breed.gpu)
        else:
            environment = os.environ | surroundings.quiet_frameworks(gpu=breed.gpu)
        process = subprocess.Popen(
            _command(breed, theirs.fileno()),
            pass_fds=[theirs.fileno(), *([listener.fileno()] if listener is not None else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            env=environment,
            cwd="/" if learner else None,
            start_new_session=True,
        )
    result = Template(breed, ours, process, complaints)
    settings = {
        "package": PACKAGE,
        "folder": str(FOLDER),
        "user": NOBODY if breed.held and os.geteuid() == 0 else 0,
        "hold": _to_hold(breed) if breed.held == "root" else None,
        "trial": breed.trial,
        "listener": listener.fileno() if listener is not None else None,
        "kernel": {"jupyter": "app", "cells": "cell_server"}[breed.manner],
        "modules": list(breed.modules),
        "if_installed": list(OPTIONAL),
        "rehearsals": list(breed.rehearsals),
        "prefix": sys.prefix,
        "path": breed.search_path(),
    }
    try:
        ours.send(json.dumps(settings).encode())
        ours.settimeout(START_SECONDS)
        answer = json.loads(ours.recv(MESSAGE) or b"{}")
    except (OSError, ValueError) as error:
        answer = {"late": str(error)}
    if not answer.get("ready"):
        process.kill()
        process.wait()
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip().splitlines()
        result.stop()
        why = answer.get("error") or (said or [answer.get("late") or f"it ended with status {process.returncode}"])[-1]
        raise KernelError(f"the template for {breed.side} kernels with {', '.join(breed.modules)} did not start: {why}")
    ours.settimeout(None)
    result.shared = listener is not None
    return result


def _command(breed: Breed, descriptor: int) -> list[str]:
    flags = ["-I", "-S", "-B"] if breed.side == "learner" else ["-P"]
    root = os.geteuid() == 0
    python = [sys.executable, *flags, "-c", BOOTSTRAP, str(descriptor)]
    return [*_bubblewrap(breed, root), *python] if breed.held == "bubblewrap" else python


def _to_hold(breed: Breed) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """What a held template sees: what its kernels may see, and this package's own code; what it does not; devices."""
    paths = [*surroundings.visible_paths(), *(_outside_proc(gpu.readable()) if breed.gpu else ())]
    shown = zip(map(str, breed.folders), breed.shown_folders(), strict=True)
    visible = [*((path, path) for path in paths), (str(FOLDER), str(FOLDER)), *shown]
    return visible, [], gpu.nodes() if breed.gpu else []


def _outside_proc(paths: Sequence[str]) -> list[str]:
    """What has to be shown; a /proc of one's own has the machine's part of it anyway."""
    return [path for path in paths if not path.startswith("/proc/")]


def _bubblewrap(breed: Breed, root: bool) -> list[str]:
    """bubblewrap around a template: what its kernels may see, and this package's own code."""
    program = shutil.which("bwrap")
    if program is None:
        raise KernelError("bubblewrap is not installed")
    namespaces = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--new-session"]
    # As root it keeps, for a moment, the right to become somebody else; else it needs a user namespace.
    rights = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user"]
    # A new /proc made by root would have parts covered, and below such a one Linux allows no other to be mounted.
    proc = ["--bind", "/proc", "/proc"] if root else ["--proc", "/proc"]
    command = [program, *namespaces, *rights, "--perms", "1777", "--tmpfs", "/tmp", *proc, "--dev", "/dev"]
    made = {Path(path) for path in ("/", "/tmp", "/proc", "/dev")}
    visible, _, devices = _to_hold(breed)
    for source, target in [*visible, *((node, node) for node in devices)]:
        for folder in reversed(Path(target).parents):
            if folder not in made:  # else bubblewrap makes it, for root alone
                command += ["--perms", "0755", "--dir", str(folder)]
                made.add(folder)
        if Path(source).is_symlink():
            command += ["--symlink", str(Path(source).readlink()), target]
        elif source in devices:
            command += ["--dev-bind", source, target]
        else:
            command += ["--ro-bind", source, target]
    return [*command, "--chdir", "/", "--"]


def kernel_request(
    breed: Breed, tier: str, user: int, limits: dict[str, float], home: str, key: str = ""
) -> dict[str, Any]:
    """What a template is asked for one kernel; `user`: whom it becomes, 0 to stay who the template is."""
    learner = breed.side == "learner"
    visible = breed.visible() if learner else []
    on_gpu = learner and breed.gpu
    if on_gpu:
        visible += [(path, path) for path in (_outside_proc if tier == "strict" else list)(gpu.readable())]
    return {
        "tier": tier,
        "user": user,
        "limits": limits,
        "key": key,
        "home": home,
        "trial": breed.trial,
        "channels": list(CHANNELS) if breed.manner == "jupyter" else ["line"],
        "visible": visible,
        "devices": gpu.nodes() if on_gpu else [],
        "hidden": surroundings.hidden_paths([path for path, _ in visible]),
        "path": [*breed.shown_folders(), *surroundings.search_path()] if tier == "strict" else [],
        "environment": surroundings.kernel_environment(breed.side, tier, home, gpu=breed.gpu),
    }


async def get(breed: Breed) -> Template:
    """`template`, without keeping an event loop waiting while one starts."""
    found = running(breed)
    return found if found is not None else await asyncio.to_thread(template, breed)
