"""Importing this imports jsonschema, which nbformat needs, a second sooner than it would be."""

import contextlib
import importlib
import sys


def _import_lightly() -> None:
    """jsonschema imports rfc3987_syntax where that is installed (Jupyter brings it along), which compiles 38 grammars
    of internet addresses. No schema of a notebook has an address in it, and each command and each kernel would wait.
    """
    name = "rfc3987_syntax"
    if "jsonschema" in sys.modules or name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]  # that is how an import is made to fail
    try:
        with contextlib.suppress(ImportError):
            importlib.import_module("jsonschema")
    finally:
        del sys.modules[name]


_import_lightly()
