"""The examiner's line to the learner's kernel: requests out, replies in, by Jupyter's messages on the shell channel.

The kernel at the other end is the learner's: it may die, hang, flood, forge, repeat or damage what it sends. A message
counts only when its signature and its parent's identity are right; everything else is passed over, and not for ever.
Nothing is parsed before its size is known. Outputs (the kernel's iopub channel) are not listened to at all.
"""

import ast
import hashlib
import hmac
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session
from zmq.utils.monitor import recv_monitor_message

import autograder.running as running
from autograder.boundary import agent, values, wire
from autograder.boundary.wire import LIMITS, Limits, Malformed
from autograder.kernels import watchdog

MODULE = "unrolled_agent"
"""The name under which the agent stands in the learner's kernel."""

PASSED_OVER = 500
"""How many messages that are no answer are passed over in one request before the kernel counts as lost."""

_WRAPPING = 8 * 2**20  # bytes of a message besides the agent's own text, and of what JSON adds to that
_LOOK = 100  # milliseconds without a message until it is looked at whether one without end is on its way
_ABORTED = 20  # times that a request is sent anew, which the kernel has dropped because of an error before it

INSTALLING = 60.0
"""Seconds a kernel may take to answer for the first time."""


class KernelLost(Exception):
    """The learner's kernel has died, hangs or cannot be understood: no request will be answered any more."""


class Link:
    """One kernel. `lost` says why it answers no more, "" while it does."""

    def __init__(self, connection: Mapping[str, Any], limits: Limits = LIMITS) -> None:
        """`connection`: what Jupyter's connection files hold, for tcp or ipc. Raises KernelLost."""
        self.lost = ""
        self.missing: Callable[[], list[str]] = list
        """Says which of the learner's names their code has to do without, now."""
        self._limits = limits
        self._requests = 0
        self._release: list[int] = []
        key = str(connection.get("key", ""))
        scheme = str(connection.get("signature_scheme", "hmac-sha256"))
        self._session = Session(key=key.encode(), signature_scheme=scheme)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, limits.characters + _WRAPPING)
        self._socket.setsockopt(zmq.RCVHWM, 4)  # messages that wait unread: each may be as large as the largest
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._socket.connect(address(connection))
        try:
            self._install()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        if not self._context.closed:
            self._socket.disable_monitor()
            self._context.destroy(linger=0)

    def release(self, number: int) -> None:
        """Have the kernel forget a reference, together with the next request."""
        self._release.append(number)

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The reply to a request, as JSON that nothing is yet known of but its size.

        Raises KernelLost when none comes within `seconds`, and Malformed for one that is not in the agreed form.
        """
        self._requests += 1
        released, self._release = self._release, []
        text = json.dumps({**request, "request": self._requests, "release": released, "without": self.missing()})
        reply = self._evaluate(f"__import__('sys').modules['{MODULE}'].examined.answer({text!r})", seconds)
        if reply.get("request") != self._requests:
            raise Malformed("the answer is one to another question")
        return reply

    def _install(self) -> None:
        modules = "__import__('sys').modules"
        begin = f"(lambda m: (setattr(m, 'examined', m.install()), m.Reply('{{}}'))[-1])({modules}[{MODULE!r}])"
        text = agent_source()
        send = (
            f"(lambda m: (exec(compile({text!r}, {agent.FILE!r}, 'exec'), vars(m)), "
            f"{modules}.__setitem__({MODULE!r}, m), {begin})[-1])(type(__import__('sys'))({MODULE!r}))"
        )
        # A kernel of ours has imported the very same text before it was forked.
        ready = f"getattr({modules}.get({MODULE!r}), 'DIGEST', '') == {agent_digest()!r}"
        try:
            try:
                self._evaluate(f"{begin} if {ready} else {MODULE!r}.missing", INSTALLING)
            except Malformed:
                self._evaluate(send, INSTALLING)
        except Malformed as error:
            self._lose(f"it could not be prepared: {error}")

    def _evaluate(self, expression: str, seconds: float) -> dict[str, Any]:
        """The JSON object that an expression's value shows."""
        if self.lost:
            raise KernelLost(self.lost)
        content = {
            "code": "",
            "silent": True,
            "store_history": False,
            "user_expressions": {"reply": expression},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        for _ in range(_ABORTED):
            message = self._session.msg("execute_request", content)
            self._socket.send_multipart(self._session.serialize(message))
            answered = self._wait(str(message["header"]["msg_id"]), seconds)
            if answered.get("status") != "aborted":
                break
            time.sleep(0.05)
        shown = answered.get("user_expressions")
        shown = shown.get("reply") if isinstance(shown, dict) else None
        data = shown.get("data") if isinstance(shown, dict) else None
        text = data.get(agent.MIME) if isinstance(data, dict) else None
        if not isinstance(text, str):
            raise Malformed("your code has changed how the kernel answers")
        reply = wire.parse(text, self._limits)
        if not isinstance(reply, dict):
            raise Malformed("the answer is not in the form that was agreed on")
        return reply

    def _wait(self, request: str, seconds: float) -> dict[str, Any]:
        """The content of the reply to a request."""
        deadline = time.monotonic() + seconds
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        passed, before = 0, None
        while passed < PASSED_OVER:
            left = deadline - time.monotonic()
            ready = dict(poller.poll(max(0, min(_LOOK, math.ceil(left * 1000)))))
            if self._socket in ready:
                passed += 1
                content = self._read(self._socket.recv_multipart(), request)
                if content is not None:
                    return content
            elif self._monitor in ready:
                recv_monitor_message(self._monitor)
                self._lose("it died")
            elif left <= 0:
                self._lose(f"it did not answer within {seconds:.0f} seconds")
            else:
                # libzmq keeps the parts of a message to itself until the last is there, however many there are.
                unread = watchdog.resident_bytes(os.getpid())
                before = unread if before is None else before
                if unread > before + watchdog.MOST_UNREAD:
                    self._lose("it sent a message without end")
        self._lose("it sent messages without end that are no answers")
        raise AssertionError

    def _read(self, frames: Any, request: str) -> dict[str, Any] | None:
        """The content of a message, None for one that is not the reply to this request.

        Raises Malformed for a reply that cannot be read.
        """
        try:
            parts: list[bytes] = list(self._session.feed_identities(frames)[1])  # type: ignore[arg-type]
        except ValueError:
            return None
        if len(parts) < 5 or not hmac.compare_digest(self._session.sign(parts[1:5]), parts[0]):
            return None
        try:
            parent = wire.parse(parts[2], Limits(characters=10_000, values=100))
        except Malformed:
            return None
        if not isinstance(parent, dict) or parent.get("msg_id") != request:
            return None
        content = wire.parse(parts[4], self._limits._replace(characters=self._limits.characters + _WRAPPING))
        if not isinstance(content, dict):
            raise Malformed("the answer is not in the form that was agreed on")
        return content

    def _lose(self, why: str) -> None:
        self.lost = self.lost or why
        self.close()  # nothing more is taken, and what is kept of it is let go
        raise KernelLost(self.lost)


def address(connection: Mapping[str, Any]) -> str:
    """The address of a kernel's shell channel, from what its connection file holds."""
    ipc = connection.get("transport") == "ipc"
    return f"{'ipc' if ipc else 'tcp'}://{connection['ip']}{'-' if ipc else ':'}{connection['shell_port']}"


@cache
def agent_source() -> str:
    """One text of running.py, wire.py, values.py and agent.py, for a kernel that has none of them."""
    return "\n".join(
        _without_own_imports(Path(str(m.__file__)).read_text(encoding="utf-8")) for m in (running, wire, values, agent)
    )


def agent_digest() -> str:
    """What tells one version of the agent's text from another."""
    return hashlib.sha256(agent_source().encode()).hexdigest()


def agent_module() -> str:
    """A module's text that is the agent when it is imported, under the file name that it has everywhere."""
    text = agent_source()
    return f"DIGEST = {agent_digest()!r}\nexec(compile({text!r}, {agent.FILE!r}, 'exec'))\n"


def _without_own_imports(source: str) -> str:
    """The text of a file without the statements that import another of these files."""
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom) and str(statement.module).startswith("autograder."):
            for number in range(statement.lineno - 1, statement.end_lineno or statement.lineno):
                lines[number] = ""
    return "\n".join(lines)
