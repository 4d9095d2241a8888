"""The index, which Sphinx makes of all index entries and terms, as the last line of the contents.

The contents are those of ``_toc.yml``, which knows files only; the index is no file.
"""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def add_index(app: Sphinx, doctree: nodes.document) -> None:
    """Add the index to the last part of the root page's contents."""
    parts = list(doctree.findall(addnodes.toctree)) if app.env.docname == app.config.root_doc else []
    if parts and (None, "genindex") not in parts[-1]["entries"]:
        parts[-1]["entries"].append((None, "genindex"))


def setup(app: Sphinx) -> dict[str, object]:
    # After sphinx_external_toc has put the contents in, at 500.
    app.connect("doctree-read", add_index, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
