"""The notebooks that stand in the repository are what their texts build to, and the release gives nothing away."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from autograder.build import sync

ROOT = Path(__file__).parents[1]
STEMS = sync.stems(ROOT)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines()} - {""}


@pytest.mark.parametrize("stem", STEMS)
def test_a_lesson_runs_and_its_notebooks_are_up_to_date(stem: str) -> None:
    assert "\n".join(map(str, sync.check(ROOT, [stem], execute=True))) == ""


def test_the_readmes_table_is_up_to_date() -> None:
    assert [str(stale) for stale in sync.check(ROOT) if stale.path.name == "README.md"] == []


@pytest.mark.parametrize("stem", STEMS)
def test_the_release_holds_no_line_of_a_solution_or_a_hidden_test(stem: str) -> None:
    text = (ROOT / "solutions" / stem / f"{stem}.py").read_text(encoding="utf-8")
    told = lines(HIDDEN.sub("", SOLUTION.sub("", text)))
    secret = lines("\n".join(SOLUTION.findall(text) + HIDDEN.findall(text))) - told
    assert secret
    released = nbformat.read(ROOT / "notebooks" / stem / f"{stem}.ipynb", as_version=4)
    shown = lines("\n".join(cell.source for cell in released.cells))
    assert shown & secret == set()
    assert not any(marker in line for line in shown for marker in ("BEGIN SOLUTION", "HIDDEN TESTS"))


@pytest.mark.parametrize("stem", STEMS)
def test_solution_and_grade_cells_are_released_without_outputs(stem: str) -> None:
    released = nbformat.read(ROOT / "notebooks" / stem / f"{stem}.ipynb", as_version=4)
    graded = [cell for cell in released.cells if "nbgrader" in cell.metadata and cell.cell_type == "code"]
    assert graded
    assert [cell.id for cell in graded if cell.outputs] == []
    assert any(cell.get("outputs") for cell in released.cells)
