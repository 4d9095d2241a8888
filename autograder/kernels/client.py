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

    most_bytes = Int(17 * 1024**2, help="the largest message taken; 0: any")

    async def connect(self, seconds: float = 30.0) -> None:
        """Start the channels and wait until output arrives: no output of the first request is missed then.

        queue.Empty if the kernel does not say so in time.
        """
        self.start_channels()
        while (await self.get_iopub_msg(timeout=seconds))["msg_type"] != "iopub_welcome":
            pass

    @default("context")
    def _bounded_context(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        if self.most_bytes:
            context.setsockopt(zmq.MAXMSGSIZE, self.most_bytes)
            context.setsockopt(zmq.RCVHWM, WAITING)
        return context
