"""What right and wrong answers to names/train-and-predict reach: the evidence for its threshold.

    python benchmarks/measure_names.py [--runs 60] [--framework-runs 20] > benchmarks/results/names.md

Each run is one that a check could draw: a cipher, a choice of held-out names, a seed. Answers are the notebooks' own
solutions and edits of them.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autograder.checks import drivers
from autograder.checks.names.training import RUNS, TRAIN_AND_PREDICT, K, accuracy, draw
from autograder.grading.audit import _Graded
from autograder.grading.sources import notebook_of

ROOT = Path(__file__).parents[1]
Edits = tuple[tuple[str, str], ...]
_SUMMARY = "[mean, last_state(H, lengths)]"
_RIGHT: dict[str, Edits] = {
    "the solution: mean and last state, 32 units": (),
    "64 units": (("units, K, epochs, rate = 32", "units, K, epochs, rate = 64"),),
    "the mean alone, 20 passes": (
        ("K, epochs, rate = 32, int(labels.max()) + 1, 10", "K, epochs, rate = 32, int(labels.max()) + 1, 20"),
        (_SUMMARY, "[mean, 0 * mean]"),
        ("+= dlast", "+= 0 * dlast"),
    ),
    "the last state alone": (
        (_SUMMARY, "[0 * mean, last_state(H, lengths)]"),
        ("mean_state(H, mask, dmean)", "mean_state(H, mask, 0 * dmean)"),
    ),
    "5 passes, steps of constant size": (
        ("epochs, rate = 32, int(labels.max()) + 1, 10", "epochs, rate = 32, int(labels.max()) + 1, 5"),
        ("rate * (1 - epoch / epochs)", "rate"),
    ),
}
_WRONG: dict[str, Edits] = {
    "labels that do not belong to the names": (("np.eye(K)[labels[batch]]", "np.eye(K)[labels[: len(batch)]]"),),
    "an alphabet of their own for the new names": (
        ('encode("\\n".join(new_names), alphabet))[-1]', 'encode("\\n".join(new_names), alphabet[::-1]))[-1]'),
    ),
    "new names sorted by length": (
        (
            'encode("\\n".join(new_names), alphabet))[-1]',
            'encode("\\n".join(sorted(new_names, key=len)), alphabet))[-1]',
        ),
    ),
    "the first state for the last": (
        (_SUMMARY, "[0 * mean, H[0]]"),
        ("G[lengths[batch] - 1, np.arange(len(batch))] += dlast", "G = 0 * G\n            G[0] += dlast"),
    ),
    "not trained": (("range(epochs)", "range(0)"),),
    "gradient with the wrong sign": (("dy = (", "dy = -("),),
    "no mask, the state at the end of the array": (
        ("mask = (np.arange(len(ids))[:, None] < lengths).astype(float)", "mask = np.ones(ids.shape)"),
        (_SUMMARY, "[0 * mean, H[-1]]"),
        ("_, G = mean_state(H, mask, dmean)", "G = np.zeros_like(H)"),
        ("G[lengths[batch] - 1, np.arange(len(batch))] += dlast", "G[-1] += dlast"),
    ),
}


def answer(framework: str, edits: Edits = ()) -> Callable[..., object]:
    """train_and_predict of the solution notebook, edited; each text to replace stands there once."""
    graded = _Graded(notebook_of(ROOT / "solutions" / "names" / f"{framework}.py"), f"names/{framework}")
    source = graded.solution("train-and-predict")
    for replace, by in edits:
        assert source.count(replace) == 1, f"{replace!r} stands {source.count(replace)} times"
        source = source.replace(replace, by)
    names = dict(graded.names)
    exec(compile(source, framework, "exec"), names)
    return names["train_and_predict"]


def letter_counts(names: list[str], labels: NDArray, new_names: list[str], seed: int, longest: int = 1) -> NDArray:
    """The log-scores of naive Bayes with counts of 1 to `longest` letters in a row; above 1, name ends are letters."""

    def pieces(name: str) -> list[str]:
        name = name if longest == 1 else f"^{name}$"
        return [name[i : i + n] for n in range(1, longest + 1) for i in range(len(name) - n + 1)]

    place = {piece: i for i, piece in enumerate(sorted({p for name in names for p in pieces(name)}))}
    N = np.ones((K, len(place)))
    for name, label in zip(names, labels, strict=True):
        np.add.at(N[label], [place[p] for p in pieces(name)], 1)
    log_letter = np.log(N / N.sum(axis=1, keepdims=True))
    log_prior = np.log(np.bincount(labels, minlength=K) / len(labels))
    return np.array([log_prior + log_letter[:, [place[p] for p in pieces(n) if p in place]].sum(1) for n in new_names])


def scores(answer: Callable[..., object], framework: str, runs: int) -> tuple[NDArray, float]:
    """The accuracy of each run, and the mean of seconds."""
    driver, found, began = drivers.load(framework), [], time.perf_counter()
    for run in range(runs):
        rng = np.random.default_rng([2026, run])
        names, labels, new_names, new_labels = draw(rng)
        returned = driver.train(answer, [names, labels, new_names, int(rng.integers(2**31))], own_layers=False)
        found.append(accuracy(new_labels)(returned))
    return np.array(found), (time.perf_counter() - began) / runs


def at_most(below: int, runs: int) -> float:
    """The largest probability of falling below for which so few of so many runs are not a surprise of 1 in 20."""
    grid = np.linspace(0, 1, 100_001)
    as_few = sum(comb(runs, k) * grid**k * (1 - grid) ** (runs - k) for k in range(below + 1))
    return float(grid[as_few >= 0.05][-1])


def check_fails(share: float) -> float:
    """How often a check fails whose single runs fail with this probability: fewer than `needed` of three pass."""
    passed = range(TRAIN_AND_PREDICT.needed)
    return sum(comb(3, k) * (1 - share) ** k * share ** (3 - k) for k in passed)


def summary(runs: int, below: int) -> str:
    """What the runs of right answers say of the checks of one."""
    share = at_most(below, runs)
    return (
        f"Of {runs} runs of right answers {below} fell below {TRAIN_AND_PREDICT.threshold}. With 95 % confidence "
        f"such an answer falls below it in at most {share:.4f} of its runs, and, since a check asks for "
        f"{TRAIN_AND_PREDICT.needed} of {RUNS}, fails in at most {check_fails(share):.5f} of the checks."
    )


def rows(runs: int, framework_runs: int) -> Iterator[str]:
    """The tables, line by line."""
    asked = TRAIN_AND_PREDICT.threshold
    head = f"| answer | runs | mean | smallest | largest | runs below {asked} | seconds a run |"
    head += "\n|---|---|---|---|---|---|---|"

    def line(name: str, found: NDArray, seconds: float) -> str:
        below = int((found < asked).sum())
        numbers = f"{found.mean():.3f} | {found.min():.3f} | {found.max():.3f}"
        return f"| {name} | {len(found)} | {numbers} | {below} | {seconds:.1f} |"

    yield f"## Right answers\n\n{head}"
    right = []
    for name, edits in _RIGHT.items():
        found, seconds = scores(answer("numpy", edits), "numpy", runs)
        right.append(found)
        yield line(f"NumPy, {name}", found, seconds)
    for framework, name in (("pytorch", "PyTorch"), ("tensorflow", "TensorFlow")):
        found, seconds = scores(answer(framework), framework, framework_runs)
        right.append(found)
        yield line(f"{name}, the solution: GRU, last state", found, seconds)
    yield f"\n{summary(sum(map(len, right)), sum(int((found < asked).sum()) for found in right))}\n"
    yield f"## Wrong answers and baselines\n\n{head}"
    for name, edits in _WRONG.items():
        yield line(f"NumPy, {name}", *scores(answer("numpy", edits), "numpy", framework_runs))
    for longest in (1, 2, 3):
        found, seconds = scores(partial(letter_counts, longest=longest), "numpy", runs)
        yield line(f"naive Bayes, up to {longest} letter{'s' * (longest > 1)} in a row", found, seconds)


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--framework-runs", type=int, default=20)
    options = parser.parse_args()
    print("# What answers to names/train-and-predict reach\n")
    print("Held-out accuracy on 400 names, written by `python benchmarks/measure_names.py`. Times are of one core.\n")
    for row in rows(options.runs, options.framework_runs):
        print(row, flush=True)


if __name__ == "__main__":
    main()
