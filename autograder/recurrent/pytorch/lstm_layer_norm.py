"""The layer-normalised LSTM (Ba, Kiros and Hinton 2016) in PyTorch, and its backward by hand.

Row vectors, time first; X (T, B, D), h and c (B, H), W (D, 4H), U (H, 4H), blocks in the order i, f, g, o. Beside the
plain LSTM's there are gains and a bias: b, γ_x and γ_h (4H,), γ_c and β_c (H,).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from autograder.recurrent.pytorch.arguments import arguments, steps, where_on
from autograder.recurrent.pytorch.initial import start_matrices
from autograder.recurrent.pytorch.layer import Layer

EPSILON = 1e-5
"""Added to the variance, as torch.nn.LayerNorm does by default."""


class Normal(NamedTuple):
    """Rows of mean 0 and variance 1, and the factor they were multiplied by, 1 / √(var + ε), one a row."""

    rows: Tensor
    scale: Tensor


def normalise(v: Tensor) -> Normal:
    """(v - mean v) / √(var v + ε) along the last axis. v (..., N); the scale (..., 1)."""
    centred = v - v.mean(dim=-1, keepdim=True)
    scale = torch.rsqrt((centred * centred).mean(dim=-1, keepdim=True) + EPSILON)
    return Normal(centred * scale, scale)


def normalise_backward(dn: Tensor, n: Tensor, scale: Tensor) -> Tensor:
    """δv from δn, where n, scale = normalise(v): δv = (δn - mean δn - n ⊙ mean(δn ⊙ n)) · scale.

    v reaches n by its own entry, by the mean and by the variance. The two means take out what a shift and a stretch of
    the row would have changed: nothing, since n notices neither (the stretch but for ε).
    """
    shift, stretch = dn.mean(dim=-1, keepdim=True), (dn * n).mean(dim=-1, keepdim=True)
    return (dn - shift - n * stretch) * scale


class Step(NamedTuple):
    """One step's result and what its backward needs; each (B, ·). `of_h` is h₋ U normalised, `of_c` the new cell."""

    h: Tensor
    c: Tensor
    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor
    u: Tensor
    of_h: Normal
    of_c: Normal


def step(a: Tensor, h: Tensor, c: Tensor, U: Tensor, gamma_h: Tensor, gamma_c: Tensor, beta_c: Tensor) -> Step:
    """One step from a = LN(x_t W; γ_x) + b (B, 4H), h_{t-1} and c_{t-1} (B, H), by the equations of `LayerNormLSTM`."""
    of_h = normalise((h @ U).to(h.dtype))  # means and variances in full precision under autocast too
    a_i, a_f, a_g, a_o = (a + of_h.rows * gamma_h).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
    c = f * c + i * g
    of_c = normalise(c)
    u = torch.tanh(of_c.rows * gamma_c + beta_c)
    return Step(o * u, c, i, f, g, o, u, of_h, of_c)


class LayerNormLSTM(Layer):
    """An LSTM whose pre-activations and whose shown cell are normalised, row by row. State: (h, c).

    (a_i, a_f, a_g, a_o) = LN(x W; γ_x) + LN(h₋ U; γ_h) + b,   i, f, o = σ(a_i), σ(a_f), σ(a_o),   g = tanh(a_g),
    c = f ⊙ c₋ + i ⊙ g,   h = o ⊙ u   with   u = tanh(LN(c; γ_c) + β_c).

    LN(v; γ) = γ ⊙ (v - mean v) / √(var v + ε), mean and variance over the units of one row: over all 4H entries of a
    product, over the H of a cell. The cell itself is carried on unnormalised.

    Parameters W (D, 4H), U (H, 4H), b, gamma_x, gamma_h (4H,), gamma_c, beta_c (H,). With `by_hand` the gradients come
    from LayerNormLSTMFunction.
    """

    def __init__(
        self,
        D: int,
        H: int,
        *,
        forget_bias: float = 1.0,
        by_hand: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """D inputs, H hidden units."""
        super().__init__()

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*shape, device=device, dtype=dtype))

        self.by_hand, self.forget_bias = by_hand, forget_bias
        self.W, self.U, self.b = parameter(D, 4 * H), parameter(H, 4 * H), parameter(4 * H)
        self.gamma_x, self.gamma_h = parameter(4 * H), parameter(4 * H)
        self.gamma_c, self.beta_c = parameter(H), parameter(H)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Each gate by itself: W uniform after Glorot, U orthogonal; gains 1; biases 0 but the forget gate's."""
        start_matrices(self.W, self.U, 4)
        for gain in (self.gamma_x, self.gamma_h, self.gamma_c):
            gain.fill_(1)
        for bias in (self.b, self.beta_c):
            bias.zero_()
        self.b.chunk(4)[1].fill_(self.forget_bias)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H)."""
        return self.W.shape[0], self.U.shape[0]

    @property
    def state_widths(self) -> dict[str, int]:
        """h_0: H, c_0: H."""
        return {"h_0": self.U.shape[0], "c_0": self.U.shape[0]}

    def forward(
        self, X: Tensor, state_0: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """X (T, B, D), state_0 (h_0, c_0), mask (T, B). Returns H (T, B, H) and (h_T, c_T)."""
        X, (h, c), on = arguments(X, state_0, mask, self.W, self.state_widths)
        gains = self.gamma_h, self.gamma_c, self.beta_c
        if self.by_hand:
            H, c = LayerNormLSTMFunction.apply(X, h, c, self.W, self.U, self.b, self.gamma_x, *gains, on)
            return H, (H[-1], c)
        A = normalise((X @ self.W).to(self.W.dtype)).rows * self.gamma_x + self.b  # every step's at once
        states = []
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            now = step(a, h, c, self.U, *gains)
            h, c = where_on(m, now.h, h), where_on(m, now.c, c)
            states.append(h)
        return torch.stack(states), (h, c)


class LayerNormLSTMFunction(torch.autograd.Function):
    """A masked layer-normalised LSTM whose backward is written out.

    LayerNormLSTMFunction.apply(X, h_0, c_0, W, U, b, γ_x, γ_h, γ_c, β_c, on) is (H, c_T); `on` is the mask as booleans
    (T, B, 1), or None. It can be differentiated once.
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
        gamma_x: Tensor,
        gamma_h: Tensor,
        gamma_c: Tensor,
        beta_c: Tensor,
        on: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """The equations of `LayerNormLSTM`; what the backward needs of each step is kept."""
        of_x = normalise((X @ W).to(W.dtype))
        A = of_x.rows * gamma_x + b
        states, cells, kept, h, c = [], [], [], h_0, c_0
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            now = step(a, h, c, U, gamma_h, gamma_c, beta_c)
            h, c = where_on(m, now.h, h), where_on(m, now.c, c)
            states.append(h)
            cells.append(c)
            kept.append((now.i, now.f, now.g, now.o, now.u, *now.of_h, *now.of_c))
        H, C = torch.stack(states), torch.stack(cells)
        stacked = [torch.stack(values) for values in zip(*kept, strict=True)]
        ctx.save_for_backward(X, H, C, *stacked, *of_x, h_0, c_0, W, U, gamma_x, gamma_h, gamma_c, on)
        return H, c

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, G: Tensor, dc: Tensor) -> tuple[Tensor | None, ...]:
        """The plain LSTM's recursion, with `normalise_backward` at the three places where something is normalised.

        With e = LN(c; γ_c) + β_c the cell's way to the output is u = tanh(e), so δe = δh o (1 - u²), and δc gains what
        comes back through LN from δe ⊙ γ_c. δh₋ = δq Uᵀ, where δq, of q = h₋ U, comes back through LN from δa ⊙ γ_h;
        and so δp, of p = x W, from δa ⊙ γ_x. A gain's gradient is Σ δ ⊙ n, with n the normalised rows it multiplied.
        """
        X, H, C, i, f, g, o, u, n_h, scale_h, n_c, scale_c, n_x, scale_x, *rest = ctx.saved_tensors
        h_0, c_0, W, U, gamma_x, gamma_h, gamma_c, on = rest
        T = len(X)
        C_prev = torch.cat([c_0[None], C[:-1]])
        to_i, to_f, to_g = g * i * (1 - i), C_prev * f * (1 - f), i * (1 - g * g)
        to_o, to_e = u * o * (1 - o), o * (1 - u * u)
        if on is not None:
            to_i, to_f, to_g, to_o, to_e = (on * factor for factor in (to_i, to_f, to_g, to_o, to_e))
        m = steps(on, T)
        da, dq, de = ([H] * T for _ in range(3))  # placeholders
        dh = torch.zeros_like(h_0)
        for t in reversed(range(T)):
            dh = G[t] + dh
            de[t] = dh * to_e[t]
            dc_t = dc + normalise_backward(de[t] * gamma_c, n_c[t], scale_c[t])
            da[t] = torch.cat([dc_t * to_i[t], dc_t * to_f[t], dc_t * to_g[t], dh * to_o[t]], dim=1)
            dq[t] = normalise_backward(da[t] * gamma_h, n_h[t], scale_h[t])
            dh, dc = where_on(m[t], dq[t] @ U.T, dh), where_on(m[t], dc_t * f[t], dc)
        dA, dQ, dE = torch.stack(da), torch.stack(dq), torch.stack(de)
        dP = normalise_backward(dA * gamma_x, n_x, scale_x)
        H_prev = torch.cat([h_0[None], H[:-1]])
        return (
            dP @ W.T,
            dh,
            dc,
            X.flatten(0, 1).T @ dP.flatten(0, 1),
            H_prev.flatten(0, 1).T @ dQ.flatten(0, 1),
            dA.sum((0, 1)),
            (dA * n_x).sum((0, 1)),
            (dA * n_h).sum((0, 1)),
            (dE * n_c).sum((0, 1)),
            dE.sum((0, 1)),
            None,
        )
