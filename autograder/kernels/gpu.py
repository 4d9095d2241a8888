"""GPUs of NVIDIA's: what a kernel that may use one is shown, and what it takes of their memory.

Both only for kernels that are marked; for all others nothing here is called. The memory is asked for from outside, of
nvidia-smi, once a second and in a thread of its own, so that a program that hangs keeps nobody waiting.
"""

import contextlib
import functools
import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.kernels.limits import MIB

PROGRAM = "nvidia-smi"
EVERY = 1.0  # seconds between two looks
PATIENCE = 10.0  # seconds that the program may take
IDLE = 5.0  # seconds without a question, after which nobody looks any more
NODES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps/*")
READ_BELOW_PROC = ("/proc/driver/nvidia", "/proc/driver/nvidia-uvm", "/proc/devices")
READ_BELOW_SYS = ("/sys/devices/system", "/sys/bus/pci/devices")
OF_THE_GRADER = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "LD_LIBRARY_PATH")
HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
"""In the environment of a process that is to see none; "" would do, but some programs take it for unset."""

log = logging.getLogger(__name__)


class NotTold(Exception):
    """nvidia-smi gives no answer; the message says why, in a line."""


@dataclass(frozen=True)
class Reading:
    """What nvidia-smi has told.

    since: when it was asked, seconds of the monotonic clock
    processes: bytes by process id, None where it does not tell them
    devices: bytes in use on all devices, by whomever; None where it does not tell
    """

    since: float
    processes: dict[int, int | None]
    devices: int | None


def environment() -> dict[str, str]:
    """What a process that may use a GPU gets into its environment: the grader's choice of devices, and manners."""
    kept = {name: os.environ[name] for name in OF_THE_GRADER if name in os.environ}
    # TensorFlow would take all of the memory at once. PyTorch takes what it needs; an AMD GPU is watched by nobody.
    return {**kept, "TF_FORCE_GPU_ALLOW_GROWTH": "true", "HIP_VISIBLE_DEVICES": HIDDEN["HIP_VISIBLE_DEVICES"]}


def nodes() -> list[str]:
    """The devices below /dev that CUDA opens."""
    return sorted(str(path) for pattern in NODES for path in Path("/dev").glob(pattern))


def readable() -> list[str]:
    """What CUDA reads below /proc and /sys. Its libraries lie below /usr or beside Python's."""
    modules = sorted(Path("/sys/module").glob("nvidia*"))
    cards = sorted({path.resolve() for path in Path("/sys/bus/pci/drivers/nvidia").glob("*:*")})
    paths = [*READ_BELOW_PROC, *READ_BELOW_SYS, *map(str, modules), *map(str, cards)]
    return [path for path in paths if Path(path).exists()]


@functools.cache
def problem() -> str:
    """Why no kernel here is given a GPU; "" where one can be, and be watched. Asked once in a process."""
    try:
        read()
    except NotTold as error:
        return str(error)
    return ""


@functools.cache
def told(line: str) -> None:
    """Say something once."""
    log.error(line)  # louder than what the command line and the workers switch off


def usable() -> bool:
    """Whether a kernel that is marked can have a GPU here; if not, that is said, once."""
    if problem():
        told(f"A notebook is marked for a GPU, and is graded on processors: {problem()}.")
    return not problem()


def read() -> Reading:
    """Ask nvidia-smi, which takes a part of a second. Raises NotTold."""
    since = time.monotonic()
    processes: dict[int, int | None] = {}
    for process, number in _asked("compute-apps=pid,used_gpu_memory", 2):
        if process.isdigit():  # one line for each device that it uses
            before, more = processes.get(int(process), 0), _bytes(number)
            processes[int(process)] = None if before is None or more is None else before + more
    rows = [number for (number,) in _asked("gpu=memory.used", 1) if number[:1] == "[" or number.isdigit()]
    if not rows:
        raise NotTold(f"{PROGRAM} knows of no device")
    devices = [_bytes(number) for number in rows]
    return Reading(since, processes, None if None in devices else sum(filter(None, devices)))


def _asked(query: str, columns: int) -> list[list[str]]:
    program = shutil.which(PROGRAM)
    if program is None:
        raise NotTold(f"{PROGRAM} is not found")
    try:
        answer = subprocess.run(
            [program, f"--query-{query}", "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise NotTold(f"{PROGRAM} gave no answer within {PATIENCE:g} seconds") from None
    except OSError as error:
        raise NotTold(f"{PROGRAM} cannot be run ({error.strerror})") from error
    if answer.returncode:
        said = f"{answer.stdout}\n{answer.stderr}".split("\n")
        why = next((" ".join(line.split())[:200] for line in said if line.strip()), "")
        raise NotTold(f"{PROGRAM} ended with status {answer.returncode}{f': {why}' if why else ''}".rstrip("."))
    rows = [[each.strip() for each in line.split(",")] for line in answer.stdout.splitlines()]
    return [row for row in rows if len(row) == columns]


def _bytes(mebibytes: str) -> int | None:
    """None for "[N/A]", "[Insufficient Permissions]" and whatever else is no number."""
    return int(mebibytes) * MIB if mebibytes.isdigit() else None


class Meter:
    """Looks again and again, in a thread, for as long as somebody asks."""

    def __init__(self) -> None:
        self._latest: Reading | None = None
        self._asked = 0.0
        self._thread: threading.Thread | None = None

    def reading(self) -> Reading | None:
        """The latest reading, at once; None while there is none. One thread may ask."""
        self._asked = time.monotonic()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="GPU meter", daemon=True)
            self._thread.start()
        return self._latest

    def _run(self) -> None:
        while time.monotonic() - self._asked < IDLE:
            try:
                self._latest = read()
            except NotTold as error:
                told(f"The limit on a notebook's GPU memory does not hold for now: {error}.")
            time.sleep(EVERY)


@dataclass
class Share:
    """What one kernel takes, by the readings of a meter.

    before: bytes in use on all devices when it was about to start; None if that is not known
    """

    meter: Meter
    before: int | None
    since: float = field(default_factory=time.monotonic)
    _judged: Reading | None = None
    _bytes: int = 0

    def bytes(self, processes: Sequence[int]) -> int:
        """Bytes that the kernel's processes take, as of the latest reading; 0 before the first since its start.

        nvidia-smi names processes by other numbers than ours in a container with an older driver, and gives no amounts
        on some systems. A kernel that has a device open and is not told of is then taken to hold all that the devices
        hold more than before its start.
        """
        reading = self.meter.reading()
        if reading is None or reading is self._judged or reading.since < self.since:
            return self._bytes
        self._judged = reading
        amounts = [reading.processes[each] for each in processes if each in reading.processes]
        known = [each for each in amounts if each is not None]
        if amounts and len(known) == len(amounts):
            self._bytes = sum(known)
        elif not amounts and not any(map(_has_open, processes)):
            self._bytes = 0
        elif reading.devices is not None and self.before is not None:
            self._bytes = max(0, reading.devices - self.before)
        else:
            told(f"The limit on a notebook's GPU memory does not hold: {PROGRAM} does not tell how much is used.")
        return self._bytes


def share(meter: Meter) -> Share:
    """For a kernel that is about to start; takes as long as `read`."""
    try:
        return Share(meter, read().devices)
    except NotTold as error:
        told(f"The limit on a notebook's GPU memory does not hold for now: {error}.")
        return Share(meter, None)


def _has_open(process: int) -> bool:
    """Whether a process has one of the devices open, under whatever name it sees it."""
    devices = {Path(node).stat().st_rdev for node in nodes()}
    with contextlib.suppress(OSError), os.scandir(f"/proc/{process}/fd") as opened:  # else it has ended
        for each in opened:
            with contextlib.suppress(OSError):  # closed meanwhile
                if each.stat().st_rdev in devices:
                    return True
    return False
