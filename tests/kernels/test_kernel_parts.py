"""The parts of kernels/ that can be looked at without a kernel."""

import errno
import os
import struct
import subprocess
import sys

import pytest

from autograder.kernels import (
    Limits,
    doctor,
    landlock,
    nursery,
    provisioner,
    seccomp,
    surroundings,
    system,
    tiers,
    watchdog,
)


def simulate(code: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Run a filter as Linux does: what it returns for a system call."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(arguments + (0,) * 6)[:6])
    place, accumulator = 0, 0
    while True:
        operation, true, false, value = struct.unpack_from("<HBBI", code, 8 * place)
        place += 1
        if operation == seccomp.RETURN:
            return value
        if operation == seccomp.LOAD:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif operation == seccomp.AND:
            accumulator &= value
        else:
            tests = {
                seccomp.EQUAL: accumulator == value,
                seccomp.AT_LEAST: accumulator >= value,
                seccomp.ANY_BIT: bool(accumulator & value),
            }
            place += true if tests[operation] else false


DENY = seccomp.ERRNO | errno.EPERM


@pytest.mark.parametrize("machine", seccomp.NUMBERS)
@pytest.mark.parametrize("own", [0, 4711])
def test_the_filter_says_what_it_should(machine, own):
    code = seccomp.assemble(seccomp.program(machine, own))
    architecture = seccomp.ARCHITECTURE[machine]

    def call(name, *arguments):
        return simulate(code, architecture, seccomp.number(name, machine), *arguments)

    for name in seccomp.DENIED:
        if seccomp.number(name, machine) is not None:
            assert call(name) == DENY, name
    assert call("clone3") == seccomp.ERRNO | errno.ENOSYS
    thread = seccomp.CLONE_THREAD | 0x100
    assert call("clone", thread) == seccomp.ALLOW
    assert call("clone", thread | system.CLONE_NEWUSER) == DENY
    assert call("clone", 17) == (DENY if own else seccomp.ALLOW)
    assert call("socketpair", 1, 1 | 0o2000000) == seccomp.ALLOW
    assert call("socketpair", 1, 2) == call("socketpair", 2, 1) == DENY
    assert call("kill", 1, 9) == (DENY if own else seccomp.ALLOW)
    assert call("kill", 4711, 2) == seccomp.ALLOW
    assert call("prlimit64", 0) == seccomp.ALLOW
    assert call("prlimit64", 1) == (DENY if own else seccomp.ALLOW)
    for name in (*seccomp.SHARED, *seccomp.ON_A_FILE):
        if seccomp.number(name, machine) is not None:
            assert call(name) == (DENY if own else seccomp.ALLOW), name
    read = {"x86_64": 0, "aarch64": 63}[machine]
    assert simulate(code, architecture, read) == seccomp.ALLOW
    assert simulate(code, architecture ^ 1, read) == seccomp.KILL_PROCESS  # the other word size's calls
    if machine == "x86_64":
        assert simulate(code, architecture, read | seccomp.X32_BIT) == seccomp.KILL_PROCESS


def test_numbers_are_this_machine_s():
    """Against libc's own header, where there is one."""
    headers = ["/usr/include/asm/unistd_64.h", f"/usr/include/{system.MACHINE}-linux-gnu/asm/unistd_64.h"]
    found = next((path for path in headers if os.path.exists(path)), None)  # noqa: PTH110
    if found is None:
        pytest.skip("no header files")
    with open(found) as file:  # noqa: PTH123
        words = [line.split() for line in file if line.startswith("#define __NR_")]
    true = {line[1].removeprefix("__NR_"): int(line[2]) for line in words}
    ours = seccomp.NUMBERS[system.MACHINE] | seccomp.NEWER
    assert {name: value for name, value in ours.items() if true.get(name, value) != value} == {}
    assert sum(name in true for name in ours) > 60


def test_hidden_things_are_left_out_of_what_is_allowed(tmp_path):
    for name in ("a/b", "a/hidden/x", "c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    allowed = dict(landlock._without(str(tmp_path), [str(tmp_path / "a" / "hidden")]))
    assert allowed == {
        str(tmp_path): landlock.READ_DIR,
        str(tmp_path / "a"): landlock.READ_DIR,
        str(tmp_path / "a" / "b"): landlock.READ,
        str(tmp_path / "c"): landlock.READ,
    }


def test_a_learner_s_surroundings_hold_nothing_of_ours(monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "x")
    monkeypatch.setenv("PYTHONPATH", "/course")
    environment = surroundings.kernel_environment("learner", "strict", "/home/learner")
    assert not {"COURSE_SECRET", "PYTHONPATH"} & set(environment)
    assert "/home" not in surroundings.visible_paths()
    assert "" not in surroundings.search_path()


def test_socket_paths_are_short(monkeypatch, tmp_path):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr(provisioner.tempfile, "tempdir", str(deep))
    folder = provisioner.private_folder()
    try:
        assert len(os.fsencode(folder / "s-5")) <= provisioner.LONGEST_SOCKET_PATH
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()


def test_limits_are_numbers_above_zero():
    with pytest.raises(ValueError, match="memory_bytes must be a number above 0, found 0"):
        Limits(memory_bytes=0)


def test_reasons_read_well():
    assert watchdog.in_bytes(2 * 1024**3) == "2 GiB"
    assert watchdog.in_bytes(512 * 1024**2) == "512 MiB"
    assert (watchdog.in_seconds(1), watchdog.in_seconds(120.0)) == ("1 second", "120 seconds")


def test_the_doctor_says_which_tier_and_what_to_do(monkeypatch):
    monkeypatch.setattr(
        tiers, "failure", lambda way: "" if way.tier == "limited" else "unshare: Operation not permitted"
    )
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    text = doctor.text()
    assert text.startswith("look  isolation: limited: ")
    assert "grade only people whom you trust" in text
    assert "-> apt install bubblewrap" in text
    assert "unshare: Operation not permitted" in text


def test_the_doctor_knows_this_machine():
    first, *rest = doctor.report()
    assert first.seen.split(":")[0] == tiers.choose().tier
    assert {"user", "bubblewrap", "Landlock", "seccomp", "memory", "GPU"} <= {finding.what for finding in rest}


def test_a_folder_that_only_root_may_read_is_copied(tmp_path):
    (tmp_path / "module.py").write_text("x = 1")
    shown = nursery.readable_folder(tmp_path)
    if os.geteuid():
        assert shown == tmp_path
    else:
        assert (shown / "module.py").read_text() == "x = 1"
        assert (shown / "module.py").stat().st_mode & 0o004


REPLACED = """
import os, sys
from pathlib import Path
from autograder.kernels import namespaces, system
folder = Path(sys.argv[1])
try:
    system.unshare(system.CLONE_NEWNS | (system.CLONE_NEWUSER if os.geteuid() else 0))
except OSError:
    sys.exit(77)
system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
system.mount(str(folder / "cache"), str(folder / "shown"), None, system.MS_BIND)
(folder / "new").write_text("new")
(folder / "new").rename(folder / "cache")
namespaces._show(folder / "shown", folder / "root" / "etc" / "cache")
print((folder / "root" / "etc" / "cache").read_text())
"""


def test_a_file_that_is_replaced_while_a_template_lives_can_still_be_shown(tmp_path):
    (tmp_path / "cache").write_text("old")
    (tmp_path / "shown").touch()
    done = subprocess.run([sys.executable, "-c", REPLACED, str(tmp_path)], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("no mount namespaces here")
    assert done.stdout == "old\n", done.stderr
