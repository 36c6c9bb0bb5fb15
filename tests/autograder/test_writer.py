"""Does the writer leave the gradebook that nbgrader would, quickly, and whole wherever it is killed?

Nothing runs here: the results are made up.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from autograder import autograde, grade, gradebook, receipts, schedule, writer
from autograder.course import Course, settings
from autograder.ledger import Ledger
from autograder.record import Record

pytestmark = pytest.mark.usefixtures("nothing_runs")

CLASS = {"ada": 4.0, "bob": 2.5, "Åse 漢字 [*]": 0.0}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, hand_in_points: Callable[..., Any]) -> Path:
    """A course whose gradebook has the assignment, and to which three learners have handed in."""
    return hand_in_points(tmp_path_factory.mktemp("prepared"), CLASS).root


@pytest.fixture
def room(prepared: Path, tmp_path: Path, classroom: Callable[[Path], Any]) -> Any:
    """A copy of it of the test's own."""
    room = classroom(tmp_path / "course")
    shutil.copytree(prepared, room.root, dirs_exist_ok=True)
    return room


def run(room: Any) -> list[grade.Row]:
    return list(grade.Grading(room.root).rows())


def test_every_score_is_written(room: Any) -> None:
    assert all(row.written for row in run(room))
    assert room.scores() == {
        learner: {"check_output_size": points, "check_probe_outputs": min(points, 2.0)}
        for learner, points in CLASS.items()
    }


def test_a_graded_notebook_is_as_nbgrader_leaves_it(room: Any) -> None:
    run(room)
    path = room.root / "autograded" / "ada" / room.stem / f"{room.stem}.ipynb"
    assert path.stat().st_mode & 0o777 == 0o444
    notebook = room.autograded("ada")
    (check,) = (cell for cell in notebook.cells if cell.id == "check-output-size")
    assert "### BEGIN HIDDEN TESTS" in check.source
    assert check.metadata.nbgrader.checksum
    assert check.outputs[0].data["text/plain"] == "4.0"
    assert set(notebook.metadata.down_and_up) == {"anomalies", "key", "code", "detail", "seconds", "weak"}


def test_the_whole_class_needs_one_engine(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader by itself opens one for nearly every step: 5 + 4 for each notebook of each submission."""
    opened = []
    real = sqlalchemy.create_engine
    monkeypatch.setattr("nbgrader.api.create_engine", lambda *a, **o: opened.append(a) or real(*a, **o))
    assert len(run(room)) == 3
    assert len(opened) == 1


@pytest.mark.parametrize("again", [False, True])
def test_no_submission_needs_a_look_through_the_whole_class(
    room: Any, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """nbgrader's tables have few indexes: what looks through one takes the longer, the more learners there are."""
    if again:
        run(room)
        shutil.rmtree(room.root / ".ledger" / "written")
    asked: dict[str, Any] = {}

    def write(self: writer.Writer, *submission: Any) -> Any:
        def asks(_: Any, __: Any, statement: str, values: Any, ___: Any, many: bool) -> None:
            asked[statement] = values[0] if many else values

        sqlalchemy.event.listen(self._gradebook.engine, "before_cursor_execute", asks)
        try:
            return real(self, *submission)
        finally:
            sqlalchemy.event.remove(self._gradebook.engine, "before_cursor_execute", asks)

    real = writer.Writer.write
    monkeypatch.setattr(writer.Writer, "write", write)
    assert all(row.written for row in run(room))
    plans = []
    with sqlite3.connect(room.root / "gradebook.db") as database:
        for statement, values in asked.items():
            if statement.startswith(("SELECT", "UPDATE")):
                plans += [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert any(plan.startswith("SEARCH grade") for plan in plans)
    grows = ("student", "submitted_assignment", "submitted_notebook", "grade", "comment")
    assert [plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in grows] == []


def test_what_somebody_else_changes_meanwhile_the_next_submission_has(room: Any) -> None:
    """The assignment is loaded once for a whole class, but again where others have written."""
    rows = grade.Grading(room.root).rows()
    next(rows)
    with sqlite3.connect(room.root / "gradebook.db") as others:
        others.execute("INSERT INTO base_cell SELECT 'new', 'check_new', id, 'GradeCell' FROM notebook")
        others.execute("INSERT INTO grade_cells (id, max_score, cell_type) VALUES ('new', 1, 'code')")
    assert [row.problem for row in rows] == ["", ""]
    with sqlite3.connect(room.root / "gradebook.db") as gradebook:
        counts = gradebook.execute("SELECT COUNT(*) FROM grade GROUP BY notebook_id").fetchall()
    assert sorted(counts) == [(2,), (3,), (3,)]


@pytest.mark.filterwarnings("ignore:Object of type .* not in session")  # of nbgrader's add_submission
def test_the_rows_are_those_of_nbgraders_own_gradebook(
    room: Any, prepared: Path, tmp_path: Path, classroom: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of new submissions, and of other ones after a person has given points; one is late, and so gets none."""
    stock = classroom(tmp_path / "stock")
    shutil.copytree(prepared, stock.root, dirs_exist_ok=True)
    for each in (room, stock):
        with open(each.root / "nbgrader_config.py", "a") as settings_of:
            settings_of.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
        (each.submission("bob").parent / "timestamp.txt").write_text("2026-11-27 10:00:00 UTC")
        with writer.Writer(Course(config=settings(each.root))) as opened:
            opened.prepare(each.stem)
        change(each, "UPDATE assignment SET duedate = '2026-11-26 10:00:00.000000'")
    given: dict[str, dict[str, writer.Graded]] = {}

    def write(self: writer.Writer, assignment: str, student: str, notebooks: dict[str, writer.Graded]) -> Any:
        given[student] = notebooks
        return real(self, assignment, student, notebooks)

    def by_nbgrader(learner: str, notebooks: dict[str, writer.Graded]) -> None:
        course = Course(config=settings(stock.root))
        course.assignment_id = stock.stem
        autograde.Converter(coursedir=course, config=course.config).convert(learner, notebooks)

    real = writer.Writer.write
    monkeypatch.setattr(writer.Writer, "write", write)
    assert all(row.written for row in run(room))
    for learner, notebooks in given.items():
        by_nbgrader(learner, notebooks)
    assert [row[4] for row in room.rows() if row[0] == "bob"] == [4.5] * 4  # each cell's row has the notebook's penalty
    assert room.rows() == stock.rows()
    for each in (room, stock):
        change(each, "UPDATE grade SET manual_score = 1, needs_manual_grade = 0 WHERE auto_score = 2.5")
        change(each, "UPDATE grade SET extra_credit = 1 WHERE auto_score = 2")
        change(each, "UPDATE comment SET manual_comment = 'Well done.'")
    with writer.Writer(Course(config=settings(room.root))) as ours:
        for learner, another in zip(given, reversed(given), strict=True):
            real(ours, room.stem, learner, given[another])
    for learner, another in zip(given, reversed(given), strict=True):
        by_nbgrader(learner, given[another])
    assert room.rows() == stock.rows()
    for learner in CLASS:
        texts = [(each.root / "autograded" / learner / room.stem / f"{room.stem}.ipynb") for each in (room, stock)]
        assert texts[0].read_bytes() == texts[1].read_bytes()


def change(room: Any, statement: str) -> None:
    with sqlite3.connect(room.root / "gradebook.db") as database:
        assert database.execute(statement).rowcount > 0


def test_nbgraders_own_gradebook_is_back_afterwards(room: Any) -> None:
    from nbgrader import api
    from nbgrader.converters import autograde

    run(room)
    assert autograde.Gradebook is api.Gradebook


def test_what_lies_beside_the_notebook_is_copied_if_it_is_a_plain_file(room: Any) -> None:
    folder = room.submission("ada").parent
    (folder / "data").mkdir()
    (folder / "data" / "own.csv").write_text("1,2")
    (folder / "secret.txt").symlink_to(room.root / ".course_secret")
    (folder / "all").symlink_to(room.root)
    (folder / "other.ipynb").write_text("{}")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("")
    os.mkfifo(folder / "waits")
    run(room)
    graded = room.root / "autograded" / "ada" / room.stem
    found = sorted(path.relative_to(graded).as_posix() for path in graded.rglob("*") if path.is_file())
    assert found == [f"{room.stem}.ipynb", "data/own.csv"]


def test_of_what_lies_beside_the_notebook_not_too_much_is_copied_and_nothing_stops_anybody(
    room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = room.submission("ada").parent
    for name in ("a.bin", "b.bin"):
        with open(folder / name, "wb") as file:
            file.truncate(60_000_000)  # of zeros, which take no room here and all of it where they are copied
    with contextlib.chdir(folder):
        while len(os.getcwd()) < 4000:
            os.mkdir("d" * 50)
            os.chdir("d" * 50)
        Path("f" * 200).write_text("at the end of a path that is longer than any may be")
    assert [row.problem for row in run(room)] == ["", "", ""]
    graded = room.root / "autograded" / "ada" / room.stem
    assert len(list(graded.glob("*.bin"))) == 1
    shutil.rmtree(folder)


def test_a_timestamp_that_is_none_stops_nobody(room: Any) -> None:
    room.hand_in("dora", room.notebook(output_size="points = 1"))
    for learner, said in zip([*CLASS, "dora"], ["", "no date", "\0", "9" * 5000], strict=True):
        (room.submission(learner).parent / "timestamp.txt").write_text(said)
    assert [row.problem for row in run(room)] == [""] * 4
    assert {learner: cells["check_output_size"] for learner, cells in room.scores().items()} == CLASS | {"dora": 1}


def test_one_that_cannot_be_written_stops_no_other(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = autograde.Converter.write_single_notebook

    def fails(self: Any, output: str, resources: Any) -> None:
        if resources["nbgrader"]["student"] == "bob":
            raise RuntimeError("no luck")
        real(self, output, resources)

    monkeypatch.setattr(autograde.Converter, "write_single_notebook", fails)
    problems = {row.student: row.problem for row in run(room) if row.problem}
    assert list(problems) == ["bob"]
    assert problems["bob"] == "nbgrader could not write the grade: RuntimeError: no luck"
    assert set(room.scores()) == {"ada", "Åse 漢字 [*]"}


def test_folders_whose_names_no_gradebook_takes_are_named(room: Any) -> None:
    submitted = bytes(room.root / "submitted")
    names = [b"two\nlines", b"not \xff UTF-8", "\u202ebackwards".encode()]
    for name in names:
        shutil.copytree(os.path.join(submitted, b"bob"), os.path.join(submitted, name))
    problems = {os.fsencode(row.student): row.problem for row in run(room) if row.problem}
    assert sorted(problems) == sorted(names)
    assert all(problem.endswith("Rename the folder and grade again.") for problem in problems.values())
    assert set(room.scores()) == set(CLASS)


def test_our_own_failure_writes_nothing_and_is_said(
    room: Any, nothing_runs: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Record("XX", "a worker was killed", "The grader itself failed.")
    monkeypatch.setattr(schedule, "grade_all", lambda scripts, **_: ((name, failed) for name, _ in scripts))
    assert [row.problem for row in run(room)] == ["The grader itself failed."] * 3
    assert room.scores() == {}
    monkeypatch.setattr(schedule, "grade_all", nothing_runs)
    assert [row.problem for row in run(room)] == ["", "", ""]


# Killed ----------------------------------------------------------------------------------------------------------

# Where the process is killed: at which call, the how manieth, and whether before or behind it.
KILL_POINTS = [
    (writer.Writer, "prepare", 1, "before"),
    (writer.Writer, "prepare", 1, "behind"),
    (Ledger, "put", 2, "before"),
    (Ledger, "put", 2, "behind"),
    (autograde._Plain, "init_assignment", 2, "behind"),
    (autograde._Given, "record", 1, "behind"),
    (autograde.Converter, "write_single_notebook", 3, "behind"),
    (autograde.Converter, "set_permissions", 2, "before"),
    # The first two only read.
    (gradebook.Shared, "finish", 3, "before"),
    (gradebook.Shared, "finish", 5, "behind"),
    (receipts.Receipts, "put", 2, "before"),
    (receipts.Receipts, "put", 3, "behind"),
    (os, "replace", 4, "before"),
]


def kill_itself(owner: Any, name: str, count: int, when: str) -> None:
    """Sees to it that this process is killed at the count-th call."""
    real, calls = getattr(owner, name), []

    def called(*arguments: Any, **options: Any) -> Any:
        calls.append(name)
        if len(calls) == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **options)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, called)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, hand_in_points: Callable[..., Any]) -> list:
    """The rows of a run that nobody kills."""
    return hand_in_points(tmp_path_factory.mktemp("undisturbed"), CLASS, graded=True).rows()


@pytest.mark.parametrize(("owner", "name", "count", "when"), KILL_POINTS)
def test_killed_anywhere_and_run_again_it_comes_to_the_same(
    room: Any, undisturbed: list, owner: Any, name: str, count: int, when: str
) -> None:
    assert len(undisturbed) == 12
    if name == "prepare":
        shutil.rmtree(room.root / ".ledger")
    child = os.fork()
    if child == 0:
        try:
            kill_itself(owner, name, count, when)
            run(room)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the process came to its end"
    assert [row.problem for row in run(room)] == ["", "", ""]
    assert room.rows() == undisturbed
    assert all(not row.written for row in run(room))
