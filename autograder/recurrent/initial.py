"""How parameters start: Glorot for what reads the input, orthogonal for what reads the state, and an open forget gate.

All draw from a NumPy generator that the caller seeds, and return a dictionary that a layer takes as keywords:
`LSTM(**lstm_parameters(rng, D, H))`. Each gate's block is drawn by itself. Drawn over all gates at once, Glorot's
bound would be too small for any of them, and no gate's block of U would be orthogonal.

All raise TypeError and ValueError, naming the argument, for what is no generator, size or floating-point dtype.
"""

import numpy as np

from autograder.recurrent.arrays import Array, require_count


def glorot_uniform(rng: np.random.Generator, rows: int, columns: int, dtype: str = "float64") -> Array:
    """Uniform in ±√(6 / (rows + columns)), (rows, columns): keeps variances forward and back (Glorot, Bengio 2010)."""
    _require(rng, dtype, rows=rows, columns=columns)
    bound = np.sqrt(6 / (rows + columns))
    return rng.uniform(-bound, bound, size=(rows, columns)).astype(dtype)


def orthogonal(rng: np.random.Generator, n: int, dtype: str = "float64") -> Array:
    """A random orthogonal (n, n) matrix, uniformly distributed: it keeps the length of every state.

    Q of a Gaussian matrix's QR decomposition, columns signed so that R's diagonal is positive; without the signs
    the distribution would depend on the decomposition (Mezzadri 2007).
    """
    _require(rng, dtype, n=n)
    Q, R = np.linalg.qr(rng.normal(size=(n, n)))
    return (Q * np.where(np.diag(R) < 0, -1.0, 1.0)).astype(dtype)


def _require(rng: object, dtype: str, **sizes: object) -> None:
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, got {type(rng).__name__}")
    for name, value in sizes.items():
        require_count(name, value, 1)
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype: expected a floating-point dtype, got {dtype}")


def _matrices(rng: np.random.Generator, D: int, H: int, gates: int, dtype: str) -> dict[str, Array]:
    _require(rng, dtype, D=D, H=H)
    return {
        "W": np.concatenate([glorot_uniform(rng, D, H, dtype) for _ in range(gates)], axis=1),
        "U": np.concatenate([orthogonal(rng, H, dtype) for _ in range(gates)], axis=1),
        "b": np.zeros(gates * H, dtype),
    }


def vanilla_parameters(rng: np.random.Generator, D: int, H: int, dtype: str = "float64") -> dict[str, Array]:
    """W (D, H) Glorot, U (H, H) orthogonal, b (H,) zero."""
    return _matrices(rng, D, H, 1, dtype)


def lstm_parameters(
    rng: np.random.Generator, D: int, H: int, *, forget_bias: float = 1.0, dtype: str = "float64"
) -> dict[str, Array]:
    """W (D, 4H), U (H, 4H), and b (4H,) zero but for the forget gate's block, which is `forget_bias`.

    A forget gate at σ(forget_bias) halves the cell in log ½ / log σ(forget_bias) steps: 1 step at 0, 2.2 at 1,
    5.5 at 2. So a positive bias lets gradients live longer at the start (Gers et al. 2000, Jozefowicz et al. 2015).
    """
    parameters = _matrices(rng, D, H, 4, dtype)
    parameters["b"][H : 2 * H] = forget_bias
    return parameters


def gru_parameters(
    rng: np.random.Generator, D: int, H: int, *, reset: str = "after", dtype: str = "float64"
) -> dict[str, Array]:
    """W (D, 3H), U (H, 3H), b (3H,) zero, and for reset="after" the candidate's recurrent bias c (H,) zero."""
    if reset not in ("after", "before"):
        raise ValueError(f"reset: expected 'after' or 'before', got {reset!r}")
    parameters = _matrices(rng, D, H, 3, dtype)
    return parameters | ({"c": np.zeros(H, dtype)} if reset == "after" else {})
