"""What tasks rule out, as patterns of dotted names, and what is asked instead.

A rule holds for the question that it is asked in: automatic differentiation is refused where a gradient is to be
written by hand, and is the very thing to use in training. Everything that recurrent layers are called, in any version
of a framework, is caught by the words in the name, so that a module nobody thought of is caught as well.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from autograder.checks.drivers.rules import own_clipping, own_derivative, own_recurrence
from autograder.checks.question import Calling, Question
from autograder.checks.training import Training

FRAMEWORKS = frozenset({"torch", "tensorflow", "keras", "tf_keras", "jax", "flax", "haiku", "functorch", "autograd"})
_WAYS_ROUND = frozenset({"importlib", "builtins", "operator", "sys", "gc", "inspect", "ctypes", "os", "subprocess"})
FOREIGN = FRAMEWORKS | _WAYS_ROUND | {"autograder", "onnxruntime", "optax", "runpy", "types", "multiprocessing"}
"""Packages whose objects are worth a name: what a task may rule out, and ways round a name."""


@dataclass(frozen=True)
class Rule:
    """One thing that a task rules out. `used` says of a dotted name how it is told to the learner, or "" where it is
    allowed; `expected` and `instead` say what is asked."""

    used: Callable[[str], str]
    expected: Callable[[str], str]
    instead: str


_RECURRENT = re.compile(r"(?:^|_|[a-z0-9])(?:LSTM|GRU|RNN)|(?:^|_)(?:lstm|gru|rnn)(?:_|\d|$)")
_MAKERS = {"torch": "PyTorch's", "functorch": "PyTorch's", "keras": "Keras's", "tf_keras": "Keras's"}


_HELPERS = ("torch.nn.utils.", "torch.nn.init.", "torch.nn.modules.rnn")
"""Packing, padding and the like; and the module of the layers, which is no layer."""


def _layer(dotted: str) -> str:
    parts = dotted.split(".")
    root, last = parts[0], parts[-1]
    helper = dotted.startswith(_HELPERS) and not dotted.startswith("torch.nn.modules.rnn.")
    if root not in FRAMEWORKS or helper:
        return ""
    if not _RECURRENT.search(last):
        return ""
    maker = "Keras's" if ".keras." in dotted else _MAKERS.get(root, f"{root}'s")
    return f"{maker} {last}"


_DERIVATIVE = re.compile(
    r"^torch\.autograd(?:\.\w+)*\.(?:grad|backward|jacobian|hessian|vjp|jvp|hvp|vhp|make_dual|dual_level)$"
    r"|^(?:torch\.(?:func|_functorch)|functorch)(?:\.\w+)*"
    r"\.(?:grad|grad_and_value|vjp|jvp|jacrev|jacfwd|hessian|linearize)(?:_impl)?$"
    r"|^torch(?:\._tensor)?\.Tensor\.backward$"
    r"|^(?:tensorflow|tf_keras|keras)(?:\.\w+)*\.(?:GradientTape|ForwardAccumulator|gradients|gradients_v2)$"
    r"|^jax(?:\.\w+)*\.(?:grad|value_and_grad|vjp|jvp|jacfwd|jacrev|jacobian|hessian|linearize)$"
    r"|^autograd(?:\.\w+)*\.(?:grad|elementwise_grad|value_and_grad|jacobian|hessian|make_vjp|make_jvp)$"
)


def _derivative(dotted: str) -> str:
    if not _DERIVATIVE.search(dotted):
        return ""
    last = dotted.split(".")[-1]
    if last in ("GradientTape", "ForwardAccumulator"):
        return f"a tf.{last}"
    return "Tensor.backward" if dotted.endswith("Tensor.backward") else dotted


_CLIPPING = re.compile(
    r"^(?:torch|tensorflow|keras|optax)(?:\.\w+)*\.(?:clip_grads?_\w+|clip_by_global_norm|clip_by_global_norm_\w+)$"
)


def _clipping(dotted: str) -> str:
    return dotted if _CLIPPING.search(dotted) else ""


_OURS = re.compile(r"^autograder\.(?:recurrent|checks|equations|grading|boundary)(?:\.|$)")


def _reference(dotted: str) -> str:
    return dotted if _OURS.search(dotted) and not dotted.endswith(".check") else ""


OWN_RECURRENCE = Rule(
    _layer,
    own_recurrence,
    "Write the steps yourself: products with the weights, tanh or the logistic function, and a loop over time.",
)
OWN_DERIVATIVE = Rule(
    _derivative, own_derivative, "Derive the gradient on paper and write it down, one line for each product and slope."
)
OWN_CLIPPING = Rule(_clipping, own_clipping, "Find the norm and the factor yourself.")
OWN_CODE = Rule(
    _reference,
    lambda used: f"your own code; this one calls {used}, with which it is to be compared",
    "Write it with arrays and the framework's plain operations.",
)


def rules_of(question: Question | Training, framework: str) -> tuple[Rule, ...]:
    """What a question's task rules out in a framework."""
    if isinstance(question, Training):
        return (OWN_RECURRENCE, OWN_CODE) if question.own_layers else ()
    if question.answers[framework].calling is Calling.MODULE:
        return OWN_RECURRENCE, OWN_CODE
    return OWN_RECURRENCE, OWN_DERIVATIVE, OWN_CLIPPING, OWN_CODE
