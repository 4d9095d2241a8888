"""What a cell writes to stderr: start-up chatter is dropped, the rest fails the build.

TensorFlow's native libraries log lines at import that no setting silences (in
2.21 ``TF_CPP_MIN_LOG_LEVEL`` does not reach what is logged before absl is
initialised), and more of them on a machine with a GPU. They tell a reader
nothing. Everything else on stderr is a Python warning that a reader would see
too: it becomes a Sphinx warning with file and line, and the author mends it.

An error is not concerned: it is raised, and stops the build by itself.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

CHATTER = re.compile(
    r"""
      WARNING:\ All\ log\ messages\ before\ absl::InitializeLog
    | [IWE]\d{4}\ \d\d:\d\d:[\d.]+\s+\d+\ \S+:\d+\]               # absl: I0000 00:00:17.8  123 port.cc:153]
    | \d{4}-\d\d-\d\d\ \d\d:\d\d:[\d.]+:\ [IWE]\ \S+:\d+\]        # TensorFlow's own
    | To\ enable\ the\ following\ instructions:.*rebuild\ TensorFlow
    | Skipping\ registering\ GPU\ devices
    """,
    re.VERBOSE,
)

logger = logging.getLogger(__name__)


def without_chatter(text: str) -> str:
    """Return the lines that no native library wrote while starting."""
    return "\n".join(line for line in text.splitlines() if line.strip() and not CHATTER.match(line))


def judge_stderr(app: Sphinx, doctree: nodes.document) -> None:
    """Remove stderr from an executed page; warn where it held more than chatter."""

    def is_stderr(node: nodes.Node) -> bool:
        return isinstance(node, nodes.literal_block) and "stderr" in node["classes"]

    for block in list(doctree.findall(is_stderr)):
        rest = without_chatter(block.astext())
        if rest:
            logger.warning("the cell writes to stderr: %s", rest, location=block, type="stderr")
        else:
            output = block.parent
            output.remove(block)
            if not output.children:
                output.parent.remove(output)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("doctree-read", judge_stderr)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
