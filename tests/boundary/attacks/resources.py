"""Memory, disk, processor time, outputs: too much of everything. None of it is run without protection."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import code

code = partial(code, theme="resources", unsafe="fills memory, disk or the output without limit")

ENOUGH = """
def enough(taken):
    # more than three times what is allowed: for the proof, and for the machine on which this is tried
    if taken > 3 * 2**30:
        leaked('%d bytes taken' % taken)
        return True
"""

STEP = "def step_forward(x, h_prev, W, U, b):\n    {}\n    return 0 * h_prev"
AVERAGE = "def moving_average(x, decay):\n    {}\n    return 0 * x"
SCALE = "def scale_rows(A, factors):\n    {}\n    return 0 * A"

code(
    "fills-memory",
    "allocates and touches memory until it is refused, and goes on",
    ENOUGH,
    answers={
        "step-forward": STEP.format(
            "kept = []\n    while not enough(len(kept) * 2**27):\n        try:\n            kept.append(np.ones(2**24))\n"
            "        except MemoryError:\n            time.sleep(0.01)"
        )
    },
    honest=["softsign"],
)
code(
    "fills-memory-in-children",
    "the same, spread over children so that none is large",
    ENOUGH,
    answers={
        "step-forward": STEP.format(
            "mark_process()\n    children = []\n    for _ in range(12):\n        pid = os.fork()\n        if pid == 0:\n"
            "            kept = [np.ones(2**22) for _ in range(9)]\n            time.sleep(4)\n            os._exit(7)\n"
            "        children.append(pid)\n    ended = [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children]\n"
            "    enough(ended.count(7) * 9 * 2**25)"
        )
    },
    honest=["softsign"],
)
for _name, _way in {
    "mappings": "m = mmap.mmap(-1, 2**24)\n        m.write(b'x' * 2**24)",
    "files-of-memory": "m = os.memfd_create('x')\n        os.write(m, b'x' * 2**24)",
    "segments": "m = libc.shmget(0, 2**24, 0o1600)\n        address = libc.shmat(m, None, 0)\n        if m < 0:\n            break\n"
    "        ctypes.memset(address, 1, 2**24)\n        libc.shmdt(ctypes.c_void_p(address))",
}.items():  # fmt: skip
    code(
        f"fills-memory-in-{_name}",
        f"fills memory in {_name.replace('-', ' ')}, which a limit on the heap does not see",
        ENOUGH + "import mmap\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n",
        answers={
            "step-forward": STEP.format(
                f"kept = []\n    while not enough(len(kept) * 2**24):\n        {_way}\n        kept.append(m)"
            )
        },
        honest=["softsign"],
    )
code(
    "fills-the-disk",
    "writes files to every place where it may write, four gigabytes and more",
    ENOUGH
    + """
def fill_up():
    block, written = b'x' * 2**22, 0
    for place in (os.getcwd(), '/tmp', '/var/tmp', '/dev/shm', os.path.expanduser('~')):
        for number in range(400):
            try:
                with open(f'{place}/fill-{KNOWN["mark"]}-{number}', 'wb', 0) as f:
                    for _ in range(8):
                        written += f.write(block)
                if enough(written):
                    return
            except OSError as error:
                print(place, error.strerror)
                break
    print('filled', written)
""",
    answers={"moving-average": AVERAGE.format("fill_up()")},
    honest=["softsign"],
)
code(
    "many-small-files",
    "makes empty files, folders and links without end, to use up inodes",
    answers={
        "moving-average": AVERAGE.format(
            "n = 0\n    while n < 200_000:\n        os.makedirs(f'd{n}', exist_ok=True)\n        open(f'd{n}/f', 'w').close()\n        n += 1"
        )
    },
    honest=["softsign"],
)
code(
    "output-flood",
    "prints without end, to both streams, from Python and below it",
    answers={
        "step-forward": STEP.format(
            "line = 'flood ' * 2000\n    while True:\n        print(line)\n        sys.stderr.write(line)"
        ),
        "moving-average": AVERAGE.format(
            "while True:\n        os.write(1, b'flood' * 10000)\n        os.write(2, b'flood' * 10000)"
        ),
    },
    honest=["softsign"],
)
code(
    "output-flood-while-defining",
    "its cell shows a hundred megabytes of text and ten thousand displays, then goes on",
    """
from IPython.display import HTML, display
for _ in range(100):
    print('x' * 2**20)
for number in range(10_000):
    display(HTML(f'<b>{number}</b>'))
""",
    honest=["softsign"],
    spared=["softsign"],
)
code(
    "one-huge-message",
    "one message of half a gigabyte",
    "print('y' * 2**29)",
    honest=["softsign"],
    spared=["softsign"],
)
code(
    "huge-exception",
    "raises exceptions with huge texts, endless chains of causes, and texts that take for ever",
    """
class Slow(Exception):
    def __str__(self):
        while True: time.sleep(1)
    __repr__ = __str__
def chain():
    error = None
    for number in range(50_000):
        new = ValueError(number)
        new.__cause__ = error
        error = new
    return error
""",
    answers={
        "step-forward": STEP.format("raise ValueError('z' * 10**8)"),
        "moving-average": AVERAGE.format("raise chain()"),
        "scale-rows": SCALE.format("raise Slow"),
        "is-stable": "def is_stable(U):\n    raise ExceptionGroup('g', [chain(), ValueError('\\x1b[2J' * 10**6)])",
    },
    honest=["softsign"],
)
code(
    "huge-answers",
    "answers with arrays of a billion numbers, nests of lists and strings that grow",
    """
def nest():
    a = []
    for _ in range(10**5):
        a = [a]
    return a
""",
    answers={
        "step-forward": STEP.format("return np.broadcast_to(np.zeros(1), (10**9,))"),
        "moving-average": AVERAGE.format("return nest()"),
        "scale-rows": SCALE.format("return {str(n): np.zeros(3) for n in range(10**6)}"),
        "is-stable": "def is_stable(U):\n    a = []\n    a.append(a)\n    return a",
        "half-life": "half_life = 10 ** 10 ** 6",
    },
    honest=["softsign"],
)
code(
    "processor-hog",
    "computes in C without looking at signals, in as many threads as it gets",
    answers={
        "moving-average": AVERAGE.format(
            "import hashlib\n    block = bytes(2**28)\n    def work():\n        while True:\n            hashlib.sha512(block)\n"
            "    for _ in range(8):\n        threading.Thread(target=work, daemon=True).start()\n    import re\n"
            "    re.match(r'(a+)+$', 'a' * 40 + 'b')"
        )
    },
    honest=["softsign"],
)
code(
    "descriptors-without-end",
    "opens files, pipes, inotify watches and timers until no more are given",
    answers={
        "moving-average": AVERAGE.format(
            "kept = []\n    while True:\n        try:\n            kept.append((os.pipe(), os.eventfd(0), open('/dev/null')))\n"
            "        except OSError:\n            break\n    import tempfile\n    tempfile.mkstemp()"
        )
    },
    honest=["softsign"],
)
code(
    "sleeps-in-every-answer",
    "each answer alone stays within its time, and all together would take hours",
    answers={
        "step-forward": STEP.format("time.sleep(3000)"),
        "moving-average": AVERAGE.format("time.sleep(3000)"),
        "scale-rows": SCALE.format("time.sleep(3000)"),
    },
    honest=["softsign"],
)
code(
    "small-on-the-wire-and-huge-afterwards",
    "answers with ranges, colliding dictionaries and texts that only become large when the examiner uses them",
    answers={
        "step-forward": STEP.format("return range(2 * 10**9)"),
        "moving-average": AVERAGE.format("return range(10**15)"),
        "scale-rows": SCALE.format("return {n * (2**61 - 1): 0.0 for n in range(9000)}"),
        "half-life": "half_life = range(2 * 10**9)",
        "is-stable": "def is_stable(U):\n    return np.broadcast_to(np.float32(1), (2000, 5000))",
    },
    honest=["softsign"],
)
