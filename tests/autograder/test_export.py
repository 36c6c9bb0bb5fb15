"""Do the exports say what the gradebook says, in the form that other programs read, and harmlessly?"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from autograder.__main__ import main
from autograder.course import CourseError
from autograder.export import export, file_name, harmless, table

pytestmark = pytest.mark.xdist_group("graded")

FORMULA = "=HYPERLINK(1)"
SCORES = {"ada": 6.0, "bob": 4.0, "carl": 4.0, "late": 4.0, FORMULA: 2.0}


def rows(path: Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_is_nbgraders_own_with_its_fields_quoted(graded: Any, tmp_path: Path) -> None:
    head, *body = rows(export(graded.root, graded.stem, "csv", tmp_path / "grades.csv"))
    found = {row[3]: dict(zip(head, row, strict=True)) for row in body}
    assert list(tmp_path.iterdir()) == [tmp_path / "grades.csv"]
    assert {student: float(row["score"]) for student, row in found.items()} == {
        **{harmless(student): score for student, score in SCORES.items()},
        "zoe": 0.0,
    }
    assert found["ada"]["last_name"] == "King, Countess"
    assert found["ada"]["email"] == "'@ada"


def test_canvas_has_the_points_possible_and_leaves_who_has_no_grade_empty(graded: Any, tmp_path: Path) -> None:
    assert rows(export(graded.root, graded.stem, "canvas", tmp_path / "canvas.csv")) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "00_start_here"],
        ["    Points Possible", "", "", "", "", "6"],
        [f"'{FORMULA}", "", f"'{FORMULA}", f"'{FORMULA}", "", "2"],
        ["Ada King, Countess", "", "ada", "ada", "", "6"],
        ["bob", "", "bob", "bob", "", "4"],
        ["carl", "", "carl", "carl", "", "4"],
        ["late", "", "late", "late", "", "4"],
        ["Zoë", "", "zoe", "zoe", "", ""],
    ]


def test_gradescope_has_a_file_for_each_learner_with_a_test_for_each_exercise(graded: Any, tmp_path: Path) -> None:
    folder = export(graded.root, graded.stem, "gradescope", tmp_path / "out")
    found = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/results.json")}
    assert {student: facts["score"] for student, facts in found.items()} == SCORES
    assert found["bob"]["tests"] == [
        {
            "name": "output_size",
            "score": 2.0,
            "max_score": 4.0,
            "visibility": "visible",
            "output": "The output should be 3, but it is 4. (A known misconception: always rounded up.)",
        },
        {"name": "probe_outputs", "score": 2.0, "max_score": 2.0, "visibility": "visible"},
    ]
    assert found["late"]["output"] == "took too long"
    assert "check_probe_outputs" in found["carl"]["output"]


def test_a_penalty_for_lateness_counts(graded: Any, tmp_path: Path) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{graded.root}/gradebook.db", "down_and_up") as gradebook:
        submission = gradebook.find_submission(graded.stem, "bob")
        submission.notebooks[0].late_submission_penalty = 1.0
        gradebook.db.commit()
        try:
            lines = dict(row[::5][:2] for row in rows(export(graded.root, graded.stem, "canvas", tmp_path / "c.csv")))
        finally:
            submission.notebooks[0].late_submission_penalty = 0.0
            gradebook.db.commit()
    assert (lines["bob"], lines["carl"]) == ("3", "4")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_a_field_that_begins_like_a_formula_is_made_harmless(text: str) -> None:
    assert table([[text, "a"]]).lstrip('"').startswith("'")


def test_nor_does_one_begin_where_a_spreadsheet_may_see_another_field() -> None:
    assert harmless('Ada;=1+1 "|@SUM(A1)') == "Ada;'=1+1 \"|'@SUM(A1)"


@pytest.mark.parametrize("text", ["Zoë", "Lovelace, Ada", "a-b", "O'Neill", "3.5", "a=b", ""])
def test_other_fields_stay(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("student", ["..", ".", "../../gradebook.db", "/etc/passwd", "a\\b", "\x1b[2J"])
def test_no_learners_id_leads_out_of_the_folder(student: str, tmp_path: Path) -> None:
    name = file_name(student)
    assert (tmp_path / name).parent == tmp_path
    assert (tmp_path / name).resolve() != tmp_path
    assert name.isprintable()


def test_two_ids_never_share_a_folder() -> None:
    assert len({file_name(student) for student in ("a/b", "a%2Fb", "a\\b", ".a", "%2Ea")}) == 5


def test_without_grades_it_says_what_to_do_first(graded: Any, tmp_path: Path, monkeypatch, capsys) -> None:
    with pytest.raises(CourseError, match="python -m autograder grade 99_none"):
        export(graded.root, "99_none", "canvas", tmp_path / "c.csv")
    monkeypatch.chdir(tmp_path)
    assert main(["export", "00_start_here"]) == 1
    assert "Grade first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
