"""The assignment `bidirectional`: what the table of mistakes cannot see. Rules, padding, what the notebooks claim."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from typing import Any

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure
from autograder.checks.bidirectional import QUESTIONS, answers
from autograder.checks.mistakes import mistaken
from autograder.checks.question import relative_error, tolerance
from autograder.grading.audit import Graded
from autograder.grading.book_places import places
from autograder.recurrent import reverse_by_length

pytestmark = pytest.mark.usefixtures("ours_may_be_called")

ASSIGNMENT = "bidirectional"
SLOW = pytest.mark.slow
FRAMEWORKS = ("numpy", "pytorch", "tensorflow")
EACH = ["numpy", *(pytest.param(name, marks=SLOW) for name in FRAMEWORKS[1:])]


def checked(graded: Graded) -> dict[str, Any]:
    """What is checked, by question."""
    source = "\n".join(c.source for c in graded.cells)
    return {q: graded.names[name] for q, name in re.findall(r'check\("(bidirectional/[\w-]+)", (\w+)', source)}


def refused(name, answer, framework="numpy") -> str:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, framework=framework)
    return str(caught.value)


# What is drawn


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_problems_are_unequal_and_hold_the_corner_cases(question):
    for seed in range(30):
        problems = list(question.problems(np.random.default_rng(seed)))
        assert {p.dtype for p in problems} == {np.dtype("float32"), np.dtype("float64")}
        assert any("T = 1," in p.given for p in problems)
        assert any("B = 1," in p.given for p in problems)
        for problem in problems:
            numbers = re.findall(r"[TBDH] = (\d+)", problem.given)
            assert len(set(numbers)) == len(numbers) or "1" in numbers, problem.given


@pytest.mark.parametrize("name", ["forward", "backward", "stack-of-two"])
def test_padding_is_never_zero_and_masks_are_padded_on_the_right(name):
    short = empty = large = 0
    for seed in range(20):
        for problem in QUESTIONS[f"bidirectional/{name}"].problems(np.random.default_rng(seed)):
            mask, X = problem.values["mask"], problem.values["X"]
            assert np.all(mask[1:] <= mask[:-1])
            assert np.all(X[mask == 0] != 0)
            lengths = mask.sum(axis=0)
            short += bool(np.any((lengths > 1) & (lengths < len(mask) - 1)))
            empty += bool(np.any(lengths == 0))
            large += bool(np.abs(X).max() > 20)
    assert short >= 60
    assert large >= 20
    assert empty == (0 if name == "stack-of-two" else 20)


@pytest.mark.parametrize("name", ["forward", "backward", "stack-of-two"])
def test_padding_that_changes_changes_nothing_that_is_expected(name):
    """The reference answer on a copy of each problem that differs in the padding alone."""
    question = QUESTIONS[f"bidirectional/{name}"]
    assert question.reference
    how = question.answers["numpy"]
    for problem in question.problems(np.random.default_rng(3)):
        values = {k: v.copy() for k, v in problem.values.items()}
        off = values["mask"] == 0
        values["X"][off] *= -7
        if name == "backward":
            values["G"][off] += 3
        found = question.reference(*(values[a] for a in how.arguments))
        for output, value in zip(how.outputs, found if isinstance(found, tuple) else (found,), strict=True):
            error = float(relative_error(value, problem.expected[output]).max(initial=0.0))
            assert error <= tolerance(problem.dtype, problem.terms), (output, problem.given)


# What is said


def test_a_message_says_the_lengths():
    text = refused("bidirectional/reverse-by-length", lambda X, lengths: X[::-1].copy())
    assert re.search(r"Seen with T = 7, B = \d, D = \d, lengths \d(, \d)+\.", text)


def test_what_merely_follows_is_told_so():
    mistakes = {m.name: m for m in QUESTIONS["bidirectional/stack-of-two"].mistakes}
    for name, follows in (("residual-connection", True), ("end-of-the-array", False)):
        text = refused("bidirectional/stack-of-two", mistaken(answers.stack_of_two, mistakes[name]))
        assert ("follows from H" in text) == follows

    def merges(H_f, H_b, *G):
        total, average, product, dH_f, dH_b = answers.merges(H_f, H_b, *G)
        return 1.5 * total, 1.5 * average, product, dH_f, dH_b

    assert re.search(r"average +✗ +follows from total", refused("bidirectional/merges", merges))


def test_an_unknown_error_says_which_half():
    def halved(*arguments):
        H = answers.bidirectional_forward(*arguments)
        H[..., H.shape[-1] // 2 :] *= 0.5
        return H

    text = refused("bidirectional/forward", halved)
    assert "H differs only in the block of the backward half" in text


def test_two_mistakes_in_different_gradients_are_both_named():
    mistakes = {m.name: m for m in QUESTIONS["bidirectional/backward"].mistakes}
    one = mistaken(answers.bidirectional_backward, mistakes["forward-half-only"])
    other = mistaken(answers.bidirectional_backward, mistakes["one-start-for-both"])

    def both(*arguments):
        dX, dh_0, dW, _, db = one(*arguments)
        return dX, dh_0, dW, other(*arguments)[3], db

    with pytest.raises(CheckFailure) as caught:
        check("bidirectional/backward", both)
    assert set(caught.value.mistakes) == {"forward-half-only", "one-start-for-both"}


def test_an_index_out_of_range_is_told_where():
    def one_too_far(X, lengths):
        t = np.arange(len(X))[:, None]
        return X[np.where(t < lengths, lengths - t, t), np.arange(X.shape[1])]

    text = refused("bidirectional/reverse-by-length", one_too_far)
    assert "raised IndexError" in text
    assert "It happened at line" in text


def test_lists_for_arrays_and_nothing_at_all():
    assert "2 values (H, last)" in refused(
        "bidirectional/stack-of-two", lambda X, h_1, W_1, U_1, b_1, h_2, W_2, U_2, b_2, mask: X
    )
    assert "is None: is the return statement there?" in refused(
        "bidirectional/reverse-by-length", lambda X, lengths: None
    )
    check("bidirectional/reverse-by-length", lambda X, lengths: [reverse_by_length(X, _mask(X, lengths))])


def _mask(X, lengths):
    return (np.arange(len(X))[:, None] < lengths).astype(float)


# The rules of the task


@SLOW
def test_ready_made_layers_and_autograd_are_refused_in_pytorch(graded):
    import torch
    from torch import nn

    ours: Any = graded("pytorch").names["BidirectionalRNN"]

    class WithLayer(ours):
        def __init__(self, D, H):
            super().__init__(D, H)
            self.layer = nn.RNN(D, H, bidirectional=True)

    class Called(ours):
        def forward(self, X, h_0, mask):
            weights = [w for k in (0, 1) for w in (self.W[k].T, self.U[k].T, self.b[k], 0 * self.b[k])]
            return torch.rnn_tanh(X, h_0, weights, True, 1, 0.0, False, True, False)[0]

    for cheat in (WithLayer, Called):
        assert "your own recurrence; this one uses PyTorch's" in refused("bidirectional/forward", cheat, "pytorch")

    by_hand: Any = graded("pytorch").names["BidirectionalFunction"]

    class ByAutograd(by_hand):
        @staticmethod
        def backward(ctx, G):
            X, _, h_0, W, U, mask = ctx.saved_tensors
            with torch.enable_grad():
                leaf = X.detach().requires_grad_()
                states = graded("pytorch").names["sequence_forward"](leaf, h_0[0], W[0], U[0], 0 * U[0, 0], mask)
                (dX,) = torch.autograd.grad((states * G[..., : states.shape[-1]]).sum(), leaf)
            return dX, h_0, W, U, W[:, 0], None

    assert "a gradient written by hand" in refused("bidirectional/backward", ByAutograd, "pytorch")


@SLOW
def test_a_half_that_is_cut_off_is_told_so_in_pytorch(graded):
    source = graded("pytorch").solution("forward")
    names = dict(graded("pytorch").names)
    exec(source.replace("self.W[0], self.U[0], self.b[0]", "self.W[0], self.U[0], self.b[0].detach()"), names)
    text = refused("bidirectional/forward", names["BidirectionalRNN"], "pytorch")
    assert re.search(r"H +✓", text)
    assert re.search(r"db +✗", text)
    assert "cuts a parameter off" in text


@SLOW
def test_ready_made_layers_are_refused_in_keras(graded):
    keras = importlib.import_module("keras")
    ours: Any = graded("tensorflow").names["BidirectionalRNN"]

    class WithLayer(ours):
        def __init__(self, H, **options):
            super().__init__(H, **options)
            self.layer = keras.layers.Bidirectional(keras.layers.SimpleRNN(H, return_sequences=True))

        def call(self, X, h_0, mask):
            return self.layer(X, initial_state=[h_0[0], h_0[1]], mask=mask > 0)

    text = refused("bidirectional/forward", WithLayer, "tensorflow")
    assert "your own recurrence; this one uses Keras's SimpleRNN" in text


@SLOW
def test_the_module_is_pytorchs_own_layer_on_packed_sequences(graded):
    """What the notebook asks for, zeros on the padding included, is what the framework gives for packed sequences."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    lengths = torch.tensor([3, 6, 1, 4])
    T, B, D, H = 6, 4, 3, 2
    ours = graded("pytorch").names["BidirectionalRNN"](D, H).double()
    theirs = torch.nn.RNN(D, H, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for k, end in enumerate(("l0", "l0_reverse")):
            getattr(theirs, f"weight_ih_{end}").copy_(ours.W[k].T)
            getattr(theirs, f"weight_hh_{end}").copy_(ours.U[k].T)
            getattr(theirs, f"bias_ih_{end}").copy_(ours.b[k])
            getattr(theirs, f"bias_hh_{end}").zero_()
        X, h_0 = torch.randn(T, B, D).double(), torch.randn(2, B, H).double()
        mask = (torch.arange(T)[:, None] < lengths).double()
        packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
        out, h_n = theirs(packed, h_0)
        states = ours(X, h_0, mask)
        assert torch.allclose(states, pad_packed_sequence(out, total_length=T)[0], atol=1e-12)
        last = graded("pytorch").names["last_output"](states, lengths)
        assert torch.allclose(last, torch.cat([h_n[0], h_n[1]], dim=-1), atol=1e-12)


# The notebooks


def test_the_three_notebooks_ask_for_the_same(root):
    headings = []
    for framework in FRAMEWORKS:
        text = (root / "solutions" / "bidirectional" / f"{framework}.py").read_text(encoding="utf-8")
        found = re.findall(r"^# ## (.+)$", text, re.MULTILINE)
        headings.append([re.sub(r", (forward|as a module|as a layer|by hand) \(", " (", heading) for heading in found])
    assert headings[0] == headings[1] == headings[2]


CITED = (
    "eq-bi-rho",
    "eq-bi-reversed",
    "eq-bi-back",
    "eq-bi-concat",
    "eq-bi-last",
    "eq-bi-sum",
    "eq-bi-product",
    "eq-bi-dreverse",
    "eq-bi-dx",
    "eq-deep-step",
)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_cited_equations_have_these_numbers_in_the_book(root, framework):
    numbers = places(root)
    text = (root / "solutions" / "bidirectional" / f"{framework}.py").read_text(encoding="utf-8")
    assert set(re.findall(r"\((\d+\.\d+)\)", text)) == {numbers[label][0] for label in CITED}
    for page in re.findall(r"\]\(\.\./\.\./(book/[\w/-]+\.md)\)", text):
        assert (root / page).is_file(), page


@pytest.mark.parametrize("framework", EACH)
def test_places_to_play_run(graded, framework):
    """Their lines, which stand as comments, made code."""
    ready = graded(framework)
    names, played = dict(ready.names), 0
    for cell in ready.cells:
        if ready.settings(cell) or "# print(" not in cell.source:
            continue
        played += 1
        code = re.sub(r"^# (?=[a-z])", "", cell.source, flags=re.MULTILINE)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"<{framework}: play>", "exec"), names)
        numbers = [float(v) for v in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", printed.getvalue())]
        if played == 1:  # the array of two sequences, and its reversal by length
            items, turned = np.array(numbers).reshape(2, 2, 5)
            assert items.tolist() == [[1, 2, 3, 4, 5], [1, 2, 3, 0, 0]]
            assert turned.tolist() == [[5, 4, 3, 2, 1], [3, 2, 1, 0, 0]]
        else:  # an item in the middle moves the forward half from there on, the backward half up to there
            moved = np.array(numbers)[-20:].reshape(5, 4) != 0
            assert moved[:, :2].all(axis=1).tolist() == [False, False, True, True, True]
            assert moved[:, 2:].all(axis=1).tolist() == [True, True, True, False, False]
    assert played == 2
