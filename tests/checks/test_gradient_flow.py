"""Modules whose states are right while autograd does not reach their parameters: each such mistake has a name."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from solved_notebooks import solved

from autograder import check
from autograder.checks import CheckFailure, checking
from autograder.checks.mistakes import mistaken
from autograder.checks.observing import cast
from autograder.checks.places import place
from autograder.checks.question import Calling, relative_error, tolerance
from autograder.grading.translation import with_mistake

QUESTIONS = [
    question
    for module in checking.assignments().values()
    for question in importlib.import_module(f"autograder.checks.{module}").QUESTIONS.values()
    if question.answers.get("pytorch") is not None and question.answers["pytorch"].calling is Calling.MODULE
]
FLOWING = [(q, m) for q in QUESTIONS for m in q.flow.mistakes]
IDS = [f"{q.name}:{m.name}" for q, m in FLOWING]


def test_every_module_has_them():
    assert {q.name for q in QUESTIONS} == {
        "vanilla/sequence-forward",
        "bptt/by-chunks",
        "lstm/sequence-forward",
        "gru/sequence-forward",
        "bidirectional/forward",
    }
    structural = {"plain-tensor-for-a-parameter", "parameters-made-in-every-call", "parameter-not-trained"}
    for question in QUESTIONS:
        names = {m.name for m in question.flow.mistakes}
        assert structural | {"gradient-cut-on-return"} < names
        assert len(names | {m.name for m in question.mistakes}) == len(question.all_mistakes), "a name twice"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_the_reference_is_what_autograd_should_find(question):
    rng = np.random.default_rng(0)
    for problem in (p for _ in range(3) for p in question.problems(rng)):
        values = {k: cast(v, problem.dtype) for k, v in problem.values.items()}
        given = (values[a].item() if values[a].ndim == 0 else values[a] for a in question.flow.arguments)
        found = dict(zip(question.flow.outputs, question.flow.reference(*given), strict=True))
        assert set(found) == set(question.answers["pytorch"].outputs)
        for name, value in found.items():
            error = relative_error(value, problem.expected[name], problem.scales.get(name, 0.0)).max(initial=0.0)
            assert error <= tolerance(problem.dtype, problem.terms), (name, problem.given)


@pytest.mark.parametrize(("question", "mistake"), FLOWING, ids=IDS)
def test_edits_apply_once_and_hints_are_in_form(question, mistake):
    assert place(mistake.see)
    assert mistake.hint.endswith((".", "?"))
    assert len(mistake.hint) < 260
    assert mistake.elsewhere["numpy"] is None
    if not mistake.sign:
        mistaken(question.flow.reference, mistake)


def failure(question: str, answer, framework: str, seed: int | None = None) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        check(question, answer, framework=framework, seed=seed)
    return caught.value


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
@pytest.mark.parametrize(("question", "mistake"), FLOWING, ids=IDS)
def test_a_cut_is_named_whatever_is_drawn(question, mistake, framework):
    assignment, _, grade_id = question.name.partition("/")
    notebook = solved(assignment, framework)
    source = with_mistake(mistake, notebook.solution(grade_id), framework)
    if source is None:
        assert framework == "tensorflow", "each can be made in PyTorch"
        return
    names = dict(notebook.names)
    notebook._run(source, names, f"{grade_id}-answer")
    name = next(line.split()[1].split("(")[0] for line in source.split("\n") if line.startswith("class "))
    for seed in range(2):
        told = failure(question.name, names[name], framework, seed)
        assert told.mistakes == (mistake.name,), str(told)
        assert mistake.hint in str(told)


def vanilla(update: str, before: str = "", after: str = "return torch.stack(states)", make: str = ""):
    """The vanilla module with other lines in it."""
    import torch
    from torch import nn

    names: dict = {"torch": torch, "nn": nn}
    code = f"""
class VanillaRNN(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.randn(D, H))
        self.U = nn.Parameter(torch.randn(H, H))
        self.b = nn.Parameter(torch.zeros(H))
        {make}
    def forward(self, X, h_0, mask):
        states, h = [], h_0
        {before}
        for x, m in zip(X, mask.unsqueeze(-1), strict=True):
            {update}
            states.append(h)
        {after}
"""
    exec(code, names)
    return names["VanillaRNN"]


STEP = "h = m * torch.tanh(x @ self.W + {0} @ self.U + self.b) + (1 - m) * {0}"
OTHER_WORDS = {
    "data": (vanilla, (STEP.format("h.data"),), "gradient-cut-at-every-step"),
    "numpy": (vanilla, (STEP.format("torch.from_numpy(h.detach().numpy())"),), "gradient-cut-at-every-step"),
    "a new tensor": (vanilla, (STEP.format("torch.tensor(h.tolist(), dtype=h.dtype)"),), "gradient-cut-at-every-step"),
    "no_grad": (
        vanilla,
        (f"with torch.no_grad():\n                {STEP.format('h')}",),
        "gradient-cut-on-return",
    ),
    "numpy at the end": (
        vanilla,
        (STEP.format("h"), "", "return torch.tensor(torch.stack(states).tolist(), dtype=h.dtype)"),
        "gradient-cut-on-return",
    ),
    "weights by their numbers": (
        vanilla,
        (STEP.format("h").replace("self.W", "torch.tensor(self.W.tolist(), dtype=x.dtype)"),),
        "input-weights-cut-off",
    ),
    "a buffer": (
        vanilla,
        (STEP.format("h"), "", "return torch.stack(states)", "del self.W; self.register_buffer('W', torch.ones(D, H))"),
        "plain-tensor-for-a-parameter",
    ),
    "frozen afterwards": (
        vanilla,
        (STEP.format("h"), "", "return torch.stack(states)", "self.b.requires_grad_(False)"),
        "parameter-not-trained",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("make", "lines", "name"), OTHER_WORDS.values(), ids=OTHER_WORDS)
def test_the_same_mistake_in_other_words(make, lines, name):
    assert failure("vanilla/sequence-forward", make(*lines), "pytorch").mistakes == (name,)


@pytest.mark.slow
def test_what_may_be_detached_is_no_mistake():
    """The mask and the first state are given: nobody asks for their gradients."""
    check(
        "vanilla/sequence-forward",
        vanilla(STEP.format("h").replace("(1 - m)", "(1 - m.detach())"), "h = h.detach()"),
        framework="pytorch",
    )
    frozen = vanilla(STEP.format("h") + " + 0 * self.extra", make="self.extra = nn.Parameter(torch.ones(1), False)")
    check("vanilla/sequence-forward", frozen, framework="pytorch")


@pytest.mark.slow
def test_an_unknown_cut_gets_no_name():
    """Cut at every second step: the gradients are told as wrong, the states as right."""
    cut = vanilla(STEP.format("(h if len(states) % 2 else h.detach())"))
    told = failure("vanilla/sequence-forward", cut, "pytorch", seed=0)
    assert told.mistakes == ()
    assert "H   ✓  right" in str(told)
    assert "look for what cuts a parameter off" in str(told)


@pytest.mark.slow
def test_a_keras_variable_is_a_weight_and_a_variable_of_tensorflow_is_none():
    import keras
    import tensorflow as tf

    class VanillaRNN(keras.layers.Layer):
        def __init__(self, H, **kwargs):
            super().__init__(**kwargs)
            self.H = H

        def build(self, X_shape):
            self.W = self.make((X_shape[-1], self.H))
            self.U = self.make((self.H, self.H))
            self.b = self.make((self.H,))

        def make(self, shape):
            return keras.Variable(tf.ones(shape))

        def call(self, X, h_0, mask):
            states, h = [], h_0
            for t in range(X.shape[1]):
                m = mask[:, t, None]
                h = m * tf.tanh(X[:, t] @ self.W + h @ self.U + self.b) + (1 - m) * h
                states.append(h)
            return tf.stack(states, axis=1)

    class Unknown(VanillaRNN):
        def make(self, shape):
            return tf.Variable(tf.ones(shape))

    check("vanilla/sequence-forward", VanillaRNN, framework="tensorflow")
    told = failure("vanilla/sequence-forward", Unknown, "tensorflow")
    assert told.mistakes == ("plain-tensor-for-a-parameter",)
    assert "yours is a plain tensor, a tf.Variable that the layer does not know" in str(told)
