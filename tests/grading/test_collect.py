"""Collecting: each kind of source is recognised, everybody's notebooks arrive, and nothing newer is lost."""

import datetime
import os
import subprocess
from pathlib import Path

import pytest
from nbgrader.apps import NbGraderAPI
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeSubmit
from small_course import BLANK, MINE, answered, by_student, in_memory, make_small_course, placed, write, zipped
from traitlets.config import Config

from autograder.grading.collecting.classroom import last_commit
from autograder.grading.collecting.collect import Settings, collect
from autograder.grading.collecting.worksheet import moodle_time, read_students
from autograder.grading.course import CourseError
from autograder.grading.late import zone

EARLY = "2026-11-20 10:00:00.000000 UTC"
LATER = "2026-11-21 10:00:00.000000 UTC"


@pytest.fixture
def small(tmp_path):
    """A course of two assignments with nothing handed in."""
    return make_small_course(tmp_path / "course")


# --- a plain folder


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_plain_folder_with_and_without_folders_of_assignments(small, tmp_path, as_zip):
    files = {
        "ada/vanilla/numpy.ipynb": MINE,
        "ada/gru/pytorch.ipynb": answered("gru", "pytorch"),
        "boris/numpy.ipynb": MINE,
        "boris/notes.txt": b"hello",
        "chen/deep/er/numpy.ipynb": answered("gru"),
        "README.md": b"the class",
    }
    source = zipped(tmp_path / "class.zip", files) if as_zip else write(tmp_path / "class", files)
    found = collect(small, source)
    assert found.kind == "folder"
    assert {(t.student, t.assignment, t.action) for t in found.submissions} == {
        ("ada", "vanilla", "new"),
        ("ada", "gru", "new"),
        ("boris", "vanilla", "new"),
        ("chen", "gru", "new"),
    }
    assert by_student(found)["boris"].unused == ["notes.txt"]
    assert placed(small) == {
        "ada/gru/pytorch.ipynb": files["ada/gru/pytorch.ipynb"],
        "ada/vanilla/numpy.ipynb": MINE,
        "boris/vanilla/numpy.ipynb": MINE,
        "chen/gru/numpy.ipynb": answered("gru"),
    }


def test_folders_of_assignments_with_students_in_them_are_told(small, tmp_path):
    source = write(tmp_path / "in", {"vanilla/ada/numpy.ipynb": MINE, "gru/ada/numpy.ipynb": answered("gru")})
    with pytest.raises(CourseError, match=r"named as assignments, not as students; give .*/in/gru --ass"):
        collect(small, source)
    found = collect(small, source / "vanilla", Settings(assignment="vanilla"))
    assert [(t.student, t.action) for t in found.submissions] == [("ada", "new")]


def test_one_assignment_of_several_and_a_folder_around_all(small, tmp_path):
    source = write(
        tmp_path / "in",
        {"submissions/ada/vanilla/numpy.ipynb": MINE, "submissions/ada/gru/numpy.ipynb": answered("gru")},
    )
    found = collect(small, source, Settings(assignment="gru"))
    assert [(t.student, t.assignment) for t in found.submissions] == [("ada", "gru")]
    assert list(placed(small)) == ["ada/gru/numpy.ipynb"]


def test_who_handed_in_nothing_is_said(small, tmp_path):
    source = write(tmp_path / "in", {"ada/numpy.ipynb": MINE, "boris/essay.pdf": b"%PDF"})
    (source / "chen").mkdir()
    found = by_student(collect(small, source, Settings(assignment="vanilla")))
    assert found["ada"].action == "new"
    assert (found["boris"].action, found["boris"].why) == ("nothing", "no notebook of vanilla")
    assert found["boris"].unused == ["essay.pdf"]
    assert (found["chen"].action, found["chen"].why) == ("nothing", "no file was handed in")


def test_a_time_stamp_of_unknown_origin_is_not_used(small, tmp_path):
    source = write(tmp_path / "in", {"ada/numpy.ipynb": MINE, "ada/timestamp.txt": EARLY.encode()})
    found = by_student(collect(small, source, Settings(assignment="vanilla")))["ada"]
    assert found.when is None
    assert "a student may have written it" in found.notes[0]
    assert list(placed(small)) == ["ada/vanilla/numpy.ipynb"]
    again = by_student(collect(small, source, Settings(assignment="vanilla", believe_stamps=True)))["ada"]
    assert (again.action, again.why) == ("replaced", "its time is recorded now")
    assert placed(small)["ada/vanilla/timestamp.txt"].decode() == EARLY


def test_a_dry_run_writes_nothing(small, tmp_path):
    source = write(tmp_path / "in", {"ada/numpy.ipynb": MINE})
    found = collect(small, source, Settings(dry_run=True))
    assert by_student(found)["ada"].action == "new"
    assert not small.folder("submitted").exists()


# --- nbgrader's exchange


def inbound(student, when, random="x-_9", assignment="vanilla"):
    return f"{student}+{assignment}+{when}" + (f"+{random}" if random else "")


def test_the_exchange_takes_the_latest_of_each(small, tmp_path):
    old, new = answered(text="return 1"), answered(text="return 2")
    source = write(
        tmp_path / "exchange" / "inbound",
        {
            f"{inbound('ada', EARLY)}/numpy.ipynb": old,
            f"{inbound('ada', LATER)}/numpy.ipynb": new,
            f"{inbound('ada', LATER)}/timestamp.txt": LATER.encode(),
            f"{inbound('ada', LATER)}/submission_secret.txt": b"secret",
            f"{inbound('a+b', EARLY, random='')}/numpy.ipynb": old,
            f"{inbound('chen', LATER, assignment='gru')}/pytorch.ipynb": answered("gru", "pytorch"),
            f"{inbound('dara', LATER, assignment='quantum')}/numpy.ipynb": old,
            "README": b"",
        },
    ).parent
    found = collect(small, source)
    assert found.kind == "exchange"
    files = placed(small)
    assert files["ada/vanilla/numpy.ipynb"] == new
    assert files["ada/vanilla/timestamp.txt"].decode() == LATER
    assert files["a+b/vanilla/timestamp.txt"].decode() == EARLY
    assert set(files) == {
        *(f"{s}/vanilla/{f}" for s in ("ada", "a+b") for f in ("numpy.ipynb", "timestamp.txt")),
        "chen/gru/pytorch.ipynb",
        "chen/gru/timestamp.txt",
    }
    told = by_student(found)
    assert "the latest of 2 submissions" in told["ada"].notes
    assert told["dara"].why == "the course has no assignment 'quantum'"


def test_the_later_of_two_times_that_disagree_counts(small, tmp_path):
    source = write(
        tmp_path / "inbound",
        {f"{inbound('ada', EARLY)}/numpy.ipynb": MINE, f"{inbound('ada', EARLY)}/timestamp.txt": LATER.encode()},
    )
    found = by_student(collect(small, source))["ada"]
    assert found.when == datetime.datetime(2026, 11, 21, 10)
    assert "the later counts" in found.notes[0]


def test_a_submission_in_somebody_elses_name_is_not_taken(small, tmp_path, monkeypatch):
    forged = answered(text="return 'forged'")
    source = write(
        tmp_path / "inbound",
        {
            f"{inbound('ada', EARLY)}/numpy.ipynb": MINE,
            f"{inbound('ada', LATER)}/numpy.ipynb": forged,
            f"{inbound('mallory', EARLY)}/numpy.ipynb": MINE,
        },
    )
    owners = {inbound("ada", EARLY): "ada", inbound("ada", LATER): "mallory", inbound("mallory", EARLY): "mallory"}
    owner = "autograder.grading.collecting.exchange.owner_of"
    monkeypatch.setattr(owner, lambda path, up: owners[path.parents[up - 1].name])
    found = by_student(collect(small, source))
    assert placed(small)["ada/vanilla/numpy.ipynb"] == MINE
    assert any("belongs to mallory, not to ada" in note for note in found["ada"].notes)


def test_where_all_folders_belong_to_one_user_that_says_nothing(small, tmp_path, monkeypatch):
    source = write(tmp_path / "inbound", {f"{inbound(s, EARLY)}/numpy.ipynb": MINE for s in ("ada", "boris")})
    monkeypatch.setattr("autograder.grading.collecting.exchange.owner_of", lambda _path, _up: "jovyan")
    assert {t.action for t in collect(small, source).submissions} == {"new"}


def test_what_nbgraders_own_submit_puts_there(small, tmp_path):
    """nbgrader's release and submit, with an exchange of their own."""
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    config = Config()
    config.CourseDirectory.root = str(small.root)
    config.CourseDirectory.course_id = "rnn"
    config.CourseDirectory.db_url = f"sqlite:///{small.root}/gradebook.db"
    config.Exchange.root = str(exchange)
    config.Exchange.cache = str(tmp_path / "cache")
    config.Exchange.assignment_dir = str(tmp_path / "home")
    assert NbGraderAPI(config=config).release_assignment("vanilla")["success"]
    write(tmp_path / "home" / "vanilla", {"numpy.ipynb": MINE, "pytorch.ipynb": answered("vanilla", "pytorch")})
    config.CourseDirectory.assignment_id = "vanilla"
    for _ in range(2):
        course = CourseDirectory(config=config)
        ExchangeSubmit(coursedir=course, authenticator=Authenticator(config=config), config=config).start()
    found = collect(small, exchange / "rnn" / "inbound")
    (taken,) = found.submissions
    assert (found.kind, taken.assignment, taken.action) == ("exchange", "vanilla", "new")
    assert taken.notes == ["the latest of 2 submissions"]
    assert abs(taken.when - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)) < datetime.timedelta(minutes=5)
    assert set(placed(small)) == {
        f"{taken.student}/vanilla/{n}" for n in ("numpy.ipynb", "pytorch.ipynb", "timestamp.txt")
    }


# --- Moodle

WORKSHEET = (
    'Identifier,"Full name","ID number","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)"\n'
    '"Participant 101","Ada Lovelace",s1001,ada@uni.example,"Submitted for grading",,100.00,Yes,'
    '"Saturday, 21 November 2026, 11:00 AM",-\n'
    '"Participant 102","Zoë O\'Neil",s1002,zoe@uni.example,"Submitted for grading",,100.00,Yes,"sometime",-\n'
)


@pytest.mark.parametrize("form", ["zip", "flat zip", "folder"])
def test_a_moodle_download_in_each_form(small, tmp_path, form):
    own = in_memory({"work/numpy.ipynb": MINE, "work/inner.zip": b"PK"})
    names = {
        "Ada Lovelace_101_assignsubmission_file_": ("numpy.ipynb", MINE),
        "Zoë O'Neil_102_assignsubmission_file_": ("my work.zip", own),
        "Ada Lovelace_101_assignsubmission_onlinetext_": ("onlinetext.html", b"<p>see file</p>"),
        "Participant_103_assignsubmission_file_": ("essay.docx", b""),
    }
    files = {f"{folder}{'' if form == 'flat zip' else '/'}{name}": data for folder, (name, data) in names.items()}
    source = write(tmp_path / "m", files) if form == "folder" else zipped(tmp_path / "m.zip", files)
    found = collect(small, source, Settings(assignment="vanilla"))
    assert found.kind == "moodle"
    assert placed(small) == {
        "Ada Lovelace_101/vanilla/numpy.ipynb": MINE,
        "Zoë O'Neil_102/vanilla/numpy.ipynb": MINE,
    }
    told = by_student(found)
    assert told["Participant_103"].action == "nothing"
    assert told["Zoë O'Neil_102"].notebooks == {"numpy.ipynb": "my work.zip/work/numpy.ipynb"}
    assert "my work.zip/work/inner.zip: a zip file in a zip file is not opened" in told["Zoë O'Neil_102"].unused
    assert any("typed into Moodle" in note for note in told["Ada Lovelace_101"].notes)


def test_moodles_groups(small, tmp_path):
    files = {f"{group}_assignsubmission_file_/numpy.ipynb": MINE for group in ("Team A_12", "Default group")}
    found = collect(small, zipped(tmp_path / "m.zip", files), Settings(assignment="vanilla"))
    assert found.kind == "moodle"
    assert set(placed(small)) == {f"{group}/vanilla/numpy.ipynb" for group in ("Team A_12", "Default group")}


def test_moodles_worksheet_gives_ids_and_in_a_known_zone_times(small, tmp_path):
    sheet = tmp_path / "worksheet.csv"
    sheet.write_text(WORKSHEET, encoding="utf-8-sig")
    source = zipped(
        tmp_path / "m.zip",
        {
            "Ada Lovelace_101_assignsubmission_file_/numpy.ipynb": MINE,
            "Zoë O'Neil_102_assignsubmission_file_/numpy.ipynb": MINE,
            "New One_109_assignsubmission_file_/numpy.ipynb": MINE,
        },
    )
    settings = Settings("vanilla", students=read_students(sheet), zone=zone("Europe/Berlin"))
    found = by_student(collect(small, source, settings))
    assert found["s1001"].when == datetime.datetime(2026, 11, 21, 10)
    assert placed(small)["s1001/vanilla/timestamp.txt"].decode() == LATER
    assert found["s1002"].when is None
    assert "cannot be read as a time" in found["s1002"].notes[0]
    assert found["New One_109"].notes == ["not in the list of students"]
    by_mail = read_students(sheet, "Email address")
    assert by_mail.id_of(("102",)) == "zoe@uni.example"


def test_times_without_a_zone_are_evidence_only(small, tmp_path):
    sheet = tmp_path / "worksheet.csv"
    sheet.write_text(WORKSHEET, encoding="utf-8")
    source = zipped(tmp_path / "m.zip", {"Ada Lovelace_101_assignsubmission_file_/numpy.ipynb": MINE})
    found = by_student(collect(small, source, Settings("vanilla", students=read_students(sheet))))["s1001"]
    assert found.when is None
    assert found.evidence == "Saturday, 21 November 2026, 11:00 AM, by Moodle"


def test_moodles_times():
    berlin = zone("Europe/Berlin")
    assert moodle_time("Wednesday, 1 July 2026, 12:05 AM", berlin) == datetime.datetime(2026, 6, 30, 22, 5)
    assert moodle_time("10:15", berlin) is None
    assert moodle_time("lauantai 21. marraskuuta 2026", berlin) is None


# --- Canvas


def test_a_canvas_download(small, tmp_path):
    old, new = answered(text="return 1"), answered(text="return 2")
    source = zipped(
        tmp_path / "submissions.zip",
        {
            "lovelaceada_12345_67890_numpy.ipynb": old,
            "lovelaceada_12345_67899_numpy-2.ipynb": new,
            "oneilzoë_LATE_23456_67891_numpy-1.ipynb": MINE,
            "o_neil_34567_67892_my homework_12_34_x.ipynb": answered("vanilla", "pytorch"),
            "LATE_anon_aB3dE_67893_numpy.ipynb": MINE,
            "typist_45678_text.html": b"<p>no</p>",
        },
    )
    found = collect(small, source, Settings(assignment="vanilla"))
    assert found.kind == "canvas"
    told = by_student(found)
    assert placed(small) == {
        "anon_aB3dE/vanilla/numpy.ipynb": MINE,
        "lovelaceada_12345/vanilla/numpy.ipynb": new,
        "o_neil_34567/vanilla/pytorch.ipynb": answered("vanilla", "pytorch"),
        "oneilzoë_23456/vanilla/numpy.ipynb": MINE,
    }
    assert "numpy-2.ipynb was taken for numpy.ipynb and not numpy.ipynb: it was uploaded last" in (
        told["lovelaceada_12345"].notes
    )
    assert told["o_neil_34567"].notes == ["my homework_12_34_x.ipynb was taken for pytorch.ipynb, by its cells"]
    assert told["oneilzoë_23456"].notes == ["LATE, says Canvas, and does not say how late: no time was recorded"]
    assert told["typist_45678"].action == "nothing"


@pytest.mark.parametrize(
    ("name", "student", "file"),
    [
        ("12345_678_999_numpy.ipynb", "12345_678", "numpy.ipynb"),
        ("student1_123_456_numpy.ipynb", "student1_123", "numpy.ipynb"),
        ("doe_john_LATE_123_456_7_8_numpy.ipynb", "doe_john_123", "7_8_numpy.ipynb"),
        ("anon_a1B2c_67893_12_numpy.ipynb", "anon_a1B2c", "12_numpy.ipynb"),
        ("123_456_numpy.ipynb", "123", "numpy.ipynb"),
        ("李小龙_123_456_numpy.ipynb", "李小龙_123", "numpy.ipynb"),
    ],
)
def test_canvass_names(small, tmp_path, name, student, file):
    found = by_student(collect(small, zipped(tmp_path / "s.zip", {name: MINE}), Settings("vanilla", kind="canvas")))
    assert found[student].notebooks == {"numpy.ipynb": file}


def test_canvass_gradebook_gives_ids(small, tmp_path):
    sheet = tmp_path / "grades.csv"
    sheet.write_text(
        'Student,ID,SIS User ID,SIS Login ID,Section,"Vanilla (1)"\n    Points Possible,,,,,20\n'
        '"Lovelace, Ada",12345,s1,ada,A,\n"O\'Neil, Zoë",23456,s2,zoe,A,\n'
    )
    source = zipped(tmp_path / "s.zip", {"lovelaceada_12345_67890_numpy.ipynb": MINE})
    collect(small, source, Settings("vanilla", students=read_students(sheet)))
    assert list(placed(small)) == ["ada/vanilla/numpy.ipynb"]


# --- GitHub Classroom


def clone(folder: Path, when: str, data: bytes = MINE) -> Path:
    """A git working copy with one commit."""
    write(folder, {"numpy.ipynb": data, "README.md": b"# my work"})
    environment = {
        **os.environ,
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_DATE": when,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "HOME": str(folder),
    }
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "done"]):
        subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, timeout=60)
    return folder


def test_classroom_clones_and_their_commits_times_as_evidence(small, tmp_path):
    root = tmp_path / "week-3-submissions"
    clone(root / "week-3-anna-b", "2026-11-20T10:00:00+01:00")
    clone(root / "week-3-anna-c", "2026-11-21T10:00:00+00:00", answered(text="return 2"))
    found = collect(small, root, Settings(assignment="vanilla"))
    assert found.kind == "classroom"
    told = by_student(found)
    assert told["anna-b"].evidence == "last commit 2026-11-20 09:00:00 UTC, by its author's clock"
    assert told["anna-b"].when is None
    assert told["anna-b"].unused == ["README.md"]
    assert placed(small) == {
        "anna-b/vanilla/numpy.ipynb": MINE,
        "anna-c/vanilla/numpy.ipynb": answered(text="return 2"),
    }


@pytest.mark.parametrize("depth", [[], ["--depth=1"]])
def test_packed_and_shallow_clones_have_their_last_commits_time(tmp_path, depth):
    origin = clone(tmp_path / "origin", "2026-11-20T10:00:00+00:00")
    clone(origin, "2026-11-21T10:00:00+00:00", answered(text="return 2"))
    subprocess.run(["git", "gc", "-q"], cwd=origin, check=True, timeout=60)
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "-q", *depth, f"file://{origin}", copy], check=True, timeout=60)
    assert last_commit(copy) == datetime.datetime(2026, 11, 21, 10)
    (copy / ".git" / "HEAD").write_text("ref: refs/heads/../../../x\n")
    assert last_commit(copy) is None
    (copy / ".git" / "HEAD").write_text("0" * 40)
    assert last_commit(copy) is None


def test_nothing_in_a_clone_is_run(small, tmp_path):
    root = tmp_path / "vanilla-submissions"
    folder = clone(root / "vanilla-eve", "2026-11-20T10:00:00+00:00")
    trap = tmp_path / "sprung"
    program = f"touch {trap}"
    with (folder / ".git" / "config").open("a") as file:
        file.write(
            f'[core]\n\tfsmonitor = "{program}"\n\tpager = "{program}"\n\thooksPath = "{folder}/hooks"\n'
            f'\tsshCommand = "{program}"\n[log]\n\tshowSignature = true\n[gpg]\n\tprogram = "{program}"\n'
            f'[alias]\n\tlog = "!{program}"\n[remote "origin"]\n\turl = "ext::sh -c {program}"\n\tpromisor = true\n'
        )
    write(folder / "hooks", {"post-checkout": f"#!/bin/sh\n{program}\n".encode()})
    found = by_student(collect(small, root))
    assert found["eve"].evidence.startswith("last commit 2026-11-20 10:00:00")
    assert not trap.exists()


def test_classrooms_roster_gives_ids(tmp_path):
    roster = tmp_path / "classroom_roster.csv"
    roster.write_text('"identifier","github_username","github_id","name"\n"s1","Anna-B","1","Anna"\n"s2","","",""\n')
    assert read_students(roster).id_of(("anna-b",)) == "s1"


# --- which file is the notebook


@pytest.mark.parametrize(
    ("files", "taken", "why"),
    [
        ({"numpy (1).ipynb": MINE}, "numpy (1).ipynb", ""),
        ({"Numpy.IPYNB": MINE}, "Numpy.IPYNB", ""),
        ({"numpy-Copy1.ipynb": MINE}, "numpy-Copy1.ipynb", ""),
        ({"final version!.ipynb": MINE}, "final version!.ipynb", "by its cells"),
        ({"numpy.ipynb": BLANK, "numpy (2).ipynb": MINE}, "numpy (2).ipynb", "it has answers in it"),
        ({"numpy.ipynb": MINE, "numpy (2).ipynb": MINE}, "numpy.ipynb", "its name is exactly that"),
        ({"old/numpy.ipynb": MINE, "numpy.ipynb": MINE}, "numpy.ipynb", "it lies in the fewest folders"),
        ({"a/numpy.ipynb": MINE, "b/numpy.ipynb": MINE}, "a/numpy.ipynb", "its name comes first"),
        ({"numpy.ipynb": b"not a notebook", "copy of it.ipynb": MINE}, "numpy.ipynb", ""),
        ({".ipynb_checkpoints/numpy.ipynb": BLANK, "numpy.ipynb": MINE}, "numpy.ipynb", ""),
        ({"__MACOSX/._numpy.ipynb": b"\0", "work/numpy.ipynb": MINE}, "work/numpy.ipynb", ""),
    ],
)
def test_which_file_is_taken_and_by_what_rule(small, tmp_path, files, taken, why):
    source = write(tmp_path / "in", {f"ada/{name}": data for name, data in files.items()})
    found = by_student(collect(small, source, Settings(assignment="vanilla")))["ada"]
    assert found.notebooks == {"numpy.ipynb": taken}
    assert placed(small) == {"ada/vanilla/numpy.ipynb": files[taken]}
    assert why in " ".join(found.notes)
    assert bool(found.notes) == bool(why)


def test_the_notebook_of_another_assignment_is_taken_by_its_name_and_told(small, tmp_path):
    source = write(tmp_path / "in", {"ada/numpy.ipynb": answered("gru")})
    found = by_student(collect(small, source, Settings(assignment="vanilla")))["ada"]
    assert found.notes == ["numpy.ipynb has the cells of gru/numpy: look whether it is the wrong file"]


def test_without_an_assignment_named_the_cells_say_it(small, tmp_path):
    source = write(tmp_path / "in", {"ada/numpy.ipynb": answered("gru"), "boris/numpy.ipynb": b"not JSON"})
    found = by_student(collect(small, source))
    assert found["ada"].assignment == "gru"
    assert "--assignment says which" in found["boris"].why


# --- what is there already


def again(small, tmp_path, data, when=None, **settings):
    source = tmp_path / "again"
    write(source, {"ada/vanilla/numpy.ipynb": data})
    (source / "ada/vanilla/timestamp.txt").unlink(missing_ok=True)
    if when:
        write(source, {"ada/vanilla/timestamp.txt": when.encode()})
    return by_student(collect(small, source, Settings(believe_stamps=True, **settings)))["ada"]


def test_a_newer_one_replaces_and_the_one_before_is_kept(small, tmp_path):
    old, new = answered(text="return 1"), answered(text="return 2")
    again(small, tmp_path, old, EARLY)
    assert again(small, tmp_path, new, LATER).action == "replaced"
    assert placed(small) == {
        ".earlier/ada/vanilla/2026-11-20T10.00.00-1/numpy.ipynb": old,
        ".earlier/ada/vanilla/2026-11-20T10.00.00-1/timestamp.txt": EARLY.encode(),
        "ada/vanilla/numpy.ipynb": new,
        "ada/vanilla/timestamp.txt": LATER.encode(),
    }
    config = Config({"CourseDirectory": {"root": str(small.root), "db_url": "sqlite://"}})
    assert NbGraderAPI(config=config).get_submitted_students("vanilla") == {"ada"}
    assert small.students("vanilla") == ["ada"]


def test_an_older_one_never_replaces(small, tmp_path):
    again(small, tmp_path, MINE, LATER)
    before = placed(small)
    assert again(small, tmp_path, BLANK, EARLY).action == "older"
    assert again(small, tmp_path, MINE, LATER).action == "same"
    assert again(small, tmp_path, MINE).action == "same"
    assert placed(small) == before


@pytest.mark.parametrize(("first", "second"), [(None, EARLY), (EARLY, None), (None, None), (EARLY, EARLY)])
def test_where_nobody_knows_which_is_newer_a_person_decides(small, tmp_path, first, second):
    again(small, tmp_path, MINE, first)
    told = again(small, tmp_path, BLANK, second)
    assert told.action == "unclear"
    assert "--replace" in told.why
    assert placed(small)["ada/vanilla/numpy.ipynb"] == MINE
    assert again(small, tmp_path, BLANK, second, replace=True).action == "replaced"
    kept = {path: data for path, data in placed(small).items() if path.startswith(".earlier")}
    assert MINE in kept.values()
    assert placed(small)["ada/vanilla/numpy.ipynb"] == BLANK


def test_earlier_ones_pile_up(small, tmp_path):
    for number in range(3):
        again(small, tmp_path, answered(text=f"return {number}"), replace=True)
    earlier = small.folder("submitted") / ".earlier" / "ada" / "vanilla"
    assert sorted(p.name for p in earlier.iterdir()) == ["undated-1", "undated-2"]


# --- lists of students


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("number,colour\n1,red\n", "which column has the students' ids"),
        ("id,student\n1,ada\n2,ada\n", "row 3: ada stands for two students"),
    ],
)
def test_a_list_of_students_that_cannot_be_used_is_one_line(tmp_path, text, said):
    path = tmp_path / "students.csv"
    path.write_text(text)
    with pytest.raises(CourseError, match=said) as caught:
        read_students(path)
    assert "\n" not in str(caught.value)


def test_a_german_worksheet_needs_the_columns_name_and_an_excel_one_is_read(tmp_path):
    path = tmp_path / "b.csv"
    path.write_bytes("ID;Vollständiger Name;ID-Nummer\nTeilnehmer/in 101;Jörg;s1\n".encode("cp1252"))
    with pytest.raises(CourseError, match="Vollständiger Name, ID-Nummer"):
        read_students(path)
    assert read_students(path, "ID-Nummer").id_of(("Teilnehmer/in 101",)) == "s1"
