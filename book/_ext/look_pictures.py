"""What the interactive looks are made from, on the Python side: their data and their still pictures.

The reference networks compute every number here. `data` is embedded in the page, where the scripts
in ``_static/looks`` compute with it; `draw` makes the picture that stands where scripts are off and
on paper, in the style of the book's figures.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from autograder.recurrent import (
    GRU,
    LSTM,
    Bidirectional,
    Layer,
    VanillaRNN,
    gru_parameters,
    lstm_parameters,
    vanilla_parameters,
)

Array = NDArray[np.float64]
Data = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """An interactive figure: its title, what a reader can do with it, its data, and its still picture."""

    title: str
    does: str  # completes "on the page you can …"
    caption: str  # of the still picture: what to look at
    alt: str  # what is seen on it
    data: Callable[[], Data]
    draw: Callable[[Data], Figure]

    def svg(self) -> str:
        """The still picture, the same to the last byte for the same numbers."""
        with plt.style.context("autograder.figures"):
            text = io.StringIO()
            self.draw(self.data()).savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


# --- The gate laboratory ---------------------------------------------------------------

STEPS = 12


def one_unit(a: Array, c_0: float) -> tuple[Array, Array, LSTM]:
    """c (T + 1,) and h (T,) of a unit whose pre-activations are a (T, 4), in the order i, f, g, o; and the layer.

    The layer's input *is* the pre-activation: W is the identity, U and b are zero.
    """
    layer = LSTM(np.eye(4), np.zeros((1, 4)), np.zeros(4))
    state = np.zeros((1, 1)), np.full((1, 1), c_0)
    c = [c_0, *(layer.forward(a[:t, None], state).state[1].real.item() for t in range(1, len(a) + 1))]
    return np.array(c), layer.forward(a[:, None], state).H[:, 0, 0].real, layer


def write_once() -> Array:
    """Pre-activations (12, 4): the cell keeps, but for step 4, which erases and writes."""
    a = np.tile([-8.0, 8.0, 1.0, 8.0], (STEPS, 1))
    a[3, :2] = 8, -8
    return a


def draw_gates(data: Data) -> Figure:
    a = write_once()
    c, h, _ = one_unit(a, -1.0)
    figure = Figure(figsize=(6.4, 4.6))
    above, *rows = figure.subplots(5, 1, sharex=True, gridspec_kw={"height_ratios": [5, 1, 1, 1, 1]})
    above.plot(range(STEPS + 1), c, "o-", label="$c_t$")
    above.plot(range(1, STEPS + 1), h, "s--", label="$h_t$")
    above.set(ylim=(-1.25, 1.25), xticks=range(STEPS + 1))
    above.legend(loc="lower right")
    gates = [1 / (1 + np.exp(-a[:, 0])), 1 / (1 + np.exp(-a[:, 1])), np.tanh(a[:, 2]), 1 / (1 + np.exp(-a[:, 3]))]
    for axes, name, values in zip(rows, "ifgo", gates, strict=True):
        axes.bar(range(1, STEPS + 1), values, width=0.7, color="C2")
        axes.set(ylim=(0, 1.05), yticks=[])
        axes.set_ylabel(f"${name}_t$", rotation=0, ha="right", va="center")
        axes.grid(False)
    rows[-1].set_xlabel("step t")
    return figure


# --- Paths of the gradient ---------------------------------------------------------------

NETWORKS: dict[str, Callable[..., Layer]] = {"RNN": VanillaRNN, "GRU": GRU, "LSTM": LSTM}


def path_data() -> Data:
    """X (40, 2), the direction v (8,) of the loss h_k · v, and each network's parameters as its initialiser draws
    them, to four decimals."""
    rng = np.random.default_rng(6)
    T, D, H = 40, 2, 8
    drawn = {
        "RNN": vanilla_parameters(rng, D, H),
        "GRU": gru_parameters(rng, D, H),
        "LSTM": lstm_parameters(rng, D, H),
    }
    networks = {
        name: {key: value.round(4).tolist() for key, value in parameters.items()} for name, parameters in drawn.items()
    }
    X = rng.normal(size=(T, D)).round(4)
    v = rng.normal(size=H)
    return {"X": X.tolist(), "v": (v / np.linalg.norm(v)).tolist(), "networks": networks}


def network(data: Data, name: str, gain: float = 1.0, bias: float | None = None) -> Layer:
    """The layer with U times `gain` and the bias of the gate that keeps (b_f or b_z; none in the RNN) set."""
    parameters = {key: np.array(value) for key, value in data["networks"][name].items()}
    parameters["U"] = gain * parameters["U"]
    H = len(parameters["U"])
    if bias is not None and name != "RNN":
        parameters["b"][H : 2 * H] = bias
    return NETWORKS[name](**parameters)


def gradients_by_step(layer: Layer, X: Array, G: Array) -> tuple[Array, Array | None]:
    """δh_t and, for an LSTM, δc_t, each (T + 1, H), for t = 0 … T; X (T, D), G (T, H) reaches h_1 … h_T directly.

    A layer's backward gives the gradient of the state it starts from. So start it at each t: what comes out is
    what the later steps send to h_t and c_t. δc_t hears through h_t too, which is o ⊙ tanh c_t.
    """
    T, H = G.shape
    dh, dc = np.zeros((T + 1, H)), np.zeros((T + 1, H))
    state, cell = layer.zero_state(1), isinstance(layer, LSTM)
    for t in range(T + 1):
        if t < T:
            sent = layer.backward(layer.forward(X[t:, None], state), G[t:, None]).dstate_0
            dh[t] += sent[0][0]
            dc[t] += sent[-1][0]
        if t > 0:
            dh[t] += G[t - 1]
        if t > 0 and cell:
            h, tanh_c = state[0][0], np.tanh(state[1][0])
            dc[t] += dh[t] * (h / tanh_c) * (1 - tanh_c**2)
        if t < T:
            state = layer.forward(X[t : t + 1, None], state).state
    return dh, dc if cell else None


def draw_paths(data: Data) -> Figure:
    X, v = np.array(data["X"]), np.array(data["v"])
    G = np.zeros((len(X), len(v)))
    G[-1] = v
    figure = Figure(figsize=(6.4, 3.8))
    axes = figure.subplots()
    styles = {"RNN": "C3:", "GRU": "C2-.", "LSTM": "C0-"}
    for name, style in styles.items():
        dh, dc = gradients_by_step(network(data, name, bias=1), X, G)
        axes.semilogy(np.linalg.norm(dh, axis=1), style, label=rf"{name}, $\delta h_t$")
        if dc is not None:
            axes.semilogy(np.linalg.norm(dc, axis=1), "C1--", label=rf"{name}, $\delta c_t$")
    axes.set(xlabel="step t (the loss is at step 40)", ylabel="length of the gradient")
    axes.legend(loc="lower right")
    return figure


# --- Alignment ---------------------------------------------------------------------------------

POSITIONS = 8


def alignment_data() -> Data:
    """Eight items, and two vanilla RNNs of one unit with biases, without which padding of zeros would do nothing."""
    return {
        "x": [0.9, -0.6, 0.4, 1.2, -0.8, 0.5, -1.1, 0.7],
        "forward": {"w": 0.8, "u": 0.7, "b": 0.3},
        "backward": {"w": -0.9, "u": 0.6, "b": 0.4},
    }


def one_unit_rnn(p: dict[str, float]) -> VanillaRNN:
    """h = tanh(w x + u h₋ + b) with D = H = 1."""
    return VanillaRNN(np.array([[p["w"]]]), np.array([[p["u"]]]), np.array([p["b"]]))


def both_ways(data: Data, merge: Any = "concat") -> Bidirectional:
    """The bidirectional network of the viewer."""
    return Bidirectional(one_unit_rnn(data["forward"]), one_unit_rnn(data["backward"]), merge)


def padded(data: Data, length: int) -> tuple[Array, Array]:
    """X (8, 1, 1), zero after `length` items, and the mask (8, 1)."""
    mask = (np.arange(POSITIONS) < length).astype(float)[:, None]
    return np.array(data["x"])[:, None, None] * mask[:, :, None], mask


def draw_alignment(data: Data) -> Figure:
    length, t = 5, 2
    X, mask = padded(data, length)
    H = both_ways(data).forward(X, mask=mask).H[:, 0]
    figure = Figure(figsize=(6.4, 4.3))
    axes = figure.subplots()
    axes.set(xlim=(-0.5, POSITIONS - 0.5), ylim=(-1.1, 7.4))
    axes.set_axis_off()
    items = [f"$x_{k + 1}$" if k < length else "pad" for k in range(POSITIONS)]
    order = [*reversed(range(length)), *range(length, POSITIONS)]
    reads = [("→" if k < t else "") + ("←" if t - 1 <= k < length else "") for k in range(POSITIONS)]
    numbers = [[f"{v:.2f}".replace("-", "−") for v in half] for half in H.T]
    rows = [
        (6.4, f"the row, and what the states at t = {t} have read", items, length),
        (4.4, "forward states, read from left to right", numbers[0], length),
        (2.6, "the order in which the backward layer reads", [items[p] for p in order], length),
        (0.4, "↑ backward states, turned back to their items", numbers[1], length),
    ]
    for y, title, texts, counted in rows:
        axes.text(-0.45, y + (0.65 if y > 1 else -0.65), title, fontsize=10, va="center")
        for k, text in enumerate(texts):
            _box(axes, k, y, text, dashed=k >= counted, chosen=k == t - 1 and y != 2.6)
    for k, text in enumerate(reads):
        axes.text(k, 5.65, text, ha="center", va="center", fontsize=13)
    for slot, p in enumerate(order):
        axes.plot([slot, p], [2.2, 0.8], "C0-" if p == t - 1 else "0.6", lw=2 if p == t - 1 else 0.8, zorder=0)
    return figure


def _box(axes: Axes, x: float, y: float, text: str, dashed: bool, chosen: bool) -> None:
    colour, width = ("C0", 2) if chosen else ("0.5", 1)
    frame = Rectangle((x - 0.44, y - 0.4), 0.88, 0.8, fc="none", ec=colour, lw=width, ls=":" if dashed else "-")
    axes.add_patch(frame)
    axes.text(x, y, text, ha="center", va="center", fontsize=11)


LOOKS = {
    "gate-laboratory": Look(
        title="The gate laboratory",
        does="set the four gates of one LSTM unit, at all steps or at one, and watch its cell, its output and what is "
        "left of its first cell",
        caption="One LSTM unit over twelve steps, its gates set by hand. At step 4 the forget gate closes and the "
        "input gate opens: the old cell is erased and the candidate written. Look at the steps before and after: with "
        "f near 1 and i near 0 nothing changes, however large the candidate is.",
        alt="Line plot over twelve steps above four rows of bars. The cell c stays at minus one until step 3, is near "
        "0.76 from step 4 and stays there; h follows it at smaller size. The bars of i are near zero but for step 4, "
        "those of f near one but for step 4; g and o stay as they are.",
        data=dict,
        draw=draw_gates,
    ),
    "gradient-paths": Look(
        title="Paths of the gradient",
        does="change the recurrent gain, the bias of the gate that keeps, the step of the loss and the step that is "
        "looked at, and see by which paths the gradient arrives in an RNN, an LSTM and a GRU",
        caption="How long the gradient of a loss at step 40 is at each earlier step, on a logarithmic scale, in three "
        "networks as they are initialised, with bias 1 at the gates that keep, reading the same input. Look at the "
        "slopes: each is a rate of forgetting. The RNN loses most and the LSTM's cell least, but before training all "
        "of them lose.",
        alt="Line plot with a logarithmic vertical axis over forty steps. Four curves, the gradients at h of an RNN, "
        "a GRU and an LSTM and the gradient at the LSTM's cell, fall from the loss at step 40 towards step 0, at "
        "different slopes.",
        data=path_data,
        draw=draw_paths,
    ),
    "alignment": Look(
        title="Who has read what",
        does="change the length, the position, how padding is treated and the merge, and see what both states have "
        "read there and what is called the last output",
        caption="A sequence of five items in a row of eight positions, and what the two states at position 2 have "
        "read: → forward, ← backward. Follow a line from the order in which the backward layer reads to the item it "
        "read: turned back, each state stands under its own item, and the padding never moves.",
        alt="Four rows of eight boxes: the items x 1 to x 5 and three of padding, with arrows for what has been read "
        "at position 2; the forward states; the order x 5 to x 1, then padding, in which the backward layer reads; "
        "and the backward states, joined to that order by crossing lines.",
        data=alignment_data,
        draw=draw_alignment,
    ),
}
