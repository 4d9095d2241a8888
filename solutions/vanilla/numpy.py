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
# # The vanilla RNN, in NumPy
#
# You write a recurrent network from nothing: one step, a whole sequence, and the way back through both. At the
# end you have every piece that a training loop needs, and you know that each is right.
#
# The theory is in chapters 3 and 4 of the book
# ([The vanilla RNN](../../book/foundations/vanilla-rnn.md),
# [Backpropagation through time](../../book/foundations/backpropagation-through-time.md)).
# Plan for two to three hours. The notebook is worth 20 points.
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the cell. The cell after it
# checks your function on fresh random problems, as often as you like; it tells you what is wrong, not what the
# answer is. Your functions must not change their arguments, and must return the dtype they were given.
# Of several results that a question asks for, each that is right on every problem earns a part of the points.
#
# **Notation.** Row vectors, time first. $T$ steps, $B$ sequences in a batch, $D$ inputs, $H$ hidden units,
# $K$ classes. `dv` stands for $\delta v = \partial L / \partial v$ and has the shape of `v`.

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

# %% [markdown]
# ## 1. One step forward (2 points)
#
# A step takes the input $x_t$ and the state $h_{t-1}$ and makes the next state:
#
# $$
# a_t = \underbrace{x_t W}_{(B, H)} + \underbrace{h_{t-1} U}_{(B, H)} + \underbrace{b}_{(H,)},
# \qquad h_t = \tanh a_t .
# $$


# %% nbgrader={"grade": false, "grade_id": "step-forward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_forward(x, h_prev, W, U, b):
    """The state after one step.

    x: (B, D), h_prev: (B, H), W: (D, H), U: (H, H), b: (H,). Returns h: (B, H).
    """
    ### BEGIN SOLUTION
    return np.tanh(x @ W + h_prev @ U + b)
    ### END SOLUTION


# %% [markdown]
# A place to play. What happens to the state when you feed it zeros for a while?

# %%
generator = np.random.default_rng(0)
B, D, H = 2, 3, 4
W, U, b = generator.normal(size=(D, H)), generator.normal(size=(H, H)) / 2, np.zeros(H)
h = np.ones((B, H))
# for _ in range(20):
#     h = step_forward(np.zeros((B, D)), h, W, U, b)
#     print(np.abs(h).max())

# %% nbgrader={"grade": true, "grade_id": "step-forward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("vanilla/step-forward", step_forward)
### BEGIN HIDDEN TESTS
check("vanilla/step-forward", step_forward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. A masked sequence (3 points)
#
# Sequences in a batch have different lengths, so a mask says where each one counts: $m_t$ is a column of zeros
# and ones, one for each sequence. Where it is 0, the state is carried over:
#
# $$
# \tilde h_t = \tanh(x_t W + h_{t-1} U + b), \qquad
# h_t = \underbrace{m_t}_{(B, 1)} \odot \tilde h_t + (1 - m_t) \odot h_{t-1} .
# $$
#
# Masks may have gaps: a sequence can sleep for two steps and wake up again. Return *all* states. The input's
# share, $x_t W + b$, does not wait for the recurrence, so you may compute it for all steps at once.


# %% nbgrader={"grade": false, "grade_id": "sequence-forward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sequence_forward(X, h_0, W, U, b, mask):
    """All states of a masked sequence.

    X: (T, B, D), h_0: (B, H), W: (D, H), U: (H, H), b: (H,), mask: (T, B) of zeros and ones.
    Returns H: (T, B, H), where H[t] is the state after step t (counting from 0).
    """
    ### BEGIN SOLUTION
    from_input = X @ W + b
    H = np.empty_like(from_input)
    h = h_0
    for t in range(len(X)):
        m = mask[t][:, None]
        h = m * np.tanh(from_input[t] + h @ U) + (1 - m) * h
        H[t] = h
    return H
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence-forward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("vanilla/sequence-forward", sequence_forward)
### BEGIN HIDDEN TESTS
check("vanilla/sequence-forward", sequence_forward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The derivative of another squashing function (1 point)
#
# The backward pass of tanh needs only its *output*: $\tanh' a = 1 - \tanh^2 a$. Do the same for the softsign,
# $h = a / (1 + |a|)$. Derive $\mathrm{d}h/\mathrm{d}a$ on paper, then write it as a function of $h$ alone.
#
# Code or a SymPy expression will do: the function may return one in the symbol `h`, however it is arranged.


# %% nbgrader={"grade": false, "grade_id": "softsign-derivative-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softsign_derivative(h):
    """dh/da of h = a / (1 + |a|), given h, an array of any shape. Returns an array of that shape."""
    ### BEGIN SOLUTION
    return (1 - np.abs(h)) ** 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softsign-derivative", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("vanilla/softsign-derivative", softsign_derivative)
### BEGIN HIDDEN TESTS
check("vanilla/softsign-derivative", softsign_derivative, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. One step backward (4 points)
#
# Somebody hands you $\delta h_t$, how the loss changes with the step's output. Send it back to everything that
# went in. One intermediate serves them all,
#
# $$
# \delta a_t = \delta h_t \odot (1 - h_t^2), \qquad (B, H),
# $$
#
# and from it follow $\delta x_t$ (B, D), $\delta h_{t-1}$ (B, H), $\delta W$ (D, H), $\delta U$ (H, H) and
# $\delta b$ (H,). Shapes are a strong hint: for each there is one sensible product that fits.


# %% nbgrader={"grade": false, "grade_id": "step-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_backward(dh, x, h_prev, h, W, U):
    """The gradients of one step. No mask here: every sequence takes the step.

    dh: (B, H), the gradient at h; x: (B, D); h_prev: (B, H); h: (B, H), what step_forward returned.
    Returns dx: (B, D), dh_prev: (B, H), dW: (D, H), dU: (H, H), db: (H,).
    """
    ### BEGIN SOLUTION
    da = dh * (1 - h**2)
    dx = da @ W.T
    dh_prev = da @ U.T
    dW = x.T @ da
    dU = h_prev.T @ da
    db = da.sum(axis=0)
    return dx, dh_prev, dW, dU, db
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step-backward", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("vanilla/step-backward", step_backward)
### BEGIN HIDDEN TESTS
check("vanilla/step-backward", step_backward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Backpropagation through time (5 points)
#
# Now the whole sequence. $G_t$ is the gradient that reaches $h_t$ *directly*, from the loss at its own step.
# The next step sends more: along $U$ where it counted, and straight through where the mask was 0. Walk from the
# last step to the first, keep what flows into $h_{t-1}$, and add up the parameters' gradients on the way.


# %% nbgrader={"grade": false, "grade_id": "sequence-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sequence_backward(G, X, H, h_0, W, U, mask):
    """The gradients of a masked sequence.

    G: (T, B, H), X: (T, B, D), H: (T, B, H) as sequence_forward returned it, h_0: (B, H), W: (D, H), U: (H, H),
    mask: (T, B). Returns dX: (T, B, D), dh_0: (B, H), dW: (D, H), dU: (H, H), db: (H,).
    """
    ### BEGIN SOLUTION
    dX = np.empty_like(X)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])
    dh = np.zeros_like(h_0)
    for t in reversed(range(len(X))):
        m = mask[t][:, None]
        h_prev = H[t - 1] if t > 0 else h_0
        dh = dh + G[t]
        da = m * dh * (1 - H[t] ** 2)
        dX[t] = da @ W.T
        dW += X[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh = da @ U.T + (1 - m) * dh
    return dX, dh, dW, dU, db
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence-backward", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check("vanilla/sequence-backward", sequence_backward)
### BEGIN HIDDEN TESTS
check("vanilla/sequence-backward", sequence_backward, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 6. The loss, and where it starts (3 points)
#
# The network's outputs are logits $y_t$ (B, K); the loss is the cross-entropy of their softmax against the
# target classes, averaged over the steps that count:
#
# $$
# L = - \frac{1}{N} \sum_{t, b} m_{tb} \log p_{tb, \text{target}}, \qquad p_{tb} = \mathrm{softmax}(y_{tb}),
# \qquad N = \sum_{t, b} m_{tb} .
# $$
#
# Return the loss and its gradient $\delta y$. Logits may be in the thousands, and `exp(1000)` is infinite:
# softmax does not change when the largest logit is subtracted from all of them.


# %% nbgrader={"grade": false, "grade_id": "softmax-loss-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax_loss(Y, targets, mask):
    """The mean cross-entropy over the steps that count, and its gradient.

    Y: (T, B, K) logits, targets: (T, B) integers in 0..K-1, mask: (T, B) of zeros and ones, not all zero.
    Returns loss: a number, and dY: (T, B, K).
    """
    ### BEGIN SOLUTION
    count = mask.sum()
    shifted = Y - Y.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    one_hot = np.eye(Y.shape[-1], dtype=Y.dtype)[targets]
    loss = -(mask[..., None] * one_hot * log_p).sum() / count
    dY = (np.exp(log_p) - one_hot) * mask[..., None] / count
    return loss, dY
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softmax-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("vanilla/softmax-loss", softmax_loss)
### BEGIN HIDDEN TESTS
check("vanilla/softmax-loss", softmax_loss, rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 7. In your own words (2 points, marked by hand)
#
# Take $T = 2$, no mask, and a loss on both steps, $L = C_1 + C_2$. Derive $\delta U$ from the chain rule, and
# explain why it is *not* the sum of what two separate one-step networks would give.
#
# One point for the complete derivation with every term, one for the explanation.

# %% [markdown] nbgrader={"grade": true, "grade_id": "two-steps-derivation", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# $U$ enters $h_1$ through $h_0 U$ and $h_2$ through $h_1 U$, and $h_2$ depends on $U$ once more through $h_1$. With
# $\delta h_2 = G_2$ and $\delta a_2 = \delta h_2 \odot (1 - h_2^2)$, the second step sends
# $\delta a_2 U^{\top}$ back to $h_1$, so $\delta h_1 = G_1 + \delta a_2 U^{\top}$ and
# $\delta a_1 = \delta h_1 \odot (1 - h_1^2)$. Together $\delta U = h_0^{\top} \delta a_1 + h_1^{\top} \delta a_2$.
# Two separate one-step networks would miss the part of $\delta a_1$ that comes from $C_2$: there $h_1$ would be a
# given input of the second step, here it is something that $U$ has made.
#
# Rubric. One point: both products, with the right states ($h_0$ with $\delta a_1$, $h_1$ with $\delta a_2$), and
# $\delta h_1$ with both of its terms. One point: says that $C_2$ depends on $U$ through $h_1$ as well, or in other
# words that $h_1$ may not be held constant.

# %% [markdown]
# ## What you have now
#
# A network, its gradients, and a loss, each checked against independent code: everything a training loop needs.
# Before you hand in, run *Kernel → Restart & Run All* and see that every check prints its line.
