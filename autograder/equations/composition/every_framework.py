"""Chapter 10: every numbered equation of one set of weights in every framework, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.composition import every_framework_worlds as worlds

chapter = Chapter("book/composition/every-framework.md", worlds.two_orders)

# the LSTM: permute, transpose
chapter.read("eq-port-a", "eq-port-S", "eq-port-permuted", "eq-port-hat", "eq-port-back", "eq-port-columns")
chapter.read("eq-port-P", world=worlds.blocks)

# the GRU: sign, biases, reset
chapter.read("eq-port-share", world=worlds.gru_states)
chapter.read("eq-port-flip", world=worlds.sigmoids)
chapter.read("eq-port-n", world=worlds.gru_candidates)
chapter.read("eq-port-reset", world=worlds.one_state)

# training on: gradients, Adam
chapter.read("eq-port-gradient", "eq-port-squares")
chapter.read("eq-port-two", world=worlds.two_biases)
chapter.read("eq-port-moments", "eq-port-adam", "eq-port-epsilon", world=worlds.adam_of_pytorch)
chapter.read("eq-port-adam-keras", world=worlds.adam_of_keras)
