"""A reader without PyTorch or TensorFlow: the chapter says what is left out, and the rest of it runs.

The first test reads the chapters and runs nothing; the slow ones execute them where a framework cannot be found.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

from autograder.frameworks import FRAMEWORKS, LeaveOut

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = list(yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]["chapter_numbers"])
TAGS = {"PyTorch": "pytorch", "TensorFlow": "tensorflow"}
SAID = "not installed: "

# The finders of this process answer as if the modules were not there.
HIDE = """\
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in {modules} else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


def notebook(docname: str) -> nbformat.NotebookNode:
    return jupytext.read(ROOT / f"{docname}.md")


def framework_of(cell: nbformat.NotebookNode) -> str | None:
    return next((name for name, tag in TAGS.items() if tag in cell.metadata.get("tags", [])), None)


@pytest.mark.parametrize("docname", CHAPTERS)
def test_a_statement_needs_one_framework(docname):
    """So that without one of them the others are still compared, and NumPy's cells lose nothing."""
    transformer = LeaveOut(FRAMEWORKS)
    magics = TransformerManager()
    for cell in notebook(docname).cells:
        if cell.cell_type != "code":
            continue
        source = magics.transform_cell(cell.source)
        needed: list[tuple[str, frozenset[str]]] = []

        def note(statement: ast.stmt, needed=needed) -> None:
            needed.append((ast.unparse(statement), transformer.needs(statement)))
            LeaveOut.leave_out(transformer, statement)

        transformer.leave_out = note  # type: ignore[method-assign]
        transformer.visit(ast.parse(source))
        allowed = {framework_of(cell)} if framework_of(cell) else set(FRAMEWORKS)
        if "numpy" in cell.metadata.get("tags", []):
            allowed = set()
        for statement, frameworks in needed:
            assert len(frameworks) == 1, f"one statement needs {' and '.join(frameworks)}:\n{statement}"
            assert frameworks <= allowed, f"a cell of another framework needs {', '.join(frameworks)}:\n{statement}"


@pytest.mark.parametrize("docname", CHAPTERS)
def test_the_first_cell_asks_what_there_is(docname):
    first = next(cell for cell in notebook(docname).cells if cell.cell_type == "code")
    assert "%load_ext autograder.frameworks" in first.source


ONE_OF_THEM = [pytest.param((name,), marks=pytest.mark.long) for name in FRAMEWORKS]


@pytest.mark.slow
@pytest.mark.parametrize("missing", [*ONE_OF_THEM, tuple(FRAMEWORKS)], ids=" and ".join)
@pytest.mark.parametrize("docname", CHAPTERS)
def test_the_rest_of_the_chapter_runs(docname, missing):
    chapter = notebook(docname)
    hide = nbformat.v4.new_code_cell(HIDE.format(modules={FRAMEWORKS[name] for name in missing}))
    chapter.cells.insert(0, hide)
    chapter.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(chapter, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()

    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    advice = printed(code[1])
    assert all(name in advice for name in missing)
    assert "pip install " + " ".join(FRAMEWORKS[name] for name in missing) in advice
    for cell in code[2:]:
        lines = [line for line in printed(cell).splitlines() if SAID in line]
        assert len(lines) <= 1, "one line a cell"
        if framework_of(cell) in missing:
            needs = re.search(r"\b(torch|tf)\b", cell.source)
            assert lines or not needs, f"nothing is said about a cell that needs {framework_of(cell)}:\n{cell.source}"
        elif framework_of(cell) or "numpy" in cell.metadata.get("tags", []):
            assert not lines, f"{lines} in a cell that needs none of it:\n{cell.source}"
        if lines:
            assert re.match(rf"{' and '.join(missing)} (is|are) |({'|'.join(missing)}) is ", lines[0])


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
