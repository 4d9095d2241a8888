"""A page of feedback made to load nothing and run nothing: no scripts, mathematics as MathML, a policy that says so."""

import re
from html import escape

from bs4 import BeautifulSoup
from latex2mathml.converter import convert as mathml

from autograder.boundary.markup import clean_latex

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
)
_MATHS = re.compile(r"\$\$(.+?)\$\$|(?<![\\\w$])\$([^$\n]+?)\$(?!\w)", re.DOTALL)
_ADDRESSES = ("href", "src", "xlink:href", "action", "formaction", "data", "poster", "background", "cite", "longdesc")
_GONE = ("script", "iframe", "object", "embed", "base", "form", "applet", "frame", "frameset", "portal", "maction")


def self_contained(html: str) -> str:
    """A page that loads nothing: no scripts, no outside style or image, mathematics as MathML."""
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(_GONE):
        tag.decompose()
    for text in list(soup.find_all(string=_MATHS)):
        if text.parent is not None and text.parent.name not in ("pre", "code", "style", "title"):
            text.replace_with(BeautifulSoup(_MATHS.sub(_as_mathml, escape(str(text), quote=False)), "html.parser"))
    for tag in soup.find_all(["link", "img", "meta"]):
        refresh = tag.name == "meta" and tag.get("http-equiv") is not None
        image = tag.name == "img" and not str(tag.get("src", "data:")).lower().startswith("data:image/")
        if refresh or image or tag.name == "link":
            tag.decompose()
    for tag in soup.find_all(True):
        for name in list(tag.attrs):
            address = re.sub(r"[\x00-\x20]", "", str(tag[name])).lower()
            runs = name.lower() in _ADDRESSES and address.startswith(("javascript:", "vbscript:", "data:", "file:"))
            if name.lower().startswith("on") or name.lower() == "srcdoc" or (runs and tag.name != "img"):
                del tag[name]
    if soup.html is not None and not soup.html.get("lang"):
        soup.html["lang"] = "en"
    if soup.head is not None:
        soup.head.insert(0, soup.new_tag("meta", attrs={"http-equiv": "Content-Security-Policy", "content": POLICY}))
    return str(soup)


def _as_mathml(match: re.Match[str]) -> str:
    display = match.group(1) is not None
    latex = (match.group(1) or match.group(2)).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    latex = clean_latex(latex)
    try:
        return mathml(latex, display="block" if display else "inline")
    except Exception:  # a learner's own formula may be anything: then its source is shown
        return f"<code>{escape(latex, quote=False)}</code>"
