"""What a failed check tells the learner."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The judgement of one output: its name, whether it is right, and, if not, how it is wrong."""

    output: str
    right: bool
    finding: str = ""


class CheckFailure(AssertionError):
    """An answer that is not right yet, told so that its author can act on it.

    `question` is the check's name, `headline` one sentence, `verdicts` one for each output (empty when the
    answer could not be judged at all), `problem` the sizes at which it went wrong, `advice` what to look at,
    `see` where the book explains it, in words, and `mistakes` the names of the known mistakes it was found to
    be. The text never contains an expected value.
    """

    def __init__(
        self,
        question: str,
        headline: str,
        *,
        verdicts: Sequence[Verdict] = (),
        problem: str = "",
        advice: str = "",
        see: str = "",
        mistakes: Sequence[str] = (),
    ) -> None:
        self.question = question
        self.headline = headline
        self.verdicts = tuple(verdicts)
        self.problem = problem
        self.advice = advice
        self.see = see
        self.mistakes = tuple(mistakes)
        super().__init__(self.text())

    def text(self) -> str:
        """The whole message as plain text; its first line alone says the essential."""
        lines = [f"✗ {self.question}: {self.headline}"]
        width = max((len(v.output) for v in self.verdicts), default=0)
        for verdict in self.verdicts:
            mark, finding = ("✓", "right") if verdict.right else ("✗", verdict.finding)
            lines.append(f"    {verdict.output:<{width}}  {mark}  {finding}")
        if self.problem:
            lines.append(f"  Seen with {self.problem}.")
        if self.advice:
            lines.append(f"  → {self.advice}")
        if self.see:
            lines.append(f"    See {self.see}.")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: in a notebook the learner sees the message and not the checker's frames."""
        return self.text().splitlines()
