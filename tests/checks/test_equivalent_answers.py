"""Right answers in other styles, some eighty of them, keep their points, and so does one in any wrapping."""

from __future__ import annotations

import functools
import importlib
import types
from collections import OrderedDict, UserDict, namedtuple
from dataclasses import make_dataclass

import numpy as np
import pytest

from autograder import check
from autograder.checks import checking
from autograder.grading.audit import FRAMEWORKS

# By name, because pytest must not import a framework before a slow test asks for it.
STYLES = importlib.import_module("answers_in_numpy").ANSWERS


@pytest.mark.parametrize(("question", "style"), STYLES, ids=[f"{q}: {s}" for q, s in STYLES])
def test_another_way_to_write_it_in_numpy(question, style, capsys):
    check(question, STYLES[question, style], rounds=5)
    assert capsys.readouterr().out.startswith("✓")


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
def test_other_ways_to_write_it_in_the_frameworks(framework, capsys):
    for (question, _style), answer in importlib.import_module(f"answers_in_{framework}").ANSWERS.items():
        check(question, answer, framework=framework, rounds=3)
    printed = capsys.readouterr()
    assert printed.err == "", "TensorFlow's warnings on retracing would cost the points"


@pytest.mark.slow
def test_every_assignment_and_framework_has_some():
    found = {
        (question.split("/")[0], framework)
        for framework in FRAMEWORKS
        for question, _ in importlib.import_module(f"answers_in_{framework}").ANSWERS
    }
    assert found == {(assignment, framework) for assignment in checking.assignments() for framework in FRAMEWORKS}


# One right answer, wrapped and packed

NAMES = ("dx", "dh_prev", "dW", "dU", "db")


def right(dh, x, h_prev, h, W, U):
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


class Called:
    """No __name__, a cache of its own."""

    def __init__(self):
        self.cache = {}

    def __call__(self, dh, x, h_prev, h, W, U):
        self.cache["last"] = right(dh, x, h_prev, h, W, U)
        return self.cache["last"]

    def method(self, dh, x, h_prev, h, W, U):
        return self(dh, x, h_prev, h, W, U)

    @classmethod
    def of_the_class(cls, dh, x, h_prev, h, W, U):
        return right(dh, x, h_prev, h, W, U)

    @staticmethod
    def without_self(dh, x, h_prev, h, W, U):
        return right(dh, x, h_prev, h, W, U)


def closure():
    kept = []

    def step_backward(dh, x, h_prev, h, W, U):
        kept.append(right(dh, x, h_prev, h, W, U))
        return kept[-1]

    return step_backward


@functools.wraps(right)
def decorated(*arguments, **keywords):
    return right(*arguments, **keywords)


def undisguised(*arguments):
    return right(*arguments)


def with_defaults(dh, x, h_prev, h=None, W=None, U=None):
    return right(dh, x, h_prev, h, W, U)


def with_options(dh, x, h_prev, h, W, U, clip=None, *, cache=None, verbose=False, **more):
    return right(dh, x, h_prev, h, W, U)


def annotated(
    dh: np.ndarray, x: np.ndarray, h_prev: np.ndarray, h: np.ndarray, W: np.ndarray, U: np.ndarray
) -> tuple[np.ndarray, ...]:
    return right(dh, x, h_prev, h, W, U)


def positional_only(dh, x, h_prev, h, W, U, /):
    return right(dh, x, h_prev, h, W, U)


def other_names(upstream, inputs, before, after, kernel, recurrent):
    return right(upstream, inputs, before, after, kernel, recurrent)


def scaled(power, dh, x, h_prev, h, W, U):
    return right(dh * power, x, h_prev, h, W, U)


CALLABLES = {
    "an object that is called": Called(),
    "a method": Called().method,
    "a class method": Called.of_the_class,
    "a static method": Called().without_self,
    "a closure": closure(),
    "functools.wraps": decorated,
    "star arguments alone": undisguised,
    "defaults": with_defaults,
    "further options": with_options,
    "annotations": annotated,
    "positional only": positional_only,
    "other names": other_names,
    "functools.partial": functools.partial(scaled, 1.0),
    "partial by name": functools.partial(with_options, verbose=True),
    "functools.partialmethod's cousin": types.MethodType(scaled, 1.0),
    "numpy.errstate as a decorator": np.errstate(all="ignore")(right),
    "a lambda": lambda *a: right(*a),
    "a memory without the arguments": functools.lru_cache(maxsize=None)(lambda *_: None) and right,
}


@pytest.mark.parametrize("answer", CALLABLES.values(), ids=CALLABLES)
def test_whatever_can_be_called(answer):
    check("vanilla/step-backward", answer)


CONTAINERS = {
    "a tuple": tuple,
    "a list": list,
    "a dict": lambda g: dict(zip(NAMES, g, strict=True)),
    "a dict in another order": lambda g: dict(reversed(list(zip(NAMES, g, strict=True)))),
    "a dict with more": lambda g: dict(zip(NAMES, g, strict=True), cache=g, da=None),
    "an OrderedDict": lambda g: OrderedDict(zip(NAMES, g, strict=True)),
    "a UserDict": lambda g: UserDict(zip(NAMES, g, strict=True)),
    "a namedtuple": namedtuple("Gradients", NAMES)._make,
    "a dataclass": lambda g: make_dataclass("Gradients", NAMES)(*g),
    "a namespace": lambda g: types.SimpleNamespace(**dict(zip(NAMES, g, strict=True))),
}


@pytest.mark.parametrize("packed", CONTAINERS.values(), ids=CONTAINERS)
def test_whatever_holds_the_outputs(packed):
    check("vanilla/step-backward", lambda *a: packed(right(*a)))


ARRAYS = {
    "in Fortran's order": np.asfortranarray,
    "not contiguous": lambda v: np.repeat(v, 2, axis=-1)[..., ::2],
    "backwards in memory": lambda v: v[::-1].copy()[::-1],
    "read-only": lambda v: np.lib.stride_tricks.as_strided(v, writeable=False),
    "a subclass": lambda v: v.view(type("Tagged", (np.ndarray,), {})),
}


@pytest.mark.parametrize("laid_out", ARRAYS.values(), ids=ARRAYS)
def test_however_an_array_lies_in_memory(laid_out):
    check("vanilla/step-backward", lambda *a: [laid_out(g) for g in right(*a)])


@pytest.mark.parametrize(
    "number", [float, np.asarray, np.float64, lambda v: v.reshape(())], ids=["float", "array", "float64", "no axes"]
)
def test_a_scalar_in_any_form(number):
    def softmax_loss(Y, targets, mask):
        loss, dY = STYLES["vanilla/softmax-loss", "logaddexp"](Y, targets, mask)
        return number(loss) if Y.dtype == np.float64 or number is float else loss, dY

    check("vanilla/softmax-loss", softmax_loss)


def test_the_only_output_in_any_container():
    def forward(x, h_prev, W, U, b):
        return np.tanh(x @ W + h_prev @ U + b)

    for packed in (lambda h: h, lambda h: (h,), lambda h: [h], lambda h: {"h": h}, lambda h: {"h": h, "a": None}, list):
        check("vanilla/step-forward", lambda *a, packed=packed: packed(forward(*a)))


def test_a_list_of_states_is_an_array_of_states():
    """Also where there is one step, and so one state in the list."""

    def states(X, h_0, W, U, b, mask):
        found = [h_0]
        for x, m in zip(X, mask[..., None], strict=True):
            found.append(m * np.tanh(x @ W + found[-1] @ U + b) + (1 - m) * found[-1])
        return found[1:]

    for packed in (
        lambda s: s,
        lambda s: [s],
        lambda s: np.stack(s),
        lambda s: [np.stack(s)],
        lambda s: (np.stack(s),),
    ):
        check("vanilla/sequence-forward", lambda *a, packed=packed: packed(states(*a)))
