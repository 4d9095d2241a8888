"""The GRU in PyTorch, with the reset gate after or before the recurrent product, and its backward by hand.

Row vectors, time first; X (T, B, D), h (B, H), W (D, 3H), U (H, 3H), b (3H,), blocks in the order r, z, n;
c (H,) is the candidate's recurrent bias, which the reset gate multiplies when it comes after the product.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from autograder.recurrent.pytorch.arguments import arguments, steps, where_on
from autograder.recurrent.pytorch.initial import start_matrices
from autograder.recurrent.pytorch.layer import Layer

Reset = Literal["after", "before"]


class Step(NamedTuple):
    """One step's result and what its backward needs; each (B, H).

    `q` is what the reset gate meets in the candidate: h_{t-1} U_n + c (after), h_{t-1} itself (before).
    """

    h: Tensor
    r: Tensor
    z: Tensor
    n: Tensor
    q: Tensor


def step(a: Tensor, h: Tensor, U: Tensor, c: Tensor | None, reset: Reset) -> Step:
    """One step from a = x_t W + b (B, 3H) and h_{t-1} (B, H), by the equations of `GRU`."""
    width = h.shape[1]
    a_r, a_z, a_n = a.chunk(3, dim=1)
    if reset == "after":
        u_r, u_z, u_n = (h @ U).chunk(3, dim=1)
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
        q = u_n if c is None else u_n + c
        n = torch.tanh(a_n + r * q)
    else:
        u_r, u_z = (h @ U[:, : 2 * width]).chunk(2, dim=1)
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
        q = h
        n = torch.tanh(a_n + (r * q) @ U[:, 2 * width :])
    return Step((1 - z) * n + z * h, r, z, n, q)


class GRU(Layer):
    """A gated recurrent unit. State: (h,).

    r = σ(x W_r + h₋ U_r + b_r),  z = σ(x W_z + h₋ U_z + b_z),  h = (1 - z) ⊙ n + z ⊙ h₋  with
    n = tanh(x W_n + b_n + r ⊙ (h₋ U_n + c))  if reset is "after" (Keras, cuDNN, torch.nn.GRU), or
    n = tanh(x W_n + b_n + (r ⊙ h₋) U_n)      if it is "before" (the paper of 2014); there is no c then.

    Parameters W (D, 3H), U (H, 3H), b (3H,), c (H,). With `by_hand` the gradients come from GRUFunction.
    """

    def __init__(
        self,
        D: int,
        H: int,
        reset: Reset = "after",
        *,
        by_hand: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """D inputs, H hidden units. Raises ValueError for a reset that is neither "after" nor "before"."""
        super().__init__()
        if reset not in ("after", "before"):
            raise ValueError(f"reset: expected 'after' or 'before', got {reset!r}")
        self.reset, self.by_hand = reset, by_hand
        self.W = nn.Parameter(torch.empty(D, 3 * H, device=device, dtype=dtype))
        self.U = nn.Parameter(torch.empty(H, 3 * H, device=device, dtype=dtype))
        self.b = nn.Parameter(torch.empty(3 * H, device=device, dtype=dtype))
        self.c = nn.Parameter(torch.empty(H, device=device, dtype=dtype)) if reset == "after" else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Each gate by itself: W uniform after Glorot, U orthogonal; biases zero."""
        start_matrices(self.W, self.U, 3)
        nn.init.zeros_(self.b)
        if self.c is not None:
            nn.init.zeros_(self.c)

    @property
    def sizes(self) -> tuple[int, int]:
        """(D, H)."""
        return self.W.shape[0], self.U.shape[0]

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
            H = GRUFunction.apply(X, h, self.W, self.U, self.b, self.c, on)
            return H, (H[-1],)
        A = X @ self.W + self.b  # the input's share of every step at once: it does not wait for the recurrence
        states = []
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            h = where_on(m, step(a, h, self.U, self.c, self.reset).h, h)
            states.append(h)
        return torch.stack(states), (h,)


class GRUFunction(torch.autograd.Function):
    """A masked GRU whose backward is written out: GRUFunction.apply(X, h_0, W, U, b, c, on) is H (T, B, H).

    `on` is the mask as booleans (T, B, 1), or None. With c the reset gate comes after the product; c None means
    before it. It can be differentiated once.
    """

    @staticmethod
    def forward(
        ctx: Any, X: Tensor, h_0: Tensor, W: Tensor, U: Tensor, b: Tensor, c: Tensor | None, on: Tensor | None
    ) -> Tensor:
        """The equations of `GRU`; what the backward needs of each step is kept."""
        A = X @ W + b
        states, kept, h = [], [], h_0
        for a, m in zip(A.unbind(0), steps(on, len(X)), strict=True):
            now = step(a, h, U, c, "before" if c is None else "after")
            h = where_on(m, now.h, h)
            states.append(h)
            kept.append(now[1:])
        H = torch.stack(states)
        gates = [torch.stack(gate) for gate in zip(*kept, strict=True)]
        ctx.save_for_backward(X, H, *gates, h_0, W, U, c, on)
        return H

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        """From the last step back; the factors of δh are made for all steps at once, the sums over steps last.

        δa_n = δh (1 - z)(1 - n²),  δa_z = δh (h₋ - n) z (1 - z),  and with the reset gate after the product
        δq = r δa_n,  δa_r = δa_n q r (1 - r),  δh₋ = δh z + δa_r U_rᵀ + δa_z U_zᵀ + δq U_nᵀ;  before it
        δs = δa_n U_nᵀ,  δa_r = δs h₋ r (1 - r),  δh₋ = δh z + δa_r U_rᵀ + δa_z U_zᵀ + δs r.
        """
        X, H, r, z, n, q, h_0, W, U, c, on = ctx.saved_tensors
        T, _, width = H.shape
        H_prev = torch.cat([h_0[None], H[:-1]])
        U_rz, U_n = U[:, : 2 * width], U[:, 2 * width :]
        to_n, to_z, to_r = (1 - z) * (1 - n * n), (H_prev - n) * z * (1 - z), q * r * (1 - r)
        if on is not None:
            to_n, to_z = on * to_n, on * to_z  # δa_r follows δa_n
        m = steps(on, T)
        da, dq = [H] * T, [H] * T  # placeholders
        dh = torch.zeros_like(h_0)
        for t in reversed(range(T)):
            dh = G[t] + dh
            da_n, da_z = dh * to_n[t], dh * to_z[t]
            if c is not None:
                da_r = da_n * to_r[t]
                dq[t] = da_n * r[t]
                through = torch.cat([da_r, da_z, dq[t]], dim=1) @ U.T
            else:
                ds = da_n @ U_n.T
                da_r = ds * to_r[t]
                through = torch.cat([da_r, da_z], dim=1) @ U_rz.T + ds * r[t]
            da[t] = torch.cat([da_r, da_z, da_n], dim=1)
            dh = where_on(m[t], dh * z[t] + through, dh)
        dA = torch.stack(da)
        rows, prev = dA.flatten(0, 1), H_prev.flatten(0, 1)  # T·B rows each
        if c is not None:
            at_n, from_n = torch.stack(dq).flatten(0, 1), prev  # U_n sees δq, not δa_n
            dc = at_n.sum(0)
        else:
            at_n, from_n = rows[:, 2 * width :], (r * H_prev).flatten(0, 1)
            dc = None
        dU = torch.cat([prev.T @ rows[:, : 2 * width], from_n.T @ at_n], dim=1)
        return dA @ W.T, dh, X.flatten(0, 1).T @ rows, dU, rows.sum(0), dc, None
