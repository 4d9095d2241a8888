"""Chapter 9: every numbered equation of deep and variable-length networks, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.composition import deep_norm_worlds as norm_worlds
from autograder.equations.composition import deep_worlds as worlds

chapter = Chapter("book/composition/deep-and-variable-length.md", worlds.stack)

# stacks
chapter.read("eq-deep-step", world=worlds.blended)
chapter.read("eq-deep-count", world=worlds.counts, equals=worlds.parameters)
chapter.read("eq-deep-paths", world=worlds.grid, equals=worlds.paths)
chapter.read("eq-deep-G", where=lambda world, t=1, l=1: l < world.sizes["L"])
chapter.read("eq-deep-dh", "eq-deep-dW")

# lengths
chapter.read("eq-deep-sizes", "eq-deep-items", "eq-deep-gather", "eq-deep-pool", world=worlds.by_length)
chapter.read("eq-deep-zero", world=worlds.padded)

# short paths
chapter.read("eq-deep-residual", "eq-deep-dresidual", "eq-deep-residual-product", world=worlds.residual)
chapter.read("eq-deep-switch", "eq-deep-dclock", world=worlds.clockwork)
chapter.read("eq-deep-clock", world=worlds.half_switched)
chapter.read("eq-deep-ticks", world=worlds.clockwork, over={"t": "0..T", "k": "0..t"})

# dropout
chapter.read("eq-deep-drop", world=worlds.one_mask)
chapter.read("eq-deep-drop-between", world=worlds.dropped_inputs)
chapter.read("eq-deep-drop-naive", world=worlds.dropped_each_step)
chapter.read("eq-deep-drop-locked", world=worlds.dropped_once)
chapter.read("eq-deep-drop-g", "eq-deep-drop-g-moments", world=worlds.dropped_writes)
chapter.read("eq-deep-zoneout", world=worlds.zoned_step)
chapter.read("eq-deep-zoneout-memory", world=worlds.zoned_memory)

# layer normalisation
chapter.read("eq-deep-ln", world=norm_worlds.row)
chapter.read("eq-deep-ln-invariant", world=norm_worlds.moved_row)
chapter.read("eq-deep-ln-rnn", "eq-deep-ln-scale", "eq-deep-ln-growth", world=norm_worlds.normalised)
