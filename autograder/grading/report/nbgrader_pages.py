"""nbgrader's own page of each graded notebook: made only where something in it has changed, by several processes.

A page carries the hash of all that it shows, so no other record is needed of what is up to date. Pages are made in a
folder of their own and put in place whole.
"""

import contextlib
import copy
import hashlib
import json
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from autograder.boundary.pages import POLICY, self_contained
from autograder.grading.course import Course, open_course
from autograder.grading.grade import Outcome
from autograder.grading.report.gradebook import NONE, Submission
from autograder.grading.report.writing import write_whole
from autograder.grading.table import QuestionRow

Keys = Mapping[str, Mapping[str, str]]
"""Student to notebook to the hash that its page is to carry."""

AT_ONCE = 20
"""How many students' pages nbgrader's converter makes before they are put in place."""
ABANDONED = 86400.0
_KEY = re.compile(r'<meta content="([0-9a-f]{64})" name="unrolled-page"/>')


def out_of_date(
    course: Course,
    outcomes: Iterable[Outcome],
    rows: Mapping[str, Sequence[QuestionRow]],
    given: Mapping[str, Submission],
) -> dict[str, dict[str, str]]:
    """The students, of those with a graded notebook, who have a page that is missing or shows what is no longer so."""
    wanted = {}
    for outcome in outcomes:
        keys = dict(_keys(course, outcome, rows.get(outcome.student, ()), given.get(outcome.student, NONE)))
        folder = course.folder("feedback", outcome.student, outcome.assignment)
        if any(_key_of(folder / f"{name}.html") != key for name, key in keys.items()):
            wanted[outcome.student] = keys
    return wanted


def _keys(
    course: Course, outcome: Outcome, rows: Iterable[QuestionRow], submission: Submission
) -> Iterator[tuple[str, str]]:
    """For each graded notebook a hash of all that its page shows: the notebook, its marks and comments, the makers."""
    makers = {name: version(name) for name in ("nbgrader", "nbconvert")}
    scores = [(row.notebook, row.question, row.score, row.waiting_for_hand_mark) for row in rows]
    for name in outcome.notebooks:
        path = course.folder("autograded", outcome.student, outcome.assignment) / f"{name}.ipynb"
        try:
            data = path.read_bytes()
        except OSError:
            continue  # graded before, and cleared away since: there is nothing to make a page of
        comments = sorted((*cell, text) for cell, text in submission.comments.items() if cell[0] == name)
        own = [score for score in scores if score[0] == name]
        about = json.dumps([makers, POLICY, own, comments, submission.penalties.get(name, 0.0)])
        yield name, hashlib.sha256(about.encode("utf-8", "replace") + b"\0" + data).hexdigest()


def _key_of(page: Path) -> str:
    """The key that a page of ours was made with, "" without one."""
    try:
        with page.open(encoding="utf-8", errors="replace") as file:
            found = _KEY.search(file.read(4000))
    except OSError:
        return ""
    return found[1] if found else ""


def make_all(
    course: Course, assignment: str, wanted: Keys, workers: int = 1
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Make the pages, a few students at a time: which students are dealt with, and whose page could not be made."""
    _clear_away(course.folder("feedback").parent)
    students = list(wanted)
    some = [{s: wanted[s] for s in students[start : start + AT_ONCE]} for start in range(0, len(students), AT_ONCE)]
    if workers < 2 or len(some) < 2:
        yield from ((tuple(keys), make(course, assignment, keys)) for keys in some)
        return
    left: list[Keys] = list(some)
    with Gradebook(course.directory.db_url):  # enters nbgrader's default course: two processes at once could not
        pass
    with ProcessPoolExecutor(min(workers, len(some)), get_context("spawn"), initializer=_leave_interrupts) as pool:
        under_way: dict[Future[list[str]], Keys] = {
            pool.submit(_make_there, str(course.root), assignment, keys): keys for keys in some
        }
        try:
            for future in as_completed(under_way):
                keys = under_way[future]
                missing = future.result()
                left.remove(keys)
                yield tuple(keys), missing
        except BrokenProcessPool:  # a process was killed, for want of memory perhaps: one is slower, and enough
            pass
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    yield from ((tuple(keys), make(course, assignment, keys)) for keys in left)


def _clear_away(beside: Path) -> None:
    """Remove what a run that was killed has left, once it is too old to be of one that goes on."""
    for folder in beside.glob(".feedback-*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < time.time() - ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


def _leave_interrupts() -> None:
    """Ctrl-C is for the process that asked; a worker finishes what it is at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_there(root: str, assignment: str, keys: Keys) -> list[str]:
    import logging

    logging.disable(logging.WARNING)
    return make(open_course(Path(root)), assignment, keys)


def make(course: Course, assignment: str, keys: Keys) -> list[str]:
    """Make these students' pages and put them in place; the students of whom one could not be made."""
    beside = course.folder("feedback").parent
    beside.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".feedback-", dir=beside))
    try:
        config = copy.deepcopy(course.config)
        config.CourseDirectory.merge({"feedback_directory": str(part), "assignment_id": assignment})
        config.HTMLExporter.template_name = "feedback"
        pages = _Pages(coursedir=CourseDirectory(config=config), config=config, students=list(keys))
        with contextlib.suppress(Exception, SystemExit):  # whose pages are not there is told below
            pages.start()
        missing = []
        for student, own in keys.items():
            made = Path(pages.coursedir.format_path(str(part), student, assignment))
            target = course.folder("feedback", student, assignment)
            there = [_put(made / f"{name}.html", target / f"{name}.html", key) for name, key in own.items()]
            if not all(there):
                missing.append(student)
        return missing
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put(made: Path, target: Path, key: str) -> bool:
    """Put a page in its place, with its key in its head; whether there was one."""
    try:
        page = made.read_text(encoding="utf-8")
    except OSError:
        return False
    page = page if POLICY in page[:2000] else self_contained(page)
    write_whole(target, page.replace("<head>", f'<head><meta content="{key}" name="unrolled-page"/>', 1))
    return True


class _Pages(GenerateFeedback):
    """nbgrader's converter for these students, by their folders' names and not by patterns."""

    def __init__(self, *, students: Sequence[str], **more: Any) -> None:
        super().__init__(**more)
        self.students = students
        self.force = True

    def init_notebooks(self) -> None:
        """Find the students' graded notebooks."""
        folders = (Path(self._format_source(self.coursedir.assignment_id, student)) for student in self.students)
        found = {str(folder): sorted(map(str, folder.glob("*.ipynb"))) for folder in folders}
        self.assignments = {folder: notebooks for folder, notebooks in found.items() if notebooks}
