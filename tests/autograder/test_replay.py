"""Do plain `nbgrader autograde`, formgrader's button and our own command come to the same, and to what stock gives?"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.ledger import Ledger
from autograder.normalize import Master, normalise
from autograder.sandbox import Limits, readable_paths
from autograder.script import script

# One worker runs this file, because its tests look at one class.
pytestmark = pytest.mark.xdist_group("replay")
STOCK = {"DOWN_AND_UP_GRADER": "stock"}
LEARNERS = {
    "worked": {},
    "untouched": {},
    "partly": {
        "output_size": (
            "def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):\n"
            "    return (size + 2 * padding - kernel_size) // (stride or kernel_size) + 1\n"
        ),
        "probe_outputs": 'def probe_outputs():\n    return {"impulse": [1.0]}\n',
    },
    "raises": {"output_size": "def output_size(size, kernel_size):\n    return kernel_size[0]\n"},
}


@pytest.fixture(scope="module")
def stock(
    tmp_path_factory: pytest.TempPathFactory,
    classroom: Callable[[Path], Any],
    nbgrader: Any,
    kernels: dict[str, str],
) -> Any:
    """A class graded by nbgrader as it is."""
    room = classroom(tmp_path_factory.mktemp("stock") / "course")
    for learner, sources in LEARNERS.items():
        room.hand_in(learner, room.notebook("notebooks" if learner == "untouched" else "solutions", **sources))
    nbgrader(room.root, "generate_assignment", room.stem, "--force", **STOCK)
    nbgrader(room.root, "autograde", room.stem, **STOCK, **kernels)
    return room


def without_grades(room: Any, root: Path, classroom: Callable[[Path], Any]) -> Any:
    """A copy of a class of which nothing is graded yet."""
    copied = classroom(root)
    shutil.copytree(room.root / "submitted", root / "submitted")
    return copied


@pytest.fixture(scope="module")
def ours(stock: Any, tmp_path_factory: pytest.TempPathFactory, classroom: Callable[[Path], Any]) -> Any:
    """The same class graded by our own command."""
    room = without_grades(stock, tmp_path_factory.mktemp("ours") / "course", classroom)
    room.grade("--jobs", "1")
    return room


def test_the_scores_are_stock_nbgraders_cell_for_cell(stock: Any, ours: Any) -> None:
    assert set(stock.scores()) == set(LEARNERS)
    assert stock.scores()["worked"] == {"check_output_size": 4, "check_probe_outputs": 2}
    assert ours.scores() == stock.scores()


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_graded_notebooks_are_equivalent(stock: Any, ours: Any, learner: str) -> None:
    """The same cells with the same metadata and the same kinds of output; reports say the same."""
    theirs, mine = stock.autograded(learner), ours.autograded(learner)
    assert [(cell.id, cell.cell_type, cell.source) for cell in mine.cells] == [
        (cell.id, cell.cell_type, cell.source) for cell in theirs.cells
    ]
    for their, my in zip(theirs.cells, mine.cells, strict=True):
        assert my.metadata.get("nbgrader") == their.metadata.get("nbgrader")
        assert my.metadata.get("tags") == their.metadata.get("tags")
        assert kinds(my) == kinds(their), my.id
        assert verdicts(my) == verdicts(their)
    assert {**mine.metadata, "down_and_up": None, "language_info": None} == {
        **theirs.metadata,
        "down_and_up": None,
        "language_info": None,
    }


# Of what a learner's process shows, only these cross into the instructor's notebook.
CROSSES = {"text/plain", "image/png", "image/jpeg", "text/latex"}


def kinds(cell: NotebookNode) -> list[tuple[str, frozenset[str]]]:
    """The kinds of a cell's outputs, one after the other, and of each the kinds of data."""
    return [(each.output_type, frozenset(each.get("data", {})) & CROSSES) for each in cell.get("outputs", [])]


def verdicts(cell: NotebookNode) -> list[Any]:
    """What the checks in a grade cell say to a machine."""
    if not cell.metadata.get("nbgrader", {}).get("grade"):
        return []
    return [each.metadata.course_lib for each in cell.outputs if "course_lib" in each.get("metadata", {})]


def test_plain_autograde_takes_what_the_ledger_has(ours: Any, nbgrader: Callable[..., str]) -> None:
    """The notebook as nbgrader sanitises it has the same name in the ledger as ours: so nothing is run again."""
    results = sorted(path.name for path in (ours.root / ".ledger").glob("??/*"))
    assert len(results) == len(LEARNERS)
    before, notebook = ours.scores(), ours.autograded("partly")
    nbgrader(ours.root, "autograde", ours.stem, "--force")
    assert sorted(path.name for path in (ours.root / ".ledger").glob("??/*")) == results
    assert ours.scores() == before
    assert ours.autograded("partly") == notebook


def test_our_command_leaves_what_plain_autograde_wrote(stock: Any, ours: Any) -> None:
    """It writes it once more, as it cannot know who did; then it is content."""
    ours.grade("--jobs", "1")
    assert "0 graded, 4 unchanged" in ours.grade("--jobs", "1")
    assert ours.scores() == stock.scores()


def test_the_key_is_that_of_the_sanitised_notebook(ours: Any) -> None:
    master = Master(ours.notebook("solutions"), ours.notebook())
    for learner in LEARNERS:
        handed_in = ours.submission(learner).read_bytes()
        steps = script(normalise(handed_in, master).notebook)
        key = Ledger(ours.root / ".ledger", "a secret of the tests", Limits()).key(steps)
        assert ours.autograded(learner).metadata.down_and_up.key == key


# Formgrader ------------------------------------------------------------------------------------------------------


def ask(address: str, path: str, post: bool = False) -> Any:
    """What formgrader's API answers, with the token in a header, as its page does it."""
    request = urllib.request.Request(
        f"{address}/formgrader/api/{path}", data=b"" if post else None, headers={"Authorization": "token token"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def test_formgraders_button_runs_the_sandbox_and_survives_what_is_no_notebook(
    stock: Any,
    tmp_path: Path,
    classroom: Callable[[Path], Any],
    nbgrader: Callable[..., str],
    serve_formgrader: Callable[..., AbstractContextManager[str]],
) -> None:
    room = classroom(tmp_path / "course")
    asks = "import os\nprint(os.getuid(), sorted(os.listdir('/tmp')))\n"
    room.hand_in("asks", room.notebook(output_size=asks))
    room.hand_in("broken", "[[[[")
    nbgrader(room.root, "generate_assignment", room.stem, "--force")

    with serve_formgrader(room.root, tmp_path / "log.txt") as address:
        for learner in ("asks", "broken"):
            assert ask(address, f"submission/{room.stem}/{learner}/autograde", post=True)["success"]
        listed = {each["student"]: each["score"] for each in ask(address, f"submissions/{room.stem}")}
    assert listed == {"asks": 0, "broken": 0}
    (cell,) = (cell for cell in room.autograded("asks").cells if cell.id == "output-size")
    uid = 65534 if os.getuid() == 0 else os.getuid()
    # Its /tmp is empty, but for the way to the course's own packages where these lie below /tmp.
    shown = sorted({Path(path).parts[2] for path in readable_paths() if path.startswith("/tmp/")})
    assert cell.outputs[0].text == f"{uid} {shown}\n"
    assert "not a notebook" in room.autograded("broken").cells[0].source


# What nbgrader does not guard against ----------------------------------------------------------------------------


def test_plain_autograde_follows_no_link(
    tmp_path: Path, classroom: Callable[[Path], Any], nbgrader: Callable[..., str], ours: Any
) -> None:
    room = classroom(tmp_path / "course")
    shutil.copytree(ours.root / ".ledger", room.root / ".ledger")
    room.hand_in("untouched", room.notebook())
    beside = room.submission("untouched").parent
    (beside / "theirs.txt").symlink_to(room.root / ".course_secret")
    (beside / "mine.txt").write_text("mine")
    (beside / "data.csv").symlink_to(room.root / ".course_secret")
    (room.root / "solutions" / room.stem / "data.csv").write_text("the instructor's")
    nbgrader(room.root, "generate_assignment", room.stem, "--force")
    nbgrader(room.root, "autograde", room.stem)
    graded = room.root / "autograded" / "untouched" / room.stem
    assert sorted(path.name for path in graded.iterdir()) == [f"{room.stem}.ipynb", "data.csv", "mine.txt"]
    assert (graded / "data.csv").read_text() == "the instructor's"


def test_an_output_from_which_no_score_can_be_read_costs_the_points() -> None:
    """nbgrader would stop at it, and at each new attempt again."""
    from autograder.replay import _ensure_score

    meta = {"nbgrader": {"grade": True, "solution": False, "grade_id": "check", "points": 2, "locked": True}}
    for data in ({"text/plain": "3.0"}, {"image/png": ""}, {"text/plain": "inf"}):
        cell = nbformat.v4.new_code_cell("assert True", metadata=meta)
        cell.outputs = [nbformat.v4.new_output("execute_result", data)]
        _ensure_score(cell)
        assert [output.output_type for output in cell.outputs] == ["error"]
