"""Feedback: an overview for each student, as a page and as plain text, and nbgrader's page of each notebook.

The overviews take milliseconds each and are written first; nbgrader's pages take the better part of a second each, and
only those are made whose notebook, marks or comments have changed.
"""

import contextlib
import copy
import hashlib
import json
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from autograder.boundary.pages import POLICY, self_contained
from autograder.grading.course import Course, CourseError
from autograder.grading.grade import Outcome
from autograder.grading.report.gradebook import NONE, Submission, submissions
from autograder.grading.report.messages import messages
from autograder.grading.report.pages import student_html, student_text
from autograder.grading.report.questions import asked, assignment_title
from autograder.grading.report.student import student_page
from autograder.grading.report.writing import write_whole
from autograder.grading.table import QuestionRow

PAGES = ("nbgrader", "none")
AT_ONCE = 20
"""How many students' pages nbgrader's converter makes before they are put in place."""
_KEY = re.compile(r'<meta content="([0-9a-f]{64})" name="unrolled-page"/>')


class Done(Protocol):
    """Told of each student whose feedback is there."""

    def __call__(self, note: str = "") -> None: ...


def write_feedback(
    course: Course,
    outcomes: Iterable[Outcome],
    rows: Sequence[QuestionRow],
    *,
    pages: str = "nbgrader",
    done: Done = lambda note="": None,
) -> list[Path]:
    """Write everybody's feedback folder; the overview pages.

    `pages` "none" leaves nbgrader's pages as they are. What has not changed is not written again. Interrupted, it
    leaves whole files. Raises CourseError, when all that can be made is made, for students whose notebook nbgrader
    cannot make a page of.
    """
    of: dict[str, list[QuestionRow]] = defaultdict(list)
    for row in rows:
        of[row.student].append(row)
    written = []
    for assignment, group in _by_assignment(outcomes).items():
        given = submissions(course, assignment)
        overviews = Overviews(course, assignment)
        for outcome in group:
            own = given.get(outcome.student, NONE)
            written.append(overviews.write(outcome, of[outcome.student], own, with_pages=pages != "none"))
            if pages == "none":
                done(outcome.student)
        if pages != "none":
            _notebook_pages(course, assignment, group, of, given, done)
    return written


def _by_assignment(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.assignment].append(outcome)
    return found


class Overviews:
    """Writes index.html and feedback.txt of students of one assignment."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment = course, assignment
        self.title = assignment_title(course, assignment)
        self.questions = asked(course, assignment)

    def write(self, outcome: Outcome, rows: Sequence[QuestionRow], submission: Submission, *, with_pages: bool) -> Path:
        """Write one student's; the page's path. `with_pages`: nbgrader's pages are to follow, so it links to them."""
        folder = self.course.folder("feedback", outcome.student, self.assignment)
        graded = self.course.folder("autograded", outcome.student, self.assignment)
        for name in set(self.questions) - set(outcome.notebooks):
            (folder / f"{name}.html").unlink(missing_ok=True)  # of a submission that was taken back
        there = (n for n in outcome.notebooks if with_pages or (folder / f"{n}.html").is_file())
        page = student_page(
            outcome,
            self.title,
            self.questions,
            rows,
            submission,
            {name: messages(graded / f"{name}.ipynb") for name in outcome.reasons if outcome.reasons[name]},
            frozenset(there),
        )
        write_whole(folder / "index.html", student_html(page))
        write_whole(folder / "feedback.txt", student_text(page))
        return folder / "index.html"


def _notebook_pages(
    course: Course,
    assignment: str,
    outcomes: Sequence[Outcome],
    rows: Mapping[str, Sequence[QuestionRow]],
    given: Mapping[str, Submission],
    done: Done,
) -> None:
    """Bring nbgrader's pages up to date, a few students at a time. Raises CourseError at the end for what it cannot."""
    wanted: dict[str, dict[str, str]] = {}
    for outcome in outcomes:
        keys = dict(_keys(course, outcome, rows.get(outcome.student, ()), given.get(outcome.student, NONE)))
        folder = course.folder("feedback", outcome.student, assignment)
        if any(_key_of(folder / f"{name}.html") != key for name, key in keys.items()):
            wanted[outcome.student] = keys
        else:
            done(outcome.student)
    refused: list[str] = []
    students = list(wanted)
    for start in range(0, len(students), AT_ONCE):
        some = students[start : start + AT_ONCE]
        missing = _make(course, assignment, {student: wanted[student] for student in some})
        refused += missing
        for student in some:
            done(student)
    if refused:
        more = f" and {len(refused) - 5} more" if len(refused) > 5 else ""
        raise CourseError(
            f"nbgrader could not make a page of a notebook of {', '.join(refused[:5])}{more}; "
            f"all else is there: `nbgrader generate_feedback {assignment} --student {refused[0]}` says why"
        )


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
        yield name, hashlib.sha256(about.encode() + b"\0" + data).hexdigest()


def _key_of(page: Path) -> str:
    """The key that a page of ours was made with, "" without one."""
    try:
        with page.open(encoding="utf-8", errors="replace") as file:
            found = _KEY.search(file.read(4000))
    except OSError:
        return ""
    return found[1] if found else ""


def _make(course: Course, assignment: str, keys: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Make the pages of these students in a folder beside the feedback, and put them in place; whose are not there."""
    beside = course.folder("feedback").parent
    beside.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".feedback-", dir=beside))
    try:
        config = copy.deepcopy(course.config)
        config.CourseDirectory.merge({"feedback_directory": str(part), "assignment_id": assignment})
        config.HTMLExporter.template_name = "feedback"
        pages = _Pages(coursedir=CourseDirectory(config=config), config=config, students=list(keys))
        # Whose pages are not there is told below.
        with contextlib.suppress(Exception, SystemExit):
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
        folders = {
            student: Path(self._format_source(self.coursedir.assignment_id, student)) for student in self.students
        }
        found = {str(folder): sorted(map(str, folder.glob("*.ipynb"))) for folder in folders.values()}
        self.assignments = {folder: notebooks for folder, notebooks in found.items() if notebooks}
