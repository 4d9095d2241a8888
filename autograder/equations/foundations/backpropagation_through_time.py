"""Chapter 4: every numbered equation of backpropagation through time, and the world it is read in."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.chapters import Chapter
from autograder.equations.foundations.networks import (
    BATCHES,
    BEYOND,
    SEQUENCES,
    TIMES,
    UNITS,
    directly,
    masks,
    step_jacobian,
    vanilla,
)
from autograder.equations.world import Computed, Indexed, Setting, World, family


def probe_of_state(world: World, t: int) -> Any:
    r"""\dot h_t: the derivative of h_t as U moves along the probe E."""
    if t == 0:
        return 0
    return np.tensordot(world.jacobian(("h", t), ("U",)), world.lookup("E"), 2)


def probe_of_loss(world: World) -> Any:
    return np.tensordot(world.jacobian(("C",), ("U",)), world.lookup("E"), 2)


SYMBOLS = {
    "G": Indexed(directly),
    r"\dot h": Indexed(probe_of_state),
    r"\dot C": Computed(probe_of_loss),
}


@family(BATCHES)
def network(sizes: dict[str, int], rng: np.random.Generator) -> Setting:
    """A batch without masks."""
    values = SYMBOLS | {"E": rng.normal(size=(sizes["H"], sizes["H"]))}
    return Setting(sizes, vanilla(sizes, rng), values, BEYOND, TIMES | UNITS)


@family(BATCHES)
def masked(sizes: dict[str, int], rng: np.random.Generator) -> Setting:
    """A batch with masks that have gaps; losses see the states of masked steps too."""
    program = vanilla(sizes, rng, mask=masks(sizes, rng), every_state=True)
    return Setting(sizes, program, SYMBOLS, BEYOND, TIMES | UNITS)


@family(BATCHES)
def blended(sizes: dict[str, int], rng: np.random.Generator) -> Setting:
    """Masks between 0 and 1, which tell the two states apart that a mask chooses from."""
    return Setting(sizes, vanilla(sizes, rng, mask=rng.random((sizes["T"], sizes["B"]))), over=TIMES)


@family(BATCHES)
def masked_loss(sizes: dict[str, int], rng: np.random.Generator) -> Setting:
    """A batch with masks and the page's own loss, which sees no masked step."""
    return Setting(sizes, vanilla(sizes, rng, mask=masks(sizes, rng)), SYMBOLS, BEYOND, TIMES | UNITS)


@family(SEQUENCES)
def sequence(sizes: dict[str, int], rng: np.random.Generator) -> Setting:
    """One sequence, for what has Jacobians."""
    values = SYMBOLS | {"J": Indexed(step_jacobian), "E": rng.normal(size=(sizes["H"], sizes["H"]))}
    values["I"] = np.eye(sizes["H"])
    return Setting(sizes, vanilla(sizes, rng), values, BEYOND, TIMES | UNITS, one_sequence=True)


chapter = Chapter("book/foundations/backpropagation-through-time.md", network)

# the network, the loss, and its sum over time
chapter.read("eq-bptt-forward", "eq-bptt-sum", "eq-bptt-dV")
chapter.read("eq-bptt-loss", "eq-bptt-dy", "eq-bptt-G", world=masked_loss)
chapter.read("eq-bptt-probe")

# tanh: Jacobians, and the two ways back
chapter.read("eq-bptt-J", "eq-bptt-chain", world=sequence)
chapter.read("eq-bptt-dh", "eq-bptt-da", "eq-bptt-dU", "eq-bptt-dW", "eq-bptt-dx")
chapter.read("eq-bptt-mask", world=blended)
chapter.read("eq-bptt-mask-da", "eq-bptt-mask-dh", world=masked)
