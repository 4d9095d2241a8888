"""Hard links: whose a submitted file is when it has several names.

To read it under every name would hand a neighbour's answers, or a file of the course, to whoever makes a link to it.
To read it under none would let a neighbour ruin a submission by making one. So look for what a link cannot change:
who owns the file and the folders; when a folder was made (nobody can set that) and when it last changed (nobody can
set that back). A folder that has not changed since before another was made had its names first.

What cannot be told is refused under every name. That is so, where all files are one user's, after the first owner
has changed something in the folder again, and for copies that keep links (cp -a, rsync -H, tar): the order in which
a copy was made says nothing. Such a copy made without the times (cp -dR) looks like an original and is judged as one.
"""

import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

OWN, ANOTHERS, UNCLEAR = "own", "another's", "unclear"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 40
_MOST = 500_000  # entries that are looked at; further ones count as lying outside
_AT_ONCE = 50_000_000  # nanoseconds between the two stamps that making one link sets, at most
_JUST_WRITTEN = 200_000_000  # nanoseconds from making a file to the last change of its folder

_libc = ctypes.CDLL(None, use_errno=True)
_AT_EMPTY_PATH, _STATX_BTIME = 0x1000, 0x800


@dataclass(frozen=True)
class Name:
    """One name of a file: its parts, and of the folder it stands in the moments (nanoseconds since 1970, UTC).

    born: when the folder was made, None where the file system does not say; changed: st_ctime; written: st_mtime.
    """

    parts: tuple[str, ...]
    born: int | None
    changed: int
    written: int


@dataclass(frozen=True)
class Claim:
    """Whether a file with several names is the submission's (OWN, ANOTHERS or UNCLEAR), and its other names."""

    verdict: str
    others: tuple[str, ...] = ()


def claim(root: Path, own: str, descriptor: int) -> Claim:
    """Whose an open file is. `root` is trusted and has all submissions; `root`/`own` is the one that the file lies in.

    Names within one submission are one student's and do no harm. Nothing is followed, nothing is changed.
    """
    found = os.fstat(descriptor)
    told = _claim(root, PurePosixPath(own).parts, found, _born(descriptor))
    after = os.fstat(descriptor)
    if (after.st_nlink, after.st_ctime_ns) != (found.st_nlink, found.st_ctime_ns):
        return Claim(UNCLEAR, told.others)  # names came and went while they were counted
    return told


def _claim(root: Path, mine: tuple[str, ...], found: os.stat_result, born: int | None) -> Claim:
    if len(list(_names(root, mine, found))) == found.st_nlink:
        return Claim(OWN)
    names = list(_names(root, (), found))
    others = tuple("/".join(n.parts) for n in names if n.parts[: len(mine)] != mine)
    owner = _owner_of_alone(root, mine)
    if owner is not None:
        return Claim(OWN if owner == found.st_uid else ANOTHERS, others)
    groups: dict[tuple[str, ...], list[Name]] = {}
    for each in names:
        groups.setdefault(each.parts[: len(mine)], []).append(each)
    if len(names) != found.st_nlink or mine not in groups:
        return Claim(UNCLEAR, others)
    first = _first(groups, found, born)
    return Claim(UNCLEAR if first is None else OWN if first == mine else ANOTHERS, others)


def _first(
    groups: dict[tuple[str, ...], list[Name]], found: os.stat_result, born: int | None
) -> tuple[str, ...] | None:
    """The submission that certainly had the file before all others had; None where that cannot be told."""
    for whose, names in groups.items():
        rest = [each for other, theirs in groups.items() if other != whose for each in theirs]
        had = min(names, key=lambda n: n.changed)
        if all(_later(each, had, found, born) for each in rest):
            return whose
    return None


def _later(name: Name, had: Name, found: os.stat_result, born: int | None) -> bool:
    """Whether a name was certainly made after `had`."""
    if name.written != name.changed and had.written != had.changed:
        return False  # the times of both folders were set, as by a copy, which makes folders in an order of its own
    if name.born is not None and name.born > had.changed:
        return True
    # Else the file's own last change may have been this link: nothing was written then, the folder changed then and
    # not since, and the other folder was last changed when the file was made in it.
    return (
        born is not None
        and found.st_mtime_ns < found.st_ctime_ns
        and name.written == name.changed
        and 0 <= name.changed - found.st_ctime_ns <= _AT_ONCE
        and had.changed < found.st_ctime_ns
        and had.changed - born <= _JUST_WRITTEN
    )


def _owner_of_alone(root: Path, mine: Sequence[str]) -> int | None:
    """The user whose folder `root`/`mine` is and no other submission; None where owners do not tell students apart.

    Nobody can give a file away, so what is that user's in that folder is the student's, whoever has linked to it.
    """
    owners = {parts: owner for parts, owner in _folders(root, len(mine)) if parts}
    owner = owners.pop(tuple(mine), None)
    shared = {0, os.geteuid(), root.stat().st_uid, *owners.values()}
    return None if owner in shared else owner


def _names(root: Path, below: Sequence[str], found: os.stat_result) -> Iterator[Name]:
    """The names of a file in `root`/`below` and under it."""
    identity = (found.st_dev, found.st_ino)
    for parts, descriptor, entry in _entries(root, below):
        if entry.is_file(follow_symlinks=False):
            try:
                seen = entry.stat(follow_symlinks=False)
            except OSError:  # gone since
                continue
            if (seen.st_dev, seen.st_ino) == identity:
                folder = os.fstat(descriptor)
                yield Name((*parts, entry.name), _born(descriptor), folder.st_ctime_ns, folder.st_mtime_ns)


def _folders(root: Path, depth: int) -> Iterator[tuple[tuple[str, ...], int]]:
    """Each folder so deep under `root`, and its owner."""
    for parts, _, entry in _entries(root, (), depth):
        if len(parts) == depth - 1 and entry.is_dir(follow_symlinks=False):
            try:
                yield (*parts, entry.name), entry.stat(follow_symlinks=False).st_uid
            except OSError:  # gone since
                continue


def _entries(
    root: Path, below: Sequence[str], depth: int = _DEEPEST
) -> Iterator[tuple[tuple[str, ...], int, "os.DirEntry[str]"]]:
    """Each entry in `root`/`below` and under it: its folder's parts and open descriptor, and itself.

    Walked from descriptor to descriptor, so that a folder that is exchanged for a link leads nowhere.
    """
    looked = 0
    opened = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for part in below:
            opened.append(os.open(part, _FOLDER, dir_fd=opened[-1]))
        stack = [(tuple(below), opened[-1], iter(_listed(opened[-1])))]
        while stack:
            parts, descriptor, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                os.close(opened.pop())
                continue
            looked += 1
            if looked > _MOST:
                return
            yield parts, descriptor, entry
            if len(parts) < depth - 1 and entry.is_dir(follow_symlinks=False):
                try:
                    opened.append(os.open(entry.name, _FOLDER, dir_fd=descriptor))
                except OSError:  # gone, or not for us
                    continue
                stack.append(((*parts, entry.name), opened[-1], iter(_listed(opened[-1]))))
    except OSError:
        return
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _listed(descriptor: int) -> list["os.DirEntry[str]"]:
    with os.scandir(descriptor) as entries:
        return [entry for _, entry in zip(range(_MOST), entries, strict=False)]


def _born(descriptor: int) -> int | None:
    """When an open file or folder was made; Python's stat does not tell that on Linux, its statx does."""
    told = ctypes.create_string_buffer(256)
    try:
        failed = _libc.statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME, told)
    except AttributeError:  # no such function here
        return None
    (mask,) = struct.unpack_from("=I", told, 0)
    seconds, nanoseconds = struct.unpack_from("=qI", told, 80)
    return None if failed or not mask & _STATX_BTIME else seconds * 10**9 + nanoseconds
