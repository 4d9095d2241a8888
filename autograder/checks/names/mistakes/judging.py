"""What people get wrong in the baseline, and in counting errors."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_LETTER = "np.log(smoothed / smoothed.sum(axis=1)[:, None])"
_RETURN = "return score - np.log(p.sum(axis=1)[:, None])"
_SHIFT = "score = score - score.max(axis=1)[:, None]"

BASELINE = (
    Mistake(
        "no-smoothing",
        "smoothed = N + 1",
        "smoothed = 1 * N",
        "A letter that a language has never shown has probability 0, and its logarithm is −∞. Count every letter once "
        "more than it was seen.",
        "eq-rnn-p",
    ),
    Mistake(
        "smoothed-above-the-line-only",
        _LETTER,
        "np.log(smoothed / N.sum(axis=1)[:, None])",
        "The counts are smoothed and their sum is not, so the letters' probabilities sum to more than 1. Divide by "
        "the sum of what you have.",
        "eq-rnn-p",
    ),
    Mistake(
        "letters-normalised-over-languages",
        _LETTER,
        "np.log(smoothed / smoothed.sum(axis=0))",
        "Divide each language's counts by that language's sum: in every row the probabilities sum to 1. Any other "
        "divisor is the same for all languages and cancels.",
        "eq-rnn-p",
    ),
    Mistake(
        "prior-left-out",
        "score = log_prior + C @ log_letter.T",
        "score = C @ log_letter.T",
        "The prior is missing: before its first letter is read, a name is more likely to come from the language with "
        "more names.",
        "eq-rnn-p",
    ),
    Mistake(
        "prior-from-letters",
        "log_prior = np.log(n / n.sum())",
        "log_prior = np.log(N.sum(axis=1) / N.sum())",
        "The prior is taken from the number of letters. It is the share of *names* that a language has.",
        "eq-rnn-p",
    ),
    Mistake(
        "prior-smoothed",
        "log_prior = np.log(n / n.sum())",
        "log_prior = np.log((n + 1) / (n + 1).sum())",
        "The numbers of names are smoothed too. Only the letters' counts are: every language has names.",
        "eq-rnn-p",
    ),
    Mistake(
        "prior-with-every-letter",
        "score = log_prior + C @ log_letter.T",
        "score = C.sum(axis=1)[:, None] * log_prior + C @ log_letter.T",
        "The prior is added once for each letter. It is what is known before any letter is read: once.",
        "eq-rnn-p",
    ),
    Mistake(
        "prior-not-a-logarithm",
        "log_prior = np.log(n / n.sum())",
        "log_prior = n / n.sum()",
        "A probability is added to logarithms. Products of probabilities become sums only if each is a logarithm.",
        "eq-rnn-p",
    ),
    Mistake(
        "letters-once",
        "C @ log_letter.T",
        "np.sign(C) @ log_letter.T",
        "A letter that occurs twice counts once. The probability of a name is a product over its letters, each as "
        "often as it stands there.",
        "eq-rnn-p",
    ),
    Mistake(
        "not-normalised",
        _RETURN,
        "return score",
        "These are scores, whose exponentials do not sum to 1 over the languages. Subtract the log of that sum.",
        "eq-rnn-logsumexp",
    ),
    Mistake(
        "probabilities",
        _RETURN,
        "return p / p.sum(axis=1)[:, None]",
        "These are probabilities. Asked for are their logarithms, which stay finite where a probability rounds to 0.",
        "eq-rnn-logsumexp",
    ),
    Mistake(
        "normalised-over-the-batch",
        _RETURN,
        "return score - np.log(p.sum(axis=0))",
        "The probabilities sum to 1 over the names of the batch. They shall sum to 1 over the languages, for each "
        "name.",
        "eq-rnn-p",
    ),
    Mistake(
        "not-shifted",
        _SHIFT,
        "score = 1 * score",
        "For a long name the exponential of every score rounds to 0, and log 0 is −∞. Subtract the largest score "
        "first: it cancels.",
        "eq-rnn-stable",
        elsewhere={
            "pytorch": ("score = score - torch.amax(score, dim=1)[:, None]", "score = 1 * score"),
            "tensorflow": ("score = score - tf.reduce_max(score, axis=1)[:, None]", "score = 1 * score"),
        },
    ),
    Mistake(
        "double-precision",
        "smoothed = N + 1",
        "smoothed = N + np.ones(N.shape)",
        "The result is float64 whatever the counts are: np.ones makes float64. A plain 1 keeps the dtype.",
        elsewhere=HERE_ONLY,
    ),
)

_RECALL = "recall = np.diag(M) / np.maximum(M.sum(axis=1), 1)"

CONFUSION = (
    Mistake(
        "transposed",
        "M = truth.T @ guess",
        "M = guess.T @ truth",
        "The matrix is transposed: rows are what a name was taken for. Rows shall be what it *is*; then a row sums to "
        "the names of a language.",
        "eq-rnn-p",
    ),
    Mistake(
        "precision-for-recall",
        _RECALL,
        "recall = np.diag(M) / np.maximum(M.sum(axis=0), 1)",
        "This divides by the names that were *taken* for a language, which gives the precision. The recall is a share "
        "of the names *of* the language.",
        "eq-rnn-p",
    ),
    Mistake(
        "divided-by-all-names",
        _RECALL,
        "recall = np.diag(M) / M.sum()",
        "The hits are divided by the number of all names. The recall of a language is a share of its own names.",
        "eq-rnn-p",
    ),
    Mistake(
        "division-by-zero",
        "np.maximum(M.sum(axis=1), 1)",
        "M.sum(axis=1)",
        "A language without a name in the batch gives 0 / 0, which is NaN. Divide by at least 1, and its recall is 0.",
        "eq-rnn-p",
    ),
    Mistake(
        "one-more-name",
        "np.maximum(M.sum(axis=1), 1)",
        "(M.sum(axis=1) + 1)",
        "The divisor is one too large for every language. Use the larger of the count and 1.",
        "eq-rnn-p",
    ),
    Mistake(
        "errors-counted",
        _RECALL,
        "recall = 1 - np.diag(M) / np.maximum(M.sum(axis=1), 1)",
        "This is the share that was missed. The recall is the share that was found.",
        "eq-rnn-p",
    ),
    Mistake(
        "accuracy-for-every-language",
        _RECALL,
        "recall = 0 * np.diag(M) + np.sum(np.diag(M)) / M.sum()",
        "Every language gets the same number, the accuracy. The recall tells the languages apart: each has its row.",
        "eq-rnn-p",
    ),
    Mistake(
        "shares-for-counts",
        "M = truth.T @ guess",
        "M = truth.T @ guess / len(labels)",
        "The matrix holds shares of all names. It shall hold counts: every name adds 1 to one entry.",
        "eq-rnn-p",
    ),
    Mistake(
        "rows-normalised",
        "return M, recall",
        "return M / np.maximum(M.sum(axis=1), 1)[:, None], recall",
        "The rows are divided by their sums. Return the counts; one sees from them how much a share can be trusted.",
        "eq-rnn-p",
    ),
    Mistake(
        "least-likely",
        "np.argmax(log_p, axis=1)",
        "np.argmin(log_p, axis=1)",
        "Each name is taken for its *least* likely language. Log-probabilities are negative; the largest is the "
        "nearest to 0.",
        "eq-rnn-p",
    ),
    Mistake(
        "hits-only",
        "M = truth.T @ guess",
        "M = np.diag(np.diag(truth.T @ guess))",
        "Only the diagonal is counted. The errors are what the matrix is for: where does each go?",
        "eq-rnn-p",
        elsewhere={
            "tensorflow": (
                "M = tf.transpose(truth) @ guess",
                "M = tf.linalg.diag(tf.linalg.diag_part(tf.transpose(truth) @ guess))",
            )
        },
    ),
    Mistake(
        "probabilities-added",
        "M = truth.T @ guess",
        "M = truth.T @ np.exp(log_p)",
        "Each name is spread over the languages by its probabilities. It was taken for one of them: count decisions.",
        "eq-rnn-p",
    ),
    Mistake(
        "double-precision",
        "truth = np.eye(K, dtype=log_p.dtype)[labels]",
        "truth = np.eye(K)[labels]",
        "The matrix is float64 whatever log_p is: np.eye makes float64. Give it log_p's dtype.",
        elsewhere=HERE_ONLY,
    ),
)
