"""What crosses the boundary is text: JSON, with arrays in it as the bytes of a `.npy` file in base64. Here it is read.

values.py says what the trees of JSON mean. Reading never runs anything and never takes much more memory than its limits
allow: sizes are looked at before anything is decoded, an array's header before its bytes, and no pickle is opened.
Whatever cannot be read raises Malformed.

The text of this file, of values.py and of agent.py is also sent into the learner's kernel: they import one another, the
standard library and NumPy, and nothing else.
"""

import io
import json
import math
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

KINDS = "biufc"
"""The kinds of NumPy types that travel: truth values, whole numbers, floating-point and complex ones."""

HEADER = 2_000  # bytes of an .npy header at most; NumPy's own have 118
AXES = 32
_ITEM = 32  # of an item of an array, in bytes: a complex number of quadruple precision


class Limits(NamedTuple):
    """How much is read of one message: characters of its text, lists within lists, values, bytes of all arrays
    together, characters of one text, and digits of one whole number."""

    characters: int = 64 * 2**20
    depth: int = 24
    values: int = 200_000
    array_bytes: int = 40 * 2**20
    text: int = 1_000_000
    digits: int = 400


LIMITS = Limits()


class Malformed(ValueError):
    """What came cannot be read, or what should go cannot be sent; the message says what, in a line for a learner."""


def parse(text: str | bytes, limits: Limits = LIMITS) -> Any:
    """The JSON of a text, sizes checked before. Raises Malformed for whatever is not JSON or exceeds the limits."""
    if len(text) > limits.characters:
        raise Malformed(f"the answer is larger than {limits.characters // 2**20} MiB")
    marks: Sequence[Any] = (b",", b"[", b"{", b":") if isinstance(text, bytes) else (",", "[", "{", ":")
    if sum(text.count(mark) for mark in marks) > 8 * limits.values:
        raise Malformed(f"the answer holds more than {limits.values} values")

    def whole(digits: str) -> int:
        if len(digits) > limits.digits:
            raise Malformed(f"the answer holds a whole number of more than {limits.digits} digits")
        return int(digits)

    def no_number(name: str) -> float:
        raise Malformed(f"the answer is not JSON: it has {name}")

    def real(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else no_number(digits[:20])

    try:
        return json.loads(text, parse_int=whole, parse_float=real, parse_constant=no_number)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed(f"the answer is nested more than {limits.depth} deep") from None
    except ValueError:  # JSONDecodeError and UnicodeDecodeError are among them
        raise Malformed("the answer is not JSON") from None


def plain(text: str, longest: int) -> str:
    """A text that is safe to show: no control characters but tabs and line ends, no half surrogates, not too long."""
    shown = "".join(c if c in "\n\t" or not _control(ord(c)) else "�" for c in text[:longest])
    return shown + " …" if len(text) > longest else shown


def _control(code: int) -> bool:
    """Control characters, half surrogates, and those that turn the direction of writing."""
    turning = 0x200E <= code <= 0x200F or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000 or turning


def array_of(data: bytes) -> np.ndarray:
    """The array of an `.npy` file of version 1.0. Raises Malformed; nothing is made before the sizes agree."""
    length = 10 + int.from_bytes(data[8:10], "little")
    shape, fortran, dtype = _header(data[: min(length, 10 + HEADER)])
    count = math.prod(shape)
    if count * dtype.itemsize != len(data) - length:
        raise Malformed("the answer holds an array whose bytes do not fit its shape")
    try:
        flat = np.frombuffer(data, dtype=dtype, count=count, offset=length).copy()
        return flat.reshape(shape, order="F" if fortran else "C")
    except (ValueError, OverflowError, MemoryError):
        raise Malformed("the answer holds an array with an impossible shape") from None


# Python's own reader takes twenty times as long for a literal; whatever is not exactly like this is left to it.
_SIDE = rb"(?:0|[1-9][0-9]{0,8})"
_AS_NUMPY_WRITES = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|](?:b1|[iu][1248]|f[248]|c8|c16))', 'fortran_order': (True|False), "
    rb"'shape': \(((?:%b,)?|%b(?:, %b){1,31})\), \} *\n" % (_SIDE, _SIDE, _SIDE),
    re.DOTALL,
)


@lru_cache(maxsize=4096)
def _header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type in the header of an `.npy` file; arrays of a kind come by the hundred. Raises Malformed."""
    whole = len(data) == 10 + int.from_bytes(data[8:10], "little")
    written = _AS_NUMPY_WRITES.fullmatch(data) if whole else None
    if written is not None and travels(dtype := np.dtype(written[1].decode())):
        shape = tuple(int(n) for n in written[3].split(b",") if n.strip())
        return shape, written[2] == b"True", dtype
    file = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(file) != (1, 0) or int.from_bytes(data[8:10], "little") > HEADER:
            raise Malformed("the answer holds an array with an unknown header")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=HEADER)
    except Malformed:
        raise
    except Exception:  # NumPy's reader evaluates a literal: whatever it says of this one, there is no array in it
        raise Malformed("the answer holds an array with a damaged header") from None
    if not travels(dtype):
        raise Malformed("the answer holds an array of objects" if dtype.hasobject else "the answer holds no numbers")
    if len(shape) > AXES or any(type(n) is not int or n < 0 for n in shape):
        raise Malformed("the answer holds an array with an impossible shape")
    return shape, fortran, dtype


@lru_cache(maxsize=4096)
def _written_header(shape: tuple[int, ...], fortran: bool, dtype: str) -> bytes:
    file = io.BytesIO()
    about = {"descr": dtype, "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    """The array as an `.npy` file of version 1.0, as NumPy writes it."""
    described = np.lib.format.header_data_from_array_1_0(array)
    if isinstance(described["descr"], str) and not array.dtype.hasobject:
        fortran = bool(described["fortran_order"])
        header = _written_header(array.shape, fortran, described["descr"])
        return header + array.tobytes("F" if fortran else "C")
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def travels(dtype: np.dtype) -> bool:
    return dtype.kind in KINDS and not dtype.hasobject and 0 < dtype.itemsize <= _ITEM and dtype.subdtype is None


def framework_of(value: object) -> str:
    """The framework whose tensor a value is, "" for none; nothing is imported for the answer."""
    torch, tensorflow = sys.modules.get("torch"), sys.modules.get("tensorflow")
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            return "pytorch"
        if tensorflow is not None and isinstance(value, (tensorflow.Tensor, tensorflow.Variable)):
            return "tensorflow"
    except AttributeError:  # a module of that name which is none of these
        return ""
    return ""


def array_of_tensor(value: Any) -> np.ndarray | None:
    """A tensor's values, None for what is no tensor or has no type that travels."""
    framework = framework_of(value)
    if not framework:
        return None
    try:
        array = np.asarray(value.detach().cpu().numpy() if framework == "pytorch" else value.numpy())
    except Exception:  # a type NumPy has not, a symbolic tensor
        return None
    return array if travels(array.dtype) else None
