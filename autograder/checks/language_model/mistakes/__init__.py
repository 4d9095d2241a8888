"""What people get wrong in `language-model`: edits of `answers`, and what to tell whoever made them. By question."""

from autograder.checks.language_model.mistakes.data import EMBEDDING_BACKWARD, WINDOWS
from autograder.checks.language_model.mistakes.loss import LANGUAGE_LOSS
from autograder.checks.language_model.mistakes.sampling import ENTROPY_SLOPE, SAMPLE
from autograder.checks.language_model.mistakes.training import GRADIENTS, TRAIN_WINDOWS

MISTAKES = {
    "windows": WINDOWS,
    "embedding-backward": EMBEDDING_BACKWARD,
    "language-loss": LANGUAGE_LOSS,
    "gradients": GRADIENTS,
    "train-windows": TRAIN_WINDOWS,
    "sample": SAMPLE,
    "entropy-slope": ENTROPY_SLOPE,
}
