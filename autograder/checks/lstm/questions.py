"""What is asked in `lstm`, and how each framework's answer is called."""

from autograder.checks.lstm import answers, following, problems
from autograder.checks.lstm.flow import FLOW
from autograder.checks.lstm.mistakes import MISTAKES
from autograder.checks.lstm.variants import VARIANTS
from autograder.checks.question import ALONE, Answer, Calling, Question, everywhere, formula, function, pull_back

GATES = ("i", "f", "g", "o")
_BY_GATE = dict.fromkeys(("dW", "dU", "db"), GATES)

_STEP = ("x", "h_prev", "c_prev", "W", "U", "b")
_STEP_GRADIENTS = ("dx", "dh_prev", "dc_prev", "dW", "dU", "db")
_STEP_PULL_BACK = pull_back(_STEP, ("h", "c"), ("dh", "dc_later"), _STEP_GRADIENTS)
_SEQUENCE = ("X", "h_0", "c_0", "W", "U", "b", "mask")
_SEQUENCE_GRADIENTS = ("dX", "dh_0", "dc_0", "dW", "dU", "db")
_SEQUENCE_PULL_BACK = pull_back(_SEQUENCE, ("H", "c_T"), ("G", "dc_T"), _SEQUENCE_GRADIENTS)
_PEEPHOLE_GRADIENTS = ("da", "dc_prev", "dp")
_PEEPHOLE_PULL_BACK = pull_back(("a", "c_prev", "p"), ("h", "c"), ("dh", "dc_later"), _PEEPHOLE_GRADIENTS)


def _module(*sizes: str) -> Answer:
    outputs = ("H", "C", "dW", "dU", "db")
    return Answer(
        Calling.MODULE, ("X", "h_0", "c_0", "mask"), outputs, ("G", "G_c"), parameters=("W", "U", "b"), sizes=sizes
    )


_GIVEN = "The forward pass was given; it should be unchanged."
_PARAMETERS = {
    "db": "All other gradients are built from δa, the four blocks side by side. Is each gate's gradient multiplied by "
    "the slope of what squashed it, and δa summed over the batch for db?",
    "dW": "dW pairs each input with the δa of the same step and sums over the batch: an outer product, (D, 4H).",
    "dU": "dU pairs δa with the state that went *into* the step, h_{t−1}, not with the one that came out.",
}

QUESTIONS = {
    q.name: q
    for q in (
        Question(
            "lstm/step-forward",
            problems.step_forward_problems,
            everywhere(function(_STEP, ("h", "c"))),
            {
                "c": "The new cell is what the forget gate keeps of the old one, plus what the input gate admits of "
                "the candidate. Are the blocks taken in the order i, f, g, o, and which of them are squashed by σ?",
                "h": "The cell is right; the output is the output gate times tanh of the *new* cell.",
            },
            see="eq-lstm-gates",
            follows=following.step_forward,
            reference=answers.step_forward,
            mistakes=MISTAKES["step-forward"],
            variants=VARIANTS["step-forward"],
        ),
        Question(
            "lstm/sequence-forward",
            problems.sequence_problems,
            {
                "numpy": function(_SEQUENCE, ("H", "C")),
                "pytorch": _module("sizes_D", "sizes_H"),
                "tensorflow": _module("sizes_H"),
            },
            {
                "C": "Each step starts from both states that the step before left behind, the first one from h_0 and "
                "c_0. Where the mask is 0 a sequence keeps its cell as well as its output.",
                "H": "Is h made from the new cell, by tanh and the output gate, and carried over where the mask is 0?",
                "": "The states are right, so look for what cuts a parameter off from the result.",
            },
            see="eq-lstm-mask",
            follows=following.sequence_forward,
            reference=answers.sequence_forward,
            mistakes=MISTAKES["sequence-forward"],
            variants=VARIANTS["sequence-forward"],
            flow=FLOW,
            in_time=frozenset({"H", "C"}),
            blocks=_BY_GATE,
        ),
        Question(
            "lstm/forget-bias",
            problems.half_life_problems,
            everywhere(function(("n",), ("b",))),
            {
                "b": "Solve σ(b_f)ⁿ = ½ for b_f, unit by unit, and put it where the forget gate's block is: the "
                "second of four, with zeros in the others."
            },
            see="eq-lstm-bias",
            reference=answers.forget_bias,
            mistakes=MISTAKES["forget-bias"],
            variants=VARIANTS["forget-bias"],
            blocks={"b": GATES},
        ),
        Question(
            "lstm/cell-derivatives",
            problems.cell_derivatives_problems,
            everywhere(formula(("c_prev", "gates"), "dc_da", gates=GATES)),
            {
                "dc_da": "Differentiate c = f ⊙ c_{t−1} + i ⊙ g for each gate in turn, then multiply by the slope of "
                "what squashed that gate. One of the four gates does not stand in c at all."
            },
            see="eq-lstm-dsigma",
            reference=answers.cell_derivatives,
            mistakes=MISTAKES["cell-derivatives"],
            variants=VARIANTS["cell-derivatives"],
            blocks={"dc_da": GATES},
        ),
        Question(
            "lstm/step-backward",
            problems.step_problems,
            {
                "numpy": function(("dh", "dc_later", "x", "h_prev", "c_prev", "gates", "c", "W", "U"), _STEP_GRADIENTS),
                "pytorch": _STEP_PULL_BACK,
                "tensorflow": _STEP_PULL_BACK,
            },
            {
                "h": _GIVEN,
                "c": _GIVEN,
                "dc_prev": "δc is the sum over the two roads out of c_t: what comes from later cells, and what comes "
                "through h_t. Between δc and δc_{t−1} stands the forget gate alone.",
            }
            | _PARAMETERS
            | {
                "dx": "δa goes back to x along W, to h_prev along U: each matrix transposed.",
                "dh_prev": "δa goes back to x along W, to h_prev along U: each matrix transposed.",
            },
            see="eq-lstm-dc",
            follows=following.step_backward,
            alone=ALONE,
            reference=answers.step_backward,
            mistakes=MISTAKES["step-backward"],
            variants=VARIANTS["step-backward"],
            blocks=_BY_GATE,
        ),
        Question(
            "lstm/sequence-backward",
            problems.sequence_backward_problems,
            {
                "numpy": function(
                    ("G", "dc_T", "X", "H", "C", "gates", "h_0", "c_0", "W", "U", "mask"), _SEQUENCE_GRADIENTS
                ),
                "pytorch": _SEQUENCE_PULL_BACK,
                "tensorflow": _SEQUENCE_PULL_BACK,
            },
            {
                "H": _GIVEN,
                "c_T": _GIVEN,
                "dX": "Two gradients walk back together, δh and δc. At a step that counts they go through it; at a "
                "masked step both pass to t − 1 untouched. Is the step's own gradient right in the question before?",
                "dc_0": "δc_0 is what flows out of the first step along the cell: times f where it counts, untouched "
                "where it is masked.",
                "dh_0": "dh_0 is what flows out of the first step: δa Uᵀ where it counts, untouched where it is "
                "masked.",
            }
            | _PARAMETERS,
            see="eq-lstm-mask-state",
            alone=ALONE,
            reference=answers.sequence_backward,
            mistakes=MISTAKES["sequence-backward"],
            variants=VARIANTS["sequence-backward"],
            in_time=frozenset({"H", "dX"}),
            blocks=_BY_GATE,
        ),
        Question(
            "lstm/peephole-step",
            problems.peephole_step_problems,
            everywhere(function((*_STEP, "p"), ("h", "c"))),
            {
                "c": "Input and forget gate see c_{t−1}, each unit its own cell, times its own weight, before σ.",
                "h": "The cell is right. The output gate comes last, so it sees the new cell, c_t.",
            },
            see="eq-lstm-peep",
            follows=following.peephole_step,
            reference=answers.peephole_step,
            mistakes=MISTAKES["peephole-step"],
            variants=VARIANTS["peephole-step"],
        ),
        Question(
            "lstm/peephole-backward",
            problems.peephole_backward_problems,
            {
                "numpy": function(("dh", "dc_later", "c_prev", "gates", "c", "p"), _PEEPHOLE_GRADIENTS),
                "pytorch": _PEEPHOLE_PULL_BACK,
                "tensorflow": _PEEPHOLE_PULL_BACK,
            },
            {
                "h": _GIVEN,
                "c": _GIVEN,
                "da": "Begin with δa_o, which depends on δh alone. Then δc, which hears from h_t, from later steps "
                "and now from a_o as well; then the other three blocks.",
                "dc_prev": "c_{t−1} is seen by the new cell and by two gates: three roads back.",
                "dp": "Each peephole weight pairs the δa of its gate with the cell which that gate saw, summed over "
                "the batch.",
            },
            see="eq-lstm-peep-dc",
            follows=following.peephole_backward,
            reference=answers.peephole_backward,
            mistakes=MISTAKES["peephole-backward"],
            variants=VARIANTS["peephole-backward"],
            blocks={"da": GATES},
        ),
    )
}
