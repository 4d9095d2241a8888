"""What is asked in `language-model`, how answers are called, and what to look at when an output is wrong."""

from autograder.checks.language_model import answers, judging, problems
from autograder.checks.language_model.mistakes import MISTAKES
from autograder.checks.language_model.variants import VARIANTS
from autograder.checks.question import Question, everywhere, function
from autograder.checks.training import Training

_PARAMETERS, _GRADIENTS = problems.PARAMETERS, problems.GRADIENTS

QUESTIONS: dict[str, Question | Training] = {
    q.name: q
    for q in (
        Question(
            "language-model/windows",
            problems.window_problems,
            everywhere(function(("ids", "B", "T"), ("inputs", "targets"))),
            {
                "inputs": "Stream b holds the ids from b·L on, L = (N − 1) // B. Window i, step t, stream b is the id "
                "at b·L + i·T + t, in an array of shape (windows, T, B).",
                "targets": "The inputs are right. The target of each is the id that stands one further in the *text*, "
                "also at the end of a window and of a stream.",
            },
            see="sec-seq-layout",
            reference=answers.windows,
            mistakes=MISTAKES["windows"],
            variants=VARIANTS["windows"],
        ),
        Question(
            "language-model/embedding-backward",
            problems.embedding_problems,
            everywhere(function(("dX", "ids", "E"), ("dE",))),
            {"dE": "Row k of dE is the sum of dX[t, b] over all places (t, b) at which the id k stands."},
            see="eq-bptt-dW",
            reference=answers.embedding_backward,
            mistakes=MISTAKES["embedding-backward"],
            variants=VARIANTS["embedding-backward"],
        ),
        Question(
            "language-model/language-loss",
            problems.loss_problems,
            everywhere(function(("Y", "targets"), ("nats", "bits", "perplexity", "dY"))),
            {
                "nats": "Subtract the largest logit, then log-sum-exp; pick the target's log p at each place and "
                "average its negative over all T·B places.",
                "bits": "The nats are right. One bit is log 2 nats: does it take more bits than nats, or fewer? Divide "
                "by math.log(2), a plain number: np.log(2) makes float64 of float32.",
                "perplexity": "The nats are right. The perplexity is the exponential of the mean loss in nats.",
                "dY": "The loss is right. Its gradient is p − one-hot(target), divided by what the loss is divided by.",
            },
            see="eq-rnn-dy-mean",
            reference=answers.language_loss,
            mistakes=MISTAKES["language-loss"],
            variants=VARIANTS["language-loss"],
            in_time=frozenset({"dY"}),
        ),
        Question(
            "language-model/gradients",
            problems.gradient_problems,
            everywhere(
                function(("inputs", "targets", "h_0", *_PARAMETERS), ("nats", *_GRADIENTS, "h")),
            ),
            {
                "h": "The state after the last step, starting from h_0. Look at the loop over time.",
                "nats": "The last state is right. Look at the logits, h_t V + b_y, and at language_loss.",
                "db_y": "The loss is right. dY comes from language_loss; db_y is its sum over steps and sequences.",
                "dV": "dY is right. dV pairs each δy_t with the state h_t that made it.",
                "db": "dY is right, so look at the walk back: δh_t = δy_t Vᵀ + δa_{t+1} Uᵀ, δa_t = δh_t ⊙ (1 − h_t²).",
                "dW": "Every δa_t is right. dW pairs it with x_t, the row of E that was looked up.",
                "dU": "Every δa_t is right. dU pairs it with the state before the step, h_0 first.",
                "dE": "Every δa_t is right. δx_t = δa_t Wᵀ, and embedding_backward adds it to the row of its id.",
            },
            see="eq-bptt-dh",
            reference=answers.gradients,
            mistakes=MISTAKES["gradients"],
            variants=VARIANTS["gradients"],
            free=frozenset({"h"}),  # the forward pass, of an assignment before
        ),
        Question(
            "language-model/train-windows",
            problems.training_problems,
            everywhere(
                function(
                    ("inputs", "targets", "h", *_PARAMETERS, "rate", "max_norm"),
                    (*_PARAMETERS, "h", "losses"),
                )
            ),
            {
                "losses": "Each window starts from the state in which the one before ended, with the parameters that "
                "the one before left. Its loss is measured before its own update.",
                "": "The losses are right, so look at the last update: clip all six gradients together, then subtract "
                "rate times what is left.",
            },
            see="sec-bptt-detach",
            reference=answers.train_windows,
            mistakes=MISTAKES["train-windows"],
            variants=VARIANTS["train-windows"],
        ),
        Training(
            "language-model/train",
            judging.trials,
            judging.THRESHOLD,
            higher=False,
            unit="bits a character",
            needed=2,
            seconds=30.0,
            evidence="benchmarks/results/training.md",
            advice="Print the losses: they should fall from about 3.2 bits. If not, is the rate far too small or too "
            "large? If they do and this number does not, are the targets the next characters? Else go through the text "
            "again, at a smaller rate in the end.",
            see="sec-bptt-truncated",
        ),
        Question(
            "language-model/entropy-slope",
            problems.slope_problems,
            everywhere(function(("Y", "tau"), ("slope",))),
            {
                "slope": "Write the entropy as log Z − mean of y / τ, with Z the sum of the exponentials, and "
                "differentiate. What is left is a variance under p at this temperature, over a power of τ."
            },
            see="eq-rnn-softmax-jacobian",
            reference=answers.entropy_slope,
            mistakes=MISTAKES["entropy-slope"],
            variants=VARIANTS["entropy-slope"],
        ),
        Question(
            "language-model/sample",
            problems.sample_problems,
            everywhere(function(("Y", "tau", "u"), ("ids",))),
            {
                "ids": "Lay the probabilities of softmax(Y / τ) end to end, character 0 first, and see on which of "
                "them u falls. At τ = 0 the largest logit wins."
            },
            see="eq-rnn-p",
            reference=answers.sample,
            mistakes=MISTAKES["sample"],
            variants=VARIANTS["sample"],
        ),
    )
}
