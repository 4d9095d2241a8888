"""The gated recurrent unit with the reset gate after the recurrent product or before it; forward and backward.

    r = σ(x W_r + h₋ U_r + b_r)        z = σ(x W_z + h₋ U_z + b_z)        h = (1 - z) ⊙ n + z ⊙ h₋

    reset="after":  n = tanh(x W_n + b_n + r ⊙ q), q = h₋ U_n + c       (PyTorch; Keras's default; cuDNN)
    reset="before": n = tanh(x W_n + b_n + s U_n), s = r ⊙ h₋           (Cho et al. 2014; ONNX's default)

Shapes as everywhere: X (T, B, D), states (B, H), W (D, 3H), U (H, 3H), b (3H,), c (H,), the gates in the order
r, z, n. It is as fast as the LSTM by the same means (`lstm`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

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
    tape: Array  # (T, 4, B, H): r, z, n and q (reset after) or s (reset before) of each step
    on: NDArray[np.bool_] | None  # (T, B, 1)


@dataclass(frozen=True)
class GRU:
    """Gated recurrent unit. State: (h,), (B, H).

    W (D, 3H), U (H, 3H), b (3H,), and with reset="after" c (H,), the candidate's bias inside the reset; of one
    dtype. Raises TypeError and ValueError for what does not fit.
    """

    W: Array
    U: Array
    b: Array
    c: Array | None = None
    reset: Literal["after", "before"] = "after"

    causal = True

    def __post_init__(self) -> None:
        if self.reset not in ("after", "before"):
            raise ValueError(f"reset: expected 'after' or 'before', got {self.reset!r}")
        H = require("U", self.U, ("H", "3H")).shape[0]
        require("U", self.U, (H, 3 * H))
        require("W", self.W, ("D", 3 * H))
        require("b", self.b, (3 * H,))
        if self.reset == "after":
            require("c", self.c, (H,))
        elif self.c is not None:
            raise ValueError(
                "c: expected None with reset='before', where b_n is the candidate's only bias; got an array"
            )
        common_dtype(self.parameters)
        require_finite(self.parameters)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H)."""
        return self.W.shape[0], self.U.shape[0]

    @property
    def parameters(self) -> dict[str, Array]:
        """W, U, b, and c if there is one."""
        return {"W": self.W, "U": self.U, "b": self.b} | ({} if self.c is None else {"c": self.c})

    def zero_state(self, B: int) -> State:
        """(h,) with h (B, H) of zeros."""
        return (np.zeros((require_count("B", B, 0), self.U.shape[0]), self.U.real.dtype),)

    def forward(self, X: Array, state_0: Sequence[Array] | None = None, mask: NDArray | None = None) -> Run:
        """All states of a sequence. Where the mask is 0, h is carried over.

        X (T, B, D), state_0 (h_0,) with h_0 (B, H), mask (T, B). Returns H (T, B, H) and state (h_T,).
        """
        D, width = self.sizes
        T, B, _ = require("X", X, ("T", "B", D)).shape
        (h_0,) = require_state("state_0", state_0, ("h_0",), self.zero_state(B))
        dtype = common_dtype({"X": X, "h_0": h_0, **self.parameters})
        on = require_mask(mask, T, B)
        on = None if on is None else on[:, :, None]

        # σ(a) = ½ tanh(½a) + ½: the inner ½ goes into copies of the weights.
        fold = np.repeat(np.array([0.5, 0.5, 1], self.U.real.dtype), width)
        W, b = self.W * fold, self.b * fold
        # One product with h₋ a step: for all three gates, or for r and z where the candidate waits for r.
        gates = 3 if self.c is not None else 2
        U = column_blocks((self.U * fold)[:, : gates * width], B)
        U_n = column_blocks(self.U[:, 2 * width :], B)
        H, tape = recycled((T + 1, B, width), dtype), recycled((T, 4, B, width), dtype)
        H[0] = h_0
        a = np.empty((B, gates * width), dtype)
        a_rz, hU_n, a_blocks = a[:, : 2 * width], a[:, 2 * width :], by_gate(a, len(U))
        a_rz_gates = by_gate(a_rz, 2)
        for steps in chunks(T, B, width):
            xW = recycled((steps.stop - steps.start, B, 3 * width), dtype)
            np.matmul(X[steps].reshape(-1, D), W, out=xW.reshape(-1, 3 * width))
            xW += b
            for t, xW_t in enumerate(xW, steps.start):
                (r, z, n, q_or_s), h_prev, h = tape[t], H[t], H[t + 1]
                np.matmul(h_prev, U, out=a_blocks)
                a_rz += xW_t[:, : 2 * width]
                np.tanh(a_rz, out=a_rz)
                np.copyto(tape[t, :2], a_rz_gates)
                to_sigmoid(tape[t, :2])
                if self.c is not None:
                    np.add(hU_n, self.c, out=q_or_s)
                    np.multiply(r, q_or_s, out=n)
                else:
                    np.multiply(r, h_prev, out=q_or_s)
                    np.matmul(q_or_s, U_n, out=by_gate(n, len(U_n)))
                n += xW_t[:, 2 * width :]
                np.tanh(n, out=n)
                # h = (1 - z) n + z h₋ = n + z (h₋ - n)
                np.subtract(h_prev, n, out=h)
                h *= z
                h += n
                if on is not None:
                    np.copyto(h, h_prev, where=~on[t])
        return Run(H[1:], (H[T].copy(),), _Saved(X, H, tape, on))

    def backward(self, run: Run, G: Array, dstate: Sequence[Array] | None = None) -> Gradients:
        """From the last step back:

            δh = G + δh₊                        δa_n = δh ⊙ (1 - z)(1 - n²)
            δa_z = δh ⊙ (h₋ - n) z(1 - z)

            reset="after":  δq = r ⊙ δa_n       δa_r = δq ⊙ q(1 - r)       δh₋ = δh ⊙ z + [δa_r, δa_z, δq] Uᵀ
            reset="before": δs = δa_n U_nᵀ      δa_r = δs ⊙ s(1 - r)       δh₋ = δh ⊙ z + δs ⊙ r + [δa_r, δa_z] U_rzᵀ

        Where the mask is 0 a step passes δh on as it is. G (T, B, H); dstate (dh_T,).
        """
        X, H, tape, on = saved_by(self, run, _Saved)
        T, B, D = X.shape
        width = H.shape[-1]
        require("G", G, (T, B, width))
        (dh_T,) = require_state("dstate", dstate, ("dh_T",), self.zero_state(B))
        dtype = common_dtype({"H": H, "G": G, "dh_T": dh_T})

        dh = dh_T.astype(dtype)
        dX = recycled(X.shape, dtype)
        dW, dU, dbias = (np.zeros(shape, dtype) for shape in (self.W.shape, self.U.shape, (4, width)))
        after = self.c is not None
        # δa of a step are rows of four blocks, δq, δa_r, δa_z, δa_n. With reset after, q stands where n stands for W;
        # so W meets the last three and U, its blocks put in the order n, r, z, the first three.
        n_first = np.roll(self.U, width, axis=1)
        first_three, r_and_z, last_three = slice(3 * width), slice(width, 3 * width), slice(width, 4 * width)
        recurrent = first_three if after else r_and_z
        U_T = column_blocks(transposed(n_first[:, recurrent]), B)
        U_n_T = column_blocks(transposed(self.U[:, 2 * width :]), B)
        da, (u, v) = np.zeros((4, B, width), dtype), np.empty((2, B, width), dtype)
        dq, da_r, da_z, da_n = da
        u_blocks, v_blocks = by_gate(u, len(U_n_T)), by_gate(v, len(U_T))
        for steps in reversed(list(chunks(T, B, width))):
            rows_n = steps.stop - steps.start
            dA = recycled((rows_n, B, 4 * width), dtype)
            dA_gates = by_gate(dA, 4)
            for t in reversed(range(steps.start, steps.stop)):
                (r, z, n, q_or_s), h = tape[t], H[t + 1]
                dh += G[t]
                if on is not None:
                    held_h = dh * ~on[t]
                    dh *= on[t]
                # da_z = dh (1 - z) (h - n), where h - n is z (h₋ - n), and da_n = dh (1 - z) (1 - n²)
                np.multiply(dh, np.subtract(1, z, out=u), out=u)
                np.subtract(h, n, out=da_z)
                da_z *= u
                np.multiply(n, n, out=da_n)
                np.subtract(1, da_n, out=da_n)
                da_n *= u
                dh *= z
                np.subtract(1, r, out=da_r)
                da_r *= q_or_s
                if after:
                    da_r *= np.multiply(r, da_n, out=dq)
                else:
                    np.matmul(da_n, U_n_T, out=u_blocks)  # ds
                    da_r *= u
                    dh += np.multiply(u, r, out=u)
                dbias += da.sum(axis=1)
                np.copyto(dA_gates[:, t - steps.start], da)
                np.matmul(dA[t - steps.start][:, recurrent], U_T, out=v_blocks)
                dh += v
                if on is not None:
                    dh += held_h
            rows = dA.reshape(rows_n * B, 4 * width)
            x, h_prev = X[steps].reshape(-1, D), H[steps].reshape(-1, width)
            np.matmul(rows[:, last_three], self.W.T, out=dX[steps].reshape(-1, D))
            dW += np.matmul(x.T, rows[:, last_three], out=recycled(dW.shape, dtype))
            if after:
                dU += np.matmul(h_prev.T, rows[:, first_three], out=recycled(dU.shape, dtype))
            else:
                dU[:, : 2 * width] += h_prev.T @ rows[:, r_and_z]
                dU[:, 2 * width :] += tape[steps, 3].reshape(-1, width).T @ rows[:, 3 * width :]
        if after:
            dU = np.roll(dU, -width, axis=1)  # from the order n, r, z
        dc, db = dbias[0], dbias[1:].reshape(3 * width)
        return Gradients(dX, (dh,), {"W": dW, "U": dU, "b": db} | ({"c": dc} if after else {}))
