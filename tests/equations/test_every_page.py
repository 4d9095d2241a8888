"""Every page of the book: its numbered equations are declared, and every reference to one has its equation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograder.equations.chapters import chapters, module_names
from autograder.equations.fingerprints import equations_of

ROOT = Path(__file__).parents[2]
PAGES = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in sorted((ROOT / "book").rglob("*.md"))}
NUMBERED = {page: found for page, text in PAGES.items() if (found := equations_of(text))}


@pytest.mark.parametrize("page", NUMBERED)
def test_a_page_with_numbered_equations_declares_each(page: str) -> None:
    (chapter,) = [c for c in chapters() if c.page == page]
    assert set(NUMBERED[page]) == set(chapter.declarations)


def test_no_label_stands_on_two_pages() -> None:
    labels = [label for found in NUMBERED.values() for label in found]
    assert len(labels) == len(set(labels))


def test_every_reference_has_its_equation() -> None:
    known = {label for found in NUMBERED.values() for label in found}
    asked = {label for text in PAGES.values() for label in re.findall(r"\{eq\}`(eq-[\w-]+)`", text)}
    assert asked <= known


def test_nine_in_ten_are_read() -> None:
    kinds = [d.kind for chapter in chapters() for d in chapter.declarations.values()]
    assert kinds.count("read") >= 0.9 * (kinds.count("read") + kinds.count("tied"))


def test_every_chapter_has_its_tests() -> None:
    """A module of declarations without a test file would never be run."""
    tests = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*_equations.py"))
    for name in module_names():
        assert f'"{name.removeprefix("autograder.equations.")}"' in tests, name
