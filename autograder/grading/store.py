"""Results by content key, in the course's folder: what has been graded once is not graded again."""

import hashlib
import zlib
from pathlib import Path

from autograder.grading.work import Marked
from autograder.grading.writing import replace


class Store:
    """Results under `results/`, each with a checksum: one that a crash or a disk has damaged counts as none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Marked | None:
        """The result of that key, None where there is none that can be read."""
        try:
            digest, packed = self._file(key).read_bytes().split(b"\n", 1)
            data = zlib.decompress(packed)
            if hashlib.sha256(data).hexdigest().encode() != digest:
                return None
            return Marked.from_bytes(data)
        except (OSError, ValueError, zlib.error):
            return None

    def put(self, key: str, result: bytes) -> None:
        """Keep a result, as `Marked.to_bytes` gives it, for good. Raises OSError when the disk is full."""
        digest = hashlib.sha256(result).hexdigest().encode()
        replace(self._file(key), digest + b"\n" + zlib.compress(result, 6), durable=True)

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / key
