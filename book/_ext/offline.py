"""The book needs no network: everything a page loads lies in the book itself.

MathJax comes from the Python package ``sphinx-mathjax-offline`` (MathJax 3.2.2 as
published, Apache licence) and is copied into ``_static/mathjax`` at build: the
TeX-to-CHTML component, its fonts, and what its own menu loads when a reader asks
for spoken formulas. Widgets, the only other thing that MyST-NB takes from another
host, are switched off.

A page that would load a script or a style from elsewhere is a warning, and so
fails the build. Links to other places are links; they are not loaded.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_FILES = (
    "tex-chtml-full.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "a11y/*.js",
    "input/mml.js",
    "input/mml/entities.js",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
    "sre/mathmaps/nemeth.json",
)

logger = logging.getLogger(__name__)


def mathjax_folder() -> Path:
    """Return the folder of the installed MathJax; raise ExtensionError where there is none."""
    spec = importlib.util.find_spec(MATHJAX_PACKAGE)
    if spec is None or spec.origin is None:
        raise ExtensionError(
            f"MathJax is missing: `pip install {MATHJAX_PACKAGE}` brings it, and so does the extra `book`"
        )
    return Path(spec.origin).parent / "static" / "mathjax"


def use_local_files(app: Sphinx, config: Config) -> None:
    """Point MathJax at the book's copy and load nothing for widgets."""
    config.mathjax_path = "mathjax/tex-chtml-full.js"
    config.nb_ipywidgets_js = {}


def copy_mathjax(app: Sphinx) -> None:
    """Copy what is needed of MathJax into the HTML book; a copy already there is kept."""
    if app.builder.format != "html":
        return
    source = mathjax_folder()
    target = Path(app.outdir) / "_static" / "mathjax"
    for pattern in MATHJAX_FILES:
        found = sorted(source.glob(pattern))
        if not found:
            raise ExtensionError(f"{MATHJAX_PACKAGE} has no {pattern}: is it another version?")
        for path in found:
            copy = target / path.relative_to(source)
            if copy.is_file() and copy.stat().st_size == path.stat().st_size:
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def warn_of_other_hosts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Warn of each script or style of a page that lies on another host."""
    for asset in [*context.get("script_files", []), *context.get("css_files", [])]:
        address = str(getattr(asset, "filename", asset) or "")
        if "://" in address or address.startswith("//"):
            logger.warning(
                "the page would load %s from another host; the book must work offline",
                address,
                location=pagename,
                type="offline",
            )


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", use_local_files)
    app.connect("builder-inited", copy_mathjax)
    # Last, when every extension has added its files.
    app.connect("html-page-context", warn_of_other_hosts, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
