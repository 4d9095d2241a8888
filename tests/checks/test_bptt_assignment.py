"""The assignment `bptt`: what is expected is right, its own rules hold, and what nobody foresaw gets no wrong name."""

from __future__ import annotations

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure
from autograder.checks.bptt import QUESTIONS, answers, problems
from autograder.checks.drivers import given

pytestmark = pytest.mark.usefixtures("ours_may_be_called")


def failure(name, answer, framework="numpy", **options) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, framework=framework, **options)
    return caught.value


def drawn(draw, seed=0):
    return [p for p in draw(np.random.default_rng(seed)) if p.dtype == np.float64]


def test_the_expected_gradients_are_those_of_autograd():
    import torch

    for problem in drawn(problems.walk_problems):
        X, h, W, U, b, G = (torch.from_numpy(problem.values[v].copy()) for v in ("X", "h_0", "W", "U", "b", "G"))
        states, before = [], []
        for x in X:
            before.append((x @ W + h @ U + b).requires_grad_())
            h = torch.tanh(before[-1])
            states.append(h)
        loss = (torch.stack(states) * G).sum()
        dH = torch.stack(torch.autograd.grad(loss, states, retain_graph=True))
        dA = torch.stack(torch.autograd.grad(loss, before))
        np.testing.assert_allclose(dH, problem.expected["dH"], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(dA, problem.expected["dA"], rtol=1e-12, atol=1e-13)


def test_the_expected_jacobian_is_that_of_autograd():
    import torch

    for problem in drawn(problems.leaky_problems):
        n, U, alpha = (torch.from_numpy(problem.values[v].copy()) for v in ("n", "U", "alpha"))
        h_prev = torch.linspace(-0.5, 0.5, len(n), dtype=torch.float64)
        rest = torch.atanh(n) - h_prev @ U  # what input and bias add up to
        J = torch.func.jacrev(lambda h, rest=rest, U=U, alpha=alpha: (1 - alpha) * h + alpha * torch.tanh(rest + h @ U))
        np.testing.assert_allclose(J(h_prev).T, problem.expected["J"], rtol=1e-11, atol=1e-12)


def test_the_walk_back_and_the_walk_forward_agree():
    for problem in drawn(problems.forward_problems):
        X, G, h_0, W, U, b, H = (problem.values[v] for v in ("X", "G", "h_0", "W", "U", "b", "H"))
        _, dA = answers.recursion(G, H, U)
        back = answers.parameter_gradients(dA, X, H, h_0)
        for one, other in zip(back, answers.rtrl(X, G, h_0, W, U, b), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_chunks_are_windows_that_do_not_overlap():
    for problem in drawn(problems.chunk_problems):
        X, h_0, W, U, b, G, k, H = (given(problem.values[v]) for v in ("X", "h_0", "W", "U", "b", "G", "k", "H"))
        chunks = answers.by_chunks(X, h_0, W, U, b, G, k)[1:]
        for one, other in zip(chunks, answers.truncated_backward(G, X, H, h_0, W, U, k, k), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("framework", ["numpy", "pytorch", pytest.param("tensorflow", marks=pytest.mark.slow)])
def test_numbers_come_as_plain_numbers(framework):
    kinds: list[tuple[type, object]] = []

    def truncated_backward(G, X, H, h_0, W, U, k1, k2):
        kinds.append((type(k1), type(k2)))
        return W, U, W[0]

    def leaky_jacobian(n, U, alpha):
        kinds.append((type(alpha), len(U.shape)))
        return U

    failure("bptt/truncated", truncated_backward, framework)
    failure("bptt/leaky-jacobian", leaky_jacobian, framework)
    assert set(kinds) == {(int, int), (float, 2)}


@pytest.mark.parametrize("name", [n for n in QUESTIONS if n != "bptt/recursion"])
def test_an_error_nobody_foresaw_gets_no_name(name):
    outputs, reference = QUESTIONS[name].answers["numpy"].outputs, QUESTIONS[name].reference
    assert reference is not None
    for factor in (0.83, -1.37, 3.21):

        def wrong(*arguments, factor=factor, reference=reference):
            found = reference(*arguments)
            return [factor * v for v in found] if len(outputs) > 1 else factor * found

        caught = failure(name, wrong)
        assert caught.mistakes == ()
        assert "→" in str(caught)


def test_two_mistakes_in_different_outputs_are_both_named():
    def wrong(dA, X, H, h_0):
        dW, _, db = answers.parameter_gradients(dA, X, H, h_0)
        return dW, np.einsum("tbi,tbj->ij", H, dA), db / dA[..., 0].size

    assert set(failure("bptt/parameter-gradients", wrong).mistakes) == {"state-that-came-out", "bias-averaged"}


def test_autograd_is_refused_where_the_gradient_is_the_task():
    import torch
    from torch import nn

    def by_autograd(G, H, U):
        a = torch.atanh(H).requires_grad_()
        (dA,) = torch.autograd.grad((torch.tanh(a) * G).sum(), a)
        return dA, dA

    assert "found by torch.autograd.grad" in str(failure("bptt/recursion", by_autograd, "pytorch"))

    class FromTheShelf(nn.Module):
        def __init__(self, D, H, k):
            super().__init__()
            self.W, self.U = nn.Parameter(torch.randn(D, H)), nn.Parameter(torch.randn(H, H))
            self.b = nn.Parameter(torch.zeros(H))
            self.layer = nn.RNN(D, H)

        def forward(self, X, h_0):
            return self.layer(X, h_0[None])[0]

    assert "uses PyTorch's RNN" in str(failure("bptt/by-chunks", FromTheShelf, "pytorch"))


def test_clipping_from_the_library_is_refused_in_pytorch():
    import torch

    def clip_by_global_norm(dW, dU, db, max_norm):
        parameters = []
        for g in (dW, dU, db):
            parameters.append(torch.zeros_like(g))
            parameters[-1].grad = g.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        return *(p.grad for p in parameters), norm

    text = str(failure("bptt/clip-by-global-norm", clip_by_global_norm, "pytorch"))
    assert "your own clipping; this one uses torch.nn.utils.clip_grad_norm_" in text


def test_states_without_a_history_are_told_so():
    import torch
    from torch import nn

    class Detached(nn.Module):
        def __init__(self, D, H, k):
            super().__init__()
            self.W, self.U = nn.Parameter(torch.randn(D, H)), nn.Parameter(torch.randn(H, H))
            self.b = nn.Parameter(torch.zeros(H))

        def forward(self, X, h_0):
            states, h = [], h_0
            for x in X:
                h = torch.tanh(x @ self.W + h @ self.U + self.b).detach()
                states.append(h)
            return torch.stack(states)

    text = str(failure("bptt/by-chunks", Detached, "pytorch"))
    assert "H   ✓  right" in text
    assert "gets no gradient: the output is cut off" in text


@pytest.mark.slow
def test_tape_and_clipping_from_the_library_are_refused_in_tensorflow():
    import tensorflow as tf

    def by_tape(G, H, U):
        with tf.GradientTape() as tape:
            tape.watch(H)
            loss = tf.reduce_sum(H * G)
        return tape.gradient(loss, H), H

    assert "found by a tf.GradientTape" in str(failure("bptt/recursion", by_tape, "tensorflow"))

    def clip_by_global_norm(dW, dU, db, max_norm):
        clipped, norm = tf.clip_by_global_norm([dW, dU, db], max_norm)
        return *clipped, norm

    text = str(failure("bptt/clip-by-global-norm", clip_by_global_norm, "tensorflow"))
    assert "your own clipping; this one uses tensorflow.clip_by_global_norm" in text
