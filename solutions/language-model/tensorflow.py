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
# # A language model, in TensorFlow
#
# You build a network that reads a text character by character and says, after each, what it expects next: from the cut
# of the text into windows to a model that writes by itself. The text is this book's own prose. A model of it, half
# trained, comes with the package; in the end you train it further, and it is judged on pages that it has not seen.
#
# What you need is in chapters 3 to 5 of the book ([The vanilla RNN](../../book/foundations/vanilla-rnn.md),
# [Backpropagation through time](../../book/foundations/backpropagation-through-time.md),
# [Gradients that vanish and explode](../../book/foundations/vanishing-and-exploding-gradients.md)); numbers such as
# (4.27) are those of its equations. Plan for three hours. The notebook is worth 20 points.
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the cell. The cell after it checks
# your function on fresh random problems, as often as you like; it tells you what is wrong, not what the answer is.
# Gradients are written by hand here; only in section 6 you may let a `tf.GradientTape` find them.
# Of several results that a question asks for, each that is right on every problem earns a part of the points.
#
# **Notation.** Row vectors, time first. $T$ steps, $B$ streams of text side by side, $K$ characters in the vocabulary,
# $D$ numbers for each of them, $H$ hidden units. `dv` stands for $\delta v = \partial L / \partial v$ and has the
# shape of `v`. A character is known by its *id*, a whole number from $0$ to $K - 1$.
#
# The network is that of chapter 3, with a table in front:
#
# $$
# x_t = E[\mathrm{id}_t], \qquad h_t = \tanh(x_t W + h_{t-1} U + b), \qquad y_t = h_t V + b_y, \qquad
# p_t = \operatorname{softmax}(y_t),
# $$
#
# with $E$ $(K, D)$, $W$ $(D, H)$, $U$ $(H, H)$, $b$ $(H)$, $V$ $(H, K)$ and $b_y$ $(K)$.

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

import math

import tensorflow as tf

from autograder import check
from autograder.datasets.text import book_text, characters, checkpoint, decode, encode, training_ids

tf.config.list_physical_devices("GPU")  # TensorFlow uses a GPU by itself where this list is not empty

ids = tf.constant(training_ids())
start = [tf.constant(v) for v in checkpoint().values()]  # E, W, U, b, V, b_y in float32, after one pass
print(f"{len(ids)} characters to learn from, {len(characters())} different ones: {characters()!r}")
print(book_text()[:200])

# %% [markdown]
# ## 1. Streams, windows, targets (2 points)
#
# One text, and a batch wants many sequences. Cut the text into $B$ *streams* of equal length, and read all of them at
# once: with $N$ ids, stream $b$ begins at place $bL$, where
#
# $$
# L = \Bigl\lfloor \frac{N - 1}{B} \Bigr\rfloor .
# $$
#
# One id fewer than there are, because each input needs a *target*: the id after it in the text, also where a window or
# a stream ends.
#
# Then cut the streams into windows of $T$ steps, as many whole ones as there are, $n = \lfloor L / T \rfloor$; what is
# left at the end of each stream is dropped. Window $i$ holds, at step $t$ of stream $b$ (all counted from 0),
#
# $$
# \mathrm{inputs}[i, t, b] = \mathrm{ids}[bL + iT + t], \qquad
# \mathrm{targets}[i, t, b] = \mathrm{ids}[bL + iT + t + 1] .
# $$
#
# So column $b$ of window $i + 1$ goes on where column $b$ of window $i$ has ended. Section 5 lives on that.


# %% nbgrader={"grade": false, "grade_id": "windows-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def windows(ids, B, T):
    """Inputs and targets, cut into windows of T steps in B streams.

    ids: (N,) whole numbers; B, T: numbers. Returns inputs: (n, T, B), targets: (n, T, B), n the
    number of whole windows in each stream.
    """
    ### BEGIN SOLUTION
    L = (ids.shape[0] - 1) // B
    n = L // T
    inputs = tf.reshape(ids[: B * L], (B, L))[:, : n * T]
    targets = tf.reshape(ids[1 : B * L + 1], (B, L))[:, : n * T]
    inputs = tf.transpose(tf.reshape(inputs, (B, n, T)), (1, 2, 0))
    targets = tf.transpose(tf.reshape(targets, (B, n, T)), (1, 2, 0))
    return inputs, targets
    ### END SOLUTION


# %% [markdown]
# A place to play. Expect each arrow to shift by one letter, and each line to continue the one above it.

# %%
text = "abcdefghijklmnopqrstuvwxyz"
# inputs, targets = windows(tf.constant(encode(text)), 2, 4)
# for read, next_read in zip(inputs, targets):
#     print([decode(read[:, b]) + " → " + decode(next_read[:, b]) for b in range(2)])

# %% nbgrader={"grade": true, "grade_id": "windows", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("language-model/windows", windows, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/windows", windows, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Nats, bits, perplexity (3 points)
#
# How surprised is the model? At each place it has given the character that came, $c$, a probability, and the surprise
# is $-\log p_c$, (3.7). Average it over all $TB$ places:
#
# $$
# L = -\frac{1}{TB} \sum_{t, b} \log p_{t,b,c}, \qquad
# \delta y_{t,b} = \frac{p_{t,b} - \text{one-hot}(c)}{TB} .
# $$
#
# The gradient is (3.19). With natural logarithms the unit is the *nat*. Two others are in use. In *bits*, the base is
# 2: $\log_2 p = \log p / \log 2$; so many yes-or-no questions does a character take. The *perplexity* is $e^L$: the
# model hesitates as if between so many equally likely characters.
#
# Logits can be large, and $e^{2000}$ is not a number any more. Subtract the largest logit of each place first, (3.21).
# `math.log(2)` is a plain number, which every dtype gets along with.


# %% nbgrader={"grade": false, "grade_id": "language-loss-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def language_loss(Y, targets):
    """The mean loss in three units, and its gradient.

    Y: (T, B, K), logits; targets: (T, B), whole numbers from 0 to K - 1.
    Returns nats: a scalar, bits: a scalar, perplexity: a scalar, dY: (T, B, K), the gradient of nats.
    """
    ### BEGIN SOLUTION
    T, B, K = Y.shape
    shifted = Y - tf.reduce_max(Y, axis=-1, keepdims=True)
    log_p = shifted - tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=-1, keepdims=True))
    one_hot = tf.one_hot(targets, K, dtype=Y.dtype)
    nats = -tf.reduce_sum(one_hot * log_p) / (T * B)
    bits = nats / math.log(2)
    perplexity = tf.exp(nats)
    dY = (tf.exp(log_p) - one_hot) / (T * B)
    return nats, bits, perplexity, dY
    ### END SOLUTION


# %% [markdown]
# A place to play. A model that knows nothing gives all 48 characters the same chance. How many bits is that, and what
# is its perplexity? Say it before you run the cell.

# %%
Y, targets = tf.zeros((5, 2, 48)), tf.zeros((5, 2), dtype=tf.int64)
# nats, bits, perplexity, dY = language_loss(Y, targets)
# print(float(nats), float(bits), float(perplexity))

# %% nbgrader={"grade": true, "grade_id": "language-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("language-model/language-loss", language_loss, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/language-loss", language_loss, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Back into the table (2 points)
#
# Forward, the embedding copies rows: $x_{t,b} = E[\mathrm{id}_{t,b}]$. A row is read as often as its character occurs,
# and a parameter that is used several times gets the sum of what its uses contribute:
#
# $$
# \delta E[k] = \sum_{(t, b)\,:\ \mathrm{id}_{t,b} = k} \delta x_{t,b} .
# $$
#
# A character that does not occur gets a row of zeros. Beware of `tf.tensor_scatter_nd_update`: where an id stands
# twice, one of the two is lost. There is a sister that adds.


# %% nbgrader={"grade": false, "grade_id": "embedding-backward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def embedding_backward(dX, ids, E):
    """The gradient of the table from that of the rows that were looked up.

    dX: (T, B, D), ids: (T, B), whole numbers from 0 to K - 1, E: (K, D). Returns dE: (K, D).
    """
    ### BEGIN SOLUTION
    dE = tf.zeros_like(E)
    dE = tf.tensor_scatter_nd_add(dE, ids[..., None], dX)
    return dE
    ### END SOLUTION


# %% [markdown]
# A place to play: three steps, and id 2 stands there twice. Expect a row of twos, a row of ones, and two rows of
# zeros.

# %%
E = tf.zeros((4, 2))
dX = tf.ones((3, 1, 2))
# print(embedding_backward(dX, tf.constant([[2], [0], [2]]), E).numpy())

# %% nbgrader={"grade": true, "grade_id": "embedding-backward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("language-model/embedding-backward", embedding_backward, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/embedding-backward", embedding_backward, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. One window, forward and back (3 points)
#
# Now all of it. Forward: look up, run through the steps from $h_0$, make the logits, and ask `language_loss`. Back:
# what reaches a state directly is $G_t = \delta y_t V^{\top}$; the rest is the walk of (4.27) and (4.28),
#
# $$
# \delta h_t = G_t + \delta a_{t+1} U^{\top}, \qquad \delta a_t = \delta h_t \odot (1 - h_t^2), \qquad
# \delta a_{T+1} = 0,
# $$
#
# and then every parameter gets its sum over time and batch. $V$ has met $h_t$, $U$ has met $h_{t-1}$ and $W$ has met
# $x_t$; the table gets $\delta x_t = \delta a_t W^{\top}$, and you have `embedding_backward` for that.
#
# Return the loss in nats, the six gradients, and the last state, with which the next window will begin. $h_0$ counts
# as a constant: nothing is sent back into the window before. That is the truncation of chapter 4.


# %% nbgrader={"grade": false, "grade_id": "gradients-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradients(inputs, targets, h_0, E, W, U, b, V, b_y):
    """One window: its mean loss, the gradient of every parameter, and the last state.

    inputs, targets: (T, B), h_0: (B, H), E: (K, D), W: (D, H), U: (H, H), b: (H,), V: (H, K), b_y: (K,).
    Returns nats: a scalar, dE, dW, dU, db, dV, db_y of the parameters' shapes, h: (B, H).
    """
    ### BEGIN SOLUTION
    X = tf.gather(E, inputs)
    states, h = [h_0], h_0
    for t in range(X.shape[0]):
        h = tf.tanh(X[t] @ W + h @ U + b)
        states.append(h)
    before, H = tf.stack(states[:-1]), tf.stack(states[1:])
    nats, *_, dY = language_loss(H @ V + b_y, targets)
    G = dY @ tf.transpose(V)
    steps, from_later = [], tf.zeros_like(h_0)
    for t in reversed(range(X.shape[0])):
        da = (G[t] + from_later) * (1 - H[t] ** 2)
        from_later = da @ tf.transpose(U)
        steps.append(da)
    dA = tf.stack(steps[::-1])
    dE = embedding_backward(dA @ tf.transpose(W), inputs, E)
    dW = tf.einsum("tbd,tbh->dh", X, dA)
    dU = tf.einsum("tbi,tbj->ij", before, dA)
    db = tf.reduce_sum(dA, axis=(0, 1))
    dV = tf.einsum("tbh,tbk->hk", H, dY)
    db_y = tf.reduce_sum(dY, axis=(0, 1))
    return nats, dE, dW, dU, db, dV, db_y, h
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradients", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("language-model/gradients", gradients, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/gradients", gradients, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Through the text with the state carried on (3 points)
#
# A window of 25 characters is short. Yet the model may remember more than 25 characters, if each window starts from
# the state in which the one before has ended. The state is carried on, the gradient is not.
#
# For each window in turn: find the loss and the gradients at the *current* parameters. Take all six gradients as one
# long row $g$ and shorten it to the limit $\theta$ where it is longer, (5.36) and (5.37). Only then make the step:
#
# $$
# \hat g = \min\Bigl(1, \frac{\theta}{\|g\|}\Bigr)\, g, \qquad
# \text{parameters} \leftarrow \text{parameters} - \text{rate} \cdot \hat g .
# $$
#
# Return the new parameters, the state after the last window, and the loss of each window, measured before its update.


# %% nbgrader={"grade": false, "grade_id": "train-windows-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_windows(inputs, targets, h, E, W, U, b, V, b_y, rate, max_norm):
    """One update for each window, in order, the state carried on.

    inputs, targets: (n, T, B), h: (B, H), the parameters as in gradients; rate, max_norm: positive numbers.
    Returns E, W, U, b, V, b_y after the last update, h: (B, H) after the last window, losses: (n,) in nats.
    """
    ### BEGIN SOLUTION
    parameters, losses = [E, W, U, b, V, b_y], []
    for i in range(inputs.shape[0]):
        nats, *found, h = gradients(inputs[i], targets[i], h, *parameters)
        norm = tf.sqrt(sum(tf.reduce_sum(g**2) for g in found))
        scale = max_norm / norm if norm > max_norm else 1.0
        parameters = [p - rate * scale * g for p, g in zip(parameters, found, strict=True)]
        losses.append(nats)
    return *parameters, h, tf.stack(losses)
    ### END SOLUTION


# %% [markdown]
# A place to play: forty updates from the checkpoint, and the loss of each in bits. Expect numbers around 3, falling
# slowly.

# %%
h = tf.zeros((32, 48))
# inputs, targets = windows(ids, 32, 25)
# *parameters, h, losses = train_windows(inputs[:40], targets[:40], h, *start, rate=1.0, max_norm=1.0)
# print([round(float(nats) / math.log(2), 2) for nats in losses])

# %% nbgrader={"grade": true, "grade_id": "train-windows", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("language-model/train-windows", train_windows, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/train-windows", train_windows, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Train it (2 points)
#
# Write a training. You get the ids of a text and the six parameters of the checkpoint, which reaches about 3.2 bits a
# character; you return better ones. How many streams and how long a window, what rate, how often through the text, all
# that is yours to choose. A tape is allowed here: if you use it, begin a new one in each window.
#
# The check runs your function up to three times. Each time the text, taken as a ring, begins elsewhere, the
# checkpoint is disturbed a little, and the characters have other ids, so that numbers stored beforehand are worth
# nothing. The result is scored by us, on text that you have not been given. Asked are
# **2.75 bits a character or fewer in two of three runs**, each within 30 seconds of processor time. All
# six parameters are to be trained. Your functions of sections 1 and 5 need about seven for a run.
#
# Print losses while you search; a smaller rate in the last pass is worth a lot.


# %% nbgrader={"grade": false, "grade_id": "train-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(ids, E, W, U, b, V, b_y):
    """Train from a checkpoint. ids: (N,), the parameters as in gradients, float32. Returns E, W, U, b, V, b_y."""
    ### BEGIN SOLUTION
    B, T = 32, 25
    inputs, targets = windows(ids, B, T)
    parameters = [E, W, U, b, V, b_y]
    for rate in (2.0, 2.0, 0.5):
        h = tf.zeros((B, U.shape[0]), dtype=U.dtype)
        *parameters, h, _ = train_windows(inputs, targets, h, *parameters, rate=rate, max_norm=1.0)
    return parameters
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("language-model/train", train, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/train", train, framework="tensorflow")
### END HIDDEN TESTS

# %% [markdown]
# ## 7. What temperature does (1 point)
#
# A model that writes draws from $p = \operatorname{softmax}(y / \tau)$ with a *temperature* $\tau$. Hotter should mean
# more uncertain. Make that a theorem: differentiate the entropy $S(\tau) = -\sum_k p_k \log p_k$ by $\tau$, on paper,
# and show that the result is never negative.
#
# Two steps help. First write $S = \log Z - \frac{1}{\tau} \sum_k p_k y_k$ with $Z = \sum_k e^{y_k / \tau}$. Then use
# $\beta = 1 / \tau$ and differentiate by $\beta$. Write the result as a function of $Y$ and $\tau$, for each row of a
# batch.


# %% nbgrader={"grade": false, "grade_id": "entropy-slope-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entropy_slope(Y, tau):
    """The derivative of the entropy of softmax(Y / tau) with respect to tau.

    Y: (B, K), logits; tau: a positive number. Returns slope: (B,), in nats for a unit of temperature.
    """
    ### BEGIN SOLUTION
    shifted = (Y - tf.reduce_max(Y, axis=-1, keepdims=True)) / tau
    p = tf.exp(shifted)
    p = p / tf.reduce_sum(p, axis=-1, keepdims=True)
    mean = tf.reduce_sum(p * Y, axis=-1, keepdims=True)
    return tf.reduce_sum(p * (Y - mean) ** 2, axis=-1) / tau**3
    ### END SOLUTION


# %% [markdown]
# A place to play. At which temperature does the entropy of these three logits change fastest?

# %%
Y = tf.constant([[0.0, 1.0, 4.0]])
# for tau in (0.2, 0.5, 1.0, 2.0, 5.0):
#     print(tau, entropy_slope(Y, tau).numpy())

# %% nbgrader={"grade": true, "grade_id": "entropy-slope", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("language-model/entropy-slope", entropy_slope, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/entropy-slope", entropy_slope, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 8. Draw a character (2 points)
#
# To draw from $p$ with one uniform number $u$, lay the probabilities end to end from 0 to 1, character 0 first. The
# one on which $u$ falls is drawn: the first $k$ with
#
# $$
# p_0 + p_1 + \dots + p_k > u .
# $$
#
# Rounding may leave the last sum a little below 1; the last character must then catch what lies above it. At $\tau =
# 0$ nothing can be divided, but the limit is clear enough: the largest logit wins, whatever $u$ is.


# %% nbgrader={"grade": false, "grade_id": "sample-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample(Y, tau, u):
    """One character for each row of logits, at a temperature.

    Y: (B, K), logits; tau: a number, 0 or positive; u: (B,), uniform numbers between 0 and 1.
    Returns ids: (B,), whole numbers (int64).
    """
    ### BEGIN SOLUTION
    if tau == 0:
        return tf.argmax(Y, axis=-1)
    shifted = (Y - tf.reduce_max(Y, axis=-1, keepdims=True)) / tau
    p = tf.exp(shifted)
    p = p / tf.reduce_sum(p, axis=-1, keepdims=True)
    upper = tf.cumsum(p, axis=-1)
    return tf.reduce_sum(tf.cast(upper[:, :-1] <= u[:, None], tf.int64), axis=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sample", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("language-model/sample", sample, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("language-model/sample", sample, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# The reward. Train, and let the model write. Expect one phrase over and over at $\tau = 0$, half-words with the book's
# rhythm at 0.5, and letters at 2. It is a small network that has read for seconds; what is there, it has found by
# itself.

# %%
# trained = train(ids, *start)


def write(parameters, tau, count=300, begin="the network ", seed=0):
    """Let a model go on from `begin`: a character is drawn, and is the next input."""
    E, W, U, b, V, b_y = parameters
    h, written, random = tf.zeros_like(b)[None], begin, tf.random.Generator.from_seed(seed)
    for i in range(len(begin) + count):
        h = tf.tanh(tf.gather(E, encode(written[i])) @ W + h @ U + b)
        if i + 1 == len(written):
            written += decode(sample(h @ V + b_y, tau, random.uniform((1,))))
    return written


# for tau in (0.0, 0.5, 1.0, 2.0):
#     print(f"— at a temperature of {tau}:\n{write(trained, tau)}\n")

# %% [markdown]
# ## 9. In your own words (2 points, marked by hand)
#
# (a) Write $S$ for the matrix $(TB, K)$ whose rows are the one-hot vectors of the ids, so that the looked-up rows, put
# under each other, are $\bar X = S E$. Derive $\delta E = S^{\top} \delta \bar X$, and say from it what a rare
# character's row gets in most windows, and what follows for how well it is learnt.
#
# (b) Three people train on windows of 25 characters. One starts every window from zero. One carries the state on and
# cuts the gradient. One carries the state on and cuts nothing. For each, say which characters the *loss* at the first
# step of window 10 can depend on, which of them its *gradient* takes into account, and what has to be kept in memory.
#
# One point each.

# %% [markdown] nbgrader={"grade": true, "grade_id": "embedding-and-state", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# (a) A small change of $E$ changes the loss by $\sum_{r,d} \delta \bar X_{rd} \sum_k S_{rk}\, \mathrm{d}E_{kd} =
# \sum_{k,d} (S^{\top} \delta \bar X)_{kd}\, \mathrm{d}E_{kd}$, so $\delta E = S^{\top} \delta \bar X$. Row $k$ of
# $S^{\top}$ is 1 at the places of character $k$: its gradients add up. A character that is absent has a row of zeros
# in $S^{\top}$ and so no gradient: in plain gradient descent its row stays where it is. A rare character's row moves
# in few windows only, and stays near its start long after the frequent ones have settled.
#
# (b) From zero: the first step's loss depends on the first input of window 10 alone, its gradient sees that one, and
# one window is kept. Carried and cut: the loss depends on everything read so far, through the state; the gradient sees
# window 10's own input only, because $h_0$ is a constant; one window and one state are kept. Nothing cut: loss and
# gradient both reach back to the first character; all ten windows are kept, and memory and time of a walk grow with
# the text. (With updates in between, the old states were moreover made by old parameters.)
#
# Rubric. (a) Half a point for the derivation (by the differential or by indices), half for zeros in windows without
# the character *and* slow learning. (b) One point for all three cases with loss, gradient and memory; half a point if
# one case is wrong or if dependence and gradient are confused in one of them.

# %% [markdown]
# ## What you have now
#
# A language model with every part written by you: the cut of the text, the loss and its units, the gradient down to
# the table of letters, training that carries a state through a hundred thousand characters, and a way to let it write.
# Before you hand in, run *Kernel → Restart & Run All* and see that every check prints its line.
