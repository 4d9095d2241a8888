"""What a learner's kernel can neither see, read, write, reach nor disturb, at every tier this machine gives."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from autograder.kernels import tiers

pytestmark = pytest.mark.slow  # a kernel is started for every one
ROOT = Path(__file__).resolve().parents[2]
SHUT_IN = ["strict", "contained"]


def gives(tier):
    return any(not tiers.failure(way) for way in tiers.ways() if way.tier == tier)


@pytest.fixture(params=SHUT_IN)
def tier(request):
    """The tiers that isolate."""
    if not gives(request.param):
        pytest.skip(f"this machine does not give {request.param}")
    return request.param


DENIED = ("PermissionError", "FileNotFoundError", "NotADirectoryError")


def test_files_outside_cannot_be_read_or_written(session, run_async, tier, tmp_path):
    secret = tmp_path / "gradebook.db"
    secret.write_text("200 of 7")
    files = [secret, ROOT / "autograder" / "checks" / "__init__.py", Path("/etc/shadow"), ROOT / "pyproject.toml"]
    folders = [ROOT / "solutions", ROOT / "tests", ROOT / "autograder", tmp_path, Path("/var/log"), Path("/etc/ssh")]

    async def main():
        async with session(isolation=tier) as kernel:
            assert kernel.km.provisioner.tier == tier
            for path in files:
                assert (await kernel.error(f"open({str(path)!r}).read()")).startswith(DENIED)
            for path in folders:
                assert (await kernel.error(f"import os; os.listdir({str(path)!r})")).startswith(DENIED)
            for path in (secret, tmp_path / "new", ROOT / "new", Path(sys.prefix) / "new", Path("/usr/new")):
                assert (await kernel.error(f"open({str(path)!r}, 'w')")).startswith((*DENIED, "OSError"))

    run_async(main)
    assert secret.read_text() == "200 of 7"


def test_the_course_is_not_visible_in_the_file_system(session, run_async):
    if not gives("strict"):
        pytest.skip("needs the strict tier")

    async def main():
        async with session(isolation="strict") as kernel:
            seen = await kernel.value(
                "import os\n"
                "print([os.path.join(d, f) for d, _, fs in os.walk('/') if not d.startswith('/proc') for f in fs\n"
                "       if f in ('questions.py', 'gradebook.db', 'nbgrader_config.py', 'DESIGN.md')\n"
                "       and 'site-packages' not in d])"
            )
            assert seen == "[]"
            assert (await kernel.error("import autograder")).startswith("ModuleNotFoundError")

    run_async(main)


def test_the_environment_is_clean(session, run_async, tier, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "s3cret")

    async def main():
        async with session(isolation=tier) as kernel:
            assert "s3cret" not in await kernel.value("import os; print(dict(os.environ))")
            read = "print(open(f'/proc/{os.getpid()}/environ').read(), open('/proc/self/cmdline').read())"
            _, text = await kernel.run(f"import os\n{read}")
            assert "s3cret" not in text
            assert str(ROOT / "solutions") not in text

    run_async(main)


def test_only_the_given_package_is_found(session, run_async, tier, tmp_path):
    (tmp_path / "autograder").mkdir()
    (tmp_path / "autograder" / "__init__.py").write_text("check = 'thin'\n")

    async def main():
        async with session(isolation=tier, folders=(tmp_path,)) as kernel:
            assert await kernel.value("from autograder import check; print(check)") == "thin"
            assert (await kernel.error("import autograder.checks")).startswith("ModuleNotFoundError")
            assert (
                await kernel.value("import sys; print([m for m in sys.modules if m.startswith('autograder.')])") == "[]"
            )

    run_async(main)


NETWORK = {
    "tcp": "import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
    "udp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "dns": "import socket; socket.getaddrinfo('example.org', 80)",
    "listen": "import socket; socket.create_server(('127.0.0.1', 0))",
    "unix": "import socket; socket.socket(socket.AF_UNIX).connect({path!r})",
    "abstract": "import socket; socket.socket(socket.AF_UNIX).connect('\\0' + {name!r})",
    "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "datagram pair": "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "url": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}', timeout=2)",
}


def test_there_is_no_network(session, run_async, tier, tmp_path):
    name = f"kernel-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        path = f"/tmp/{name}"
        unix.bind(path)
        unix.listen()
        with socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind("\0" + name)
            abstract.listen()
            facts = {"port": tcp.getsockname()[1], "path": path, "name": name}

            async def main():
                async with session(isolation=tier) as kernel:
                    for kind, code in NETWORK.items():
                        text = await kernel.error(code.format(**facts))
                        assert text.startswith(("PermissionError", "gaierror", "URLError")), (kind, text)
                    # the pair that asyncio needs is there
                    await kernel.value("import socket; a, b = socket.socketpair(); a.send(b'x'); b.recv(1)")

            try:
                run_async(main)
            finally:
                Path(path).unlink()


def test_no_other_process_can_be_signalled_or_seen(session, run_async, tier):
    victim = subprocess.Popen(["sleep", "100"])

    async def main():
        async with session(isolation=tier) as kernel, session(isolation=tier) as sibling:
            others = [os.getpid(), victim.pid, sibling.km.provisioner.pid, os.getppid()]
            for pid in others:
                for number in (0, 9):
                    text = await kernel.error(f"import os; os.kill({pid}, {number})")
                    assert text.startswith(("PermissionError", "ProcessLookupError")), text
                for code in (f"open('/proc/{pid}/mem', 'rb')", f"open('/proc/{pid}/environ').read()",
                             f"__import__('os').readlink('/proc/{pid}/exe')"):  # fmt: skip
                    status, text = await kernel.run(code)
                    assert status == "error" or tier == "contained", text
                assert (await kernel.error(f"open('/proc/{pid}/environ').read()")).startswith(DENIED)
            assert await sibling.value("1 + 1") == "2"
            if tier == "strict":
                seen = await kernel.value("import os; print([p for p in os.listdir('/proc') if p.isdigit()])")
                assert seen == "['1']"

    try:
        run_async(main)
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


SYSCALLS = {
    "ptrace": "ctypes.CDLL(None, use_errno=True).ptrace(16, 1, 0, 0)",
    "unshare": "ctypes.CDLL(None, use_errno=True).unshare(0x10000000)",
    "mount": "ctypes.CDLL(None, use_errno=True).mount(b'x', b'/tmp', b'tmpfs', 0, None)",
    "setns": "ctypes.CDLL(None, use_errno=True).setns(0, 0)",
    "chroot": "ctypes.CDLL(None, use_errno=True).chroot(b'/')",
    "bpf": "ctypes.CDLL(None, use_errno=True).syscall(321, 0, 0, 0)",
    "keyctl": "ctypes.CDLL(None, use_errno=True).syscall(250, 0, 0)",
    "io_uring": "ctypes.CDLL(None, use_errno=True).syscall(425, 1, 0)",
    "userfaultfd": "ctypes.CDLL(None, use_errno=True).syscall(323, 0)",
    "perf_event_open": "ctypes.CDLL(None, use_errno=True).syscall(298, 0, 0, -1, -1, 0)",
    "process_vm_readv": "ctypes.CDLL(None, use_errno=True).syscall(310, 1, 0, 0, 0, 0, 0)",
    "pidfd_getfd": "ctypes.CDLL(None, use_errno=True).syscall(438, 0, 0, 0)",
    "open_by_handle_at": "ctypes.CDLL(None, use_errno=True).syscall(304, 0, 0, 0)",
    "clone into a user namespace": "ctypes.CDLL(None, use_errno=True).syscall(56, 0x10000011, 0, 0, 0, 0)",
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system call numbers of x86_64")
def test_system_calls_that_lead_out_are_refused(session, run_async, tier):
    async def main():
        async with session(isolation=tier) as kernel:
            for name, code in SYSCALLS.items():
                answer = await kernel.value(f"import ctypes; print({code}, ctypes.get_errno())")
                assert answer == "-1 1", (name, answer)
            assert (
                await kernel.value("print(ctypes.CDLL(None, use_errno=True).syscall(435, 0, 0), ctypes.get_errno())")
                == "-1 38"
            )
            rights = await kernel.value("print(open('/proc/self/status').read())")
            fields = dict(line.split(":\t", 1) for line in rights.splitlines() if ":\t" in line)
            assert {fields[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {""}
            assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")

    run_async(main)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose here")
def test_root_is_not_root_inside(session, run_async):
    if not gives("strict"):
        pytest.skip("needs the strict tier")

    async def main():
        async with session(isolation="strict") as kernel:
            pid = kernel.km.provisioner.pid
            assert "Uid:\t65534\t65534\t65534\t65534" in Path(f"/proc/{pid}/status").read_text()
            assert await kernel.value("import os; print(os.getuid())") == "1000"

    run_async(main)


def test_siblings_do_not_share_files(session, run_async, tier):
    async def main():
        async with session(isolation=tier) as kernel, session(isolation=tier) as sibling:
            make = "f = tempfile.NamedTemporaryFile(delete=False); f.write(b'mine'); f.close(); print(f.name)"
            path = await sibling.value(f"import os, tempfile; {make}")
            assert (await kernel.error(f"open({path!r}).read()")).startswith(DENIED)
            home = await sibling.value("print(os.path.expanduser('~'))")
            await sibling.value("open('answer.txt', 'w').write('mine')")
            assert (await kernel.error(f"open({home + '/answer.txt'!r}).read()")).startswith(DENIED)

    run_async(main)


def test_too_much_is_refused_to_be_promised(monkeypatch):
    from autograder.kernels import IsolationError

    monkeypatch.setattr(tiers, "failure", lambda way: "" if way.tier == "limited" else "no namespaces here")
    assert tiers.choose("auto").tier == "limited"
    with pytest.raises(
        IsolationError, match="'strict' was asked for, but this machine gives 'limited': no namespaces here"
    ):
        tiers.choose("strict")


def test_a_lower_tier_may_be_asked_for(session, run_async):
    async def main():
        async with session(isolation="limited") as kernel:
            assert kernel.km.provisioner.tier == "limited"
            assert await kernel.value("1 + 1") == "2"

    run_async(main)


def test_two_at_a_time(session, run_async):
    before = threading.active_count()

    async def main():
        async with session() as first, session() as second:
            await asyncio.gather(first.value("x = 1"), second.value("x = 2"))
            assert await first.value("x") == "1"
            assert await second.value("x") == "2"
        assert threading.active_count() < before + 10

    run_async(main)
