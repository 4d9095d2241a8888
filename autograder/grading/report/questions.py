"""What was asked, in a few words, and what the checks know about going wrong in it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile

import nbformat

from autograder.checks import CheckFailure
from autograder.checks.checking import find
from autograder.checks.mistakes import Mistake
from autograder.checks.places import Place, place
from autograder.grading.course import Course

_HEADING = re.compile(r"^#{1,4} +(.+?)(?: +#*)?$")
_POINTS = re.compile(r" *\([^()]*\bpoints?\b[^()]*\)$")


@dataclass(frozen=True)
class Asked:
    """One question of a notebook: its grade_id, the heading it stands under, its points."""

    question: str
    title: str
    points: float
    by_hand: bool


def asked(course: Course, assignment: str) -> dict[str, tuple[Asked, ...]]:
    """The questions of each notebook, in its order, from the course's own sources."""
    folder = course.folder("source", ".", assignment)
    return {name: questions_of((folder / f"{name}.ipynb").read_text("utf-8")) for name in course.notebooks(assignment)}


@cache
def questions_of(notebook: str) -> tuple[Asked, ...]:
    """The questions of one notebook, given as its text. One without a heading is called by its grade_id, and several
    under one heading by both."""
    found: list[Asked] = []
    heading = ""
    for cell in nbformat.reads(notebook, as_version=4).cells:
        settings = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if match := _HEADING.match(line):
                    heading = title(match[1])
        if settings.get("grade"):
            name = settings["grade_id"]
            found.append(Asked(name, heading, float(settings.get("points", 0)), bool(settings.get("solution"))))
    headings = Counter(each.title for each in found)
    return tuple(each if each.title and headings[each.title] == 1 else _by_its_id(each) for each in found)


def _by_its_id(asked: Asked) -> Asked:
    words = asked.question.replace("-", " ")
    return replace(asked, title=f"{asked.title} ({words})" if asked.title else words)


def in_order(questions: Mapping[str, Sequence[Asked]]) -> dict[str, Asked]:
    """Each question of an assignment once, by its grade_id, as the first notebook that has it asks it."""
    found: dict[str, Asked] = {}
    for notebook in questions.values():
        for each in notebook:
            found.setdefault(each.question, each)
    return found


def assignment_title(course: Course, assignment: str) -> str:
    """The assignment's name as its notebooks begin: what their titles have in common, without the framework."""
    folder = course.folder("source", ".", assignment)
    titles = []
    for name in course.notebooks(assignment):
        cells = nbformat.reads((folder / f"{name}.ipynb").read_text("utf-8"), as_version=4).cells
        lines = (line for cell in cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
        heading = next((line for line in lines if line.startswith("# ")), "")
        titles.append(title(heading.removeprefix("# ")))
    together = zip(*(each.split() for each in titles), strict=False)
    shared = " ".join(words[0] for words in takewhile(lambda words: len(set(words)) == 1, together))
    return re.sub(r"[ ,:–-]*(?: in)?$", "", shared) or assignment


def title(heading: str) -> str:
    """A heading without its points and without marks of Markdown or mathematics."""
    return _POINTS.sub("", heading).replace("$", "").replace("`", "").replace("*", "").strip()


@cache
def known_mistake(question: str, name: str) -> Mistake | None:
    """The known mistake of that name of a check, such as "vanilla/step-backward"; None where there is none."""
    try:
        found = find(question)
    except CheckFailure:
        return None
    return next((m for m in getattr(found, "all_mistakes", ()) if m.name == name), None)


@cache
def place_of(question: str, mistake: str = "") -> Place | None:
    """Where the book explains a mistake, or else what the question asks; None where the book does not say."""
    known = known_mistake(question, mistake) if mistake else None
    label = known.see if known is not None and known.see else _see(question)
    try:
        return place(label)
    except KeyError:
        return None


def _see(question: str) -> str:
    try:
        return str(getattr(find(question), "see", ""))
    except CheckFailure:
        return ""
