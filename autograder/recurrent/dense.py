"""The output layer: the same affine map at every step."""

from typing import NamedTuple

from autograder.recurrent.arrays import Array, common_dtype, require


class DenseGradients(NamedTuple):
    """Gradients of the output layer: dH (T, B, H), dV (H, K), db_y (K,)."""

    dH: Array
    dV: Array
    db_y: Array


def dense_forward(H: Array, V: Array, b_y: Array) -> Array:
    """y_t = h_t V + b_y: Y (T, B, K) from H (T, B, H), V (H, K), b_y (K,).

    Floating or complex, of one precision. Raises TypeError and ValueError for what does not fit.
    """
    width, K = require("V", V, ("H", "K")).shape
    require("H", H, ("T", "B", width))
    require("b_y", b_y, (K,))
    common_dtype({"H": H, "V": V, "b_y": b_y})
    return H @ V + b_y


def dense_backward(dY: Array, H: Array, V: Array) -> DenseGradients:
    """dH = dY Vᵀ, dV = Σ_t h_tᵀ dy_t, db_y = Σ dy, from dY (T, B, K), H (T, B, H) and V (H, K).

    A masked loss has dY = 0 where the mask is 0, so no mask is needed here.
    """
    width, K = require("V", V, ("H", "K")).shape
    T, B, _ = require("H", H, ("T", "B", width)).shape
    require("dY", dY, (T, B, K))
    common_dtype({"dY": dY, "H": H, "V": V})
    flat = dY.reshape(-1, K)
    return DenseGradients(dH=dY @ V.T, dV=H.reshape(-1, width).T @ flat, db_y=flat.sum(axis=0))
