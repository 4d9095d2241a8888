"""What an attack would like to reach, set out by the test itself, and afterwards whether anything has been reached."""

import contextlib
import ctypes
import hashlib
import os
import secrets
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

ENVIRONMENT = "UNROLLED_CANARY_TOKEN"


class Canaries:
    """Secret files and writable folders in several places, listening sockets, a process, an environment variable."""

    def __init__(self, course: Path, repository: Path) -> None:
        self.mark = f"atk-{secrets.token_hex(4)}"
        self.course, self.repository = course, repository
        self.home = course.parent / f"home-{self.mark}"
        places = [course.parent, Path("/var/tmp"), Path("/dev/shm"), Path.home(), self.home]
        self.folders = [p / f"unrolled-{self.mark}" for p in places if p == self.home or os.access(p, os.W_OK)]
        self.hits: list[str] = []
        self._listening = True
        for folder in self.folders:
            (folder / "drop").mkdir(parents=True)
            (folder / "drop").chmod(0o777)
            (folder / "secret.txt").write_text(f"secret of {folder} {self.mark}\n")
        self._sockets = [self._listen(*address) for address in self._addresses()]
        self._watch = _Watch(self.secrets)
        self.victim = subprocess.Popen(["sleep", "3000"], start_new_session=True)
        self._before = self._state()

    @property
    def secrets(self) -> list[Path]:
        return [folder / "secret.txt" for folder in self.folders]

    @property
    def environment(self) -> dict[str, str]:
        """For the grading process: this process's environment, another home, and a variable worth stealing."""
        return {**os.environ, "HOME": str(self.home), ENVIRONMENT: f"environment {self.mark}"}

    def known(self, attack: str, neighbour: Path, source: Path) -> dict[str, object]:
        """What the attacker knows of the machine: everything."""
        ports = {s.getsockname()[1]: s for s in self._sockets if s.family != socket.AF_UNIX}
        by_kind = {(s.family, s.type): port for port, s in ports.items()}
        return {
            "attack": attack,
            "mark": self.mark,
            "secrets": [str(p) for p in self.secrets],
            "drops": [str(folder / "drop") for folder in self.folders],
            "home": str(self.home),
            "env_name": ENVIRONMENT,
            "course": str(self.course),
            "gradebook": str(self.course / "gradebook.db"),
            "neighbour": str(neighbour),
            "source": str(source),
            "repository": str(self.repository),
            "victim": self.victim.pid,
            "tcp": by_kind[socket.AF_INET, socket.SOCK_STREAM],
            "tcp6": by_kind.get((socket.AF_INET6, socket.SOCK_STREAM), 9),
            "udp": by_kind[socket.AF_INET, socket.SOCK_DGRAM],
            "unix": [str(folder / "s") for folder in self.folders if len(str(folder)) < 100],
            "abstract": self.mark,
        }

    def damage(self) -> list[str]:
        """What has been reached since, a line each; [] when nothing was."""
        time.sleep(0.3)  # for what acts late
        found = [f"{path} was opened" for path in self._watch.opened()]
        for path, state in self._state().items():
            if self._before.get(path) != state:
                found.append(f"{path} was written")
        found += [f"{path} is gone" for path in set(self._before) - set(self._state())]
        found += [f"a message came by {hit}" for hit in self.hits]
        if self.victim.poll() is not None or psutil.Process(self.victim.pid).status() == psutil.STATUS_STOPPED:
            found.append("a process of somebody else was stopped")
        return found

    def processes_left(self) -> list[str]:
        """Processes that an attack has started and that are still there: its mark, or orphans that came to us."""
        left = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() == self.mark or "7301" in process.cmdline():
                    left.append(f"{process.pid} {process.name()} {process.cmdline()}")
        return left

    def remove(self) -> None:
        """Take everything away again."""
        self._listening = False
        for s in self._sockets:
            s.close()
        self._watch.close()
        with contextlib.suppress(ProcessLookupError):
            self.victim.kill()
        self.victim.wait()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _state(self) -> dict[str, str]:
        state = {}
        for folder in self.folders:
            for path in folder.rglob("*"):
                if path.is_file() and path.name == "secret.txt":
                    with _unwatched(self._watch):
                        digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    state[str(path)] = f"{digest} {path.stat().st_mode} {path.stat().st_mtime_ns}"
                elif path.name != "s":
                    state[str(path)] = oct(path.lstat().st_mode)
        return state

    def _addresses(self) -> Iterator[tuple[int, int, object]]:
        yield socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)
        yield socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)
        if Path("/proc/net/if_inet6").exists():
            yield socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)
        yield socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self.mark}"
        for folder in self.folders:
            if len(str(folder)) < 100:
                yield socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "s")

    def _listen(self, family: int, kind: int, address: object) -> socket.socket:
        s = socket.socket(family, kind)
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen()
        threading.Thread(target=self._serve, args=(s,), daemon=True).start()
        return s

    def _serve(self, s: socket.socket) -> None:
        name = f"{s.family.name} {s.type.name}"
        while self._listening:
            try:
                if s.type == socket.SOCK_STREAM:
                    peer, _ = s.accept()
                    with peer:
                        peer.settimeout(0.5)
                        with contextlib.suppress(OSError):
                            name = f"{s.family.name} {s.type.name} {peer.recv(100)!r}"
                    self.hits.append(name)
                else:
                    self.hits.append(f"{name} {s.recv(100)!r}")
            except OSError:
                return


class _Watch:
    """Linux's inotify on files: whether anybody opened one, from whatever namespace."""

    _OPEN, _CLOEXEC_NONBLOCK = 0x20, 0o2004000

    def __init__(self, files: list[Path]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(self._CLOEXEC_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        self._names = {self._libc.inotify_add_watch(self._fd, str(f).encode(), self._OPEN): f for f in files}
        self._seen: set[Path] = set()

    def opened(self) -> set[Path]:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._fd, 65536):
                while data:
                    number, _, _, length = struct.unpack_from("iIII", data)
                    self._seen.add(self._names[number])
                    data = data[16 + length :]
        return self._seen

    def forget(self) -> None:
        """What has been opened since the last look was opened by us."""
        kept = set(self._seen)
        self.opened()
        self._seen = kept

    def close(self) -> None:
        os.close(self._fd)


@contextlib.contextmanager
def _unwatched(watch: _Watch) -> Iterator[None]:
    watch.opened()
    yield
    watch.forget()


@contextlib.contextmanager
def orphans_come_to_us() -> Iterator[list[str]]:
    """Descendants whose parents have ended become children of this process for the time of the body.

    Afterwards the list says which were left over; they are killed.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(36, 1, 0, 0, 0)
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    left: list[str] = []
    try:
        yield left
    finally:
        time.sleep(0.5)
        libc.prctl(36, 0, 0, 0, 0)
        for child in psutil.Process().children(recursive=True):
            if child.pid in before:
                continue
            with contextlib.suppress(psutil.Error):
                if child.status() != psutil.STATUS_ZOMBIE:
                    left.append(f"{child.pid} {child.name()} {child.cmdline()}"[:200])
                child.kill()
            with contextlib.suppress(ChildProcessError, OSError):
                os.waitpid(child.pid, 0 if child.ppid() == os.getpid() else os.WNOHANG)
