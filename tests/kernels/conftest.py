"""Kernels for the tests, and a way to run cells in them."""

import asyncio
import contextlib

import pytest

from autograder.kernels import Limits, kernel_manager

SMALL = Limits(memory_bytes=1024**3, cpu_seconds=60, wall_seconds=120, disk_bytes=16 * 1024**2)


class Session:
    """A started kernel and a client of it."""

    def __init__(self, km, kc):
        self.km, self.kc = km, kc

    async def run(self, code, timeout=30):
        """(status, everything printed and shown as text, errors as "Name: value") of a cell."""
        texts = []

        def keep(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                texts.append(content["text"])
            elif message["msg_type"] == "error":
                texts.append(f"{content['ename']}: {content['evalue']}")
            elif "data" in content:
                texts.append(content["data"].get("text/plain", ""))

        reply = await self.kc.execute_interactive(code, output_hook=keep, timeout=timeout, allow_stdin=False)
        return reply["content"]["status"], "".join(texts)

    async def value(self, code, timeout=30):
        """What a cell shows; the cell must succeed."""
        status, text = await self.run(code, timeout)
        assert status == "ok", text
        return text.strip()

    async def error(self, code, timeout=30):
        """The error of a cell; the cell must fail."""
        status, text = await self.run(code, timeout)
        assert status == "error", text
        return text.strip()


@contextlib.asynccontextmanager
async def _session(**kwargs):
    """A kernel for a `with` block."""
    km = kernel_manager(**{"side": "learner", "limits": SMALL} | kwargs)
    await km.start_kernel()
    kc = km.client()
    await kc.connect()
    try:
        yield Session(km, kc)
    finally:
        kc.stop_channels()
        await km.shutdown_kernel(now=True)


@pytest.fixture
def session():
    """`async with session(**arguments of kernel_manager) as kernel:`"""
    return _session


@pytest.fixture
def run_async():
    """Run a coroutine function without arguments to its end."""
    return lambda function: asyncio.run(asyncio.wait_for(function(), 120))
