"""A course as nbgrader knows it: a folder with an nbgrader_config.py."""

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import DBAPIError, SAWarning
from traitlets.config import Config, PyFileConfigLoader

from autograder.boundary.submissions import is_student


class CourseError(Exception):
    """Something a teacher can put right; the message says what, where, and what to do."""


@dataclass(frozen=True)
class Course:
    """An opened course: its folder and nbgrader's configuration for it."""

    root: Path
    config: Config

    @property
    def directory(self) -> CourseDirectory:
        """nbgrader's own view of the course's folders and database."""
        return CourseDirectory(config=self.config)

    def folder(self, step: str, student: str = ".", assignment: str = ".") -> Path:
        """The folder of a step: source, release, submitted, autograded or feedback."""
        directory = self.directory
        name = getattr(directory, f"{step}_directory")
        return Path(directory.format_path(name, student, assignment))

    def api(self, **course_directory: Any) -> NbGraderAPI:
        """nbgrader's API for this course; keywords override settings of its CourseDirectory."""
        config = copy.deepcopy(self.config)
        config.CourseDirectory.merge(course_directory)
        return NbGraderAPI(CourseDirectory(config=config), config=config)

    @contextlib.contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        """The course's gradebook, closed afterwards. Raises CourseError when the database cannot be used."""
        directory = self.directory
        try:
            with Gradebook(directory.db_url, directory.course_id) as gradebook:
                yield gradebook
        except DBAPIError as error:
            raise CourseError(database_told(self, error)) from None

    def assignments(self) -> list[str]:
        """The assignments that have a source."""
        source = self.folder("source")
        return sorted(p.name for p in source.iterdir() if any(p.glob("*.py")) or any(p.glob("*.ipynb")))

    def notebooks(self, assignment: str) -> list[str]:
        """The names of an assignment's notebooks, without the suffix. Raises CourseError for an unknown one."""
        pattern = str(self.config.CourseDirectory.get("notebook_id", "*"))
        found = sorted(p.stem for p in self.folder("source", ".", assignment).glob(f"{pattern}.ipynb"))
        if not found:
            known = ", ".join(self.assignments()) or "none"
            raise CourseError(f"there is no assignment {assignment!r} in {self.folder('source')}; there are: {known}")
        return found

    def students(self, assignment: str) -> list[str]:
        """Everybody who has a folder under submitted/, with or without this assignment in it.

        Raises CourseError without such a folder. A folder whose name cannot be a student's is left out: see
        `odd_folders`.
        """
        submitted = self.folder("submitted")
        if not submitted.is_dir():
            raise CourseError(f"{submitted} does not exist: put submissions in {submitted}/<student>/{assignment}/")
        names = sorted(p.name for p in submitted.iterdir() if p.is_dir() and not p.name.startswith("."))
        return [name for name in names if is_student(name)]

    def odd_folders(self) -> list[str]:
        """Folders under submitted/ that cannot be a student's: their names are markup, or move a terminal."""
        submitted = self.folder("submitted")
        names = (p.name for p in submitted.iterdir() if p.is_dir() and not p.name.startswith("."))
        return sorted(name for name in names if not is_student(name))


def one_framework(course: Course, assignment: str, name: str) -> Course:
    """The course as if an assignment had this notebook alone, which is nbgrader's setting CourseDirectory.notebook_id.

    Raises CourseError where the assignment has no such notebook.
    """
    known = course.notebooks(assignment)
    if name not in known:
        raise CourseError(f"{assignment} has no notebook {name!r}; there are: {', '.join(known)}")
    config = copy.deepcopy(course.config)
    config.CourseDirectory.notebook_id = name
    return Course(course.root, config)


def open_course(root: Path) -> Course:
    """The course in folder `root`. Raises CourseError when there is none."""
    root = root.resolve()
    if not (root / "nbgrader_config.py").is_file():
        raise CourseError(f"{root} has no nbgrader_config.py: run this in the course's folder or give --course FOLDER")
    config = PyFileConfigLoader(str(root / "nbgrader_config.py")).load_config()  # a name is found as it is
    config.CourseDirectory.root = str(root)
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader's own sessions, nothing a teacher can act on
    return Course(root, config)


def database_told(course: Course, error: Exception) -> str:
    """One line on a gradebook that cannot be used."""
    what = " ".join(str(getattr(error, "orig", error)).split())[:200]
    url = course.directory.db_url.split("@")[-1]  # without a password
    return f"the gradebook at {url} cannot be used ({what}): what is graded is kept; run the same command again"
