"""Figures as pages: HTML that loads nothing, and plain text."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from autograder.boundary.pages import POLICY
from autograder.boundary.words import visible
from autograder.grading.report import words
from autograder.grading.report.figures import Figures
from autograder.grading.report.spread import BARS, Spread
from autograder.grading.report.steps import AGAIN, next_steps, standing
from autograder.grading.report.student import Answer, Standing, StudentPage

_FOLDER = Path(__file__).parents[1] / "templates"
FIRST, EXPLAINED = 10, 60
"""How many mistakes the page explains at once, and how many if asked; of the others it gives a line."""


def _shown(value: object) -> object:
    """What a template puts out: never a character that moves a terminal or turns a line round, whoever wrote it."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment(html: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    environment.filters |= {each.__name__: each for each in words.FILTERS}
    environment.globals["policy"] = POLICY
    return environment


HTML = _environment(True)
TEXT = _environment(False)


def report_page(figures: Figures, made: date) -> str:
    """The teacher's page."""
    hardest = sorted((q for q in figures.questions if q.mean is not None), key=lambda q: q.mean or 0.0)
    return HTML.get_template("report.html.j2").render(
        f=figures,
        made=made,
        hardest=hardest,
        unanswered=[q for q in figures.questions if q.mean is None],
        bars=BARS,
        plot=_plot(figures.totals),
        first=FIRST,
        explained=EXPLAINED,
    )


def _plot(totals: Spread) -> Mapping[str, Any]:
    """Where the lines and labels of the plot of totals stand."""
    most = max(totals.counts, default=0)
    step = next((s for s in _steps() if most / s <= 4), 1)
    count = len(totals.lows)
    every = next((s for s in _steps() if count / s <= 8), 1)
    centred = totals.unit == "points" and count == totals.most + 1
    return {
        "most": most,
        "grid": list(range(step, most + 1, step)),
        "labels": [k for k in range(count) if k % every == 0],
        "centred": centred,
        "median": 100 * (totals.median + centred / 2) / (totals.most + centred) if count else 0.0,
        "wide": count,
    }


def _steps() -> list[int]:
    return [factor * 10**power for power in range(7) for factor in (1, 2, 5)]


def student_html(page: StudentPage) -> str:
    """A student's page."""
    return _student(HTML.get_template("student.html.j2"), page)


def student_text(page: StudentPage) -> str:
    """The same for a mail."""
    return re.sub(r"\n{3,}", "\n\n", _student(TEXT.get_template("student.txt.j2"), page)).strip() + "\n"


def _student(template: jinja2.Template, page: StudentPage) -> str:
    return template.render(page=page, told=_told, standing=standing(page), next=next_steps(page), again=AGAIN)


def _told(answer: Answer) -> bool:
    """Whether there is more to say of an answer than its points."""
    lost = answer.standing in (Standing.PART, Standing.WRONG)
    return lost or bool(answer.comments or answer.extra)
