"""Building, building again, and finding what is stale."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from autograder.__main__ import main
from autograder.build import BuildError, course_map, sync
from autograder.build.compare import same_picture

STEM = "98_halving"
TEXT = Path("solutions", STEM, f"{STEM}.py")
WORKED = Path("solutions", STEM, f"{STEM}.ipynb")
RELEASED = Path("notebooks", STEM, f"{STEM}.ipynb")
# test_execute.py starts the kernel that is installed.
pytestmark = pytest.mark.usefixtures("kernels_are_warm")


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def whys(root: Path, execute: bool = False) -> list[tuple[Path, str]]:
    return [(stale.path, stale.why) for stale in sync.check(root, execute=execute)]


def test_a_built_course_is_up_to_date(built: Path) -> None:
    assert whys(built) == []


def test_building_twice_changes_no_byte_even_where_an_output_varies(built: Path) -> None:
    before = contents(built)
    (line,) = sync.build(built)
    assert line.endswith("unchanged")
    assert contents(built) == before


def test_two_builds_from_nothing_are_the_same_bytes(built: Path) -> None:
    edit(built / TEXT, "print(time.perf_counter_ns())", "print(1)")
    list(sync.build(built))
    before = contents(built)
    (built / WORKED).unlink()
    (built / RELEASED).unlink()
    list(sync.build(built))
    assert contents(built) == before


def test_the_worked_notebook_keeps_all_outputs_and_the_release_only_those_of_demonstrations(
    built: Path,
) -> None:
    worked = nbformat.read(built / WORKED, as_version=4)
    released = nbformat.read(built / RELEASED, as_version=4)
    kinds = [[output.output_type for output in cell.outputs] for cell in worked.cells if cell.cell_type == "code"]
    shown = [["execute_result"], ["display_data"], ["stream"], ["stream"], ["error"]]
    assert kinds == [*shown, [], ["execute_result"]]
    kinds = [[output.output_type for output in cell.outputs] for cell in released.cells if cell.cell_type == "code"]
    assert kinds == [*shown, [], []]


def test_the_release_holds_no_solution_no_hidden_test_and_no_other_file(built: Path) -> None:
    assert [path.name for path in (built / "notebooks").rglob("*") if path.is_file()] == [f"{STEM}.ipynb"]
    released = (built / RELEASED).read_text(encoding="utf-8")
    for word in ("SOLUTION", "HIDDEN", "[::2]", "[1, 2, 3]"):
        assert word in (built / TEXT).read_text(encoding="utf-8")
        assert word not in released


def test_files_beside_the_lesson_are_released_too(built: Path) -> None:
    (built / TEXT).with_name("picture.svg").write_text("<svg/>", encoding="utf-8")
    assert whys(built) == [(Path("notebooks", STEM, "picture.svg"), "it does not exist")]
    list(sync.build(built))
    assert (built / "notebooks" / STEM / "picture.svg").read_text(encoding="utf-8") == "<svg/>"


def test_building_leaves_the_gradebook_alone(built: Path) -> None:
    assert not (built / "gradebook.db").exists()


def test_a_changed_text_makes_its_notebook_stale(built: Path) -> None:
    edit(built / TEXT, "Every second value stays.", "Every other value stays.")
    (stale,) = sync.check(built)
    assert str(stale) == (
        f"{WORKED} is stale: cell 1 (cell-001) has another source. To mend it: python -m autograder build {STEM}"
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('tags=["varies"]', 'tags=["skip-execution"]', "cell 5 (cell-005) has another metadata"),
        ('"points": 2', '"points": 3', "cell 10 (check-halve) has another metadata"),
        ("# %%\nvalues = ", "# %%\n1\n\n# %%\nvalues = ", "cell 2 (cell-002) has another source"),
    ],
)
def test_the_first_difference_is_named(built: Path, old: str, new: str, why: str) -> None:
    edit(built / TEXT, old, new)
    assert whys(built) == [(WORKED, why)]


def test_an_edited_release_is_stale(built: Path) -> None:
    edit(built / RELEASED, "YOUR CODE HERE", "YOUR CODE THERE")
    assert whys(built) == [(RELEASED, "it is not what nbgrader makes of the worked notebook")]


def test_missing_and_stray_files_are_stale(built: Path) -> None:
    (built / RELEASED).unlink()
    (built / "notebooks" / STEM / "notes.txt").touch()
    assert [str(stale) for stale in sync.check(built)] == [
        f"{RELEASED} is stale: it does not exist. To mend it: python -m autograder build {STEM}",
        f"{RELEASED.with_name('notes.txt')} is stale: it comes from no source. "
        f"To mend it: rm {RELEASED.with_name('notes.txt')}",
    ]


def test_outputs_are_compared_only_when_the_lesson_is_run(built: Path) -> None:
    edit(built / WORKED, "[0, 1, 2, 3, 4, 5, 6, 7]", "[0, 1, 2, 3, 4, 5, 6, 8]")
    edit(built / RELEASED, "[0, 1, 2, 3, 4, 5, 6, 7]", "[0, 1, 2, 3, 4, 5, 6, 8]")
    assert whys(built) == []
    assert whys(built, execute=True) == [(WORKED, "cell 2 (cell-002) has another output 1")]


def test_a_stale_readme_is_named(built: Path) -> None:
    edit(built / "README.md", "01 Pooling", "01 Puddling")
    assert whys(built) == [(Path("README.md"), "its course map is another one")]


def test_a_readme_without_markers_is_an_error(built: Path) -> None:
    edit(built / "README.md", course_map.END, "")
    with pytest.raises(BuildError, match="README.md needs one line <!-- map:begin -->"):
        list(sync.check(built))


def test_an_unknown_lesson_is_an_error_that_lists_the_known_ones(course: Path) -> None:
    with pytest.raises(BuildError, match="no lesson is named '97_none'; there are 98_halving"):
        list(sync.build(course, ["97_none"]))


def test_an_unknown_directive_is_named_even_where_every_cell_runs(course: Path) -> None:
    edit(course / TEXT, "# Every second value stays.", "# <!-- nonsense -->")
    with pytest.raises(BuildError, match=r"98_halving.py, line 1, cell 1 .*: unknown directive <!-- nonsense -->"):
        list(sync.build(course))
    assert not (course / WORKED).exists()


def test_nbgraders_refusal_is_passed_on(course: Path) -> None:
    edit(course / TEXT, "    ### END SOLUTION\n", "")
    with pytest.raises(BuildError, match=r"(?s)nbgrader cannot make the release.*no end solution statement found"):
        list(sync.build(course))


def test_the_command_says_what_is_stale_and_exits_with_1(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(built)
    assert main(["build", "--check"]) == 0
    assert capsys.readouterr().out == "Every built file is up to date.\n"
    edit(built / TEXT, "stays", "goes")
    assert main(["build", "--check"]) == 1
    assert capsys.readouterr().out.startswith(f"{WORKED} is stale")


def test_the_command_outside_a_course_says_where_to_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["build"]) == 1
    assert "run this at the repository's root" in capsys.readouterr().err


def picture(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_pictures_are_compared_by_what_they_show() -> None:
    grey = np.full((20, 30, 3), 128, dtype=np.uint8)
    rounded, dotted = grey + 1, grey.copy()
    dotted[3, 4] = 200
    assert same_picture(picture(grey), picture(grey + 0))
    assert same_picture(picture(grey), picture(rounded))
    assert not same_picture(picture(grey), picture(dotted))
    assert not same_picture(picture(grey), picture(grey[:10]))
