"""The bundled class: its answers are well formed, and it is graded to known scores, diagnoses and feedback."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder import demo, grade, messages, report, results
from autograder.course import CourseError
from autograder.demo import answers, submissions, summary
from autograder.table import WIDTH

ROOT = Path(__file__).parents[2]
STEM = "01_pooling"
CLASS = [learner for learners in answers.everyone().values() for learner in learners]

# One worker runs this file, because its tests look at one graded class.
pytestmark = pytest.mark.xdist_group("demo")

# max_pool_loops, max_pool, avg_pool, min_pool, pool_signal: what stock nbgrader gives too, to those whom it can grade.
SCORES = {
    "aiko": (3, 4, 4, 1, 2),
    "amara": (3, 4, 4, 3, 2),
    "chidi": (3, 3, 4, 3, 2),
    "emre": (3, 0, 4, 1, 2),
    "eve": (0, 0, 0, 0, 2),
    "ingrid": (3, 4, 2, 2, 0),
    "jonas": (3, 4, 2, 3, 2),
    "kwame": (3, 0, 0, 0, 2),
    "linus": (3, 4, 4, 3, 2),
    "mallory": (3, 0, 0, 0, 0),
    "noemie": (3, 4, 4, 0, 1),
    "oleksandr": (0, 0, 0, 0, 0),
    "priya": (3, 4, 0, 0, 0),
    "sofia": (3, 4, 4, 2, 1),
    "tomas": (3, 1, 0, 0, 1),
    "trudy": (0, 0, 0, 0, 0),
    "wei": (3, 1, 2, 1, 2),
    "zoe": (3, 3, 4, 1, 2),
}


# A lesson with a module and two answers among its exercises: batch_norm, ConvBlock, fold_batch_norm, sort_snippets,
# audit_memory.
OF_THE_BLOCK = {
    "amara": (4, 3, 3, 2, 2),
    "emre": (0, 0, 1, 0, 2),
    "jonas": (3, 0, 0, 0.5, 1.5),
    "priya": (0, 0, 0, 1.5, 0),
}


# The texts


def test_every_learner_has_a_name_a_sentence_and_answers() -> None:
    assert len(CLASS) >= 12
    for learner in CLASS:
        assert learner.did.endswith("."), learner.student_id
        assert learner.cells or learner.instead, learner.student_id
    names = {learner.student_id: learner.name for learner in CLASS}
    assert len(set(names.values())) == len(names)
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


def test_an_answer_to_no_cell_of_the_release_is_refused() -> None:
    with pytest.raises(ValueError, match="ada: the released notebook has no cell third"):
        submissions.answered(RELEASED, answers.Answers("ada", "Ada", "…", {"third": "pass"}))


# The class, graded


class Page(str):
    """A page of feedback as it is, in which nothing is found."""

    def __new__(cls, html: str, features: str) -> Page:
        return super().__new__(cls, html)

    def select(self, _: str) -> list:
        return []


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, warm_start: None) -> Path:
    """The folder of the demonstration's course, graded and with its feedback."""
    folder = tmp_path_factory.mktemp("demo") / "course"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.environ["PATH"])
        grade.environment()
        # nbconvert reads each page again, to give pictures a default text: half the time, and nothing asks for it here.
        patch.setattr("nbconvert.exporters.html.BeautifulSoup", Page)
        demo.run(folder, demo.prepare(ROOT, folder))
    return folder


@pytest.fixture(scope="module")
def graded(course: Path) -> dict[str, results.Learner]:
    return {learner.student_id: learner for learner in results.read(course, STEM).learners}


def test_every_learner_has_the_scores_that_the_work_deserves(graded: dict[str, results.Learner]) -> None:
    scores = {one.student_id: tuple(score.score for score in one.scores.values()) for one in graded.values()}
    assert scores == SCORES
    assert sum(score.most for score in graded["amara"].scores.values()) == 16


def test_modules_and_answers_are_graded_too(course: Path) -> None:
    learners = results.read(course, "05_cnn_block").learners
    assert {one.student_id: tuple(score.score for score in one.scores.values()) for one in learners} == OF_THE_BLOCK
    (jonas,) = (one for one in learners if one.student_id == "jonas")
    believed = {exercise.title: diagnosis.misconception for exercise, diagnosis in jonas.diagnoses.items()}
    assert believed == {
        "batch_norm": "the biased variance in running_var",
        "ConvBlock": "ReLU before the batch norm",
        "fold_batch_norm": "",
        "sort_snippets": "in place always raises",
        "audit_memory": "in place saves a map",
    }


def test_only_what_ended_its_own_process_ended_early(graded: dict[str, results.Learner]) -> None:
    assert {name: one.code for name, one in graded.items() if one.code != "OK"} == {"trudy": "SG"}


def test_edited_and_deleted_test_cells_are_seen(graded: dict[str, results.Learner]) -> None:
    strange = {name: one.anomalies for name, one in graded.items() if one.anomalies}
    assert strange == {
        "aiko": (messages.ANOMALIES["edited"].format(grade_id="check_min_pool"),),
        "chidi": (messages.ANOMALIES["deleted"].format(grade_id="check_avg_pool"),),
        "oleksandr": (messages.ANOMALIES["not a notebook"],),
    }


def test_who_looks_for_the_gradebook_and_for_other_submissions_finds_nothing(course: Path) -> None:
    found = nbformat.read(course / "autograded" / "mallory" / STEM / f"{STEM}.ipynb", as_version=4)
    (cell,) = (cell for cell in found.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "max_pool_loops")
    assert [output.text for output in cell.outputs] == ["notebooks: []\ngradebooks: []\n"]


def test_the_classs_misconceptions_are_counted(course: Path) -> None:
    found = report.misconceptions(results.read(course, STEM))
    assert [(one.learners, one.name, one.exercises) for one in found] == [
        (4, "zero padding", ("max_pool", "min_pool")),
        (2, "a byte has no negative", ("min_pool",)),
        (2, "padding always counted", ("avg_pool",)),
        (2, "the start of the window instead of its centre", ("pool_signal",)),
        (1, "H and W exchanged", ("max_pool", "avg_pool", "min_pool")),
        (1, "half a window too far", ("pool_signal",)),
        (1, "stride left at 1", ("max_pool", "avg_pool", "min_pool")),
    ]


@pytest.mark.parametrize(
    ("student_id", "exercise", "begin"),
    [
        ("zoe", "max_pool", "4 of 4 values are wrong."),
        ("emre", "max_pool", "TypeError: 'float' object cannot be interpreted as an integer"),
        ("kwame", "max_pool", "max_pool uses max_pool1d in line 4"),
        ("noemie", "min_pool", "min_pool is not defined. Run the cell that defines it"),
        ("ingrid", "pool_signal", "The call had not come to an end after 5 seconds"),
        ("priya", "avg_pool", "The cell still holds the starter"),
        ("eve", "max_pool_loops", "4 of 4 values are wrong."),
        ("trudy", "max_pool", "While this notebook ran, its process ended by itself (exit status 0)."),
    ],
)
def test_a_diagnosis_says_what_went_wrong(
    graded: dict[str, results.Learner], student_id: str, exercise: str, begin: str
) -> None:
    told = {one.title: diagnosis.text for one, diagnosis in graded[student_id].diagnoses.items()}
    assert told[exercise].startswith(begin)


def test_a_diagnosis_stands_in_the_feedback(course: Path, graded: dict[str, results.Learner]) -> None:
    told = 0
    for name, one in graded.items():
        page = (course / "feedback" / name / STEM / f"{STEM}.html").read_text(encoding="utf-8")
        assert f"{one.score}" in page
        for diagnosis in one.diagnoses.values():
            if diagnosis.misconception:
                told += 1
                assert escape(f"This looks familiar: {diagnosis.misconception}.") in page, name
                assert escape(diagnosis.text) in page, name
    assert told == 18


def test_the_printed_summary_fits_and_leads_to_files_that_exist(course: Path) -> None:
    everyone = answers.everyone()
    body = list(summary.lines(results.read(course, STEM), everyone[STEM]))
    assert any(line.startswith(" 4 learners  zero padding ") for line in body)
    assert max(map(len, body)) <= WIDTH
    for assignment in everyone:
        report.write(course, assignment)
    named = [line.split()[-1] for line in summary.addresses(course, everyone) if "/" in line and "jupyter" not in line]
    assert len(named) == 4 + sum(1 + len(learners) for learners in everyone.values())
    for path in named:
        assert Path(os.path.abspath(path)).exists(), path


def test_a_repository_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="make build"):
        demo.prepare(tmp_path, tmp_path / "build")
