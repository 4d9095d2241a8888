"""Questions that are judged by what training reaches: several seeds, a budget, and a threshold that right answers pass.

No exact answer exists here, so nothing is compared. The answer is run a few times, from different seeds; each run is
scored by the teacher's side on data the answer has not seen, and enough of them must pass a threshold. The threshold is
placed where right answers fail in fewer than one check of a hundred; `evidence` names the file with the measurements.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks import drivers
from autograder.checks.calling import Printed
from autograder.checks.drawing import generator
from autograder.checks.elsewhere import at_work
from autograder.checks.failures import CheckFailure
from autograder.checks.observing import agree_on_arguments, explain_error
from autograder.running import TimeIsUp

# Seconds by the clock for each of processor time, for code that sleeps, or a machine that does other work as well.
WAITING = 3


class Malformed(ValueError):
    """What an answer returned cannot be scored; the message says what it should be, and what it is."""


@dataclass(frozen=True)
class Trial:
    """One run: what is drawn, by the names of the task, and how what comes back is scored.

    `arguments` are arrays (tensors in the frameworks), numbers, texts and lists of texts. `score` gets what was
    returned, tensors turned to arrays, and gives a number, or raises Malformed.
    """

    given: str
    arguments: Mapping[str, object]
    score: Callable[[object], float]


@dataclass(frozen=True)
class Training:
    """What is asked.

    trials: the runs of one check, drawn afresh. threshold: at most this, or at least this if `higher` is better, in
    `unit`. needed: how many runs must reach it. seconds: of processor time, what one run may take: so a busy machine
    costs nobody a point. own_layers: whether the framework's recurrent layers are refused. evidence: the file with the
    scores of right answers behind the threshold.
    """

    name: str
    trials: Callable[[np.random.Generator], Iterator[Trial]]
    threshold: float
    higher: bool
    unit: str
    needed: int
    seconds: float
    evidence: str
    advice: str
    see: str = ""
    frameworks: tuple[str, ...] = ("numpy", "pytorch", "tensorflow")
    own_layers: bool = False

    reference = None  # nothing is compared, so there is nothing to edit
    mistakes = ()
    all_mistakes = ()
    variants = ()

    @property
    def answers(self) -> Mapping[str, None]:
        """The frameworks it is asked in."""
        return dict.fromkeys(self.frameworks)

    def reached(self, score: float) -> bool:
        """Whether one run is good enough; NaN is not."""
        return score >= self.threshold if self.higher else score <= self.threshold

    def asked(self) -> str:
        """ "at most 2.1 bits a character"."""
        return f"at {'least' if self.higher else 'most'} {self.threshold:g} {self.unit}"


def judge_training(
    question: Training, answer: Callable[..., Any], driver: drivers.Driver, seed: int | None, ours: str
) -> str:
    """Run the answer until the verdict is certain; one line for a pass. Raises CheckFailure."""
    printed = Printed()
    scores: list[float] = []
    try:
        trials = list(question.trials(generator(question.name, seed)))
        for trial in trials:
            agree_on_arguments(question.name, answer, list(trial.arguments))
            scores.append(_run(question, trial, answer, driver, printed, ours))
            passed = sum(map(question.reached, scores))
            if passed >= question.needed or passed + len(trials) - len(scores) < question.needed:
                break
    finally:
        if printed.text():
            print(printed.text())
    told = ", ".join(f"{score:.3g}" for score in scores)
    if sum(map(question.reached, scores)) < question.needed:
        raise CheckFailure(
            question.name,
            f"training reached {told} {question.unit} in {len(scores)} run{'s' * (len(scores) > 1)}; "
            f"asked is {question.asked()} in {question.needed} of {len(trials)}",
            problem=trials[0].given,
            advice=question.advice,
            see=question.see,
        )
    asked = f"{question.asked()} in {question.needed} of {len(trials)} runs"
    return f"✓ {question.name}: {told} {question.unit}; asked is {asked}"


def _run(
    question: Training,
    trial: Trial,
    answer: Callable[..., Any],
    driver: drivers.Driver,
    printed: Printed,
    ours: str,
) -> float:
    def late(where: str) -> tuple[str, str]:
        advice = "Fewer updates, larger batches, or products outside the loop over time?"
        return (
            f"did not finish within its {question.seconds:g} seconds of processor time",
            f"It was at {where}. {advice}" if where else advice,
        )

    arguments = [a.copy() if isinstance(a, np.ndarray) else a for a in trial.arguments.values()]
    try:
        with at_work(driver, printed, WAITING * question.seconds, processor=question.seconds):
            returned = driver.train(answer, arguments, own_layers=question.own_layers)
    except CheckFailure:
        raise
    except (Exception, TimeIsUp, SystemExit) as error:
        explain_error(error, answer, question=question.name, given=trial.given, see=question.see, ours=ours, late=late)
    try:
        return float(trial.score(returned))
    except Malformed as error:
        raise CheckFailure(question.name, str(error), problem=trial.given, see=question.see) from None
