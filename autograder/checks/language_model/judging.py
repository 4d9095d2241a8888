"""What training reaches: a trained model is judged by what it makes of text that it has not seen."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from autograder.checks.training import Malformed, Trial
from autograder.datasets import text
from autograder.recurrent import VanillaRNN, dense_forward, embedding_forward, softmax_cross_entropy

PARAMETERS = text.PARAMETERS
THRESHOLD = 2.75
"""Bits a character on the held-out text; benchmarks/results/training.md has what it rests on."""
STREAMS = 20
"""The held-out text is read in so many streams, each from a zero state."""


@cache
def _held_out() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Inputs and targets (T, STREAMS) of the held-out text."""
    ids = text.held_out_ids()
    T = (len(ids) - 1) // STREAMS
    inputs, targets = ids[: T * STREAMS], ids[1 : T * STREAMS + 1]
    return inputs.reshape(STREAMS, T).T, targets.reshape(STREAMS, T).T


def bits_per_character(parameters: Mapping[str, NDArray]) -> float:
    """The mean −log₂ p of the held-out characters under a model, parameters by name; NaN for one that diverged."""
    E, W, U, b, V, b_y = (parameters[name].astype("float64") for name in PARAMETERS)
    if not all(np.isfinite(v).all() for v in (E, W, U, b, V, b_y)):
        return float("nan")
    inputs, targets = _held_out()
    H = VanillaRNN(W, U, b).forward(embedding_forward(inputs, E)).H
    return float(softmax_cross_entropy(dense_forward(H, V, b_y), targets)[0] / np.log(2))


def score(returned: object, given: Mapping[str, NDArray], cipher: NDArray[np.int64]) -> float:
    """Bits a character of what `train` returned: six arrays, in the order of PARAMETERS or by name.

    `given`: the parameters that it started from. `cipher`: the id that each character had in this run. Raises Malformed
    where they are not of those names and shapes, and where one of them was not trained at all: a table of letters that
    stays as it was costs so little that the threshold alone would not tell.
    """
    wanted = f"the six parameters {', '.join(PARAMETERS)}"
    if isinstance(returned, Mapping) and set(PARAMETERS) <= set(returned):
        returned = [returned[name] for name in PARAMETERS]
    if returned is None:
        raise Malformed(f"train returned None, expected {wanted}: is there a return?")
    if not isinstance(returned, Sequence) or len(returned) != len(PARAMETERS):
        count = f" of {len(returned)}" if isinstance(returned, Sequence) else ""
        raise Malformed(f"train returned a {type(returned).__name__}{count}, expected {wanted}, in this order")
    found = {}
    for name, value in zip(PARAMETERS, returned, strict=True):
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            raise Malformed(f"{name} is no floating-point array: train returns {wanted}, in this order")
        if value.shape != given[name].shape:
            raise Malformed(f"{name} has shape {value.shape}, expected {given[name].shape} as in the checkpoint")
        found[name] = value
    kept = [name for name in PARAMETERS if np.array_equal(found[name], given[name])]
    if kept and all(np.isfinite(v).all() for v in found.values()):
        told = f"{' and '.join([', '.join(kept[:-1]), kept[-1]])} come" if kept[1:] else f"{kept[0]} comes"
        raise Malformed(
            f"{told} back from training as given, to the last digit: all six parameters are to be trained, and "
            "returned as the last update left them"
        )
    return bits_per_character(_in_clear(found, cipher))


def _in_clear(parameters: Mapping[str, NDArray], cipher: NDArray[np.int64]) -> dict[str, NDArray]:
    """A model of enciphered text as one of the text itself: character k has the id cipher[k] in the first."""
    E, V, b_y = parameters["E"][cipher], parameters["V"][:, cipher], parameters["b_y"][cipher]
    return {**parameters, "E": E, "V": V, "b_y": b_y}


def _enciphered(parameters: Mapping[str, NDArray], cipher: NDArray[np.int64]) -> dict[str, NDArray]:
    """The model that does with enciphered text what this one does with the text itself."""
    return _in_clear(parameters, np.argsort(cipher))


def trials(rng: np.random.Generator) -> Iterator[Trial]:
    """Three runs: each starts elsewhere in the text, taken as a ring, from a checkpoint disturbed by 2 %, and with the
    characters' ids exchanged.

    To a network that learns from what it is given, ids are only names. Parameters stored beforehand are worthless.
    """
    ids = text.training_ids()
    for _ in range(3):
        cipher = rng.permutation(len(text.characters()))
        disturbed = {name: v * (1 + 0.02 * rng.normal(size=v.shape)) for name, v in text.checkpoint().items()}
        start = {name: v.astype("float32") for name, v in _enciphered(disturbed, cipher).items()}
        said = f"{len(ids)} characters of text, {len(text.characters())} different ones, their ids exchanged"
        arguments = {"ids": cipher[np.roll(ids, int(rng.integers(len(ids))))], **start}
        yield Trial(f"{said}; the checkpoint", arguments, partial(score, given=start, cipher=cipher))
