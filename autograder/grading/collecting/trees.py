"""Files of a folder or a zip file as one kind of list: what is there, and how to read it within limits."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from autograder.boundary.files import Unreadable, read_file
from autograder.boundary.intake import MAX_FILE_BYTES
from autograder.boundary.words import plain
from autograder.grading.course import CourseError

MAX_ENTRIES = 200_000
MAX_STUDENT_FILES = 10_000
MAX_DEPTH = 12
MAX_STUDENT_BYTES = 256 * 2**20
"""What is read of one student's files, all together."""
_NOT_OURS = (".git", "__MACOSX", ".ipynb_checkpoints", "__pycache__", ".venv", "node_modules")


@dataclass(frozen=True)
class Entry:
    """A file: its path as the parts of a name, the key that its tree reads it by, and why it cannot be read, if so."""

    parts: tuple[str, ...]
    key: str
    problem: str = ""

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]

    @property
    def path(self) -> str:
        """The path as a message shows it."""
        return plain("/".join(self.parts), 120)


class Tree(Protocol):
    """Files that can be read."""

    @property
    def where(self) -> Path:
        """The folder or the zip file, for messages."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All files."""

    @property
    def folders(self) -> frozenset[str]:
        """The names at the top that are folders, empty ones too."""

    @property
    def refused(self) -> Sequence[str]:
        """A line for each thing that was not even listed."""

    def read(self, entry: Entry, most: int) -> bytes:
        """An entry's bytes. Raises Unreadable, with a line for its author, for more than `most` of them and for
        whatever is no plain file."""


class FolderTree:
    """The files below a folder, listed and read without following links. Raises CourseError when there are too many."""

    def __init__(self, root: Path) -> None:
        self.where = root
        self.refused: list[str] = []
        self.entries: list[Entry] = []
        self._level = 1
        self.folders = frozenset(name for name, is_folder in self._listed(()) if is_folder)
        # Where one folder is around all others, the students' folders are those in it.
        self._level = 2 if len(self.folders) == 1 or "inbound" in self.folders else 1
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._walk((), 0)
        for student, number in self._counts.items():
            if number > MAX_STUDENT_FILES:
                where = plain("/".join(student), 120)
                self.refused.append(f"{where}: more than {MAX_STUDENT_FILES} files; the rest was not looked at")

    def read(self, entry: Entry, most: int) -> bytes:
        """As `Tree.read`."""
        try:
            return read_file(self.where, entry.key, most)
        except OSError as error:
            raise Unreadable(f"{entry.path} cannot be read ({error.strerror})") from None

    def _walk(self, parts: tuple[str, ...], depth: int) -> None:
        for name, is_folder in self._listed(parts):
            deeper = (*parts, name)
            student = deeper[: self._level]
            if len(deeper) > self._level:
                self._counts[student] += 1
                if self._counts[student] > MAX_STUDENT_FILES:
                    return
            if not is_folder:
                self.entries.append(Entry(deeper, "/".join(deeper)))
            elif name not in _NOT_OURS and depth < MAX_DEPTH:
                self._walk(deeper, depth + 1)

    def _listed(self, parts: tuple[str, ...]) -> list[tuple[str, bool]]:
        """The sorted names in a folder, and whether each is a folder; a link is none."""
        found: list[tuple[str, bool]] = []
        most = MAX_ENTRIES if len(parts) < self._level else MAX_STUDENT_FILES + 1
        try:
            with os.scandir(self.where.joinpath(*parts)) as entries:
                for entry in entries:
                    if len(found) == most:
                        break
                    found.append((entry.name, entry.is_dir(follow_symlinks=False)))
        except OSError as error:
            self.refused.append(f"{plain('/'.join(parts) or self.where, 120)}: cannot be listed ({error.strerror})")
        if len(found) == MAX_ENTRIES:
            raise CourseError(f"{self.where}: more than {MAX_ENTRIES} files; give a folder with submissions only")
        return sorted(found)


def readable(parts: Sequence[str]) -> bool:
    """Whether a file is one of a student's own: nothing that an operating system or a tool left behind."""
    return not any(part in _NOT_OURS for part in parts[:-1]) and not parts[-1].startswith((".", "Thumbs.db"))


@dataclass(frozen=True)
class View:
    """A tree as seen from one of its folders: entries by their paths from there, and the folders at its top."""

    tree: Tree
    entries: Sequence[Entry]
    folders: frozenset[str]

    def inside(self, top: str) -> "View":
        """The view from a folder at the top."""
        entries = [replace(e, parts=e.parts[1:]) for e in self.entries if len(e.parts) > 1 and e.parts[0] == top]
        return View(self.tree, entries, frozenset(e.parts[0] for e in entries if len(e.parts) > 1))

    def tops(self) -> dict[str, list[Entry]]:
        """The entries by what stands first in their paths; in folders, seen from there, and empty folders too."""
        found: dict[str, list[Entry]] = {name: [] for name in sorted(self.folders)}
        for entry in self.entries:
            inside = replace(entry, parts=entry.parts[1:]) if len(entry.parts) > 1 else entry
            found.setdefault(entry.parts[0], []).append(inside)
        return found


@dataclass
class Room:
    """How many bytes may still be read of one student."""

    left: int = field(default_factory=lambda: MAX_STUDENT_BYTES)


@dataclass(frozen=True)
class File:
    """One file that a student handed in: its path inside the submission, and how to read it.

    `order` tells later uploads from earlier ones, where the source does: the larger the later.
    """

    entry: Entry
    reader: Callable[[Entry, int], bytes] = field(repr=False)
    room: Room = field(repr=False)
    order: int = 0

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.entry.name

    @property
    def path(self) -> str:
        """Its path, as a message shows it."""
        return self.entry.path

    @property
    def depth(self) -> int:
        """How many folders it is in."""
        return len(self.entry.parts)

    def read(self) -> bytes:
        """Its bytes. Raises Unreadable, as `Tree.read` does, and when its author's files are too much together."""
        data = self.reader(self.entry, min(MAX_FILE_BYTES, self.room.left))
        self.room.left -= len(data)
        return data


def files_of(tree: Tree, entries: Sequence[Entry], order: Callable[[Entry], int] = lambda _entry: 0) -> list[File]:
    """One student's files: what an operating system or a tool left beside them is not looked at."""
    room = Room()
    return [File(entry, tree.read, room, order(entry)) for entry in entries if readable(entry.parts)]


def is_notebook(name: str) -> bool:
    """Whether a file's name is that of a notebook."""
    return PurePosixPath(name.strip().casefold()).suffix == ".ipynb"
