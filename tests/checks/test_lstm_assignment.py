"""The assignment `lstm`, where the machinery cannot see by itself: against the frameworks, its rules, what follows."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure
from autograder.checks.lstm import QUESTIONS, answers
from autograder.checks.mistakes import Mistake, mistaken
from autograder.checks.places import place
from autograder.checks.question import relative_error, tolerance
from autograder.grading.audit import FRAMEWORKS
from autograder.grading.sources import notebook_of

pytestmark = pytest.mark.usefixtures("ours_may_be_called")


def failure(name, answer, **options) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, **options)
    return caught.value


def edited(name: str, replace: str, by: str):
    """A reference answer with an edit that is in no catalogue."""
    return mistaken(QUESTIONS[name].reference, Mistake("unknown", replace, by, "."))


def wrong(error: CheckFailure) -> dict[str, str]:
    return {v.output: v.finding for v in error.verdicts if not v.right}


# What is drawn and expected


@pytest.mark.parametrize("name", ["lstm/sequence-forward", "lstm/sequence-backward"])
def test_the_sequences_that_are_drawn(name):
    problems = list(QUESTIONS[name].problems(np.random.default_rng(0)))
    assert {p.sizes["T"] for p in problems} >= {1}
    assert {p.sizes["B"] for p in problems} >= {1}
    assert {p.dtype.name for p in problems} == {"float64", "float32"}
    masks = [p.values["mask"] for p in problems]
    assert any(not mask.any(axis=0).all() for mask in masks), "a sequence that is masked throughout"
    assert any((np.diff(mask, axis=0) > 0).any() for mask in masks), "a gap, after which a sequence wakes up"
    for problem in problems:
        assert all(problem.values[k].all() for k in ("h_0", "c_0", "b", "G", "dc_T"))


@pytest.mark.slow
def test_a_step_is_the_frameworks_step():
    """The expected values do not come from PyTorch, but they are PyTorch's: gate order, both squashings, gradients."""
    import torch

    problem = next(QUESTIONS["lstm/step-backward"].problems(np.random.default_rng(1)))
    v = {k: torch.tensor(a, requires_grad=True) for k, a in problem.values.items()}
    cell = torch.nn.LSTMCell(problem.sizes["D"], problem.sizes["H"], dtype=torch.float64)
    parameters = {"weight_ih": v["W"].T, "weight_hh": v["U"].T, "bias_ih": v["b"], "bias_hh": torch.zeros_like(v["b"])}
    h, c = torch.func.functional_call(cell, parameters, (v["x"], (v["h_prev"], v["c_prev"])))
    (h * v["dh"].detach() + c * v["dc_later"].detach()).sum().backward()
    gradients = {"d" + k: v[k].grad for k in ("x", "h_prev", "c_prev", "W", "U", "b")}
    for name, value in {"h": h.detach(), "c": c.detach(), **gradients}.items():
        assert relative_error(value.numpy(), problem.expected[name]).max() < 1e-13, name


@pytest.mark.slow
def test_masked_sequences_are_the_frameworks():
    """Keras carries both states over where its mask is 0, gaps included."""
    import keras

    for problem in QUESTIONS["lstm/sequence-forward"].problems(np.random.default_rng(2)):
        v, on = problem.values, problem.values["mask"].T > 0
        layer = keras.layers.LSTM(problem.sizes["H"], return_sequences=True, return_state=True, dtype=v["X"].dtype.name)
        layer.build(v["X"].swapaxes(0, 1).shape)
        layer.set_weights([v["W"], v["U"], v["b"]])
        H, h_T, c_T = layer(v["X"].swapaxes(0, 1), initial_state=[v["h_0"], v["c_0"]], mask=on)
        allowed = tolerance(problem.dtype, problem.terms)
        assert relative_error(np.asarray(h_T), problem.expected["H"][-1]).max() < allowed
        assert relative_error(np.asarray(c_T), problem.expected["c_T"]).max() < allowed
        real = on.T
        if real.any():
            assert relative_error(np.asarray(H).swapaxes(0, 1)[real], problem.expected["H"][real]).max() < allowed


# What follows is told apart from what is wrong


def test_all_gradients_follow_from_a_wrong_cell_gradient():
    name = "lstm/step-backward"
    for seed in range(5):
        error = failure(name, edited(name, "dc_later + dh", "dc_later + 1.5 * dh"), seed=seed)
        found = wrong(error)
        assert found.pop("dc_prev").startswith(("differs", "is "))
        assert found == dict.fromkeys(("dx", "dh_prev", "dW", "dU", "db"), "follows from dc_prev")
        assert str(error).splitlines()[0].endswith("; dx, dh_prev, dW, dU, db follow")
        assert "two roads" in str(error)


def test_a_wrong_gate_is_seen_in_the_bias_and_the_rest_follows():
    name = "lstm/step-backward"
    error = failure(name, edited(name, "da_f = dc", "da_f = 1.3 * dc"), seed=1)
    found = wrong(error)
    assert found.pop("db").startswith("differs only in the block of f")
    assert found == dict.fromkeys(("dx", "dh_prev", "dW", "dU"), "follows from the same δa as db")


@pytest.mark.parametrize("seed", range(10))
def test_nothing_follows_where_outputs_are_wrong_on_their_own(seed):
    name = "lstm/step-backward"
    for replace, by in (("dW = x.T @ da", "dW = x.T @ dh.repeat(4, axis=1)"), ("dx = da", "dx = 1.1 * da")):
        found = wrong(failure(name, edited(name, replace, by), seed=seed))
        assert len(found) == 1
        assert not any("follows" in finding for finding in found.values())


def test_states_that_follow():
    def shares(name, replace, by):
        return [
            o for o, finding in wrong(failure(name, edited(name, replace, by), seed=1)).items() if "follows" in finding
        ]

    assert shares("lstm/step-forward", "f * c_prev", "0.9 * f * c_prev") == ["h"]
    assert shares("lstm/step-forward", "h = o", "h = 0.9 * o") == []
    assert shares("lstm/sequence-forward", "sigmoid(a_f) * c ", "sigmoid(a_f + 1) * c ") == ["H"]
    assert shares("lstm/sequence-forward", "np.tanh(c_new)", "np.tanh(c_new) ** 3") == ["C"]
    assert shares("lstm/sequence-forward", "from_input[t]", "1.1 * from_input[t]") == []
    assert shares("lstm/peephole-step", "f * c_prev", "0.9 * f * c_prev") == ["h"]
    assert shares("lstm/peephole-backward", "da_i = dc", "da_i = 1.1 * dc") == ["dc_prev", "dp"]
    assert shares("lstm/peephole-backward", "dc_prev = dc", "dc_prev = 1.1 * dc") == []


def test_an_output_that_is_no_array_breaks_nothing():
    def answer(x, h_prev, c_prev, W, U, b):
        return answers.step_forward(x, h_prev, c_prev, W, U, b)[0], None

    assert wrong(failure("lstm/step-forward", answer)) == {"c": "is None: is the return statement there?"}


def test_a_type_that_is_wrong_follows_from_nothing():
    def answer(*arguments):
        return tuple(v.astype("float64") for v in answers.step_forward(*arguments))

    assert set(wrong(failure("lstm/step-forward", answer)).values()) == {
        "has dtype float64, expected float32 like the inputs"
    }


def test_two_mistakes_at_once_are_both_named():
    def answer(dh, dc_later, x, h_prev, c_prev, gates, c, W, U):
        dx, dh_prev, dc_prev, dW, _, db = answers.step_backward(dh, dc_later, x, h_prev, c_prev, gates, c, W, U)
        found = mistaken(
            answers.step_backward,
            next(m for m in QUESTIONS["lstm/step-backward"].mistakes if m.name == "cell-for-the-state"),
        )(dh, dc_later, x, h_prev, c_prev, gates, c, W, U)
        return dx, dh_prev, dc_prev, dW, found[4], db / len(x)

    assert set(failure("lstm/step-backward", answer).mistakes) == {"cell-for-the-state", "bias-averaged"}


# The rules of the task


@pytest.mark.slow
def test_ready_made_layers_are_refused_in_pytorch():
    import torch
    from torch import nn

    class Own(nn.Module):
        def __init__(self, D, H):
            super().__init__()
            self.W = nn.Parameter(torch.zeros(D, 4 * H))
            self.U = nn.Parameter(torch.zeros(H, 4 * H))
            self.b = nn.Parameter(torch.zeros(4 * H))

    class Layer(Own):
        def __init__(self, D, H):
            super().__init__(D, H)
            self.inner = nn.LSTM(D, H)

    class Function(Own):
        def forward(self, X, h_0, c_0, mask):
            weights = [self.W.T, self.U.T, self.b, torch.zeros_like(self.b)]
            H, _, c = torch.lstm(X, [h_0[None], c_0[None]], weights, True, 1, 0.0, True, False, False)
            return H, c

    def step(x, h_prev, c_prev, W, U, b):
        return torch.lstm_cell(x, [h_prev, c_prev], W.T, U.T, b, torch.zeros_like(b))

    name = "lstm/sequence-forward"
    assert "this one uses PyTorch's LSTM" in str(failure(name, Layer, framework="pytorch"))
    assert "this one uses PyTorch's lstm" in str(failure(name, Function, framework="pytorch"))
    assert "this one uses PyTorch's lstm_cell" in str(failure("lstm/step-forward", step, framework="pytorch"))


@pytest.mark.slow
def test_ready_made_layers_are_refused_in_keras():
    import keras

    class Layer(keras.layers.Layer):
        def __init__(self, H, **kwargs):
            super().__init__(**kwargs)
            self.inner = keras.layers.LSTM(H, return_sequences=True)

        def call(self, X, h_0, c_0, mask):
            H = self.inner(X, initial_state=[h_0, c_0], mask=mask > 0)
            return H, H

    def step(x, h_prev, c_prev, W, U, b):
        cell = keras.layers.LSTMCell(h_prev.shape[1])
        cell.build(x.shape)
        return cell(x, [h_prev, c_prev])[1]

    assert "this one uses Keras's LSTM" in str(failure("lstm/sequence-forward", Layer, framework="tensorflow"))
    assert "this one uses Keras's LSTMCell" in str(failure("lstm/step-forward", step, framework="tensorflow"))


@pytest.mark.slow
def test_derivatives_by_machine_are_refused():
    import torch

    class ByAutograd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, c_prev, p):
            ctx.save_for_backward(a, c_prev, p)
            return ByAutograd.run(a, c_prev, p)

        @staticmethod
        def run(a, c_prev, p):
            a_i, a_f, a_g, a_o = torch.chunk(a, 4, dim=1)
            c = torch.sigmoid(a_f + c_prev * p[1]) * c_prev + torch.sigmoid(a_i + c_prev * p[0]) * torch.tanh(a_g)
            return torch.sigmoid(a_o + c * p[2]) * torch.tanh(c), c

        @staticmethod
        def backward(ctx, dh, dc_later):
            with torch.enable_grad():
                values = [v.detach().requires_grad_() for v in ctx.saved_tensors]
                return torch.autograd.grad(ByAutograd.run(*values), values, (dh, dc_later))

    text = str(failure("lstm/peephole-backward", ByAutograd, framework="pytorch"))
    assert "a gradient written by hand; this one is found by torch.autograd.grad" in text

    def cell_derivatives(c_prev, gates):
        return torch.func.vjp(lambda g: g, gates)[0]

    assert "torch.func.vjp" in str(failure("lstm/cell-derivatives", cell_derivatives, framework="pytorch"))


@pytest.mark.slow
def test_a_module_must_not_cut_the_gradient_off():
    import torch
    from torch import nn

    class Detached(nn.Module):
        def __init__(self, D, H):
            super().__init__()
            self.W = nn.Parameter(torch.zeros(D, 4 * H))
            self.U = nn.Parameter(torch.zeros(H, 4 * H))
            self.b = nn.Parameter(torch.zeros(4 * H))

        def forward(self, X, h_0, c_0, mask):
            H, C, h, c = [], [], h_0, c_0
            for x, m in zip(X, mask.unsqueeze(-1), strict=True):
                a_i, a_f, a_g, a_o = torch.chunk(x @ self.W + h.detach() @ self.U + self.b, 4, dim=1)
                c_new = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * torch.tanh(a_g)
                h = m * torch.sigmoid(a_o) * torch.tanh(c_new) + (1 - m) * h
                c = m * c_new + (1 - m) * c
                H.append(h)
                C.append(c)
            return torch.stack(H), torch.stack(C)

    error = failure("lstm/sequence-forward", Detached, framework="pytorch")
    assert set(wrong(error)) <= {"dW", "dU", "db"}
    assert error.mistakes == ("gradient-cut-in-the-product",)


# The notebooks


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_equations_that_the_notebooks_name(root, framework):
    """Numbers in the text are the book's, in the order in which the tasks need them."""
    text = "\n".join(c.source for c in notebook_of(root / "solutions" / "lstm" / f"{framework}.py").cells)
    labels = {
        "gates": "eq-lstm-gates",
        "c": "eq-lstm-c",
        "h": "eq-lstm-h",
        "a": "eq-lstm-a",
        "mask": "eq-lstm-mask",
        "slope": "eq-lstm-dsigma",
        "cell gradient": "eq-lstm-dc",
        "gate gradients": "eq-lstm-dgates",
        "pre-activations": "eq-lstm-da",
        "carried": "eq-lstm-mask-state",
        "made": "eq-lstm-mask-made",
        "half-life": "eq-lstm-half-life",
        "bias": "eq-lstm-bias",
        "peepholes": "eq-lstm-peep",
        "their roads": "eq-lstm-peep-dc",
    }
    numbers = {place(label).number for label in labels.values()}
    assert set(re.findall(r"\((6\.\d+)\)", text)) == numbers
    expected = {
        "eq-lstm-a": "all four gates, equation ({})",
        "eq-lstm-gates": "candidate by tanh, equation ({})",
        "eq-lstm-mask": "equation ({}):\n\n$$\nh_t = \\underbrace{{m_t}}",
        "eq-lstm-dsigma": "for $\\sigma$ that is equation ({})",
        "eq-lstm-dc": "yours to add: equation ({})",
        "eq-lstm-mask-made": "Equation ({}) says what reaches",
        "eq-lstm-peep": "has none. Equation ({}):",
        "eq-lstm-peep-dc": "equation ({}) answers both",
    }
    flat = " ".join(text.split())
    for label, phrase in expected.items():
        assert " ".join(phrase.format(place(label).number).split()) in flat, label


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_same_lesson_in_each_framework(root, framework):
    """Headings, tasks and grade ids do not drift apart."""

    def outline(name):
        cells = notebook_of(root / "solutions" / "lstm" / f"{name}.py").cells
        points = [
            (c.metadata.nbgrader.grade_id, c.metadata.nbgrader.get("points")) for c in cells if "nbgrader" in c.metadata
        ]
        return json.dumps(points)

    assert outline(framework) == outline("numpy")
