"""One thread that looks at every kernel a few times a second and ends those that use more than they may."""

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.kernels import gpu
from autograder.kernels.limits import GIB, MIB, Limits
from autograder.kernels.process import KernelProcess

INTERVAL = 0.05  # seconds
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_UNREAD = GIB
"""How much this process may grow while a learner's kernel runs.

A message of many parts is kept by libzmq, out of our sight, until its last part is there; there is a limit for a part
and none for their number. So a kernel that sends parts without end is known by what it does to us.
"""


@dataclass
class Watched:
    """A kernel, what it may use, and since when.

    ours: for a kernel that is not trusted, the memory of this process when it was started
    share: of the GPUs, for a kernel that may use them
    """

    process: KernelProcess
    limits: Limits
    since: float
    home: Path | None = None
    ours: int | None = None
    share: gpu.Share | None = None
    rounds: int = 0


class Watchdog:
    """Kernels under watch; the thread runs while there are any."""

    def __init__(self) -> None:
        self.meter = gpu.Meter()
        self._watched: dict[int, Watched] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def watch(
        self,
        process: KernelProcess,
        limits: Limits,
        home: Path | None = None,
        *,
        share: gpu.Share | None = None,
        trusted: bool = False,
    ) -> None:
        """Look after this kernel from now on; `home`: its folder, if that is on the machine's own disk."""
        ours = None if trusted else resident_bytes(os.getpid())
        with self._lock:
            self._watched[id(process)] = Watched(process, limits, time.monotonic(), home, ours, share)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="kernel watchdog", daemon=True)
                self._thread.start()
        self._wake.set()

    def forget(self, process: KernelProcess) -> None:
        """No longer look after this kernel."""
        with self._lock:
            self._watched.pop(id(process), None)

    def _run(self) -> None:
        while True:
            with self._lock:
                watched = list(self._watched.values())
            if not watched:
                self._wake.clear()
                self._wake.wait()
                continue
            children = children_of_all()
            for each in watched:
                with contextlib.suppress(OSError):
                    because = excess(each, children)
                    if because:
                        each.process.kill(because)
            time.sleep(INTERVAL)


_watchdog: Watchdog | None = None
_owner = 0


def watchdog() -> Watchdog:
    """The one of this process."""
    global _watchdog, _owner
    if _watchdog is None or _owner != os.getpid():
        _watchdog, _owner = Watchdog(), os.getpid()
    return _watchdog


def children_of_all() -> dict[int, list[int]]:
    """The children of every process that can be seen, by process id."""
    result: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 (twice as fast)
        if name.isdigit():
            with contextlib.suppress(OSError):
                result.setdefault(int(stat_fields(int(name))[1]), []).append(int(name))
    return result


def stat_fields(process: int) -> list[str]:
    """/proc/<process>/stat from the third field on (the second, a name, may hold anything)."""
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(") ")[2].split()


def family(process: int, children: dict[int, list[int]]) -> list[int]:
    """A process and all its descendants."""
    result = [process]
    for each in result:
        result.extend(children.get(each, ()))
    return result


def excess(watched: Watched, children: dict[int, list[int]]) -> str:
    """What a kernel and its descendants use too much of, in words; "" if nothing."""
    limits = watched.limits
    if time.monotonic() - watched.since > limits.wall_seconds:
        return f"ran longer than {in_seconds(limits.wall_seconds)}"
    if watched.ours is not None and resident_bytes(os.getpid()) > watched.ours + MOST_UNREAD:
        return "sent messages without end"
    members = family(watched.process.pid, children)
    processor = processes = memory = 0
    for each in members:
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = stat_fields(each)
            # utime and stime; for the first also those of its children that have ended
            processor += sum(int(ticks) for ticks in fields[11 : 15 if each == members[0] else 13])
            processes += int(fields[17])
            memory += resident_bytes(each)
    if processor / TICKS > limits.cpu_seconds:
        return f"used more than {in_seconds(limits.cpu_seconds)} of processor time"
    if processes > limits.processes:
        return f"started more than {limits.processes} processes and threads"
    if memory > limits.memory_bytes and own_bytes(members) > limits.memory_bytes:
        return f"used more than {in_bytes(limits.memory_bytes)} of memory"
    if watched.share is not None and watched.share.bytes(members) > limits.gpu_bytes:
        return f"took more than {in_bytes(limits.gpu_bytes)} of GPU memory"
    watched.rounds += 1
    if watched.home and watched.rounds % 4 == 0 and disk_bytes(watched.home) > limits.disk_bytes:
        return f"wrote more than {in_bytes(limits.disk_bytes)} of files"
    return ""


def disk_bytes(folder: Path) -> int:
    """Room that a folder takes on disk; a file counts 4 KiB at least. Links are not followed."""
    total, waiting = 0, [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                total += max(status.st_blocks * 512, 4096)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return total


def resident_bytes(process: int) -> int:
    """Memory of a process that no file backs, at most: pages shared with others are counted in full."""
    _, resident, of_files, *_ = Path(f"/proc/{process}/statm").read_text().split()
    return (int(resident) - int(of_files)) * PAGE + _kilobytes(f"/proc/{process}/status", ("RssShmem",))


def own_bytes(processes: list[int]) -> int:
    """Memory of these processes that no file backs, each shared page in equal parts (slower)."""
    total = 0
    for each in processes:
        with contextlib.suppress(OSError):
            total += _kilobytes(f"/proc/{each}/smaps_rollup", ("Pss_Anon", "Pss_Shmem"))
    return total


def _kilobytes(path: str, names: tuple[str, ...]) -> int:
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return 1024 * sum(int(words[1]) for words in lines if words and words[0].rstrip(":") in names)


def in_bytes(number: float) -> str:
    """A number of bytes for people."""
    return f"{number / GIB:.3g} GiB" if number >= GIB else f"{number / MIB:.3g} MiB"


def in_seconds(number: float) -> str:
    """A number of seconds for people."""
    return "1 second" if number == 1 else f"{number:g} seconds"
