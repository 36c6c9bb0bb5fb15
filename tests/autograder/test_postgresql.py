"""Is a gradebook on a PostgreSQL server the same as one in a file, whatever becomes of the server meanwhile?

The server is a real one. What a submission is worth is made up, except in the last test. Where the server is restarted,
it ends as if its machine had lost its power.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from nbgrader.api import Base, Gradebook
from sqlalchemy import Engine, create_engine, event, make_url, select, text

from autograder import grade, gradebook
from autograder.__main__ import main
from autograder.copy_gradebook import copy
from autograder.course import Course, CourseError, settings
from autograder.export import export
from autograder.results import read
from autograder.writer import Writer

# One worker runs these tests: one server is enough.
pytestmark = [pytest.mark.xdist_group("postgresql"), pytest.mark.usefixtures("nothing_runs")]

CLASS = {"ada": 4.0, "bob": 2.5, "Bob": 1.0, "O'Neill; --": 3.0, "Åse 漢字": 0.0}
TIMES = {"ada": "2026-11-26 12:00:00.123456 UTC", "bob": "2026-03-29 02:30:00 CEST", "Bob": "\0 no date"}


@pytest.fixture(scope="module")
def in_a_file(tmp_path_factory: pytest.TempPathFactory, hand_in_points: Callable[..., Any]) -> Any:
    """The class as it is graded into gradebook.db."""
    return hand_in_points(tmp_path_factory.mktemp("file"), CLASS, TIMES, graded=True)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, hand_in_points: Callable[..., Any], postgresql: Any) -> Any:
    """The same class, not yet graded, and a database that has the assignment."""
    return hand_in_points(tmp_path_factory.mktemp("prepared"), CLASS, TIMES, db_url=postgresql.database())


@pytest.fixture
def room(prepared: Any, tmp_path: Path, classroom: Callable[[Path], Any], postgresql: Any) -> Any:
    """A copy of it of the test's own, with a database of its own."""
    room = classroom(tmp_path / "course")
    shutil.copytree(prepared.root, room.root, dirs_exist_ok=True)
    room.db_url = postgresql.database(like=prepared.db_url)
    return room


def name_of(url: str) -> str:
    return str(make_url(url).database)


def run(room: Any) -> list[grade.Row]:
    return list(grade.Grading(room.root, db_url=room.db_url).rows())


@pytest.fixture
def elsewhere(room: Any) -> Iterator[Engine]:
    """The same database as another program has it open."""
    engine = create_engine(room.db_url)
    yield engine
    engine.dispose()


# The same as in a file ----------------------------------------------------------------------------------------------


def test_the_gradebook_is_the_same_row_for_row(room: Any, in_a_file: Any) -> None:
    assert all(row.written for row in run(room))
    assert len(in_a_file.rows()) == 4 * len(CLASS)
    assert room.rows() == in_a_file.rows()
    cells = []
    for course in (room, in_a_file):
        with Writer(Course(config=settings(course.root, course.db_url))) as writer:
            cells.append(writer.cells(room.stem))
    assert cells[0] == cells[1] != b"[]"


def test_an_unchanged_class_is_left_as_it_is(room: Any) -> None:
    run(room)
    assert [row.written for row in run(room)] == [False] * len(CLASS)
    with create_engine(room.db_url).begin() as connection:
        connection.execute(text("UPDATE grade SET auto_score = 1 WHERE auto_score = 4"))
    assert [row.student for row in run(room) if row.written] == ["ada"]


def test_exports_and_report_are_the_same(room: Any, in_a_file: Any, tmp_path: Path, capsys: Any) -> None:
    run(room)
    canvas = [export(each.root, each.stem, "canvas", None, each.db_url) for each in (room, in_a_file)]
    assert canvas[0].read_bytes() == canvas[1].read_bytes()
    gradescope = [export(each.root, each.stem, "gradescope", None, each.db_url) for each in (room, in_a_file)]
    files = [{path.parent.name: path.read_text() for path in folder.rglob("*.json")} for folder in gradescope]
    assert files[0] == files[1]
    assert len(files[0]) == len(CLASS)
    tables = [export(each.root, each.stem, "csv", None, each.db_url) for each in (room, in_a_file)]
    # nbgrader leaves it to the database in which order learners without a name come.
    found = [sorted(csv.reader(table.read_text().splitlines())) for table in tables]
    assert found[0] == found[1]
    assert read(room.root, room.stem, room.db_url).learners == read(in_a_file.root, room.stem).learners
    os.chdir(room.root)
    assert main(["report", room.stem, "--db", room.db_url, "--to", str(tmp_path / "report.html")]) == 0
    assert "O&#39;Neill" in (tmp_path / "report.html").read_text()


def test_nbgraders_own_commands_work_there(room: Any, in_a_file: Any, nbgrader: Callable[..., str]) -> None:
    """By the variable, which nbgrader_config.py reads."""
    run(room)
    before = room.rows()
    nbgrader(room.root, "autograde", room.stem, "--force", "--student", "ada", DOWN_AND_UP_DB=room.db_url)
    assert room.rows() == before
    nbgrader(room.root, "generate_feedback", room.stem, "--student", "[aÅ]*", DOWN_AND_UP_DB=room.db_url)
    pages = {page.parts[-3]: page for page in (room.root / "feedback").glob(f"*/{room.stem}/{room.stem}.html")}
    assert sorted(pages) == ["ada", "Åse 漢字"]
    assert "(Score: 4.0 / 4.0)" in pages["ada"].read_text()
    assert not (room.root / "gradebook.db").exists()


def test_receipts_of_one_gradebook_say_nothing_of_another(room: Any, in_a_file: Any) -> None:
    """Between two gradings here, everything is graded into a file, with a later submission of the same points."""
    run(room)
    shutil.copy(in_a_file.root / "gradebook.db", room.root)
    (room.submission("ada").parent / "timestamp.txt").write_text("2026-11-30 12:00:00 UTC")
    assert all(row.written for row in grade.Grading(room.root).rows())
    assert "2026-11-26" in str(room.rows()[8][2])
    assert [row.student for row in run(room) if row.written] == sorted(CLASS)
    assert "2026-11-30" in str(room.rows()[8][2])


def test_an_assignment_is_released_again(room: Any) -> None:
    """A server minds that nothing hangs in the air, where a file lets it be: cells go and others come."""
    source = room.root / "solutions" / room.stem / f"{room.stem}.ipynb"
    before = source.read_text(encoding="utf-8")
    source.write_text(before.replace("probe_outputs", "other_outputs"), encoding="utf-8")
    shutil.rmtree(room.root / "notebooks")
    course = Course(config=settings(room.root, room.db_url))
    with Writer(course) as writer:
        writer.prepare(room.stem)
        assert b"check_other_outputs" in writer.cells(room.stem)
        assert b"probe_outputs" not in writer.cells(room.stem)
    source.write_text(before, encoding="utf-8")
    assert all(row.written for row in run(room))
    source.write_text(before.replace("probe_outputs", "other_outputs"), encoding="utf-8")
    with pytest.raises(CourseError, match="Cannot add or remove cells"):
        run(room)


def test_a_name_that_is_too_long_for_the_server_is_named(room: Any) -> None:
    os.rename(room.root / "submitted" / "bob", room.root / "submitted" / ("x" * 129))
    (row,) = (row for row in run(room) if row.problem)
    assert (row.student, row.problem[:29]) == ("x" * 129, "The name of this folder has m")
    assert len(room.scores()) == len(CLASS) - 1


# Restarted, away, or somebody else's ---------------------------------------------------------------------------------


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list]:
    """Does something before the count-th statement, or commit, once the gradebook is open; the list says what came.

    ``before("commit", 1, act)``, ``before("statement", 20, act)``, ``before("INSERT INTO student", 0, act)``
    """

    def listen(kind: str, count: int, act: Callable[[], None]) -> list:
        seen: list = []

        def happens(connection: Any, _: Any = None, statement: str = "", *__: Any) -> None:
            if kind in ("commit", "statement") or statement.startswith(kind):
                seen.append(statement)
                if len(seen) == count + 1:
                    act()

        def enter(self: Writer) -> Writer:
            real(self)
            event.listen(self._gradebook.engine, "commit" if kind == "commit" else "before_cursor_execute", happens)
            return self

        real = Writer.__enter__
        monkeypatch.setattr(Writer, "__enter__", enter)
        return seen

    return listen


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradebook, "PAUSES", (0.05,) * 4)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(("kind", "seed"), [*(("statement", seed) for seed in range(4)), ("commit", 0), ("commit", 1)])
def test_restarted_at_any_moment_it_comes_to_the_same(
    room: Any, in_a_file: Any, postgresql: Any, before: Callable, kind: str, seed: int, capfd: Any
) -> None:
    last = {"statement": 80, "commit": 7}[kind]
    seen = before(kind, random.Random(f"{kind} {seed}").randrange(last), postgresql.restart)
    rows = run(room)
    assert len(seen) > last
    assert [(row.problem, row.written) for row in rows] == [("", True)] * len(CLASS)
    assert room.rows() == in_a_file.rows()
    assert [row.written for row in run(room)] == [False] * len(CLASS)


@pytest.mark.usefixtures("hurry")
def test_a_commit_that_nobody_heard_of_is_not_counted_twice(
    room: Any, in_a_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has it, and the connection ends before it can say so."""
    import psycopg

    commits = []

    def unheard(self: Any) -> None:
        real(self)
        commits.append(self)
        if len(commits) == 8:  # the first or second submission
            self.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    real = psycopg.Connection.commit
    monkeypatch.setattr(psycopg.Connection, "commit", unheard)
    assert all(row.written for row in run(room))
    assert len(commits) > 8
    assert room.rows() == in_a_file.rows()


@pytest.mark.usefixtures("hurry")
def test_a_server_that_stays_away_ends_it_in_words_and_it_goes_on_later(
    room: Any, in_a_file: Any, postgresql: Any, before: Callable, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(room.root)
    before("commit", 5, postgresql.stop)
    try:
        assert main(["grade", "--db", room.db_url]) == 1
    finally:
        postgresql.start()
    said = capfd.readouterr().err
    assert said.count("Trying again in 0.05 s.") == 4
    assert "The gradebook's server did not come back: connection" in said
    assert "Traceback" not in said
    assert 0 < len(room.scores()) < len(CLASS)
    assert "".join(row.problem for row in run(room)) == ""
    assert room.rows() == in_a_file.rows()


def test_who_grades_elsewhere_is_refused_and_told_who_is_there(room: Any, tmp_path: Path) -> None:
    """On two machines, each with the course's files, and one gradebook."""
    run(room)
    course = Course(config=settings(room.root, room.db_url))
    with Writer(course):
        with pytest.raises(CourseError, match=rf"Another grading .*{socket.gethostname()}, process {os.getpid()}\)"):
            run(room)
        assert len(read(room.root, room.stem, room.db_url).learners) == len(CLASS)
    assert not any(row.written for row in run(room))


def test_a_point_that_a_person_gives_in_the_same_moment_is_seen(room: Any, elsewhere: Engine, before: Callable) -> None:
    """nbgrader asks for a second look where a manual score stands, and must not have overlooked it."""
    run(room)
    shutil.rmtree(room.root / ".ledger" / "written")

    def let(what: str) -> None:
        with elsewhere.begin() as connection:
            connection.execute(text(f"UPDATE grade SET {what}"))

    def give() -> None:
        let("manual_score = 3 WHERE auto_score = 0.25")

    # What is as it is to be is not written again, so nobody could be in the way.
    let("auto_score = 0.25 WHERE auto_score = 4")
    before("UPDATE grade", 0, give)
    assert all(row.written for row in run(room))
    (row,) = (row for row in room.rows() if row[8] == 3)
    assert (row[0], row[5], row[7], row[10]) == ("ada", "check_output_size", 4, True)


def test_a_learner_whom_somebody_enrols_in_the_same_moment_is_graded(
    room: Any, in_a_file: Any, elsewhere: Engine, before: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    def enrol() -> None:
        with elsewhere.begin() as connection:
            connection.execute(text("INSERT INTO student (id) VALUES ('Bob')"))  # who is the first

    before("INSERT INTO student", 0, enrol)
    assert all(row.written for row in run(room))
    assert room.rows() == in_a_file.rows()
    assert "Somebody else changed the same grades" in capfd.readouterr().err


def test_restarted_while_it_really_grades_it_comes_to_the_same(
    postgresql: Any, tmp_path: Path, classroom: Callable[[Path], Any], environment: dict[str, str]
) -> None:
    """Twice, at seeded moments."""
    room = classroom(tmp_path)
    for number in range(3):
        room.hand_in(
            f"learner{number}", room.notebook("solutions", output_size=f"def output_size(*_, **__): return {number}")
        )
    url = postgresql.url_by_network(name_of(postgresql.database()), postgresql.password)
    env = environment | {"DOWN_AND_UP_DB": url}
    with open(tmp_path / "said.txt", "w") as said:
        out = said.fileno()
        grading = room.warm.command("autograder", "grade", "--jobs", "2", cwd=tmp_path, env=env, out=out, err=out)
    for results in (1, 2):
        while len(list((tmp_path / ".ledger").glob("??/*.json"))) < results:
            assert grading.poll() is None, (tmp_path / "said.txt").read_text()
            time.sleep(0.05)
        time.sleep(random.Random(results).uniform(0, 0.1))
        postgresql.restart()
    assert grading.wait(120) == 0, (tmp_path / "said.txt").read_text()
    room.db_url, in_a_file = postgresql.url(url.rpartition("/")[2]), room.db_url
    rows = room.rows()
    assert all(row.written for row in grade.Grading(tmp_path).rows())  # from the same results
    room.db_url = in_a_file
    assert rows == room.rows()
    assert len(rows) == 4 * 3


# Into another database ----------------------------------------------------------------------------------------------


def test_a_gradebook_is_copied_there_and_back_and_everything_is_kept(
    in_a_file: Any, postgresql: Any, tmp_path: Path, classroom: Callable[[Path], Any], monkeypatch: Any, capsys: Any
) -> None:
    room = classroom(tmp_path / "course")
    shutil.copytree(in_a_file.root, room.root, dirs_exist_ok=True)
    with Gradebook(room.db_url, "down_and_up") as book:
        book.update_or_create_student("zoe", first_name="Zoë", last_name="O'Neill")
        book.update_or_create_assignment(room.stem, duedate="2026-11-01 00:00:00 UTC")
        book.grant_extension(room.stem, "ada", hours=30)
        book.find_grade("check_output_size", room.stem, room.stem, "ada").manual_score = 3.5
        book.db.commit()
    monkeypatch.chdir(room.root)
    there, back = postgresql.database(), f"sqlite:///{tmp_path}/back.db"
    # What a file lets hang in the air, a server does not take.
    shutil.copy("gradebook.db", "broken.db")
    broken = create_engine("sqlite:///broken.db")
    with broken.begin() as connection:
        connection.execute(text("DELETE FROM base_cell WHERE name = 'check_output_size'"))
    with pytest.raises(CourseError, match="Nothing was copied: .* violates foreign key"):
        copy(room.root, there, "sqlite:///broken.db")
    assert contents(there)["student"] == []
    assert main(["copy-gradebook", there]) == 0
    assert "rows are in postgresql://owner@/" in capsys.readouterr().out
    assert main(["copy-gradebook", back, "--db", there]) == 0
    held = [contents(url) for url in (room.db_url, there, back)]
    assert held[0] == held[1] == held[2]
    assert len(held[0]["grade"]) == 2 * len(CLASS)
    assert main(["copy-gradebook", there]) == 1
    assert "Name an empty database" in capsys.readouterr().err
    room.db_url = there
    assert not any(row.written for row in run(room))


def contents(url: str) -> dict[str, list]:
    """Every row of every table of nbgrader's."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: sorted(map(repr, connection.execute(select(table)))) for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    return found


# Addresses and passwords --------------------------------------------------------------------------------------------


def test_a_password_is_told_to_nobody(
    room: Any,
    postgresql: Any,
    before: Callable,
    tmp_path: Path,
    caplog: Any,
    capfd: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does the title of a process that is started have it."""
    titles: list[str] = []

    def look() -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # it is gone already
                titles.append(" ".join(process.cmdline()))

    before("commit", 0, look)
    caplog.set_level("DEBUG")
    monkeypatch.chdir(room.root)
    database = name_of(room.db_url)
    right, wrong = (postgresql.url_by_network(database, word) for word in (postgresql.password, "n0 w@y"))
    assert main(["grade", "--db", right]) == 0
    assert main(["export", room.stem, "--db", wrong]) == 1
    assert any("autograder.nursery" in title for title in titles)
    said = capfd.readouterr()
    assert "password authentication failed" in said.err
    assert said.err.count("Put it into ~/.pgpass") == 2
    for password in (postgresql.password, "n0 w@y"):
        for text_ in (password, quote(password, safe="")):
            assert text_ not in "".join((said.out, said.err, caplog.text, *titles))
    (tmp_path / "pgpass").write_text(f"*:*:*:owner:{postgresql.password.replace(':', chr(92) + ':')}\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert main(["export", room.stem, "--db", postgresql.url_by_network(database)]) == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://host/course", "no database that a gradebook can be in"),
        ("course", "no database that a gradebook can be in"),
        ("postgresql://me:secret@host:5x/course", "no database that a gradebook can be in"),
        ("postgresql://me:secret@127.0.0.1:1/course", "cannot be opened: connection failed"),
    ],
)
def test_an_address_that_is_none_is_named_without_its_password(prepared: Any, url: str, words: str) -> None:
    with pytest.raises(CourseError, match=words) as raised:
        list(grade.Grading(prepared.root, db_url=url).rows())
    assert "secret" not in str(raised.value)


def test_without_the_driver_it_says_what_to_install(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CourseError, match=r"pip install -c constraints.txt -e '.\[scale\]'"):
        run(prepared)
