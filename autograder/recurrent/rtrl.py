"""Real-time recurrent learning: the gradient carried forward beside the state, for the vanilla RNN.

Where BPTT goes back from a loss to all earlier steps, RTRL keeps, at each step, how the state depends on every
parameter, the *influence* S_t = dh_t/dθ, and pays O(H⁴) time and O(H³) memory a step and sequence for never
needing the past: the gradient of L_t is there as soon as L_t is. Williams and Zipser, Neural Computation 1989.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.activations import ACTIVATIONS
from autograder.recurrent.arrays import Array, common_dtype, require, require_count, require_mask, require_state
from autograder.recurrent.vanilla import VanillaRNN, require_vanilla


def zero_influence(network: VanillaRNN, B: int) -> Array:
    """The influence on an initial state, which depends on no parameter: zeros (B, D+H+1, H, H), of U's dtype.

    Raises TypeError and ValueError, naming the argument, as the functions below do.
    """
    D, H = require_vanilla(network).sizes
    B = require_count("B", B, 0)
    return np.zeros((B, D + H + 1, H, H), network.U.dtype)


def influence_step(
    network: VanillaRNN, x: Array, h_prev: Array, influence: Array, on: NDArray[np.bool_] | None = None
) -> tuple[Array, Array]:
    """One step of the network and of the influence: (h, S) from x (B, D), h_prev (B, H) and the S before.

    S[b, i, j, k] = dh_k/dθ_ij (B, D+H+1, H, H), where θ stacks W, U and b, so that a = z θ with z = [x, h_prev, 1]:

        S_t = (S_{t-1} U + ∂⁺a_t/∂θ) φ'(a_t),   ∂⁺a_k/∂θ_ij = z_i if j = k, else 0.

    Where `on` (B,) is False, state and influence stay. The parameters may change between steps, as when learning
    online; the influence then still holds traces of the older ones. Raises TypeError and ValueError.
    """
    D, H = require_vanilla(network).sizes
    B = require("x", x, ("B", D)).shape[0]
    require("h_prev", h_prev, (B, H))
    require("influence", influence, (B, D + H + 1, H, H))
    common_dtype({"x": x, "h_prev": h_prev, "influence": influence, **network.parameters})
    if on is not None:
        if not isinstance(on, np.ndarray) or on.dtype.kind != "b":
            kind = f"dtype {on.dtype}" if isinstance(on, np.ndarray) else type(on).__name__
            raise TypeError(f"on: expected an array of booleans, got {kind}")
        if on.shape != (B,):
            raise ValueError(f"on: expected shape (B,) = ({B},), got {on.shape}")
    squash, slope = ACTIVATIONS[network.activation]
    h = squash(x @ network.W + h_prev @ network.U + network.b)
    z = np.concatenate([x, h_prev, np.ones((B, 1), h.dtype)], axis=1)
    immediate = z[:, :, None, None] * np.eye(H, dtype=h.real.dtype)
    S = (influence @ network.U + immediate) * slope(h)[:, None, None, :]
    if on is None:
        return h, S
    return np.where(on[:, None], h, h_prev), np.where(on[:, None, None, None], S, influence)


def influence_gradient(network: VanillaRNN, influence: Array, g: Array) -> dict[str, Array]:
    """dL_t/dθ = Σ_b g_b S_b: each parameter's gradient from g (B, H), what reaches h_t directly.

    `influence` is S_t (B, D+H+1, H, H). Raises TypeError and ValueError.
    """
    D, H = require_vanilla(network).sizes
    B = require("g", g, ("B", H)).shape[0]
    require("influence", influence, (B, D + H + 1, H, H))
    common_dtype({"g": g, "influence": influence})
    d_theta = np.einsum("bk,bijk->ij", g, influence)
    return {"W": d_theta[:D], "U": d_theta[D:-1], "b": d_theta[-1]}


def real_time_gradients(
    network: VanillaRNN, X: Array, G: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None
) -> Iterator[dict[str, Array]]:
    """Yields, step by step, the gradient of L_t with respect to W, U and b. Their sum is BPTT's gradient.

    X (T, B, D), G (T, B, H) with G[t] = ∂⁺L_t/∂h_t, state_0 (h_0,), mask (T, B). Arguments are checked at the first
    step; raises TypeError and ValueError, naming the argument.
    """
    D, H = require_vanilla(network).sizes
    T, B, _ = require("X", X, ("T", "B", D)).shape
    require("G", G, (T, B, H))
    (h,) = require_state("state_0", state_0, ("h_0",), network.zero_state(B))
    common_dtype({"X": X, "h_0": h, "G": G, **network.parameters})
    on = require_mask(mask, T, B)
    S = zero_influence(network, B)
    for t in range(T):
        h, S = influence_step(network, X[t], h, S, None if on is None else on[t])
        yield influence_gradient(network, S, G[t])


def rtrl(
    network: VanillaRNN, X: Array, G: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None
) -> dict[str, Array]:
    """The gradient of the whole loss with respect to W, U and b, the sum over the steps; as `network.backward`'s."""
    total: dict[str, Array] = {}
    for gradient in real_time_gradients(network, X, G, state_0, mask):
        total = {name: total[name] + value if total else value for name, value in gradient.items()}
    return total
