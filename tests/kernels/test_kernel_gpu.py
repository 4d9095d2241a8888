"""Kernels that may use a GPU and kernels that may not, where a script says what nvidia-smi would.

No test here meets a GPU: the script reports amounts, and ordinary devices stand for those of a GPU.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from autograder.kernels import Limits, doctor, gpu, launching, tiers
from autograder.kernels.launching import Launch, Wanted
from autograder.kernels.limits import GIB, MIB

pytestmark = pytest.mark.slow  # templates and kernels are started for almost every one

CAP = Limits(memory_bytes=GIB, wall_seconds=60, gpu_bytes=300 * MIB)
STAND_IN = "/dev/tty"  # a device that kernels have not otherwise; opening it fails with ENXIO, or for want of it


class Program:
    """A script in place of nvidia-smi: `says(processes, devices)` are its answers to the two questions."""

    def __init__(self, folder):
        self.folder = folder
        self.says("", "0")
        self.runs('case "$1" in *compute-apps*) cat processes;; *) cat devices;; esac')

    def says(self, processes, devices="0"):
        for name, text in (("processes", processes), ("devices", devices)):
            new = self.folder / f"{name}.new"
            new.write_text(f"{text}\n" if text else "")
            new.replace(self.folder / name)

    def runs(self, code):
        new = self.folder / "new"
        new.write_text(f"#!/bin/sh\ncd {self.folder}\necho call >> calls\n{code}\n")
        new.chmod(0o755)
        new.replace(self.folder / "nvidia-smi")

    @property
    def calls(self):
        file = self.folder / "calls"
        return file.read_text().count("call") if file.exists() else 0


def forget():
    gpu.problem.cache_clear()
    gpu.told.cache_clear()


@pytest.fixture
def program(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(gpu, "EVERY", 0.1)
    monkeypatch.setattr(gpu, "IDLE", 0.5)
    forget()
    yield Program(folder)
    for thread in threading.enumerate():
        if thread.name == "GPU meter":
            thread.join(10)
            assert not thread.is_alive(), "it looks on though nobody asks"
    forget()


@pytest.fixture
def without_program(tmp_path, monkeypatch):
    found = tmp_path / "bwrap only"
    found.mkdir()
    bubblewrap = shutil.which("bwrap")
    if bubblewrap:
        (found / "bwrap").symlink_to(bubblewrap)
    monkeypatch.setenv("PATH", str(found))
    forget()
    yield
    forget()


def gives(tier):
    return any(not tiers.failure(way) for way in tiers.ways() if way.tier == tier)


@pytest.fixture(params=tiers.TIERS)
def tier(request):
    if not gives(request.param):
        pytest.skip(f"this machine does not give {request.param}")
    return request.param


async def ended(kernel, seconds=20):
    assert await kernel.km.provisioner.process.wait(seconds) is not None, "the kernel still runs"
    return kernel.km.provisioner.ended_because


def test_the_kernel_that_takes_too_much_is_ended_and_no_other(session, run_async, program, tier):
    async def main():
        async with (
            session(gpu=True, limits=CAP, isolation=tier) as greedy,
            session(gpu=True, limits=CAP, isolation=tier) as modest,
            session(limits=CAP, isolation=tier) as unmarked,
        ):
            pids = [each.km.provisioner.pid for each in (greedy, modest, unmarked)]
            program.says(f"{pids[0]}, 200\n{pids[0]}, 90\n{pids[1]}, 300\n{pids[2]}, 9000")
            await asyncio.sleep(0.6)
            assert await greedy.value("1 + 1") == "2"
            program.says(f"{pids[0]}, 200\n{pids[0]}, 101\n{pids[1]}, 300\n{pids[2]}, 9000")  # on two devices
            assert await ended(greedy) == "took more than 300 MiB of GPU memory"
            await asyncio.sleep(0.3)
            assert await modest.value("1 + 1") == await unmarked.value("1 + 1") == "2"

    run_async(main)


def test_what_a_kernel_starts_counts(session, run_async, program):
    if not gives("strict"):
        pytest.skip("elsewhere a kernel starts nothing")

    async def main():
        async with session(gpu=True, limits=CAP, isolation="strict") as kernel:
            await kernel.value("import subprocess; subprocess.Popen(['sleep', '50'])")
            own = kernel.km.provisioner.pid
            child = subprocess.run(["pgrep", "-P", str(own)], capture_output=True, text=True, check=True).stdout.strip()
            program.says(f"{own}, 200\n{child}, 200")
            assert await ended(kernel) == "took more than 300 MiB of GPU memory"

    run_async(main)


def test_a_notebook_that_is_not_marked_sees_no_gpu_and_costs_nothing(session, run_async, program, tier, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setattr(gpu, "nodes", lambda: pytest.fail("a notebook without a mark looks for GPUs"))
    before = threading.enumerate()

    async def main():
        for side in ("learner", "examiner"):
            async with session(side=side, isolation=tier) as kernel:
                names = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
                assert await kernel.value(f"import os; print([os.environ[name] for name in {names}])") == "['-1', '-1']"
                await asyncio.sleep(0.3)
                started = set(threading.enumerate()) - set(before)
                assert "GPU meter" not in [thread.name for thread in started]

    run_async(main)
    assert program.calls == 0


def test_a_notebook_that_is_marked_sees_the_grader_s(session, run_async, program, tier, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("COURSE_SECRET", "x")

    async def main():
        for side in ("learner", "examiner"):
            async with session(side=side, isolation=tier, gpu=True) as kernel:
                seen = await kernel.value("import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'))")
                assert seen == "3"
                assert await kernel.value("print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])") == "true"
                if side == "learner":
                    assert await kernel.value("print('COURSE_SECRET' in os.environ)") == "False"
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        async with session(isolation=tier, gpu=True) as kernel:
            assert await kernel.value("import os; print('CUDA_VISIBLE_DEVICES' in os.environ)") == "False"

    run_async(main)


def test_devices_are_there_for_marked_notebooks_alone(session, run_async, program, tier, monkeypatch):
    devices_in(session, run_async, tier, monkeypatch)


@pytest.mark.skipif(os.geteuid() != 0, reason="a way for root")
def test_devices_are_there_without_bubblewrap(session, run_async, program, monkeypatch):
    way = tiers.Way("strict", "root")
    if tiers.failure(way):
        pytest.skip(f"not on this machine: {tiers.failure(way)}")
    monkeypatch.setitem(launching._chosen, "strict", way)
    devices_in(session, run_async, "strict", monkeypatch)


def devices_in(session, run_async, tier, monkeypatch):
    monkeypatch.setattr(gpu, "nodes", lambda: [STAND_IN])
    monkeypatch.setattr(gpu, "readable", lambda: ["/proc/devices", "/sys/bus/pci/devices"])
    look = (
        "import os\n"
        "try: os.close(os.open('/dev/tty', os.O_RDWR)); print('open')\n"
        "except OSError as error: print(error.errno)\n"
    )
    read = "print(len(open('/proc/devices').read()) > 9, os.path.isdir('/sys/bus/pci/devices'))"

    async def main():
        async with session(isolation=tier, gpu=True) as marked, session(isolation=tier) as unmarked:
            assert await marked.value(look) in ("open", "6")  # ENXIO: there, and no terminal behind it
            assert await marked.value(read) == "True True"
            assert await marked.value("os.listdir('/sys/bus/pci/devices') and None or print('listed')") == "listed"
            if tier != "limited":
                assert await unmarked.value(look) == {"strict": "2", "contained": "13"}[tier]
            text = await marked.error("open('/sys/bus/pci/devices/new', 'w')")
            assert text.startswith(("PermissionError", "OSError", "FileNotFoundError"))

    run_async(main)


def test_templates_are_not_shared_and_not_rehearsed_for_a_gpu(program):
    async def breeds():
        made = []
        for marked in (True, False):
            for side in ("learner", "examiner"):
                breed, _ = await Launch(Wanted(side, gpu=marked, rehearsals=("colorsys",)))._breed()
                made.append(breed)
        return made

    marked, marked_examiner, unmarked, unmarked_examiner = asyncio.run(breeds())
    assert len({marked, marked_examiner, unmarked, unmarked_examiner}) == 4
    assert marked.rehearsals == marked_examiner.rehearsals == ()
    assert unmarked.rehearsals == unmarked_examiner.rehearsals == ("colorsys",)


@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_importing_starts_no_framework(framework):
    """What templates import must leave the devices alone, or no fork could use them; as far as can be told without one.

    (With a GPU, CUDA's own threads would be found when a template looks for threads.)
    """
    pytest.importorskip(framework, reason=f"{framework} is not installed")
    code = (
        f"import {framework}, sys, autograder.checks.lstm, autograder.checks.vanilla, autograder.boundary.examiner\n"
        "torch, tensorflow = sys.modules.get('torch'), sys.modules.get('tensorflow')\n"
        "assert torch is None or not torch.cuda.is_initialized()\n"
        "if tensorflow:\n"
        "    from tensorflow.python.eager import context\n"
        "    assert not context.context()._initialized\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100, env=environment)


def test_where_amounts_are_not_told_the_devices_count(session, run_async, program, monkeypatch):
    """A kernel that has a device open, and is listed without an amount, or under a number that is not ours."""
    monkeypatch.setattr(gpu, "nodes", lambda: ["/dev/full"])
    program.says("", "1000\n500")

    async def main():
        for listed in ("{}, [N/A]", "{}, [Insufficient Permissions]", "4194000, 700", ""):
            program.says("", "1000\n500")
            async with session(gpu=True, limits=CAP) as user, session(gpu=True, limits=CAP) as other:
                await user.value("device = open('/dev/full')")
                program.says(listed.format(user.km.provisioner.pid), "1100\n650")
                await asyncio.sleep(0.4)
                assert await user.value("1 + 1") == "2", listed
                program.says(listed.format(user.km.provisioner.pid), "1100\n750")
                assert await ended(user) == "took more than 300 MiB of GPU memory", listed
                await asyncio.sleep(0.3)
                assert await other.value("1 + 1") == "2", listed

    run_async(main)


def test_what_is_told_by_nobody_is_said_once(session, run_async, program, monkeypatch, caplog):
    async def main():
        async with session(gpu=True, limits=CAP) as kernel:
            program.says(f"{kernel.km.provisioner.pid}, [N/A]", "[N/A]")
            await asyncio.sleep(0.6)
            assert await kernel.value("1 + 1") == "2"

    run_async(main)
    (line,) = caplog.messages
    assert line == "The limit on a notebook's GPU memory does not hold: nvidia-smi does not tell how much is used."


def test_a_program_that_fails_later_is_said_once_and_does_not_block(session, run_async, program, monkeypatch, caplog):
    monkeypatch.setattr(gpu, "PATIENCE", 0.5)

    async def main():
        async with session(gpu=True, limits=Limits(memory_bytes=GIB, wall_seconds=4)) as kernel:
            program.runs("exec sleep 60")
            began = time.monotonic()
            assert await ended(kernel) == "ran longer than 4 seconds"
            assert time.monotonic() - began < 6

    run_async(main)
    (line,) = caplog.messages
    assert "does not hold for now: nvidia-smi gave no answer within 0.5 seconds" in line


PROBLEMS = {
    "echo NVIDIA-SMI has failed because it cannot reach the driver.; exit 9": (
        "nvidia-smi ended with status 9: NVIDIA-SMI has failed because it cannot reach the driver"
    ),
    "echo No devices were found": "nvidia-smi knows of no device",
    "exec sleep 60": "nvidia-smi gave no answer within 0.5 seconds",
}


@pytest.mark.parametrize("code", PROBLEMS)
def test_without_a_gpu_that_answers_processors_do_it(run_async, program, monkeypatch, caplog, code):
    monkeypatch.setattr(gpu, "PATIENCE", 0.5)
    program.runs(code)
    marked, unmarked = (asyncio.run(Launch(Wanted("learner", gpu=each))._breed())[0] for each in (True, False))
    assert marked == unmarked
    asyncio.run(Launch(Wanted("learner", gpu=True))._breed())
    line = f"A notebook is marked for a GPU, and is graded on processors: {PROBLEMS[code]}."
    assert caplog.messages == [line]


def test_the_doctor_says_whether_there_is_one(program, monkeypatch):
    assert doctor._of_gpu().seen == "for notebooks that are marked for one; its memory is watched, once a second"
    program.runs("echo No devices were found; exit 6")
    forget()
    found = doctor._of_gpu()
    assert not found.well
    assert found.seen.startswith("none, since nvidia-smi ended with status 6: No devices were found: notebooks")


def test_without_the_program_processors_do_it(session, run_async, without_program, caplog):
    async def main():
        async with session(gpu=True) as kernel:
            assert await kernel.value("import os; print(os.environ['CUDA_VISIBLE_DEVICES'])") == "-1"

    run_async(main)
    assert caplog.messages == ["A notebook is marked for a GPU, and is graded on processors: nvidia-smi is not found."]
    assert doctor._of_gpu().well


def test_answers_of_all_kinds_are_understood(program):
    program.says(
        "12, 5\n12, 6\n13, [N/A]\n13, 4\n[N/A], 7\nNo running processes found\n14, [Not Supported]", "3\n[N/A]"
    )
    reading = gpu.read()
    assert reading.processes == {12: 11 * MIB, 13: None, 14: None}
    assert reading.devices is None
