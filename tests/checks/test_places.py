"""What a message points at is in the book, under that number."""

from __future__ import annotations

import importlib
import json

from autograder.checks import checking
from autograder.checks.places import described, place
from autograder.grading.book_places import TARGET, places


def test_the_labels_are_up_to_date(root):
    assert json.loads(TARGET.read_text(encoding="utf-8")) == places(root), "run: make release"


def test_every_pointer_has_a_place():
    for module in checking.assignments().values():
        for question in importlib.import_module(f"autograder.checks.{module}").QUESTIONS.values():
            for label in (question.see, *(m.see for m in question.mistakes if m.see)):
                assert place(label).section, label


def test_a_place_in_words():
    text = described("eq-rnn-h")
    assert text.startswith("equation (3.")
    assert "chapter 3" in text
    assert described("") == ""
    assert described("sec-rnn") == '"The vanilla RNN" in chapter 3'
