"""The worlds of chapter 5: one unit, products of Jacobians, powers of a matrix, frames along a run, clipping."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.equations.foundations.networks import SEQUENCES, UNITS, directly, masks, step_jacobian, vanilla
from autograder.equations.program import Array, Program
from autograder.equations.world import Computed, Expectation, Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator
STEPS = {"t": "1..T", "k": "0..t", "s": "1..T"}
SYMBOLS: dict[str, Any] = {"J": Indexed(step_jacobian), "G": Indexed(directly), r"\gamma": 1.0}


def square(sizes: Sizes, rng: Generator) -> Array:
    return rng.normal(size=(sizes["H"], sizes["H"]))


@family(SEQUENCES)
def sequence(sizes: Sizes, rng: Generator) -> Setting:
    """One sequence of a tanh network. v: any row; g_{t,k}: what the U of step k hears of the loss of step t."""
    values = SYMBOLS | {"v": rng.normal(size=(1, sizes["H"]))}
    values["g"] = Indexed(lambda world, t, k: world.jacobian(("C", t), ("use of U", k)), arity=2)
    return Setting(sizes, vanilla(sizes, rng), values, over=STEPS | UNITS, one_sequence=True)


# --- one unit ------------------------------------------------------------------------------------------------


def one_unit(sizes: Sizes, rng: Generator, tanh: bool) -> Setting:
    """Numbers x_t, w, u, b and h_t."""
    net = Program()
    w, u, b, h = (net.leaf(*key, value=rng.normal()) for key in (("w",), ("u",), ("b",), ("h", 0)))
    for t in range(1, sizes["T"] + 1):
        x = net.leaf("x", t, value=rng.normal())

        def value(xp: Any, x: Any, w: Any, h: Any, u: Any, b: Any) -> Any:
            return xp.tanh(x * w + h * u + b) if tanh else x * w + h * u + b

        h = net.let("h", t, of=[x, w, h, u, b], be=value, state=True)
    return Setting(sizes, net, over={"t": "1..T", "k": "0..t"})


@family([{"T": 4}, {"T": 6}, {"T": 1}])
def linear_unit(sizes: Sizes, rng: Generator) -> Setting:
    return one_unit(sizes, rng, tanh=False)


@family([{"T": 4}, {"T": 6}, {"T": 1}])
def tanh_unit(sizes: Sizes, rng: Generator) -> Setting:
    return one_unit(sizes, rng, tanh=True)


def zero(function: Any, low: float, high: float) -> float:
    """Where an increasing function changes its sign, by halving."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


@family([{}] * 3)
def decay(sizes: Sizes, rng: Generator) -> Setting:
    """u between -1 and 1; n, found by halving: the number of steps after which half is left."""
    u = -rng.uniform(0.3, 0.99)
    return Setting(sizes, values={"u": u, "n": zero(lambda n: 0.5 - abs(u) ** n, 0.0, 1e4)})


@family([{}] * 3)
def fold(sizes: Sizes, rng: Generator) -> Setting:
    """h where the largest b = artanh(h) - u h of the lower branch is, by complex steps and halving."""
    u = rng.uniform(1.3, 4.0)
    slope = lambda h: -(np.arctanh(h + 1e-30j) - u * (h + 1e-30j)).imag / 1e-30  # noqa: E731
    return Setting(sizes, values={"u": u, "h": zero(slope, -1 + 1e-12, -1e-12)})


# --- products of Jacobians -----------------------------------------------------------------------------------


@family(SEQUENCES)
def linear(sizes: Sizes, rng: Generator) -> Setting:
    """Without tanh, with a bias."""
    return Setting(sizes, vanilla(sizes, rng, tanh=False), over=STEPS, one_sequence=True)


@family(SEQUENCES[:2])
def orthogonal(sizes: Sizes, rng: Generator) -> Setting:
    Q, _ = np.linalg.qr(square(sizes, rng))
    return Setting(sizes, vanilla(sizes, rng, U=Q), SYMBOLS, over=STEPS, one_sequence=True)


@family(SEQUENCES)
def sigmoid(sizes: Sizes, rng: Generator) -> Setting:
    """A sigmoid network of small inputs, so that slopes are near the largest, 1/4; U is half an orthogonal matrix."""
    H = sizes["H"]
    net = Program()
    U = net.leaf("U", value=0.5 * np.linalg.qr(square(sizes, rng))[0])
    h = net.leaf("h", 0, value=rng.random((1, H)))
    for t in range(1, sizes["T"] + 1):
        a = net.leaf("a", t, value=0.2 * rng.normal(size=(1, H)))
        h = net.let("h", t, of=[a, h, U], be=lambda xp, a, h, U: 1.0 / (1.0 + xp.exp(-a - h @ U)), state=True)
    return Setting(sizes, net, SYMBOLS | {r"\gamma": 0.25}, over=STEPS, one_sequence=True)


@family(SEQUENCES)
def masked(sizes: Sizes, rng: Generator) -> Setting:
    """A mask with a gap."""
    values = SYMBOLS | {"I": np.eye(sizes["H"])}
    return Setting(sizes, vanilla(sizes, rng, mask=masks(sizes, rng)), values, over=STEPS, one_sequence=True)


@family([{"T": 5, "B": 1, "D": 1, "H": 2, "K": 3}] * 3)
def bump(sizes: Sizes, rng: Generator) -> Setting:
    """The page's two units, with any inputs."""
    U = np.array([[4.0, 4.0], [-4.0, -4.0]])
    over = STEPS | {"k": "0..t-1"}
    return Setting(sizes, vanilla(sizes, rng, U=U), SYMBOLS, over=over, one_sequence=True)


@family(SEQUENCES)
def leaky(sizes: Sizes, rng: Generator) -> Setting:
    r"""h_t = (1 - \alpha) h_{t-1} + \alpha \tilde h_t."""
    alpha = rng.uniform(0.1, 0.9)
    mask = np.full((sizes["T"], 1), alpha)  # a mask between 0 and 1 is a leak
    values = SYMBOLS | {"I": np.eye(sizes["H"]), r"\alpha": alpha}
    return Setting(sizes, vanilla(sizes, rng, mask=mask), values, over=STEPS, one_sequence=True)


# --- powers of one matrix ------------------------------------------------------------------------------------


@family([{"H": 4}, {"H": 3}, {"H": 5}])
def matrix(sizes: Sizes, rng: Generator) -> Setting:
    r"""U with real eigenvalues \Lambda and eigenvectors S, v the first of these."""
    H = sizes["H"]
    S = square(sizes, rng)
    spectrum = rng.uniform(-0.95, 0.95, size=H)
    U = np.linalg.inv(S) @ np.diag(spectrum) @ S
    values = {"U": U, "S": S, r"\Lambda": np.diag(spectrum), "v": S[:1]}
    values |= {r"\varrho": np.abs(spectrum).max(), r"\kappa": np.linalg.cond(S), r"\lambda": spectrum[0]}
    return Setting(sizes, values=values, over={"n": "0..6"})


@family([{"H": 4, "N": 1}, {"H": 3, "N": 300}])
def resolvent(sizes: Sizes, rng: Generator) -> Setting:
    """U with powers of norms near M, z a little or far outside the unit circle."""
    Q, _ = np.linalg.qr(square(sizes, rng))
    U = 0.9 * Q
    norms = [np.linalg.norm(np.linalg.matrix_power(U, n), 2) for n in range(100)]
    z = (1 + 0.1 * sizes["N"]) * np.exp(1j * rng.uniform(0, 3))
    return Setting(sizes, values={"U": U, "I": np.eye(sizes["H"]), "M": max(norms), "z": z})


@matrix.but
def spectrum(setting: Setting, rng: Generator) -> Setting:
    r"""Any U, \lambda its eigenvalues."""
    U = square(setting.sizes, rng)
    return replace(setting, values={"U": U, r"\lambda": np.linalg.eigvals(U)}, over={})


@family([{}] * 3)
def block(sizes: Sizes, rng: Generator) -> Setting:
    r"""\lambda between 0 and 1, and any c."""
    return Setting(sizes, values={r"\lambda": rng.uniform(0.2, 0.9), "c": rng.normal()}, over={"n": "0..8"})


@family([{}] * 3)
def peak(sizes: Sizes, rng: Generator) -> Setting:
    r"""The n at which n \lambda^{n-1} is largest, by complex steps and halving."""
    u = rng.uniform(0.2, 0.99)
    falls = lambda n: -((n + 1e-30j) * u ** (n + 1e-30j - 1)).imag / 1e-30  # noqa: E731
    return Setting(sizes, values={r"\lambda": u, "n": zero(falls, 0.01, 300.0), "e": np.e})


def gelfand(world: World) -> list[tuple[Any, Any]]:
    """n = 2^40 by squaring, each square divided by its norm: the n-th root is the radius to rounding."""
    U = world.lookup("U")
    power, log = U, 0.0
    for k in range(40):
        size = np.linalg.norm(power, 2)
        log, power = log + np.log(size) / 2**k, (power / size) @ (power / size)
    return [(np.exp(log), np.abs(np.linalg.eigvals(U)).max())]


@family([{}] * 3)
def slopes(sizes: Sizes, rng: Generator) -> Setting:
    r"""Any a; \sigma by the tanh of half of it."""
    return Setting(sizes, values={"a": rng.normal() + 0.5, r"\sigma": Function(lambda a: np.tanh(a / 2) / 2 + 0.5)})


# --- Lyapunov exponents --------------------------------------------------------------------------------------


def frames(world: World, t: int) -> tuple[Array, Array]:
    """Q_t and L_t: the rows of Q_{t-1} J_t made orthonormal one after the other (Gram and Schmidt)."""
    if t == 0:
        return world.lookup("A"), np.eye(world.sizes["H"])
    rows = world.lookup("Q", (t - 1,)) @ world.lookup("J", (t,))
    Q, L = np.zeros_like(rows), np.zeros_like(rows)
    for i, row in enumerate(rows):
        for _ in range(2):  # twice is enough
            for j in range(i):
                share = row @ Q[j]
                L[i, j] += share
                row = row - share * Q[j]
        L[i, i] = np.linalg.norm(row)
        Q[i] = row / L[i, i]
    return Q, L


def exponents(world: World) -> Array:
    """From one triangle of the whole product, without the steps."""
    product = world.lookup("A")
    for t in range(1, world.sizes["n"] + 1):
        product = product @ world.lookup("J", (t,))
    return np.log(np.abs(np.diag(np.linalg.qr(product.T)[1]))) / world.sizes["n"]


@family(SEQUENCES)
def run(sizes: Sizes, rng: Generator) -> Setting:
    """A = Q_0, Q_t, L_t and the estimated exponents of n = T steps."""
    values = SYMBOLS | {"A": np.linalg.qr(square(sizes, rng))[0], "I": np.eye(sizes["H"])}
    values["Q"] = Indexed(lambda world, t: frames(world, t)[0])
    values["L"] = Indexed(lambda world, t: frames(world, t)[1])
    values[r"\hat\lambda"] = Computed(exponents)
    sizes = sizes | {"n": sizes["T"]}
    return Setting(sizes, vanilla(sizes, rng), values, over={"t": "1..T", "i": "1..H"}, one_sequence=True)


@family(SEQUENCES[:2])
def decomposed(sizes: Sizes, rng: Generator) -> Setting:
    r"""P = J_1 … J_T, \sigma_1 and v_1 from the eigenvectors of P^T P."""

    def P(world: World) -> Array:
        product = np.eye(sizes["H"])
        for t in range(1, sizes["T"] + 1):
            product = product @ world.lookup("J", (t,))
        return product

    def largest(world: World) -> Any:
        return np.linalg.eigh(world.lookup("P").T @ world.lookup("P"))

    values = SYMBOLS | {"P": Computed(P)}
    values[r"\sigma_1"] = Computed(lambda world: float(np.sqrt(largest(world)[0][-1])))
    values["v_1"] = Computed(lambda world: largest(world)[1][:, -1][None])
    return Setting(sizes, vanilla(sizes, rng), values, over=STEPS, one_sequence=True)


# --- clipping, initialisation, baselines ---------------------------------------------------------------------


def by_torch(g: Array, theta: float, value: bool) -> Array:
    """The gradient clipped by PyTorch's function."""
    import torch

    parameter = torch.zeros(g.shape, dtype=torch.float64)
    parameter.grad = torch.tensor(g)
    if value:
        torch.nn.utils.clip_grad_value_(parameter, theta)
        return parameter.grad.numpy()
    norm = float(torch.linalg.vector_norm(parameter.grad))
    # clip_grad_norm_ divides by norm + 1e-6; asked for that much more, it divides by the norm
    torch.nn.utils.clip_grad_norm_(parameter, theta * (norm + 1e-6) / norm if norm > theta else np.inf)
    return parameter.grad.numpy()


@family([SEQUENCES[0] | {"N": 6}, SEQUENCES[1] | {"N": 9}, SEQUENCES[2] | {"N": 4}])
def clipped(sizes: Sizes, rng: Generator) -> Setting:
    r"""g: all gradients of a network as one row, \theta below its norm, in one problem above."""

    def g(world: World) -> Array:
        return np.concatenate([world.delta(name).ravel() for name in ("W", "U", "b", "V", "b_y")])

    theta = {6: 0.2, 9: 0.05, 4: 50.0}[sizes["N"]]
    values = {"g": Computed(g), r"\theta": theta}
    values[r"\hat g"] = Computed(lambda world: by_torch(g(world), theta, value=False))
    values[r"\bar g"] = Computed(lambda world: by_torch(g(world), theta, value=True))
    return Setting(sizes, vanilla(sizes, rng), values, over={"i": "1..N"})


@family([{"B": 1, "H": 2}, {"B": 1, "H": 3}])
def draws(sizes: Sizes, rng: Generator) -> Setting:
    r"""U of random signs times g / sqrt(H), all outcomes; any row of states and any gradient."""
    H, g = sizes["H"], 1.7
    signs = [np.reshape(s, (H, H)) for s in itertools.product((-1.0, 1.0), repeat=H * H)]
    U = Computed(lambda world: signs[world.outcome or 0] * g / np.sqrt(H))
    values = {"U": U, "g": g, "h": rng.normal(size=(1, H)), r"\delta a": rng.normal(size=(1, H))}
    values[r"\mathbb{E}"] = Expectation(range(len(signs)))
    return Setting(sizes, values=values, over={"j": "1..H"}, one_sequence=True)


@family([{"T": 4, "S": 3, "K": 4}, {"T": 1, "S": 2, "K": 5}, {"T": 50, "S": 10, "K": 8}])
def copy_task(sizes: Sizes, rng: Generator) -> Setting:
    """C: the mean cross-entropy of one who is certain of blanks and knows nothing of letters, class by class."""
    T, S, K = (sizes[n] for n in "TSK")
    p = np.zeros((T + 2 * S, K + 1))
    p[: T + S, 0], p[T + S :, 1:] = 1, 1 / K
    classes = np.concatenate([np.zeros(T + S, int), rng.integers(1, K + 1, size=S)])
    return Setting(sizes, values={"C": -np.mean(np.log(p[np.arange(T + 2 * S), classes]))})
