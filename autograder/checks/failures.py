"""What a failed check tells the learner."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from autograder.checks.places import described, place


@dataclass(frozen=True)
class Verdict:
    """The judgement of one output: its name, whether it is right, and, if not, how it is wrong.

    `follows` is set where it is wrong only because something else is: it would be right if that were. `advice` says
    what to look at where the finding alone tells.
    """

    output: str
    right: bool
    finding: str = ""
    follows: bool = False
    advice: str = ""


class CheckFailure(AssertionError):
    """An answer that is not right yet, told so that its author can act on it.

    `question` is the check's name, `headline` one sentence, `verdicts` one for each output (empty when the
    answer could not be judged at all), `problem` the sizes at which it went wrong, `advice` what to look at,
    `see` the label of where the book explains it, and `mistakes` the names of the known mistakes it was found to
    be. `credit`, at least 0 and below 1, is the share of the points that the right outputs earn (see
    autograder.checks.credit). The text never contains an expected value.
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
        credit: float = 0.0,
    ) -> None:
        self.question = question
        self.headline = headline
        self.verdicts = tuple(verdicts)
        self.problem = problem
        self.advice = advice
        self.see = see
        self.mistakes = tuple(mistakes)
        self.credit = credit
        self._shown = False
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
            lines.append(f"    See {described(self.see)}.")
        if self.credit:
            lines.append(f"  {self._earned()}")
        return "\n".join(lines)

    def _earned(self) -> str:
        return f"What is right on every problem is worth {self.credit:.0%} of the points."

    def html(self) -> str:
        """The message for a notebook: the same words, the outputs as a table, the place in the book as a link."""
        parts = [f"<p><strong>✗ {escape(self.question)}</strong>: {escape(self.headline)}</p>"]
        if self.verdicts:
            rows = "".join(
                f'<tr><th scope="row" style="{_LEFT}"><code>{escape(v.output)}</code></th>'
                f'<td style="{_LEFT}">{"✓ right" if v.right else "✗ " + escape(v.finding)}</td></tr>'
                for v in self.verdicts
            )
            parts.append(f'<table style="margin: 0 0 .6em 1em">{rows}</table>')
        if self.problem:
            parts.append(f"<p>Seen with {escape(self.problem)}.</p>")
        if self.advice:
            parts.append(f"<p><strong>→ {_emphasised(self.advice)}</strong></p>")
        if self.see:
            parts.append(f"<p>See {_linked(self.see)}.</p>")
        if self.credit:
            parts.append(f"<p>{self._earned()}</p>")
        return f'<div role="status" style="{_BOX}">{"".join(parts)}</div>'

    def facts(self) -> dict[str, Any]:
        """What a program may want to know: question, reason (a line), names of mistakes, credit. Goes through JSON."""
        advice = f" → {self.advice}" if self.advice else ""
        return {
            "question": self.question,
            "reason": f"{self.question}: {self.headline}{advice}",
            "mistakes": list(self.mistakes),
            "credit": self.credit,
        }

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the learner sees the message and not the checker's frames.

        In a notebook it is shown as HTML, with its `facts` as metadata["unrolled"]["failed"], and the error itself,
        which has to be there for the grade, keeps one line.
        """
        lines = self.text().splitlines()
        if not _in_notebook():
            return lines
        if not self._shown:  # the kernel asks twice
            from IPython.display import publish_display_data

            data = {"text/html": self.html(), "text/plain": self.text()}
            publish_display_data(data, metadata={"unrolled": {"failed": self.facts()}})
            self._shown = True
        return lines[:1]


_LEFT = "text-align: left"
_BOX = "border-left: .3em solid #c2410c; padding-left: .8em; max-width: 50em"


def _emphasised(text: str) -> str:
    """Escaped, with *this* in italics."""
    return re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", escape(text))


def _linked(label: str) -> str:
    try:
        return f'<a href="{escape(place(label).address)}">{escape(described(label))}</a>'
    except KeyError:
        return escape(label)


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel; IPython is asked only where it runs already."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
