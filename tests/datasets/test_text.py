"""The bundled text and the checkpoint: what they promise, and how the text was made."""

import numpy as np
import pytest

from autograder.datasets import from_book, text


def test_the_text_is_plain_and_small():
    book = text.book_text()
    assert book.isascii()
    assert book == book.lower()
    assert 100_000 <= len(book) <= from_book.LIMIT
    assert text.held_out_text().endswith("\n")
    assert "\n\n" not in book
    assert set(text.characters()) == set(book) >= set(text.held_out_text())
    assert not set(book) & set("$`{}<>\\")


def test_ids_and_characters_belong_together():
    assert text.decode(text.encode("the state\n")) == "the state\n"
    assert text.encode("").shape == (0,)
    with pytest.raises(ValueError, match="not in the vocabulary: 'T' 'é'"):
        text.encode("Thé")


def test_the_held_out_text_is_no_part_of_the_training():
    train, held_out = text.training_ids(), text.held_out_ids()
    assert len(held_out) == text.HELD_OUT
    assert text.decode(train) == text.book_text()
    assert text.decode(held_out) == text.held_out_text()
    lines = text.decode(held_out).split("\n")
    long = [line for line in lines if len(line) > 100]
    assert long
    assert not any(line in text.decode(train) for line in long)


def test_the_checkpoint_fits_the_vocabulary():
    saved = text.checkpoint()
    K, D, H = len(text.characters()), 16, 48
    shapes = {"E": (K, D), "W": (D, H), "U": (H, H), "b": (H,), "V": (H, K), "b_y": (K,)}
    assert {name: v.shape for name, v in saved.items()} == shapes
    assert all(v.dtype == np.float32 for v in saved.values())
    assert list(saved) == list(text.PARAMETERS)


PAGE = """---
kernelspec: no prose
---

(sec-x)=
# A heading

Two *short* sentences, with a {term}`state <states>` and a source {cite:p}`someone`. This one has $x_t$ in it.
Only the first is kept.

```{code-cell} python
print("no prose at all, and that is that.")
```

$$
x = 1
$$

:::{admonition} Trap
What stands in a note is prose too, and so it is kept.
:::

| a | table |

1. An item of a list is kept, if it is a sentence.
"""


def test_what_counts_as_prose():
    assert list(from_book.prose(PAGE)) == [
        "two short sentences, with a state and a source. only the first is kept.",
        "what stands in a note is prose too, and so it is kept.",
        "an item of a list is kept, if it is a sentence.",
    ]


def test_the_pages_of_the_book_still_give_a_corpus_like_it(root):
    """The text is an excerpt of one day; the pages have moved on, the script must still be able to read them."""
    pages = [(root / "book" / f"{name}.md").read_text(encoding="utf-8") for name in from_book.CHAPTERS]
    made = from_book.corpus(pages)
    assert len(made) > 0.7 * len(text.book_text() + text.held_out_text())
    assert set("abcdefghijklmnopqrstuvwxyz .,?\n") <= set(made)
