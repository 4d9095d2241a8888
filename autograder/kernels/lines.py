"""A line to a kernel: frames over a UNIX stream socket, where Jupyter's messages over ZeroMQ would cost too much.

A request and its answers share a token, drawn at random for each request. What comes from a learner's kernel may be
anything: a frame is refused by its announced length, before it is read.
"""

import struct
from collections.abc import Iterator

RUN, LINE, ASK, SHOWN, DONE = b"r", b"l", b"a", b"s", b"d"
"""Kinds of frames. To a kernel: run a cell, take another line (a descriptor comes along), answer a question of the
examiner's. From it: what a run shows, and the last word on a request."""

TOKEN = 8
_HEAD = struct.Struct(f"!cI{TOKEN}s")
CHUNK = 1 << 18


class Broken(Exception):
    """What comes over the line is no frame, or one that is too large: nothing after it can be understood."""


def frame(kind: bytes, token: bytes, payload: bytes) -> bytes:
    """A frame's bytes."""
    return _HEAD.pack(kind, len(payload), token) + payload


class Frames:
    """Takes bytes as they come, gives whole frames."""

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes`: the largest payload that is taken."""
        self._most = most_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
        """(kind, token, payload) of the frames that `data` completes. Raises Broken."""
        self._buffer += data
        place = 0
        try:
            while len(self._buffer) - place >= _HEAD.size:
                kind, length, token = _HEAD.unpack_from(self._buffer, place)
                if kind not in (RUN, LINE, ASK, SHOWN, DONE):
                    raise Broken("what it sends is no message")
                if length > self._most:
                    raise Broken("it sent a message that is too large")
                end = place + _HEAD.size + length
                if len(self._buffer) < end:
                    break
                payload = bytes(self._buffer[place + _HEAD.size : end])
                place = end
                yield kind, token, payload
        finally:
            del self._buffer[:place]
