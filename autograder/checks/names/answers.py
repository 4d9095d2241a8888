"""Reference answers to `names`, as plain as a learner would write them; their bodies are the NumPy solution's.

Mistakes are edits of these. What a check *expects* is computed otherwise, name by name, in `questions`.
"""

import numpy as np


def encode(text, alphabet):
    names = text.lower().split("\n")
    lengths = [len(name) for name in names]
    ids = np.zeros((max(lengths), len(names)), dtype=np.int64)
    for beta, name in enumerate(names):
        for t, letter in enumerate(name):
            ids[t, beta] = alphabet.index(letter) + 1 if letter in alphabet else len(alphabet) + 1
    return ids, np.array(lengths)


def last_state(H, lengths):
    B = H.shape[1]
    end = np.maximum(lengths, 1) - 1
    last = H[end, np.arange(B)]
    return np.where((lengths > 0)[:, None], last, np.zeros_like(last))


def mean_state(H, mask, dmean):
    count = np.maximum(mask.sum(axis=0), 1)
    weight = mask / count
    mean = (weight[..., None] * H).sum(axis=0)
    dH = weight[..., None] * dmean
    return mean, dH


def naive_bayes(N, n, C):
    log_prior = np.log(n / n.sum())
    smoothed = N + 1
    log_letter = np.log(smoothed / smoothed.sum(axis=1)[:, None])
    score = log_prior + C @ log_letter.T
    score = score - score.max(axis=1)[:, None]
    p = np.exp(score)
    return score - np.log(p.sum(axis=1)[:, None])


def confusion(labels, log_p):
    K = log_p.shape[1]
    predictions = np.argmax(log_p, axis=1)
    truth = np.eye(K, dtype=log_p.dtype)[labels]
    guess = np.eye(K, dtype=log_p.dtype)[predictions]
    M = truth.T @ guess
    recall = np.diag(M) / np.maximum(M.sum(axis=1), 1)
    return M, recall
