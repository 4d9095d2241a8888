"""The command line and the marks file: bad input is one clear line, and nothing is half done."""

import importlib

import pytest

from autograder.cli import main
from autograder.grading.course import CourseError, open_course
from autograder.grading.marks import enter_marks
from autograder.grading.sample_class import make_course


def test_missing_columns_and_files(empty_class, tmp_path):
    path = tmp_path / "marks.csv"
    with pytest.raises(CourseError, match="cannot be read"):
        enter_marks(empty_class, path)
    path.write_text("who,points\nada,1\n")
    with pytest.raises(CourseError, match=r"the columns .*student.* are missing"):
        enter_marks(empty_class, path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grade", "vanilla"], "has no nbgrader_config.py"),
        (["grade", "vanilla", "--course", "nowhere"], "nowhere has no nbgrader_config.py"),
    ],
)
def test_no_course_here(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("unrolled: ")
    assert error.count("\n") == 1


def test_unknown_assignment_and_nothing_handed_in(empty_class, capsys):
    course = str(empty_class.root)
    assert main(["release", "lstmm", "--course", course]) == 2
    assert "there is no assignment 'lstmm'" in capsys.readouterr().err


def test_nothing_handed_in(course, tmp_path, capsys):
    from autograder.grading.sample_class import make_course

    make_course(tmp_path, course)
    assert main(["grade", "vanilla", "--course", str(tmp_path)]) == 2
    assert "put submissions in" in capsys.readouterr().err
    (tmp_path / "submitted").mkdir()
    assert main(["export", "vanilla", "--course", str(tmp_path)]) == 2
    assert "run unrolled grade first" in capsys.readouterr().err


def test_every_command_has_help_with_an_example(capsys):
    for command in importlib.import_module("autograder.commands").ORDER:
        command = command.replace("_", "-")
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        assert f"example: unrolled {command}" in capsys.readouterr().out


def test_a_folder_that_is_no_students_id_is_left_out_and_told_in_one_line(course, tmp_path, capsys):
    make_course(tmp_path, course)
    sample = open_course(tmp_path)
    for name in ("<img src=x onerror=alert(1)>", "lena"):
        (tmp_path / "submitted" / name).mkdir(parents=True)
    assert sample.students("vanilla") == ["lena"]
    assert main(["grade", "vanilla", "--course", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("lena ")
    (line,) = told.err.splitlines()
    assert "'<img src=x onerror=alert(1)>'" in line
    assert "it was left out; rename it" in line
