"""The database session in which one submission is written: one transaction, and few words to the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import insert
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

# What a submission adds, each kind behind those that it refers to: by which of its attributes, in which of its columns.
_ADDED: dict[Any, dict[str, str]] = {
    Student: {},
    SubmittedAssignment: {"assignment": "assignment_id", "student": "student_id"},
    SubmittedNotebook: {"assignment": "assignment_id", "notebook": "notebook_id"},
    Grade: {"notebook": "notebook_id"},
    Comment: {"notebook": "notebook_id"},
}
_INSERT = {kind: insert(kind.__table__) for kind in _ADDED}


class Held(Session):
    """A session that keeps every commit back until ``finish``.

    What is new or has changed is sent to the database before anything is looked up there.
    """

    def commit(self) -> None:
        pass

    def finish(self) -> None:
        """Really commits, and lets go of everything."""
        self.flush()
        self.expunge_all()
        super().commit()

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        new = list(self.new)
        if {type(each) for each in new} <= _ADDED.keys():
            self._insert(new)
        if self.new or self.deleted or any(self.is_modified(each) for each in self.dirty):
            super().flush(objects)

    def _insert(self, new: list[Any]) -> None:
        """Sends the rows of a submission. SQLAlchemy takes eight times as long, most of it to find out their order."""
        for kind, references in _ADDED.items():
            these = [each for each in new if type(each) is kind]
            if these:
                self.connection().execute(_INSERT[kind], [_row(each, references) for each in these])
        for each in new:
            self.expunge(each)
            make_transient_to_detached(each)
        for each in new:
            if each not in self:  # by the ones before it, to which it belongs
                self.add(each)


def _row(added: Any, references: dict[str, str]) -> dict[str, Any]:
    """The values of all columns, which the object has from then on."""
    for name, column in references.items():
        setattr(added, column, getattr(added, name).id)
    has = vars(added)
    for column in added.__table__.columns:
        if has.get(column.key) is None:
            default = column.default
            value = None if default is None else default.arg(None) if default.is_callable else default.arg
            set_committed_value(added, column.key, value)
    return {column.key: has[column.key] for column in added.__table__.columns}
