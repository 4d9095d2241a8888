"""The vanilla RNN in PyTorch: a module, and its backward pass written by hand.

Notation as everywhere in the course: row vectors, time first; X (T, B, D), h (B, H), W (D, H), U (H, H), b (H,),
mask (T, B). A name that begins with d is the derivative of the loss with respect to what follows.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from autograder.recurrent.pytorch.arguments import arguments, steps, where_on
from autograder.recurrent.pytorch.initial import start_matrices
from autograder.recurrent.pytorch.layer import Layer


class Activation(NamedTuple):
    """`value` maps pre-activations to outputs, `slope` *outputs* to dh/da; both keep shape and dtype."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(torch.tanh, lambda h: 1 - h * h),
    "relu": Activation(torch.relu, lambda h: (h > 0).to(h.dtype)),
    "identity": Activation(lambda a: a, torch.ones_like),
}
"""By name. The slope of relu at exactly 0 is taken as 0, as autograd does."""


class VanillaRNN(Layer):
    """h_t = φ(x_t W + h_{t-1} U + b), with φ = tanh, relu or identity. State: (h,).

    Parameters W (D, H), U (H, H), b (H,). With `by_hand` the gradients come from VanillaFunction.
    """

    def __init__(
        self,
        D: int,
        H: int,
        activation: str = "tanh",
        *,
        by_hand: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """D inputs, H hidden units. Raises ValueError for an activation that is not there."""
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        self.activation, self.by_hand = activation, by_hand
        self.W = nn.Parameter(torch.empty(D, H, device=device, dtype=dtype))
        self.U = nn.Parameter(torch.empty(H, H, device=device, dtype=dtype))
        self.b = nn.Parameter(torch.empty(H, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """W uniform after Glorot, U orthogonal, b zero."""
        start_matrices(self.W, self.U, 1)
        nn.init.zeros_(self.b)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H)."""
        return self.W.shape[0], self.W.shape[1]

    @property
    def state_widths(self) -> dict[str, int]:
        """h_0: H."""
        return {"h_0": self.U.shape[0]}

    def forward(
        self, X: Tensor, state_0: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor]]:
        """X (T, B, D), state_0 (h_0,) with h_0 (B, H), mask (T, B). Returns H (T, B, H) and (h_T,)."""
        X, (h,), on = arguments(X, state_0, mask, self.W, self.state_widths)
        if self.by_hand:
            H = VanillaFunction.apply(X, h, self.W, self.U, self.b, on, self.activation)
            return H, (H[-1],)
        squash = ACTIVATIONS[self.activation].value
        A = X @ self.W + self.b  # the input's share of every step at once: it does not wait for the recurrence
        states = []
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            h = where_on(m, squash(a + h @ self.U), h)
            states.append(h)
        return torch.stack(states), (h,)


class VanillaFunction(torch.autograd.Function):
    """A masked RNN whose backward is written out: VanillaFunction.apply(X, h_0, W, U, b, on, "tanh") is H (T, B, H).

    `on` is the mask as booleans (T, B, 1), or None; the activation is that of `VanillaRNN`. It can be differentiated
    once.
    """

    @staticmethod
    def forward(
        ctx: Any,
        X: Tensor,
        h_0: Tensor,
        W: Tensor,
        U: Tensor,
        b: Tensor,
        on: Tensor | None,
        activation: str = "tanh",
    ) -> Tensor:
        """h_t = φ(x_t W + h_{t-1} U + b) where the mask is on, else h_{t-1}."""
        squash = ACTIVATIONS[activation].value
        A = X @ W + b
        states, h = [], h_0
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            h = where_on(m, squash(a + h @ U), h)
            states.append(h)
        H = torch.stack(states)
        ctx.activation = activation
        ctx.save_for_backward(X, H, h_0, W, U, on)
        return H

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        """δh_t = G_t + δa_{t+1} Uᵀ + (1 - m_{t+1}) δh_{t+1} and δa_t = m_t δh_t φ'(a_t), from the last step back.

        φ' is written in terms of the output: 1 - h² for tanh. Every sum over steps and batch is one product at the end.
        """
        X, H, h_0, W, U, on = ctx.saved_tensors
        slope = ACTIVATIONS[ctx.activation].slope(H)
        if on is not None:
            slope = on * slope
        m = steps(on, len(X))
        da: list[Tensor] = [H] * len(X)  # placeholders
        dh = torch.zeros_like(h_0)
        for t in reversed(range(len(X))):
            dh = G[t] + dh
            da[t] = dh * slope[t]
            dh = where_on(m[t], da[t] @ U.T, dh)
        dA = torch.stack(da)
        H_prev = torch.cat([h_0[None], H[:-1]])
        rows = dA.flatten(0, 1)  # (T·B, H)
        return dA @ W.T, dh, X.flatten(0, 1).T @ rows, H_prev.flatten(0, 1).T @ rows, rows.sum(0), None, None
