"""The notebook's own words about itself: identities, versions, kernels, and JSON that is hardly a notebook."""

import json
from functools import partial

import nbformat

from attacks.corpus import attack, cell_of, insert

attack = partial(attack, theme="notebook metadata")


@attack(
    "kernelspec-edited",
    "asks for another kernel, by a path, with a command line, in another language",
    honest=["softsign"],
)
def kernelspec_edited(notebook, known):
    command = ["sh", "-c", f"touch {known['drops'][0]}/kernelspec"]
    notebook.metadata["kernelspec"] = {
        "name": "../../../tmp/evil",
        "display_name": "<script>unrolled_xss()</script>",
        "language": "bash",
        "argv": command,
        "metadata": {"kernel_provisioner": {"provisioner_name": "local-provisioner", "config": {"argv": command}}},
    }
    notebook.metadata["language_info"] = {"name": "javascript", "pygments_lexer": "../../x", "file_extension": ".sh"}
    return notebook


@attack("kernelspec-missing", "has no metadata at all", honest=["softsign"])
def kernelspec_missing(notebook, known):
    notebook.metadata = nbformat.NotebookNode()
    return notebook


@attack(
    "grade-ids-doubled",
    "has every graded cell twice, with the same grade_id, the second with other content",
    honest=["softsign"],
)
def grade_ids_doubled(notebook, known):
    for cell in list(notebook.cells):
        if "nbgrader" in cell.metadata:
            copy = nbformat.from_dict(cell)
            copy["id"] = f"{cell['id']}-2"
            if cell.cell_type == "code":
                copy.source = "pass"
            notebook.cells.append(copy)
    return notebook


@attack("grade-ids-of-others", "uses grade_ids of other questions, of other assignments, and none", honest=["softsign"])
def grade_ids_of_others(notebook, known):
    cell_of(notebook, "moving-average").metadata["nbgrader"]["grade_id"] = "softsign-again"
    cell_of(notebook, "scale-rows").metadata["nbgrader"]["grade_id"] = "../../softsign"
    cell_of(notebook, "is-stable").metadata["nbgrader"].pop("grade_id")
    cell_of(notebook, "half-life").metadata["nbgrader"]["grade_id"] = ["softsign"]
    return notebook


@attack("schema-version-99", "claims nbgrader metadata of a version that does not exist yet", honest=["softsign"])
def schema_version(notebook, known):
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["schema_version"] = (99, 0, "3", None, -1)[number % 5]
    return notebook


@attack(
    "settings-of-wrong-types",
    "has points that are lists, flags that are texts, and checksums that are scripts",
    honest=["softsign"],
)
def wrong_types(notebook, known):
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            settings = cell.metadata["nbgrader"]
            settings["points"] = ([1], {}, "nan", 1e308, -5)[number % 5]
            settings["grade"] = settings["solution"] = settings["locked"] = ("yes", [], 0, None)[number % 4]
            settings["checksum"] = "<script>unrolled_xss()</script>"
            settings["cell_type"] = "raw"
    return notebook


@attack("settings-that-are-no-mapping", "has nbgrader metadata that are a list, a number and a text", honest=[])
def no_mapping(notebook, known):
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"] = (["x"], 7, "text")[number % 3]
    return notebook


@attack(
    "cells-retyped", "turns test cells into Markdown and raw cells and an answer into raw text", honest=["softsign"]
)
def retyped(notebook, known):
    for number, cell in enumerate(notebook.cells):
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.cell_type = ("markdown", "raw")[number % 2]
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
    return notebook


@attack(
    "cell-ids-broken", "has cell ids that are doubled, too long, empty, and with odd characters", honest=["softsign"]
)
def cell_ids(notebook, known):
    data = json.loads(nbformat.writes(notebook))
    for number, cell in enumerate(data["cells"]):
        cell["id"] = ("same", "x" * 500, "", "<script>", "../..")[number % 5]
    return json.dumps(data).encode()


@attack(
    "hidden-in-metadata", "puts scripts, widgets and links into metadata, attachments and a title", honest=["softsign"]
)
def hidden_in_metadata(notebook, known):
    script = "</script><script>unrolled_xss()</script><img src=x onerror=unrolled_xss()>"
    notebook.metadata["title"] = script
    notebook.metadata["authors"] = [{"name": script}]
    notebook.metadata["language_info"] = {"name": script, "mimetype": script, "codemirror_mode": script}
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"x": {"html": script}}, "version_major": 2}}
    notebook.metadata["widgets"] = state
    for cell in notebook.cells:
        cell.metadata["tags"] = [script, "hide_input"]
        cell.metadata["slideshow"] = {"slide_type": script}
    picture = insert(notebook, "softsign-answer", f"![{script}](attachment:x.svg)", "markdown")
    picture["attachments"] = {"x.svg": {"image/svg+xml": f"<svg onload='unrolled_xss()'>{script}</svg>"}}
    return notebook


@attack("half-a-notebook", "is cut off in the middle")
def half(notebook, known):
    return nbformat.writes(notebook).encode()[:5000]


@attack("no-bytes", "is an empty file")
def empty(notebook, known):
    return b""


@attack("nested-without-end", "is a tower of a hundred thousand brackets")
def nested(notebook, known):
    return b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b', "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@attack("numbers-without-end", "has a nbformat of a hundred thousand digits, NaN, infinities and lone surrogates")
def numbers(notebook, known):
    return (
        b'{"cells": [], "metadata": {"x": NaN, "y": -Infinity, "z": "\\ud800"}, "nbformat": 4, "nbformat_minor": '
        + b"9" * 100_000
        + b"}"
    )


@attack(
    "nul-and-controls", "has NUL, lone surrogates and control characters in its answers and ids", honest=["softsign"]
)
def nul(notebook, known):
    insert(notebook, "softsign-answer", "# \x00\x1b[2J\u202e\ufeff")
    insert(notebook, "softsign-answer", "\ud800 lone", "markdown")
    return json.dumps(
        json.loads(nbformat.writes(notebook).encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"))
    ).encode()


@attack("byte-order-mark", "begins with a byte-order mark, which is nobody's fault", honest=["softsign"])
def mark(notebook, known):
    return b"\xef\xbb\xbf" + nbformat.writes(notebook).encode()


@attack(
    "old-format", "is written in format 3, minor 0, as if by an old program", honest=["softsign"], spared=["softsign"]
)
def old(notebook, known):
    cells = [
        {
            "cell_type": "code",
            "input": c.source,
            "outputs": [],
            "language": "python",
            "metadata": dict(c.metadata),
            "collapsed": False,
        }
        for c in notebook.cells
        if c.cell_type == "code"
    ]
    content = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "<script>"},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    return json.dumps(content).encode()


@attack("wrong-minor", "has cell ids and says it is format 4.2", honest=["softsign"])
def minor(notebook, known):
    data = json.loads(nbformat.writes(notebook))
    data["nbformat_minor"] = 2
    return json.dumps(data).encode()


@attack("keys-twice", "has every important key of the JSON twice, with two values", honest=["softsign"])
def keys_twice(notebook, known):
    text = nbformat.writes(notebook)
    text = text.replace('"points":', '"points": 200, "points":').replace('"grade_id":', '"grade_id": "x", "grade_id":')
    return text.encode()


@attack(
    "cells-without-end",
    "has twenty thousand cells of its own",
    honest=["softsign"],
    spared=["softsign"],
    unsafe="takes stock nbgrader minutes",
)
def cells_without_end(notebook, known):
    notebook.cells += [nbformat.v4.new_code_cell("1") for _ in range(20_000)]
    return notebook


@attack(
    "saved-outputs-of-19-megabytes", "has saved outputs that are just within the size that is read", honest=["softsign"]
)
def large_outputs(notebook, known):
    cell = insert(notebook, "softsign-answer", "1 + 1")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "x" * (19 * 2**20)})]
    return notebook


@attack("outputs-of-30-megabytes", "is larger than any notebook that anybody writes", unsafe="", honest=[])
def too_large(notebook, known):
    cell = insert(notebook, "softsign-answer", "1 + 1")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "x" * (30 * 2**20)})]
    return notebook


@attack("another-assignment", "hands in the released notebook of another course, with all its points", honest=[])
def another(notebook, known):
    cells = [nbformat.v4.new_code_cell("print('fine')")]
    cells[0].metadata["nbgrader"] = {
        "grade": True,
        "grade_id": "q",
        "points": 100,
        "schema_version": 3,
        "solution": False,
        "locked": True,
        "task": False,
        "cell_type": "code",
        "checksum": "0",
    }
    return nbformat.v4.new_notebook(cells=cells)


@attack("a-list", "is JSON, but a list of strings")
def a_list(notebook, known):
    return json.dumps(["not", "a", "notebook"]).encode()


@attack(
    "cells-that-are-no-cells", "has cells that are numbers, sources that are lists of lists, outputs that are texts"
)
def no_cells(notebook, known):
    data = json.loads(nbformat.writes(notebook))
    data["cells"] = [
        1,
        None,
        {"cell_type": "code", "source": [["x"]], "outputs": "text", "metadata": [], "execution_count": "x"},
        *data["cells"],
    ]
    return json.dumps(data).encode()
