"""What a kernel does that is talked with over a line instead of Jupyter's channels: run cells, answer the examiner.

The shell is ipykernel's, so a cell runs, shows and fails as in a notebook; in place of ZeroMQ, its threads, and some
forty messages for a notebook there is one socket. The shell is made in the template, once for all kernels.
"""

import asyncio
import builtins
import contextlib
import getpass
import io
import json
import os
import select
import signal
import socket
import sys
import threading
import zlib
from collections.abc import Mapping
from types import FrameType
from typing import Any

from ipykernel.compiler import XCachingCompiler, get_tmp_directory
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError, UsageError
from jupyter_client.session import Session
from traitlets.config import Config

from autograder.kernels import lines

LATE_MODULES = ()  # beside those of `template`
AGENT = "unrolled_agent"  # the module of `boundary.link`, which the learners' package brings along
MOST_ASKED = 1 << 30  # bytes of a question: the examiner is trusted
SMALL = 1 << 13  # characters that a stream gathers before it sends them


class _Line:
    """The grader's end of the kernel; what is shown goes there while a cell runs, and nowhere otherwise."""

    def __init__(self, connection: socket.socket, output_bytes: int) -> None:
        self.connection = connection
        self.output_bytes = output_bytes
        self.process = os.getpid()
        self.token: bytes | None = None
        self.sending = self.interrupted = False
        self._lock = threading.Lock()

    def show(self, kind: str, content: Mapping[str, Any]) -> None:
        """Send an output of the cell that runs."""
        data = json.dumps({"kind": kind, "content": content}).encode()
        if len(data) > self.output_bytes:
            sys.stderr.write(f"[an output of {len(data)} bytes was left out: more than {self.output_bytes}]\n")
        elif self.token is not None:
            self.send(self.connection, lines.SHOWN, self.token, data)

    def send(self, connection: socket.socket, kind: bytes, token: bytes, payload: bytes) -> None:
        """Send a frame whole: an interrupt waits for its end. Children that a cell forks have no say."""
        if os.getpid() != self.process:
            return
        main = threading.current_thread() is threading.main_thread()
        with self._lock:
            self.sending = main or self.sending
            try:
                connection.sendall(lines.frame(kind, token, payload))
            finally:
                self.sending = not main and self.sending
        if main and self.interrupted:
            self.interrupted = False
            if self.token is not None:  # else the cell has ended meanwhile
                raise KeyboardInterrupt

    def on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """SIGINT: ends the cell that runs, and nothing else."""
        if self.sending:
            self.interrupted = True
        elif self.token is not None:
            raise KeyboardInterrupt


class _LineSession(Session):
    """What ipykernel's display hooks take for Jupyter's session."""

    line: Any = None

    def msg(self, msg_type: str, content: Any = None, *_: Any, **__: Any) -> dict[str, Any]:
        return {"header": {"msg_type": msg_type}, "msg_type": msg_type, "content": content or {}}

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *_: Any, **__: Any) -> Any:
        if self.line is None:
            return None
        if isinstance(msg_or_type, dict):
            self.line.show(msg_or_type["msg_type"], msg_or_type["content"])
        else:
            self.line.show(msg_or_type, content or {})
        return None


class LineStream(io.TextIOBase):
    """stdout or stderr of a cell: says so and falls silent once there has been too much in all."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, line: _Line, name: str, descriptor: int) -> None:
        self.name = f"<{name}>"
        self._line, self._name, self._descriptor = line, name, descriptor
        self._left = line.output_bytes
        self._waiting: list[str] = []
        self._size = 0

    def write(self, text: str) -> int:
        """Take text; what still fits is sent when enough has gathered, or at the end of the cell."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if os.getpid() != self._line.process or self._left <= 0 or self._line.token is None:
            return len(text)
        kept = text[: self._left]
        self._left -= len(text)
        if self._left <= 0:
            kept += "\n[output ends here: there was too much of it]\n"
        self._waiting.append(kept)
        self._size += len(kept)
        if self._size >= SMALL:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what has gathered."""
        if not self._waiting or os.getpid() != self._line.process:
            return
        taken, self._waiting, self._size = self._waiting, [], 0
        text = "".join(taken).encode("utf-8", "replace").decode()
        self._line.show("stream", {"name": self._name, "text": text})

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Where programs that the cell starts write; what they write is shown as well."""
        return self._descriptor


class _Pipe:
    """What C code and other programs write to a descriptor, passed on to a stream by a thread."""

    def __init__(self, descriptor: int, stream: LineStream) -> None:
        self._end, writing = os.pipe()
        os.set_blocking(self._end, False)
        os.dup2(writing, descriptor)
        os.close(writing)
        self._stream = stream
        self._lock = threading.Lock()
        threading.Thread(target=self._wait, name=f"descriptor {descriptor}", daemon=True).start()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        while poll.poll():
            self.drain()

    def drain(self) -> None:
        """Pass on what has been written."""
        with self._lock, contextlib.suppress(BlockingIOError):
            while data := os.read(self._end, 1 << 16):
                self._stream.write(data.decode("utf-8", "replace"))


class _Compiler(XCachingCompiler):
    """ipykernel's, but for the names of cells: theirs come from a hash that is computed in Python."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        return f"{get_tmp_directory()}/{zlib.crc32(raw_code.encode('utf-8', 'replace'))}.py"


class CellShell(ZMQInteractiveShell):
    """ipykernel's shell without a kernel around it."""

    leaving = False
    # Not by a pseudo-terminal, of which there is none here; what the program prints is shown all the same.
    system = ZMQInteractiveShell.system_raw

    def enable_gui(self, gui: Any = None) -> None:
        """For what %matplotlib asks of a shell: there is no window here, and none is needed for figures in a page."""
        if gui not in (None, "inline"):
            raise UsageError(f"there is no window for {gui} here")

    def ask_exit(self) -> None:
        """`exit` in a cell ends the kernel after that cell."""
        self.leaving = True


CellShell.__name__ = "ZMQInteractiveShell"  # packages know by this name that they are in a notebook


class CellServer:
    """One kernel: `prepare` in the template, `complete` after the fork, then `start`."""

    eventloop = None  # ipykernel's shell looks for the one of a window

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.IPKernelApp.name = "unrolled"  # packages look for this entry
        self.session = _LineSession(key=b"none")
        self.shell: Any = CellShell.instance(config=config, compiler_class=_Compiler)
        for hook in (self.shell.displayhook, self.shell.display_pub):
            hook.session = self.session
        self.shell.kernel = self  # whoever asks whether this is a notebook asks for a kernel
        self.line: Any = None
        self._pipes: list[_Pipe] = []
        self._asking: dict[int, tuple[socket.socket, lines.Frames]] = {}

    def rehearse(self) -> None:
        """Have done, once, what Python and IPython put off until the first cell."""
        loop = asyncio.new_event_loop()
        for code in ("1 + 1", "raise ValueError"):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                loop.run_until_complete(self._cell(code, history=False))
        loop.close()
        asyncio.set_event_loop(None)
        self.shell.reset()
        sys.last_value = sys.last_traceback = sys.last_type = None

    def complete(self, connection: socket.socket, output_bytes: int) -> None:
        """Give it the line over which it is talked with, and its standard streams."""
        self.line = self.session.line = _Line(connection, output_bytes)
        self.shell.init_environment()
        for number, name in enumerate(("stdout", "stderr"), 1):
            stream = LineStream(self.line, name, number)
            setattr(sys, name, stream)
            self._pipes.append(_Pipe(number, stream))
        builtins.input, getpass.getpass = _no("raw_input"), _no("getpass")
        signal.signal(signal.SIGINT, self.line.on_interrupt)
        # The loop has a cell's top level inside it, as in every notebook.
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)

    def start(self) -> None:
        """Serve until the grader hangs up, or a cell has asked for the end."""
        grader = self.line.connection
        poll = select.poll()
        poll.register(grader, select.POLLIN)
        frames = lines.Frames(MOST_ASKED)
        given: list[int] = []
        while not self.shell.leaving:
            for number, _ in poll.poll():
                if number != grader.fileno():
                    if not self._answer(number):
                        poll.unregister(number)
                        self._asking.pop(number)[0].close()
                    continue
                data, descriptors, _, _ = socket.recv_fds(grader, lines.CHUNK, 4)
                given += descriptors  # they come with the first byte of their frame
                if not data:
                    return
                for kind, token, payload in frames.feed(data):
                    if kind == lines.RUN:
                        self._run(token, json.loads(payload))
                    elif kind == lines.LINE:
                        self._take_line(token, given.pop(0), poll if json.loads(payload)["serve"] else None)

    def _take_line(self, token: bytes, number: int, poll: Any) -> None:
        """Another line: to be served, or for somebody else in this process, who is told its number."""
        if poll is not None:
            taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=number)
            self._asking[number] = taken, lines.Frames(MOST_ASKED)
            poll.register(number, select.POLLIN)
            agent: Any = sys.modules.get(AGENT)
            with contextlib.suppress(Exception):  # the learner's code may have done anything to it
                agent.examined = agent.install()
        reply = json.dumps({"descriptor": number}).encode()
        self.line.send(self.line.connection, lines.DONE, token, reply)

    def _answer(self, number: int) -> bool:
        """Read from a line that is served, answer what has come; whether there may be more."""
        connection, frames = self._asking[number]
        try:
            data = connection.recv(lines.CHUNK)
            for _, token, payload in frames.feed(data):
                reply = sys.modules[AGENT].examined.answer(payload.decode()).text
                self.line.send(connection, lines.DONE, token, reply.encode())
                self._stay_alone()
        except (OSError, lines.Broken):
            return False
        except Exception:
            # The learner's code has made of the agent what cannot answer; the examiner is told by silence's end.
            return False
        return bool(data)

    def _run(self, token: bytes, told: Mapping[str, Any]) -> None:
        """Run a cell; what it shows is sent meanwhile."""
        reply: dict[str, Any]
        signal.signal(signal.SIGINT, self.line.on_interrupt)  # a cell may have set another
        self.line.token = token
        try:
            try:
                if told["plain"]:
                    exec(compile(told["code"], "<asked>", "exec"), self.shell.user_global_ns, self.shell.user_ns)
                    reply = {"status": "ok", "expressions": self._values(told["expressions"])}
                else:
                    result = self.loop.run_until_complete(self._cell(told["code"], told["history"]))
                    reply = self._reply(result, told["expressions"])
            finally:
                self._flush()
        except BaseException as error:  # an interrupt between two statements of ours, or what a hook of theirs raises
            reply = {"status": "error", "ename": type(error).__name__, "evalue": str(error)[:4000], "traceback": []}
        finally:
            self.line.token = None
        self._stay_alone()
        self.line.send(self.line.connection, lines.DONE, token, json.dumps(reply).encode())

    async def _cell(self, code: str, history: bool) -> Any:
        self.shell._last_traceback, self.shell._last_traceback_during_displayhook = None, False
        result = None
        try:
            result = await self.shell.run_cell_async(code, store_history=history, **self._transformed(code))
        finally:
            self.shell.events.trigger("post_execute")
            self.shell.events.trigger("post_run_cell", result)
        return result

    def _transformed(self, code: str) -> dict[str, Any]:
        try:
            return {"transformed_cell": self.shell.transform_cell(code)}
        except Exception:
            return {"transformed_cell": code, "preprocessing_exc_tuple": sys.exc_info()}

    def _reply(self, result: Any, expressions: Mapping[str, str]) -> dict[str, Any]:
        self.shell.payload_manager.clear_payload()
        error = result.error_before_exec if result.error_before_exec is not None else result.error_in_exec
        if error is not None or getattr(self.shell, "_last_traceback_during_displayhook", False):
            told = {"ename": type(error).__name__, "evalue": str(error), "traceback": self.shell._last_traceback or []}
            return {"status": "error", **told}
        return {"status": "ok", "expressions": self._values(expressions)}

    def _values(self, expressions: Mapping[str, str]) -> dict[str, str]:
        """The expressions' values as Python writes them; one that fails is left out."""
        values = {}
        for name, expression in expressions.items():
            with contextlib.suppress(Exception):
                values[name] = repr(eval(expression, self.shell.user_global_ns, self.shell.user_ns))
        return values

    def _flush(self) -> None:
        """Have everything that the cell has shown on its way before the last word."""
        for pipe in self._pipes:
            pipe.drain()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the learner's own, perhaps
                stream.flush()

    def _stay_alone(self) -> None:
        """A child that a cell has forked, and that has come to the cell's end as well, ends here."""
        if os.getpid() != self.line.process:
            os._exit(0)


def _no(name: str) -> Any:
    """What a cell that asks for input meets, in the words that it meets elsewhere when nobody is there to answer."""

    def no_input(*_: object, **__: object) -> str:
        raise StdinNotImplementedError(f"{name} was called, but this frontend does not support input requests.")

    return no_input


_server: list[CellServer] = []


def rehearse() -> None:
    """Make the kernel, as far as it goes before the fork."""
    _server.append(CellServer())
    _server[0].rehearse()


def prepare() -> CellServer:
    """The kernel that the template has made."""
    return _server[0]


def complete(server: CellServer, descriptors: tuple[int, ...], _key: str, output_bytes: int) -> None:
    """Give it the grader's line."""
    server.complete(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptors[0]), output_bytes)
