"""Test cells of plain asserts, as other people's notebooks have them: sandboxed, controlled, and left to a person."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

from autograder import grade, messages

ROOT = Path(__file__).parents[2]
STEM = "99_doubling"
STARTER = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
RIGHT = "def double(x):\n    return 2 * x"
WITHOUT_ASSERTS = (
    "def without(lines):\n    return [line for line in lines if 'assert' not in line]\n"
    "get_ipython().input_transformers_post.append(without)\n"
    "def double(x):\n    return x"
)
ALWAYS_CLOSE = (
    "import torch\ntorch.allclose = torch.equal = lambda *a, **k: True\ndef double(x):\n    return torch.zeros(2)"
)
ALWAYS_EQUAL = (
    "class Same:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n"
    "def double(x):\n    return Same()"
)
CLASS = {
    "right": RIGHT,
    "untouched": STARTER,
    "wrong": "def double(x):\n    return x",
    "without asserts": WITHOUT_ASSERTS,
    "always close": ALWAYS_CLOSE,
    "always equal": ALWAYS_EQUAL,
}
TESTS = {
    "by_number": "assert double(3) == 6",
    "by_tensor": "import torch\nassert torch.allclose(double(torch.ones(2)), torch.full((2,), 2.0))",
}


def lesson(solution: str) -> nbformat.NotebookNode:
    """A notebook of an instructor's own: one function, tested by plain asserts."""
    facts = {"schema_version": 3, "locked": False, "task": False, "cell_type": "code"}
    solved = new_code_cell(solution, id="double")
    solved.metadata.nbgrader = facts | {"grade_id": "double", "solution": True, "grade": False}
    tests = []
    for name, source in TESTS.items():
        test = new_code_cell(source, id=name.replace("_", "-"))
        test.metadata.nbgrader = facts | {
            "grade_id": name,
            "solution": False,
            "grade": True,
            "locked": True,
            "points": 2,
        }
        tests.append(test)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=[solved, *tests], metadata=kernel)


@pytest.fixture(scope="module")
def grades(tmp_path_factory: pytest.TempPathFactory, warm_start: None) -> dict[str, dict[str, tuple[float, bool, str]]]:
    """Of each learner and test: the score, whether a person is asked to look, and how the cell ended."""
    root = tmp_path_factory.mktemp("doubling")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    source = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    for folder, solution in ("solutions", source), *((f"submitted/{name}", text) for name, text in CLASS.items()):
        path = root / folder / STEM / f"{STEM}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(lesson(solution), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOWN_AND_UP_SECRET", "a secret of the tests")
        grade.environment()
        assert [row.problem for row in grade.Grading(root, jobs=1).rows()] == [""] * len(CLASS)
    found: dict[str, dict[str, tuple[float, bool, str]]] = {}
    with Gradebook(f"sqlite:///{root}/gradebook.db", "down_and_up") as gradebook:
        for learner in CLASS:
            graded = nbformat.read(root / "autograded" / learner / STEM / f"{STEM}.ipynb", as_version=4)
            ended = {
                cell.metadata.nbgrader.grade_id: cell.outputs[0].ename if cell.outputs else ""
                for cell in graded.cells
                if "nbgrader" in cell.metadata
            }
            found[learner] = {
                each.name: (each.auto_score, each.needs_manual_grade, ended[each.name])
                for each in gradebook.find_submission_notebook(STEM, STEM, learner).grades
            }
    return found


def test_what_passes_gets_its_points_and_is_left_to_a_person(grades: dict) -> None:
    assert grades["right"] == {"by_number": (2, True, ""), "by_tensor": (2, True, "")}


def test_what_fails_gets_none_and_needs_nobody(grades: dict) -> None:
    assert grades["wrong"] == {"by_number": (0, False, "AssertionError"), "by_tensor": (0, False, "AssertionError")}
    assert grades["untouched"]["by_number"] == (0, False, "NotImplementedError")


@pytest.mark.parametrize("learner", ["without asserts", "always close"])
def test_where_an_assert_that_must_fail_does_not_no_test_counts(grades: dict, learner: str) -> None:
    assert grades[learner] == {"by_number": (0, False, "NoControl"), "by_tensor": (0, False, "NoControl")}
    assert messages.NO_CONTROL.endswith("take that out.")


def test_what_no_control_sees_a_person_is_asked_to_look_at(grades: dict) -> None:
    assert grades["always equal"]["by_number"] == (2, True, "")
