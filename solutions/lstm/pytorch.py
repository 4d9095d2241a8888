# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The LSTM, in PyTorch
#
# You write a long short-term memory from parameters and plain operations: one step, a masked sequence, a start that
# remembers for as long as you say. Then the way back through all of it by hand, where PyTorch would have done it for
# you. Last, you let the gates look into the cell, and see what that adds to the gradient.
#
# The theory is in chapter 6 of the book ([The LSTM](../../book/gates/lstm.md)); numbers such as (6.11) are its
# equations. You need what the assignment `vanilla` taught: a masked sequence, and the walk back through it.
# Plan for three to four hours. The notebook is worth 20 points.
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the cell. The cell after it
# checks your answer on fresh random problems, as often as you like; it tells you what is wrong, not what the
# answer is. The framework's own recurrent layers and cells are the task itself: using one costs the points.
# Of several results that a question asks for, each that is right on every problem earns a part of the points.
#
# **Notation.** Row vectors, time first. $T$ steps, $B$ sequences in a batch, $D$ inputs, $H$ hidden units. `dv`
# stands for $\delta v = \partial L / \partial v$ and has the shape of `v`. Whatever belongs to the gates has four
# blocks of $H$ columns side by side, always in the order **i, f, g, o**: input gate, forget gate, candidate, output
# gate.

# %%
# The light package that checks your answers; installed only where it is missing.
import importlib.util
import sys

sys.path[:] = [folder for folder in sys.path if folder]  # a numpy.py beside this notebook must not hide NumPy
if importlib.util.find_spec("autograder") is None:
    # %pip install --quiet "unrolled @ git+https://github.com/unrolled-course/unrolled"
    pass

import torch
from torch import nn

from autograder import check

device = "cuda" if torch.cuda.is_available() else "cpu"  # for your own experiments; the checks bring their tensors

# %% [markdown]
# ## 1. One step forward (2 points)
#
# The state is a pair: the cell $c$, which keeps, and the output $h$, which shows. One product with $W$ and one with
# $U$ make the pre-activations of all four gates, equation (6.6):
#
# $$
# \underbrace{a_t}_{(B, 4H)} = \underbrace{x_t}_{(B, D)} \underbrace{W}_{(D, 4H)}
#   + \underbrace{h_{t-1}}_{(B, H)} \underbrace{U}_{(H, 4H)} + \underbrace{b}_{(4H,)} .
# $$
#
# Its blocks are squashed, three of them by $\sigma$ and the candidate by tanh, equation (6.3). Then the cell is
# written and shown, equations (6.4) and (6.5):
#
# $$
# c_t = f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh c_t .
# $$


# %% nbgrader={"grade": false, "grade_id": "step-forward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_forward(x, h_prev, c_prev, W, U, b):
    """Output and cell after one step, on tensors.

    x: (B, D), h_prev and c_prev: (B, H), W: (D, 4H), U: (H, 4H), b: (4H,). Returns h: (B, H), c: (B, H).
    """
    ### BEGIN SOLUTION
    a = x @ W + h_prev @ U + b
    a_i, a_f, a_g, a_o = torch.chunk(a, 4, dim=1)
    i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
    c = f * c_prev + i * g
    h = o * torch.tanh(c)
    return h, c
    ### END SOLUTION


# %% [markdown]
# A place to play. With all weights zero a gate is half open. What becomes of a cell that starts at 1?

# %%
B, D, H = 2, 3, 4
x, W = torch.zeros(B, D, device=device), torch.zeros(D, 4 * H, device=device)
U, b = torch.zeros(H, 4 * H, device=device), torch.zeros(4 * H, device=device)
h, c = torch.zeros(B, H, device=device), torch.ones(B, H, device=device)
# for t in range(1, 6):
#     h, c = step_forward(x, h, c, W, U, b)
#     print(t, c[0, 0].item(), h[0, 0].item())

# %% [markdown]
# The check below draws problems of unequal sizes, and once drives the gates to their limits, with pre-activations in
# the thousands.

# %% nbgrader={"grade": true, "grade_id": "step-forward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("lstm/step-forward", step_forward, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/step-forward", step_forward, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. A masked sequence, as a module (3 points)
#
# Sequences in a batch have different lengths; the mask $m_t$, a column of zeros and ones, says which of them take
# step $t$. Call what the step makes $\tilde h_t$ and $\tilde c_t$. Where the mask is 0, *both* states are carried
# over, equation (6.8):
#
# $$
# h_t = \underbrace{m_t}_{(B, 1)} \odot \tilde h_t + (1 - m_t) \odot h_{t-1}, \qquad
# c_t = m_t \odot \tilde c_t + (1 - m_t) \odot c_{t-1} .
# $$
#
# Masks may have gaps, and a sequence may be masked throughout. Write an `nn.Module` whose parameters are `W` (D, 4H),
# `U` (H, 4H) and `b` (4H,), in that layout, and whose `forward` returns all outputs and all cells. How you initialise
# them is yours to choose; the check loads its own values. Autograd must reach every parameter.


# %% nbgrader={"grade": false, "grade_id": "sequence-forward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class LSTM(nn.Module):
    """An LSTM over masked sequences, time first."""

    def __init__(self, D, H):
        """D inputs, H hidden units; parameters W: (D, 4H), U: (H, 4H), b: (4H,)."""
        super().__init__()
        ### BEGIN SOLUTION
        self.W = nn.Parameter(torch.randn(D, 4 * H) / D**0.5)
        self.U = nn.Parameter(torch.cat([nn.init.orthogonal_(torch.empty(H, H)) for _ in range(4)], dim=1))
        self.b = nn.Parameter(torch.zeros(4 * H))
        ### END SOLUTION

    def forward(self, X, h_0, c_0, mask):
        """X: (T, B, D), h_0 and c_0: (B, H), mask: (T, B) of zeros and ones. Returns H: (T, B, H), C: (T, B, H)."""
        ### BEGIN SOLUTION
        from_input = X @ self.W + self.b
        H, C = [], []
        h, c = h_0, c_0
        for t in range(len(X)):
            m = mask[t].unsqueeze(-1)
            a_i, a_f, a_g, a_o = torch.chunk(from_input[t] + h @ self.U, 4, dim=1)
            c_new = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * torch.tanh(a_g)
            h_new = torch.sigmoid(a_o) * torch.tanh(c_new)
            h, c = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c
            H.append(h)
            C.append(c)
        return torch.stack(H), torch.stack(C)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence-forward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("lstm/sequence-forward", LSTM, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/sequence-forward", LSTM, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. A memory of a given length (2 points)
#
# Before anything is learned, weights are small and the biases decide: a forget gate is $f = \sigma(b^{\text{f}})$ at
# every step, and what is in the cell fades like a power of it. Its *half-life* is the number of steps $n$ after which
# one half is left, $f^n = \frac12$. In your experiment above it was one step.
#
# Solve for the bias (the book does it in equations (6.21) and (6.22); try it first), and make the bias vector of a
# whole LSTM. Each unit gets a half-life of its own. All entries that do not belong to the forget gate are zero.


# %% nbgrader={"grade": false, "grade_id": "forget-bias-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def forget_bias(n):
    """The bias of an LSTM whose unit k forgets half of its cell in n[k] steps.

    n: (H,), each positive, not always a whole number. Returns b: (4H,), in the order i, f, g, o.
    """
    ### BEGIN SOLUTION
    b_f = -torch.log(2 ** (1 / n) - 1)
    zero = torch.zeros_like(n)
    return torch.cat([zero, b_f, zero, zero], dim=0)
    ### END SOLUTION


# %% [markdown]
# A place to play: the same experiment with half-lives of 1, 2, 5 and 10 steps. After ten steps the last unit should
# show one half.

# %%
# b = forget_bias(torch.tensor([1.0, 2.0, 5.0, 10.0], device=device))
# h, c = torch.zeros(B, H, device=device), torch.ones(B, H, device=device)
# for t in range(1, 11):
#     h, c = step_forward(x, h, c, W, U, b)
#     print(t, c[0])

# %% nbgrader={"grade": true, "grade_id": "forget-bias", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("lstm/forget-bias", forget_bias, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/forget-bias", forget_bias, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. What moves the cell (1 point)
#
# Now backward, and first a single derivative. Hold $c_{t-1}$ fixed and move one pre-activation a little: by how much
# does $c_t$ move? Derive $\partial^{+} c_t / \partial a^{\text{i}}_t$ and its three sisters on paper, unit by unit. A
# gate's slope can be read off its value, as tanh's can; for $\sigma$ that is equation (6.9).
#
# The forward pass has kept the *gates*: $i_t$, $f_t$, $g_t$ and $o_t$ side by side, squashed already. Here and below
# the derivatives are yours to derive; one found by autograd is refused.
#
# Code or SymPy will do: the function may return four expressions in the symbols `c_prev`, `i`, `f`, `g`, `o`, in the
# order of the blocks.


# %% nbgrader={"grade": false, "grade_id": "cell-derivatives-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cell_derivatives(c_prev, gates):
    """How the new cell depends on each pre-activation, c_prev held.

    c_prev: (B, H), gates: (B, 4H), the values of i, f, g, o. Returns dc_da: (B, 4H), its blocks the derivatives of c
    with respect to a_i, a_f, a_g, a_o.
    """
    ### BEGIN SOLUTION
    i, f, g, o = torch.chunk(gates, 4, dim=1)
    dc_da_i = g * i * (1 - i)
    dc_da_f = c_prev * f * (1 - f)
    dc_da_g = i * (1 - g**2)
    dc_da_o = torch.zeros_like(o)
    return torch.cat([dc_da_i, dc_da_f, dc_da_g, dc_da_o], dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cell-derivatives", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("lstm/cell-derivatives", cell_derivatives, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/cell-derivatives", cell_derivatives, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. One step backward, by hand (3 points)
#
# Two gradients arrive at a step. `dh` is all that reaches $h_t$. `dc_later` is what reaches $c_t$ from later steps;
# it is *not* yet the whole $\delta c_t$, because $c_t$ is also shown, in $h_t$. That road is yours to add: equation
# (6.11).
#
# From $\delta h_t$ and the whole $\delta c_t$ follow the four gates, (6.12), their pre-activations, (6.13), and with
# $\delta a_t$ (B, 4H), the blocks side by side, everything that went in: $\delta x_t$ (B, D), $\delta h_{t-1}$ and
# $\delta c_{t-1}$ (B, H), $\delta W$ (D, 4H), $\delta U$ (H, 4H) and $\delta b$ (4H,).
#
# In PyTorch, an operation with its own backward is a `torch.autograd.Function`. The forward is given: it saves what
# the backward needs. The operation has two outputs, so its backward gets two gradients, and returns one for each
# argument of `forward`.


# %%
# The forward pass of this and the next question, which also keeps the gates.
def step_and_gates(a, c_prev):
    """h and c: (B, H), and the gates: (B, 4H), from pre-activations a: (B, 4H)."""
    a_i, a_f, a_g, a_o = torch.chunk(a, 4, dim=1)
    gates = torch.cat([torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)], dim=1)
    i, f, g, o = torch.chunk(gates, 4, dim=1)
    c = f * c_prev + i * g
    return o * torch.tanh(c), c, gates


# %% nbgrader={"grade": false, "grade_id": "step-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class StepFunction(torch.autograd.Function):
    """One step with a hand-written backward: StepFunction.apply(x, h_prev, c_prev, W, U, b) gives h, c."""

    @staticmethod
    def forward(ctx, x, h_prev, c_prev, W, U, b):
        h, c, gates = step_and_gates(x @ W + h_prev @ U + b, c_prev)
        ctx.save_for_backward(x, h_prev, c_prev, gates, c, W, U)
        return h, c

    @staticmethod
    def backward(ctx, dh, dc_later):
        """dh: (B, H), the gradient at h; dc_later: (B, H), what reaches c from later steps.

        Returns dx: (B, D), dh_prev: (B, H), dc_prev: (B, H), dW: (D, 4H), dU: (H, 4H), db: (4H,).
        """
        x, h_prev, c_prev, gates, c, W, U = ctx.saved_tensors
        ### BEGIN SOLUTION
        i, f, g, o = torch.chunk(gates, 4, dim=1)
        tanh_c = torch.tanh(c)
        dc = dc_later + dh * o * (1 - tanh_c**2)
        da_i = dc * g * i * (1 - i)
        da_f = dc * c_prev * f * (1 - f)
        da_g = dc * i * (1 - g**2)
        da_o = dh * tanh_c * o * (1 - o)
        da = torch.cat([da_i, da_f, da_g, da_o], dim=1)
        dx = da @ W.T
        dh_prev = da @ U.T
        dc_prev = dc * f
        dW = x.T @ da
        dU = h_prev.T @ da
        db = da.sum(dim=0)
        return dx, dh_prev, dc_prev, dW, dU, db
        ### END SOLUTION


# %% [markdown]
# When the check complains, read its table from `dc_prev`: it needs $\delta c_t$ and the forget gate, nothing else. If
# `dc_prev` is right and `db` is not, the message names the blocks of $\delta a_t$ in which to look.

# %% nbgrader={"grade": true, "grade_id": "step-backward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("lstm/step-backward", StepFunction, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/step-backward", StepFunction, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 6. The whole masked sequence, backward (4 points)
#
# A loss sees every output, which sends $G_t$ to $h_t$, and the last cell, which gets `dc_T`, as when a decoder takes
# over. Walk from the last step to the first with *two* gradients in hand, $\delta h_t$ and $\delta c_t$.
#
# A step that counts made both states, so both gradients go through it; where the mask is 0 both pass on untouched.
# Equation (6.17) says what reaches the states that the step made, (6.16) what goes on to $t - 1$:
#
# $$
# \delta \tilde h_t = m_t \odot \delta h_t, \qquad
# \delta \tilde c_t = m_t \odot \delta c_t + \delta \tilde h_t \odot o_t \odot (1 - \tanh^2 \tilde c_t) .
# $$
#
# Where a step counts, $\tilde c_t$ is `C[t]`; where it does not, its gradient is zero whatever you put there.
#
# The forward is given again and returns all outputs and the last cell. `H` and `C` (T, B, H) hold outputs and cells
# after each step, `gates` (T, B, 4H) each step's gates. The mask needs no gradient: return `None` in its place.


# %% nbgrader={"grade": false, "grade_id": "sequence-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class SequenceFunction(torch.autograd.Function):
    """A masked sequence with a hand-written backward.

    SequenceFunction.apply(X, h_0, c_0, W, U, b, mask) gives H: (T, B, H) and the last cell c_T: (B, H).
    """

    @staticmethod
    def forward(ctx, X, h_0, c_0, W, U, b, mask):
        outputs, cells, all_gates = [h_0], [c_0], []
        for x, on in zip(X, mask.unsqueeze(-1) > 0):
            h, c, gates = step_and_gates(x @ W + outputs[-1] @ U + b, cells[-1])
            outputs.append(torch.where(on, h, outputs[-1]))
            cells.append(torch.where(on, c, cells[-1]))
            all_gates.append(gates)
        H, C = torch.stack(outputs[1:]), torch.stack(cells[1:])
        ctx.save_for_backward(X, H, C, torch.stack(all_gates), h_0, c_0, W, U, mask)
        return H, cells[-1]

    @staticmethod
    def backward(ctx, G, dc_T):
        """G: (T, B, H), what reaches each h directly; dc_T: (B, H), what reaches the last cell directly.

        Returns dX: (T, B, D), dh_0: (B, H), dc_0: (B, H), dW: (D, 4H), dU: (H, 4H), db: (4H,), None.
        """
        X, H, C, gates, h_0, c_0, W, U, mask = ctx.saved_tensors
        ### BEGIN SOLUTION
        dX = torch.empty_like(X)
        dW, dU, db = torch.zeros_like(W), torch.zeros_like(U), torch.zeros_like(W[0])
        dh, dc = torch.zeros_like(h_0), dc_T
        for t in reversed(range(len(X))):
            m = mask[t].unsqueeze(-1)
            h_prev, c_prev = (H[t - 1], C[t - 1]) if t > 0 else (h_0, c_0)
            i, f, g, o = torch.chunk(gates[t], 4, dim=1)
            tanh_c = torch.tanh(C[t])
            dh = dh + G[t]
            dh_new = m * dh
            dc_new = m * dc + dh_new * o * (1 - tanh_c**2)
            da_i = dc_new * g * i * (1 - i)
            da_f = dc_new * c_prev * f * (1 - f)
            da_g = dc_new * i * (1 - g**2)
            da_o = dh_new * tanh_c * o * (1 - o)
            da = torch.cat([da_i, da_f, da_g, da_o], dim=1)
            dX[t] = da @ W.T
            dW += X[t].T @ da
            dU += h_prev.T @ da
            db += da.sum(dim=0)
            dh = da @ U.T + (1 - m) * dh
            dc = dc_new * f + (1 - m) * dc
        return dX, dh, dc, dW, dU, db, None
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence-backward", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("lstm/sequence-backward", SequenceFunction, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/sequence-backward", SequenceFunction, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 7. Gates that see the cell: peepholes (3 points)
#
# With the output gate shut, $h_{t-1}$ is zero, and the gates know nothing of what is in the cell. Peepholes let each
# unit's gates look at that unit's own cell, with one weight each: the rows of $p$ (3, H) belong to i, f and o. The
# candidate has none. Equation (6.23):
#
# $$
# i_t = \sigma(a^{\text{i}}_t + c_{t-1} \odot p^{\text{i}}), \qquad
# f_t = \sigma(a^{\text{f}}_t + c_{t-1} \odot p^{\text{f}}), \qquad
# o_t = \sigma(a^{\text{o}}_t + c_t \odot p^{\text{o}}),
# $$
#
# with $a_t = x_t W + h_{t-1} U + b$ as before. Mind which cell each gate sees, and therefore the order in which you
# compute. First one step forward (1 point).


# %% nbgrader={"grade": false, "grade_id": "peephole-step-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def peephole_step(x, h_prev, c_prev, W, U, b, p):
    """Output and cell after one step of an LSTM with peepholes.

    Shapes as in step_forward; p: (3, H), rows i, f, o. Returns h: (B, H), c: (B, H).
    """
    ### BEGIN SOLUTION
    a_i, a_f, a_g, a_o = torch.chunk(x @ W + h_prev @ U + b, 4, dim=1)
    p_i, p_f, p_o = p
    i, f = torch.sigmoid(a_i + c_prev * p_i), torch.sigmoid(a_f + c_prev * p_f)
    c = f * c_prev + i * torch.tanh(a_g)
    o = torch.sigmoid(a_o + c * p_o)
    h = o * torch.tanh(c)
    return h, c
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "peephole-step", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("lstm/peephole-step", peephole_step, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/peephole-step", peephole_step, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# Now its way back, as far as it is new (2 points): from $\delta h_t$ and what later steps send to the
# pre-activations, the old cell and the peephole weights. Who uses $c_t$ now? Ask it of $c_{t-1}$, too; equation
# (6.24) answers both. One of the four blocks of $\delta a_t$ has to be computed before $\delta c_t$, and one can see
# from forward which. The operation begins at the pre-activations $a_t = x_t W + h_{t-1} U + b$, before the peepholes
# add to them.


# %% nbgrader={"grade": false, "grade_id": "peephole-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class PeepholeFunction(torch.autograd.Function):
    """A step with peepholes from its pre-activations on: PeepholeFunction.apply(a, c_prev, p) gives h, c."""

    @staticmethod
    def forward(ctx, a, c_prev, p):
        nothing = torch.zeros_like(c_prev)
        before = torch.cat([c_prev * p[0], c_prev * p[1], nothing, nothing], dim=1)
        _, c, _ = step_and_gates(a + before, c_prev)  # the new cell, which the output gate has to see
        after = torch.cat([nothing, nothing, nothing, c * p[2]], dim=1)
        h, c, gates = step_and_gates(a + before + after, c_prev)
        ctx.save_for_backward(c_prev, gates, c, p)
        return h, c

    @staticmethod
    def backward(ctx, dh, dc_later):
        """dh: (B, H); dc_later: (B, H), what reaches c from later steps, their peepholes included.

        Returns da: (B, 4H), the gradient at a = x W + h_prev U + b; dc_prev: (B, H); dp: (3, H).
        """
        c_prev, gates, c, p = ctx.saved_tensors
        ### BEGIN SOLUTION
        i, f, g, o = torch.chunk(gates, 4, dim=1)
        p_i, p_f, p_o = p
        tanh_c = torch.tanh(c)
        da_o = dh * tanh_c * o * (1 - o)
        dc = dc_later + dh * o * (1 - tanh_c**2) + da_o * p_o
        da_i = dc * g * i * (1 - i)
        da_f = dc * c_prev * f * (1 - f)
        da_g = dc * i * (1 - g**2)
        da = torch.cat([da_i, da_f, da_g, da_o], dim=1)
        dc_prev = dc * f + da_i * p_i + da_f * p_f
        seen = torch.stack([da_i * c_prev, da_f * c_prev, da_o * c])
        dp = seen.sum(dim=1)
        return da, dc_prev, dp
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "peephole-backward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("lstm/peephole-backward", PeepholeFunction, framework="pytorch")
### BEGIN HIDDEN TESTS
check("lstm/peephole-backward", PeepholeFunction, framework="pytorch", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 8. In your own words (2 points, marked by hand)
#
# Take the plain LSTM, $T = 2$, no mask, and a loss that sees $h_1$ and $h_2$, which sends them $G_1$ and $G_2$.
# Derive $\delta c_1$ from the chain rule, every path from $c_1$ to the loss written out. Then say which of these
# paths meet the matrix $U$ and which do not, and what follows from that for an error that has to travel a hundred
# steps.
#
# One point for the complete derivation, one for the explanation.

# %% [markdown] nbgrader={"grade": true, "grade_id": "two-roads-derivation", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# $c_1$ is used twice: by $h_1 = o_1 \odot \tanh c_1$ and by $c_2 = f_2 \odot c_1 + i_2 \odot g_2$. So
#
# $$
# \delta c_1 = \delta h_1 \odot o_1 \odot (1 - \tanh^2 c_1) + \delta c_2 \odot f_2 .
# $$
#
# Nothing comes after step 2, so $\delta h_2 = G_2$ and $\delta c_2 = G_2 \odot o_2 \odot (1 - \tanh^2 c_2)$. The
# output $h_1$ is seen by the loss and by all four pre-activations of step 2: $\delta h_1 = G_1 + \delta a_2
# U^{\top}$, where $\delta a_2$ has the blocks $\delta c_2 \odot g_2 \odot i_2 \odot (1 - i_2)$, $\delta c_2 \odot c_1
# \odot f_2 \odot (1 - f_2)$, $\delta c_2 \odot i_2 \odot (1 - g_2^2)$ and $G_2 \odot \tanh c_2 \odot o_2 \odot (1 -
# o_2)$. Put in, these give $\delta c_1$ as a sum over six paths: one from $G_1$, four from $G_2$ through the gates of
# step 2, and one from $G_2$ straight along the cell.
#
# The four paths through the gates meet $U$ and the slopes of gates. The path along the cell, $c_1 \to c_2$, is
# multiplied by $f_2$ alone: no matrix and no slope. Over a hundred steps it is multiplied by a hundred forget gates,
# each of which the network can hold near 1, so an error can arrive almost unchanged; it can vanish if the gates
# close, but not explode. The paths through $h$ are products with $U$ and slopes as in a vanilla network, and may
# vanish or explode.
#
# Rubric. One point: $\delta c_1$ with both of its terms, and $\delta h_1$ with both $G_1$ and $\delta a_2 U^{\top}$
# (half a point if only one of the two sums is complete). One point: says that the path along the cell carries only
# forget gates, no matrix and no slope, *and* that the other paths, through $h$, still meet $U$ and can vanish or
# explode (half a point for one of the two).

# %% [markdown]
# ## What you have now
#
# A network with a memory whose length you can choose, its gradients along both roads, and one of its relatives, each
# checked against independent code. Before you hand in, run *Kernel → Restart & Run All* and see that every check
# prints its line.
