"""Consecutive cells tagged numpy, pytorch and tensorflow become one tab set.

A code cell written inside a tab does not run: MyST-NB executes only the cells at
the top level of a page. So the source stays linear, three cells one after the
other, and the tabs are made here, from the page after it has run. The notebook
behind the download button is written before that and stays linear too.

A run of tagged cells must be exactly one of each, in that order; anything else is
a warning with file and line, and the book is built with warnings as errors.

The nodes are those of sphinx-design's ``tab-set`` directive. Its script makes
every set of the group ``framework`` follow a choice and remembers the choice
between visits; without scripts the tabs are radio buttons and still work.
"""

from __future__ import annotations

from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx_design.shared import create_component

FRAMEWORKS = {"numpy": "NumPy", "pytorch": "PyTorch", "tensorflow": "TensorFlow"}
SYNC_GROUP = "framework"

logger = logging.getLogger(__name__)


def frameworks_of(node: nodes.Node) -> list[str]:
    """Return the framework tags of an executed code cell; [] for any other node."""
    if not (isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"):
        return []
    tags = node.get("cell_metadata", {}).get("tags", [])
    return [tag for tag in tags if tag in FRAMEWORKS]


def runs_of_cells(parent: nodes.Element) -> Iterator[list[nodes.container]]:
    """Yield each longest run of neighbouring children that are tagged cells."""
    run: list[nodes.container] = []
    for child in parent.children:
        if frameworks_of(child):
            run.append(child)
        elif run:
            yield run
            run = []
    if run:
        yield run


def fault(tags: list[list[str]]) -> str | None:
    """Say what keeps a run of cells, given by their framework tags, from being a tab set."""
    wanted = list(FRAMEWORKS)
    if any(len(of_one_cell) > 1 for of_one_cell in tags):
        return "a cell belongs to one framework, this run has a cell with two tags"
    found = [of_one_cell[0] for of_one_cell in tags]
    if found == wanted:
        return None
    if len(found) == 1:
        return f"a cell tagged {found[0]!r} stands alone"
    if len(set(found)) < len(found):
        return f"a framework occurs twice in one run of cells: {', '.join(found)}"
    if len(found) < len(wanted):
        missing = ", ".join(tag for tag in wanted if tag not in found)
        return f"a run of framework cells has no cell for {missing}"
    return f"framework cells are in the wrong order: {', '.join(found)}"


def tab_set(cells: list[nodes.container]) -> nodes.container:
    """Build sphinx-design's tab set around the three cells of a run."""
    items = []
    for cell in cells:
        (tag,) = frameworks_of(cell)
        label = nodes.rubric(
            FRAMEWORKS[tag],
            FRAMEWORKS[tag],
            classes=["sd-tab-label"],
            sync_group=SYNC_GROUP,
            sync_id=tag,
        )
        content = create_component("tab-content", classes=["sd-tab-content"], children=[cell])
        item = create_component("tab-item", classes=["sd-tab-item"], children=[label, content], selected=False)
        items.append(item)
    for node, cell in zip(items, cells, strict=True):
        node.source, node.line = cell.source, cell.line
    result = create_component("tab-set", classes=["sd-tab-set", "framework-tabs"], children=items)
    result.source, result.line = cells[0].source, cells[0].line
    return result


def group_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Replace each run of framework cells in an executed page by a tab set."""
    parents = {id(cell.parent): cell.parent for cell in doctree.findall(frameworks_of)}
    for parent in parents.values():
        for run in list(runs_of_cells(parent)):
            problem = fault([frameworks_of(cell) for cell in run])
            if problem:
                logger.warning(
                    "%s; write one cell tagged each of %s, in this order, with nothing between them",
                    problem,
                    ", ".join(FRAMEWORKS),
                    location=run[0],
                    type="framework_tabs",
                )
                continue
            start = parent.index(run[0])
            parent[start : start + len(run)] = [tab_set(run)]


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("sphinx_design")
    app.connect("doctree-read", group_cells)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
