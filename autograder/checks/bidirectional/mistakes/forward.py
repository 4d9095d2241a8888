"""What people get wrong in running two halves over a padded batch, and in joining their states."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_BACK = "X_b, h_0[1], W[1], U[1], b[1], mask)"
_TURNED = "H_b = reverse_by_length(H_b, lengths)"
_READ = "X_b = reverse_by_length(X, lengths)"

FORWARD = (
    Mistake(
        "padding-comes-first",
        "lengths = ",
        "lengths = len(mask) + 0 * ",
        "The backward half reads the array from its end, padding first, under a mask that lets the padding through. "
        "Reverse each sequence within its own length.",
        "eq-bi-rho",
    ),
    Mistake(
        "padding-read-without-a-mask",
        f"H_b = sequence_forward({_BACK}",
        "lengths = len(mask) + 0 * lengths\n"
        "    X_b = reverse_by_length(X, lengths)\n"
        "    H_b = sequence_forward(X_b, h_0[1], W[1], U[1], b[1], np.ones_like(mask))",
        "The backward half enters each short sequence through its padding, which moves the state: the bias acts at "
        "every step. Reverse within each length, so that the items come first.",
        "eq-bi-rho",
    ),
    Mistake(
        "states-not-turned-back",
        _TURNED,
        "H_b = H_b",
        "The backward half's states are joined in the order in which they were made. Reverse them by length again, so "
        "that both states of a step have read that step's input.",
        "eq-bi-back",
    ),
    Mistake(
        "states-flipped-whole",
        _TURNED,
        "H_b = reverse_by_length(H_b, len(mask) + 0 * lengths)",
        "The input is reversed by length, its states by flipping the whole array. What undoes a reversal by length is "
        "the same reversal.",
        "eq-bi-back",
    ),
    Mistake(
        "input-not-reversed",
        _READ,
        "X_b = X",
        "The backward half reads X in its ordinary order, and its states are then turned round. It must read the "
        "last item first.",
        "eq-bi-reversed",
    ),
    Mistake(
        "both-halves-read-forwards",
        "lengths = ",
        "lengths = 0 * ",
        "Both halves read from the first item to the last. The second one's h_t must come from h_{t+1}: give it the "
        "reversed sequence, and turn its states back.",
        "eq-bi-halves",
    ),
    Mistake(
        "batch-reversed",
        _READ,
        "X_b = X[:, ::-1]",
        "The backward half reads another sequence of the batch in ordinary order: the second axis was flipped. "
        "Reverse the first, time, by length.",
        "eq-bi-reversed",
        elsewhere={
            "pytorch": (_READ, "X_b = torch.flip(X, (1,))"),
            "tensorflow": (_READ, "X_b = X[:, ::-1]"),
        },
    ),
    Mistake(
        "mask-turned-as-well",
        _BACK,
        "X_b, h_0[1], W[1], U[1], b[1], mask[::-1])",
        "The mask is turned round for the backward half. After a reversal by length the items still come first and "
        "the padding last, so the mask is the same.",
        "eq-bi-reversed",
        elsewhere={
            "pytorch": (
                "X_b, h_0[1], self.W[1], self.U[1], self.b[1], mask)",
                "X_b, h_0[1], self.W[1], self.U[1], self.b[1], torch.flip(mask, (0,)))",
            )
        },
    ),
    Mistake(
        "one-set-of-weights",
        "X_b, h_0[1], W[1], U[1], b[1]",
        "X_b, h_0[1], W[0], U[0], b[0]",
        "Both halves use the forward half's parameters. Each has its own: index 0 for the forward half, 1 for the "
        "backward half.",
        "eq-bi-halves",
    ),
    Mistake(
        "recurrent-weights-of-the-other-half",
        "W[1], U[1], b[1]",
        "W[1], U[0], b[1]",
        "The backward half's states go through the forward half's recurrent weights. Its own are U[1].",
        "eq-bi-halves",
    ),
    Mistake(
        "bias-of-the-other-half",
        "W[1], U[1], b[1]",
        "W[1], U[1], b[0]",
        "The backward half uses the forward half's bias. Its own is b[1].",
        "eq-bi-halves",
    ),
    Mistake(
        "parameters-exchanged",
        f"H_f = sequence_forward(X, h_0[0], W[0], U[0], b[0], mask)\n    H_b = sequence_forward({_BACK}",
        "H_f = sequence_forward(X, h_0[0], W[1], U[1], b[1], mask)\n"
        "    H_b = sequence_forward(X_b, h_0[1], W[0], U[0], b[0], mask)",
        "Each half runs with the other's parameters. Index 0 belongs to the half that reads forwards, index 1 to the "
        "one that reads from the end.",
        "eq-bi-halves",
    ),
    Mistake(
        "one-start-for-both",
        "X_b, h_0[1]",
        "X_b, h_0[0]",
        "The backward half begins with the forward half's first state. It has one of its own behind the last item, "
        "h_0[1].",
        "eq-bi-halves",
    ),
    Mistake(
        "backward-half-starts-from-zero",
        "X_b, h_0[1]",
        "X_b, np.zeros_like(h_0[1])",
        "The backward half begins with zeros. The state it starts from, behind the last item, is given: h_0[1].",
        "eq-bi-halves",
    ),
    Mistake(
        "continued-where-the-other-ended",
        "X_b, h_0[1]",
        "X_b, H_f[-1]",
        "The backward half begins with the state in which the forward half ended. The halves never touch: it has a "
        "start of its own, h_0[1].",
        "eq-bi-halves",
    ),
    Mistake(
        "merge-halves-exchanged",
        "[H_f, H_b]",
        "[H_b, H_f]",
        "The halves are joined in the other order. The forward half's state comes first.",
        "eq-bi-concat",
    ),
    Mistake(
        "forward-half-twice",
        "[H_f, H_b]",
        "[H_f, H_f]",
        "The forward half's states stand in both halves of the result.",
        "eq-bi-concat",
    ),
    Mistake(
        "summed-not-joined",
        "np.concatenate([H_f, H_b], axis=-1)",
        "H_f + H_b",
        "The states are added. Asked for is the concatenation, 2H wide, which keeps both.",
        "eq-bi-concat",
    ),
    Mistake(
        "one-step-apart",
        "[H_f, H_b]",
        "[H_f, np.concatenate([H_b[1:], H_b[:1]])]",
        "Each forward state is joined with the backward state of the next step. Both states of h_t have read x_t.",
        "eq-bi-back",
        elsewhere={
            "pytorch": ("[H_f, H_b]", "[H_f, torch.cat([H_b[1:], H_b[:1]])]"),
            "tensorflow": ("[H_f, H_b]", "[H_f, tf.concat([H_b[1:], H_b[:1]], axis=0)]"),
        },
    ),
    Mistake(
        "padding-not-zeroed",
        "mask[..., None] * H",
        "H",
        "The states are right where the mask is 1. On the padding, return zeros: what the halves carry there means "
        "nothing, and must reach nobody.",
        "eq-bi-back",
    ),
    Mistake(
        "mask-inverted",
        "mask[..., None] * H",
        "(1 - mask[..., None]) * H",
        "The states of the items are set to zero and those of the padding kept. In the mask, 1 means that the step "
        "counts.",
        "eq-bi-halves",
    ),
    Mistake(
        "length-one-short",
        "lengths = ",
        "lengths = -1 + ",
        "The last item is left out of the reversal: the backward half reads it at the end. The length is the number "
        "of ones in the mask's column.",
        "eq-bi-rho",
    ),
    Mistake(
        "double-precision",
        "mask[..., None] * H",
        "mask[..., None].astype(float) * H",
        "float in NumPy is float64, and the result follows it. The mask has the dtype of X already.",
        elsewhere=HERE_ONLY,
    ),
)
