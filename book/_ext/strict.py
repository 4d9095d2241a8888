"""A warning stays a warning until it is mended.

Sphinx reports what it finds while it reads a page, and keeps the page's tree. The
next build takes the tree, reads nothing, finds nothing, and passes, even with
warnings as errors. So after a build with warnings the kept environment is thrown
away, and the next build reads every page again (cells do not run again: their
outputs are in the notebook cache).
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx


def forget_after_warnings(app: Sphinx, exception: Exception | None) -> None:
    """Remove the kept environment if this build warned of anything, or broke."""
    if exception is not None or app._warncount:  # Sphinx has no public counter
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("build-finished", forget_after_warnings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
