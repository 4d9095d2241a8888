"""More worlds of chapter 4: windows that are cut, checkpoints, and derivatives that are carried forward."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from autograder.equations.backends import ComplexStep, NumpyOperations
from autograder.equations.foundations.bptt_worlds import SYMBOLS, Generator, Sizes
from autograder.equations.foundations.networks import BEYOND, SEQUENCES, TIMES, UNITS, step_jacobian, vanilla
from autograder.equations.program import Array, Program
from autograder.equations.world import Computed, Expectation, Function, Indexed, Setting, World, family

# --- truncation ----------------------------------------------------------------------------------------------


def next_multiple(t: int, k_1: int) -> int:
    """The step at which the walk starts that a loss at t takes part in."""
    return next(s for s in itertools.count(t) if s % k_1 == 0)


SCHEMES = [{"k_1": k_1, "k_2": k_2} for k_1, k_2 in ((1, 1), (1, 3), (2, 2), (2, 3), (3, 5))]


@family([sizes | scheme for sizes, scheme in zip([SEQUENCES[0], SEQUENCES[1]] * 3, SCHEMES, strict=False)])
def truncated(sizes: Sizes, rng: Generator) -> Setting:
    """Beside the network, the same losses again, each with its state cut where its window begins."""
    net = vanilla(sizes, rng)
    zeros = dict.fromkeys(net.moved(), 0.0)
    run = net.run(NumpyOperations, zeros)
    losses = []
    for t in range(1, sizes["T"] + 1):
        first = max(1, next_multiple(t, sizes["k_1"]) - sizes["k_2"] + 1)
        h = net.constant("cut", t, value=run["h", first - 1])
        for s in range(first, t + 1):
            x = net.constant("input", t, s, value=run["x", s] @ run["W",] + run["b",])
            h = net.let("window", t, s, of=[x, h, ("U",)], be=lambda xp, x, h, U: xp.tanh(x + h @ U))
        onehot = np.eye(sizes["K"])[run["c", t] - 1]

        def loss(xp: Any, h: Any, V: Any, b_y: Any, onehot: Array = onehot) -> Any:
            return -xp.sum(xp.log(xp.sum(xp.softmax(h @ V + b_y) * xp.constant(onehot), axis=-1)))

        losses.append(net.let("loss of window", t, of=[h, ("V",), ("b_y",)], be=loss))
    net.let("all windows", of=losses, be=lambda xp, *losses: sum(losses[1:], losses[0]))
    values = {
        r"\widehat{\frac{\mathrm{d} C}{\mathrm{d} U}}": Computed(lambda w: w.jacobian(("all windows",), ("U",))),
        "g": Indexed(lambda world, t, k: world.jacobian(("C", t), ("use of U", k)), arity=2),
        r"\tau": Function(lambda t: next_multiple(int(t), sizes["k_1"])),
    }
    return Setting(sizes, net, values, over={"t": "1..T"}, one_sequence=True)


def share_dropped(world: World, distance: int) -> float:
    """Of the pairs at a distance, the share that crosses a border between blocks, counted."""
    T, k_1 = world.sizes["T"], world.sizes["k_1"]
    crossed = [(t - 1) // k_1 != (t - distance - 1) // k_1 for t in range(distance + 1, T + 1)]
    return sum(crossed) / len(crossed)


@family([{"k_1": k_1, "T": k_1 * blocks} for k_1, blocks in ((3, 4), (5, 2), (1, 4), (2, 1))])
def blocks(sizes: Sizes, rng: Generator) -> Setting:
    return Setting(sizes, None, {"s": Indexed(share_dropped)}, over={r"\ell": "0..k_1-1"})


def most_held(T: int, c: int, L: int) -> int:
    """The most states held at once by checkpointing with segments of L, found by going through the schedule."""
    checkpoints = [t for t in range(T) if t % L == 0]
    most = 0
    for start in reversed(checkpoints):
        kept = [t for t in checkpoints if t <= start]
        most = max(most, len(kept) + c * len(range(start, min(start + L, T))))
    return most


@family([{"T": 16, "c": 4}, {"T": 36, "c": 1}, {"T": 64, "c": 4}])
def checkpoints(sizes: Sizes, rng: Generator) -> Setting:
    """Problems whose best segment is a whole number. L runs over the divisors of T."""
    held = Function(lambda L: most_held(sizes["T"], sizes["c"], round(float(L))))
    return Setting(sizes, None, {"M": held}, over={"L": "1..T"})


# --- forward -------------------------------------------------------------------------------------------------


def influences(net: Program) -> Indexed:
    """P_t[p, q, j], by complex steps in every world, so that the frameworks are compared with them."""
    known = ComplexStep(net)

    def influence(world: World, t: int) -> Any:
        return 0 if t == 0 else np.moveaxis(known.jacobian(("h", t), ("U",))[0], 0, -1)

    return Indexed(influence)


@family(SEQUENCES)
def forward(sizes: Sizes, rng: Generator) -> Setting:
    net = vanilla(sizes, rng)
    values = SYMBOLS | {"J": Indexed(step_jacobian), "P": influences(net)}
    return Setting(sizes, net, values, BEYOND, TIMES | UNITS, one_sequence=True)


@family([{"T": 3, "B": 1, "D": 3, "H": 2, "K": 4}, {"T": 1, "B": 1, "D": 2, "H": 3, "K": 5}])
def signs(sizes: Sizes, rng: Generator) -> Setting:
    r"""UORO over all outcomes of the signs \nu, each an outcome of the world; M_t and N_t for the rows of U."""
    net = vanilla(sizes, rng)
    T, H = sizes["T"], sizes["H"]
    outcomes = [np.reshape(s, (T, H)) for s in itertools.product((-1.0, 1.0), repeat=T * H)]
    rho_0, rho_1 = 0.7, 1.9  # any two positive numbers

    def nu(world: World, t: int) -> Array:
        return outcomes[world.outcome or 0][t - 1 : t]

    def N(world: World, t: int) -> Array:
        return world.value("h", t - 1).T @ (nu(world, t) * world.jacobian(("h", t), ("a", t)).reshape(H, H).diagonal())

    def M(world: World, t: int) -> Any:
        return 0 if t == 0 else sum((N(world, s) / (rho_1 * rho_0 ** (t - s)) for s in range(1, t + 1)), 0.0)

    def v(world: World, t: int) -> Any:
        if t == 0:
            return 0
        return rho_1 * nu(world, t) + (rho_0 * v(world, t - 1) @ step_jacobian(world, t) if t > 1 else 0.0)

    values = {"P": influences(net), "J": Indexed(step_jacobian), r"\rho_0": rho_0, r"\rho_1": rho_1}
    values |= {"M": Indexed(M), "N": Indexed(N), "v": Indexed(v), r"\nu": Indexed(nu)}
    values[r"\mathbb{E}"] = Expectation(range(len(outcomes)))
    return Setting(sizes, net, values, over=TIMES | UNITS, one_sequence=True)
