"""The built pages are whole: read from their HTML, and looked at in a browser without a network."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

pytestmark = pytest.mark.book

ROOT = Path(__file__).resolve().parents[2]


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(), "html.parser")


@cache
def fragments(path: Path) -> frozenset[str]:
    """Every name on a page that a link may end at."""
    return frozenset(
        element[key] for element in parsed(path).find_all(True) for key in ("id", "name") if element.get(key)
    )


def names(paths: list[Path], built_book: Path) -> list[str]:
    return [path.relative_to(built_book).as_posix() for path in paths]


def numbered_chapters() -> dict[str, int]:
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    return config["sphinx"]["config"]["chapter_numbers"]


# --- As files ---------------------------------------------------------------


def test_every_page_of_the_contents_is_built(pages, built_book):
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = {contents["root"]} | {chapter["file"] for part in contents["parts"] for chapter in part["chapters"]}
    built = {name.removesuffix(".html") for name in names(pages, built_book)}
    assert built == listed


def test_pages_have_language_title_and_one_heading(pages):
    for path in pages:
        page = parsed(path)
        assert page.html["lang"] == "en", path
        assert page.title.get_text(strip=True), path
        headings = page.select("article h1")
        assert len(headings) == 1, f"{path}: {len(headings)} first-level headings"


def test_headings_skip_no_level(pages):
    for path in pages:
        levels = [int(heading.name[1]) for heading in parsed(path).select("article :is(h1,h2,h3,h4,h5)")]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path


def test_images_say_what_is_seen(pages):
    for path in pages:
        for image in parsed(path).select("article img"):
            alt = image.get("alt", "").strip()
            assert len(alt) > 15, f"{path}: {image.get('src')} has no alternative text"
            assert not alt.endswith((".svg", ".png")), f"{path}: {alt} is a file name"


def test_figures_have_captions_and_names(pages):
    for path in pages:
        for figure in parsed(path).select("article figure"):
            assert figure.get("id"), f"{path}: a figure without a name"
            assert figure.figcaption, f"{path}: {figure['id']} has no caption"
            assert figure.figcaption.get_text(strip=True), f"{path}: {figure['id']} has an empty caption"


def test_internal_links_lead_somewhere(pages, built_book):
    broken = []
    for path in pages:
        for link in parsed(path).select("a[href]"):
            parts = urlsplit(link["href"])
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                broken.append(f"{path.relative_to(built_book)} -> {link['href']}")
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in fragments(target):
                broken.append(f"{path.relative_to(built_book)} -> {link['href']}: no such place")
    assert not broken, "\n".join(broken)


def test_names_on_a_page_are_unique(pages):
    for path in pages:
        ids = [element["id"] for element in parsed(path).select("[id]")]
        twice = {name for name in ids if ids.count(name) > 1}
        assert not twice, f"{path}: {twice}"


def test_no_markup_is_left_in_the_text(pages):
    """What MyST did not understand stays in the text: roles, fences, dollars."""
    for path in pages:
        article = BeautifulSoup(str(parsed(path).article), "html.parser")
        for element in article.select("pre, code, script, .math"):
            element.decompose()
        text = article.get_text()
        for left in (":::", "{eq}", "{numref}", "{ref}", "{doc}", "{cite", "{term}", "{index}", "{margin}", "$$", "`"):
            assert left not in text, f"{path}: {left!r} in the text"


def test_chapters_are_numbered_as_in_the_syllabus(built_book):
    for docname, number in numbered_chapters().items():
        page = parsed(built_book / f"{docname}.html")
        assert page.select_one("h1 .section-number").get_text().strip() == f"{number}."
        sections = [s.get_text().strip() for s in page.select("article h2 .section-number")]
        assert sections == [f"{number}.{k}." for k in range(1, len(sections) + 1)]
        assert sections
        equations = [e.get_text().strip("#") for e in page.select(".eqno")]
        assert equations == [f"({number}.{k})" for k in range(1, len(equations) + 1)]
        assert equations
        figures = [c.get_text() for c in page.select("figure .caption-number")]
        assert all(figure.startswith(f"Figure {number}.") for figure in figures)
        assert figures


def test_each_tab_set_has_the_three_frameworks_with_code(pages):
    for path in pages:
        for tabs in parsed(path).select(".framework-tabs"):
            labels = [label.get_text(strip=True) for label in tabs.find_all("label", recursive=False)]
            assert labels == ["NumPy", "PyTorch", "TensorFlow"], path
            assert len(tabs.select(".cell_input")) == 3, path


def test_downloads_are_linear_notebooks(built_book):
    for docname in numbered_chapters():
        notebook = json.loads((built_book / "_sources" / f"{docname}.ipynb").read_text())
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert "autograder" in "".join(code[0]["source"]), "the first cell brings the package"
        assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
        tags = [tag for cell in code for tag in cell["metadata"].get("tags", [])]
        assert tags.count("numpy") == tags.count("pytorch") == tags.count("tensorflow") > 0
        assert not [o for cell in code for o in cell["outputs"] if o.get("name") == "stderr"]


def test_launch_buttons_open_what_the_service_can_open(built_book):
    for docname in numbered_chapters():
        links = [link["href"] for link in parsed(built_book / f"{docname}.html").select("a[href^=http]")]
        (colab,) = [link for link in links if "colab" in link]
        (binder,) = [link for link in links if "mybinder" in link]
        assert colab.endswith(f"/gh-pages/_sources/{docname}.ipynb")
        assert binder.endswith(f"/main?urlpath=lab/tree/{docname}.md")


# --- In a browser, which resolves no host but localhost -------------------------


def tab_page(pages: list[Path], built_book: Path) -> list[str]:
    with_tabs = [path for path in pages if len(parsed(path).select(".framework-tabs")) > 0]
    return names(with_tabs, built_book)


CHOSEN = """[...document.querySelectorAll(".framework-tabs")].map(set =>
    set.querySelector(":scope > input:checked + label").dataset.syncId)"""


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_are_complete_without_a_network(browser, address, pages, built_book, dark):
    for name in names(pages, built_book):
        with browser.page(dark=dark) as page:
            page.open(f"{address}/{name}")
            assert page.complaints() == [], name
            assert all(url.startswith(address) for url in page.requested()), name
            formulas = len(parsed(built_book / name).select("article .math"))
            drawn = "document.querySelectorAll('article .math > mjx-container').length"
            assert page.evaluate(drawn) == formulas
            wrong = "document.querySelectorAll('mjx-merror, [data-mml-node=merror], .mjx-undefined').length"
            assert page.evaluate(wrong) == 0, f"{name}: a formula that MathJax does not understand"
            undrawn = page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)")
            assert undrawn == [], name
            theme = page.evaluate("document.documentElement.dataset.theme")
            assert theme == ("dark" if dark else "light")


@pytest.mark.browser
def test_no_command_is_undefined(browser, address, pages, built_book):
    """MathJax prints an unknown command in red and calls it no error; look for the red."""
    for name in names(pages, built_book):
        with browser.page() as page:
            page.open(f"{address}/{name}")
            red = page.evaluate(
                """[...document.querySelectorAll("mjx-assistive-mml mtext[mathcolor=red]")]
                   .map(unknown => unknown.textContent)"""
            )
            assert red == [], f"{name}: unknown TeX command"


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 768])
def test_no_page_scrolls_sideways(browser, address, pages, built_book, width):
    for name in names(pages, built_book):
        with browser.page(width=width) as page:
            page.open(f"{address}/{name}")
            beyond = page.evaluate("document.documentElement.scrollWidth")
            # what sticks out of the page and does not lie in a box that scrolls by itself
            guilty = page.evaluate(
                """[...document.querySelectorAll("article *")].filter(e => {
                     if (e.getBoundingClientRect().right <= innerWidth + 1) return false;
                     for (let p = e.parentElement; p && p.tagName != "ARTICLE"; p = p.parentElement)
                       if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(p).overflowX))
                         return false;
                     return true;
                   }).slice(0, 3).map(e => e.outerHTML.slice(0, 200))"""
            )
            assert guilty == [], f"{name} at {width} px"
            assert beyond <= width, f"{name} at {width} px is {beyond} px wide"


@pytest.mark.browser
def test_wide_equations_can_be_scrolled_to_their_end(browser, address, built_book):
    name = next(iter(numbered_chapters()))
    with browser.page(width=390) as page:
        page.open(f"{address}/{name}.html")
        wide = page.evaluate(
            """[...document.querySelectorAll("div.math > mjx-container")]
               .filter(box => box.scrollWidth > box.clientWidth + 1)
               .every(box => { box.scrollLeft = 1e6; return box.scrollLeft > 0; })"""
        )
        assert wide


@pytest.mark.browser
def test_a_choice_of_framework_is_followed_and_remembered(browser, address, pages, built_book):
    first, *others = tab_page(pages, built_book)
    assert others, "the choice is to be remembered on another page"
    with browser.page() as page:
        page.open(f"{address}/{first}")
        page.evaluate("localStorage.clear()")
        page.open(f"{address}/{first}")
        assert set(page.evaluate(CHOSEN)) == {"numpy"}
        page.evaluate("""document.querySelector('label[data-sync-id="pytorch"]').click()""")
        assert set(page.evaluate(CHOSEN)) == {"pytorch"}
        page.open(f"{address}/{others[-1]}")
        assert set(page.evaluate(CHOSEN)) == {"pytorch"}
    with browser.page() as later_visit:
        later_visit.open(f"{address}/{first}")
        assert set(later_visit.evaluate(CHOSEN)) == {"pytorch"}
        later_visit.evaluate("localStorage.clear()")


@pytest.mark.browser
def test_the_chosen_tab_stays_under_the_eyes(browser, address, pages, built_book):
    """Other tab sets above change their height; the one in use must not jump away."""
    name = max(
        tab_page(pages, built_book),
        key=lambda name: len(parsed(built_book / name).select(".framework-tabs")),
    )
    with browser.page() as page:
        page.open(f"{address}/{name}")
        moved = page.evaluate(
            """(async () => {
                 const labels = document.querySelectorAll('label[data-sync-id="tensorflow"]');
                 const last = labels[labels.length - 1];
                 last.scrollIntoView({block: "center", behavior: "instant"});
                 const before = last.getBoundingClientRect().top;
                 last.click();
                 for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
                 return Math.abs(last.getBoundingClientRect().top - before);
               })()"""
        )
        page.evaluate("localStorage.clear()")
        assert moved < 3


@pytest.mark.browser
def test_tabs_work_with_the_keyboard(browser, address, pages, built_book):
    name = tab_page(pages, built_book)[0]
    with browser.page() as page:
        page.open(f"{address}/{name}")
        page.evaluate("document.querySelector('.framework-tabs > input:checked').focus()")
        page.press("ArrowRight")
        assert set(page.evaluate(CHOSEN)) == {"pytorch"}
        outline = page.evaluate(
            "getComputedStyle(document.querySelector('.framework-tabs > input:checked + label')).outlineStyle"
        )
        assert outline == "solid", "the focus is seen"
        page.press("ArrowLeft")
        assert set(page.evaluate(CHOSEN)) == {"numpy"}
        assert page.evaluate("location.pathname").endswith(name), "arrow keys do not turn the page"
        page.evaluate("localStorage.clear()")


@pytest.mark.browser
def test_all_tabs_can_be_reached_without_scripts(browser, address, pages, built_book):
    name = tab_page(pages, built_book)[0]
    with browser.page(scripts=False) as page:
        page.open(f"{address}/{name}")
        for position in range(3):
            shown = page.evaluate(
                f"""(() => {{
                      const set = document.querySelector(".framework-tabs");
                      set.querySelectorAll(":scope > label")[{position}].click();
                      return [...set.querySelectorAll(":scope > .sd-tab-content")]
                        .map(panel => getComputedStyle(panel).display != "none");
                    }})()"""
            )
            assert shown == [position == k for k in range(3)]


@pytest.mark.browser
def test_paper_shows_the_chosen_framework_with_its_name(browser, address, pages, built_book):
    name = tab_page(pages, built_book)[0]
    with browser.page(paper=True, width=800) as page:
        page.open(f"{address}/{name}")
        visible = page.evaluate(
            """[...document.querySelectorAll(".framework-tabs")].map(set =>
                 [...set.querySelectorAll(":scope > label")]
                   .filter(label => label.offsetParent)
                   .map(label => label.textContent.trim()))"""
        )
        assert all(labels == ["NumPy"] for labels in visible)


@pytest.mark.browser
def test_search_needs_no_network(browser, address):
    with browser.page() as page:
        page.open(f"{address}/search.html?q=recurrent")
        found = page.evaluate(
            """(async () => {
                 for (const end = Date.now() + 20000; Date.now() < end; ) {
                   const links = document.querySelectorAll("#search-results li a");
                   if (links.length) return links.length;
                   await new Promise(done => setTimeout(done, 100));
                 }
               })()"""
        )
        assert found
        assert all(url.startswith(address) for url in page.requested())


@pytest.mark.browser
def test_the_book_opens_from_a_folder(browser, built_book):
    """No server: a page opened as a file has its formulas too."""
    name = next(iter(numbered_chapters()))
    with browser.page() as page:
        page.open((built_book / f"{name}.html").as_uri())
        assert page.evaluate("document.querySelectorAll('article .math > mjx-container').length") > 0
        assert all(url.startswith("file:") for url in page.requested())
