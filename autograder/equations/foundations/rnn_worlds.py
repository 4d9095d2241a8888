"""The worlds of chapter 3: one step, a row of logits, masks, and the framework's own cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.foundations.networks import (
    BATCHES,
    BEYOND,
    SEQUENCES,
    directly,
    masks,
    rerun,
    vanilla,
)
from autograder.equations.program import Array, Program
from autograder.equations.world import Computed, Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator
OVER = {"t": "1..T", r"\beta": "1..B", "k": "1..K", "i": "1..K", "j": "1..K"}
STEPS = [sizes | {"T": 1} for sizes in BATCHES]


@family(BATCHES)
def network(sizes: Sizes, rng: Generator) -> Setting:
    """A batch with masks and the page's loss."""
    program = vanilla(sizes, rng, mask=masks(sizes, rng))
    return Setting(sizes, program, {"G": Indexed(directly)}, BEYOND, OVER)


@family(SEQUENCES)
def sequence(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence; `a` without an index is any number."""
    program = vanilla(sizes, rng)
    program.leaf("a", value=rng.normal())
    return Setting(sizes, program, over=OVER, one_sequence=True)


def torch_cell(world: World) -> Function:
    """PyTorch's own cell with the world's weights, as a function of state and input."""
    import torch

    W, U, b = (torch.tensor(world.value(name)) for name in ("W", "U", "b"))
    cell = torch.nn.RNNCell(world.sizes["D"], world.sizes["H"], dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih[:], cell.weight_hh[:], cell.bias_ih[:], cell.bias_hh[:] = W.T, U.T, b, 0.0

    def step(state: Array, item: Array) -> Array:
        with torch.no_grad():
            return cell(torch.tensor(item), torch.tensor(state)).numpy()

    return Function(step)


@family(BATCHES)
def recurrence(sizes: Sizes, rng: Generator) -> Setting:
    """S_t and X_t for h_t and x_t; f is the cell of PyTorch."""
    values = {
        "S": Indexed(lambda world, t: world.value("h", t)),
        "X": Indexed(lambda world, t: world.value("x", t)),
        "f": Computed(torch_cell),
    }
    return Setting(sizes, vanilla(sizes, rng), values, over=OVER)


def states_of(world: World, t: int) -> Function:
    """h_t(X): the state after step t for other inputs, (T, B, D)."""
    return Function(lambda X: rerun(world, {("x", s + 1): x for s, x in enumerate(X)}).value(("h", t)))


@family(BATCHES)
def without_bias(sizes: Sizes, rng: Generator) -> Setting:
    program = vanilla(sizes, rng, bias=False)
    program.leaves["h", 0] = np.zeros((sizes["B"], sizes["H"]))
    X = rng.normal(size=(sizes["T"], sizes["B"], sizes["D"]))
    return Setting(sizes, program, {"h": Indexed(states_of), "X": X}, over=OVER)


@family(BATCHES)
def blended(sizes: Sizes, rng: Generator) -> Setting:
    """Masks between 0 and 1, which tell the two states apart that a mask chooses from."""
    return Setting(sizes, vanilla(sizes, rng, mask=rng.random((sizes["T"], sizes["B"]))), over=OVER)


@family([*SEQUENCES, SEQUENCES[0] | {"real": 0}])
def padded(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence with gaps, or with no real item. s_n: the state after n steps over the real items alone."""
    mask = masks(sizes, rng) * sizes.get("real", 1)
    program = vanilla(sizes, rng, mask=mask)
    real = [t for t in range(1, sizes["T"] + 1) if mask[t - 1, 0]]

    def short(world: World, n: int) -> Array:
        items = {("x", s): world.value("x", t) for s, t in enumerate(real, start=1)}
        unmasked = {("m", t): np.ones((1, 1)) for t in range(1, sizes["T"] + 1)}
        return rerun(world, items, unmasked).value(("h", n))

    values = {"s": Indexed(short), "n": Indexed(lambda world, t: int(mask[:t].sum()))}
    return Setting(sizes, program, values, over={"t": "0..T"}, one_sequence=True)


@family(BATCHES)
def hoisted(sizes: Sizes, rng: Generator) -> Setting:
    """All inputs under each other, X; their product with W plus b, A, and the rows of step t in it, A_t."""
    net, T, B = vanilla(sizes, rng), sizes["T"], sizes["B"]
    net.let("X", of=[("x", t) for t in range(1, T + 1)], be=lambda xp, *x: xp.join(list(x)))
    net.let("A", of=[("X",), ("W",), ("b",)], be=lambda xp, X, W, b: X @ W + b)
    for t in range(1, T + 1):
        net.let("A", t, of=[("A",)], be=lambda xp, A, t=t: A[(t - 1) * B : t * B])
    return Setting(sizes, net, over=OVER)


@family([{}] * 3)
def slope(sizes: Sizes, rng: Generator) -> Setting:
    """tanh of a number, and the numerator u and denominator v of its definition."""
    net = Program()
    a = net.leaf("a", value=rng.normal())
    net.let("tanh a", of=[a], be=lambda xp, a: xp.tanh(a))
    net.let("u", of=[a], be=lambda xp, a: xp.exp(a) - xp.exp(-a))
    net.let("v", of=[a], be=lambda xp, a: xp.exp(a) + xp.exp(-a))
    values = {f"{n}'": Computed(lambda world, n=n: world.jacobian((n,), ("a",))) for n in "uv"}
    return Setting(sizes, net, values, expressions={r"\tanh a": ("tanh a",)})


@family([{"K": 4, "sure": 0}, {"K": 7, "sure": 0}, {"K": 3, "sure": 6}])
def logits(sizes: Sizes, rng: Generator) -> Setting:
    r"""One row of logits y, right class c; in the last problem the network is nearly certain of it."""
    net, K = Program(), sizes["K"]
    c = int(rng.integers(K))
    onehot = np.eye(K)[[c]]
    y = net.leaf("y", value=rng.normal(size=(1, K)) + sizes["sure"] * onehot)
    net.constant("c", value=c + 1)
    p = net.let("p", of=[y], be=lambda xp, y: xp.softmax(y))
    net.let("Z", of=[y], be=lambda xp, y: xp.sum(xp.exp(y)))
    net.let("C", of=[p], be=lambda xp, p: -xp.log(xp.sum(p * xp.constant(onehot))))
    values = {r"\kappa": rng.normal(), r"\mu": Computed(lambda world: world.value("y").max())}
    return Setting(sizes, net, values, over=OVER, one_sequence=True)


@family(BATCHES)
def mean_loss(sizes: Sizes, rng: Generator) -> Setting:
    """The loss L is the mean over real steps, N of them."""
    mask = masks(sizes, rng)
    net = vanilla(sizes, rng, mask=mask)
    net.loss = net.let("L", of=[("C",)], be=lambda xp, C: C / float(mask.sum()))
    return Setting(sizes, net, {"N": mask.sum()}, over=OVER)


@family(STEPS)
def step(sizes: Sizes, rng: Generator) -> Setting:
    """One step, with a loss that sees its state directly."""
    return Setting(sizes, vanilla(sizes, rng, every_state=True), over=OVER)


@family(STEPS)
def masked_step(sizes: Sizes, rng: Generator) -> Setting:
    """One step with masks between 0 and 1."""
    program = vanilla(sizes, rng, mask=rng.random((1, sizes["B"])), every_state=True)
    return Setting(sizes, program, over=OVER)


@family(BATCHES)
def shared_start(sizes: Sizes, rng: Generator) -> Setting:
    """One first state for all rows of the batch."""
    net = vanilla(sizes, rng, mask=masks(sizes, rng), every_state=True)
    net.leaves.pop(("h", 0))
    shared = net.leaf("h^shared", 0, value=rng.normal(size=sizes["H"]))
    rows = np.zeros((sizes["B"], 1))
    first: dict[Any, Any] = {}
    later, net.assignments = net.assignments, first
    net.let("h", 0, of=[shared], be=lambda xp, shared: shared + xp.constant(rows))
    first.update(later)
    return Setting(sizes, net, over=OVER)
