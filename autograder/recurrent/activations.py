"""Squashing functions, each with its derivative written in terms of its own output."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.inexact]
ActivationName = Literal["tanh", "relu", "identity"]


class Activation(NamedTuple):
    """`value` maps pre-activations to outputs, `slope` *outputs* to dh/da; both keep shape and dtype."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def sigmoid(a: Array) -> Array:
    """σ(a) = 1 / (1 + exp(-a)), as ½ tanh(a/2) + ½: no overflow at any size, and fit for complex step."""
    half = a.real.dtype.type(0.5)
    return half * np.tanh(half * a) + half


def _relu(a: Array) -> Array:
    return np.where(a.real > 0, a, a.dtype.type(0))


def _relu_slope(h: Array) -> Array:
    return (h.real > 0).astype(h.real.dtype)


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(np.tanh, lambda h: 1 - h * h),
    "relu": Activation(_relu, _relu_slope),
    "identity": Activation(lambda a: a, lambda h: np.ones_like(h)),
}
"""By name. The slope of relu at exactly 0 is taken as 0, as PyTorch and TensorFlow do."""
