"""Ordinary test cells, run against a learner's notebook in another kernel."""

from __future__ import annotations

import inspect
import re
import time
import unittest
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from plain_kernel import PlainKernel, plain_kernel

from autograder.boundary import examiner, handles
from autograder.boundary.handles import LearnerError, NoAnswer

LEARNERS = '''
import numpy as np
from collections import namedtuple
from dataclasses import dataclass

W = np.arange(6.0).reshape(2, 3)
rate, words = 0.25, ["a", "b"]
Cache = namedtuple("Cache", "x total")

def scale(x, k=2, *, shift=0.0):
    """Scale x."""
    return k * x + shift

def repeated(items):
    return 2 * items

def forward(x):
    return x.sum(), Cache(x, Weird(x.sum()))

def backward(dout, cache):
    assert type(cache) is Cache and type(cache.total) is Weird
    return dout * np.ones_like(cache.x) * cache.total.value

@dataclass
class Weird:
    value: float

    def doubled(self):
        return Weird(2 * self.value)

class Network:
    def __init__(self, W):
        self.W = W
    def __call__(self, x):
        return x @ self.W
    def fit(self, x, *, steps=1):
        self.W = self.W + steps
        return self

def everything():
    return {"list": [1, 2.5, "x"], "tuple": (None, True), "nested": {"a": np.eye(2)}, 3: np.float32(1)}

def negative(n):
    if n < 0:
        raise ValueError(f"{n} is negative")
    return n

class OwnError(KeyError):
    pass

def own_error():
    raise OwnError("lost")

def singular():
    return np.linalg.inv(np.zeros((2, 2)))

def spoils(x):
    x[:] = 0
    return x

def talks():
    print("said", 3)
    return 1

def noise(shape, rng, dtype):
    return rng.normal(size=shape).astype(dtype)

def apply(f, x):
    return f(x)

def not_written(x):
    raise NotImplementedError()

def sly():
    class Sly(np.ndarray):
        def __eq__(self, other):
            return np.ones(self.shape, dtype=bool)
    return np.zeros(3).view(Sly)

def huge():
    return np.zeros(10**7)

def objects():
    return np.array([{}, None])

def cyclic():
    made = []
    made.append(made)
    return made

def leaves():
    raise SystemExit(0)
'''


@pytest.fixture(scope="module", params=["ipc", "tcp"])
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainKernel]:
    with plain_kernel(tmp_path_factory.mktemp("kernel"), request.param) as started:
        started.run(LEARNERS)
        examiner.connect(started.connection)
        yield started
        examiner.disconnect()


@pytest.fixture
def of(kernel: PlainKernel) -> SimpleNamespace:
    """The learner's names, as test cells see them."""
    names = re.findall(r"^(?:def|class) (\w+)", LEARNERS, re.MULTILINE)
    found: dict[str, Any] = {"left": "over"}
    examiner.bind(found, [*names, "W", "rate", "words", "np", "left"], [LEARNERS])
    return SimpleNamespace(**found)


def test_functions_are_called_with_arrays(of):
    np.testing.assert_allclose(of.scale(np.arange(3.0)), [0, 2, 4])
    np.testing.assert_array_equal(of.scale(x=np.arange(3), k=3, shift=1), [1, 4, 7])
    assert of.scale(1.5) == 3.0
    assert of.scale(np.float32(2)).dtype == np.float32
    assert of.repeated([1, 2]) == [1, 2, 1, 2]


def test_what_was_defined_is_looked_at(of):
    assert isinstance(of.W, np.ndarray)
    np.testing.assert_array_equal(of.W, np.arange(6.0).reshape(2, 3))
    assert (of.rate, of.words) == (0.25, ["a", "b"])
    assert of.np is np
    assert not hasattr(of, "left"), "a name that the learner has not defined stands for nothing"


def test_a_handle_is_like_its_function(of):
    assert callable(of.scale)
    assert of.scale.__name__ == "scale"
    assert of.scale.__doc__ == "Scale x."
    assert list(inspect.signature(of.scale).parameters) == ["x", "k", "shift"]
    assert inspect.signature(of.scale).bind(1)
    with pytest.raises(TypeError):
        inspect.signature(of.scale).bind()
    assert of.scale.__unrolled_source__ == LEARNERS
    assert "scale in the learner's notebook" in repr(of.scale)


def test_results_of_many_kinds(of):
    found = of.everything()
    assert (found["list"], found["tuple"]) == ([1, 2.5, "x"], (None, True))
    np.testing.assert_array_equal(found["nested"]["a"], np.eye(2))
    assert found[3] == np.float32(1)


def test_what_only_the_learner_understands_goes_back_as_it_was(of):
    total, cache = of.forward(np.array([1.0, 2.0]))
    assert isinstance(cache, tuple)
    assert len(cache) == 2
    np.testing.assert_array_equal(cache.x, [1, 2])
    np.testing.assert_array_equal(of.backward(2.0, cache), [6, 6])
    assert total == 3
    assert cache.total.doubled().value == 6.0


def test_objects_have_attributes_and_methods(of):
    network = of.Network(np.eye(2))
    np.testing.assert_array_equal(network(np.ones(2)), [1, 1])
    assert network.fit(np.ones(2), steps=2) is not None
    np.testing.assert_array_equal(network.W, np.eye(2) + 2)
    network.W = np.zeros((2, 2))
    np.testing.assert_array_equal(network(np.ones(2)), [0, 0])
    with pytest.raises(AttributeError, match="no attribute 'bias'"):
        network.bias  # noqa: B018
    assert not hasattr(network, "_private")
    assert inspect.isclass(of.Network)
    assert not inspect.isclass(network)


def test_unittest(of):
    case = unittest.TestCase()
    with case.assertRaises(ValueError):  # noqa: PT027
        of.negative(-1)
    with case.assertRaisesRegex(ValueError, "^-1 is negative$"):  # noqa: PT027
        of.negative(-1)
    case.assertEqual(of.negative(3), 3)  # noqa: PT009
    case.assertAlmostEqual(of.rate, 0.25)  # noqa: PT009


def test_exceptions_have_their_class_and_message(of):
    with pytest.raises(KeyError) as caught:
        of.own_error()
    assert type(caught.value).__name__ == "OwnError"
    assert isinstance(caught.value, LearnerError)
    assert str(caught.value) == "'lost'"
    with pytest.raises(ValueError, match="Singular matrix"):
        of.singular()
    with pytest.raises(NotImplementedError):
        of.not_written(1)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        of.scale()
    with pytest.raises(SystemExit):
        of.leaves()
    assert not examiner.lost_because()


def test_arguments_are_never_changed(of):
    """A test that computes what it expects after the call would otherwise be cheated."""
    x = np.arange(3.0)
    np.testing.assert_array_equal(of.spoils(x), np.zeros(3))
    np.testing.assert_array_equal(x, np.arange(3.0))


def test_what_is_printed_is_seen(of, capsys):
    assert of.talks() == 1
    assert capsys.readouterr() == ("said 3\n", "")


def test_random_generators_and_types_are_given(of):
    expected = np.random.default_rng(3).normal(size=4).astype("float32")
    np.testing.assert_array_equal(of.noise(4, np.random.default_rng(3), np.float32), expected)
    bits = np.random.Generator(np.random.MT19937(2))
    np.testing.assert_array_equal(of.noise(4, bits, np.dtype("float64")), bits.normal(size=4))


def test_functions_of_the_test_cannot_be_given(of):
    with pytest.raises(TypeError, match="a function cannot be given to the learner's code while grading"):
        of.apply(lambda x: x, 1)
    assert of.apply(of.negative, 4) == 4, "but those of the learner can"


def test_an_array_that_says_it_is_equal_is_none(of):
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(of.sly(), np.ones(3))
    assert not np.array_equal(of.sly(), np.ones(3))


def test_answers_that_do_not_fit_are_told_in_a_line(of):
    for function, words in ((of.huge, "arrays have more than 40 MiB"), (of.cyclic, "nested more than 24 deep")):
        with pytest.raises(NoAnswer, match=words) as caught:
            function()
        assert "\n" not in str(caught.value)
    assert of.objects().tolist() == [{}, None], "an array of objects comes as one of plain values"
    assert of.scale(1) == 2
    assert not examiner.lost_because()


def test_endless_loops(of, kernel, monkeypatch):
    monkeypatch.setattr(handles, "SECONDS", 0.5)
    kernel.run("def endless(x):\n    while True:\n        x += 1")
    names: dict[str, Any] = {}
    examiner.bind(names, ["endless"])
    with pytest.raises(TimeoutError, match=r"endless did not return within .* it was at line [23] in endless: "):
        names["endless"](1)
    assert of.scale(1) == 2


# --- a kernel that has died -----------------------------------------------------------------------------------


def test_a_dead_kernel_is_told_at_once(tmp_path):
    with plain_kernel(tmp_path) as kernel:
        kernel.run("import os\ndef die(): os._exit(1)\ndef fine(): return 1")
        names: dict[str, Any] = {}
        examiner.connect(kernel.connection)
        examiner.bind(names, ["die", "fine"])
        assert names["fine"]() == 1
        began = time.monotonic()
        for _ in range(2):
            with pytest.raises(NoAnswer, match="your code's kernel was lost: it died"):
                names["die"]()
        assert time.monotonic() - began < 2
        assert examiner.lost_because() == "it died"
        examiner.bind(names, ["fine"])
        assert "fine" not in names
        examiner.disconnect()
        assert examiner.lost_because() == ""


# --- tensors --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_pytorch_cells_of_other_teachers(tmp_path):
    import torch

    with plain_kernel(tmp_path) as kernel:
        kernel.run(
            "import torch\ndef scale(x, k=2.0):\n    assert isinstance(x, torch.Tensor)\n"
            "    return k * x, {'sum': x.sum()}\n"
            "class Net(torch.nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
            "        self.layer = torch.nn.Linear(n, 1)\n    def forward(self, x):\n        return self.layer(x)\n"
            "weights = torch.ones(2, 3)"
        )
        names: dict[str, Any] = {}
        examiner.connect(kernel.connection)
        examiner.bind(names, ["scale", "Net", "weights", "torch"])
        assert names["torch"] is torch
        scaled, sums = names["scale"](torch.arange(3.0))
        torch.testing.assert_close(scaled, torch.tensor([0.0, 2.0, 4.0]))
        assert sums["sum"].item() == 3
        assert names["weights"].shape == (2, 3)
        net = names["Net"](3)
        assert net(torch.ones(5, 3)).shape == (5, 1)
        assert net.layer.weight.shape == (1, 3)
        examiner.disconnect()


@pytest.mark.slow
def test_tensorflow_cells_of_other_teachers(tmp_path):
    import tensorflow as tf

    with plain_kernel(tmp_path) as kernel:
        kernel.run(
            "import tensorflow as tf\ndef scale(x):\n    assert tf.is_tensor(x)\n    return 2 * x, tf.Variable(x)"
        )
        names: dict[str, Any] = {}
        examiner.connect(kernel.connection)
        examiner.bind(names, ["scale"])
        scaled, kept = names["scale"](tf.range(3.0))
        assert tf.is_tensor(scaled)
        np.testing.assert_allclose(scaled.numpy(), [0, 2, 4])
        np.testing.assert_allclose(kept.numpy(), [0, 1, 2])
        examiner.disconnect()


def test_no_error_of_the_learners_ends_a_loop_without_a_word_or_speaks_for_the_examiner():
    for name in ("StopIteration", "StopAsyncIteration"):
        error = handles._error({"type": name, "bases": [name], "message": "over"})
        assert isinstance(error, handles.LearnerError)
        assert not isinstance(error, (StopIteration, StopAsyncIteration))
    for name in ("CheckFailure", "KernelLost", "NoAnswer"):
        assert type(handles._error({"type": name, "bases": [name], "message": "x"})).__name__ == "LearnerError"
    assert isinstance(handles._error({"type": "ValueError", "bases": ["ValueError"], "message": "x"}), ValueError)
