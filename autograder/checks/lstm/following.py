"""Which outputs of `lstm` merely follow from another that is wrong: recomputed from the answer's own outputs.

An answer whose δc is wrong has five more gradients wrong, and its author should look for one cause, not six. Nothing is
guessed: an output *follows* when the right equations, fed with the wrong output, give exactly what was returned.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.activations import sigmoid

Arrays = Mapping[str, NDArray]
Same = Callable[[object, NDArray], bool]


def _gates(gates: NDArray) -> list[NDArray]:
    return np.split(gates.astype("float64"), 4, axis=-1)


def step_forward(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """h from c: o ⊙ tanh of the answer's own cell."""
    if not {"h", "c"} <= set(outputs):
        return {}
    *_, o = _gates(values["gates"])
    return {"h": "c"} if same(outputs["h"], o * np.tanh(outputs["c"])) else {}


def sequence_forward(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """H from C, or C from H: each step repeated from the states that the answer itself gives for the step before."""
    if not {"H", "C"} <= set(outputs):
        return {}
    H, C = outputs["H"], outputs["C"]
    H_prev = np.concatenate([values["h_0"][None], H[:-1]])
    C_prev = np.concatenate([values["c_0"][None], C[:-1]])
    a_i, a_f, a_g, a_o = np.split(values["X"] @ values["W"] + H_prev @ values["U"] + values["b"], 4, axis=-1)
    on = values["mask"][..., None] > 0
    made = sigmoid(a_f) * C_prev + sigmoid(a_i) * np.tanh(a_g)
    H_right = same(H, np.where(on, sigmoid(a_o) * np.tanh(C), H_prev))
    C_right = same(C, np.where(on, made, C_prev))
    if H_right == C_right:
        return {}
    return {"H": "C"} if H_right else {"C": "H"}


def step_backward(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """The rest from dc_prev, by way of the δc in it; or what is made from δa from the one that is in db."""
    names = ("dx", "dh_prev", "dW", "dU", "db")
    if not {"dc_prev", *names} <= set(outputs):
        return {}
    i, f, g, o = _gates(values["gates"])
    dc, tanh_c = outputs["dc_prev"] / f, np.tanh(values["c"])
    da = [
        dc * g * i * (1 - i),
        dc * values["c_prev"] * f * (1 - f),
        dc * i * (1 - g * g),
        values["dh"] * tanh_c * o * (1 - o),
    ]
    found = _made_from(np.concatenate(da, axis=1), values)
    if all(same(outputs[name], found[name]) for name in names):
        return dict.fromkeys(names, "dc_prev")
    went_in = np.hstack([values["x"], values["h_prev"]]).astype("float64")
    if went_in.shape[1] <= len(went_in):
        return {}  # dW and dU do not determine a δa
    found = _made_from(np.linalg.pinv(went_in.T) @ np.vstack([outputs["dW"], outputs["dU"]]), values)
    if not all(same(outputs[name], found[name]) for name in names):
        return {}
    return dict.fromkeys(("dx", "dh_prev", "dW", "dU"), "the same δa as db")


def _made_from(da: NDArray, values: Arrays) -> dict[str, NDArray]:
    return {
        "dx": da @ values["W"].T,
        "dh_prev": da @ values["U"].T,
        "dW": values["x"].T @ da,
        "dU": values["h_prev"].T @ da,
        "db": da.sum(axis=0),
    }


def peephole_step(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """h from c, which the output gate sees as well."""
    if not {"h", "c"} <= set(outputs):
        return {}
    c = outputs["c"]
    a = values["x"] @ values["W"] + values["h_prev"] @ values["U"] + values["b"]
    o = sigmoid(np.split(a, 4, axis=1)[3] + c * values["p"][2])
    return {"h": "c"} if same(outputs["h"], o * np.tanh(c)) else {}


def peephole_backward(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """dp and dc_prev from da, in which δc is to be found."""
    if "da" not in outputs:
        return {}
    i, f, g, _ = _gates(values["gates"])
    da_i, da_f, da_g, da_o = np.split(outputs["da"], 4, axis=1)
    c_prev, c, (p_i, p_f, _) = values["c_prev"], values["c"], values["p"]
    dc = da_g / (i * (1 - g * g))
    found = {
        "dc_prev": dc * f + da_i * p_i + da_f * p_f,
        "dp": np.stack([(da_i * c_prev).sum(axis=0), (da_f * c_prev).sum(axis=0), (da_o * c).sum(axis=0)]),
    }
    return {name: "da" for name, value in found.items() if name in outputs and same(outputs[name], value)}
