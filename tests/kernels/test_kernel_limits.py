"""Kernels that want too much, and kernels that end: what happens to them, and what is left over."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from autograder.kernels import KernelError, Limits, nursery, tiers, watchdog
from autograder.kernels.limits import MIB

LITTLE = {"memory_bytes": 400 * MIB, "wall_seconds": 60, "cpu_seconds": 30, "disk_bytes": 8 * MIB}


async def ended(kernel, seconds=30):
    """Wait for a kernel's end; why it ended."""
    process = kernel.km.provisioner.process
    assert await process.wait(seconds) is not None, "the kernel still runs"
    return kernel.km.provisioner.ended_because


HUNGRY = {
    "memory": (
        "keep = []\nwhile True: keep.append(bytearray(b'x' * 2**22))",
        {"memory_bytes": 200 * MIB},
        "used more than 200 MiB of memory",
    ),
    "loop": ("while True: pass", {"cpu_seconds": 1}, "used more than 1 second of processor time"),
    "sleep": ("import time\nwhile True: time.sleep(1)", {"wall_seconds": 1}, "ran longer than 1 second"),
    "no interrupt": (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "while True:\n  try: time.sleep(1)\n  except BaseException: pass",
        {"wall_seconds": 1},
        "ran longer than 1 second",
    ),
    "threads": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(100,)).start()",
        {"processes": 60, "wall_seconds": 20},
        None,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", HUNGRY)
def test_too_much_ends_the_kernel_with_a_reason(session, run_async, what):
    code, limits, reason = HUNGRY[what]

    async def main():
        async with session(limits=Limits(**LITTLE | limits)) as kernel:
            if reason:
                kernel.kc.execute(code)
                assert await ended(kernel) == reason
            else:  # the threads are refused inside, or the kernel is ended from outside
                status, _ = await kernel.run(code)
                assert status == "error"

    run_async(main)


PARTS_WITHOUT_END = """
import os, select, socket, stat, struct, threading, time
part = b'\\x03' + struct.pack('>Q', 2**20) + b'x' * 2**20  # ZeroMQ's form of a long part that others follow
def push(descriptor):
    at = 0
    while True:
        try:
            at = (at + os.write(descriptor, memoryview(part)[at:])) % len(part)
        except BlockingIOError:
            select.select([], [descriptor], [], 1)
for descriptor in range(3, 200):
    try:
        with socket.socket(fileno=os.dup(descriptor)) as s:
            s.getpeername()
        threading.Thread(target=push, args=(descriptor,), daemon=True).start()
    except OSError:
        pass
time.sleep(60)
"""


@pytest.mark.slow
def test_parts_of_a_message_that_never_ends_do_not_fill_our_memory(session, run_async, monkeypatch):
    monkeypatch.setattr(watchdog, "MOST_UNREAD", 100 * MIB)
    before = watchdog.resident_bytes(os.getpid())

    async def main():
        async with session(limits=Limits(**LITTLE)) as kernel:
            kernel.kc.execute(PARTS_WITHOUT_END)
            assert await ended(kernel, 50) == "sent messages without end"
            assert watchdog.resident_bytes(os.getpid()) < before + 1000 * MIB

    run_async(main)


@pytest.mark.slow
def test_a_fork_bomb_stays_inside(session, run_async):
    if not any(not tiers.failure(way) for way in tiers.ways() if way.tier == "strict"):
        pytest.skip("elsewhere forking is refused")

    async def main():
        async with session(
            isolation="strict", limits=Limits(**LITTLE | {"processes": 50, "wall_seconds": 4})
        ) as kernel:
            kernel.kc.execute("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass")
            assert await ended(kernel)

    before = len(list(Path("/proc").glob("[0-9]*")))
    run_async(main)
    time.sleep(0.2)
    assert len(list(Path("/proc").glob("[0-9]*"))) < before + 20


def test_elsewhere_forking_is_refused(session, run_async):
    async def main():
        async with session(isolation="limited") as kernel:
            assert (await kernel.error("import os; os.fork()")).startswith("PermissionError")
            await kernel.value("import threading; t = threading.Thread(target=print); t.start(); t.join()")

    run_async(main)


def test_the_disk_is_small(session, run_async):
    async def main():
        async with session(isolation="strict", limits=Limits(**LITTLE)) as kernel:
            for path in ("/tmp/x", "x", "/dev/shm/x"):
                text = await kernel.error(f"open({path!r}, 'wb').write(bytes({20 * MIB}))")
                assert text.startswith("OSError: [Errno 28]"), text

    run_async(main)


def test_elsewhere_a_full_home_ends_the_kernel(session, run_async):
    async def main():
        async with session(isolation="limited", limits=Limits(**LITTLE)) as kernel:
            kernel.kc.execute(f"import time; open('x', 'wb').write(bytes({12 * MIB})); time.sleep(30)")
            assert await ended(kernel) == "wrote more than 8 MiB of files"

    run_async(main)


def test_files_and_descriptors_are_limited(session, run_async):
    async def main():
        async with session(limits=Limits(**LITTLE | {"file_bytes": MIB, "open_files": 100})) as kernel:
            text = await kernel.error(f"f = open('x', 'wb', buffering=0)\nwhile True: f.write(bytes({MIB // 2}))")
            assert text.startswith("OSError: [Errno 27]"), text
            assert "[Errno 24]" in await kernel.error("keep = []\nwhile True: keep.append(open('/dev/null'))")

    run_async(main)


def test_output_ends_somewhere(session, run_async):
    async def main():
        async with session(limits=Limits(**LITTLE | {"output_bytes": 100_000})) as kernel:
            text = await kernel.value("for _ in range(100): print('x' * 10_000)")
            assert len(text) < 110_000
            assert text.endswith("[output ends here: there was too much of it]")

    run_async(main)


def test_background_processes_end_with_the_kernel(session, run_async):
    async def main():
        async with session(isolation="strict") as kernel:
            await kernel.value(
                "import os, subprocess, time\n"
                "subprocess.Popen(['sleep', '1234'], start_new_session=True)\n"
                "if os.fork() == 0:\n"
                "    os.setsid()\n"
                "    if os.fork() == 0: time.sleep(1234)\n"
                "    os._exit(0)"
            )
            pid = kernel.km.provisioner.pid
            inside = [p for p in Path("/proc").glob("[0-9]*") if same_namespace(p, pid)]
            assert len(inside) >= 3
            return inside

    inside = None

    async def keep():
        nonlocal inside
        inside = await main()

    run_async(keep)
    assert not [p for p in inside if p.exists()]


def same_namespace(process, pid):
    try:
        return os.readlink(process / "ns" / "pid") == os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115
    except OSError:
        return False


def test_an_interrupt_reaches_the_kernel(session, run_async):
    async def main():
        async with session() as kernel:
            task = asyncio.create_task(kernel.error("import time\nwhile True: time.sleep(0.05)"))
            await asyncio.sleep(0.5)
            await kernel.km.interrupt_kernel()
            assert (await task).startswith("KeyboardInterrupt")
            assert await kernel.value("1 + 1") == "2"

    run_async(main)


def test_an_output_that_is_too_large_is_left_out(session, run_async):
    async def main():
        async with session(limits=Limits(**LITTLE | {"output_bytes": MIB})) as kernel:
            text = await kernel.value(f"from IPython.display import display, HTML; display(HTML('x' * {3 * MIB}))")
            assert "was left out" in text
            assert await kernel.value("1 + 1") == "2"

    run_async(main)


@pytest.mark.parametrize("code", ["import os; os._exit(3)", "import ctypes; ctypes.string_at(0)"])
def test_a_death_is_noticed(session, run_async, code):
    async def main():
        async with session() as kernel:
            assert await kernel.km.is_alive()
            kernel.kc.execute(code)
            assert await ended(kernel) == ""
            assert not await kernel.km.is_alive()
            assert kernel.km.provisioner.process.code == (3 if "_exit" in code else -signal.SIGSEGV)

    run_async(main)


@pytest.mark.slow
def test_a_stopped_kernel_is_killed_all_the_same(session, run_async):
    async def main():
        async with session(limits=Limits(**LITTLE | {"wall_seconds": 2})) as kernel:
            os.kill(kernel.km.provisioner.pid, signal.SIGSTOP)
            assert await ended(kernel) == "ran longer than 2 seconds"

    run_async(main)


def test_a_restart_is_a_new_kernel_on_the_same_sockets(session, run_async):
    async def main():
        async with session() as kernel:
            await kernel.value("x = 1")
            await kernel.km.restart_kernel(now=True)
            await kernel.kc.wait_for_ready(timeout=30)
            assert (await kernel.error("x")).startswith("NameError")

    run_async(main)


def descendants(process):
    """All processes below one."""
    return watchdog.family(process, watchdog.children_of_all())[1:]


@pytest.mark.slow
def test_a_dead_template_is_replaced(session, run_async):
    async def main():
        async with session(modules=("wave",)) as kernel:
            await kernel.value("1")
            (template,) = [t for breed, t in nursery._templates.items() if "wave" in breed.modules]
            inner = [p for p in (template.process.pid, *descendants(template.process.pid)) if has_control(p)]
            os.kill(inner[0], signal.SIGKILL)
            assert await kernel.km.provisioner.process.wait(10) is not None
        async with session(modules=("wave",)) as kernel:
            assert await kernel.value("1 + 1") == "2"

    run_async(main)


def has_control(process):
    """Whether this is the template itself, and neither bubblewrap around it nor a kernel."""
    command = Path(f"/proc/{process}/cmdline").read_bytes()
    return command.startswith(sys.executable.encode()) and b"settings = json.loads" in command


GRADER = """
import asyncio, os, sys
from autograder.kernels import kernel_manager

async def main():
    kernels = [kernel_manager(side=side) for side in ("learner", "learner", "examiner")]
    for km in kernels:
        await km.start_kernel()
        print(km.provisioner.pid, flush=True)
    print("started", flush=True)
    await asyncio.sleep(100)

asyncio.run(main())
"""


@pytest.mark.slow
def test_everything_ends_with_the_grading_process():
    with subprocess.Popen([sys.executable, "-c", GRADER], stdout=subprocess.PIPE, text=True) as grader:
        pids = [int(grader.stdout.readline()) for _ in range(3)]
        assert grader.stdout.readline() == "started\n"
        everything = descendants(grader.pid)
        assert set(pids) <= set(everything)
        grader.kill()
    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in everything):
        assert time.monotonic() < until, everything
        time.sleep(0.05)


def test_a_failing_import_is_one_clear_line(session, run_async):
    async def main():
        with pytest.raises(KernelError, match="did not start: ModuleNotFoundError: No module named 'no_such_module'"):
            async with session(modules=("no_such_module",)):
                pass

    run_async(main)


def test_random_numbers_differ_between_kernels(session, run_async):
    code = "import random, numpy as np; print(np.random.rand(), random.random())"

    async def main():
        seen = set()
        for _ in range(3):
            async with session() as kernel:
                seen.update((await kernel.value(code)).split())
        assert len(seen) == 6

    run_async(main)


@pytest.mark.slow
def test_twenty_kernels_leave_nothing_behind(session, run_async, monkeypatch):
    own = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)

    def state():
        ours = os.getpid()
        return (
            len(list(Path(f"/proc/{ours}/fd").iterdir())),
            len(Path("/proc/self/mounts").read_text().splitlines()),
            len(list(own.iterdir())),
            len(descendants(ours)),
        )

    async def main():
        async with session() as kernel:  # what stays: the template
            await kernel.value("1")
        await asyncio.sleep(0.2)
        before = state()
        for _ in range(20):
            async with session() as kernel:
                await kernel.value("open('file', 'w').write('x')")
        await asyncio.sleep(0.2)
        after = state()
        assert after[1:] == before[1:], (before, after)
        assert after[0] <= before[0] + 2, (before, after)

    run_async(main)
    own.rmdir()
