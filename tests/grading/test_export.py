"""Exports: what other programs read, nobody's grade lost or guessed, and a file that is whole or as it was."""

import argparse
import csv
import datetime
import errno
import io
import json
import os
import subprocess
from pathlib import Path

import pytest

from autograder.commands import export as command
from autograder.commands.saying import Say
from autograder.grading import writing
from autograder.grading.course import Course, CourseError
from autograder.grading.csv_files import read_table, safe, write_table, write_whole
from autograder.grading.exporting import as_csv, as_json, canvas, moodle
from autograder.grading.exporting.result import Late, Result, how_late
from autograder.grading.grade import Outcome
from autograder.grading.table import COLUMNS, QuestionRow, StudentRow


def result(student, score=17.5, *, waiting=0, penalty=0.0, reason="", whole=20.0):
    """A student with two questions, one of which may wait for a mark."""
    outcome = Outcome(
        student,
        "vanilla",
        "key",
        ("numpy",),
        {"numpy": {"forward": reason}} if reason else {},
        {},
        {},
        isolation={"numpy": "strict"},
        repairs={"numpy": ["a cell was put back"]},
        mistakes={"numpy": {"forward": ["no-tanh"]}} if reason else {},
        seconds={"numpy": 1.25},
    )
    rows = (
        QuestionRow(student, "vanilla", "numpy", "forward", score, whole - 2, False, reason, "strict"),
        QuestionRow(student, "vanilla", "numpy", "derivation", 0.0, 2.0, bool(waiting), "", "strict"),
    )
    late = Late(datetime.datetime(2026, 12, 2, 12), datetime.datetime(2026, 12, 1, 12), 86400.0, penalty)
    return Result(outcome, rows, StudentRow(student, score, whole, waiting, ("numpy",), reason), late)


def table(tmp_path, text, **how):
    path = tmp_path / "template.csv"
    path.write_text(text, **({"encoding": "utf-8"} | how))
    return read_table(path)


# --- CSV and JSON


def test_csv_is_the_table(tmp_path):
    results = [result("ada", reason="h differs, everywhere"), result("boris", 20)]
    as_csv.write(results, tmp_path / "new.csv")
    told = (tmp_path / "new.csv").read_text(encoding="utf-8-sig").splitlines()
    assert told[0] == ",".join(COLUMNS)
    assert told[1] == 'ada,vanilla,numpy,forward,17.5,18.0,0,"h differs, everywhere",strict'
    assert "'" not in "".join(told)


def test_a_late_penalty_has_a_row_and_the_rows_add_up(tmp_path):
    rows = as_csv.table_rows([result("ada", 17.5, penalty=3.5)])
    assert sum(row.score for row in rows) == 14 == result("ada", 17.5, penalty=3.5).score
    assert (rows[-1].question, rows[-1].reason) == ("late penalty", "handed in 1 day late")
    as_csv.write([result("ada", 17.5, penalty=3.5)], tmp_path / "g.csv")
    assert "late penalty,-3.5,0.0,0,handed in 1 day late" in (tmp_path / "g.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(1, "1 min"), (3600, "1 h 0 min"), (90_000, "1 day 1 h"), (200_000, "2 days 7 h"), (86400, "1 day")],
)
def test_lateness_in_words(seconds, told):
    assert how_late(seconds) == told


def test_json_has_everything(tmp_path):
    as_json.write("vanilla", [result("ada", penalty=1.5, waiting=1, reason="h differs")], tmp_path / "g.json")
    (ada,) = json.loads((tmp_path / "g.json").read_text(encoding="utf-8"))["students"]
    assert (ada["score"], ada["max_score"], ada["waiting_for_hand_marks"]) == (16, 20, 1)
    assert ada["late"] == {
        "submitted": "2026-12-02T12:00:00Z",
        "due": "2026-12-01T12:00:00Z",
        "seconds": 86400,
        "penalty": 1.5,
        "score_before": 17.5,
    }
    (notebook,) = ada["notebooks"]
    assert (notebook["isolation"], notebook["seconds"], notebook["repairs"]) == (
        "strict",
        1.25,
        ["a cell was put back"],
    )
    assert notebook["questions"][0] == {
        "question": "forward",
        "score": 17.5,
        "max_score": 18,
        "waiting_for_hand_mark": False,
        "reason": "h differs",
        "mistakes": ["no-tanh"],
    }


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "-@x", "\n=1"]
)
def test_formulas_are_quoted_everywhere(tmp_path, text):
    assert safe(text) == "'" + text
    as_csv.write([result(text, reason=text)], tmp_path / "g.csv")
    with (tmp_path / "g.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert row["student"] == "'" + text
    template = table(tmp_path, f'Student,ID,SIS Login ID,Section,vanilla (1)\n"{text}",1,ada,A,\n')
    write_table(tmp_path / "c.csv", *_both(canvas.filled("vanilla", [result("ada")], template)))
    for row in csv.reader(io.StringIO((tmp_path / "c.csv").read_text(encoding="utf-8"))):
        assert not any(c.lstrip().startswith(("=", "+", "@")) for c in row)


@pytest.mark.parametrize("text", ["-", "-3.5", "+4", "12,5", "ada", "", "3-4", "a=b", "    Points Possible"])
def test_numbers_and_plain_texts_stay(text):
    assert safe(text) == text


def _both(filled):
    return filled.header, filled.rows


# --- Canvas

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Homework 1: GRU (70),Homework 2: Vanilla RNN (71),Final Score\n"
    ",,,,,Manual Posting,,\n"
    "    Points Possible,,,,,20,20,(read only)\n"
    '"Lovelace, Ada",101,s1,ada,"Group A",1,,5\n'
    '"O\'Neil, Zoë",102,s2,zoe@uni.example,A,2,,5\n'
    '"Kim, Min",103,s3,kim1,A,3,,5\n'
    '"Kim, Min",104,s4,kim2,A,4,,5\n'
    '"Absent, Al",105,s5,al,A,5,18,5\n'
    '"Student, Test",106,,test,A,,,5\n'
)


def test_canvas_rows_are_matched_by_login_id_number_and_name(tmp_path):
    found = canvas.filled(
        "vanilla",
        [
            result("ada", 17.25),
            result("oneilzoë_102", 12, penalty=2),
            result("Min Kim"),
            result("s4", 20),
            result("nobody"),
        ],
        table(tmp_path, CANVAS),
    )
    assert found.header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework 2: Vanilla RNN (71)"]
    assert found.rows == [
        ["    Points Possible", "", "", "", "", "20"],
        ["Lovelace, Ada", "101", "s1", "ada", "Group A", "17.25"],
        ["O'Neil, Zoë", "102", "s2", "zoe@uni.example", "A", "10"],
        ["Kim, Min", "104", "s4", "kim2", "A", "20"],
    ]
    assert found.unmatched == ["Min Kim", "nobody"]
    assert "the grades are in the column Homework 2: Vanilla RNN (71)" in found.notes
    assert "rows without a result, left as they are: 3 (Kim, Min; Absent, Al; Student, Test)" in found.notes


def test_a_number_that_is_somebody_elses_matches_nobody(tmp_path):
    """Canvas's number 101 is Ada's; an id of our own that ends in it is not hers."""
    found = canvas.filled("vanilla", [result("group_101"), result("101")], table(tmp_path, CANVAS))
    assert found.unmatched == ["group_101", "101"]


def test_canvas_scales_to_its_points_and_says_so(tmp_path):
    found = canvas.filled("gru", [result("ada", 15)], table(tmp_path, CANVAS.replace(",20,20,", ",100,20,")))
    assert found.rows[1][-1] == "75"
    assert "the scores were scaled from 20 to 100 points, the assignment's there" in found.notes


@pytest.mark.parametrize(
    ("assignment", "column", "said"),
    [
        ("lstm", "", "no column is for lstm; name it with --column; there are: Homework 1: GRU"),
        ("homework", "", "more than one column is for homework"),
        ("vanilla", "Homework 9", "no column is for Homework 9"),
        ("score", "Final Score", "no column is for Final Score"),
    ],
)
def test_a_column_that_is_not_clear_is_asked_for(tmp_path, assignment, column, said):
    with pytest.raises(CourseError, match=said):
        canvas.filled(assignment, [result("ada")], table(tmp_path, CANVAS), column)


def test_the_column_can_be_named(tmp_path):
    for name in ("homework 1: gru", "Homework 1: GRU (70)"):
        assert (
            canvas.filled("lstm", [result("ada")], table(tmp_path, CANVAS), name).header[-1] == "Homework 1: GRU (70)"
        )


def test_canvas_with_first_and_last_names_and_semicolons(tmp_path):
    text = "LastName;FirstName;ID;SIS Login ID;Section;vanilla (1)\n Points Possible;;;;;12,5\nLovelace;Ada;1;x;A;\n"
    found = canvas.filled("vanilla", [result("lovelaceada_1", 10)], table(tmp_path, text, encoding="utf-8-sig"))
    assert found.rows[1] == ["Lovelace", "Ada", "1", "x", "A", "6,25"]


def test_canvas_without_a_template():
    found = canvas.filled("vanilla", [result("ada"), result("lovelaceada_101", 3)])
    assert found.header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "vanilla"]
    assert found.rows == [["ada", "", "", "ada", "", "17.5"], ["lovelaceada", "101", "", "", "", "3"]]


# --- Moodle

WORKSHEET = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
    '"Participant 101","Ada Lovelace",ada@uni.example,"Submitted",,20.00,Yes,"Saturday, 21 November 2026",-,\n'
    '"Participant 102","Zoë O\'Neil",zoe@uni.example,"Submitted",7.00,20.00,Yes,-,-,"<p>fine</p>"\n'
    '"Participant 103","Al Absent",al@uni.example,"No submission",3.00,20.00,Yes,-,-,\n'
    '"Participant 104","Lu Locked",lu@uni.example,"Submitted",,20.00,No,-,-,\n'
)


def test_moodles_worksheet_is_filled_in_and_all_else_stays(tmp_path):
    template = table(tmp_path, WORKSHEET)
    results = [result("Ada Lovelace_101"), result("zoe@uni.example", 12), result("lu"), result("eve_102")]
    found = moodle.filled("vanilla", results, template)
    assert found.header == list(template.header)
    assert [row[4] for row in found.rows] == ["17.5", "12", "3.00", ""]
    for before, after in zip(template.rows, found.rows, strict=True):
        assert [c for n, c in enumerate(before) if n != 4] == [c for n, c in enumerate(after) if n != 4]
    assert found.unmatched == ["eve_102", "lu"]
    assert "Moodle does not let these grades be changed: lu" in found.notes
    write_table(tmp_path / "m.csv", found.header, found.rows)
    again = read_table(tmp_path / "m.csv")
    assert (list(again.header), again.rows) == (found.header, found.rows)


def test_moodle_with_names_hidden_and_a_comma_in_numbers(tmp_path):
    text = 'Identifier;Status;Grade;"Maximum Grade"\n"Participant 101";Submitted;;"100,00"\n'
    found = moodle.filled("vanilla", [result("Participant_101")], table(tmp_path, text))
    assert found.rows == [["Participant 101", "Submitted", "87,5", "100,00"]]


def test_a_worksheet_in_another_language_needs_the_columns_name(tmp_path):
    text = "ID,Vollständiger Name,E-Mail-Adresse,Bewertung,Bestwertung\nTeilnehmer/in 101,Ada,ada@uni.example,,20\n"
    with pytest.raises(CourseError, match="no column is for vanilla; name it with --column"):
        moodle.filled("vanilla", [result("ada")], table(tmp_path, text))


def test_moodles_grade_export_keeps_who_and_the_assignment(tmp_path):
    text = (
        '"First name",Surname,"ID number","Email address","Assignment: Vanilla RNN (Real)","Course total (Real)"\n'
        "Ada,Lovelace,s1,ada@uni.example,-,30\nZoë,O'Neil,s2,zoe@uni.example,-,40\n"
    )
    found = moodle.filled("vanilla", [result("s1"), result("Zoë O'Neil_9", 3)], table(tmp_path, text))
    assert found.header == ["First name", "Surname", "ID number", "Email address", "Assignment: Vanilla RNN (Real)"]
    assert [row[-1] for row in found.rows] == ["17.5", "3"]


def test_moodle_without_a_template():
    assert moodle.filled("vanilla", [result("s1")]).rows == [["s1", "17.5"]]


# --- the command


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command on given results: exit code, the JSON answer or the lines, the warnings."""

    def go(results, *arguments, mode="json", new=()):
        outcomes = [r.outcome for r in results]
        monkeypatch.setattr("autograder.grading.grade.graded", lambda _course, _assignment: outcomes)
        monkeypatch.setattr(Course, "students", lambda _course, _assignment: [o.student for o in outcomes] + list(new))
        monkeypatch.setattr("autograder.grading.exporting.result.results", lambda *_of: results)

        parser = argparse.ArgumentParser()
        command.arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        options = parser.parse_args(["vanilla", *map(str, arguments)])
        code = command.run(Course(tmp_path, None), options, Say(mode, out, err))
        return code, json.loads(out.getvalue()) if mode == "json" else out.getvalue().splitlines(), err.getvalue()

    return go


def test_questions_that_wait_are_never_exported_silently(run, tmp_path):
    results = [result("ada"), result("boris", waiting=1), result("chen", waiting=2)]
    code, answer, err = run(results)
    assert (code, answer["students"], answer["waiting"]) == (1, 3, {"boris": 1, "chen": 2})
    assert err == (
        "unrolled: hand marks that are still missing: 3 (students: 2); "
        "these students were exported with what they have so far\n"
    )
    code, answer, err = run(results, "--complete-only")
    assert (code, answer["students"]) == (1, 1)
    assert "these students were left out" in err
    assert (tmp_path / "grades.csv").read_text(encoding="utf-8-sig").count("\nada,") == 2
    assert "boris" not in (tmp_path / "grades.csv").read_text(encoding="utf-8-sig")


def test_complete_grades_are_exit_code_0(run, tmp_path):
    code, lines, err = run([result("ada", penalty=1.5)], mode="text")
    assert (code, err) == (0, "")
    assert lines[0].split() == ["ada", "16", "/", "20", "(1.5", "off", "for", "being", "late)"]
    assert lines[1] == f"grade table: {tmp_path / 'grades.csv'}"


def test_who_is_not_graded_yet_is_told(run):
    code, answer, err = run([result("ada")], new=["zoe"])
    assert (code, answer["not_graded"]) == (1, ["zoe"])
    assert err == "unrolled: not graded yet, so not in the table: zoe; run unrolled grade vanilla\n"


def test_who_has_no_row_is_told(run, tmp_path):
    table(tmp_path, CANVAS)
    template = tmp_path / "template.csv"
    code, answer, err = run([result("ada"), result("nobody")], "--format", "canvas", "--template", template)
    assert (code, answer["unmatched"]) == (1, ["nobody"])
    assert err.endswith("that could be filled in for: nobody\n")
    assert "17.5" in (tmp_path / "grades-canvas.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--template", "T"], "--template is for --format canvas and moodle; csv needs none"),
        (["--format", "canvas", "--template", "T", "-o", "T"], "is the template; name another file"),
        (["--format", "moodle", "--template", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["-o", "FOLDER"], "cannot be written (Is a directory)"),
        (["-o", "T/under/a/file.csv"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, tmp_path, arguments, said):
    table(tmp_path, CANVAS)
    names = {"T": str(tmp_path / "template.csv"), "FOLDER": str(tmp_path)}
    with pytest.raises(CourseError) as caught:
        run([result("ada")], *(names.get(a, a.replace("T/", f"{names['T']}/")) for a in arguments))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_ctrl_c_leaves_the_file_as_it_was(run, tmp_path, monkeypatch, error):
    run([result("ada")])
    before = (tmp_path / "grades.csv").read_bytes()

    def fails(_descriptor):
        raise error

    monkeypatch.setattr(writing.os, "fsync", fails)
    with pytest.raises((CourseError, KeyboardInterrupt)) as caught:
        run([result("ada", 3)])
    if isinstance(error, OSError):
        assert "cannot be written (No space left on device); what was there before is unchanged" in str(caught.value)
    assert (tmp_path / "grades.csv").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["grades.csv"]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_really_full(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        write_whole(tmp_path / "grades.csv", b"before")
        with pytest.raises(CourseError, match="No space left on device"):
            write_whole(tmp_path / "grades.csv", os.urandom(200_000))
        assert (tmp_path / "grades.csv").read_bytes() == b"before"
        assert [p.name for p in tmp_path.iterdir()] == ["grades.csv"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_pipe_and_a_link_can_be_written_to(tmp_path):
    (tmp_path / "real.csv").write_bytes(b"")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_whole(tmp_path / "link.csv", b"x")
    assert (tmp_path / "real.csv").read_bytes() == b"x"
    assert (tmp_path / "link.csv").is_symlink()
    write_whole(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b'a,b\n"' + b"x" * 200_000 + b'",1\n', "not a CSV file"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(tmp_path, data, said):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(CourseError, match=said):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_are_read_as_programs_write_them(tmp_path, encoding, delimiter):
    (tmp_path / "t.csv").write_bytes(f"Name{delimiter}Note\r\nZoë{delimiter}1\r\n\r\n".encode(encoding))
    found = read_table(tmp_path / "t.csv")
    assert (found.header, found.rows) == (("Name", "Note"), [["Zoë", "1"]])
