"""PyTorch and TensorFlow answers: right ones pass, and what is not one is told so."""

import pytest

from autograder import check
from autograder.checks import CheckFailure

pytestmark = pytest.mark.slow  # importing TensorFlow alone takes seconds


def failure(name, answer, framework) -> str:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, framework=framework)
    return str(caught.value)


def torch_module(recurrence, own=()):
    import torch
    from torch import nn

    class VanillaRNN(nn.Module):
        def __init__(self, D, H):
            super().__init__()
            self.W = nn.Parameter(torch.randn(D, H))
            self.U = nn.Parameter(torch.randn(H, H))
            self.b = nn.Parameter(torch.zeros(H))
            for i, layer in enumerate(own):
                setattr(self, f"layer{i}", layer(D, H))

        def forward(self, X, h_0, mask):
            states, h = [], h_0
            for x, m in zip(X, mask.unsqueeze(-1), strict=True):
                h = recurrence(self, x, m, h)
                states.append(h)
            return torch.stack(states)

    return VanillaRNN


def masked(self, x, m, h):
    import torch

    return m * torch.tanh(x @ self.W + h @ self.U + self.b) + (1 - m) * h


def test_pytorch_modules():
    from torch import nn

    name = "vanilla/sequence-forward"
    check(name, torch_module(masked), framework="pytorch")
    cut = torch_module(lambda self, x, m, h: masked(self, x, m, h.detach()))
    text = failure(name, cut, "pytorch")
    assert "H   ✓  right" in text
    assert "dU  ✗" in text
    assert "uses PyTorch's RNN" in failure(name, torch_module(masked, [nn.RNN]), "pytorch")
    assert "uses PyTorch's GRUCell" in failure(name, torch_module(masked, [nn.GRUCell]), "pytorch")
    assert "derived from nn.Module" in failure(name, lambda *_: None, "pytorch")

    class NoParameters(nn.Module):
        def __init__(self, D, H):
            super().__init__()

    assert "nn.Parameter called W; yours has none" in failure(name, NoParameters, "pytorch")


def test_pytorch_function_without_a_gradient():
    import torch

    class Detached(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, h_prev, W, U, b):
            return torch.tanh(x @ W + h_prev @ U + b)

        @staticmethod
        def backward(ctx, dh):
            return None, None, None, None, dh.sum(0)

    text = failure("vanilla/step-backward", Detached, "pytorch")
    assert "h        ✓  right" in text
    assert "gets no gradient" in text
    assert "derived from torch.autograd.Function" in failure("vanilla/step-backward", torch.tanh, "pytorch")


def test_keras_layers():
    import keras
    import tensorflow as tf

    class VanillaRNN(keras.layers.Layer):
        def __init__(self, H, **kwargs):
            super().__init__(**kwargs)
            self.H = H

        def build(self, X_shape):
            self.W = self.add_weight(name="W", shape=(X_shape[-1], self.H))
            self.U = self.add_weight(name="U", shape=(self.H, self.H))
            self.b = self.add_weight(name="b", shape=(self.H,))

        def call(self, X, h_0, mask):
            states, h = [], h_0
            for t in range(X.shape[1]):
                m = mask[:, t, None]
                h = m * tf.tanh(X[:, t] @ self.W + h @ self.U + self.b) + (1 - m) * h
                states.append(h)
            return tf.stack(states, axis=1)

    class WithLayer(VanillaRNN):
        def build(self, X_shape):
            super().build(X_shape)
            self.inner = keras.layers.SimpleRNN(self.H)

    class TimeFirst(VanillaRNN):
        def call(self, X, h_0, mask):
            return tf.transpose(super().call(X, h_0, mask), (1, 0, 2))

    name = "vanilla/sequence-forward"
    check(name, VanillaRNN, framework="tensorflow")
    assert "uses Keras's SimpleRNN" in failure(name, WithLayer, "tensorflow")
    assert "axes are in another order" in failure(name, TimeFirst, "tensorflow")
    assert "derived from keras.layers.Layer" in failure(name, VanillaRNN(3), "tensorflow")


def test_tensorflow_operation_must_have_its_own_backward():
    import tensorflow as tf

    def plain(x, h_prev, W, U, b):
        return tf.tanh(x @ W + h_prev @ U + b)

    check("vanilla/step-forward", plain, framework="tensorflow")
    assert "decorated with @tf.custom_gradient" in failure("vanilla/step-backward", plain, "tensorflow")


def test_a_framework_that_is_not_there_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "autograder.checks.drivers.pytorch_driver", raising=False)
    assert "pip install torch" in failure("vanilla/step-forward", print, "pytorch")


def test_pytorch_layers_called_as_functions_are_found():
    """However it is reached: the text of the answer names no layer."""
    import torch

    class Disguised(torch.nn.Module):
        def __init__(self, D, H):
            super().__init__()
            self.W = torch.nn.Parameter(torch.zeros(D, H))
            self.U = torch.nn.Parameter(torch.zeros(H, H))
            self.b = torch.nn.Parameter(torch.zeros(H))

        def forward(self, X, h_0, mask):
            run = getattr(torch, "rnn_" + "tanh")
            weights = [self.W.T, self.U.T, self.b, torch.zeros_like(self.b)]
            return run(X, h_0[None], weights, True, 1, 0.0, True, False, False)[0]

    assert "this one uses PyTorch's rnn_tanh" in failure("vanilla/sequence-forward", Disguised, "pytorch")
    layer = torch.nn.RNN(2, 3)
    assert layer(torch.zeros(4, 1, 2))[0].shape == (4, 1, 3), "outside a check it is there again"


def test_derivatives_by_machine_are_found_in_pytorch():
    import torch

    class ByAutograd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, h_prev, W, U, b):
            ctx.save_for_backward(x, h_prev, W, U, b)
            return torch.tanh(x @ W + h_prev @ U + b)

        @staticmethod
        def backward(ctx, dh):
            with torch.enable_grad():
                values = [v.detach().requires_grad_() for v in ctx.saved_tensors]
                x, h_prev, W, U, b = values
                return torch.autograd.grad(torch.tanh(x @ W + h_prev @ U + b), values, dh)

    text = failure("vanilla/step-backward", ByAutograd, "pytorch")
    assert "expected a gradient written by hand; this one is found by torch.autograd.grad" in text


def test_derivatives_by_machine_are_found_in_tensorflow():
    import tensorflow as tf

    @tf.custom_gradient
    def by_tape(x, h_prev, W, U, b):
        def backward(dh):
            with tf.GradientTape() as tape:
                tape.watch([x, h_prev, W, U, b])
                h = tf.tanh(x @ W + h_prev @ U + b)
            return tape.gradient(h, [x, h_prev, W, U, b], dh)

        return tf.tanh(x @ W + h_prev @ U + b), backward

    text = failure("vanilla/step-backward", by_tape, "tensorflow")
    assert "expected a gradient written by hand; this one is found by a tf.GradientTape" in text
    with tf.GradientTape() as tape:
        x = tf.Variable(2.0)
        y = x * x
    assert tape.gradient(y, x).numpy() == 4, "outside a check it is there again"


def test_a_keras_layer_made_in_build_is_found():
    import keras

    class Hidden(keras.layers.Layer):
        def __init__(self, H, **kwargs):
            super().__init__(**kwargs)
            self.H = H

        def build(self, X_shape):
            self.W = self.add_weight(name="W", shape=(X_shape[-1], self.H))
            self.U = self.add_weight(name="U", shape=(self.H, self.H))
            self.b = self.add_weight(name="b", shape=(self.H,))
            self.inner = keras.layers.SimpleRNN(self.H, return_sequences=True)

        def call(self, X, h_0, mask):
            return self.inner(X, initial_state=h_0)

    assert "this one uses Keras's SimpleRNN, which is the task" in failure(
        "vanilla/sequence-forward", Hidden, "tensorflow"
    )
    assert keras.layers.SimpleRNN(2)(keras.ops.zeros((1, 3, 4))).shape == (1, 2), "outside a check it is there again"
