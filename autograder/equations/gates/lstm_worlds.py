"""The worlds of chapter 6: the carousel and its gates, masks, biases, and the LSTM's relatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.equations.foundations.networks import directly
from autograder.equations.gates.lstm_program import BATCHES, EPSILON, SEQUENCES, logistic, lstm, mask_of
from autograder.equations.program import Array, Program
from autograder.equations.world import Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator


def sigma(a: Array) -> Array:
    """The logistic function, by PyTorch."""
    import torch

    return torch.sigmoid(torch.as_tensor(np.asarray(a))).numpy()


def weight_in_output(world: World, t: int) -> Array:
    """s_t: how h_t moves with c_t in its own step, unit by unit, for one sequence."""
    moved = world.jacobian(("h", t), ("c", t), immediate=True)  # (1, H, 1, H)
    return np.diag(moved[0, :, 0, :])[None]


SYMBOLS: dict[str, Any] = {"G": Indexed(directly), r"\sigma": Function(sigma)}
GATES = [rf"\delta a^{{\text{{{gate}}}}}" for gate in "ifgo"]
BEYOND: dict[str, Any] = dict.fromkeys(
    [*GATES, r"\delta a", r"\delta h", r"\delta c", r"\delta \tilde c", r"\delta q"], 0
)
BEYOND |= {"f": 1, "m": 1}
OVER = {"t": "1..T", r"\beta": "1..B"}


def setting(sizes: Sizes, rng: Generator, **kind: Any) -> Setting:
    return Setting(sizes, lstm(sizes, rng, **kind), SYMBOLS, BEYOND, OVER)


def one_sequence(sizes: Sizes, rng: Generator, **kind: Any) -> Setting:
    values = SYMBOLS | {"I": np.eye(sizes["H"]), "s": Indexed(weight_in_output)}
    return Setting(sizes, lstm(sizes, rng, **kind), values, BEYOND, OVER, one_sequence=True)


@family(SEQUENCES)
def carousel(sizes: Sizes, rng: Generator) -> Setting:
    """No gates."""
    return one_sequence(sizes, rng, gates="")


@family(BATCHES)
def written(sizes: Sizes, rng: Generator) -> Setting:
    """An input gate alone."""
    return setting(sizes, rng, gates="i")


@family(BATCHES)
def network(sizes: Sizes, rng: Generator) -> Setting:
    """The LSTM, a batch without mask."""
    return setting(sizes, rng)


@family(SEQUENCES)
def sequence(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence, for what has Jacobians."""
    return one_sequence(sizes, rng)


@family([{"blend": blend, **sizes} for sizes in BATCHES for blend in (0, 1)])
def masked(sizes: Sizes, rng: Generator) -> Setting:
    """Masks of zeros and ones with gaps, and masks between."""
    return setting(sizes, rng, mask=mask_of(sizes, rng))


@family(BATCHES)
def peepholes(sizes: Sizes, rng: Generator) -> Setting:
    return setting(sizes, rng, peepholes=True)


@family(BATCHES)
def coupled(sizes: Sizes, rng: Generator) -> Setting:
    return setting(sizes, rng, coupled=True)


@family(BATCHES)
def projected(sizes: Sizes, rng: Generator) -> Setting:
    """N numbers in a state; more than H in some of the problems, which no formula minds."""
    return setting(sizes, rng, projection=True)


@family([{}] * 3)
def slope(sizes: Sizes, rng: Generator) -> Setting:
    """The logistic function of a number."""
    net = Program()
    a = net.leaf("a", value=rng.normal())
    net.let(r"\sigma", of=[a], be=logistic)
    return Setting(sizes, net)


@family([{}] * 3)
def fading(sizes: Sizes, rng: Generator) -> Setting:
    """A forget gate's bias, the gate, and the number of steps after which half is left, found by bisection."""
    bias = float(rng.uniform(-1, 5))
    f = float(sigma(np.array(bias)))
    lower, upper = 0.0, 1e4
    while upper - lower > 1e-13 * upper:
        middle = (lower + upper) / 2
        if f**middle > 0.5:
            lower = middle
        else:
            upper = middle
    values = {r"b^{\text{f}}": bias, "f": f, "n": lower, r"\sigma": Function(sigma)}
    return Setting(sizes, None, values)


# --- layer normalisation --------------------------------------------------------------------------------------


@family([{"N": 5}, {"N": 3}, {"N": 8}])
def row(sizes: Sizes, rng: Generator) -> Setting:
    """One row v, its mean, the root of its variance, its normalised entries n, and a loss of these."""
    net, N = Program(), sizes["N"]
    v = net.leaf("v", value=1 + rng.normal(size=(1, N)))
    mu = net.let(r"\mu", of=[v], be=lambda xp, v: xp.sum(v) / N)
    rho = net.let(r"\rho", of=[v, mu], be=lambda xp, v, mu: xp.sqrt(EPSILON + xp.sum((v - mu) * (v - mu)) / N))
    n = net.let("n", of=[v, mu, rho], be=lambda xp, v, mu, rho: (v - mu) / rho)
    direct = rng.normal(size=(1, N))
    net.let("C", of=[n], be=lambda xp, n: xp.sum(xp.constant(direct) * xp.sin(n)))
    return Setting(sizes, net, {r"\varepsilon": EPSILON}, over={"j": "1..N"}, one_sequence=True)


def normalise(v: Array) -> Array:
    """By PyTorch's own layer normalisation."""
    import torch

    return torch.nn.functional.layer_norm(torch.as_tensor(v), v.shape[-1:], eps=EPSILON).numpy()


def normalise_backward(dn: Array, v: Array) -> Array:
    """By PyTorch's gradient of its own layer normalisation."""
    import torch

    leaf = torch.tensor(v, requires_grad=True)
    torch.nn.functional.layer_norm(leaf, v.shape[-1:], eps=EPSILON).backward(torch.as_tensor(dn))
    assert leaf.grad is not None
    return leaf.grad.numpy()


@family(BATCHES)
def layer_normalised(sizes: Sizes, rng: Generator) -> Setting:
    values = SYMBOLS | {r"\mathcal{N}": Function(normalise), r"\mathcal{B}": Function(normalise_backward)}
    return Setting(sizes, lstm(sizes, rng, layer_norm=True), values, BEYOND, OVER)
