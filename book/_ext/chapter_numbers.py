"""Chapters carry the numbers of the syllabus, also while earlier chapters are missing.

``chapter_numbers`` in ``_config.yml`` maps a page to its number. From it come the
numbers of the page's sections (4.1, 4.2 …), of its figures and tables (Figure 4.1)
and of its labelled equations (4.1). Pages that are not in the table have none.

Sphinx numbers by position in the table of contents, and cannot begin at three.
"""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.util import logging

logger = logging.getLogger(__name__)

Number = tuple[int, ...]


def number_entry(entry: nodes.Element, number: Number) -> dict[str, Number]:
    """Number an entry of a page's table of contents and the entries below it.

    An entry is a list item: a paragraph with the reference to a section, and
    perhaps a list of the section's own entries. The numbers are written into the
    references (the sidebar shows them) and returned by the sections' anchors.
    """
    by_anchor: dict[str, Number] = {}
    for child in entry.children:
        if isinstance(child, addnodes.compact_paragraph):
            reference = child[0]
            reference["secnumber"] = list(number)
            by_anchor[reference["anchorname"]] = number
        elif isinstance(child, nodes.bullet_list):
            for position, below in enumerate(child.children, start=1):
                by_anchor |= number_entry(below, (*number, position))
    return by_anchor


def assign_numbers(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Number the chapters' sections and figures; return the pages to write again."""
    table: dict[str, int] = app.config.chapter_numbers
    for docname in table:
        if docname not in env.tocs:
            logger.warning("chapter_numbers in _config.yml names %r, which is not in the book", docname)
    chapters = {docname: (number,) for docname, number in table.items() if docname in env.tocs}
    for docname, number in chapters.items():
        env.titles[docname]["secnumber"] = list(number)
        (page,) = env.tocs[docname].children
        env.toc_secnumbers[docname] = number_entry(page, number)
    # Figures and equations are numbered within sections, so again after them.
    TocTreeCollector().assign_figure_numbers(env)
    return list(chapters)


def setup(app: Sphinx) -> dict[str, object]:
    app.add_config_value("chapter_numbers", {}, "env", types=[dict])
    # After Sphinx's own numbering of the table of contents, which is at 500.
    app.connect("env-get-updated", assign_numbers, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
