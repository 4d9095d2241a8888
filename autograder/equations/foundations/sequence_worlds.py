"""The worlds of chapter 1: a network of two weights, its strings of bits, masks, parity, waves, leaky units."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import torch

from autograder.equations.foundations.networks import BATCHES, TIMES, vanilla
from autograder.equations.program import Array, Program
from autograder.equations.world import Computed, Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator

COUNTERS = ({"T": 4, "B": 3}, {"T": 3, "B": 5}, {"T": 1, "B": 4}, {"T": 5, "B": 1})
LENGTHS = ({"T": 4}, {"T": 3}, {"T": 1}, {"T": 6})
ONCE: tuple[Sizes, ...] = ({}, {}, {})


# --- The recurrence ----------------------------------------------------------------------------------


@family(BATCHES)
def recurrence(sizes: Sizes, rng: Generator) -> Setting:
    """S_t and X_t of a network in a framework; f: the same step by PyTorch's own cell."""
    net = vanilla(sizes, rng)
    cell = torch.nn.RNNCell(sizes["D"], sizes["H"], dtype=torch.float64)
    with torch.no_grad():
        for parameter, name in zip(cell.parameters(), "WUb", strict=False):
            parameter.copy_(torch.from_numpy(net.leaves[name,].T))
        cell.bias_hh.zero_()

    def f(S: Array, X: Array) -> Array:
        return cell(torch.tensor(X), torch.tensor(S)).detach().numpy()

    values = {
        "S": Indexed(lambda world, t: world.value("h", t)),
        "X": Indexed(lambda world, t: world.value("x", t)),
        "f": Function(f),
    }
    return Setting(sizes, net, values, over=TIMES)


@family(BATCHES)
def layers(sizes: Sizes, rng: Generator) -> Setting:
    """Parameters counted in PyTorch's layers."""
    T, D, H = (sizes[n] for n in "TDH")

    def entries(layer: torch.nn.Module) -> int:
        return sum(p.numel() for p in layer.parameters())

    cell = entries(torch.nn.RNN(D, H)) - H  # PyTorch has two biases that are only added
    values = {
        r"N_{\text{shared}}": cell,
        r"N_{\text{own}}": sum(entries(torch.nn.RNN(D, H)) - H for _ in range(T)),
        r"N_{\text{flat}}": entries(torch.nn.Linear(T * D, H)),
    }
    return Setting(sizes, None, values)


@family(({"L": 1, "k": 4}, {"L": 3, "k": 2}, {"L": 4, "k": 3}, {"L": 2, "k": 1}))
def stack(sizes: Sizes, rng: Generator) -> Setting:
    """R: the inputs of a stack of convolutions that its last output has a derivative by, counted."""
    x = torch.rand(1, 1, 30, generator=torch.Generator().manual_seed(0), requires_grad=True)
    y = x
    for _ in range(sizes["L"]):
        y = torch.nn.functional.conv1d(y, torch.ones(1, 1, sizes["k"]))
    (gradient,) = torch.autograd.grad(y[0, 0, -1], x)
    return Setting(sizes, None, {"R": int((gradient != 0).sum())})


# --- The network of two weights ---------------------------------------------------------------------------


def counter(X: Array, n: Array, u: float, w: float, h_0: Array) -> Program:
    """x_t, u_t, w_t, h_t, e and C of the linear network; u_t and w_t are the uses of u and w at step t."""
    net = Program()
    one, two = net.leaf("u", value=u), net.leaf("w", value=w)
    count = net.constant("n", value=n)
    h = net.leaf("h", 0, value=h_0)
    for t, items in enumerate(X, start=1):
        x = net.leaf("x", t, value=items)
        u_t = net.let("u", t, of=[one], be=lambda xp, u: u)
        w_t = net.let("w", t, of=[two], be=lambda xp, w: w)
        h = net.let("h", t, of=[h, u_t, x, w_t], be=lambda xp, h, u, x, w: h * u + x * w, state=True)
    e = net.let("e", of=[h, count], be=lambda xp, h, n: h - n)
    twice = 2.0 * len(n)
    net.let("C", of=[e], be=lambda xp, e: xp.sum(e * e) / twice)
    return net


def random_counter(sizes: Sizes, rng: Generator, start: bool, u: float | None = None) -> Setting:
    X, n = rng.normal(size=(sizes["T"], sizes["B"])), rng.normal(size=sizes["B"])
    one, two = (u, u) if u is not None else rng.uniform(0.5, 1.5, size=2) * rng.choice([-1, 1], size=2)
    h_0 = rng.normal(size=sizes["B"]) * start
    return Setting(sizes, counter(X, n, one, two, h_0), over=TIMES)


@family(COUNTERS)
def started(sizes: Sizes, rng: Generator) -> Setting:
    """Any items, any start."""
    return random_counter(sizes, rng, start=True)


@family(COUNTERS)
def linear(sizes: Sizes, rng: Generator) -> Setting:
    """Any items; h_0 = 0."""
    return random_counter(sizes, rng, start=False)


@family(COUNTERS)
def halves(sizes: Sizes, rng: Generator) -> Setting:
    """u = w = 1/2, h_0 = 0."""
    return random_counter(sizes, rng, start=False, u=0.5)


@family(LENGTHS)
def all_strings(sizes: Sizes, rng: Generator) -> Setting:
    """All strings of T bits; q_t: how the last state moves with x_t."""
    X = np.array(list(itertools.product((0.0, 1.0), repeat=sizes["T"]))).T
    u, w = rng.uniform(-1.5, 1.5, size=2)
    net = counter(X, X.sum(axis=0), u, w, np.zeros(X.shape[1]))

    def weight(world: World, t: int) -> Any:
        return world.jacobian(("h", sizes["T"]), ("x", t))[0, 0]

    return Setting(sizes, net, {"q": Indexed(weight)}, over={"t": "1..T"})


@family(LENGTHS)
def first_bit(sizes: Sizes, rng: Generator) -> Setting:
    """The string 1 0 … 0."""
    X = np.zeros((sizes["T"], 1))
    X[0] = 1
    u, w = rng.uniform(0.6, 1.4, size=2)
    return Setting(sizes, counter(X, np.ones(1), u, w, np.zeros(1)))


@family(LENGTHS)
def at_the_solution(sizes: Sizes, rng: Generator) -> Setting:
    """u = w = 1. r_t: how the weight of position t moves with u and w; R: the same for a string of ones."""
    T = sizes["T"]
    X = np.column_stack([np.eye(T), np.ones(T)])  # string t has its one at t; the last has only ones
    net = counter(X, X.sum(axis=0), 1.0, 1.0, np.zeros(T + 1))

    def row(world: World, string: int) -> Array:
        moves = [world.jacobian(("h", T), (weight,))[string] for weight in "uw"]
        return np.reshape(moves, (1, 2))

    values = {
        "r": Indexed(lambda world, t: row(world, t - 1)),
        "R": Computed(lambda world: row(world, T)),
        "A": curvature(T),
    }
    return Setting(sizes, net, values, over={"t": "1..T"})


@cache
def curvature(T: int) -> Array:
    """Second derivatives of the mean loss over all strings at u = w = 1, by PyTorch. (2, 2)"""
    X = torch.tensor(list(itertools.product((0.0, 1.0), repeat=T)), dtype=torch.float64).T

    def mean_loss(at: torch.Tensor) -> torch.Tensor:
        h = torch.zeros(X.shape[1], dtype=torch.float64)
        for x in X:
            h = h * at[0] + x * at[1]
        return 0.5 * ((h - X.sum(0)) ** 2).mean()

    return torch.autograd.functional.hessian(mean_loss, torch.ones(2, dtype=torch.float64)).numpy()


@family(({"H": 3}, {"H": 2}, {"H": 5}))
def clipped(sizes: Sizes, rng: Generator) -> Setting:
    """v: g clipped at kappa by TensorFlow; longer than kappa in some problems and shorter in others."""
    import tensorflow as tf

    g, limit = rng.normal(size=sizes["H"]), 1.0 if sizes["H"] != 2 else 10.0
    return Setting(sizes, None, {"g": g, r"\kappa": limit, "v": tf.clip_by_norm(g, limit).numpy()})


# --- Masks, parity -------------------------------------------------------------------------------------------


@family(COUNTERS)
def masked(sizes: Sizes, rng: Generator) -> Setting:
    """A masked batch. Most masks lie between 0 and 1, so that a step is never only old or only new."""
    T, B = sizes["T"], sizes["B"]
    X, mask = rng.normal(size=(T, B)), rng.random((T, B))
    mask[:2, 0] = (1, 0)[:T]
    u, w = rng.uniform(0.5, 1.5, size=2)
    h = [torch.tensor(rng.normal(size=B))]
    for x, m in zip(torch.tensor(X), torch.tensor(mask), strict=True):
        h.append(torch.lerp(h[-1], torch.addcmul(w * x, h[-1], torch.full_like(x, u)), m))
    values = {
        "h": Indexed(lambda world, t: h[t].numpy()),
        "x": Indexed(lambda world, t: X[t - 1]),
        "m": Indexed(lambda world, t: mask[t - 1]),
    }
    return Setting(sizes, None, values | {"u": u, "w": w}, over=TIMES)


@family(({"T": 2, "H": 3}, {"T": 5, "H": 1}, {"T": 3, "H": 4}))
def corners(sizes: Sizes, rng: Generator) -> Setting:
    """s of the four strings that differ in their first two bits: a linear network with a linear read-out."""
    T, H = sizes["T"], sizes["H"]
    W, b, v, start = rng.normal(size=(4, H))
    U, c = rng.normal(size=(H, H)), rng.normal()

    def s(word: str) -> float:
        h = start
        for bit in word.ljust(T, "0"):
            h = float(bit) * W + h @ U + b
        return float(h @ v + c)

    return Setting(sizes, None, {rf"s_{{\text{{{word}}}}}": s(word) for word in ("00", "01", "10", "11")})


@family(({"T": 9}, {"T": 1}, {"T": 6}, {"T": 2}))
def parity(sizes: Sizes, rng: Generator) -> Setting:
    """p_t: parities, counted; h_t: PyTorch's network with the printed weights."""
    T = sizes["T"]
    bits = [int(rng.integers(2)) for _ in range(T)] if T > 2 else [1] * T
    W, U = np.array([[1.0, 1.0]]), np.array([[1.0, 1.0], [-2.0, -2.0]])
    b, V = np.array([[0.0, -1.0]]), np.array([[1.0], [-2.0]])
    rnn = torch.nn.RNN(1, 2, nonlinearity="relu", dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in zip(rnn.parameters(), (W.T, U.T, b[0], 0 * b[0]), strict=True):
            parameter.copy_(torch.from_numpy(value))
        states = rnn(torch.tensor(bits, dtype=torch.float64)[:, None])[0].numpy()
    H = np.concatenate([np.zeros((1, 2)), states])
    values = {
        "p": Indexed(lambda world, t: float(bits[:t].count(1) % 2)),
        "x": Indexed(lambda world, t: float(bits[t - 1])),
        "h": Indexed(lambda world, t: H[t : t + 1]),
    }
    weights = {"W": W, "U": U, "b": b, "V": V}
    return Setting(sizes, None, values | weights, over=TIMES)


# --- Autoregression, dynamics --------------------------------------------------------------------------------


@family(ONCE)
def two_roots(sizes: Sizes, rng: Generator) -> Setting:
    """x_t = c r^t + d q^t, whose coefficients are r + q and -rq; A: what takes two states to the next two."""
    (r, q), (c, d) = rng.uniform(0.4, 1.2, size=2) * (1, -1), rng.normal(size=2)
    x = [c * r**t + d * q**t for t in range(8)]
    states = np.array([[x[t], x[t - 1]] for t in range(1, 8)])
    values = {
        "x": Indexed(lambda world, t: x[t]),
        "s": Indexed(lambda world, t: states[t - 1 : t]),
        "A": np.linalg.solve(states[:2], states[1:3]),
        r"\varphi_1": r + q,
        r"\varphi_2": -r * q,
    }
    return Setting(sizes, None, values, over={"t": "1..5"})


@family(ONCE)
def wave(sizes: Sizes, rng: Generator) -> Setting:
    return Setting(sizes, None, {r"\theta": rng.uniform(0.1, 3)}, over={"t": "0..6"})


def leaky_unit(rng: Generator, exact: bool) -> Setting:
    """h_t: steps of Euler's as weighted means by PyTorch; or the solution, by a matrix exponential."""
    step, tau = rng.uniform(0.2, 3, size=2)
    x, h = [0.0, *rng.normal(size=5)], [rng.normal()]
    flow = torch.tensor([[-step / tau, step / tau], [0, 0]], dtype=torch.float64)  # of (h, x), x constant
    for item in x[1:]:
        now = torch.tensor([h[-1], item], dtype=torch.float64)
        after = torch.linalg.matrix_exp(flow)[0] @ now if exact else torch.lerp(now[0], now[1], float(step / tau))
        h.append(after.item())
    values = {"h": Indexed(lambda world, t: h[t]), "x": Indexed(lambda world, t: x[t])}
    weights = {r"\Delta": step, r"\tau": tau, r"\alpha": step / tau}
    return Setting({}, None, values | weights, over={"t": "1..5"})


@family(ONCE)
def leaky(sizes: Sizes, rng: Generator) -> Setting:
    return leaky_unit(rng, exact=False)


@family(ONCE)
def leaky_exactly(sizes: Sizes, rng: Generator) -> Setting:
    return leaky_unit(rng, exact=True)
