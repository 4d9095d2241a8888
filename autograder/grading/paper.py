"""The paper of an examination: all that grading a notebook needs besides what was handed in, as one value.

It is made once on the machine that has the gradebook, from the gradebook and the release, and sent to workers, who see
neither. It holds hidden tests and the course's secret.
"""

import copy
import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files
from traitlets.config import Config

from autograder.boundary.execution import NOT_DATA, frameworks_of, marked_for_gpu, read_secret
from autograder.boundary.nbgrader_reading import released_notebooks
from autograder.boundary.rebuild import rebuild
from autograder.grading.course import Course


@dataclass(frozen=True)
class SourceCell:
    """One of the teacher's cells as the gradebook has it."""

    name: str
    cell_type: str
    source: str
    checksum: str
    locked: bool
    max_score: float = 0.0


@dataclass(frozen=True)
class Paper:
    """One notebook of an assignment, to be graded for many students.

    `isolation` is the tier that kernels must have. `released` are all notebooks of the assignment as they were
    released, by name; `files` what else lies in the assignment's folder.
    """

    assignment: str
    name: str
    released: Mapping[str, NotebookNode]
    kernelspec: str
    cells: Mapping[str, SourceCell]
    config: Config
    secret: bytes
    isolation: str = "auto"
    files: Mapping[str, bytes] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """For a worker, which trusts whoever sends it work."""
        return pickle.dumps(self)

    @staticmethod
    def from_bytes(data: bytes) -> "Paper":
        """What `to_bytes` has made."""
        paper = pickle.loads(data)
        assert isinstance(paper, Paper)
        return paper

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The frameworks that the notebook's own cells import."""
        return frameworks_of(rebuild(self.released[self.name], self.released[self.name]).notebook)

    @property
    def wants_gpu(self) -> bool:
        """Whether one of its questions is marked for a GPU."""
        return marked_for_gpu(self.released[self.name])

    def digest(self) -> str:
        """A hash of the tests and all else that the teacher has written into the notebook, and of its settings."""
        released = {name: notebook.cells for name, notebook in self.released.items()}
        content = [self.assignment, self.name, released, self.kernelspec, {n: vars(c) for n, c in self.cells.items()}]
        text = json.dumps([content, _settings(self.config)], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode())
        for name, data in sorted(self.files.items()):
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()


def papers(course: Course, assignment: str, isolation: str) -> dict[str, Paper]:
    """The paper of each of an assignment's notebooks, by name. Raises NbGraderException where nothing is released."""
    directory = course.directory
    released = released_notebooks(directory, assignment)
    secret_file = course.config.ExecuteAcross.get("secret_file", "")
    secret = read_secret(Path(secret_file)) if secret_file else b""
    files = _files(directory, assignment)
    made = {}
    with course.gradebook() as gradebook:
        for name in course.notebooks(assignment):
            if name not in released:
                continue
            kernelspec, cells = _as_entered(gradebook, name, assignment)
            made[name] = Paper(
                assignment, name, released, kernelspec, cells, _portable(course.config), secret, isolation, files
            )
    return made


def _as_entered(gradebook: Gradebook, name: str, assignment: str) -> tuple[str, dict[str, SourceCell]]:
    notebook = gradebook.find_notebook(name, assignment)
    points = {cell.name: float(cell.max_score) for cell in [*notebook.grade_cells, *notebook.task_cells]}
    cells = {
        cell.name: SourceCell(
            cell.name, cell.cell_type, cell.source, cell.checksum, bool(cell.locked), points.get(cell.name, 0.0)
        )
        for cell in notebook.source_cells
    }
    return notebook.kernelspec or "", cells


def _files(directory: CourseDirectory, assignment: str) -> dict[str, bytes]:
    """What lies in the assignment's source folder beside its notebooks: data that the cells read."""
    source = Path(directory.format_path(directory.source_directory, ".", assignment))
    found = find_all_files(str(source), [*directory.ignore, *NOT_DATA])
    return {str(Path(file).relative_to(source)): Path(file).read_bytes() for file in sorted(found)}


def _portable(config: Config) -> Config:
    """The settings that mean something on another machine: no folders, no database."""
    portable = copy.deepcopy(config)
    portable.pop("CourseDirectory", None)
    if "ExecuteAcross" in portable:
        portable.ExecuteAcross.pop("secret_file", None)
    return portable


def _settings(config: Config) -> Any:
    """The settings as text, where classes are named rather than shown with their place in memory."""
    if isinstance(config, dict):  # looking at a section that is not there makes an empty one
        return {key: _settings(value) for key, value in sorted(config.items()) if value != {}}
    if isinstance(config, (list, tuple)):
        return [_settings(value) for value in config]
    return f"{config.__module__}.{config.__qualname__}" if isinstance(config, type) else repr(config)
