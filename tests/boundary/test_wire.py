"""What travels across the boundary arrives as it was, and nothing that is sent can do more than be refused."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from autograder.boundary import wire
from autograder.boundary.values import Reader, Writer
from autograder.boundary.wire import LIMITS, Limits, Malformed, array_of, parse, plain

SMALL = Limits(characters=20_000, depth=5, values=50, array_bytes=1_000, text=100, digits=20)


def there(value: object, limits: Limits | None = LIMITS) -> Any:
    """The value after a journey."""
    return Reader(limits).value(parse(json.dumps(Writer(limits).tree(value))))


def same(a: object, b: object) -> bool:
    """Of the same types, with the same contents, NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return a == b or (a != a and b != b)


NUMBERS = arrays_of.arrays(
    dtype=st.one_of(
        arrays_of.boolean_dtypes(),
        arrays_of.integer_dtypes(),
        arrays_of.unsigned_integer_dtypes(),
        arrays_of.floating_dtypes(),
        arrays_of.complex_number_dtypes(),
    ),
    shape=arrays_of.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=4),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.binary(), st.complex_numbers(), NUMBERS
)
KEYS = st.one_of(TEXTS, st.integers(), st.booleans(), st.tuples(st.integers(), TEXTS))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_values_arrive_as_they_were(value):
    assert same(there(value), value)


def test_collections_numpy_scalars_and_texts():
    for value in ({1, "a", (2, 3)}, frozenset({1}), range(3, 9, 2), np.float32(0.1), np.int64(-3), np.True_, 10**50):
        assert same(there(value), value)
    assert same(there(np.str_("a")), "a")
    assert same(there(np.array([["a", "bcd"]])), np.array([["a", "bcd"]]))
    assert same(there(np.array([], dtype="U3")), np.array([], dtype="U3"))


def test_an_array_of_objects_is_made_of_plain_values():
    came = there(np.array([[None, [1, 2]], ["a", np.float64(2)]], dtype=object))
    assert came.dtype == object
    assert came.tolist() == [[None, [1, 2]], ["a", 2.0]]
    assert there(np.empty((0, 3), dtype=object)).shape == (0, 3)


def test_the_layout_of_an_array_arrives():
    """Sums over a transposed array may round otherwise, and a check should not notice where it runs."""
    value = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert there(value).flags.f_contiguous
    assert there(value.T).flags.c_contiguous
    assert there(value).flags.writeable


class Sly(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, dtype=bool)


class SlyFloat(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


def test_subclasses_become_plain():
    assert type(there(np.arange(3.0).view(Sly))) is np.ndarray
    assert type(there(SlyFloat(2.0))) is float
    assert type(there([type("Sly", (int,), {})(3)])[0]) is int
    assert type(there(type("Sly", (dict,), {})(a=1))) is dict
    assert type(there(type("Sly", (str,), {})("a"))) is str
    assert same(there(np.matrix([[1.0]])), np.array([[1.0]]))


@pytest.mark.slow  # importing PyTorch takes seconds
def test_a_tensor_becomes_a_tensor_where_its_framework_is_there():
    import torch

    came = there(torch.arange(3.0, requires_grad=True))
    assert isinstance(came, torch.Tensor)
    assert came.tolist() == [0, 1, 2]
    assert there({"h": torch.ones(2, dtype=torch.int64)})["h"].dtype is torch.int64


def reason(value: object) -> str:
    with pytest.raises(Malformed) as caught:
        there(value, SMALL)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_too_much_is_refused_where_it_comes_from():
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    assert "nested more than 5 deep, or contains itself" in reason(cyclic)
    assert "more than 50 values" in reason([0] * 60)
    assert "more than 100 characters" in reason("x" * 101)
    assert "more than 20 digits" in reason(10**30)
    assert "arrays have more than 0 MiB" in reason(np.zeros(1_000))
    assert "of type object" in reason(object())
    assert "of type function" in reason([lambda: 0])
    assert "of type object" in reason(np.array([object()]))
    assert "of type MaskedArray" in reason(np.ma.array([1, 2], mask=[0, 1]))
    assert "entry of type object" in reason({object(): 1})


def refused(tree: object, limits: Limits = SMALL) -> str:
    with pytest.raises(Malformed) as caught:
        Reader(limits).value(parse(json.dumps(tree), limits))
    return str(caught.value)


def npy(array: np.ndarray, old: bytes = b"", new: bytes = b"") -> str:
    """An array's file in base64, with an edit of its header, whose spaces at the end make room."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=True)
    data = file.getvalue()
    if old:
        assert old in data
        data = data.replace(old, new).replace(b" " * (len(new) - len(old)) + b"\n", b"\n", 1)
    return base64.b64encode(data).decode()


def test_what_is_too_much_is_refused_where_it_arrives():
    """Whoever forges an answer does not look at limits before."""
    assert "nested more than" in refused([[[[[[[1]]]]]]])
    assert "more than 50 values" in refused([0] * 60)
    assert "more than 100 characters" in refused("x" * 101)
    assert "more than 20 digits" in refused(10**30)
    assert "MiB together" in refused({"is": "array", "npy": "A" * 12_000})
    assert "MiB together" in refused([{"is": "array", "npy": npy(np.zeros(100))}] * 9)
    assert "MiB together" in refused({"is": "texts", "shape": [2], "width": 10**9, "items": ["a", "b"]})


def test_forged_arrays():
    assert "array of objects" in refused({"is": "array", "npy": npy(np.array([1, None]))})
    for dtype in ("M8[s]", "V3", [("a", "f8")], "S3", "U1"):
        array = np.zeros(2, dtype)
        assert "no numbers" in refused({"is": "array", "npy": npy(array)})
    good = np.zeros(3)
    assert "do not fit its shape" in refused({"is": "array", "npy": npy(good, b"(3,)", b"(4,)")})
    assert "impossible shape" in refused({"is": "array", "npy": npy(good, b"(3,)", b"(-3,)")})
    for header in (b"(True,)", b"(3.0,)", b"[3]", b"9**9**9", b"(" * 9, b"__import__('os').abort(),"):
        told = refused({"is": "array", "npy": npy(good, b"(3,)", header)})
        assert "header" in told or "shape" in told
    assert "unknown header" in refused({"is": "array", "npy": npy(good, b"\x93NUMPY\x01", b"\x93NUMPY\x02")})
    empty = np.zeros((0, 5))
    assert "impossible shape" in refused({"is": "array", "npy": npy(empty, b"(0, 5)", b"(0, %d)" % 10**30)})
    assert "cannot be read" in refused({"is": "array", "npy": "…"})


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"is": "nothing"},
        {"is": ["array"]},
        {"is": "array"},
        {"is": "array", "npy": 3},
        {"is": "tuple", "items": 3},
        {"is": "tuple"},
        {"is": "dict", "items": [1]},
        {"is": "dict", "items": [[1, 2, 3]]},
        {"is": "dict", "items": [[[1], 2]]},
        {"is": "dict", "items": [[{"is": "array", "npy": npy(np.zeros(1))}, 2]]},
        {"is": "set", "items": [[]]},
        {"is": "float", "text": "1e5"},
        {"is": "complex", "parts": [1.0]},
        {"is": "complex", "parts": [[], {}]},
        {"is": "range", "parts": [0, 1, 0]},
        {"is": "range", "parts": [0, 1, "a"]},
        {"is": "scalar", "npy": npy(np.zeros(2))},
        {"is": "texts", "shape": [3], "width": 2, "items": ["a"]},
        {"is": "texts", "shape": "a", "width": 2, "items": ["a"]},
        {"is": "texts", "shape": [1], "width": 2, "items": [1]},
        {"is": "objects", "shape": [2], "items": [1]},
        {"is": "objects", "shape": [0, 10**30], "items": []},
        {"is": "objects", "items": [1]},
        {"is": "tensor", "framework": "os", "npy": npy(np.zeros(2))},
        {"is": "opaque", "id": 3},
    ],
)
def test_forged_trees(tree):
    assert refused(tree)


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data):
    for read in (parse, array_of):
        with contextlib.suppress(Malformed):
            read(data)


MARKS = ["array", "scalar", "tuple", "dict", "set", "float", "complex", "bytes", "range", "tensor", "texts", "opaque"]
MARKS += ["objects"]
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.sampled_from(["is", "npy", "items", "parts", "text", "shape", "width", "id"]), inner),
        st.fixed_dictionaries(
            {"is": st.sampled_from(MARKS)},
            optional=dict.fromkeys(("npy", "items", "parts", "text", "shape", "width", "base64", "framework"), inner),
        ),
    ),
    max_leaves=20,
)


@given(TREES)
@settings(max_examples=150)
def test_arbitrary_trees(tree):
    with contextlib.suppress(Malformed):
        Reader(SMALL).value(parse(json.dumps(tree), SMALL))


@given(
    arrays_of.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=12),
    st.sampled_from(["<f8", ">f8", "<f4", "<f2", "|b1", "|i1", "<i8", ">u4", "<c16", "<U3", "|S4", "<M8[s]"]),
    st.sampled_from("CF"),
)
def test_headers_are_read_as_numpy_reads_them(shape, dtype, order):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.zeros(shape, dtype, order), version=(1, 0))
    file.seek(8)
    header = file.getvalue()[: 10 + int.from_bytes(file.read(2), "little")]
    expected = np.lib.format.read_array_header_1_0(io.BytesIO(header[8:]))
    if np.dtype(dtype).kind in wire.KINDS:
        assert wire._AS_NUMPY_WRITES.fullmatch(header) or dtype.startswith(">")
        assert wire._header(header) == expected
    else:
        with pytest.raises(Malformed):
            wire._header(header)


@pytest.mark.parametrize(
    "shape", ["(3)", "(03,)", "(3,4)", "(-3,)", "(3, 4,)", "(3,), 'a': 1", "(9999999999,)", "(,)", "(1, )"]
)
@pytest.mark.parametrize("dtype", ["<f8", "|f8", "<f3", "<i16", "|O8", "<b1", "<f"])
def test_a_header_that_numpy_would_not_write_is_read_as_numpy_reads_it_or_refused(shape, dtype):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    header = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    try:
        expected = np.lib.format.read_array_header_1_0(io.BytesIO(header[8:]))
    except ValueError:
        expected = None
    try:
        found = wire._header(header)
    except Malformed:
        return
    assert found == expected


@pytest.mark.parametrize("told", [wire.HEADER + 1, 3000, 65535])
def test_a_header_longer_than_is_looked_at_is_none(told):
    """Also one that, cut off there, ends as NumPy's do."""
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
    forged = (b"\x93NUMPY\x01\x00" + told.to_bytes(2, "little") + text).ljust(10 + wire.HEADER - 1) + b"\n"
    assert wire._AS_NUMPY_WRITES.fullmatch(forged)
    with pytest.raises(Malformed):
        array_of(forged.ljust(10 + told, b"\0") + bytes(24))


@given(st.integers(0, 200), st.integers(0, 255))
def test_damaged_arrays(place, byte):
    """Every single damaged byte of an array's file: an array comes, or it is refused."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.arange(9.0).reshape(3, 3), version=(1, 0))
    data = bytearray(file.getvalue())
    data[place % len(data)] = byte
    try:
        array = array_of(bytes(data))
    except Malformed:
        return
    assert array.nbytes <= 72


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 200_000,
        b"[" + b"[]," * 3_000_000 + b"[]]",
        b"{" + b'"a":{},' * 3_000_000,
        b"9" * 5_000_000,
        b"[1e999]",
        b"[NaN]",
        b"[-Infinity]",
        b'"\xff"',
        b'{"a": 1',
        b"",
    ],
    ids=range(10),
)
def test_texts_that_are_made_to_hurt(text):
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            parse(text)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


def test_half_characters_do_not_come_through():
    came = Reader().value(parse('"\\ud800a"'))
    assert came == "?a"
    came.encode()


def test_what_is_shown_of_a_message():
    assert plain("a\x1b[31m\u202eb\x00\n\tc\ud800", 100) == "a�[31m�b�\n\tc�"
    assert plain("x" * 50, 10) == "x" * 10 + " …"
    assert plain("é ∂ ü", 100) == "é ∂ ü"


def test_a_range_is_counted_by_what_it_stands_for():
    for huge in (range(10**30), range(2 * 10**9), range(10**30, 0, -1)):
        with pytest.raises(Malformed, match="a range of more than"):
            there(huge)
    assert there(range(5, 100, 7)) == range(5, 100, 7)
