"""Does `python -m autograder grade` give every learner a grade, the same one however often it runs or is killed?"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from sqlalchemy import create_engine, text

from autograder import grade, receipts
from autograder.course import Course, CourseError, secret, settings
from course_lib import exercises
from course_lib.geometry import output_size

# One worker runs this file, because its tests look at one graded class.
pytestmark = pytest.mark.xdist_group("grade")

PARTLY = """
def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    stride = kernel_size if stride is None else stride
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1
"""
ENDS = "import os\nos._exit(3)"
ENDLESS = "while True:\n    pass"
LIMITS = ("--cell-seconds", "3", "--wall-seconds", "20", "--jobs", "2")


def by_heart() -> str:
    """An output_size that knows the typed-out cases, and no other."""
    names = {"size": 0, "kernel_size": 0, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
    public = [names | case.kwargs for case in exercises.find("output_size").public]
    assert len(public) > 10
    known = {tuple(case.values()): output_size(**case) for case in public}
    return (
        "def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):\n"
        f"    return {known}.get((size, kernel_size, stride, padding, dilation, ceil_mode), 0)\n"
    )


def fill(room: Any) -> None:
    """Nine learners hand in, five of them something that no program likes."""
    worked = nbformat.writes(room.notebook("solutions"))
    room.hand_in("worked", worked)
    room.hand_in("untouched", room.notebook())
    room.hand_in("partly", room.notebook(output_size=PARTLY))
    room.hand_in("learnt by heart", room.notebook(output_size=by_heart()))
    room.hand_in("ends", room.notebook("solutions", probe_outputs=ENDS))
    room.hand_in("endless", room.notebook("solutions", probe_outputs=ENDLESS))
    room.hand_in("Åse & 漢字", "<script>no notebook</script>")
    messy = room.notebook("solutions")
    messy.cells = [cell for cell in messy.cells if cell.id != "check-output-size"]
    messy.cells += [messy.cells[-1], *[cell for cell in messy.cells if cell.id == "check-probe-outputs"]]
    room.hand_in("messy", nbformat.v4.writes(messy))
    room.submission("linked").symlink_to(room.root / "solutions" / room.stem / f"{room.stem}.ipynb")
    (room.submission("linked").parent / "mine.txt").write_text("my notes")
    (room.submission("linked").parent / "theirs.txt").symlink_to(room.root / ".course_secret")
    (room.submission("linked").parent / "timestamp.txt").write_text("the day after tomorrow")


EXPECTED = {
    "worked": (4, 2),
    "untouched": (0, 0),
    "partly": (3, 0),
    "learnt by heart": (0, 0),
    "ends": (4, 0),
    "endless": (4, 0),
    "Åse & 漢字": (0, 0),
    "messy": (4, 2),
    "linked": (0, 0),
}


@pytest.fixture(scope="module")
def room(
    tmp_path_factory: pytest.TempPathFactory, classroom: Callable[[Path], Any], environment: dict[str, str]
) -> Any:
    """A graded class; ``said`` is what the command said."""
    room = classroom(tmp_path_factory.mktemp("class"))
    fill(room)
    command = [sys.executable, "-m", "autograder", "grade", *LIMITS]
    ran = subprocess.run(command, cwd=room.root, env=environment, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    room.said = ran.stdout
    return room


def note(room: Any, learner: str) -> str:
    """What the graded notebook says at its top."""
    first = room.autograded(learner).cells[0]
    return first.source if first.id == "grader-note" else ""


# What comes of it ------------------------------------------------------------------------------------------------


def test_everyone_has_the_scores_that_the_work_deserves(room: Any) -> None:
    found = {name: (cells["check_output_size"], cells["check_probe_outputs"]) for name, cells in room.scores().items()}
    assert found == EXPECTED


def test_the_table_fits_a_terminal_and_shows_every_learner(room: Any) -> None:
    lines = room.said.splitlines()
    table = lines[lines.index("00_start_here") : lines.index("What to look at")]
    assert max(map(len, lines)) <= 100
    assert [line.split()[:4] for line in table if line.startswith(("learner", "partly"))] == [
        ["learner", "output_size", "probe_outputs", "total"],
        ["partly", "3", "0", "3"],
    ]
    assert all(any(line.startswith(learner) for line in table) for learner in EXPECTED)
    assert "9 submissions in" in lines[-1]
    assert lines[-1].endswith("9 graded, 0 unchanged since the last time, 0 without a grade.")


@pytest.mark.parametrize(
    ("learner", "words"),
    [
        ("ends", "its process ended by itself (exit status 3)"),
        ("Åse & 漢字", "The submitted file is not a notebook"),
        ("messy", "The cell check_output_size was deleted"),
        ("messy", "The cell check_probe_outputs is there more than once"),
        ("linked", "The submitted file is a link"),
    ],
)
def test_a_note_at_the_top_says_what_happened(room: Any, learner: str, words: str) -> None:
    assert words in note(room, learner)


@pytest.mark.parametrize("learner", ["worked", "untouched", "partly"])
def test_who_did_nothing_strange_gets_no_note(room: Any, learner: str) -> None:
    assert note(room, learner) == ""


def test_no_link_is_followed_and_plain_files_are_kept(room: Any) -> None:
    folder = room.root / "autograded" / "linked" / room.stem
    assert sorted(path.name for path in folder.iterdir()) == [f"{room.stem}.ipynb", "mine.txt", "timestamp.txt"]
    assert "kernel_size - 1" not in (folder / f"{room.stem}.ipynb").read_text(encoding="utf-8")


def test_the_feedback_says_why_and_how_to_see_it_again(room: Any, nbgrader: Callable[..., str]) -> None:
    nbgrader(room.root, "generate_feedback", room.stem)
    page = {
        learner: unescape((room.root / "feedback" / learner / room.stem / f"{room.stem}.html").read_text("utf-8"))
        for learner in EXPECTED
    }
    for learner in ("partly", "learnt by heart"):
        (cell,) = (cell for cell in room.autograded(learner).cells if cell.id == "check-output-size")
        facts = cell.outputs[0].metadata.course_lib
        assert facts.diagnosis
        assert facts.diagnosis in page[learner]
        assert f'check(output_size, seed="{facts.seed}")' in page[learner]
    assert "its process ended by itself" in page["ends"]
    assert "not a notebook" in page["Åse & 漢字"]
    assert "my notes" not in page["linked"]
    assert "a secret of the tests" not in "".join(page.values())


# Again and again -------------------------------------------------------------------------------------------------


def test_an_unchanged_class_is_left_as_it_is(room: Any) -> None:
    files = {path: path.stat().st_mtime_ns for path in room.root.rglob("*.ipynb")}
    before = room.rows()
    began = time.monotonic()
    said = room.grade(*LIMITS)
    assert "0 graded, 9 unchanged" in said
    assert time.monotonic() - began < 30
    assert {path: path.stat().st_mtime_ns for path in room.root.rglob("*.ipynb")} == files
    assert room.rows() == before


AGAIN = """
import shutil, sys
from autograder.__main__ import main
assert main(sys.argv[1:]) == 0
assert "nbconvert" not in sys.modules
shutil.rmtree(".ledger/written")
assert main(sys.argv[1:]) == 0
assert "nbconvert" in sys.modules
"""


def test_a_written_class_waits_for_no_import_of_what_writes(
    room: Any, tmp_path: Path, environment: dict[str, str]
) -> None:
    """And what is imported while the gradebook is open writes into that one."""
    copy = shutil.copytree(room.root, tmp_path / "course", symlinks=True)
    command = [sys.executable, "-c", AGAIN, "grade", *LIMITS]
    ran = subprocess.run(command, cwd=copy, env=environment, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    assert "0 graded, 9 unchanged" in ran.stdout
    assert "9 graded, 0 unchanged" in ran.stdout


def run(room: Any, **options: Any) -> list[grade.Row]:
    """Grades in this process."""
    limits = {"cell_seconds": 3.0, "wall_seconds": 20.0}
    return list(grade.Grading(room.root, jobs=1, limits=limits, **options).rows())


def test_what_somebody_changed_is_mended(room: Any) -> None:
    before = room.rows()
    engine = create_engine(f"sqlite:///{room.root}/gradebook.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE grade SET auto_score = 1 WHERE auto_score IN (2, 3)"))
    engine.dispose()
    (room.root / "autograded" / "untouched" / room.stem / f"{room.stem}.ipynb").unlink()
    written = [row.student for row in run(room) if row.written]
    assert sorted(written) == ["messy", "partly", "untouched", "worked"]
    assert room.rows() == before


def test_nothing_is_run_twice(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without receipts everything is written again, but from the ledger."""
    before = room.rows()
    shutil.rmtree(room.root / ".ledger" / "written")
    monkeypatch.setattr("autograder.schedule._Worker", None)
    assert sum(row.written for row in run(room)) == 9
    assert room.rows() == before


def test_a_worse_second_attempt_keeps_no_old_point(room: Any) -> None:
    """Nor where the test cells are gone: nbgrader alone would leave their scores as they were."""
    good = room.submission("messy").read_text(encoding="utf-8")
    worse = room.notebook()
    worse.cells = [cell for cell in worse.cells if not cell.metadata.get("nbgrader", {}).get("grade")]
    room.hand_in("messy", worse)
    (row,) = (row for row in run(room, students=["messy"]) if row.written)
    assert room.scores()["messy"] == {"check_output_size": 0, "check_probe_outputs": 0}
    assert [anomaly.kind for anomaly in row.anomalies] == ["deleted", "deleted"]
    room.hand_in("messy", good)
    run(room)
    assert room.scores()["messy"] == {"check_output_size": 4, "check_probe_outputs": 2}


# Killed ----------------------------------------------------------------------------------------------------------


def test_killed_while_it_runs_submissions_nothing_is_left_alive(
    tmp_path: Path, classroom: Callable[[Path], Any], warm: Any, environment: dict[str, str]
) -> None:
    room = classroom(tmp_path)
    room.hand_in("waits", room.notebook(output_size="import time\ntime.sleep(600)"))
    # Limits under which it would go on for longer than this test waits.
    limits = ("--cell-seconds", "600", "--wall-seconds", "600")
    grading = warm.command("autograder", "grade", "--jobs", "1", *limits, cwd=tmp_path, env=environment)
    deadline, running = time.monotonic() + 90, set()
    while len(running) < 4 and time.monotonic() < deadline:  # nursery, worker, zygote, attempt
        time.sleep(0.05)
        running = descendants(grading.pid)
    assert len(running) >= 4
    grading.kill()
    grading.wait()
    while alive(running) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(running) == set()


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | descendants(child)
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that are neither gone nor only waiting to be counted as gone."""
    return {pid for pid in pids if (state := state_of(pid)) and state != "Z"}


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


# The course ------------------------------------------------------------------------------------------------------


def test_names_that_there_are_not_are_named(room: Any) -> None:
    with pytest.raises(CourseError, match="no assignment '99_none'; the source folder has 00_start_here"):
        grade.Grading(room.root, ["99_none"])
    with pytest.raises(CourseError, match="'nobody' has handed in nothing"):
        grade.Grading(room.root, students=["nobody"])


def test_only_one_grading_at_a_time(room: Any) -> None:
    with grade.alone(room.root / ".ledger"), pytest.raises(CourseError, match="Another grading"):
        run(room)


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOWN_AND_UP_SECRET", raising=False)
    first, made = secret(tmp_path)
    assert made
    assert len(first) == 64
    assert (tmp_path / ".course_secret").stat().st_mode & 0o777 == 0o600
    assert secret(tmp_path) == (first, False)
    (tmp_path / ".course_secret").unlink()
    monkeypatch.setenv("DOWN_AND_UP_SECRET", "from the environment")
    assert secret(tmp_path) == ("from the environment", False)
    (tmp_path / ".course_secret").write_text("\n")
    with pytest.raises(CourseError, match="is empty"):
        secret(tmp_path)


def test_without_a_release_nbgrader_makes_one(room: Any, tmp_path: Path, classroom: Callable[[Path], Any]) -> None:
    bare = classroom(tmp_path)
    course = Course(config=settings(tmp_path))
    with_release = course.masters(room.stem)[room.stem]
    shutil.rmtree(tmp_path / "notebooks")
    without = course.masters(room.stem)[room.stem]
    assert without.release_text == with_release.release_text
    assert "raise NotImplementedError()" in without.release_text["output_size"]
    assert not (tmp_path / "notebooks").exists()
    assert not (bare.root / "gradebook.db").exists()


@pytest.mark.parametrize(
    ("left", "words"),
    [("a learner's file", "Another grading"), ("no place", "No space left")],
)
def test_a_disk_that_is_full_ends_in_words(
    room: Any, left: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from autograder.__main__ import main

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", str(room.root))

    monkeypatch.chdir(room.root)
    if left == "no place":
        monkeypatch.setattr("autograder.receipts.write_json", full)
        monkeypatch.setattr(receipts.Receipts, "get", lambda *_: None)
        assert main(["grade", *LIMITS]) == 1
    else:
        with grade.alone(room.root / ".ledger"):
            assert main(["grade", *LIMITS]) == 1
    assert words in capsys.readouterr().err
