"""Feedback: nbgrader's page for each notebook, made to work without a network, and an overview for each student."""

import re
import shutil
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import jinja2
from bs4 import BeautifulSoup
from latex2mathml.converter import convert as mathml

from autograder.grading.course import Course, CourseError
from autograder.grading.grade import Outcome
from autograder.grading.release import last_words
from autograder.grading.table import QuestionRow, student_row

_MATHS = re.compile(r"\$\$(.+?)\$\$|(?<![\\\w$])\$([^$\n]+?)\$(?!\w)", re.DOTALL)


def write_feedback(course: Course, outcomes: Iterable[Outcome], rows: Sequence[QuestionRow]) -> list[Path]:
    """Write everybody's feedback folder; the overview pages. Raises CourseError when nbgrader refuses one."""
    pages = []
    for outcome in outcomes:
        folder = course.folder("feedback", outcome.student, outcome.assignment)
        if outcome.notebooks:
            result = course.api().generate_feedback(outcome.assignment, outcome.student, force=True)
            if not result["success"]:
                raise CourseError(f"no feedback for {outcome.student}: {last_words(result)}")
        elif folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for page in folder.glob("*.html"):
            page.write_text(self_contained(page.read_text(encoding="utf-8")), encoding="utf-8")
        pages.append(_overview(course, outcome, [r for r in rows if r.student == outcome.student], folder))
    return pages


def self_contained(html: str) -> str:
    """A page that loads nothing: no scripts, no outside style or image, mathematics as MathML."""
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(["script", "iframe", "object", "embed", "base"]):
        tag.decompose()
    for tag in soup.find_all(["link", "img"]):
        if not str(tag.get("src", "data:")).startswith("data:") or tag.name == "link":
            tag.decompose()
    for tag in soup.find_all(True):
        for name in [a for a in tag.attrs if a.lower().startswith("on")]:
            del tag[name]
        if str(tag.get("href", "")).strip().lower().startswith(("javascript:", "data:")):
            del tag["href"]
    for text in list(soup.find_all(string=_MATHS)):
        if text.parent is not None and text.parent.name not in ("pre", "code", "style", "title"):
            text.replace_with(BeautifulSoup(_MATHS.sub(_as_mathml, escape(str(text), quote=False)), "html.parser"))
    if soup.html is not None and not soup.html.get("lang"):
        soup.html["lang"] = "en"
    return str(soup)


def _as_mathml(match: re.Match[str]) -> str:
    display = match.group(1) is not None
    latex = (match.group(1) or match.group(2)).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    try:
        return mathml(latex, display="block" if display else "inline")
    except Exception:  # a learner's own formula may be anything: then its source is shown
        return f"<code>{escape(latex, quote=False)}</code>"


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _overview(course: Course, outcome: Outcome, rows: Sequence[QuestionRow], folder: Path) -> Path:
    page = folder / "index.html"
    text = _TEMPLATES.get_template("student.html.j2").render(
        row=student_row(course, outcome, rows),
        assignment=outcome.assignment,
        questions=rows,
        problems=outcome.problems,
    )
    page.write_text(text, encoding="utf-8")
    return page
