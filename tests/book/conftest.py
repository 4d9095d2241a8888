"""What the tests of the book share: its extensions, the built book, where it is served."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT_BOOK = ROOT / "_build" / "html"

sys.path.append(str(ROOT / "book" / "_ext"))


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The folder of the built HTML book, for tests marked `book`."""
    if not (BUILT_BOOK / "book" / "index.html").is_file():
        pytest.skip("the book is not built: `make course`, or `jupyter-book build . -W --keep-going`")
    return BUILT_BOOK


@pytest.fixture(scope="session")
def pages(built_book: Path) -> list[Path]:
    """The HTML files that hold the book's text, without index and search."""
    return sorted((built_book / "book").rglob("*.html"))


@pytest.fixture(scope="session")
def address(built_book: Path) -> Iterator[str]:
    """The built book, served on localhost."""
    from chromium import served

    with served(built_book) as base:
        yield base
