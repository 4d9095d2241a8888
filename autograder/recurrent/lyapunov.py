"""Lyapunov exponents: at what rate small changes of a state grow or shrink along a run, in nats a step.

With ∂h_t/∂h_{t-1} = J_t (rows: from, columns: to), a small row vector v becomes v J_1 J_2 … J_T. The exponents are
the limits of 1/T · ln of the singular values of that product. The largest is the rate of a generic v going
forward and, the product being the same, of a generic gradient going backward: positive, gradients explode;
negative, they vanish.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from autograder.recurrent.activations import ACTIVATIONS
from autograder.recurrent.arrays import Array, require, require_count
from autograder.recurrent.vanilla import VanillaRNN, require_vanilla


def vanilla_jacobians(network: VanillaRNN, H: Array) -> Iterator[Array]:
    """J_t = ∂h_t/∂h_{t-1} = U diag(φ'(a_t)), (B, H, H), for each of the states H (T, B, H) of an unmasked run."""
    slope = ACTIVATIONS[require_vanilla(network).activation].slope
    for h in require("H", H, ("T", "B", network.sizes[1])):
        yield network.U * slope(h)[:, None, :]


def lyapunov_exponents(
    jacobians: Iterable[Array],
    k: int | None = None,
    transient: int = 0,
    rng: np.random.Generator | None = None,
) -> Array:
    """The k largest exponents (all if None) in nats a step, in descending order: (k,), or (B, k) for a batch.

    jacobians: J_1, J_2, …, each (H, H) or (B, H, H). k orthonormal row vectors, random at first (`rng`, by default
    seed 0), are taken through each J_t and made orthonormal again by a QR decomposition; the logarithms of the
    diagonal of R add up. The product itself would overflow, and all its rows turn into the fastest direction.
    The first `transient` steps turn the vectors but are left out of the mean: that removes the start's share, of
    order 1/T. A direction that is mapped to zero has -inf. O(kH²) time a step.

    Raises TypeError and ValueError for J_t that are not square floating arrays of one shape, for a k that is
    not in 1..H, and where no step is left to average.
    """
    require_count("transient", transient, 0)
    if not isinstance(jacobians, Iterable):
        raise TypeError(f"jacobians: expected the steps' matrices, one after the other, got {type(jacobians).__name__}")
    Q = sums = None
    steps = 0
    for J in jacobians:
        if Q is None:
            shape = _require_square(J).shape
            Q = _random_frame(shape, k, np.random.default_rng(0) if rng is None else rng).astype(J.dtype)
            sums = np.zeros(Q.shape[:-1], J.dtype)
        require(f"jacobians[{steps}]", J, shape)
        # QR works on columns: (Q J)ᵀ = Jᵀ Qᵀ.
        columns, R = np.linalg.qr(np.swapaxes(Q @ J, -1, -2))
        Q = np.swapaxes(columns, -1, -2)
        steps += 1
        if steps > transient:
            with np.errstate(divide="ignore"):
                sums = sums + np.log(np.abs(np.diagonal(R, axis1=-2, axis2=-1)))
    if sums is None or steps <= transient:
        raise ValueError(f"jacobians: expected more than transient = {transient} steps, got {steps}")
    return -np.sort(-sums / (steps - transient), axis=-1)


def _require_square(J: object) -> Array:
    if not isinstance(J, np.ndarray) or J.dtype.kind != "f":
        kind = f"dtype {J.dtype}" if isinstance(J, np.ndarray) else type(J).__name__
        raise TypeError(f"jacobians[0]: expected an array of floating-point numbers, got {kind}")
    if J.ndim not in (2, 3) or J.shape[-1] != J.shape[-2]:
        raise ValueError(f"jacobians[0]: expected shape (H, H) or (B, H, H), got {J.shape}")
    return J


def _random_frame(shape: tuple[int, ...], k: int | None, rng: np.random.Generator) -> Array:
    """k orthonormal rows (k, H), for each J of a batch; generic, so none misses the fastest direction."""
    *batch, H, _ = shape
    k = H if k is None else require_count("k", k, 1, H)
    columns, _ = np.linalg.qr(rng.normal(size=(*batch, H, k)))
    return np.swapaxes(columns, -1, -2)
