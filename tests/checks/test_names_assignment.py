"""The assignment `names`: what the table of mistakes cannot see. What is drawn, training, rules, the evidence."""

from __future__ import annotations

import re

import numpy as np
import pytest

from autograder import check
from autograder.checks import CheckFailure
from autograder.checks.names import QUESTIONS, training
from autograder.checks.question import Question
from autograder.checks.training import Malformed
from autograder.datasets.names import part_to_learn_from, reserve

ASSIGNMENT = "names"
SLOW = pytest.mark.slow
FRAMEWORKS = ("numpy", "pytorch", "tensorflow")
EACH = ["numpy", *(pytest.param(name, marks=SLOW) for name in FRAMEWORKS[1:])]
EXACT = [q for q in QUESTIONS.values() if isinstance(q, Question)]
ENCODE = EXACT[0]


def refused(name, answer, framework="numpy", seed=0) -> str:
    with pytest.raises(CheckFailure) as caught:
        check(name, answer, framework=framework, seed=seed)
    return str(caught.value)


# What is drawn


@pytest.mark.parametrize("question", EXACT, ids=lambda q: q.name)
def test_problems_hold_the_corner_cases(question):
    for seed in range(30):
        problems = list(question.problems(np.random.default_rng(seed)))
        told = " ".join(p.given for p in problems)
        if question.name != "names/encode":
            assert {p.dtype for p in problems} == {np.dtype("float32"), np.dtype("float64")}
        if question.name in ("names/last-state", "names/mean-state"):
            assert "T = 1," in told
            assert "B = 1," in told
        if question.name != "names/baseline":
            assert "empty" in told or "without a name" in told


def test_names_to_encode_hold_all_that_can_go_wrong():
    for seed in range(50):
        problems = list(ENCODE.problems(np.random.default_rng(seed)))
        texts = [(str(p.values["text"]), str(p.values["alphabet"])) for p in problems]
        assert any(c.isupper() for text, _ in texts for c in text)
        assert any(" " in text for text, _ in texts)
        assert any("\n\n" in text for text, _ in texts)
        assert any(set(text.lower()) - set(alphabet) - {"\n", " "} for text, alphabet in texts)
        assert all(alphabet[0] in text.lower() for text, alphabet in texts)


# Training


def test_a_run_is_in_cipher_and_holds_no_name_to_learn_from():
    names, labels, new_names, new_labels = training.draw(np.random.default_rng(0))
    assert (len(names), len(new_names)) == (len(part_to_learn_from()), training.HELD_OUT)
    assert len(labels) == len(names)
    assert labels.dtype == np.int64
    assert set(labels) == set(new_labels) == set(range(training.K))
    assert not set(names) & set(new_names)
    known = {name for name, _ in (*part_to_learn_from(), *reserve())}
    assert np.mean([name in known for name in (*names, *new_names)]) < 0.02
    lengths = sorted(len(name) for name in names)
    assert lengths == sorted(len(name) for name, _ in part_to_learn_from())


def test_no_two_runs_are_alike():
    runs = [training.draw(np.random.default_rng(seed)) for seed in range(2)]
    assert set(runs[0][0]) != set(runs[1][0])
    trials = list(training.trials(np.random.default_rng(0)))
    assert len(trials) == training.RUNS
    assert len({t.arguments["seed"] for t in trials}) == training.RUNS
    assert list(trials[0].arguments) == ["names", "labels", "new_names", "seed"]


@pytest.mark.parametrize("framework", EACH)
def test_the_solution_reaches_the_threshold(graded, framework, capsys):
    """Keras's and PyTorch's own recurrent layers are allowed here: the frameworks' solutions use them."""
    check("names/train-and-predict", graded(framework).names["train_and_predict"], framework=framework, seed=3)
    assert "asked is at least 0.62 held-out accuracy" in capsys.readouterr().out


def test_the_names_themselves_are_of_no_use():
    known = dict((*part_to_learn_from(), *reserve()))

    def looked_up(names, labels, new_names, seed):
        return np.eye(training.K)[[known.get(name, 0) for name in new_names]]

    assert "training reached 0." in refused("names/train-and-predict", looked_up)


def test_a_model_that_has_learned_nothing_is_refused():
    def most_frequent(names, labels, new_names, seed):
        return np.tile(np.bincount(labels) / len(labels), (len(new_names), 1))

    text = refused("names/train-and-predict", most_frequent)
    assert "in 2 runs" in text
    assert "log 6" in text


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, "returned None"),
        (np.zeros(400), r"has shape \(400,\)"),
        (np.zeros((6, 400)), r"has shape \(6, 400\)"),
        (np.full((400, 6), np.nan), "not finite"),
        ([[1, 2], [3]], "not an array of numbers"),
        ("Finnish", "not an array of numbers"),
    ],
    ids=["nothing", "classes", "transposed", "NaN", "ragged", "text"],
)
def test_what_cannot_be_scored_is_explained(returned, told):
    with pytest.raises(Malformed, match=told):
        training.accuracy(np.zeros(400, int))(returned)


def test_scores_need_not_be_probabilities():
    labels = np.arange(12) % 6
    assert training.accuracy(labels)(100 * np.eye(6)[labels] - 7) == 1.0
    assert training.accuracy(labels)((100 * np.eye(6, dtype=int)[labels]).tolist()) == 1.0


# Rules


@SLOW
def test_the_derivative_of_the_mean_is_not_left_to_autograd():
    import torch

    def by_autograd(H, mask, dmean):
        H = H.clone().requires_grad_()
        mean = (mask[..., None] * H).sum(0) / mask.sum(0).clamp(min=1)[:, None]
        return mean.detach(), torch.autograd.grad(mean, H, dmean)[0]

    assert "a gradient written by hand" in refused("names/mean-state", by_autograd, "pytorch")


# The evidence


def test_the_threshold_is_the_one_that_was_measured(root):
    question = training.TRAIN_AND_PREDICT
    page = (root / question.evidence).read_text(encoding="utf-8")
    right, wrong = page.split("## Wrong answers")
    assert f"runs below {question.threshold}" in right
    measured = re.findall(r"^\| (?!answer)[^|]+ \| (\d+) \| ([\d.]+) \|.*\| (\d+) \| [\d.]+ \|$", right, re.MULTILINE)
    assert sum(int(runs) for runs, _, _ in measured) >= 240
    assert all(below == "0" for _, _, below in measured)
    told = re.search(r"at most ([\d.]+) of its runs.* at most ([\d.]+) of the checks", right)
    assert told
    share, checks = map(float, told.groups())
    assert share**3 + 3 * share**2 * (1 - share) == pytest.approx(checks, abs=5e-5)
    assert checks < 0.01
    assert "letter in a row" in wrong


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_notebook_states_the_threshold(root, framework):
    text = (root / "exercises" / "names" / f"{framework}.ipynb").read_text(encoding="utf-8")
    assert f"at least **{training.TRAIN_AND_PREDICT.threshold}**" in text
