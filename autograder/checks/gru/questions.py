"""What is asked in `gru`, on which problems, and what is expected: from the reference networks."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from autograder.checks.drawing import cast, gaps, parameters, say, sizes
from autograder.checks.gru import answers, following
from autograder.checks.gru.flow import FLOW
from autograder.checks.gru.mistakes import MISTAKES
from autograder.checks.gru.variants import VARIANTS
from autograder.checks.question import (
    ALONE,
    Answer,
    Calling,
    Problem,
    Question,
    everywhere,
    formula,
    function,
    pull_back,
)
from autograder.recurrent import GRU
from autograder.recurrent.porting import from_keras, from_pytorch

Generator = np.random.Generator
Reset = Literal["after", "before"]
GATES = ("r", "z", "n")
_LARGE = 4e3
_TERMS = 0.25
"""A sum of terms of about this size may cancel to nearly nothing; then it is their size that sets the rounding."""


def _weights(
    rng: Generator, n: dict[str, int], reset: Reset = "after", scale: float = 0.8, dtype: str = "float64"
) -> dict[str, np.ndarray]:
    """W, U, b of all three gates, and c_n where the reset gate stands after the product."""
    values = parameters(rng, n, scale, gates=3)
    if reset == "after":
        values["c_n"] = 0.5 * scale * rng.normal(size=n["H"])
    return cast(values, dtype)


def _step_problem(
    rng: Generator, reset: Reset, remark: str = "", dtype: str = "float64", scale: float = 0.8, **fixed: int
) -> Problem:
    n = sizes(rng, **fixed)
    weights = _weights(rng, n, reset, scale, dtype)
    values = cast(
        {
            "x": rng.normal(size=(n["B"], n["D"])),
            "h_prev": rng.uniform(-0.9, 0.9, size=(n["B"], n["H"])),
            "dh": rng.normal(size=(n["B"], n["H"])),
        },
        dtype,
    )
    network = GRU(weights["W"], weights["U"], weights["b"], weights.get("c_n"), reset)
    run = network.forward(values["x"][None], (values["h_prev"],))
    found = network.backward(run, values["dh"][None])
    message = "q" if reset == "after" else "s"
    kept = {"h": run.H[0].copy()} | dict(zip(("r", "z", "n", message), run.saved.tape[0].copy(), strict=True))
    gradients = {"dx": found.dX[0], "dh_prev": found.dstate_0[0]} | _by_our_names(found.parameters)
    # A pre-activation of some thousands is off by some thousand roundings, and a gate that happens to be open shows it.
    rounding = _TERMS if scale < 10 else 10 * scale
    return Problem(
        say(n, "BDH", remark),
        values | weights | kept,
        kept | gradients,
        terms=n["B"] + n["D"] + 3 * n["H"],
        scales=dict.fromkeys(kept | gradients, rounding),
        sizes={letter: n[letter] for letter in "BDH"},
    )


def _by_our_names(gradients: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """dW, dU, db and, where there is one, dc_n."""
    return {"d" + ("c_n" if name == "c" else name): value for name, value in gradients.items()}


def _step_problems(rng: Generator, reset: Reset) -> Iterator[Problem]:
    yield _step_problem(rng, reset)
    yield _step_problem(rng, reset)
    yield _step_problem(rng, reset, "a batch of one", B=1)
    yield _step_problem(rng, reset, "float32 inputs", dtype="float32")


def _step_forward_problems(rng: Generator, reset: Reset) -> Iterator[Problem]:
    yield from _step_problems(rng, reset)
    yield _step_problem(rng, reset, "pre-activations in the thousands", scale=_LARGE)


def _sequence_problem(
    rng: Generator, remark: str = "", dtype: str = "float64", empty: bool = False, **fixed: int
) -> Problem:
    n = {letter: size for letter, size in sizes(rng, **fixed).items() if letter != "K"}
    mask = gaps(rng, n)
    if empty:
        mask[:, rng.integers(n["B"])] = 0.0
    weights = _weights(rng, n, dtype=dtype)
    values = cast(
        {
            "X": rng.normal(size=(n["T"], n["B"], n["D"])),
            "h_0": rng.uniform(-0.9, 0.9, size=(n["B"], n["H"])),
            "mask": mask,
            "G": rng.normal(size=(n["T"], n["B"], n["H"])),
        },
        dtype,
    )
    network = GRU(weights["W"], weights["U"], weights["b"], weights["c_n"])
    run = network.forward(values["X"], (values["h_0"],), values["mask"])
    found = network.backward(run, values["G"])
    kept = {"H": run.H.copy()} | dict(zip("RZNQ", run.saved.tape.swapaxes(0, 1).copy(), strict=True))
    gradients = {"dX": found.dX, "dh_0": found.dstate_0[0]} | _by_our_names(found.parameters)
    built = {"sizes_D": np.array(n["D"]), "sizes_H": np.array(n["H"])}
    terms = n["T"] * (n["B"] + n["D"] + 3 * n["H"])
    expected = {"H": kept["H"]} | gradients
    rounding = dict.fromkeys(expected, _TERMS)
    return Problem(say(n, "TBDH", remark), values | weights | kept | built, expected, terms, rounding, n)


def _sequence_problems(rng: Generator) -> Iterator[Problem]:
    yield _sequence_problem(rng, "a mask with gaps")
    yield _sequence_problem(rng, "a mask with gaps")
    yield _sequence_problem(rng, "one sequence masked throughout", empty=True)
    yield _sequence_problem(rng, "a single step", T=1)
    yield _sequence_problem(rng, "a batch of one", B=1)
    yield _sequence_problem(rng, "float32 inputs", dtype="float32")


def _derivative_problems(rng: Generator) -> Iterator[Problem]:
    for _ in range(3):
        shape = int(rng.integers(2, 6)), int(rng.integers(2, 6))
        a, n, h_prev = 1.5 * rng.normal(size=shape), rng.uniform(-0.9, 0.9, shape), rng.uniform(-0.9, 0.9, shape)
        z = 1 / (1 + np.exp(-a))
        values = {"h": (1 - z) * n + z * h_prev, "z": z, "n": n}
        slope = (h_prev - n) * z * (1 - z)
        # h and n nearly cancel here and there: their own size sets the rounding.
        yield Problem(f"h, z and n of shape {shape}", values, {"dh_da_z": slope}, terms=10, scales={"dh_da_z": 1.0})


def _weights_problem(rng: Generator, framework: str, remark: str = "", dtype: str = "float64", **fixed: int) -> Problem:
    n = sizes(rng, **fixed)
    D, H = n["D"], n["H"]
    if framework == "pytorch":
        shapes = {"weight_ih": (3 * H, D), "weight_hh": (3 * H, H), "bias_ih": (3 * H,), "bias_hh": (3 * H,)}
    else:
        shapes = {"kernel": (D, 3 * H), "recurrent_kernel": (H, 3 * H), "bias": (2, 3 * H)}
    values = cast({name: rng.normal(size=shape) for name, shape in shapes.items()}, dtype)
    if framework == "pytorch":
        cell = from_pytorch(values, "gru-after", suffix="")
    else:
        cell = from_keras(list(values.values()), "gru-after")
    expected = {"c_n" if name == "c" else name: value for name, value in cell.parameters.items()}
    return Problem(say(n, "DH", remark), values, expected, terms=2)


def _weights_problems(rng: Generator, framework: str) -> Iterator[Problem]:
    yield _weights_problem(rng, framework)
    yield _weights_problem(rng, framework)
    yield _weights_problem(rng, framework, "one hidden unit", H=1)
    yield _weights_problem(rng, framework, "float32 weights", dtype="float32")


_STEP = ("x", "h_prev", "W", "U", "b")
_SEQUENCE = ("X", "h_0", "W", "U", "b", "c_n", "mask")
_BEFORE_GRADIENTS = ("dx", "dh_prev", "dW", "dU", "db")
_AFTER_GRADIENTS = (*_BEFORE_GRADIENTS, "dc_n")
_SEQUENCE_GRADIENTS = ("dX", "dh_0", "dW", "dU", "db", "dc_n")
_GRADIENT_BLOCKS = {"dW": GATES, "dU": GATES, "db": GATES}
_WEIGHT_BLOCKS = {"W": GATES, "U": GATES, "b": GATES}


def _module(*sizes: str) -> Answer:
    outputs = ("H", "dW", "dU", "db", "dc_n")
    names = ("W", "U", "b", "c_n")
    return Answer(Calling.MODULE, ("X", "h_0", "mask"), outputs, ("G",), parameters=names, sizes=sizes)


def _by_hand(
    numpy_only: tuple[str, ...], tracked: tuple[str, ...], output: str, upstream: str, gradients: tuple
) -> dict:
    """A function in NumPy, an operation with its own backward elsewhere."""
    operation = pull_back(tracked, output, upstream, gradients)
    return {"numpy": function(numpy_only, gradients), "pytorch": operation, "tensorflow": operation}


_GATES_ADVICE = {
    "r": "r and z are the logistic function of x W + h_{t−1} U + b, each with its own block: r first, then z, then n.",
    "z": "r and z are the logistic function of x W + h_{t−1} U + b, each with its own block: r first, then z, then n.",
}
_BLEND_ADVICE = "The gates and the candidate are right: look at how they are blended, (1 − z) of the new, z of the old."
_GIVEN = "The forward pass was given; it should be unchanged."
_BACKWARD_ADVICE = {
    "h": _GIVEN,
    "H": _GIVEN,
    "db": "All gradients are built from δa of the three gates, side by side in the order r, z, n. db is their sum over "
    "the batch: which of its blocks is right?",
    "dW": "dW pairs the input with the δa of the same step and sums over the batch: (D, 3H).",
    "dx": "The input is heard by all three gates: their δa go back along their blocks of W, transposed.",
}

QUESTIONS = {
    q.name: q
    for q in (
        Question(
            "gru/step-after",
            lambda rng: _step_forward_problems(rng, "after"),
            everywhere(function((*_STEP, "c_n"), ("h", "r", "z", "n", "q"))),
            {
                **_GATES_ADVICE,
                "q": "q is what the candidate hears of the old state, before the reset gate: h_{t−1} U_n + c_n.",
                "n": "The candidate is tanh of the input's share plus the reset gate times q.",
                "h": _BLEND_ADVICE,
            },
            see="eq-gru-after-n",
            follows=following.step_after,
            reference=answers.step_after,
            mistakes=MISTAKES["step-after"],
            variants=VARIANTS["step-after"],
        ),
        Question(
            "gru/step-before",
            lambda rng: _step_forward_problems(rng, "before"),
            everywhere(function(_STEP, ("h", "r", "z", "n", "s"))),
            {
                **_GATES_ADVICE,
                "s": "s is the old state as the reset gate lets it through: r ⊙ h_{t−1}.",
                "n": "The candidate is tanh of the input's share plus s U_n.",
                "h": _BLEND_ADVICE,
            },
            see="eq-gru-before-n",
            follows=following.step_before,
            reference=answers.step_before,
            mistakes=MISTAKES["step-before"],
            variants=VARIANTS["step-before"],
        ),
        Question(
            "gru/sequence-forward",
            _sequence_problems,
            {
                "numpy": function(_SEQUENCE, ("H",)),
                "pytorch": _module("sizes_D", "sizes_H"),
                "tensorflow": _module("sizes_H"),
            },
            {
                "H": "Each step is that of step_after, from the state the step before left behind, the first from "
                "h_0. Where the mask is 0, a sequence keeps its state and the others move on.",
                "": "The states are right, so look for what cuts a parameter off from the result.",
            },
            see="eq-gru-mask",
            reference=answers.sequence_forward,
            mistakes=MISTAKES["sequence-forward"],
            variants=VARIANTS["sequence-forward"],
            flow=FLOW,
            in_time=frozenset({"H"}),
            blocks=_GRADIENT_BLOCKS,
        ),
        Question(
            "gru/update-gate-derivative",
            _derivative_problems,
            everywhere(formula(("h", "z", "n"), "dh_da_z")),
            {
                "dh_da_z": "Differentiate h = (1 − z) n + z h_{t−1} by z, multiply by the slope of the logistic "
                "function, then eliminate h_{t−1}: what is z (h_{t−1} − n) in terms of h and n?"
            },
            see="eq-gru-da",
            reference=answers.update_gate_derivative,
            mistakes=MISTAKES["update-gate-derivative"],
            variants=VARIANTS["update-gate-derivative"],
        ),
        Question(
            "gru/step-after-backward",
            lambda rng: _step_problems(rng, "after"),
            _by_hand(("dh", "x", "h_prev", "r", "z", "n", "q", "W", "U"), (*_STEP, "c_n"), "h", "dh", _AFTER_GRADIENTS),
            _BACKWARD_ADVICE
            | {
                "dh_prev": "Four roads lead back to h_{t−1}: the blend, the message q, and the two gates. Is each "
                "there, with its own block of U, transposed?",
                "dU": "U_r and U_z stand in the pre-activations; U_n stands in q. Each block of dU is h_{t−1}ᵀ times "
                "the gradient of what its block made.",
                "dc_n": "c_n stands in q, inside the reset gate: its gradient is δq, summed over the batch.",
            },
            see="eq-gru-after-dh",
            follows=following.step_after_backward,
            alone=ALONE,
            reference=answers.step_after_backward,
            mistakes=MISTAKES["step-after-backward"],
            variants=VARIANTS["step-after-backward"],
            blocks=_GRADIENT_BLOCKS,
        ),
        Question(
            "gru/step-before-backward",
            lambda rng: _step_problems(rng, "before"),
            _by_hand(("dh", "x", "h_prev", "r", "z", "n", "s", "W", "U"), _STEP, "h", "dh", _BEFORE_GRADIENTS),
            _BACKWARD_ADVICE
            | {
                "dh_prev": "Four roads lead back to h_{t−1}: the blend, s with weight r, and the two gates. Is each "
                "there?",
                "dU": "Each block of dU is what that block multiplied, transposed, times the gradient of the product: "
                "h_{t−1} for r and z, s for n.",
            },
            see="eq-gru-before-dh",
            follows=following.step_before_backward,
            alone=ALONE,
            reference=answers.step_before_backward,
            mistakes=MISTAKES["step-before-backward"],
            variants=VARIANTS["step-before-backward"],
            blocks=_GRADIENT_BLOCKS,
        ),
        Question(
            "gru/sequence-backward",
            _sequence_problems,
            _by_hand(
                ("G", "X", "H", "R", "Z", "N", "Q", "h_0", "W", "U", "mask"), _SEQUENCE, "H", "G", _SEQUENCE_GRADIENTS
            ),
            {
                "H": _GIVEN,
                "dX": "A state reaches the loss along two paths: directly, G_t, and through the next step. At a masked "
                "step the gradient passes to h_{t−1} untouched. If both are there, look at the four roads of one step.",
                "dh_0": "dh_0 is what flows out of the first step: its four roads where it counts, and untouched where "
                "it is masked.",
                "db": _BACKWARD_ADVICE["db"],
                "dW": "dW pairs each step's input with the δa of that step, and adds up over batch and time.",
                "dU": "U_n stands in q: its block of dU takes δq, the others δa. The state beside it is the one that "
                "went into the step.",
                "dc_n": "c_n stands in q, inside the reset gate: its gradient is δq, summed over batch and time.",
            },
            see="eq-gru-after-dh",
            alone=ALONE,
            reference=answers.sequence_backward,
            mistakes=MISTAKES["sequence-backward"],
            variants=VARIANTS["sequence-backward"],
            in_time=frozenset({"H", "dX"}),
            blocks=_GRADIENT_BLOCKS,
        ),
        Question(
            "gru/from-pytorch",
            lambda rng: _weights_problems(rng, "pytorch"),
            everywhere(function(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), ("W", "U", "b", "c_n"))),
            {
                "W": "PyTorch multiplies columns, W_ih xᵀ, where we multiply rows, x W: transpose. Its gates are in "
                "our order.",
                "U": "PyTorch multiplies columns, W_hh hᵀ, where we multiply rows, h U: transpose. Its gates are in "
                "our order.",
                "b": "Write down the pre-activation of each gate with PyTorch's two biases. Where is their sum all "
                "that counts, and where does the reset gate stand between them?",
                "c_n": "c_n is the bias that the reset gate multiplies. Which block of which of PyTorch's biases is "
                "that?",
            },
            see="eq-port-n",
            reference=answers.from_pytorch,
            mistakes=MISTAKES["from-pytorch"],
            variants=VARIANTS["from-pytorch"],
            free=frozenset({"W", "U"}),  # transposed, or they do not have the shape that the task gives them
            blocks=_WEIGHT_BLOCKS,
        ),
        Question(
            "gru/from-keras",
            lambda rng: _weights_problems(rng, "keras"),
            everywhere(function(("kernel", "recurrent_kernel", "bias"), ("W", "U", "b", "c_n"))),
            {
                "W": "Keras multiplies rows as we do, so nothing is transposed; but its blocks stand in the order z, "
                "r, n, ours in the order r, z, n.",
                "U": "Keras multiplies rows as we do, so nothing is transposed; but its blocks stand in the order z, "
                "r, n, ours in the order r, z, n.",
                "b": "Row 0 of Keras's bias stands beside the input's product, row 1 beside the state's. In which "
                "blocks do they add up, and in which does the reset gate stand between them?",
                "c_n": "c_n is the bias that the reset gate multiplies. Which block of which row is that?",
            },
            see="eq-port-n",
            reference=answers.from_keras,
            mistakes=MISTAKES["from-keras"],
            variants=VARIANTS["from-keras"],
            blocks=_WEIGHT_BLOCKS,
        ),
    )
}
