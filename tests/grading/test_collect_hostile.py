"""Collecting what is made to do harm: nothing leads out, nothing fills memory or disk, and the others are collected."""

import errno
import json
import os
import shutil
import stat
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_course import MINE, answered, by_student, in_memory, make_small_course, placed, write, zipped

from autograder.cli import main
from autograder.grading.collecting import trees, zips
from autograder.grading.collecting.collect import Settings, can_be_a_folder, collect
from autograder.grading.course import CourseError

VANILLA = Settings(assignment="vanilla")
DAMAGED = in_memory({"ada/numpy.ipynb": MINE, "ada/w.zip": in_memory({"numpy.ipynb": MINE}), "boris/numpy.ipynb": MINE})
ODD = ["..", ".", "", "C:", "con", "a\\b", "~", "$HOME", "-rf", "*", "submitted", ".earlier", "vanilla", "a" * 300]


@pytest.fixture
def small(tmp_path):
    """A course of two assignments with nothing handed in."""
    return make_small_course(tmp_path / "course")


def with_entries(path: Path, *entries: tuple[zipfile.ZipInfo, bytes]) -> Path:
    """A zip file with these entries, and one student's good one."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("boris/numpy.ipynb", MINE)
        for info, data in entries:
            file.writestr(info, data)
    return path


def entry(name: str, mode: int = 0, **fields) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize(
    "name",
    [
        "../ada/numpy.ipynb",
        "ada/../../../numpy.ipynb",
        "/ada/numpy.ipynb",
        "C:\\ada\\numpy.ipynb",
        "ada\\..\\..\\x.ipynb",
    ],
)
def test_a_name_that_leads_out_is_told_and_leads_nowhere(small, tmp_path, name):
    found = collect(small, with_entries(tmp_path / "c.zip", (entry(name), MINE)), VANILLA)
    assert any("leads out of the zip file" in note for note in found.notes)
    assert list(placed(small)) == ["boris/vanilla/numpy.ipynb"]
    outside = [p for p in tmp_path.rglob("*.ipynb") if "course" not in p.parts]
    assert outside == []


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_file_are_not_read(small, tmp_path, mode):
    found = collect(
        small, with_entries(tmp_path / "c.zip", (entry("ada/numpy.ipynb", mode | 0o644), b"/etc/passwd")), VANILLA
    )
    assert "is a link or a special file" in by_student(found)["ada"].notes[0]
    assert list(placed(small)) == ["boris/vanilla/numpy.ipynb"]


def test_links_in_a_folder_are_not_followed(small, tmp_path):
    secret = write(tmp_path / "secret", {"numpy.ipynb": b"secret"}) / "numpy.ipynb"
    source = write(tmp_path / "in", {"boris/numpy.ipynb": MINE})
    for student in ("ada", "chen", "dara"):
        (source / student).mkdir()
    (source / "ada" / "numpy.ipynb").symlink_to(secret)
    os.link(secret, source / "chen" / "numpy.ipynb")
    os.mkfifo(source / "dara" / "numpy.ipynb")
    (source / "emil").symlink_to(secret.parent)
    found = by_student(collect(small, source, VANILLA))
    assert [found[s].action for s in ("ada", "chen", "dara")] == ["nothing"] * 3
    assert "hard link" in found["chen"].notes[0]
    assert "emil" not in found
    assert list(placed(small)) == ["boris/vanilla/numpy.ipynb"]


def test_a_bomb_is_not_unpacked(small, tmp_path):
    bomb = in_memory({"numpy.ipynb": b"0" * 6_000_000})
    files = {"boris/numpy.ipynb": MINE, "ada/numpy.ipynb": b" " * 6_000_000, "chen/work.zip": bomb}
    found = by_student(collect(small, zipped(tmp_path / "c.zip", files), VANILLA))
    assert "times its size: too large" in found["ada"].notes[0]
    assert "times its size: too large" in found["chen"].notes[0]
    assert list(placed(small)) == ["boris/vanilla/numpy.ipynb"]


def test_what_one_student_may_unpack_is_limited_altogether(small, tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "MAX_STUDENT_BYTES", 3 * len(MINE))
    files = {f"ada/{n}.zip": in_memory({f"{n}/numpy.ipynb": MINE}) for n in range(20)}
    found = by_student(collect(small, zipped(tmp_path / "c.zip", files | {"boris/numpy.ipynb": MINE}), VANILLA))
    assert found["boris"].action == "new"
    assert any("too large" in note for note in found["ada"].notes)


def test_a_size_that_lies_is_found_out(small, tmp_path):
    """The table of contents says 5 bytes where a megabyte is."""
    path = zipped(tmp_path / "c.zip", {"ada/numpy.ipynb": os.urandom(2**20), "boris/numpy.ipynb": MINE})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<L", data, at + 24, 5)
    path.write_bytes(data)
    found = by_student(collect(small, path, VANILLA))
    assert found["boris"].action == "new"
    assert found["ada"].action == "nothing"


def test_encrypted_and_unusual_zip_entries_are_told(small, tmp_path):
    path = with_entries(tmp_path / "c.zip", (entry("ada/numpy.ipynb"), MINE), (entry("chen/numpy.ipynb"), MINE))
    data = bytearray(path.read_bytes())
    at = data.index(b"ada/numpy.ipynb", data.index(b"PK\x01\x02")) - 46
    data[at + 8] |= 1
    path.write_bytes(data)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("dara/numpy.ipynb", MINE, compress_type=zipfile.ZIP_LZMA)
    found = by_student(collect(small, path, VANILLA))
    assert "is encrypted" in found["ada"].notes[0]
    assert "compressed in an unusual way" in found["dara"].notes[0]
    assert found["chen"].action == "new"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_file(small, tmp_path):
    second = answered(text="return 'second'")
    path = with_entries(tmp_path / "c.zip", (entry("ada/numpy.ipynb"), MINE), (entry("ada/numpy.ipynb"), second))
    found = collect(small, path, VANILLA)
    assert placed(small)["ada/vanilla/numpy.ipynb"] == second
    assert found.notes == ["ada/numpy.ipynb: is in the zip file twice; the last one counts"]


def test_far_too_many_entries(small, tmp_path, monkeypatch):
    many = in_memory({f"{n}.txt": b"" for n in range(200)} | {"numpy.ipynb": MINE})
    source = write(tmp_path / "in", {"ada/work.zip": many, "boris/numpy.ipynb": MINE})
    monkeypatch.setattr(zips, "MAX_NESTED_ENTRIES", 100)
    found = by_student(collect(small, source, VANILLA))
    assert "it has 201 files, more than 100" in found["ada"].notes[0]
    monkeypatch.setattr(zips, "MAX_NESTED_DIRECTORY", 1000)
    found = by_student(collect(small, source, VANILLA))
    assert "far too many files" in found["ada"].notes[0]
    assert found["boris"].action == "same"


def test_far_too_many_files_of_one_student_leave_out_nobody_else(small, tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "MAX_STUDENT_FILES", 50)
    files = {f"ada/{a}/{b}.txt": b"" for a in range(10) for b in range(10)}
    source = write(tmp_path / "in", {**files, "boris/numpy.ipynb": MINE, "zoe/numpy.ipynb": MINE})
    found = collect(small, source, VANILLA)
    assert {s: t.action for s, t in by_student(found).items()} == {"ada": "nothing", "boris": "new", "zoe": "new"}
    assert found.notes == ["ada: more than 50 files; the rest was not looked at"]


def test_far_too_many_notebooks_of_one_student(small, tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.grading.collecting.choosing.MAX_NOTEBOOKS", 5)
    source = write(tmp_path / "in", {f"ada/{n:03}.ipynb": b"{}" for n in range(20)} | {"ada/zz.ipynb": MINE})
    found = by_student(collect(small, source, VANILLA))["ada"]
    assert found.action == "nothing"
    assert found.notes == ["21 notebooks were handed in; the first 5 were looked at"]


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"not a zip file", b"PK\x03\x04" + b"\0" * 100, b"\0" * 70_000])
def test_what_is_no_zip_file_is_one_line(small, tmp_path, data):
    path = tmp_path / "c.zip"
    path.write_bytes(data)
    with pytest.raises(CourseError, match="not a zip file, or damaged"):
        collect(small, path, VANILLA)
    found = by_student(collect(small, write(tmp_path / "in", {"ada/w.zip": data, "boris/numpy.ipynb": MINE}), VANILLA))
    assert "not a zip file" in found["ada"].notes[0]
    assert found["boris"].action == "new"


def test_every_cut_of_a_zip_file_is_one_line(small, tmp_path):
    whole = in_memory({"ada/numpy.ipynb": MINE, "boris/numpy.ipynb": MINE})
    for end in range(0, len(whole), 97):
        path = tmp_path / "cut.zip"
        path.write_bytes(whole[:end])
        with pytest.raises(CourseError):
            collect(small, path, VANILLA)
    assert placed(small) == {}


def test_windows_separators_and_two_ways_to_write_one_name(small, tmp_path):
    """A composed and a decomposed é are one student, and nobody can say whose file counts."""
    names = ("ada\\work\\numpy.ipynb", "Ren\u00e9/numpy.ipynb", "Rene\u0301/numpy.ipynb")
    found = by_student(collect(small, zipped(tmp_path / "c.zip", dict.fromkeys(names, MINE)), VANILLA))
    assert found["ada"].notebooks == {"numpy.ipynb": "work/numpy.ipynb"}
    assert found["Ren\u00e9"].action == "nothing"
    assert "2 submissions are under this name" in " ".join(found["Ren\u00e9"].notes)
    assert list(placed(small)) == ["ada/vanilla/numpy.ipynb"]


def test_utf8_names_without_their_mark(small, tmp_path):
    path = tmp_path / "c.zip"
    path.write_bytes(in_memory({"Zoxx/numpy.ipynb": MINE}).replace(b"Zoxx", "Zoë".encode()))
    assert list(by_student(collect(small, path, VANILLA))) == ["Zoë"]


@pytest.mark.parametrize(
    "name", ["<img src=x>", "a\x1b[31mred", ".hidden", "..", ".", "a" * 121, "ü" * 110, "a&b", "", "\u202egnp"]
)
def test_what_cannot_be_a_students_folder(name):
    assert not can_be_a_folder(name)


def test_hostile_names_are_told_safely_and_nobody_else_suffers(small, tmp_path, capsys):
    source = write(
        tmp_path / "in", {"boris/numpy.ipynb": MINE, "a\x1b[31mred/numpy.ipynb": MINE, "<b>/x\n.ipynb": MINE}
    )
    os.makedirs(os.fsencode(source) + b"/bad\xff")  # noqa: PTH103 (a name that is no text)
    write(small.root, {"nbgrader_config.py": b"c = get_config()\n"})
    for more in ([], ["--json"]):
        code = main(["collect", str(source), "--assignment", "vanilla", "--course", str(small.root), *more])
        told = capsys.readouterr()
        assert code == 1
        assert "\x1b" not in told.out + told.err
    assert len(json.loads(told.out)["submissions"]) == 4
    assert list(placed(small)) == ["boris/vanilla/numpy.ipynb"]


def test_ids_that_differ_in_case_only_are_told(small, tmp_path):
    found = collect(small, write(tmp_path / "in", {"ada/numpy.ipynb": MINE, "Ada/numpy.ipynb": MINE}), VANILLA)
    assert found.notes == ["Ada, ada differ in case only: are they two students?"]


def test_nothing_is_written_through_a_link_in_submitted(small, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    submitted = small.folder("submitted")
    submitted.mkdir()
    (submitted / "ada").symlink_to(elsewhere)
    with pytest.raises(CourseError, match="is a link"):
        collect(small, write(tmp_path / "in", {"ada/numpy.ipynb": MINE}), VANILLA)
    assert list(elsewhere.iterdir()) == []
    assert [p.name for p in submitted.iterdir()] == ["ada"]


# --- chance


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    """A course for many collections, one after the other."""
    return make_small_course(tmp_path_factory.mktemp("everywhere") / "course")


def told_by(course, path, **more):
    """The submissions that were collected, none where it is no zip file; what is told is lines of text in each case."""
    try:
        submissions = collect(course, path, Settings(assignment="vanilla", **more)).submissions
        lines = [line for t in submissions for line in (t.student, t.why, *t.notes, *t.unused, *t.notebooks.values())]
    except CourseError as error:
        submissions, lines = [], [str(error)]
    assert not any("\n" in line for line in lines)
    json.dumps(lines, ensure_ascii=False).encode()
    return submissions


@given(st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_a_damaged_zip_file_is_an_error_or_collected_in_part(everywhere, changes):
    data = bytearray(DAMAGED)
    for where, value in changes:
        data[where % len(data)] = value
    path = everywhere.root / "damaged.zip"
    path.write_bytes(data)
    assert {taken.action for taken in told_by(everywhere, path, dry_run=True)} <= {"new", "nothing"}


@given(st.lists(st.text(max_size=30) | st.sampled_from(ODD), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_whatever_the_names_files_arrive_under_submitted_and_nowhere_else(everywhere, parts):
    name = "/".join(part.encode("utf-8", "replace").decode() for part in parts)
    path = zipped(everywhere.root / "names.zip", {f"{name}/numpy.ipynb": MINE, "ada/numpy.ipynb": MINE})
    outside = everywhere.root.parent

    def others():
        return {p for p in outside.rglob("*") if "submitted" not in p.relative_to(outside).parts}

    before = others()
    try:
        told_by(everywhere, path)
        assert others() == before
    finally:
        shutil.rmtree(everywhere.folder("submitted"), ignore_errors=True)


# --- the command


@pytest.fixture
def command(small, capsys):
    """Run `unrolled collect` in the small course; its exit code, output and warnings."""
    write(small.root, {"nbgrader_config.py": b"c = get_config()\n"})

    def run(*arguments):
        code = main(["collect", *map(str, arguments), "--course", str(small.root)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_the_command_says_what_was_taken(command, small, tmp_path):
    source = write(tmp_path / "in", {"ada/numpy (1).ipynb": MINE, "boris/x.txt": b""})
    code, out, err = command(source, "--assignment", "vanilla")
    assert code == 1
    assert err == ""
    lines = out.splitlines()
    assert " ".join(lines[0].split()) == "ada vanilla taken numpy.ipynb (from numpy (1).ipynb)"
    assert " ".join(lines[1].split()) == "boris vanilla not taken: no notebook of vanilla"
    assert lines[2] == "    not used: x.txt"
    assert lines[3].startswith("1 of 2 submissions collected (folder) to ")
    code, out, _ = command(source, "--assignment", "vanilla", "--json", "--dry-run")
    assert json.loads(out)["submissions"][0]["action"] == "same"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.zip"], "nowhere.zip: there is no such folder or zip file"),
        (["IN", "--assignment", "lstmm"], "there is no assignment 'lstmm'"),
        (["IN", "--from", "moodle"], "not recognised as moodle; expected names such as Full Name_12345"),
        (["IN", "--students", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["IN", "--zone", "Mars/Base"], "'Mars/Base' is not a time zone"),
        (["EMPTY"], "nothing that was handed in was found there"),
        (["SUBMITTED"], "is where submissions are collected to"),
    ],
)
def test_what_cannot_be_collected_is_one_line(command, small, tmp_path, arguments, said):
    folders = {
        "IN": write(tmp_path / "in", {"ada/numpy.ipynb": MINE}),
        "EMPTY": tmp_path / "empty",
        "SUBMITTED": small.folder("submitted"),
    }
    folders["EMPTY"].mkdir()
    folders["SUBMITTED"].mkdir()
    code, out, err = command(*(folders.get(a, a) for a in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_what_was_there(command, small, tmp_path, monkeypatch):
    source = write(tmp_path / "in", {"ada/numpy.ipynb": MINE})
    command(source, "--assignment", "vanilla")
    before = placed(small)
    write(source, {"ada/numpy.ipynb": answered(text="return 2")})
    whole = Path.write_bytes

    def full(self, data):
        if "submitted" in self.parts:
            whole(self, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return whole(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    code, _, err = command(source, "--assignment", "vanilla", "--replace")
    assert code == 2
    assert "cannot be written (No space left on device); what was collected before stays" in err
    assert err.count("\n") == 1
    assert placed(small) == before
    assert [p.name for p in small.folder("submitted").iterdir()] == ["ada"]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_really_full(command, small, tmp_path):
    submitted = small.folder("submitted")
    submitted.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", submitted], capture_output=True)
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        source = write(tmp_path / "in", {"ada/numpy.ipynb": MINE, "boris/numpy.ipynb": os.urandom(200_000)})
        code, _, err = command(source, "--assignment", "vanilla")
        assert code == 2
        assert "No space left on device" in err
        assert list(placed(small)) == ["ada/vanilla/numpy.ipynb"]
        assert [p.name for p in submitted.iterdir()] == ["ada"]
    finally:
        subprocess.run(["umount", submitted], check=True)
