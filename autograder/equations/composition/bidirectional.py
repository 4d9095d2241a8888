"""Chapter 8: every numbered equation of bidirectional networks, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.composition import bidirectional_worlds as worlds

chapter = Chapter("book/composition/bidirectional.md", worlds.network)

# what cannot be known, what cannot be said
chapter.read("eq-bi-chance", world=worlds.guess)
chapter.read("eq-bi-additive", world=worlds.additive)

# two readers, reversal by length
chapter.read("eq-bi-halves", world=worlds.blended)
chapter.read("eq-bi-rho", world=worlds.padded)
chapter.read("eq-bi-reversed", world=worlds.reversed_items)
chapter.read("eq-bi-involution", "eq-bi-back", world=worlds.padded, where=worlds.real_steps)

# backward
chapter.read("eq-bi-dh", "eq-bi-dstart", "eq-bi-dparameters", "eq-bi-dx")
chapter.read("eq-bi-dreverse", world=worlds.turned_back)

# merges
chapter.read("eq-bi-concat", world=worlds.network)
chapter.read("eq-bi-sum", world=worlds.merged("sum"))
chapter.read("eq-bi-average", world=worlds.merged("average"))
chapter.read("eq-bi-product", world=worlds.merged("product"))
chapter.read("eq-bi-count", equals=worlds.parameters)

# what each state has seen
chapter.read("eq-bi-field", where=lambda world, t=1, k=2: k > t)
chapter.read("eq-bi-last", world=worlds.one_sequence, equals=worlds.last_states_of_torch)

# the LSTM that reads from the end
chapter.read("eq-bi-lstm-forward", "eq-bi-lstm-candidate", "eq-bi-lstm-gates", world=worlds.lstm)
chapter.read("eq-bi-lstm-state", world=worlds.lstm, over={"t": "1..T+1"})
chapter.read("eq-bi-lstm-parameters", world=worlds.lstm)
