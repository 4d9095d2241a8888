"""Hard links: one costs the file's owner nothing and earns its maker nothing; what cannot be told is refused."""

import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import nbformat
import pytest

from autograder.boundary import hard_links
from autograder.boundary.files import Linked, read_file
from autograder.boundary.handed_in import read_submission
from autograder.boundary.submissions import take_in

OWN, ANOTHERS, UNCLEAR = hard_links.OWN, hard_links.ANOTHERS, hard_links.UNCLEAR
ATTACKERS = pytest.mark.parametrize("attacker", ["ada", "zoe"])
"""Before and after the victim in the alphabet: copies are made in that order."""


def pause():
    """Longer than a tick of the clock that file systems go by."""
    time.sleep(0.02)


class Class:
    """Submissions under one folder."""

    def __init__(self, root):
        self.root = root

    def folder(self, student):
        path = self.root / student / "lstm"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def hand_in(self, student, text="answers"):
        (self.folder(student) / "a.ipynb").write_text(text)
        pause()
        return self.folder(student) / "a.ipynb"

    def link(self, student, target, name="a.ipynb"):
        os.link(target, self.folder(student) / name)
        pause()

    def says(self, student, name="a.ipynb"):
        """OWN when it is read, else what is said of it."""
        where = f"{student}/lstm"
        descriptor = os.open(self.root / where / name, os.O_RDONLY)
        try:
            told = hard_links.claim(self.root, where, descriptor)
        finally:
            os.close(descriptor)
        try:
            read_file(self.root, f"{where}/{name}", 1000, own=where)
            assert told.verdict == OWN
        except Linked:
            assert told.verdict != OWN
        return told.verdict


@pytest.fixture
def students(tmp_path):
    root = tmp_path / "submitted"
    root.mkdir()
    probe = os.open(root, os.O_RDONLY)
    try:
        if hard_links._born(probe) is None:
            pytest.skip("this file system does not say when a folder was made")
    finally:
        os.close(probe)
    return Class(root)


@pytest.fixture
def long_ago(monkeypatch):
    """What happens in a test is not, as it were, at the moment of the file's making."""
    monkeypatch.setattr(hard_links, "_JUST_WRITTEN", 8_000_000)


@ATTACKERS
@pytest.mark.parametrize("folders_first", [False, True], ids=["folder-made-later", "folders-there-before"])
def test_the_owner_keeps_the_file_and_the_link_earns_nothing(students, attacker, folders_first):
    if folders_first:
        students.folder(attacker)
        pause()
    students.link(attacker, students.hand_in("mia"))
    assert students.says("mia") == OWN
    assert students.says(attacker) == ANOTHERS


@ATTACKERS
@pytest.mark.parametrize("moment", [None, (0, 0), (4e9, 4e9)], ids=["now", "1970", "2096"])
def test_touching_the_folder_afterwards_changes_nothing(students, attacker, moment):
    students.link(attacker, students.hand_in("mia"))
    os.utime(students.folder(attacker), moment)
    assert students.says("mia") == OWN
    assert students.says(attacker) == ANOTHERS


@ATTACKERS
def test_linking_twice_and_from_a_folder_below(students, attacker):
    file = students.hand_in("mia")
    students.link(attacker, file)
    (students.folder(attacker) / "below").mkdir()
    students.link(attacker, file, "below/a.ipynb")
    students.link("eve", file)
    assert students.says("mia") == OWN
    assert students.says(attacker) == ANOTHERS
    assert students.says("eve") == ANOTHERS


@ATTACKERS
def test_links_within_a_submission_are_harmless(students, attacker):
    students.hand_in("mia")
    checkpoint = students.folder("mia") / ".ipynb_checkpoints"
    checkpoint.mkdir()
    students.link("mia", students.folder("mia") / "a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb")
    assert students.says("mia") == OWN
    students.link(attacker, students.folder("mia") / "a.ipynb")
    assert students.says("mia") == OWN
    assert students.says(attacker) == ANOTHERS


@ATTACKERS
@pytest.mark.parametrize("later", ["writes", "adds a file", "writes anew", "makes a link", "renames"])
def test_what_the_owner_does_afterwards_never_makes_the_attacker_the_owner(students, long_ago, attacker, later):
    students.folder(attacker)
    students.folder("mia")
    pause()
    file = students.hand_in("mia")
    students.link(attacker, file)
    if later == "writes":
        file.write_text("better answers")
    elif later == "adds a file":
        (students.folder("mia") / "notes.txt").write_text("x")
    elif later == "writes anew":  # as Jupyter does: a copy beside it while it writes
        shutil.copy(file, students.folder("mia") / ".~a.ipynb")
        file.write_text("better answers")
        (students.folder("mia") / ".~a.ipynb").unlink()
    elif later == "makes a link":
        os.link(file, students.folder("mia") / "b.ipynb")
    else:
        file.rename(students.folder("mia") / "b.ipynb")
        pause()
        (students.folder("mia") / "b.ipynb").rename(file)
    pause()
    assert students.says(attacker) != OWN
    assert students.says("mia") != ANOTHERS


@ATTACKERS
def test_a_third_link_that_is_gone_again_does_not_make_the_attacker_the_owner(students, tmp_path, long_ago, attacker):
    students.folder(attacker)
    pause()
    file = students.hand_in("mia")
    students.link(attacker, file)
    os.link(file, tmp_path / "third")
    pause()
    (tmp_path / "third").unlink()
    pause()
    (students.folder("mia") / "notes.txt").write_text("x")
    assert students.says(attacker) != OWN


@ATTACKERS
def test_rights_set_for_everybody_do_not_make_the_attacker_the_owner(students, long_ago, attacker):
    students.folder(attacker)
    pause()
    students.link(attacker, students.hand_in("mia"))
    subprocess.run(["chmod", "-R", "g+w", str(students.root)], check=True)
    assert students.says(attacker) != OWN
    assert students.says("mia") != ANOTHERS


def by_cp(root, target):
    subprocess.run(["cp", "-a", str(root), str(target)], check=True)


def by_tar(root, target):
    archive = target.parent / "class.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=target.name)
    subprocess.run(["tar", "-C", str(target.parent), "-xf", str(archive)], check=True)


@ATTACKERS
@pytest.mark.parametrize("copy", [by_cp, by_tar])
def test_copies_that_keep_links_and_times_tell_nothing(students, tmp_path, attacker, copy):
    students.link(attacker, students.hand_in("mia"))
    os.utime(students.folder(attacker), (4e9, 4e9))
    copy(students.root, tmp_path / "copied")
    copied = Class(tmp_path / "copied")
    assert (copied.root / "mia/lstm/a.ipynb").stat().st_nlink == 2
    assert copied.says("mia") == UNCLEAR
    assert copied.says(attacker) == UNCLEAR


def test_a_file_that_has_a_name_elsewhere_is_not_read(students, tmp_path):
    solution = tmp_path / "solution.ipynb"
    solution.write_text("the answers")
    pause()
    students.link("eve", solution)
    students.link("eve", solution, "b.ipynb")
    assert students.says("eve") == UNCLEAR
    assert students.says("eve", "b.ipynb") == UNCLEAR


def test_a_name_elsewhere_of_a_students_own_file_costs_it_where_all_files_are_one_users(students, tmp_path):
    os.link(students.hand_in("mia"), tmp_path / "backup.ipynb")
    assert students.says("mia") == UNCLEAR


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@ATTACKERS
def test_where_students_have_users_of_their_own_the_owner_decides(students, tmp_path, attacker):
    file = students.hand_in("mia")
    for student, user in (("mia", 20001), (attacker, 20002), ("bob", 20003)):
        students.folder(student)
        os.chown(students.root / student, user, user)
        os.chown(students.folder(student), user, user)
    os.chown(file, 20001, 20001)
    students.link(attacker, file)
    os.link(file, tmp_path / "third")
    file.write_text("later")
    os.utime(students.folder(attacker), (0, 0))
    assert students.says("mia") == OWN
    assert students.says(attacker) == ANOTHERS
    solution = tmp_path / "solution.ipynb"
    solution.write_text("the answers")
    students.link("bob", solution)
    assert students.says("bob") == ANOTHERS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_one_user_for_all_students_tells_nothing_of_whose_a_file_is(students, tmp_path):
    file = students.hand_in("mia")
    students.hand_in("bob")
    for path in (students.root / "mia/lstm", students.root / "bob/lstm", file):
        os.chown(path, 20001, 20001)
    os.link(file, tmp_path / "third")
    assert students.says("mia") == UNCLEAR


def test_a_file_system_that_does_not_tell_when_a_folder_was_made(students, monkeypatch):
    monkeypatch.setattr(hard_links, "_born", lambda descriptor: None)
    students.link("zoe", students.hand_in("mia"))
    assert students.says("mia") == UNCLEAR
    assert students.says("zoe") == UNCLEAR


def test_names_that_come_while_they_are_counted(students, tmp_path, monkeypatch):
    solution = tmp_path / "solution.ipynb"
    solution.write_text("the answers")
    pause()
    students.link("eve", solution)
    count = hard_links._names

    def with_another(root, below, found):
        if not (students.folder("eve") / "b.ipynb").exists():
            students.link("eve", solution, "b.ipynb")
        return count(root, below, found)

    monkeypatch.setattr(hard_links, "_names", with_another)
    assert students.says("eve") == UNCLEAR


def test_folders_that_are_links_or_very_deep_do_no_harm(students, tmp_path):
    solution = tmp_path / "inside" / "a.ipynb"
    solution.parent.mkdir()
    solution.write_text("the answers")
    students.link("eve", solution)
    (students.folder("eve") / "more").symlink_to(solution.parent)  # where the other name would be counted as one's own
    deep = students.folder("eve")
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir()
    os.link(solution, deep / "a.ipynb")
    assert students.says("eve") == UNCLEAR
    assert len(list(Path("/proc/self/fd").iterdir())) < 200


def test_the_teacher_is_told_whose_the_other_name_is_and_the_student_is_not(students, tmp_path):
    blank = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    students.link("zoe", students.hand_in("mia", nbformat.writes(blank)))
    theirs = take_in(students.root, "zoe/lstm", tmp_path / "zoe", {"a": blank})
    assert "not yours" in theirs.problems["a"]
    assert "the same file as mia/lstm/a.ipynb" in theirs.notes
    assert "mia" not in (tmp_path / "zoe" / "a.ipynb").read_text()
    mine = take_in(students.root, "mia/lstm", tmp_path / "mia", {"a": blank}, use_arrival=True)
    assert mine.problems == {}
    assert any("second name" in note for note in mine.notes)


@pytest.mark.slow
def test_it_is_quick_for_a_large_class(students):
    for number in range(300):
        for name in ("a.ipynb", "b.ipynb", "timestamp.txt"):
            (students.folder(f"s{number}") / name).touch()
    students.link("zoe", students.hand_in("mia"))
    begin = time.monotonic()
    assert students.says("mia") == OWN
    assert time.monotonic() - begin < 1


def test_what_is_read_to_be_graded_elsewhere_goes_by_the_same_rule(students):
    students.hand_in("mia")
    (students.folder("mia") / "data").mkdir()
    (students.folder("mia") / "data" / "x.csv").write_text("1")
    os.link(students.folder("mia") / "data" / "x.csv", students.folder("mia") / "y.csv")
    pause()
    students.link("zoe", students.folder("mia") / "a.ipynb")
    mine = read_submission(students.root, "mia/lstm", ["a"], files=["data/x.csv"])
    assert mine.notebooks == {"a": b"answers"}
    assert mine.files == {"data/x.csv": b"1"}
    theirs = read_submission(students.root, "zoe/lstm", ["a"])
    assert theirs.notebooks == {}
    assert "not yours" in theirs.problems["a"]
    assert theirs.notes == ("the same file as mia/lstm/a.ipynb",)
