"""A kernel that has taken over its own sockets sends messages that no end is in sight of: the examiner hangs up."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.session import Session
from test_lying_kernels import reply

from autograder.boundary import link
from autograder.boundary.jupyter_carrier import JupyterCarrier
from autograder.kernels import watchdog

MIB = 2**20


class RogueKernel:
    """Speaks ZeroMQ's protocol itself: answers the first request, then pours `flood` into the connection."""

    def __init__(self, folder: Path, flood: bytes) -> None:
        self.connection = {"transport": "ipc", "ip": str(folder / "rogue"), "shell_port": 1, "key": "k"}
        self.sent = 0
        self._flood = flood
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / "rogue-1"))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            peer, _ = self._socket.accept()
            with peer:
                peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(23, b"\0") + bytes(32))
                self._take(peer, 64)
                kind = b"ROUTER"
                peer.sendall(frame(b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind, flags=4))
                self._answer(peer)
                while True:
                    peer.sendall(self._flood)
                    self.sent += len(self._flood)

    def _answer(self, peer: socket.socket) -> None:
        data = b""
        while b'"msg_id"' not in data or b"user_expressions" not in data:
            data += peer.recv(MIB)
        found = re.search(rb'"msg_id": ?"([^"]+)"', data)
        assert found
        parts = Session(key=b"k").serialize(reply(found[1].decode(), {}))
        peer.sendall(b"".join(frame(part, flags=part is not parts[-1]) for part in parts))
        peer.recv(MIB)  # the next request

    def _take(self, peer: socket.socket, size: int) -> None:
        while size:
            size -= len(peer.recv(size))

    def stop(self) -> None:
        self._socket.close()


def frame(body: bytes, flags: int = 0) -> bytes:
    """A part of a message; flags: 1 when more follow, 4 for a command."""
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body


@contextlib.contextmanager
def rogue(folder: Path, flood: bytes) -> Iterator[RogueKernel]:
    kernel = RogueKernel(folder, flood)
    try:
        yield kernel
    finally:
        kernel.stop()


FLOODS = {
    "long parts": frame(b"x" * MIB, flags=1),
    "short parts": frame(b"x" * 20, flags=1) * 40_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("flood", FLOODS)
def test_the_examiner_hangs_up_on_a_message_without_end(tmp_path, monkeypatch, flood):
    monkeypatch.setattr(watchdog, "MOST_UNREAD", 64 * MIB)
    before = watchdog.resident_bytes(os.getpid())
    with rogue(tmp_path, FLOODS[flood]) as kernel:
        line = link.Link(JupyterCarrier(kernel.connection))
        began = time.monotonic()
        with pytest.raises(link.KernelLost, match="without end"):
            line.ask({"do": "describe", "names": []}, 60)
        assert time.monotonic() - began < 30
        sent = kernel.sent
        time.sleep(0.5)
        assert kernel.sent - sent < 16 * MIB, "the connection is closed"
        line.close()
    assert watchdog.resident_bytes(os.getpid()) < before + 1500 * MIB


@pytest.mark.slow
def test_a_message_of_ten_thousand_parts_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(link, "PASSED_OVER", 5)
    flood = frame(b"x" * 20, flags=1) * 10_000 + frame(b"")
    with rogue(tmp_path, flood) as kernel:
        line = link.Link(JupyterCarrier(kernel.connection))
        with pytest.raises(link.KernelLost, match="no answers"):
            line.ask({"do": "describe", "names": []}, 30)
        line.close()


def test_whole_messages_that_nobody_reads_stay_where_they_are(tmp_path):
    before = watchdog.resident_bytes(os.getpid())
    with rogue(tmp_path, frame(b"x" * MIB)) as kernel:
        line = link.Link(JupyterCarrier(kernel.connection))
        line._carrier._socket.send(b"")  # what the rogue takes for a request
        time.sleep(1)
        assert kernel.sent < 40 * MIB
        assert watchdog.resident_bytes(os.getpid()) < before + 60 * MIB
        line.close()
