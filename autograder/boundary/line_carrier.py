"""Requests to a learner's kernel over a line of its own (see `kernels.lines`)."""

import secrets
import select
import socket
import time

from autograder.boundary.link import PASSED_OVER, WRAPPING, KernelLost
from autograder.boundary.wire import LIMITS, Limits, Malformed
from autograder.kernels import lines


class LineCarrier:
    """One end of a line whose other end the learner's kernel serves."""

    def __init__(self, descriptor: int, limits: Limits = LIMITS) -> None:
        """`descriptor`: a connected UNIX stream socket, which is ours from here on."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)
        self._socket.setblocking(False)
        # Each character takes up to four bytes.
        self._frames = lines.Frames(4 * limits.characters + WRAPPING)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def carry(self, text: str, seconds: float) -> str:
        """The reply to a request. Raises KernelLost, and Malformed for what is no text."""
        token = secrets.token_bytes(lines.TOKEN)
        deadline = time.monotonic() + seconds
        try:
            self._send(lines.frame(lines.ASK, token, text.encode()), deadline)
            payload = self._wait(token, deadline)
        except TimeoutError:
            raise KernelLost(f"it did not answer within {seconds:.0f} seconds") from None
        except lines.Broken as error:
            raise KernelLost(str(error)) from None
        except OSError:
            raise KernelLost("it died") from None
        try:
            return payload.decode()
        except UnicodeDecodeError:
            raise Malformed("the answer is not in the form that was agreed on") from None

    def _send(self, data: bytes, deadline: float) -> None:
        left = memoryview(data)
        writable = select.poll()
        writable.register(self._socket, select.POLLOUT)
        while left:
            if not writable.poll(_milliseconds(deadline)):
                raise TimeoutError
            left = left[self._socket.send(left) :]

    def _wait(self, token: bytes, deadline: float) -> bytes:
        passed = 0
        while passed < PASSED_OVER:
            if not self._poll.poll(_milliseconds(deadline)):
                raise TimeoutError
            data = self._socket.recv(lines.CHUNK)
            if not data:
                raise KernelLost("it died")
            for kind, told, payload in self._frames.feed(data):
                if kind == lines.DONE and told == token:
                    return payload
                passed += 1
        raise KernelLost("it sent messages without end that are no answers")


def _milliseconds(deadline: float) -> int:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return max(1, int(left * 1000))
