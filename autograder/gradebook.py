"""One gradebook for a whole grading, on SQLite or on PostgreSQL.

nbgrader opens a database engine for every step of every submission, and that takes longer than all its work. While
``one_gradebook`` is open, its parts are given one gradebook, which commits once for each submission: so a submission is
in the gradebook as a whole or not at all. Within that one transaction nothing is looked up twice.

A PostgreSQL server can be restarted, cut off, or asked by another machine at the same time. So whatever is one
transaction is done again, with pauses, where the connection was lost or somebody else changed the same rows; and who
writes holds a lock of the database as long as each connection lives.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

from nbgrader import api, dbutil
from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    Gradebook,
    InvalidEntry,
    MissingEntry,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import URL, Engine, bindparam, event, make_url, select
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session, joinedload, scoped_session, sessionmaker
from sqlalchemy.orm.attributes import set_committed_value
from tqdm import tqdm

from autograder import messages
from autograder.course import Course, CourseError
from autograder.session import Held

PAUSES = (0.5, 1, 2, 4, 8, 15, 30, 60)  # seconds before each new try: two minutes, more than a restart takes
# Others were faster: serialization failure, deadlock, a row that is there already, a lock not had in time.
CONFLICTS = ("40001", "40P01", "23505", "55P03")
MOST_CONFLICTS = 3
LOCK = (0x446E, 0x5570)  # of pg_advisory_lock; PostgreSQL keeps those of each database apart
# A machine that is cut off is noticed, on both sides, within this many seconds.
SILENCE = 60
KEEPALIVES = {"keepalives_idle": SILENCE // 2, "keepalives_interval": SILENCE // 6, "keepalives_count": 3}

T = TypeVar("T")


def parsed(url: str) -> URL:
    """A database's address as SQLAlchemy reads it. Errors: CourseError for one that cannot be used here."""
    try:
        found = make_url(url)
        found.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ValueError):
        # Without the address, and without what is said of it: a password can be in both.
        raise CourseError(messages.BAD_DATABASE) from None
    except ImportError as error:
        raise CourseError(messages.NO_DRIVER.format(name=found.get_backend_name(), error=error)) from None
    return found


def newest_version() -> str | None:
    """The version that nbgrader gives a new gradebook. nbgrader asks alembic in a process of its own, for a second."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()


def identity(course: Course) -> str:
    """Which database a course's gradebook is, whoever asks; a file by its path in the course."""
    url = parsed(course.db_url)
    if url.get_backend_name() == "sqlite":
        return os.path.relpath(url.database or "", course.root)
    place = URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database, query=url.query)
    return place.render_as_string()


# All that nbgrader looks up before it knows a submission, in one statement instead of five.
_BEFORE = (
    select(Assignment, Student, SubmittedAssignment)
    .select_from(Assignment)
    .outerjoin(Student, Student.id == bindparam("student"))
    .outerjoin(
        SubmittedAssignment,
        (SubmittedAssignment.assignment_id == Assignment.id) & (SubmittedAssignment.student_id == Student.id),
    )
    .where(Assignment.name == bindparam("assignment"))
    .options(joinedload(Assignment.notebooks).joinedload(Notebook._base_cells))
)

# The same of an assignment that is there already.
_LEARNER = (
    select(Student, SubmittedAssignment)
    .outerjoin(
        SubmittedAssignment,
        (SubmittedAssignment.assignment_id == bindparam("assignment")) & (SubmittedAssignment.student_id == Student.id),
    )
    .where(Student.id == bindparam("student"))
)

# What nbgrader asks of a cell of the assignment while a submission is graded (its OverwriteCells).
_ASKED = ("name", "cell_type", "locked", "source", "checksum", "max_score")


class _Loaded:
    """An assignment with its notebooks and cells: no submission changes it. state: of the gradebook."""

    def __init__(self, assignment: Assignment, state: Hashable):
        self.assignment, self.state = assignment, state
        self._facts = {each: set(vars(each)) for each in (assignment, *assignment.notebooks)}

    def forget(self, session: Session) -> None:
        """Takes back what a submission, which is in the database by now, has added to these."""
        for each, facts in self._facts.items():
            session.expire(each, vars(each).keys() - facts | {"submissions"})


class Shared(Gradebook):
    """A gradebook that stays open when nbgrader closes it. alone: refuse another grading on any machine.

    Errors: CourseError.
    """

    def __init__(self, course: Course, alone: bool):
        self.url, self.alone = parsed(course.db_url), alone
        self.server = self.url.get_backend_name() != "sqlite"
        self.trouble: Exception | None = None
        self.asked = False
        self._known: dict[tuple[str, ...], Any] | None = {}
        self._found: dict[tuple[str, ...], Any] = {}
        self._last: _Loaded | None = None
        self.patches = ExitStack()
        try:
            with (
                mock.patch.object(api, "create_engine", partial(self._connected, api.create_engine)),
                mock.patch.object(api, "get_alembic_version", newest_version),
            ):
                super().__init__(course.db_url, course.course_id)
        except (DBAPIError, InvalidEntry) as error:
            where = self.url.render_as_string(hide_password=True)
            said = getattr(error, "orig", error)
            raise CourseError(messages.NO_GRADEBOOK.format(where=where, error=said)) from None
        self.db.remove()  # type: ignore[has-type]
        self.db = scoped_session(sessionmaker(bind=self.engine, class_=Held, expire_on_commit=False))

    def give(self) -> None:
        """Has every part of nbgrader that is imported by now take this gradebook, until ``patches`` is closed."""
        for name, module in [*sys.modules.items()]:
            if getattr(module, "Gradebook", None) is Gradebook and name not in (Gradebook.__module__, __name__):
                self.patches.enter_context(mock.patch.object(module, "Gradebook", partial(_given, self)))

    @property
    def longest_name(self) -> int:
        """Characters that a learner's name may have. SQLite takes any, whatever nbgrader says."""
        return Student.__table__.c.id.type.length if self.server else sys.maxsize

    # What nbgrader looks up --------------------------------------------------------------------------------------

    def find_source_cell(self, name: str, notebook: str, assignment: str) -> Any:
        return self._once(super().find_source_cell, name, notebook, assignment)

    def find_graded_cell(self, name: str, notebook: str, assignment: str) -> Any:
        return self._once(super().find_graded_cell, name, notebook, assignment)

    def _once(self, find: Callable[..., Any], *names: str) -> Any:
        """A cell of the assignment, looked up once for the whole class: no submission changes it."""
        if self._known is None:
            return find(*names)
        key = (find.__name__, *names)
        if key not in self._known:
            cell = find(*names)
            self._known[key] = SimpleNamespace(**{each: getattr(cell, each) for each in _ASKED if hasattr(cell, each)})
        return self._known[key]

    def find_student(self, student_id: str) -> Student:
        return self._kept(super().find_student, student_id)

    def find_assignment(self, name: str) -> Assignment:
        return self._kept(super().find_assignment, name)

    def find_notebook(self, name: str, assignment: str) -> Notebook:
        return self._kept(super().find_notebook, name, assignment)

    def add_student(self, student_id: str, **facts: Any) -> Student:
        self._found["find_student", student_id] = super().add_student(student_id, **facts)
        return self._found["find_student", student_id]

    def find_submission(self, assignment: str, student: str) -> SubmittedAssignment:
        return self._kept(super().find_submission, assignment, student)

    def find_submission_notebook(self, notebook: str, assignment: str, student: str) -> SubmittedNotebook:
        return self._kept(self._with_cells, notebook, assignment, student)

    def _with_cells(self, *names: str) -> SubmittedNotebook:
        """A submission's notebook with its grades and comments, which no index leads to but that of their cells."""
        found = super().find_submission_notebook(*names)
        if self._known is None:
            return found
        cells = [cell.id for cell in found.notebook._base_cells]
        for kind, of_cell in (("grades", Grade), ("comments", Comment)):
            wanted = select(of_cell).where(of_cell.cell_id.in_(cells), of_cell.notebook_id == found.id)
            set_committed_value(found, kind, list(self.db.scalars(wanted)))
        return found

    def find_grade(self, grade_cell: str, notebook: str, assignment: str, student: str) -> Grade:
        find, names = super().find_grade, (grade_cell, notebook, assignment, student)
        return self._of_notebook("grades", names) or find(*names)

    def find_comment(self, solution_cell: str, notebook: str, assignment: str, student: str) -> Comment:
        find, names = super().find_comment, (solution_cell, notebook, assignment, student)
        return self._of_notebook("comments", names) or find(*names)

    def add_submission(self, assignment: str, student: str, **facts: Any) -> SubmittedAssignment:
        added = super().add_submission(assignment, student, **facts)
        self._found["find_submission", assignment, student] = added
        for notebook in added.notebooks:
            self._found["_with_cells", notebook.notebook.name, assignment, student] = notebook
        return added

    def _kept(self, find: Callable[..., Any], *names: str) -> Any:
        """What was found once in this transaction."""
        if self._known is None:
            return find(*names)
        key = (find.__name__, *names)
        if key not in self._found:
            self._found[key] = find(*names)
        if self._found[key] is None:
            raise MissingEntry(" ".join(key))
        return self._found[key]

    def _of_notebook(self, kind: str, names: tuple[str, ...]) -> Any:
        """The grade or comment of a cell, of which a submission's notebook has all at once; None where it has none."""
        if self._known is None:
            return None
        key = (kind, *names[1:])
        if key not in self._found:
            notebook = self.find_submission_notebook(*names[1:])
            cells = {cell.id: cell.name for cell in notebook.notebook._base_cells}
            self._found[key] = {cells[each.cell_id]: each for each in getattr(notebook, kind)}
            self.asked = True
        return self._found[key].get(names[0])

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While this is open, everything is looked up each time, and cells of assignments may be changed."""
        self._known = self._last = None
        try:
            yield
        finally:
            self._known = {}

    # Transactions --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        # What is written of a submission before somebody asks for its grades, nobody else looks at.
        if self.asked or self._known is None:
            self.db.flush()
        if self._known is None:
            self.db.expire_all()

    def finish(self) -> None:
        if self._last:
            self.db.flush()
            self._last.forget(self.db())
        self.db().finish()

    def begin(self, assignment: str, student: str) -> None:
        """Begins to write a submission: from here on nobody else writes, where the gradebook is a file."""
        if not self.server:
            self.db.connection().exec_driver_sql("BEGIN IMMEDIATE")
        self.asked = False
        known = self._loaded(assignment)
        if known:
            found = self.db.execute(_LEARNER, {"assignment": known.id, "student": student}).one_or_none()
            person, handed = found or (None, None)
        else:
            found = self.db.execute(_BEFORE, {"assignment": assignment, "student": student}).unique().one_or_none()
            if found is None:
                return
            known, person, handed = found
            self._last = _Loaded(known, self._state())
        self._found["find_assignment", assignment] = known
        self._found["find_student", student] = person
        self._found["find_submission", assignment, student] = handed
        for notebook in known.notebooks:
            self._found["find_notebook", notebook.name, assignment] = notebook

    def _loaded(self, name: str) -> Assignment | None:
        """The assignment as it was for the submission before, if that is the same and nobody has written meanwhile."""
        if self._last is None or self._last.assignment.name != name or self._last.state != self._state():
            return None
        self.db.add(self._last.assignment)
        return self._last.assignment

    def _state(self) -> Hashable:
        """What is another where anybody else has written into the gradebook; a server has no such thing."""
        if self.server:
            return object()
        connection = self.db.connection()
        return id(connection.connection.dbapi_connection), connection.exec_driver_sql("PRAGMA data_version").scalar()

    def whole(self, act: Callable[[], T]) -> T:
        """Does something in one transaction, and again where the database was in the way.

        Errors: those of ``act``, after which nothing of it is in the gradebook; CourseError where the database stays
        in the way.
        """
        for number, pause in enumerate((*PAUSES, None)):
            self.trouble = None
            try:
                result = act()
                self.finish()
                return result
            except Exception:
                self._last = None
                # nbgrader turns what a database says into errors of its own, or only logs it.
                if self.trouble is None:
                    raise
                conflict = getattr(self.trouble, "sqlstate", None) in CONFLICTS
                if pause is None or (conflict and number == MOST_CONFLICTS):
                    raise self._given_up() from None
            finally:
                self.db.remove()
                self._found.clear()
            told = messages.DATABASE_CONFLICT if conflict else messages.DATABASE_LOST
            tqdm.write(told.format(error=_line(self.trouble), seconds=pause), file=sys.stderr)
            time.sleep(pause)
        raise AssertionError

    def _given_up(self) -> CourseError:
        if isinstance(self.trouble, CourseError):
            return self.trouble
        return CourseError(messages.DATABASE_AWAY.format(error=_line(self.trouble)))

    # A server -------------------------------------------------------------------------------------------------------

    def _connected(self, create: Callable[..., Engine], url: str, **options: Any) -> Engine:
        """The engine; for a server with a single connection, which sees one state of the database at a time."""
        if not self.server:
            return create(url, **options)
        name = f"down-and-up on {socket.gethostname()}, process {os.getpid()}"
        wanted = KEEPALIVES | {"tcp_user_timeout": 1000 * SILENCE, "connect_timeout": 10, "application_name": name}
        engine = create(
            url,
            **options,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            connect_args={key: value for key, value in wanted.items() if key not in self.url.query},
        )
        event.listen(engine, "connect", self._begin)
        event.listen(engine, "handle_error", self._seen)
        return engine

    def _begin(self, connection: Any, _: Any) -> None:
        """Sets up a new connection. Errors: CourseError where another grading holds the lock."""
        with connection.cursor() as cursor:
            for name, value in (KEEPALIVES | {"user_timeout": 1000 * SILENCE}).items():
                cursor.execute(f"SET tcp_{name} = {value}")
            if self.alone:
                cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", LOCK)
                if not cursor.fetchone()[0]:
                    cursor.execute(
                        "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE granted "
                        "AND locktype = 'advisory' AND (classid, objid) = (%s, %s) "
                        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                        LOCK,
                    )
                    who = cursor.fetchone()
                    connection.close()
                    self.trouble = CourseError(messages.BUSY_DATABASE.format(who=who and who[0] or "?"))
                    raise self.trouble
        connection.commit()

    def _seen(self, context: ExceptionContext) -> None:
        """Remembers an error after which the same thing may go well."""
        error = context.original_exception
        unconnected = context.connection is None
        if context.is_disconnect or unconnected or getattr(error, "sqlstate", None) in CONFLICTS:
            self.trouble = error if isinstance(error, Exception) else Exception(error)


def _line(error: Exception | None) -> str:
    return " ".join(str(error).split())


def _given(shared: Shared, *_: Any, **__: Any) -> Shared:
    return shared


@contextmanager
def one_gradebook(course: Course, alone: bool) -> Iterator[Shared]:
    """While this is open, every gradebook that a part of nbgrader opens in this process is the same one."""
    shared = Shared(course, alone)
    # nbgrader logs a database's refusal with all its tracebacks, and raises it as well: once is enough.
    shared.patches.enter_context(mock.patch.object(api.app_log, "disabled", True))
    shared.give()
    try:
        yield shared
    finally:
        shared.patches.close()
        shared.db.remove()
        shared.engine.dispose()
