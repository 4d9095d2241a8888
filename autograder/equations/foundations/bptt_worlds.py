"""The worlds of chapter 4: networks with and without tanh, probes, Lagrangians, windows, influences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from autograder.equations.backends import ComplexStep, NumpyOperations
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
from autograder.equations.program import Array, Program
from autograder.equations.world import Computed, Expectation, Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator


def probe_of_state(world: World, t: int) -> Any:
    r"""\dot h_t: the derivative of h_t as U moves along the probe E."""
    return 0 if t == 0 else np.tensordot(world.jacobian(("h", t), ("U",)), world.lookup("E"), 2)


def probe_of_loss(world: World) -> Any:
    return np.tensordot(world.jacobian(("C",), ("U",)), world.lookup("E"), 2)


SYMBOLS = {"G": Indexed(directly), r"\dot h": Indexed(probe_of_state), r"\dot C": Computed(probe_of_loss)}


def square(sizes: Sizes, rng: Generator) -> Array:
    return rng.normal(size=(sizes["H"], sizes["H"]))


@family(BATCHES)
def network(sizes: Sizes, rng: Generator) -> Setting:
    """A batch without masks. A, L, R: any arrays; E: any probe."""
    values: dict[str, Any] = SYMBOLS | {"E": square(sizes, rng)}
    return Setting(sizes, vanilla(sizes, rng), values, BEYOND, TIMES | UNITS)


@family(BATCHES)
def arrays(sizes: Sizes, rng: Generator) -> Setting:
    """Any arrays that can be multiplied."""
    A, L = (rng.normal(size=(sizes["B"], sizes["H"])) for _ in "AL")
    return Setting(sizes, None, {"A": A, "L": L, "E": square(sizes, rng), "R": square(sizes, rng)})


@family(BATCHES)
def pairing(sizes: Sizes, rng: Generator) -> Setting:
    values = SYMBOLS | {"E": square(sizes, rng), "A": square(sizes, rng)}
    return Setting(sizes, vanilla(sizes, rng), values, over=UNITS)


@family(BATCHES)
def masked(sizes: Sizes, rng: Generator) -> Setting:
    """Masks with gaps; losses see the states of masked steps too."""
    program = vanilla(sizes, rng, mask=masks(sizes, rng), every_state=True)
    return Setting(sizes, program, SYMBOLS, BEYOND, TIMES | UNITS)


@family(BATCHES)
def blended(sizes: Sizes, rng: Generator) -> Setting:
    """Masks between 0 and 1, which tell the two states apart that a mask chooses from."""
    return Setting(sizes, vanilla(sizes, rng, mask=rng.random((sizes["T"], sizes["B"]))), over=TIMES)


@family(BATCHES)
def masked_loss(sizes: Sizes, rng: Generator) -> Setting:
    """Masks, and the page's own loss, which sees no masked step."""
    return Setting(sizes, vanilla(sizes, rng, mask=masks(sizes, rng)), SYMBOLS, BEYOND, TIMES | UNITS)


@family(SEQUENCES)
def sequence(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence, for what has Jacobians. g_{t,k}: what the U of step k hears of the loss of step t."""
    values = SYMBOLS | {"J": Indexed(step_jacobian), "E": square(sizes, rng), "I": np.eye(sizes["H"])}
    values["g"] = Indexed(lambda world, t, k: world.jacobian(("C", t), ("use of U", k)), arity=2)
    return Setting(sizes, vanilla(sizes, rng), values, BEYOND, TIMES | UNITS, one_sequence=True)


@family(SEQUENCES)
def contracting(sizes: Sizes, rng: Generator) -> Setting:
    """U is half an orthogonal matrix, so that bounds by its norm are close."""
    Q, _ = np.linalg.qr(square(sizes, rng))
    values = {"G": Indexed(directly)}
    values["g"] = Indexed(lambda world, t, k: world.jacobian(("C", t), ("use of U", k)), arity=2)
    return Setting(sizes, vanilla(sizes, rng, U=0.5 * Q), values, over=TIMES, one_sequence=True)


@family(SEQUENCES)
def columns(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence, as in texts with columns and with one sign for total and immediate derivatives."""
    over = TIMES | UNITS
    return Setting(sizes, vanilla(sizes, rng), SYMBOLS, BEYOND, over, True, columns=True, plain_is_total=True)


# --- without tanh --------------------------------------------------------------------------------------------


@family(
    [{"T": 4, "B": 3, "D": 2, "H": 5, "K": 6}, {"T": 5, "B": 2, "D": 4, "H": 3, "K": 5}, BATCHES[2] | {"T": 4, "B": 1}]
)
def linear(sizes: Sizes, rng: Generator) -> Setting:
    """The identity in place of tanh, no bias; at least four steps."""
    program = vanilla(sizes, rng, tanh=False, bias=False)
    return Setting(sizes, program, SYMBOLS | {"E": square(sizes, rng)}, BEYOND, TIMES)


@family([{"T": 4}] * 3)
def scalars(sizes: Sizes, rng: Generator) -> Setting:
    """One unit, one input, numbers w and u."""
    net = Program()
    w, u, h = (net.leaf(*key, value=rng.normal()) for key in (("w",), ("u",), ("h", 0)))
    for t in range(1, sizes["T"] + 1):
        x = net.leaf("x", t, value=rng.normal())
        h = net.let("h", t, of=[x, w, h, u], be=lambda xp, x, w, h, u: x * w + h * u)
    return Setting(sizes, net)


# --- any computation, multipliers, one system -----------------------------------------------------------------


@family([{"N": 5}, {"N": 8}, {"N": 2}])
def computation(sizes: Sizes, rng: Generator) -> Setting:
    """z_1 … z_N, each the tanh of a random sum of all before it; no recurrent network."""
    net = Program()
    keys = [net.leaf("z", 1, value=rng.normal())]
    for j in range(2, sizes["N"] + 1):
        weights = rng.normal(size=j - 1)

        def value(xp: Any, *z: Any, weights: Array = weights) -> Any:
            return xp.tanh(sum(float(w) * v for w, v in zip(weights, z, strict=True)))

        keys.append(net.let("z", j, of=keys, be=value, state=True))
    return Setting(sizes, net, over={"i": "1..N-1", "j": "1..N"})


def lagrangian(net: Program, T: int, state: str = "h", pre: str = "a") -> None:
    r"""Add \mathcal{L} of the states and pre-activations under the given names, with multipliers \lambda, \mu."""
    keys = [("W",), ("U",), ("b",)]
    for t in range(1, T + 1):
        here = [(r"\lambda", t), (r"\mu", t), ("x", t), (state, t - 1), (state, t), (pre, t), ("C", t)]
        keys.append(net.let("part of L", t, of=[*here, *keys[:3]], be=_part))
    net.let(r"\mathcal{L}", of=keys[3:], be=lambda xp, *parts: sum(parts[1:], parts[0]))


def _part(xp: Any, lam: Any, mu: Any, x: Any, before: Any, h: Any, a: Any, C: Any, W: Any, U: Any, b: Any) -> Any:
    return C + xp.sum(lam * (x @ W + before @ U + b - a)) + xp.sum(mu * (xp.tanh(a) - h))


@family(BATCHES)
def multipliers(sizes: Sizes, rng: Generator) -> Setting:
    r"""The network with its Lagrangian; \lambda_t and \mu_t are δa_t and δh_t, by complex steps."""
    net = vanilla(sizes, rng, free=True)
    known = ComplexStep(net)
    for t in range(1, sizes["T"] + 1):
        net.constant(r"\lambda", t, value=known.jacobian(net.loss, ("a", t)))
        net.constant(r"\mu", t, value=known.jacobian(net.loss, ("h", t)))
    lagrangian(net, sizes["T"])
    return Setting(sizes, net, SYMBOLS, BEYOND | {r"\lambda": 0}, TIMES)


@family(BATCHES)
def free_states(sizes: Sizes, rng: Generator) -> Setting:
    """States and multipliers that obey nothing, so that the brackets of the Lagrangian are not zero."""
    net, shape = Program(), (sizes["B"], sizes["H"])
    for name, size in (("W", (sizes["D"], sizes["H"])), ("U", (sizes["H"], sizes["H"])), ("b", (sizes["H"],))):
        net.leaf(name, value=rng.normal(size=size))
    net.leaf("h", 0, value=rng.normal(size=shape))
    for t in range(1, sizes["T"] + 1):
        net.leaf("x", t, value=rng.normal(size=(sizes["B"], sizes["D"])))
        for name in ("h", "a", r"\lambda", r"\mu"):
            net.leaf(name, t, value=rng.normal(size=shape))
        net.let("C", t, of=[("h", t)], be=lambda xp, h: xp.sum(xp.sin(h)))
    lagrangian(net, sizes["T"])
    losses = Indexed(lambda world, t: Function(lambda h: np.sum(np.sin(h))))
    return Setting(sizes, net, {"C": losses}, BEYOND | {r"\lambda": 0}, TIMES)


def row_of_all(world: World, array: Any) -> Array:
    """Arrays of all steps of one sequence side by side, (1, TH)."""
    return np.concatenate([array(world, t) for t in range(1, world.sizes["T"] + 1)], axis=1)


def carried_back(world: World) -> Array:
    r"""\boldsymbol{K}: the block J_{t+1}^T at block row t + 1, block column t."""
    T, H = world.sizes["T"], world.sizes["H"]
    K = np.zeros((T * H, T * H))
    for t in range(1, T):
        K[t * H : (t + 1) * H, (t - 1) * H : t * H] = step_jacobian(world, t + 1).T
    return K


@family(SEQUENCES)
def system(sizes: Sizes, rng: Generator) -> Setting:
    values = {
        r"\boldsymbol{\delta}": Computed(lambda world: row_of_all(world, lambda w, t: w.delta("h", t))),
        r"\boldsymbol{G}": Computed(lambda world: row_of_all(world, directly)),
        r"\boldsymbol{K}": Computed(carried_back),
        r"\boldsymbol{I}": np.eye(sizes["T"] * sizes["H"]),
    }
    return Setting(sizes, vanilla(sizes, rng), values)


@family(BATCHES)
def tall(sizes: Sizes, rng: Generator) -> Setting:
    """All steps under each other."""

    def under(name: str, first: int = 1, delta: bool = False) -> Computed:
        def stacked(world: World) -> Array:
            steps = range(first, first + world.sizes["T"])
            return np.concatenate([world.delta(name, t) if delta else world.value(name, t) for t in steps])

        return Computed(stacked)

    values = {r"\bar X": under("x"), r"\bar H_{-}": under("h", 0), r"\bar A": under("a", delta=True)}
    return Setting(sizes, vanilla(sizes, rng), values | {r"\delta \bar X": under("x", delta=True)})


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
