"""Chapter 1: every numbered equation of sequences and recurrence, and the world it is read in."""

from __future__ import annotations

import torch

from autograder.equations.chapters import Chapter
from autograder.equations.foundations import sequence_worlds as worlds
from autograder.equations.program import Array
from autograder.equations.world import World

chapter = Chapter("book/foundations/sequences.md", worlds.linear)


def read_in_two_parts(world: World) -> list[tuple[Array, Array]]:
    """F_{s+t} in one reading against F_t after F_s, by PyTorch's layer, cut at every place."""
    T, B, D, H = (world.sizes[n] for n in "TBDH")
    generator = torch.Generator().manual_seed(T)
    rnn = torch.nn.RNN(D, H, dtype=torch.float64)
    X, start = (torch.randn(s, generator=generator, dtype=torch.float64) for s in ((T, B, D), (1, B, H)))
    pairs = []
    for cut in range(1, T):
        middle = rnn(X[:cut], start)[1]
        pairs.append((rnn(X, start)[1], rnn(X[cut:], middle)[1]))
    for t in range(T):  # the converse: every state by steps of F_1
        before = rnn(X[:t], start)[1] if t else start
        pairs.append((rnn(X[: t + 1], start)[1], rnn(X[t : t + 1], before)[1]))
    return [(one.detach().numpy(), two.detach().numpy()) for one, two in pairs]


# recurrence and unfolding
chapter.read("eq-seq-recurrence", world=worlds.recurrence)
chapter.tied("eq-seq-split", "2614faed025e", read_in_two_parts, "functions of a whole past", world=worlds.recurrence)
chapter.read("eq-seq-counts", world=worlds.layers)
chapter.read("eq-seq-receptive", world=worlds.stack)

# the network of two weights
chapter.read("eq-seq-linear", "eq-seq-closed", "eq-seq-loss", world=worlds.started)
chapter.read("eq-seq-binary", world=worlds.halves)
chapter.read("eq-seq-dw", "eq-seq-du", "eq-seq-dh", "eq-seq-shared-gradient", "eq-seq-walk")

# its surface, and descent
chapter.read("eq-seq-expected", world=worlds.all_strings)
chapter.read("eq-seq-steep", world=worlds.first_bit)
chapter.read("eq-seq-hessian", world=worlds.at_the_solution)
chapter.read("eq-seq-clip", world=worlds.clipped)

# masks, parity
chapter.read("eq-seq-mask", world=worlds.masked)
chapter.read("eq-seq-corners", world=worlds.corners)
chapter.read("eq-seq-xor", "eq-seq-parity-net", world=worlds.parity)

# autoregression, dynamics
chapter.read("eq-seq-ar", "eq-seq-companion", world=worlds.two_roots)
chapter.read("eq-seq-cosine", world=worlds.wave)
chapter.read("eq-seq-leak", world=worlds.leaky)
chapter.read("eq-seq-leak-exact", world=worlds.leaky_exactly)
