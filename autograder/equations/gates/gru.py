"""Chapter 7: every numbered equation of the GRU, and the world it is read in."""

from __future__ import annotations

from autograder.equations.chapters import Chapter
from autograder.equations.gates import gru_worlds as worlds

chapter = Chapter("book/gates/gru.md", worlds.after)

# forward
chapter.read("eq-gru-h", world=worlds.unmasked)
chapter.read("eq-gru-convex", "eq-gru-bound", "eq-gru-average", "eq-gru-weights", world=worlds.sequence)
chapter.read("eq-gru-a", "eq-gru-gates", world=worlds.either)
chapter.read("eq-gru-after-q", "eq-gru-after-n")
chapter.read("eq-gru-before-s", "eq-gru-before-n", world=worlds.before)
chapter.read("eq-gru-mask", world=worlds.blended)

# backward: what both versions share, then each by itself
chapter.read("eq-gru-dh-tilde", world=worlds.blended)
chapter.read("eq-gru-dn", "eq-gru-da", "eq-gru-dW", "eq-gru-dU", "eq-gru-db", "eq-gru-dx", world=worlds.either)
chapter.read("eq-gru-after-dq", "eq-gru-after-dh", "eq-gru-after-dU")
chapter.read("eq-gru-before-ds", "eq-gru-before-dh", "eq-gru-before-dU", world=worlds.before)

# biases, conventions, one step's Jacobian, sizes
chapter.read("eq-gru-flip", world=worlds.unmasked)
chapter.read("eq-gru-J", "eq-gru-e", world=worlds.sequence)
chapter.read("eq-gru-count", equals=[worlds.parameters, worlds.lstm_parameters])
