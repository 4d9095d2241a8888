"""Intake: whatever a learner hands in becomes a valid notebook or one clear line."""

import base64
import json
import os
import socket

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.boundary import intake
from autograder.boundary.files import names_in, read_file
from autograder.boundary.intake import Unreadable, parse_notebook, read, read_notebook

NOTEBOOK = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])).encode()
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n and so on").decode()


def notebook_of(*cells, **more) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}).encode()


def code(source="1 + 1", **more) -> dict:
    return {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
        **more,
    }


def sources(data: bytes) -> list[str]:
    return [cell.source for cell in parse_notebook(data, "numpy.ipynb").notebook.cells]


def refusal(tmp_path, data: bytes, **options) -> str:
    path = tmp_path / "numpy.ipynb"
    path.write_bytes(data)
    with pytest.raises(Unreadable) as caught:
        read_notebook(path, **options)
    message = str(caught.value)
    assert "numpy.ipynb" in message
    assert "\n" not in message
    assert len(message) < 300
    return message


def test_a_notebook_is_read(tmp_path):
    path = tmp_path / "numpy.ipynb"
    path.write_bytes(NOTEBOOK)
    assert read_notebook(path).cells[0].source == "1 + 1"
    assert read(tmp_path, "numpy.ipynb").notes == ()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_encodings(encoding):
    text = json.dumps(json.loads(notebook_of(code("δ = 'é'"))), ensure_ascii=False)
    assert sources(text.encode(encoding)) == ["δ = 'é'"]


def test_a_utf16_mark_in_front_is_read():
    assert sources(b"\xff\xfe" + NOTEBOOK.decode().encode("utf-16-le")) == ["1 + 1"]
    assert sources(b"\xfe\xff" + NOTEBOOK.decode().encode("utf-16-be")) == ["1 + 1"]


def test_bytes_that_are_not_utf8_do_not_cost_the_notebook():
    found = parse_notebook(notebook_of(code("x = 1  # caf?")).replace(b"caf?", b"caf\xe9"), "numpy.ipynb")
    assert found.notebook.cells[0].source == "x = 1  # caf\ufffd"
    assert "not UTF-8" in found.notes[0]


def test_format_three_is_read():
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": ["A ", "title"]},
                    {"cell_type": "code", "input": "x = 1", "outputs": [], "language": "python"},
                    {"cell_type": "code", "input": ["y = 2\n", "z = 3"], "outputs": [], "collapsed": True},
                ]
            }
        ],
    }
    found = read_bytes(old)
    assert [c.cell_type for c in found.cells] == ["markdown", "code", "code"]
    assert [c.source for c in found.cells] == ["## A title", "x = 1", "y = 2\nz = 3"]
    assert found.nbformat == 4


def read_bytes(content):
    return parse_notebook(json.dumps(content).encode(), "numpy.ipynb").notebook


def test_formats_two_and_one_are_read():
    sheet = {"cells": [{"cell_type": "html", "source": "<b>t</b>"}, {"cell_type": "code", "input": "x = 1"}]}
    assert [c.cell_type for c in read_bytes({"nbformat": 2, "worksheets": [sheet]}).cells] == ["markdown", "code"]
    assert read_bytes({"cells": [{"cell_type": "code", "code": "x = 1"}]}).cells[0].source == "x = 1"


@pytest.mark.parametrize("version", [{"nbformat": 99}, {"nbformat": "four"}, {"nbformat_minor": 77}, {"nbformat": -1}])
def test_a_wrong_version_number_does_not_cost_the_notebook(version):
    assert sources(notebook_of(code(), **version)) == ["1 + 1"]


def test_missing_invalid_and_doubled_ids_are_no_obstacle():
    cells = [code(), code("2"), code("3", id="no good!"), code("4", id=7), {"cell_type": "code", "source": "5"}]
    notebook = parse_notebook(notebook_of(*cells, code("6", id="_2")), "numpy.ipynb").notebook
    assert [c.source for c in notebook.cells] == ["1 + 1", "2", "3", "4", "5", "6"]
    assert [c.id for c in notebook.cells] == ["a", "_2_", "_3", "_4", "_5", "_2"]


def test_outputs_and_metadata_of_a_learner_are_not_read_in():
    cell = code(
        outputs=[{"output_type": "stream", "name": "stdout", "text": "secret"}],
        execution_count=7,
        metadata={
            "tags": ["skip-execution", "raises-exception"],
            "collapsed": True,
            "nbgrader": {"grade_id": "step", "points": 1e9, "grade": True, "schema_version": 99, "locked": False},
        },
    )
    data = notebook_of(cell, metadata={"kernelspec": {"name": "evil"}, "language_info": {"name": "bash"}})
    notebook = parse_notebook(data, "numpy.ipynb").notebook
    assert notebook.metadata == {}
    assert notebook.cells[0].metadata == {"nbgrader": {"grade_id": "step"}}
    assert notebook.cells[0].outputs == []
    assert notebook.cells[0].execution_count is None


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        (None, {}),
        ([], {}),
        ("nbgrader", {}),
        ({"nbgrader": []}, {}),
        ({"nbgrader": {"grade_id": 3}}, {}),
        ({"nbgrader": {"grade_id": ""}}, {}),
        ({"nbgrader": {"grade_id": "x" * 1000}}, {}),
        ({"nbgrader": {"grade_id": ["a"]}}, {}),
    ],
)
def test_metadata_of_wrong_types(metadata, kept):
    notebook = parse_notebook(notebook_of(code(metadata=metadata)), "numpy.ipynb").notebook
    assert notebook.cells[0].metadata == kept


def test_good_cells_are_kept_and_bad_ones_named():
    cells = [code("good"), 3, None, "x", [], code(None), code({"a": 1}), code(["a\n", 5, "b"]), {"source": "no type"}]
    found = parse_notebook(notebook_of(*cells), "numpy.ipynb")
    assert [c.source for c in found.notebook.cells] == ["good", "a\nb", "no type"]
    assert [c.cell_type for c in found.notebook.cells] == ["code", "code", "raw"]
    assert len(found.notes) == 8
    assert all("cell" in note and "\n" not in note for note in found.notes)


def test_numbers_that_json_does_not_know():
    text = '{"nbformat": 4, "metadata": {"a": NaN, "b": -Infinity, "c": 1e999, "d": %s}, "cells": [%s]}'
    data = (text % ("9" * 10_000, json.dumps(code()))).encode()
    assert sources(data) == ["1 + 1"]


def test_of_a_doubled_key_the_last_counts_and_it_is_told():
    data = b'{"cells": [], "nbformat": 4, "cells": [{"cell_type": "code", "source": "a", "source": "b"}]}'
    found = parse_notebook(data, "numpy.ipynb")
    assert [c.source for c in found.notebook.cells] == ["b"]
    assert any("twice" in note for note in found.notes)


def test_damaged_json_keeps_the_complete_cells():
    data = notebook_of(code("first"), code("second"), code("third"))
    cut = data[: data.index(b"third") + 2]
    found = parse_notebook(cut, "numpy.ipynb")
    assert [c.source for c in found.notebook.cells] == ["first", "second"]
    assert "is damaged at line 1" in found.notes[0]


def test_conflict_markers_of_a_merge_keep_the_cells_around_them():
    pretty = json.dumps(json.loads(notebook_of(code("first"), code("second"))), indent=1)
    place = pretty.index("{", pretty.index("first"))
    merged = pretty[:place] + "\n<<<<<<< HEAD\n" + pretty[place:]
    assert sources(merged.encode()) == ["first", "second"]


def test_lone_surrogates_can_be_written_again():
    notebook = parse_notebook(notebook_of(code("x = '\ud800'")), "numpy.ipynb").notebook
    assert nbformat.writes(notebook).encode()
    assert notebook.cells[0].source == "x = '\ufffd'"


def test_a_hundred_mebibytes_of_output_are_left_out():
    flood = code("x = 1", outputs=[{"output_type": "stream", "name": "stdout", "text": ["§"]}])
    text = notebook_of(flood, code("y = 2", outputs=[{"outputs": [[]]}])).decode()
    data = text.replace("\\u00a7", "0123456789\\n" * (100 * 2**20 // 12)).encode()
    assert len(data) > 99 * 2**20
    assert sources(data) == ["x = 1", "y = 2"]


def test_the_word_outputs_in_a_source_is_left_alone():
    tricky = 'd = {"outputs": [1, 2]}  # "outputs": ['
    filling = [code("#" * 900_000) for _ in range(10)]
    flood = code("x", outputs=[{"text": "0" * 2**20}])
    assert tricky in sources_with_lower_limit(notebook_of(code(tricky), flood, *filling[:5]))


def sources_with_lower_limit(data: bytes) -> list[str]:
    from autograder.boundary import decoding

    text = decoding.without_outputs(data.decode(), "numpy.ipynb")
    assert len(text) < len(data)
    return [cell["source"] for cell in json.loads(text)["cells"]]


def test_too_much_beside_the_outputs(tmp_path):
    many = notebook_of(*[code("#" * 1_000_000) for _ in range(9)])
    assert "without its outputs" in refusal(tmp_path, many)
    assert "5100 cells" in refusal(tmp_path, notebook_of(*[{"cell_type": "code"}] * 5100))


def test_a_cell_that_is_far_too_long_is_left_out():
    found = parse_notebook(notebook_of(code("#" * (intake.MAX_SOURCE + 1)), code("x")), "numpy.ipynb")
    assert [c.source for c in found.notebook.cells] == ["x"]


def test_attached_images_are_kept_and_nothing_else():
    attachments = {
        "good.png": {"image/png": PIXEL},
        "lines.png": {"image/png": [PIXEL[:4], PIXEL[4:]]},
        "drawing.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"},
        "page.html": {"text/html": "<script>"},
        "broken.png": {"image/png": "no base64!"},
        "wrong": 7,
    }
    cell = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "![x](attachment:good.png)"}
    found = parse_notebook(notebook_of({**cell, "attachments": attachments}), "numpy.ipynb")
    assert dict(found.notebook.cells[0].attachments) == {
        "good.png": {"image/png": PIXEL},
        "lines.png": {"image/png": PIXEL},
    }
    assert "was left out" in found.notes[0]


def test_attached_images_have_a_limit():
    image = base64.b64encode(b"x" * intake.MAX_IMAGE_BYTES).decode()
    cell = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "", "attachments": {}}
    cell["attachments"] = {f"{n}.png": {"image/png": image} for n in range(3)}
    images = intake._Images(2 * intake.MAX_IMAGE_BYTES)
    kept = intake._attachments(cell["attachments"], "cell 1", [], images)
    assert len(kept) == 2
    assert intake._attachments({"a": {"image/png": image + "AAAA"}}, "cell 1", [], intake._Images()) == {}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\x00" * 100, "is empty"),
        (b"# my notebook", "is not JSON"),
        (NOTEBOOK[: len(NOTEBOOK) // 2], "is not JSON"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\xff\xff", "is not UTF-8"),
        (b"PK\x03\x04 a zip of a notebook \xe9", "is not UTF-8"),
        (b"[1, 2]", "no list of cells"),
        (b"3", "no list of cells"),
        (b'{"nbformat": "four"}', "no list of cells"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "cells": 3, "metadata": {}}', "no list of cells"),
        (b'{"cells": [1, 2, 3]}', "no cell that can be read"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (
            b'{"cells": [{"cell_type": "code", "source": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
            "nested too deeply",
        ),
        (b"[" * 12_000_000, "too many parts"),
    ],
)
def test_what_is_not_a_notebook(tmp_path, data, said):
    assert said in refusal(tmp_path, data)


def test_names_and_texts_of_a_learner_do_not_reach_the_terminal():
    with pytest.raises(Unreadable) as caught:
        parse_notebook(b"", "a\x1b]0;owned\x07\u202egpj.\nipynb")
    assert str(caught.value).startswith("agpj. ipynb is empty")


def test_size_is_capped_before_reading(tmp_path):
    message = refusal(tmp_path, NOTEBOOK + b" " * 2**20, max_bytes=2**20)
    assert "clear its outputs" in message


def test_a_sparse_file_of_ten_gibibytes_is_not_read(tmp_path):
    path = tmp_path / "numpy.ipynb"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(Unreadable, match=r"10240\.0 MiB"):
        read_notebook(path)


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(NOTEBOOK)
    link = tmp_path / "numpy.ipynb"
    link.symlink_to(secret)
    with pytest.raises(Unreadable, match="is a link"):
        read_notebook(link)
    dangling = tmp_path / "pytorch.ipynb"
    dangling.symlink_to(tmp_path / "nothing")
    with pytest.raises(Unreadable, match="is a link"):
        read_notebook(dangling)


def test_a_hard_link_to_a_file_outside_is_not_read(tmp_path):
    (tmp_path / "secret").mkdir()
    secret = tmp_path / "secret" / "secret.ipynb"
    secret.write_bytes(NOTEBOOK)
    (tmp_path / "ada").mkdir()
    os.link(secret, tmp_path / "ada" / "numpy.ipynb")
    with pytest.raises(Unreadable, match="hard link"):
        read_notebook(tmp_path / "ada" / "numpy.ipynb")


def test_folders_that_are_links_are_not_entered(tmp_path):
    (tmp_path / "ada" / "lstm").mkdir(parents=True)
    (tmp_path / "ada" / "lstm" / "numpy.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "eve").symlink_to(tmp_path / "ada")
    (tmp_path / "eva").mkdir()
    (tmp_path / "eva" / "lstm").symlink_to(tmp_path / "ada" / "lstm")
    assert read(tmp_path, "ada/lstm/numpy.ipynb").notebook.cells
    for student in ("eve", "eva"):
        with pytest.raises(Unreadable, match="link"):
            read(tmp_path, f"{student}/lstm/numpy.ipynb")
        assert names_in(tmp_path, f"{student}/lstm") == []
    assert names_in(tmp_path, "ada/lstm") == ["numpy.ipynb"]


@pytest.mark.parametrize("name", ["../secret.ipynb", "a/../../secret.ipynb", "/etc/passwd", "", "a\0b"])
def test_names_that_lead_elsewhere(tmp_path, name):
    (tmp_path / "secret.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "in" / "a").mkdir(parents=True)
    with pytest.raises(Unreadable):
        read_file(tmp_path / "in", name, 1000)


def test_special_files_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket.ipynb"))
    (tmp_path / "folder.ipynb").mkdir()
    for name in ("pipe", "socket", "folder"):
        with pytest.raises(Unreadable, match="special file"):
            read_notebook(tmp_path / f"{name}.ipynb")
    server.close()
    with pytest.raises(Unreadable, match="special file"):
        read_file(tmp_path.joinpath("/dev"), "zero", 1000)


def test_nothing_there_is_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path, "numpy.ipynb")
    with pytest.raises(FileNotFoundError):
        read(tmp_path, "nobody/lstm/numpy.ipynb")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("code"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "outputs", "attachments"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


def becomes_a_notebook_or_one_line(data: bytes) -> None:
    message = ""
    try:
        found = parse_notebook(data, "numpy.ipynb")
    except Unreadable as error:
        message = str(error)
    else:
        nbformat.validate(nbformat.reads(nbformat.writes(found.notebook), as_version=4))
    assert "\n" not in message


@settings(max_examples=100, deadline=None)
@given(content=st.dictionaries(st.sampled_from(["cells", "worksheets", "nbformat", "metadata"]), VALUES))
def test_any_json_becomes_a_valid_notebook_or_one_line(content):
    becomes_a_notebook_or_one_line(json.dumps(content).encode())


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200), at=st.integers(0, len(NOTEBOOK)))
def test_any_damage_becomes_a_valid_notebook_or_one_line(data, at):
    for bytes_ in (data, NOTEBOOK[:at] + data + NOTEBOOK[at:], NOTEBOOK[:at] + data):
        becomes_a_notebook_or_one_line(bytes_)


def test_control_characters_in_a_source_become_visible():
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None,
         "source": "x = '\x00\x1b[31m'\t# \x7f\u202e\r\ny = 2\x0c\n"},
    ]}  # fmt: skip
    (cell,) = parse_notebook(json.dumps(notebook).encode(), "a.ipynb").notebook.cells
    assert cell.source.replace("\r\n", "\n") == "x = '\ufffd\ufffd[31m'\t# \ufffd\ufffd\ny = 2\x0c\n"
