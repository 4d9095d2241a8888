"""The same without root: the isolation tests again as user 65534, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
USER = 65534

# Python may lie in a folder of root's (as pyenv has it): a copy of the way to it for everybody, in a private
# mount namespace, then away with all rights.
BECOME = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from autograder.kernels import system
system.unshare(system.CLONE_NEWNS)
system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
for prefix in {sys.base_prefix, sys.prefix}:
    closed = [p for p in reversed(Path(prefix).parents) if p.stat().st_mode & 0o005 != 0o005]
    if closed:
        keep = os.open(prefix, os.O_RDONLY | os.O_DIRECTORY)
        system.mount("way", str(closed[0]), "tmpfs", 0, "mode=755")
        Path(prefix).mkdir(parents=True)
        system.mount(f"/proc/self/fd/{keep}", prefix, None, system.MS_BIND | system.MS_REC)
        os.close(keep)
system.become(int(sys.argv[2]))
os.environ["HOME"] = os.environ["TMPDIR"] = sys.argv[3]
os.environ.pop("XDG_RUNTIME_DIR", None)
os.execv(sys.executable, [sys.executable, *sys.argv[4:]])
"""


def as_user(folder: Path, *arguments: str, seconds: float = 300) -> subprocess.CompletedProcess:
    """Run this Python as an ordinary user."""
    command = [sys.executable, "-c", BECOME, str(ROOT), str(USER), str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=ROOT)


@pytest.fixture
def home(tmp_path_factory):
    """A folder that belongs to the user; short, for sockets."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="u-", dir="/tmp"))
    os.chown(folder, USER, USER)
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="everything here runs without root already")
@pytest.mark.parametrize(
    "chosen", ["test_kernel_isolation.py", "test_kernel_gpu.py::test_devices_are_there_for_marked_notebooks_alone"]
)
def test_isolation_without_root(home, chosen):
    tests = str(ROOT / "tests" / "kernels" / chosen)
    options = ["-q", "-p", "no:cacheprovider", "--basetemp", str(home / "pytest"), "--tb=short"]
    done = as_user(home, "-m", "pytest", *options, tests)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="everything here runs without root already")
def test_the_doctor_without_root(home):
    code = "from autograder.kernels import doctor, tiers; print(doctor.text()); print(tiers.choose().tier)"
    done = as_user(home, "-c", code)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"user: an ordinary one ({USER})" in done.stdout
    assert done.stdout.split()[-1] in tiers_of_this_machine(), done.stdout


def tiers_of_this_machine():
    from autograder.kernels import tiers

    return [way.tier for way in tiers.ways() if not tiers.failure(way)]
