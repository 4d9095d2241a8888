"""The report and a student's page in a browser: on a telephone, in the dark, on paper, and quiet about it."""

import datetime
import re
from pathlib import Path

import pytest
from report_class import ASSIGNMENT, add_students, make_small_course

from autograder.grading.feedback import write_feedback
from autograder.grading.outcomes import graded
from autograder.grading.report.pages import report_page
from autograder.grading.report.reading import class_report
from autograder.grading.table import question_rows

STYLE = Path(__file__).parents[2] / "autograder" / "grading" / "templates" / "style.css.j2"
PAIRS = (
    *(("ink", "ground", 7.0), ("soft", "ground", 4.5), ("soft", "card", 4.5), ("link", "ground", 4.5)),
    *(("link", "card", 4.5), ("good", "ground", 4.5), ("bad", "ground", 4.5), ("ink", "ground-bad", 7.0)),
    *(("on-full", "full", 4.5), ("on-part", "part", 4.5), ("on-zero", "zero", 4.5), ("on-blank", "blank", 4.5)),
    *(("bar", "ground", 3.0), ("edge", "ground", 3.0), ("full", "ground", 3.0), ("zero", "ground", 3.0)),
)


def brightness(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    colour = "".join(2 * c for c in colour) if len(colour) == 3 else colour
    parts = [int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_from_their_ground(scheme):
    block = re.findall(r":root \{(.*?)\n *\}", STYLE.read_text(encoding="utf-8"), flags=re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{3,6});", block))
    for above, below, least in PAIRS:
        light, dark = sorted((brightness(colours[above]), brightness(colours[below])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, (above, below)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """A report and the page of somebody who lost points."""
    course = make_small_course(tmp_path_factory.mktemp("looks"))
    add_students(course, 30)
    outcomes = graded(course, ASSIGNMENT)
    report = course.root / "report.html"
    report.write_text(report_page(class_report(course, ASSIGNMENT), datetime.date(2026, 3, 2)), encoding="utf-8")
    wrong = max(outcomes, key=lambda o: sum(map(len, o.reasons.values())))
    (student,) = write_feedback(course, [wrong], question_rows(course, [wrong]), pages="none")
    return {"report": report, "student": student}


OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"
# What sticks out of its own box and cannot be scrolled to.
OUTSIDE = """[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg')
    && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 80))"""


@pytest.mark.browser
@pytest.mark.parametrize("which", ["report", "student"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_sticks_out_on_a_telephone(browser, pages, which, dark):
    with browser.page(width=390, dark=dark) as page:
        page.open(pages[which].as_uri())
        page.evaluate(OPEN)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate(OUTSIDE) == []
        assert page.complaints() == []
        assert page.requested() == [pages[which].as_uri()]
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)")


@pytest.mark.browser
def test_plots_are_drawn_and_their_numbers_are_a_key_away(browser, pages):
    with browser.page(width=1000) as page:
        page.open(pages["report"].as_uri())
        heights = page.evaluate("[...document.querySelectorAll('svg rect')].map(r => r.getBoundingClientRect().height)")
        assert sum(h > 5 for h in heights) > 10
        page.evaluate("document.querySelector('summary').focus()")
        assert not page.evaluate("document.querySelector('details').open")
        page.press("Enter")
        assert page.evaluate("document.querySelector('details').open")


@pytest.mark.browser
def test_on_paper_the_numbers_are_there_too(browser, pages):
    with browser.page(paper=True, dark=True) as page:
        page.open(pages["report"].as_uri())
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("document.querySelector('details table').getBoundingClientRect().height") > 50
        assert page.send("Page.printToPDF")["data"]
