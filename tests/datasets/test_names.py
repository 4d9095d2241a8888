"""The names: clean, nothing in two places, and the reserve drawn by a secret."""

import importlib
import os
import subprocess
import sys
from collections import Counter

import pytest

from autograder.datasets import names
from autograder.datasets.names import ALPHABET, LANGUAGES, folded, held_out, part_to_learn_from, reserve


def test_every_name_is_of_plain_letters_and_stands_once():
    pairs = [*part_to_learn_from(), *reserve()]
    assert all(len(name) > 1 and set(name) <= set(ALPHABET) for name, _ in pairs)
    assert max(Counter(name for name, _ in pairs).values()) == 1


def test_the_reserve_is_of_every_language_and_never_given_away():
    given, kept = part_to_learn_from(), reserve()
    assert not {name for name, _ in given} & {name for name, _ in kept}
    for part, least in ((given, 250), (kept, 90)):
        counts = Counter(label for _, label in part)
        assert sorted(counts) == list(range(len(LANGUAGES)))
        assert min(counts.values()) >= least
        assert max(counts.values()) <= 1.5 * min(counts.values())


def test_labels_are_spread_over_the_order():
    labels = [label for _, label in part_to_learn_from()]
    for start in range(0, 1500, 300):
        assert len(set(labels[start : start + 60])) == len(LANGUAGES)


def test_what_is_held_out_depends_on_the_secret_alone():
    first, again, other = held_out(b"one", 400), held_out(b"one", 400), held_out(b"two", 400)
    assert first == again
    assert first != other
    assert len(set(first)) == 400
    assert set(first) <= set(reserve())
    assert {name for name, _ in first} != {name for name, _ in other}


def test_the_parts_are_the_same_in_another_process():
    """Nothing hangs on the order of sets, which Python changes from run to run."""
    code = "from autograder.datasets.names import *; print(part_to_learn_from()[:50], reserve()[:50])"
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] != ""


@pytest.mark.parametrize(
    ("name", "plain"), [("Núñez", "nunez"), ("Groß", "gross"), ("Đurić", "duric"), ("Lefèvre", "lefevre")]
)
def test_accents_are_folded(name, plain):
    assert folded(name) == plain


def test_without_the_package_it_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match="pip install faker"):
        names._last_names("de_DE")
