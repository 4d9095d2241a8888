"""Which outputs of `gru` merely follow from another that is wrong: recomputed from the answer's own outputs.

A step whose reset gate is wrong has a wrong candidate and a wrong state as well, and its author should look for one
cause, not three. Nothing is guessed: an output *follows* when the right equations, fed with the wrong output, give
exactly what was returned.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray]
Same = Callable[[object, NDArray], bool]


def step_after(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """n from r and q, h from z and n."""
    if not {"h", "r", "z", "n", "q"} <= set(outputs):
        return {}
    return _forward(values, outputs, same, outputs["r"] * outputs["q"], ("r", "q"))


def step_before(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """s from r, n from s, h from z and n."""
    if not {"h", "r", "z", "n", "s"} <= set(outputs):
        return {}
    U_n = np.split(values["U"], 3, axis=1)[2]
    causes = _forward(values, outputs, same, outputs["s"] @ U_n, ("s",))
    if not same(outputs["r"], values["r"]) and same(outputs["s"], outputs["r"] * values["h_prev"]):
        causes["s"] = "r"
    return causes


def _forward(
    values: Arrays, outputs: Arrays, same: Same, heard: NDArray, from_state: tuple[str, ...]
) -> dict[str, str]:
    """n and h, with what the candidate hears of the state, and the outputs that this was made from."""
    causes: dict[str, str] = {}
    xW_n = np.split(values["x"] @ values["W"] + values["b"], 3, axis=1)[2]
    z, n, h_prev = outputs["z"], outputs["n"], values["h_prev"]
    for name, made, sources in (
        ("n", np.tanh(xW_n + heard), from_state),
        ("h", (1 - z) * n + z * h_prev, ("z", "n")),
    ):
        wrong = [source for source in sources if not same(outputs[source], values[source])]
        if wrong and same(outputs[name], made):
            causes[name] = " and ".join(wrong)
    return causes


def step_after_backward(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """What is made from δa, from the one that is in dW; what is made from δq, from the one in dU's last block."""
    if not {"dx", "dh_prev", "dW", "dU", "db", "dc_n"} <= set(outputs):
        return {}
    da = _in_product(values["x"], outputs["dW"])
    dq = _in_product(values["h_prev"], np.split(outputs["dU"], 3, axis=1)[2])
    if da is None or dq is None:
        return {}
    da_r, da_z, da_n = np.split(da, 3, axis=1)
    roads = np.hstack([da_r, da_z, dq])
    found = {
        "dx": da @ values["W"].T,
        "dh_prev": values["dh"] * values["z"] + roads @ values["U"].T,
        "dU": values["h_prev"].T @ roads,
        "db": da.sum(axis=0),
        "dc_n": dq.sum(axis=0),
    }
    if not all(same(outputs[name], value) for name, value in found.items()):
        return {}
    if same(dq, da_n * values["r"]):
        return dict.fromkeys(("dx", "dh_prev", "dW", "dU", "dc_n"), "the same δa as db")
    return dict.fromkeys(("dh_prev", "dU"), "the same δq as dc_n")


def step_before_backward(values: Arrays, outputs: Arrays, same: Same) -> dict[str, str]:
    """What is made from δa, from the one that is in dW."""
    if not {"dx", "dh_prev", "dW", "dU", "db"} <= set(outputs):
        return {}
    da = _in_product(values["x"], outputs["dW"])
    if da is None:
        return {}
    da_r, da_z, da_n = np.split(da, 3, axis=1)
    U_r, U_z, U_n = np.split(values["U"], 3, axis=1)
    h_prev, r, s = (values[name] for name in ("h_prev", "r", "s"))
    found = {
        "dx": da @ values["W"].T,
        "dh_prev": values["dh"] * values["z"] + da_n @ U_n.T * r + da_r @ U_r.T + da_z @ U_z.T,
        "dU": np.hstack([h_prev.T @ da_r, h_prev.T @ da_z, s.T @ da_n]),
        "db": da.sum(axis=0),
    }
    if not all(same(outputs[name], value) for name, value in found.items()):
        return {}
    return dict.fromkeys(("dx", "dh_prev", "dW", "dU"), "the same δa as db")


def _in_product(went_in: NDArray, gradient: NDArray) -> NDArray | None:
    """The δ in gradient = went_inᵀ δ; None where more sequences than units leave it open."""
    B, width = went_in.shape
    return np.linalg.pinv(went_in.T.astype("float64")) @ gradient if width >= B else None
