"""What people get wrong in `bidirectional`: edits of `answers`, and what to tell whoever made them. By question."""

from autograder.checks.bidirectional.mistakes.backward import BACKWARD
from autograder.checks.bidirectional.mistakes.forward import FORWARD
from autograder.checks.bidirectional.mistakes.joining import LAST_OUTPUT, MERGES
from autograder.checks.bidirectional.mistakes.reversal import REVERSE_BY_LENGTH
from autograder.checks.bidirectional.mistakes.stack import STACK_OF_TWO

MISTAKES = {
    "reverse-by-length": REVERSE_BY_LENGTH,
    "forward": FORWARD,
    "last-output": LAST_OUTPUT,
    "merges": MERGES,
    "backward": BACKWARD,
    "stack-of-two": STACK_OF_TWO,
}
