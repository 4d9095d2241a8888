"""What is asked in `bptt`, how each framework's answer is called, and what to look at when an output is wrong."""

from autograder.checks.bptt import answers, problems
from autograder.checks.bptt.flow import FLOW
from autograder.checks.bptt.mistakes import MISTAKES
from autograder.checks.bptt.variants import VARIANTS
from autograder.checks.question import Answer, Calling, Question, everywhere, function

_GRADIENTS = ("dW", "dU", "db")


def _module(*sizes: str) -> Answer:
    outputs = ("H", *_GRADIENTS)
    parameters = ("W", "U", "b")
    return Answer(Calling.MODULE, ("X", "h_0"), outputs, ("G",), parameters=parameters, sizes=sizes)


QUESTIONS = {
    q.name: q
    for q in (
        Question(
            "bptt/recursion",
            problems.walk_problems,
            everywhere(function(("G", "H", "U"), ("dH", "dA"))),
            {
                "dH": "A state reaches the loss along two paths, directly, G_t, and through the next step, "
                "δa_{t+1} Uᵀ. After the last step there is no next one.",
                "dA": "δH is right, so look at the step from δh_t to δa_t: the slope of tanh at h_t.",
            },
            see="eq-bptt-dh",
            reference=answers.recursion,
            mistakes=MISTAKES["recursion"],
            variants=VARIANTS["recursion"],
            in_time=frozenset({"dH", "dA"}),
        ),
        Question(
            "bptt/parameter-gradients",
            problems.walk_problems,
            everywhere(function(("dA", "X", "H", "h_0"), _GRADIENTS)),
            {
                "dW": "Each input meets the δa of its own step and its own sequence: both must be laid out in the same "
                "order before they are multiplied.",
                "dU": "δa_t is paired with the state *before* step t: h_0 first, and the last state not at all.",
                "db": "The bias is used at every step of every sequence: sum over both.",
            },
            see="eq-bptt-tall",
            reference=answers.parameter_gradients,
            mistakes=MISTAKES["parameter-gradients"],
            variants=VARIANTS["parameter-gradients"],
            free=frozenset({"db"}),  # a sum over what is given
        ),
        Question(
            "bptt/leaky-jacobian",
            problems.leaky_problems,
            everywhere(function(("n", "U", "alpha"), ("J",))),
            {
                "J": "Push h_{t−1,i} and ask what h_{t,j} does: one share arrives directly, only where i = j; the "
                "other goes through U_ij and the slope of unit j. Row i is what is pushed, column j what moves."
            },
            see="eq-vanish-leaky",
            reference=answers.leaky_jacobian,
            mistakes=MISTAKES["leaky-jacobian"],
            variants=VARIANTS["leaky-jacobian"],
        ),
        Question(
            "bptt/norms-by-lag",
            problems.lag_problems,
            everywhere(function(("g", "H", "U"), ("norms",))),
            {
                "norms": "Row ℓ is the length of the gradient after ℓ steps back; row 0 is that of g itself. One step "
                "back multiplies by the slope of the step, then by Uᵀ."
            },
            see="eq-vanish-path",
            reference=answers.norms_by_lag,
            mistakes=MISTAKES["norms-by-lag"],
            variants=VARIANTS["norms-by-lag"],
        ),
        Question(
            "bptt/by-chunks",
            problems.chunk_problems,
            {
                "numpy": function(("X", "h_0", "W", "U", "b", "G", "k"), ("H", *_GRADIENTS)),
                "pytorch": _module("sizes_D", "sizes_H", "k"),
                "tensorflow": _module("sizes_H", "k"),
            },
            {
                "H": "Truncation changes no state: each chunk starts from the state in which the one before ended, the "
                "first one from h_0.",
                "": "The states are right, so look at where the gradient stops: at the first step of each chunk, "
                "before steps 0, k, 2k, … counted from 0, and nowhere else.",
            },
            see="sec-bptt-detach",
            reference=answers.by_chunks,
            mistakes=MISTAKES["by-chunks"],
            variants=VARIANTS["by-chunks"],
            flow=FLOW,
            free=frozenset({"H"}),  # truncation changes no state
            in_time=frozenset({"H"}),
        ),
        Question(
            "bptt/truncated",
            problems.truncated_problems,
            everywhere(function(("G", "X", "H", "h_0", "W", "U", "k1", "k2"), _GRADIENTS)),
            {
                "db": "For each block of k1 steps there is one walk. It starts at the end of the block with δh = 0, "
                "takes G_t at the block's own steps only, and ends k2 steps before the block's end.",
                "dW": "db is right, so every δa_t is. dW pairs it with the input of the same step.",
                "dU": "db is right, so every δa_t is. dU pairs it with the state before the same step, also at the "
                "first step of a window.",
            },
            see="eq-bptt-truncated",
            reference=answers.truncated_backward,
            mistakes=MISTAKES["truncated"],
            variants=VARIANTS["truncated"],
        ),
        Question(
            "bptt/clip-by-global-norm",
            problems.clip_problems,
            everywhere(function(("dW", "dU", "db", "max_norm"), (*_GRADIENTS, "norm"))),
            {
                "norm": "The norm is the root of the sum of *all* squares, over the three arrays together, and before "
                "anything is scaled.",
                "": "The norm is right. All three arrays are multiplied by one number: limit / norm where the norm is "
                "above the limit, 1 where it is not.",
            },
            see="eq-vanish-clip",
            reference=answers.clip_by_global_norm,
            mistakes=MISTAKES["clip-by-global-norm"],
            variants=VARIANTS["clip-by-global-norm"],
        ),
        Question(
            "bptt/influence-step",
            problems.influence_problems,
            everywhere(function(("x", "h_prev", "P", "W", "U", "b"), ("h", "P_next"))),
            {
                "h": "The state is that of any step: tanh(x W + h_{t−1} U + b).",
                "P_next": "Two terms, and the slope of tanh on both: the parameter's own use in this step, which moves "
                "only the unit it belongs to, and all earlier uses, carried on by U.",
            },
            see="eq-bptt-rtrl",
            reference=answers.influence_step,
            mistakes=MISTAKES["influence-step"],
            variants=VARIANTS["influence-step"],
            free=frozenset({"h"}),  # the step of the assignment before
        ),
        Question(
            "bptt/rtrl",
            problems.forward_problems,
            everywhere(function(("X", "G", "h_0", "W", "U", "b"), _GRADIENTS)),
            {
                "": "At each step: first state and influence, both from the step before, then add what this step's "
                "loss feels, the sum over sequences and units of the influence times G_t. Is influence_step right?"
            },
            see="eq-bptt-rtrl-gradient",
            reference=answers.rtrl,
            mistakes=MISTAKES["rtrl"],
            variants=VARIANTS["rtrl"],
        ),
    )
}
