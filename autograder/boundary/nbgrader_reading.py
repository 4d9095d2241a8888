"""nbgrader made to read submissions through the boundary, by its own settings: see `protect`.

nbgrader asks its configuration which exporter reads notebooks and which preprocessors change them. Those below
are all that is put in, so `nbgrader autograde`, its Python API and Formgrader's button are protected alike.
"""

import datetime
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter, NotebookExporter
from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader import preprocessors as stock
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors.base import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution, parse_utc
from traitlets import Bool, Enum
from traitlets.config import Config

from autograder.boundary import cleaning, hiding
from autograder.boundary.files import Unreadable, read_file
from autograder.boundary.formgrader import NamesAsText, refuse_markup_in_addresses
from autograder.boundary.handed_in import MAX_STAMP, STAMP, is_time
from autograder.boundary.markup import escape_markdown, markdown_to_html
from autograder.boundary.pages import self_contained
from autograder.boundary.rebuild import KEY, rebuild
from autograder.boundary.submissions import is_student, take_in


def protect(c: Config, *, execute: type = stock.Execute) -> None:
    """Set nbgrader's configuration `c` so that it reads, rebuilds and shows submissions through the boundary.

    Call it at the end of nbgrader_config.py. `execute` is the preprocessor that runs the cells.
    """
    c.Autograde.exporter_class = SafeExporter
    c.Autograde.sanitize_preprocessors = [
        Rebuild,
        stock.ClearOutput,
        stock.DeduplicateIds,
        stock.OverwriteKernelspec,
        stock.OverwriteCells,
        Seal,
        stock.CheckCellMetadata,
    ]
    c.Autograde.autograde_preprocessors = [
        execute,
        stock.IgnorePattern,
        ClearMetadataPreprocessor,
        stock.LimitOutput,
        stock.SaveAutoGrades,
        stock.AssignLatePenalties,
        Clean,
        stock.CheckCellMetadata,
    ]
    c.GenerateFeedback.exporter_class = FeedbackExporter
    c.GenerateFeedback.preprocessors = [Hide, stock.GetGrades, CSSHTMLHeaderPreprocessor]
    # Formgrader and feedback turn a learner's Markdown into HTML with this filter.
    c.HTMLExporter.filters = {"markdown2html": f"{__name__}.safe_markdown"}
    c.HTMLExporter.preprocessors = [NamesAsText]
    refuse_markup_in_addresses()
    _read_time_stamps_safely()


class SafeExporter(NotebookExporter):
    """Reads notebooks for `Autograde`, which never sees the learners' own files.

    Autograde makes its exporter when it has listed the submissions and before it opens any. Then all of them are
    taken in, written clean into a private folder, and Autograde is given that folder to work in.
    """

    time_of_submission = Enum(
        ["stamp", "arrival"],
        default_value="stamp",
        help="Whether a submission's time is what its timestamp.txt says or when its notebooks got to this machine.",
    ).tag(config=True)

    def __init__(self, config: Config | None = None, **traits: Any) -> None:
        super().__init__(config=config, **traits)
        converter = self.parent
        if isinstance(converter, Autograde):
            folder = tempfile.mkdtemp(prefix="unrolled-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._take_in_all(converter, Path(folder))

    def _take_in_all(self, converter: Autograde, folder: Path) -> None:
        course = converter.coursedir
        clean = type(course)(**{name: getattr(course, name) for name in course.traits(config=True)})
        clean.submitted_directory = str(folder)
        submitted = Path(course.root, course.submitted_directory)
        for path in list(converter.assignments):
            where = os.path.relpath(path, submitted)
            assignment, student = _ids(converter, path)
            if not is_student(student):
                self.log.error("The folder %a can't be a student's id: rename it. It is not graded.", student)
                continue
            target = Path(clean.format_path(str(folder), student, assignment))
            released = released_notebooks(course, assignment)
            try:
                taken = take_in(
                    submitted,
                    where,
                    target,
                    released,
                    files=converter.exclude_overwriting.get(assignment, []),
                    use_arrival=self.time_of_submission == "arrival",
                )
            except OSError as error:
                self.log.error("%s, %s can't be taken in (%s). It is not graded.", student, assignment, error)
                shutil.rmtree(target, ignore_errors=True)
                continue
            for note in taken.notes:
                self.log.warning("%s, %s: %s", student, assignment, note)
        converter.coursedir = clean
        converter.init_notebooks()


def _ids(converter: Autograde, path: str) -> tuple[str, str]:
    """The assignment and the student that a submission's path stands for."""
    pattern = converter._format_source("(?P<assignment>.*)", "(?P<student>.*)", escape=True)
    match = re.match(pattern, path)
    if match is None:
        raise NbGraderException(f"{path} is not where nbgrader's directory_structure puts a submission")
    return match["assignment"], match["student"]


def released_notebooks(course: CourseDirectory, assignment: str) -> dict[str, NotebookNode]:
    """The notebooks of an assignment as they were released, by name. Raises NbGraderException without any."""
    folder = Path(course.format_path(course.release_directory, ".", assignment))
    found = {path.stem: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}
    if not found:
        raise NbGraderException(
            f"there is no released notebook in {folder}, and submissions are rebuilt from it: run "
            f"`nbgrader generate_assignment {assignment}`"
        )
    return found


class Rebuild(NbGraderPreprocessor):
    """Puts the learner's answers into the released notebook, and what had to be put right into a cell on top."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The rebuilt notebook, with the roles of its cells in their metadata."""
        ids = resources["nbgrader"]
        course = self.parent.parent.coursedir
        released = released_notebooks(course, ids["assignment"])
        name = ids["notebook"]
        if name not in released:
            raise NbGraderException(
                f"{name}.ipynb of {ids['assignment']} is in the gradebook and was not released: run "
                f"`nbgrader generate_assignment {ids['assignment']}`"
            )
        others = {other: notebook for other, notebook in released.items() if other != name}
        return rebuilt(nb, released[name], others), resources


def rebuilt(nb: NotebookNode, released: NotebookNode, others: Mapping[str, NotebookNode]) -> NotebookNode:
    """`nb`, which was taken in, rebuilt from the released notebook; what was put right is told in a cell on top."""
    noted = nb.metadata.get(KEY, {})
    result = rebuild(released, nb, others=others)
    notebook = result.notebook
    repairs = [*noted.get("notes", []), *result.repairs]
    if repairs:
        notebook.cells.insert(0, _repairs_cell(repairs))
    notebook.metadata[KEY] = {"repairs": repairs, "unreadable": noted.get("unreadable", "")}
    return notebook


def _repairs_cell(repairs: list[str]) -> NotebookNode:
    lines = [f"- {escape_markdown(repair)}" for repair in repairs]
    return nbformat.v4.new_markdown_cell("\n".join(["**Put right before grading:**", "", *lines]), id="put-right")


class Seal(NbGraderPreprocessor):
    """After the tests' own text is in: a test that nobody runs has failed.

    nbgrader gives full marks to a test cell without output, so one that is not reached, or not run because of
    --no-execute, would pass. Whoever runs the cell replaces the output.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int) -> tuple[NotebookNode, dict]:
        """The cell, a test with an error as its output, a locked one with its text as the teacher's."""
        if cell.cell_type != "code":
            return cell, resources
        if is_grade(cell) and not is_solution(cell):
            cell.outputs = [not_run()]
        elif cell.metadata.get(KEY, {}).get("role") == "released" and cell.metadata.get("nbgrader", {}).get("locked"):
            cell.metadata[KEY]["released"] = cell.source
        return cell, resources


def not_run(reason: str = "this test was not run") -> NotebookNode:
    """The output of a test cell that was not run, which costs its points."""
    return nbformat.v4.new_output("error", ename="NotRun", evalue=reason, traceback=[f"NotRun: {reason}"])


class Clean(NbGraderPreprocessor):
    """What is written and shown to the teacher: outputs bounded and sanitised, hidden tests' failures without words."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The notebook with clean outputs and metadata; scores must have been read off it before."""
        room = cleaning.room_of_a_notebook()
        delimiters = _delimiters(self)
        noted = nb.metadata.get(KEY, {})
        cleaning.clean_metadata(nb)
        nb.metadata[KEY] = {**noted, "reduced": True}
        after_hidden = False
        for cell in nb.cells:
            if cell.cell_type == "code":
                test = is_grade(cell) and not is_solution(cell)
                cell.outputs = _with_facts(cell.outputs, room) if test else cleaning.clean_outputs(cell.outputs, room)
                if test:
                    hiding.reduce_test_outputs(cell, delimiters, after_hidden=after_hidden)
                    after_hidden = after_hidden or bool(hiding.hidden_lines(cell.source, delimiters))
        return nb, resources


def _with_facts(outputs: list[NotebookNode], room: cleaning.Room) -> list[NotebookNode]:
    """A test cell's outputs, cleaned; what a failed check says of itself, in their metadata, is kept."""
    kept = []
    for output in outputs:
        for clean in cleaning.clean_outputs([output], room):
            if hiding.has_facts(output):
                clean.metadata[KEY] = output.metadata[KEY]
            kept.append(clean)
    return kept


class Hide(NbGraderPreprocessor):
    """What a student may see of a graded notebook."""

    show_later_outputs = Bool(
        False,
        help="Whether feedback shows what a learner's cells wrote after a hidden test had called their functions. They "
        "could print what they were called with. Harmless where hidden tests draw their inputs anew for each student.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The notebook without the tests' hidden lines and without what they led to."""
        reduced = bool(nb.metadata.get(KEY, {}).get("reduced"))
        cleaning.clean_metadata(nb)
        nb = hiding.hide_in_feedback(nb, _delimiters(self), reduced=reduced, show_later=self.show_later_outputs)
        return nb, resources


def _delimiters(of: NbGraderPreprocessor) -> hiding.Delimiters:
    """The course's delimiters of hidden tests, from the settings of nbgrader's own preprocessor."""
    settings = stock.ClearHiddenTests(parent=of)
    return hiding.Delimiters(settings.begin_test_delimeter, settings.end_test_delimeter)


class FeedbackExporter(HTMLExporter):
    """nbgrader's page of feedback, self-contained: it loads nothing and runs nothing."""

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **more: Any) -> tuple[str, Any]:
        """The page and nbconvert's resources."""
        html, resources = super().from_notebook_node(nb, resources=resources, **more)
        return self_contained(html), resources


@pass_context
def safe_markdown(context: Mapping[str, Any], source: str) -> str:
    """The filter markdown2html of nbconvert's templates, with harmless HTML as its result."""
    cell = context.get("cell") or {}
    return markdown_to_html(source, cell.get("attachments"))


def _read_time_stamps_safely() -> None:
    """Formgrader lists submissions by their time stamps, straight from the folders, and has no setting for it.

    One stamp that is no time would make its page of a whole class an error, one that is a FIFO would hang it.
    """
    CourseDirectory.get_existing_timestamp = _existing_timestamp
    NbGraderAPI.get_submitted_timestamp = _submitted_timestamp


def _existing_timestamp(course: CourseDirectory, folder: str) -> datetime.datetime | None:
    try:
        text = read_file(Path(folder), STAMP, MAX_STAMP).decode("utf-8-sig").strip()
    except (OSError, Unreadable, UnicodeDecodeError):
        return None
    return parse_utc(text) if is_time(text) else None


def _submitted_timestamp(api: NbGraderAPI, assignment: str, student: str) -> datetime.datetime | None:
    course = api.coursedir
    return _existing_timestamp(course, course.format_path(course.submitted_directory, student, assignment))
