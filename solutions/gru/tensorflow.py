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
# # The GRU, in TensorFlow
#
# You write the gated recurrent unit in both of its forms, from weights and plain operations: one step, a masked
# sequence as a Keras layer, and the way back by hand, where TensorFlow would have done it for you. Then you load the
# weights of PyTorch and of Keras, and find out why one of a library's biases must not be added to the other.
#
# The theory is in chapter 7 of the book ([The GRU](../../book/gates/gru.md)); weights of other libraries are the
# subject of chapter 10 ([One set of weights, every framework](../../book/composition/every-framework.md)). Numbers
# such as (7.9) are those of the book's equations. Plan for three hours. The notebook is worth 20 points.
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the cell. The cell after it checks
# your answer on fresh random problems, as often as you like; it tells you what is wrong, not what the answer is. The
# framework's own recurrent layers and cells are the task itself: using one costs the points.
# Of several results that a question asks for, each that is right on every problem earns a part of the points.
#
# **Notation.** Row vectors, time first. $T$ steps, $B$ sequences in a batch, $D$ inputs, $H$ hidden units. `dv` stands
# for $\delta v = \partial L / \partial v$ and has the shape of `v`. The three gates stand side by side, in the order
# **r, z, n**: $W = [W_r, W_z, W_n]$ is $(D, 3H)$, $U$ is $(H, 3H)$, $b$ is $(3H)$. A bias $c_n$ $(H)$ of its own
# belongs to the first form alone.

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
# Return the new state and all that the way back will need. `tf.split(U, 3, axis=1)` gives the three blocks of `U`; the
# input's three shares may come from one product. A step whose pre-activations are in the thousands must still give
# numbers.


# %% nbgrader={"grade": false, "grade_id": "step-after-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_after(x, h_prev, W, U, b, c_n):
    """One step, on tensors; the reset gate stands after the product with U_n.

    x: (B, D), h_prev: (B, H), W: (D, 3H), U: (H, 3H), b: (3H,), blocks r, z, n; c_n: (H,).
    Returns h, r, z, n, q: (B, H) each.
    """
    ### BEGIN SOLUTION
    xW_r, xW_z, xW_n = tf.split(x @ W + b, 3, axis=1)
    U_r, U_z, U_n = tf.split(U, 3, axis=1)
    r = tf.sigmoid(xW_r + h_prev @ U_r)
    z = tf.sigmoid(xW_z + h_prev @ U_z)
    q = h_prev @ U_n + c_n
    n = tf.tanh(xW_n + r * q)
    h = (1 - z) * n + z * h_prev
    return h, r, z, n, q
    ### END SOLUTION


# %% [markdown]
# A place to play. Raise the update gate's bias by 20 and compare the new state with the old one. What does $z = 1$
# mean?

# %%
B, D, H = 2, 3, 4
x, h_prev = tf.random.normal((B, D)), tf.random.uniform((B, H), -0.9, 0.9)
W, U = tf.random.normal((D, 3 * H)), tf.random.normal((H, 3 * H)) / 2
b, c_n = tf.random.normal((3 * H,)), tf.random.normal((H,))
# b = tf.concat([b[:H], b[H : 2 * H] + 20, b[2 * H :]], axis=0)  # z is 1
# h, r, z, n, q = step_after(x, h_prev, W, U, b, c_n)
# print(h - h_prev)

# %% nbgrader={"grade": true, "grade_id": "step-after", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/step-after", step_after, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/step-after", step_after, framework="tensorflow", rounds=2)
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
    """One step, on tensors; the reset gate stands before the product with U_n.

    x: (B, D), h_prev: (B, H), W: (D, 3H), U: (H, 3H), b: (3H,), blocks r, z, n.
    Returns h, r, z, n, s: (B, H) each.
    """
    ### BEGIN SOLUTION
    xW_r, xW_z, xW_n = tf.split(x @ W + b, 3, axis=1)
    U_r, U_z, U_n = tf.split(U, 3, axis=1)
    r = tf.sigmoid(xW_r + h_prev @ U_r)
    z = tf.sigmoid(xW_z + h_prev @ U_z)
    s = r * h_prev
    n = tf.tanh(xW_n + s @ U_n)
    h = (1 - z) * n + z * h_prev
    return h, r, z, n, s
    ### END SOLUTION


# %% [markdown]
# A place to play. The same weights, $c_n = 0$: how far apart are the two? Then keep only the diagonal of each block of
# $U$, and look again. Why do they agree now?

# %%
# U = U * tf.tile(tf.eye(H), (1, 3))
# after = step_after(x, h_prev, W, U, b, tf.zeros(H))[0]
# before = step_before(x, h_prev, W, U, b)[0]
# print(float(tf.reduce_max(tf.abs(after - before))))

# %% nbgrader={"grade": true, "grade_id": "step-before", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("gru/step-before", step_before, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/step-before", step_before, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. A masked sequence, as a layer (2 points)
#
# Now the first form over a whole sequence. Where the mask is 0 the step is not taken, (7.12):
#
# $$
# \tilde h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}, \qquad
# h_t = \underbrace{m_t}_{(B, 1)} \odot \tilde h_t + (1 - m_t) \odot h_{t-1} .
# $$
#
# Masks may have gaps. Write a Keras layer with weights `self.W` (D, 3H), `self.U` (H, 3H), `self.b` (3H,) and
# `self.c_n` (H,), whose `call` returns *all* states. A Keras layer keeps Keras's layout: **batch first**, `X`
# (B, T, D) in, states (B, T, H) out; everything else in this notebook is time first. How you initialise is yours to
# choose; the check loads its own values. The tape must reach every weight. $h_{t-1} U$ can be one product for all
# three gates: that is why libraries prefer this form.


# %% nbgrader={"grade": false, "grade_id": "sequence-forward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class GRU(keras.layers.Layer):
    """A GRU over masked sequences, batch first as Keras has it; reset after the product."""

    def __init__(self, H, **kwargs):
        """H hidden units."""
        super().__init__(**kwargs)
        self.H = H

    def build(self, X_shape):
        """Make self.W: (D, 3H), self.U: (H, 3H), self.b: (3H,), self.c_n: (H,) with self.add_weight; D: X_shape[-1]."""
        ### BEGIN SOLUTION
        self.W = self.add_weight(name="W", shape=(X_shape[-1], 3 * self.H), initializer="glorot_uniform")
        self.U = self.add_weight(name="U", shape=(self.H, 3 * self.H), initializer="orthogonal")
        self.b = self.add_weight(name="b", shape=(3 * self.H,), initializer="zeros")
        self.c_n = self.add_weight(name="c_n", shape=(self.H,), initializer="zeros")
        ### END SOLUTION

    def call(self, X, h_0, mask):
        """X: (B, T, D), h_0: (B, H), mask: (B, T) of zeros and ones. Returns the states: (B, T, H)."""
        ### BEGIN SOLUTION
        W, U, b, c_n = self.W, self.U, self.b, self.c_n
        from_input = X @ W + b
        states, h = [], h_0
        for t in range(X.shape[1]):
            m = mask[:, t, None]
            xW_r, xW_z, xW_n = tf.split(from_input[:, t], 3, axis=1)
            hU_r, hU_z, hU_n = tf.split(h @ U, 3, axis=1)
            r = tf.sigmoid(xW_r + hU_r)
            z = tf.sigmoid(xW_z + hU_z)
            n = tf.tanh(xW_n + r * (hU_n + c_n))
            h_new = (1 - z) * n + z * h
            h = m * h_new + (1 - m) * h
            states.append(h)
        return tf.stack(states, axis=1)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence-forward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/sequence-forward", GRU, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/sequence-forward", GRU, framework="tensorflow", rounds=2)
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

    h, z, n: tensors of one shape. Returns a tensor of that shape.
    """
    ### BEGIN SOLUTION
    return (1 - z) * (h - n)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "update-gate-derivative", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("gru/update-gate-derivative", update_gate_derivative, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/update-gate-derivative", update_gate_derivative, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Back through a step, reset after, by hand (3 points)
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
#
# In TensorFlow, an operation with its own backward is a function under `@tf.custom_gradient`: it returns its result
# and a function that turns the gradient at the result into one gradient for each argument. The forward is given; write
# the inner function.


# %% nbgrader={"grade": false, "grade_id": "step-after-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
@tf.custom_gradient
def step_after_operation(x, h_prev, W, U, b, c_n):
    """One step, reset after, with a hand-written backward. Shapes as in step_after."""
    xW_r, xW_z, xW_n = tf.split(x @ W + b, 3, axis=1)
    hU_r, hU_z, hU_n = tf.split(h_prev @ U, 3, axis=1)
    r, z, q = tf.sigmoid(xW_r + hU_r), tf.sigmoid(xW_z + hU_z), hU_n + c_n
    n = tf.tanh(xW_n + r * q)

    def backward(dh):
        """dh: (B, H). Returns dx, dh_prev, dW, dU, db, dc_n, with the shapes of x, h_prev, W, U, b, c_n."""
        ### BEGIN SOLUTION
        U_r, U_z, U_n = tf.split(U, 3, axis=1)
        da_n = dh * (1 - z) * (1 - n**2)
        da_z = dh * (h_prev - n) * z * (1 - z)
        dq = da_n * r
        da_r = da_n * q * r * (1 - r)
        dh_prev = dh * z + dq @ tf.transpose(U_n) + da_r @ tf.transpose(U_r) + da_z @ tf.transpose(U_z)
        da = tf.concat([da_r, da_z, da_n], axis=1)
        dx = da @ tf.transpose(W)
        dW = tf.transpose(x) @ da
        dU = tf.transpose(h_prev) @ tf.concat([da_r, da_z, dq], axis=1)
        db = tf.reduce_sum(da, axis=0)
        dc_n = tf.reduce_sum(dq, axis=0)
        return dx, dh_prev, dW, dU, db, dc_n
        ### END SOLUTION

    return (1 - z) * n + z * h_prev, backward


# %% nbgrader={"grade": true, "grade_id": "step-after-backward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("gru/step-after-backward", step_after_operation, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/step-after-backward", step_after_operation, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Back through a step, reset before, by hand (2 points)
#
# What changes? The gradient of the candidate goes back through the matrix first, and meets the gate only then, (7.23):
#
# $$
# \delta s = \underbrace{\delta a^{\text{n}}}_{(B, H)} \underbrace{U_n^{\top}}_{(H, H)}, \qquad
# \delta r = \delta s \odot h_{t-1} .
# $$
#
# Road 2 is another one now, (7.24), and $U_n$ has multiplied something else, (7.25). A wrong $\delta U_n$ spoils
# nothing but itself: every other gradient is right and training runs. The forward is given again.


# %% nbgrader={"grade": false, "grade_id": "step-before-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
@tf.custom_gradient
def step_before_operation(x, h_prev, W, U, b):
    """One step, reset before, with a hand-written backward. Shapes as in step_before."""
    xW_r, xW_z, xW_n = tf.split(x @ W + b, 3, axis=1)
    U_r, U_z, U_n = tf.split(U, 3, axis=1)
    r, z = tf.sigmoid(xW_r + h_prev @ U_r), tf.sigmoid(xW_z + h_prev @ U_z)
    s = r * h_prev
    n = tf.tanh(xW_n + s @ U_n)

    def backward(dh):
        """dh: (B, H). Returns dx, dh_prev, dW, dU, db, with the shapes of x, h_prev, W, U, b."""
        ### BEGIN SOLUTION
        U_r, U_z, U_n = tf.split(U, 3, axis=1)
        da_n = dh * (1 - z) * (1 - n**2)
        da_z = dh * (h_prev - n) * z * (1 - z)
        ds = da_n @ tf.transpose(U_n)
        da_r = ds * h_prev * r * (1 - r)
        dh_prev = dh * z + ds * r + da_r @ tf.transpose(U_r) + da_z @ tf.transpose(U_z)
        da = tf.concat([da_r, da_z, da_n], axis=1)
        dx = da @ tf.transpose(W)
        dW = tf.transpose(x) @ da
        dU = tf.concat([tf.transpose(h_prev) @ da_r, tf.transpose(h_prev) @ da_z, tf.transpose(s) @ da_n], axis=1)
        db = tf.reduce_sum(da, axis=0)
        return dx, dh_prev, dW, dU, db
        ### END SOLUTION

    return (1 - z) * n + z * h_prev, backward


# %% nbgrader={"grade": true, "grade_id": "step-before-backward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/step-before-backward", step_before_operation, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/step-before-backward", step_before_operation, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 7. Backpropagation through time, by hand (3 points)
#
# Now the whole masked sequence, reset after. $G_t$ is the gradient that reaches $h_t$ *directly*, from the loss at its
# own step; the next step sends more. Only $\delta \tilde h_t = m_t \odot \delta h_t$ enters the step, (7.13), and
# $(1 - m_t) \odot \delta h_t$ goes past it, (7.17).
#
# Walk from the last step to the first, keep what flows into $h_{t-1}$, and add up the parameters' gradients on the
# way. Roads 2, 3 and 4 can be one product with $U^{\top}$. The forward is given again, time first, and keeps $r_t$,
# $z_t$, $n_t$ and $q_t$ of all steps, the masked ones too: a step that was not taken must leave no trace in the
# parameters' gradients. The mask needs no gradient: return `None` in its place.


# %% nbgrader={"grade": false, "grade_id": "sequence-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
@tf.custom_gradient
def sequence_operation(X, h_0, W, U, b, c_n, mask):
    """A masked sequence with a hand-written backward. X: (T, B, D), mask: (T, B); returns H: (T, B, H)."""
    states, kept, h_t = [], [], h_0
    for x, m_t in zip(tf.unstack(X), tf.unstack(mask[..., None])):
        xW_r, xW_z, xW_n = tf.split(x @ W + b, 3, axis=1)
        hU_r, hU_z, hU_n = tf.split(h_t @ U, 3, axis=1)
        r_t, z_t, q_t = tf.sigmoid(xW_r + hU_r), tf.sigmoid(xW_z + hU_z), hU_n + c_n
        n_t = tf.tanh(xW_n + r_t * q_t)
        h_t = m_t * ((1 - z_t) * n_t + z_t * h_t) + (1 - m_t) * h_t
        states.append(h_t)
        kept.append(tf.stack([r_t, z_t, n_t, q_t]))
    H = tf.stack(states)
    R, Z, N, Q = tf.unstack(tf.stack(kept, axis=1))

    def backward(G):
        """G: (T, B, H). Returns dX, dh_0, dW, dU, db, dc_n, None, with the shapes of the operation's arguments."""
        ### BEGIN SOLUTION
        dX = []
        dW, dU, db = tf.zeros_like(W), tf.zeros_like(U), tf.zeros_like(W[0])
        dc_n, dh = tf.zeros_like(h_0[0]), tf.zeros_like(h_0)
        for t in reversed(range(X.shape[0])):
            m, r, z, n, q = mask[t][:, None], R[t], Z[t], N[t], Q[t]
            h_prev = H[t - 1] if t > 0 else h_0
            dh = dh + G[t]
            dh_new = m * dh
            da_n = dh_new * (1 - z) * (1 - n**2)
            da_z = dh_new * (h_prev - n) * z * (1 - z)
            dq = da_n * r
            da_r = da_n * q * r * (1 - r)
            da = tf.concat([da_r, da_z, da_n], axis=1)
            da_U = tf.concat([da_r, da_z, dq], axis=1)
            dX.insert(0, da @ tf.transpose(W))
            dW += tf.transpose(X[t]) @ da
            dU += tf.transpose(h_prev) @ da_U
            db += tf.reduce_sum(da, axis=0)
            dc_n += tf.reduce_sum(dq, axis=0)
            dh = dh_new * z + da_U @ tf.transpose(U) + (1 - m) * dh
        return tf.stack(dX), dh, dW, dU, db, dc_n, None
        ### END SOLUTION

    return H, backward


# %% nbgrader={"grade": true, "grade_id": "sequence-backward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("gru/sequence-backward", sequence_operation, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/sequence-backward", sequence_operation, framework="tensorflow", rounds=2)
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
    W = tf.transpose(weight_ih)
    U = tf.transpose(weight_hh)
    b = tf.concat([bias_ih[: 2 * H] + bias_hh[: 2 * H], bias_ih[2 * H :]], axis=0)
    c_n = bias_hh[2 * H :]
    return W, U, b, c_n
    ### END SOLUTION


# %% [markdown]
# A place to play: does the loaded network *behave* like the one it comes from? Below is what `torch.nn.GRU` made of
# weights by a formula, recorded to six digits ($T = 3$, $B = 1$, $D = H = 2$, $h_0 = 0$). Then merge the candidate's
# two biases, `b[2 * H :] + c_n` with `c_n = 0`, and see by how much the states are off.

# %%
import math


def wave(*shape):
    """Numbers between -1 and 1 by a formula, so that everybody has the same."""
    return tf.reshape(tf.sin(1.0 + tf.range(math.prod(shape), dtype="float32")), shape)


torch_says = [[-0.604353, -0.446585], [-0.636770, 0.226577], [-0.671973, 0.633454]]
# W, U, b, c_n = from_pytorch(wave(6, 2), wave(6, 2), wave(2, 6)[0], wave(2, 6)[1])
# network = GRU(2)
# X = tf.transpose(wave(3, 1, 2), (1, 0, 2))  # batch first
# network(X, tf.zeros((1, 2)), tf.ones((1, 3)))  # the first call makes the weights
# for name, value in zip(("W", "U", "b", "c_n"), (W, U, b, c_n)):
#     getattr(network, name).assign(value)
# print(network(X, tf.zeros((1, 2)), tf.ones((1, 3)))[0] - torch_says)

# %% nbgrader={"grade": true, "grade_id": "from-pytorch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/from-pytorch", from_pytorch, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/from-pytorch", from_pytorch, framework="tensorflow", rounds=2)
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
    W_z, W_r, W_n = tf.split(kernel, 3, axis=1)
    U_z, U_r, U_n = tf.split(recurrent_kernel, 3, axis=1)
    b_z, b_r, b_n = tf.split(bias[0], 3, axis=0)
    c_z, c_r, c_n = tf.split(bias[1], 3, axis=0)
    W = tf.concat([W_r, W_z, W_n], axis=1)
    U = tf.concat([U_r, U_z, U_n], axis=1)
    b = tf.concat([b_r + c_r, b_z + c_z, b_n], axis=0)
    return W, U, b, c_n
    ### END SOLUTION


# %% [markdown]
# The same question to Keras. Load a `keras.layers.GRU` with random weights, biases included, into your layer.

# %%
B, D, H = 2, 3, 4
X, h_0, everywhere = tf.random.normal((B, 5, D)), tf.random.normal((B, H)), tf.ones((B, 5))
theirs = keras.layers.GRU(H, return_sequences=True, bias_initializer="random_normal")
H_theirs = theirs(X, initial_state=h_0)
# ours = GRU(H)
# ours(X, h_0, everywhere)  # the first call makes the weights
# for name, value in zip(("W", "U", "b", "c_n"), from_keras(*theirs.weights)):
#     getattr(ours, name).assign(value)
# print(float(tf.reduce_max(tf.abs(ours(X, h_0, everywhere) - H_theirs))))

# %% nbgrader={"grade": true, "grade_id": "from-keras", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("gru/from-keras", from_keras, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("gru/from-keras", from_keras, framework="tensorflow", rounds=2)
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
