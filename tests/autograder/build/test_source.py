"""From a lesson's text to a complete notebook."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from nbgrader.nbgraderformat import MetadataValidator

from autograder.build import BuildError, directives, source
from course_lib import exercises


def lesson(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "98_halving.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def halve(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An exercise named ``halve`` in a course that has no other."""
    only = SimpleNamespace(
        name="halve",
        title="Halving",
        points=2.0,
        difficulty=1,
        minutes=5,
        hints=("Slices have a step.", "`[::2]`"),
    )

    def find(name: str) -> SimpleNamespace:
        if name != "halve":
            raise KeyError(f"no exercise is named {name!r}")
        return only

    monkeypatch.setattr(exercises, "find", find)
    monkeypatch.setattr(exercises, "of_lesson", lambda stem: (only,) if stem == "98_halving" else ())
    return only


def test_a_text_becomes_cells_with_ids_of_their_own(course: Path) -> None:
    read = source.read(course / "solutions" / "98_halving" / "98_halving.py")
    assert [cell.id for cell in read.notebook.cells] == [
        "cell-001",
        "cell-002",
        "cell-003",
        "cell-004",
        "cell-005",
        "cell-006",
        "cell-007",
        "cell-008",
        "halve",
        "check-halve",
    ]
    MetadataValidator().validate_nb(read.notebook)


def test_nbgraders_metadata_is_completed(course: Path) -> None:
    *_, solution, check = source.read(course / "solutions" / "98_halving" / "98_halving.py").notebook.cells
    assert solution.metadata == {
        "nbgrader": {
            "grade_id": "halve",
            "solution": True,
            "grade": False,
            "locked": False,
            "task": False,
            "cell_type": "code",
            "schema_version": 3,
        },
        "tags": ["clear-output"],
    }
    assert check.metadata == {
        "nbgrader": {
            "grade_id": "check_halve",
            "solution": False,
            "grade": True,
            "points": 2,
            "locked": True,
            "task": False,
            "cell_type": "code",
            "schema_version": 3,
        },
        "tags": ["clear-output"],
    }


def test_a_grade_cell_takes_its_points_from_the_exercise(tmp_path: Path, halve: SimpleNamespace) -> None:
    text = '# %% nbgrader={"grade_id": "check_halve", "grade": true}\ncheck(halve)\n'
    (cell,) = source.read(lesson(tmp_path, text)).notebook.cells
    assert cell.metadata.nbgrader.points == 2.0


def test_an_unknown_exercise_is_an_error_that_says_where(tmp_path: Path, halve: SimpleNamespace) -> None:
    text = '# %%\n1\n\n# %% nbgrader={"grade_id": "check_halv", "grade": true}\ncheck(halv)\n'
    with pytest.raises(BuildError, match=r"line 4, cell 2 \(check_halv\): no exercise is named 'halv'"):
        source.read(lesson(tmp_path, text))


def test_every_cell_begins_with_its_marker(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="2 cells but 1 lines that begin with '# %%'"):
        source.read(lesson(tmp_path, "1 + 1\n\n# %%\n2 + 2\n"))


def test_lines_lead_back_to_the_text(tmp_path: Path) -> None:
    text = "# %% [markdown]\n# # Title\n\n# %%\nfirst = 1\n"
    assert source.read(lesson(tmp_path, text)).lines == (2, 5)


def test_a_cell_is_described_by_its_grade_id_or_the_heading_above(tmp_path: Path, halve: SimpleNamespace) -> None:
    text = (
        '# %%\n0\n\n# %% [markdown]\n# # Title\n\n# %%\n1\n\n# %% nbgrader={"grade_id": "halve", "solution": true}\n2\n'
    )
    read = source.read(lesson(tmp_path, text))
    assert [read.describe(index) for index in range(4)] == [
        "cell 1 (before the first heading)",
        "cell 2 (under “Title”)",
        "cell 3 (under “Title”)",
        "cell 4 (halve)",
    ]


def test_facts_are_one_line(halve: SimpleNamespace) -> None:
    filled = directives.fill("Above.\n\n<!-- facts: halve -->\n\nBelow.", "98_halving")
    assert filled == "Above.\n\n**Halving** · 2 points · ●○○ · 5 minutes\n\nBelow."


def test_hints_are_folded(halve: SimpleNamespace) -> None:
    assert directives.fill("<!-- hints: halve -->", "98_halving") == (
        "<details><summary>Hint 1 of 2</summary>\n\nSlices have a step.\n\n</details>\n\n"
        "<details><summary>Hint 2 of 2</summary>\n\n`[::2]`\n\n</details>"
    )


def test_points_are_a_table(halve: SimpleNamespace) -> None:
    assert directives.fill("<!-- points -->", "98_halving") == (
        "| exercise | points | difficulty | minutes |\n|---|--:|:-:|--:|\n"
        "| Halving | 2 | ●○○ | 5 |\n| **together** | **2** | | **5** |"
    )


def test_an_unknown_directive_is_an_error_and_another_comment_is_not() -> None:
    assert directives.fill("<!-- A remark to the author. -->", "98_halving") == "<!-- A remark to the author. -->"
    with pytest.raises(BuildError, match="unknown directive <!-- fact: halve -->; there are facts, hints"):
        directives.fill("<!-- fact: halve -->", "98_halving")
