"""Interactive figures: as HTML, live in a browser, still without scripts and on paper, and what is refused."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from bs4 import BeautifulSoup
from look_pictures import LOOKS
from plain_markdown import Names, plain
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "book" / "_static" / "looks"

PAGE = """\
# A page

See {ref}`look-alignment`.

```{look} gate-laboratory
Move *one* slider.
```

```{look} gradient-paths
```

```{look} alignment
```
"""


class Built(NamedTuple):
    folder: Path
    html: BeautifulSoup
    warnings: list[str]

    @property
    def address(self) -> str:
        return (self.folder / "index.html").as_uri()  # opened as a file: no server is needed


def sphinx(folder: Path, *texts: str) -> Built:
    """Build pages, the first as index, with the theme of the book and the extension."""
    source = folder / "source"
    source.mkdir()
    for number, text in enumerate(texts):
        name = f"page{number}" if number else "index"
        (source / f"{name}.md").write_text(("---\norphan: true\n---\n" if number else "") + text)
    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        Sphinx(
            source,
            None,
            folder / "html",
            folder / "doctrees",
            "html",
            confoverrides={
                "extensions": ["myst_parser", "offline", "looks"],
                "source_suffix": {".md": "markdown"},  # Sphinx's default is one object for all builds of a process
                "html_theme": "sphinx_book_theme",
                "html_static_path": [str(ROOT / "book" / "_static")],
                "html_css_files": ["unrolled.css"],
            },
            status=None,
            warning=warnings,
        ).build()
    html = BeautifulSoup((folder / "html" / "index.html").read_text(), "html.parser")
    return Built(folder / "html", html, [line for line in warnings.getvalue().splitlines() if line.strip()])


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    """A page with the three figures."""
    built = sphinx(tmp_path_factory.mktemp("looks"), PAGE)
    assert built.warnings == []
    return built


@pytest.fixture
def build(tmp_path) -> Callable[..., Built]:
    return lambda *texts: sphinx(tmp_path, *texts)


# --- As HTML -----------------------------------------------------------------------------


def test_a_figure_has_a_title_a_picture_and_a_sentence(built):
    roots = built.html.select("div.look")
    assert [root["data-look"] for root in roots] == ["gate-laboratory", "gradient-paths", "alignment"]
    for root in roots:
        look = LOOKS[root["data-look"]]
        assert built.html.find(id=root["aria-labelledby"]).get_text() == look.title
        assert root.figure.figcaption.get_text() == look.caption
        assert root.figure["id"]
        assert root.img["alt"] == look.alt
        assert len(look.alt) > 100
        assert "scripts" in root.select_one(".look-off").get_text()
        picture = (built.folder / root.img["src"]).read_text()
        assert picture.startswith("<?xml")
        assert "</svg>" in picture
    assert "Move one slider" in roots[0].select_one(".look-try").get_text()
    assert built.html.select_one("a[href='#look-alignment']").get_text() == LOOKS["alignment"].title


def test_the_same_numbers_give_the_same_picture():
    assert LOOKS["alignment"].svg() == LOOKS["alignment"].svg()


def test_data_are_those_of_the_reference_networks(built):
    for root in built.html.select("div.look"):
        assert json.loads(root.select_one("script.look-data").string) == LOOKS[root["data-look"]].data()


def test_no_name_occurs_twice(built):
    ids = [element["id"] for element in built.html.select("[id]")]
    assert len(ids) == len(set(ids))


def test_scripts_are_loaded_where_they_are_needed(build):
    first, second = "# A page\n\n```{look} alignment\n```\n", "# Another\n\nNo figure.\n"
    built = build(first, second)
    loaded = [Path(s["src"]).name.partition("?")[0] for s in built.html.select("script[src*='/looks/']")]
    assert loaded == ["looks.js", "networks.js", "alignment.js"]
    other = (built.folder / "page1.html").read_text()
    assert "/looks/" not in other


def test_nothing_comes_from_another_host():
    for path in SCRIPTS.iterdir():
        text = path.read_text()
        assert set(re.findall(r"\w+://[^\"']*", text)) <= {"http://www.w3.org/2000/svg"}, path.name
        assert "import " not in re.sub(r"//.*|/\*.*?\*/", "", text, flags=re.DOTALL), path.name


def test_scripts_are_short_enough_to_read_in_a_sitting():
    for path in SCRIPTS.iterdir():
        assert len(path.read_text().splitlines()) <= 400, path.name


def test_nothing_moves_by_itself():
    for path in SCRIPTS.iterdir():
        assert not re.search(r"animat|transition|setInterval|requestAnimationFrame", path.read_text()), path.name


# --- What is refused -----------------------------------------------------------------------


def test_an_unknown_figure_is_one_clear_line(build):
    (line,) = build("# A page\n\n```{look} gates\n```\n\nThe rest.\n").warnings
    assert "index.md:3" in line
    assert "look gates: there is no such figure; there are gate-laboratory, gradient-paths, alignment" in line


def test_a_figure_is_there_once(build):
    twice = "# A page\n\n```{look} alignment\n```\n"
    (line,) = build(twice, twice).warnings
    assert "look alignment: the figure is there already, in index" in line


# --- In the notebook for download -----------------------------------------------------------


def test_a_notebook_says_where_the_figure_is():
    names = Names(looks={"alignment": "https://who.github.io/book/page.html#look-alignment"})
    text = plain("Before.\n\n```{look} alignment\nTry {eq}`eq-a`.\n```\n\nAfter.\n", names)
    assert "```" not in text
    assert "Try" not in text, "there is nothing to try in a notebook"
    assert "**Who has read what** is an interactive figure." in text
    assert "[on the page](https://who.github.io/book/page.html#look-alignment)" in text
    assert text.startswith("Before.\n\n**")
    assert text.endswith("you can " + LOOKS["alignment"].does + ".\n\nAfter.\n")


# --- In a browser --------------------------------------------------------------------------------

SHOWN = """(selector => [...document.querySelectorAll(selector)]
             .map(e => e.checkVisibility() && e.getBoundingClientRect().height > 0))"""


def shown(page, selector: str) -> list[bool]:
    return page.evaluate(f"{SHOWN}({selector!r})")


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_figures_are_live_and_complain_of_nothing(browser, built, dark):
    with browser.page(dark=dark) as page:
        page.open(built.address)
        assert page.complaints() == []
        assert all(url.startswith("file:") for url in page.requested())
        assert shown(page, ".look-live svg") == [True] * 3
        assert shown(page, ".look-still, .look-off") == [False] * 6
        assert shown(page, ".look-try p") == [True]


@pytest.mark.browser
@pytest.mark.parametrize("why", ["no scripts", "a script is missing", "paper"])
def test_else_the_picture_is_there(browser, built, why):
    with browser.page(scripts=why != "no scripts", paper=why == "paper") as page:
        if why == "a script is missing":
            page.send("Network.setBlockedURLs", urls=["*networks.js*"])
        page.open(built.address)
        stills = shown(page, ".look-still img")
        lives = shown(page, ".look-live")
        if why == "a script is missing":  # the alignment viewer does not need that one
            stills, lives = stills[:2], lives[:2]
        assert all(stills)
        assert not any(lives)
        assert not any(shown(page, ".look-try p"))
        drawn = page.evaluate("[...document.querySelectorAll('.look-still img')].map(i => i.naturalWidth)")
        assert all(drawn)
        if why == "paper":
            assert page.send("Page.printToPDF")["data"]


@pytest.mark.browser
def test_sliders_are_moved_with_the_keyboard(browser, built):
    with browser.page() as page:
        page.open(built.address)
        for name in LOOKS:
            root = f"document.querySelector('#look-{name}')"
            said = f"{root}.querySelector('[role=status]').textContent"
            numbers = f"{root}.querySelector('.look-readings').textContent"
            page.evaluate(f"{root}.querySelector('input[type=range]').focus()")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", (
                "the focus is seen"
            )
            before = page.evaluate(f"[{said}, {numbers}]")
            for _ in range(3):
                page.press("ArrowRight")
            after = page.evaluate(f"[{said}, {numbers}]")
            assert before != after, name
            page.press("ArrowLeft")
            first = page.evaluate("document.activeElement.id")
            page.press("Tab")
            assert page.evaluate("document.activeElement.id") != first
            assert page.evaluate(f"{root}.contains(document.activeElement)")


@pytest.mark.browser
def test_buttons_set_all_and_a_slider_sets_one_step(browser, built):
    with browser.page() as page:
        page.open(built.address)
        root = "document.querySelector('#look-gate-laboratory')"
        said = f"{root}.querySelector('[role=status]').textContent"
        for label, expected in [
            ("Remember", "After 12 steps c is 0.996"),
            ("Forget", "After 12 steps c is 4.9 × 10⁻⁴"),
            ("Count", "After 12 steps c is 12.0 and h is 0.99966."),
            ("Write once", "After 12 steps c is 0.7"),
            ("Read only", "After 12 steps c is 1.49 and h is 3.0 × 10⁻⁴"),
        ]:
            page.evaluate(f"[...{root}.querySelectorAll('button')].find(b => b.textContent == {label!r}).focus()")
            page.press("Enter")
            assert page.evaluate(said).startswith(expected), label
        page.evaluate(
            f"""(() => {{
              const set = (name, value) => {{
                const field = document.querySelector("#look-gate-laboratory-" + name);
                field.value = value;
                field.dispatchEvent(new Event("input"));
              }};
              [...{root}.querySelectorAll("button")].find(b => b.textContent == "Remember").click();
              set("step", 5);
              set("f", -8);
            }})()"""
        )
        assert page.evaluate(said).endswith("Of a small change of c at the start, 0.0334 % is left.")


@pytest.mark.browser
def test_a_screen_reader_hears_names_and_values(browser, built):
    with browser.page() as page:
        page.open(built.address)
        tree = page.send("Accessibility.getFullAXTree")["nodes"]
        sliders = [node for node in tree if node.get("role", {}).get("value") == "slider"]
        assert len(sliders) == 5 + 4 + 2
        names = [node["name"]["value"] for node in sliders]
        assert "af, forget gate" in names
        assert all(names)
        values = page.evaluate("[...document.querySelectorAll('input[type=range]')].map(i => i.ariaValueText)")
        assert "a f = 1.0, f = 0.731" in values
        assert sum(node.get("role", {}).get("value") == "status" for node in tree) >= 3


POSITIONS = """(() => {
  const root = document.querySelector("#look-" + NAME);
  const fields = [...root.querySelectorAll("input[type=range], select")];
  const choices = fields.map(field => {
    if (field.tagName == "SELECT") return [...field.options].map(option => option.value).filter((_, k) => k < 4);
    const [low, high] = [Number(field.min), Number(field.max)];
    return [low, (low + high) / 2, high];
  });
  let count = 0;
  const bad = [];
  const visit = k => {
    if (k == fields.length) {
      count += 1;
      const text = root.querySelector(".look-live").outerHTML;
      const wrong = text.match(/NaN|Infinity|undefined|null|beyond any number|\\[object/);
      if (wrong) bad.push([wrong[0], ...fields.map(field => field.value)].join(" "));
      return;
    }
    for (const value of choices[k]) {
      fields[k].value = value;
      fields[k].dispatchEvent(new Event("input"));
      visit(k + 1);
    }
  };
  visit(0);
  return [count, bad.slice(0, 5)];
})()"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "expected"), [("gate-laboratory", 3**5 * 4), ("gradient-paths", 3 * 3**4), ("alignment", 3**2 * 2 * 2 * 4)]
)
def test_no_position_of_the_sliders_is_refused(browser, built, name, expected):
    """Every combination of both ends and the middle: numbers in the text and in the drawing, and no complaint."""
    with browser.page(width=390) as page:
        page.open(built.address)
        count, bad = page.evaluate(POSITIONS.replace("NAME", json.dumps(name)))
        assert count == expected
        assert bad == []
        assert page.complaints() == []


@pytest.mark.browser
def test_at_the_ends_the_limit_is_told_with_its_reason(browser, built):
    def limits(page, name, **values):
        page.evaluate(
            f"""Object.entries({json.dumps(values)}).forEach(([name, value]) => {{
                  const field = document.querySelector("#look-{name}-" + name);
                  field.value = value;
                  field.dispatchEvent(new Event("input"));
                }})"""
        )
        return page.evaluate(f"document.querySelector('#look-{name} .look-limits').innerText")

    with browser.page() as page:
        page.open(built.address)
        told = limits(page, "gate-laboratory", f=8)
        assert "f = 0.99966 is keeping: in the limit f = 1 the cell never forgets" in told
        assert "The half-life is beyond 1,000 steps" in told
        readings = "document.querySelector('#look-gate-laboratory .look-readings').innerText"
        assert "2,067 steps" in page.evaluate(readings).replace("\n", " ")
        assert "starts from nothing" in limits(page, "gate-laboratory", f=-8)
        assert "nothing is read, h = 0" in limits(page, "gate-laboratory", o=-8)
        assert "no step can add more than 1" in limits(page, "gate-laboratory", g=8)
        assert "exactly 0 before k" in limits(page, "gradient-paths", gain=0)
        assert "nothing is lost along c or along z" in limits(page, "gradient-paths", bias=8)
        assert "the direct road is cut" in limits(page, "gradient-paths", bias=-8)
        assert "A later state cannot change an earlier loss" in limits(page, "gradient-paths", k=3, t=9)
        assert "An empty sequence: nothing is read" in limits(page, "alignment", length=0)
        assert "padding is all they have read" in limits(page, "alignment", reading="flip")
        assert "No padding" in limits(page, "alignment", length=8)


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_page_scrolls_sideways(browser, built, width):
    with browser.page(width=width) as page:
        page.open(built.address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        beyond = page.evaluate(
            """[...document.querySelectorAll(".look-live svg text")].filter(text => {
                 const [own, box] = [text, text.closest("svg")].map(e => e.getBoundingClientRect());
                 return own.left < box.left - 1 || own.right > box.right + 1;
               }).map(text => text.textContent)"""
        )
        assert beyond == [], "a label is cut off"
        narrow = shown(page, ".look-narrow")
        assert narrow == [width < 340] * 3, "only where the figure does not fit, the page says what to do"


@pytest.mark.browser
def test_a_figure_follows_the_width_of_the_window(browser, built):
    with browser.page(width=1200) as page:
        page.open(built.address)
        widths = "[...document.querySelectorAll('.look-drawing svg')].map(s => s.getBoundingClientRect().width)"
        wide = page.evaluate(widths)
        page.send("Emulation.setDeviceMetricsOverride", width=390, height=900, deviceScaleFactor=1, mobile=False)
        page.evaluate("new Promise(done => setTimeout(done, 200))")
        narrow = page.evaluate(widths)
        assert all(small < large for small, large in zip(narrow, wide, strict=True))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
