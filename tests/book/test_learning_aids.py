"""What helps a reader: quizzes, terms, index, margin notes, and notebooks that run in a minute."""

from __future__ import annotations

import re
import time
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from execution_times import machine
from nbclient import NotebookClient

pytestmark = pytest.mark.book

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = list(yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]["chapter_numbers"])
SECONDS = 60


@pytest.fixture
def page(built_book, request) -> BeautifulSoup:
    return BeautifulSoup((built_book / f"{request.param}.html").read_text(), "html.parser")


each_chapter = pytest.mark.parametrize("page", CHAPTERS, indirect=True)


@each_chapter
def test_a_chapter_asks_three_to_six_questions(page):
    questions = page.select(".quiz")
    assert 3 <= len(questions) <= 6
    for question in questions:
        assert len(question.select(".quiz-right")) == 1
        assert len(question.select(".quiz-wrong")) >= 1
    replies = page.select(".quiz .quiz-reply")
    assert len(page.select(".quiz-answer")) == len(replies), "on paper every reply is at the end"
    for reply in replies:
        words = reply.get_text().split()
        assert len(words) > 5, f"a reply says why: {reply.get_text()}"
        assert not words[2].startswith(("Right", "Wrong")), "the verdict is there already"


@each_chapter
def test_terms_are_linked_where_they_are_first_used(page):
    terms = [link["href"] for link in page.select("article a.reference.internal[href*='glossary.html#term-']")]
    assert len(set(terms)) >= 8
    assert all(terms.count(term) == 1 for term in terms), "at the first use only"


def test_the_glossary_is_alphabetical_and_explains(built_book):
    page = BeautifulSoup((built_book / "book/glossary.html").read_text(), "html.parser")
    terms = [term.get_text().removesuffix("#").strip() for term in page.select("dl.glossary dt")]
    assert len(terms) >= 50
    assert len(terms) == len(set(terms))
    assert all(len(text.get_text().split()) > 5 for text in page.select("dl.glossary dd"))
    first = [dd.find_previous_sibling("dt") for dd in page.select("dl.glossary dd")]
    assert len(first) == len(page.select("dl.glossary dd"))


@pytest.mark.parametrize("docname", CHAPTERS)
def test_the_index_leads_to_every_chapter(built_book, docname):
    index = BeautifulSoup((built_book / "genindex.html").read_text(), "html.parser")
    entries = index.select(f"table.genindextable a[href^='{docname}.html#']")
    assert len(entries) >= 8


@each_chapter
def test_index_and_glossary_are_in_the_contents(page):
    contents = [link["href"] for link in page.select("nav.bd-links a")]
    assert "../../genindex.html" in contents
    assert "../glossary.html" in contents


def test_times_are_told_for_every_chapter(built_book):
    page = BeautifulSoup((built_book / "book/execution-times.html").read_text(), "html.parser")
    rows = {row.a["href"]: float(row.find_all("td")[-1].get_text()) for row in page.select("tbody tr")}
    for docname in CHAPTERS:
        assert rows[f"{docname.removeprefix('book/')}.html"] > 0
    assert machine() in page.article.get_text(), "and on what"


@pytest.mark.browser
@pytest.mark.parametrize("paper", [False, True], ids=["screen", "paper"])
@pytest.mark.parametrize("docname", CHAPTERS)
def test_margin_notes_lie_on_the_page(browser, address, docname, paper):
    with browser.page(paper=paper) as page:
        page.open(f"{address}/{docname}.html")
        for width in (700, 1000) if paper else (390, 700, 1000, 1200, 1280, 1700):
            page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
            boxes = page.evaluate(
                """[...document.querySelectorAll("aside.margin")].map(note => {
                     const {left, right, width} = note.getBoundingClientRect();
                     return [left, right, width, note.scrollWidth - note.clientWidth];
                   })"""
            )
            assert boxes
            for left, right, wide, beyond in boxes:
                assert left >= 0
                assert right <= width
                assert wide >= 150
                assert beyond <= 1, "nothing sticks out of the note"


@pytest.mark.parametrize("docname", CHAPTERS)
def test_a_delivered_notebook_is_plain(built_book, docname):
    """No Jupyter understands MyST's roles and directives: none is left, and every question is there."""
    notebook = nbformat.read(built_book / "_sources" / f"{docname}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    without_code = re.sub(r"`[^`\n]*`", "", prose)
    for left in (":::", "```{", "{quiz", "{wrong", "{right", "{eq}", "{ref}", "{term}", "{index}", "{cite", "{doc}"):
        assert left not in without_code, left
    assert prose.count("**Right.**") == len(re.findall(r"^\*\*Question \d\.\*\*", prose, re.MULTILINE)) >= 3
    choices = prose.count("**Right.**") + prose.count("**Wrong.**")
    assert prose.count("<summary>") == prose.count("</details>") >= choices


@pytest.mark.slow
@pytest.mark.parametrize("docname", CHAPTERS)
def test_a_delivered_notebook_runs_within_a_minute(built_book, docname, tmp_path):
    """Top to bottom, in a folder of its own; what it counts is its own work, not that of others beside it."""
    notebook = nbformat.read(built_book / "_sources" / f"{docname}.ipynb", as_version=4)
    used = nbformat.v4.new_code_cell("import time\n\nprint(time.process_time())")
    notebook.cells.append(used)
    start = time.perf_counter()
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    passed = time.perf_counter() - start
    processor = float(notebook.cells[-1].outputs[0].text)
    assert min(passed, processor) < SECONDS, f"{passed:.0f} s, {processor:.0f} s of processor time"
    assert not list(tmp_path.iterdir()), "a chapter leaves no files behind"
