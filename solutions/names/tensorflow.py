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
# # Whose name is it? The project, in TensorFlow
#
# Lindfors, Argento, Karagić: you can tell where a family name comes from without ever having seen it. In this project
# a network learns to. You turn names into padded batches, say one thing about each, build a baseline that knows
# nothing of order, train a classifier of your own choice, and find out where it errs. It is graded by its accuracy on
# names that neither it nor you have been given.
#
# A chapter on this project is planned (13). What you need stands in these: masks in
# [chapter 3](../../book/foundations/vanilla-rnn.md), gated cells in [chapter 6](../../book/gates/lstm.md) and
# [chapter 7](../../book/gates/gru.md), sequences of unequal length in
# [chapter 9](../../book/composition/deep-and-variable-length.md).
# Plan for three hours. The notebook is worth 20 points.
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the cell. The cell after it
# checks your function on fresh random problems, as often as you like; it tells you what is wrong, not what the
# answer is. In this project Keras's own layers and optimisers are yours to use from question 5 on.
# Of several results that a question asks for, each that is right on every problem earns a part of the points.
#
# **Notation.** Row vectors, time first. $T$ steps, $B$ names in a batch, $H$ units, $V$ letters, $K$ languages,
# $n_\beta$ letters in name $\beta$. The mask $m_{t,\beta}$ is 1 for a letter and 0 for padding. `dv` stands for
# $\delta v = \partial L / \partial v$ and has the shape of `v`.

# %%
# The light package that checks your answers, and the names; installed only where they are missing.
import importlib.util
import os
import sys

sys.path[:] = [folder for folder in sys.path if folder]  # a numpy.py beside this notebook must not hide NumPy
if importlib.util.find_spec("autograder") is None:
    # %pip install --quiet "unrolled @ git+https://github.com/unrolled-course/unrolled"
    pass
if importlib.util.find_spec("faker") is None:
    # %pip install --quiet faker
    pass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # fewer start-up messages
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same rounding on every processor

import keras
import numpy as np
import tensorflow as tf

from autograder import check
from autograder.datasets import names as data

tf.config.list_physical_devices("GPU")  # TensorFlow uses a GPU by itself where this list is not empty

# %% [markdown]
# ## The data
#
# Family names of six languages, from the lists of the open-source package faker. Accents are folded, so that every
# name consists of the letters a to z: Núñez is `nunez`. Names that two languages share are left out. About seven
# names in ten are yours. The others are held back, and the checks draw from them.

# %%
pairs = data.part_to_learn_from()
for name, label in pairs[:8]:
    print(f"{name:12s} {data.LANGUAGES[label]}")
print(len(pairs), "names,", len(data.LANGUAGES), "languages")

# %% [markdown]
# ## 1. From names to numbers (3 points)
#
# A batch arrives as one text, a name a line. Make it an array of integers (T, B): time down the rows, a column a name,
# padded at its end to the longest. The ids are
#
# - 0 for padding,
# - 1, 2, … for the letters, in the order of `alphabet`,
# - one more than the last letter's for anything that is not in `alphabet`.
#
# Capitals count as small letters. An empty line is a name of length 0 and keeps its column: names and labels stay
# together only if no line is lost. Return the lengths too; from them follows the mask,
# $m_{t,\beta} = [\,t \le n_\beta\,]$, which chapter 3 explains in "Sequences of unequal length: the mask".


# %% nbgrader={"grade": false, "grade_id": "encode-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def encode(text, alphabet):
    """Names as padded integers.

    text: str, a name a line; alphabet: str, every letter once.
    Returns ids (T, B) and lengths (B,), int64 tensors.
    """
    ### BEGIN SOLUTION
    names = text.lower().split("\n")
    lengths = [len(name) for name in names]
    ids = np.zeros((max(lengths), len(names)), dtype=np.int64)
    for beta, name in enumerate(names):
        for t, letter in enumerate(name):
            ids[t, beta] = alphabet.index(letter) + 1 if letter in alphabet else len(alphabet) + 1
    return tf.constant(ids), tf.constant(lengths, tf.int64)
    ### END SOLUTION


# %% [markdown]
# A place to play. Where is the padding? What becomes of the space?

# %%
# print(encode("abel\nDe Ba\n\nzoe", "abcdelo"))

# %% nbgrader={"grade": true, "grade_id": "encode", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("names/encode", encode, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("names/encode", encode, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The last state (2 points)
#
# A network turns a batch into states $H$ of shape $(T, B, H)$. To say one thing about a name, take the state after its
# last letter, equation (9.9):
#
# $$
# h_{n_\beta,\beta} \qquad (B, H)
# $$
#
# Nothing is known of what stands in $H$ behind a name's end, so pick each name's own. Code counts from 0. A name of
# length 0 has no state: give **zeros**.


# %% nbgrader={"grade": false, "grade_id": "last-state-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def last_state(H, lengths):
    """The state of each name after its last letter, zeros for an empty one.

    H: (T, B, H), lengths: (B,) integers from 0 to T. Returns a tensor (B, H).
    """
    ### BEGIN SOLUTION
    end = tf.maximum(lengths, 1) - 1
    last = tf.gather(tf.transpose(H, (1, 0, 2)), end, axis=1, batch_dims=1)
    return tf.where((lengths > 0)[:, None], last, tf.zeros_like(last))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "last-state", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("names/last-state", last_state, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("names/last-state", last_state, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The mean of the states, and its derivative (3 points)
#
# The last state has to remember the first letter. The mean over the letters need not: every state has its say.
# Equation (9.10),
#
# $$
# \bar h_\beta = \frac{1}{n_\beta} \sum_{t=1}^{T} m_{t,\beta}\, h_{t,\beta}, \qquad
# n_\beta = \sum_{t=1}^{T} m_{t,\beta} .
# $$
#
# For a name without letters let the mean be zero, not $0/0$. Derive on paper what a gradient $\delta \bar h_\beta$
# sends back to the state of one step, and write it as code: `dH`. The mask may have gaps. Not by
# a gradient tape: the factor is the task.


# %% nbgrader={"grade": false, "grade_id": "mean-state-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_state(H, mask, dmean):
    """The mean state of each name, and what a gradient at the mean sends back to the states.

    H: (T, B, H), mask: (T, B) of zeros and ones, dmean: (B, H). Returns mean: (B, H) and dH: (T, B, H).
    """
    ### BEGIN SOLUTION
    count = tf.maximum(tf.reduce_sum(mask, axis=0), 1)
    weight = mask / count
    mean = tf.reduce_sum(weight[..., None] * H, axis=0)
    dH = weight[..., None] * dmean
    return mean, dH
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mean-state", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("names/mean-state", mean_state, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("names/mean-state", mean_state, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. A baseline that cannot read (3 points)
#
# Before training a network, find out what is possible without one. Count letters and forget their order. Let
# $N_{k,v}$ be how often letter $v$ stands in the training names of language $k$, $n_k$ the number of these names, and
# $c_{\beta,v}$ how often the letter stands in a new name. If letters were drawn independently of each other, by Bayes'
# rule
#
# $$
# s_{\beta,k} = \ln \frac{n_k}{\sum_j n_j} + \sum_v c_{\beta,v} \ln \frac{N_{k,v} + 1}{\sum_u (N_{k,u} + 1)},
# \qquad
# \ln p_{\beta,k} = s_{\beta,k} - \ln \sum_j e^{s_{\beta,j}} .
# $$
#
# The 1 is there for letters that a language has not shown: rare is not impossible. The second formula is the softmax
# of equation (3.6), in logarithms. A name can be long, and then every $e^{s}$ rounds to zero; equation (3.21) says
# what to do.


# %% nbgrader={"grade": false, "grade_id": "baseline-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def naive_bayes(N, n, C):
    """The log-probabilities of the languages, from counts of letters.

    N: (K, V) letters by language, n: (K,) names by language, C: (B, V) letters of the new names; all floating point.
    Returns log_p: (B, K), whose exponentials sum to 1 in each row.
    """
    ### BEGIN SOLUTION
    log_prior = tf.math.log(n / tf.reduce_sum(n))
    smoothed = N + 1
    log_letter = tf.math.log(smoothed / tf.reduce_sum(smoothed, axis=1)[:, None])
    score = log_prior + C @ tf.transpose(log_letter)
    score = score - tf.reduce_max(score, axis=1)[:, None]
    p = tf.exp(score)
    return score - tf.math.log(tf.reduce_sum(p, axis=1)[:, None])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "baseline", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("names/baseline", naive_bayes, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("names/baseline", naive_bayes, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %% [markdown]
# What does it reach? Here are the first three quarters of your names to count, and the rest to test on. A language
# guessed at random would be right once in six.

# %%
cut = 3 * len(pairs) // 4
names, languages = [name for name, _ in pairs], tf.constant([label for _, label in pairs])
# ids, _ = encode("\n".join(names), data.ALPHABET)
# C = tf.reduce_sum(tf.one_hot(ids, len(data.ALPHABET) + 2), axis=0)[:, 1:]  # letters of each name, no padding
# truth = tf.one_hot(languages[:cut], len(data.LANGUAGES))
# log_p = naive_bayes(tf.transpose(truth) @ C[:cut], tf.reduce_sum(truth, axis=0), C[cut:])
# print(f"counts: {np.mean(tf.argmax(log_p, axis=1).numpy() == languages[cut:].numpy()):.2f} of the names are right")

# %% [markdown]
# ## 5. A classifier of your choice (4 points)
#
# Now train. `train_and_predict` gets names and labels, trains a model from scratch, and returns log-probabilities for
# new names. The recurrent cell, the number of units, last state or mean, the optimiser: all yours. Keras's layers,
# its optimisers and the tape may be used. An n-gram model would be a choice as well; this course is about networks.
#
# The check calls it with all your names, and 400 that are held back. In each run **the letters are exchanged by a
# random cipher**, and so are the labels: what you know of Finnish does not help, only what the model learns. So take
# the alphabet from the names you are given. Training starts from `seed`, so that a run can be repeated. Asked for is
# an accuracy of at least **0.62** on the new names in two of three runs, each within 30 seconds of processor time. Sensible
# networks reach about three quarters after some ten passes over the names, in a few seconds. The bound is set so that
# they practically never fail by bad luck, and that the letter counts of question 4 do not reach it
# ([measurements](../../benchmarks/results/names.md)).


# %% nbgrader={"grade": false, "grade_id": "train-and-predict-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_and_predict(names, labels, new_names, seed):
    """Train on names with known languages, and say what the new ones are.

    names: list of str, labels: (N,) integers from 0 to K − 1, new_names: list of str, seed: int.
    Returns log-probabilities (or scores: the largest counts) of the new names, in their order: (len(new_names), K).
    """
    ### BEGIN SOLUTION
    keras.utils.set_random_seed(seed)
    alphabet = "".join(sorted(set("".join(names))))
    K = int(tf.reduce_max(labels)) + 1
    embedding, gru = keras.layers.Embedding(len(alphabet) + 2, 16), keras.layers.GRU(32, return_sequences=True)
    readout, adam = keras.layers.Dense(K), keras.optimizers.Adam(1e-2)

    def forward(ids, lengths):
        H = gru(embedding(tf.transpose(ids)))  # Keras has the batch first
        return tf.nn.log_softmax(readout(last_state(tf.transpose(H, (1, 0, 2)), lengths)))

    @tf.function(autograph=False)
    def update(ids, lengths, labels):
        with tf.GradientTape() as tape:
            log_p = forward(ids, lengths)
            loss = -tf.reduce_mean(tf.gather(log_p, labels, axis=1, batch_dims=1))
        weights = [*embedding.trainable_weights, *gru.trainable_weights, *readout.trainable_weights]
        adam.apply(tape.gradient(loss, weights), weights)

    ids, lengths = encode("\n".join(names), alphabet)
    forward(ids[:, :1], lengths[:1])  # makes the weights
    adam.build([*embedding.trainable_weights, *gru.trainable_weights, *readout.trainable_weights])
    for _ in range(10):
        order = tf.random.shuffle(tf.range(len(names)))
        for start in range(0, len(names) - 31, 32):  # batches of one size, or the function is traced again
            batch = order[start : start + 32]
            update(tf.gather(ids, batch, axis=1), tf.gather(lengths, batch), tf.gather(labels, batch))
    return forward(*encode("\n".join(new_names), alphabet))
    ### END SOLUTION


# %% [markdown]
# A place to play: the same division of your names as above.

# %%
# log_p = train_and_predict(names[:cut], languages[:cut], names[cut:], seed=1)
# print(f"network: {np.mean(tf.argmax(log_p, axis=1).numpy() == languages[cut:].numpy()):.2f} of the names are right")

# %% nbgrader={"grade": true, "grade_id": "train-and-predict", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("names/train-and-predict", train_and_predict, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("names/train-and-predict", train_and_predict, framework="tensorflow")
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Which for which? (3 points)
#
# One number hides who is taken for whom. Let $M_{j,k}$ be the number of names *of* language $j$ that were *taken for*
# language $k$, the one with the largest log-probability: rows are the truth. The recall of language $j$ is the share
# of its names that were found,
#
# $$
# r_j = \frac{M_{j,j}}{\sum_k M_{j,k}} ,
# $$
#
# and 0 if there is no name of that language.


# %% nbgrader={"grade": false, "grade_id": "confusion-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def confusion(labels, log_p):
    """Who was taken for whom.

    labels: (N,) integers from 0 to K − 1, log_p: (N, K). Returns M: (K, K) and recall: (K,), in the dtype of log_p.
    """
    ### BEGIN SOLUTION
    K = log_p.shape[1]
    predictions = tf.argmax(log_p, axis=1)
    truth = tf.one_hot(labels, K, dtype=log_p.dtype)
    guess = tf.one_hot(predictions, K, dtype=log_p.dtype)
    M = tf.transpose(truth) @ guess
    recall = tf.linalg.diag_part(M) / tf.maximum(tf.reduce_sum(M, axis=1), 1)
    return M, recall
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "confusion", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("names/confusion", confusion, framework="tensorflow")
### BEGIN HIDDEN TESTS
check("names/confusion", confusion, framework="tensorflow", rounds=2)
### END HIDDEN TESTS

# %%
# M, recall = confusion(languages[cut:], log_p)
# for language, row, share in zip(data.LANGUAGES, M.numpy(), recall.numpy()):
#     print(f"{language:9s}", " ".join(f"{int(count):3d}" for count in row), f"  recall {share:.2f}")

# %% [markdown]
# ## 7. What does it get wrong, and why? (2 points, marked by hand)
#
# Look at the confusion matrix of *your* classifier, and print some of the names behind its largest entries off the
# diagonal.
#
# *One point.* Which two languages are confused most? Show three such names. What in their letters explains it, and
# would more training help?
#
# *One point.* A classmate reports 0.97, measured on names that were also in the training set, and picks the number of
# units by the same figure. Say what each of the two steps does to the number, and how to measure instead.

# %% [markdown] nbgrader={"grade": true, "grade_id": "error-analysis", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# The largest entry off the diagonal is usually that of Spanish names taken for Italian ones: `varela` and `losa` are
# Spanish, and an Italian name could be built of the same syllables. Both languages alternate consonants and vowels and
# end most names in a vowel, so few short sequences of letters belong to one of them alone. More passes over the same
# names do not help: the accuracy on these goes on rising, that on new names does not. More names would help, and so
# would spelling that was folded away, such as ñ.
#
# On names it was trained on the network is asked what it remembers, not what it has learned of spelling, so the number
# says nothing of new names and is too high. Choosing the number of units by it rewards memory: the largest network
# wins. Divide the names in three: train on the first part, choose by the second, and report, once, what is reached on
# the third. A name that stands in two parts must be taken out of one.
#
# Rubric. One point: a pair that agrees with the learner's own matrix, three names, and a reason in the letters; without
# an answer about training, half a point. One point: too high because names are remembered (half), and a third part,
# touched once, because choosing is fitting too (half).

# %% [markdown]
# ## What you have now
#
# A classifier for sequences of unequal length, from raw text to an error analysis, with a baseline to compare it with
# and a number you can trust. Nothing in it is particular to names. One thing to take along: on so few names, counts of
# two and three letters in a row, without any network, do at least as well
# ([measurements](../../benchmarks/results/names.md)). Never show a network without a baseline. Before you hand in, run
# *Kernel → Restart & Run All* and see that every check prints its line.
