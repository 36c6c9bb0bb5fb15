"""Running a lesson, and what is said when a cell fails: the first with the kernel that is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import NotebookNode

from autograder.build import BuildError, source
from autograder.build.execute import run
from autograder.build.kernel import kernel

FAILING = """\
# %% [markdown]
# # Division

# %%
numbers = [1, 0]

def invert(number):
    return 1 / number

# %%
for number in numbers:
    print(
        invert(number)
    )
"""

warm = pytest.mark.usefixtures("kernels_are_warm")


def execute(tmp_path: Path, text: str) -> list[list[NotebookNode]]:
    """What each cell of a lesson with this text gives."""
    path = tmp_path / "98_halving.py"
    path.write_text(text, encoding="utf-8")
    with kernel() as booting:
        return run(source.parse(path), booting)


def test_a_failing_cell_is_named_with_its_line_in_the_text(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        execute(tmp_path, FAILING)
    first, _, traceback = str(caught.value).partition("\n")
    assert first == (
        f"98_halving: cell 3 (under “Division”) fails at {tmp_path / '98_halving.py'}, line 13: "
        "ZeroDivisionError: division by zero"
    )
    assert "return 1 / number" in traceback


@warm
def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cell 1 \(before the first heading\) fails at .*, line 3: SyntaxError"):
        execute(tmp_path, "# %%\nfine = 1\nnot so fine\n")


@warm
def test_a_cell_that_ends_the_kernel_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cell 2 \(before the first heading\) fails at .*, line 5: Kernel died"):
        execute(tmp_path, "# %%\nimport os\n\n# %%\nos._exit(1)\n")


@warm
def test_the_builders_secret_and_progress_stay_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWN_AND_UP_SECRET", "the instructor's")
    monkeypatch.setenv("DOWN_AND_UP_PROGRESS", str(tmp_path / "progress.json"))
    text = '# %%\nimport os\n\nsorted(name for name in os.environ if name.startswith("DOWN_AND_UP"))\n'
    ((result,),) = execute(tmp_path, text)
    assert result.data["text/plain"] == "[]"


@warm
def test_a_lesson_leaves_no_file_behind(tmp_path: Path) -> None:
    execute(tmp_path, '# %%\nopen("left_behind.txt", "w").close()\n')
    assert [path.name for path in tmp_path.iterdir()] == ["98_halving.py"]
