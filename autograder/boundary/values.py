"""Values and the trees of JSON that stand for them on the wire: what travels, as what, and how much of it."""

import base64
import importlib
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.boundary.wire import (
    AXES,
    HEADER,
    LIMITS,
    Limits,
    Malformed,
    array_of,
    array_of_tensor,
    framework_of,
    npy,
    travels,
)

ENTRIES = 10_000
"""Of one dictionary or set: keys that are made to collide cost the square of their number."""


class Writer:
    """Turns values into trees of JSON. `arrays` are the arrays it has met, in their order.

    A subclass says what becomes of a value that only a reference can stand for.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.arrays: list[np.ndarray] = []
        self._values = self._bytes = 0

    def opaque(self, value: object) -> dict[str, Any]:
        """The tree of a value that cannot travel."""
        raise Malformed(f"a value of type {type(value).__name__} cannot be sent")

    def special_tuple(self, value: tuple, depth: int) -> dict[str, Any]:
        """The tree of an instance of a class derived from tuple, such as a named one."""
        return self._tuple(value, depth)

    def tree(self, value: object, depth: int = 0) -> Any:
        """The tree of a value. Raises Malformed."""
        self._count(depth)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, np.generic):
            if isinstance(value, np.str_):
                return self._text(str(value))
            return {"is": "scalar", "npy": self._npy(np.asarray(value))} if travels(value.dtype) else self.opaque(value)
        if isinstance(value, int):
            return self._whole(int(value))
        if isinstance(value, float):
            number = float(value)
            return number if math.isfinite(number) else {"is": "float", "text": repr(number)}
        if isinstance(value, complex):
            return {"is": "complex", "parts": [self.tree(value.real, depth + 1), self.tree(value.imag, depth + 1)]}
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (bytes, bytearray)):
            return {"is": "bytes", "base64": self._base64(bytes(value))}
        return self._collection(value, depth)

    def _collection(self, value: object, depth: int) -> Any:
        if isinstance(value, np.ndarray):
            return self._array(value, depth)
        if type(value) is tuple:
            return self._tuple(value, depth)
        if isinstance(value, tuple):
            return self.special_tuple(value, depth)
        if isinstance(value, list):
            return [self.tree(v, depth + 1) for v in list.__iter__(value)]
        if isinstance(value, dict):
            pairs = [[self._key(k, depth + 1), self.tree(v, depth + 1)] for k, v in dict.items(value)]
            return {"is": "dict", "items": self._entries(pairs)}
        if isinstance(value, (set, frozenset)):
            name = "frozenset" if isinstance(value, frozenset) else "set"
            return {"is": name, "items": self._entries([self._key(v, depth + 1) for v in value])}
        if isinstance(value, range):
            return {"is": "range", "parts": [self._whole(n) for n in (value.start, value.stop, value.step)]}
        array = array_of_tensor(value)
        if array is not None:
            return {"is": "tensor", "framework": framework_of(value), "npy": self._npy(array)}
        return self.opaque(value)

    def _count(self, depth: int) -> None:
        self._values += 1
        if self.limits is None:
            if depth > 200:
                raise Malformed("it is nested too deep, or contains itself")
        elif depth > self.limits.depth:
            raise Malformed(f"the answer is nested more than {self.limits.depth} deep, or contains itself")
        elif self._values > self.limits.values:
            raise Malformed(f"the answer holds more than {self.limits.values} values")

    def _tuple(self, value: tuple, depth: int) -> dict[str, Any]:
        return {"is": "tuple", "items": [self.tree(v, depth + 1) for v in tuple.__iter__(value)]}

    def _key(self, key: object, depth: int) -> Any:
        if not (isinstance(key, (str, int, float, bytes, tuple, np.generic)) or key is None):
            raise Malformed(f"the answer holds a dictionary or set with an entry of type {type(key).__name__}")
        return self.tree(key, depth)

    def _entries(self, items: list) -> list:
        if self.limits is not None and len(items) > ENTRIES:
            raise Malformed(f"the answer holds a dictionary or set of more than {ENTRIES} entries")
        return items

    def _whole(self, value: int) -> int:
        if self.limits is not None and value.bit_length() > 3.3 * self.limits.digits:
            raise Malformed(f"the answer holds a whole number of more than {self.limits.digits} digits")
        return value

    def _text(self, value: str) -> str:
        text = str.__str__(value)
        if self.limits is not None and len(text) > self.limits.text:
            raise Malformed(f"the answer holds a text of more than {self.limits.text} characters")
        return text

    def _array(self, value: np.ndarray, depth: int) -> dict[str, Any]:
        if value.dtype.kind == "U":
            return self._texts(value)
        if np.ma.is_masked(value):
            return self.opaque(value)  # numbers alone would say more than it does
        if value.dtype.kind == "O":
            self._weigh(value.nbytes)
            items = [self.tree(item, depth + 1) for item in np.asarray(value).ravel().tolist()]
            return {"is": "objects", "shape": list(value.shape), "items": items}
        if not travels(value.dtype):
            return self.opaque(value)
        if type(value) is not np.ndarray:
            value = np.array(value, copy=True, subok=False)
        self.arrays.append(value)
        return {"is": "array", "npy": self._npy(value)}

    def _texts(self, value: np.ndarray) -> dict[str, Any]:
        self._weigh(value.nbytes)
        items = [self.tree(str(text)) for text in value.ravel().tolist()]
        return {"is": "texts", "shape": list(value.shape), "width": value.dtype.itemsize // 4, "items": items}

    def _npy(self, array: np.ndarray) -> str:
        self._weigh(array.nbytes)
        return base64.b64encode(npy(array)).decode("ascii")

    def _base64(self, value: bytes) -> str:
        self._weigh(len(value))
        return base64.b64encode(value).decode("ascii")

    def _weigh(self, size: int) -> None:
        self._bytes += size
        if self.limits is not None and self._bytes > self.limits.array_bytes:
            raise Malformed(f"the answer's arrays have more than {self.limits.array_bytes // 2**20} MiB together")


class Reader:
    """Turns trees back into values: plain ones, whatever the other side has said. `arrays`: those made, in their order.

    A subclass says what a reference stands for. `frameworks`: whether a tensor's framework is imported; otherwise it
    has to be there already, and a tensor becomes an array where it is not.
    """

    def __init__(self, limits: Limits | None = LIMITS, *, frameworks: bool = False) -> None:
        self.limits = limits
        self.frameworks = frameworks
        self.arrays: list[np.ndarray] = []
        self._values = self._bytes = 0
        self._makers: dict[str, Callable[[Mapping, int], object]] = {
            "array": self._array,
            "scalar": self._scalar,
            "texts": self._texts,
            "objects": self._objects,
            "float": self._float,
            "complex": self._complex,
            "bytes": lambda tree, _depth: self._decoded(tree.get("base64")),
            "tuple": self._tuple,
            "dict": self._dict,
            "set": lambda tree, depth: set(self._keys(tree, depth)),
            "frozenset": lambda tree, depth: frozenset(self._keys(tree, depth)),
            "range": self._range,
            "tensor": self._tensor,
            "opaque": lambda tree, _depth: self.reference(tree),
        }

    def reference(self, tree: Mapping[str, Any]) -> object:
        """What a reference stands for."""
        raise Malformed("the answer holds a reference to what is not there")

    def special_tuple(self, tree: Mapping[str, Any], items: list) -> tuple:
        """An instance of a class derived from tuple."""
        return tuple(items)

    def value(self, tree: object, depth: int = 0) -> object:
        """The value of a tree. Raises Malformed."""
        self._count(depth)
        if tree is None or isinstance(tree, (bool, float)):
            return tree
        if isinstance(tree, int):
            return tree
        if isinstance(tree, str):
            return self._text(tree)
        if isinstance(tree, list):
            return [self.value(t, depth + 1) for t in tree]
        if isinstance(tree, dict):
            kind = tree.get("is")
            maker = self._makers.get(kind) if isinstance(kind, str) else None
            if maker is not None:
                return maker(tree, depth)
        raise Malformed("the answer is not in the form that was agreed on")

    def _count(self, depth: int) -> None:
        self._values += 1
        if self.limits is None:
            return
        if depth > self.limits.depth:
            raise Malformed(f"the answer is nested more than {self.limits.depth} deep, or contains itself")
        if self._values > self.limits.values:
            raise Malformed(f"the answer holds more than {self.limits.values} values")

    def _text(self, text: str) -> str:
        if self.limits is not None and len(text) > self.limits.text:
            raise Malformed(f"the answer holds a text of more than {self.limits.text} characters")
        return text.encode("utf-8", "replace").decode("utf-8")

    def _items(self, tree: Mapping, most: int | None = None) -> list:
        items = tree.get("items")
        if not isinstance(items, list):
            raise Malformed("the answer is not in the form that was agreed on")
        if most is not None and len(items) > most:
            raise Malformed(f"the answer holds a dictionary or set of more than {most} entries")
        return items

    def _tuple(self, tree: Mapping, depth: int) -> tuple:
        items = [self.value(t, depth + 1) for t in self._items(tree)]
        return self.special_tuple(tree, items) if "id" in tree else tuple(items)

    def _dict(self, tree: Mapping, depth: int) -> dict:
        found = {}
        for pair in self._items(tree, ENTRIES):
            if not isinstance(pair, list) or len(pair) != 2:
                raise Malformed("the answer is not in the form that was agreed on")
            found[self._key(pair[0], depth + 1)] = self.value(pair[1], depth + 1)
        return found

    def _keys(self, tree: Mapping, depth: int) -> list:
        return [self._key(t, depth + 1) for t in self._items(tree, ENTRIES)]

    def _key(self, tree: object, depth: int) -> Any:
        key = self.value(tree, depth)
        try:
            hash(key)
        except TypeError:
            raise Malformed("the answer holds a dictionary or set with an entry that cannot be one") from None
        return key

    def _parts(self, tree: Mapping, count: int) -> list:
        parts = tree.get("parts")
        if not isinstance(parts, list) or len(parts) != count:
            raise Malformed("the answer is not in the form that was agreed on")
        return parts

    def _range(self, tree: Mapping, _depth: int) -> range:
        parts = self._parts(tree, 3)
        if any(type(p) is not int for p in parts) or parts[2] == 0:
            raise Malformed("the answer is not in the form that was agreed on")
        found = range(*parts)
        if found[LIMITS.values :]:  # a few bytes here, gigabytes for whoever makes an array of it
            raise Malformed(f"the answer holds a range of more than {LIMITS.values} numbers")
        return found

    def _float(self, tree: Mapping, _depth: int) -> float:
        if tree.get("text") not in ("nan", "inf", "-inf"):
            raise Malformed("the answer is not in the form that was agreed on")
        return float(tree["text"])

    def _complex(self, tree: Mapping, depth: int) -> complex:
        real, imaginary = (self.value(p, depth + 1) for p in self._parts(tree, 2))
        if type(real) is not float or type(imaginary) is not float:
            raise Malformed("the answer is not in the form that was agreed on")
        return complex(real, imaginary)

    def _array(self, tree: Mapping, _depth: int) -> np.ndarray:
        array = self._npy(tree)
        self.arrays.append(array)
        return array

    def _texts(self, tree: Mapping, depth: int) -> np.ndarray:
        items, shape, width = self._items(tree), tree.get("shape"), tree.get("width")
        sizes: list[Any] = shape if isinstance(shape, list) else [None]
        if type(width) is not int or width < 0 or any(type(n) is not int or n < 0 for n in sizes):
            raise Malformed("the answer is not in the form that was agreed on")
        self._weigh(4 * max(1, width) * len(items))
        texts = [self.value(item, depth + 1) for item in items]
        if math.prod(sizes) != len(items) or len(sizes) > AXES or not all(isinstance(t, str) for t in texts):
            raise Malformed("the answer holds an array of texts that do not fit its shape")
        return np.array(texts, dtype=f"U{width}").reshape(sizes)

    def _objects(self, tree: Mapping, depth: int) -> np.ndarray:
        """An array of objects: of plain values, like a list, and never unpickled."""
        items, shape = self._items(tree), tree.get("shape")
        sizes: list[Any] = shape if isinstance(shape, list) else [None]
        if len(sizes) > AXES or any(type(n) is not int or n < 0 for n in sizes) or math.prod(sizes) != len(items):
            raise Malformed("the answer holds an array of objects that do not fit its shape")
        array = np.empty(len(items), dtype=object)
        for place, item in enumerate(items):
            array[place] = self.value(item, depth + 1)
        return array.reshape(sizes)

    def _scalar(self, tree: Mapping, _depth: int) -> Any:
        array = self._npy(tree)
        if array.ndim:
            raise Malformed("the answer is not in the form that was agreed on")
        return array[()]

    def _tensor(self, tree: Mapping, _depth: int) -> object:
        array = self._npy(tree)
        name = {"pytorch": "torch", "tensorflow": "tensorflow"}.get(str(tree.get("framework")))
        if name is None:
            raise Malformed("the answer holds a tensor of an unknown framework")
        module: Any = importlib.import_module(name) if self.frameworks else sys.modules.get(name)
        try:
            return module.from_numpy(array) if name == "torch" else module.constant(array)
        except Exception:  # not there, or a type that the framework has not
            return array

    def _npy(self, tree: Mapping) -> np.ndarray:
        return array_of(self._decoded(tree.get("npy")))

    def _weigh(self, size: int) -> None:
        self._bytes += size
        if self.limits is not None and self._bytes > self.limits.array_bytes + 3 * HEADER:
            raise Malformed(f"the answer's arrays have more than {self.limits.array_bytes // 2**20} MiB together")

    def _decoded(self, text: object) -> bytes:
        if not isinstance(text, str):
            raise Malformed("the answer is not in the form that was agreed on")
        self._weigh(len(text) * 3 // 4)
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise Malformed("the answer holds bytes that cannot be read") from None
