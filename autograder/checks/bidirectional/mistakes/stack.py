"""What people get wrong in putting one bidirectional layer on another."""

from autograder.checks.mistakes import Mistake

_LOWER = "(X, h_1, W_1, U_1, b_1, mask)"
_UPPER = "(H_1, h_2, W_2, U_2, b_2, mask)"

STACK_OF_TWO = (
    Mistake(
        "no-mask-in-the-upper-layer",
        _UPPER,
        "(H_1, h_2, W_2, U_2, b_2, np.ones_like(mask))",
        "The second layer has no mask, so its backward half enters short sequences through their padding. A padded "
        "step is padded on every floor.",
        "eq-deep-step",
    ),
    Mistake(
        "no-mask-in-the-lower-layer",
        _LOWER,
        "(X, h_1, W_1, U_1, b_1, np.ones_like(mask))",
        "The first layer has no mask: its backward half reads the padding before the items, and the second layer "
        "builds on that. Change the padding and the states change.",
        "eq-deep-step",
    ),
    Mistake(
        "no-mask-at-all",
        "H_1 = ",
        "mask = np.ones_like(mask)\n    H_1 = ",
        "Neither layer has a mask, so whatever stands in the padding is read as if it were input. Hand the mask to "
        "both.",
        "eq-deep-step",
    ),
    Mistake(
        "lower-layer-returned",
        "return H_2, last_output(H_2, lengths)",
        "return H_1, last_output(H_1, lengths)",
        "These are the first layer's states. Return the second layer's.",
        "eq-deep-step",
    ),
    Mistake(
        "last-output-of-the-lower-layer",
        "last_output(H_2",
        "last_output(H_1",
        "The last output is the first layer's. What describes the whole sequence is taken from the top.",
        "eq-bi-last",
    ),
    Mistake(
        "end-of-the-array",
        "last_output(H_2, lengths)",
        "H_2[-1]",
        "out[-1] is padding for a short sequence, and for a full one its backward half has read one item. Use the "
        "states that have read everything.",
        "eq-bi-last",
    ),
    Mistake(
        "one-start-for-both-layers",
        "(H_1, h_2",
        "(H_1, h_1",
        "The second layer begins with the first layer's states. Each layer has its own, h_1 and h_2.",
        "eq-deep-step",
    ),
    Mistake(
        "recurrent-weights-of-the-lower-layer",
        "(H_1, h_2, W_2, U_2",
        "(H_1, h_2, W_2, U_1",
        "The second layer uses the first layer's recurrent weights. They fit, since both are H by H, and belong to "
        "another network: use U_2.",
        "eq-deep-step",
    ),
    Mistake(
        "bias-of-the-lower-layer",
        "(H_1, h_2, W_2, U_2, b_2",
        "(H_1, h_2, W_2, U_2, b_1",
        "The second layer uses the first layer's bias. Its own is b_2.",
        "eq-deep-step",
    ),
    Mistake(
        "squashed-between-the-layers",
        "(H_1, h_2",
        "(np.tanh(H_1), h_2",
        "The first layer's states are squashed once more on the way up. They come out of a tanh already, and go into "
        "the second layer as they are.",
        "eq-deep-step",
    ),
    Mistake(
        "halves-exchanged-between-the-layers",
        "(H_1, h_2",
        "(np.concatenate(np.split(H_1, 2, axis=-1)[::-1], axis=-1), h_2",
        "The halves change places between the layers. The first H rows of W_2 belong to the forward half's states.",
        "eq-bi-concat",
    ),
    Mistake(
        "residual-connection",
        "return H_2, last_output(H_2, lengths)",
        "H_2 = H_1 + H_2\n    return H_2, last_output(H_2, lengths)",
        "The first layer's states are added to the second's. That is a residual connection; this stack has none.",
        "eq-deep-residual",
    ),
    Mistake(
        "reversed-between-the-layers",
        "(H_1, h_2",
        "(reverse_by_length(H_1, lengths), h_2",
        "The sequence is turned round between the layers. Each layer turns its own states back, so what comes out is "
        "in the order of X.",
        "eq-bi-back",
    ),
)
