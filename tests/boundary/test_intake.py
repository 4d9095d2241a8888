"""Intake: whatever a learner hands in becomes a valid notebook or one clear line."""

import json
import os

import nbformat
import pytest

from autograder.boundary.intake import Unreadable, read_notebook

NOTEBOOK = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])).encode()


def refusal(tmp_path, data: bytes, **options) -> str:
    path = tmp_path / "numpy.ipynb"
    path.write_bytes(data)
    with pytest.raises(Unreadable) as caught:
        read_notebook(path, **options)
    message = str(caught.value)
    assert "numpy.ipynb" in message
    assert "\n" not in message
    return message


def test_a_notebook_is_read(tmp_path):
    path = tmp_path / "numpy.ipynb"
    path.write_bytes(NOTEBOOK)
    assert read_notebook(path).cells[0].source == "1 + 1"


def test_a_byte_order_mark_is_ignored(tmp_path):
    path = tmp_path / "numpy.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + NOTEBOOK)
    assert read_notebook(path).cells[0].source == "1 + 1"


def test_an_old_format_is_upgraded(tmp_path):
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1", "outputs": [], "language": "python"}]}],
    }
    path = tmp_path / "numpy.ipynb"
    path.write_text(json.dumps(old))
    notebook = read_notebook(path)
    assert notebook.nbformat == 4
    assert notebook.cells[0].source == "x = 1"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"# my notebook", "is not JSON"),
        (NOTEBOOK[: len(NOTEBOOK) // 2], "is not JSON"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"[1, 2]", "names no nbformat"),
        (b'{"nbformat": "four"}', "names no nbformat"),
        (b'{"nbformat": 99, "cells": []}', "not a valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "cells": 3, "metadata": {}}', "not a valid notebook"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_a_notebook(tmp_path, data, said):
    assert said in refusal(tmp_path, data)


def test_size_is_capped_before_reading(tmp_path):
    message = refusal(tmp_path, NOTEBOOK + b" " * 2**20, max_bytes=2**20)
    assert "clear its outputs" in message


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(NOTEBOOK)
    link = tmp_path / "numpy.ipynb"
    link.symlink_to(secret)
    with pytest.raises(Unreadable, match="is a link"):
        read_notebook(link)


def test_special_files_are_not_opened(tmp_path):
    pipe = tmp_path / "numpy.ipynb"
    os.mkfifo(pipe)
    with pytest.raises(Unreadable, match="special file"):
        read_notebook(pipe)
