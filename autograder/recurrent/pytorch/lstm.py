"""The LSTM in PyTorch, with peepholes, coupled gates and projection, and its backward by hand.

Row vectors, time first; X (T, B, D), h and c (B, H), W (D, 4H), U (H, 4H), b (4H,), blocks in the order i, f, g, o.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from autograder.recurrent.pytorch.arguments import arguments, steps, where_on
from autograder.recurrent.pytorch.initial import start_matrices
from autograder.recurrent.pytorch.layer import Layer


class Step(NamedTuple):
    """One step's result, h (B, K), and what its backward needs; each (B, H)."""

    h: Tensor
    c: Tensor
    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor
    tanh_c: Tensor


def step(a: Tensor, c_prev: Tensor, P: Tensor | None, R: Tensor | None) -> Step:
    """One step from a = x_t W + h_{t-1} U + b (B, 4H, or 3H without the block of i) and c_{t-1}: see `LSTM`."""
    coupled = a.shape[1] == 3 * c_prev.shape[1]
    blocks = a.chunk(3 if coupled else 4, dim=1)
    a_f, a_g, a_o = blocks[-3:]
    a_i = blocks[0]
    if P is not None:  # its rows are i, f, o, or f, o
        a_i, a_f = a_i + c_prev * P[0], a_f + c_prev * P[-2]
    f = torch.sigmoid(a_f)
    i = 1 - f if coupled else torch.sigmoid(a_i)
    g = torch.tanh(a_g)
    c = f * c_prev + i * g
    o = torch.sigmoid(a_o if P is None else a_o + c * P[-1])  # the output gate sees the new cell
    tanh_c = torch.tanh(c)
    h = o * tanh_c
    if R is not None:
        h = (h @ R).to(h.dtype)  # autocast would leave the state in half precision
    return Step(h, c, i, f, g, o, tanh_c)


class LSTM(Layer):
    """Long short-term memory. State: (h, c).

    i = σ(x W_i + h₋ U_i + b_i + c₋ P_i),   f = σ(x W_f + h₋ U_f + b_f + c₋ P_f),   g = tanh(x W_g + h₋ U_g + b_g),
    c = f ⊙ c₋ + i ⊙ g,   o = σ(x W_o + h₋ U_o + b_o + c P_o),   h = o ⊙ tanh c   or, projected,   (o ⊙ tanh c) R.

    Parameters W (D, 4H), U (H, 4H), b (4H,); with `peepholes` P (3, H), for i, f, o. When `coupled`, i = 1 - f, the
    blocks are f, g, o and P is (2, H). With a `projection` to width K there is R (H, K), U is (K, 4H), h is (B, K).
    With `by_hand` the gradients come from LSTMFunction.
    """

    def __init__(
        self,
        D: int,
        H: int,
        *,
        peepholes: bool = False,
        coupled: bool = False,
        projection: int | None = None,
        forget_bias: float = 1.0,
        by_hand: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """D inputs, H cells, outputs of width `projection`, or H."""
        super().__init__()

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*shape, device=device, dtype=dtype))

        self.coupled, self.by_hand, self.forget_bias = coupled, by_hand, forget_bias
        width, blocks = projection or H, 3 if coupled else 4
        self.W = parameter(D, blocks * H)
        self.U = parameter(width, blocks * H)
        self.b = parameter(blocks * H)
        self.P = parameter(2 + (not coupled), H) if peepholes else None
        self.R = parameter(H, width) if projection else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Each gate by itself: W uniform after Glorot, U orthogonal; biases zero but the forget gate's; P zero."""
        blocks = 3 if self.coupled else 4
        start_matrices(self.W, self.U, blocks)
        self.b.zero_()
        self.b.chunk(blocks)[-3].fill_(self.forget_bias)  # open at the start, so that the cell remembers
        if self.P is not None:
            self.P.zero_()
        if self.R is not None:
            nn.init.xavier_uniform_(self.R)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H), or (D, K) with a projection."""
        return self.W.shape[0], self.U.shape[0]

    @property
    def state_widths(self) -> dict[str, int]:
        """h_0: H, or K with a projection; c_0: H."""
        return {"h_0": self.U.shape[0], "c_0": self.b.shape[0] // (3 if self.coupled else 4)}

    def forward(
        self, X: Tensor, state_0: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, ·) and (h_T, c_T)."""
        X, (h, c), on = arguments(X, state_0, mask, self.W, self.state_widths)
        if self.by_hand:
            H, c = LSTMFunction.apply(X, h, c, self.W, self.U, self.b, self.P, on, self.R)
            return H, (H[-1], c)
        A = X @ self.W + self.b  # the input's share of every step at once: it does not wait for the recurrence
        states = []
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            now = step(a + h @ self.U, c, self.P, self.R)
            h, c = where_on(m, now.h, h), where_on(m, now.c, c)
            states.append(h)
        return torch.stack(states), (h, c)


class LSTMFunction(torch.autograd.Function):
    """A masked LSTM whose backward is written out: LSTMFunction.apply(X, h_0, c_0, W, U, b, P, on, R) is (H, c_T).

    P (3, H) holds the peepholes of i, f, o, or is None; `on` is the mask as booleans (T, B, 1), or None; R (H, K) is
    the projection, or None. Three blocks, f, g, o, in place of four mean coupled gates; P is (2, H) then. It can be
    differentiated once.
    """

    @staticmethod
    def forward(
        ctx: Any,
        X: Tensor,
        h_0: Tensor,
        c_0: Tensor,
        W: Tensor,
        U: Tensor,
        b: Tensor,
        P: Tensor | None,
        on: Tensor | None,
        R: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The equations of `LSTM`; what the backward needs of each step is kept."""
        A = X @ W + b
        states, cells, kept, h, c = [], [], [], h_0, c_0
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            now = step(a + h @ U, c, P, R)
            h, c = where_on(m, now.h, h), where_on(m, now.c, c)
            states.append(h)
            cells.append(c)
            kept.append(now[2:])
        H, C = torch.stack(states), torch.stack(cells)
        gates = [torch.stack(gate) for gate in zip(*kept, strict=True)]
        ctx.save_for_backward(X, H, C, *gates, h_0, c_0, W, U, P, R, on)
        return H, c

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, G: Tensor, dc: Tensor) -> tuple[Tensor | None, ...]:
        """From the last step back, along both of the cell's paths; the factors are made for all steps at once.

        δa_o = δs tanh(c) o (1 - o),   δc += δs o (1 - tanh² c) + δa_o P_o,   δa_i = δc g i (1 - i),
        δa_f = δc c₋ f (1 - f),   δa_g = δc i (1 - g²),   δc₋ = δc f + δa_i P_i + δa_f P_f,   δh₋ = δa Uᵀ.

        Here s = o ⊙ tanh c, and δs = δh, or δh Rᵀ with a projection, and δR = Σ sᵀ δh. Coupled, a change of f changes
        i = 1 - f the other way: δa_f = δc (c₋ - g) f (1 - f), and there is no δa_i.
        """
        X, H, C, i, f, g, o, tanh_C, h_0, c_0, W, U, P, R, on = ctx.saved_tensors
        T = len(X)
        C_prev = torch.cat([c_0[None], C[:-1]])
        if W.shape[1] == 3 * C.shape[2]:  # coupled
            to_before = [(C_prev - g) * f * (1 - f)]
        else:
            to_before = [g * i * (1 - i), C_prev * f * (1 - f)]  # the gates that see the cell before the step
        to_g, to_o, to_c = i * (1 - g * g), tanh_C * o * (1 - o), o * (1 - tanh_C * tanh_C)
        m = steps(on, T)
        da: list[Tensor] = [H] * T  # placeholders
        into_h: list[Tensor] = [H] * T  # each step's δh, wanted for δR
        dh = torch.zeros_like(h_0)
        for t in reversed(range(T)):
            ds = dh = G[t] + dh
            if R is not None:
                ds, into_h[t] = dh @ R.T, dh
            da_o = ds * to_o[t]
            dc_t = dc + ds * to_c[t]
            if P is not None:
                dc_t = dc_t + da_o * P[-1]
            da_before = [dc_t * factor[t] for factor in to_before]
            dc_prev = dc_t * f[t]
            if P is not None:
                for gate, da_gate in enumerate(da_before):
                    dc_prev = dc_prev + da_gate * P[gate]
            da[t] = torch.cat([*da_before, dc_t * to_g[t], da_o], dim=1)
            if on is not None:
                da[t] = on[t] * da[t]
            dh, dc = where_on(m[t], da[t] @ U.T, dh), where_on(m[t], dc_prev, dc)
        dA = torch.stack(da)
        dP = dR = None
        if P is not None:
            *dA_before, _, dA_o = dA.chunk(len(to_before) + 2, dim=2)
            dP = torch.stack([*((dA_gate * C_prev).sum((0, 1)) for dA_gate in dA_before), (dA_o * C).sum((0, 1))])
        if R is not None:
            dH = torch.stack(into_h) if on is None else on * torch.stack(into_h)
            dR = (o * tanh_C).flatten(0, 1).T @ dH.flatten(0, 1)
        H_prev = torch.cat([h_0[None], H[:-1]])
        rows = dA.flatten(0, 1)  # (T·B, 4H)
        dU = H_prev.flatten(0, 1).T @ rows
        return dA @ W.T, dh, dc, X.flatten(0, 1).T @ rows, dU, rows.sum(0), dP, None, dR
