"""Chapter 4: every numbered equation of backpropagation through time, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.foundations import bptt_cut_worlds as cut
from autograder.equations.foundations import bptt_worlds as worlds
from autograder.equations.foundations.networks import operations

chapter = Chapter("book/foundations/backpropagation-through-time.md", worlds.network)

# the network, the loss, and its sum over time
chapter.read("eq-bptt-forward", "eq-bptt-sum", "eq-bptt-dV", "eq-bptt-probe")
chapter.read("eq-bptt-loss", "eq-bptt-dy", "eq-bptt-G", world=worlds.masked_loss)
chapter.read("eq-bptt-pairing", world=worlds.pairing)
chapter.read("eq-bptt-transpose", world=worlds.arrays)

# without tanh
chapter.read("eq-bptt-polynomial", "eq-bptt-scalar", world=worlds.scalars)
chapter.read("eq-bptt-identity", "eq-bptt-unrolled", "eq-bptt-identity-W", "eq-bptt-ten", world=worlds.linear)
chapter.read("eq-bptt-four", "eq-bptt-identity-U", "eq-bptt-pattern", "eq-bptt-swap", world=worlds.linear)
chapter.read("eq-bptt-horner", world=worlds.linear, over={"k": "1..T"})

# the sum over paths
chapter.read("eq-bptt-J", "eq-bptt-chain", "eq-bptt-unfolded", "eq-bptt-double-sum", world=worlds.sequence)
chapter.read("eq-bptt-dh1", world=worlds.sequence, downwards=("k",))

# the recursion
chapter.read("eq-bptt-ordered", world=worlds.computation)
chapter.read("eq-bptt-dh", "eq-bptt-da", "eq-bptt-dU")
chapter.read("eq-bptt-closed", world=worlds.sequence, over={"k": "1..T"})

# the multipliers, and one system
chapter.read("eq-bptt-lagrangian", world=worlds.free_states)
chapter.read("eq-bptt-multipliers", "eq-bptt-lagrange-dU", world=worlds.multipliers)
chapter.read("eq-bptt-system", world=worlds.system)

# every gradient, masks
chapter.read("eq-bptt-dW", "eq-bptt-dx")
chapter.read("eq-bptt-tall", world=worlds.tall)
chapter.read("eq-bptt-mask", world=worlds.blended)
chapter.read("eq-bptt-mask-da", world=worlds.masked)
chapter.read("eq-bptt-mask-dh", world=worlds.masked, over={"t": "0..T"})


# cost
chapter.read("eq-bptt-flops", equals=[lambda world: operations(world)[0], lambda world: operations(world)[1]])
chapter.read("eq-bptt-checkpoints", world=cut.checkpoints, where=lambda world, L=1, **_: world.sizes["T"] % L == 0)

# truncation
chapter.read("eq-bptt-tau", "eq-bptt-truncated", "eq-bptt-bias", world=cut.truncated)
chapter.read("eq-bptt-term", world=worlds.sequence)
chapter.read("eq-bptt-term-bound", world=worlds.contracting)
chapter.read("eq-bptt-share", world=cut.blocks)

# forward
chapter.read("eq-bptt-influence", "eq-bptt-rtrl", "eq-bptt-rtrl-gradient", world=cut.forward)
chapter.read("eq-bptt-uoro", "eq-bptt-unbiased", world=cut.signs)

# in other notations
chapter.read("eq-bptt-four-lines", world=worlds.columns, over={"j": "1..T"}, downwards=("j",))
