"""Zip files, read in place: nothing is unpacked, so no name in one can lead anywhere."""

import contextlib
import io
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from autograder.boundary.files import Unreadable
from autograder.boundary.words import plain
from autograder.grading.collecting.trees import MAX_ENTRIES, Entry, File
from autograder.grading.course import CourseError

MAX_DIRECTORY = 32 * 2**20
"""The largest table of contents that is read, in bytes; five thousand students with ten files each have some 8 MiB."""
MAX_NESTED_ENTRIES = 10_000
MAX_NESTED_DIRECTORY = 2**20
RATIO, RATIO_FROM = 200, 4 * 2**20
"""Notebooks compress some 3 to 50 times. More than RATIO times, where it makes RATIO_FROM bytes, is a bomb."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


class BadZip(Exception):
    """What cannot be read as a zip file; the message is one line."""


class ZipTree:
    """The files of a zip file. As `trees.Tree`; raises BadZip when it is none, or has too many entries."""

    def __init__(
        self,
        file: IO[bytes],
        where: Path,
        *,
        most_entries: int = MAX_ENTRIES,
        most_directory: int = MAX_DIRECTORY,
    ) -> None:
        self.where = where
        self.refused: list[str] = []
        try:
            size = _directory_size(file)
            if size > most_directory:
                raise BadZip(f"its table of contents has {size / 2**20:.0f} MiB: far too many files")
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, EOFError, UnicodeError) as error:
            raise BadZip(f"not a zip file, or damaged ({plain(error, 60)})") from None
        infos = self._zip.infolist()
        if len(infos) > most_entries:
            raise BadZip(f"it has {len(infos)} files, more than {most_entries}")
        self._infos: dict[str, zipfile.ZipInfo] = {}
        found: dict[str, Entry] = {}
        folders: set[str] = set()
        for number, info in enumerate(infos):
            name = _name(info)
            parts = _parts(name)
            if parts is None:
                self.refused.append(f"{plain(name)}: its name leads out of the zip file, so it was not read")
                continue
            if len(parts) > 1 or name.endswith("/"):
                folders.update(parts[:1])
            if name.endswith("/") or not parts:
                continue
            key = str(number)
            self._infos[key] = info
            path = "/".join(parts)
            if path in found:
                self.refused.append(f"{plain(path)}: is in the zip file twice; the last one counts")
            found[path] = Entry(parts, key, _problem(info, path))
        self.entries = list(found.values())
        self.folders = frozenset(folders)

    def read(self, entry: Entry, most: int) -> bytes:
        """As `Tree.read`."""
        if entry.problem:
            raise Unreadable(entry.problem)
        info = self._infos[entry.key]
        if info.file_size > most:
            raise Unreadable(f"{entry.path} has {info.file_size / 2**20:.0f} MiB when it is unpacked: too large")
        try:
            with self._zip.open(info) as file:
                data = file.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
            raise Unreadable(f"{entry.path} cannot be unpacked ({plain(error, 60)}): make the zip file anew") from None
        if len(data) > most:
            raise Unreadable(f"{entry.path} is larger than its zip file says")
        return data


def open_zip(path: Path) -> ZipTree:
    """The zip file at `path`. Raises CourseError when it cannot be read."""
    try:
        return ZipTree(path.open("rb"), path)
    except BadZip as error:
        raise CourseError(f"{path}: {error}") from None


def nested(file: File) -> tuple[list[File], list[str]]:
    """The files of a student's own zip file, and lines on what is not read of it. Zip files in it are left closed."""
    try:
        tree = ZipTree(
            io.BytesIO(file.read()),
            Path(file.name),
            most_entries=MAX_NESTED_ENTRIES,
            most_directory=MAX_NESTED_DIRECTORY,
        )
    except (BadZip, Unreadable) as error:
        return [], [f"{file.path}: {error}" if isinstance(error, BadZip) else str(error)]
    inside = []
    for entry in tree.entries:
        deeper = Entry((*file.entry.parts, *entry.parts), entry.key, entry.problem)
        inside.append(File(deeper, tree.read, file.room, file.order))
    return inside, [f"{file.path}: {line}" for line in tree.refused]


def _directory_size(file: IO[bytes]) -> int:
    """How large the table of contents says it is: a zip file with millions of entries must not even be listed."""
    size = file.seek(0, 2)
    start = max(0, size - 22 - 2**16)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise BadZip("not a zip file, or damaged (it has no end)")
    found = int(struct.unpack_from("<L", tail, at + 12)[0])
    locator = tail.rfind(_LOCATOR, 0, at)
    if locator >= 0:
        file.seek(struct.unpack_from("<Q", tail, locator + 8)[0])
        record = file.read(56)
        if record[:4] == _END64:
            found = max(found if found < 0xFFFFFFFF else 0, int(struct.unpack_from("<Q", record, 40)[0]))
    file.seek(0)
    return found


def _name(info: zipfile.ZipInfo) -> str:
    """The whole name, with "/" as in Windows's own zip files too, in UTF-8 where it is that without saying so."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _parts(name: str) -> tuple[str, ...] | None:
    """The parts of a name; None for one that is absolute, goes up, or has a NUL."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\0" in name or re.match(r"[A-Za-z]:", name):
        return None
    return tuple(part for part in parts if part not in ("", "."))


def _problem(info: zipfile.ZipInfo, path: str) -> str:
    """Why an entry cannot be read; "" if it can."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return f"{plain(path)} is a link or a special file, not a file of its own: hand in the file itself"
    if info.flag_bits & 0x1:
        return f"{plain(path)} is encrypted: hand it in without a password"
    if info.compress_type not in _METHODS:
        return f"{plain(path)} is compressed in an unusual way: make an ordinary zip file"
    if info.file_size >= RATIO_FROM and info.file_size > RATIO * max(info.compress_size, 1):
        return f"{plain(path)} unpacks to {info.file_size // max(info.compress_size, 1)} times its size: too large"
    return ""
