"""The layers that bench_recurrent.py compares, each as a pair of functions: forward, and forward + backward.

All compute the same thing from the same weights (the benchmark checks it): H (T, B, H) in float32, and the
gradients of Σ G ⊙ H with respect to the input and every parameter. What is general knowledge about each library is
used in its favour: input product hoisted where that is what is measured, no gradient bookkeeping in a bare forward.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


class Problem(NamedTuple):
    """One layer's arguments; W (D, nH), U (H, nH), b (nH,), and for the GRU c (H,)."""

    cell: str
    X: np.ndarray
    G: np.ndarray
    parameters: dict[str, np.ndarray]


class Contender(NamedTuple):
    """`forward()` returns H as anything NumPy can read; `both()` whatever keeps the gradients alive."""

    forward: Callable[[], Any]
    both: Callable[[], Any]


class Unavailable(Exception):
    """This contender cannot run here, and why; nothing where it does not apply."""


def problem(cell: str, T: int, B: int, H: int) -> Problem:
    """D = H, weights of the usual size, everything float32."""
    rng, n = np.random.default_rng(0), GATES[cell]
    parameters = {
        "W": rng.normal(size=(H, n * H)) / np.sqrt(H),
        "U": rng.normal(size=(H, n * H)) / np.sqrt(H),
        "b": rng.normal(size=n * H),
    } | ({"c": rng.normal(size=H)} if cell == "GRU" else {})
    X, G = rng.normal(size=(2, T, B, H)).astype("float32")
    return Problem(cell, X, G, {name: value.astype("float32") for name, value in parameters.items()})


def products(p: Problem) -> Contender:
    """The matrix products alone, by NumPy, into memory that is already there: what no implementation in NumPy avoids.

    X W at once; h U a step; and back, δa Uᵀ a step; δa Wᵀ, Xᵀ δa and H₋ᵀ δa at once.
    """
    T, B, H = p.X.shape
    W, U = p.parameters["W"], p.parameters["U"]
    W_T, U_T = np.ascontiguousarray(W.T), np.ascontiguousarray(U.T)
    X, rows = p.X, T * B
    states, dA = (
        np.random.default_rng(1).normal(size=X.shape).astype("float32"),
        np.empty((T, B, W.shape[1]), "float32"),
    )
    dA[:] = np.random.default_rng(2).normal(size=W.shape[1])
    A, a, dh, dX, dW = np.empty_like(dA), np.empty_like(dA[0]), np.empty_like(X[0]), np.empty_like(X), np.empty_like(W)

    def forward() -> None:
        np.matmul(X.reshape(rows, H), W, out=A.reshape(rows, -1))
        for t in range(T):
            np.matmul(states[t], U, out=a)

    def both() -> None:
        forward()
        for t in range(T):
            np.matmul(dA[t], U_T, out=dh)
        np.matmul(dA.reshape(rows, -1), W_T, out=dX.reshape(rows, H))
        np.matmul(X.reshape(rows, H).T, dA.reshape(rows, -1), out=dW)
        np.matmul(states.reshape(rows, H).T, dA.reshape(rows, -1), out=dW)

    return Contender(forward, both)


def our_layer(p: Problem) -> Any:
    """The layer of autograder.recurrent."""
    from autograder.recurrent.gru import GRU
    from autograder.recurrent.lstm import LSTM
    from autograder.recurrent.vanilla import VanillaRNN

    return {"LSTM": LSTM, "GRU": GRU, "RNN": VanillaRNN}[p.cell](**p.parameters)


def ours(p: Problem) -> Contender:
    """autograder.recurrent."""
    layer = our_layer(p)
    return Contender(lambda: layer.forward(p.X).H, lambda: layer.backward(layer.forward(p.X), p.G))


def teaching(p: Problem, two_branches: bool = False) -> Contender:
    """The LSTM as courses write it in NumPy: a product a gate on [h; x], σ by exp, one step at a time.

    `two_branches`: with the σ that many of them teach against overflow, one formula a sign, chosen by a mask.
    """
    if p.cell != "LSTM":
        raise Unavailable  # written for the LSTM only
    T, B, H = p.X.shape
    weights = [
        np.concatenate([u, w]) for w, u in zip(*(np.split(p.parameters[k], 4, axis=1) for k in ("W", "U")), strict=True)
    ]
    biases = np.split(p.parameters["b"], 4)

    def sigmoid(a: np.ndarray) -> np.ndarray:
        if not two_branches:
            return 1 / (1 + np.exp(-a))
        positive = a >= 0
        z, top = np.zeros_like(a), np.ones_like(a)
        z[positive] = np.exp(-a[positive])
        z[~positive] = np.exp(a[~positive])
        top[~positive] = z[~positive]
        return top / (1 + z)

    def run() -> tuple[np.ndarray, list]:
        h, c = np.zeros((2, B, H), "float32")
        outputs, caches = np.zeros((T, B, H), "float32"), []
        for t in range(T):
            joined = np.concatenate([h, p.X[t]], axis=1)
            i = sigmoid(joined @ weights[0] + biases[0])
            f = sigmoid(joined @ weights[1] + biases[1])
            g = np.tanh(joined @ weights[2] + biases[2])
            o = sigmoid(joined @ weights[3] + biases[3])
            c_prev, c = c, f * c + i * g
            h = o * np.tanh(c)
            outputs[t] = h
            caches.append((joined, i, f, g, o, c_prev, c))
        return outputs, caches

    def both() -> list:
        _, caches = run()
        d_weights, d_biases = [np.zeros_like(w) for w in weights], [np.zeros_like(b) for b in biases]
        dX, dh_next, dc_next = np.zeros_like(p.X), *np.zeros((2, B, H), "float32")
        for t in reversed(range(T)):
            joined, i, f, g, o, c_prev, c = caches[t]
            dh = p.G[t] + dh_next
            dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)
            das = [
                dc * g * i * (1 - i),
                dc * c_prev * f * (1 - f),
                dc * i * (1 - g**2),
                dh * np.tanh(c) * o * (1 - o),
            ]
            d_joined = np.zeros_like(joined)
            for k, da in enumerate(das):
                d_weights[k] += joined.T @ da
                d_biases[k] += da.sum(axis=0)
                d_joined += da @ weights[k].T
            dh_next, dX[t] = d_joined[:, :H], d_joined[:, H:]
            dc_next = dc * f
        return [dX, *d_weights, *d_biases]

    return Contender(lambda: run()[0], both)


def torch_step(cell: str, xW: Any, h: Any, c: Any, U: Any, c_n: Any) -> tuple[Any, Any]:
    """One step of a cell in PyTorch from xW = x W + b; c is passed through where there is none."""
    import torch

    if cell == "RNN":
        return torch.tanh(xW + h @ U), c
    if cell == "LSTM":
        i, f, g, o = (xW + h @ U).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
    (x_r, x_z, x_n), (u_r, u_z, u_n) = xW.chunk(3, dim=1), (h @ U).chunk(3, dim=1)
    z = torch.sigmoid(x_z + u_z)
    n = torch.tanh(x_n + torch.sigmoid(x_r + u_r) * (u_n + c_n))
    return n + z * (h - n), c


def _torch_contender(run: Callable, leaves: list, G: Any, device: str) -> Contender:
    import torch

    def wait(value: Any) -> Any:
        if device == "cuda":
            torch.cuda.synchronize()
        return value

    def forward() -> Any:
        with torch.no_grad():
            return wait(run()).cpu() if device == "cuda" else run()

    return Contender(forward, lambda: wait(torch.autograd.grad(run(), leaves, G)))


def torch_loop(p: Problem, hoisted: bool = True, compiled: bool = False, device: str = "cpu") -> Contender:
    """A hand-written loop over `torch_step`, the input product step by step or hoisted, the step compiled or not."""
    import torch

    leaves = {k: torch.tensor(v, requires_grad=True, device=device) for k, v in ({"X": p.X} | p.parameters).items()}
    W, U, b, c_n = (leaves.get(k) for k in ("W", "U", "b", "c"))
    zeros = torch.zeros(p.X.shape[1:], device=device)
    step = torch_step
    if compiled:
        import torch._inductor.config as inductor

        inductor.compile_threads = 1
        torch._dynamo.reset()
        step = torch.compile(torch_step, dynamic=False)

    def run() -> Any:
        h, c, X, states = zeros, zeros, leaves["X"], []
        inputs = X @ W + b if hoisted else (x @ W + b for x in X)
        for xW in inputs:
            h, c = step(p.cell, xW, h, c, U, c_n)
            states.append(h)
        return torch.stack(states)

    return _torch_contender(run, list(leaves.values()), torch.tensor(p.G, device=device), device)


def torch_layer(p: Problem, device: str = "cpu") -> Contender:
    """torch.nn.LSTM, GRU or RNN (cuDNN's on a GPU)."""
    import torch

    H = p.X.shape[2]
    layer = getattr(torch.nn, p.cell)(H, H)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(p.parameters["W"].T))
        layer.weight_hh_l0.copy_(torch.tensor(p.parameters["U"].T))
        layer.bias_ih_l0.copy_(torch.tensor(p.parameters["b"]))
        layer.bias_hh_l0.zero_()
        if p.cell == "GRU":
            layer.bias_hh_l0[2 * H :] = torch.tensor(p.parameters["c"])
    layer.to(device)
    X = torch.tensor(p.X, requires_grad=True, device=device)
    return _torch_contender(lambda: layer(X)[0], [X, *layer.parameters()], torch.tensor(p.G, device=device), device)


def keras_layer(p: Problem, graph: bool) -> Contender:
    """keras.layers.LSTM, GRU or SimpleRNN on TensorFlow, called eagerly or inside tf.function; batch first."""
    import keras
    import tensorflow as tf

    H = p.X.shape[2]
    layer = getattr(keras.layers, "SimpleRNN" if p.cell == "RNN" else p.cell)(H, return_sequences=True)
    X, G = (tf.constant(a.swapaxes(0, 1).copy()) for a in (p.X, p.G))
    layer.build(X.shape)
    weights = [p.parameters[k] for k in ("W", "U", "b")]
    if p.cell == "GRU":  # Keras: z before r, and two biases

        def z_first(a: np.ndarray) -> np.ndarray:
            r, z, n = np.split(a, 3, axis=-1)
            return np.concatenate([z, r, n], axis=-1)

        W, U, b = map(z_first, weights)
        weights = [W, U, np.stack([b, np.concatenate([np.zeros(2 * H, "float32"), p.parameters["c"]])])]
    layer.set_weights(weights)

    def run() -> Any:
        return layer(X)

    def both() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(X)
            H_all = layer(X)
        return tape.gradient(H_all, [X, *layer.trainable_variables], output_gradients=G)

    if graph:
        run, both = tf.function(run), tf.function(both)
    return Contender(lambda: np.asarray(run()).swapaxes(0, 1), lambda: [np.asarray(g) for g in both()])


CPU: dict[str, Callable[[Problem], Contender]] = {
    "products alone": products,
    "ours": ours,
    "NumPy, as usually taught": teaching,
    "NumPy, as usually taught, σ in two branches": lambda p: teaching(p, two_branches=True),
    "torch.nn": torch_layer,
    "PyTorch loop": lambda p: torch_loop(p, hoisted=False),
    "PyTorch loop, hoisted": torch_loop,
    "PyTorch loop, hoisted, compiled step": lambda p: torch_loop(p, compiled=True),
    "Keras, eager": lambda p: keras_layer(p, graph=False),
    "Keras, tf.function": lambda p: keras_layer(p, graph=True),
}


def torch_products(p: Problem) -> Contender:
    """The matrix products alone, on the GPU."""
    import torch

    T, B, H = p.X.shape
    X, W, U = (torch.tensor(a, device="cuda") for a in (p.X, p.parameters["W"], p.parameters["U"]))
    dA = torch.randn(T, B, W.shape[1], device="cuda")
    x_rows, d_rows = X.reshape(T * B, H), dA.reshape(T * B, -1)

    def forward() -> None:
        x_rows @ W
        for x in X:
            x @ U
        torch.cuda.synchronize()

    def both() -> None:
        forward()
        for da in dA:
            da @ U.T
        for left, right in itertools.chain([(d_rows, W.T)], [(x_rows.T, d_rows)] * 2):
            left @ right
        torch.cuda.synchronize()

    return Contender(forward, both)


GPU: dict[str, Callable[[Problem], Contender]] = {
    "products alone": torch_products,
    "torch.nn (cuDNN)": lambda p: torch_layer(p, "cuda"),
    "PyTorch loop, hoisted": lambda p: torch_loop(p, device="cuda"),
    "PyTorch loop, hoisted, compiled step": lambda p: torch_loop(p, compiled=True, device="cuda"),
}
