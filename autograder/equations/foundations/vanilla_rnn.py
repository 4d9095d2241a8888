"""Chapter 3: every numbered equation of the vanilla RNN, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.foundations import rnn_worlds as worlds
from autograder.equations.foundations.networks import operations
from autograder.equations.world import World

chapter = Chapter("book/foundations/vanilla-rnn.md", worlds.network)

# from a recurrence to a network
chapter.read("eq-rnn-recurrence", world=worlds.recurrence)
chapter.read("eq-rnn-a", "eq-rnn-h", "eq-rnn-y", "eq-rnn-p", "eq-rnn-C", world=worlds.sequence)
chapter.read("eq-rnn-odd", world=worlds.without_bias)


def parameters(world: World) -> int:
    """Entries of everything in the program that is no input and no state."""
    return sum(array.size for key, array in world.program.leaves.items() if key[0] not in ("x", "h"))


chapter.read("eq-rnn-count", equals=parameters)
chapter.read("eq-rnn-products", equals=lambda world: operations(world)[0] / 2)  # additions are counted there as well

# batches, masks
chapter.read("eq-rnn-mask", world=worlds.blended)
chapter.read("eq-rnn-padding", world=worlds.padded)
chapter.read("eq-rnn-hoist", world=worlds.hoisted)

# derivatives of tanh and softmax
chapter.read("eq-rnn-dtanh", world=worlds.slope)
chapter.read("eq-rnn-softmax-jacobian", "eq-rnn-logsumexp", "eq-rnn-dy", world=worlds.logits)
chapter.read("eq-rnn-masked-loss", "eq-rnn-dy-sum")
chapter.read("eq-rnn-dy-mean", world=worlds.mean_loss)
chapter.read("eq-rnn-shift", "eq-rnn-stable", "eq-rnn-twice", world=worlds.logits)

# the gradient of one step
chapter.read("eq-rnn-da", "eq-rnn-dx", "eq-rnn-dh-prev", "eq-rnn-dW", "eq-rnn-dU", "eq-rnn-db", world=worlds.step)
chapter.read("eq-rnn-G", "eq-rnn-dV")
chapter.read("eq-rnn-dh-tilde", "eq-rnn-dh-prev-mask", world=worlds.masked_step)
chapter.read("eq-rnn-dh0-shared", world=worlds.shared_start)
