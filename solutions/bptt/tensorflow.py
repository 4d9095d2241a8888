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
# # Backpropagation through time, in TensorFlow
#
# You write the walk back through a recurrent network, and then all that people do because it is long: measure what is
# left of a gradient after many steps, cut the walk short, clip what explodes, and at last do without walking back at
# all. Two of your functions share no line and must give the same gradient.
#
# The theory is in chapters 4 and 5 of the book
# ([Backpropagation through time](../../book/foundations/backpropagation-through-time.md),
# [Gradients that vanish and explode](../../book/foundations/vanishing-and-exploding-gradients.md)); numbers such as
# (4.27) are those of its equations. Plan for three hours. The notebook is worth 20 points.
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the cell. The cell after it checks
# your answer on fresh random problems, as often as you like; it tells you what is wrong, not what the answer is.
# Gradients are written by hand here: a `tf.GradientTape` is at work in section 5 only, and there it is the check's.
# Of several results that a question asks for, each that is right on every problem earns a part of the points.
#
# **Notation.** Row vectors, time first. $T$ steps, $B$ sequences in a batch, $D$ inputs, $H$ hidden units. `dv` stands
# for $\delta v = \partial L / \partial v$ and has the shape of `v`. $G_t$ is the gradient that reaches $h_t$
# *directly*, from the loss of its own step. Steps count from 1 in equations and from 0 in code: `H[t]` is the state
# *after* step `t`. There is no mask in this notebook.

# %%
# The light package that checks your answers; installed only where it is missing.
import importlib.util
import os
import sys

sys.path[:] = [folder for folder in sys.path if folder]  # a numpy.py beside this notebook must not hide NumPy
if importlib.util.find_spec("autograder") is None:
    # %pip install --quiet "unrolled @ git+https://github.com/unrolled-course/unrolled"
    pass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # fewer start-up messages
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same rounding on every processor

import keras
import tensorflow as tf

from autograder import check

tf.config.list_physical_devices("GPU")  # TensorFlow uses a GPU by itself where this list is not empty


def sequence_forward(X, h_0, W, U, b):
    """All states H: (T, B, H) of the network, from X: (T, B, D) and h_0: (B, H). Given: use it."""
    states, h = [], h_0
    for x in tf.unstack(X):
        h = tf.tanh(x @ W + h @ U + b)
        states.append(h)
    return tf.stack(states)


def example(T, B, D, H, gain=1.0, seed=0):
    """A random network and a sequence for it: X, h_0, W, U, b, and G (T, B, H). U has entries of size gain / √H."""
    random = tf.random.Generator.from_seed(seed)

    def normal(*shape):
        return random.normal(shape, dtype=tf.float64)

    W, U, b = normal(D, H) / D**0.5, gain * normal(H, H) / H**0.5, tf.zeros(H, dtype=tf.float64)
    return normal(T, B, D), tf.zeros((B, H), dtype=tf.float64), W, U, b, normal(T, B, H)


# %% [markdown]
# ## 1. The walk back (2 points)
#
# A state is heard twice: by the loss of its own step, and by the next state. So its gradient is a sum of two terms,
# equations (4.27) and (4.28):
#
# $$
# \delta h_t = \underbrace{G_t}_{(B, H)} + \underbrace{\delta a_{t+1}}_{(B, H)}
#   \underbrace{U^{\top}}_{(H, H)}, \qquad
# \delta a_t = \delta h_t \odot (1 - h_t^2), \qquad \delta a_{T+1} = 0 .
# $$
#
# Return *all* $\delta h_t$ and *all* $\delta a_t$: the first say what every state is worth, from the second follows
# everything else.


# %% nbgrader={"grade": false, "grade_id": "recursion-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def recursion(G, H, U):
    """The gradient of every state and of every pre-activation.

    G: (T, B, H), H: (T, B, H), U: (H, H). Returns dH: (T, B, H), dA: (T, B, H).
    """
    ### BEGIN SOLUTION
    dH, dA = [], []
    from_later = tf.zeros_like(H[0])
    for t in reversed(range(H.shape[0])):
        dh = G[t] + from_later
        da = dh * (1 - H[t] ** 2)
        from_later = da @ tf.transpose(U)
        dH.insert(0, dh)
        dA.insert(0, da)
    return tf.stack(dH), tf.stack(dA)
    ### END SOLUTION


# %% [markdown]
# A place to play. Let only the last step have a loss. Which rows of `dH` are zero? How large are the others, from the
# last to the first?

# %%
X, h_0, W, U, b, G = example(T=8, B=2, D=3, H=5)
H = sequence_forward(X, h_0, W, U, b)
G = tf.concat([tf.zeros_like(G[:-1]), G[-1:]], axis=0)
# dH, dA = recursion(G, H, U)
# print(tf.reduce_max(tf.abs(dH), axis=(1, 2)).numpy())

# %% nbgrader={"grade": true, "grade_id": "recursion", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("bptt/recursion", recursion, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/recursion", recursion, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. One product for all steps (2 points)
#
# The walk was the part that had to wait. The gradients of the parameters are sums over time, and need not be made
# step by step. Put all steps under each other, $\bar X$ $(TB, D)$, the states *before* each step, $\bar H_{-}$
# $(TB, H)$, and the $\delta a_t$, $\bar A$ $(TB, H)$. Then a sum of $T$ thin products is one tall product, (4.37):
#
# $$
# \delta W = \underbrace{\bar X^{\top}}_{(D, TB)} \underbrace{\bar A}_{(TB, H)}, \qquad
# \delta U = \bar H_{-}^{\top} \bar A, \qquad \delta b = \sum \text{rows of } \bar A .
# $$
#
# The states before the steps are $h_0, h_1, \dots, h_{T-1}$.


# %% nbgrader={"grade": false, "grade_id": "parameter-gradients-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def parameter_gradients(dA, X, H, h_0):
    """The gradients of the parameters from all δa.

    dA: (T, B, H), X: (T, B, D), H: (T, B, H), h_0: (B, H). Returns dW: (D, H), dU: (H, H), db: (H,).
    """
    ### BEGIN SOLUTION
    before = tf.concat([h_0[None], H[:-1]], axis=0)
    rows = tf.reshape(dA, (-1, dA.shape[2]))
    dW = tf.transpose(tf.reshape(X, (-1, X.shape[2]))) @ rows
    dU = tf.transpose(tf.reshape(before, (-1, H.shape[2]))) @ rows
    db = tf.reduce_sum(rows, axis=0)
    return dW, dU, db
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "parameter-gradients", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("bptt/parameter-gradients", parameter_gradients, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/parameter-gradients", parameter_gradients, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The Jacobian of a leaky step (1 point)
#
# How does $h_t$ answer when $h_{t-1}$ is pushed? For the tanh network the answer is $J_t = U \operatorname{diag}(1 -
# h_t^2)$, (4.21): row $i$ is what is pushed, column $j$ what moves. A *leaky* unit keeps most of its state and adds a
# little that is new,
#
# $$
# h_t = (1 - \alpha)\, h_{t-1} + \alpha\, n_t, \qquad n_t = \tanh(x_t W + h_{t-1} U + b) .
# $$
#
# Derive its Jacobian $J_t[i, j] = \partial^{+} h_{t,j} / \partial h_{t-1,i}$ on paper, for one sequence. Then write
# it as a function of $n_t$, $U$ and $\alpha$. (The answer stands in chapter 5. Derive it first.)


# %% nbgrader={"grade": false, "grade_id": "leaky-jacobian-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leaky_jacobian(n, U, alpha):
    """The Jacobian of one step of leaky units, for one sequence.

    n: (H,), the candidate n_t; U: (H, H); alpha: a number. Returns J: (H, H), row: pushed, column: moves.
    """
    ### BEGIN SOLUTION
    return (1 - alpha) * tf.eye(n.shape[0], dtype=n.dtype) + alpha * U * (1 - n**2)
    ### END SOLUTION


# %% [markdown]
# A place to play, and a witness that knows no chain rule: push one unit a little, and see who moves. Expect differences
# below $10^{-8}$, the error of the difference quotient.

# %%
X, h_0, W, U, b, G = example(T=1, B=1, D=2, H=4)
alpha, h, push = 0.1, 0.3 + h_0, tf.constant([[0, 1e-5, 0, 0]], dtype=tf.float64)


def candidate(h):
    return tf.tanh(X[0] @ W + h @ U + b)


def leaky_step(h):
    return (1 - alpha) * h + alpha * candidate(h)


# J = leaky_jacobian(candidate(h)[0], U, alpha)
# print((leaky_step(h + push) - leaky_step(h - push)) / 2e-5 - J[1])  # unit 1 was pushed: row 1

# %% nbgrader={"grade": true, "grade_id": "leaky-jacobian", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("bptt/leaky-jacobian", leaky_jacobian, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/leaky-jacobian", leaky_jacobian, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. What is left after many steps (2 points)
#
# Take the loss of the last step alone, with gradient $g = G_T$. Every step back multiplies it by one more transposed
# Jacobian, (5.5):
#
# $$
# \frac{\mathrm{d} C_T}{\mathrm{d} h_{T-\ell}} = g\, J_T^{\top} J_{T-1}^{\top} \cdots J_{T-\ell+1}^{\top},
# \qquad g\, J_t^{\top} = \bigl( g \odot (1 - h_t^2) \bigr)\, U^{\top} .
# $$
#
# Return its Euclidean norm for each lag $\ell = 0, \dots, T - 1$ and each sequence: each has its own states, so each
# has its own Jacobians. This is the plot to make when a network does not learn what lies far back. The norm of the
# *whole* gradient cannot show it: there the near steps drown the far ones.


# %% nbgrader={"grade": false, "grade_id": "norms-by-lag-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def norms_by_lag(g, H, U):
    """The length of the last loss's gradient after 0, 1, …, T - 1 steps back, for each sequence.

    g: (B, H), the gradient at the last state; H: (T, B, H); U: (H, H).
    Returns norms: (T, B), row ℓ for the lag ℓ.
    """
    ### BEGIN SOLUTION
    norms = []
    for t in reversed(range(H.shape[0])):
        norms.append(tf.norm(g, axis=-1))
        g = (g * (1 - H[t] ** 2)) @ tf.transpose(U)
    return tf.stack(norms)
    ### END SOLUTION


# %% [markdown]
# A place to play: a hundred units, forty steps, weak inputs, and three sizes of the recurrent weights. Expect a fall
# over many powers of ten at a gain of 0.5, growth at 2, and in between, at 1, not much of either. At which gain would
# you like to train?

# %%
for gain in (0.5, 1.0, 2.0):
    X, h_0, W, U, b, G = example(T=40, B=1, D=2, H=100, gain=gain)
    H = sequence_forward(0.1 * X, h_0, W, U, b)
    # norms = norms_by_lag(G[-1], H, U)
    # print(f"gain {gain}:", *(f"{float(norms[lag, 0]):9.1e}" for lag in (0, 10, 20, 30, 39)))

# %% nbgrader={"grade": true, "grade_id": "norms-by-lag", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("bptt/norms-by-lag", norms_by_lag, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/norms-by-lag", norms_by_lag, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Chunk by chunk, with `tf.stop_gradient` (3 points)
#
# A text of a million characters is one sequence, and nobody walks back through all of it. The usual way out is to take
# $k$ steps at a time: run forward through a chunk, walk back through the same chunk, go on. Two things must be kept
# apart.
#
# * The **state** is carried on: a chunk starts from the state in which the one before ended.
# * The **gradient** is not: that state counts as a constant, and the walk ends where the chunk begins.
#
# This is BPTT($k$, $k$). Here a tape does the walking, and you say where it stops: `tf.stop_gradient(h)` *returns* the
# same numbers without their history. Write a Keras layer with the weights `self.W` (D, H), `self.U` (H, H) and `self.b`
# (H,), whose `call` runs the whole sequence and cuts the gradient where a chunk of $k$ steps begins; the last one may
# be shorter. A Keras layer keeps Keras's layout: **batch first**, `X` (B, T, D) in, states (B, T, H) out. How you
# initialise is yours to choose; the check loads its own values, and asks its own tape for the gradients.


# %% nbgrader={"grade": false, "grade_id": "by-chunks-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ChunkedRNN(keras.layers.Layer):
    """A tanh network whose gradient is cut every k steps, batch first as Keras has it."""

    def __init__(self, H, k, **kwargs):
        """H hidden units, chunks of k steps."""
        super().__init__(**kwargs)
        self.H = H
        self.k = k

    def build(self, X_shape):
        """Make the weights self.W: (D, H), self.U: (H, H), self.b: (H,) with self.add_weight; D is X_shape[-1]."""
        ### BEGIN SOLUTION
        self.W = self.add_weight(name="W", shape=(X_shape[-1], self.H), initializer="glorot_uniform")
        self.U = self.add_weight(name="U", shape=(self.H, self.H), initializer="orthogonal")
        self.b = self.add_weight(name="b", shape=(self.H,), initializer="zeros")
        ### END SOLUTION

    def call(self, X, h_0):
        """X: (B, T, D), h_0: (B, H). Returns the states: (B, T, H)."""
        ### BEGIN SOLUTION
        states, h = [], h_0
        for t in range(X.shape[1]):
            if t % self.k == 0:
                h = tf.stop_gradient(h)
            h = tf.tanh(X[:, t] @ self.W + h @ self.U + self.b)
            states.append(h)
        return tf.stack(states, axis=1)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "by-chunks", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("bptt/by-chunks", ChunkedRNN, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/by-chunks", ChunkedRNN, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Windows that overlap (3 points)
#
# With chunks, the first loss of each chunk sees a single step. BPTT($k_1$, $k_2$) is kinder: every $k_1$ steps, walk
# back through the last $k_2 \ge k_1$. A walk starts from the losses of its *own block*, the last $k_1$ steps; those
# before it have been sent back already. So a loss at step $t$ takes part in one walk, which starts at
#
# $$
# \tau(t) = k_1 \lceil t / k_1 \rceil
# $$
#
# (4.43) and covers the steps $\tau - k_2 + 1, \dots, \tau$, (4.45). If the sequence ends before $\tau$, think of
# it as going on without losses: the window begins where it would have begun. The forward pass has been made, and knows
# nothing of all this: what stands before a window is the state that really was there.


# %% nbgrader={"grade": false, "grade_id": "truncated-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def truncated_backward(G, X, H, h_0, W, U, k1, k2):
    """The gradients of BPTT(k1, k2), by hand.

    G: (T, B, H), X: (T, B, D), H: (T, B, H), h_0: (B, H), W: (D, H), U: (H, H); k1, k2: numbers with 1 <= k1 <= k2.
    Returns dW: (D, H), dU: (H, H), db: (H,).
    """
    ### BEGIN SOLUTION
    dW, dU, db = tf.zeros_like(W), tf.zeros_like(U), tf.zeros_like(W[0])
    for start in range(0, X.shape[0], k1):
        end = start + k1
        begin = max(0, end - k2)
        dh = tf.zeros_like(h_0)
        for t in reversed(range(begin, min(end, X.shape[0]))):
            h_prev = H[t - 1] if t > 0 else h_0
            if t >= start:
                dh = dh + G[t]
            da = dh * (1 - H[t] ** 2)
            dW += tf.transpose(X[t]) @ da
            dU += tf.transpose(h_prev) @ da
            db += tf.reduce_sum(da, axis=0)
            dh = da @ tf.transpose(U)
    return dW, dU, db
    ### END SOLUTION


# %% [markdown]
# A place to play. How wrong is $\delta U$, relative to the full one? Expect the error to fall fast with $k_2$ where
# $k_1 = 1$, and slowly where $k_1 = k_2$. Neither is free: count the steps that each walks back.

# %%
X, h_0, W, U, b, G = example(T=48, B=4, D=3, H=20, gain=0.8)
H = sequence_forward(X, h_0, W, U, b)
# full = truncated_backward(G, X, H, h_0, W, U, 48, 48)[1]
# for k2 in (2, 4, 8, 16):
#     for k1 in (1, k2):
#         dU = truncated_backward(G, X, H, h_0, W, U, k1, k2)[1]
#         print(f"BPTT({k1}, {k2}): off by {float(tf.norm(dU - full) / tf.norm(full)):.1e}")

# %% nbgrader={"grade": true, "grade_id": "truncated", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("bptt/truncated", truncated_backward, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/truncated", truncated_backward, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 7. Clipping (2 points)
#
# Where a gradient explodes, its direction may still be right. Put all gradients together, as one long row $g$, and
# shorten that row to the limit $\theta$ if it is longer, (5.36) and (5.37):
#
# $$
# \|g\| = \sqrt{\|\delta W\|^2 + \|\delta U\|^2 + \|\delta b\|^2}, \qquad
# \hat g = \min\Bigl(1, \frac{\theta}{\|g\|}\Bigr)\, g .
# $$
#
# Return clipped *copies*, and the norm *before* clipping, which is worth logging. The factor is exact: add no small
# number to the norm, and take care of gradients that are all zero in another way.


# %% nbgrader={"grade": false, "grade_id": "clip-by-global-norm-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clip_by_global_norm(dW, dU, db, max_norm):
    """The three gradients, scaled together to a global norm of at most max_norm, and the norm before.

    dW: (D, H), dU: (H, H), db: (H,), max_norm: a positive number.
    Returns dW: (D, H), dU: (H, H), db: (H,), norm: a scalar tensor.
    """
    ### BEGIN SOLUTION
    norm = tf.sqrt(tf.reduce_sum(dW**2) + tf.reduce_sum(dU**2) + tf.reduce_sum(db**2))
    scale = max_norm / norm if norm > max_norm else 1.0
    return scale * dW, scale * dU, scale * db, norm
    ### END SOLUTION


# %% [markdown]
# A place to play: a gradient of norm 13, and what a limit of 1 makes of it. Clip each array by itself, and watch the
# ratio of the first two entries: that is the direction changing.

# %%
dW, dU, db = tf.constant([[12.0]]), tf.constant([[3.0]]), tf.constant([4.0])
# print(clip_by_global_norm(dW, dU, db, 1.0))

# %% nbgrader={"grade": true, "grade_id": "clip-by-global-norm", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("bptt/clip-by-global-norm", clip_by_global_norm, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/clip-by-global-norm", clip_by_global_norm, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 8. Carry the derivative along (2 points)
#
# Now without walking back. Beside each state, keep how it depends on every parameter, the *influence* (4.49). Stack the
# parameters as the inputs are stacked: $z_t = [x_t, h_{t-1}, 1]$ meets $\Theta = [W; U; b]$, of shape
# $(D + H + 1, H)$. Each sequence has an influence of its own, so in a batch it has four indices,
#
# $$
# P_t[\beta, p, q, j] = \frac{\mathrm{d} h_{t, \beta j}}{\mathrm{d} \Theta_{pq}}, \qquad
# P_t : (B,\, D + H + 1,\, H,\, H), \qquad P_0 = 0 .
# $$
#
# A step moves it as the chain rule says, (4.50), with the slope of tanh on both terms:
#
# $$
# P_t[\beta, p, q, j] = \Bigl( \underbrace{z_{t, \beta p}\, [\,q = j\,]}_{\text{this use of } \Theta_{pq}}
#  + \underbrace{\sum_i P_{t-1}[\beta, p, q, i]\, U_{ij}}_{\text{all earlier uses}} \Bigr) (1 - h_{t, \beta j}^2) .
# $$
#
# $[\,q = j\,]$ is 1 where $q = j$ and else 0: an identity matrix.


# %% nbgrader={"grade": false, "grade_id": "influence-step-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def influence_step(x, h_prev, P, W, U, b):
    """One step of the network and of its influence.

    x: (B, D), h_prev: (B, H), P: (B, D+H+1, H, H), W: (D, H), U: (H, H), b: (H,).
    Returns h: (B, H), P_next: (B, D+H+1, H, H).
    """
    ### BEGIN SOLUTION
    h = tf.tanh(x @ W + h_prev @ U + b)
    z = tf.concat([x, h_prev, tf.ones_like(x[:, :1])], axis=1)
    immediate = z[:, :, None, None] * tf.eye(U.shape[0], dtype=U.dtype)
    P_next = (immediate + P @ U) * (1 - h**2)[:, None, None, :]
    return h, P_next
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "influence-step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("bptt/influence-step", influence_step, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/influence-step", influence_step, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 9. A gradient without a walk back (1 point)
#
# The loss of step $t$ feels the state with $G_t$, known as soon as the step has been made. So its whole gradient is
# there at once, and that of all losses is a running sum, (4.51):
#
# $$
# \frac{\mathrm{d} C}{\mathrm{d} \Theta_{pq}} = \sum_{t=1}^{T} \sum_{\beta, j} P_t[\beta, p, q, j]\, G_{t, \beta j} .
# $$
#
# Use `influence_step`. The result has the rows of $W$, of $U$ and of $b$ under each other, in that order; take it apart.
# This is real-time recurrent learning. It never looks back, and pays for it: compare the number of entries of $P$ with
# that of one state.


# %% nbgrader={"grade": false, "grade_id": "rtrl-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rtrl(X, G, h_0, W, U, b):
    """The gradients of the whole sequence, on the way forward.

    X: (T, B, D), G: (T, B, H), h_0: (B, H), W: (D, H), U: (H, H), b: (H,).
    Returns dW: (D, H), dU: (H, H), db: (H,).
    """
    ### BEGIN SOLUTION
    B, D, H = X.shape[1], X.shape[2], U.shape[0]
    h, P = h_0, tf.zeros((B, D + H + 1, H, H), dtype=U.dtype)
    gradient = tf.zeros((D + H + 1, H), dtype=U.dtype)
    for t in range(X.shape[0]):
        h, P = influence_step(X[t], h, P, W, U, b)
        gradient += tf.einsum("bpqj,bj->pq", P, G[t])
    return gradient[:D], gradient[D:-1], gradient[-1]
    ### END SOLUTION


# %% [markdown]
# A place to play, and the reward: two programs that share no line, one going back and one forward. Expect differences
# below $10^{-14}$, rounding and nothing else.

# %%
X, h_0, W, U, b, G = example(T=12, B=2, D=3, H=5)
H = sequence_forward(X, h_0, W, U, b)
# dH, dA = recursion(G, H, U)
# for back, forward in zip(parameter_gradients(dA, X, H, h_0), rtrl(X, G, h_0, W, U, b)):
#     print(f"{float(tf.norm(back - forward) / tf.norm(back)):.1e}")

# %% nbgrader={"grade": true, "grade_id": "rtrl", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("bptt/rtrl", rtrl, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("bptt/rtrl", rtrl, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 10. In your own words (2 points, marked by hand)
#
# Take $T = 4$ and BPTT(2, 2). Write $g_{t,k}$ for the gradient that the use of $U$ at step $k$ gets from the loss of
# step $t$, (4.44). Derive from $\tau(t)$ which of the ten terms $g_{t,k}$, $k \le t \le 4$, are kept and which are
# dropped. Then explain why more data does not make the error smaller, and what would.
#
# One point for the terms with their derivation, one for the explanation.

# %% [markdown] nbgrader={"grade": true, "grade_id": "truncation-derivation", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# $\tau(1) = \tau(2) = 2$ and $\tau(3) = \tau(4) = 4$. A walk covers the steps $\tau - k_2 + 1, \dots, \tau$, so the
# losses of steps 1 and 2 see the uses at steps 1 and 2, those of steps 3 and 4 the uses at steps 3 and 4. With $k \le t$
# six terms are kept, $g_{1,1}$, $g_{2,1}$, $g_{2,2}$, $g_{3,3}$, $g_{4,3}$, $g_{4,4}$, and four are dropped: $g_{3,1}$,
# $g_{3,2}$, $g_{4,1}$, $g_{4,2}$. Even $g_{3,2}$, one step away, is among them, because a border lies between.
#
# Every batch lacks the same four terms. Averaging over data makes the mean of what is computed more certain, and that
# mean is the sum of six terms, not of ten. The dropped terms have no reason to average to zero: where an input at step 1
# decides the loss at step 4, $g_{4,1}$ points the same way again and again. The error is a bias, not noise. A longer
# window makes it smaller ($k_2 = 4$ with $k_1 = 2$ drops nothing here), and so does a network whose gradients decay
# fast; cutting at random places with the right weights turns it into noise, which does average out.
#
# Rubric. One point: $\tau$ for all four steps, the two windows, and the right six and four terms (half a point if one
# term is wrong, or if the terms stand there without $\tau$). One point: says that the *same* terms are missing whatever
# the data, so that the expectation itself is off, and names a remedy (larger $k_2$, random cuts, or no truncation); half
# a point for one of the two.

# %% [markdown]
# ## What you have now
#
# The walk back and what is known about its length: you can measure how far a gradient reaches, cut it where you choose
# and say what that costs, clip what is too long, and check all of it against a program that only goes forward. Before
# you hand in, run *Kernel → Restart & Run All* and see that every check prints its line.
