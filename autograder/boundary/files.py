"""Files out of a submission's folder: opened once, without following a link, and only if they are plain files.

Everything is checked on the open descriptor, so nothing can be exchanged between the look and the reading.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from autograder.boundary.hard_links import ANOTHERS, OWN, claim
from autograder.boundary.words import plain

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MAX_LISTED = 10_000
"""How many names of one folder are looked at before counting stops."""


class Unreadable(Exception):
    """A submitted file that cannot be graded; the message is one line for its author."""


class Linked(Unreadable):
    """A file with several names that is another's, or of which that cannot be told.

    `others` are its names in other submissions: for the teacher, not for its author.
    """

    def __init__(self, message: str, others: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.others = others


def read_file(folder: Path, name: str, max_bytes: int, own: str | None = None) -> bytes:
    """The bytes of `folder`/`name`. `folder` is trusted, every part of `name` is not.

    `folder`/`own` is all of one student's: a second name that the file has in there does no harm. Where it is not
    said, it is the folder that the file lies in.

    Raises FileNotFoundError when nothing is there, Linked for a file with another name elsewhere that is not known
    to be that student's (see `hard_links`), and Unreadable for symbolic links anywhere in `name`, for anything that
    is not a plain file, and for more than `max_bytes` bytes.
    """
    with _opened(folder, name) as descriptor:
        found = os.fstat(descriptor)
        _check(found, name, max_bytes)
        if found.st_nlink > 1:
            _check_names(folder, name, str(PurePosixPath(name).parent) if own is None else own, descriptor)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise Unreadable(f"{plain(name)} grew while it was read: hand it in again when it is complete")
    return data


def arrival(folder: Path, name: str) -> tuple[float, bool]:
    """When `folder`/`name` got to this machine or was last changed here (st_ctime, seconds since 1970, UTC).

    Unlike the time of modification it cannot be set by whoever wrote the file. But somebody who makes a second name
    for the file moves it to that moment; so it is also told whether there is one. Raises as `read_file`.
    """
    with _opened(folder, name) as descriptor:
        found = os.fstat(descriptor)
        return found.st_ctime, found.st_nlink > 1


def names_in(folder: Path, name: str = ".") -> list[str]:
    """The sorted names in `folder`/`name`, at most MAX_LISTED of them; folders end in "/". [] when it is not there."""
    try:
        with _walked(folder, PurePosixPath(name).parts) as descriptor, os.scandir(descriptor) as entries:
            found = []
            for entry in entries:
                found.append(entry.name + "/" * entry.is_dir(follow_symlinks=False))
                if len(found) == MAX_LISTED:
                    break
            return sorted(found)
    except (OSError, Unreadable):
        return []


@contextlib.contextmanager
def _opened(folder: Path, name: str) -> Iterator[int]:
    """A descriptor of `folder`/`name`, which may be anything but a link."""
    *parents, last = _parts(name)
    with _walked(folder, parents) as parent:
        try:
            # Not blocking: opening a FIFO would otherwise wait for a writer.
            descriptor = os.open(last, _FILE, dir_fd=parent)
        except FileNotFoundError:
            raise
        except (OSError, ValueError):  # ELOOP for a link, ENXIO for a socket, EACCES, a name with a NUL, …
            raise _not_plain(name) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _walked(folder: Path, parts: list[str] | tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the folder `folder`/…`parts`, walked one part at a time without following links."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            try:
                deeper = os.open(part, _FOLDER, dir_fd=descriptor)
            except FileNotFoundError:
                raise
            except (OSError, ValueError):
                raise Unreadable(
                    f"{plain(part)} is a link or not a folder, so nothing in it is read: hand in the files themselves"
                ) from None
            os.close(descriptor)
            descriptor = deeper
        yield descriptor
    finally:
        os.close(descriptor)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/"):
        raise Unreadable(f"{plain(name)} is not a file inside the submission: hand in the file itself")
    return parts


def _check(found: os.stat_result, name: str, max_bytes: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _not_plain(name)
    if found.st_size > max_bytes:
        size, limit = found.st_size / 2**20, max_bytes / 2**20
        raise Unreadable(
            f"{plain(name)} has {size:.1f} MiB, more than {limit:.0f}: clear its outputs (Kernel → Restart & "
            "Clear Output), save, and hand in again"
        )


def _check_names(folder: Path, name: str, own: str, descriptor: int) -> None:
    told = claim(folder, own, descriptor)
    if told.verdict == OWN:
        return
    if told.verdict == ANOTHERS:
        what = "is a hard link to a file that is not yours"
    else:
        what = "is a hard link: it has another name elsewhere, and nobody can tell whose it was first"
    raise Linked(f"{plain(name)} {what}: hand in a copy of its own (cp, not ln)", told.others)


def _not_plain(name: str) -> Unreadable:
    return Unreadable(f"{plain(name)} is a link or a special file, not a file of its own: hand in the file itself")
