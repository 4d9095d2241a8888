"""Make autograder/datasets/language_model.npz: a small character model that has read the book's text once.

    python benchmarks/language_checkpoint.py

From a fixed seed, with the assignment's own reference answers; the same machine makes the same bytes of every array.
"""

from pathlib import Path

import numpy as np

from autograder.checks.language_model import answers
from autograder.checks.language_model.judging import bits_per_character
from autograder.datasets import text

D, H, B, T = 16, 48, 32, 25
RATE, MAX_NORM = 1.0, 1.0


def initial(seed: int) -> dict[str, np.ndarray]:
    """Parameters before any training, float32."""
    rng = np.random.default_rng(seed)
    K = len(text.characters())
    parameters = {
        "E": 0.5 * rng.normal(size=(K, D)),
        "W": rng.normal(size=(D, H)) / D**0.5,
        "U": 0.9 * np.linalg.qr(rng.normal(size=(H, H)))[0],
        "b": np.zeros(H),
        "V": 0.3 * rng.normal(size=(H, K)) / H**0.5,
        "b_y": np.zeros(K),
    }
    return {name: v.astype("float32") for name, v in parameters.items()}


def main() -> None:
    """Train for one pass and write the parameters."""
    parameters = list(initial(0).values())
    inputs, targets = answers.windows(text.training_ids(), B, T)
    h = np.zeros((B, H), dtype="float32")
    *parameters, h, losses = answers.train_windows(inputs, targets, h, *parameters, rate=RATE, max_norm=MAX_NORM)
    made = dict(zip(text.PARAMETERS, parameters, strict=True))
    np.savez_compressed(Path(text.__file__).with_name("language_model.npz"), **made)
    print(f"{len(losses)} updates; {bits_per_character(made):.3f} bits a character on the held-out text")


if __name__ == "__main__":
    main()
