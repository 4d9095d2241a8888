"""Chapter 6: every numbered equation of the LSTM, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.gates import lstm_worlds as worlds
from autograder.equations.world import World

chapter = Chapter("book/gates/lstm.md", worlds.network)


def parameters(world: World) -> int:
    """Entries of everything in the program that is no input and no state."""
    return sum(array.size for key, array in world.program.leaves.items() if key[0] not in ("x", "h", "c"))


# from the carousel to the cell
chapter.read("eq-lstm-carousel", world=worlds.carousel)
chapter.read("eq-lstm-input", world=worlds.written)
chapter.read("eq-lstm-gates", "eq-lstm-c", "eq-lstm-h", "eq-lstm-a")
chapter.read("eq-lstm-count", equals=parameters)

# backward
chapter.read("eq-lstm-dsigma", world=worlds.slope)
chapter.read("eq-lstm-dh", "eq-lstm-dc", "eq-lstm-dgates", "eq-lstm-da", "eq-lstm-dW", "eq-lstm-dx")

# masks
chapter.read("eq-lstm-mask", "eq-lstm-mask-made", "eq-lstm-mask-gates", world=worlds.masked)
chapter.read("eq-lstm-mask-state", world=worlds.masked, over={"t": "0..T"})

# what the carousel keeps, and how long
chapter.read("eq-lstm-path", world=worlds.sequence, over={"k": "0..t"})
chapter.read("eq-lstm-jacobian", world=worlds.sequence, over={"t": "2..T"})
chapter.read("eq-lstm-half-life", "eq-lstm-bias", world=worlds.fading)

# relatives
chapter.read("eq-lstm-peep", "eq-lstm-peep-dc", "eq-lstm-peep-dp", world=worlds.peepholes)
chapter.read("eq-lstm-coupled", "eq-lstm-coupled-df", world=worlds.coupled)
chapter.read("eq-lstm-proj", "eq-lstm-proj-back", world=worlds.projected)
chapter.read("eq-lstm-proj-count", world=worlds.projected, equals=parameters)
chapter.read("eq-lstm-ln", "eq-lstm-ln-roads", "eq-lstm-ln-back", world=worlds.row)
chapter.read("eq-lstm-ln-forward", "eq-lstm-ln-dc", "eq-lstm-ln-dh", "eq-lstm-ln-dgamma", world=worlds.layer_normalised)
