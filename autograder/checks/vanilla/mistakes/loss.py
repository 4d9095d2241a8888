"""What people get wrong in the masked softmax loss."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_EACH = "(np.exp(log_p) - one_hot) * mask[..., None] / count"

SOFTMAX_LOSS = (
    Mistake(
        "averaged-over-padding",
        "count = mask.sum()",
        "count = mask.size",
        "The sum is divided by T·B, padding included. Average over the steps that count: divide by the sum of the "
        "mask.",
        "eq-rnn-dy-mean",
        elsewhere={
            "pytorch": ("count = mask.sum()", "count = mask.numel()"),
            "tensorflow": ("count = tf.reduce_sum(mask)", "count = tf.cast(tf.size(mask), Y.dtype)"),
        },
    ),
    Mistake(
        "summed",
        "count = mask.sum()",
        "count = 1",
        "This is the sum over the steps; asked for is the mean over those that count.",
        "eq-rnn-dy-mean",
    ),
    Mistake(
        "averaged-over-the-batch",
        "count = mask.sum()",
        "count = mask.shape[1]",
        "The sum is divided by the batch size. Divide by the number of steps that count, the sum of the mask.",
        "eq-rnn-dy-mean",
    ),
    Mistake(
        "averaged-over-time",
        "count = mask.sum()",
        "count = mask.shape[0]",
        "The sum is divided by the number of steps T. Divide by the sum of the mask: what counts, over all sequences.",
        "eq-rnn-dy-mean",
    ),
    Mistake(
        "gradient-of-the-sum",
        _EACH,
        "(np.exp(log_p) - one_hot) * mask[..., None]",
        "The loss is a mean and its gradient that of the sum: divide dY by the same number as the loss.",
        "eq-rnn-dy-mean",
    ),
    Mistake(
        "padding-in-the-gradient",
        _EACH,
        "(np.exp(log_p) - one_hot) / count",
        "dY is not zero where the mask is 0. Those steps are not part of the loss.",
        "eq-rnn-dy-sum",
    ),
    Mistake(
        "padding-in-the-loss",
        "(mask[..., None] * one_hot * log_p)",
        "(one_hot * log_p)",
        "Padded steps are part of your loss. Multiply each step's −log p by the mask.",
        "eq-rnn-masked-loss",
    ),
    Mistake(
        "no-target-in-the-gradient",
        "(np.exp(log_p) - one_hot)",
        "np.exp(log_p)",
        "dY is the probabilities alone. Subtract 1 at the target: δy = p − one-hot.",
        "eq-rnn-dy",
    ),
    Mistake(
        "gradient-with-the-wrong-sign",
        "(np.exp(log_p) - one_hot)",
        "(one_hot - np.exp(log_p))",
        "dY points uphill: it is p − one-hot, negative at the target, because a larger logit there lowers the loss.",
        "eq-rnn-dy",
    ),
    Mistake(
        "loss-with-the-wrong-sign",
        "loss = -(mask",
        "loss = (mask",
        "The loss is negative. The logarithm of a probability is at most 0: the loss is minus its mean.",
        "eq-rnn-C",
        elsewhere={"tensorflow": ("loss = -tf", "loss = tf")},
    ),
    Mistake(
        "bits-for-nats",
        "log_p).sum() / count",
        "log_p).sum() / count / np.log(Y.dtype.type(2))",
        "The loss is in bits: a logarithm to base 2. Here it is natural, in nats, as dY has it.",
        "eq-rnn-C",
        elsewhere={
            "pytorch": ("log_p).sum() / count", "log_p).sum() / count / torch.log(torch.tensor(2, dtype=Y.dtype))"),
            "tensorflow": ("log_p) / count", "log_p) / count / tf.math.log(tf.constant(2, Y.dtype))"),
        },
    ),
    Mistake(
        "logits-in-the-gradient",
        "(np.exp(log_p) - one_hot)",
        "(Y - one_hot)",
        "dY is built from the logits. It is the *probabilities* minus one-hot.",
        "eq-rnn-dy",
    ),
    Mistake(
        "overflow",
        "shifted = Y - Y.max(axis=-1, keepdims=True)",
        "shifted = Y",
        "The exponential overflows for large logits. Subtract the largest logit first: softmax does not change.",
        "eq-rnn-shift",
        elsewhere={
            "pytorch": (
                "Y.logsumexp(dim=-1, keepdim=True)",
                "torch.log(torch.exp(Y).sum(dim=-1, keepdim=True))",
            ),
            "tensorflow": (
                "tf.nn.log_softmax(Y)",
                "Y - tf.math.log(tf.reduce_sum(tf.exp(Y), axis=-1, keepdims=True))",
            ),
        },
    ),
    Mistake(
        "softmax-over-time",
        "shifted = Y - Y.max(axis=-1, keepdims=True)\n    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, "
        "keepdims=True))",
        "shifted = Y - Y.max(axis=0, keepdims=True)\n    log_p = shifted - np.log(np.exp(shifted).sum(axis=0, "
        "keepdims=True))",
        "The probabilities sum to one over the time steps. Softmax runs over the classes, the last axis.",
        "eq-rnn-p",
        elsewhere={
            "pytorch": ("Y.logsumexp(dim=-1, keepdim=True)", "Y.logsumexp(dim=0, keepdim=True)"),
            "tensorflow": ("tf.nn.log_softmax(Y)", "tf.nn.log_softmax(Y, axis=0)"),
        },
    ),
    Mistake(
        "double-precision",
        "np.eye(Y.shape[-1], dtype=Y.dtype)",
        "np.eye(Y.shape[-1])",
        "np.eye makes float64 whatever the inputs are, and the result follows it. Give it the dtype of Y.",
        elsewhere=HERE_ONLY,
    ),
)
