"""Templates that several grading processes on one machine share: each is reached through a socket in a folder.

Whoever needs one first starts it, the others wait for that and connect. A process that dies takes its own kernels
along and nobody else's; a template ends with the last that uses it. The sockets are their owner's alone: whoever
reaches one can have kernels made. The folder is made, and removed, by whoever starts these processes; workers of a
cluster that others have started make one themselves, and the next who comes removes it.
"""

import contextlib
import fcntl
import functools
import hashlib
import itertools
import json
import os
import select
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.kernels.watchdog import stat_fields

FOLDER = "UNROLLED_TEMPLATES"
"""The environment variable that names a group's folder; without it every process has templates of its own."""

SCRATCH = "UNROLLED_SCRATCH"
"""The environment variable that names a folder for what processes that do not clean up after themselves may leave."""

TOGETHER = 8
"""How many processes should share: a template makes one kernel after another, each in milliseconds."""

SHUT_IN = ("strict", "contained")
"""The tiers in which templates may be shared: learners' code reaches no socket."""

_PREFIX, _HELD = "unrolled-", "held"
_SETTLED = 60.0  # seconds: a folder that is younger may not be locked yet
_SECONDS = 30.0  # for a template to greet a process that has connected
_WAITING = 64  # processes that may connect at once


def place(about: str) -> Path | None:
    """Where the template that is described like this is reached; None where templates are not shared."""
    group = os.environ.get(FOLDER)
    return Path(group, _named(about)) if group else None


def shown(folder: str) -> Path | None:
    """Where a copy of this folder belongs that kernels of every user may read; None where templates are not shared."""
    group = os.environ.get(FOLDER)
    return Path(group).parent / f"shown-{_named(folder)}" if group else None


def scratch() -> Path | None:
    """Where these processes have their own folders, so that those of one that is killed go with the rest; None for
    where such folders are usually."""
    if not os.environ.get(SCRATCH):
        return None
    folder = Path(os.environ[SCRATCH])
    if not folder.is_dir():  # removed meanwhile, by whoever tidies up old files
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
    return folder if folder.stat().st_uid == os.geteuid() else None


def _named(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """For the time of the body: a folder in which each group of processes can have its own. Others may pass through.

    What runs that were killed have left in such folders is removed.
    """
    _tidy(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with Path(folder, _HELD).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield Path(folder)


@functools.cache
def join_siblings() -> None:
    """From here on share templates with the other processes that this one's parent has started, such as the workers of
    one `dask worker` command. Nothing where these share already, or no folder can be made for it; tried once."""
    if os.environ.get(FOLDER):
        return
    with contextlib.suppress(OSError, IndexError):
        parent = os.getppid()
        begun = stat_fields(parent)[19]  # in ticks since the machine was started: a number may be used again
        place = Path(tempfile.gettempdir())
        _tidy(place)
        folder = place / f"{_PREFIX}{os.geteuid()}-{parent}-{begun}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
            return
        folder.chmod(0o711)
        # Both are held until this process ends, however it does.
        fcntl.flock(_opened(folder / _HELD), fcntl.LOCK_SH)
        seat = next(number for number in itertools.count() if _taken(folder / f"seat-{number}"))
        os.environ[SCRATCH] = str(folder)
        os.environ[FOLDER] = str(folder / str(seat // TOGETHER))


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _taken(seat: Path) -> bool:
    descriptor = _opened(seat)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        os.close(descriptor)
        return False


def _tidy(place: Path) -> None:
    """Remove the folders of runs that have ended without doing so: nobody holds the lock in theirs."""
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            ours = stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()
            if not ours or time.time() - about.st_mtime < _SETTLED:
                continue
            with Path(folder, _HELD).open("r+") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """In the body nobody else starts this template or connects to it."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = _opened(Path(f"{place}.lock"))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def connected(place: Path) -> socket.socket | None:
    """A connection to the template there; None where none runs."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(_SECONDS)
    try:
        connection.connect(str(place))
        if json.loads(connection.recv(1 << 12) or b"{}").get("ready"):
            connection.settimeout(None)
            return connection
    except (OSError, ValueError):  # nobody, or somebody who has just ended
        pass
    connection.close()
    return None


def listening(place: Path) -> socket.socket | None:
    """The socket at which a new template is to be reached; None where there cannot be one."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with contextlib.suppress(OSError):
        place.unlink(missing_ok=True)
        made.bind(str(place))
        made.listen(_WAITING)
        return made
    made.close()  # the name is too long for a socket, or the folder is gone
    return None


def hung_up(connection: socket.socket) -> bool:
    """Whether the other end is gone."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))
