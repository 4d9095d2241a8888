"""The worlds of chapter 4: networks with and without tanh, probes, Lagrangians, windows, influences."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.backends import ComplexStep
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
from autograder.equations.world import Computed, Function, Indexed, Setting, World, family

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
