"""A kernel client that a kernel cannot flood."""

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from traitlets import Int, default

WAITING = 64  # messages of a channel that libzmq keeps for us


class BoundedKernelClient(AsyncKernelClient):
    """Takes no message larger than `most_bytes`, and keeps few in waiting.

    libzmq drops the connection of a kernel that sends a larger one; the request then stays without an answer.
    """

    most_bytes = Int(17 * 1024**2, help="the largest message taken")

    @default("context")
    def _bounded_context(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, self.most_bytes)
        context.setsockopt(zmq.RCVHWM, WAITING)
        return context
