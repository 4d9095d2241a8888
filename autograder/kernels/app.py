"""ipykernel's application on sockets that somebody else has bound, without a connection file or a debugger."""

import atexit
import os
import sys
from typing import Any

import zmq
from ipykernel.compiler import XCachingCompiler
from ipykernel.control import ControlThread
from ipykernel.displayhook import ZMQDisplayHook
from ipykernel.heartbeat import Heartbeat
from ipykernel.iostream import IOPubThread, OutStream
from ipykernel.kernelapp import IPKernelApp
from ipykernel.shellchannel import ShellChannelThread
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.application import BaseIPythonApplication
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.session import Session
from traitlets.config import Config

from autograder.kernels.channels import CHANNELS

# Imported by ipykernel only when a kernel starts or runs its first cell.
LATE_MODULES = ("ipykernel.subshell_manager", "tornado.platform.asyncio", "tornado.queues")


def bind_inherited(zmq_socket: Any, descriptor: int) -> None:
    """Have a ZeroMQ socket listen on a UNIX socket that is bound and listening already."""
    zmq_socket.setsockopt(zmq.USE_FD, descriptor)
    zmq_socket.bind(f"ipc://inherited-{descriptor}")  # a name to satisfy bind(); no file is made


HEADERS = 512 * 1024  # what a message holds besides its output, generously


class InheritedHeartbeat(Heartbeat):
    """ipykernel's heartbeat on an inherited socket."""

    def __init__(self, context: zmq.Context, descriptor: int) -> None:
        super().__init__(context, ("ipc", "inherited", CHANNELS.index("hb") + 1))
        self.descriptor = descriptor

    def _bind_socket(self) -> None:
        bind_inherited(self.socket, self.descriptor)


class BoundedStream(OutStream):
    """stdout or stderr of a cell: says so and falls silent once there has been too much in all.

    Forked children are not heard: the thread that would send for them has stayed with their parent.
    """

    def __init__(self, *args: Any, most_bytes: int, **kwargs: Any) -> None:
        self.left, self.process = most_bytes, os.getpid()
        super().__init__(*args, **kwargs)

    def write(self, string: str) -> int:
        """Write what still fits."""
        if os.getpid() != self.process or self.left <= 0:
            return len(string)
        self.left -= len(string)
        if self.left > 0:
            super().write(string)
            return len(string)
        super().write(string[: max(self.left + len(string), 0)])
        super().write("\n[output ends here: there was too much of it]\n")
        return len(string)

    def flush(self) -> None:
        """Send what is waiting. ipykernel asks for it six times a cell, and waits for another thread each time."""
        if self._flush_pending or os.getpid() != self.process:
            super().flush()


class BoundedIOPubThread(IOPubThread):
    """The output channel without messages that a client would not take: these would cost it the connection."""

    most_bytes = 0

    def send_multipart(self, parts: Any, *args: Any, **kwargs: Any) -> None:
        """Send a message, or say that it was too large."""
        size = sum(len(part) for part in parts)
        if size <= self.most_bytes:
            super().send_multipart(parts, *args, **kwargs)
        else:
            sys.stderr.write(f"[an output of {size} bytes was left out: more than {self.most_bytes}]\n")


class WarmKernelApp(IPKernelApp):
    """A kernel that needs no socket(), bind() or connect() of its own, so that these can be forbidden before it starts.

    descriptors: the listening UNIX sockets in the order of `CHANNELS`
    output_bytes: how much text goes to stdout and to stderr
    """

    descriptors: tuple[int, ...] = ()
    output_bytes = 0

    def initialize_without_sockets(self) -> None:
        """The first part of `initialize`, and the shell, which the kernel will find made."""
        BaseIPythonApplication.initialize(self, [])
        self.init_pdb()
        ZMQInteractiveShell.instance(parent=self, profile_dir=self.profile_dir, compiler_class=XCachingCompiler)

    def initialize(self, argv: Any = None) -> None:
        """The rest of what ipykernel does, in its order."""
        self.init_sockets()
        self.init_heartbeat()
        self.log_connection_info()
        self.init_io()
        self.init_signal()
        self.init_kernel()
        self.kernel.shell.kernel = self.kernel
        self.init_path()
        self.init_shell()
        self.init_gui_pylab()
        sys.stdout.flush()
        sys.stderr.flush()

    def init_connection_file(self) -> None:
        """There is none."""

    def write_connection_file(self, **kwargs: Any) -> None:
        """There is none."""

    def init_crash_handler(self) -> None:
        """Python's own."""

    def parse_command_line(self, argv: Any = None) -> None:
        """There is none, and a parser for it takes longer than all the rest."""

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """There is none."""

    def init_extensions(self) -> None:
        """None are asked for."""

    def init_code(self) -> None:
        """None to run at the start."""

    def _bind_socket(self, s: Any, port: int) -> int:
        bind_inherited(s, self.descriptors[port - 1])
        return port

    def init_control(self, context: zmq.Context) -> None:
        """The control channel; the debugger's sockets exist because ipykernel expects them, and lead nowhere."""
        self.control_socket = context.socket(zmq.ROUTER)
        self.control_socket.linger = 1000
        self.control_port = self._bind_socket(self.control_socket, self.control_port)
        self.control_socket.router_handover = 1
        self.debugpy_socket = context.socket(zmq.STREAM)
        self.debug_shell_socket = context.socket(zmq.DEALER)
        self.control_thread = ControlThread(daemon=True)
        self.shell_channel_thread = ShellChannelThread(context, daemon=True)

    def init_iopub(self, context: zmq.Context) -> None:
        """The output channel; without the TCP port through which forked children would print."""
        self.iopub_socket = context.socket(zmq.XPUB)
        self.iopub_socket.linger = 1000
        self.iopub_port = self._bind_socket(self.iopub_socket, self.iopub_port)
        self.configure_tornado_logger()
        self.iopub_thread = BoundedIOPubThread(self.iopub_socket, pipe=False, session=self.session)
        self.iopub_thread.most_bytes = self.output_bytes + HEADERS
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def init_io(self) -> None:
        """What cells print and show goes to the output channel."""
        for name in ("stdout", "stderr"):
            setattr(sys, name, BoundedStream(self.session, self.iopub_thread, name, most_bytes=self.output_bytes))
        self.displayhook = sys.displayhook = ZMQDisplayHook(self.session, self.iopub_socket)
        self.patch_io()

    def init_heartbeat(self) -> None:
        """The heartbeat in a context of its own, as ipykernel has it."""
        self.heartbeat = InheritedHeartbeat(zmq.Context(), self.descriptors[self.hb_port - 1])
        self.heartbeat.start()


def rehearse() -> None:
    """Run a cell in a shell that is thrown away, in the template.

    What Python, IPython and lazily loading packages put off until the first time is then done for every kernel.
    """
    config = Config()
    config.HistoryManager.enabled = False
    main = sys.modules["__main__"]
    shell = InteractiveShell(config=config)
    shell.run_cell("1 + 1")
    atexit.unregister(shell.atexit_operations)
    sys.modules["__main__"] = main
    session = Session(key=b"rehearsal")
    session.deserialize(session.feed_identities(session.serialize(session.msg("status")))[1])
    for module in list(sys.modules.values()):
        getattr(module, "__file__", None)  # ipykernel asks this of all, and a lazy module loads when asked


def prepare() -> WarmKernelApp:
    """A kernel as far as it goes without sockets: the application and its shell."""
    config = Config()
    config.WarmKernelApp.update({f"{name}_port": place for place, name in enumerate(CHANNELS, 1)})
    config.WarmKernelApp.update({"transport": "ipc", "ip": "inherited", "log_level": 50})
    config.IPythonKernel._execute_sleep = 0.0  # half a millisecond a cell, for clients that have long been mended
    config.HistoryManager.enabled = False
    app = WarmKernelApp.instance(config=config)
    app.initialize_without_sockets()
    return app


def complete(app: WarmKernelApp, descriptors: tuple[int, ...], key: str, output_bytes: int) -> None:
    """Give a prepared kernel what it lacks; it has then only to be started.

    descriptors: listening sockets in the order of `CHANNELS`
    key: signs the messages (HMAC-SHA256)
    output_bytes: how much text it may print to stdout, and to stderr
    """
    app.descriptors, app.output_bytes = descriptors, output_bytes
    app.session.key = key.encode()
    app.initialize([])
