"""PyTorch, TensorFlow and NumPy run a program and differentiate it: by autograd, by a tape, by complex steps.

Each gives values and Jacobians as float64 NumPy arrays, and knows no formula of any network. A Jacobian has the shape
of what is differentiated followed by the shape of what moves. Nothing is computed before it is asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from autograder.equations.program import Array, Key, Program

EPSILON = 1e-30  # of a complex step: nothing is subtracted, so it can be this small
NAMES = ("pytorch", "tensorflow", "complex step")


class NumpyOperations:
    """What programs may call. The other two have the same names."""

    tanh, exp, log, sin, cos, sqrt = (staticmethod(f) for f in (np.tanh, np.exp, np.log, np.sin, np.cos, np.sqrt))

    @staticmethod
    def constant(value: Array) -> Any:
        return np.asarray(value)

    @staticmethod
    def sum(value: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return np.sum(value, axis=axis, keepdims=keepdims)

    @staticmethod
    def transpose(value: Any) -> Any:
        return np.swapaxes(value, -1, -2)

    @staticmethod
    def join(values: list[Any], axis: int = 0) -> Any:
        return np.concatenate(values, axis=axis)

    @classmethod
    def softmax(cls, value: Any) -> Any:
        e = cls.exp(value - np.max(np.real(value)))
        return e / cls.sum(e, axis=-1, keepdims=True)


class Backend:
    """A program, run: values, and derivatives when asked for."""

    name: str

    def __init__(self, program: Program):
        self.program = program
        zeros = dict.fromkeys(program.moved(), 0.0)
        self.plain: dict[Key, Array] = {k: np.asarray(v) for k, v in program.run(NumpyOperations, zeros).items()}
        self.shapes = {key: self.plain[key].shape for key in program.moved()}

    def value(self, key: Key) -> Array:
        raise NotImplementedError

    def jacobian(self, numerator: Key, denominator: Key, immediate: bool = False) -> Array:
        """d numerator / d denominator, (*shape of numerator, *shape of denominator); 0 where nothing depends."""
        raise NotImplementedError


class ComplexStep(Backend):
    name = "complex step"

    def __init__(self, program: Program):
        super().__init__(program)
        self._columns: dict[tuple[Key, bool], dict[Key, Array]] = {}

    def value(self, key: Key) -> Array:
        return self.plain[key]

    def jacobian(self, numerator: Key, denominator: Key, immediate: bool = False) -> Array:
        if (denominator, immediate) not in self._columns:
            self._columns[denominator, immediate] = self._move(denominator, immediate)
        return self._columns[denominator, immediate][numerator]

    def _move(self, key: Key, immediate: bool) -> dict[Key, Array]:
        """Derivatives of everything by `key`: one run of the program for each of its entries."""
        zeros: dict[Key, Any] = dict.fromkeys(self.program.moved(), 0.0)
        columns: dict[Key, list[Array]] = {k: [] for k in self.program.moved()}
        for place in np.ndindex(self.shapes[key]):
            moved = np.zeros(self.shapes[key], dtype=complex)
            moved[place] = 1j * EPSILON
            run = self.program.run(NumpyOperations, zeros | {key: moved}, self.plain if immediate else None)
            for k, column in columns.items():
                column.append(np.imag(run[k]) / EPSILON)
        return {k: np.stack(c, axis=-1).reshape(self.shapes[k] + self.shapes[key]) for k, c in columns.items()}


class _Reverse(Backend):
    """Backends that walk back: one row of Jacobians for each entry of the numerator."""

    def __init__(self, program: Program):
        super().__init__(program)
        self._rows: dict[tuple[Key, bool], dict[Key, Array]] = {}

    def gradients(self, numerator: Key, seed: Array, immediate: bool) -> list[Array | None]:
        """d(sum of seed * numerator) by everything in `program.moved()`."""
        raise NotImplementedError

    def jacobian(self, numerator: Key, denominator: Key, immediate: bool = False) -> Array:
        if (numerator, immediate) not in self._rows:
            self._rows[numerator, immediate] = self._walk_back(numerator, immediate)
        return self._rows[numerator, immediate][denominator]

    def _walk_back(self, key: Key, immediate: bool) -> dict[Key, Array]:
        keys, shape = self.program.moved(), self.shapes[key]
        rows: dict[Key, list[Array]] = {k: [] for k in keys}
        for place in np.ndindex(shape):
            seed = np.zeros(shape)
            seed[place] = 1.0
            for k, gradient in zip(keys, self.gradients(key, seed, immediate), strict=True):
                rows[k].append(np.zeros(self.shapes[k]) if gradient is None else gradient)
        return {k: np.stack(r).reshape(shape + self.shapes[k]) for k, r in rows.items()}


class PyTorch(_Reverse):
    name = "pytorch"

    def __init__(self, program: Program):
        super().__init__(program)
        self._runs: dict[bool, tuple[list[Any], dict[Key, Any]]] = {}

    @cached_property
    def operations(self) -> Any:
        import torch

        class Operations:
            tanh, exp, log, sin, cos, sqrt = (
                staticmethod(f) for f in (torch.tanh, torch.exp, torch.log, torch.sin, torch.cos, torch.sqrt)
            )
            constant = staticmethod(lambda value: torch.as_tensor(np.asarray(value)))
            transpose = staticmethod(lambda value: torch.transpose(value, -1, -2))
            join = staticmethod(lambda values, axis=0: torch.cat(values, dim=axis))
            softmax = staticmethod(lambda value: torch.softmax(value, -1))

            @staticmethod
            def sum(value: Any, axis: int | None = None, keepdims: bool = False) -> Any:
                return value.sum() if axis is None else value.sum(dim=axis, keepdim=keepdims)

        return Operations

    def _run(self, immediate: bool) -> tuple[list[Any], dict[Key, Any]]:
        if immediate not in self._runs:
            import torch

            zeros = {k: torch.zeros(s, dtype=torch.float64, requires_grad=True) for k, s in self.shapes.items()}
            held = self.plain if immediate else None
            self._runs[immediate] = list(zeros.values()), self.program.run(self.operations, zeros, held)
        return self._runs[immediate]

    def value(self, key: Key) -> Array:
        return self._run(False)[1][key].detach().numpy()

    def gradients(self, numerator: Key, seed: Array, immediate: bool) -> list[Array | None]:
        import torch

        zeros, run = self._run(immediate)
        found = torch.autograd.grad(run[numerator], zeros, torch.as_tensor(seed), retain_graph=True, allow_unused=True)
        return [None if g is None else g.numpy() for g in found]


class TensorFlow(_Reverse):
    name = "tensorflow"

    def __init__(self, program: Program):
        super().__init__(program)
        self._runs: dict[bool, tuple[Any, list[Any], dict[Key, Any]]] = {}

    @cached_property
    def operations(self) -> Any:
        import tensorflow as tf

        class Operations:
            tanh, exp, log, sin, cos, sqrt = (
                staticmethod(f) for f in (tf.tanh, tf.exp, tf.math.log, tf.sin, tf.cos, tf.sqrt)
            )
            constant = staticmethod(lambda value: tf.constant(np.asarray(value)))
            transpose = staticmethod(tf.linalg.matrix_transpose)
            join = staticmethod(lambda values, axis=0: tf.concat(values, axis=axis))
            softmax = staticmethod(tf.nn.softmax)

            @staticmethod
            def sum(value: Any, axis: int | None = None, keepdims: bool = False) -> Any:
                return tf.reduce_sum(value, axis=axis, keepdims=keepdims)

        return Operations

    def _run(self, immediate: bool) -> tuple[Any, list[Any], dict[Key, Any]]:
        if immediate not in self._runs:
            import tensorflow as tf

            zeros = {k: tf.zeros(s, dtype=tf.float64) for k, s in self.shapes.items()}
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(list(zeros.values()))
                run = self.program.run(self.operations, zeros, self.plain if immediate else None)
            self._runs[immediate] = tape, list(zeros.values()), run
        return self._runs[immediate]

    def value(self, key: Key) -> Array:
        return self._run(False)[2][key].numpy()

    def gradients(self, numerator: Key, seed: Array, immediate: bool) -> list[Array | None]:
        import tensorflow as tf

        tape, zeros, run = self._run(immediate)
        found = tape.gradient(run[numerator], zeros, output_gradients=tf.constant(seed))
        return [None if g is None else g.numpy() for g in found]


BACKENDS: dict[str, type[Backend]] = {b.name: b for b in (PyTorch, TensorFlow, ComplexStep)}
