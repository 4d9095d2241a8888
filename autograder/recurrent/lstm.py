"""The LSTM as frameworks define it: a masked sequence forward, and its backward.

    i = σ(x W_i + h₋ U_i + b_i)        f, o alike        g = tanh(x W_g + h₋ U_g + b_g)
    c = f ⊙ c₋ + i ⊙ g                 h = o ⊙ tanh(c)

Shapes as everywhere: X (T, B, D), states (B, H), W (D, 4H), U (H, 4H), b (4H,), the gates in the order i, f, g, o.
Peepholes, coupled gates and projection are in `lstm_variants`, the layer-normalised form in `lstm_layer_norm`.

What makes it fast: products that do not wait for the recurrence are made for many steps at once; one tanh serves
all gates; and the loops write into memory that is already there (`out=`, `*=`), one contiguous block a gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograder.recurrent.arrays import (
    Array,
    common_dtype,
    require,
    require_count,
    require_finite,
    require_mask,
    require_state,
)
from autograder.recurrent.gates import by_gate, chunks, column_blocks, to_sigmoid, transposed
from autograder.recurrent.layer import Gradients, Run, State, saved_by
from autograder.recurrent.memory import recycled


class _Saved(NamedTuple):
    X: Array
    H: Array  # (T + 1, B, H): h_0, h_1, …
    tape: Array  # (T + 1, 5, B, H): i, f, g, o, c of each step; before the first there is only c_0
    on: NDArray[np.bool_] | None  # (T, B, 1)


@dataclass(frozen=True)
class LSTM:
    """Long short-term memory. State: (h, c), each (B, H).

    W (D, 4H), U (H, 4H), b (4H,), of one dtype. Raises TypeError and ValueError for what does not fit.
    """

    W: Array
    U: Array
    b: Array

    causal = True

    def __post_init__(self) -> None:
        H = require("U", self.U, ("H", "4H")).shape[0]
        require("U", self.U, (H, 4 * H))
        require("W", self.W, ("D", 4 * H))
        require("b", self.b, (4 * H,))
        common_dtype(self.parameters)
        require_finite(self.parameters)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H)."""
        return self.W.shape[0], self.U.shape[0]

    @property
    def parameters(self) -> dict[str, Array]:
        """W, U and b."""
        return {"W": self.W, "U": self.U, "b": self.b}

    def zero_state(self, B: int) -> State:
        """(h, c), each (B, H) of zeros."""
        h, c = np.zeros((2, require_count("B", B, 0), self.U.shape[0]), self.U.real.dtype)
        return h, c

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """All states of a sequence. Where the mask is 0, h and c are carried over.

        X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, H) and state (h_T, c_T).
        """
        D, width = self.sizes
        T, B, _ = require("X", X, ("T", "B", D)).shape
        h_0, c_0 = require_state("state_0", state_0, ("h_0", "c_0"), self.zero_state(B))
        dtype = common_dtype({"X": X, "h_0": h_0, "c_0": c_0, **self.parameters})
        on = require_mask(mask, T, B)
        on = None if on is None else on[:, :, None]

        # σ(a) = ½ tanh(½a) + ½: with the inner ½ in copies of the weights, one tanh serves all four gates.
        fold = np.repeat(np.array([0.5, 0.5, 1, 0.5], self.U.real.dtype), width)
        W, U, b = self.W * fold, column_blocks(self.U * fold, B), self.b * fold
        H, tape = recycled((T + 1, B, width), dtype), recycled((T + 1, 5, B, width), dtype)
        H[0], tape[0, 4] = h_0, c_0
        a, ig, tanh_c = (np.empty(shape, dtype) for shape in [(B, 4 * width), (B, width), (B, width)])
        a_blocks, a_gates = by_gate(a, len(U)), by_gate(a, 4)
        for steps in chunks(T, B, width):
            xW = recycled((steps.stop - steps.start, B, 4 * width), dtype)
            np.matmul(X[steps].reshape(-1, D), W, out=xW.reshape(-1, 4 * width))
            xW += b
            for t, xW_t in enumerate(xW, steps.start):
                (i, f, g, o, c), c_prev, h, h_prev = tape[t + 1], tape[t, 4], H[t + 1], H[t]
                np.matmul(h_prev, U, out=a_blocks)
                a += xW_t
                np.tanh(a, out=a)
                np.copyto(tape[t + 1, :4], a_gates)
                to_sigmoid(tape[t + 1, :2], o)
                np.multiply(f, c_prev, out=c)
                c += np.multiply(i, g, out=ig)
                np.multiply(o, np.tanh(c, out=tanh_c), out=h)
                if on is not None:
                    np.copyto(h, h_prev, where=~on[t])
                    np.copyto(c, c_prev, where=~on[t])
        return Run(H[1:], (H[T].copy(), tape[T, 4].copy()), _Saved(X, H, tape, on))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """From the last step back:

            δh = G + δh₊                δc = δc₊ + δh ⊙ o(1 - tanh²c)
            δa_i = δc ⊙ g i(1 - i)      δa_f = δc ⊙ c₋ f(1 - f)
            δa_g = δc ⊙ i(1 - g²)       δa_o = δh ⊙ tanh(c) o(1 - o)
            δh₋ = δa Uᵀ                 δc₋ = f ⊙ δc

        Where the mask is 0 a step passes δh and δc on as they are. G (T, B, H); dstate (dh_T, dc_T).
        """
        X, H, tape, on = saved_by(self, run, _Saved)
        T, B, D = X.shape
        width = H.shape[-1]
        require("G", G, (T, B, width))
        dh_T, dc_T = require_state("dstate", dstate, ("dh_T", "dc_T"), self.zero_state(B))
        dtype = common_dtype({"H": H, "G": G, "dh_T": dh_T, "dc_T": dc_T})

        dh, dc = dh_T.astype(dtype), dc_T.astype(dtype)
        dX = recycled(X.shape, dtype)
        dW, dU, db = (np.zeros(shape, dtype) for shape in (self.W.shape, self.U.shape, (4, width)))
        U_T = column_blocks(transposed(self.U), B)
        dh_blocks = by_gate(dh, len(U_T))
        da, (u, v) = np.empty((4, B, width), dtype), np.empty((2, B, width), dtype)
        da_i, da_f, da_g, da_o = da
        for steps in reversed(list(chunks(T, B, width))):
            n = steps.stop - steps.start
            dA = recycled((n, B, 4 * width), dtype)
            dA_gates = by_gate(dA, 4)
            for t in reversed(range(steps.start, steps.stop)):
                (i, f, g, o, c), c_prev, h = tape[t + 1], tape[t, 4], H[t + 1]
                dh += G[t]
                if on is not None:
                    held_h, held_c = dh * ~on[t], dc * ~on[t]
                    dh *= on[t]
                    dc *= on[t]
                # dc += dh o (1 - tanh²c), where o tanh(c) is h
                np.multiply(h, np.tanh(c, out=u), out=u)
                np.subtract(o, u, out=u)
                dc += np.multiply(dh, u, out=u)
                # da_o = dh tanh(c) o (1 - o)
                np.subtract(1, o, out=da_o)
                da_o *= np.multiply(dh, h, out=u)
                # da_i = dc g i (1 - i) and da_g = dc i (1 - g²)
                np.subtract(1, tape[t + 1, :2], out=da[:2])
                np.multiply(dc, i, out=da_g)
                da_i *= np.multiply(da_g, g, out=u)
                da_g -= np.multiply(u, g, out=v)
                # dc_prev = dc f and da_f = dc f c_prev (1 - f)
                dc *= f
                da_f *= np.multiply(dc, c_prev, out=u)
                db += da.sum(axis=1)
                # dh_prev = da Uᵀ
                np.copyto(dA_gates[:, t - steps.start], da)
                np.matmul(dA[t - steps.start], U_T, out=dh_blocks)
                if on is not None:
                    dh += held_h
                    dc += held_c
            # Every sum over steps and batch is one product over the rows of a chunk.
            rows = dA.reshape(n * B, 4 * width)
            np.matmul(rows, self.W.T, out=dX[steps].reshape(n * B, D))
            dW += np.matmul(X[steps].reshape(n * B, D).T, rows, out=recycled(dW.shape, dtype))
            dU += np.matmul(H[steps].reshape(n * B, width).T, rows, out=recycled(dU.shape, dtype))
        return Gradients(dX, (dh, dc), {"W": dW, "U": dU, "b": db.reshape(4 * width)})
