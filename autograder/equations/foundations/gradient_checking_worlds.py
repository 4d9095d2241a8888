r"""The worlds of chapter 2: the network of its checks, moved along a direction; smooth functions; models of rounding.

The network's inputs move together along fixed random directions, by one number s. A dot is the derivative by s at
s = 0, by automatic differentiation. Higher derivatives of smooth functions come from values on a circle around the
point (Cauchy's formula); what Taylor's theorem says to exist, \xi or \theta, is searched for in the interval where it
says so, and is not found where the theorem is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autograder.equations.foundations.networks import BATCHES, BEYOND, TIMES, masks, rerun
from autograder.equations.program import Array, Key, Program
from autograder.equations.world import Computed, Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator

ONCE: tuple[Sizes, ...] = ({}, {}, {})


# --- The network -------------------------------------------------------------------------------------


def patient(sizes: Sizes, rng: Generator, moves: str = "xhWUb", mask: Array | None = None) -> tuple[Program, Array]:
    r"""x_t, h_0, W, U, b to a_t, \tilde h_t, h_t and L = sum of R_t * h_t; and the direction of U.

    What `moves` names moves along a random direction with the leaf s, which is 0.
    """
    T, B, D, H = (sizes[n] for n in "TBDH")
    net = Program(loss=("L",))
    s = net.leaf("s", value=0.0)

    def given(*key: Any, value: Array) -> Key:
        direction = rng.normal(size=value.shape)
        directions[key] = direction
        if key[0] not in moves:
            return net.leaf(*key, value=value)
        start = net.leaf("start of", *key, value=value)
        return net.let(*key, of=[start, s], be=partial(_moved, along=direction))

    directions: dict[Key, Array] = {}
    W = given("W", value=rng.normal(size=(D, H)) / np.sqrt(D))
    U = given("U", value=rng.normal(size=(H, H)) / np.sqrt(H))
    b = given("b", value=0.5 * rng.normal(size=H))
    h = given("h", 0, value=rng.uniform(-0.9, 0.9, size=(B, H)))
    parts = []
    for t in range(1, T + 1):
        x = given("x", t, value=rng.normal(size=(B, D)))
        m = net.constant("m", t, value=np.ones((B, 1)) if mask is None else mask[t - 1, :, None])
        R = net.constant("R", t, value=rng.normal(size=(B, H)))
        a = net.let("a", t, of=[x, W, h, U, b], be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)
        new = net.let(r"\tilde h", t, of=[a], be=lambda xp, a: xp.tanh(a))
        h = net.let("h", t, of=[m, new, h], be=lambda xp, m, new, h: m * new + (1.0 - m) * h)
        parts.append(net.let("part of L", t, of=[R, h], be=lambda xp, R, h: xp.sum(R * h)))
    net.let("L", of=parts, be=lambda xp, *parts: sum(parts[1:], parts[0]))
    return net, directions["U",]


def _moved(xp: Any, start: Any, s: Any, *, along: Array) -> Any:
    return start + s * xp.constant(along)


def rate(name: str) -> Computed:
    """What has no time index, differentiated by s."""
    return Computed(lambda world: world.jacobian((name,), ("s",)))


def rates(name: str) -> Indexed:
    return Indexed(lambda world, t: world.jacobian((name, t), ("s",)))


DOTS: dict[str, Any] = {rf"\dot {n}": rate(n) for n in "WUbL"} | {rf"\dot {n}": rates(n) for n in "xha"}


@family(BATCHES)
def network(sizes: Sizes, rng: Generator) -> Setting:
    """Everything moves. n: the parameters, counted."""
    net, _ = patient(sizes, rng)
    n = sum(net.leaves["start of", name].size for name in "WUb")
    return Setting(sizes, net, DOTS | {"n": n}, BEYOND, TIMES)


@family(BATCHES)
def direction(sizes: Sizes, rng: Generator) -> Setting:
    r"""U alone moves, along E. A: somebody's gradient; \Delta: its error."""
    net, E = patient(sizes, rng, moves="U")
    values = {"E": E, "A": rng.normal(size=E.shape), r"\dot L": rate("L")}
    values[r"\Delta"] = Computed(lambda world: world.lookup("A") - world.delta("U"))
    return Setting(sizes, net, values, BEYOND, TIMES)


@family(BATCHES)
def masked(sizes: Sizes, rng: Generator) -> Setting:
    """Masks of zeros and ones, with a gap."""
    return Setting(sizes, patient(sizes, rng, mask=masks(sizes, rng))[0], {}, BEYOND, TIMES)


@family(BATCHES)
def blended(sizes: Sizes, rng: Generator) -> Setting:
    """Masks between 0 and 1, which tell the two states apart that a mask chooses from."""
    return Setting(sizes, patient(sizes, rng, mask=rng.random((sizes["T"], sizes["B"])))[0], {}, BEYOND, TIMES)


@family(({"B": 2, "D": 3, "H": 4}, {"B": 4, "D": 2, "H": 3}, {"B": 1, "D": 4, "H": 2}))
def product(sizes: Sizes, rng: Generator) -> Setting:
    """Y = XW, both moving, and a loss that weighs the entries of Y."""
    B, D, H = (sizes[name] for name in "BDH")
    net = Program(loss=("L",))
    s = net.leaf("s", value=0.0)
    factors = []
    for name, shape in (("X", (B, D)), ("W", (D, H))):
        along = rng.normal(size=shape)
        start = net.leaf("start of", name, value=rng.normal(size=shape))
        factors.append(net.let(name, of=[start, s], be=partial(_moved, along=along)))
    Y = net.let("Y", of=factors, be=lambda xp, X, W: X @ W)
    weights = rng.normal(size=(B, H))
    net.let("L", of=[Y], be=lambda xp, Y: xp.sum(xp.constant(weights) * Y))
    return Setting(sizes, net, {r"\dot X": rate("X"), r"\dot W": rate("W")})


# --- A function of one number ------------------------------------------------------------------------


def derivative(f: Callable[[Any], Any], order: int, z: complex, radius: float = 0.5, points: int = 64) -> complex:
    """The order-th derivative of an analytic function, from its values on a circle: exact to rounding."""
    turns = np.exp(2j * np.pi * np.arange(points) / points)
    values = np.array([f(z + radius * turn) for turn in turns])
    return complex(math.factorial(order) * np.mean(values * turns**-order) / radius**order)


def place(g: Callable[[float], float], low: float, high: float) -> float:
    """A zero of a continuous function between low and high. Raises ValueError where it has none."""
    grid = np.linspace(low, high, 201)
    signs = np.sign([g(x) for x in grid])
    changes = np.flatnonzero(signs[:-1] != signs[1:])
    if not changes.size:
        raise ValueError("there is no such point in the interval")
    left, right = grid[changes[0]], grid[changes[0] + 1]
    rising = g(right) > g(left)
    for _ in range(60):
        middle = (left + right) / 2
        left, right = (left, middle) if (g(middle) > 0) == rising else (middle, right)
    return float((left + right) / 2)


@family(ONCE)
def smooth(sizes: Sizes, rng: Generator) -> Setting:
    r"""f: a sum of tanh; f' by the framework. \xi_1, \xi_2, \theta: where Taylor's theorem says. i: imaginary unit."""
    slopes, offsets, weights = rng.uniform(0.5, 1, size=4), rng.normal(size=4), rng.normal(size=4)
    v, eps = float(rng.normal()), float(rng.uniform(0.3, 0.5))

    def plain(z: Any) -> Any:
        return np.sum(weights * np.tanh(slopes * z + offsets))

    net = Program(loss=("value of f",))
    at = net.leaf("v", value=v)
    net.let(
        "value of f",
        of=[at],
        be=lambda xp, z: xp.sum(xp.constant(weights) * xp.tanh(xp.constant(slopes) * z + xp.constant(offsets))),
    )

    def value(world: World) -> Function:
        def f(z: Any) -> Any:
            return plain(z) if np.iscomplexobj(z) else rerun(world, {("v",): z}).value(("value of f",))

        return Function(f)

    def slope(world: World) -> Function:
        return Function(lambda z: rerun(world, {("v",): z}).jacobian(("value of f",), ("v",)))

    first, third = (derivative(plain, n, v).real for n in (1, 3))
    assert abs(third) > 0.01

    def real(order: int) -> Callable[[float], float]:
        return lambda x: derivative(plain, order, x).real

    def remainder(order: int, step: float) -> float:
        """What is left of f(v + step) after the terms below the order, over step^order / order!."""
        below = sum(derivative(plain, n, v).real * step**n / math.factorial(n) for n in range(order))
        return float((plain(v + step) - below) * math.factorial(order) / step**order)

    def there(order: int, target: float, low: float, high: float) -> float:
        return place(lambda x: real(order)(x) - target, low, high)

    xi_1, xi_2 = there(3, remainder(3, eps), v, v + eps), there(3, remainder(3, -eps), v - eps, v)
    sideways = -6 * (plain(v + 1j * eps).imag / eps - first) / eps**2
    values: dict[str, Any] = {
        "f": Computed(value),
        "f'": Computed(slope),
        "f''": Function(lambda z: derivative(plain, 2, z).real),
        "f'''": Function(lambda z: derivative(plain, 3, z)),
        r"\varepsilon": eps,
        r"\xi_1": xi_1,
        r"\xi_2": xi_2,
        r"\xi_{\text{first}}": there(2, remainder(2, eps), v, v + eps),
        r"\xi": there(3, (real(3)(xi_1) + real(3)(xi_2)) / 2, xi_2, xi_1),
        r"\theta": place(lambda s: derivative(plain, 3, v + 1j * s).real - sideways, 0, eps),
        "i": 1j,
    }
    return Setting(sizes, net, values)


def _first_order(setting: Setting, rng: Generator) -> Setting:
    r"""\xi as in the formulas with f''."""
    return Setting({}, setting.program, {**setting.values, r"\xi": setting.values[r"\xi_{\text{first}}"]})


smooth_twice = smooth.but(_first_order)


@family(ONCE)
def numbers(sizes: Sizes, rng: Generator) -> Setting:
    """Numbers and the imaginary unit."""
    v, w, eps, eta = rng.normal(size=4)
    return Setting(sizes, None, {"v": v, "w": w, r"\varepsilon": eps, r"\eta": eta, "i": 1j})


@family(ONCE)
def logistic(sizes: Sizes, rng: Generator) -> Setting:
    r"""\sigma by the framework's exponential."""
    net = Program(loss=("s",))
    a = net.leaf("a", value=rng.normal())
    net.let("s", of=[a], be=lambda xp, a: 1.0 / (1.0 + xp.exp(-a)))
    sigma = Computed(lambda world: Function(lambda a: rerun(world, {("a",): a}).value(("s",))))
    return Setting(sizes, net, {r"\sigma": sigma})


@family(ONCE)
def kink(sizes: Sizes, rng: Generator) -> Setting:
    """A step that reaches over the kink at 0."""
    eps = rng.uniform(0.5, 1)
    return Setting(sizes, None, {"v": rng.uniform(-eps, eps), r"\varepsilon": eps})


# --- Models of the error, and comparisons ------------------------------------------------------------


def worst_case(difference: Callable[[Any, float, float], Any], wrong: float) -> Callable[[Any], Any]:
    """The largest error of a difference at a step, if each of two values is wrong by up to `wrong`; analytic in it."""

    def error(step: Any) -> Any:
        outcomes = [difference(step, one, other) for one in (-wrong, wrong) for other in (-wrong, wrong)]
        largest = max(outcomes, key=lambda z: abs(np.real(z)))
        return largest if np.real(largest) > 0 else -largest

    return error


def slope_of(error: Callable[[Any], Any]) -> Callable[[Any], float]:
    return lambda step: float(np.imag(error(step + 1e-30j)) / 1e-30)


@family(ONCE)
def rounding(sizes: Sizes, rng: Generator) -> Setting:
    """f, f'', f''' of polynomials at 0, so that remainders have one value; e, e_1: errors in the worst case."""
    f, slope, second, third = rng.normal(size=4)
    u = rng.uniform(0.001, 0.01)

    def cubic(z: Any) -> Any:
        return f + slope * z + second * z**2 / 2 + third * z**3 / 6

    def parabola(z: Any) -> Any:
        return f + slope * z + second * z**2 / 2

    def central(step: Any, one: float, other: float) -> Any:
        return (cubic(step) + one - cubic(-step) - other) / (2 * step) - slope

    def forward(step: Any, one: float, other: float) -> Any:
        return (parabola(step) + one - parabola(0.0) - other) / step - slope

    e, e_1 = worst_case(central, u * abs(f)), worst_case(forward, u * abs(f))
    values = {
        "f": f,
        "f''": second,
        "f'''": third,
        "u": u,
        r"\varepsilon": rng.uniform(0.1, 1),
        "e": Function(e),
        "e'": Function(slope_of(e)),
        "e_1": Function(e_1),
        r"\hat\varepsilon": place(slope_of(e), 1e-3, 10.0),
        r"\varepsilon_1": place(slope_of(e_1), 1e-3, 10.0),
    }
    return Setting(sizes, None, values)


def entries_apart(A: Array, N: Array) -> float:
    """The relative error of two arrays, entry after entry."""
    apart, one, other = (math.sqrt(math.fsum(x * x for x in v.ravel())) for v in (A - N, A, N))
    return apart / (one if one > other else other)


@family(ONCE)
def comparison(sizes: Sizes, rng: Generator) -> Setting:
    A, N = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    return Setting(sizes, None, {"A": A, "N": N, "r": entries_apart(A, N)})


@family(({"c": 1}, {"c": 2}, {"c": 3}, {"c": 4}))
def factor(sizes: Sizes, rng: Generator) -> Setting:
    """A = cN, for factors of both signs, larger and smaller than one."""
    N = rng.normal(size=(3, 4))
    c = {1: -1.0, 2: 2.5, 3: 1 / 3, 4: -0.2}[sizes["c"]]
    return Setting({}, None, {"c": c, "r": entries_apart(c * N, N)})
