"""The notebook behind each page: what is downloaded, what Colab and Binder open.

A chapter's source is MyST Markdown. Its executed, linear notebook is written
beside the built page (``_sources/….ipynb``). Four things are done to it here:

- Its first cell brings the course's light package where it is missing, as in
  Colab; where it is there, as in the course's own environment, the cell does
  nothing.
- Its Markdown is made plain (see ``plain_markdown``).
- What native libraries log while they start is left out, as on the page.
- The theme's Colab button would open the Markdown, which Colab cannot. It is
  pointed at the notebook of the *published* book, on the branch ``gh-pages``.
  Binder's button is right as it is: Binder has the repository's environment, and
  jupytext there opens the Markdown as a notebook (see ``postBuild``).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from plain_markdown import Names, names_of_book, plain
from sphinx.application import Sphinx
from stderr import without_chatter

PUBLISHED_BRANCH = "gh-pages"

SETUP_CELL = """\
# Colab and other places without the course's package: fetch it. Elsewhere: nothing.
import importlib.util

if importlib.util.find_spec("autograder") is None:
    %pip install --quiet "unrolled @ git+{repository}"
"""


def with_setup_cell(notebook: nbformat.NotebookNode, repository: str) -> nbformat.NotebookNode:
    """Return the notebook with the cell that brings the package in front (once)."""
    cell = nbformat.v4.new_code_cell(
        SETUP_CELL.format(repository=repository), id="course-package", metadata={"tags": ["setup"]}
    )
    kept = [old for old in notebook.cells if old.get("id") != cell.id]
    return nbformat.from_dict({**notebook, "cells": [cell, *kept]})


def without_stderr_chatter(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook without the lines that libraries log while starting."""

    def kept(output: nbformat.NotebookNode) -> bool:
        return output.get("name") != "stderr" or bool(without_chatter(output.text))

    cells = [
        nbformat.from_dict({**cell, "outputs": [o for o in cell.outputs if kept(o)]})
        if cell.cell_type == "code"
        else cell
        for cell in notebook.cells
    ]
    return nbformat.from_dict({**notebook, "cells": cells})


def with_plain_markdown(notebook: nbformat.NotebookNode, names: Names) -> nbformat.NotebookNode:
    """Return the notebook with Markdown that any Jupyter understands, captions included."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell = nbformat.from_dict({**cell, "source": plain(cell.source, names)})
        cells.append(cell)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            cells.append(caption_cell(figure, names))
    return nbformat.from_dict({**notebook, "cells": cells})


def caption_cell(figure: dict[str, str], names: Names) -> nbformat.NotebookNode:
    """Return a cell with a figure's number and caption, which only the page prints below it."""
    label = figure.get("name", "")
    number = names.formats.get(label, "Figure").replace("%s", names.numbers.get(label, ""))
    text = f"**{number.strip()}.** {plain(figure['caption'].strip(), names)}"
    return nbformat.v4.new_markdown_cell(text, id=f"caption-{label}"[:64])


def is_notebook(app: Sphinx, pagename: str) -> bool:
    return "kernelspec" in app.env.metadata.get(pagename, {})


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Write the notebook of each executed page where its download button looks."""
    if exception is not None or app.builder.format != "html":
        return
    names = names_of_book(app)
    repository = app.config.html_theme_options["repository_url"]
    for pagename in filter(partial(is_notebook, app), app.env.found_docs):
        executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
        target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        notebook = nbformat.read(executed, as_version=4)
        notebook.nbformat_minor = max(notebook.nbformat_minor, 5)  # cells have names
        notebook = with_plain_markdown(without_stderr_chatter(notebook), names)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(with_setup_cell(notebook, repository), target)


def colab_address(repository: str, pagename: str) -> str:
    """Return where Colab finds the page's notebook: with the published book."""
    project = repository.removeprefix("https://github.com/")
    path = f"{project}/blob/{PUBLISHED_BRANCH}/_sources/{pagename}.ipynb"
    return f"https://colab.research.google.com/github/{path}"


def correct_colab_button(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Point the Colab button of an executed page at its notebook."""
    if doctree is None or not is_notebook(app, pagename):
        return
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button["text"] == "Colab":
                repository = app.config.html_theme_options["repository_url"]
                button["url"] = colab_address(repository, pagename)


def setup(app: Sphinx) -> dict[str, object]:
    # After the theme has made its buttons, which is at 501.
    app.connect("html-page-context", correct_colab_button, priority=600)
    app.connect("build-finished", write_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
