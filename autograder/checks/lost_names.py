"""A check of a name that the kernel does not know: told as such, instead of as a NameError with its frames.

Python fails before `check` is called, so this hooks into IPython's own report of NameErrors, and touches none but those
that arise in a call of `check`.
"""

import linecache
import re
import sys
import traceback
from types import TracebackType
from typing import Any

_CALL = re.compile(r"^\s*check\(")


def watch_for_lost_names() -> None:
    """In IPython, unless somebody else handles exceptions there already, explain names that a check cannot find."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and not getattr(shell, "custom_exceptions", ()):
        shell.set_custom_exc((NameError,), _show)


def _show(shell: Any, kind: type, error: NameError, tb: TracebackType, tb_offset: int | None = None) -> None:
    where = traceback.extract_tb(tb)[-1]
    lines = [
        linecache.getline(where.filename, n) for n in range(max(1, (where.lineno or 1) - 4), (where.lineno or 0) + 1)
    ]
    if error.name and where.name == "<module>" and any(map(_CALL.match, lines)):
        told = explained(error.name)
        error._render_traceback_ = lambda: told  # type: ignore[attr-defined]  # what IPython asks an exception for
    shell.showtraceback((kind, error, tb), tb_offset=tb_offset)


def explained(name: str) -> list[str]:
    """The message, line by line."""
    return [
        f"✗ {name} is not defined here: its cell has not been run, or the kernel was restarted since",
        f"  → Run the cell that defines {name} (after a restart: all cells from the first), then this one again. "
        "Or is the name spelt differently there?",
    ]
