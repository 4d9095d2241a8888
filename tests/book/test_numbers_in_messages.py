"""The numbers and addresses that a check's messages give are those of the built pages."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from autograder.checks.places import place
from autograder.grading.book_places import places


@pytest.mark.book
def test_numbers_and_addresses_are_those_of_the_built_page(root, built_book):
    found = places(root)
    read = {page: (built_book / f"{page}.html").read_text(encoding="utf-8") for *_, page in found.values()}
    pages = {page: BeautifulSoup(text, "html.parser") for page, text in read.items()}
    for label, (number, _, _, page) in found.items():
        html = pages[page]
        anchor = html.find(id=place(label).address.split("#")[1])
        assert anchor is not None, label
        if number:
            assert anchor.find(class_="eqno").get_text().strip("#") == f"({number})", label
