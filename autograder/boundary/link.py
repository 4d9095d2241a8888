"""The examiner's link to the learner's kernel: requests out, replies in, whatever carries them.

The kernel at the other end is the learner's: it may die, hang, flood, forge, repeat or damage what it sends. Nothing is
parsed before its size is known.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from autograder.boundary import wire
from autograder.boundary.wire import LIMITS, Limits, Malformed

PASSED_OVER = 500
"""How many messages that are no answer are passed over in one request before the kernel counts as lost."""

WRAPPING = 8 * 2**20
"""Bytes of a message besides the agent's own text, and of what JSON adds to that."""


class KernelLost(Exception):
    """The learner's kernel has died, hangs or cannot be understood: no request will be answered any more."""


class Carrier(Protocol):
    """Brings a request's text to the agent in a learner's kernel, and the reply's text back."""

    def carry(self, text: str, seconds: float) -> str:
        """The reply. Raises KernelLost when none comes within `seconds`, and Malformed for what is no reply."""

    def close(self) -> None:
        """Hang up; harmless when it has been done."""


class Link:
    """One kernel. `lost` says why it answers no more, "" while it does."""

    def __init__(self, carrier: Carrier, limits: Limits = LIMITS) -> None:
        self.lost = ""
        self.missing: Callable[[], list[str]] = list
        """Says which of the learner's names their code has to do without, now."""
        self._carrier = carrier
        self._limits = limits
        self._requests = 0
        self._release: list[int] = []

    def close(self) -> None:
        """Hang up."""
        self._carrier.close()

    def release(self, number: int) -> None:
        """Have the kernel forget a reference, together with the next request."""
        self._release.append(number)

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The reply to a request, as JSON that nothing is yet known of but its size.

        Raises KernelLost when none comes within `seconds`, and Malformed for one that is not in the agreed form.
        """
        if self.lost:
            raise KernelLost(self.lost)
        self._requests += 1
        released, self._release = self._release, []
        text = json.dumps({**request, "request": self._requests, "release": released, "without": self.missing()})
        try:
            answer = self._carrier.carry(text, seconds)
        except KernelLost as error:
            self.lost = str(error)
            self.close()  # nothing more is taken, and what is kept of it is let go
            raise
        reply = wire.parse(answer, self._limits)
        if not isinstance(reply, dict):
            raise Malformed("the answer is not in the form that was agreed on")
        if reply.get("request") != self._requests:
            raise Malformed("the answer is one to another question")
        return reply
