"""Interactive figures: the directive `look`.

```{look} gate-laboratory
Try this: …
```

The argument is a name of `look_pictures.LOOKS`. What is written inside, if anything, is what the
reader may try; it is shown only where the figure is live.

The page gets the figure's still picture, drawn from the reference networks while the book is
built, with a caption and alternative text; a sentence that says what scripts would add; and the
data from which the scripts in ``_static/looks`` make the live figure. Their last act before drawing
is to hide the picture and the sentence, so whatever keeps them from it (scripts are off, the
browser is old) leaves the reader with a whole page. On paper the picture is printed.

`{ref}` leads to a figure by the label ``look-<name>``. An unknown name, or one used twice in the
book, is a warning of one line. Scripts and styles are loaded by the pages that have a look.
"""

from __future__ import annotations

import html
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import look_pictures
from docutils import nodes
from look_pictures import LOOKS
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri
from sphinx.writers.html5 import HTML5Translator

FOLDER = "looks"  # below _static
SHARED_SCRIPTS = ("looks.js", "networks.js")

logger = logging.getLogger(__name__)


class look(nodes.General, nodes.Element):
    """An interactive figure; its children are what the reader may try."""


class LookDirective(SphinxDirective):
    """A figure by its name."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        label = f"look-{name}"
        standard: Any = self.env.get_domain("std")
        problem = None
        if name not in LOOKS:
            problem = f"there is no such figure; there are {', '.join(LOOKS)}"
        elif label in standard.anonlabels:
            problem = f"the figure is there already, in {standard.anonlabels[label][0]}"
        if problem:
            logger.warning("look %s: %s", name, problem, location=self.get_location(), type="look")
            return []
        node = look(name=name, ids=[label])
        self.set_source_info(node)
        self.state.nested_parse(self.content, self.content_offset, node)
        standard.anonlabels[label] = self.env.docname, label
        standard.labels[label] = self.env.docname, label, LOOKS[name].title
        self.state.document.ids[label] = node
        return [node]


# --- HTML -----------------------------------------------------------------------------------


def off_sentence(name: str) -> str:
    """What is said where the figure does not live: without scripts, and on paper."""
    return f"This picture is still. Where scripts are on, you can {LOOKS[name].does}."


def still_picture(writer: HTML5Translator, name: str) -> str:
    """Draw the picture beside the scripts and return its address as seen from the page."""
    path = Path(writer.builder.outdir) / "_static" / FOLDER / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(LOOKS[name].svg(), encoding="utf-8")
    page = writer.builder.get_target_uri(writer.builder.current_docname)
    return relative_uri(page, f"_static/{FOLDER}/{name}.svg")


def published(repository: str) -> str:
    """Return the address of the published book, which GitHub derives from the repository's."""
    owner, _, name = repository.removeprefix("https://github.com/").partition("/")
    return f"https://{owner}.github.io/{name}"


def embedded(data: object) -> str:
    """JSON that no browser can take for the end of its element."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def visit_look(writer: HTML5Translator, node: look) -> None:
    name = node["name"]
    described, label = LOOKS[name], node["ids"][0]
    title, caption, alt = (html.escape(text) for text in (described.title, described.caption, described.alt))
    opening = writer.starttag(
        node, "div", CLASS="look", role="group", **{"aria-labelledby": f"{label}-title", "data-look": name}
    )
    writer.body.append(
        f'{opening}<p class="look-title" id="{label}-title">{title}</p>\n'
        f'<script type="application/json" class="look-data">{embedded(described.data())}</script>\n'
        f'<figure class="look-still" id="{label}-picture">'
        f'<img src="{still_picture(writer, name)}" alt="{alt}"><figcaption><p>{caption}</p></figcaption></figure>\n'
        f'<p class="look-off">{html.escape(off_sentence(name))}</p>\n'
        '<div class="look-try">\n'
    )


def depart_look(writer: HTML5Translator, node: look) -> None:
    writer.body.append('</div>\n<div class="look-live"></div>\n</div>\n')


def load_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Give a page with looks their scripts, in this order, and the style."""
    names = [] if doctree is None else [node["name"] for node in doctree.findall(look)]
    if not names:
        return
    app.add_css_file(f"{FOLDER}/looks.css")
    for script in (*SHARED_SCRIPTS, *(f"{name}.js" for name in dict.fromkeys(names))):
        app.add_js_file(f"{FOLDER}/{script}", loading_method="defer")


def fingerprint() -> str:
    """Tell one state of pictures, texts and data from another, so that pages are written again when they change."""
    return sha256(Path(look_pictures.__file__).read_bytes()).hexdigest()


def setup(app: Sphinx) -> dict[str, object]:
    app.add_config_value("look_pictures", fingerprint(), "html")
    app.add_directive("look", LookDirective)
    app.add_node(look, html=(visit_look, depart_look))
    app.connect("html-page-context", load_scripts)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
