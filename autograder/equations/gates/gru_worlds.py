"""The worlds of chapter 7: gated recurrent units with the reset after and before, in batches and one by one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from autograder.equations.foundations.networks import BATCHES, SEQUENCES, directly, masks, step_jacobian
from autograder.equations.gates.gru_program import gru
from autograder.equations.program import Array
from autograder.equations.world import Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator
OVER = {"t": "1..T", "j": "1..H"}


def of_candidate(world: World, t: int) -> Array:
    """e_t: how much of a change of a^n_t arrives in h_t, unit by unit, (1, H)."""
    moved = world.jacobian(("h", t), ("a^n", t), immediate=True)  # (1, H, 1, H), diagonal
    return np.diag(moved[0, :, 0, :])[None]


SYMBOLS: dict[str, Any] = {
    "G": Indexed(directly),
    r"\sigma": Function(lambda a: 0.5 * np.tanh(0.5 * a) + 0.5),
}


@family(BATCHES)
def after(sizes: Sizes, rng: Generator) -> Setting:
    """Reset after the product; masks with gaps, and losses that see masked steps too."""
    return Setting(sizes, gru(sizes, rng, mask=masks(sizes, rng)), SYMBOLS, over=OVER)


@family(BATCHES)
def before(sizes: Sizes, rng: Generator) -> Setting:
    """Reset before the product."""
    return Setting(sizes, gru(sizes, rng, after=False, mask=masks(sizes, rng)), SYMBOLS, over=OVER)


@family([sizes | {"after": after} for sizes in BATCHES for after in (0, 1)])
def either(sizes: Sizes, rng: Generator) -> Setting:
    """Both placements, for what they share."""
    return Setting(sizes, gru(sizes, rng, after=bool(sizes["after"]), mask=masks(sizes, rng)), SYMBOLS, over=OVER)


@family(BATCHES)
def unmasked(sizes: Sizes, rng: Generator) -> Setting:
    """Every step is real."""
    return Setting(sizes, gru(sizes, rng), SYMBOLS, over=OVER)


@family(BATCHES)
def blended(sizes: Sizes, rng: Generator) -> Setting:
    """Masks between 0 and 1, which tell the two states apart that a mask chooses from."""
    return Setting(sizes, gru(sizes, rng, mask=rng.random((sizes["T"], sizes["B"]))), SYMBOLS, over=OVER)


@family([*SEQUENCES, {"T": 7, "B": 1, "D": 3, "H": 5}])
def sequence(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence, for single units and Jacobians."""
    values = SYMBOLS | {"J": Indexed(step_jacobian), "e": Indexed(of_candidate)}
    return Setting(sizes, gru(sizes, rng), values, over=OVER, one_sequence=True)


def parameters(world: World) -> int:
    """Entries of everything in the program that is no input and no state."""
    return sum(array.size for key, array in world.program.leaves.items() if key[0] not in ("x", "h"))


@cache
def lstm_entries(D: int, H: int) -> int:
    import torch

    cell = torch.nn.LSTMCell(D, H)
    return sum(p.numel() for name, p in cell.named_parameters() if name != "bias_hh")


def lstm_parameters(world: World) -> int:
    """Entries of PyTorch's LSTM of the same size, with one of its two biases."""
    return lstm_entries(world.sizes["D"], world.sizes["H"])
