"""Framework cells become tabs: on small Sphinx projects, with outputs as MyST-NB stores them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ALL = ("numpy", "pytorch", "tensorflow")

DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4" cx="4" cy="4"/></svg>'


class Built(NamedTuple):
    html: BeautifulSoup
    warnings: str
    folder: Path


def cell(*tags: str, source: str = "", outputs: list | None = None, **metadata) -> nbformat.NotebookNode:
    """A code cell that has been run and printed its tags."""
    printed = nbformat.v4.new_output("stream", name="stdout", text=f"ran {' '.join(tags)}\n")
    return nbformat.v4.new_code_cell(
        source or f"print('ran {' '.join(tags)}')",
        execution_count=1,
        outputs=[printed] if outputs is None else outputs,
        metadata={"tags": list(tags), **metadata},
    )


def text(words: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(words)


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """Build a page of these cells with MyST-NB and the extension."""

    def run(*cells: nbformat.NotebookNode, scratch: str = "a") -> Built:
        source = tmp_path / scratch / "source"
        source.mkdir(parents=True)
        notebook = nbformat.v4.new_notebook(
            cells=[text("# A page"), *cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, source / "index.ipynb")
        warnings = io.StringIO()
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                source,
                None,
                tmp_path / scratch / "html",
                tmp_path / scratch / "doctrees",
                "html",
                confoverrides={
                    "extensions": ["myst_nb", "framework_tabs"],
                    "source_suffix": {".md": "myst-nb"},  # Sphinx's default is one object for all builds of a process
                    "nb_execution_mode": "off",
                    "html_theme": "basic",
                },
                status=None,
                warning=warnings,
            )
            app.build()
        html = (tmp_path / scratch / "html" / "index.html").read_text()
        return Built(BeautifulSoup(html, "html.parser"), warnings.getvalue(), tmp_path / scratch)

    return run


def test_three_cells_become_one_tab_set(build):
    page = build(*map(cell, ALL))
    (tabs,) = page.html.select(".sd-tab-set")
    assert page.warnings == ""
    assert [label.get_text(strip=True) for label in tabs.select("label")] == [
        "NumPy",
        "PyTorch",
        "TensorFlow",
    ]
    for tag, panel in zip(ALL, tabs.select(".sd-tab-content"), strict=True):
        assert panel.select_one(".cell_input"), f"the code of {tag} is in its tab"
        assert f"ran {tag}" in panel.select_one(".cell_output").get_text()
    assert len(page.html.select(".cell")) == 3, "no cell is left outside, none is doubled"


def test_tabs_carry_what_syncs_them(build):
    page = build(*map(cell, ALL), text("between"), *map(cell, ALL))
    sets = page.html.select(".sd-tab-set")
    assert len(sets) == 2
    for tabs in sets:
        labels = tabs.select("label")
        assert {label["data-sync-group"] for label in labels} == {"framework"}
        assert [label["data-sync-id"] for label in labels] == list(ALL)
    assert any("design-tabs.js" in script.get("src", "") for script in page.html.select("script"))


def test_tabs_are_radio_buttons_without_scripts(build):
    """Choosing needs no script: each label is for a radio button, one of each set is chosen."""
    page = build(*map(cell, ALL))
    (tabs,) = page.html.select(".sd-tab-set")
    buttons = tabs.select("input[type=radio]")
    assert [button["id"] for button in buttons] == [label["for"] for label in tabs.select("label")]
    assert len({button["name"] for button in buttons}) == 1
    assert [button.has_attr("checked") for button in buttons] == [True, False, False]


def test_other_cells_stay_where_they_are(build):
    page = build(cell("setup"), *map(cell, ALL), cell("hide-input"))
    assert page.warnings == ""
    order = [node["class"] for node in page.html.select(".cell, .sd-tab-set")]
    assert "tag_setup" in order[0]
    assert "sd-tab-set" in order[1]
    assert "tag_hide-input" in order[-1]
    assert not page.html.select_one(".sd-tab-set .tag_setup, .sd-tab-set .tag_hide-input")


def test_figures_tables_and_hidden_code_work_inside(build):
    figure = nbformat.v4.new_output("display_data", data={"image/svg+xml": DOT, "text/plain": "dot"})
    table = nbformat.v4.new_output("display_data", data={"text/html": "<table><tr><td>7</td></tr></table>"})
    page = build(
        cell(
            "numpy",
            outputs=[figure],
            mystnb={"figure": {"name": "fig-dot", "caption": "A dot."}, "image": {"alt": "One dot."}},
        ),
        cell("pytorch", outputs=[table]),
        cell("tensorflow", "hide-input"),
        text("See {numref}`fig-dot`."),
    )
    first, second, third = page.html.select(".sd-tab-content")
    assert first.select_one("figure img")["alt"] == "One dot."
    assert "A dot." in first.select_one("figcaption").get_text()
    assert second.select_one("td").get_text() == "7"
    assert third.select_one("details .cell_input")
    assert "ran tensorflow" in third.get_text()
    assert page.html.select_one("a[href='#fig-dot']"), "a figure inside a tab can be referred to"


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        (("numpy",), "'numpy' stands alone"),
        (("pytorch", "numpy", "tensorflow"), "wrong order: pytorch, numpy, tensorflow"),
        (("numpy", "pytorch", "pytorch", "tensorflow"), "occurs twice"),
        ((*ALL, *ALL), "occurs twice"),
        (("numpy", "tensorflow"), "no cell for pytorch"),
    ],
)
def test_a_wrong_run_is_a_warning_with_file_and_line(build, tags, complaint):
    page = build(*map(cell, tags))
    (line,) = page.warnings.strip().splitlines()
    assert complaint in line
    assert "index.ipynb:" in line
    assert "WARNING" in line
    assert not page.html.select(".sd-tab-set")
    assert len(page.html.select(".cell")) == len(tags), "nothing is lost from the page"


def test_two_tags_in_one_cell_are_a_warning(build):
    page = build(cell("numpy", "pytorch"), cell("tensorflow"))
    assert "a cell with two tags" in page.warnings


def test_text_between_the_cells_is_a_warning(build):
    page = build(cell("numpy"), text("between"), cell("pytorch"), cell("tensorflow"))
    assert "'numpy' stands alone" in page.warnings
    assert "no cell for numpy" in page.warnings


def test_each_section_is_looked_at_by_itself(build):
    page = build(*map(cell, ALL), text("## Next"), *map(cell, ALL), text("### Deeper"), *map(cell, ALL))
    assert page.warnings == ""
    assert len(page.html.select(".sd-tab-set")) == 3


def test_the_notebook_stays_linear(build):
    """What MyST-NB writes for the download has the cells as the author wrote them."""
    page = build(text("before"), *map(cell, ALL), text("after"))
    notebook = json.loads((page.folder / "jupyter_execute" / "index.ipynb").read_text())
    kinds = [c["cell_type"] for c in notebook["cells"]]
    assert kinds == ["markdown", "markdown", "code", "code", "code", "markdown"]
    assert [c["metadata"]["tags"] for c in notebook["cells"][2:5]] == [[tag] for tag in ALL]
