"""What of a submission counts: the learner's own code, and the code that everybody was given."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.converters.base import NbGraderException

import autograder
from autograder.boundary.files import Unreadable, read_file
from autograder.boundary.intake import MAX_FILE_BYTES, parse_notebook
from autograder.boundary.matching import is_answer
from autograder.boundary.nbgrader_reading import released_notebooks
from autograder.boundary.rebuild import KEY, rebuild
from autograder.boundary.words import plain
from autograder.grading.course import Course, CourseError

MOST_CODE = 100_000
"""Characters of one notebook's code that are compared; an answer notebook has some five thousand."""
SHORT_TEXT = 60
"""A written answer with fewer characters than this may well be the same twice."""
_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A code cell that is the learner's: its name, its source, and the lines of it that were released."""

    name: str
    source: str
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Submission:
    """One notebook that a student handed in: its cells, a hash of the file and one of each written answer.

    `file` is "" where there is nothing of the learner's own in the notebook.
    """

    student: str
    notebook: str
    cells: tuple[Cell, ...]
    file: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


def submissions(course: Course, assignment: str, notebook: str) -> Iterator[tuple[str, Submission | None, str]]:
    """For each student: the name, what they handed in as `notebook` (None for nothing), and why it can't be read.

    Raises CourseError where there is no release or no folder of submissions.
    """
    released = released_of(course, assignment)[notebook]
    submitted = course.folder("submitted")
    for student in course.students(assignment):
        where = course.folder("submitted", student, assignment).relative_to(submitted)
        try:
            data = read_file(submitted, f"{where}/{notebook}.ipynb", MAX_FILE_BYTES)
            yield student, submission(student, notebook, data, released), ""
        except FileNotFoundError:
            yield student, None, ""
        except (OSError, Unreadable) as error:
            yield student, None, plain(error, 200)


def released_of(course: Course, assignment: str) -> dict[str, NotebookNode]:
    """The released notebooks by name. Raises CourseError when there are none."""
    course.notebooks(assignment)
    try:
        return released_notebooks(course.directory, assignment)
    except NbGraderException:
        raise CourseError(
            f"{assignment} has not been released in {course.folder('release')}: run unrolled release {assignment} first"
        ) from None


def submission(student: str, notebook: str, data: bytes, released: NotebookNode) -> Submission:
    """What of a notebook's bytes counts. Raises Unreadable for what is no notebook."""
    rebuilt = rebuild(released, parse_notebook(data, f"{student}/{notebook}.ipynb").notebook).notebook
    sources = {cell["id"]: cell.source for cell in released.cells if "id" in cell}
    cells = tuple(_own_cells(rebuilt, sources))
    texts = dict(_own_texts(rebuilt, sources))
    return Submission(student, notebook, cells, hashlib.sha256(data).hexdigest() if cells or texts else "", texts)


def _own_cells(rebuilt: NotebookNode, released: Mapping[str, str]) -> Iterator[Cell]:
    room = MOST_CODE
    for number, cell in enumerate(rebuilt.cells, 1):
        if cell.cell_type != "code" or cell.metadata.get(KEY, {}).get("role") == "test":
            continue
        given = released.get(cell["id"], "")
        if cell.source.strip() == given.strip():
            continue
        name = cell.metadata.get("nbgrader", {}).get("grade_id") or f"cell {number}"
        source = cell.source[:room]
        room -= len(source)
        if source.strip():
            yield Cell(plain(name), source, frozenset(line.strip() for line in given.splitlines()))


def _own_texts(rebuilt: NotebookNode, released: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A hash of each written answer, whatever its blanks and line ends."""
    for cell in rebuilt.cells:
        if cell.cell_type == "markdown" and is_answer(cell):
            text = " ".join(cell.source.split())
            if len(text) >= SHORT_TEXT and text != " ".join(released.get(cell["id"], "").split()):
                yield plain(cell.metadata["nbgrader"]["grade_id"]), hashlib.sha256(text.encode()).hexdigest()


def given_code(course: Course, assignment: str, known: Iterable[Path] = ()) -> list[str]:
    """The code that explains a likeness: all released notebooks and solutions of the assignment, the reference
    networks, the course's book, and what `known` names (files or folders of .py, .ipynb and .md)."""
    notebooks = [*released_of(course, assignment).values(), *_solutions(course, assignment).values()]
    found = [cell.source for notebook in notebooks for cell in notebook.cells if cell.cell_type == "code"]
    for path in (Path(autograder.__file__).parent / "recurrent", course.root / "book", *known):
        found += code_in(path)
    return found


def given_texts(course: Course, assignment: str, notebook: str) -> set[str]:
    """Hashes of the reference's own written answers, as `Submission.texts` has them."""
    solution = _solutions(course, assignment)[notebook]
    return {digest for _, digest in _own_texts(solution, {})}


def _solutions(course: Course, assignment: str) -> dict[str, NotebookNode]:
    folder = course.folder("source", ".", assignment)
    return {name: nbformat.read(folder / f"{name}.ipynb", as_version=4) for name in course.notebooks(assignment)}


def code_in(path: Path) -> list[str]:
    """The code in a file or in all files of a folder: Python, code cells, fenced blocks of Markdown; [] if none.

    Raises CourseError for a file that is named and cannot be read.
    """
    if path.is_dir():
        files = sorted(p for kind in ("*.py", "*.ipynb", "*.md") for p in path.rglob(kind) if p.is_file())
        return [source for file in files for source in code_in(file)]
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".ipynb":
            cells = parse_notebook(text.encode(), path.name).notebook.cells
            return [cell.source for cell in cells if cell.cell_type == "code"]
    except FileNotFoundError:
        return []
    except (OSError, Unreadable) as error:
        raise CourseError(f"{path}: cannot be read ({error})") from None
    return [match[2] for match in _FENCE.finditer(text)] if path.suffix == ".md" else [text]
