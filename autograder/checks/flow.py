"""What cuts a gradient off in a module: the words for mistakes that every assignment with a module has.

A module's states may be right while autograd does not reach its parameters. Such a mistake is one edit of a NumPy
function that gives the states *and* what autograd should find, `Flow.reference`; in the frameworks' solutions it is the
`.detach()`, `.data` or `stop_gradient` that has this effect. NumPy has no such mistake.
"""

from autograder.checks.drivers import MADE_ANEW, NOT_TRAINED, PLAIN_TENSOR
from autograder.checks.mistakes import Edit, Mistake

AT_EVERY_STEP = (
    "The gradient ends at every step: the state goes on as a constant. `.detach()`, `.data`, `.numpy()`, "
    "`torch.tensor(h)` and `tf.stop_gradient` all cut it; in a sequence it has to flow from step to step."
)
ON_RETURN = (
    "No gradient leaves your code. Are the states detached where they are collected or returned, by `.detach()`, "
    "`.data`, `.numpy()` or `stop_gradient`, or made under `torch.no_grad()`?"
)
IN_THE_PRODUCT = (
    "The state enters the product with U as a constant, so no gradient goes back through it. Use h itself: "
    "`.detach()`, `.data` and `stop_gradient` cut it off."
)
CARRIED = (
    "Where the mask is 0 the state is carried over as a constant, and the gradient ends there. It should pass through "
    "untouched: carry over h itself, not `h.detach()` or `h.data`."
)
FROM_INPUT = (
    "The input's part, X W + b, is made outside of the gradient's sight (`torch.no_grad()`, `.detach()`, "
    "`stop_gradient`?), so neither W nor b is reached. Computing it ahead for all steps is fine; cutting it off is not."
)


def cut_weights(name: str) -> str:
    """The hint for a parameter that is used as a constant."""
    return (
        f"{name} is used as a constant (`self.{name}.data`, `.detach()`, `.numpy()`, `torch.tensor(self.{name})`, "
        f"`stop_gradient`), so no gradient reaches it. Use self.{name} itself."
    )


def cut(name: str, replace: str, by: str, hint: str, pytorch: Edit, tensorflow: Edit, see: str) -> Mistake:
    """A mistake of modules alone: an edit of the flow's reference, and one of each framework's solution."""
    return Mistake(name, replace, by, hint, see, elsewhere=_modules(pytorch, tensorflow))


def _modules(pytorch: Edit | None, tensorflow: Edit | None) -> dict[str, Edit | None]:
    return {"numpy": None, "pytorch": pytorch, "tensorflow": tensorflow}


def found_by_drivers(plain: tuple[Edit, Edit], anew: Edit, see: str) -> tuple[Mistake, ...]:
    """Parameters that are none, for PyTorch and TensorFlow: tensors, made in every call, not to be trained.

    The drivers find these before anything is compared; `sign` is what they say. `plain` makes W a plain tensor, `anew`
    makes U in every call of PyTorch's.
    """
    frozen = (
        ("self.U = nn.Parameter(", "self.U = nn.Parameter(requires_grad=False, data="),
        ('name="U", ', 'name="U", trainable=False, '),
    )
    return (
        Mistake(
            "plain-tensor-for-a-parameter",
            "",
            "",
            "The framework does not know it as a parameter: no optimiser would train it, and it is neither saved nor "
            "moved to a device. Wrap it in nn.Parameter, or make it with self.add_weight.",
            see,
            _modules(*plain),
            sign=PLAIN_TENSOR,
        ),
        Mistake(
            "parameters-made-in-every-call",
            "",
            "",
            "What is trained between two calls would be forgotten. Make parameters once, in __init__ or build, and "
            "only use them afterwards.",
            see,
            _modules(anew, None),  # Keras refuses it itself
            sign=MADE_ANEW,
        ),
        Mistake(
            "parameter-not-trained",
            "",
            "",
            "A gradient that is switched off does not come back by itself: leave requires_grad and trainable as they "
            "are for parameters.",
            see,
            _modules(*frozen),
            sign=NOT_TRAINED,
        ),
    )
