"""The bundled class: its answers are well formed, and nbgrader grades it to known scores, diagnoses and feedback."""

from __future__ import annotations

import os
import shutil
from html import escape
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder import demo
from autograder.demo import answers, results, submissions, summary
from autograder.demo.results import Diagnosis, Result, Results
from autograder.table import WIDTH

ROOT = Path(__file__).parents[2]
CLASS = answers.everyone()
STEM = demo.ASSIGNMENT

# One worker runs this file, because its tests look at one graded class.
pytestmark = pytest.mark.xdist_group("demo")

# What nbgrader gives for max_pool_loops, max_pool, avg_pool, min_pool, pool_signal, and together.
SCORES = {
    "aiko": (3, 4, 4, 1, 2, 14),
    "amara": (3, 4, 4, 3, 2, 16),
    "chidi": (3, 3, None, 3, 2, 11),
    "emre": (3, 0, 4, 1, 2, 10),
    "ingrid": (3, 4, 2, 2, 0, 11),
    "jonas": (3, 4, 2, 3, 2, 14),
    "kwame": (3, 0, 0, 0, 2, 5),
    "linus": (3, 4, 4, 3, 2, 16),
    "noemie": (3, 4, 4, 0, 1, 12),
    "oleksandr": (None, None, None, None, None, 0),
    "priya": (3, 4, 0, 0, 0, 7),
    "sofia": (3, 4, 4, 2, 1, 14),
    "tomas": (3, 1, 0, 0, 1, 5),
    "wei": (3, 1, 2, 1, 2, 9),
    "zoe": (3, 3, 4, 1, 2, 13),
}


# The texts


def test_every_learner_has_a_name_a_sentence_and_answers() -> None:
    assert len(CLASS) >= 12
    for learner in CLASS:
        assert learner.did.endswith("."), learner.student_id
        assert learner.cells or learner.instead, learner.student_id
    assert len({learner.name for learner in CLASS}) == len(CLASS)
    assert any(not learner.name.isascii() for learner in CLASS)


def test_a_text_says_which_cells_were_changed_and_deleted(tmp_path: Path) -> None:
    text = tmp_path / "ada.txt"
    text.write_text(
        "# Ada Lovelace\n# Solves one, deletes the test of it.\n\n"
        "# %% halve\ndef halve(x):\n    return x[::2]\n\n"
        "# %% delete check_halve\n\n"
        "# %% edit check_double\n2.0\n",
        encoding="utf-8",
    )
    assert answers.read(text) == answers.Answers(
        student_id="ada",
        name="Ada Lovelace",
        did="Solves one, deletes the test of it.",
        cells={"halve": "def halve(x):\n    return x[::2]", "check_double": "2.0"},
        deleted=frozenset({"check_halve"}),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Ada Lovelace\n\n# %% halve\npass\n", "begin with '# the name'"),
        ("# Ada Lovelace\n# Solves nothing.\n", "begin with '# the name'"),
        ("# Ada Lovelace\n# Moves a cell.\n\n# %% move halve\n", "'# %% move halve' should be"),
    ],
)
def test_a_text_that_is_not_well_formed_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "ada.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        answers.read(path)


# Submissions


def lesson(**sources: str) -> nbformat.NotebookNode:
    """A notebook of nbgrader's cells: those that begin with check_ are test cells."""
    cells = [
        new_code_cell(source, metadata={"nbgrader": {"grade_id": name, "grade": name.startswith("check_")}})
        for name, source in sources.items()
    ]
    return new_notebook(cells=cells)


RELEASED = lesson(halve="...", check_halve="check(halve)", double="...", check_double="check(double)")


def test_a_submission_is_the_release_with_the_answers_in_it() -> None:
    ada = answers.Answers("ada", "Ada", "…", {"halve": "x[::2]", "check_double": "2.0"}, frozenset({"check_halve"}))
    submitted = submissions.answered(RELEASED, ada)
    assert [cell.source for cell in submitted.cells] == ["x[::2]", "...", "2.0"]
    assert submissions.changed_tests(submitted, RELEASED) == {"check_halve": "deleted", "check_double": "edited"}
    assert submissions.changed_tests(RELEASED, RELEASED) == {}


def test_an_answer_to_no_cell_of_the_release_is_refused() -> None:
    with pytest.raises(ValueError, match="ada: the released notebook has no cell third"):
        submissions.answered(RELEASED, answers.Answers("ada", "Ada", "…", {"third": "pass"}))


# Diagnoses


def test_the_last_verdict_of_a_test_cell_is_the_diagnosis() -> None:
    graded = lesson(halve="...", check_halve="check(halve)")
    verdict = {"face": "wrong", "diagnosis": "1 of 4 values are wrong.", "misconception": None}
    later = verdict | {"diagnosis": "3 of 4 values are wrong.", "misconception": "rounded up"}
    graded.cells[1].outputs = [new_output("display_data", metadata={"course_lib": v}) for v in (verdict, later)]
    assert results.diagnosis(graded, "halve") == Diagnosis("3 of 4 values are wrong.", "rounded up")


def test_without_a_verdict_the_first_error_is_the_diagnosis() -> None:
    graded = lesson(halve="...", check_halve="check(halve)")
    graded.cells[1].outputs = [new_output("error", ename="NameError", evalue="name 'halve' is not defined")]
    assert results.diagnosis(graded, "halve").text == "NameError: name 'halve' is not defined"
    graded.cells[0].outputs = [new_output("error", ename="SyntaxError", evalue="expected ':' (1234.py, line 3)")]
    assert results.diagnosis(graded, "halve").text == "SyntaxError: expected ':' (line 3)"


# The summary

PADS = Diagnosis("4 of 4 values are wrong.", "zero padding")
SMALL = Results(
    "01_pooling",
    {"max_pool": 4, "min_pool": 3},
    (
        Result("zoe", "Zoë Martin", {"max_pool": 2, "min_pool": 1}, 3, None, {}, {"max_pool": PADS, "min_pool": PADS}),
        Result(
            "wei", "Li 李伟", {"max_pool": 2, "min_pool": None}, 2, None, {"min_pool": "deleted"}, {"max_pool": PADS}
        ),
        Result("ola", "Ola", {"max_pool": None, "min_pool": None}, 0, "NotJSONError: not JSON"),
    ),
)


def test_a_misconception_counts_its_learners_once() -> None:
    assert summary.misconceptions(SMALL) == [summary.Shared("zero padding", 2, {"max_pool": 2, "min_pool": 1})]


def test_the_summary_begins_with_misconceptions_and_marks_what_is_odd(tmp_path: Path) -> None:
    printed = "\n".join(summary.lines(SMALL, tmp_path))
    assert printed.startswith(
        """
The class's most frequent misconceptions
────────────────────────────────────────
 2 learners  zero padding                                    max_pool, min_pool (1)

Scores
──────
                    max_pool   min_pool   total
     points to win         4          3       7
zoe  Zoë Martin            2          1       3
wei  Li 李伟               2          –d      2
ola  Ola                   –          –       0n

d  The test cell was deleted. nbgrader counts 0 and asks for manual grading.
n  nbgrader could not grade this, for the reason below. It counts 0 and asks for manual grading.

Diagnoses
─────────
Zoë Martin
  max_pool    2/4  zero padding · 4 of 4 values are wrong.
  min_pool    1/3  zero padding · 4 of 4 values are wrong.
"""
    )


# The class, graded


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    """The whole class in lesson 01 without its demonstrations, which take time and no part in the scores."""
    root = tmp_path_factory.mktemp("repository")
    name = Path("solutions", STEM, f"{STEM}.ipynb")
    worked = nbformat.read(ROOT / name, as_version=4)
    code = [cell for cell in worked.cells if cell.cell_type == "code"]
    worked.cells = code[:1] + [cell for cell in code if "nbgrader" in cell.metadata]
    (root / name).parent.mkdir(parents=True)
    nbformat.write(worked, root / name)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    course = root / "build" / "demo"
    return demo.run(root, course, CLASS), course


def test_nbgrader_gives_the_expected_scores_to_every_learner(graded: tuple[Results, Path]) -> None:
    found, _ = graded
    assert found.points == {"max_pool_loops": 3, "max_pool": 4, "avg_pool": 4, "min_pool": 3, "pool_signal": 2}
    assert {row.student_id: (*row.points.values(), row.total) for row in found.rows} == SCORES


def test_only_what_is_not_a_notebook_stays_without_a_grade(graded: tuple[Results, Path]) -> None:
    (row,) = (row for row in graded[0].rows if row.problem)
    assert row.student_id == "oleksandr"
    assert row.problem.startswith("NotJSONError: Notebook does not appear to be JSON: '<!DOCTYPE html>")


def test_edited_and_deleted_test_cells_are_seen(graded: tuple[Results, Path]) -> None:
    changes = {row.student_id: row.changes for row in graded[0].rows if row.changes}
    assert changes == {"aiko": {"min_pool": "edited"}, "chidi": {"avg_pool": "deleted"}}


def test_the_classs_misconceptions_are_counted(graded: tuple[Results, Path]) -> None:
    assert [(one.learners, one.name, one.exercises) for one in summary.misconceptions(graded[0])] == [
        (4, "zero padding", {"max_pool": 2, "min_pool": 3}),
        (2, "a byte has no negative", {"min_pool": 2}),
        (2, "padding always counted", {"avg_pool": 2}),
        (2, "the start of the window instead of its centre", {"pool_signal": 2}),
        (1, "H and W exchanged", {"max_pool": 1, "avg_pool": 1, "min_pool": 1}),
        (1, "half a window too far", {"pool_signal": 1}),
        (1, "stride left at 1", {"max_pool": 1, "avg_pool": 1, "min_pool": 1}),
    ]


@pytest.mark.parametrize(
    ("student_id", "exercise", "begin"),
    [
        ("zoe", "max_pool", "4 of 4 values are wrong."),
        ("emre", "max_pool", "TypeError: 'float' object cannot be interpreted as an integer"),
        ("kwame", "max_pool", "max_pool uses max_pool1d in line 4"),
        ("noemie", "min_pool", "SyntaxError: '(' was never closed (line 7)"),
        ("ingrid", "pool_signal", "The call had not come to an end after 5 seconds"),
        ("priya", "avg_pool", "Not attempted."),
        ("chidi", "avg_pool", "The test cell was deleted"),
    ],
)
def test_a_diagnosis_says_what_went_wrong(
    graded: tuple[Results, Path], student_id: str, exercise: str, begin: str
) -> None:
    (row,) = (row for row in graded[0].rows if row.student_id == student_id)
    assert row.diagnoses[exercise].text.startswith(begin)


def test_a_diagnosis_stands_in_the_feedback(graded: tuple[Results, Path]) -> None:
    told = 0
    for row in graded[0].rows:
        if row.problem:
            assert row.feedback is None
            continue
        page = row.feedback.read_text(encoding="utf-8")
        assert f"{row.total}" in page
        for diagnosis in row.diagnoses.values():
            if diagnosis.misconception:
                told += 1
                assert escape(f"This looks familiar: {diagnosis.misconception}.") in page, row.student_id
                assert escape(diagnosis.text) in page, row.student_id
    assert told == 18


def test_the_printed_summary_fits_and_leads_to_files_that_exist(graded: tuple[Results, Path]) -> None:
    found, course = graded
    printed = list(summary.lines(found, course))
    body = printed[: printed.index("Where it all lies")]
    assert body
    assert max(map(len, body)) <= WIDTH
    named = [
        line.split()[-1] for line in printed if line.endswith((".db", "submitted/", "autograded/", ".log", ".html"))
    ]
    assert len(named) == 4 + len(CLASS) - 1
    for path in named:
        assert Path(os.path.abspath(path)).exists(), path


def test_a_repository_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(demo.DemoError, match="make build"):
        demo.run(tmp_path, tmp_path / "build", CLASS)
