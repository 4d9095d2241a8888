"""From solutions/<assignment>/<framework>.py, which teachers edit, to the notebooks that nbgrader reads."""

import hashlib
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


class SourceError(Exception):
    """A source file that cannot be turned into a notebook; the message names it and says why."""


def notebook_of(source: Path) -> NotebookNode:
    """The notebook of one py:percent source, with its solutions and hidden tests.

    The same source gives the same bytes: cell ids come from the grade_id or the cell's place and text.
    Raises SourceError when the file cannot be parsed or a grade_id stands there twice.
    """
    try:
        notebook = jupytext.read(source)
    except Exception as error:
        raise SourceError(f"{source}: cannot be read as a py:percent notebook ({error})") from None
    notebook.metadata = NotebookNode(kernelspec=KERNELSPEC, language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    for place, cell in enumerate(notebook.cells):
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in seen:
            raise SourceError(f"{source}: the grade_id {name!r} stands there twice; each must be unique")
        if name:
            seen.add(name)
        cell["id"] = name or hashlib.sha256(f"{place}:{cell.source}".encode()).hexdigest()[:12]
    return notebook


def write_notebooks(solutions: Path) -> list[Path]:
    """Write the notebook of every source under `solutions` beside it, where it is missing or out of date.

    Returns the notebooks that were written. They are derived files: never edited, not under version control.
    """
    written = []
    for source in sorted(solutions.glob("*/*.py")):
        target = source.with_suffix(".ipynb")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        nbformat.write(notebook_of(source), target)
        written.append(target)
    return written
