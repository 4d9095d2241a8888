"""What people get wrong in sending a gradient back through both halves."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_DX = "dX_f + reverse_by_length(dX_b, lengths)"
_G_B = "G_b = reverse_by_length(G_b, lengths)"
_H_B = "H_b = reverse_by_length(H_b, lengths)"
_X_B = "X_b = reverse_by_length(X, lengths)"

BACKWARD = (
    Mistake(
        "forward-half-only",
        _DX,
        "dX_f",
        "Only the forward half's share of dX is there. x_t is used by both halves, so the two gradients add.",
        "eq-bi-dx",
    ),
    Mistake(
        "backward-half-only",
        _DX,
        "reverse_by_length(dX_b, lengths)",
        "Only the backward half's share of dX is there. x_t is used by both halves, so the two gradients add.",
        "eq-bi-dx",
    ),
    Mistake(
        "averaged-over-the-halves",
        _DX,
        "(dX_f + reverse_by_length(dX_b, lengths)) / 2",
        "dX is the mean of the halves' shares. A gradient is a sum over all users: x_t has two.",
        "eq-bi-dx",
    ),
    Mistake(
        "input-gradient-not-turned-back",
        _DX,
        "dX_f + dX_b",
        "The backward half's share of dX is in the order in which that half read. Reverse it by length before you add, "
        "or step t gets the gradient of step ρ(t).",
        "eq-bi-dreverse",
    ),
    Mistake(
        "input-gradient-flipped-whole",
        "reverse_by_length(dX_b, lengths)",
        "reverse_by_length(dX_b, len(mask) + 0 * lengths)",
        "The backward half's share of dX is turned back by flipping the whole array. Back through a reversal by length "
        "goes the same reversal by length.",
        "eq-bi-dreverse",
    ),
    Mistake(
        "gradient-not-reversed",
        _G_B,
        "G_b = G_b",
        "G enters the backward half in the order of X. Its states were made in reversed order, so what reaches them "
        "has to be reversed by length too.",
        "eq-bi-dreverse",
    ),
    Mistake(
        "input-not-reversed",
        _X_B,
        "X_b = X",
        "δW of the backward half pairs δa with the wrong inputs: it read X reversed by length.",
        "eq-bi-dparameters",
    ),
    Mistake(
        "states-not-reversed",
        _H_B,
        "H_b = H_b",
        "The backward half's states are given to its backward pass in the order of X. That pass needs them in the "
        "order in which they were made, for the slope of tanh and for δU.",
        "eq-bi-dparameters",
    ),
    Mistake(
        "padding-comes-first",
        "lengths = ",
        "lengths = len(mask) + 0 * ",
        "Whole arrays are flipped, so that the padding of a short sequence comes first. The forward pass reversed "
        "each sequence within its own length; so must the backward pass.",
        "eq-bi-dreverse",
    ),
    Mistake(
        "both-halves-walked-alike",
        "lengths = ",
        "lengths = 0 * ",
        "The backward half is treated as one that had read forwards. Its δh_t comes from step t − 1: reverse what goes "
        "into its backward pass, and turn dX back.",
        "eq-bi-dh",
    ),
    Mistake(
        "gradient-from-the-padding",
        "(mask[..., None] * G, 2",
        "(G, 2",
        "What reaches the padded steps flows back into the network. The output is zero there whatever the parameters "
        "are, so G counts only where the mask is 1.",
        "eq-deep-zero",
    ),
    Mistake(
        "gradients-exchanged",
        "G_f, G_b = ",
        "G_b, G_f = ",
        "Each half is sent the other's share of G. The first H columns belong to the forward half, as in the "
        "concatenation.",
        "eq-bi-concat",
    ),
    Mistake(
        "states-exchanged",
        "H_f, H_b = ",
        "H_b, H_f = ",
        "Each half goes back through the other's states. The first H columns belong to the forward half, as in the "
        "concatenation.",
        "eq-bi-concat",
    ),
    Mistake(
        "forward-share-for-both",
        _G_B,
        "G_b = reverse_by_length(G_f, lengths)",
        "Both halves are sent the first H columns of G, as if the states had been added. They were joined: the "
        "gradient is cut where they were.",
        "eq-bi-concat",
    ),
    Mistake(
        "one-set-of-weights",
        "h_0[1], W[1], U[1], mask",
        "h_0[1], W[0], U[0], mask",
        "The backward half's gradient is sent back along the forward half's weights. Each half has its own: W[1] and "
        "U[1].",
        "eq-bi-dx",
    ),
    Mistake(
        "recurrent-weights-of-the-other-half",
        "h_0[1], W[1], U[1], mask",
        "h_0[1], W[1], U[0], mask",
        "The backward half's δh is sent back along the forward half's recurrent weights. Its own are U[1].",
        "eq-bi-dh",
    ),
    Mistake(
        "weights-not-transposed",
        "h_0[1], W[1], U[1], mask",
        "h_0[1], W[1], U[1].T, mask",
        "U[1] is handed over transposed. sequence_backward takes the matrix as the forward pass used it, and "
        "transposes it itself.",
        "eq-bi-dh",
        elsewhere={"tensorflow": ("h_0[1], W[1], U[1], mask", "h_0[1], W[1], tf.transpose(U[1]), mask")},
    ),
    Mistake(
        "one-start-for-both",
        "h_0[1], W[1], U[1], mask",
        "h_0[0], W[1], U[1], mask",
        "The backward half's δU is made with the forward half's first state. Before its first step, behind the last "
        "item, stands h_0[1].",
        "eq-bi-dparameters",
    ),
    Mistake(
        "zero-start-for-the-backward-half",
        "h_0[1], W[1], U[1], mask",
        "np.zeros_like(h_0[1]), W[1], U[1], mask",
        "The backward half's δU misses its first state. Behind the last item stands h_0[1], not zero.",
        "eq-bi-dparameters",
    ),
    Mistake(
        "mask-turned-as-well",
        "W[1], U[1], mask)",
        "W[1], U[1], mask[::-1])",
        "The mask is turned round for the backward half. After a reversal by length the items still come first and "
        "the padding last, so the mask is the same.",
        "eq-bi-reversed",
        elsewhere={"pytorch": ("W[1], U[1], mask)", "W[1], U[1], torch.flip(mask, (0,)))")},
    ),
    Mistake(
        "parameters-taken-as-shared",
        "np.stack(pair)",
        "np.stack([sum(pair), sum(pair)])",
        "The halves' parameter gradients are added together. The halves share the input, so dX adds; they share no "
        "parameter and no state.",
        "eq-bi-dparameters",
        elsewhere={"tensorflow": ("tf.stack(pair)", "tf.stack([sum(pair), sum(pair)])")},
    ),
    Mistake(
        "halves-exchanged",
        "zip(d_f, d_b",
        "zip(d_b, d_f",
        "The parameters' gradients are right and stand in each other's place. Index 0 belongs to the forward half, "
        "as in the parameters.",
        "eq-bi-dparameters",
    ),
    Mistake(
        "argument-changed",
        "np.split(mask[..., None] * G, 2, axis=-1)",
        "np.split(np.multiply(G, mask[..., None], out=G), 2, axis=-1)",
        "The caller's G is multiplied by the mask.",
        "eq-deep-zero",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "double-precision",
        "(mask[..., None] * G, 2",
        "(mask[..., None].astype(float) * G, 2",
        "float in NumPy is float64, and every gradient follows it. The mask has the dtype of G already.",
        elsewhere=HERE_ONLY,
    ),
)
