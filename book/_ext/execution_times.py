"""How long each page took to run: the directive `execution-times`.

The seconds are MyST-NB's, from the run whose results are printed: a page that has not
changed since keeps its results and its time. The machine is the one that builds.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from autograder.frameworks import FRAMEWORKS, version


class execution_times(nodes.General, nodes.Element):
    """A place for the table, which is made when all pages have been read."""


class ExecutionTimes(SphinxDirective):
    """A sentence with the machine and its software, and a table of pages and seconds."""

    def run(self) -> list[nodes.Node]:
        return [execution_times()]


def processor() -> str:
    """Return what this machine's processor calls itself, as far as it says."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_gpu() -> bool:
    """True if the machine has an NVIDIA device that a framework could use."""
    return Path("/dev/nvidiactl").exists()


def machine() -> str:
    """Say on what this copy of the book was built."""
    versions = ", ".join(f"{name} {version(module)}" for name, module in {"NumPy": "numpy", **FRAMEWORKS}.items())
    number = cores()
    return (
        f"{processor()}, {number} core{'s' * (number > 1)}, {'with' if has_gpu() else 'no'} GPU; "
        f"Python {platform.python_version()}, {versions}."
    )


def runtimes(env: Any) -> dict[str, float]:
    """Return the seconds of each page that was run, in the order of the contents."""
    found: dict[str, float] = {}
    order = [env.config.root_doc]
    for docname in order:
        order += [below for below in env.toctree_includes.get(docname, []) if below not in order]
        seconds = (env.nb_metadata.get(docname, {}).get("exec_data") or {}).get("runtime")
        if seconds is not None:
            found[docname] = seconds
    return found


def fill_in(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put sentence and table where the directive stands."""
    for place in list(doctree.findall(execution_times)):
        rows = nodes.tbody()
        for page, seconds in runtimes(app.env).items():
            number = ".".join(map(str, app.env.titles[page].get("secnumber", ())))
            target = app.builder.get_relative_uri(docname, page)
            title = app.env.titles[page].astext()
            link = nodes.paragraph("", "", nodes.reference("", title, internal=True, refuri=target))
            entries = (nodes.paragraph("", number), link, nodes.paragraph("", f"{seconds:.0f}"))
            rows += nodes.row("", *(nodes.entry("", entry) for entry in entries))
        heads = (nodes.entry("", nodes.paragraph("", head)) for head in ("", "page", "seconds"))
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (1, 6, 2)), cols=3)
        group += [nodes.thead("", nodes.row("", *heads)), rows]
        place.replace_self([nodes.paragraph("", machine()), nodes.table("", group, classes=["execution-times"])])


def setup(app: Sphinx) -> dict[str, object]:
    app.add_directive("execution-times", ExecutionTimes)
    app.add_node(execution_times)
    app.connect("doctree-resolved", fill_in)
    # The times are known when all pages have been read: write this page again each time.
    app.connect("env-updated", lambda app, env: pages_with_times(env))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def pages_with_times(env: Any) -> list[str]:
    """Return the pages that hold the table."""
    return [name for name in env.found_docs if name.endswith("execution-times")]
