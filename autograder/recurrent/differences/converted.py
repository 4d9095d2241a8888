"""Flax NNX and Haiku, which the course does not install: their layouts as `porting` understands them, and our layers.

The tests hold `porting` to parameters, inputs and outputs recorded from the real cells.
"""

from collections.abc import Callable, Mapping

import numpy as np

from autograder.recurrent.arrays import Array
from autograder.recurrent.differences.gates import BlackBox, Parameters, State
from autograder.recurrent.differences.table import Differences, of_gates
from autograder.recurrent.porting import Cell, Kind, from_flax, from_haiku, to_flax, to_haiku, to_layer

Tree = Mapping[str, Mapping[str, Array]]
D, H = 5, 3
NOTE = "our converter, not run"


def found() -> list[Differences]:
    """What Flax's and Haiku's own numbers mean, according to our converters."""
    return [
        of_gates(
            "Flax NNX",
            box("lstm", to_flax, from_flax),
            box("gru-after", to_flax, from_flax),
            asked_state=False,
            note=NOTE,
        ),
        of_gates(
            "Haiku",
            box("lstm", to_haiku, from_haiku),
            box("gru-before", to_haiku, from_haiku),
            asked_state=False,
            note=NOTE,
        ),
    ]


def box(kind: Kind, to_theirs: Callable[[Cell], Tree], from_theirs: Callable[[Tree, Kind], Cell]) -> BlackBox:
    """A layer that takes their parameters, named "module.name", and runs ours."""
    n = 4 if kind == "lstm" else 3
    parameters = {"W": np.zeros((D, n * H)), "U": np.zeros((H, n * H)), "b": np.zeros(n * H)}
    if kind == "gru-after":
        parameters["c"] = np.zeros(H)
    tree = to_theirs(Cell(kind, parameters))
    shapes = {f"{module}.{name}": v.shape for module, values in tree.items() for name, v in values.items()}

    def run(flat: Parameters, X: Array, state: State) -> tuple[Array, State]:
        grown: dict[str, dict[str, Array]] = {}
        for key, value in flat.items():
            module, _, name = key.rpartition(".")
            grown.setdefault(module, {})[name] = value
        done = to_layer(from_theirs(grown, kind)).forward(X, state)
        return done.H, done.state

    return BlackBox("lstm" if n == 4 else "gru", D, H, shapes, run)
