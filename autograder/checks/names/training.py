"""What a trained classifier of names has to reach, on names that are drawn from the reserve and written in cipher.

Each run exchanges the letters and the languages' numbers. A network that learns from what it is given does not notice;
whoever has seen the names before has no use of it.
"""

from collections.abc import Callable, Iterator

import numpy as np

from autograder.checks.training import Malformed, Training, Trial
from autograder.datasets.names import ALPHABET, LANGUAGES, held_out, part_to_learn_from

HELD_OUT = 400
RUNS = 3
K = len(LANGUAGES)


def draw(rng: np.random.Generator) -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    """Names and labels to learn from, names and labels to be judged by, in a cipher of their own."""
    cipher = str.maketrans(ALPHABET, "".join(rng.permutation(list(ALPHABET))))
    numbers = rng.permutation(K)
    known = part_to_learn_from()
    known = tuple(known[i] for i in rng.permutation(len(known)))
    new = held_out(rng.bytes(32), HELD_OUT)
    names, new_names = ([name.translate(cipher) for name, _ in part] for part in (known, new))
    labels, new_labels = (numbers[[label for _, label in part]].astype(np.int64) for part in (known, new))
    return names, labels, new_names, new_labels


def accuracy(new_labels: np.ndarray) -> Callable[[object], float]:
    """How a run is scored: the share of new names whose language has the largest entry in its row."""

    def score(returned: object) -> float:
        try:
            scores = np.asarray(returned)
        except ValueError:
            scores = np.asarray(None)
        if returned is None:
            raise Malformed("train_and_predict returned None: is the return statement there?")
        wanted = (len(new_labels), K)
        if scores.dtype.kind not in "fiu" or scores.shape != wanted:
            found = f"has shape {scores.shape}" if scores.dtype.kind in "fiu" else "is not an array of numbers"
            raise Malformed(f"expected log-probabilities of shape {wanted}, new names by languages; what came {found}")
        if not np.isfinite(scores).all():
            raise Malformed("the log-probabilities are not finite: did training diverge, or is there a log of 0?")
        return float(np.mean(scores.argmax(axis=1) == new_labels))

    return score


def trials(rng: np.random.Generator) -> Iterator[Trial]:
    """RUNS runs, each with a cipher, a choice of new names, and a seed of its own."""
    for _ in range(RUNS):
        names, labels, new_names, new_labels = draw(rng)
        seed = int(rng.integers(2**31))
        yield Trial(
            f"{len(names)} names to learn from, {len(new_names)} new ones, their letters exchanged by a cipher",
            {"names": names, "labels": labels, "new_names": new_names, "seed": seed},
            accuracy(new_labels),
        )


TRAIN_AND_PREDICT = Training(
    "names/train-and-predict",
    trials,
    threshold=0.62,
    higher=True,
    unit="held-out accuracy",
    needed=2,
    seconds=30,
    evidence="benchmarks/results/names.md",
    advice="Look at the loss on the names you train on. If it stays near log 6 = 1.79, names and labels do not belong "
    "together, or nothing is learned. If it is small, look for what differs between training and prediction.",
    see="eq-deep-gather",
)
