"""Is this gradient right? Differences of a scalar function, along every coordinate or one direction.

The function takes one mapping of names to arrays, such as a layer's parameters with X and h_0, and returns a scalar.
Nothing given is modified.
"""

from collections.abc import Callable, Mapping

import numpy as np

from autograder.recurrent.arrays import Array, require_finite, require_positive

Arrays = Mapping[str, Array]
Scalar = Callable[[dict[str, Array]], object]

BEST_STEP = {"float64": 1e-5, "float32": 1e-2}
"""For central differences of functions and arguments of about unit size: truncation, ~ε² f''', and rounding,
~u |f| / ε with u the unit roundoff, are balanced at ε ~ ∛u, which is 5e-6 and 4e-3. The error left is about
u^(2/3): 1e-10 in float64; in float32 some 1e-5 to 1e-4, too much to see a small mistake."""

COMPLEX_STEP = 1e-30
"""Nothing is subtracted, so no rounding bounds ε from below: ε² vanishes beside 1 and ε is far from underflow."""


def central_differences(f: Scalar, arrays: Arrays, step: float | None = None) -> dict[str, Array]:
    """(f(v + ε e_i) - f(v - ε e_i)) / 2ε for every entry of every array: the whole gradient, two calls an entry.

    `step` is ε, by default the best for the dtype. It is divided by the distance that the rounded arguments
    really have. Raises TypeError for arrays that are not float32 or float64.
    """
    _require_function(f, step)
    found = {}
    for name, value in _require_real(arrays).items():
        eps = value.dtype.type(step or BEST_STEP[value.dtype.name])
        gradient = np.empty_like(value)
        for i in np.ndindex(value.shape):
            above, below = value.copy(), value.copy()
            above[i], below[i] = value[i] + eps, value[i] - eps
            rise = _real(f({**arrays, name: above})) - _real(f({**arrays, name: below}))
            gradient[i] = rise / (float(above[i]) - float(below[i]))
        found[name] = gradient
    return found


def directional_difference(f: Scalar, arrays: Arrays, directions: Arrays, step: float | None = None) -> float:
    """(f(v + εd) - f(v - εd)) / 2ε, the slope along `directions` (arrays of the same shapes; absent: 0).

    To be compared with Σ ⟨gradient, direction⟩. Two calls whatever the size: one random direction finds an error in
    any entry, if not which. `step` as in `central_differences`. TypeError and ValueError for what does not fit.
    """
    _require_function(f, step)
    _require_real(arrays)
    _require_directions(arrays, directions)
    eps = step or max(BEST_STEP[arrays[name].dtype.name] for name in directions)
    above = {name: arrays[name] + arrays[name].dtype.type(eps) * d for name, d in directions.items()}
    below = {name: arrays[name] - arrays[name].dtype.type(eps) * d for name, d in directions.items()}
    return (_real(f({**arrays, **above})) - _real(f({**arrays, **below}))) / (2 * eps)


def complex_step(f: Scalar, arrays: Arrays, step: float = COMPLEX_STEP) -> dict[str, Array]:
    """Im f(v + iε e_i) / ε for every entry of every array: the whole gradient, exact to rounding, one call an entry.

    f must be analytic in its arguments and keep complex numbers: no abs, conj, max or comparison of them (taking
    the real part for a comparison is fine). One array is complex at a time. Raises TypeError for arrays that
    are not float32 or float64 and where f returns a real number: it dropped the imaginary part.
    """
    _require_function(f, step)
    found = {}
    for name, value in _require_real(arrays).items():
        gradient = np.empty_like(value)
        for i in np.ndindex(value.shape):
            shifted = value.astype(np.result_type(value, np.complex64))
            shifted[i] += 1j * step
            gradient[i] = _imaginary(f({**arrays, name: shifted})) / step
        found[name] = gradient
    return found


def directional_complex_step(f: Scalar, arrays: Arrays, directions: Arrays, step: float = COMPLEX_STEP) -> float:
    """Im f(v + iεd) / ε: the slope along `directions`, exact to rounding, in one call. Demands on f as above."""
    _require_function(f, step)
    _require_real(arrays)
    _require_directions(arrays, directions)
    shifted = {name: arrays[name] + arrays[name].dtype.type(step) * 1j * d for name, d in directions.items()}
    return _imaginary(f({**arrays, **shifted})) / step


def relative_error(ours: Array, theirs: Array) -> float:
    """‖ours - theirs‖ / max(‖ours‖, ‖theirs‖), between 0 and 2: 0 if both are 0, 1 if one of them is.

    By norms, not entry by entry: where an entry is 0 but for rounding, its own relative error says nothing.
    Raises ValueError for different shapes; NaN if there is a NaN.
    """
    if np.shape(ours) != np.shape(theirs):
        raise ValueError(f"theirs: expected shape {np.shape(ours)}, as ours, got {np.shape(theirs)}")
    size = max(np.linalg.norm(ours), np.linalg.norm(theirs))
    return float(np.linalg.norm(np.subtract(ours, theirs)) / size) if size != 0 else 0.0


def _require_function(f: object, step: float | None) -> None:
    if not callable(f):
        raise TypeError(f"f: expected a function of arrays by name, got {type(f).__name__}")
    if step is not None:
        require_positive("step", step)


def _require_real(arrays: Arrays) -> Arrays:
    if not isinstance(arrays, Mapping):
        raise TypeError(f"arrays: expected arrays by name, got {type(arrays).__name__}")
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray) or value.dtype.name not in BEST_STEP:
            kind = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
            raise TypeError(f"{name}: expected an array of float64 or float32, got {kind}")
    require_finite(arrays)
    return arrays


def _require_directions(arrays: Arrays, directions: Arrays) -> None:
    if not isinstance(directions, Mapping):
        raise TypeError(f"directions: expected arrays by name, got {type(directions).__name__}")
    if not directions:
        raise ValueError("directions: expected at least one, got none")
    for name, d in directions.items():
        if name not in arrays:
            raise ValueError(f"directions: expected names among {', '.join(arrays)}, got {name}")
        if np.shape(d) != arrays[name].shape:
            raise ValueError(f"directions: expected shape {arrays[name].shape} for {name}, got {np.shape(d)}")


def _real(value: object) -> float:
    return float(np.asarray(value))


def _imaginary(value: object) -> float:
    if not np.iscomplexobj(np.asarray(value)):
        raise TypeError(
            "f: expected a complex value for a complex argument, got a real one: f drops the imaginary part"
        )
    return float(np.asarray(value).imag)
