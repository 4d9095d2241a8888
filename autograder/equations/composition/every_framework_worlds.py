"""The worlds of chapter 10: an LSTM in two orders of gates, PyTorch's GRU cell, and two optimisers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from autograder.equations.foundations.networks import BATCHES, masks
from autograder.equations.program import Array, Program
from autograder.equations.world import Function, Indexed, Setting, World, family

Sizes = dict[str, int]
Generator = np.random.Generator
TIMES = {"t": "1..T"}
OURS, THEIRS = "ifgo", "iofg"


def permutation(H: int) -> Array:
    """A row times this is the row with blocks of H in ONNX's order, found by moving numbers from place to place."""
    names = [(gate, unit) for gate in OURS for unit in range(H)]
    places = [names.index((gate, unit)) for gate in THEIRS for unit in range(H)]
    return np.eye(len(names))[places].T


def in_our_order(xp: Any, hat: Any) -> Any:
    """Blocks of the last axis, picked one by one."""
    H = hat.shape[-1] // 4
    return xp.join([hat[..., k * H : (k + 1) * H] for k in (THEIRS.index(gate) for gate in OURS)], axis=-1)


def lstm(sizes: Sizes, rng: Generator) -> Program:
    r"""x_t, h_0, c_0, theirs \hat W, \hat U, \hat b to W, U, b, and a_t, c_t, h_t in our order, and C; masked."""
    T, B, D, H = (sizes[n] for n in "TBDH")
    mask = masks(sizes, rng)
    net = Program()
    shapes = {"W": (D, 4 * H), "U": (H, 4 * H), "b": (4 * H,)}
    ours = {}
    for name, shape in shapes.items():
        theirs = net.leaf(rf"\hat {name}", value=0.6 * rng.normal(size=shape))
        ours[name] = net.let(name, of=[theirs], be=in_our_order)
    h = net.leaf("h", 0, value=rng.uniform(-0.9, 0.9, size=(B, H)))
    c = net.leaf("c", 0, value=rng.normal(size=(B, H)))
    losses = []
    for t in range(1, T + 1):
        x = net.leaf("x", t, value=rng.normal(size=(B, D)))
        m = net.constant("m", t, value=mask[t - 1, :, None])
        of_a = [x, ours["W"], h, ours["U"], ours["b"]]
        a = net.let("a", t, of=of_a, be=lambda xp, x, W, h, U, b: x @ W + h @ U + b)

        def cell(xp: Any, a: Any, c: Any, m: Any) -> Any:
            i, f, g = (a[:, k * H : (k + 1) * H] for k in range(3))
            new = c / (1 + xp.exp(-f)) + xp.tanh(g) / (1 + xp.exp(-i))
            return m * new + (1.0 - m) * c

        def output(xp: Any, a: Any, c: Any, h: Any, m: Any) -> Any:
            return m * xp.tanh(c) / (1 + xp.exp(-a[:, 3 * H :])) + (1.0 - m) * h

        c = net.let("c", t, of=[a, c, m], be=cell, state=True)
        h = net.let("h", t, of=[a, c, h, m], be=output, state=True)
        weights = rng.normal(size=(B, H))
        losses.append(net.let("C", t, of=[h], be=lambda xp, h, w=weights: xp.sum(xp.constant(w) * h)))
    net.let("C", of=losses, be=lambda xp, *losses: sum(losses[1:], losses[0]))
    return net


@family(BATCHES)
def two_orders(sizes: Sizes, rng: Generator) -> Setting:
    """One LSTM and its parameters in two orders; g: any row of 4H numbers."""
    H = sizes["H"]
    one = np.array([[float(ours == theirs) for theirs in THEIRS] for ours in OURS])
    values = {"P": permutation(H), "S": one, "I": np.eye(4 * H), "g": rng.normal(size=(3, 4 * H))}
    return Setting(sizes, lstm(sizes, rng), values, over=TIMES)


@family(BATCHES)
def blocks(sizes: Sizes, rng: Generator) -> Setting:
    """P entry by entry; I is the identity of one block."""
    H = sizes["H"]
    one = np.array([[float(ours == theirs) for theirs in THEIRS] for ours in OURS])
    over = {"j": "1..4", "k": "1..4", "p": "1..H", "q": "1..H"}
    return Setting(sizes, None, {"P": permutation(H), "S": one, "I": np.eye(H)}, over=over)


@family(BATCHES)
def two_biases(sizes: Sizes, rng: Generator) -> Setting:
    """δb of the program; the gradients of the two biases by torch.nn.LSTM, unmasked, with the same numbers."""
    T, H = sizes["T"], sizes["H"]
    net = lstm(sizes, rng)
    for t in range(1, T + 1):
        net.constants["m", t] = np.ones((sizes["B"], 1))
    P = permutation(H)
    layer = torch.nn.LSTM(sizes["D"], H, dtype=torch.float64)
    W, U, b = (torch.tensor((net.leaves[rf"\hat {name}",] @ P.T).T) for name in "WUb")
    layer.load_state_dict({"weight_ih_l0": W, "weight_hh_l0": U, "bias_ih_l0": 0.3 * b, "bias_hh_l0": 0.7 * b})
    X = torch.tensor(np.stack([net.leaves["x", t] for t in range(1, T + 1)]))
    start = tuple(torch.tensor(net.leaves[name, 0])[None] for name in "hc")
    states, _ = layer(X, start)
    # The weights of the losses, read off the program: what C_t moves by when h_t does.
    world = World(Setting(sizes, net), "pytorch")
    weights = np.stack([world.jacobian(("C", t), ("h", t)) for t in range(1, T + 1)])
    (states * torch.tensor(weights)).sum().backward()
    gradients = {name: np.array(parameter.grad) for name, parameter in layer.named_parameters()}
    values = {rf"\delta b_{{\text{{{of}}}}}": gradients[f"bias_{of}_l0"] for of in ("ih", "hh")}
    return Setting(sizes, net, values)


def gru(sizes: Sizes, rng: Generator, recovered: bool) -> Setting:
    r"""torch.nn.GRUCell over T steps. n_t: computed, or recovered from the states that the cell gives."""
    T, B, D, H = (sizes[n] for n in "TBDH")
    cell = torch.nn.GRUCell(D, H, dtype=torch.float64)
    parameters = [torch.tensor(0.6 * rng.normal(size=tuple(p.shape))) for p in cell.parameters()]
    with torch.no_grad():
        for parameter, value in zip(cell.parameters(), parameters, strict=True):
            parameter.copy_(value)
    W, U = (value.numpy().T for value in parameters[:2])
    of_x, of_h = (value.numpy() for value in parameters[2:])
    X = rng.normal(size=(T, B, D))
    h, z, n, r = [rng.uniform(-0.9, 0.9, size=(B, H))], [], [], []
    for x in X:
        from_x, from_h = x @ W + of_x, h[-1] @ U + of_h
        gates = torch.sigmoid(torch.tensor(from_x + from_h)).numpy()
        r.append(gates[:, :H])
        z.append(gates[:, H : 2 * H])
        with torch.no_grad():
            new = cell(torch.tensor(x), torch.tensor(h[-1])).numpy()
        candidate = np.tanh(from_x[:, 2 * H :] + r[-1] * from_h[:, 2 * H :])
        n.append((new - z[-1] * h[-1]) / (1 - z[-1]) if recovered else candidate)
        h.append(new)
    values: dict[str, Any] = {
        "W_n": W[:, 2 * H :],
        "U_n": U[:, 2 * H :],
        "b_n": of_x[2 * H :],
        "c": of_h[2 * H :],
        "x": Indexed(lambda world, t: X[t - 1]),
        "h": Indexed(lambda world, t: h[t]),
        "r": Indexed(lambda world, t: r[t - 1]),
        "z": Indexed(lambda world, t: z[t - 1]),
        r"\hat z": Indexed(lambda world, t: 1 - z[t - 1]),
        "n": Indexed(lambda world, t: n[t - 1]),
    }
    return Setting(sizes, None, values, over=TIMES)


@family(BATCHES)
def gru_states(sizes: Sizes, rng: Generator) -> Setting:
    return gru(sizes, rng, recovered=False)


@family(BATCHES)
def gru_candidates(sizes: Sizes, rng: Generator) -> Setting:
    return gru(sizes, rng, recovered=True)


@family([{}] * 3)
def sigmoids(sizes: Sizes, rng: Generator) -> Setting:
    """One number a; σ by PyTorch."""
    sigma = Function(lambda a: torch.sigmoid(torch.tensor(float(a), dtype=torch.float64)).item())
    return Setting(sizes, None, {"a": 2 * rng.normal(), r"\sigma": sigma})


@family([{"H": 4}, {"H": 2}, {"H": 7}])
def one_state(sizes: Sizes, rng: Generator) -> Setting:
    """One row of states and gates, and a matrix."""
    H = sizes["H"]
    h, r, M = (torch.tensor(rng.normal(size=size)) for size in ((1, H), (1, H), (H, H)))
    values = {
        "h": h,
        "r": r,
        "M": M,
        "s": torch.einsum("bi,bi,ij->bj", r, h, M),
        "q": torch.nn.functional.linear(h, M.T),
    }
    arrays = {name: value.numpy() for name, value in values.items()}
    return Setting(sizes, None, arrays, over={"j": "1..H"}, one_sequence=True)


# --- Adam ----------------------------------------------------------------------------------------------------

STEPS = 5
# Exact in 32 bits, in which Keras holds them; epsilon is large enough to be noticed.
RATE, BETA_1, BETA_2, EPSILON = 2**-4, 0.875, 1 - 2**-5, 0.125


@cache
def trained(N: int, by: str) -> tuple[Array, ...]:
    """Gradients g (STEPS, N), and θ, m and v after 0, 1, … steps (STEPS + 1, N), of PyTorch's or Keras's Adam."""
    rng = np.random.default_rng(N)
    g, theta = rng.normal(size=(STEPS, N)), [rng.normal(size=N)]
    m, v = [np.zeros(N)], [np.zeros(N)]
    if by == "pytorch":
        parameter = torch.nn.Parameter(torch.tensor(theta[0]))
        adam = torch.optim.Adam([parameter], RATE, (BETA_1, BETA_2), EPSILON)
        for gradient in g:
            parameter.grad = torch.tensor(gradient)
            adam.step()
            theta.append(parameter.detach().numpy().copy())
            m.append(adam.state[parameter]["exp_avg"].numpy().copy())
            v.append(adam.state[parameter]["exp_avg_sq"].numpy().copy())
    else:
        import tensorflow as tf

        variable = tf.Variable(theta[0])
        optimizer = tf.keras.optimizers.Adam(RATE, BETA_1, BETA_2, EPSILON)
        for gradient in g:
            optimizer.apply([tf.constant(gradient)], [variable])
            theta.append(variable.numpy())
            m.append(optimizer.variables[2].numpy())
            v.append(optimizer.variables[3].numpy())
    return g, np.array(theta), np.array(m), np.array(v)


def adam(sizes: Sizes, by: str) -> Setting:
    g, theta, m, v = trained(sizes["N"], by)

    def recovered(world: World, k: int) -> float:
        """What Keras's form would need for ε to make PyTorch's step, from the step that moves most."""
        step = theta[k - 1] - theta[k]
        j = int(np.argmax(np.abs(step)))
        rate = RATE * np.sqrt(1 - BETA_2**k) / (1 - BETA_1**k)
        return rate * m[k][j] / step[j] - np.sqrt(v[k][j])

    values = {
        r"\beta_1": BETA_1,
        r"\beta_2": BETA_2,
        r"\eta": RATE,
        r"\varepsilon": EPSILON,
        "g": Indexed(lambda world, k: g[k - 1]),
        r"\theta": Indexed(lambda world, k: theta[k]),
        "m": Indexed(lambda world, k: m[k]),
        "v": Indexed(lambda world, k: v[k]),
    }
    values[r"\hat \varepsilon"] = EPSILON if by == "keras" else Indexed(recovered)
    return Setting(sizes, None, values, over={"k": f"1..{STEPS}"})


@family([{"N": 3}, {"N": 6}])
def adam_of_pytorch(sizes: Sizes, rng: Generator) -> Setting:
    return adam(sizes, "pytorch")


@family([{"N": 3}, {"N": 6}])
def adam_of_keras(sizes: Sizes, rng: Generator) -> Setting:
    return adam(sizes, "keras")
