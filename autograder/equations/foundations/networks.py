"""The vanilla network as a program, and the worlds that are made of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from autograder.equations.backends import BACKENDS, Backend
from autograder.equations.program import Array, Key, Program
from autograder.equations.world import World

# Sizes are unequal, so that a transposed or exchanged array cannot fit by chance; T = 1 and B = 1 occur.
BATCHES = (
    {"T": 4, "B": 3, "D": 2, "H": 5, "K": 6},
    {"T": 3, "B": 5, "D": 4, "H": 2, "K": 3},
    {"T": 1, "B": 4, "D": 3, "H": 2, "K": 5},
    {"T": 5, "B": 1, "D": 3, "H": 4, "K": 2},
)
SEQUENCES = (
    {"T": 5, "B": 1, "D": 2, "H": 3, "K": 4},
    {"T": 4, "B": 1, "D": 3, "H": 2, "K": 5},
    {"T": 1, "B": 1, "D": 2, "H": 4, "K": 3},
)
TIMES = {"t": "1..T", r"\beta": "1..B", "k": "1..t"}
UNITS = dict.fromkeys("ijpq", "1..H")
BEYOND = {r"\delta a": 0, r"\delta h": 0, "m": 1, r"\delta \tilde h": 0}


def masks(sizes: dict[str, int], rng: np.random.Generator) -> Array:
    """Ones and zeros with a gap in the first sequence and, in a batch, an empty last one, (T, B)."""
    mask = (rng.random((sizes["T"], sizes["B"])) < 0.6).astype(float)
    mask[:3, 0] = (1, 0, 1)[: sizes["T"]]
    if sizes["B"] > 1:
        mask[:, -1] = 0
    return mask


def vanilla(
    sizes: dict[str, int],
    rng: np.random.Generator,
    *,
    mask: Array | None = None,
    tanh: bool = True,
    bias: bool = True,
    every_state: bool = False,
    free: bool = False,
    U: Array | None = None,
) -> Program:
    r"""x_t, h_0, W, U, b, V, b_y to a_t, \tilde h_t, h_t, y_t, p_t, C_t and C, with class c_t (from 1) and mask m_t.

    tanh=False: the identity. every_state: the losses also see each state directly, masked or not. free: a_t is held
    fixed in immediate derivatives, as states are. U: these recurrent weights. ("use of U", t) is the U of step t,
    which can be moved by itself.
    """
    T, B, D, H, K = (sizes[n] for n in "TBDHK")
    net = Program()
    W = net.leaf("W", value=rng.normal(size=(D, H)) / np.sqrt(D))
    U_ = net.leaf("U", value=rng.normal(size=(H, H)) / np.sqrt(H) if U is None else U)
    b = net.leaf("b", value=0.5 * rng.normal(size=H) if bias else np.zeros(H))
    V = net.leaf("V", value=rng.normal(size=(H, K)) / np.sqrt(H))
    b_y = net.leaf("b_y", value=0.5 * rng.normal(size=K))
    h = net.leaf("h", 0, value=rng.uniform(-0.9, 0.9, size=(B, H)))
    losses = []
    for t in range(1, T + 1):
        x = net.leaf("x", t, value=rng.normal(size=(B, D)))
        m = net.constant("m", t, value=np.ones((B, 1)) if mask is None else mask[t - 1, :, None])
        classes = rng.integers(K, size=B)
        net.constant("c", t, value=classes + 1)
        onehot = np.eye(K)[classes]
        direct = rng.normal(size=(B, H)) * every_state
        use = net.let("use of U", t, of=[U_], be=lambda xp, U: U)
        a = net.let("a", t, of=[x, W, h, use, b], be=lambda xp, x, W, h, U, b: x @ W + h @ U + b, state=free)
        new = net.let(r"\tilde h", t, of=[a], be=(lambda xp, a: xp.tanh(a)) if tanh else (lambda xp, a: a))
        h = net.let("h", t, of=[m, new, h], be=lambda xp, m, new, h: m * new + (1.0 - m) * h, state=True)
        y = net.let("y", t, of=[h, V, b_y], be=lambda xp, h, V, b_y: h @ V + b_y)
        p = net.let("p", t, of=[y], be=lambda xp, y: xp.softmax(y))

        def loss(xp: Any, p: Any, m: Any, h: Any, onehot: Array = onehot, direct: Array = direct) -> Any:
            surprise = xp.sum(-xp.log(xp.sum(p * xp.constant(onehot), axis=-1, keepdims=True)) * m)
            return surprise + xp.sum(xp.constant(direct) * h)

        losses.append(net.let("C", t, of=[p, m, h], be=loss))
    net.let("C", of=losses, be=lambda xp, *losses: sum(losses[1:], losses[0]))
    return net


def directly(world: World, t: int) -> Array:
    """G_t: what reaches h_t from the losses without passing another state."""
    return world.jacobian(("C",), ("h", t), immediate=True)


def step_jacobian(world: World, t: int) -> Array:
    """J_t[i, j] for one sequence: how h_{t,j} moves with h_{t-1,i}, all else of step t fixed."""
    moved = world.jacobian(("h", t), ("h", t - 1), immediate=True)  # (1, H, 1, H)
    return moved[0, :, 0, :].T


@cache
def counted(T: int, B: int, D: int, H: int) -> tuple[int, int]:
    """Operations of the matrix products forward and backward, by PyTorch's counter."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    X, h, W, U = (torch.zeros(s, requires_grad=True) for s in ((T, B, D), (B, H), (D, H), (H, H)))
    with FlopCounterMode(display=False) as counter:
        for x in X:
            h = torch.tanh(x @ W + h @ U)
        forward = counter.get_total_flops()
        h.sum().backward()
        return forward, counter.get_total_flops() - forward


def operations(world: World) -> tuple[int, int]:
    """The same for a world's sizes."""
    T, B, D, H = (world.sizes[n] for n in "TBDH")
    return counted(T, B, D, H)


def rerun(world: World, leaves: dict[Key, Array], constants: dict[Key, Array] | None = None) -> Backend:
    """The world's program with other leaves and constants, run by the world's framework."""
    old = world.program
    world.used_framework = True
    new = Program(old.loss, old.leaves | leaves, old.constants | (constants or {}), old.assignments)
    return BACKENDS[world.framework](new)
