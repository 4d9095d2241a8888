"""Collecting a class: recognise the source, find everybody's notebooks, put them into submitted/."""

import datetime
import importlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

from autograder.boundary.files import Unreadable
from autograder.boundary.submissions import is_student
from autograder.boundary.words import plain
from autograder.grading.collecting.choosing import (
    MAX_NOTEBOOKS,
    Chosen,
    Released,
    choose,
    identify,
    released,
    told,
    unpacked,
)
from autograder.grading.collecting.handed_in import Asked, HandedIn
from autograder.grading.collecting.placing import decide, put
from autograder.grading.collecting.trees import File, FolderTree, Room, Tree, View, is_notebook
from autograder.grading.collecting.worksheet import Students
from autograder.grading.collecting.zips import open_zip
from autograder.grading.course import Course, CourseError

KINDS = ("exchange", "moodle", "canvas", "classroom", "folder")
"""The sources, in the order in which they are recognised; a plain folder is what is none of the others."""


@dataclass(frozen=True)
class Settings:
    """How to collect: one assignment or all, the kind of source or "auto", the list of students and the zone of its
    times, whether to replace what may be newer, to believe a plain folder's timestamp.txt, and only to say what would
    be done."""

    assignment: str = ""
    kind: str = "auto"
    students: Students = field(default_factory=Students)
    zone: ZoneInfo | None = None
    replace: bool = False
    believe_stamps: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Taken:
    """What became of one submission.

    `action` is "new" or "replaced" (it is in its place now), "same", "older" or "unclear" (what was there has stayed),
    or "nothing" (there was no notebook to take); `why` says so in words. `notebooks` are the files' origins by name,
    `when` the time that was recorded, `evidence` one that nothing depends on.
    """

    student: str
    assignment: str
    action: str
    why: str = ""
    notebooks: dict[str, str] = field(default_factory=dict)
    when: datetime.datetime | None = None
    evidence: str = ""
    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Collected:
    """What became of everybody's submissions, what kind of source it was, and lines on what was nobody's."""

    kind: str
    submissions: list[Taken]
    notes: list[str]


def collect(
    course: Course,
    source: Path,
    settings: Settings | None = None,
    *,
    on_number: Callable[[int], None] = lambda _number: None,
    on_taken: Callable[[Taken], None] = lambda _taken: None,
) -> Collected:
    """Copy what is handed in at `source`, a folder or a zip file, into the course's submitted/ folder.

    `on_number` is told how many submissions there are, `on_taken` what became of each. Raises CourseError when nothing
    can be collected: an unknown assignment, no such folder, nothing recognised; and when the disk is full, and then
    what was collected before stays.
    """
    settings = settings or Settings()
    known = [released(course, name) for name in course.assignments() if course.notebooks(name)]
    if settings.assignment:
        course.notebooks(settings.assignment)
    _refuse_its_own(course, source)
    tree = _opened(source)
    kind, module, view = _recognised(tree, settings.kind, [of.assignment for of in known])
    asked = Asked(
        tuple(of.assignment for of in known),
        settings.assignment,
        settings.students.times,
        settings.zone,
        settings.believe_stamps,
        source,
    )
    found = module.submissions(view, asked)
    if not found:
        raise CourseError(f"{source}: nothing that was handed in was found there ({kind}); expected {_expected(kind)}")
    queue = list(_latest(_each(_named(found, settings.students), known, settings.assignment)))
    on_number(len(queue))
    submissions = []
    for handed in queue:
        taken = _take(course, handed, known, settings)
        submissions.append(taken)
        on_taken(taken)
    return Collected(kind, submissions, [*told(tree.refused, 20), *_case_notes(submissions)])


def _opened(source: Path) -> Tree:
    if source.is_dir():
        return FolderTree(source)
    if not source.exists():
        raise CourseError(f"{source}: there is no such folder or zip file")
    try:
        return open_zip(source)
    except OSError as error:
        raise CourseError(f"{source}: cannot be read ({error.strerror})") from None


def _refuse_its_own(course: Course, source: Path) -> None:
    submitted, here = course.folder("submitted").resolve(), source.resolve()
    if here == submitted or submitted in here.parents:
        raise CourseError(f"{source} is where submissions are collected to; they are there already")


def _recognised(tree: Tree, asked: str, assignments: Sequence[str]) -> tuple[str, ModuleType, View]:
    """The kind of source, its module, and the view from the folder that everybody's files are in."""
    top = View(tree, list(tree.entries), tree.folders)
    views = [top]
    while len(views) < 3 and len(views[-1].folders) >= 1:
        wrapper = _wrapper(views[-1])
        if not wrapper:
            break
        views.append(views[-1].inside(wrapper))
    for kind in KINDS[:-1] if asked == "auto" else (asked,) if asked != "folder" else ():
        module = importlib.import_module(f"autograder.grading.collecting.{kind}")
        for view in views:
            if module.recognises(view):
                return kind, module, view
    if asked not in ("auto", "folder"):
        raise CourseError(f"{tree.where}: not recognised as {asked}; expected {_expected(asked)}")
    if top.folders and top.folders <= set(assignments):
        first = sorted(top.folders)[0]
        raise CourseError(
            f"{tree.where}: its folders are named as assignments, not as students; give one of them: "
            f"{tree.where / first} --assignment {first}"
        )
    around = _wrapper(top)
    view = top.inside(around) if around and _around_students(top, around, assignments) else top
    return "folder", importlib.import_module("autograder.grading.collecting.folder"), view


def _around_students(view: View, name: str, assignments: Sequence[str]) -> bool:
    """Whether the one folder at the top is around the students' and not the folder of the only student."""
    inside = view.inside(name)
    if inside.folders & set(assignments) or any(len(e.parts) == 1 and is_notebook(e.name) for e in inside.entries):
        return False
    telling = "submi" in name.casefold() or name.casefold() == view.tree.where.stem.casefold()
    return bool(inside.folders) and (telling or len(inside.folders) > 3)


def _wrapper(view: View) -> str:
    """A folder that everything is in, or the one that an exchange has submissions in; "" if there is none."""
    if "inbound" in view.folders:
        return "inbound"
    tops = {e.parts[0] for e in view.entries if not e.parts[0].startswith((".", "__MACOSX"))} | set(view.folders)
    tops = {top for top in tops if top != "__MACOSX"}
    return next(iter(tops)) if len(tops) == 1 and tops <= view.folders else ""


def _expected(kind: str) -> str:
    return {
        "exchange": "folders named student+assignment+time, as in nbgrader's inbound",
        "moodle": "names such as Full Name_12345_assignsubmission_file_",
        "canvas": "names such as lastnamefirst_12345_67890_numpy.ipynb",
        "classroom": "a folder of git working copies named assignment-username",
        "folder": "a folder a student with notebooks in it",
    }[kind]


def _named(found: Sequence[HandedIn], students: Students) -> list[HandedIn]:
    """The submissions under the ids that the list of students has for their authors, in one way to write them."""
    named = []
    for handed in found:
        known = students.id_of(handed.keys)
        notes = () if known or not students.ids else ("not in the list of students",)
        student = unicodedata.normalize("NFC", known or handed.student)
        named.append(replace(handed, student=student, notes=(*handed.notes, *notes)))
    return named


def _each(found: Sequence[HandedIn], known: Sequence[Released], asked: str) -> Iterator[HandedIn]:
    """One for each assignment: those of another one than asked for left out, those that do not say which split by what
    their notebooks are."""
    for handed in found:
        if handed.assignment and asked and handed.assignment != asked:
            continue
        if handed.assignment or asked:
            yield replace(handed, assignment=handed.assignment or asked)
            continue
        parts: dict[str, list[File]] = defaultdict(list)
        room = handed.files[0].room if handed.files else Room()
        before = room.left
        notebooks = [file for file in unpacked(handed.files, []) if is_notebook(file.name)]
        for file in notebooks[:MAX_NOTEBOOKS]:
            parts[_assignment_of(file, known)].append(file)
        room.left = before  # it is read again when it is taken
        named = sorted(name for name in parts if name)
        if len(named) < 2:
            yield replace(handed, assignment=named[0] if named else "")
            continue
        for name in named:
            yield replace(handed, assignment=name, files=tuple(parts[name]))


def _assignment_of(file: File, known: Sequence[Released]) -> str:
    try:
        return identify(file.read(), known)[0]
    except Unreadable:
        return ""


def _latest(found: Iterator[HandedIn]) -> Iterator[HandedIn]:
    """Of several submissions of a student for an assignment the latest, with a line on the others.

    Those without a time, or without files, never stand in for one with; two without a time are a conflict.
    """
    groups: dict[tuple[str, str], list[HandedIn]] = defaultdict(list)
    for handed in found:
        groups[handed.student, handed.assignment].append(handed)
    for _, group in sorted(groups.items()):
        usable = [h for h in group if h.files] or group
        others = [note for h in group if h not in usable for note in h.notes]
        dated = sorted((h for h in usable if h.when), key=lambda h: str(h.when))
        if len(usable) > 1 and len(dated) < len(usable):
            line = f"{len(usable)} submissions are under this name and their times are not known: none was taken"
            yield replace(usable[0], files=(), notes=(*usable[0].notes, line, *others))
            continue
        last = dated[-1] if dated else usable[0]
        if len(usable) > 1:
            others.append(f"the latest of {len(usable)} submissions")
        yield replace(last, notes=(*last.notes, *others))


def _take(course: Course, handed: HandedIn, known: Sequence[Released], settings: Settings) -> Taken:
    """Choose, decide, put."""

    def nothing(why: str, chosen: Chosen | None = None) -> Taken:
        notes = told([*handed.notes, *(chosen.notes if chosen else [])], 10)
        unused = told(chosen.unused if chosen else [f.path for f in handed.files])
        who, which = plain(handed.student, 200), plain(handed.assignment)
        return Taken(who, which, "nothing", why, notes=notes, unused=unused)

    if not can_be_a_folder(handed.student):
        return nothing(f"{plain(handed.student)!r} cannot be a student's id; --students FILE gives others")
    if not handed.files:
        return nothing("no file was handed in")
    of = next((r for r in known if r.assignment == handed.assignment), None)
    if of is None:
        if handed.assignment:
            return nothing(f"the course has no assignment {plain(handed.assignment)!r}")
        return nothing("it is of no assignment that could be recognised: --assignment says which it is")
    chosen = choose(handed.files, of, known)
    if not any(name.endswith(".ipynb") for name in chosen.files):
        return nothing(f"no notebook of {of.assignment}", chosen)
    submitted = course.folder("submitted")
    action, why = decide(
        submitted / handed.student / of.assignment, chosen.files, handed.when, replace=settings.replace
    )
    if action in ("new", "replaced") and not settings.dry_run:
        put(submitted, handed.student, of.assignment, chosen.files, handed.when)
    return Taken(
        handed.student,
        of.assignment,
        action,
        why,
        chosen.origins,
        handed.when,
        handed.evidence,
        told([*handed.notes, *chosen.notes], 10),
        told(chosen.unused),
    )


def can_be_a_folder(student: str) -> bool:
    """Whether a student's id can be the name of a folder in submitted/ that grading looks at."""
    return is_student(student) and not student.startswith(".") and len(student.encode(errors="replace")) <= 200


def _case_notes(submissions: Sequence[Taken]) -> list[str]:
    """Students whose ids differ in nothing but case: on some disks their folders are one."""
    names = {taken.student for taken in submissions}
    doubled = {key for key, times in Counter(name.casefold() for name in names).items() if times > 1}
    alike = [", ".join(sorted(plain(n) for n in names if n.casefold() == key)) for key in sorted(doubled)]
    return [f"{together} differ in case only: are they two students?" for together in alike]
