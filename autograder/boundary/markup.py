"""HTML and Markdown from outside, made safe to show in a teacher's and a student's browser.

An allow-list through bleach: what is not known to be harmless is not there. No scripts, no links that run
anything, nothing that loads from elsewhere, no ids and classes that a page's own scripts or styles look for, no
style that could lay something over a score.
"""

import re
from html import escape

from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]
from bs4 import BeautifulSoup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.boundary.words import visible

MAX_HTML = 300_000
MAX_MARKDOWN = 100_000
MAX_TAGS = 6_000
MAX_DEPTH = 100

# fmt: off
_TAGS = frozenset([
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "details", "div",
    "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li",
    "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
])
_GONE_WITH_CONTENT = [
    "script", "style", "template", "noscript", "iframe", "frame", "frameset", "object", "embed", "applet", "svg",
    "math", "head", "title", "meta", "link", "base", "form", "button", "select", "textarea", "option", "dialog",
    "portal", "video", "audio", "source", "track", "canvas", "map", "area", "marquee", "xmp", "plaintext", "listing",
    "noembed", "noframes",
]
# Without content, or closed by the next one of their kind.
_NOT_NESTED = ["br", "hr", "img", "input", "col", "wbr", "p", "li", "td", "th", "tr", "dt", "dd", "tbody", "thead"]
_CLASSES = re.compile(r"(?:[a-z]{1,2}[0-9]?|highlight|dataframe|task-list-item|contains-task-list)")
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_LINK = re.compile(r"(?:https?://|mailto:|#)[^\x00-\x20\x7f]*", re.IGNORECASE)
_SMALL_NUMBER = re.compile(r"[0-9]{1,4}%?")
_STYLES = [
    "background-color", "border", "border-bottom", "border-collapse", "border-left", "border-right", "border-top",
    "color", "font-family", "font-style", "font-weight", "list-style-type", "margin", "margin-bottom", "margin-left",
    "margin-right", "margin-top", "max-width", "padding", "padding-bottom", "padding-left", "padding-right",
    "padding-top", "text-align", "text-decoration", "vertical-align", "white-space", "width",
]
# fmt: on
_STYLE_PART = re.compile(
    r"""#[0-9a-f]{3,8}|[0-9]{0,3}(?:\.[0-9]{1,3})?(?:px|em|rem|ex|ch|pt|%)?|[a-z][a-z-]*|'[\w ]*'|"[\w ]*\"""",
    re.IGNORECASE,
)


class _Style(CSSSanitizer):
    """Harmless properties with harmless values: no functions, nothing negative, nothing thousands wide."""

    def sanitize_css(self, style: str) -> str:
        kept = []
        for part in super().sanitize_css(style).split(";"):
            value = part.partition(":")[2].replace(",", " ").split()
            if value and all(_STYLE_PART.fullmatch(word) for word in value):
                kept.append(part.strip())
        return "; ".join(kept)


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return all(_CLASSES.fullmatch(part) for part in value.split())
    if tag == "a" and name == "href":
        return bool(_LINK.fullmatch(value))
    if tag == "img":
        return (
            name == "alt"
            or (name == "src" and bool(_IMAGE.fullmatch(value)))
            or (name in ("width", "height") and bool(_SMALL_NUMBER.fullmatch(value)))
        )
    if tag in ("td", "th", "ol", "col", "colgroup"):
        return (name in ("colspan", "rowspan", "span", "start") and bool(_SMALL_NUMBER.fullmatch(value))) or (
            name in ("align", "scope", "style") and len(value) < 500
        )
    return name in ("style", "title", "role", "lang", "dir", "align") and value.lower() not in ("rtl",)


_CLEANER = Cleaner(
    tags=_TAGS,
    attributes=_allowed,
    protocols=("http", "https", "mailto", "data"),
    strip=True,
    strip_comments=True,
    css_sanitizer=_Style(allowed_css_properties=_STYLES),
)


def clean_html(html: str) -> str:
    """`html` with only harmless elements, attributes, styles and addresses; a note where it is too long or broken."""
    if len(html) > MAX_HTML or not _is_shallow(html):
        return f"<p>[HTML of {len(html):,} characters, too long or too deeply nested, left out]</p>"
    try:
        soup = BeautifulSoup(visible(html), "html.parser")
        for tag in soup.find_all(_GONE_WITH_CONTENT):
            tag.decompose()
        cleaned: str = _CLEANER.clean(str(soup))
    except (RecursionError, ValueError, AssertionError, AttributeError, IndexError, KeyError, TypeError):
        return "<p>[HTML that cannot be read, left out]</p>"  # html5lib and bs4 raise these on deep or odd nesting
    return cleaned


_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")


def _is_shallow(html: str) -> bool:
    """Whether cleaning takes a short time: it grows with the product of the number of tags and their depth."""
    depth = 0
    for number, tag in enumerate(_TAG.finditer(html)):
        if tag[2].lower() not in _NOT_NESTED:
            depth += -1 if tag[1] else 1
        if depth > MAX_DEPTH or number > MAX_TAGS:
            return False
    return True


_HARMFUL_LATEX = re.compile(
    r"\\(?:href|url|cssId|class|style|htmlClass|htmlId|htmlStyle|htmlData|require)\s*\{[^{}]*\}"
)
_BOX = re.compile(r'<input class="task-list-item-checkbox"[^>]*?( checked)?\s*/?>')


def clean_latex(text: str) -> str:
    """`text` without the TeX commands that make links, set attributes or load something."""
    return _HARMFUL_LATEX.sub("", visible(text))


def markdown_to_html(source: str, attachments: dict[str, dict[str, str]] | None = None) -> str:
    """A Markdown cell as harmless HTML; mathematics stays in its dollars, without harmful commands.

    A source that Markdown can't be made of, because of its length, its nesting, or an image that is not
    attached, is shown as it was typed.
    """
    source = clean_latex(source)
    if len(source) > MAX_MARKDOWN:
        source = source[:MAX_MARKDOWN] + "\n\n[…]"
    renderer = IPythonRenderer(
        escape=False, allow_harmful_protocols=False, attachments=_Attached(attachments or {}), exclude_anchor_links=True
    )
    try:
        html = MarkdownWithMath(renderer=renderer).render(source)
        return clean_html(_BOX.sub(lambda box: "☑" if box[1] else "☐", html))
    except (RecursionError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return f"<pre>{escape(source)}</pre>"


class _Attached(dict):
    """Attachments, with nothing for those that are not there: nbconvert stops at the first missing one."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> dict[str, str]:
        return {"image/png": ""}


def escape_markdown(text: str) -> str:
    """`text` that means itself in Markdown: no HTML, no links, no emphasis, no mathematics."""
    return re.sub(r"([\\`*_{}\[\]()#+!|$~^-])", r"\\\1", escape(text, quote=False))
