"""Every tested equation goes into the record, `_build/equations.json`, when the session ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograder.equations import record

_FOUND = pytest.StashKey[dict[str, record.Entry]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--label", default="", help="test the equation with this label only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --label: keep the tests of this label. Raises UsageError if there are none."""
    label = config.getoption("--label")
    if label:
        kept = [i for i in items if getattr(i, "callspec", None) and i.callspec.params.get("label") == label]
        if not kept:
            raise pytest.UsageError(f"no equation is declared with the label {label!r}")
        items[:] = kept


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FOUND] = {}


@pytest.fixture
def put_on_record(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`put_on_record(label, errors=..., ...)`: fields of the label's entry."""

    def put(label: str, **fields: Any) -> None:
        request.config.stash[_FOUND].setdefault(label, {}).update(fields)

    return put


def pytest_sessionfinish(session: pytest.Session) -> None:
    found = session.config.stash.get(_FOUND, {})
    if found:
        record.merge(found)
