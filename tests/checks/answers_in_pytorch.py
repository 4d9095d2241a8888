"""Right answers in PyTorch as people write them: each whole, in a style of its own, none an edit of the solution.

`ANSWERS` maps a question and a style to what is checked.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Functions


@torch.no_grad()
def vanilla_step_without_gradient(x, h_prev, W, U, b):
    return torch.addmm(b, x, W).add(h_prev.mm(U)).tanh()


@torch.jit.script
def vanilla_step_scripted(x: Tensor, h_prev: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(torch.matmul(x, W) + torch.matmul(h_prev, U) + b)


def gates(x, h_prev, W, U, b, *, squash):
    a = F.linear(x, W.t(), b) + F.linear(h_prev, U.t())
    return [f(part) for f, part in zip(squash, a.split(h_prev.size(1), dim=-1), strict=True)]


def lstm_step(x, h_prev, c_prev, W, U, b, squash):
    i, f, g, o = gates(x, h_prev, W, U, b, squash=squash)
    c = torch.addcmul(f * c_prev, i, g)
    return {"c": c, "h": o * c.tanh()}


lstm_step_partial = functools.partial(lstm_step, squash=(torch.sigmoid, torch.sigmoid, torch.tanh, torch.sigmoid))


def cell_derivatives_by_stack(c_prev, gates):
    i, f, g, _o = gates.view(gates.shape[0], 4, -1).unbind(1)
    return torch.stack([g * i * (1 - i), c_prev * f * (1 - f), i * (1 - g.square()), torch.zeros_like(g)], 1).flatten(1)


def softmax_loss_by_cross_entropy(Y, targets, mask):
    T, B, K = Y.shape
    losses = F.cross_entropy(Y.reshape(-1, K), targets.reshape(-1), reduction="none").reshape(T, B)
    p = F.softmax(Y, dim=-1)
    gradient = (p - F.one_hot(targets, K).to(Y)) * (mask / mask.sum()).unsqueeze(2)
    return (losses * mask).sum() / mask.sum(), gradient


@dataclass
class Merging:
    """An object whose method is the answer."""

    half: float

    def last(self, H, lengths):
        B, width = H.shape[1], int(H.shape[2] * self.half)
        index = (lengths - 1).view(1, B, 1).expand(1, B, width)
        return torch.hstack([H[..., :width].gather(0, index).squeeze(0), H[0, :, width:]])


def by_pack_padded_thinking(X, lengths):
    """Rolls each column."""
    columns = []
    for k, n in enumerate(lengths.tolist()):
        columns.append(torch.cat([X[:n, k].flip(0), X[n:, k]]))
    return torch.stack(columns, dim=1)


def leaky_jacobian_in_place(n, U, alpha):
    J = alpha * U * (1 - n * n).unsqueeze(0)
    J.diagonal().add_(1 - alpha)
    return J


def clipped(dW, dU, db, max_norm):
    norm = torch.linalg.vector_norm(torch.stack([g.norm() for g in (dW, dU, db)]))
    factor = torch.clamp(max_norm / norm, max=1.0) if norm > 0 else torch.ones_like(norm)
    return [*torch._foreach_mul([dW, dU, db], factor), norm]


def language_loss(Y, targets):
    log_p = F.log_softmax(Y, dim=-1)
    nats = F.nll_loss(log_p.flatten(0, 1), targets.flatten())
    dY = log_p.exp()
    dY.scatter_add_(-1, targets.unsqueeze(-1), -torch.ones_like(dY[..., :1]))
    return nats, nats / torch.tensor(2.0, dtype=nats.dtype).log(), nats.exp(), dY / targets.numel()


def mean_state(H, mask, dmean):
    lengths = mask.sum(0).clamp_min(1).unsqueeze(-1)
    return torch.einsum("tbh,tb->bh", H, mask) / lengths, torch.einsum("tb,bh->tbh", mask, dmean / lengths)


def gru_from_keras(kernel, recurrent_kernel, bias):
    def reordered(w):
        z, r, n = w.chunk(3, -1)
        return torch.cat([r, z, n], -1)

    inner, outer = (reordered(row) for row in bias)
    H = len(recurrent_kernel)
    b = inner.clone()
    b[: 2 * H] += outer[: 2 * H]
    return reordered(kernel), reordered(recurrent_kernel), b, outer[-H:]


# Operations with a backward


class StepInNewStyle(torch.autograd.Function):
    """forward without ctx, setup_context, attributes instead of saved tensors."""

    @staticmethod
    def forward(x, h_prev, W, U, b):
        return torch.tanh(x @ W + h_prev @ U + b)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.everything = (*inputs[:4], output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dh):
        x, h_prev, W, U, h = ctx.everything
        da = torch.ops.aten.tanh_backward(dh, h)
        return da.mm(W.t()), da.mm(U.t()), x.t().mm(da), h_prev.t().mm(da), da.sum(0)


class Recurrent(torch.autograd.Function):
    """A base of the learner's own."""

    @staticmethod
    def through_weights(da, x, h_prev, W, U):
        return da @ W.mT, da @ U.mT, x.mT @ da, h_prev.mT @ da, da.sum(dim=-2)


class LSTMStep(Recurrent):
    """Recomputes everything; keeps only what went in."""

    @staticmethod
    def run(x, h_prev, c_prev, W, U, b):
        i, f, g, o = (x @ W + h_prev @ U + b).chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c_prev + i * g
        return i, f, g, o, c

    @staticmethod
    def forward(ctx, *inputs):
        ctx.save_for_backward(*inputs)
        *_, o, c = LSTMStep.run(*inputs)
        return o * c.tanh(), c

    @staticmethod
    def backward(ctx, *arrived):
        x, h_prev, c_prev, W, U, b = ctx.saved_tensors
        dh, dc = arrived
        i, f, g, o, c = LSTMStep.run(x, h_prev, c_prev, W, U, b)
        s = c.tanh()
        dc = dc + dh * o * (1 - s**2)
        da = torch.cat([dc * g * (i - i**2), dc * c_prev * (f - f**2), dc * i * (1 - g**2), dh * s * (o - o**2)], 1)
        dx, dh_prev, dW, dU, db = Recurrent.through_weights(da, x, h_prev, W, U)
        return dx, dh_prev, dc * f, dW, dU, db


class MaskedWalk(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, h_0, W, U, b, mask):
        states = [h_0]
        for x, m in zip(X, mask, strict=True):
            states.append(torch.where(m[:, None].bool(), torch.tanh(x @ W + states[-1] @ U + b), states[-1]))
        ctx.cache = {"states": torch.stack(states), "X": X, "W": W, "U": U, "mask": mask}
        return ctx.cache["states"][1:].clone()

    @staticmethod
    def backward(ctx, G):
        S, X, W, U, mask = (ctx.cache[k] for k in ("states", "X", "W", "U", "mask"))
        raw = []
        carried = torch.zeros_like(S[0])
        for t in range(len(X) - 1, -1, -1):
            total = G[t] + carried
            raw.append(total * mask[t, :, None] * (1 - S[t + 1] ** 2))
            carried = raw[-1] @ U.T + total * (1 - mask[t, :, None])
        A = torch.stack(raw).flip(0)
        T, B = mask.shape
        flat = A.reshape(T * B, -1)
        dU = S[:-1].reshape(T * B, -1).T @ flat
        return A @ W.T, carried, X.reshape(T * B, -1).T @ flat, dU, flat.sum(0), None


class Merges(torch.autograd.Function):
    @staticmethod
    def forward(ctx, H_f, H_b):
        ctx.save_for_backward(H_f, H_b)
        both = torch.stack([H_f, H_b])
        return both.sum(0), both.mean(0), both.prod(0)

    @staticmethod
    def backward(ctx, G_sum, G_average, G_product):
        shared = torch.add(G_sum, G_average, alpha=0.5)
        return tuple(torch.addcmul(shared, G_product, other) for other in reversed(ctx.saved_tensors))


# Modules


class Base(nn.Module):
    """The learner's own base class: parameters, and the loop over time."""

    blocks = 1
    extra: tuple[str, ...] = ()

    def __init__(self, D: int, H: int, device=None, dtype=None) -> None:
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.register_parameter("W", nn.Parameter(torch.empty(D, self.blocks * H, **options)))
        self.register_parameter("U", nn.Parameter(torch.empty(H, self.blocks * H, **options)))
        self.register_parameter("b", nn.Parameter(torch.empty(self.blocks * H, **options)))
        for name in self.extra:
            self.register_parameter(name, nn.Parameter(torch.empty(H, **options)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def step(self, x, state):
        raise NotImplementedError

    def scan(self, X, state, mask):
        history = []
        for x, m in zip(X.unbind(0), mask.unbind(0), strict=True):
            m = m[:, None]
            state = tuple(torch.lerp(old, new, m) for old, new in zip(state, self.step(x, state), strict=True))
            history.append(state)
        return tuple(torch.stack(part) for part in zip(*history, strict=True))


class MyRNN(Base):
    def step(self, x, state):
        return (torch.tanh(x @ self.W + state[0] @ self.U + self.b),)

    def forward(self, X, h_0, mask=None):
        return self.scan(X, (h_0,), torch.ones(X.shape[:2]) if mask is None else mask)[0]


class MyLSTM(Base):
    blocks = 4

    def step(self, x, state):
        h, c = state
        ifgo = torch.baddbmm(self.b, x[None], self.W[None])[0] + h @ self.U
        H = h.shape[1]
        i, f, o = torch.sigmoid(ifgo[:, :H]), torch.sigmoid(ifgo[:, H : 2 * H]), torch.sigmoid(ifgo[:, 3 * H :])
        c = f * c + i * torch.tanh(ifgo[:, 2 * H : 3 * H])
        return o * torch.tanh(c), c

    def forward(self, X, h_0, c_0, mask):
        return self.scan(X, (h_0, c_0), mask)


class MyGRU(Base):
    blocks, extra = 3, ("c_n",)

    def step(self, x, state):
        (h,) = state
        W_r, W_z, W_n = self.W.chunk(3, 1)
        U_r, U_z, U_n = self.U.chunk(3, 1)
        b_r, b_z, b_n = self.b.chunk(3)
        r = torch.sigmoid(F.linear(x, W_r.T, b_r) + F.linear(h, U_r.T))
        z = torch.sigmoid(F.linear(x, W_z.T, b_z) + F.linear(h, U_z.T))
        n = torch.tanh(F.linear(x, W_n.T, b_n) + r * F.linear(h, U_n.T, self.c_n))
        return (torch.lerp(n, h, z),)

    def forward(self, X, h_0, mask):
        return [self.scan(X, (h_0,), mask)[0]]


class StepModule(nn.Module):
    """A submodule that has no parameters of its own."""

    def forward(self, pre, h, U):
        return torch.tanh(pre + h @ U)


class MyChunks(nn.Module):
    def __init__(self, D, H, k, nonlinearity="tanh"):
        super().__init__()
        self.W, self.U = nn.Parameter(torch.rand(D, H)), nn.Parameter(torch.rand(H, H))
        self.b = nn.Parameter(torch.rand(H))
        self.k, self.cell = k, StepModule()

    def forward(self, X, h_0):
        out, h = [], h_0
        for chunk in X.split(self.k):
            h = h.clone().detach()
            for pre in (chunk @ self.W + self.b).unbind():
                h = self.cell(pre, h, self.U)
                out.append(h.unsqueeze(0))
        return torch.cat(out)


class MyBidirectional(nn.Module):
    """Each sequence by itself, without a mask."""

    def __init__(self, D, H):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(2, H))
        self.U = nn.Parameter(torch.zeros(2, H, H))
        self.W = nn.Parameter(torch.zeros(2, D, H))

    def half(self, xs, h, k):
        states = []
        for x in xs:
            h = torch.tanh(x @ self.W[k] + h @ self.U[k] + self.b[k])
            states.append(h)
        return states

    def forward(self, X, h_0, mask):
        H = X.new_zeros(*X.shape[:2], 2 * h_0.shape[-1])
        columns = []
        for n, length in enumerate(mask.sum(0).int().tolist()):
            column = H[:, n]
            if length:
                there = self.half(X[:length, n], h_0[0, n], 0)
                back = self.half(X[:length, n].flip(0), h_0[1, n], 1)[::-1]
                pairs = torch.stack([torch.cat(pair) for pair in zip(there, back, strict=True)])
                column = torch.cat([pairs, column[length:]])
            columns.append(column)
        return torch.stack(columns, dim=1)


ANSWERS = {
    ("vanilla/step-forward", "torch.no_grad, addmm"): vanilla_step_without_gradient,
    ("vanilla/step-forward", "torch.jit.script"): vanilla_step_scripted,
    ("vanilla/softmax-loss", "F.cross_entropy"): softmax_loss_by_cross_entropy,
    ("vanilla/sequence-forward", "a base class of the learner's own"): MyRNN,
    ("vanilla/step-backward", "setup_context, once_differentiable"): StepInNewStyle,
    ("vanilla/sequence-backward", "a dict in ctx"): MaskedWalk,
    ("lstm/step-forward", "functools.partial, a dict"): lstm_step_partial,
    ("lstm/cell-derivatives", "view and unbind"): cell_derivatives_by_stack,
    ("lstm/sequence-forward", "the same base class"): MyLSTM,
    ("lstm/step-backward", "recomputed, a base class"): LSTMStep,
    ("gru/sequence-forward", "F.linear, a list of one"): MyGRU,
    ("gru/from-keras", "in place on a clone"): gru_from_keras,
    ("bptt/by-chunks", "split and clone().detach(), a submodule"): MyChunks,
    ("bptt/leaky-jacobian", "the diagonal in place"): leaky_jacobian_in_place,
    ("bptt/clip-by-global-norm", "vector_norm of norms"): clipped,
    ("bidirectional/reverse-by-length", "column by column"): by_pack_padded_thinking,
    ("bidirectional/last-output", "a dataclass's method, gather"): Merging(0.5).last,
    ("bidirectional/forward", "one sequence at a time"): MyBidirectional,
    ("bidirectional/merges", "stack, addcmul"): Merges,
    ("language-model/language-loss", "log_softmax, nll_loss"): language_loss,
    ("names/mean-state", "einsum"): mean_state,
}
