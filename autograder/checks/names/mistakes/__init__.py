"""What people get wrong in `names`: edits of `answers`, and what to tell whoever made them. By question."""

from autograder.checks.names.mistakes.encoding import ENCODE
from autograder.checks.names.mistakes.judging import BASELINE, CONFUSION
from autograder.checks.names.mistakes.summaries import LAST_STATE, MEAN_STATE

MISTAKES = {
    "encode": ENCODE,
    "last-state": LAST_STATE,
    "mean-state": MEAN_STATE,
    "baseline": BASELINE,
    "confusion": CONFUSION,
}
