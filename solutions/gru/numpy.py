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
# # The GRU, in NumPy
#
# You write the gated recurrent unit in both of its forms: one step, a masked sequence, and the way back. Then you load
# weights that were trained elsewhere, and find out why one of a library's biases must not be added to the other.
#
# The theory is in chapter 7 of the book ([The GRU](../../book/gates/gru.md)); weights of other libraries are the
# subject of chapter 10 ([One set of weights, every framework](../../book/composition/every-framework.md)). Numbers
# such as (7.9) are those of the book's equations. Plan for three hours. The notebook is worth 20 points.
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the cell. The cell after it checks
# your function on fresh random problems, as often as you like; it tells you what is wrong, not what the answer is.
# Your functions must not change their arguments, and must return the dtype they were given.
# Of several results that a question asks for, each that is right on every problem earns a part of the points.
#
# **Notation.** Row vectors, time first. $T$ steps, $B$ sequences in a batch, $D$ inputs, $H$ hidden units. `dv` stands
# for $\delta v = \partial L / \partial v$ and has the shape of `v`. The three gates stand side by side, in the order
# **r, z, n**: $W = [W_r, W_z, W_n]$ is $(D, 3H)$, $U$ is $(H, 3H)$, $b$ is $(3H)$. A bias $c_n$ $(H)$ of its own
# belongs to the first form alone.

# %%
# The light package that checks your answers; installed only where it is missing.
import importlib.util
import sys

sys.path[:] = [folder for folder in sys.path if folder]  # a numpy.py beside this notebook must not hide NumPy
if importlib.util.find_spec("autograder") is None:
    # %pip install --quiet "unrolled @ git+https://github.com/unrolled-course/unrolled"
    pass

import numpy as np

from autograder import check


def sigmoid(a):
    """The logistic function 1 / (1 + exp(-a)), written so that nothing overflows. Given: use it."""
    return 0.5 * np.tanh(0.5 * a) + 0.5


# %% [markdown]
# ## 1. One step, reset after the product (2 points)
#
# Two gates look at the input and the old state, equations (7.6) and (7.7):
#
# $$
# r_t = \sigma\bigl(\underbrace{x_t W_r}_{(B, H)} + \underbrace{h_{t-1} U_r}_{(B, H)} + \underbrace{b_r}_{(H)}\bigr),
# \qquad z_t = \sigma(x_t W_z + h_{t-1} U_z + b_z) .
# $$
#
# The candidate hears a message $q_t$ from the old state. The reset gate says how much of the message each unit
# *receives*, (7.8) and (7.9), and the update gate blends, (7.1):
#
# $$
# q_t = h_{t-1} U_n + c_n, \qquad
# n_t = \tanh(x_t W_n + b_n + r_t \odot q_t), \qquad
# h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1} .
# $$
#
# Return the new state and all that the way back will need. `np.split(U, 3, axis=1)` gives the three blocks of `U`; the
# input's three shares may come from one product. A step whose pre-activations are in the thousands must still give
# numbers.


# %% nbgrader={"grade": false, "grade_id": "step-after-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_after(x, h_prev, W, U, b, c_n):
    """One step; the reset gate stands after the product with U_n.

    x: (B, D), h_prev: (B, H), W: (D, 3H), U: (H, 3H), b: (3H,), blocks r, z, n; c_n: (H,).
    Returns h, r, z, n, q: (B, H) each.
    """
    ### BEGIN SOLUTION
    xW_r, xW_z, xW_n = np.split(x @ W + b, 3, axis=1)
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    r = sigmoid(xW_r + h_prev @ U_r)
    z = sigmoid(xW_z + h_prev @ U_z)
    q = h_prev @ U_n + c_n
    n = np.tanh(xW_n + r * q)
    h = (1 - z) * n + z * h_prev
    return h, r, z, n, q
    ### END SOLUTION


# %% [markdown]
# A place to play. Raise the update gate's bias by 20 and compare the new state with the old one. What does $z = 1$
# mean?

# %%
generator = np.random.default_rng(0)
B, D, H = 2, 3, 4
x, h_prev = generator.normal(size=(B, D)), generator.uniform(-0.9, 0.9, size=(B, H))
W, U = generator.normal(size=(D, 3 * H)), generator.normal(size=(H, 3 * H)) / 2
b, c_n = generator.normal(size=3 * H), generator.normal(size=H)
# b[H : 2 * H] += 20  # z is 1
# h, r, z, n, q = step_after(x, h_prev, W, U, b, c_n)
# print(h - h_prev)

# %% nbgrader={"grade": true, "grade_id": "step-after", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/step-after", step_after)
### BEGIN HIDDEN TESTS
check("gru/step-after", step_after, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. One step, reset before the product (1 point)
#
# The other unit of the same name lets the gate act on what each unit *sends*, (7.10) and (7.11):
#
# $$
# s_t = \underbrace{r_t \odot h_{t-1}}_{(B, H)}, \qquad n_t = \tanh(x_t W_n + s_t U_n + b_n) .
# $$
#
# Gates and blend stay as they were. There is one bias for the candidate now; section 10 asks why.


# %% nbgrader={"grade": false, "grade_id": "step-before-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_before(x, h_prev, W, U, b):
    """One step; the reset gate stands before the product with U_n.

    x: (B, D), h_prev: (B, H), W: (D, 3H), U: (H, 3H), b: (3H,), blocks r, z, n.
    Returns h, r, z, n, s: (B, H) each.
    """
    ### BEGIN SOLUTION
    xW_r, xW_z, xW_n = np.split(x @ W + b, 3, axis=1)
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    r = sigmoid(xW_r + h_prev @ U_r)
    z = sigmoid(xW_z + h_prev @ U_z)
    s = r * h_prev
    n = np.tanh(xW_n + s @ U_n)
    h = (1 - z) * n + z * h_prev
    return h, r, z, n, s
    ### END SOLUTION


# %% [markdown]
# A place to play. The same weights, $c_n = 0$: how far apart are the two? Then keep only the diagonal of each block of
# $U$, and look again. Why do they agree now?

# %%
# U = U * np.eye(H)[:, np.arange(3 * H) % H]
# after = step_after(x, h_prev, W, U, b, np.zeros(H))[0]
# before = step_before(x, h_prev, W, U, b)[0]
# print(np.abs(after - before).max())

# %% nbgrader={"grade": true, "grade_id": "step-before", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("gru/step-before", step_before)
### BEGIN HIDDEN TESTS
check("gru/step-before", step_before, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. A masked sequence (2 points)
#
# Now the first form over a whole sequence. Where the mask is 0 the step is not taken, (7.12):
#
# $$
# \tilde h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}, \qquad
# h_t = \underbrace{m_t}_{(B, 1)} \odot \tilde h_t + (1 - m_t) \odot h_{t-1} .
# $$
#
# Masks may have gaps. Return *all* states. What the input contributes, $x_t W + b$, does not wait for the recurrence,
# so you may compute it for all steps at once; and $h_{t-1} U$ can be one product for all three gates. That is why
# libraries prefer this form.


# %% nbgrader={"grade": false, "grade_id": "sequence-forward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sequence_forward(X, h_0, W, U, b, c_n, mask):
    """All states of a masked sequence; reset after the product.

    X: (T, B, D), h_0: (B, H), W: (D, 3H), U: (H, 3H), b: (3H,), c_n: (H,), mask: (T, B) of zeros and ones.
    Returns H: (T, B, H), where H[t] is the state after step t (counting from 0).
    """
    ### BEGIN SOLUTION
    from_input = X @ W + b
    H = np.empty((len(X), *h_0.shape), X.dtype)
    h = h_0
    for t in range(len(X)):
        m = mask[t][:, None]
        xW_r, xW_z, xW_n = np.split(from_input[t], 3, axis=1)
        hU_r, hU_z, hU_n = np.split(h @ U, 3, axis=1)
        r = sigmoid(xW_r + hU_r)
        z = sigmoid(xW_z + hU_z)
        n = np.tanh(xW_n + r * (hU_n + c_n))
        h_new = (1 - z) * n + z * h
        h = m * h_new + (1 - m) * h
        H[t] = h
    return H
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence-forward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/sequence-forward", sequence_forward)
### BEGIN HIDDEN TESTS
check("gru/sequence-forward", sequence_forward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. What the update gate hears (1 point)
#
# Before the whole way back, one derivative on paper. How does the new state change with the update gate's
# pre-activation $a^{\text{z}}$, all else held fixed? The blend (7.1) and the slope of the logistic function (7.15)
# give a product of three factors, and $h_{t-1}$ is one of what they need.
#
# Eliminate $h_{t-1}$: write $\partial h / \partial a^{\text{z}}$ as a function of $h$, $z$ and $n$, what a step has
# made. It has two factors only. Where is it zero, and is that what you expect?
#
# Code or a SymPy expression will do: the function may return one in the symbols `h`, `z`, `n`, however it is arranged.


# %% nbgrader={"grade": false, "grade_id": "update-gate-derivative-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def update_gate_derivative(h, z, n):
    """∂h/∂a_z of h = (1 - z) n + z h_prev with z = σ(a_z), entry by entry, without h_prev.

    h, z, n: arrays of one shape. Returns an array of that shape.
    """
    ### BEGIN SOLUTION
    return (1 - z) * (h - n)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "update-gate-derivative", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("gru/update-gate-derivative", update_gate_derivative)
### BEGIN HIDDEN TESTS
check("gru/update-gate-derivative", update_gate_derivative, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Back through a step, reset after (3 points)
#
# Somebody hands you $\delta h_t$, how the loss changes with the step's output. The blend passes it to the candidate
# and to the update gate, (7.14) without a mask:
#
# $$
# \underbrace{\delta n_t}_{(B, H)} = \delta h_t \odot (1 - z_t), \qquad
# \underbrace{\delta z_t}_{(B, H)} = \delta h_t \odot (h_{t-1} - n_t) .
# $$
#
# Their squashing functions have slopes, (7.15). In $r \odot q$ each factor hears with the other as its weight, (7.16);
# that gives $\delta q$ and, through one more slope, $\delta a^{\text{r}}$, $(B, H)$ both.
#
# Four roads lead back to $h_{t-1}$, (7.17): the blend, the message, and the two gates. One of them has no matrix, and
# is the one most easily forgotten. And ask of each parameter what it *multiplied* or *was added to*, (7.18) to (7.21):
# $U_n$ and $c_n$ stand in $q$, not in $a^{\text{n}}$.


# %% nbgrader={"grade": false, "grade_id": "step-after-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_after_backward(dh, x, h_prev, r, z, n, q, W, U):
    """The gradients of one step with the reset gate after the product.

    dh: (B, H), the gradient at h; x: (B, D); h_prev: (B, H); r, z, n, q: (B, H), as step_after returned them;
    W: (D, 3H); U: (H, 3H). Returns dx: (B, D), dh_prev: (B, H), dW: (D, 3H), dU: (H, 3H), db: (3H,), dc_n: (H,).
    """
    ### BEGIN SOLUTION
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    da_n = dh * (1 - z) * (1 - n**2)
    da_z = dh * (h_prev - n) * z * (1 - z)
    dq = da_n * r
    da_r = da_n * q * r * (1 - r)
    dh_prev = dh * z + dq @ U_n.T + da_r @ U_r.T + da_z @ U_z.T
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    dx = da @ W.T
    dW = x.T @ da
    dU = h_prev.T @ np.concatenate([da_r, da_z, dq], axis=1)
    db = da.sum(axis=0)
    dc_n = dq.sum(axis=0)
    return dx, dh_prev, dW, dU, db, dc_n
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step-after-backward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("gru/step-after-backward", step_after_backward)
### BEGIN HIDDEN TESTS
check("gru/step-after-backward", step_after_backward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Back through a step, reset before (2 points)
#
# What changes? The gradient of the candidate goes back through the matrix first, and meets the gate only then, (7.23):
#
# $$
# \delta s = \underbrace{\delta a^{\text{n}}}_{(B, H)} \underbrace{U_n^{\top}}_{(H, H)}, \qquad
# \delta r = \delta s \odot h_{t-1} .
# $$
#
# Road 2 is another one now, (7.24), and $U_n$ has multiplied something else, (7.25). A wrong $\delta U_n$ spoils
# nothing but itself: every other gradient is right and training runs.


# %% nbgrader={"grade": false, "grade_id": "step-before-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_before_backward(dh, x, h_prev, r, z, n, s, W, U):
    """The gradients of one step with the reset gate before the product.

    dh: (B, H), the gradient at h; x: (B, D); h_prev: (B, H); r, z, n, s: (B, H), as step_before returned them;
    W: (D, 3H); U: (H, 3H). Returns dx: (B, D), dh_prev: (B, H), dW: (D, 3H), dU: (H, 3H), db: (3H,).
    """
    ### BEGIN SOLUTION
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    da_n = dh * (1 - z) * (1 - n**2)
    da_z = dh * (h_prev - n) * z * (1 - z)
    ds = da_n @ U_n.T
    da_r = ds * h_prev * r * (1 - r)
    dh_prev = dh * z + ds * r + da_r @ U_r.T + da_z @ U_z.T
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    dx = da @ W.T
    dW = x.T @ da
    dU = np.concatenate([h_prev.T @ da_r, h_prev.T @ da_z, s.T @ da_n], axis=1)
    db = da.sum(axis=0)
    return dx, dh_prev, dW, dU, db
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step-before-backward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/step-before-backward", step_before_backward)
### BEGIN HIDDEN TESTS
check("gru/step-before-backward", step_before_backward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 7. Backpropagation through time (3 points)
#
# Now the whole masked sequence, reset after. $G_t$ is the gradient that reaches $h_t$ *directly*, from the loss at its
# own step; the next step sends more. Only $\delta \tilde h_t = m_t \odot \delta h_t$ enters the step, (7.13), and
# $(1 - m_t) \odot \delta h_t$ goes past it, (7.17).
#
# Walk from the last step to the first, keep what flows into $h_{t-1}$, and add up the parameters' gradients on the
# way. Roads 2, 3 and 4 can be one product with $U^{\top}$. `R`, `Z`, `N` and `Q` hold $r_t$, $z_t$, $n_t$ and $q_t$ of
# all steps, the masked ones too: a step that was not taken must leave no trace in the parameters' gradients.


# %% nbgrader={"grade": false, "grade_id": "sequence-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sequence_backward(G, X, H, R, Z, N, Q, h_0, W, U, mask):
    """The gradients of a masked sequence; reset after the product.

    G: (T, B, H), X: (T, B, D), H: (T, B, H) as sequence_forward returned it, R, Z, N, Q: (T, B, H), h_0: (B, H),
    W: (D, 3H), U: (H, 3H), mask: (T, B).
    Returns dX: (T, B, D), dh_0: (B, H), dW: (D, 3H), dU: (H, 3H), db: (3H,), dc_n: (H,).
    """
    ### BEGIN SOLUTION
    dX = np.empty_like(X)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])
    dc_n, dh = np.zeros_like(h_0[0]), np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        m, r, z, n, q = mask[t][:, None], R[t], Z[t], N[t], Q[t]
        h_prev = H[t - 1] if t > 0 else h_0
        dh = dh + G[t]
        dh_new = m * dh
        da_n = dh_new * (1 - z) * (1 - n**2)
        da_z = dh_new * (h_prev - n) * z * (1 - z)
        dq = da_n * r
        da_r = da_n * q * r * (1 - r)
        da = np.concatenate([da_r, da_z, da_n], axis=1)
        da_U = np.concatenate([da_r, da_z, dq], axis=1)
        dX[t] = da @ W.T
        dW += X[t].T @ da
        dU += h_prev.T @ da_U
        db += da.sum(axis=0)
        dc_n += dq.sum(axis=0)
        dh = dh_new * z + da_U @ U.T + (1 - m) * dh
    return dX, dh, dW, dU, db, dc_n
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence-backward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("gru/sequence-backward", sequence_backward)
### BEGIN HIDDEN TESTS
check("gru/sequence-backward", sequence_backward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 8. Weights from PyTorch (2 points)
#
# A GRU trained with `torch.nn.GRU` arrives as four arrays. PyTorch writes columns, and keeps two biases for *each*
# gate:
#
# $$
# \begin{aligned}
# r^{\top} &= \sigma(W_{ir}\, x^{\top} + b_{ir} + W_{hr}\, h^{\top} + b_{hr}), \qquad
# z^{\top} = \sigma(W_{iz}\, x^{\top} + b_{iz} + W_{hz}\, h^{\top} + b_{hz}), \\
# n^{\top} &= \tanh\bigl(W_{in}\, x^{\top} + b_{in} + r^{\top} \odot (W_{hn}\, h^{\top} + b_{hn})\bigr) .
# \end{aligned}
# $$
#
# `weight_ih` $(3H, D)$ has $W_{ir}, W_{iz}, W_{in}$ on top of each other, `weight_hh` $(3H, H)$ likewise, and
# `bias_ih`, `bias_hh` $(3H)$ in the same order. Put the formulas beside those of section 1, (10.7) and (10.10), and
# say what `W`, `U`, `b` and `c_n` are. Be careful with the biases: which may be added, and which not?


# %% nbgrader={"grade": false, "grade_id": "from-pytorch-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    """The parameters of torch.nn.GRU in this notebook's layout.

    weight_ih: (3H, D), weight_hh: (3H, H), bias_ih, bias_hh: (3H,), blocks r, z, n.
    Returns W: (D, 3H), U: (H, 3H), b: (3H,), c_n: (H,).
    """
    ### BEGIN SOLUTION
    H = weight_hh.shape[1]
    W = weight_ih.T
    U = weight_hh.T
    b = np.concatenate([bias_ih[: 2 * H] + bias_hh[: 2 * H], bias_ih[2 * H :]], axis=0)
    c_n = bias_hh[2 * H :]
    return W, U, b, c_n
    ### END SOLUTION


# %% [markdown]
# A place to play: does the loaded network *behave* like the one it comes from? Below is what `torch.nn.GRU` made of
# weights by a formula, recorded to six digits ($T = 3$, $B = 1$, $D = H = 2$, $h_0 = 0$). Then merge the candidate's
# two biases, `b[2 * H :] + c_n` with `c_n = 0`, and see by how much the states are off.


# %%
def wave(*shape):
    """Numbers between -1 and 1 by a formula, so that everybody has the same."""
    return np.sin(1.0 + np.arange(np.prod(shape))).reshape(shape)


torch_says = [[-0.604353, -0.446585], [-0.636770, 0.226577], [-0.671973, 0.633454]]
# W, U, b, c_n = from_pytorch(wave(6, 2), wave(6, 2), wave(2, 6)[0], wave(2, 6)[1])
# H = sequence_forward(wave(3, 1, 2), np.zeros((1, 2)), W, U, b, c_n, np.ones((3, 1)))
# print(H[:, 0] - torch_says)


# %% nbgrader={"grade": true, "grade_id": "from-pytorch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/from-pytorch", from_pytorch)
### BEGIN HIDDEN TESTS
check("gru/from-pytorch", from_pytorch, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 9. Weights from Keras (2 points)
#
# `keras.layers.GRU` writes rows, as we do. Its `get_weights()` gives a `kernel` $(D, 3H)$, a `recurrent_kernel`
# $(H, 3H)$ and a `bias` $(2, 3H)$. But the blocks stand in the order **z, r, n** (Keras calls the last one h). Row 0
# of `bias` is added to the input's product, row 1 to the state's, before the reset gate; (10.10) has both.
#
# No shape will complain if you forget the order. What would such a network do?


# %% nbgrader={"grade": false, "grade_id": "from-keras-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def from_keras(kernel, recurrent_kernel, bias):
    """The weights of keras.layers.GRU (reset_after=True, its default) in this notebook's layout.

    kernel: (D, 3H), recurrent_kernel: (H, 3H), bias: (2, 3H), blocks z, r, n.
    Returns W: (D, 3H), U: (H, 3H), b: (3H,), c_n: (H,), blocks r, z, n.
    """
    ### BEGIN SOLUTION
    W_z, W_r, W_n = np.split(kernel, 3, axis=1)
    U_z, U_r, U_n = np.split(recurrent_kernel, 3, axis=1)
    b_z, b_r, b_n = np.split(bias[0], 3, axis=0)
    c_z, c_r, c_n = np.split(bias[1], 3, axis=0)
    W = np.concatenate([W_r, W_z, W_n], axis=1)
    U = np.concatenate([U_r, U_z, U_n], axis=1)
    b = np.concatenate([b_r + c_r, b_z + c_z, b_n], axis=0)
    return W, U, b, c_n
    ### END SOLUTION


# %% [markdown]
# The same question to Keras. Recorded in the same way, from `keras.layers.GRU`.

# %%
keras_says = [[-0.056989, -0.021501], [-0.221138, -0.029365], [-0.206207, -0.042126]]
# W, U, b, c_n = from_keras(wave(2, 6), wave(2, 6), wave(2, 6))
# H = sequence_forward(wave(3, 1, 2), np.zeros((1, 2)), W, U, b, c_n, np.ones((3, 1)))
# print(H[:, 0] - keras_says)

# %% nbgrader={"grade": true, "grade_id": "from-keras", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/from-keras", from_keras)
### BEGIN HIDDEN TESTS
check("gru/from-keras", from_keras, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 10. In your own words (2 points, marked by hand)
#
# Why has the form with the reset *after* the product two biases for its candidate, $b_n$ and $c_n$, and the other form
# only one? Derive it: write one unit's candidate pre-activation as a function of its reset gate, in both forms. Say
# when the two biases *could* be merged, and what follows for somebody who loads weights and adds them up.
#
# One point for the derivation in both forms, one for the condition and its consequence.

# %% [markdown] nbgrader={"grade": true, "grade_id": "two-biases-derivation", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# Reset after: unit $j$ has $a^{\text{n}}_j = (x W_n)_j + b_{n,j} + r_j \bigl( (h U_n)_j + c_{n,j} \bigr)$. As a
# function of $r_j$ this is a straight line: $b_{n,j}$ belongs to its value at $r_j = 0$, $c_{n,j}$ to its slope. A
# line has two parameters, so neither bias can do the work of the other. Reset before: a second bias would be added to
# $(r \odot h) U_n$ after the product,
# $a^{\text{n}}_j = (x W_n)_j + \bigl( (r \odot h) U_n \bigr)_j + b_{n,j} + c_{n,j}$. No gate stands between the two,
# only their sum counts, and one bias is enough.
#
# They could be merged only if $r_j$ never changed (with $r_j = 1$ at every step, $b_n + c_n$ is exact), or if
# $c_n = 0$. Whoever adds them gets another network, off by $(1 - r) \odot c_n$ in the pre-activation. All shapes fit
# and nothing is raised; and where biases start at zero, a test with an untrained network notices nothing.
#
# Rubric. One point: both pre-activations, with $c_n$ multiplied by $r$ in the first and by nothing in the second, and
# the conclusion (value and slope, or an equivalent argument such as
# $\delta c_n = \sum r \odot \delta a^{\text{n}} \ne \delta b_n$). One point: a right condition ($r$ constant, or
# $c_n = 0$) *and* a consequence (another network, without an error message; or that zero biases hide it). Half a point
# for a part.

# %% [markdown]
# ## What you have now
#
# Both units that are called GRU, forward and back, each checked against independent code, and a way in for weights
# from two libraries. A checkpoint that says "GRU" will not surprise you again: you will ask which one. Before you hand
# in, run *Kernel → Restart & Run All* and see that every check prints its line.
