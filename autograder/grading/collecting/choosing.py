"""Which of a student's files are the assignment's notebooks.

A notebook is known by its name, by a name that a browser or a course system made of it ("numpy (1).ipynb",
"numpy-2.ipynb", "Numpy.IPYNB"), or else by its cells: those of the released notebook that it still has.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import nbformat
from nbformat import NotebookNode

from autograder.boundary.decoding import MAX_BYTES, decode, parse
from autograder.boundary.files import Unreadable
from autograder.boundary.words import plain
from autograder.grading.collecting.trees import File, is_notebook
from autograder.grading.collecting.zips import nested
from autograder.grading.course import Course

_COPY = re.compile(r"(?:[ _-]*\(\d+\)|[ _-]+copy\d*|[-_ ]\d{1,3}|[ _-]+kopie)+$")
MAX_NOTEBOOKS = 100
"""How many notebooks of one student are looked into."""
_LONG = 12
"""Shorter texts of cells say nothing about where a notebook is from."""
RULES = ("its name", "its name but for what was added to it", "its cells")


@dataclass(frozen=True)
class Released:
    """An assignment's notebooks, as they were released, or, those that are `unreleased`, with their solutions."""

    assignment: str
    notebooks: Mapping[str, NotebookNode]
    extras: tuple[str, ...] = ()
    unreleased: frozenset[str] = frozenset()

    @cached_property
    def texts(self) -> dict[str, frozenset[str]]:
        """The texts of each notebook's cells that are long enough to tell it from others."""
        return {name: frozenset(_telling(c.source for c in nb.cells)) for name, nb in self.notebooks.items()}

    @cached_property
    def blanks(self) -> dict[str, frozenset[str]]:
        """The texts of each notebook's answers as nobody has filled them in."""
        return {
            name: frozenset(c.source.strip() for c in nb.cells if c.metadata.get("nbgrader", {}).get("solution"))
            if name not in self.unreleased
            else frozenset()
            for name, nb in self.notebooks.items()
        }


@dataclass
class Chosen:
    """The bytes of the notebooks (and other files that belong to the assignment) by file name, where each comes from,
    lines on choices that had to be made, and what was not used and why."""

    files: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def released(course: Course, assignment: str) -> Released:
    """An assignment's notebooks, released, or, where they have not been yet, the sources'. Raises CourseError for an
    unknown one."""
    found = {}
    unreleased = set()
    for name in course.notebooks(assignment):
        path = course.folder("release", ".", assignment) / f"{name}.ipynb"
        if not path.is_file():
            path = course.folder("source", ".", assignment) / f"{name}.ipynb"
            unreleased.add(name)
        found[name] = nbformat.read(path, as_version=4)
    extras = course.config.Autograde.get("exclude_overwriting", {}).get(assignment, [])
    return Released(assignment, found, tuple(extras), frozenset(unreleased))


def unpacked(files: Sequence[File], notes: list[str]) -> list[File]:
    """The files, and those in a student's own zip files."""
    found = []
    for file in files:
        found.append(file)
        if file.name.casefold().endswith(".zip"):
            inside, said = nested(file)
            found += inside
            notes += said
    return found


def choose(files: Sequence[File], of: Released, assignments: Sequence[Released] = ()) -> Chosen:
    """The assignment's notebooks among a student's files; `assignments` are those it might be mistaken for."""
    chosen = Chosen()
    contents = _Contents(chosen)
    left = [f for f in unpacked(files, chosen.notes) if not _is_nested_zip(f, chosen)]
    for name in of.extras:
        exact = [f for f in left if "/".join(f.entry.parts) == name]
        if exact and contents.of(exact[0]) is not None:
            chosen.files[name], chosen.origins[name] = contents.of(exact[0]) or b"", exact[0].path
            left.remove(exact[0])
    notebooks = [f for f in left if is_notebook(f.name)]
    if len(notebooks) > MAX_NOTEBOOKS:
        chosen.notes.append(f"{len(notebooks)} notebooks were handed in; the first {MAX_NOTEBOOKS} were looked at")
        left = [f for f in left if not is_notebook(f.name)] + notebooks[:MAX_NOTEBOOKS]
    for rule in range(len(RULES)):
        for name in of.notebooks:
            if f"{name}.ipynb" in chosen.files:
                continue
            fitting = [f for f in left if is_notebook(f.name) and _fits(f, name, rule, of, contents)]
            if rule == 0:  # a name that was added to may be the one with the answers in it
                others = (f for f in left if is_notebook(f.name) and f not in fitting)
                fitting += [f for f in others if _fits(f, name, 1, of, contents)]
            best = _best(fitting, name, of, contents, chosen)
            if best is not None:
                chosen.files[f"{name}.ipynb"] = contents.of(best) or b""
                chosen.origins[f"{name}.ipynb"] = best.path
                left.remove(best)
                if rule == 2:
                    chosen.notes.append(f"{best.path} was taken for {name}.ipynb, by its cells")
    for name in of.notebooks:
        data = chosen.files.get(f"{name}.ipynb")
        other = elsewhere(data, of, assignments) if data is not None and assignments else ""
        if other:
            origin = chosen.origins[f"{name}.ipynb"]
            chosen.notes.append(f"{origin} has the cells of {other}: look whether it is the wrong file")
    chosen.unused += [f.path for f in left if not f.name.casefold().endswith(".zip")]
    return chosen


def identify(data: bytes, assignments: Iterable[Released]) -> tuple[str, str]:
    """The assignment and the notebook whose cells a file has most of; ("", "") where it has hardly any, or as many of
    two."""
    own = _texts(data)
    shares = sorted(
        (
            (len(own & texts) / max(len(texts), 1), of.assignment, name)
            for of in assignments
            for name, texts in of.texts.items()
        ),
        reverse=True,
    )
    if not shares or shares[0][0] < 0.25 or (len(shares) > 1 and shares[1][0] == shares[0][0]):
        return "", ""
    return shares[0][1], shares[0][2]


def elsewhere(data: bytes, of: Released, assignments: Sequence[Released]) -> str:
    """The other assignment whose notebook this is by its cells, and which; "" if it is not."""
    own = _texts(data)
    share = max((len(own & texts) / max(len(texts), 1) for texts in of.texts.values()), default=0)
    if share >= 0.25:
        return ""
    assignment, name = identify(data, assignments)
    return f"{assignment}/{name}" if assignment not in ("", of.assignment) else ""


class _Contents:
    """Files' bytes, read once; what cannot be read is said once."""

    def __init__(self, chosen: Chosen) -> None:
        self._read: dict[int, bytes | None] = {}
        self._known: dict[int, str] = {}
        self._chosen = chosen

    def of(self, file: File) -> bytes | None:
        """The bytes of a file; None if it cannot be read."""
        if id(file) not in self._read:
            try:
                self._read[id(file)] = file.read()
            except Unreadable as error:
                self._read[id(file)] = None
                self._chosen.notes.append(str(error))
        return self._read[id(file)]

    def identity(self, file: File, of: Released) -> str:
        """The assignment's notebook whose cells the file has; "" for none."""
        if id(file) not in self._known:
            data = self.of(file)
            self._known[id(file)] = identify(data, [of])[1] if data is not None else ""
        return self._known[id(file)]


def _fits(file: File, name: str, rule: int, of: Released, contents: _Contents) -> bool:
    """Whether a file is the notebook `name` by one of RULES."""
    if rule == 0:
        return file.name == f"{name}.ipynb"
    if rule == 1:
        stem = file.name.strip().casefold().removesuffix(".ipynb").strip()
        return name.casefold() in (stem, _COPY.sub("", stem))
    return contents.identity(file, of) == name


def _best(files: Sequence[File], name: str, of: Released, contents: _Contents, chosen: Chosen) -> File | None:
    """The one file among several that could be the notebook; which and why is noted."""
    files = [f for f in files if contents.of(f) is not None]
    if len(files) < 2:
        return files[0] if files else None
    exact = {id(f): f.name != f"{name}.ipynb" for f in files}
    empty = {id(f): not _answered(contents.of(f) or b"", of.blanks[name]) for f in files}
    reasons = (
        ("it has answers in it", lambda f: empty[id(f)]),
        ("it was uploaded last", lambda f: -f.order),
        ("its name is exactly that", lambda f: exact[id(f)]),
        ("it lies in the fewest folders", lambda f: f.depth),
        ("its name comes first", lambda f: f.path),
    )
    ranked = sorted(files, key=lambda f: tuple(key(f) for _, key in reasons))
    best, second = ranked[:2]
    why = next((reason for reason, key in reasons if key(best) != key(second)), reasons[-1][0])
    others = ", ".join(f.path for f in ranked[1:4]) + (f" and {len(ranked) - 4} more" if len(ranked) > 4 else "")
    chosen.notes.append(f"{best.path} was taken for {name}.ipynb and not {others}: {why}")
    return best


def _is_nested_zip(file: File, chosen: Chosen) -> bool:
    """Whether this is a zip file in a student's zip file, which is not opened."""
    deeper = any(part.casefold().endswith(".zip") for part in file.entry.parts[:-1])
    if deeper and file.name.casefold().endswith(".zip"):
        chosen.unused.append(f"{file.path}: a zip file in a zip file is not opened")
        return True
    return False


def _answered(data: bytes, blanks: frozenset[str]) -> bool:
    """Whether a notebook can be read and one of its answers is no longer as it was released."""
    texts = _texts(data, all_of_them=True)
    return bool(texts) and not blanks <= texts


def _texts(data: bytes, *, all_of_them: bool = False) -> frozenset[str]:
    """The texts of a notebook's cells; none where it cannot be read."""
    if len(data) > 4 * MAX_BYTES:
        return frozenset()
    try:
        content = parse(decode(data, "notebook", []), "notebook", [])
    except (Unreadable, RecursionError, MemoryError):
        return frozenset()
    cells = content.get("cells") if isinstance(content, dict) else None
    sources = [_text(cell) for cell in cells[:5000]] if isinstance(cells, list) else []
    return frozenset(s.strip() for s in sources) if all_of_them else frozenset(_telling(sources))


def _text(cell: object) -> str:
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _telling(sources: Iterable[str]) -> list[str]:
    return [text for source in sources if len(text := source.strip()) >= _LONG]


def told(lines: Sequence[str], most: int = 5) -> list[str]:
    """At most so many lines, each on one line, and how many more there are."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return [plain(line, 200) for line in lines[:most]] + more
