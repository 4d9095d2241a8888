"""The worlds of chapter 8: two halves and their merges, reversals by length, and an LSTM that reads from the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.composition.bidirectional_program import (
    TO_LEFT,
    TO_RIGHT,
    bidirectional,
    lstm_from_the_end,
    reversed_run,
)
from autograder.equations.foundations.networks import BATCHES, masks
from autograder.equations.program import Array
from autograder.equations.world import Family, Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator
TIMES = {"t": "1..T", "k": "1..T", r"\beta": "1..B"}
BEFORE_THE_FIRST = {"m": 1, rf"\delta {TO_LEFT}a": 0, rf"\delta {TO_LEFT}h": 0}

# One padded sequence: `length` real items in an array of T steps; a full one and one of a single item among them.
PADDED = (
    {"T": 6, "B": 1, "D": 2, "H": 3, "K": 4, "length": 4},
    {"T": 5, "B": 1, "D": 3, "H": 2, "K": 5, "length": 5},
    {"T": 4, "B": 1, "D": 4, "H": 3, "K": 2, "length": 1},
    {"T": 1, "B": 1, "D": 2, "H": 4, "K": 3, "length": 1},
)


def direct(name: str) -> Indexed:
    """What reaches name_t from C without passing another state."""
    return Indexed(lambda world, t: world.jacobian(("C",), (name, t), immediate=True))


CONCAT = {r"\mathrm{concat}": Function(lambda *parts: np.concatenate(parts, axis=-1))}
SHARES: dict[str, Any] = {
    r"\overrightarrow G": direct(f"{TO_RIGHT}h"),
    r"\overleftarrow G": direct(f"{TO_LEFT}h"),
    "G": direct("h"),
}


def merged(merge: str) -> Family:
    """A batch with masks that have gaps, with this merge."""

    @family(BATCHES)
    def network(sizes: Sizes, rng: Generator) -> Setting:
        program = bidirectional(sizes, rng, masks(sizes, rng), merge)
        return Setting(sizes, program, SHARES | CONCAT, BEFORE_THE_FIRST, TIMES)

    return network


network = merged("concat")


@family(BATCHES)
def blended(sizes: Sizes, rng: Generator) -> Setting:
    """Masks between 0 and 1, which tell the two states apart that a mask chooses from."""
    mask = rng.random((sizes["T"], sizes["B"]))
    return Setting(sizes, bidirectional(sizes, rng, mask), over=TIMES)


def parameters(world: World) -> int:
    """Entries of everything in the program that is no input and no state."""
    return sum(array.size for key, array in world.program.leaves.items() if len(key) == 1)


# --- reversal by length ---------------------------------------------------------------------------------------


def places(sizes: Sizes) -> list[int]:
    """Where each item goes: the real places in reverse order, then the padding's own."""
    real = list(range(1, sizes["length"] + 1))
    return real[::-1] + list(range(sizes["length"] + 1, sizes["T"] + 1))


def right_padded(sizes: Sizes) -> Array:
    return (np.arange(sizes["T"])[:, None] < sizes["length"]).astype(float)


def reversal(sizes: Sizes) -> dict[str, Any]:
    rho = places(sizes)
    return {r"\rho": Function(lambda t: rho[int(t) - 1]), r"\ell": sizes["length"]}


@family(PADDED)
def padded(sizes: Sizes, rng: Generator) -> Setting:
    """One padded sequence: the backward half by its recurrence, and an ordinary network over the reversed items."""
    program = reversed_run(sizes, rng, right_padded(sizes), places(sizes))
    return Setting(sizes, program, reversal(sizes), over=TIMES, one_sequence=True)


@family(PADDED)
def reversed_items(sizes: Sizes, rng: Generator) -> Setting:
    """The ordinary network over the reversed items, with masks between 0 and 1."""
    program = reversed_run(sizes, rng, rng.random((sizes["T"], 1)), places(sizes))
    return Setting(sizes, program, reversal(sizes), over=TIMES, one_sequence=True)


@family(PADDED)
def turned_back(sizes: Sizes, rng: Generator) -> Setting:
    """The same, where the loss sees the ordinary network's states turned back."""
    program = reversed_run(sizes, rng, right_padded(sizes), places(sizes))
    values = {r"\overleftarrow G": Indexed(lambda world, t: world.delta("turned", t)), "G'": direct("h'")}
    return Setting(sizes, program, reversal(sizes) | values, over=TIMES, one_sequence=True)


def real_steps(world: World, t: int = 1, **_: int) -> bool:
    return t <= world.lookup(r"\ell")


@family(PADDED)
def one_sequence(sizes: Sizes, rng: Generator) -> Setting:
    """One padded sequence through both halves."""
    program = bidirectional(sizes, rng, right_padded(sizes))
    return Setting(sizes, program, reversal(sizes) | CONCAT, over=TIMES, one_sequence=True)


def last_states_of_torch(world: World) -> Array:
    """h_n of PyTorch's bidirectional network with the world's weights and a packed sequence, side by side, (1, 2H)."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence

    T, D, H = (world.sizes[n] for n in "TDH")
    rnn = torch.nn.RNN(D, H, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for arrow, end in ((TO_RIGHT, "l0"), (TO_LEFT, "l0_reverse")):
            W, U, b = (torch.tensor(world.value(arrow + name)) for name in "WUb")
            for name, value in (("weight_ih", W.T), ("weight_hh", U.T), ("bias_ih", b), ("bias_hh", 0.0 * b)):
                getattr(rnn, f"{name}_{end}")[:] = value
        X = torch.tensor(np.stack([world.value("x", t) for t in range(1, T + 1)]))
        start = torch.tensor(np.stack([world.value(f"{TO_RIGHT}h", 0), world.value(f"{TO_LEFT}h", T + 1)]))
        _, h_n = rnn(pack_padded_sequence(X, torch.tensor([world.sizes["length"]])), start)
    return torch.cat(tuple(h_n), dim=-1).numpy()


# --- what cannot be known -------------------------------------------------------------------------------------


@family([{}] * 5)
def guess(sizes: Sizes, rng: Generator) -> Setting:
    """q: the probability of one of two answers."""
    return Setting(sizes, None, {"q": rng.uniform(0.02, 0.98)})


@family([{}] * 40)
def additive(sizes: Sizes, rng: Generator) -> Setting:
    r"""What two halves add to a logit in two cases each, small and large; \lambda(s): the loss at the logit s."""
    size = (0.3, 3.0)[int(rng.integers(2))]
    names = ("u_1", "u_2", "v_1", "v_2")
    loss = Function(lambda s: np.logaddexp(0.0, -s))
    return Setting(sizes, None, {r"\lambda": loss, **{name: size * rng.normal() for name in names}})


# --- the LSTM -------------------------------------------------------------------------------------------------

LSTM_BEFORE_THE_FIRST = {"m": 1, "f": 1, **{rf"\delta {v}": 0 for v in ("a", "h", "c", r"\tilde c", r"\tilde h")}}


@family(BATCHES)
def lstm(sizes: Sizes, rng: Generator) -> Setting:
    """Masks between 0 and 1: what the page derives for the mask holds for them too."""
    mask = rng.random((sizes["T"], sizes["B"]))
    values = {"G": direct("h"), r"\sigma": Function(lambda a: 1 / (1 + np.exp(-a)))}
    return Setting(sizes, lstm_from_the_end(sizes, rng, mask), values, LSTM_BEFORE_THE_FIRST, TIMES)
