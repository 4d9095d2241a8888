"""Nothing that a built page loads lies on another host. Links may lead anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag

pytestmark = pytest.mark.book

# Where an element names something that is loaded with the page.
LOADED = {
    "audio": ["src"],
    "embed": ["src"],
    "iframe": ["src", "srcdoc"],
    "image": ["href", "xlink:href"],
    "img": ["src", "srcset"],
    "input": ["src"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "track": ["src"],
    "use": ["href", "xlink:href"],
    "video": ["src", "poster"],
}
# <link> elements that only say how pages are related.
RELATIONS = {"author", "canonical", "index", "next", "prev", "search"}
IN_CSS = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")
# Named in MathJax for Internet Explorer and for use without a web page; a browser
# never takes that way, which test_spoken_formulas_come_from_the_book shows.
UNREACHED = re.compile(r"https://cdn\.jsdelivr\.net/npm/(wicked-good-xpath|sre-mathmaps-ie|speech-rule-engine)@")


def elsewhere(address: str) -> bool:
    parts = urlsplit(address.strip())
    return bool(parts.netloc) or parts.scheme in {"http", "https", "ws", "wss", "ftp"}


def built_pages(built_book: Path) -> list[Path]:
    """All HTML pages, search and index too; `_static` holds only templates of the theme."""
    return [path for path in sorted(built_book.rglob("*.html")) if path.relative_to(built_book).parts[0] != "_static"]


def loaded_by(element: Tag) -> Iterator[str]:
    """Yield every address that a browser fetches because of this element."""
    if element.name == "link" and RELATIONS.issuperset(element.get("rel", [])):
        return
    for attribute in LOADED.get(element.name, []):
        value = element.get(attribute)
        if value and attribute == "srcset":
            yield from (candidate.split()[0] for candidate in value.split(","))
        elif value:
            yield value
    if element.get("style"):
        yield from addresses_in_css(element["style"])
    if element.name == "style":
        yield from addresses_in_css(element.get_text())
    if element.name == "meta" and element.get("http-equiv", "").lower() == "refresh":
        yield element["content"].partition("url=")[2]


def addresses_in_css(css: str) -> Iterator[str]:
    for match in IN_CSS.finditer(css):
        yield match[1] or match[2]


def test_pages_load_nothing_from_other_hosts(built_book: Path):
    found = [
        f"{path.relative_to(built_book)}: <{element.name}> loads {address}"
        for path in built_pages(built_book)
        for element in BeautifulSoup(path.read_text(), "html.parser").find_all(True)
        for address in loaded_by(element)
        if elsewhere(address)
    ]
    assert not found, "\n".join(found)


def test_what_pages_load_is_there(built_book: Path):
    missing = []
    for path in built_pages(built_book):
        for element in BeautifulSoup(path.read_text(), "html.parser").find_all(True):
            for address in loaded_by(element):
                parts = urlsplit(address)
                if parts.scheme == "data" or not parts.path:
                    continue
                if not (path.parent / unquote(parts.path)).exists():
                    missing.append(f"{path.relative_to(built_book)}: {address}")
    assert not missing, "\n".join(missing)


def test_styles_load_nothing_from_other_hosts(built_book: Path):
    found = [
        f"{path.relative_to(built_book)}: {address}"
        for path in sorted(built_book.rglob("*.css"))
        for address in addresses_in_css(path.read_text())
        if elsewhere(address)
    ]
    assert not found, "\n".join(found)


def test_scripts_name_no_file_on_another_host(built_book: Path):
    """Whole scripts and inline ones: no address of a script, style, font or data file."""
    file_elsewhere = re.compile(
        r"""(?:https?:)?//[\w.-]+\.\w+/[^\s"'`)]*\.(?:js|mjs|css|json|wasm|woff2?|ttf)\b"""
        r"""|https?://[\w.]*(?:cdn|unpkg|googleapis|gstatic|jsdelivr|cloudflare)[^\s"'`)]*"""
    )
    texts = [(path, path.read_text()) for path in sorted(built_book.rglob("*.js"))]
    for path in built_pages(built_book):
        for script in BeautifulSoup(path.read_text(), "html.parser").find_all("script", src=False):
            texts.append((path, script.get_text()))
    found = [
        f"{path.relative_to(built_book)}: {match[0]}"
        for path, text in texts
        for match in file_elsewhere.finditer(text)
        if not UNREACHED.match(match[0])
    ]
    assert not found, "\n".join(found)


def test_pages_ask_nobody_who_is_reading(built_book: Path):
    """No analytics, no live kernels, no comments: nothing that phones home at a click."""
    for path in built_pages(built_book):
        page = path.read_text().lower()
        for name in ("thebe", "googletagmanager", "plausible.io", "hypothes.is", "utteranc.es", "requirejs"):
            assert name not in page, f"{path.relative_to(built_book)} mentions {name}"


def test_mathjax_is_served_by_the_book(built_book: Path):
    mathjax = built_book / "_static" / "mathjax"
    assert (mathjax / "tex-chtml-full.js").stat().st_size > 1_000_000
    assert len(list((mathjax / "output/chtml/fonts/woff-v2").glob("*.woff"))) >= 20
    for page in (built_book / "book" / "foundations").glob("*.html"):
        assert "mathjax/tex-chtml-full.js" in page.read_text()


@pytest.mark.browser
def test_spoken_formulas_come_from_the_book(browser, address):
    """The one thing MathJax fetches later, when a reader asks for it in its menu."""
    with browser.page() as page:
        page.open(f"{address}/book/notation.html")
        page.evaluate("MathJax.startup.document.menu.menu.pool.lookup('explorer').setValue(true)")
        browser.next_event(page.session, "Page.loadEventFired")
        spoken = page.evaluate(
            """(async () => {
                 for (const end = Date.now() + 30000; Date.now() < end; ) {
                   const formula = document.querySelector("article mjx-container[aria-label]");
                   if (formula) return formula.getAttribute("aria-label");
                   await new Promise(done => setTimeout(done, 100));
                 }
               })()"""
        )
        assert spoken
        assert any("sre/mathmaps/en.json" in url for url in page.requested())
        assert all(url.startswith(address) for url in page.requested())
        assert page.complaints() == []
        page.evaluate("localStorage.clear()")
