"""Copies a gradebook into another database: ``python -m autograder copy-gradebook URL``."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbgrader.api import Base
from nbgrader.api import Course as CourseRow
from sqlalchemy import Connection, create_engine, delete, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from autograder import messages
from autograder.course import Course, CourseError, settings
from autograder.grade import alone, receipts_of
from autograder.gradebook import Shared, parsed

BATCH = 1000  # rows


def copy(root: Path, to: str, db_url: str | None = None) -> int:
    """Copies the course's gradebook, or the one at ``db_url``, into an empty one; the number of its rows.

    All of it is copied, or nothing; and the receipts, so that nothing is written again. Errors: CourseError, OSError.
    """
    course, new = Course(config=settings(root, db_url)), Course(config=settings(root, to))
    url = parsed(course.db_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise CourseError(messages.NO_FILE.format(path=url.database))
    source = create_engine(url)
    with alone(course.ledger_folder), Shared(new, alone=True) as target:
        try:
            with source.connect() as reading, target.engine.begin() as writing:
                count = _copy(reading, writing)
        except DBAPIError as error:
            raise CourseError(messages.NOT_COPIED.format(error=error.orig)) from None
        finally:
            source.dispose()
            target.engine.dispose()
        receipts = receipts_of(course).folder
        if receipts.is_dir():
            shutil.copytree(receipts, receipts_of(new).folder, dirs_exist_ok=True)
    return count


def _copy(reading: Connection, writing: Connection) -> int:
    versions = [_version(connection) for connection in (reading, writing)]
    if versions[0] != versions[1]:
        raise CourseError(messages.OLD_GRADEBOOK)
    tables = Base.metadata.sorted_tables  # each behind those that it refers to
    # nbgrader writes a course's name into every gradebook that it opens.
    names = CourseRow.__table__
    if any(writing.scalar(select(func.count()).select_from(table)) for table in tables if table is not names):
        raise CourseError(messages.NOT_EMPTY)
    writing.execute(delete(names))
    count = 0
    for table in tables:
        for rows in reading.execute(select(table)).mappings().partitions(BATCH):
            writing.execute(insert(table), [dict(row) for row in rows])
            count += len(rows)
    return count


def _version(connection: Connection) -> str | None:
    """Which of nbgrader's schemas a database has; None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))
