"""nbgrader's own commands on a built course, from its root, with nothing of ours between them and the notebooks."""

from __future__ import annotations

import csv
import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import nbformat
import pytest
from traitlets.config import PyFileConfigLoader

STEM = "98_halving"
STOCK = {"DOWN_AND_UP_GRADER": "stock"}
# One worker runs this file, because its tests look at one graded course.
pytestmark = pytest.mark.xdist_group("stock_nbgrader")


def hand_in(root: Path, learner: str, notebook: Path, old: str = "", new: str = "") -> None:
    """Puts a notebook among the submissions, with one text replaced by another."""
    submitted = root / "submitted" / learner / STEM / f"{STEM}.ipynb"
    submitted.parent.mkdir(parents=True)
    text = notebook.read_text(encoding="utf-8")
    assert old in text
    submitted.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def graded(
    built_once: Path,
    tmp_path_factory: pytest.TempPathFactory,
    cold_nbgrader: Callable[..., str],
    nbgrader: Callable[..., str],
    kernels: dict[str, str],
) -> Path:
    """A course in which three learners have handed in and nbgrader has done all its work."""
    root = Path(shutil.copytree(built_once, tmp_path_factory.mktemp("stock") / "course"))
    nbgrader(root, "generate_assignment", STEM, "--force", **STOCK)
    worked, released = (root / part / STEM / f"{STEM}.ipynb" for part in ("solutions", "notebooks"))
    hand_in(root, "right", worked)
    hand_in(root, "even_lengths_only", worked, "values[::2]", "values[:-1:2]")
    hand_in(root, "untouched", released)
    cold_nbgrader(root, "autograde", STEM, **STOCK, **kernels)
    for command in ("generate_feedback", "generate_solution"):
        nbgrader(root, command, STEM, **STOCK, **kernels)
    nbgrader(root, "export", **STOCK)
    return root


def test_generate_assignment_makes_the_same_release_as_the_build(graded: Path, built_once: Path) -> None:
    name = Path("notebooks", STEM, f"{STEM}.ipynb")
    assert (graded / name).read_bytes() == (built_once / name).read_bytes()
    assert [path.name for path in (graded / "notebooks").rglob("*") if path.is_file()] == [name.name]


def test_export_lists_full_partial_and_no_points(graded: Path) -> None:
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert scores == {"right": (2, 2), "even_lengths_only": (1, 2), "untouched": (0, 2)}


def test_autograde_skips_what_only_demonstrates(graded: Path) -> None:
    notebook = nbformat.read(graded / "autograded" / "right" / STEM / f"{STEM}.ipynb", as_version=4)
    (skipped,) = (cell for cell in notebook.cells if "skip-execution" in cell.metadata.get("tags", []))
    assert skipped.outputs == []


@pytest.mark.parametrize("learner", ["right", "even_lengths_only", "untouched"])
def test_feedback_shows_the_score_and_the_hidden_test(graded: Path, learner: str) -> None:
    feedback = (graded / "feedback" / learner / STEM / f"{STEM}.html").read_text(encoding="utf-8")
    assert "BEGIN HIDDEN TESTS" in feedback
    assert "Score:" in feedback


def test_the_solution_is_executed(graded: Path) -> None:
    notebook = nbformat.read(graded / "solution" / STEM / f"{STEM}.ipynb", as_version=4)
    assert notebook.cells[-1].outputs[0].data["text/plain"] == "2.0"


def test_validate_tells_a_right_notebook_from_an_untouched_one(
    graded: Path, nbgrader: Callable[..., str], kernels: dict[str, str]
) -> None:
    """The first in the kernel that is installed."""
    assert "Success!" in nbgrader(graded, "validate", f"solutions/{STEM}/{STEM}.ipynb")
    assert "VALIDATION FAILED ON 1 CELL" in nbgrader(graded, "validate", f"notebooks/{STEM}/{STEM}.ipynb", **kernels)


def test_the_settings_hand_the_secret_to_every_kernel(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWN_AND_UP_SECRET", "remembered, so that it is put back")
    monkeypatch.delenv("DOWN_AND_UP_SECRET")
    settings = PyFileConfigLoader("nbgrader_config.py", path=str(course))
    settings.load_config()
    assert "DOWN_AND_UP_SECRET" not in os.environ
    (course / ".course_secret").write_text("ours alone\n", encoding="utf-8")
    settings.load_config()
    assert os.environ["DOWN_AND_UP_SECRET"] == "ours alone"


@pytest.fixture(scope="module")
def formgrader(
    graded: Path, tmp_path_factory: pytest.TempPathFactory, serve_formgrader: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    """The address of a Jupyter server at the graded course's root, with room for a path in it."""

    with serve_formgrader(graded, tmp_path_factory.mktemp("server") / "log.txt", **STOCK) as address:
        yield f"{address}/{{}}?token=token"


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read().decode()


def test_formgrader_lists_the_submissions(formgrader: str) -> None:
    listed = json.loads(fetch(formgrader.format(f"formgrader/api/submissions/{STEM}")))
    assert {entry["student"]: entry["score"] for entry in listed} == {
        "right": 2.0,
        "even_lengths_only": 1.0,
        "untouched": 0.0,
    }


@pytest.mark.parametrize("page", ["manage_assignments", f"manage_submissions/{STEM}", "gradebook", "manage_students"])
def test_formgraders_pages_answer(formgrader: str, page: str) -> None:
    assert "nbgrader formgrade" in fetch(formgrader.format(f"formgrader/{page}"))


def test_formgrader_shows_a_submission(formgrader: str) -> None:
    listed = json.loads(fetch(formgrader.format(f"formgrader/api/submitted_notebooks/{STEM}/{STEM}")))
    page = fetch(formgrader.format(f"formgrader/submissions/{listed[0]['id']}"))
    assert 'class="nf">halve<' in page
