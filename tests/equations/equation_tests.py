"""The tests of one chapter's numbered equations; each `test_<chapter>_equations.py` asks for them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from autograder.equations import record
from autograder.equations.checking import EquationError
from autograder.equations.fingerprints import fingerprint
from autograder.equations.mutation import mutants


def of_chapter(
    module: str, equal: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Callable, Callable, Callable]:
    """Three tests of a module of declarations: every label is declared, each holds, each mutant fails.

    Slow as a whole, so not in `make test-fast`; `make equations` runs them all, and the book is not built without them.
    equal: mutants that are the same equation, {label: {"plus to minus, no. 2": why}}; each is held to be equal.
    """
    chapter = importlib.import_module(f"autograder.equations.{module}").chapter
    labels = list(chapter.declarations)
    same = equal or {}

    def every_equation_is_declared() -> None:
        assert not chapter.undeclared(), "numbered equations that are neither read nor tied nor definitions"
        assert not chapter.without_equation(), "declared labels that the page does not have"
        assert set(same) <= set(labels)

    @pytest.mark.slow
    @pytest.mark.parametrize("label", labels)
    def equation(label: str, put_on_record: Callable[..., None], request: pytest.FixtureRequest) -> None:
        latex, kind = chapter.equations[label], chapter.declarations[label].kind
        entry: dict[str, Any] = {"page": chapter.page, "kind": kind, "test": request.node.nodeid}
        entry |= {"fingerprint": fingerprint(latex), "code": record.code_fingerprint()}
        put_on_record(label, **entry, outcome="failed", errors={})
        errors = chapter.errors(label)
        put_on_record(label, outcome="passed", errors=errors)

    @pytest.mark.slow
    @pytest.mark.parametrize("label", labels)
    def mutant(label: str, put_on_record: Callable[..., None]) -> None:
        put_on_record(label, flipped="not all noticed")
        allowed = dict(same.get(label, {}))
        detected = 0
        for changed in mutants(chapter.equations[label]):
            try:
                chapter.errors(label, changed.latex, ("complex step",))
            except EquationError:
                assert changed.what not in allowed, f"{changed.what} is said to be the same equation and is not"
                detected += 1
            else:
                assert allowed.pop(changed.what, None), f"{changed.what} is not noticed:\n{changed.latex}"
        assert not allowed, "exceptions for mutants that do not exist"
        put_on_record(label, mutants=detected, flipped=record.flipped(chapter.equations[label]))

    return every_equation_is_declared, equation, mutant
