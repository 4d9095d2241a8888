"""Tensors, modules and operations that cannot be judged: each has a message of its own in PyTorch and TensorFlow."""

from __future__ import annotations

import pytest

from autograder import check
from autograder.checks import CheckFailure

pytestmark = pytest.mark.slow  # importing TensorFlow alone takes seconds

STEP, BACKWARD, SEQUENCE = "vanilla/step-forward", "vanilla/step-backward", "vanilla/sequence-forward"


def told(name, answer, framework) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, framework=framework, seed=1)
    assert caught.value.credit == 0
    return caught.value


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


# PyTorch


def test_tensors_that_hold_no_numbers(torch):
    spoilt = {
        "one that came back is on the device meta": lambda h: h.to("meta"),
        "one that came back is sparse: end with .to_dense()": lambda h: h.to_sparse(),
        "one that came back is a Tensor of torch.bfloat16": lambda h: h.bfloat16(),
        "one that came back is a Tensor of torch.qint8": lambda h: torch.quantize_per_tensor(
            h.float(), 0.1, 0, torch.qint8
        ),
        "h is an array of complex128": lambda h: (h + 0j).conj(),
        "h has dtype int32, expected float64": lambda h: h.int(),
        "h has dtype float32, expected float64": lambda h: h.float(),
        "268435456 numbers are far more than asked for": lambda h: torch.zeros(1).expand(1 << 28),
        "h is a generator, which has not been run": lambda h: (row for row in h),
        "h has shape (), expected (2, 4)": lambda h: h.sum(),
        "h contains NaN (8 of 8 entries)": lambda h: h * float("nan"),
        "h is a function, not an array": lambda h: torch.nn.Linear(2, 2),
    }
    for said, spoil in spoilt.items():

        def step(x, h_prev, W, U, b, spoil=spoil):
            return spoil(torch.tanh(x @ W + h_prev @ U + b))

        assert said in told(STEP, step, "pytorch").headline


def test_tensors_that_are_unusual_and_right(torch, capsys):
    fine = [
        lambda h: h.clone().requires_grad_(),
        lambda h: torch.nn.Parameter(h),
        lambda h: h.numpy(),
        lambda h: list(h),
        lambda h: h.T.contiguous().T,
        lambda h: (h + 0j).real,
        lambda h: torch._neg_view(-h),
    ]
    for packed in fine:
        check(STEP, lambda x, h, W, U, b, packed=packed: packed(torch.tanh(x @ W + h @ U + b)), framework="pytorch")


def test_what_a_backward_may_return(torch):
    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, h_prev, W, U, b):
            ctx.save_for_backward(x, h_prev, W, U, b)
            return torch.tanh(x @ W + h_prev @ U + b)

    def answer(found):
        return type("Step", (Step,), {"backward": staticmethod(lambda ctx, dh: found(ctx.saved_tensors))})

    count = "expected 5 gradients from backward in a tuple, one for each argument of the forward pass in their order"
    assert count in told(BACKWARD, answer(lambda saved: saved[:3]), "pytorch").headline
    assert count in told(BACKWARD, answer(lambda saved: None), "pytorch").headline
    assert count in told(BACKWARD, answer(lambda saved: "abcdefg"), "pytorch").headline
    assert f"{count}, with None" in told(BACKWARD, answer(lambda saved: list(saved)), "pytorch").headline
    arrays = told(BACKWARD, answer(lambda saved: tuple(v.numpy() for v in saved)), "pytorch")
    assert "expected tensors from backward, where the arguments are" in arrays.headline
    elsewhere = told(BACKWARD, answer(lambda saved: tuple(v.to("meta") for v in saved)), "pytorch")
    assert "got one on the device meta" in elsewhere.headline
    spoilt = told(BACKWARD, answer(lambda saved: tuple(v * float("nan") for v in saved)), "pytorch")
    assert "contains NaN" in str(spoilt)


def torch_module(torch, forward):
    class Network(torch.nn.Module):
        def __init__(self, D, H):
            super().__init__()
            self.W, self.U = torch.nn.Parameter(torch.zeros(D, H)), torch.nn.Parameter(torch.zeros(H, H))
            self.b = torch.nn.Parameter(torch.zeros(H))

        def states(self, X, h, mask):
            for x, m in zip(X, mask[..., None], strict=True):
                h = m * torch.tanh(x @ self.W + h @ self.U + self.b) + (1 - m) * h
                yield h

        def forward(self, X, h_0, mask):
            return forward(list(self.states(X, h_0, mask)))

    return Network


def test_what_a_module_may_return(torch):
    check(SEQUENCE, torch_module(torch, torch.stack), framework="pytorch")
    returned = {
        "expected 1 output from the forward pass, got 6: steps belong stacked into one tensor": lambda s: s,
        "expected 1 output from the forward pass, got 2": lambda s: (torch.stack(s), s[-1]),
        "H is None: is the return statement there?; dW, dU, db follow": lambda s: None,
        "H is a str, not an array; dW, dU, db follow": lambda s: "H",
        "one that came back is on the device meta": lambda s: torch.stack(s).to("meta"),
    }
    for said, forward in returned.items():
        assert said in told(SEQUENCE, torch_module(torch, forward), "pytorch").headline


def test_one_kind_of_thing_where_another_is_asked_for_in_pytorch(torch):
    module = torch_module(torch, torch.stack)
    asked = "expected a class derived from nn.Module (the class itself, not an instance)"
    assert asked in told(SEQUENCE, module(2, 3), "pytorch").headline
    assert asked in told(SEQUENCE, lambda D, H: module(D, H), "pytorch").headline
    assert asked in told(SEQUENCE, torch.autograd.Function, "pytorch").headline
    assert "takes 2 arguments (D, H), the task calls it with 5" in told(STEP, module, "pytorch").headline
    assert "derived from torch.autograd.Function" in told(BACKWARD, module, "pytorch").headline
    assert "derived from torch.autograd.Function" in told(BACKWARD, torch.tanh, "pytorch").headline


def test_modules_that_cannot_be_built(torch):
    base = torch_module(torch, torch.stack)

    class WithoutSuper(torch.nn.Module):
        def __init__(self, D, H):
            self.W = torch.nn.Parameter(torch.zeros(D, H))

    class OtherShapes(base):
        def __init__(self, D, H):
            super().__init__(H, D)

    class TooFewArguments(base):
        def __init__(self, D):
            super().__init__(D, D)

    assert "before Module.__init__() call" in told(SEQUENCE, WithoutSuper, "pytorch").headline
    assert "expected W of shape (3, 4); yours has (4, 3)" in told(SEQUENCE, OtherShapes, "pytorch").headline
    assert "takes 2 positional arguments but 3 were given" in told(SEQUENCE, TooFewArguments, "pytorch").headline


# TensorFlow


def test_what_is_no_tensor_of_numbers(tf):
    kept = []

    @tf.function
    def traced(h):
        kept.append(2 * h)
        return h

    def symbolic(h):
        traced(h)
        return kept[-1]

    spoilt = {
        "h is a RaggedTensor, not an array": lambda h: tf.RaggedTensor.from_tensor(h),
        "h is a SparseTensor, not an array": lambda h: tf.sparse.from_dense(h),
        "made inside a tf.function and kept outside": symbolic,
        "h is an array of complex128": lambda h: tf.cast(h, tf.complex128),
        "h is a bytes, not an array": lambda h: tf.constant("h"),
        "h has dtype int32, expected float64": lambda h: tf.cast(h, tf.int32),
        "h is an array of bfloat16, not of real numbers": lambda h: tf.cast(h, tf.bfloat16),
        "16777216 numbers are far more than asked for": lambda h: tf.broadcast_to(tf.zeros(1), (1 << 24,)),
        "h is a TensorArray, not an array": lambda h: tf.TensorArray(tf.float64, 2),
        "h is a KerasTensor that cannot be read as an array": lambda h: tf.keras.Input((3,)),
    }
    for said, spoil in spoilt.items():

        def step(x, h_prev, W, U, b, spoil=spoil):
            return spoil(tf.tanh(x @ W + h_prev @ U + b))

        assert said in told(STEP, step, "tensorflow").headline


def test_a_variable_and_an_array_will_do(tf):
    for packed in (tf.Variable, lambda h: h.numpy(), tf.identity):
        check(STEP, lambda x, h, W, U, b, packed=packed: packed(tf.tanh(x @ W + h @ U + b)), framework="tensorflow")


def test_what_a_custom_gradient_may_return(tf):
    def answer(found):
        @tf.custom_gradient
        def operation(x, h_prev, W, U, b):
            return tf.tanh(x @ W + h_prev @ U + b), lambda dh: found((x, h_prev, W, U, b))

        return operation

    count = "expected 5 gradients from backward in a tuple, one for each argument of the forward pass in their order"
    for found in (lambda v: v[:3], lambda v: None, lambda v: v + v):
        assert count in told(BACKWARD, answer(found), "tensorflow").headline
    assert "has dtype float32" in str(
        told(BACKWARD, answer(lambda v: [tf.cast(a, tf.float32) for a in v]), "tensorflow")
    )


def test_one_kind_of_thing_where_another_is_asked_for_in_keras(tf):
    class Layer(tf.keras.layers.Layer):
        def __init__(self, H, **kwargs):
            super().__init__(**kwargs)

        def call(self, X, h_0, mask):
            return None

    asked = "expected a class derived from keras.layers.Layer (the class itself, not an instance)"
    assert asked in told(SEQUENCE, Layer(3), "tensorflow").headline
    assert asked in told(SEQUENCE, lambda H: Layer(H), "tensorflow").headline
    assert "the task calls it with 5" in told(STEP, Layer, "tensorflow").headline
    assert "decorated with @tf.custom_gradient" in told(BACKWARD, Layer, "tensorflow").headline


def test_messages_of_keras_are_cut_to_what_can_be_read(tf):
    class WithoutWeights(tf.keras.layers.Layer):
        def __init__(self, H, **kwargs):
            super().__init__(**kwargs)

        def call(self, X, h_0, mask):
            return X @ self.W

    headline = told(SEQUENCE, WithoutWeights, "tensorflow").headline
    assert headline.endswith("has no attribute 'W'")
    assert "\x1b" not in headline
