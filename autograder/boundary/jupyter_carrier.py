"""Requests to a learner's kernel by Jupyter's messages on the shell channel, so that any kernel will do.

A message counts only when its signature and its parent's identity are right; everything else is passed over, and not
for ever. Outputs (the kernel's iopub channel) are not listened to at all.
"""

import hmac
import math
import os
import time
from collections.abc import Mapping
from typing import Any

import zmq
from jupyter_client.session import Session
from zmq.utils.monitor import recv_monitor_message

from autograder.boundary import agent, wire
from autograder.boundary.agent_text import MODULE, agent_digest, agent_source
from autograder.boundary.link import PASSED_OVER, WRAPPING, KernelLost
from autograder.boundary.wire import LIMITS, Limits, Malformed
from autograder.kernels import watchdog

_LOOK = 100  # milliseconds without a message until it is looked at whether one without end is on its way
_ABORTED = 20  # times that a request is sent anew, which the kernel has dropped because of an error before it

INSTALLING = 60.0
"""Seconds a kernel may take to answer for the first time."""


class JupyterCarrier:
    """The shell channel of one kernel."""

    def __init__(self, connection: Mapping[str, Any], limits: Limits = LIMITS) -> None:
        """`connection`: what Jupyter's connection files hold, for tcp or ipc. Raises KernelLost."""
        self._limits = limits
        key = str(connection.get("key", ""))
        scheme = str(connection.get("signature_scheme", "hmac-sha256"))
        self._session = Session(key=key.encode(), signature_scheme=scheme)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, limits.characters + WRAPPING)
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

    def carry(self, text: str, seconds: float) -> str:
        """The reply to a request. Raises KernelLost, and Malformed for what is no reply."""
        return self._evaluate(f"__import__('sys').modules['{MODULE}'].examined.answer({text!r})", seconds)

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
            raise KernelLost(f"it could not be prepared: {error}") from None

    def _evaluate(self, expression: str, seconds: float) -> str:
        """The text that an expression's value shows."""
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
        return text

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
                raise KernelLost("it died")
            elif left <= 0:
                raise KernelLost(f"it did not answer within {seconds:.0f} seconds")
            else:
                # libzmq keeps the parts of a message to itself until the last is there, however many there are.
                unread = watchdog.resident_bytes(os.getpid())
                before = unread if before is None else before
                if unread > before + watchdog.MOST_UNREAD:
                    raise KernelLost("it sent a message without end")
        raise KernelLost("it sent messages without end that are no answers")

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
        content = wire.parse(parts[4], self._limits._replace(characters=self._limits.characters + WRAPPING))
        if not isinstance(content, dict):
            raise Malformed("the answer is not in the form that was agreed on")
        return content


def address(connection: Mapping[str, Any]) -> str:
    """The address of a kernel's shell channel, from what its connection file holds."""
    ipc = connection.get("transport") == "ipc"
    return f"{'ipc' if ipc else 'tcp'}://{connection['ip']}{'-' if ipc else ':'}{connection['shell_port']}"
