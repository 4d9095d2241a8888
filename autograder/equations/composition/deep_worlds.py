"""The worlds of chapter 9: stacks with masks, sorted batches, residual streams, clocks, dropout, normalised rows."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from autograder.equations.foundations.networks import BATCHES, SEQUENCES, directly, masks, vanilla
from autograder.equations.program import Array, Key, Program
from autograder.equations.world import Computed, Expectation, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator
OVER = {"t": "1..T", "l": "1..L", r"\beta": "1..B", "j": "1..H"}
STACKS = [sizes | {"L": L} for sizes, L in zip(BATCHES, (2, 3, 3, 1), strict=True)]


# --- stacks --------------------------------------------------------------------------------------------------


def layers(
    sizes: Sizes, rng: Generator, *, mask: Array | None = None, residual: bool = False
) -> tuple[Program, list[Key]]:
    """h_{t,l}, a_{t,l} over inputs x_t, and what the top puts out; ("up", t, l) is h_{t,l} on its way up.

    residual: the stream x_{t,l}, of the width H throughout, in the place of the states on their way up.
    """
    T, B, D, H, L = (sizes[n] for n in "TBDHL")
    D = H if residual else D
    net = Program()
    below = [net.leaf("x", t, value=rng.normal(size=(B, D))) for t in range(1, T + 1)]
    on = [
        net.constant("m", t, value=np.ones((B, 1)) if mask is None else mask[t - 1, :, None]) for t in range(1, T + 1)
    ]
    name = "x" if residual else "h"
    below = [net.let(name, t, 0, of=[x], be=lambda xp, x: x) for t, x in enumerate(below, start=1)]
    for l in range(1, L + 1):
        width = D if l == 1 else H
        W = net.leaf("W", l, value=rng.normal(size=(width, H)) / np.sqrt(width))
        U = net.leaf("U", l, value=rng.normal(size=(H, H)) / np.sqrt(H))
        b = net.leaf("b", l, value=0.5 * rng.normal(size=H))
        h = net.leaf("h", 0, l, value=rng.uniform(-0.9, 0.9, size=(B, H)))
        for t, (x, m) in enumerate(zip(below, on, strict=True), start=1):
            a = net.let("a", t, l, of=[x, W, h, U, b], be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)
            new = net.let(r"\tilde h", t, l, of=[a], be=lambda xp, a: xp.tanh(a))
            h = net.let("h", t, l, of=[m, new, h], be=lambda xp, m, new, h: m * new + (1.0 - m) * h, state=True)
            if residual:
                below[t - 1] = net.let("x", t, l, of=[x, h], be=lambda xp, x, h: x + h)
            else:
                below[t - 1] = net.let("up", t, l, of=[h], be=lambda xp, h: h)
    return net, below


def weighed(net: Program, outputs: list[Key], shape: tuple[int, ...], rng: Generator) -> None:
    """The loss C: every entry of every output, with random weights."""
    weights = [rng.normal(size=shape) for _ in outputs]

    def loss(xp: Any, *values: Any) -> Any:
        parts = [xp.sum(xp.constant(w) * value) for w, value in zip(weights, values, strict=True)]
        return sum(parts[1:], parts[0])

    net.let("C", of=outputs, be=loss)


@family(STACKS)
def stack(sizes: Sizes, rng: Generator) -> Setting:
    """Layers with masks; the loss sees the top at every step. G_{t,l}: what h_{t,l} hears from above."""
    net, top = layers(sizes, rng, mask=masks(sizes, rng))
    weighed(net, top, (sizes["B"], sizes["H"]), rng)
    above = Indexed(lambda world, t, l: world.delta("up", t, l), arity=2)
    return Setting(sizes, net, {"G": above}, {r"\delta a": 0, r"\delta h": 0, "m": 1}, OVER)


@family(STACKS)
def blended(sizes: Sizes, rng: Generator) -> Setting:
    """Masks between 0 and 1, which tell the two states apart that a mask chooses from."""
    net, _ = layers(sizes, rng, mask=rng.random((sizes["T"], sizes["B"])))
    return Setting(sizes, net, over=OVER)


@family([sizes | {"L": L} for sizes, L in zip(SEQUENCES, (2, 3, 2), strict=True)])
def residual(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence and its stream. J_{t,l}[i, j]: how h_{t,l,j} moves with x_{t,l-1,i}."""
    net, top = layers(sizes, rng, residual=True)
    weighed(net, top, (1, sizes["H"]), rng)

    def jacobian(world: World, t: int, l: int) -> Array:
        return world.jacobian(("h", t, l), ("x", t, l - 1))[0, :, 0, :].T

    values = {"J": Indexed(jacobian, arity=2), "I": np.eye(sizes["H"])}
    return Setting(sizes, net, values, over=OVER, one_sequence=True)


@family([{"D": 3, "H": 5, "L": 2, "n": 4}, {"D": 4, "H": 2, "L": 3, "n": 3}, {"D": 2, "H": 6, "L": 1, "n": 1}])
def counts(sizes: Sizes, rng: Generator) -> Setting:
    """Sizes of a network whose layers have n gate blocks."""
    return Setting(sizes)


def parameters(world: World) -> int:
    """What PyTorch's own stack has, but for the second bias of each layer."""
    import torch

    D, H, L, n = (world.sizes[name] for name in "DHLn")
    kind = {1: torch.nn.RNN, 3: torch.nn.GRU, 4: torch.nn.LSTM}[n]
    return sum(p.numel() for name, p in kind(D, H, num_layers=L).named_parameters() if "bias_hh" not in name)


@family([{"T": 6, "L": 3}, {"T": 1, "L": 4}, {"T": 5, "L": 1}, {"T": 3, "L": 5}])
def grid(sizes: Sizes, rng: Generator) -> Setting:
    """One linear unit a layer and all weights 1, so that a derivative counts paths."""
    net, zero = Program(), 0.0
    for t in range(1, sizes["T"] + 1):
        net.leaf("x", t, value=rng.normal())
        for l in range(1, sizes["L"] + 1):
            before = [("h", t - 1, l)] if t > 1 else []
            below: list[Key] = [("h", t, l - 1)] if l > 1 else [("x", t)]
            net.let("h", t, l, of=below + before, be=lambda xp, *hs: sum(hs, zero), state=True)
    return Setting(sizes, net)


def paths(world: World) -> Array:
    """How often the last state on top contains the first input."""
    return world.jacobian(("h", world.sizes["T"], world.sizes["L"]), ("x", 1))


# --- lengths -------------------------------------------------------------------------------------------------


@family(BATCHES)
def by_length(sizes: Sizes, rng: Generator) -> Setting:
    r"""Rows sorted by length, padded at the end. N_t: PyTorch's batch sizes; n_\beta: lengths; \bar h: a mean."""
    T, B = sizes["T"], sizes["B"]
    lengths = np.sort(np.append(rng.integers(1, T + 1, size=B - 1), T))[::-1]
    mask = (np.arange(T)[:, None] < lengths).astype(float)
    net = vanilla(sizes, rng, mask=mask)
    states = [("h", t) for t in range(1, T + 1)]

    def mean(xp: Any, *h: Any) -> Any:
        parts = [xp.constant(m[:, None] / lengths[:, None]) * value for m, value in zip(mask, h, strict=True)]
        return sum(parts[1:], parts[0])

    del net.assignments[("C",)]  # the loss of this world sees the mean alone
    net.let(r"\bar h", of=states, be=mean)
    weighed(net, [(r"\bar h",)], (B, sizes["H"]), rng)

    def batch_size(world: World, t: int) -> int:
        import torch

        rows = torch.zeros(T, B, 1)
        lasting = torch.tensor(lengths.copy())
        return int(torch.nn.utils.rnn.pack_padded_sequence(rows, lasting).batch_sizes[t - 1])

    values = {
        "N": Indexed(batch_size),
        "n": Indexed(lambda world, beta: int(lengths[beta - 1])),
        "G": Indexed(directly),
    }
    return Setting(sizes, net, values, over=OVER)


@family(BATCHES)
def padded(sizes: Sizes, rng: Generator) -> Setting:
    """Masks with gaps; the loss sees every state, masked or not."""
    return Setting(sizes, vanilla(sizes, rng, mask=masks(sizes, rng), every_state=True), over=OVER)


# --- slow units ----------------------------------------------------------------------------------------------


@family([sizes | {"longest": p} for sizes, p in zip(BATCHES, (3, 2, 2, 4), strict=True)])
def clockwork(sizes: Sizes, rng: Generator) -> Setting:
    r"""Units of random periods \tau_j, one of them 1. The switches s_t are set by slices."""
    return switched(sizes, rng, blended=False)


@family(BATCHES)
def half_switched(sizes: Sizes, rng: Generator) -> Setting:
    """Switches between 0 and 1, which tell the two states apart that a switch chooses from."""
    return switched(sizes | {"longest": 1}, rng, blended=True)


def switched(sizes: Sizes, rng: Generator, blended: bool) -> Setting:
    T, B, D, H = (sizes[n] for n in "TBDH")
    tau = np.append(rng.integers(1, sizes["longest"] + 1, size=H - 1), 1)
    switches = np.zeros((T, H))
    for j, period in enumerate(tau):
        switches[period - 1 :: period, j] = 1
    if blended:
        switches = rng.random((T, H))
    net = Program()
    W = net.leaf("W", value=rng.normal(size=(D, H)) / np.sqrt(D))
    U = net.leaf("U", value=rng.normal(size=(H, H)) / np.sqrt(H))
    b = net.leaf("b", value=0.5 * rng.normal(size=H))
    h = net.leaf("h", 0, value=rng.uniform(-0.9, 0.9, size=(B, H)))
    for t in range(1, T + 1):
        x = net.leaf("x", t, value=rng.normal(size=(B, D)))
        s = net.constant("s", t, value=switches[t - 1])
        a = net.let("a", t, of=[x, W, h, U, b], be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)
        h = net.let("h", t, of=[s, a, h], be=lambda xp, s, a, h: s * xp.tanh(a) + (1.0 - s) * h, state=True)
    weighed(net, [("h", t) for t in range(1, T + 1)], (B, H), rng)
    values = {r"\tau": Indexed(lambda world, j: int(tau[j - 1])), "G": Indexed(directly)}
    return Setting(sizes, net, values, over=OVER | {"k": "0..t"})


# --- dropout -------------------------------------------------------------------------------------------------
# A draw is one of `options` equally likely numbers; the first of them drops, so that q = (options - 1) / options.

DRAWS = ({"draws": 3, "options": 4}, {"draws": 5, "options": 2}, {"draws": 1, "options": 3})


def all_draws(sizes: Sizes) -> list[tuple[int, ...]]:
    return list(itertools.product(range(sizes["options"]), repeat=sizes["draws"]))


def dropping(sizes: Sizes) -> tuple[float, Any]:
    """q, and the mask of one draw: 0 or 1/q."""
    q = (sizes["options"] - 1) / sizes["options"]
    return q, lambda draw: 0.0 if draw == 0 else 1 / q


@family(DRAWS)
def one_mask(sizes: Sizes, rng: Generator) -> Setting:
    q, mask = dropping(sizes)
    d = Computed(lambda world: mask(world.outcome[0]))
    return Setting(sizes, values={"q": q, "d": d, r"\mathrm{E}": Expectation(all_draws(sizes))})


@family([{"D": 3, "H": 2, "draws": 3, "options": 4}, {"D": 1, "H": 4, "draws": 1, "options": 3}])
def dropped_inputs(sizes: Sizes, rng: Generator) -> Setting:
    """A row of inputs and the sums that the units of a layer get of it, with and without dropout."""
    q, mask = dropping(sizes)
    x, W = rng.normal(size=sizes["D"]), rng.normal(size=(sizes["D"], sizes["H"]))
    noisy = Computed(lambda world: np.array([mask(draw) for draw in world.outcome]) * x @ W)
    values = {"q": q, "x": x, "W": W, "a": x @ W, r"\tilde a": noisy, r"\mathrm{E}": Expectation(all_draws(sizes))}
    return Setting(sizes, values=values, over={"j": "1..D", "i": "1..H"})


def loop(sizes: Sizes, rng: Generator, once: bool) -> Setting:
    """h_k: a linear unit's memory, dropped at each of k steps, by one draw or by a fresh draw each."""
    q, mask = dropping(sizes)
    u, start = rng.uniform(0.5, 1.5), rng.normal()

    def memory(world: World, k: int) -> float:
        draws = () if world.outcome is None else world.outcome
        return float(start * np.prod([u * mask(draws[0 if once else t]) for t in range(k)]))

    values = {"q": q, "u": u, "h": Indexed(memory), r"\mathrm{E}": Expectation(all_draws(sizes))}
    return Setting(sizes, values=values | {"K": sizes["draws"]}, over={"k": f"{int(once)}..{sizes['draws']}"})


@family(DRAWS)
def dropped_each_step(sizes: Sizes, rng: Generator) -> Setting:
    return loop(sizes, rng, once=False)


@family(DRAWS)
def dropped_once(sizes: Sizes, rng: Generator) -> Setting:
    return loop(sizes, rng, once=True)


@family([{"T": 3, "draws": 3, "options": 4}, {"T": 5, "draws": 5, "options": 2}, {"T": 1, "draws": 1, "options": 3}])
def dropped_writes(sizes: Sizes, rng: Generator) -> Setting:
    r"""An LSTM's cell with given gates; \tilde c: what is written is dropped. Cells solve the system of all steps."""
    q, mask = dropping(sizes)
    T = sizes["T"]
    i, f, g, start = rng.random(T), rng.random(T), rng.normal(size=T), rng.normal()
    system = np.eye(T) - np.diag(f[1:], -1)
    first = np.eye(T)[0] * f[0] * start

    def drawn(world: World) -> Array:
        draws = (0, 1, 1, 0, 1)[:T] if world.outcome is None else world.outcome
        return np.array([mask(draw) for draw in draws])

    def cell(written: Array, t: int) -> float:
        return float(start if t == 0 else np.linalg.solve(system, first + written)[t - 1])

    values = {
        "q": q,
        "d": Computed(drawn),
        "c": Indexed(lambda world, t: cell(i * g, t)),
        r"\tilde c": Indexed(lambda world, t: cell(drawn(world) * i * g, t)),
        r"\mathrm{E}": Expectation(all_draws(sizes)),
    } | {name: Indexed(lambda world, t, v=v: float(v[t - 1])) for name, v in (("i", i), ("f", f), ("g", g))}
    return Setting(sizes, values=values, over={"t": "1..T"})


def keeping(sizes: Sizes) -> tuple[float, Any]:
    """z, and the switch of one draw: 1 or 0."""
    return 1 / sizes["options"], lambda draw: float(draw == 0)


@family([{"draws": 1, "options": 4}, {"draws": 1, "options": 2}, {"draws": 1, "options": 3}])
def zoned_step(sizes: Sizes, rng: Generator) -> Setting:
    r"""One step with h_0 and \hat h_1 given. Outside of E the switch is between 0 and 1, which tells the two apart."""
    z, switch = keeping(sizes)
    old, new, between = rng.normal(), rng.normal(), rng.random()

    def state(world: World, t: int) -> float:
        if world.outcome is None:
            return (old, new + between * (old - new))[t]
        return (old, old if world.outcome[0] == 0 else new)[t]

    values = {
        "z": z,
        "d": Indexed(lambda world, t: between if world.outcome is None else switch(world.outcome[0])),
        "h": Indexed(state),
        r"\hat h": Indexed(lambda world, t: new),
        r"\mathrm{E}": Expectation(all_draws(sizes)),
    }
    return Setting(sizes, values=values, over={"t": "1..1"})


@family(DRAWS)
def zoned_memory(sizes: Sizes, rng: Generator) -> Setting:
    """h_k of the leaky loop: as often as the unit was not held, it was multiplied by u."""
    z, _ = keeping(sizes)
    u, start = rng.uniform(0.5, 1.5), rng.normal()

    def memory(world: World, k: int) -> float:
        moved = sum(draw != 0 for draw in world.outcome[:k]) if k else 0
        return float(start * u**moved)

    values = {"z": z, "u": u, "h": Indexed(memory), r"\mathrm{E}": Expectation(all_draws(sizes))}
    return Setting(sizes, values=values, over={"k": f"0..{sizes['draws']}"})
