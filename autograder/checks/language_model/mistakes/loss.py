"""What people get wrong in the loss of a language model and its three units."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_SHIFTED = "shifted = Y - np.max(Y, axis=-1, keepdims=True)"
_NATS = "nats = -np.sum(one_hot * log_p) / (T * B)"
_BITS = "bits = nats / math.log(2)"
_PERPLEXITY = "perplexity = np.exp(nats)"
_DY = "dY = (np.exp(log_p) - one_hot) / (T * B)"
_MAX_TORCH = "shifted = Y - torch.amax(Y, dim=-1, keepdim=True)"

LANGUAGE_LOSS = (
    Mistake(
        "averaged-over-the-batch-only",
        _NATS,
        "nats = -np.sum(one_hot * log_p) / B",
        "The loss is a mean over sequences but a sum over time, so it depends on the length of the window. Per "
        "character means divided by T·B.",
        "sec-rnn-mean",
    ),
    Mistake(
        "averaged-over-time-only",
        _NATS,
        "nats = -np.sum(one_hot * log_p) / T",
        "The loss is a mean over time but a sum over the batch, so it depends on the size of the batch. Per character "
        "means divided by T·B.",
        "sec-rnn-mean",
    ),
    Mistake(
        "summed",
        _NATS,
        "nats = -np.sum(one_hot * log_p)",
        "The loss is a sum over all places. Per character means divided by their number, T·B.",
        "sec-rnn-mean",
    ),
    Mistake(
        "averaged-over-the-classes-too",
        _NATS,
        "nats = -np.sum(one_hot * log_p) / (T * B * K)",
        "The loss is divided by the size of the vocabulary as well, as a mean over the whole one-hot product is. Only "
        "one class counts at each place: divide by T·B.",
        "sec-rnn-mean",
    ),
    Mistake(
        "sign-of-the-loss",
        _NATS,
        "nats = np.sum(one_hot * log_p) / (T * B)",
        "The loss is negative: log p is, for every p below 1. Surprise is its negative.",
        "eq-rnn-C",
    ),
    Mistake(
        "probability-instead-of-surprise",
        _NATS,
        "nats = 1 - np.sum(one_hot * np.exp(log_p)) / (T * B)",
        "This is one minus the mean probability of the target. The loss is its surprise, −log p, averaged.",
        "eq-rnn-C",
    ),
    Mistake(
        "bits-the-wrong-way",
        _BITS,
        "bits = nats * math.log(2)",
        "Nats are turned to bits by *dividing* by log 2: a bit is the smaller unit, so there are more of them.",
        "eq-rnn-C",
    ),
    Mistake(
        "bits-not-converted",
        _BITS,
        "bits = nats + 0",
        "The bits are the nats. A loss made with natural logarithms is in nats; log₂ p = log p / log 2.",
        "eq-rnn-C",
    ),
    Mistake(
        "logarithm-of-the-loss",
        _BITS,
        "bits = np.log(nats) / math.log(2)",
        "The logarithm is taken of the loss. The loss is a logarithm already; what changes is its base.",
        "eq-rnn-C",
    ),
    Mistake(
        "decimal-digits",
        _BITS,
        "bits = nats / math.log(10)",
        "Dividing by log 10 gives decimal digits. For bits the base is 2.",
        "eq-rnn-C",
    ),
    Mistake(
        "perplexity-of-the-bits",
        _PERPLEXITY,
        "perplexity = np.exp(bits)",
        "The perplexity raises e to the loss in bits. Base and unit belong together: e to the nats, or 2 to the bits.",
        "eq-rnn-C",
    ),
    Mistake(
        "two-to-the-nats",
        _PERPLEXITY,
        "perplexity = 2**nats",
        "The perplexity raises 2 to the loss in nats. Base and unit belong together: e to the nats, or 2 to the bits.",
        "eq-rnn-C",
    ),
    Mistake(
        "mean-of-perplexities",
        _PERPLEXITY,
        "perplexity = np.sum(np.exp(-np.sum(one_hot * log_p, axis=-1))) / (T * B)",
        "1/p is averaged over the places. The perplexity is the exponential of the *mean* loss; the mean comes first.",
        "eq-rnn-C",
    ),
    Mistake(
        "gradient-of-the-sum",
        _DY,
        "dY = np.exp(log_p) - one_hot",
        "dY belongs to the sum of the losses. nats is their mean, so its gradient is divided by T·B too.",
        "eq-rnn-dy-mean",
    ),
    Mistake(
        "gradient-averaged-over-the-batch-only",
        _DY,
        "dY = (np.exp(log_p) - one_hot) / B",
        "dY is divided by B, the loss by T·B. A gradient is divided by what its loss is divided by.",
        "eq-rnn-dy-mean",
    ),
    Mistake(
        "gradient-of-the-bits",
        _DY,
        "dY = (np.exp(log_p) - one_hot) / (T * B) / math.log(2)",
        "dY is the gradient of the bits. Asked is that of the nats, which has no factor 1 / log 2.",
        "eq-rnn-dy-mean",
    ),
    Mistake(
        "sign-of-the-gradient",
        _DY,
        "dY = (one_hot - np.exp(log_p)) / (T * B)",
        "dY has the wrong sign: it is p minus the one-hot target. Where the target's p is below 1, raising its logit "
        "lowers the loss.",
        "eq-rnn-dy",
    ),
    Mistake(
        "target-not-subtracted",
        _DY,
        "dY = np.exp(log_p) / (T * B)",
        "dY holds p alone. The target's own logit enters the loss once more, directly: subtract the one-hot target.",
        "eq-rnn-dy",
    ),
    Mistake(
        "overflow",
        _SHIFTED,
        "shifted = Y + 0",
        "Large logits overflow in exp. Subtract the largest logit of each place first; no probability changes.",
        "eq-rnn-stable",
        elsewhere={"pytorch": (_MAX_TORCH, "shifted = Y + 0")},
    ),
    Mistake(
        "probabilities-taken-for-logits",
        _SHIFTED,
        "p = np.exp(Y - np.max(Y, axis=-1, keepdims=True))\n    shifted = p / np.sum(p, axis=-1, keepdims=True)",
        "The softmax is taken twice: its probabilities go into a loss that expects logits. The result cannot come near "
        "zero.",
        "eq-rnn-logsumexp",
        elsewhere={
            "pytorch": (
                _MAX_TORCH,
                "p = torch.exp(Y - torch.amax(Y, dim=-1, keepdim=True))\n"
                "    shifted = p / torch.sum(p, dim=-1, keepdim=True)",
            ),
        },
    ),
    Mistake(
        "normalised-over-the-batch",
        "np.sum(np.exp(shifted), axis=-1, keepdims=True)",
        "np.sum(np.exp(shifted), axis=1, keepdims=True)",
        "The probabilities add up to one over the batch. They should over the vocabulary, the last axis.",
        "eq-rnn-p",
    ),
    Mistake(
        "double-precision",
        "np.eye(K, dtype=Y.dtype)",
        "np.eye(K)",
        "An array made by np.eye is float64 whatever the logits are, and what it meets becomes so too. Give it their "
        "dtype.",
        elsewhere=HERE_ONLY,
    ),
)
