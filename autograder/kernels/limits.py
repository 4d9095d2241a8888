"""What one kernel may use."""

from dataclasses import asdict, dataclass

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True)
class Limits:
    """What one kernel and everything that it starts may use together, unless it says otherwise.

    memory_bytes: memory in use (anonymous and shared pages, each page counted once)
    cpu_seconds: processor time
    wall_seconds: time since the kernel was started
    processes: processes and threads
    open_files: open files of each process
    file_bytes: size of any one file written
    disk_bytes: the private home, /tmp and /dev/shm, each
    gpu_bytes: memory of GPUs, for a kernel that may use one
    output_bytes: text to stdout and stderr; also the largest message that a client takes from the kernel
    """

    memory_bytes: int = 3 * GIB
    cpu_seconds: float = 600.0
    wall_seconds: float = 900.0
    processes: int = 256
    open_files: int = 512
    file_bytes: int = 256 * MIB
    disk_bytes: int = 256 * MIB
    gpu_bytes: int = 4 * GIB
    output_bytes: int = 16 * MIB

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, int | float) or value <= 0:
                raise ValueError(f"Limits: {name} must be a number above 0, found {value!r}")
