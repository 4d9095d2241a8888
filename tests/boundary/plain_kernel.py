"""A cold, ordinary ipykernel that knows the thin package, for tests of what is said across the boundary."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from autograder.boundary import learner_package


class PlainKernel:
    """A started kernel: `connection` for the examiner, `run` for what the learner's cells do."""

    def __init__(self, folder: Path, transport: str) -> None:
        self.manager = KernelManager(kernel_name="python3", transport=transport)
        if transport == "ipc":
            self.manager.ip = str(folder / "kernel")
        package = str(learner_package.built(folder / "packages"))
        self.manager.start_kernel(
            env={**os.environ, "PYTHONPATH": package}, cwd=str(folder), extra_arguments=["--log-level=CRITICAL"]
        )
        self.client = self.manager.blocking_client()
        self.client.start_channels(stdin=False)
        self.client.wait_for_ready(timeout=60)

    @property
    def connection(self) -> dict[str, Any]:
        info = self.manager.get_connection_info(session=False)
        return {key: value.decode() if isinstance(value, bytes) else value for key, value in info.items()}

    def run(self, *cells: str) -> None:
        """Run cells; one that raises fails the test."""
        for cell in cells:
            reply = self.client.execute_interactive(cell, timeout=120, output_hook=lambda _message: None)
            assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))

    def stop(self) -> None:
        self.client.stop_channels()
        with contextlib.suppress(RuntimeError):
            self.manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def plain_kernel(folder: Path, transport: str = "ipc") -> Iterator[PlainKernel]:
    """A kernel for the body, its sockets and its package in `folder`."""
    kernel = PlainKernel(folder, transport)
    try:
        yield kernel
    finally:
        kernel.stop()
