"""Grading processes that share their templates: one start for all, and each one's end is its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from autograder.kernels import nursery, sharing, watchdog

pytestmark = pytest.mark.slow  # templates and kernels are started for almost every one

GRADER = """
import asyncio, sys
from autograder.boundary.sides import NoKernel, Side
from autograder.kernels import process
from autograder.kernels.cells import CellKernel
from autograder.kernels.launching import Wanted

process.READY_SECONDS = 12.0  # one of these tests waits as long

async def main():
    side = Side(lambda: CellKernel(Wanted(sys.argv[1], "cells", modules=("json",))))
    for line in sys.stdin:
        if line.startswith("start"):
            try:
                await side.start()
                print("started", flush=True)
            except NoKernel as error:
                print(error, flush=True)
        elif line.startswith("stop"):
            await side.stop()
            print("stopped", flush=True)
        else:
            ran = await side.run(line, seconds=20)
            print(ran.status, [o.get("text") for o in ran.outputs], flush=True)

asyncio.run(main())
"""


class Grader:
    """A process that makes kernels of one side, told what to do line by line."""

    def __init__(self, folder, side="learner"):
        self.run = subprocess.Popen(
            [sys.executable, "-c", GRADER, side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {sharing.FOLDER: str(folder)},
            cwd="/",
        )

    def begin(self, line):
        """Say it, without waiting for the answer."""
        self.run.stdin.write(line + "\n")
        self.run.stdin.flush()

    def answer(self):
        """What it has answered."""
        return self.run.stdout.readline().strip()

    def tell(self, line):
        """Say it; the answer."""
        self.begin(line)
        return self.answer()

    def close(self):
        """Let it end as it would."""
        self.run.stdin.close()
        self.run.wait(20)
        self.run.stdout.close()


@pytest.fixture
def folder():
    with sharing.new_folder() as made:
        yield made / "0"


@pytest.fixture
def two(folder):
    """Two graders, with a kernel each."""
    graders = [Grader(folder), Grader(folder)]
    for grader in graders:
        grader.begin("start")
    assert [grader.answer() for grader in graders] == ["started", "started"]
    yield graders
    for grader in graders:
        grader.run.kill()
        grader.run.wait()
        grader.run.stdout.close()


def eventually(what, seconds=10.0):
    """Whether it comes true in this time."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def reached(folder):
    """Whether a template is reached by each of the folder's sockets."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix != ".lock":
            connection = sharing.connected(path)
            found.append(connection is not None)
            if connection is not None:
                connection.close()
    return found


def started(grader):
    """How many processes it has started."""
    return len(psutil.Process(grader.run.pid).children())


def test_it_is_started_once(two, folder):
    assert sorted(map(started, two)) == [0, 1]
    assert reached(folder) == [True]
    assert two[0].tell("print(1)") == "ok ['1\\n']"
    assert two[1].tell("print(2)") == "ok ['2\\n']"


def test_a_grader_that_is_killed_takes_its_own_kernels_along_and_no_others(two, folder):
    first = max(two, key=started)  # the template is its child
    (other,) = set(two) - {first}
    (holder,) = psutil.Process(first.run.pid).children()
    kernels = [p for p in [holder, *holder.children(recursive=True)] if p.is_running()]
    assert other.tell("x = 5") == "ok []"
    first.run.send_signal(signal.SIGKILL)
    first.run.wait()
    assert eventually(lambda: sum(_runs(p) for p in kernels) < len(kernels))
    assert other.tell("print(x)") == "ok ['5\\n']"
    assert other.tell("stop") == "stopped"
    assert other.tell("start") == "started"
    assert other.tell("print('x' in globals())") == "ok ['False\\n']"
    assert reached(folder) == [True]
    other.close()
    assert eventually(lambda: reached(folder) == [False])
    assert eventually(lambda: not any(map(_runs, kernels)))


def _runs(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_a_template_that_has_died_is_started_again_by_whoever_needs_it(two, folder):
    first = max(two, key=started)
    for process in psutil.Process(first.run.pid).children(recursive=True):
        process.kill()
    (other,) = set(two) - {first}
    assert eventually(lambda: other.tell("1").startswith("dead"))
    assert other.tell("start") == "started"
    assert other.tell("print(3)") == "ok ['3\\n']"
    assert first.tell("start") == "started"
    assert first.tell("print(4)") == "ok ['4\\n']"
    assert started(other) == 1
    assert reached(folder) == [True]


def test_breeds_are_not_mixed_up(folder):
    graders = [Grader(folder, "learner"), Grader(folder, "examiner")]
    try:
        assert [grader.tell("start") for grader in graders] == ["started", "started"]
        assert list(map(started, graders)) == [1, 1]
        assert reached(folder) == [True, True]
    finally:
        for grader in graders:
            grader.close()


def test_a_folder_with_too_long_a_name_means_templates_of_ones_own(tmp_path):
    grader = Grader(tmp_path / ("long" * 30) / "0")
    try:
        assert grader.tell("start") == "started"
        assert grader.tell("print(1)") == "ok ['1\\n']"
    finally:
        grader.close()


def test_what_lies_in_the_place_of_a_socket_is_no_template(folder):
    folder.mkdir()
    grader = Grader(folder)
    try:
        place = folder / "0123456789abcdef"
        place.write_text("no socket")
        assert sharing.connected(place) is None
        assert sharing.listening(place) is not None
        assert grader.tell("start") == "started"
    finally:
        grader.close()


def test_sockets_are_their_owners_alone(two, folder):
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_uid == os.geteuid() for path in folder.iterdir())


def test_a_template_that_hangs_is_replaced(two):
    """After the time that a kernel may take to start, by whoever has waited."""
    first = max(two, key=started)
    (holder,) = psutil.Process(first.run.pid).children()
    hanging = [holder, *holder.children(recursive=True)]
    for process in hanging:
        process.suspend()
    assert first.tell("stop") == "stopped"
    first.begin("start")
    assert "did not start within" in first.run.stdout.readline()
    assert first.tell("start") == "started"
    assert first.tell("print(1)") == "ok ['1\\n']"
    assert not any(_runs(p) for p in hanging)


def test_a_learners_code_reaches_no_socket(two, folder):
    """It does not see the folder; nor could it connect."""
    assert two[0].tell(f"import os; print(os.path.exists({str(folder)!r}))") == "ok ['False\\n']"
    assert two[0].tell("import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)").startswith("error")


def test_without_the_folder_nothing_is_shared(monkeypatch):
    monkeypatch.delenv(sharing.FOLDER, raising=False)
    assert sharing.place("anything") is None
    assert sharing.shown("/anywhere") is None


def test_the_folder_for_what_is_left_is_made_again(tmp_path, monkeypatch):
    monkeypatch.delenv(sharing.SCRATCH, raising=False)
    assert sharing.scratch() is None
    monkeypatch.setenv(sharing.SCRATCH, str(tmp_path / "gone"))
    assert sharing.scratch() == tmp_path / "gone"
    assert (tmp_path / "gone").stat().st_mode & 0o777 == 0o711
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert sharing.scratch() is None, "somebody else's"


def test_what_killed_runs_have_left_is_removed_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(sharing.tempfile, "tempdir", str(tmp_path))
    code = (
        "import os\nfrom autograder.kernels import sharing\n"
        "with sharing.new_folder() as made:\n"
        "    (made / 'home').mkdir(); print(made, flush=True); input()\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    runs = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment) for _ in range(3)]
    folders = [Path(run.stdout.readline().strip()) for run in runs]
    others = [tmp_path / "unrolled-files-of-others", tmp_path / "unrolled-link", tmp_path / "unrolled-empty"]
    others[0].mkdir()
    (others[0] / "held").mkdir()
    others[1].symlink_to(others[0])
    others[2].mkdir()
    for run in runs[:2]:
        run.kill()
        run.wait()
    long_ago = time.time() - 2 * sharing._SETTLED
    for folder in [folders[0], *folders[2:], *others]:
        os.utime(folder, (long_ago, long_ago), follow_symlinks=False)
    with sharing.new_folder() as mine:
        assert {*tmp_path.iterdir()} == {mine, *others, *folders[1:]}  # the second is too young to be judged
    for run in runs[2:]:
        run.communicate("\n", timeout=30)
    assert {*tmp_path.iterdir()} == {*others, folders[1]}


def test_a_copy_that_everybody_may_read_is_made_once(folder, monkeypatch, tmp_path):
    monkeypatch.setenv(sharing.FOLDER, str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    source = tmp_path / "package"
    source.mkdir(mode=0o700)
    (source / "module.py").write_text("x = 1")
    nursery.readable_folder.cache_clear()
    copy = nursery.readable_folder(source)
    nursery.readable_folder.cache_clear()
    assert nursery.readable_folder(source) == copy
    assert copy != source
    assert (copy / "module.py").read_text() == "x = 1"
    assert [path.stat().st_mode & 0o007 for path in (copy, copy / "module.py")] == [0o005, 0o004]
    assert folder.parent.stat().st_mode & 0o007 == 0o001, "others may pass through, and see nothing else"
    assert copy.parent == folder.parent
    nursery.readable_folder.cache_clear()


def test_workers_that_one_command_has_started_find_each_other(tmp_path):
    """And whoever comes after them removes what they leave."""
    joining = (
        "import os, sys\nfrom autograder.kernels import sharing\n"
        "sharing.join_siblings(); sharing.join_siblings()\n"
        "print(os.environ.get(sharing.FOLDER, ''), flush=True); input()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != sharing.FOLDER}
    environment["TMPDIR"] = str(tmp_path)

    def joins():
        run = subprocess.Popen([sys.executable, "-c", joining], stdin=-1, stdout=-1, text=True, env=environment)
        return run, Path(run.stdout.readline().strip())

    runs, groups = zip(*(joins() for _ in range(sharing.TOGETHER + 1)), strict=True)
    (folder,) = {group.parent for group in groups}
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o711
    assert [group.name for group in groups] == ["0"] * sharing.TOGETHER + ["1"]
    runs[3].kill()
    runs[3].wait()
    again, group = joins()
    assert group == groups[0], "the place of one that has died is free"
    long_ago = time.time() - 2 * sharing._SETTLED
    for run in (*runs, again):
        os.utime(folder, (long_ago, long_ago))
        sharing._tidy(tmp_path)
        assert folder.exists()
        if run is not runs[3]:
            run.communicate("\n", timeout=30)
    os.utime(folder, (long_ago, long_ago))
    sharing._tidy(tmp_path)
    assert not folder.exists()


def test_a_folder_of_somebody_elses_is_not_joined(tmp_path, monkeypatch):
    monkeypatch.delenv(sharing.FOLDER, raising=False)
    monkeypatch.setattr(sharing.tempfile, "tempdir", str(tmp_path))
    begun = watchdog.stat_fields(os.getppid())[19]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"unrolled-{os.geteuid()}-{os.getppid()}-{begun}").symlink_to(tmp_path / "elsewhere")
    sharing.join_siblings.__wrapped__()
    assert sharing.FOLDER not in os.environ
    assert not list((tmp_path / "elsewhere").iterdir())
