"""Writing files so that a crash, a full disk or Ctrl-C leaves the old file or the new one, whole."""

import contextlib
import os
import tempfile
from pathlib import Path


def replace(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Let the file hold `data`, or what it held before; its folder is made. Raises OSError, naming the file.

    It keeps its mode. `durable`: not before it is on the disk, whatever happens to the power.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
        fresh = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            fresh.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
            fresh.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now
