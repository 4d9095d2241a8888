"""Numbered equations carry a mark: tested as printed, and by how much the two sides differed.

``make equations`` reads every numbered equation, evaluates it and writes the record
``_build/equations.json``. Here each numbered equation of the book is held against that
record. One that has no entry, whose test failed or did not run, or whose text was edited
after its test is a warning, and so stops the build. The others get a small link to their
row in the table that the directive ``{equation-table}`` puts on a page: equation, how it
was tested, and the largest relative error for each framework.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from autograder.equations import record
from autograder.equations.fingerprints import fingerprint

logger = logging.getLogger(__name__)

FRAMEWORKS = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "complex step": "NumPy, complex step"}
KINDS = {"read": "read", "tied": "tied", "definition": "definition"}


@dataclass(frozen=True)
class Numbered:
    """A numbered equation as Sphinx has it."""

    label: str
    fingerprint: str
    line: int | None


class EquationTable(nodes.General, nodes.Element):
    """Where the table will stand once every page has been read."""


class EquationTableDirective(SphinxDirective):
    """``{equation-table}``: what was tested, and how well it agreed."""

    def run(self) -> list[nodes.Node]:
        tables(self.env).add(self.env.docname)
        return [EquationTable()]


def marks(env: BuildEnvironment) -> dict[str, list[Numbered]]:
    """Page to its numbered equations, kept between builds."""
    if not hasattr(env, "numbered_equations"):
        env.numbered_equations = {}  # type: ignore[attr-defined]
    return env.numbered_equations  # type: ignore[attr-defined]


def tables(env: BuildEnvironment) -> set[str]:
    if not hasattr(env, "equation_tables"):
        env.equation_tables = set()  # type: ignore[attr-defined]
    return env.equation_tables  # type: ignore[attr-defined]


def numbered(doctree: nodes.document) -> Iterator[nodes.math_block]:
    return (node for node in doctree.findall(nodes.math_block) if node.get("label"))


def collect(app: Sphinx, doctree: nodes.document) -> None:
    found = [Numbered(node["label"], fingerprint(node.astext()), node.line) for node in numbered(doctree)]
    if found:
        marks(app.env)[app.env.docname] = found


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    marks(env).pop(docname, None)
    tables(env).discard(docname)


def merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    marks(env).update({name: found for name, found in marks(other).items() if name in docnames})
    tables(env).update(tables(other) & set(docnames))


def load(app: Sphinx) -> dict[str, record.Entry]:
    return record.load(Path(app.srcdir) / app.config.equation_record)


def hold_against_record(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Warn of every equation that is not tested as it stands; return the pages to write again."""
    entries, pages = load(app), marks(env)
    if pages and not entries:
        logger.warning(
            "there is no record of tested equations, %s: `make equations` makes it", app.config.equation_record
        )
        return []
    for docname, equations in pages.items():
        for equation in equations:
            reason = record.problem(equation.label, equation.fingerprint, entries)
            if reason:
                logger.warning("%s", reason, location=(docname, equation.line))
    return [*pages, *tables(env)]


def short(error: float | None) -> str:
    return "–" if error is None else "0" if error == 0 else f"{error:.0e}"


def worst(entry: record.Entry) -> float:
    return max((e for e in entry.get("errors", {}).values() if e is not None), default=0.0)


def mark(label: str, entry: record.Entry, address: str) -> str:
    """The link at a tested equation, as HTML."""
    error = short(worst(entry))
    text = f"tested: largest error {error}"
    how = "" if entry["kind"] == "read" else ", by a function tied to this text"
    return (
        f'<div class="equation-mark"><a href="{escape(address)}" title="{escape(text + how)}" '
        f'aria-label="{escape(label)}, {escape(text + how)}"><span aria-hidden="true">✓ {error}</span></a></div>'
    )


def add_marks(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(EquationTable)):
        place.replace_self(table_of_all(app, docname))
    if app.builder.format != "html" or not tables(app.env):
        return
    entries = load(app)
    appendix = min(tables(app.env))
    for node in numbered(doctree):
        entry = entries.get(node["label"])
        if entry and entry.get("outcome") == "passed" and entry["kind"] != "definition":
            address = f"{app.builder.get_relative_uri(docname, appendix)}#test-{node['label']}"
            node.parent.insert(
                node.parent.index(node) + 1, nodes.raw("", mark(node["label"], entry, address), format="html")
            )


# --- The table --------------------------------------------------------------


def table_of_all(app: Sphinx, docname: str) -> list[nodes.Node]:
    """A sentence on how many are read, then one table a chapter, in the book's order."""
    entries, pages = load(app), marks(app.env)
    found: list[nodes.Node] = [nodes.paragraph("", share(entries, pages))]
    for page in ordered(app.env, pages):
        title = app.env.titles[page].astext()
        number = app.env.titles[page].get("secnumber")
        heading = f"Chapter {number[0]}: {title}" if number else title
        link = nodes.reference("", heading, refuri=app.builder.get_relative_uri(docname, page), internal=True)
        found += [nodes.paragraph("", "", nodes.strong("", "", link)), chapter_table(app, docname, page, entries)]
    return found


def ordered(env: BuildEnvironment, pages: dict[str, list[Numbered]]) -> list[str]:
    """Pages in the order of their chapters' numbers."""
    return sorted(pages, key=lambda page: (env.titles[page].get("secnumber") or [0], page))


def share(entries: dict[str, record.Entry], pages: dict[str, list[Numbered]]) -> str:
    kinds = [entries.get(e.label, {}).get("kind") for equations in pages.values() for e in equations]
    read, tied, named = (kinds.count(kind) for kind in KINDS)
    part = f", {100 * read / (read + tied):.0f} % of those that are tested" if read + tied else ""
    return (
        f"Of {len(kinds)} numbered equations, {read} are read and evaluated as printed{part}; {tied} are tied to a "
        f"function by their text; {named} only give a name to something and are marked definitions."
    )


def chapter_table(app: Sphinx, docname: str, page: str, entries: dict[str, record.Entry]) -> nodes.table:
    head = ["Equation", "Label", "How", *FRAMEWORKS.values(), "Test"]
    rows = [equation_row(app, docname, e.label, entries.get(e.label, {})) for e in marks(app.env)[page]]
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))
    group += nodes.thead("", nodes.row("", *(cell(nodes.Text(text)) for text in head)))
    group += nodes.tbody("", *rows)
    return nodes.table("", group, classes=["equation-table"])


def equation_row(app: Sphinx, docname: str, label: str, entry: record.Entry) -> nodes.row:
    errors = entry.get("errors", {})
    said = [short(errors.get(name)) if errors else "–" for name in FRAMEWORKS]
    test = str(entry.get("test", "")).rpartition("/")[2].partition("::")[0]
    cells = [
        cell(equation_link(app, docname, label)),
        cell(nodes.literal("", label)),
        cell(nodes.Text(KINDS.get(entry.get("kind", ""), "not tested"))),
        *(cell(nodes.Text(text)) for text in said),
        cell(nodes.literal("", test)),
    ]
    return nodes.row("", *cells, ids=[f"test-{label}"])


def equation_link(app: Sphinx, docname: str, label: str) -> nodes.Node:
    """(4.13), a link to the equation."""
    ask = pending_xref("", refdomain="math", reftype="eq", reftarget=label, refdoc=docname)
    domain: Any = app.env.get_domain("math")
    found = domain.resolve_xref(app.env, docname, app.builder, "eq", label, ask, nodes.Text(label))
    return found if found is not None else nodes.Text(label)


def cell(content: nodes.Node) -> nodes.entry:
    return nodes.entry("", nodes.paragraph("", "", content))


def setup(app: Sphinx) -> dict[str, object]:
    app.add_config_value("equation_record", "_build/equations.json", "env", types=[str])
    app.add_node(EquationTable)
    app.add_directive("equation-table", EquationTableDirective)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", hold_against_record)
    app.connect("doctree-resolved", add_marks)
    app.add_css_file("equations.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
