"""The assignment `gru`: what the table of mistakes cannot see. Rules, loose ends, what the notebooks claim."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import re
from typing import Any

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure
from autograder.checks.gru import QUESTIONS
from autograder.checks.mistakes import Mistake, mistaken
from autograder.checks.places import place

pytestmark = pytest.mark.usefixtures("ours_may_be_called")

ASSIGNMENT = "gru"
SLOW = pytest.mark.slow
FRAMEWORKS = ("numpy", "pytorch", "tensorflow")
EACH = ["numpy", *(pytest.param(name, marks=SLOW) for name in FRAMEWORKS[1:])]


def refused(name, answer, framework="numpy") -> str:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, framework=framework)
    return str(caught.value)


def test_the_three_notebooks_ask_for_the_same(root):
    headings = []
    for framework in FRAMEWORKS:
        text = (root / "solutions" / "gru" / f"{framework}.py").read_text(encoding="utf-8")
        found = re.findall(r"^# ## (.+)$", text, re.MULTILINE)
        headings.append([re.sub(r", (as a module|as a layer|by hand) \(", " (", heading) for heading in found])
    assert headings[0] == headings[1] == headings[2]


CITED = {  # what the notebooks refer to by number
    "eq-gru-h": "7.1",
    "eq-gru-a": "7.6",
    "eq-gru-gates": "7.7",
    "eq-gru-after-q": "7.8",
    "eq-gru-after-n": "7.9",
    "eq-gru-before-s": "7.10",
    "eq-gru-before-n": "7.11",
    "eq-gru-mask": "7.12",
    "eq-gru-dh-tilde": "7.13",
    "eq-gru-dn": "7.14",
    "eq-gru-da": "7.15",
    "eq-gru-after-dq": "7.16",
    "eq-gru-after-dh": "7.17",
    "eq-gru-dW": "7.18",
    "eq-gru-db": "7.21",
    "eq-gru-before-ds": "7.23",
    "eq-gru-before-dh": "7.24",
    "eq-gru-before-dU": "7.25",
    "eq-port-columns": "10.7",
    "eq-port-n": "10.10",
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_cited_equations_have_these_numbers_in_the_book(root, framework):
    assert {label: place(label).number for label in CITED} == CITED
    text = (root / "solutions" / "gru" / f"{framework}.py").read_text(encoding="utf-8")
    assert set(re.findall(r"\((\d+\.\d+)\)", text)) == set(CITED.values())
    for page in re.findall(r"\]\(\.\./\.\./(book/[\w/-]+\.md)\)", text):
        assert (root / page).is_file(), page


@pytest.mark.parametrize("framework", EACH)
def test_places_to_play_run_and_other_layers_agree(graded, framework):
    """Their lines, which stand as comments, made code. What is printed about loaded weights is rounding."""
    ready = graded(framework)
    names, loading = dict(ready.names), 0
    for cell in ready.cells:
        if ready.settings(cell) or ("# print(" not in cell.source and "#     print(" not in cell.source):
            continue
        code = re.sub(r"^# (?=[ \w])", "", cell.source, flags=re.MULTILINE)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"<{framework}: play>", "exec"), names)
        text = re.sub(r"shape=\(.*?\)|dtype=\w+", "", printed.getvalue())
        numbers = [float(v) for v in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", text)]
        assert numbers
        if "from_pytorch(" in code or "from_keras(" in code:
            loading += 1
            assert max(map(abs, numbers)) < 2e-6, printed.getvalue()
    assert loading == 2


def wave(*shape):
    return np.sin(1.0 + np.arange(np.prod(shape))).reshape(shape)


def recorded(root, name):
    text = (root / "solutions" / "gru" / "numpy.py").read_text(encoding="utf-8")
    (values,) = re.findall(rf"^{name} = (.*)$", text, re.MULTILINE)
    return np.array(ast.literal_eval(values))


@SLOW
def test_what_the_notebook_recorded_is_what_pytorch_says(root):
    import torch

    layer = torch.nn.GRU(2, 2, dtype=torch.float64)
    values = wave(6, 2), wave(6, 2), *wave(2, 6)
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), values, strict=True):
            parameter.copy_(torch.from_numpy(value))
        H, _ = layer(torch.from_numpy(wave(3, 1, 2)))
    assert np.abs(H[:, 0].numpy() - recorded(root, "torch_says")).max() < 1e-6


@SLOW
def test_what_the_notebook_recorded_is_what_keras_says(root):
    keras = importlib.import_module("keras")
    layer = keras.layers.GRU(2, return_sequences=True, dtype="float64")
    layer.build((1, 3, 2))
    layer.set_weights([wave(2, 6), wave(2, 6), wave(2, 6)])
    H = np.asarray(layer(wave(3, 1, 2).swapaxes(0, 1)))
    assert np.abs(H[0] - recorded(root, "keras_says")).max() < 1e-6


@SLOW
def test_ready_made_cells_and_autograd_are_refused_in_pytorch(graded):
    import torch
    from torch import nn

    ours: Any = graded("pytorch").names["GRU"]

    class WithLayer(ours):
        def __init__(self, D, H):
            super().__init__(D, H)
            self.layer = nn.GRU(D, H)

    class Called(ours):
        def forward(self, X, h_0, mask):
            b = torch.zeros_like(self.b)
            return torch.stack([torch.gru_cell(x, h_0, self.W.T, self.U.T, self.b, b) for x in X])

    for cheat in (WithLayer, Called):
        assert "your own recurrence; this one uses PyTorch's" in refused("gru/sequence-forward", cheat, "pytorch")

    def by_cell(x, h_prev, W, U, b, c_n):
        h = nn.GRUCell(x.shape[1], h_prev.shape[1], dtype=x.dtype)(x, h_prev)
        return h, h, h, h, h

    assert "your own recurrence" in refused("gru/step-after", by_cell, "pytorch")

    by_hand: Any = graded("pytorch").names["StepAfterFunction"]

    class ByAutograd(by_hand):
        @staticmethod
        def backward(ctx, dh):
            x, _, _, _, _, _, W, U = ctx.saved_tensors
            with torch.enable_grad():
                leaf = x.detach().requires_grad_()
                (dx,) = torch.autograd.grad(torch.tanh(leaf @ W).sum(), leaf)
            return dx, dh, W, U, W[0], dh[0]

    assert "a gradient written by hand" in refused("gru/step-after-backward", ByAutograd, "pytorch")


@SLOW
def test_a_parameter_that_is_cut_off_is_told_so_in_pytorch(graded):
    import torch

    source = graded("pytorch").solution("sequence-forward")
    for cut, output in (("self.c_n", "dc_n"), ("self.U", "dU")):
        names = dict(graded("pytorch").names)
        once = source.replace("W, U, b, c_n = self", f"{cut}.requires_grad_()\n        W, U, b, c_n = self")
        exec(once.replace(f"{cut}, ", f"{cut}.detach(), ").replace(f"{cut}\n", f"{cut}.detach()\n"), names)
        text = refused("gru/sequence-forward", names["GRU"], "pytorch")
        assert re.search(r"H +✓", text)
        assert re.search(rf"{output} +✗ +gets no gradient", text)
        assert ("U is used as a constant" if output == "dU" else "cuts a parameter off") in text
    assert torch.is_grad_enabled()


@SLOW
def test_ready_made_layers_are_refused_in_keras(graded):
    keras = importlib.import_module("keras")
    ours: Any = graded("tensorflow").names["GRU"]

    class WithLayer(ours):
        def __init__(self, H, **options):
            super().__init__(H, **options)
            self.layer = keras.layers.GRU(H, return_sequences=True)

        def call(self, X, h_0, mask):
            return self.layer(X, initial_state=h_0)

    assert "your own recurrence; this one uses Keras's GRU" in refused("gru/sequence-forward", WithLayer, "tensorflow")


def test_two_mistakes_in_different_gradients_are_both_named(graded):
    names = dict(graded("numpy").names)
    source = graded("numpy").solution("step-after-backward")
    source = source.replace("dc_n = dq.sum", "dc_n = da_n.sum").replace("db = da.sum", "db = da.mean")
    exec(source, names)
    with pytest.raises(CheckFailure) as caught:
        check("gru/step-after-backward", names["step_after_backward"])
    assert set(caught.value.mistakes) == {"one-gradient-for-two-biases", "bias-averaged"}


def test_an_unknown_error_says_which_gate():
    answer: Any = QUESTIONS["gru/step-after-backward"].reference

    def wrong(*arguments):
        dx, dh_prev, dW, dU, db, dc_n = answer(*arguments)
        dU[:, : len(dU)] *= 1.7
        return dx, dh_prev, dW, dU, db, dc_n

    text = refused("gru/step-after-backward", wrong)
    assert "dU differs only in the block of r" in text
    assert "→ U_r and U_z stand in the pre-activations" in text


def edited(name: str, replace: str, by: str):
    """A reference answer with an edit that is in no catalogue."""
    reference: Any = QUESTIONS[name].reference
    return mistaken(reference, Mistake("unknown", replace, by, "."))


@pytest.mark.parametrize(
    ("name", "replace", "by", "causes", "followers"),
    [
        ("gru/step-after", "r = sigmoid(", "r = 0.9 * sigmoid(", {"r"}, {"n": "r", "h": "n"}),
        ("gru/step-after", "q = h_prev @", "q = 0.9 * h_prev @", {"q"}, {"n": "q", "h": "n"}),
        ("gru/step-after", "z = sigmoid(", "z = 0.9 * sigmoid(", {"z"}, {"h": "z"}),
        ("gru/step-before", "r = sigmoid(", "r = 0.9 * sigmoid(", {"r"}, {"s": "r", "n": "s", "h": "n"}),
        ("gru/step-before", "h = (1 - z)", "h = (2 - z)", {"h"}, {}),
    ],
)
def test_what_merely_follows_is_told_so(name, replace, by, causes, followers):
    for seed in range(5):
        with pytest.raises(CheckFailure) as caught:
            check(name, edited(name, replace, by), seed=seed)
        wrong = {v.output: v.finding for v in caught.value.verdicts if not v.right}
        assert {o: f.removeprefix("follows from ") for o, f in wrong.items() if "follows" in f} == followers
        assert {o for o, f in wrong.items() if "follows" not in f} == causes


@pytest.mark.parametrize("form", ["after", "before"])
def test_gradients_made_from_one_wrong_delta_follow(form):
    """Where the batch is small enough for the δ to be found in the gradients."""
    name, found = f"gru/step-{form}-backward", 0
    answer = edited(name, "da_z = dh", "da_z = 0.9 * dh")
    for seed in range(12):
        with pytest.raises(CheckFailure) as caught:
            check(name, answer, seed=seed)
        following = {v.output for v in caught.value.verdicts if v.follows}
        if following:
            found += 1
            assert following == {"dx", "dh_prev", "dW", "dU"}
            assert "db differs" in str(caught.value)
    assert found >= 2
    assert not [v for v in _verdicts(name, edited(name, "dx = da", "dx = 0.9 * da")) if v.follows]


def test_gradients_made_from_one_wrong_message_follow():
    name = "gru/step-after-backward"
    answer = edited(name, "dq = da_n * r", "dq = 0.9 * da_n * r")
    seen = [{v.output for v in _verdicts(name, answer, seed) if v.follows} for seed in range(20)]
    assert {"dh_prev", "dU"} in seen
    assert all(following in ({"dh_prev", "dU"}, set()) for following in seen)


def _verdicts(name, answer, seed=0):
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, seed=seed)
    return caught.value.verdicts
